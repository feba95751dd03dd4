//! The demo town through GDAL: sizes, reference system, and one corner in every file.

use std::path::Path;

use gdal::Dataset;
use orthotile::demo::{DemoOptions, DemoTown, generate};
use orthotile::georef::{Crs, MapPoint, Projector};

const OPTIONS: DemoOptions =
    DemoOptions { seed: 5, width_m: 260.0, height_m: 200.0, resolution_m_per_px: 0.25, scene_rows: 1, scene_cols: 2 };

fn town(folder: &Path) -> DemoTown {
    generate(&OPTIONS, folder).expect("a town")
}

fn pixel(file: &Dataset, at: MapPoint) -> (f64, f64) {
    let c = file.geo_transform().expect("georeferenced");
    ((at.x - c[0]) / c[1], (at.y - c[3]) / c[5])
}

fn sample(file: &Dataset, at: MapPoint) -> Option<f64> {
    let (col, row) = pixel(file, at);
    let (cols, rows) = file.raster_size();
    let inside = col >= 0.0 && row >= 0.0 && col < cols as f64 && row < rows as f64;
    let window = inside.then_some((col as isize, row as isize))?;
    let band = file.rasterband(1).expect("a band");
    Some(band.read_as::<f64>(window, (1, 1), (1, 1), None).expect("reads").data()[0])
}

/// The outer ring of each building of the truth with its height, in UTM.
fn buildings(town: &DemoTown) -> Vec<(Vec<MapPoint>, f64)> {
    let text = std::fs::read_to_string(&town.truth).expect("reads");
    let truth: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let utm = Crs::new("EPSG:32632").expect("known");
    let projector = Projector::new(&Crs::lon_lat(), &utm).expect("known");
    let number = |v: &serde_json::Value| v.as_f64().expect("a number");
    let one = |feature: &serde_json::Value| {
        let ring = feature["geometry"]["coordinates"][0].as_array().expect("a ring");
        let point = |p: &serde_json::Value| projector.project(MapPoint { x: number(&p[0]), y: number(&p[1]) });
        let ring = ring.iter().map(|p| point(p).expect("inside")).collect();
        (ring, number(&feature["properties"]["height"]))
    };
    let features = truth["features"].as_array().expect("features").iter();
    features.filter(|f| f["properties"]["class"] == "building").map(one).collect()
}

#[test]
fn every_file_of_the_town_is_read_by_gdal() {
    let folder = tempfile::tempdir().expect("a folder");
    let town = town(folder.path());
    assert_eq!(town.scenes.len(), 2);
    let mut rasters = town.scenes.clone();
    rasters.extend([town.dsm.clone(), town.dtm.clone(), town.truth_classes.clone()]);
    for path in &rasters {
        let file = Dataset::open(path).expect("opens");
        assert_eq!(file.spatial_ref().expect("there").auth_code().expect("known"), 32632, "{}", path.display());
    }
    let size = |path: &Path| Dataset::open(path).expect("opens").raster_size();
    assert_eq!(size(&town.truth_classes), (1040, 800));
    assert_eq!(size(&town.dsm), (520, 400));
    assert_eq!(Dataset::open(&town.scenes[0]).expect("opens").raster_count(), 3);
    assert_eq!(Dataset::open(&town.scenes[1]).expect("opens").raster_count(), 4);
    assert_eq!(buildings(&town).len(), town.buildings);
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let (a, b) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let (one, other) = (town(a.path()), town(b.path()));
    let files = |t: &DemoTown| [vec![t.dsm.clone(), t.dtm.clone(), t.truth.clone()], t.scenes.clone()].concat();
    for (x, y) in files(&one).iter().zip(files(&other)) {
        assert_eq!(std::fs::read(x).expect("reads"), std::fs::read(y).expect("reads"), "{}", x.display());
    }
}

#[test]
fn a_wall_stands_at_the_same_place_in_truth_surface_model_and_class_raster() {
    let folder = tempfile::tempdir().expect("a folder");
    let town = town(folder.path());
    let open = |path: &Path| Dataset::open(path).expect("opens");
    let (dsm, dtm, classes) = (open(&town.dsm), open(&town.dtm), open(&town.truth_classes));
    let above = |p: MapPoint| Some(sample(&dsm, p)? - sample(&dtm, p)?);
    let (mut walls, mut agree) = (0, 0);
    for (ring, height) in buildings(&town) {
        for side in ring.windows(2) {
            let (dx, dy) = (side[1].x - side[0].x, side[1].y - side[0].y);
            let length = dx.hypot(dy);
            // A metre to the left of an anticlockwise side is indoors.
            let at = |off: f64| MapPoint {
                x: f64::midpoint(side[0].x, side[1].x) - dy / length * off,
                y: f64::midpoint(side[0].y, side[1].y) + dx / length * off,
            };
            let (Some(within), Some(without)) = (above(at(0.75)), above(at(-0.75))) else { continue };
            if length < 4.0 || without > 0.4 * height {
                continue; // a neighbour's wall or a tree
            }
            walls += 1;
            let seen = sample(&classes, at(0.4)) == Some(1.0) && sample(&classes, at(-0.4)) != Some(1.0);
            agree += i32::from(seen && within > 1.5);
        }
    }
    assert!(walls > 30 && f64::from(agree) >= 0.93 * f64::from(walls), "{agree} of {walls} walls");
}

#[test]
fn a_roof_edge_is_an_edge_in_the_scene() {
    let folder = tempfile::tempdir().expect("a folder");
    let town = town(folder.path());
    let scene = Dataset::open(&town.scenes[0]).expect("opens");
    let c = scene.geo_transform().expect("georeferenced");
    let classes = Dataset::open(&town.truth_classes).expect("opens");
    let t = classes.geo_transform().expect("georeferenced");
    let whole = |a: f64| (a - a.round()).abs() < 1e-6;
    assert!(whole((c[0] - t[0]) / t[1]) && whole((c[3] - t[3]) / t[5]) && (c[1] - t[1]).abs() < 1e-12);
    // The step across the truth's border is larger than the step two pixels further in.
    let (border, inside) = contrast(&scene, &classes);
    assert!(border > 1.5 * inside, "{border} at the border, {inside} inside");
}

/// The mean step of brightness between neighbours of a row: at building borders, and three pixels inside.
fn contrast(scene: &Dataset, classes: &Dataset) -> (f64, f64) {
    let (cols, rows) = scene.raster_size();
    let read = |file: &Dataset| {
        file.rasterband(1).expect("a band").read_as::<u8>((0, 0), (cols, rows), (cols, rows), None).expect("reads")
    };
    let (grey, class) = (read(scene), read(classes));
    let (mut border, mut inside) = ((0.0, 0.0), (0.0, 0.0));
    for at in (0..cols * rows).filter(|at| at % cols > 4 && at % cols < cols - 5) {
        let building = |off: usize| class.data()[at + off] == 1;
        let step = |off: usize| f64::from(grey.data()[at + off].abs_diff(grey.data()[at + off + 1]));
        if !building(0) && (1..5).all(building) {
            border = (border.0 + step(0), border.1 + 1.0);
            inside = (inside.0 + step(3), inside.1 + 1.0);
        }
    }
    (border.0 / border.1, inside.0 / inside.1)
}
