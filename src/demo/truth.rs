//! What is really there: a class raster as seen from above, polygons with heights, and the two elevation models.

use std::path::{Path, PathBuf};

use geo::{BooleanOps, Coord, LineString, MultiPolygon, Polygon};
use geojson::{Feature, FeatureCollection, Geometry, GeometryValue, JsonObject};

use super::canvas::{Canvas, NOTHING};
use super::geometry::{Ring, inside, point};
use super::scenes::void;
use super::town::{Object, Town, class};
use super::{DemoError, DemoOptions, ORIGIN, terrain};
use crate::georef::{Crs, GeoTransform, MapPoint, PixelFrame, Projector, Window};
use crate::raster::{Compression, SceneOptions, SceneSamples, WrittenValidity, write_elevation, write_scene};

/// Image pixels along each side of an elevation pixel.
const ELEVATION_PX: u32 = 2;
/// Rows that are looked at together.
const STRIP_ROWS: u32 = 512;

/// Writes the class of each pixel of the image grid: codes of the city scheme, 0 in the void.
///
/// # Errors
/// When the file cannot be written.
pub fn write_classes(town: &Town, options: &DemoOptions, path: &Path) -> Result<(), DemoError> {
    let whole = options.window();
    let void = void(options);
    let mut classes = Vec::with_capacity(whole.pixels());
    for strip in strips(&whole) {
        let canvas = Canvas::new(town, options.lattice(&strip));
        classes.extend(canvas.patch.iter().enumerate().map(|(at, patch)| {
            let cols = canvas.lattice.cols;
            let unseen = *patch == NOTHING || inside(&void, canvas.lattice.position(at % cols, at / cols));
            if unseen { 0 } else { town.patches[*patch as usize].class }
        }));
    }
    let samples = SceneSamples { cols: whole.cols, rows: whole.rows, bands: &[&classes], valid: None };
    let style =
        SceneOptions { compression: Compression::Deflate, validity: WrittenValidity::Undeclared, overviews: false };
    Ok(write_scene(path, &options.frame(), &samples, &style)?)
}

/// Writes the surface model (with what stands) and the terrain model, in metres above sea level.
///
/// # Errors
/// When a file cannot be written.
pub fn write_elevations(town: &Town, options: &DemoOptions, dsm: &Path, dtm: &Path) -> Result<(), DemoError> {
    let whole = options.window();
    let (cols, rows) = (whole.cols.div_ceil(ELEVATION_PX), whole.rows.div_ceil(ELEVATION_PX));
    let (mut surface, mut ground) = (Vec::new(), Vec::new());
    for strip in strips(&Window::new(0, 0, cols, rows)) {
        let mut lattice = options.lattice(&strip);
        lattice.step_m *= f64::from(ELEVATION_PX);
        let canvas = Canvas::new(town, lattice);
        for at in 0..canvas.top.len() {
            let sea = terrain::elevation(town.seed, lattice.position(at % lattice.cols, at / lattice.cols));
            surface.push(sea + canvas.top[at]);
            ground.push(sea + canvas.ground[at]);
        }
    }
    let scale = f64::from(ELEVATION_PX);
    let frame = options.frame();
    let frame = PixelFrame { transform: frame.transform.scaled(scale, scale), ..frame };
    write_elevation(dsm, &frame, (cols, rows), &surface)?;
    Ok(write_elevation(dtm, &frame, (cols, rows), &ground)?)
}

/// Writes the objects as GeoJSON (RFC 7946: longitude, latitude) and returns how many buildings there are.
///
/// # Errors
/// When the positions have no longitude and latitude, or the file cannot be written.
pub fn write_polygons(town: &Town, options: &DemoOptions, path: &Path) -> Result<usize, DemoError> {
    let frame = options.frame();
    let to_lon_lat = Projector::new(&frame.crs, &Crs::lon_lat())?;
    let mut features = Vec::new();
    let mut buildings = 0;
    for object in &town.objects {
        for polygon in photographed(object, options) {
            buildings += usize::from(object.class == class::BUILDING);
            features.push(feature(object, &polygon, &to_lon_lat)?);
        }
    }
    let collection = FeatureCollection { bbox: None, features, foreign_members: None };
    let told = |cause| DemoError::Write { path: PathBuf::from(path), cause };
    std::fs::write(path, collection.to_string()).map_err(told)?;
    Ok(buildings)
}

/// The parts of an object that lie in the imagery.
fn photographed(object: &Object, options: &DemoOptions) -> MultiPolygon {
    let whole = polygon(&object.rings);
    let void = void(options);
    let (w, h) = (options.width_m, options.height_m);
    let within = |p: &super::geometry::Point| p.x >= 0.0 && p.y >= 0.0 && p.x <= w && p.y <= h;
    let lowest = void.iter().fold(h, |low, p| low.min(p.y));
    if object.rings[0].iter().all(|p| within(p) && p.y < lowest) {
        return MultiPolygon::new(vec![whole]);
    }
    let frame = vec![point(0.0, 0.0), point(w, 0.0), point(w, h), point(0.0, h)];
    let inside = whole.intersection(&polygon(&[frame]));
    inside.difference(&polygon(&[void]))
}

fn polygon(rings: &[Ring]) -> Polygon {
    let line = |ring: &Ring| LineString::new(ring.iter().map(|p| Coord { x: p.x, y: p.y }).collect());
    Polygon::new(line(&rings[0]), rings[1..].iter().map(line).collect())
}

fn feature(object: &Object, polygon: &Polygon, to_lon_lat: &Projector) -> Result<Feature, DemoError> {
    let position = |c: &Coord| -> Result<geojson::Position, DemoError> {
        let p = to_lon_lat.project(MapPoint { x: ORIGIN.x + c.x, y: ORIGIN.y + c.y })?;
        Ok(vec![p.x, p.y].into())
    };
    let rings = std::iter::once(polygon.exterior()).chain(polygon.interiors());
    let coordinates = rings
        .enumerate()
        .map(|(index, line)| {
            let mut ring = line.0.iter().map(position).collect::<Result<Vec<_>, _>>()?;
            // RFC 7946 §3.1.6: outer rings anticlockwise, holes clockwise.
            if (signed_area(&line.0) > 0.0) != (index == 0) {
                ring.reverse();
            }
            Ok(ring)
        })
        .collect::<Result<Vec<_>, DemoError>>()?;
    let mut properties = JsonObject::new();
    properties.insert("class".to_owned(), class::name(object.class).into());
    if let Some(height_m) = object.height_m {
        properties.insert("height".to_owned(), ((height_m * 100.0).round() / 100.0).into());
    }
    let geometry = Geometry::new(GeometryValue::Polygon { coordinates });
    Ok(Feature { geometry: Some(geometry), properties: Some(properties), ..Feature::default() })
}

fn signed_area(line: &[Coord]) -> f64 {
    line.windows(2).map(|w| w[0].x * w[1].y - w[1].x * w[0].y).sum::<f64>() / 2.0
}

fn strips(whole: &Window) -> impl Iterator<Item = Window> + use<> {
    let (cols, rows) = (whole.cols, whole.rows);
    (0..rows)
        .step_by(STRIP_ROWS as usize)
        .map(move |row| Window::new(0, i64::from(row), cols, STRIP_ROWS.min(rows - row)))
}

/// The transform of the image grid, for [`DemoOptions::frame`].
pub fn north_up(rows: u32, step_m: f64) -> GeoTransform {
    let north = ORIGIN.y + f64::from(rows) * step_m;
    GeoTransform::new([ORIGIN.x, step_m, 0.0, north, 0.0, -step_m]).expect("the resolution was checked to be positive")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::canvas::Canvas;
    use crate::demo::plan::plan;
    use geo::{Area, Validation};

    fn options() -> DemoOptions {
        DemoOptions { seed: 3, width_m: 300.0, height_m: 240.0, ..DemoOptions::default() }
    }

    fn buildings(town: &Town) -> Vec<&Object> {
        town.objects.iter().filter(|o| o.class == class::BUILDING).collect()
    }

    #[test]
    fn buildings_are_valid_and_do_not_overlap() {
        let town = plan(3, 300.0, 240.0);
        let shapes: Vec<Polygon> = buildings(&town).iter().map(|o| polygon(&o.rings)).collect();
        assert!(shapes.len() > 25, "{} buildings", shapes.len());
        for (k, a) in shapes.iter().enumerate() {
            assert!(a.is_valid(), "{a:?}");
            for b in &shapes[k + 1..] {
                assert!(a.intersection(b).unsigned_area() < 0.01, "{a:?} overlaps {b:?}");
            }
        }
    }

    #[test]
    fn roofs_stand_as_high_as_the_truth_says() {
        let (town, options) = (plan(3, 300.0, 240.0), options());
        let canvas = Canvas::new(&town, options.lattice(&options.window()));
        let l = canvas.lattice;
        let (mut told, mut met) = (0, 0);
        for object in buildings(&town) {
            let height = object.height_m.expect("buildings have one") as f32;
            let roof: Vec<f32> = (0..canvas.top.len())
                .filter(|at| inside(&object.rings[0], l.position(at % l.cols, at / l.cols)))
                .map(|at| canvas.top[at])
                .filter(|top| *top > 1.0)
                .collect();
            let reached = roof.iter().filter(|top| (**top - height).abs() < 0.6).count();
            told += usize::from(roof.len() > 300);
            met += usize::from(roof.len() > 300 && reached * 20 > roof.len());
        }
        assert!(told > 20 && met * 10 >= told * 9, "{met} of {told}");
    }

    #[test]
    fn what_lies_in_the_void_is_not_in_the_truth() {
        let options = options();
        let at = point(options.width_m / 3.0, options.height_m - 3.0);
        let corner = |dx: f64, dy: f64| point(at.x + dx, at.y + dy);
        let ring = vec![corner(-2.0, -2.0), corner(2.0, -2.0), corner(2.0, 2.0), corner(-2.0, 2.0)];
        let object = Object { rings: vec![ring], class: class::BUILDING, height_m: Some(5.0) };
        assert!(photographed(&object, &options).unsigned_area() < 1e-9);
    }
}
