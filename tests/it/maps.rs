//! stand-in for small maps to serve
use std::sync::Arc;

use geo::{Rect, coord};
use orthotile::feature::{Confidence, Feature, FeatureId, Height, HeightSource, Outline};
use orthotile::georef::{Crs, GeoTransform, PixelFrame};
use orthotile::grid::WorkGrid;
use orthotile::scheme::ClassId;
use orthotile::seed::Live;

fn grid() -> WorkGrid {
    let transform = GeoTransform::new([700_000.0, 0.25, 0.0, 3_060_000.0, 0.0, -0.25]).expect("regular");
    let frame = PixelFrame { crs: Crs::new("EPSG:32645").expect("known"), transform };
    WorkGrid { frame, cols: 512, rows: 512, block_px: 256 }
}

fn features() -> Vec<Feature> {
    let square = |i: i64| {
        let (x, y) = (700_005.0 + (i % 4) as f64 * 30.0, 3_059_990.0 - (i / 4) as f64 * 30.0);
        Feature {
            id: FeatureId::new(ClassId(1), i, 0).expect("in range"),
            class: ClassId(if i % 5 == 4 { 3 } else { 1 }),
            polygon: Rect::new(coord! { x: x, y: y - 10.0 }, coord! { x: x + 12.0, y: y }).to_polygon(),
            importance_m: Vec::new(),
            confidence: Some(Confidence { mean: 0.5 + 0.03 * i as f32, min: 0.4 }),
            area_m2: 120.0,
            perimeter_m: 44.0,
            outline: Outline::Regularized,
            height: Some(Height { height_m: 6.0, source: HeightSource::ClassDefault }),
            provisional: false,
        }
    };
    (0..16).map(square).collect()
}

/// A map of 16 features, all made, without imagery.
pub fn made(name: &str) -> Arc<Live> {
    Live::stand_in(name, grid(), features(), false, None)
}

/// A map of which nothing is made yet, and a model that could.
pub fn unmade(name: &str) -> Arc<Live> {
    Live::stand_in(name, grid(), features(), true, None)
}
