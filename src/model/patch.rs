//! Features and a scorer as a segmenter: one pass of features, any number of heads on it.

use std::path::Path;

use super::head::Head;
use super::scorer::percent;
use super::session::Planes;
use super::{
    Activation, CardError, ChipScores, ChipSpec, FeatureSource, Guided, ModelCard, ModelError, PatchFeatures, Scorer,
    ScorerError, Segmenter, rounded,
};
use crate::scheme::{ClassId, Scheme};

/// How a scorer is read beside what its file says.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Reading {
    /// What lies further from all prototypes than this share of what was seen (0 to 1) becomes `other`.
    pub unknown: Option<f32>,
    /// Scores follow the edges of the picture.
    pub guided: Option<Guided>,
    /// How unlike all that was seen each pixel is becomes a plane of the scores.
    pub unknown_band: bool,
}

/// A scorer for the chips of a card and the classes of a scheme.
#[derive(Clone)]
pub struct ScorerHead {
    scorer: Scorer,
    head: Head,
    classes: Vec<ClassId>,
    /// The share beyond which a pixel is unknown, and the plane of `other`.
    unknown: Option<(f32, usize)>,
    unknown_band: bool,
    guided: Option<Guided>,
    /// What takes each channel of a chip back to brightness: times, plus.
    brightness: Vec<(f32, f32)>,
}

impl ScorerHead {
    /// Holds a scorer, from a file, against the card, the network and the scheme.
    ///
    /// # Errors
    /// When it reads other features, names a class that is not there, or has no prototypes to tell what is unknown.
    pub fn new(
        (scorer, path): (Scorer, &Path),
        (card, digest): (&ModelCard, &str),
        scheme: &Scheme,
        reading: Reading,
    ) -> Result<Self, ModelError> {
        let invalid = |reason: String| ScorerError::Invalid { path: path.to_owned(), reason };
        let targets = held((&scorer, path), (card, digest), scheme, reading)?;
        let kept = |i: usize| !(card.mask_implausible && scorer.classes[i].implausible);
        let other = reading.unknown.map(|_| {
            scheme.named("other").map(crate::scheme::Class::id).ok_or_else(|| {
                invalid(format!("unknown: scheme {:?} has no class \"other\" for what is unknown", scheme.name))
            })
        });
        let other = other.transpose()?;
        let mut classes: Vec<ClassId> =
            (0..targets.len()).filter(|i| kept(*i)).map(|i| targets[i]).chain(other).collect();
        classes.sort_unstable();
        classes.dedup();
        let place = |class: ClassId| classes.binary_search(&class).expect("every kept class is among the classes");
        let head = Head {
            side_px: card.input.chip_px as usize,
            stride: card.output.patch_px.unwrap_or(1) as usize,
            activation: Activation::Softmax,
            threshold: None,
            score_of: (0..targets.len()).map(|i| kept(i).then(|| place(targets[i]))).collect(),
            scores: classes.len(),
        };
        let channels = card.input.std.iter().zip(&card.input.mean);
        // Samples of 8 bits are 0 to 1 after 1 / 255.
        let brightness =
            channels.map(|(std, mean)| (std / (255.0 * card.input.scale), mean / (255.0 * card.input.scale)));
        Ok(Self {
            brightness: brightness.collect(),
            unknown: reading.unknown.zip(other.map(place)),
            unknown_band: reading.unknown_band,
            guided: reading.guided.or(scorer.guided),
            classes,
            head,
            scorer,
        })
    }

    /// The class of each score.
    #[must_use]
    pub fn classes(&self) -> &[ClassId] {
        &self.classes
    }

    /// The scores of a chip, from its features; `chip` is its normalized tensor, whose edges may be followed.
    #[must_use]
    pub fn scores(&self, features: &PatchFeatures, chip: &[f32]) -> ChipScores {
        let (side, pixels) = (self.head.side_px, self.head.side_px.pow(2));
        let (logits, novelty) = self.of_patches(features);
        let planes = |values: Vec<f32>| Planes {
            channels: values.len() / features.side.pow(2),
            rows: features.side,
            cols: features.side,
            values: values.into(),
        };
        let mut probabilities = vec![0.0_f32; self.classes.len() * pixels];
        self.head.each_row(&planes(logits), |row, of_row| {
            for (class, from) in of_row.chunks_exact(side).enumerate() {
                probabilities[class * pixels + row * side..][..side].copy_from_slice(from);
            }
        });
        if let Some(guided) = self.guided {
            guided.filter(&mut probabilities, &self.brightness(chip, pixels), side);
        }
        let mut scores: Vec<u8> = probabilities.iter().map(|p| rounded(p * 255.0)).collect();
        if self.tells_unknown() {
            // Twice what was seen is the most that is told, and a probability ends at one.
            self.add_unknown(&planes(novelty.iter().map(|n| n / 2.0).collect()), &mut scores);
        }
        ChipScores { side_px: side as u32, scores }
    }

    fn tells_unknown(&self) -> bool {
        self.unknown.is_some() || self.unknown_band
    }

    /// Gives what is unknown to `other`, and adds the plane that tells how unknown each pixel is, as either is asked for.
    fn add_unknown(&self, halves: &Planes<'_>, scores: &mut Vec<u8>) {
        let (side, pixels) = (self.head.side_px, self.head.side_px.pow(2));
        let head = Head { activation: Activation::None, score_of: vec![Some(0)], scores: 1, ..self.head.clone() };
        head.each_row(halves, |row, half| {
            if let Some((limit, other)) = self.unknown {
                for (col, _) in half.iter().enumerate().filter(|(_, half)| **half * 2.0 > limit) {
                    let at = row * side + col;
                    (0..self.classes.len()).for_each(|c| scores[c * pixels + at] = if c == other { 255 } else { 0 });
                }
            }
            if self.unknown_band {
                scores.extend(half.iter().map(|half| percent(half * 2.0)));
            }
        });
    }

    /// Planes of scores before they become probabilities, and how new each patch is.
    fn of_patches(&self, features: &PatchFeatures) -> (Vec<f32>, Vec<f32>) {
        let patches = features.side * features.side;
        let (mut logits, mut novelty) = (vec![0.0; self.scorer.classes.len() * patches], Vec::new());
        let mut z = Vec::new();
        for (patch, vector) in features.values.chunks_exact(features.dim).enumerate() {
            self.scorer.project(vector, &mut z);
            let scores = self.scorer.logits(&z);
            scores.iter().enumerate().for_each(|(class, logit)| logits[class * patches + patch] = *logit);
            if let (true, Some(prototypes)) = (self.tells_unknown(), &self.scorer.prototypes) {
                novelty.push(prototypes.quantile(prototypes.distance(&z)));
            }
        }
        (logits, novelty)
    }

    /// The mean of the channels, 0 to 1.
    fn brightness(&self, chip: &[f32], pixels: usize) -> Vec<f32> {
        let mut sum = vec![0.0_f32; pixels];
        for (plane, (gain, offset)) in chip.chunks_exact(pixels).zip(&self.brightness) {
            sum.iter_mut().zip(plane).for_each(|(s, v)| *s += v * gain + offset);
        }
        let n = self.brightness.len() as f32;
        sum.iter_mut().for_each(|s| *s /= n);
        sum
    }
}

/// Holds a scorer, from a file, and how it is to be read against the card, the network and the scheme: the class of the
/// scheme that each of its classes counts for.
pub(super) fn held(
    (scorer, path): (&Scorer, &Path),
    (card, digest): (&ModelCard, &str),
    scheme: &Scheme,
    reading: Reading,
) -> Result<Vec<ClassId>, ModelError> {
    fits(scorer, card, digest, reading).map_err(|reason| ScorerError::Invalid { path: path.to_owned(), reason })?;
    targets(scorer, path, card, scheme)
}

/// The class of the scheme that each class of a scorer counts for.
fn targets(scorer: &Scorer, path: &Path, card: &ModelCard, scheme: &Scheme) -> Result<Vec<ClassId>, ModelError> {
    let of_scorer = ModelCard { classes: scorer.classes.clone(), ..card.clone() };
    of_scorer.targets(scheme).map_err(|error| match error {
        CardError::Invalid { reason, .. } => ScorerError::Invalid { path: path.to_owned(), reason }.into(),
        error @ (CardError::Read { .. } | CardError::Weights { .. }) => ModelError::from(error),
    })
}

/// Holds a scorer and how it is to be read against the card of its features.
fn fits(scorer: &Scorer, card: &ModelCard, digest: &str, reading: Reading) -> Result<(), String> {
    let dim = card.output.dim.unwrap_or(0) as usize;
    if scorer.features.dim != dim {
        return Err(format!("features.dim = {}, those of {} have {dim}", scorer.features.dim, card.path.display()));
    }
    if scorer.features.network != digest {
        return Err(format!(
            "features.network: it was made for other weights than those of {}, or for chips made another way (channels, scale, mean, std): make it again with them",
            card.path.display()
        ));
    }
    if let Some(share) = reading.unknown.filter(|share| !(*share > 0.0 && *share <= 2.0)) {
        return Err(format!("unknown = {share}: above 0 and at most 2 are accepted (1: beyond all that was seen)"));
    }
    if (reading.unknown.is_some() || reading.unknown_band) && scorer.prototypes.is_none() {
        return Err("unknown: the scorer has no prototypes that tell what it has seen".to_owned());
    }
    if reading.guided.is_some_and(|g| !g.is_valid()) { Err(Guided::ACCEPTED.to_owned()) } else { Ok(()) }
}

/// Features and a scorer as a segmenter.
pub struct Patch {
    source: FeatureSource,
    head: ScorerHead,
    spec: ChipSpec,
}

impl Patch {
    /// Reads features with a head.
    #[must_use]
    pub fn new(card: &ModelCard, source: FeatureSource, head: ScorerHead) -> Self {
        let spec = ChipSpec {
            channels: card.input.channels.len(),
            chip_px: card.input.chip_px,
            classes: head.classes().to_vec(),
            unknown: head.unknown_band,
        };
        Self { source, head, spec }
    }
}

impl Segmenter for Patch {
    fn spec(&self) -> &ChipSpec {
        &self.spec
    }

    fn segment(&mut self, chips: &[f32]) -> Result<Vec<ChipScores>, ModelError> {
        let features = self.source.features(chips)?;
        let chips = chips.chunks_exact(self.spec.tensor_len());
        Ok(features.iter().zip(chips).map(|(features, chip)| self.head.scores(features, chip)).collect())
    }

    fn device(&self) -> String {
        self.source.device.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{
        Device, FeatureCache, ModelClass, Precision, Prototypes, ScorerActivation, ScorerInput, network_digest,
    };

    fn card() -> ModelCard {
        crate::model::fixture::card("dinov2-registers.onnx")
    }

    fn class(name: &str) -> ModelClass {
        ModelClass { name: name.to_owned(), city_class: name.to_owned(), implausible: false }
    }

    /// Building where the first feature is high, road where it is low.
    fn scorer(digest: &str) -> Scorer {
        let axis = |v: f32| (0..24).map(|i| if i == 0 { v } else { 0.0 }).collect::<Vec<f32>>();
        Scorer {
            version: Scorer::VERSION,
            kind: "ridge".to_owned(),
            features: ScorerInput { network: digest.to_owned(), dim: 24 },
            mean: vec![0.0; 24],
            projection: None,
            hidden: None,
            weight: vec![axis(4.0), axis(-4.0)],
            bias: vec![0.0; 2],
            activation: ScorerActivation::Softmax,
            temperature: 1.0,
            classes: vec![class("road"), class("building")],
            prototypes: Some(Prototypes {
                centres: vec![axis(0.0)],
                precision: axis(24.0),
                quantiles: vec![0.0, 0.5, 1.0],
            }),
            guided: None,
            provenance: serde_json::Map::new(),
        }
    }

    fn chip(n: usize) -> Vec<f32> {
        (0..3 * 56 * 56).map(|i| ((i * 7919 + n * 31) % 255) as f32 / 80.0 - 1.5).collect()
    }

    fn head(scorer: Scorer, reading: Reading) -> Result<ScorerHead, ModelError> {
        let card = card();
        let digest = network_digest(&card).expect("a fixture");
        ScorerHead::new((scorer, Path::new("s.json")), (&card, &digest), &Scheme::city(), reading)
    }

    fn source(cache: Option<Arc<FeatureCache>>) -> FeatureSource {
        FeatureSource::open(&card(), Device::Cpu, cache).expect("make setup has been run")
    }

    #[test]
    fn several_heads_read_one_pass_of_features() {
        let mut source = source(None);
        let digest = source.digest().to_owned();
        let features = source.features(&chip(1)).expect("runs").remove(0);
        let plain = head(scorer(&digest), Reading::default()).expect("fits");
        let mut turned = scorer(&digest);
        turned.weight.reverse();
        let turned = head(turned, Reading::default()).expect("fits");
        assert_eq!(plain.classes(), [ClassId(1), ClassId(2)]);
        let (a, b) = (plain.scores(&features, &chip(1)), turned.scores(&features, &chip(1)));
        let pixels = 56 * 56;
        assert!(
            (0..pixels).all(|i| a.scores[i].abs_diff(b.scores[pixels + i]) <= 1),
            "what one calls road, the other …"
        );
        // In the middle of a patch the scores are those of the patch.
        for (row, col) in [(0, 0), (2, 1), (3, 3)] {
            let v = 8.0 * features.patch(row, col)[0];
            let road = 255.0 / (1.0 + (-v).exp());
            let around =
                [(6, 6), (7, 7)].map(|(y, x)| f32::from(a.scores[pixels + (row * 14 + y) * 56 + col * 14 + x]));
            assert!(around.iter().any(|s| (s - road).abs() < 40.0), "patch {row},{col}: {road} {around:?}");
        }
    }

    #[test]
    fn a_cache_changes_no_score_and_spares_the_network() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || Arc::new(FeatureCache::open(folder.path(), 8, Precision::F16).expect("opens"));
        let chips = [chip(1), chip(2)].concat();
        let patch = |source: FeatureSource| {
            let head = head(scorer(source.digest()), Reading::default()).expect("fits");
            Patch::new(&card(), source, head)
        };
        let truth = patch(source(None)).segment(&chips).expect("runs");
        assert_eq!(patch(source(Some(open()))).segment(&chips).expect("runs"), truth);
        let warm = open();
        let mut kept = patch(FeatureSource::kept(&card(), Some(Arc::clone(&warm))).expect("a digest"));
        assert_eq!(kept.segment(&chips).expect("all are kept"), truth);
        assert_eq!((warm.usage().hits, warm.usage().misses), (2, 0));
        let error = kept.segment(&chip(3)).expect_err("never seen").to_string();
        assert!(error.contains("1 chip") && error.contains("--feature-cache-mib"), "{error}");
    }

    #[test]
    fn what_is_far_from_all_prototypes_becomes_other() {
        let mut source = source(None);
        let digest = source.digest().to_owned();
        let features = source.features(&chip(1)).expect("runs").remove(0);
        // With these prototypes the share is the size of the first feature.
        let unknown = head(scorer(&digest), Reading { unknown: Some(0.5), ..Reading::default() }).expect("fits");
        assert_eq!(unknown.classes(), [ClassId(1), ClassId(2), ClassId(7)]);
        let scores = unknown.scores(&features, &chip(1)).scores;
        let (pixels, mut seen) = (56 * 56, [0, 0]);
        for row in 0..4 {
            for col in 0..4 {
                let far = features.patch(row, col)[0].abs();
                let other = scores[2 * pixels + (row * 14 + 7) * 56 + col * 14 + 7];
                if !(0.3..0.7).contains(&far) {
                    assert_eq!(other == 255, far > 0.5, "patch {row},{col} at {far}");
                    seen[usize::from(far > 0.5)] += 1;
                }
            }
        }
        assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}");
    }

    #[test]
    fn how_far_patches_are_is_a_plane_after_those_of_classes() {
        let mut source = source(None);
        let digest = source.digest().to_owned();
        let features = source.features(&chip(1)).expect("runs").remove(0);
        let plain = head(scorer(&digest), Reading::default()).expect("fits").scores(&features, &chip(1)).scores;
        let telling = head(scorer(&digest), Reading { unknown_band: true, ..Reading::default() }).expect("fits");
        let spec = Patch::new(&card(), source, telling.clone()).spec().clone();
        assert_eq!((spec.classes.len(), spec.planes()), (2, 3));
        let scores = telling.scores(&features, &chip(1)).scores;
        let pixels = 56 * 56;
        assert!(scores.len() == 3 * pixels && scores[..2 * pixels] == plain, "scores of classes are what they were");
        let band = &scores[2 * pixels..];
        assert!(band.iter().all(|share| (1..=200).contains(share)));
        // Pixels between the middles of patches lie between these: the furthest patches are the furthest pixels.
        let far = |n: usize| (features.patch(n / 4, n % 4)[0].abs() * 100.0).clamp(1.0, 200.0);
        let most = (0..16).map(far).fold(0.0_f32, f32::max);
        let seen = band.iter().copied().max().map_or(0.0, f32::from);
        assert!((seen - most).abs() < 1.5, "{seen} {most}");
        let at = |n: usize| f32::from(band[(n / 4 * 14 + 7) * 56 + n % 4 * 14 + 7]);
        for (a, b) in (0..16).flat_map(|a| (0..16).map(move |b| (a, b))) {
            assert!(far(a) < far(b) + 60.0 || at(a) > at(b), "{a} at {} and {b} at {}", far(a), far(b));
        }
    }

    #[test]
    fn a_scorer_that_does_not_fit_names_the_key() {
        let digest = network_digest(&card()).expect("a fixture");
        let error = |scorer: Scorer, reading: Reading| head(scorer, reading).err().expect("no fit").to_string();
        let mut other = scorer(&digest);
        other.classes[0].city_class = "castle".to_owned();
        let plain = Scorer { prototypes: None, ..scorer(&digest) };
        let unknown = |share| Reading { unknown: Some(share), ..Reading::default() };
        for (error, key) in [
            (error(scorer("0"), Reading::default()), "features.network"),
            (error(other, Reading::default()), "castle"),
            (error(plain.clone(), unknown(0.9)), "prototypes"),
            (error(plain, Reading { unknown_band: true, ..Reading::default() }), "prototypes"),
            (error(scorer(&digest), unknown(0.0)), "unknown = 0"),
        ] {
            assert!(error.contains(key) && error.contains("s.json"), "{error}");
        }
    }
}
