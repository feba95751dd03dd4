//! Features and what reads them, from the command line: clusters, their classes, kept features.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use orthotile::georef::{Ground, PixelPoint};
use orthotile::label::{LabelStore, StoreError};
use orthotile::model::{Device, Scorer};
use orthotile::pipeline::FeatureOptions;
use orthotile::raster::Mosaic;
use orthotile::seed::Live;

use crate::common::{Scene, fixture, label_map, town};

pub fn orthotile(args: &[&str], paths: &[(&str, &Path)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orthotile"));
    command.args(args);
    for (option, path) in paths {
        if !option.is_empty() {
            command.arg(option);
        }
        command.arg(path);
    }
    command.output().expect("starts")
}

pub fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

pub fn done(args: &[&str], paths: &[(&str, &Path)]) -> String {
    let output = orthotile(args, paths);
    assert!(output.status.success(), "{args:?}: {}", told(&output));
    told(&output)
}

/// A scene of a town, and a model of random features for it.
pub fn scene(folder: &Path) -> (PathBuf, PathBuf) {
    let path = folder.join("town.tif");
    Scene { at: (0, 0), cols: 420, rows: 360, colour: &town }.write(&path);
    (path, fixture("models").join("dinov2-registers.onnx"))
}

/// The labels of a store, as files.
fn blocks(store: &Path) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = std::fs::read_dir(store.join("labels")).expect("a store").flatten().collect();
    files.sort_by_key(std::fs::DirEntry::file_name);
    files.iter().map(|f| std::fs::read(f.path()).expect("read")).collect()
}

#[test]
fn clusters_are_fitted_once_named_and_labelled_again_without_the_network() {
    let folder = tempfile::tempdir().expect("a folder");
    let (scene, model) = scene(folder.path());
    let (store, again) = (folder.path().join("store"), folder.path().join("again"));
    let fit = |store: &Path, more: &[&str]| {
        let args = [&["clusters", "-k", "5", "--device", "cpu"], more].concat();
        done(&args, &[("", &scene), ("--model", &model), ("--store", store)])
    };
    fit(&store, &[]);
    fit(&again, &[]);
    let artifact = store.join("clusters.json");
    let of = |path: &Path| std::fs::read(path).expect("written");
    assert!(of(&artifact) == of(&again.join("clusters.json")), "the same clusters whenever they are fitted");
    assert!(fit(&store, &[]).contains("fitted before"), "once per mosaic");
    let refused = orthotile(&["clusters", "-k", "6"], &[("", &scene), ("--model", &model), ("--store", &store)]);
    assert!(told(&refused).contains("--refit"), "{}", told(&refused));
    let html = String::from_utf8(of(&store.join("clusters.html"))).expect("text");
    assert_eq!(html.matches("<td class=\"n\">").count(), 5);
    assert!(html.matches("data:image/png;base64,").count() >= 5 && !html.contains("http"), "all in one file");

    let segment = ["segment", "--device", "cpu", "--block-px", "256"];
    let paths = [("", scene.as_path()), ("--model", &model), ("--store", &store), ("--scorer", &artifact)];
    let summary = done(&segment, &paths);
    assert!(summary.contains("features kept") && summary.contains("(100 %)"), "fitting saw every chip: {summary}");
    let opened = LabelStore::open(&store).expect("made");
    let (before, block) = (label_map(&opened), opened.wanted()[0]);
    let map = opened.read(block).expect("made");
    let table = "1=building,2=road,3=water,4=road,5=water";
    let told_again = done(&["clusters", "--assign", table], &[("--store", &store)]);
    assert!(told_again.contains("the network was not run"), "{told_again}");
    let stale = [opened.read(block).err(), opened.write(block, &map).err()];
    let is_told = |error: &Option<StoreError>| matches!(error, Some(StoreError::Replaced { .. }));
    assert!(stale.iter().all(is_told), "who had the store open reads and writes nothing of before: {stale:?}");
    let labels = LabelStore::open(&store).expect("made again");
    let after = label_map(&labels);
    assert!(before != after && after.0.iter().all(|class| [0, 1, 2, 4].contains(class)), "classes of the table only");
    assert!(after.0.contains(&1) && after.0.contains(&4), "several of them");
    let classes: Vec<_> = Scorer::open(&artifact).expect("kept").classes.iter().map(|c| c.city_class.clone()).collect();
    assert_eq!(classes, ["building", "road", "water", "road", "water"]);
    let live = Live::open_folder("town", &store, Some(Device::Cpu), FeatureOptions::within(0.5)).expect("serves");
    assert!(live.feature_cache().is_some_and(|cache| cache.bytes > 0), "the server uses what is kept");

    // Killed while labels were put in the place of others, it is as before.
    let whole = blocks(&store);
    let aside = format!("labels-before-{}", &labels.manifest().fingerprint[..16]);
    std::fs::rename(store.join("labels"), store.join(&aside)).expect("set aside");
    std::fs::create_dir(store.join("labels")).expect("half-made");
    assert!(label_map(&LabelStore::open(&store).expect("comes back")) == after && blocks(&store) == whole);
    assert!(!store.join(aside).exists());

    // Where a chip is not kept, nothing is run in its stead, and the map stays as it was.
    let kept: Vec<_> = std::fs::read_dir(store.join("features")).expect("kept").flatten().map(|e| e.path()).collect();
    std::fs::remove_file(&kept[0]).expect("removed");
    let (map, scorer) = (blocks(&store), of(&artifact));
    let failed = orthotile(&["clusters", "--assign", "1=water"], &[("--store", &store)]);
    assert!(!failed.status.success() && told(&failed).contains("not kept"), "{}", told(&failed));
    assert!(blocks(&store) == map && of(&artifact) == scorer, "nothing has changed");
}

#[test]
fn what_cannot_be_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let (scene, model) = scene(folder.path());
    let store = folder.path().join("store");
    let failed = |args: &[&str], paths: &[(&str, &Path)], words: &str| {
        let output = orthotile(args, paths);
        assert!(!output.status.success() && told(&output).contains(words), "{words}: {}", told(&output));
    };
    let paths = [("", scene.as_path()), ("--model", &model), ("--store", &store)];
    failed(&["segment"], &paths, "--scorer");
    let semantic = fixture("models").join("threshold.onnx");
    failed(&["clusters"], &[("", &scene), ("--model", &semantic), ("--store", &store)], "output.patch_px");
    done(&["clusters", "-k", "3", "--device", "cpu"], &paths);
    let artifact = store.join("clusters.json");
    failed(&["clusters", "--assign", "9=road"], &[("--store", &store)], "there are 1 to 3");
    failed(&["clusters", "--assign", "1=castle"], &[("--store", &store)], "castle");
    let other = folder.path().join("other");
    let of_semantic = [("", scene.as_path()), ("--model", &semantic), ("--store", &other), ("--scorer", &artifact)];
    failed(&["segment"], &of_semantic, "reads features");
    let with = |model: &'static str| [("", scene.as_path()), ("--store", &other), ("--model", Path::new(model))];
    let threshold = "fixtures/models/threshold.onnx";
    failed(&["segment", "--mask-implausible"], &with(threshold), "none is marked here");
    failed(&["clusters", "--guided", "1000"], &paths, "radius_px 1 to 512");
    let head = folder.path().join("head.json");
    failed(&["train", "--guided", "1000"], &[("--labels", &scene), ("-o", &head)], "radius_px 1 to 512");
    failed(&["train", "--feature-precision", "int8"], &[("--labels", &scene), ("-o", &head)], "--feature-cache");
    failed(&["segment", "--feature-precision", "int8", "--feature-cache-mib", "0"], &paths, "keeps none");
    let plain = fixture("models").join("dinov2-plain.onnx");
    let third = folder.path().join("third");
    let of_other = [("", scene.as_path()), ("--model", &plain), ("--store", &third), ("--scorer", &artifact)];
    failed(&["segment"], &of_other, "features.network");
}

/// Three strips: dark, bright, green.
fn strips(col: i64, row: i64) -> [u8; 3] {
    let noise = (col.wrapping_mul(31) ^ row.wrapping_mul(17)).rem_euclid(23) as u8;
    match col {
        ..140 => [50 + noise, 50 + noise, 52 + noise],
        140..280 => [190 + noise, 185 + noise, 180 + noise],
        _ => [20 + noise, 170 + noise, 30 + noise],
    }
}

/// Rectangles of a mosaic's pixels with classes, as GeoJSON.
pub fn labels(mosaic: &Path, rectangles: &[(&str, [f64; 4])], path: &Path) {
    let mosaic = Mosaic::open(&[mosaic.to_owned()]).expect("a mosaic");
    let ground = Ground::new(mosaic.frame().transform, &mosaic.frame().crs).expect("on the ground");
    let feature = |(class, [left, top, right, bottom]): &(&str, [f64; 4])| {
        let ring = [(left, top), (left, bottom), (right, bottom), (right, top), (left, top)];
        let corner = |(col, row): (&f64, &f64)| {
            let at = ground.lon_lat(PixelPoint { col: *col, row: *row }).expect("on the ground");
            format!("[{:.9},{:.9}]", at.x, at.y)
        };
        format!(
            r#"{{"type":"Feature","properties":{{"class":"{class}"}},"geometry":{{"type":"Polygon","coordinates":[[{}]]}}}}"#,
            ring.map(corner).join(",")
        )
    };
    let features: Vec<String> = rectangles.iter().map(feature).collect();
    let text = format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(","));
    std::fs::write(path, text).expect("written");
}

#[test]
fn a_head_is_trained_on_few_polygons_serves_at_once_and_forgets_exactly() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let (scene, model) = (at("strips.tif"), fixture("models").join("dinov2-registers.onnx"));
    Scene { at: (0, 0), cols: 420, rows: 360, colour: &strips }.write(&scene);
    let rows = [[5.0, 110.0], [125.0, 230.0], [245.0, 355.0]];
    let of = |class: &'static str, from: f64| rows.map(|[top, bottom]| (class, [from, top, from + 120.0, bottom]));
    labels(&scene, &[of("road", 10.0), of("building", 150.0)].concat(), &at("some.geojson"));
    labels(&scene, &of("grass", 290.0), &at("more.geojson"));
    let (head, cache) = (at("head.json"), at("kept"));
    let train = |option: &str, file: &str, more: &[&str]| {
        let args = [&["train", "--device", "cpu"], more].concat();
        let paths = [("", scene.as_path()), ("--model", &model), ("-o", &head), ("--feature-cache", &cache)];
        done(&args, &[&paths[..], &[(option, &at(file))]].concat())
    };
    let told = train("--labels", "some.geojson", &[]);
    assert!(told.contains("building") && told.contains("polygons that were left out"), "{told}");
    let first = std::fs::read(&head).expect("written");

    let store = at("store");
    let segment = |more: &[&str], store: &Path| {
        let args = [&["segment", "--device", "cpu"], more].concat();
        let paths = [("", scene.as_path()), ("--model", &model), ("--scorer", &head), ("--store", store)];
        let told = done(&args, &[&paths[..], &[("--feature-cache", &cache)]].concat());
        (label_map(&LabelStore::open(store).expect("made")).0, told)
    };
    let (of_first, told) = segment(&[], &store);
    let map = &of_first;
    assert!(told.contains("features kept") && !told.contains("(0 %)"), "training kept those under labels: {told}");
    let grid = LabelStore::open(&store).expect("made").grid().window();
    let share = |map: &[u8], strip: u32, class: u8| {
        let (cols, width) = (grid.cols, grid.cols / 3);
        let inside = |i: &usize| {
            let col = *i as u32 % cols;
            (strip * width + 12..(strip + 1) * width - 12).contains(&col)
        };
        let all: Vec<usize> = (0..map.len()).filter(inside).collect();
        all.iter().filter(|i| map[**i] == class).count() as f64 / all.len() as f64
    };
    assert!(share(map, 0, 2) > 0.95 && share(map, 1, 1) > 0.95, "{} {}", share(map, 0, 2), share(map, 1, 1));
    let (unknown, told) = segment(&["--unknown", "1"], &at("unknown"));
    assert!(told.contains("(100 %)"), "the first map kept the others: {told}");
    let others = [0, 1, 2].map(|strip| share(&unknown, strip, 7));
    assert!(others[2] > 0.9 && others[0] < 0.2 && others[1] < 0.2, "the green was never seen: {others:?}");
    let (guided, _) = segment(&["--guided", "6"], &at("guided"));
    assert!(guided != of_first && share(&guided, 1, 1) > 0.95, "edges move, areas stay");

    let told = train("--add", "more.geojson", &[]);
    assert!(told.contains("3 polygons added") && told.contains("grass"), "{told}");
    let (map, _) = segment(&[], &at("three"));
    assert!(share(&map, 2, 9) > 0.95, "now it knows grass: {}", share(&map, 2, 9));
    let stale = orthotile(
        &["segment", "--device", "cpu"],
        &[("", &scene), ("--model", &model), ("--scorer", &head), ("--store", &store)],
    );
    assert!(super::features::told(&stale).contains("scorer"), "the first map is of the first head");
    // The head went on to learn; the store keeps the one that it was made with, and goes on with that.
    let live = Live::open_folder("strips", &store, Some(Device::Cpu), FeatureOptions::within(0.5));
    live.expect("serves, and makes what is missing");
    let files = std::fs::read_dir(&store).expect("a store").flatten().map(|file| file.path());
    let kept = files.into_iter().find(|path| path.to_string_lossy().contains("scorer-")).expect("kept");
    assert!(std::fs::read(&kept).expect("kept") == first);
    // Also where it is all that is left, a run that cannot begin takes nothing away.
    let alone = at("alone").join(kept.file_name().expect("a name"));
    std::fs::create_dir(at("alone")).expect("a folder");
    std::fs::copy(&kept, &alone).expect("copied");
    let paths = [("", scene.as_path()), ("--model", &model), ("--scorer", &alone), ("--store", &at("alone"))];
    assert!(!orthotile(&["segment", "--device", "cuda:99"], &paths).status.success() && alone.exists());
    let labels = LabelStore::open(&store).expect("made");
    std::fs::remove_file(labels.block_path(labels.wanted()[0])).expect("one block less");
    let paths = [("", scene.as_path()), ("--model", &model), ("--scorer", &kept), ("--store", &store)];
    done(&["segment", "--device", "cpu"], &paths);
    assert!(label_map(&LabelStore::open(&store).expect("made")).0 == of_first, "the same map");
    done(&["train"], &[("--remove", &at("more.geojson")), ("-o", &head)]);
    assert!(std::fs::read(&head).expect("written") == first, "out again, to the bit");

    let (bytes, told) = segment(&["--feature-precision", "int8"], &at("bytes"));
    assert!(told.contains("(0 %)"), "of another precision nothing is kept: {told}");
    assert!(share(&bytes, 0, 2) > 0.95 && share(&bytes, 1, 1) > 0.95, "a byte a number is enough");
    let size = |end: &str| {
        let files = std::fs::read_dir(&cache).expect("kept").flatten();
        let sizes = files.filter(|file| file.path().extension().is_some_and(|e| e == end));
        sizes.map(|file| file.metadata().expect("a size").len()).sum::<u64>()
    };
    assert!(size("int8") > 0 && size("int8") * 10 < size("f16") * 7, "{} of {}", size("int8"), size("f16"));

    for refine in ["logistic", "mlp"] {
        let told = train("--labels", "some.geojson", &["--refine", refine]);
        assert!(told.contains(&format!("({refine})")) && told.contains("polygons that were left out"), "{told}");
        let (map, _) = segment(&[], &at(refine));
        assert!(share(&map, 0, 2) > 0.95 && share(&map, 1, 1) > 0.95, "{refine}");
        let told = train("--add", "more.geojson", &[]);
        assert!(told.contains(&format!("({refine})")), "what made the head before makes it again: {told}");
    }
}
