//! Small things that cost trust: the program says what it did, and refuses what cannot be meant.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::common::fixture;

struct Town(tempfile::TempDir);

impl Town {
    /// A town of 100 m with a store; with elevation, heights are measured.
    fn new(more: &[&str]) -> Self {
        let town = Self(tempfile::tempdir().expect("a folder"));
        town.succeeds(&["demo", "--out", ".", "--width-m", "100", "--height-m", "80", "--seed", "7"]);
        let model = fixture("models/context.toml").display().to_string();
        let segment = ["segment", "scenes", "--model", &model, "--store", "store", "--device", "cpu"];
        town.succeeds(&[&segment[..], more].concat());
        town
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orthotile"));
        let Output { status, stdout, stderr } =
            command.args(arguments).current_dir(self.folder()).output().expect("starts");
        (status.code(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
    }

    #[track_caller]
    fn succeeds(&self, arguments: &[&str]) -> String {
        let (code, text) = self.run(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {text}");
        text
    }

    #[track_caller]
    fn fails(&self, arguments: &[&str], words: &[&str]) {
        let (code, text) = self.run(arguments);
        assert!(code.is_some_and(|code| code != 0 && code != 101), "{arguments:?}: {code:?} {text}");
        assert!(!text.contains("panicked"), "{arguments:?}: {text}");
        words.iter().for_each(|word| assert!(text.contains(word), "{arguments:?}: no {word:?} in: {text}"));
    }
}

#[test]
fn an_export_says_what_it_wrote_and_what_it_left_out() {
    let town = Town::new(&["--dsm", "dsm.tif", "--dtm", "dtm.tif"]);
    let export = |more: &[&'static str]| [&["export", "--store", "store", "-o"], more].concat();
    let first = town.succeeds(&export(&["a.geojson"]));
    assert!(!first.contains("replaced") && !first.contains("0 centre lines"), "{first}");
    assert!(town.succeeds(&export(&["a.geojson"])).contains("a.geojson (replaced)"));
    town.fails(&export(&["a.parquet"]), &["a.parquet", ".gpkg", ".tif"]);
    assert!(!town.path("a.parquet").exists());
    // Confidence is percent, as in the attribute; fractions mean the same.
    let of = |least: &'static str| {
        let said = town.succeeds(&export(&["b.geojson", "--min-confidence", least]));
        (std::fs::read(town.path("b.geojson")).expect("written"), said)
    };
    let all = std::fs::read(town.path("a.geojson")).expect("written");
    assert_eq!(of("0.9").0, of("90").0);
    assert_ne!(of("90").0, all);
    assert!(of("100").1.contains("no feature passes"), "an empty file is announced");
    for wrong in ["nan", "inf", "-1", "101"] {
        town.fails(&export(&["b.geojson", "--min-confidence", wrong]), &["--min-confidence", "0 to 100"]);
    }
    // A box off the map is a mistake; one on the map may be empty.
    town.fails(&export(&["c.geojson", "--bbox", "0,0,1,1"]), &["--bbox", "does not touch the map", "9.19"]);
    assert!(!town.path("c.geojson").exists());
    town.succeeds(&export(&["c.geojson", "--bbox", "9,48,10,49"]));
}

#[test]
fn numbers_that_no_option_can_mean_are_refused_by_its_name() {
    let town = Town::new(&[]);
    let model = fixture("models/context.toml").display().to_string();
    let segment = ["segment", "scenes", "--model", &model, "--store", "new", "--device", "cpu"];
    let export = ["export", "--store", "store", "-o", "a.geojson"];
    let scorer = ["--scorer", "head.json"];
    for value in ["nan", "inf", "-inf", "-1", "1e300"] {
        for option in ["--road-gap-m", "--road-angle-deg", "--split-roofs", "--smooth", "--max-vertices"] {
            let asked = format!("{option}={value}");
            town.fails(&[&export[..], &[asked.as_str()]].concat(), &[option]);
        }
        for option in ["--min-area-m2", "--boundary-m", "--majority-rounds", "--block-px", "--unknown", "--guided"] {
            let asked = format!("{option}={value}");
            town.fails(&[&segment[..], &scorer[..], &[asked.as_str()]].concat(), &[option]);
        }
        for option in ["--width-m", "--height-m"] {
            town.fails(&["demo", "--out", "other", &format!("{option}={value}")], &[option]);
        }
    }
    assert!(!town.path("new").exists() && !town.path("other").exists());
}

#[test]
fn a_summary_tells_measured_heights_from_class_defaults() {
    let model = fixture("models/context.toml").display().to_string();
    let town = Town::new(&[]);
    let segment = ["segment", "scenes", "--model", &model, "--device", "cpu", "--store"];
    let said = town.succeeds(&[&segment[..], &["store"]].concat());
    assert!(said.contains("none measured") && !said.contains("median"), "{said}");
    let said = town.succeeds(&[&segment[..], &["other", "--dsm", "dsm.tif", "--dtm", "dtm.tif"]].concat());
    assert!(said.contains(" measured (median "), "{said}");
}

/// Polygons of the truth as labels.
fn labels(town: &Town, count: usize) {
    let text = std::fs::read_to_string(town.path("truth.geojson")).expect("written");
    let truth: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let of = |class: &'static str| {
        let features = truth["features"].as_array().into_iter().flatten().cloned();
        features.filter(move |f| f["properties"]["class"] == class && f["geometry"]["type"] == "Polygon").take(count)
    };
    let features: Vec<serde_json::Value> = of("vegetation").chain(of("road")).collect();
    let collection = serde_json::json!({"type": "FeatureCollection", "features": features});
    std::fs::write(town.path("labels.geojson"), collection.to_string()).expect("writable");
}

#[test]
fn a_head_keeps_the_defaults_of_its_card_and_says_what_it_was_judged_on() {
    let town = Town::new(&[]);
    labels(&town, 6);
    let card = std::fs::read_to_string(fixture("models/dinov2-plain.toml")).expect("a fixture");
    std::fs::copy(fixture("models/dinov2-plain.onnx"), town.path("dinov2-plain.onnx")).expect("copied");
    let defaults = "[labels]\nsplit_roofs = 0.12\nmin_area_m2 = 3.5\n\n[provenance]";
    std::fs::write(town.path("features.toml"), card.replace("[provenance]", defaults)).expect("writable");
    let model = ["--model", "features.toml", "--device", "cpu"];
    let train = ["train", "scenes", "--labels", "labels.geojson", "-o", "head.json"];
    let said = town.succeeds(&[&train[..], &model].concat());
    for word in ["recall", "precision", "IoU", "estimates for the ground around the labels", "not for another town"] {
        assert!(said.contains(word), "no {word:?} in: {said}");
    }
    let segment = ["segment", "scenes", "--scorer", "head.json", "--store", "by-head"];
    town.succeeds(&[&segment[..], &model].concat());
    let manifest = std::fs::read_to_string(town.path("by-head/store.json")).expect("written");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
    assert_eq!(manifest["split_roofs"], 0.12);
    assert_eq!(manifest["clean"]["min_area_m2"], 3.5);
}
