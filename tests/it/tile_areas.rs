//! The ground that each class covers in vector tiles, summed over all tiles of a zoom: the same at every zoom.
//!
//! The demo town is checked always. `ORTHOTILE_STORES=STORE:STORE… cargo test --release --locked --test it tile_areas` checks
//! stores of real places too, and prints a table.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use orthotile::demo::{DemoOptions, generate};
use orthotile::encode::mvt::{TileOptions, max_zoom, tile};
use orthotile::feature::FeatureStore;
use orthotile::georef::{PixelFrame, TileCoord};
use orthotile::grid::WorkGrid;
use orthotile::label::{LabelMap, LabelStore};
use orthotile::pipeline::{FeatureOptions, TracedBlocks, trace};
use orthotile::raster::ClassRaster;
use orthotile::scheme::Scheme;

/// The first zoom at which every class keeps its ground.
const FIRST_ZOOM: u8 = 13;

/// Largest part of a class's ground that may differ from the deepest zoom.
const LARGEST_SHARE: f64 = 0.03;

/// What may differ in any case, in square units of a tile: a class of one puddle is rounded too.
const ROUNDING_UNITS_2: f64 = 2.0;

/// Area by class, in parts of the world square.
type Areas = BTreeMap<String, f64>;

#[test]
fn every_class_covers_the_same_ground_at_every_zoom() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = DemoOptions { width_m: 400.0, height_m: 320.0, ..DemoOptions::default() };
    let town = generate(&options, folder.path()).expect("a town");
    let raster = ClassRaster::open(&town.truth_classes).expect("the truth");
    let window = raster.window();
    let frame: PixelFrame = raster.frame().clone();
    let grid = WorkGrid { frame, cols: window.cols, rows: window.rows, block_px: 512 };
    let label = |block| {
        let window = grid.block_window(block);
        let classes: Vec<u8> = raster.read::<u8>(&window).expect("labels");
        let classes: Vec<u8> = classes.into_iter().map(|v| raster.value_of(u32::from(v)) as u8).collect();
        (block, LabelMap { confidence: vec![200; classes.len()], window, classes, instances: None, unknown: None })
    };
    let maps: BTreeMap<_, _> = grid.blocks().map(label).collect();
    let mut traced = TracedBlocks::from_source(Arc::new(maps.clone()));
    maps.iter().for_each(|(block, map)| traced.insert(*block, trace(map)));
    let derived = traced.derive(&grid, &Scheme::city(), &FeatureOptions::within(0.375)).expect("a grid on the ground");
    check(
        "the demo town",
        &grid,
        &Scheme::city(),
        &FeatureStore::new(&grid.frame, derived.features).expect("projects"),
    );
}

#[test]
fn every_class_of_a_store_covers_the_same_ground_at_every_zoom() {
    let Some(stores) = std::env::var_os("ORTHOTILE_STORES") else {
        eprintln!("skipped: ORTHOTILE_STORES names no store");
        return;
    };
    for path in std::env::split_paths(&stores) {
        let labels = LabelStore::open(&path).expect("a store");
        let options = FeatureOptions::for_store(&labels).expect("a grid on the ground");
        let made: Vec<_> = labels.wanted().into_iter().filter(|b| labels.has(*b)).collect();
        let traced = TracedBlocks::read(&labels, &made).expect("sound blocks");
        let derived = traced.into_derived(labels.grid(), labels.scheme(), &options).expect("features");
        let features = FeatureStore::new(&labels.grid().frame, derived.features).expect("projects");
        let name = path.file_name().unwrap_or(path.as_os_str());
        check(&Path::new(name).display().to_string(), labels.grid(), labels.scheme(), &features);
    }
}

fn check(name: &str, grid: &WorkGrid, scheme: &Scheme, features: &FeatureStore) {
    let bounds = features.bounds().expect("has features");
    let resolution = grid.middle_scale().expect("on the ground").resolution_m_per_px();
    let deepest = max_zoom(resolution, bounds.middle().to_lon_lat().y);
    let expected = areas(features, scheme, deepest, deepest);
    let side_2 = features.side_m().powi(2);
    eprintln!("{name}, zoom {deepest}, m² on the ground: {:.0?}", in_metres(&expected, side_2));
    let mut wrong = Vec::new();
    for zoom in FIRST_ZOOM..deepest {
        let found = areas(features, scheme, zoom, deepest);
        let shares: BTreeMap<&str, f64> = expected
            .iter()
            .map(|(class, area)| (class.as_str(), found.get(class).copied().unwrap_or(0.0) / area - 1.0))
            .collect();
        eprintln!("{name}, zoom {zoom}, more than at zoom {deepest}: {shares:.4?}");
        let least = ROUNDING_UNITS_2 * unit_2(zoom);
        let is_wrong = |(class, share): &(&str, f64)| share.abs() > LARGEST_SHARE.max(least / expected[*class]);
        wrong.extend(shares.into_iter().filter(is_wrong).map(|(class, share)| (zoom, class.to_owned(), share)));
    }
    assert!(wrong.is_empty(), "{name}: {wrong:?}");
}

/// The area of a square unit, in parts of the world square.
fn unit_2(zoom: u8) -> f64 {
    2_f64.powi(-12 - i32::from(zoom)).powi(2)
}

fn in_metres(areas: &Areas, side_2: f64) -> BTreeMap<&str, f64> {
    areas.iter().map(|(class, area)| (class.as_str(), area * side_2)).collect()
}

/// What each class covers in all tiles of a zoom; what a feature has in a neighbouring tile too is counted once.
fn areas(features: &FeatureStore, scheme: &Scheme, zoom: u8, deepest: u8) -> Areas {
    let bounds = features.bounds().expect("has features");
    let [first, last] = [bounds.min, bounds.max].map(|p| TileCoord::at(u32::from(zoom), p).expect("inside"));
    let mut all = Areas::new();
    for (x, y) in (first.x()..=last.x()).flat_map(|x| (first.y()..=last.y()).map(move |y| (x, y))) {
        let at = TileCoord::new(u32::from(zoom), x, y).expect("exists");
        let Some(bytes) = tile(features, scheme, at, &TileOptions::new(deepest)) else { continue };
        for (class, area) in decoded::areas(&bytes) {
            *all.entry(class).or_default() += area * unit_2(zoom);
        }
    }
    all
}

/// A reader of areas in vector tiles, written from the specification alone (Mapbox Vector Tile 2.1).
mod decoded {
    use super::Areas;

    const EXTENT: f64 = 4096.0;

    /// Square units by class inside the tile.
    pub fn areas(tile: &[u8]) -> Areas {
        let mut all = Areas::new();
        for (_, layer) in fields(tile).into_iter().filter(|(number, _)| *number == 3) {
            let layer = fields(layer.bytes());
            let all_of = |number: u64| layer.iter().filter(move |(n, _)| *n == number).map(|(_, field)| field.bytes());
            let class_key = all_of(3).position(|key| key == b"class");
            let texts: Vec<Option<String>> = all_of(4).map(text).collect();
            for feature in all_of(2).map(fields) {
                let packed = |number: u64| {
                    let found = feature.iter().find(|(n, _)| *n == number);
                    found.map_or_else(Vec::new, |(_, field)| varints(field.bytes()))
                };
                let is_polygon = feature.iter().any(|(n, field)| *n == 3 && field.number() == 3);
                let tags = packed(2);
                let class = tags.chunks_exact(2).find(|pair| Some(pair[0] as usize) == class_key);
                if let Some(class) = class.and_then(|pair| texts[pair[1] as usize].clone()).filter(|_| is_polygon) {
                    *all.entry(class).or_default() += rings(&packed(4)).iter().map(|ring| inside(ring)).sum::<f64>();
                }
            }
        }
        all
    }

    enum Field<'a> {
        Number(u64),
        Bytes(&'a [u8]),
    }

    impl<'a> Field<'a> {
        fn bytes(&self) -> &'a [u8] {
            if let Field::Bytes(b) = self { b } else { panic!("not bytes") }
        }

        fn number(&self) -> u64 {
            if let Field::Number(n) = self { *n } else { panic!("not a number") }
        }
    }

    fn varint(bytes: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let (byte, rest) = bytes.split_first().expect("a varint goes on");
            *bytes = rest;
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return value;
            }
        }
    }

    fn varints(mut bytes: &[u8]) -> Vec<u64> {
        let mut all = Vec::new();
        while !bytes.is_empty() {
            all.push(varint(&mut bytes));
        }
        all
    }

    fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
        let mut out = Vec::new();
        while !bytes.is_empty() {
            let head = varint(&mut bytes);
            let length = match head & 7 {
                0 => {
                    out.push((head >> 3, Field::Number(varint(&mut bytes))));
                    continue;
                }
                1 => 8,
                5 => 4,
                _ => varint(&mut bytes) as usize,
            };
            let (field, rest) = bytes.split_at(length);
            out.push((head >> 3, Field::Bytes(field)));
            bytes = rest;
        }
        out
    }

    fn text(value: &[u8]) -> Option<String> {
        let (_, field) = fields(value).into_iter().find(|(number, _)| *number == 1)?;
        Some(String::from_utf8(field.bytes().to_vec()).expect("text"))
    }

    fn rings(commands: &[u64]) -> Vec<Vec<[f64; 2]>> {
        let mut all: Vec<Vec<[f64; 2]>> = Vec::new();
        let (mut at, mut i) = ([0.0; 2], 0);
        while i < commands.len() {
            let (command, count) = (commands[i] & 7, commands[i] >> 3);
            i += 1;
            if command == 7 {
                continue;
            }
            for _ in 0..count {
                let step = |n: u64| ((n >> 1) as i64 ^ -((n & 1) as i64)) as f64;
                at = [at[0] + step(commands[i]), at[1] + step(commands[i + 1])];
                i += 2;
                if command == 1 {
                    all.push(Vec::new());
                }
                all.last_mut().expect("starts with a move").push(at);
            }
        }
        all
    }

    /// The signed area of a ring inside the tile, exteriors positive: cut at the four sides in turn (Sutherland and Hodgman).
    fn inside(ring: &[[f64; 2]]) -> f64 {
        let mut ring = ring.to_vec();
        for (axis, side, sign) in [(0, 0.0, 1.0), (0, EXTENT, -1.0), (1, 0.0, 1.0), (1, EXTENT, -1.0)] {
            let depth = |p: &[f64; 2]| (p[axis] - side) * sign;
            let mut cut = Vec::with_capacity(ring.len());
            for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
                if depth(a) >= 0.0 {
                    cut.push(*a);
                }
                if (depth(a) > 0.0 && depth(b) < 0.0) || (depth(a) < 0.0 && depth(b) > 0.0) {
                    let part = depth(a) / (depth(a) - depth(b));
                    cut.push([a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part]);
                }
            }
            ring = cut;
        }
        ring.iter().zip(ring.iter().cycle().skip(1)).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum::<f64>() / 2.0
    }
}
