//! What a head was trained from: the features of labelled polygons in whole steps, so that sums of them are exact.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{LabelledPatches, LearnError};
use crate::files::write_whole;
use crate::input;

/// Largest file of samples.
const MOST_BYTES: u64 = 4 << 30;

/// The first line of the file.
const MAGIC: &str = "orthotile samples 2\n";
/// The first line of files that hold nothing of the edges and surroundings of polygons.
const MAGIC_OF_INSIDES: &str = "orthotile samples 1\n";

/// The samples of a head, polygon by polygon, in the order of their digests.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// The digest of the network.
    pub network: String,
    /// Numbers per vector.
    pub dim: usize,
    /// A number is a whole multiple of 2 to this power.
    step_log2: i32,
    pub(super) polygons: Vec<SamplePolygon>,
}

/// The patches of a polygon.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SamplePolygon {
    pub(super) digest: String,
    pub(super) class: String,
    /// Longitude and latitude of its middle, in 1e-7 degrees: whole numbers come back from a file as they were.
    pub(super) at: [i32; 2],
    /// Vectors in steps, one after another, of patches inside.
    pub(super) vectors: Vec<i16>,
    /// Patches inside, of which a part may be kept.
    pub(super) covered: usize,
    /// Vectors of patches that it covers in part.
    pub(super) edges: Vec<i16>,
    /// The covered share of each of these, in 1/255.
    pub(super) edge_shares: Vec<u8>,
    /// Patches covered in part, of which a part may be kept.
    pub(super) edge: usize,
    /// Vectors of patches drawn from the ground around it, whatever they are.
    pub(super) around: Vec<i16>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    network: String,
    dim: usize,
    step_log2: i32,
    polygons: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    digest: String,
    class: String,
    patches: usize,
    #[serde(default)]
    at: [i32; 2],
    #[serde(default)]
    covered: usize,
    #[serde(default)]
    edge: usize,
    #[serde(default)]
    edge_shares: Vec<u8>,
    #[serde(default)]
    around: usize,
}

impl Samples {
    /// Samples of some patches; they decide how fine the steps are, for all that are added later.
    #[must_use]
    pub fn new(network: &str, dim: usize, patches: Vec<LabelledPatches>) -> Self {
        let most = patches.iter().flat_map(|p| &p.vectors).fold(f32::MIN_POSITIVE, |most, v| most.max(v.abs()));
        // The largest takes 14 bits: what is added later may be twice as large.
        let step_log2 = most.log2().ceil() as i32 - 14;
        let mut samples = Self { network: network.to_owned(), dim, step_log2, polygons: Vec::new() };
        samples.add(patches);
        samples
    }

    /// The share of the numbers of some patches that are cut when they are added: these are more than twice as large as the
    /// largest of the patches that came first.
    #[must_use]
    pub fn cut_share(&self, patches: &[LabelledPatches]) -> f64 {
        let most = 32_767.5 * self.step();
        let numbers = || patches.iter().flat_map(|patches| &patches.vectors);
        numbers().filter(|v| f64::from(v.abs()) >= most).count() as f64 / numbers().count().max(1) as f64
    }

    /// Adds polygons that are not there yet and cover a patch. Returns how many.
    pub fn add(&mut self, patches: Vec<LabelledPatches>) -> usize {
        let before = self.polygons.len();
        let step = self.step();
        let whole = |v: f32| (f64::from(v) / step).round().clamp(-32_767.0, 32_767.0) as i16;
        let steps = |vectors: Vec<f32>| vectors.into_iter().map(whole).collect();
        for polygon in patches {
            let place = self.polygons.binary_search_by(|p| p.digest.cmp(&polygon.digest));
            if let (Err(place), false) = (place, polygon.vectors.is_empty()) {
                let polygon = SamplePolygon {
                    vectors: steps(polygon.vectors),
                    edges: steps(polygon.edges),
                    around: steps(polygon.around),
                    edge_shares: polygon.edge_shares,
                    edge: polygon.edge,
                    covered: polygon.covered,
                    at: polygon.at,
                    digest: polygon.digest,
                    class: polygon.class,
                };
                self.polygons.insert(place, polygon);
            }
        }
        self.polygons.len() - before
    }

    /// Takes polygons out again. Returns how many were there.
    pub fn remove(&mut self, digests: &BTreeSet<String>) -> usize {
        let before = self.polygons.len();
        self.polygons.retain(|p| !digests.contains(&p.digest));
        before - self.polygons.len()
    }

    /// How many polygons there are.
    #[must_use]
    pub fn polygons(&self) -> usize {
        self.polygons.len()
    }

    /// The classes, in the order of their names.
    #[must_use]
    pub fn classes(&self) -> Vec<String> {
        let names: BTreeSet<&String> = self.polygons.iter().map(|p| &p.class).collect();
        names.into_iter().cloned().collect()
    }

    /// The number that a step stands for.
    pub(super) fn step(&self) -> f64 {
        f64::from(self.step_log2).exp2()
    }

    /// Reads samples.
    ///
    /// # Errors
    /// When the file is missing, cut off or of something else.
    pub fn open(path: &Path) -> Result<Self, LearnError> {
        let invalid = |reason: String| LearnError::Input { path: path.to_owned(), reason };
        let bytes = input::read_whole(path, MOST_BYTES)
            .map_err(|e| invalid(format!("{e} (it is written beside a head by --labels)")))?;
        decode(&bytes).ok_or_else(|| invalid("it holds no samples of a head, or is cut off".to_owned()))
    }

    /// Writes them: whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), LearnError> {
        let invalid = |reason: String| LearnError::Input { path: path.to_owned(), reason };
        let entry = |p: &SamplePolygon| Entry {
            digest: p.digest.clone(),
            class: p.class.clone(),
            patches: p.vectors.len() / self.dim,
            at: p.at,
            covered: p.covered,
            edge: p.edge,
            edge_shares: p.edge_shares.clone(),
            around: p.around.len() / self.dim,
        };
        let header = Header {
            network: self.network.clone(),
            dim: self.dim,
            step_log2: self.step_log2,
            polygons: self.polygons.iter().map(entry).collect(),
        };
        let mut bytes = MAGIC.as_bytes().to_vec();
        bytes.extend(serde_json::to_vec(&header).map_err(|e| invalid(e.to_string()))?);
        bytes.push(b'\n');
        let numbers = self.polygons.iter().flat_map(|p| [&p.vectors, &p.edges, &p.around]).flatten();
        bytes.extend(numbers.flat_map(|v| v.to_le_bytes()));
        Ok(write_whole(path, &bytes)?)
    }
}

fn decode(bytes: &[u8]) -> Option<Samples> {
    let rest = [MAGIC, MAGIC_OF_INSIDES].iter().find_map(|magic| bytes.strip_prefix(magic.as_bytes()))?;
    let end = rest.iter().position(|b| *b == b'\n')?;
    let header: Header = serde_json::from_slice(&rest[..end]).ok()?;
    let mut numbers = rest[end + 1..].chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]]));
    let mut polygons = Vec::new();
    for entry in header.polygons {
        let mut take = |patches: usize| -> Option<Vec<i16>> {
            let wanted = patches.checked_mul(header.dim)?;
            let vectors: Vec<i16> = numbers.by_ref().take(wanted).collect();
            (vectors.len() == wanted).then_some(vectors)
        };
        polygons.push(SamplePolygon {
            vectors: take(entry.patches)?,
            edges: take(entry.edge_shares.len())?,
            around: take(entry.around)?,
            covered: entry.covered,
            edge_shares: entry.edge_shares,
            edge: entry.edge,
            at: entry.at,
            digest: entry.digest,
            class: entry.class,
        });
    }
    let is_whole = numbers.next().is_none() && header.dim > 0 && polygons.is_sorted_by(|a, b| a.digest < b.digest);
    let Header { network, dim, step_log2, .. } = header;
    is_whole.then_some(Samples { network, dim, step_log2, polygons })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Polygons of classes that lie around points of the plane and of two numbers that say nothing.
    pub(in crate::learn) fn patches(polygons: &[(&str, [f32; 2])], salt: usize) -> Vec<LabelledPatches> {
        let noise = |i: usize| ((i * 7919 + 13 + salt * 104_729) % 997) as f32 / 997.0 - 0.5;
        let polygon = |(n, (class, at)): (usize, &(&str, [f32; 2]))| {
            let vector = |i: usize| {
                let noise = |axis: usize| noise((n * 100 + i) * 4 + axis);
                [at[0] + noise(0), at[1] + noise(1), 3.0 * noise(2), 5.0 + noise(3)]
            };
            LabelledPatches {
                class: (*class).to_owned(),
                digest: format!("{salt}-{n:04}"),
                vectors: (0..20).flat_map(vector).collect(),
                covered: 20,
                edges: (20..24).flat_map(vector).collect(),
                edge_shares: vec![128; 4],
                edge: 4,
                around: (24..30).flat_map(vector).collect(),
                at: [10_000 * n as i32, 0],
            }
        };
        polygons.iter().enumerate().map(polygon).collect()
    }

    #[test]
    fn samples_come_back_and_a_cut_file_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("head.samples");
        let samples = Samples::new("net", 4, patches(&[("road", [0.0, 1.0]), ("water", [2.0, 0.0])], 1));
        samples.write(&path).expect("written");
        assert_eq!(Samples::open(&path).expect("read"), samples);
        let bytes = std::fs::read(&path).expect("read");
        for len in [0, 10, 30, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..len]).expect("written");
            assert!(Samples::open(&path).expect_err("cut").to_string().contains("head.samples"));
        }
    }

    #[test]
    fn polygons_are_added_once_and_taken_out_again() {
        let mut samples = Samples::new("net", 4, patches(&[("road", [0.0, 1.0])], 1));
        let before = samples.clone();
        let more = patches(&[("water", [9.0, 0.0]), ("road", [1.0, 1.0])], 2);
        assert_eq!((samples.add(more.clone()), samples.add(more.clone())), (2, 0));
        assert_eq!(samples.classes(), ["road", "water"]);
        let digests = more.into_iter().map(|p| p.digest).collect();
        assert_eq!(samples.remove(&digests), 2);
        assert_eq!(samples, before);
    }
}
