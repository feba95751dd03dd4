//! What a mask is by its features: the mean of the vectors under it, read by a scorer.
//!
//! A chip of SAM (1024 px) is larger than one of a features model (518 px). So it is seen part by part, each as large as
//! the features model wants it and at the chip's own resolution, in which the scorer was made.

use std::path::Path;

use super::ensemble::{Seen, seen_by};
use super::patch::held;
use super::scorer::percent;
use super::{ChipSpec, FeatureSource, MaskRun, ModelCard, ModelError, PatchFeatures, Reading, Scorer, ScorerError};
use crate::scheme::{ClassId, Scheme};

/// Sees the features of the chips of another model.
pub struct PooledSource {
    source: FeatureSource,
    seen: Seen,
    spec: ChipSpec,
    parts: Parts,
}

/// Where the parts of a chip lie; along rows and columns alike.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    /// The side of a part in pixels.
    part_px: u32,
    patch_px: u32,
    /// The first pixel of each part: from end to end, evenly.
    starts: Vec<u32>,
    /// The first pixel that belongs to each part: where two overlap, each has the half that it sees better.
    owned_from: Vec<u32>,
}

/// The features of a chip, part by part.
#[derive(Debug, Clone, PartialEq)]
pub struct ChipFeatures {
    parts: Parts,
    /// Of each part, row by row.
    of_parts: Vec<PatchFeatures>,
}

impl Parts {
    /// The fewest parts that cover a chip.
    fn new(chip_px: u32, part_px: u32, patch_px: u32) -> Self {
        let last = chip_px.div_ceil(part_px) - 1;
        let starts: Vec<u32> = (0..=last).map(|n| n * (chip_px - part_px) / last.max(1)).collect();
        let between = starts.windows(2).map(|pair| (pair[0] + part_px + pair[1]) / 2);
        let owned_from = std::iter::once(0).chain(between).collect();
        Self { part_px, patch_px, starts, owned_from }
    }

    /// Which part a pixel of an axis belongs to, which patch of that, and the first pixel of the next patch or part.
    fn at(&self, pixel: u32) -> (usize, usize, u32) {
        let part = self.owned_from.partition_point(|from| *from <= pixel) - 1;
        let patch = (pixel - self.starts[part]) / self.patch_px;
        let next = self.starts[part] + (patch + 1) * self.patch_px;
        let end = self.owned_from.get(part + 1).map_or(next, |owned| next.min(*owned));
        (part, patch as usize, end)
    }
}

impl PooledSource {
    /// For the chips of a card, which are normalized its way.
    ///
    /// # Errors
    /// When the features model wants a channel that the chips have not, another resolution, or larger chips.
    pub fn new(of_chips: &ModelCard, card: &ModelCard, source: FeatureSource) -> Result<Self, ModelError> {
        let misfit = |reason: String| ModelError::Ensemble(format!("{}: {reason}", card.path.display()));
        let (chip_px, part_px) = (of_chips.input.chip_px, card.input.chip_px);
        if part_px > chip_px {
            return Err(misfit(format!(
                "input.chip_px = {part_px}: the masks are found in chips of {chip_px} px, features must see as much or less"
            )));
        }
        let seen = seen_by((of_chips, of_chips.input.resolution_m_per_px), card)?;
        let spec = ChipSpec { channels: of_chips.input.channels.len(), chip_px, classes: Vec::new(), unknown: false };
        let parts = Parts::new(chip_px, part_px, card.output.patch_px.unwrap_or(1));
        Ok(Self { source, seen, spec, parts })
    }

    /// The features of a normalized `[channels, side, side]` chip.
    ///
    /// # Errors
    /// When the network fails.
    pub fn features(&mut self, chip: &[f32]) -> Result<ChipFeatures, ModelError> {
        let (side, part) = (self.spec.chip_px as usize, self.parts.part_px as usize);
        let seen = self.seen.of(chip, side * side);
        let starts = &self.parts.starts;
        let mut of_parts = Vec::with_capacity(starts.len().pow(2));
        // One row of parts at a time: a chip of 1024 px has four of 518 px.
        for top in starts {
            let mut tensors = Vec::with_capacity(starts.len() * part * part * seen.len() / (side * side));
            for left in starts {
                for plane in seen.chunks_exact(side * side) {
                    let row = |row: usize| &plane[(*top as usize + row) * side + *left as usize..][..part];
                    (0..part).for_each(|r| tensors.extend_from_slice(row(r)));
                }
            }
            of_parts.extend(self.source.features(&tensors)?);
        }
        Ok(ChipFeatures { parts: self.parts.clone(), of_parts })
    }
}

impl ChipFeatures {
    /// The mean of the vectors under a mask, each weighed by the pixels of its patch that the mask holds; `None` where
    /// the mask has no pixel.
    #[must_use]
    pub fn mean(&self, runs: &[MaskRun]) -> Option<Vec<f32>> {
        let dim = self.of_parts.first()?.dim;
        let mut sums = vec![0.0_f64; dim];
        let mut pixels = 0_u32;
        for (part, patch, count) in self.counts(runs) {
            pixels += count;
            let vector = &self.of_parts[part].values[patch * dim..][..dim];
            sums.iter_mut().zip(vector).for_each(|(sum, v)| *sum += f64::from(count) * f64::from(*v));
        }
        (pixels > 0).then(|| sums.into_iter().map(|sum| (sum / f64::from(pixels)) as f32).collect())
    }

    /// How many pixels of the runs lie in which patch of which part, in the order of the patches.
    fn counts(&self, runs: &[MaskRun]) -> Vec<(usize, usize, u32)> {
        let (across, side) = (self.parts.starts.len(), self.of_parts[0].side);
        let mut counts = std::collections::BTreeMap::new();
        for run in runs {
            let (part_down, patch_down, _) = self.parts.at(u32::from(run.row));
            let mut col = u32::from(run.start);
            while col < u32::from(run.end) {
                let (part, patch, next) = self.parts.at(col);
                let to = next.min(u32::from(run.end));
                *counts.entry((part_down * across + part, patch_down * side + patch)).or_insert(0) += to - col;
                col = to;
            }
        }
        counts.into_iter().map(|((part, patch), count)| (part, patch, count)).collect()
    }
}

/// Says what masks are by a scorer.
#[derive(Debug, Clone, PartialEq)]
pub struct MaskScorer {
    scorer: Scorer,
    classes: Vec<ClassId>,
    unknown: Option<f32>,
    unknown_band: bool,
}

/// What a scorer says of a mask.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReadMask {
    /// What it is, and the probability of that; `None` where it is like nothing that was seen.
    pub class: Option<(ClassId, f32)>,
    /// How unlike all that was seen, in percent, 1 to 200; where that is asked for.
    pub unlike: Option<u8>,
}

impl MaskScorer {
    /// Holds a scorer, from a file, against the features model and the scheme.
    ///
    /// # Errors
    /// When it reads other features, names a class that is not there, has no prototypes to tell what is unknown, or is
    /// to follow edges, which masks do by themselves.
    pub fn new(
        (scorer, path): (Scorer, &Path),
        (card, digest): (&ModelCard, &str),
        scheme: &Scheme,
        reading: Reading,
    ) -> Result<Self, ModelError> {
        let classes = held((&scorer, path), (card, digest), scheme, reading)?;
        if reading.guided.is_some() {
            let reason = "guided: masks follow the edges of the picture by themselves".to_owned();
            return Err(ScorerError::Invalid { path: path.to_owned(), reason }.into());
        }
        Ok(Self { scorer, classes, unknown: reading.unknown, unknown_band: reading.unknown_band })
    }

    /// What has these features, and the probability of that: `class` is `None` where it is further from all that the
    /// scorer has seen than is taken. Clusters or classes of the same city class count together.
    #[must_use]
    pub fn read(&self, features: &[f32]) -> ReadMask {
        let mut z = Vec::new();
        self.scorer.project(features, &mut z);
        let share = self.scorer.prototypes.as_ref().map(|seen| seen.quantile(seen.distance(&z)));
        let is_unknown = self.unknown.zip(share).is_some_and(|(limit, share)| share > limit);
        ReadMask {
            class: if is_unknown { None } else { self.class(&z) },
            unlike: share.filter(|_| self.unknown_band).map(percent),
        }
    }

    fn class(&self, z: &[f32]) -> Option<(ClassId, f32)> {
        let logits = self.scorer.logits(z);
        let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut of_class = std::collections::BTreeMap::new();
        for (class, logit) in self.classes.iter().zip(&logits) {
            *of_class.entry(*class).or_insert(0.0_f32) += (logit - top).exp();
        }
        let all: f32 = of_class.values().sum();
        // Of equals the first.
        let best = of_class.into_iter().reduce(|best, one| if one.1 > best.1 { one } else { best })?;
        Some((best.0, best.1 / all))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{FoundMask, card, fixture, picture};
    use super::*;
    use crate::model::{Device, ModelClass, Prototypes, ScorerActivation, ScorerInput, network_digest};

    /// A run for each pixel: where runs end does not count.
    fn runs(mask: &FoundMask) -> Vec<MaskRun> {
        let inside = mask.pixels().into_iter().enumerate().filter(|(_, inside)| *inside);
        inside.map(|(i, _)| (i / 128, i % 128)).map(|(row, col)| run(row as u16, col as u16)).collect()
    }

    fn run(row: u16, col: u16) -> MaskRun {
        MaskRun { row, start: col, end: col + 1 }
    }

    fn source(of_chips: &ModelCard, name: &str) -> Result<PooledSource, ModelError> {
        let card = card(name);
        let source = FeatureSource::open(&card, Device::Cpu, None).expect("make setup has been run");
        PooledSource::new(of_chips, &card, source)
    }

    #[test]
    fn the_mean_under_a_mask_is_that_of_the_reference() {
        let sam = card("sam.toml");
        let features = source(&sam, "dinov2-registers.onnx").expect("fits").features(&picture(&sam)).expect("runs");
        let text = std::fs::read_to_string(fixture("sam.pooled.json")).expect("a fixture");
        let truth: Vec<Vec<f32>> = serde_json::from_str(&text).expect("numbers");
        let masks = FoundMask::read("sam.masks.json");
        assert_eq!(masks.len(), truth.len());
        for (mask, truth) in masks.iter().zip(&truth) {
            let mean = features.mean(&runs(mask)).expect("pixels");
            let furthest = mean.iter().zip(truth).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
            assert!(furthest < 2e-3, "{furthest} of a mask of {} px", mask.area);
        }
        assert_eq!(features.mean(&[]), None);
    }

    #[test]
    fn parts_cover_a_chip_and_each_pixel_belongs_to_one_that_sees_it() {
        for (chip_px, part_px, patch_px, count) in
            [(128, 56, 14, 3), (1024, 518, 14, 2), (56, 56, 14, 1), (61, 60, 4, 2)]
        {
            let parts = Parts::new(chip_px, part_px, patch_px);
            assert_eq!(parts.starts.len(), count);
            let mut pixel = 0;
            while pixel < chip_px {
                let (part, patch, next) = parts.at(pixel);
                let from = parts.starts[part] + patch as u32 * patch_px;
                assert!(
                    from <= pixel && pixel < next && next <= from + patch_px && next <= parts.starts[part] + part_px
                );
                pixel = next;
            }
            assert_eq!(pixel, chip_px, "to the end, no further");
        }
    }

    #[test]
    fn what_does_not_fit_names_the_key() {
        let (dinov2, mut small) = (card("dinov2-registers.onnx"), card("sam.toml"));
        small.input.chip_px = 28;
        let mut coarse = card("sam.toml");
        coarse.input.resolution_m_per_px = 5.0;
        for (of_chips, key) in [(small, "input.chip_px = 56"), (coarse, "resolution_range_m_per_px")] {
            let error = source(&of_chips, "dinov2-registers.onnx").err().expect("no fit").to_string();
            assert!(error.contains(key) && error.contains(&dinov2.path.display().to_string()), "{error}");
        }
    }

    /// Building and road where the first number is high, both of two rows; water where it is low.
    fn scorer(digest: &str) -> Scorer {
        let axis = |v: f32| (0..24).map(|i| if i == 0 { v } else { 0.0 }).collect::<Vec<f32>>();
        let class = |name: &str| ModelClass { name: name.into(), city_class: name.into(), implausible: false };
        Scorer {
            version: Scorer::VERSION,
            kind: "ridge".to_owned(),
            features: ScorerInput { network: digest.to_owned(), dim: 24 },
            mean: vec![0.0; 24],
            projection: None,
            hidden: None,
            weight: vec![axis(1.0), axis(1.1), axis(1.0), axis(-1.0)],
            bias: vec![0.0; 4],
            activation: ScorerActivation::Softmax,
            temperature: 1.0,
            classes: vec![class("building"), class("road"), class("building"), class("water")],
            prototypes: Some(Prototypes {
                centres: vec![axis(1.0)],
                precision: axis(24.0),
                quantiles: vec![0.0, 1.0, 2.0],
            }),
            guided: None,
            provenance: serde_json::Map::new(),
        }
    }

    #[test]
    fn classes_of_the_same_name_count_together_and_what_is_far_is_none() {
        let card = card("dinov2-registers.onnx");
        let digest = network_digest(&card).expect("a fixture");
        let scorer_of = |reading| {
            MaskScorer::new((scorer(&digest), Path::new("s.json")), (&card, &digest), &Scheme::city(), reading)
        };
        let plain = scorer_of(Reading::default()).expect("fits");
        let at = |v: f32| (0..24).map(|i| if i == 0 { v } else { 0.0 }).collect::<Vec<f32>>();
        let (class, sure) = plain.read(&at(1.0)).class.expect("a class");
        let e = |v: f32| v.exp();
        let both = 2.0 * e(1.0) / (2.0 * e(1.0) + e(1.1) + e(-1.0));
        assert_eq!(class, ClassId(1), "two of building beat one of road");
        assert!((sure - both).abs() < 1e-6, "{sure} {both}");
        assert_eq!(plain.read(&at(-9.0)).class.map(|c| c.0), Some(ClassId(4)));
        let unknown =
            scorer_of(Reading { unknown: Some(1.0), unknown_band: true, ..Reading::default() }).expect("fits");
        assert_eq!(unknown.read(&at(2.9)).class.map(|c| c.0), Some(ClassId(1)));
        assert_eq!(unknown.read(&at(-9.0)), ReadMask { class: None, unlike: Some(200) });
        assert_eq!([1.0, 2.0, 2.9].map(|v| unknown.read(&at(v)).unlike), [Some(1), Some(50), Some(95)]);
        assert_eq!(plain.read(&at(-9.0)).unlike, None, "not asked for");
        let guided = scorer_of(Reading { guided: Some(crate::model::Guided::default()), ..Reading::default() });
        assert!(guided.expect_err("edges").to_string().contains("guided"));
    }
}
