//! Ways of seeing beside one model as it is: augmentation, ensembles, outlines by masks. Seamless, each of them.

use std::path::{Path, PathBuf};

use orthotile::label::LabelStore;
use orthotile::model::{Device, Member, ModelCard, Scoring};
use orthotile::pipeline::FeatureOptions;
use orthotile::raster::Mosaic;
use orthotile::seed::{Live, MakeEvent, Maker, SegmentOptions, plan};

use crate::common::{Scene, data, fixture, label_map};
use crate::features::{done, orthotile, told};

/// Roofs on a meadow, some bright, with the grain of a picture.
pub fn roofs(col: i64, row: i64) -> [u8; 3] {
    let grain = (((col * 7919 + row * 104_729).wrapping_mul(0x9e37_79b9_7f4a_7c15_u64.cast_signed()) >> 40) & 15) as u8;
    let (x, y) = (col.rem_euclid(64) - 35, row.rem_euclid(62) - 31);
    let is_bright = (col.div_euclid(64) + row.div_euclid(62)) % 2 == 0;
    let colour = match (x.abs() < 16 && y.abs() < 13, is_bright) {
        (true, true) => [200, 190, 180],
        (true, false) => [190, 110, 85],
        _ => [97, 117, 62],
    };
    colour.map(|v| v + grain)
}

fn scenes(folder: &Path) -> PathBuf {
    let scenes = folder.join("scenes");
    std::fs::create_dir_all(&scenes).expect("a folder");
    Scene { at: (0, 0), cols: 230, rows: 150, colour: &roofs }.write(&scenes.join("west.tif"));
    Scene { at: (200, 40), cols: 90, rows: 150, colour: &roofs }.write(&scenes.join("east.tif"));
    scenes
}

/// Classes and confidence, made in blocks of a size in the order of a seed.
fn made(
    scenes: &Path,
    store: &Path,
    (model, scoring): (&str, &Scoring),
    (block_px, seed): (u32, u64),
) -> (Vec<u8>, Vec<u8>) {
    let card = ModelCard::open(&fixture("models").join(model)).expect("a fixture");
    made_by(&card, scenes, store, scoring, (block_px, seed))
}

fn made_by(
    card: &ModelCard,
    scenes: &Path,
    store: &Path,
    scoring: &Scoring,
    (block_px, seed): (u32, u64),
) -> (Vec<u8>, Vec<u8>) {
    let sources = vec![scenes.to_owned()];
    let mosaic = Mosaic::open(&sources).expect("a mosaic");
    let options = SegmentOptions { scoring: scoring.clone(), block_px: Some(block_px), ..SegmentOptions::default() };
    let manifest = plan(&mosaic, &sources, card, &options).expect("a plan");
    let store = LabelStore::create(store, &manifest).expect("a store");
    let maker = Maker::start(store, mosaic, card, Device::Cpu).expect("make setup has been run");
    let mut blocks = maker.store().wanted();
    blocks.sort_by_key(|b| {
        (u64::from(b.row) * 7919 + u64::from(b.col) * 104_729 + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    });
    let needed = maker.chips_needed(&blocks);
    maker.make(&blocks, &mut |event| assert!(matches!(event, MakeEvent::Made(_)), "{event:?}")).expect("made");
    assert!(maker.chips_run() as f64 <= 1.05 * needed as f64);
    label_map(maker.store())
}

/// A network that sees no farther than chips overlap knows nothing of them: many small ones give the map of a single one.
#[test]
fn blended_chips_give_the_map_of_one_chip_over_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let drawn = scenes(folder.path());
    for (name, imagery) in [("drawn", Some(drawn)), ("real", data("ortho-amsterdam"))] {
        let Some(imagery) = imagery else { continue };
        for (model, may_differ) in [("threshold.onnx", 0.0), ("context.onnx", 1e-3)] {
            let mut card = ModelCard::open(&fixture("models").join(model)).expect("a fixture");
            let at = |part: &str| folder.path().join(format!("{name}-{model}-{part}"));
            let blended = made_by(&card, &imagery, &at("blended"), &Scoring::default(), (256, 1));
            (card.input.chip_px, card.input.stride_px) = (2048, 1536);
            let whole = made_by(&card, &imagery, &at("whole"), &Scoring::default(), (2048, 0));
            let other = blended.0.iter().zip(&whole.0).filter(|(a, b)| a != b).count() as f64;
            let size = whole.0.len() as f64;
            assert!(whole.0.contains(&1) && whole.0.contains(&7), "{name}, {model}: both classes");
            assert!(other <= may_differ * size, "{name}, {model}: {other} of {size} pixels are of another class");
            assert!(may_differ > 0.0 || blended.1 == whole.1, "{name}, {model}: another confidence");
        }
    }
}

#[test]
fn every_way_of_seeing_is_seamless_and_says_something_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenes = scenes(folder.path());
    let augmented = |text: &str| Scoring { augment: text.parse().expect("known"), ..Scoring::default() };
    let other = Member { model: fixture("models/threshold.onnx"), weight: 1 };
    let ensemble = Scoring { weight: 2, others: vec![other], ..augmented("flips") };
    let masks = Scoring { masks: Some(fixture("models/sam-split.toml")), ..Scoring::default() };
    for (name, model, scoring) in [
        ("scales", "context.onnx", augmented("d4,scales")),
        ("ensemble", "context.onnx", ensemble),
        ("masks", "blurred.onnx", masks),
    ] {
        let at = |part: &str| folder.path().join(format!("{name}-{part}"));
        let plain = made(&scenes, &at("plain"), (model, &Scoring::default()), (1024, 0));
        let truth = made(&scenes, &at("whole"), (model, &scoring), (1024, 0));
        assert!(truth.0.contains(&1) && truth.0.contains(&7) && truth.0.contains(&0), "{name}: roofs, ground, void");
        assert!(truth != plain, "{name} sees otherwise");
        for (block_px, seed) in [(64, 1), (128, 2)] {
            let labels = made(&scenes, &at(&block_px.to_string()), (model, &scoring), (block_px, seed));
            assert!(labels == truth, "{name}: blocks of {block_px} px");
        }
    }
}

#[test]
fn a_forecast_is_of_what_segment_would_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenes = scenes(folder.path());
    let model = |name: &str| fixture("models").join(name);
    let (context, threshold, sam, split) =
        (model("context.onnx"), model("threshold.onnx"), model("sam.toml"), model("sam-split.toml"));
    let inspect = |args: &[&str], paths: &[(&str, &Path)]| {
        done(&[&["inspect", "--device", "cpu"], args].concat(), &[&[("", scenes.as_path())], paths].concat())
    };
    let least_ms = |told: &str| -> f64 {
        let numbers = told.split_once("imagery, ").expect("a time").1.split_once(" to ").expect("a range").0;
        numbers.parse().expect("a number")
    };
    let work = |told: &str| told.lines().find(|line| line.contains("  work  ")).expect("work").to_owned();
    let plain = inspect(&[], &[("--model", &context)]);
    let turned = inspect(&["--augment", "d4,scales"], &[("--model", &context)]);
    assert!(turned.contains("48 runs") && !plain.contains("augment"), "{turned}");
    assert!(least_ms(&turned) > 4.0 * least_ms(&plain) && least_ms(&turned) > 0.0, "{plain} {turned}");
    let both = inspect(&["--weights", "1,3", "--block-px", "64"], &[("--model", &context), ("--model", &threshold)]);
    assert!(both.contains("weight 3") && work(&both) != work(&plain), "{both}");
    let outlined = inspect(&[], &[("--model", &model("blurred.onnx")), ("--masks", &split)]);
    assert!(outlined.contains("its masks give outlines"), "{outlined}");
    assert!(inspect(&[], &[("--model", &model("dinov2-plain.onnx"))]).contains("time"), "features for themselves");
    let area = folder.path().join("area.geojson");
    crate::features::labels(&scenes, &[("road", [10.0, 10.0, 40.0, 40.0])], &area);
    let part = inspect(&["--block-px", "64"], &[("--model", &context), ("--aoi", &area)]);
    assert!(part.contains(" 1 blocks") && work(&part) != work(&both), "{part}");

    let store = folder.path().join("store");
    let failed = |args: &[&str], paths: &[(&str, &Path)], words: &str| {
        for command in [&["inspect"][..], &["segment"]] {
            let of_segment: &[(&str, &Path)] = if command == ["segment"] { &[("--store", &store)] } else { &[] };
            let paths = [&[("", scenes.as_path())], of_segment, paths].concat();
            let output = orthotile(&[command, &["--device", "cpu"], args].concat(), &paths);
            assert!(!output.status.success() && told(&output).contains(words), "{words}: {}", told(&output));
        }
    };
    failed(&[], &[("--model", &context), ("--masks", &threshold)], "--masks takes a model of family");
    failed(&["--augment", "scales"], &[("--model", &sam)], "finds masks");
    failed(&["--boundary-m", "2"], &[("--model", &sam)], "--boundary-m");
    failed(&["--weights", "1,2"], &[("--model", &context)], "2 given for 1 models");
    failed(&["--augment", "d4"], &[], "--model");
}

#[test]
fn ways_of_seeing_are_asked_for_on_the_command_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenes = scenes(folder.path());
    let (model, other, sam) =
        (fixture("models/context.onnx"), fixture("models/threshold.onnx"), fixture("models/sam.toml"));
    let store = |name: &str| folder.path().join(name);
    let segment = |args: &[&str], paths: &[(&str, &Path)], name: &str| {
        let args = [&["segment", "--device", "cpu"], args].concat();
        let store = store(name);
        done(&args, &[&[("", scenes.as_path()), ("--model", &model), ("--store", &store)], paths].concat());
        label_map(&LabelStore::open(&store).expect("made"))
    };
    let augment = "scales".parse().expect("known");
    let scales =
        made(&scenes, &store("library"), ("context.onnx", &Scoring { augment, ..Scoring::default() }), (1024, 0));
    assert!(segment(&["--augment", "scales"], &[], "scales") == scales, "the same as by the library");
    let outlines = segment(&[], &[("--masks", &sam)], "masks");
    assert!(outlines != scales && LabelStore::open(&store("masks")).expect("made").manifest().scoring.finds_masks());
    let live =
        Live::open_folder("town", &store("masks"), Some(Device::Cpu), FeatureOptions::within(0.5)).expect("serves");
    assert!(live.can_make(), "and from the server");
    let told_store = done(&["inspect"], &[("", &store("masks"))]);
    assert!(told_store.contains("give outlines"), "{told_store}");
    segment(&["--weights", "1,3", "--augment", "flips"], &[("--model", &other)], "both");

    let failed = |args: &[&str], paths: &[(&str, &Path)], words: &str| {
        let args = [&["segment", "--device", "cpu"], args].concat();
        let output = orthotile(&args, &[&[("", scenes.as_path()), ("--store", &store("none"))], paths].concat());
        assert!(!output.status.success() && told(&output).contains(words), "{words}: {}", told(&output));
        assert!(!store("none").exists(), "{words}: nothing is left behind");
    };
    failed(&["--augment", "spin"], &[("--model", &model)], "flips,scales");
    failed(&[], &[("--model", &model), ("--masks", &other)], "--masks takes a model of family");
    failed(&[], &[("--model", &sam), ("--masks", &sam)], "finds masks itself");
    failed(&["--augment", "scales"], &[("--model", &sam)], "finds masks");
}
