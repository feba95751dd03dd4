//! What reads features: a linear map from the vector of a patch to the scores of classes, as a file.
//!
//! Clusters, prototypes and trained heads are all this one artifact, made in different ways: see the module `learn`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::digest::digest_bytes;
use super::{Guided, ModelClass, rounded};
use crate::files::{FileError, write_whole};
use crate::input;

/// Largest scorer file.
const MOST_BYTES: u64 = 1 << 30;

/// Why a scorer cannot be used.
#[derive(Debug, Error)]
pub enum ScorerError {
    /// It cannot be read.
    #[error("scorer {path}: {cause} (made by `orthotile train` or `orthotile clusters`)")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] FileError),
    /// It does not say what a scorer says, or something that cannot be.
    #[error("scorer {path}: {reason}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The key and what is accepted.
        reason: String,
    },
}

/// A scorer: `scores = weight · z + bias` with `z = projection · (features − mean)`, then its activation. Where it has a
/// hidden layer, that reads `z`, and the scores are made of its units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scorer {
    /// The format of the file.
    pub version: u32,
    /// How it was made: `ridge`, `logistic`, `mlp`, `clusters`.
    pub kind: String,
    /// The features that it reads.
    pub features: ScorerInput,
    /// Subtracted from the features, one number each.
    pub mean: Vec<f32>,
    /// What `z` is made of: a row of `dim` numbers each; features as they are where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projection: Option<Vec<Vec<f32>>>,
    /// What lies between `z` and the scores; nothing where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<Hidden>,
    /// A row per class.
    pub weight: Vec<Vec<f32>>,
    /// A number per class.
    pub bias: Vec<f32>,
    /// What makes probabilities of scores.
    pub activation: ScorerActivation,
    /// Divides the scores first: how sure it is.
    pub temperature: f32,
    /// What each score is, and the class of the scheme that it counts for.
    pub classes: Vec<ModelClass>,
    /// What it has seen, to tell what it has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prototypes: Option<Prototypes>,
    /// Scores follow the edges of the picture, where asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guided: Option<Guided>,
    /// What it was made from, and what was measured; free keys, for people.
    #[serde(default)]
    pub provenance: serde_json::Map<String, serde_json::Value>,
}

/// A layer of rectified units: `max(0, weight · z + bias)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hidden {
    /// A row per unit.
    pub weight: Vec<Vec<f32>>,
    /// A number per unit.
    pub bias: Vec<f32>,
}

/// The features that a scorer reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScorerInput {
    /// The digest of the network, and of how its output is read.
    pub network: String,
    /// Numbers per patch.
    pub dim: usize,
}

/// What makes probabilities of a scorer's scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScorerActivation {
    /// Over the classes.
    Softmax,
    /// `z` gets length 1 first, so that scores are cosines; then softmax.
    Cosine,
}

/// What a scorer has seen, and how far from it what it has seen lies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prototypes {
    /// Points in the space of `z`.
    pub centres: Vec<Vec<f32>>,
    /// One over the variance of each number of `z` around its centre, for the distance of Mahalanobis (with a diagonal
    /// covariance); empty for one minus the cosine.
    #[serde(default)]
    pub precision: Vec<f32>,
    /// The distances of what it has seen to the nearest centre, at the quantiles 0, 1, … 100 %.
    pub quantiles: Vec<f32>,
}

impl Prototypes {
    /// The distance to the nearest centre.
    #[must_use]
    pub fn distance(&self, z: &[f32]) -> f32 {
        let norm = |v: &[f32]| v.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-12);
        let to = |centre: &Vec<f32>| {
            if self.precision.is_empty() {
                let dot: f32 = centre.iter().zip(z).map(|(c, z)| c * z).sum();
                return 1.0 - dot / (norm(centre) * norm(z));
            }
            let square = |((c, z), p): ((&f32, &f32), &f32)| (c - z).powi(2) * p;
            (centre.iter().zip(z).zip(&self.precision).map(square).sum::<f32>() / z.len() as f32).sqrt()
        };
        self.centres.iter().map(to).fold(f32::INFINITY, f32::min)
    }

    /// The share of what it has seen that lies nearer than a distance, 0 to 1; beyond all of it, up to 2 by how far.
    #[must_use]
    pub fn quantile(&self, distance: f32) -> f32 {
        let steps = (self.quantiles.len() - 1) as f32;
        let above = self.quantiles.partition_point(|q| *q < distance);
        if above == 0 {
            return 0.0;
        }
        let Some(upper) = self.quantiles.get(above) else {
            let most = self.quantiles[self.quantiles.len() - 1].max(f32::MIN_POSITIVE);
            return 1.0 + (distance / most - 1.0).min(1.0);
        };
        let lower = self.quantiles[above - 1];
        let part = if upper > &lower { (distance - lower) / (upper - lower) } else { 1.0 };
        ((above - 1) as f32 + part) / steps
    }
}

/// How unlike all that was seen a place is, in percent, 1 to 200: [`Prototypes::quantile`] as label maps keep it. 0 is left
/// for pixels of which nothing is known.
pub(super) fn percent(share: f32) -> u8 {
    rounded((share * 100.0).clamp(1.0, 200.0))
}

impl Scorer {
    /// The format of scorers without a hidden layer.
    pub const VERSION: u32 = 1;
    /// The format of scorers with one, which engines before it refuse.
    pub const VERSION_HIDDEN: u32 = 2;

    /// Reads a scorer.
    ///
    /// # Errors
    /// When the file cannot be read, or a key is missing, unknown or out of range.
    pub fn open(path: &Path) -> Result<Self, ScorerError> {
        let bytes =
            input::read_whole(path, MOST_BYTES).map_err(|cause| ScorerError::File { path: path.to_owned(), cause })?;
        let invalid = |reason: String| ScorerError::Invalid { path: path.to_owned(), reason };
        let scorer: Self = serde_json::from_slice(&bytes).map_err(|e| invalid(e.to_string()))?;
        scorer.check().map_err(invalid)?;
        Ok(scorer)
    }

    /// Writes it: whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), ScorerError> {
        let text = serde_json::to_vec(self).map_err(|error| FileError::because(path, error))?;
        Ok(write_whole(path, &text)?)
    }

    /// `z` of a vector of features.
    pub fn project(&self, features: &[f32], z: &mut Vec<f32>) {
        let centred = features.iter().zip(&self.mean).map(|(f, m)| f - m);
        z.clear();
        match &self.projection {
            None => z.extend(centred),
            Some(rows) => {
                let centred: Vec<f32> = centred.collect();
                z.extend(rows.iter().map(|row| row.iter().zip(&centred).map(|(a, b)| a * b).sum::<f32>()));
            }
        }
        if self.activation == ScorerActivation::Cosine {
            let length = z.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-12);
            z.iter_mut().for_each(|v| *v /= length);
        }
    }

    /// The scores of `z`, before they become probabilities.
    #[must_use]
    pub fn logits(&self, z: &[f32]) -> Vec<f32> {
        let Some(hidden) = &self.hidden else {
            return layer(&self.weight, &self.bias, z).map(|score| score / self.temperature).collect();
        };
        let units: Vec<f32> = layer(&hidden.weight, &hidden.bias, z).map(|unit| unit.max(0.0)).collect();
        layer(&self.weight, &self.bias, &units).map(|score| score / self.temperature).collect()
    }

    fn check(&self) -> Result<(), String> {
        let (k, dim) = (self.classes.len(), self.features.dim);
        let p = self.projection.as_ref().map_or(dim, Vec::len);
        let finite = |rows: &[Vec<f32>], len: usize| rows.iter().all(|r| r.len() == len && all_finite(r));
        let units = self.hidden.as_ref().map_or(p, |hidden| hidden.bias.len());
        let version = if self.hidden.is_some() { Self::VERSION_HIDDEN } else { Self::VERSION };
        let rules = [
            (
                (Self::VERSION..=Self::VERSION_HIDDEN).contains(&self.version),
                format!("version: {}, accepted are {} and {}", self.version, Self::VERSION, Self::VERSION_HIDDEN),
            ),
            (self.version == version, format!("hidden: a key of version {}", Self::VERSION_HIDDEN)),
            (
                self.hidden.as_ref().is_none_or(|hidden| {
                    units > 0 && hidden.weight.len() == units && finite(&hidden.weight, p) && all_finite(&hidden.bias)
                }),
                format!("hidden: rows of {p} numbers, and a number each"),
            ),
            ((1..=255).contains(&k), "classes: 1 to 255".to_owned()),
            (dim >= 1 && self.mean.len() == dim && all_finite(&self.mean), format!("mean: {dim} numbers")),
            (
                self.projection.as_ref().is_none_or(|rows| !rows.is_empty() && finite(rows, dim)),
                format!("projection: rows of {dim} numbers"),
            ),
            (self.weight.len() == k && finite(&self.weight, units), format!("weight: {k} rows of {units} numbers")),
            (self.bias.len() == k && all_finite(&self.bias), format!("bias: {k} numbers")),
            (self.temperature.is_finite() && self.temperature > 0.0, "temperature: above 0".to_owned()),
            (
                self.prototypes.as_ref().is_none_or(|t| {
                    let rising = t.quantiles.len() > 1 && t.quantiles.is_sorted() && all_finite(&t.quantiles);
                    let precise = t.precision.is_empty() || (t.precision.len() == p && all_finite(&t.precision));
                    !t.centres.is_empty() && finite(&t.centres, p) && precise && rising
                }),
                format!("prototypes: centres and precision of {p} numbers, rising quantiles"),
            ),
            (self.guided.is_none_or(Guided::is_valid), Guided::ACCEPTED.to_owned()),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, rule)| Err(rule))
    }
}

/// What a layer makes of a vector, before it is bent.
fn layer<'a>(weight: &'a [Vec<f32>], bias: &'a [f32], z: &'a [f32]) -> impl Iterator<Item = f32> + 'a {
    weight.iter().zip(bias).map(move |(row, bias)| row.iter().zip(z).map(|(w, z)| w * z).sum::<f32>() + bias)
}

fn all_finite(numbers: &[f32]) -> bool {
    numbers.iter().all(|n| n.is_finite())
}

/// A scorer by its place and its content, as a store remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScorerFile {
    /// The file.
    pub path: PathBuf,
    /// The digest of its content.
    pub sha256: String,
    /// A copy of it, for when the file has gone on to learn.
    #[serde(skip)]
    copy: Option<PathBuf>,
}

impl ScorerFile {
    /// The scorer in a file, as it is now.
    ///
    /// # Errors
    /// When it cannot be read, or is none.
    pub fn read(path: &Path) -> Result<Self, ScorerError> {
        Scorer::open(path)?;
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let sha256 = digest_bytes(&path).map_err(|cause| ScorerError::File { path: path.clone(), cause })?;
        Ok(Self { path, sha256, copy: None })
    }

    /// The beginning of its digest: which version it is.
    #[must_use]
    pub fn short(&self) -> &str {
        self.sha256.get(..8).unwrap_or(&self.sha256)
    }

    /// Where a folder keeps its copy.
    #[must_use]
    pub fn place_in(&self, folder: &Path) -> PathBuf {
        folder.join(format!("scorer-{}.json", self.short()))
    }

    /// With the copy that a folder keeps.
    #[must_use]
    pub fn kept_in(&self, folder: &Path) -> Self {
        Self { copy: Some(self.place_in(folder)), ..self.clone() }
    }

    /// Copies it into a folder, unless it is there.
    ///
    /// # Errors
    /// When it is gone, holds another scorer, or cannot be copied.
    pub fn keep_in(&self, folder: &Path) -> Result<(), ScorerError> {
        let place = self.place_in(folder);
        if self.is_in(&place) {
            return Ok(());
        }
        self.open()?;
        let read = std::fs::read(&self.path);
        let bytes = read.map_err(|cause| ScorerError::File { path: self.path.clone(), cause })?;
        Ok(write_whole(&place, &bytes)?)
    }

    /// The scorer, from the file if it still is the one that was read, else from the copy.
    ///
    /// # Errors
    /// When the file is gone, or holds another scorer, and there is no copy.
    pub fn open(&self) -> Result<Scorer, ScorerError> {
        let mut places = std::iter::once(&self.path).chain(&self.copy);
        if let Some(place) = places.find(|place| self.is_in(place)) {
            return Scorer::open(place);
        }
        Scorer::open(&self.path)?; // one that is gone, or none, says so
        let reason = "it is another one than when the store was made: segment into another store, or again".to_owned();
        Err(ScorerError::Invalid { path: self.path.clone(), reason })
    }

    fn is_in(&self, path: &Path) -> bool {
        digest_bytes(path).is_ok_and(|digest| digest == self.sha256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(in crate::model) fn scorer() -> Scorer {
        let class = |name: &str| ModelClass { name: name.into(), city_class: name.into(), implausible: false };
        Scorer {
            version: Scorer::VERSION,
            kind: "ridge".to_owned(),
            features: ScorerInput { network: "ab".to_owned(), dim: 2 },
            mean: vec![1.0, 0.0],
            projection: None,
            hidden: None,
            weight: vec![vec![1.0, 0.0], vec![0.0, 1.0]],
            bias: vec![0.0, 0.5],
            activation: ScorerActivation::Softmax,
            temperature: 0.5,
            classes: vec![class("building"), class("road")],
            prototypes: Some(Prototypes {
                centres: vec![vec![0.0, 0.0], vec![4.0, 0.0]],
                precision: vec![1.0, 0.25],
                quantiles: vec![0.0, 1.0, 2.0],
            }),
            guided: None,
            provenance: serde_json::Map::new(),
        }
    }

    #[test]
    fn a_scorer_comes_back_from_its_file_and_a_changed_one_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("s.json");
        scorer().write(&path).expect("written");
        let file = ScorerFile::read(&path).expect("read");
        assert_eq!(file.open().expect("the same"), scorer());
        Scorer { temperature: 2.0, ..scorer() }.write(&path).expect("written");
        assert!(file.open().expect_err("another").to_string().contains("another one"));
    }

    type Change<'a> = &'a dyn Fn(&mut Scorer);

    #[test]
    fn a_scorer_that_cannot_be_names_the_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("s.json");
        let cases: [(Change, &str); 9] = [
            (&|s| s.version = 9, "version"),
            (&|s| s.version = 2, "hidden"),
            (
                &|s| (s.version, s.hidden) = (2, Some(Hidden { weight: vec![vec![1.0]], bias: vec![0.0] })),
                "hidden: rows of 2",
            ),
            (&|s| s.mean = vec![1.0], "mean"),
            (&|s| s.weight[1] = vec![1.0], "weight"),
            (&|s| s.bias = vec![], "bias"),
            (&|s| s.temperature = 0.0, "temperature"),
            (&|s| s.projection = Some(vec![vec![1.0]]), "projection"),
            (&|s| s.prototypes.as_mut().expect("has some").quantiles = vec![2.0, 1.0], "prototypes"),
        ];
        for (change, key) in cases {
            let mut changed = scorer();
            change(&mut changed);
            changed.write(&path).expect("written");
            let error = Scorer::open(&path).expect_err(key).to_string();
            assert!(error.contains(key) && error.contains("s.json"), "{error}");
        }
    }

    #[test]
    fn a_hidden_layer_stands_between_z_and_the_scores() {
        let hidden = Hidden { weight: vec![vec![1.0, -1.0], vec![-1.0, 1.0]], bias: vec![0.5, 0.0] };
        let bent = Scorer { version: Scorer::VERSION_HIDDEN, hidden: Some(hidden), ..scorer() };
        // The units are 2.5 and 0, the scores 2.5 and 0.5, by the temperature twice that.
        assert_eq!(bent.logits(&[3.0, 1.0]), [5.0, 1.0]);
        assert_eq!(scorer().logits(&[3.0, 1.0]), [6.0, 3.0]);
    }

    #[test]
    fn distances_become_shares_of_what_was_seen() {
        let prototypes = scorer().prototypes.expect("has some");
        assert!((prototypes.distance(&[1.0, 2.0]) - 1.0).abs() < 1e-6, "a step each, by its spread");
        let shares = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 9.0].map(|d| prototypes.quantile(d));
        assert_eq!(shares.map(|share| (share * 100.0).round() as i64), [0, 25, 50, 75, 100, 150, 200]);
        let cosine = Prototypes { precision: Vec::new(), centres: vec![vec![2.0, 0.0]], ..prototypes };
        assert!((cosine.distance(&[0.0, 3.0]) - 1.0).abs() < 1e-6 && cosine.distance(&[5.0, 0.0]).abs() < 1e-6);
    }
}
