//! How unlike all that a scorer has seen pixels are: a band of its own, seamless, kept, exported.

use std::path::{Path, PathBuf};

use gdal::{Dataset, Metadata};
use orthotile::label::LabelStore;
use orthotile::model::{Device, ModelCard, ScorerFile, Scoring};
use orthotile::raster::Mosaic;
use orthotile::seed::{MakeEvent, Maker, SeedError, SegmentOptions, plan};

use crate::common::{Scene, fixture, label_map};
use crate::features::{done, labels, orthotile, told};
use crate::ways::roofs;

/// Three strips: dark, bright, and a green that nobody is taught.
fn strips(col: i64, row: i64) -> [u8; 3] {
    let grain = (col.wrapping_mul(31) ^ row.wrapping_mul(17)).rem_euclid(23) as u8;
    match col {
        ..100 => [50 + grain, 50 + grain, 52 + grain],
        100..200 => [190 + grain, 185 + grain, 180 + grain],
        _ => [20 + grain, 170 + grain, 30 + grain],
    }
}

/// The scene, and a head that was taught the dark and the bright strip.
fn taught(folder: &Path) -> (PathBuf, PathBuf) {
    let (scene, some, head) = (folder.join("strips.tif"), folder.join("some.geojson"), folder.join("head.json"));
    Scene { at: (0, 0), cols: 300, rows: 200, colour: &strips }.write(&scene);
    let rows = [[5.0, 95.0], [105.0, 195.0]];
    let of = |class: &'static str, from: f64| rows.map(|[top, bottom]| (class, [from, top, from + 84.0, bottom]));
    labels(&scene, &[of("road", 8.0), of("building", 108.0)].concat(), &some);
    let paths = [("", scene.as_path()), ("--model", &features()), ("--labels", &some), ("-o", &head)];
    done(&["train", "--device", "cpu"], &paths);
    (scene, head)
}

fn features() -> PathBuf {
    fixture("models/dinov2-registers.onnx")
}

fn maker(scene: &Path, store: &Path, (model, scoring): (&Path, &Scoring), block_px: u32) -> Result<Maker, SeedError> {
    let card = ModelCard::open(model).expect("a fixture");
    let sources = vec![scene.to_owned()];
    let mosaic = Mosaic::open(&sources).expect("a mosaic");
    let options = SegmentOptions { scoring: scoring.clone(), block_px: Some(block_px), ..SegmentOptions::default() };
    let manifest = plan(&mosaic, &sources, &card, &options).expect("a plan");
    Maker::start(LabelStore::create(store, &manifest).expect("a store"), mosaic, &card, Device::Cpu)
}

/// The band of a whole store, if its blocks have one.
fn band(store: &LabelStore) -> Option<Vec<u8>> {
    let whole = store.grid().window();
    let mut all = vec![0; whole.pixels()];
    for block in store.grid().blocks() {
        let map = store.read(block).expect("made");
        map.unknown.as_ref()?;
        map.copy_unknown(&whole, &mut all);
    }
    Some(all)
}

type Labels = ((Vec<u8>, Vec<u8>), Option<Vec<u8>>);

fn made(scene: &Path, store: &Path, how: (&Path, &Scoring), (block_px, seed): (u32, u64)) -> Labels {
    let maker = maker(scene, store, how, block_px).expect("make setup has been run");
    let mut blocks = maker.store().wanted();
    blocks.sort_by_key(|b| {
        (u64::from(b.row) * 7919 + u64::from(b.col) * 104_729 + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    });
    maker.make(&blocks, &mut |event| assert!(matches!(event, MakeEvent::Made(_)), "{event:?}")).expect("made");
    (label_map(maker.store()), band(maker.store()))
}

/// The mean of a band of so many columns well inside a strip.
fn mean(band: &[u8], cols: usize, strip: usize) -> f64 {
    let width = cols / 3;
    let inside = |i: &usize| (strip * width + width / 7..(strip + 1) * width - width / 7).contains(&(i % cols));
    let all: Vec<f64> = (0..band.len()).filter(inside).map(|i| f64::from(band[i])).collect();
    all.iter().sum::<f64>() / all.len() as f64
}

#[test]
fn what_was_never_seen_is_far_and_the_band_has_no_seams() {
    let folder = tempfile::tempdir().expect("a folder");
    let (scene, head) = taught(folder.path());
    let model = features();
    let plain = Scoring { scorer: Some(ScorerFile::read(&head).expect("trained")), ..Scoring::default() };
    let told = Scoring { unknown_band: true, ..plain.clone() };
    let turned = Scoring { augment: "flips,scales".parse().expect("known"), ..told.clone() };
    let outlined = Scoring { masks: Some(fixture("models/sam-split.toml")), ..told.clone() };
    for (name, scoring) in [("plain", &told), ("turned", &turned), ("outlined", &outlined)] {
        let at = |part: &str| folder.path().join(format!("{name}-{part}"));
        let truth = made(&scene, &at("whole"), (&model, scoring), (1024, 0));
        let band = truth.1.as_ref().expect("asked for");
        let void = |(share, class): (&u8, &u8)| (*share == 0) == (*class == 0) && *share <= 200;
        assert!(band.iter().zip(&truth.0.0).all(void), "{name}: where there is imagery it is known");
        let cols = LabelStore::open(&at("whole")).expect("made").grid().cols as usize;
        let means = [0, 1, 2].map(|strip| mean(band, cols, strip));
        assert!(means[0] < 100.0 && means[1] < 100.0 && means[2] > 150.0, "{name}: {means:?}");
        for (block_px, seed) in [(64, 1), (128, 2)] {
            let labels = made(&scene, &at(&block_px.to_string()), (&model, scoring), (block_px, seed));
            assert!(labels == truth, "{name}: blocks of {block_px} px");
        }
    }
    let without = made(&scene, &folder.path().join("without"), (&model, &plain), (1024, 0));
    let with = made(&scene, &folder.path().join("plain-whole"), (&model, &told), (1024, 0));
    assert!(without.1.is_none() && without.0 == with.0, "classes and confidence are what they were");
}

#[test]
fn the_band_is_asked_for_on_the_command_line_kept_and_exported() {
    let folder = tempfile::tempdir().expect("a folder");
    let (scene, head) = taught(folder.path());
    let at = |name: &str| folder.path().join(name);
    let (store, map, file) = (at("store"), at("labels.tif"), at("town.geojson"));
    let of = [("", scene.as_path()), ("--model", &features()), ("--scorer", &head), ("--store", &store)];
    let segment = ["segment", "--device", "cpu", "--unknown-band", "--block-px", "128"];
    done(&segment, &of);
    let labels = LabelStore::open(&store).expect("made");
    let block = labels.block_path(labels.wanted()[1]);
    let bytes = std::fs::read(&block).expect("there");
    let unknown = band(&labels).expect("asked for");
    std::fs::remove_file(&block).expect("removed");
    done(&segment, &of);
    assert!(std::fs::read(&block).expect("made again") == bytes, "the same when a run goes on");

    done(&["export"], &[("--store", &store), ("-o", &map)]);
    let dataset = Dataset::open(&map).expect("a GeoTIFF");
    let exported = dataset.rasterband(2).expect("two bands");
    assert_eq!(exported.description().expect("told"), "unknown");
    assert_ne!(exported.color_interpretation().name(), "Alpha", "QGIS shows every pixel");
    assert!(exported.read_band_as::<u8>().expect("read").data() == unknown, "all blocks in one");
    done(&["vectorize", "--city"], &[("", &map), ("-o", &at("again.geojson"))]);
    done(&["export"], &[("--store", &store), ("-o", &file)]);
    let text = std::fs::read_to_string(&file).expect("written");
    let features: geojson::FeatureCollection = text.parse().expect("GeoJSON");
    let of_feature = |feature: &geojson::Feature| feature.property("unknown").and_then(serde_json::Value::as_f64);
    let shares: Vec<f64> =
        features.features.iter().map(|feature| of_feature(feature).expect("every feature")).collect();
    assert!(shares.iter().all(|share| (1.0..=200.0).contains(share)) && shares.len() > 1, "{shares:?}");
    let all: f64 = unknown.iter().map(|share| f64::from(*share)).sum::<f64>() / unknown.len() as f64;
    let area = |feature: &geojson::Feature| feature.property("area_m2").and_then(serde_json::Value::as_f64);
    let areas: Vec<f64> = features.features.iter().map(|feature| area(feature).expect("every feature")).collect();
    let weighed = shares.iter().zip(&areas).map(|(share, area)| share * area).sum::<f64>() / areas.iter().sum::<f64>();
    assert!((weighed - all).abs() < 1.0, "means of features: {weighed} and {all}");
    assert!(done(&["inspect"], &[("", &store)]).contains("unknown"), "the store tells");

    let refused =
        orthotile(&segment, &[of[0], ("--model", &fixture("models/threshold.onnx")), ("--store", &at("none"))]);
    assert!(!refused.status.success() && told(&refused).contains("--scorer"), "{}", told(&refused));
    let stale = orthotile(&["segment", "--device", "cpu", "--block-px", "128"], &of);
    assert!(told(&stale).contains("unknown band"), "{}", told(&stale));
}

#[test]
fn masks_tell_how_far_the_features_under_them_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_, head) = taught(folder.path());
    let scene = folder.path().join("roofs.tif");
    Scene { at: (0, 0), cols: 230, rows: 190, colour: &roofs }.write(&scene);
    let scorer = Some(ScorerFile::read(&head).expect("trained"));
    let scoring = Scoring { features: Some(features()), scorer, unknown_band: true, ..Scoring::default() };
    let sam = fixture("models/sam.toml");
    let truth = made(&scene, &folder.path().join("whole"), (&sam, &scoring), (1024, 0));
    let band = truth.1.as_ref().expect("asked for");
    let ((_, confidence), known) = (&truth.0, band.iter().filter(|share| **share > 0).count());
    assert!(known > 1000, "{known} pixels of masks");
    let odd = (0..band.len()).filter(|i| (band[*i] > 0) != (confidence[*i] > 0)).count();
    assert!(odd * 100 < known, "where a mask is sure of itself it tells: {odd} of {known}");
    for (block_px, seed) in [(64, 1), (128, 2)] {
        let labels = made(&scene, &folder.path().join(block_px.to_string()), (&sam, &scoring), (block_px, seed));
        assert!(labels == truth, "blocks of {block_px} px");
    }
}

#[test]
fn without_features_nothing_can_be_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let (scene, head) = taught(folder.path());
    let scoring = Scoring { unknown_band: true, ..Scoring::default() };
    for model in ["threshold.onnx", "sam.toml"] {
        let store = folder.path().join(model);
        let refused = maker(&scene, &store, (&fixture("models").join(model), &scoring), 256);
        let error = refused.err().expect("no features").to_string();
        assert!(error.contains("--unknown-band") && error.contains("scorer"), "{error}");
    }
    let mut bare: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&head).expect("trained")).expect("a scorer");
    bare.as_object_mut().expect("a table").remove("prototypes");
    let path = folder.path().join("bare.json");
    std::fs::write(&path, bare.to_string()).expect("written");
    let scoring = Scoring { scorer: Some(ScorerFile::read(&path).expect("a scorer")), ..scoring };
    let refused = maker(&scene, &folder.path().join("bare"), (&features(), &scoring), 256);
    let error = refused.err().expect("no prototypes").to_string();
    assert!(error.contains("no prototypes") && error.contains("bare.json"), "{error}");
}
