//! Regularization against the truth: quality on seeded buildings, and footprints per second.
//!
//! `cargo bench --bench regularize` prints the table of the synthetic set;
//! `-- --export DIR` also writes `raw.geojson`, `truth.geojson` and `ours.geojson` there, for `benches/peers/regularize.py`;
//! `-- --input RAW.geojson --output OUT.geojson --pixel-m 1.0` regularizes a file whose coordinates are metres.

mod metrics;
mod synthetic;

use std::path::Path;
use std::time::Instant;

use geo::{Area, BooleanOps, Polygon, Translate};
use geojson::{Feature, FeatureCollection, GeoJson, Geometry};
use orthotile::regularize::{Footprint, Outcome, Reason, RegularizeOptions, Regularized, regularize};

const BUILDINGS: u64 = 4000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| arguments.iter().position(|a| a == name).and_then(|i| arguments.get(i + 1));
    if let (Some(input), Some(output)) = (value("--input"), value("--output")) {
        let pixel_m = value("--pixel-m").map_or(Ok(1.0), |v| v.parse())?;
        return regularize_file(Path::new(input), Path::new(output), pixel_m);
    }
    let buildings: Vec<synthetic::Building> = (0..BUILDINGS).map(placed).collect();
    let raw: Vec<Polygon<f64>> = buildings.iter().map(|b| b.raw.clone()).collect();
    let options = RegularizeOptions::for_pixel(synthetic::PIXEL_M);
    let ours = timed(&raw, &options);
    let truth: Vec<Polygon<f64>> = buildings.into_iter().map(|b| b.truth).collect();
    let polygons: Vec<Polygon<f64>> = ours.into_iter().map(|r| r.polygon).collect();
    report("raw outline", &raw, &truth);
    report("orthotile", &polygons, &truth);
    if let Some(folder) = value("--export") {
        for (name, set) in [("raw", &raw), ("truth", &truth), ("ours", &polygons)] {
            write(&Path::new(folder).join(format!("{name}.geojson")), set)?;
        }
    }
    Ok(())
}

/// One building on its own lot of a grid of 64 columns, in whole pixels.
fn placed(seed: u64) -> synthetic::Building {
    let building = synthetic::building(seed);
    let lot_m = 160.0 * synthetic::PIXEL_M;
    let (dx, dy) = ((seed % 64) as f64 * lot_m, (seed / 64) as f64 * lot_m);
    synthetic::Building { truth: building.truth.translate(dx, dy), raw: building.raw.translate(dx, dy) }
}

fn timed(raw: &[Polygon<f64>], options: &RegularizeOptions) -> Vec<Regularized> {
    let footprints: Vec<Footprint> = raw.iter().map(|p| Footprint { outline: p.clone(), simplified: None }).collect();
    let mut best_s = f64::INFINITY;
    let mut result = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        result = regularize(&footprints, options);
        best_s = best_s.min(start.elapsed().as_secs_f64());
    }
    let count = |keep: fn(&Outcome) -> bool| result.iter().filter(|r| keep(&r.outcome)).count();
    println!(
        "{} footprints in {:.1} ms on {} threads: {:.0} footprints/s; {} regularized, {} round, kept: {} poor fit, {} too small, {} neighbour",
        raw.len(),
        best_s * 1e3,
        options.threads,
        raw.len() as f64 / best_s,
        count(|o| *o == Outcome::Regularized),
        count(|o| *o == Outcome::Round),
        count(|o| *o == Outcome::Kept(Reason::PoorFit)),
        count(|o| *o == Outcome::Kept(Reason::TooSmall)),
        count(|o| *o == Outcome::Kept(Reason::Neighbour)),
    );
    result
}

fn report(name: &str, polygons: &[Polygon<f64>], truth: &[Polygon<f64>]) {
    let mean = |measure: fn(&Polygon<f64>, &Polygon<f64>) -> f64| {
        polygons.iter().zip(truth).map(|(a, b)| measure(a, b)).sum::<f64>() / truth.len() as f64
    };
    println!(
        "{name:12} IoU {:.4}  PoLiS {:.3} m  Hausdorff {:.3} m  vertices {:.2} (truth {:.2})",
        mean(iou),
        mean(metrics::polis_m),
        mean(metrics::hausdorff_m),
        mean(|a, _| metrics::vertices(a) as f64),
        mean(|_, b| metrics::vertices(b) as f64),
    );
}

fn iou(a: &Polygon<f64>, b: &Polygon<f64>) -> f64 {
    let common = a.intersection(b).unsigned_area();
    common / (a.unsigned_area() + b.unsigned_area() - common)
}

fn regularize_file(input: &Path, output: &Path, pixel_m: f64) -> Result<(), Box<dyn std::error::Error>> {
    let GeoJson::FeatureCollection(collection) = std::fs::read_to_string(input)?.parse::<GeoJson>()? else {
        return Err("the input is a FeatureCollection of polygons".into());
    };
    let polygon =
        |f: Feature| Polygon::try_from(f.geometry.ok_or("a feature has no geometry")?).map_err(|e| e.to_string());
    let raw = collection.features.into_iter().map(polygon).collect::<Result<Vec<Polygon<f64>>, String>>()?;
    let ours = timed(&raw, &RegularizeOptions::for_pixel(pixel_m));
    write(output, &ours.into_iter().map(|r| r.polygon).collect::<Vec<_>>())
}

fn write(path: &Path, polygons: &[Polygon<f64>]) -> Result<(), Box<dyn std::error::Error>> {
    let feature = |p: &Polygon<f64>| Feature { geometry: Some(Geometry::new(p.into())), ..Feature::default() };
    let collection =
        FeatureCollection { features: polygons.iter().map(feature).collect(), ..FeatureCollection::default() };
    Ok(std::fs::write(path, GeoJson::from(collection).to_string())?)
}
