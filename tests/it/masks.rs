//! Masks of objects as labels: the same in every order, told apart as polygons, from the command line to the features.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use orthotile::feature::Feature;
use orthotile::georef::{Crs, GeoTransform, PixelFrame, Window};
use orthotile::grid::{BlockId, WorkGrid};
use orthotile::label::{InstanceId, LabelMap, LabelStore};
use orthotile::model::{Augment, Device, ModelCard, Scorer, ScorerFile, Scoring};
use orthotile::pipeline::{FeatureOptions, TracedBlocks, trace};
use orthotile::raster::Mosaic;
use orthotile::scheme::{ClassId, Scheme};
use orthotile::seed::{Live, Maker, SegmentOptions, plan};

use crate::common::{Scene, fixture, label_map};
use crate::features::{done, labels, told};

/// Roofs, ponds and a road on a meadow, with the grain of a picture: what the network of the fixture was taught on.
fn village(col: i64, row: i64) -> [u8; 3] {
    let grain = |salt: i64| {
        let hash = (col * 7919 + row * 104_729 + salt * 31).wrapping_mul(0x9e37_79b9_7f4a_7c15_u64.cast_signed());
        (hash >> 40 & 15) as i16 - 8
    };
    let (plot, at) = ((col.div_euclid(70), row.div_euclid(62)), (col.rem_euclid(70), row.rem_euclid(62)));
    let kind = (plot.0 * 5 + plot.1 * 3).rem_euclid(7);
    let (x, y) = (at.0 - 35, at.1 - 31);
    let roof = x.abs() < 13 + kind && y.abs() < 10 + kind / 2;
    let colour = match kind {
        0 | 3 | 5 if roof => [190, 110, 85],
        1 | 6 if roof => [215, 205, 195],
        4 if x * x + 2 * y * y < 300 => [60, 100, 160],
        _ => [105, 125, 70],
    };
    let road = (row - 186).abs() < 6;
    let colour: [i16; 3] = if road { [125, 125, 125] } else { colour };
    [0, 1, 2].map(|c| (colour[c] + grain(c as i64)).clamp(0, 255) as u8)
}

fn scenes(folder: &Path) -> PathBuf {
    let scenes = folder.join("scenes");
    std::fs::create_dir_all(&scenes).expect("a folder");
    Scene { at: (0, 0), cols: 230, rows: 250, colour: &village }.write(&scenes.join("west.tif"));
    Scene { at: (210, 30), cols: 110, rows: 200, colour: &village }.write(&scenes.join("east.tif"));
    scenes
}

fn maker(scenes: &Path, store: &Path, (block_px, scoring): (u32, &Scoring)) -> Maker {
    let card = ModelCard::open(&fixture("models/sam.toml")).expect("a fixture");
    let sources = vec![scenes.to_owned()];
    let mosaic = Mosaic::open(&sources).expect("a mosaic");
    let scoring = scoring.clone();
    let options = SegmentOptions { block_px: Some(block_px), scoring, ..SegmentOptions::default() };
    let manifest = plan(&mosaic, &sources, &card, &options).expect("a plan");
    let store = LabelStore::create(store, &manifest).expect("a store");
    Maker::start(store, mosaic, &card, Device::Cpu).expect("ONNX Runtime is in target/onnxruntime: run make setup")
}

/// Classes, confidence and instances of the whole grid.
type Labels = (Vec<u8>, Vec<u8>, Vec<u32>);

fn instances(store: &LabelStore) -> Vec<u32> {
    let whole: Window = store.grid().window();
    let mut all = vec![0; whole.pixels()];
    for block in store.grid().blocks() {
        let map = store.read(block).expect("made");
        let of_block = map.instances.expect("objects are told apart");
        for row in map.window.row..map.window.end_row() {
            let (from, to) = (map.window.index(map.window.col, row), whole.index(map.window.col, row));
            let len = map.window.cols as usize;
            all[to..to + len].copy_from_slice(&of_block[from..from + len]);
        }
    }
    all
}

fn made(scenes: &Path, store: &Path, how: (u32, &Scoring), order: impl Fn(&BlockId) -> u64) -> (Labels, f64) {
    let maker = maker(scenes, store, how);
    let mut blocks = maker.store().wanted();
    blocks.sort_by_key(order);
    let needed = maker.chips_needed(&blocks);
    let made = |event: orthotile::seed::MakeEvent<'_>| {
        assert!(matches!(event, orthotile::seed::MakeEvent::Made(_)), "{event:?}");
    };
    maker.make(&blocks, &mut { made }).expect("made");
    let (classes, confidence) = label_map(maker.store());
    ((classes, confidence, instances(maker.store())), maker.chips_run() as f64 / needed as f64)
}

/// Holds the labels of small blocks in some order to those of one block.
fn same_in_every_order(folder: &Path, scenes: &Path, scoring: &Scoring) -> Labels {
    let (truth, ratio) = made(scenes, &folder.join("whole"), (1024, scoring), |_| 0);
    assert!(ratio <= 1.0, "{ratio}");
    for (block_px, seed) in [(64, 1), (128, 2)] {
        let order = |b: &BlockId| {
            (u64::from(b.row) * 7919 + u64::from(b.col) * 104_729 + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        };
        let (labels, ratio) = made(scenes, &folder.join(block_px.to_string()), (block_px, scoring), order);
        assert!(labels == truth, "blocks of {block_px} px");
        assert!(ratio <= 1.05, "chips run to chips needed: {ratio}");
    }
    truth
}

#[test]
fn classes_and_instances_are_the_same_whatever_the_blocks_and_their_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenes = scenes(folder.path());
    let (classes, confidence, instances) = same_in_every_order(folder.path(), &scenes, &Scoring::default());
    for class in [0, 1, 4, 7] {
        assert!(classes.contains(&class), "void, building, water and unknown: no {class}");
    }
    let objects: std::collections::BTreeSet<u32> = instances.iter().copied().filter(|id| *id != 0).collect();
    assert!(objects.len() >= 8, "{} objects", objects.len());
    let odd = |i: usize| instances[i] != 0 && (classes[i] == 0 || confidence[i] == 0);
    assert!(!(0..classes.len()).any(odd), "an object has a class and a confidence, and none is where no imagery is");
}

/// A head taught on a few roofs, ponds and meadows of the village.
fn village_head(folder: &Path, scenes: &Path) -> PathBuf {
    let plots = (0..4).flat_map(|r| (0..4).map(move |c| (c, r)));
    let labelled = plots.filter_map(|(c, r): (i64, i64)| {
        let (x, y) = (f64::from(c as i32) * 70.0 + 35.0, f64::from(r as i32) * 62.0 + 31.0);
        let square = |half: f64| [x - half, y - half, x + half, y + half];
        (c < 3 && r != 3).then_some(match (c * 5 + r * 3).rem_euclid(7) {
            4 => ("water", square(9.0)),
            2 => ("grass", square(25.0)),
            _ => ("building", square(10.0)),
        })
    });
    let (some, head) = (folder.join("some.geojson"), folder.join("head.json"));
    labels(&scenes.join("west.tif"), &labelled.collect::<Vec<_>>(), &some);
    let paths =
        [("", scenes), ("--model", &fixture("models/dinov2-registers.onnx")), ("--labels", &some), ("-o", &head)];
    done(&["train", "--device", "cpu"], &paths);
    head
}

/// The middles of the ponds and roofs that lie whole in the village's west, and the class of each.
fn middles() -> Vec<((i64, i64), u8)> {
    let plots = (0..3).flat_map(|r| (0..3).map(move |c| (c, r)));
    let of = |(c, r): (i64, i64)| {
        let class = match (c * 5 + r * 3).rem_euclid(7) {
            4 => 4,
            2 => return None,
            _ => 1,
        };
        Some(((c * 70 + 35, r * 62 + 31), class))
    };
    plots.filter_map(of).collect()
}

#[test]
fn features_under_masks_say_what_they_are_the_same_in_every_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenes = scenes(folder.path());
    let head = village_head(folder.path(), &scenes);
    let features = fixture("models/dinov2-registers.onnx");
    let scorer = Some(ScorerFile::read(&head).expect("trained"));
    let scoring = Scoring { features: Some(features.clone()), scorer, ..Scoring::default() };
    let (classes, confidence, instances) = same_in_every_order(folder.path(), &scenes, &scoring);
    assert!(classes.iter().all(|class| [0, 1, 4, 7, 9].contains(class)), "classes of the head, and where no mask lies");
    let at = |(col, row): (i64, i64)| (row * 320 + col) as usize;
    let objects: Vec<_> = middles().into_iter().filter(|(place, _)| instances[at(*place)] != 0).collect();
    let right = objects.iter().filter(|(place, class)| classes[at(*place)] == *class).count();
    assert!(objects.len() >= 5 && right * 10 >= objects.len() * 8, "{right} of {}", objects.len());
    assert!(objects.iter().all(|(place, _)| confidence[at(*place)] > 40), "outline and class are sure together");

    let store = folder.path().join("cli");
    let of = [("", scenes.as_path()), ("--model", &fixture("models/sam.toml")), ("--store", &store)];
    let with = [("--features", features.as_path()), ("--scorer", &head)];
    let segment = ["segment", "--device", "cpu", "--block-px", "128"];
    let told = done(&segment, &[&of[..], &with[..]].concat());
    assert!(told.contains("features kept"), "{told}");
    assert!(label_map(&LabelStore::open(&store).expect("made")).0 == classes, "the same from the command line");
    let live = Live::open_folder("village", &store, Some(Device::Cpu), FeatureOptions::within(0.5)).expect("serves");
    assert!(live.can_make() && live.feature_cache().is_some_and(|cache| cache.bytes > 0), "and from the server");
    let unknown = folder.path().join("unknown");
    let of =
        [of[0], of[1], ("--store", unknown.as_path()), with[0], with[1], ("--feature-cache", &store.join("features"))];
    let told = done(&["segment", "--device", "cpu", "--unknown", "0.01"], &of);
    assert!(told.contains("(100 %)"), "features are kept, whatever is asked of them: {told}");
    let far = label_map(&LabelStore::open(&unknown).expect("made")).0;
    let others = |classes: &[u8]| classes.iter().filter(|class| **class == 7).count();
    assert!(others(&far) > others(&classes), "more is unknown: {} and {}", others(&far), others(&classes));
}

#[test]
fn clusters_that_class_masks_take_other_classes_for_the_next_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let (scene, store) = (folder.path().join("plot.tif"), folder.path().join("store"));
    Scene { at: (0, 0), cols: 100, rows: 100, colour: &village }.write(&scene);
    let features = fixture("models/dinov2-registers.onnx");
    done(&["clusters", "-k", "3", "--device", "cpu"], &[("", &scene), ("--model", &features), ("--store", &store)]);
    let clusters = store.join("clusters.json");
    let of = [("", scene.as_path()), ("--model", &fixture("models/sam.toml")), ("--store", &store)];
    let with = [("--features", features.as_path()), ("--scorer", &clusters)];
    done(&["segment", "--device", "cpu", "--no-summary"], &[&of[..], &with[..]].concat());
    let before = label_map(&LabelStore::open(&store).expect("made"));
    let told = done(&["clusters", "--assign", "1=water"], &[("--store", &store)]);
    assert!(told.contains("masks are not kept"), "{told}");
    assert!(label_map(&LabelStore::open(&store).expect("as it was")) == before, "labels stay");
    assert_eq!(Scorer::open(&clusters).expect("written").classes[0].city_class, "water");
}

#[test]
fn features_of_masks_that_cannot_be_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenes = scenes(folder.path());
    let head = village_head(folder.path(), &scenes);
    let failed = |model: &str, features: &str, more: &[&str], words: &str| {
        let store = folder.path().join("store");
        let (model, features) = (fixture("models").join(model), fixture("models").join(features));
        let of = [("", scenes.as_path()), ("--model", &model), ("--features", &features), ("--store", &store)];
        let output = super::features::orthotile(
            &[&["segment", "--device", "cpu"], more].concat(),
            &[&of[..], &[("--scorer", head.as_path())]].concat(),
        );
        assert!(!output.status.success() && told(&output).contains(words), "{words}: {}", told(&output));
        assert!(!store.exists(), "what failed leaves nothing behind: {words}");
    };
    failed("dinov2-registers.onnx", "dinov2-registers.onnx", &[], "--features");
    failed("sam.toml", "threshold.onnx", &[], "--features takes a model of family");
    failed("sam.toml", "dinov2-plain.onnx", &[], "features.network");
    failed("sam.toml", "dinov2-registers.onnx", &["--guided", "4"], "guided");
    failed("sam.toml", "dinov2-registers.onnx", &["--unknown", "7"], "--unknown");
}

#[test]
fn an_object_keeps_its_number_over_a_gap_of_chips_and_most_roofs_are_one_object() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenes = scenes(folder.path());
    let ((classes, _, instances), _) = made(&scenes, &folder.path().join("store"), (1024, &Scoring::default()), |_| 0);
    let (mut roofs, mut whole) = (0, 0);
    for plot in (0..3).flat_map(|r| (0..3).map(move |c| (c, r))) {
        let (col, row): (i64, i64) = (plot.0 * 70 + 35, plot.1 * 62 + 31);
        if matches!((plot.0 * 5 + plot.1 * 3).rem_euclid(7), 0 | 1 | 3 | 5 | 6) {
            // The middle of a roof, well inside its edges.
            let around = (row - 4..row + 5).flat_map(|r| (col - 6..col + 7).map(move |c| (r * 320 + c) as usize));
            let first = (row * 320 + col) as usize;
            let same = around.filter(|i| instances[*i] == instances[first]).count();
            roofs += 1;
            whole += usize::from(same > 100 && instances[first] != 0 && classes[first] == 1);
        }
    }
    assert!(whole * 2 > roofs, "{whole} of {roofs} roofs");
}

/// The features of two houses, wall to wall.
fn row_of_two(instances: Option<[u32; 2]>) -> Vec<Feature> {
    let transform = GeoTransform::new([700_000.0, 0.3, 0.0, 3_060_000.0, 0.0, -0.3]).expect("regular");
    let frame = PixelFrame { crs: Crs::new("EPSG:32645").expect("known"), transform };
    let grid = WorkGrid { frame, cols: 120, rows: 80, block_px: 64 };
    let mut traced = TracedBlocks::default();
    for block in grid.blocks() {
        let window = grid.block_window(block);
        let pixels: Vec<(i64, i64)> =
            (window.row..window.end_row()).flat_map(|r| (window.col..window.end_col()).map(move |c| (c, r))).collect();
        let house = |&(col, row): &(i64, i64)| {
            ((20..60).contains(&row)).then_some(()).and((20..100).contains(&col).then_some(usize::from(col >= 60)))
        };
        let labels = LabelMap {
            window,
            classes: pixels.iter().map(|p| if house(p).is_some() { 1 } else { 7 }).collect(),
            confidence: vec![200; pixels.len()],
            instances: instances.map(|ids| pixels.iter().map(|p| house(p).map_or(0, |i| ids[i])).collect()),
            unknown: None,
        };
        traced.insert(BlockId { ..block }, trace(&labels));
    }
    let options = FeatureOptions::within(0.45);
    let features = traced.features(&grid, &Scheme::city(), &options).expect("a grid on the ground");
    features.into_iter().filter(|f| f.class == ClassId(1)).collect()
}

#[test]
fn houses_wall_to_wall_are_two_features_where_objects_are_told_apart() {
    assert_eq!(row_of_two(None).len(), 1);
    let two = row_of_two(Some([InstanceId::at(40, 40).get(), InstanceId::at(40, 80).get()]));
    assert_eq!(two.len(), 2);
    for house in &two {
        assert!((house.area_m2 - 40.0 * 40.0 * 0.09).abs() < 0.5, "{}", house.area_m2);
    }
    assert_ne!(two[0].id, two[1].id);
}

fn orthotile(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_orthotile")).args(arguments).output().expect("starts")
}

#[test]
fn from_the_command_line_to_features() {
    let folder = tempfile::tempdir().expect("a folder");
    let [scenes, store, out] = [scenes(folder.path()), folder.path().join("store"), folder.path().join("town.geojson")]
        .map(|p| p.display().to_string());
    let model = fixture("models/mobile-sam.toml").display().to_string();
    let segment = ["segment", &scenes, "--model", &model, "--store", &store, "--device", "cpu", "--block-px", "128"];
    let run = orthotile(&segment);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let run = orthotile(&["export", "--store", &store, "--output", &out]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let text = std::fs::read_to_string(&out).expect("written");
    let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let classes = document["features"].as_array().expect("features").iter();
    let classes: Vec<&str> = classes.filter_map(|f| f["properties"]["class"].as_str()).collect();
    assert!(classes.contains(&"building") && classes.contains(&"water"), "{classes:?}");
    let block = Path::new(&store).join("labels");
    let file = block.read_dir().expect("a store").flatten().next().expect("a block").path();
    let dataset = gdal::Dataset::open(file).expect("any GIS opens it");
    assert_eq!(dataset.raster_count(), 3, "class, confidence, instance");
}

#[test]
fn what_masks_cannot_do_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let sources = vec![scenes(folder.path())];
    let mosaic = Mosaic::open(&sources).expect("a mosaic");
    let card = ModelCard::open(&fixture("models/sam.toml")).expect("a fixture");
    let mut options = SegmentOptions::default();
    options.clean.boundary_m = 2.0;
    let error = plan(&mosaic, &sources, &card, &options).expect_err("no scores").to_string();
    assert!(error.contains("boundary"), "{error}");
    let scoring = Scoring { augment: "flips".parse::<Augment>().expect("known"), ..Scoring::default() };
    let options = SegmentOptions { scoring, ..SegmentOptions::default() };
    let error = plan(&mosaic, &sources, &card, &options).expect_err("no scores").to_string();
    assert!(error.contains("sam.toml") && error.contains("masks"), "{error}");
}
