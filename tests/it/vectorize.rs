//! `vectorize` against GDAL's own polygons, and the layers of a file that GDAL writes.

use std::path::Path;

use gdal::vector::LayerAccess;
use geo::{Area, Validation};
use orthotile::encode::export::export;
use orthotile::encode::filter::Filter;
use orthotile::feature::{Feature, FeatureStore};
use orthotile::pipeline::{VectorizeOptions, scheme_of, vectorize};
use orthotile::raster::ClassRaster;

use crate::common::data;

fn exact(path: &Path) -> Vec<Feature> {
    let raster = ClassRaster::open(path).expect("a class raster");
    let scheme = scheme_of(&raster, &[], &[]);
    vectorize(&raster, &scheme, &VectorizeOptions { tolerance_m: Some(0.0), ..VectorizeOptions::default() })
        .expect("vectorized")
        .1
        .features
}

#[test]
fn regions_have_the_areas_that_gdal_found() {
    let Some(folder) = data("truth-polygonize") else { return };
    let features = exact(&folder.join("delft_classes_05m.tif"));
    // GDAL 3.10.3, 4-connected: 833 polygons, 101 holes; 0 is a class like any other unless it is declared nodata.
    let named: Vec<&Feature> = features.iter().filter(|f| f.class.0 != 0).collect();
    for (class, area_m2) in [(1, 8570.5), (2, 7536.75), (3, 2764.0), (4, 7225.5), (5, 7869.0)] {
        let ours: f64 = named.iter().filter(|f| f.class.0 == class).map(|f| f.polygon.unsigned_area()).sum();
        assert!((ours - area_m2).abs() < 1e-6 * area_m2, "class {class}: {ours} m²");
    }
    assert!(features.iter().all(|f| f.polygon.is_valid()), "every polygon is valid");
}

#[test]
fn a_flat_geobuf_holds_every_region() {
    let Some(folder) = data("truth-polygonize") else { return };
    let raster = ClassRaster::open(&folder.join("delft_classes_05m.tif")).expect("a class raster");
    let scheme = scheme_of(&raster, &[1], &[]);
    let (grid, derived) = vectorize(&raster, &scheme, &VectorizeOptions::default()).expect("vectorized");
    let features = derived.features;
    let count = features.len();
    let store = FeatureStore::new(&grid.frame, features).expect("indexed");
    let out = tempfile::tempdir().expect("a folder");
    for name in ["regions.fgb", "regions.gpkg", "regions.geojson"] {
        let path = out.path().join(name);
        export(&path, &Filter::default().select(&store, &scheme)).expect("written");
        let dataset = gdal::Dataset::open(&path).expect("GDAL opens it");
        let layer = dataset.layer(0).expect("a layer");
        assert_eq!(layer.feature_count() as usize, count, "{name}");
    }
}
