//! Regions against polygons made by GDAL.

use std::collections::BTreeSet;
use std::path::Path;

use geo::{Area, Validation};
use geojson::{FeatureCollection, GeoJson, GeometryValue};
use orthotile::georef::Window;
use orthotile::polygonize::{Coverage, LabelView, join, trace};
use orthotile::simplify::{SimplifyOptions, simplify};

use crate::common::data;

fn coverage(cols: usize, labels: &[u32]) -> Coverage {
    let window = Window::new(0, 0, cols as u32, (labels.len() / cols) as u32);
    join(&[trace(&LabelView { window, labels, confidence: None, unknown: None })], &window).expect("one block")
}

/// The width and the values of an ESRI ASCII grid.
fn ascii_grid(path: &Path) -> (usize, Vec<u32>) {
    let text = std::fs::read_to_string(path).expect("a grid");
    let header = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).expect("a header");
        line.split_whitespace().nth(1).expect("a value").parse::<usize>().expect("a number")
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let values = &words[words.len() - header("ncols") * header("nrows")..];
    (header("ncols"), values.iter().map(|v| v.parse().expect("a whole number")).collect())
}

#[test]
fn the_grids_of_gdal_give_the_polygons_that_gdal_expects() {
    let Some(folder) = data("truth-polygonize") else { return };
    // A value of 0 is a value there: one is added to all. Masked pixels are 0.
    let grid = |name: &str| {
        let (cols, values) = ascii_grid(&folder.join(name));
        (cols, values.iter().map(|v| v + 1).collect::<Vec<u32>>())
    };
    let masked = |labels: &[u32], keep: &dyn Fn(usize) -> bool| -> Vec<u32> {
        labels.iter().enumerate().map(|(i, &label)| if keep(i) { label } else { 0 }).collect()
    };
    let (cols, labels) = grid("polygonize_in.grd");
    assert_eq!(coverage(cols, &labels).regions().len(), 17);
    let valid = coverage(cols, &masked(&labels, &|i| labels[i] != 133));
    assert_eq!(valid.regions().len(), 13);
    let of_156 = valid.regions().iter().find(|region| region.label == 157).expect("there is one");
    let polygon = valid.exact_polygon(of_156.index);
    assert_eq!((polygon.exterior().0.len(), polygon.interiors().len()), (5, 1));
    for name in ["polygonize_in_3.grd", "polygonize_in_4.grd"] {
        let (cols, labels) = grid(name);
        let coverage = coverage(cols, &labels);
        assert_eq!(coverage.regions().len(), 3);
        assert_eq!(coverage.exact_polygon(0).interiors().len(), 2);
    }
    let (cols, labels) = grid("polygonize_in_5.grd");
    let mask = ascii_grid(&folder.join("polygonize_in_5_mask.grd")).1;
    assert_eq!(coverage(cols, &masked(&labels, &|i| mask[i] != 0)).regions().len(), 4);
}

/// A ring without its closing vertex and without vertices where it goes straight on, begun at its least vertex.
fn canonical(mut ring: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    ring.pop();
    let count = ring.len();
    let turns = |i: usize| {
        let (a, b, c) = (ring[(i + count - 1) % count], ring[i], ring[(i + 1) % count]);
        (b.0 - a.0) * (c.1 - b.1) != (b.1 - a.1) * (c.0 - b.0)
    };
    let mut ring: Vec<(i64, i64)> = (0..count).filter(|&i| turns(i)).map(|i| ring[i]).collect();
    let first = (0..ring.len()).min_by_key(|&i| ring[i]).expect("a ring has vertices");
    ring.rotate_left(first);
    let twice: i64 =
        (0..ring.len()).map(|i| (ring[i], ring[(i + 1) % ring.len()])).map(|(a, b)| a.0 * b.1 - a.1 * b.0).sum();
    if twice < 0 {
        ring[1..].reverse();
    }
    ring
}

type Rings = (u32, Vec<(i64, i64)>, BTreeSet<Vec<(i64, i64)>>);

#[test]
fn a_real_raster_gives_the_polygons_of_gdal_vertex_for_vertex() {
    let Some(folder) = data("truth-polygonize") else { return };
    let raster = gdal::Dataset::open(folder.join("delft_classes_05m.tif")).expect("a raster");
    let (cols, rows) = raster.raster_size();
    let band = raster.rasterband(1).expect("one band").read_as::<u32>((0, 0), (cols, rows), (cols, rows), None);
    let coverage = coverage(cols, band.expect("labels").data());
    let [x, size, _, y, _, _] = raster.geo_transform().expect("georeferenced");

    let ring = |ring: &geo::LineString<f64>| canonical(ring.coords().map(|c| (c.x as i64, c.y as i64)).collect());
    let ours: BTreeSet<Rings> = (coverage.regions().iter())
        .map(|region| (region.label, coverage.exact_polygon(region.index)))
        .map(|(label, polygon)| (label, ring(polygon.exterior()), polygon.interiors().iter().map(ring).collect()))
        .collect();

    let text = std::fs::read_to_string(folder.join("delft_polygons_4conn_rd.geojson")).expect("polygons");
    let truth = FeatureCollection::try_from(text.parse::<GeoJson>().expect("GeoJSON")).expect("a collection");
    let pixel = |c: &geojson::Position| (((c[0] - x) / size).round() as i64, ((y - c[1]) / size).round() as i64);
    let theirs: BTreeSet<Rings> = (truth.features.iter())
        .map(|feature| {
            let class = feature.property("cls").and_then(geojson::JsonValue::as_u64).expect("a class") as u32;
            let Some(GeometryValue::Polygon { coordinates: rings }) = feature.geometry.as_ref().map(|g| &g.value)
            else {
                panic!("all are polygons")
            };
            let mut rings = rings.iter().map(|ring| canonical(ring.iter().map(pixel).collect()));
            (class, rings.next().expect("an exterior"), rings.collect())
        })
        .collect();
    assert_eq!(ours.len(), 833);
    assert_eq!(ours.iter().map(|(_, _, holes)| holes.len()).sum::<usize>(), 101);
    assert!(ours == theirs);
}

#[test]
fn a_real_raster_keeps_its_area_and_its_regions_when_simplified() {
    let Some(folder) = data("truth-polygonize") else { return };
    let raster = gdal::Dataset::open(folder.join("delft_classes_05m.tif")).expect("a raster");
    let (cols, rows) = raster.raster_size();
    let band = raster.rasterband(1).expect("one band").read_as::<u32>((0, 0), (cols, rows), (cols, rows), None);
    let coverage = coverage(cols, band.expect("labels").data());
    let outlines = simplify(&coverage, &SimplifyOptions { tolerance_px: 1.5, ..SimplifyOptions::default() });
    let mut moved = 0.0;
    for region in coverage.regions() {
        let polygon = outlines.polygon(region.index);
        assert!(polygon.is_valid());
        moved += polygon.unsigned_area() - region.pixels as f64;
    }
    let pixels: u64 = coverage.regions().iter().map(|region| region.pixels).sum();
    assert!(moved.abs() < 0.005 * pixels as f64, "{moved} of {pixels}");
}
