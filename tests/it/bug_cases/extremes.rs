//! Places where longitudes and latitudes end, pixels of millimetres, and numbers that are no degrees (cases 11, 12, 21).

use std::path::{Path, PathBuf};

use gdal::DriverManager;
use gdal::raster::Buffer;
use gdal::spatial_ref::SpatialRef;
use geo::{Area, BoundingRect, MapCoords, MultiPolygon, Polygon, Validation, Winding};
use geojson::{FeatureCollection, GeoJson};
use orthotile::georef::{Crs, Measure};

use super::{case, orthotile};
use crate::common::fixture;

/// A class raster; classes by column and row.
struct Classes<'a> {
    epsg: u32,
    transform: [f64; 6],
    size: (usize, usize),
    class: &'a dyn Fn(usize, usize) -> u8,
}

impl Classes<'_> {
    fn write(&self, path: &Path) {
        let driver = DriverManager::get_driver_by_name("GTiff").expect("GDAL has GeoTIFF");
        let mut file = driver.create_with_band_type::<u8, _>(path, self.size.0, self.size.1, 1).expect("a folder");
        file.set_geo_transform(&self.transform).expect("georeference");
        file.set_spatial_ref(&SpatialRef::from_epsg(self.epsg).expect("known")).expect("georeference");
        let cells = (0..self.size.0 * self.size.1).map(|i| (self.class)(i % self.size.0, i / self.size.0)).collect();
        let mut band = file.rasterband(1).expect("a band");
        band.set_no_data_value(Some(0.0)).expect("set");
        band.write((0, 0), self.size, &mut Buffer::new(self.size, cells)).expect("written");
    }
}

/// A file in a folder of its own, from a case or made here.
fn copied(from: &Path) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().join(from.file_name().expect("a file"));
    std::fs::copy(from, &to).expect("copied");
    (folder, to)
}

/// The polygons of each feature as written, and the whole document.
fn vectorized(file: &Path) -> (Vec<MultiPolygon<f64>>, FeatureCollection) {
    let (folder, name) = (file.parent().expect("a folder"), file.file_name().expect("a name").to_string_lossy());
    orthotile(folder, &["vectorize", &name, "-o", "x.geojson", "--tolerance-m", "0"]).succeeded();
    let text = std::fs::read_to_string(folder.join("x.geojson")).expect("written");
    let all = FeatureCollection::try_from(text.parse::<GeoJson>().expect("GeoJSON")).expect("a collection");
    let polygons =
        |feature: &geojson::Feature| match geo::Geometry::try_from(feature.geometry.clone().expect("has one"))
            .expect("a geometry")
        {
            geo::Geometry::Polygon(polygon) => polygon.into(),
            geo::Geometry::MultiPolygon(polygons) => polygons,
            other => panic!("{other:?}"),
        };
    (all.features.iter().map(polygons).collect(), all)
}

/// Panics unless polygons are what RFC 7946 allows.
#[track_caller]
fn assert_sound(polygons: &[MultiPolygon<f64>]) {
    for polygons in polygons {
        // In steps, as written: to a reader of binary numbers a vertex on an edge may lie beside it.
        let steps = polygons.map_coords(|c| geo::Coord { x: (c.x * 1e9).round(), y: (c.y * 1e9).round() });
        assert!(steps.is_valid(), "{:?}", steps.validation_errors());
        for polygon in polygons {
            assert!(polygon.exterior().is_ccw() && polygon.interiors().iter().all(Winding::is_cw));
            assert!(polygon.exterior().coords().all(|c| c.x.abs() <= 180.0 && c.y.abs() <= 90.0), "{polygon:?}");
        }
    }
}

fn ground_m2(polygons: &MultiPolygon<f64>) -> f64 {
    let measure = Measure::new(&Crs::lon_lat()).expect("known");
    polygons.iter().map(|p| measure.area_m2(p).expect("degrees")).sum()
}

#[track_caller]
fn assert_near(found: f64, expected: f64, share: f64) {
    assert!((found / expected - 1.0).abs() < share, "{found} is not {expected}");
}

/// By how much polar stereographic maps are smaller than the ground at their pole.
fn polar_scale(epsg: u32) -> f64 {
    match epsg {
        3031 => 0.972_769_012_891_835,
        3413 => 0.969_858_190_326_209,
        other => panic!("EPSG:{other}"),
    }
}

#[test]
fn regions_around_a_pole_are_closed_over_it() {
    for (epsg, pole) in [(3031, -90.0), (3413, 90.0)] {
        // A ring, a lake in it with the pole, and an islet at the pole in the lake.
        let class = |col: usize, row: usize| match (col.abs_diff(30), row.abs_diff(20)) {
            (0..=1, 0..=1) => 3,
            (0..=9, 0..=7) => 2,
            _ => 1,
        };
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("pole.tif");
        let transform = [-30_500.0, 1000.0, 0.0, 20_500.0, 0.0, -1000.0];
        Classes { epsg, transform, size: (60, 40), class: &class }.write(&file);
        let (polygons, collection) = vectorized(&file);
        assert_sound(&polygons);
        let bbox = collection.bbox.expect("bounds");
        assert!([pole, -180.0, 180.0].iter().all(|side| bbox.contains(side)), "{bbox:?}");
        let pixels = [60.0 * 40.0 - 19.0 * 15.0, 19.0 * 15.0 - 9.0, 9.0];
        for (polygons, pixels) in polygons.iter().zip(pixels) {
            assert_near(ground_m2(polygons), pixels * 1e6 / polar_scale(epsg).powi(2), 5e-4);
        }
        let holds_pole =
            |p: &MultiPolygon<f64>| p.bounding_rect().is_some_and(|b| [b.min().y, b.max().y].contains(&pole));
        assert_eq!(polygons.iter().map(holds_pole).collect::<Vec<_>>(), [false, false, true]);
    }
}

#[test]
fn regions_that_meet_at_a_pole_stay_apart() {
    for epsg in [3031, 3413] {
        // Four quarters with their corners at the pole, and halves whose border leads over it.
        for class in [|col, row| 1 + u8::from(col < 20) + 2 * u8::from(row < 20), |col, _| 1 + u8::from(col < 20)] {
            let class = |col: usize, row: usize| class(col, row);
            let folder = tempfile::tempdir().expect("a folder");
            let file = folder.path().join("quarters.tif");
            let transform = [-10_000.0, 500.0, 0.0, 10_000.0, 0.0, -500.0];
            Classes { epsg, transform, size: (40, 40), class: &class }.write(&file);
            let (polygons, _) = vectorized(&file);
            assert_sound(&polygons);
            let whole = 20_000.0_f64.powi(2) / polar_scale(epsg).powi(2);
            let count = polygons.len() as f64;
            polygons.iter().for_each(|p| assert_near(ground_m2(p), whole / count, 2e-4));
        }
    }
}

#[test]
fn degrees_beyond_180_are_cut_and_turned() {
    for (west, parts) in [(179.0, 2), (-181.0, 2), (180.0, 1), (359.0, 1), (-180.0, 1)] {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("fiji.tif");
        let transform = [west, 0.05, 0.0, -16.0, 0.0, -0.05];
        Classes { epsg: 4326, transform, size: (40, 20), class: &|_, _| 1 }.write(&file);
        let (polygons, _) = vectorized(&file);
        assert_sound(&polygons);
        assert_eq!(polygons.iter().map(|p| p.0.len()).collect::<Vec<_>>(), [parts], "{west}");
        assert!((polygons[0].unsigned_area() - 2.0).abs() < 1e-9);
    }
}

#[test]
fn rows_beyond_a_pole_are_cut_at_it() {
    let Some(case) = case("11-poles") else { return };
    let (_folder, file) = copied(&case.join("lat90_5.tif"));
    let (polygons, _) = vectorized(&file);
    assert_sound(&polygons);
    assert_eq!(polygons.len(), 3);
}

#[test]
fn a_raster_over_a_pole_gives_one_region_around_it() {
    let Some(case) = case("11-poles") else { return };
    let (_folder, file) = copied(&case.join("over_pole.tif"));
    let (polygons, _) = vectorized(&file);
    assert_sound(&polygons);
    assert_near(ground_m2(&polygons[0]), 2400.0 * 1e6 / polar_scale(3031).powi(2), 2e-4);
}

#[test]
fn imagery_over_a_pole_is_segmented_and_exported() {
    let Some(case) = case("11-poles") else { return };
    let (folder, file) = copied(&case.join("img_pole.tif"));
    let model = fixture("models/identity.onnx");
    let (name, model) = (file.file_name().expect("a name").to_string_lossy(), model.display().to_string());
    let store = ["--store", "st", "--device", "cpu", "--min-area-m2", "0", "--majority-rounds", "0"];
    orthotile(folder.path(), &[&["segment", &name, "--model", &model], &store[..]].concat()).succeeded();
    orthotile(folder.path(), &["export", "--store", "st", "-o", "x.geojson"]).succeeded();
    let text = std::fs::read_to_string(folder.path().join("x.geojson")).expect("written");
    assert!(text.parse::<GeoJson>().is_ok());
}

/// As `12-millimetre-pixels-collapse`, with rasters made here.
#[test]
fn pixels_of_millimetres_keep_their_regions() {
    for pixel in [0.005, 0.001, 0.0005] {
        // A pixel alone, a speck, and stripes.
        let class = |col: usize, row: usize| match (col, row) {
            (0, 0) => 9,
            (50..=52, 2..=3) => 8,
            _ => 1 + (col / 20) as u8,
        };
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("tiny.tif");
        let transform = [500_000.0, pixel, 0.0, 5_200_000.0, 0.0, -pixel];
        Classes { epsg: 32632, transform, size: (60, 40), class: &class }.write(&file);
        let (polygons, _) = vectorized(&file);
        assert_eq!(polygons.len(), 5, "{pixel} m");
        assert_eq!(polygons.iter().map(|p| p.0.len()).collect::<Vec<_>>(), [1; 5]);
        let rings = |p: &Polygon<f64>| p.exterior().0.len();
        assert!(polygons.iter().flatten().all(|p| rings(p) >= 5), "{pixel} m");
        let mut areas: Vec<f64> = polygons.iter().map(ground_m2).collect();
        areas.sort_by(f64::total_cmp);
        for (area, pixels) in areas.iter().zip([1.0, 6.0, 794.0, 799.0, 800.0]) {
            assert_near(*area, pixels * pixel * pixel / 0.9996_f64.powi(2), 0.25 / f64::min(pixels, 10.0));
        }
    }
}

/// As `21-metres-in-degrees`, with rasters made here.
#[test]
fn metres_declared_as_degrees_are_refused_by_name() {
    for (x, y) in [(500_000.0, 5_200_000.0), (1e7, 1e7), (700.0, 40.0), (10.0, 120.0)] {
        let folder = tempfile::tempdir().expect("a folder");
        Classes { epsg: 4326, transform: [x, 1.0, 0.0, y, 0.0, -1.0], size: (60, 20), class: &|_, _| 1 }
            .write(&folder.path().join("utm_as_4326.tif"));
        let model = fixture("models/identity.onnx").display().to_string();
        let segment = ["segment", "utm_as_4326.tif", "--model", &model, "--store", "st", "--device", "cpu"];
        let vectorize = ["vectorize", "utm_as_4326.tif", "-o", "x.geojson"];
        for arguments in [&vectorize[..], &["inspect", "utm_as_4326.tif"], &segment] {
            let first = format!("{x} to");
            let words = ["utm_as_4326.tif", "WGS 84", &first, "in degrees", "-a_srs"];
            orthotile(folder.path(), arguments).failed_with(&words);
        }
        assert!(!folder.path().join("x.geojson").exists());
    }
}

#[test]
fn areas_of_regions_that_span_three_degrees_are_those_of_the_earth() {
    // Squares of 3°, on a grid of degrees and on one of Web Mercator, against the areas of zones of the ellipsoid.
    let web_mercator = |lat: f64| 6_378_137.0 * lat.to_radians().tan().asinh();
    let step = 6_378_137.0 * 0.05_f64.to_radians();
    let rows = ((web_mercator(63.0) - web_mercator(60.0)) / step).round();
    let grids = [
        (4326, [8.0, 0.05, 0.0, 63.0, 0.0, -0.05], 60),
        (3857, [8.0 / 0.05 * step, step, 0.0, web_mercator(60.0) + rows * step, 0.0, -step], rows as usize),
    ];
    for (epsg, transform, rows) in grids {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("large.tif");
        Classes { epsg, transform, size: (60, rows), class: &|_, _| 1 }.write(&file);
        let (polygons, collection) = vectorized(&file);
        let told = collection.features[0].property("area_m2").and_then(serde_json::Value::as_f64).expect("a number");
        assert_near(ground_m2(&polygons[0]), told, 1e-5);
        // A cell of 0.05° at its own latitude, by the radii of curvature.
        let north = |row: usize| match epsg {
            4326 => 63.0 - 0.05 * row as f64,
            _ => ((transform[3] - step * row as f64) / 6_378_137.0).sinh().atan().to_degrees(),
        };
        let cell = |row: usize| {
            let (top, bottom) = (north(row).to_radians(), north(row + 1).to_radians());
            let (e2, middle) = (0.006_694_379_990_141_317, f64::midpoint(top, bottom));
            let curvature: f64 = 1.0 - e2 * middle.sin().powi(2);
            let radii = 6_378_137.0_f64.powi(2) * (1.0 - e2) / curvature.powi(2);
            radii * middle.cos() * (top - bottom) * 0.05_f64.to_radians()
        };
        assert_near(told, 60.0 * (0..rows).map(cell).sum::<f64>(), 1e-4);
    }
}
