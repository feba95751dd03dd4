//! Held against segment-anything's own generator on the same weights: fixtures of `models/export/sam_fixtures.py`.

use super::super::fixture::{FoundMask, card, fixture, picture};
use super::*;

fn open(card: &ModelCard) -> Result<Sam, ModelError> {
    Sam::open(card, &Scheme::city(), Device::Cpu)
}

fn bits(runs: &[MaskRun], side: usize) -> Vec<bool> {
    let mut bits = vec![false; side * side];
    for run in runs {
        let row = usize::from(run.row) * side;
        bits[row + usize::from(run.start)..row + usize::from(run.end)].fill(true);
    }
    bits
}

fn iou(a: &[bool], b: &[bool]) -> f32 {
    let both = a.iter().zip(b).filter(|(a, b)| **a && **b).count();
    let any = a.iter().zip(b).filter(|(a, b)| **a || **b).count();
    both as f32 / any as f32
}

fn found(card: &ModelCard) -> Vec<Mask> {
    let mut sam = open(card).expect("make setup puts ONNX Runtime into target/onnxruntime");
    let whole = Window::new(0, 0, card.input.chip_px, card.input.chip_px);
    let masks = sam.find(&picture(card)).expect("runs").remove(0);
    chosen(masks, card.masks.as_ref().expect("of the family"), &whole, &whole)
}

#[test]
fn the_masks_are_those_of_the_reference_in_every_layout() {
    for (name, reference) in [
        ("sam.toml", "sam.masks.json"),
        ("sam-split.toml", "sam.masks.json"),
        ("mobile-sam.toml", "mobile-sam.masks.json"),
    ] {
        let card = card(name);
        let reference = FoundMask::read(reference);
        let found = found(&card);
        assert!(reference.len() >= 3, "the reference says something");
        assert_eq!(found.len(), reference.len(), "{name}");
        let side = card.input.chip_px as usize;
        for truth in &reference {
            let wanted = truth.pixels();
            assert_eq!(wanted.iter().filter(|yes| **yes).count() as u32, truth.area);
            let overlap = |mask: &Mask| iou(&bits(&mask.runs, side), &wanted);
            let best = found.iter().max_by(|a, b| overlap(a).total_cmp(&overlap(b))).expect("masks");
            assert!(overlap(best) >= 0.99, "{name}: IoU {} of {} px", overlap(best), truth.area);
            assert!((best.predicted_iou - truth.predicted_iou).abs() < 1e-3, "{name}");
            assert!((best.stability - truth.stability_score).abs() < 1e-3, "{name}");
        }
    }
}

#[test]
fn networks_of_half_precision_find_the_same_masks() {
    let (single, half) = (found(&card("sam.toml")), found(&card("sam-half.toml")));
    assert!(single.len().abs_diff(half.len()) <= 1, "{} and {}", single.len(), half.len());
    let side = 128;
    let alike = |mask: &&Mask| half.iter().any(|other| iou(&bits(&mask.runs, side), &bits(&other.runs, side)) > 0.95);
    assert!(single.iter().filter(alike).count() + 1 >= single.len());
}

#[test]
fn batches_of_points_change_nothing() {
    let mut card = card("sam.toml");
    let before = found(&card);
    for points_per_batch in [1, 7, 4096] {
        card.masks.as_mut().expect("of the family").points_per_batch = points_per_batch;
        let after = found(&card);
        assert_eq!(before.len(), after.len());
        for (a, b) in before.iter().zip(&after) {
            assert_eq!(a.runs, b.runs);
        }
    }
}

#[test]
fn what_does_not_fit_names_the_key() {
    let error = |change: &dyn Fn(&mut ModelCard)| {
        let mut card = card("sam.toml");
        change(&mut card);
        open(&card).err().expect("it does not fit").to_string()
    };
    let decoder = |card: &mut ModelCard, file: &str| card.masks.as_mut().expect("of the family").decoder = file.into();
    let cases = [
        (error(&|c| c.input.name = "picture".into()), "input.name"),
        (error(&|c| c.output.name = "features".into()), "output.name"),
        (error(&|c| c.input.channels.truncate(2)), "input.channels"),
        (error(&|c| c.input.chip_px = 64), "input.chip_px"),
        (error(&|c| c.input.layout = super::super::Layout::Nhwc), "input.layout"),
        (error(&|c| decoder(c, "sam.encoder.onnx")), "masks.decoder"),
        (error(&|c| decoder(c, "sam-split.prompt_encoder_mask_decoder.onnx")), "image_positional_embeddings"),
        (error(&|c| decoder(c, "nowhere.onnx")), "nowhere.onnx"),
        (error(&|c| c.masks.as_mut().expect("masks").unknown = "nothing".into()), "masks.unknown"),
    ];
    for (error, key) in cases {
        assert!(error.contains(key), "{key}: {error}");
    }
}

#[test]
fn a_card_of_masks_is_checked_and_has_the_numbers_of_segment_anything() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = std::fs::read_to_string(fixture("sam.toml")).expect("a fixture");
    let (head, rest) = text.split_once("[masks]").expect("of the family");
    let tail = rest.split_once("[provenance]").expect("a card").1;
    let with = |masks: &str| {
        let path = folder.path().join("model.toml");
        std::fs::write(&path, format!("{head}[masks]\n{masks}\n[provenance]{tail}")).expect("written");
        ModelCard::open(&path)
    };
    let masks = with("decoder = \"d.onnx\"").expect("a card").masks.expect("masks");
    let same = MaskCard { decoder: "d.onnx".into(), rules: masks.rules.clone(), ..MaskCard::default() };
    assert_eq!(masks, same);
    assert!(masks.rules.len() >= 3, "the rules that ship");
    let wrong = [
        ("", "masks.decoder"),
        ("decoder = \"d.onnx\"\npoints_per_side = 0", "points_per_side"),
        ("decoder = \"d.onnx\"\npred_iou_thresh = 1.5", "pred_iou_thresh"),
        ("decoder = \"d.onnx\"\nedge_px = 40", "edge_px"),
        ("decoder = \"d.onnx\"\nrules = \"nowhere.toml\"", "nowhere.toml"),
        ("decoder = \"d.onnx\"\n[[masks.rules]]\ncity_class = \"road\"", "condition"),
        ("decoder = \"d.onnx\"\n[[masks.rules]]\ncity_class = \"road\"\nredness = 1", "redness"),
    ];
    for (masks, key) in wrong {
        let error = with(masks).expect_err(key).to_string();
        assert!(error.contains(key), "{key}: {error}");
    }
}
