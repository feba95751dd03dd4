//! The fingerprint of everything that decides on the labels of a store.

use crate::fingerprint::{Fingerprint, Fingerprinted};
use crate::georef::PixelFrame;
use crate::grid::WorkGrid;
use crate::input;
use crate::label::CleanOptions;
use crate::model::{CardError, ModelCard, ModelError, Precision, Scoring};
use crate::scheme::{Class, Scheme};

/// Which labels the same scenes and networks give: raised whenever reading, blending, rounding or clean-up come to answer
/// otherwise, so that stores made by earlier versions are not resumed.
const LABELS_VERSION: u32 = 4;

/// What labels are made from, and how.
pub(super) struct Inputs<'a> {
    /// The fingerprint of the scenes and of what is done to their samples.
    pub mosaic: &'a str,
    pub grid: &'a WorkGrid,
    /// Every card that has a part in scores or masks.
    pub cards: &'a [ModelCard],
    pub scoring: &'a Scoring,
    pub clean: &'a CleanOptions,
    /// How precisely features are read.
    pub precision: Precision,
    pub scheme: &'a Scheme,
}

impl Inputs<'_> {
    /// The fingerprint, with the content of every network.
    ///
    /// # Errors
    /// When a network cannot be read.
    pub(super) fn fingerprint(&self) -> Result<String, ModelError> {
        let Self { mosaic, grid, cards, scoring, clean, precision, scheme } = self;
        let mut fingerprint = Fingerprint::new("labels");
        fingerprint.field("version", &LABELS_VERSION).field("mosaic", mosaic).field("grid", *grid);
        fingerprint.field("scoring", *scoring).field("clean", *clean).field("cards", *cards);
        for path in cards.iter().flat_map(ModelCard::weights) {
            let unreadable = |cause| CardError::Weights { path: path.clone(), cause };
            let file = input::open_plain(&path).map_err(unreadable)?;
            fingerprint.content("weights", file).map_err(unreadable)?;
        }
        fingerprint.field("precision", precision.to_string().as_str()).field("codes", &codes(scheme));
        Ok(fingerprint.finish())
    }
}

/// The code of each class of a scheme, by its name, in the order of names: what labels say.
fn codes(scheme: &Scheme) -> Vec<Code<'_>> {
    let Scheme { name: _, classes, signed: _ } = scheme;
    let mut codes: Vec<Code<'_>> = classes.iter().map(Code).collect();
    codes.sort_by_key(|Code(class)| &class.name);
    codes
}

/// What labels say by a class.
struct Code<'a>(&'a Class);

impl Fingerprinted for Code<'_> {
    fn add_to(&self, fingerprint: &mut Fingerprint) {
        // Colours, heights and how outlines are treated change no label.
        let Class { code, name, title: _, colour: _, kind: _, sizes: _ } = self.0;
        fingerprint.field("name", name).field("code", code);
    }
}

impl Fingerprinted for WorkGrid {
    fn add_to(&self, fingerprint: &mut Fingerprint) {
        let Self { frame: PixelFrame { crs, transform }, cols, rows, block_px } = self;
        fingerprint.field("crs", crs.definition()).field("transform", &transform.coefficients());
        fingerprint.field("cols", cols).field("rows", rows).field("block_px", block_px);
    }
}

impl Fingerprinted for CleanOptions {
    fn add_to(&self, fingerprint: &mut Fingerprint) {
        let Self { majority_rounds, min_area_m2, boundary_m } = self;
        fingerprint.field("majority_rounds", majority_rounds).field("min_area_m2", min_area_m2);
        fingerprint.field("boundary_m", boundary_m);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::georef::{Crs, GeoTransform};
    use crate::model::{
        Activation, Augment, Family, Guided, Layout, MaskCard, MaskRule, Member, ModelClass, Scorer, ScorerFile,
        Tokens, Turns,
    };
    use crate::raster::Channel;

    /// All that counts, to be other one by one.
    #[derive(Clone)]
    struct Case {
        mosaic: String,
        grid: WorkGrid,
        cards: Vec<ModelCard>,
        scoring: Scoring,
        clean: CleanOptions,
        precision: Precision,
        scheme: Scheme,
    }

    impl Case {
        fn fingerprint(&self) -> String {
            let Self { mosaic, grid, cards, scoring, clean, precision, scheme } = self;
            let precision = *precision;
            Inputs { mosaic, grid, cards, scoring, clean, precision, scheme }.fingerprint().expect("a fixture")
        }
    }

    fn case() -> Case {
        let model = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models/threshold.onnx");
        let card = ModelCard::open(&model).expect("a fixture");
        let rules = vec![MaskRule::default()];
        let masks = MaskCard { decoder: "identity.onnx".into(), rules, ..MaskCard::default() };
        let transform = GeoTransform::new([500_000.0, 0.25, 0.0, 5_500_000.0, 0.0, -0.25]).expect("regular");
        let frame = PixelFrame { crs: Crs::new("EPSG:32632").expect("known"), transform };
        Case {
            mosaic: "scenes".to_owned(),
            grid: WorkGrid { frame, cols: 1000, rows: 600, block_px: 256 },
            cards: vec![ModelCard { masks: Some(masks), ..card }],
            scoring: Scoring::default(),
            clean: CleanOptions::default(),
            precision: Precision::default(),
            scheme: Scheme::city(),
        }
    }

    fn rule(case: &mut Case) -> &mut MaskRule {
        &mut case.cards[0].masks.as_mut().expect("given").rules[0]
    }

    fn masks(case: &mut Case) -> &mut MaskCard {
        case.cards[0].masks.as_mut().expect("given")
    }

    type Change = fn(&mut Case);

    /// Fails unless each change gives a fingerprint of its own.
    #[track_caller]
    fn all_differ(changes: &[Change]) {
        let mut known = vec![case().fingerprint()];
        for (at, change) in changes.iter().enumerate() {
            let mut other = case();
            change(&mut other);
            let fingerprint = other.fingerprint();
            assert!(!known.contains(&fingerprint), "change {at}");
            known.push(fingerprint);
        }
    }

    #[test]
    fn every_input_of_a_run_counts() {
        all_differ(&[
            |c| c.mosaic.push('x'),
            |c| c.grid.cols += 1,
            |c| c.grid.rows += 1,
            |c| c.grid.block_px += 1,
            |c| c.grid.frame.crs = Crs::new("EPSG:32633").expect("known"),
            |c| c.grid.frame.transform = c.grid.frame.transform.shifted(0.5, 0.0),
            |c| c.clean.majority_rounds += 1,
            |c| c.clean.min_area_m2 += 0.1,
            |c| c.clean.boundary_m += 0.1,
            |c| c.precision = Precision::Int8,
            |c| c.scheme.classes[0].code += 100,
            |c| c.scheme.classes[0].name.push('x'),
            |c| drop(c.scheme.classes.pop()),
            |c| c.cards.push(c.cards[0].clone()),
            |c| c.cards[0].file = "identity.onnx".into(),
        ]);
    }

    #[test]
    fn every_field_of_scoring_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("head.json");
        let text = r#"{"version":1,"kind":"ridge","features":{"network":"ab","dim":1},"mean":[0.0],"weight":[[1.0]],"bias":[0.0],"activation":"softmax","temperature":1.0,"classes":[{"name":"a","city_class":"building"}],"provenance":{}}"#;
        std::fs::write(&path, text).expect("written");
        Scorer::open(&path).expect("a scorer");
        let mut with_scorer = case();
        with_scorer.scoring.scorer = Some(ScorerFile::read(&path).expect("a scorer"));
        assert_ne!(with_scorer.fingerprint(), case().fingerprint());
        all_differ(&[
            |c| c.scoring.mask_implausible = true,
            |c| c.scoring.augment = Augment { turns: Turns::Flips, scales: false },
            |c| c.scoring.augment = Augment { turns: Turns::D4, scales: false },
            |c| c.scoring.augment = Augment { turns: Turns::None, scales: true },
            |c| c.scoring.weight = 2,
            |c| c.scoring.others = vec![Member { model: "a".into(), weight: 1 }],
            |c| c.scoring.others = vec![Member { model: "a".into(), weight: 2 }],
            |c| c.scoring.features = Some("a".into()),
            |c| c.scoring.masks = Some("a".into()),
            |c| c.scoring.unknown = Some(0.99),
            |c| c.scoring.unknown_band = true,
            |c| c.scoring.guided = Some(Guided { radius_px: 8, epsilon: 1e-3 }),
            |c| c.scoring.guided = Some(Guided { radius_px: 9, epsilon: 1e-3 }),
            |c| c.scoring.guided = Some(Guided { radius_px: 8, epsilon: 1e-2 }),
        ]);
    }

    #[test]
    fn every_field_of_a_card_that_changes_labels_counts() {
        let changes: [Change; 29] = [
            |c| c.cards[0].family = Family::Sam,
            |c| c.cards[0].mask_implausible = true,
            |c| c.cards[0].masks = None,
            |c| c.cards[0].classes[0].name.push('x'),
            |c| c.cards[0].classes[0].city_class.push('x'),
            |c| c.cards[0].classes[0].implausible = true,
            |c| c.cards[0].classes.push(ModelClass { name: "a".into(), city_class: "b".into(), implausible: false }),
            |c| c.cards[0].input.name.push('x'),
            |c| c.cards[0].input.layout = Layout::Nhwc,
            |c| c.cards[0].input.channels.reverse(),
            |c| c.cards[0].input.channels.push(Channel::NearInfrared),
            |c| c.cards[0].input.scale *= 2.0,
            |c| c.cards[0].input.mean[0] += 0.1,
            |c| c.cards[0].input.std[0] += 0.1,
            |c| c.cards[0].input.resolution_m_per_px *= 2.0,
            |c| c.cards[0].input.resolution_range_m_per_px[1] *= 2.0,
            |c| c.cards[0].input.chip_px += 1,
            |c| c.cards[0].input.stride_px += 1,
            |c| c.cards[0].input.multiple_px += 1,
            |c| c.cards[0].output.name.push('x'),
            |c| c.cards[0].output.activation = Activation::Sigmoid,
            |c| c.cards[0].output.activation = Activation::Softmax,
            |c| c.cards[0].output.stride += 1,
            |c| c.cards[0].output.threshold = Some(0.123),
            |c| c.cards[0].output.layout = Some(Layout::Nhwc),
            |c| c.cards[0].output.patch_px = Some(99),
            |c| c.cards[0].output.dim = Some(99),
            |c| c.cards[0].output.tokens = Some(Tokens { cls: 0, registers: 1 }),
            |c| c.cards[0].output.tokens = Some(Tokens { cls: 1, registers: 0 }),
        ];
        // One of the activations is that of the fixture.
        let is_change = |change: &Change| {
            let mut other = case();
            change(&mut other);
            other.cards != case().cards
        };
        let changes: Vec<Change> = changes.into_iter().filter(is_change).collect();
        assert!(changes.len() >= 28);
        all_differ(&changes);
        all_differ(&[
            |c| masks(c).points_per_side += 1,
            |c| masks(c).points_per_batch += 1,
            |c| masks(c).pred_iou_thresh += 0.01,
            |c| masks(c).stability_score_thresh += 0.01,
            |c| masks(c).stability_score_offset += 0.01,
            |c| masks(c).box_nms_thresh += 0.01,
            |c| masks(c).min_mask_region_area_px += 1,
            |c| masks(c).edge_px += 1,
            |c| masks(c).unknown.push('x'),
            |c| masks(c).rules.clear(),
            |c| rule(c).city_class.push('x'),
            |c| rule(c).grey_tolerance = Some(1.0),
            |c| rule(c).brightness = Some([1.0, 2.0]),
            |c| rule(c).blue_excess = Some([1.0, 2.0]),
            |c| rule(c).green_excess = Some([1.0, 2.0]),
            |c| rule(c).aspect = Some([1.0, 2.0]),
            |c| rule(c).rectangularity = Some([1.0, 2.0]),
            |c| rule(c).area_m2 = Some([1.0, 2.0]),
        ]);
    }

    #[test]
    fn names_for_people_do_not_count() {
        let mut other = case();
        let card = &mut other.cards[0];
        card.name.push('x');
        card.version.push('x');
        card.licence.push('x');
        other.scheme.name.push('x');
        other.scheme.classes[0].title.push('x');
        assert_eq!(other.fingerprint(), case().fingerprint());
    }
}
