//! One vector tile out of a city of 102,400 buildings, the same in every run.
//!
//! `cargo bench --bench tile`; the ratios at the end are of one run and do not depend on the machine.
//! `ORTHOTILE_BENCH_CITY=city.geojsonl cargo bench --bench tile` also writes the city for `benches/peers/tiles.py`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use geo::{Coord, LineString, Polygon};
use orthotile::encode::compress::Encoding;
use orthotile::encode::filter::Filter;
use orthotile::encode::geojson::{Framing, write};
use orthotile::encode::mvt::{TileOptions, tile};
use orthotile::feature::{Confidence, Feature, FeatureId, FeatureStore, Height, HeightSource, Outline};
use orthotile::georef::{Crs, GeoTransform, PixelFrame, TileCoord, WorldPoint};
use orthotile::random::Dice;
use orthotile::scheme::{ClassId, Scheme};

/// Buildings along a side of the city.
const SIDE: i64 = 320;
/// Metres of Web Mercator from building to building: 34 along a tile of zoom 15.
const SPACING_M: f64 = 36.0;
/// The south-west corner in Web Mercator (47.4° N, 8.5° E).
const CORNER_M: (f64, f64) = (950_000.0, 6_000_000.0);

fn main() {
    let (store, scheme, options) = (city(), Scheme::city(), TileOptions::new(17));
    if let Ok(path) = std::env::var("ORTHOTILE_BENCH_CITY") {
        let mut file = std::io::BufWriter::new(std::fs::File::create(path).expect("a writable path"));
        write(&mut file, &Filter::default().select(&store, &scheme), Framing::Lines).expect("room on the disk");
    }
    let mut criterion = Criterion::default().configure_from_args();
    let at = |z: u32| TileCoord::at(z, middle(&store)).expect("inside");
    let encoded = |z: u32| tile(&store, &scheme, at(z), &options).expect("buildings everywhere");
    for z in [14, 15, 16, 17] {
        let found = store.query(&at(z).bounds()).count() as u64;
        let mut group = criterion.benchmark_group(format!("z{z}, {found} buildings"));
        group.throughput(Throughput::Elements(found));
        group.bench_function("plain", |b| b.iter(|| encoded(z)));
        for encoding in [Encoding::Gzip, Encoding::Zstd] {
            group.bench_function(encoding.token().unwrap_or_default(), |b| b.iter(|| encoding.compress(&encoded(z))));
        }
        group.finish();
    }
    criterion.final_summary();
    ratios(&store, || encoded(15));
}

/// Says how the making of a tile compares with compressing it and with touching its memory once.
fn ratios(store: &FeatureStore, make: impl Fn() -> Vec<u8>) {
    let body = make();
    let at = TileCoord::at(15, middle(store)).expect("inside");
    let vertices: usize = store.query(&at.bounds()).map(|f| f.shape.rings().map(<[_]>::len).sum::<usize>()).sum();
    let touched = vec![1_u8; body.len() + vertices * 12];
    let encoding_took = least(&make);
    let gzip = least(|| Encoding::Gzip.compress(&body));
    let copy = least(|| black_box(&touched).clone());
    println!(
        "z15: {} bytes, {:.0} µs; gzip of the same {:.0} µs ({:.2} of it); one copy of what is read and written {:.1} µs",
        body.len(),
        encoding_took.as_secs_f64() * 1e6,
        gzip.as_secs_f64() * 1e6,
        encoding_took.as_secs_f64() / gzip.as_secs_f64(),
        copy.as_secs_f64() * 1e6,
    );
    levels(&body);
}

/// What each level of gzip costs and saves on this tile, by two libraries: why `encode/compress.rs` uses what it does.
fn levels(body: &[u8]) {
    use std::io::Write;
    let tell = |name: &str, level: u32, length: usize, took: Duration| {
        println!("{name} level {level}: {length} bytes, {:.0} µs", took.as_secs_f64() * 1e6);
    };
    for level in 1..=6 {
        let compress = || {
            let mut compressor =
                libdeflater::Compressor::new(libdeflater::CompressionLvl::new(level).expect("a level"));
            let mut out = vec![0; compressor.gzip_compress_bound(body.len())];
            let length = compressor.gzip_compress(body, &mut out).expect("room for every byte");
            out.truncate(length);
            out
        };
        tell("libdeflate", level as u32, compress().len(), least(compress));
    }
    for level in 1..=6 {
        let compress = || {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
            encoder.write_all(body).and_then(|()| encoder.finish()).expect("memory takes every byte")
        };
        tell("zlib-rs", level, compress().len(), least(compress));
    }
}

/// The shortest of many runs: what the work takes when nothing else runs.
fn least<T>(work: impl Fn() -> T) -> Duration {
    let run = |_| {
        let start = Instant::now();
        black_box(work());
        start.elapsed()
    };
    (0..500).map(run).min().unwrap_or_default()
}

fn middle(store: &FeatureStore) -> WorldPoint {
    let middle = store.bounds().expect("a city").middle();
    // The middle of the tile of zoom 15 there, so that deeper zooms lie inside.
    let tile = TileCoord::at(15, middle).expect("inside").bounds();
    WorldPoint { x: f64::midpoint(tile.min.x, tile.max.x), y: f64::midpoint(tile.min.y, tile.max.y) }
}

fn city() -> FeatureStore {
    let transform = GeoTransform::new([CORNER_M.0, 0.3, 0.0, CORNER_M.1, 0.0, -0.3]).expect("regular");
    let frame = PixelFrame { crs: Crs::web_mercator(), transform };
    let mut dice = Dice::new(1);
    let buildings = (0..SIDE * SIDE).map(|i| building(i, &mut dice)).collect();
    FeatureStore::new(&frame, buildings).expect("in Web Mercator already")
}

/// A turned rectangle, or an L where the third of the numbers says so.
fn building(i: i64, dice: &mut Dice) -> Feature {
    let mut between = |least: f64, most: f64| dice.range(least, most);
    let (width, depth, angle) = (between(6.0, 22.0), between(6.0, 16.0), between(0.0, 1.5));
    let corners = if between(0.0, 1.0) < 0.3 {
        vec![(0.0, 0.0), (1.0, 0.0), (1.0, 0.5), (0.5, 0.5), (0.5, 1.0), (0.0, 1.0), (0.0, 0.0)]
    } else {
        vec![(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.0, 0.0)]
    };
    let (x, y) = (CORNER_M.0 + (i % SIDE) as f64 * SPACING_M, CORNER_M.1 + (i / SIDE) as f64 * SPACING_M);
    let (sin, cos) = angle.sin_cos();
    let turned = |(u, v): (f64, f64)| {
        let (u, v) = (u * width, v * depth);
        Coord { x: x + u * cos - v * sin, y: y + u * sin + v * cos }
    };
    let polygon = Polygon::new(LineString(corners.into_iter().map(turned).collect()), Vec::new());
    let area_m2 = geo::Area::unsigned_area(&polygon) * 0.458; // cos² of the latitude
    Feature {
        id: FeatureId::new(ClassId(1), i / SIDE * 120, i % SIDE * 120).expect("in range"),
        class: ClassId(1),
        polygon,
        importance_m: Vec::new(),
        confidence: Some(Confidence { mean: between(0.6, 1.0) as f32, min: 0.5 }),
        unknown: None,
        area_m2,
        perimeter_m: 2.0 * (width + depth) * 0.677,
        outline: Outline::Regularized,
        direction_deg: None,
        height: Some(Height { height_m: between(2.5, 24.0) as f32, source: HeightSource::Dsm }),
        provisional: false,
    }
}
