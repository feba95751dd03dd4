//! Reference systems, areas of interest, class rasters, elevation and models as people have them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gdal::DriverManager;
use gdal::raster::{Buffer, GdalType};
use gdal::spatial_ref::{AxisMappingStrategy, CoordTransform, SpatialRef};
use orthotile::georef::{Crs, MapPoint, Projector};
use rstest::rstest;
use tempfile::TempDir;

use super::{Finished, case, orthotile};
use crate::common::{Scene, fixture, town};

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// `segment` with a toy model into `store` of a folder.
#[track_caller]
fn segment(folder: &Path, scenes: &[&str], more: &[&str]) -> Finished {
    let model = text(&fixture("models/identity.onnx"));
    let fixed = ["--model", &model, "--store", "store", "--device", "cpu", "--block-px", "64", "--min-area-m2", "0"];
    orthotile(folder, &[&["segment"], scenes, &fixed, more].concat())
}

/// Number of label blocks in `store`.
fn blocks(folder: &Path) -> usize {
    std::fs::read_dir(folder.join("store/labels")).map_or(0, Iterator::count)
}

/// Area by class of what `vectorize` makes, in whole square metres.
#[track_caller]
fn areas(folder: &Path, raster: &Path, more: &[&str]) -> BTreeMap<String, i64> {
    let raster = text(raster);
    let fixed = ["vectorize", &raster, "-o", "x.geojson", "--tolerance-m", "0"];
    orthotile(folder, &[&fixed, more].concat()).succeeded();
    let json = std::fs::read_to_string(folder.join("x.geojson")).expect("written");
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let mut areas = BTreeMap::new();
    for feature in json["features"].as_array().expect("features") {
        let properties = &feature["properties"];
        let class = properties["class"].as_str().expect("a class").to_owned();
        *areas.entry(class).or_insert(0) += properties["area_m2"].as_i64().expect("an area");
    }
    areas
}

#[track_caller]
fn assert_areas(found: &BTreeMap<String, i64>, expected: &[(&str, i64)]) {
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.iter().map(|(class, _)| class).collect::<Vec<_>>());
    for (class, area) in expected {
        // Ground metres: UTM's are 0.04 % longer in the middle of a zone.
        assert!((found[*class] - area).abs() <= 1 + area / 500, "{class}: {} m², not {area}", found[*class]);
    }
}

/// A raster of one band in `crs`, half-metre pixels.
fn raster<T: GdalType + Copy>(path: &Path, crs: &SpatialRef, first: (f64, f64), (cols, values): (usize, Vec<T>)) {
    let driver = DriverManager::get_driver_by_name("GTiff").expect("GDAL has GeoTIFF");
    let size = (cols, values.len() / cols);
    let mut dataset = driver.create_with_band_type::<T, _>(path, size.0, size.1, 1).expect("a writable folder");
    dataset.set_geo_transform(&[first.0, 0.5, 0.0, first.1, 0.0, -0.5]).expect("georeference");
    dataset.set_spatial_ref(crs).expect("georeference");
    dataset.rasterband(1).expect("a band").write((0, 0), size, &mut Buffer::new(size, values)).expect("written");
    dataset.close().expect("closed");
}

fn utm() -> SpatialRef {
    SpatialRef::from_epsg(32632).expect("known")
}

/// A scene of 200 × 150 pixels of 0.25 m at 9° E, 49.6° N, in a folder of its own.
fn scene() -> TempDir {
    let folder = folder();
    Scene { at: (0, 0), cols: 200, rows: 150, colour: &town }.write(&folder.path().join("a.tif"));
    folder
}

// Reference systems.

#[test]
fn a_reference_system_without_a_place_is_refused_by_every_command() {
    let Some(case) = case("01-engineering-crs-panic") else { return };
    let folder = folder();
    for (file, words) in [
        ("local_cs.tif", &["RGF93 / Lambert-93", "local (engineering)", "EPSG:2154"][..]),
        ("unnamed.tif", &["unnamed", "local (engineering)", "gdal_edit.py"]),
        ("vertical.tif", &["unnamed", "local (engineering)", "gdal_edit.py"]),
    ] {
        let path = text(&case.join(file));
        let words = [&[file], words].concat();
        orthotile(folder.path(), &["vectorize", &path, "-o", "x.geojson"]).failed_with(&words);
        orthotile(folder.path(), &["inspect", &path]).failed_with(&words);
        segment(folder.path(), &[&path], &[]).failed_with(&words);
        let rgb = text(&case.join("rgb.tif"));
        for option in [&["--dsm", &path][..], &["--dsm", &rgb, "--dtm", &path]] {
            let finished = segment(folder.path(), &[&rgb], option);
            assert!(!finished.text().contains("segmented") && blocks(folder.path()) == 0, "{}", finished.text());
            if option.len() == 2 {
                finished.failed_with(&words);
            }
        }
    }
}

#[rstest]
#[case::us_survey_feet(2263, -74.0, 40.7)]
#[case::krovak(5514, 14.4, 50.1)]
#[case::krovak_south_west(5513, 14.4, 50.1)]
#[case::krovak_of_old(2065, 14.4, 50.1)]
#[case::south_orientated(2048, 19.1, -33.0)]
#[case::northing_first(2953, -66.5, 46.5)]
#[case::gauss_kruger(31467, 9.0, 48.0)]
#[case::gauss_kruger_northing_first(2180, 19.0, 52.0)]
#[case::polar(3031, 45.0, -75.0)]
#[case::ups_north(32661, 45.0, 85.0)]
#[case::deprecated(2400, 15.0, 60.0)]
#[case::degrees(4258, 9.0, 48.0)]
#[case::gradians(4807, 2.3, 48.8)]
#[case::swiss(2056, 7.4, 46.9)]
#[case::lambert(2154, 2.3, 48.8)]
fn positions_are_those_of_gdal(#[case] code: u32, #[case] lon: f64, #[case] lat: f64) {
    let Ok(mut system) = SpatialRef::from_epsg(code) else { panic!("EPSG:{code} is unknown to GDAL") };
    system.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
    let mut lon_lat = SpatialRef::from_epsg(4326).expect("known");
    lon_lat.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
    let (mut x, mut y) = ([lon], [lat]);
    let to_system = CoordTransform::new(&lon_lat, &system).expect("an operation");
    to_system.transform_coords(&mut x, &mut y, &mut []).expect("inside");
    // As a GeoTIFF says it, and by its code.
    for definition in [system.to_wkt().expect("WKT"), format!("EPSG:{code}")] {
        let crs = Crs::new(&definition).expect("usable");
        let back = Projector::new(&crs, &Crs::lon_lat()).expect("an operation");
        let back = back.project(MapPoint { x: x[0], y: y[0] }).expect("inside");
        assert!((back.x - lon).abs() < 2e-5 && (back.y - lat).abs() < 2e-5, "{definition}: {back:?}");
    }
}

#[test]
fn areas_in_feet_are_square_metres() {
    let folder = folder();
    let path = folder.path().join("feet.tif");
    let system = SpatialRef::from_epsg(2263).expect("New York, in US survey feet");
    // 40 × 40 pixels of half a foot: 400 square feet are 37.16 m².
    raster(&path, &system, (984_000.0, 199_000.0), (40, vec![7_u8; 1600]));
    assert_areas(&areas(folder.path(), &path, &[]), &[("7", 37)]);
}

// Areas of interest, labels.

#[test]
fn a_byte_order_mark_is_skipped() {
    let Some(case) = case("09-geojson-bom") else { return };
    let folder = folder();
    let scene = text(&case.join("rgb.tif"));
    for file in ["plain.geojson", "bom.geojson", "utf16.geojson"] {
        segment(folder.path(), &[&scene], &["--aoi", &text(&case.join(file))]).succeeded();
    }
    let model = text(&fixture("models/dinov2-plain.onnx"));
    let labels = text(&case.join("bom.geojson"));
    let train = ["train", &scene, "--model", &model, "--labels", &labels, "-o", "head.json", "--device", "cpu"];
    let finished = orthotile(folder.path(), &train);
    assert!(!finished.text().contains("expected value"), "{}", finished.text());
}

#[test]
fn a_declared_system_gives_the_same_area() {
    let Some(case) = case("10-geojson-crs-member-ignored") else { return };
    let folder = folder();
    let scene = text(&case.join("rgb.tif"));
    let mut counts = Vec::new();
    for file in ["wgs_4326.geojson", "mgi_4312.geojson", "utm_32633.geojson"] {
        segment(folder.path(), &[&scene], &["--aoi", &text(&case.join(file))]).succeeded();
        counts.push(blocks(folder.path()));
        std::fs::remove_dir_all(folder.path().join("store")).expect("there");
    }
    assert_eq!(counts, [counts[0]; 3]);
}

#[test]
fn an_area_around_the_world_holds_the_mosaic() {
    let Some(case) = case("24-aoi-around-the-world") else { return };
    let folder = folder();
    let scene = text(&case.join("rgb.tif"));
    for file in ["europe.geojson", "hemisphere.geojson", "world.geojson"] {
        segment(folder.path(), &[&scene], &["--aoi", &text(&case.join(file))]).succeeded();
        assert_eq!(blocks(folder.path()), 4, "{file}");
        std::fs::remove_dir_all(folder.path().join("store")).expect("there");
    }
}

#[rstest]
#[case::missing("missing.geojson", None, &["missing.geojson", "No such file"])]
#[case::a_folder(".", None, &["it is a folder"])]
#[case::one_number("a.geojson", Some(r#"{"type":"Polygon","coordinates":[[[9],[9.1,49],[9,50],[9]]]}"#), &["[9] is no position"])]
#[case::unknown_system(
    "a.geojson",
    Some(r#"{"type":"FeatureCollection","crs":{"type":"name","properties":{"name":"EPSG:1234567"}},"features":[{"type":"Feature","properties":{},"geometry":{"type":"Polygon","coordinates":[[[9,49],[9.1,49],[9,50],[9,49]]]}}]}"#),
    &["a.geojson", "EPSG:1234567"]
)]
#[case::latitude_first("a.geojson", Some(r#"{"type":"Polygon","coordinates":[[[49.6,8.9],[49.7,8.9],[49.7,9.1],[49.6,8.9]]]}"#), &["a.geojson", "shares nothing", "latitude and longitude swapped"])]
#[case::a_geopackage("a.gpkg", Some("SQLite format 3\0"), &["a.gpkg", "GeoPackage", "ogr2ogr"])]
#[case::a_shapefile("a.shp", Some("\0\0\x27\n"), &["a.shp", "Shapefile", "ogr2ogr"])]
fn an_area_that_is_none_is_refused_once_and_by_name(
    #[case] name: &str,
    #[case] content: Option<&str>,
    #[case] words: &[&str],
) {
    let folder = scene();
    if let Some(content) = content {
        std::fs::write(folder.path().join(name), content).expect("written");
    }
    let finished = segment(folder.path(), &["a.tif"], &["--aoi", name]).failed_with(words);
    assert_eq!(finished.text().matches(words[words.len() - 1]).count(), 1, "{}", finished.text());
    assert_eq!(blocks(folder.path()), 0);
}

// Class rasters.

#[test]
fn a_mask_and_an_alpha_band_hide_classes() {
    let Some(case) = case("07-class-raster-mask-ignored") else { return };
    let folder = folder();
    for file in ["mask.tif", "alpha.tif"] {
        let found = areas(folder.path(), &case.join(file), &[]);
        assert_areas(&found, &[("0", 800), ("1", 100), ("2", 500), ("3", 200)]);
    }
}

#[test]
fn signed_bytes_are_negative_classes_and_nodata() {
    let Some(case) = case("08-signed-bytes") else { return };
    let folder = folder();
    let found = areas(folder.path(), &case.join("int8_nodata-1.tif"), &[]);
    assert_areas(&found, &[("1", 400), ("2", 500), ("3", 300)]);
    let found = areas(folder.path(), &case.join("int8.tif"), &[]);
    assert_areas(&found, &[("-1", 1200), ("1", 400), ("2", 500), ("3", 300)]);
}

#[test]
fn several_bands_of_data_ask_for_one() {
    let Some(case) = case("27-several-bands-first-taken") else { return };
    let folder = folder();
    let path = case.join("rgb_mask.tif");
    orthotile(folder.path(), &["vectorize", &text(&path), "-o", "x.geojson"]).failed_with(&[
        "rgb_mask.tif",
        "3 bands of data",
        "--band N",
    ]);
    assert!(!folder.path().join("x.geojson").exists());
    for (band, area) in [("1", 400), ("2", 500), ("3", 300)] {
        let found = areas(folder.path(), &path, &["--band", band]);
        assert_areas(&found, &[("0", 2400 - area), ("200", area)]);
    }
    orthotile(folder.path(), &["vectorize", &text(&path), "-o", "x.geojson", "--band", "4"])
        .failed_with(&["no band 4"]);
}

#[test]
fn classes_of_every_type_are_kept() {
    let folder = folder();
    let path = folder.path().join("c.tif");
    let at = (500_000.0, 5_500_000.0);
    let value = |i: usize| [-7_i16, 0, 3, 300][i % 40 / 10];
    let expected = [("-7", 100), ("0", 100), ("3", 100), ("300", 100)];
    raster(&path, &utm(), at, (40, (0..1600).map(value).collect::<Vec<i16>>()));
    assert_areas(&areas(folder.path(), &path, &[]), &expected);
    raster(&path, &utm(), at, (40, (0..1600).map(|i| i32::from(value(i))).collect::<Vec<i32>>()));
    assert_areas(&areas(folder.path(), &path, &[]), &expected);
    raster(&path, &utm(), at, (40, (0..1600).map(|i| f32::from(value(i))).collect::<Vec<f32>>()));
    assert_areas(&areas(folder.path(), &path, &[]), &expected);
    raster(&path, &utm(), at, (40, vec![1.25_f32; 1600]));
    orthotile(folder.path(), &["vectorize", "c.tif", "-o", "x.geojson"]).failed_with(&[
        "c.tif",
        "1.25",
        "whole numbers",
    ]);
}

#[test]
fn complex_samples_are_neither_classes_nor_heights() {
    let Some(case) = case("28-complex-samples") else { return };
    let folder = scene();
    for entry in
        case.read_dir().expect("a folder").flatten().filter(|e| e.path().extension().is_some_and(|e| e == "tif"))
    {
        let path = text(&entry.path());
        if entry.file_name().to_string_lossy().contains("rgb") {
            continue;
        }
        orthotile(folder.path(), &["vectorize", &path, "-o", "x.geojson"]).failed_with(&[&path, "complex samples"]);
        segment(folder.path(), &["a.tif"], &["--dsm", &path]).failed_with(&[&path, "complex samples"]);
    }
}

// Checks before work.

#[test]
fn elevation_is_looked_at_before_work() {
    let Some(case) = case("30-dsm-looked-at-last") else { return };
    let folder = folder();
    let scene = text(&case.join("a.tif"));
    for (dsm, words) in [
        ("missing.tif", &["missing.tif", "No such file"][..]),
        ("nocrs.tif", &["nocrs.tif", "coordinate reference system"]),
        ("far.tif", &["far.tif", "shares no ground", "100 km"]),
        ("a.tif", &["a.tif", "one band of heights"]),
        (".", &["30-dsm-looked-at-last", "it is a folder"]),
    ] {
        for more in [&[][..], &["--no-summary"]] {
            let dsm = text(&case.join(dsm));
            let finished = segment(folder.path(), &[&scene], &[&["--dsm", &dsm], more].concat()).failed_with(words);
            assert!(!finished.text().contains("segmented"), "{}", finished.text());
            assert!(!folder.path().join("store").exists(), "no store is left behind");
        }
    }
}

#[test]
fn what_is_guessed_about_elevation_is_reported() {
    let folder = scene();
    // The scene is 50 m wide: half of it, in metres that nobody declares; all of it, in feet.
    raster(&folder.path().join("half.tif"), &utm(), (500_000.0, 5_500_000.0), (50, vec![100_f32; 50 * 75]));
    let feet = SpatialRef::from_definition("EPSG:32632+6360").expect("known");
    raster(&folder.path().join("feet.tif"), &feet, (500_000.0, 5_500_000.0), (100, vec![100_f32; 100 * 75]));
    let finished = segment(folder.path(), &["a.tif"], &["--dsm", "half.tif"]).succeeded();
    for words in ["half.tif covers 50 % of the mosaic", "half.tif: heights are read as metres (assumed"] {
        assert!(finished.stderr.contains(words), "no {words:?} in {}", finished.stderr);
    }
    let finished = segment(folder.path(), &["a.tif"], &["--dsm", "feet.tif"]).succeeded();
    assert!(
        finished.stderr.contains("heights in US survey foot (by the band, 0.3048006 m each) are converted to metres"),
        "{}",
        finished.stderr
    );
    assert!(!finished.stderr.contains("covers"), "{}", finished.stderr);
}

#[test]
fn a_stray_scene_is_named_with_its_distance() {
    let Some(case) = case("31-stray-scene-is-not-named") else { return };
    let folder = folder();
    let scenes = ["a.tif", "stray.tif"].map(|file| text(&case.join(file)));
    let scenes = [scenes[0].as_str(), &scenes[1]];
    segment(folder.path(), &scenes, &[]).failed_with(&["stray.tif", "km from the other scenes", "leave it out"]);
    let finished = orthotile(folder.path(), &[&["inspect"], &scenes[..]].concat());
    assert!(finished.text().contains("stray.tif lies"), "{}", finished.text());
}

#[test]
fn a_store_in_the_place_of_something_else_is_refused() {
    let folder = scene();
    std::fs::write(folder.path().join("store"), "a file").expect("written");
    segment(folder.path(), &["a.tif"], &[]).failed_with(&["store", "it is a file"]);
    let model = text(&fixture("models/identity.onnx"));
    orthotile(folder.path(), &["segment", ".", "--model", &model, "--store", ".", "--device", "cpu"])
        .failed_with(&["the folder of the scenes"]);
}

#[test]
fn a_file_that_cannot_be_written_is_refused_before_work() {
    let folder = folder();
    let path = folder.path().join("c.tif");
    raster(&path, &utm(), (500_000.0, 5_500_000.0), (40, vec![7_u8; 1600]));
    std::fs::create_dir(folder.path().join("f.gpkg")).expect("made");
    for (output, words) in [
        ("none/x.gpkg", &["none/x.gpkg", "folder none does not exist"][..]),
        ("f.gpkg", &["f.gpkg", "it is a folder"]),
        ("x.shp", &["x.shp", ".gpkg"]),
    ] {
        orthotile(folder.path(), &["vectorize", "c.tif", "-o", output]).failed_with(words);
    }
}

// Models.

#[test]
fn a_network_that_is_no_plain_file_is_refused() {
    let folder = scene();
    let card = std::fs::read_to_string(fixture("models/identity.toml")).expect("a fixture");
    let file = card.lines().find(|line| line.starts_with("file")).expect("a key").to_owned();
    let pipe = folder.path().join("pipe.onnx");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success());
    let refused: [(PathBuf, bool); 3] = [("/dev/zero".into(), true), (folder.path().into(), true), (pipe, made)];
    for (network, _) in refused.iter().filter(|(_, there)| *there) {
        let line = format!("file = {:?}", text(network));
        std::fs::write(folder.path().join("model.toml"), card.replace(&file, &line)).expect("written");
        orthotile(folder.path(), &["inspect", "model.toml"]).failed_with(&[&text(network), "expected: a plain file"]);
    }
}

#[test]
fn the_classes_of_a_foreign_model_are_shown() {
    let folder = folder();
    let bytes = std::fs::read(fixture("models/deepness.onnx")).expect("a fixture");
    let at = bytes.windows(11).position(|w| w == b"_background").expect("its name");
    let mut changed = bytes.clone();
    changed[at..at + 11].copy_from_slice(b"notwoodland");
    std::fs::write(folder.path().join("m.onnx"), changed).expect("written");
    let finished = orthotile(folder.path(), &["inspect", "m.onnx", "--device", "cpu"]).succeeded();
    for words in ["notwoodland -> other", "building -> building", "woodland -> tree"] {
        assert!(finished.stdout.contains(words), "no {words:?} in {}", finished.stdout);
    }
}
