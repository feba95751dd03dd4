//! Heights of made-up houses, and of real ones where `../shared/data` is present.

use geo::{Coord, LineString, Rotate, Translate};

use super::*;
use crate::georef::GeoTransform;
use crate::scheme::Scheme;

/// A raster in memory.
struct Grid {
    frame: PixelFrame,
    window: Window,
    cells: Vec<f32>,
}

impl Heights for Grid {
    fn frame(&self) -> &PixelFrame {
        &self.frame
    }

    fn window(&self) -> Window {
        self.window
    }

    fn read(&mut self, window: &Window) -> Result<Vec<f32>, RasterError> {
        let rows = window.row..window.end_row();
        let cell = |(r, c): (i64, i64)| self.cells[self.window.index(c, r)];
        Ok(rows.flat_map(|r| (window.col..window.end_col()).map(move |c| (r, c))).map(cell).collect())
    }
}

const EAST: f64 = 500_000.0;
const NORTH: f64 = 5_500_000.0;

fn utm() -> Crs {
    Crs::new("EPSG:32632").expect("known")
}

/// 100 × 100 m, every cell by a function of the metres east and south of the first corner.
fn grid(cell_m: f64, height: impl Fn(f64, f64) -> f32) -> Grid {
    let transform = GeoTransform::new([EAST, cell_m, 0.0, NORTH, 0.0, -cell_m]).expect("regular");
    let side = (100.0 / cell_m) as i64;
    let middle = |i: i64| (i as f64 + 0.5) * cell_m;
    let cells = (0..side).flat_map(|r| (0..side).map(move |c| (c, r))).map(|(c, r)| height(middle(c), middle(r)));
    Grid {
        frame: PixelFrame { crs: utm(), transform },
        window: Window::new(0, 0, side as u32, side as u32),
        cells: cells.collect(),
    }
}

/// From the metres east and south of the first corner.
fn house(west: f64, north: f64, w: f64, h: f64) -> Polygon<f64> {
    let corner = |x: f64, y: f64| Coord { x: EAST + x, y: NORTH - y };
    let ring = vec![corner(west, north + h), corner(west + w, north + h), corner(west + w, north), corner(west, north)];
    Polygon::new(LineString(ring), Vec::new())
}

fn in_box(x: f64, y: f64, [west, north, w, h]: [f64; 4]) -> bool {
    x >= west && x < west + w && y >= north && y < north + h
}

const FLAT: [f64; 4] = [30.0, 40.0, 12.0, 8.0];

/// A flat roof 9 m above ground that slopes by 1 m in 50.
fn surface(cell_m: f64) -> Grid {
    grid(cell_m, |x, y| 100.0 + x as f32 / 50.0 + if in_box(x, y, FLAT) { 9.0 } else { 0.0 })
}

fn terrain(cell_m: f64) -> Grid {
    grid(cell_m, |x, _| 100.0 + x as f32 / 50.0)
}

fn flat_house() -> Polygon<f64> {
    let [west, north, w, h] = FLAT;
    house(west, north, w, h)
}

fn measured(surface: Grid, terrain: Option<Grid>, footprint: &Polygon<f64>) -> Option<Measured> {
    let mut surveyor = Surveyor::new(&utm(), surface, terrain, HeightOptions::default()).expect("one system");
    surveyor.measure(footprint, &[]).expect("in memory")
}

#[test]
fn a_flat_roof_has_its_height() {
    for cell_m in [0.25, 0.5, 2.0] {
        let both = measured(surface(cell_m), Some(terrain(cell_m)), &flat_house()).expect("enough cells");
        assert_eq!(both.source, Source::DsmDtm);
        assert!((both.height_m - 9.2).abs() < 0.3, "{cell_m}: {both:?}"); // roof and ground slope across the house
        let alone = measured(surface(cell_m), None, &flat_house()).expect("enough cells");
        assert_eq!(alone.source, Source::Dsm);
        assert!((alone.height_m - 9.2).abs() < 0.35, "{cell_m}: {alone:?}");
    }
}

#[test]
fn a_gable_is_measured_between_eaves_and_ridge() {
    let gable = grid(0.5, |x, y| if in_box(x, y, FLAT) { 6.0 + (4.0 - (y as f32 - 44.0).abs()) } else { 0.0 });
    let found = measured(gable, None, &flat_house()).expect("enough cells");
    assert!(found.height_m > 7.5 && found.height_m < 9.5, "{found:?}");
}

#[test]
fn a_footprint_of_another_system_finds_its_cells() {
    let to_lon_lat = Projector::new(&utm(), &Crs::lon_lat()).expect("known");
    let house = flat_house();
    let corners = house.exterior().0.iter().map(|p| {
        let q = to_lon_lat.project(MapPoint { x: p.x, y: p.y }).expect("inside");
        Coord { x: q.x, y: q.y }
    });
    let footprint = Polygon::new(corners.collect(), Vec::new());
    let mut surveyor =
        Surveyor::new(&Crs::lon_lat(), surface(0.5), Some(terrain(0.5)), HeightOptions::default()).expect("known");
    let found = surveyor.measure(&footprint, &[]).expect("in memory").expect("enough cells");
    assert_eq!(Some(found), measured(surface(0.5), Some(terrain(0.5)), &flat_house()));
}

#[test]
fn roofs_of_others_are_no_ground() {
    // The house stands in a block; only a yard in the north is ground.
    let block = |x: f64, y: f64| if in_box(x, y, [20.0, 40.0, 40.0, 30.0]) { 12.0 } else { 0.0 };
    let middle = house(30.0, 40.0, 12.0, 8.0);
    let others = [house(20.0, 40.0, 10.0, 30.0), house(42.0, 40.0, 18.0, 30.0), house(30.0, 48.0, 12.0, 22.0)];
    let mut surveyor = Surveyor::new(&utm(), grid(0.5, block), None, HeightOptions::default()).expect("one system");
    let found = surveyor.measure(&middle, &others.each_ref()).expect("in memory").expect("a yard");
    assert!((found.height_m - 12.0).abs() < 1e-3, "{found:?}");
}

#[test]
fn too_few_known_cells_measure_nothing() {
    assert_eq!(measured(surface(0.5), None, &house(50.0, 50.0, 1.5, 1.5)), None);
    assert_eq!(measured(surface(0.5), None, &flat_house().translate(5000.0, 0.0)), None);
    let unknown = grid(0.5, |x, y| if in_box(x, y, FLAT) && x > 33.0 { f32::NAN } else { 1.0 });
    assert_eq!(measured(unknown, None, &flat_house()), None);
    // A terrain model with a hole under the house: the ground is found beside it.
    let hole = grid(0.5, |x, y| if in_box(x, y, [25.0, 35.0, 30.0, 20.0]) { f32::NAN } else { 100.0 });
    assert_eq!(measured(surface(0.5), Some(hole), &flat_house()).map(|m| m.source), Some(Source::Dsm));
}

#[test]
fn heights_are_as_measured_and_no_less_than_0() {
    let at =
        |height: f32| measured(grid(0.5, |x, y| if in_box(x, y, FLAT) { height } else { 0.0 }), None, &flat_house());
    assert_eq!(at(-3.0).map(|m| m.height_m), Some(0.0));
    assert_eq!(at(0.25).map(|m| m.height_m), Some(0.25));
    assert_eq!(at(828.0).map(|m| m.height_m), Some(828.0), "the tallest building of the world");
    assert_eq!(at(9999.0), None, "no building: an undeclared void or wrong units");
}

#[test]
fn cells_inside_are_those_whose_middle_is_inside() {
    let window = Window::new(-3, -4, 25, 23);
    let plan =
        house(2.0, 3.0, 11.0, 7.0).translate(-EAST, -NORTH).rotate_around_point(31.0, geo::Point::new(7.0, -6.0));
    let polygon = plan.translate(1.0, 14.0);
    for (i, inside) in cells::inside(&polygon, &window).into_iter().enumerate() {
        let (c, r) = ((i % 25) as f64 - 3.0 + 0.5, (i / 25) as f64 - 4.0 + 0.5);
        assert_eq!(inside, geo::Contains::contains(&polygon, &geo::Point::new(c, r)), "({c}, {r})");
    }
}

#[test]
fn a_class_has_a_height_when_nothing_measures_it() {
    let city = Scheme::city();
    let building = city.named("building").expect("in the scheme");
    assert_eq!(class_default_m(building, 20.0), Some(3.0));
    assert_eq!(class_default_m(city.named("road").expect("in the scheme"), 20.0), None);
}

/// The polygons (the largest part of each) and heights of a data set.
fn buildings(path: &std::path::Path, height: &str) -> Vec<(Polygon<f64>, f64)> {
    let text = std::fs::read_to_string(path).expect("the data set has buildings");
    let collection: geojson::FeatureCollection = text.parse().expect("GeoJSON");
    let building = |f: &geojson::Feature| {
        let height_m = f.property(height)?.as_f64()?;
        let geometry: geo::Geometry<f64> = f.geometry.clone()?.try_into().ok()?;
        let polygon = match geometry {
            geo::Geometry::Polygon(polygon) => polygon,
            geo::Geometry::MultiPolygon(parts) => {
                let area = |p: &Polygon<f64>| geo::Area::unsigned_area(p);
                parts.0.into_iter().max_by(|a, b| area(a).total_cmp(&area(b)))?
            }
            _ => return None,
        };
        Some((polygon, height_m))
    };
    collection.features.iter().filter_map(building).collect()
}

/// How many were measured, and the median of their absolute errors in metres.
fn errors(set: &str, files: [&str; 2], height: &str, roof_percent: f64) -> Option<[(usize, f64); 2]> {
    let beside = || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let folder = std::env::var_os("ORTHOTILE_DATA").map_or_else(beside, Into::into).join(set);
    if !folder.is_dir() {
        eprintln!("skipped: no {}", folder.display());
        return None;
    }
    let buildings = buildings(&folder.join("buildings.geojson"), height);
    let elevation = |file: &str| crate::raster::Elevation::open(&folder.join(file)).expect("heights");
    let options = HeightOptions { roof_percent, ..HeightOptions::default() };
    let outlines: Vec<&Polygon<f64>> = buildings.iter().map(|(p, _)| p).collect();
    let with = |terrain: Option<crate::raster::Elevation>| {
        let mut surveyor =
            Surveyor::new(&Crs::lon_lat(), elevation(files[0]), terrain, options.clone()).expect("known");
        let mut errors: Vec<f64> = Vec::new();
        for (polygon, height_m) in &buildings {
            let others: Vec<&Polygon<f64>> = outlines.iter().copied().filter(|o| *o != polygon).collect();
            if let Some(found) = surveyor.measure(polygon, &others).expect("inside the system") {
                errors.push((f64::from(found.height_m) - height_m).abs());
            }
        }
        errors.sort_by(f64::total_cmp);
        (errors.len(), errors[errors.len() / 2])
    };
    Some([with(Some(elevation(files[1]))), with(None)])
}

#[test]
fn the_heights_of_delft_are_met() {
    // The truth is the roof's 90th percentile.
    let Some([both, alone]) = errors("dsm-delft", ["dsm_05m.tif", "dtm_05m.tif"], "height", 90.0) else { return };
    eprintln!("Delft: {both:?} with a terrain model, {alone:?} without");
    assert!(both.0 >= 140 && both.1 < 0.55, "{both:?}");
    assert!(alone.0 >= 120 && alone.1 < 1.0, "{alone:?}");
}

#[test]
fn the_heights_of_alexandria_are_met() {
    let Some([both, alone]) = errors("dsm-washington", ["dsm.tif", "dtm.tif"], "HEIGHT", 50.0) else { return };
    eprintln!("Alexandria: {both:?} with a terrain model, {alone:?} without");
    assert!(both.0 >= 60 && both.1 < 2.5, "{both:?}");
    assert!(alone.0 >= 50 && alone.1 < 4.0, "{alone:?}");
}
