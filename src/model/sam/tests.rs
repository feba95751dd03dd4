//! Held against segment-anything's own generator on the same weights: fixtures of `models/export/sam_fixtures.py`.

use super::super::fixture::{FoundMask, OnImagery, card, fixture, picture};
use super::*;
use crate::model::Device;

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

fn found(card: &ModelCard, chip: &[f32]) -> Vec<Mask> {
    let mut sam = open(card).expect("make setup puts ONNX Runtime into target/onnxruntime");
    let whole = Window::new(0, 0, card.input.chip_px, card.input.chip_px);
    let masks = sam.find(chip).expect("runs").remove(0);
    chosen(masks, card.masks.as_ref().expect("of the family"), &whole, &whole)
}

fn of_picture(card: &ModelCard) -> Vec<Mask> {
    found(card, &picture(card))
}

/// As many masks as the reference has, and each of them.
fn hold(found: &[Mask], reference: &[FoundMask], side: usize, name: &str) {
    assert!(reference.len() >= 3, "the reference says something");
    assert_eq!(found.len(), reference.len(), "{name}");
    for truth in reference {
        let wanted = truth.pixels();
        assert_eq!(wanted.iter().filter(|yes| **yes).count() as u32, truth.area);
        let overlap = |mask: &Mask| iou(&bits(&mask.runs, side), &wanted);
        let best = found.iter().max_by(|a, b| overlap(a).total_cmp(&overlap(b))).expect("masks");
        assert!(overlap(best) >= 0.99, "{name}: IoU {} of {} px", overlap(best), truth.area);
        assert!((best.predicted_iou - truth.predicted_iou).abs() < 1e-3, "{name}");
        assert!((best.stability - truth.stability_score).abs() < 1e-3, "{name}");
    }
}

#[test]
fn the_masks_are_those_of_the_reference_in_every_layout() {
    for (name, reference) in [
        ("sam.toml", "sam.masks.json"),
        ("sam-split.toml", "sam.masks.json"),
        ("mobile-sam.toml", "mobile-sam.masks.json"),
    ] {
        let card = card(name);
        let found = of_picture(&card);
        hold(&found, &FoundMask::read(reference), card.input.chip_px as usize, name);
    }
}

#[test]
fn the_masks_of_real_imagery_are_those_of_the_reference() {
    let reference = OnImagery::read();
    for name in ["sam.toml", "sam-split.toml"] {
        let mut card = card(name);
        let masks = card.masks.as_mut().expect("of the family");
        (masks.pred_iou_thresh, masks.stability_score_thresh) =
            (reference.pred_iou_thresh, reference.stability_score_thresh);
        let Some(chip) = reference.chip(&card) else { return };
        hold(&found(&card, &chip), &reference.masks, card.input.chip_px as usize, name);
    }
}

/// What segment-anything's predictor says of a prompt: `models/export/sam_prompts.py`.
#[derive(serde::Deserialize)]
struct Answer {
    point: [u32; 2],
    #[serde(rename = "box")]
    around: Option<[[u32; 2]; 2]>,
    iou: Vec<f32>,
    /// Every fourth pixel of the low-resolution masks, along rows and columns.
    logits: Vec<f32>,
}

fn far(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).fold(0.0, |most, (a, b)| most.max((a - b).abs()))
}

#[test]
fn points_and_boxes_are_answered_as_by_the_predictor_of_the_reference() {
    let text = std::fs::read_to_string(fixture("sam.prompts.json")).expect("a fixture");
    let answers: Vec<Answer> = serde_json::from_str(&text).expect("JSON");
    let (framed, plain): (Vec<&Answer>, Vec<&Answer>) = answers.iter().partition(|answer| answer.around.is_some());
    assert!(framed.len() >= 3 && plain.len() >= 2);
    for (name, answers) in [("sam.toml", &framed), ("sam.toml", &plain), ("sam-split.toml", &plain)] {
        let card = card(name);
        let mut sam = open(&card).expect("make setup has been run");
        let embedding = sam.network.embed(&card.output.name, &picture(&card)).expect("runs");
        let whole = |corner: [u32; 2]| corner.map(|at| at as f32);
        let points: Vec<[f32; 2]> = answers.iter().map(|answer| whole(answer.point)).collect();
        let boxes: Vec<_> = answers.iter().filter_map(|answer| Some(answer.around?.map(whole))).collect();
        let boxes = (!boxes.is_empty()).then_some(boxes.as_slice());
        let decoded = sam.network.decode(&embedding, Prompts { points: &points, boxes }).expect("runs");
        let each = decoded.logits.chunks_exact(3 * decoded.side.pow(2));
        for ((answer, logits), iou) in answers.iter().zip(each).zip(decoded.iou.chunks_exact(3)) {
            let side = decoded.side;
            let some = (0..logits.len()).filter(|i| [i % side, i / side].iter().all(|at| at.is_multiple_of(4)));
            let logits: Vec<f32> = some.map(|i| logits[i]).collect();
            assert!(far(iou, &answer.iou) < 1e-3, "{name}, {:?}: {iou:?} {:?}", answer.point, answer.iou);
            assert!(
                far(&logits, &answer.logits) < 1e-3,
                "{name}, {:?}: {}",
                answer.point,
                far(&logits, &answer.logits)
            );
        }
    }
    // The way by which outlines are asked for, where nothing is enlarged.
    let mut card = card("sam.toml");
    let masks = card.masks.as_mut().expect("of the family");
    (masks.pred_iou_thresh, masks.stability_score_thresh) = (0.0, 0.0);
    let objects: Vec<_> = framed.iter().filter_map(|answer| Some((answer.point, answer.around?))).collect();
    let found = open(&card).expect("opens").ask(&picture(&card), &objects, 128).expect("runs");
    for (masks, answer) in found.iter().zip(&framed) {
        let sure: Vec<f32> = masks.iter().map(|mask| mask.predicted_iou).collect();
        assert!(!sure.is_empty(), "masks that hold a pixel");
        assert!(sure.iter().all(|sure| answer.iou.iter().any(|iou| (iou - sure).abs() < 1e-3)), "{sure:?}");
    }
}

#[test]
fn networks_of_half_precision_find_the_same_masks() {
    let (single, half) = (of_picture(&card("sam.toml")), of_picture(&card("sam-half.toml")));
    assert!(single.len().abs_diff(half.len()) <= 1, "{} and {}", single.len(), half.len());
    let side = 128;
    let alike = |mask: &&Mask| half.iter().any(|other| iou(&bits(&mask.runs, side), &bits(&other.runs, side)) > 0.95);
    assert!(single.iter().filter(alike).count() + 1 >= single.len());
}

#[test]
fn batches_of_points_change_nothing() {
    let mut card = card("sam.toml");
    let before = of_picture(&card);
    for points_per_batch in [1, 7, 4096] {
        card.masks.as_mut().expect("of the family").points_per_batch = points_per_batch;
        let after = of_picture(&card);
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
fn files_that_cannot_be_are_told_when_they_are_loaded() {
    let error = |change: &dyn Fn(&mut ModelCard)| {
        let mut card = card("sam.toml");
        change(&mut card);
        open(&card).err().expect("it cannot be").to_string()
    };
    let decoder = |card: &mut ModelCard, file: &std::path::Path| {
        card.masks.as_mut().expect("of the family").decoder = file.to_owned();
    };
    let folder = tempfile::tempdir().expect("a folder");
    let cut = |name: &str| {
        let bytes = std::fs::read(fixture(name)).expect("a fixture");
        let path = folder.path().join(name);
        std::fs::write(&path, &bytes[..bytes.len() / 2]).expect("written");
        path
    };
    let unknown = |c: &mut ModelCard| decoder(c, &fixture("unknown-operator.onnx"));
    for (error, words) in [
        (error(&|c| c.file = cut("sam.encoder.onnx")), ["sam.encoder.onnx (file", "does not load"]),
        (error(&|c| decoder(c, &cut("sam.decoder.onnx"))), ["sam.decoder.onnx (masks.decoder", "does not load"]),
        (error(&unknown), ["unknown-operator.onnx (masks.decoder", "Undreamt"]),
        (error(&|c| c.file = fixture("unknown-operator.onnx")), ["unknown-operator.onnx (file", "Undreamt"]),
        (error(&|c| (c.file, c.output.name) = (fixture("nan.onnx"), "scores".into())), ["nan.onnx", "input.scale"]),
        (error(&|c| decoder(c, &fixture("nan-decoder.onnx"))), ["nan-decoder.onnx", "masks.decoder"]),
    ] {
        assert!(words.iter().all(|words| error.contains(words)), "{words:?}: {error}");
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
