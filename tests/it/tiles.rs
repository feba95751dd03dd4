//! Vector tiles as GDAL's reader sees them.

use gdal::vector::{Feature as Read, LayerAccess};
use gdal::{Dataset, DatasetOptions};
use geo::{LineString, Polygon, Rect, coord};
use orthotile::encode::mvt::{TileOptions, tile};
use orthotile::feature::{Confidence, Feature, FeatureId, FeatureStore, Height, HeightSource, Outline};
use orthotile::georef::{Crs, GeoTransform, PixelFrame, TileCoord};
use orthotile::scheme::{ClassId, Scheme};

/// A square of a metre grid in UTM 32 north.
fn square(x: f64, y: f64, side: f64) -> LineString<f64> {
    let (x, y) = (500_000.0 + x, 5_250_000.0 + y);
    Rect::new(coord! { x: x, y: y }, coord! { x: x + side, y: y + side }).to_polygon().exterior().clone()
}

fn feature(class: u32, number: i64, polygon: Polygon<f64>) -> Feature {
    Feature {
        id: FeatureId::new(ClassId(class), number, 7).expect("in range"),
        class: ClassId(class),
        area_m2: geo::Area::unsigned_area(&polygon),
        polygon,
        importance_m: Vec::new(),
        confidence: Some(Confidence { mean: 0.914, min: 0.5 }),
        unknown: None,
        perimeter_m: 0.0,
        outline: Outline::Exact,
        direction_deg: None,
        height: (class == 1).then_some(Height { height_m: 7.25, source: HeightSource::DsmDtm }),
        provisional: false,
    }
}

/// Twenty houses in the clearing of a wood, all in one tile.
fn clearing() -> FeatureStore {
    let transform = GeoTransform::new([500_000.0, 0.2, 0.0, 5_250_000.0, 0.0, -0.2]).expect("regular");
    let frame = PixelFrame { crs: Crs::new("EPSG:32632").expect("known"), transform };
    let house = |i: i64| feature(1, i, Polygon::new(square(10.0 + 18.0 * i as f64, 40.0, 12.0), Vec::new()));
    let mut hole = square(0.0, 0.0, 380.0);
    hole.0.reverse();
    let wood = feature(3, 1000, Polygon::new(square(-20.0, -20.0, 420.0), vec![hole]));
    FeatureStore::new(&frame, (0..20).map(house).chain([wood]).collect()).expect("projects")
}

fn number(feature: &Read<'_>, name: &str) -> Option<f64> {
    feature.field_as_double(feature.field_index(name).ok()?).ok()?
}

#[test]
fn gdal_reads_tiles_with_ids_attributes_and_valid_polygons() {
    let store = clearing();
    let bounds = store.bounds().expect("has features");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tile.mvt");
    let (mut houses, mut woods) = (std::collections::BTreeSet::new(), 0.0);
    let (first, last) =
        (TileCoord::at(15, bounds.min).expect("inside"), TileCoord::at(15, bounds.max).expect("inside"));
    for (x, y) in (first.x()..=last.x()).flat_map(|x| (first.y()..=last.y()).map(move |y| (x, y))) {
        let at = TileCoord::new(15, x, y).expect("exists");
        let Some(body) = tile(&store, &Scheme::city(), at, &TileOptions::new(16)) else { continue };
        std::fs::write(&path, body).expect("written");
        let options = DatasetOptions { allowed_drivers: Some(&["MVT"]), ..DatasetOptions::default() };
        let dataset = Dataset::open_ex(&path, options).expect("GDAL reads it");
        for mut layer in dataset.layers() {
            let name = layer.name();
            for read in layer.features() {
                let geometry = read.geometry().expect("has one");
                assert!(geometry.is_valid(), "{:?}", geometry.wkt());
                assert_eq!(number(&read, "confidence"), Some(91.0));
                if name == "buildings" {
                    houses.insert(number(&read, "fid").expect("an id") as u64);
                    assert_eq!((number(&read, "height"), number(&read, "render_height")), (Some(7.3), Some(8.0)));
                    assert_eq!(number(&read, "area_m2"), Some(144.0));
                } else {
                    woods += geometry.area();
                }
            }
        }
    }
    let ids: std::collections::BTreeSet<u64> =
        store.iter().filter(|f| f.feature.class == ClassId(1)).map(|f| f.feature.id.get()).collect();
    assert_eq!(houses, ids);
    assert!(woods > 0.0);
}
