//! One town of arbitrary bytes, held against what regularization promises: valid outlines, a reason for each, and nothing
//! newly covered.
//!
//! Used by the fuzz target `buildings` and by the tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use geo::{Area, BooleanOps, BoundingRect, Coord, Intersects, LineString, MapCoords, Polygon, Validation};
use orthotile::feature::{Feature, Outline};
use orthotile::georef::{Crs, GeoTransform, PixelFrame};
use orthotile::grid::{BlockId, WorkGrid};
use orthotile::label::LabelMap;
use orthotile::pipeline::{Derived, FeatureOptions, TracedBlocks, VectorOptions, trace};
use orthotile::scheme::{ClassId, Scheme};

/// Pixels along a side.
pub const SIDE: u32 = 112;
const BUILDING: ClassId = ClassId(1);
const ROAD: ClassId = ClassId(2);
/// Boolean operations of polygons round to about this much.
const HAIR_M2: f64 = 2e-3;

/// Six bytes a shape, later ones on top: class, middle, sides and angle. The first byte is the share of noise.
pub fn check(bytes: &[u8]) {
    check_features(&features(bytes));
    check_features(&derive(bytes, SIDE, &told_apart()).features);
}

fn check_features(features: &[Feature]) {
    check_coverage(features);
    let of = |class: ClassId| features.iter().filter(move |f| f.class == class);
    let buildings: Vec<&Feature> = of(BUILDING).collect();
    for road in of(ROAD) {
        assert_eq!(road.importance_m.iter().map(Vec::len).sum::<usize>(), vertices(&road.polygon));
    }
    for (i, building) in buildings.iter().enumerate() {
        assert_eq!(building.importance_m.iter().map(Vec::len).sum::<usize>(), vertices(&building.polygon));
        assert!(building.polygon.is_valid(), "{:?}: {:?}", building.outline, building.polygon);
        assert!(
            !matches!(building.outline, Outline::Exact | Outline::Simplified),
            "every building says what became of it"
        );
        assert_eq!(building.direction_deg.is_some(), building.outline == Outline::Regularized);
        for other in buildings[i + 1..].iter().copied().chain(of(ROAD)) {
            for step_m in [0.0, 0.01] {
                let [ours, theirs] = [building, other].map(|f| rounded(&f.polygon, step_m));
                let common_m2 = common_m2(&ours, &theirs);
                assert!(
                    common_m2 < HAIR_M2,
                    "{common_m2} m² of {:?} {:?} and {:?} {:?} in steps of {step_m} m",
                    building.outline,
                    building.id,
                    other.outline,
                    other.id
                );
            }
        }
    }
}

/// The ends of an edge, and the features that have it.
type Border = (Coord<f64>, Coord<f64>, Vec<(ClassId, Outline)>);

/// So far from the edge of the map a wall may cross it, or a gap between two walls open to it.
const EDGE_M: f64 = 4.0;

/// Every border is there twice, once for each side, vertex by vertex; but at the edge of the map.
fn check_coverage(features: &[Feature]) {
    let key = |c: Coord<f64>| (c.x.to_bits(), c.y.to_bits());
    let mut borders: BTreeMap<_, Border> = BTreeMap::new();
    for feature in features {
        let polygon = &feature.polygon;
        assert!(polygon.is_valid(), "{:?}: {:?}", feature.outline, polygon.check_validation());
        assert!((feature.area_m2 / polygon.unsigned_area() - 1.0).abs() < 2e-3, "the area is that of the polygon");
        let rings = std::iter::once(polygon.exterior()).chain(polygon.interiors());
        for edge in rings.flat_map(LineString::lines) {
            let (from, to) = (key(edge.start), key(edge.end));
            let ends = (from.min(to), from.max(to));
            borders.entry(ends).or_insert((edge.start, edge.end, Vec::new())).2.push((feature.class, feature.outline));
        }
    }
    let side_m = f64::from(SIDE) * 0.3;
    let inside_m = |c: Coord<f64>| {
        let (x, y) = (c.x - 700_000.0, 3_060_000.0 - c.y);
        x.min(y).min(side_m - x).min(side_m - y)
    };
    let alone = borders.values().filter(|(_, _, sides)| sides.len() != 2);
    let within: Vec<_> = alone.filter(|(a, b, _)| inside_m(*a).max(inside_m(*b)) > EDGE_M).collect();
    assert!(within.is_empty(), "borders of one side only: {within:?}");
    let area_m2: f64 = features.iter().map(|feature| feature.polygon.unsigned_area()).sum();
    assert!((area_m2 / (side_m * side_m) - 1.0).abs() < 0.02, "{area_m2} of {}", side_m * side_m);
}

/// The features of the town, in metres, without specks: buildings would yield to them.
pub fn features(bytes: &[u8]) -> Vec<Feature> {
    derive(bytes, SIDE, &FeatureOptions { min_area_m2: 1.0, ..FeatureOptions::within(0.45) }).features
}

/// Roofs that touch told apart, and roads in one piece across gaps.
pub fn told_apart() -> FeatureOptions {
    let asked = VectorOptions { split_roofs: Some(0.06), bridge_roads: Some(true), ..VectorOptions::default() };
    FeatureOptions::within(0.45).with(&asked).expect("in range")
}

/// What the town becomes, from blocks of so many pixels.
pub fn derive(bytes: &[u8], block_px: u32, options: &FeatureOptions) -> Derived {
    let transform = GeoTransform::new([700_000.0, 0.3, 0.0, 3_060_000.0, 0.0, -0.3]).expect("regular");
    let frame = PixelFrame { crs: Crs::new("EPSG:32645").expect("known"), transform };
    let grid = WorkGrid { frame, cols: SIDE, rows: SIDE, block_px };
    let (window, classes) = (grid.window(), town(bytes));
    let cut = |block: BlockId| {
        let part = grid.block_window(block);
        let starts: Vec<usize> = (part.row..part.end_row()).map(|row| window.index(part.col, row)).collect();
        let pixels = || starts.iter().flat_map(|at| *at..*at + part.cols as usize);
        let confidence = pixels().map(|i| sureness(i as u32)).collect();
        LabelMap {
            window: part,
            classes: pixels().map(|i| classes[i]).collect(),
            confidence,
            instances: None,
            unknown: None,
        }
    };
    let maps: BTreeMap<BlockId, LabelMap> = grid.blocks().map(|block| (block, cut(block))).collect();
    let mut traced = TracedBlocks::from_source(Arc::new(maps.clone()));
    maps.iter().rev().for_each(|(block, map)| traced.insert(*block, trace(map)));
    traced.derive(&grid, &Scheme::city(), options).expect("a grid on the ground")
}

/// Less along a lattice of walls.
fn sureness(pixel: u32) -> u8 {
    let (col, row) = (pixel % SIDE, pixel / SIDE);
    if (col + row / 8) % 31 < 3 || row % 37 < 3 { 120 } else { 220 - (pixel % 7) as u8 }
}

fn town(bytes: &[u8]) -> Vec<u8> {
    let (noise, shapes) = bytes.split_first().map_or((0, bytes), |(noise, shapes)| (noise % 8, shapes));
    let mut labels = vec![5_u8; (SIDE * SIDE) as usize];
    for shape in shapes.chunks_exact(6).take(60) {
        let [x, y, w, h, angle] = [1, 2, 3, 4, 5].map(|i| f64::from(shape[i]));
        let label = [1, 1, 1, 2, 2, 3][shape[0] as usize % 6];
        let (w, h) = if label == 2 { (150.0, 3.0 + h % 8.0) } else { (3.0 + w % 32.0, 3.0 + h % 28.0) };
        let (sin, cos) = (angle / 255.0 * std::f64::consts::PI).sin_cos();
        for (i, pixel) in labels.iter_mut().enumerate() {
            let (dx, dy) = (f64::from(i as u32 % SIDE) - x / 2.2, f64::from(i as u32 / SIDE) - y / 2.2);
            let (u, v) = (dx * cos + dy * sin, dy * cos - dx * sin);
            // A ragged edge, as a model draws it.
            let hash = (i as u32).wrapping_mul(0x9e37_79b9).rotate_left(13).wrapping_mul(0x85eb_ca6b) >> 24;
            let ragged = if u32::from(noise) * 12 > hash { 1.5 } else { 0.0 };
            if u.abs() < w / 2.0 - ragged && v.abs() < h / 2.0 - ragged {
                *pixel = label;
            }
        }
    }
    labels
}

fn vertices(polygon: &Polygon<f64>) -> usize {
    polygon.exterior().0.len() + polygon.interiors().iter().map(|ring| ring.0.len()).sum::<usize>()
}

/// As a format with few decimals writes it.
fn rounded(polygon: &Polygon<f64>, step_m: f64) -> Polygon<f64> {
    let round = |v: f64| if step_m > 0.0 { (v / step_m).round() * step_m } else { v };
    polygon.map_coords(|c| Coord { x: round(c.x), y: round(c.y) })
}

fn common_m2(a: &Polygon<f64>, b: &Polygon<f64>) -> f64 {
    let near = a.bounding_rect().zip(b.bounding_rect()).is_some_and(|(a, b)| a.intersects(&b));
    if near { a.intersection(b).unsigned_area() } else { 0.0 }
}
