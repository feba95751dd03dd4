//! A mosaic across 180°, from pixels to what clients are told and sent.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use actix_web::http::StatusCode;
use gdal::vector::LayerAccess;
use gdal::{Dataset, DatasetOptions};
use orthotile::georef::{Crs, MapPoint, Projector, TileCoord, WorldPoint};
use orthotile::plugin::ServeOptions;
use serde_json::Value;

use crate::asked::{Answer, get};
use crate::common::{Scene, town};
use crate::maps::{self, Map};

/// The zoom at which a tile is wider than the mosaic.
const ZOOM: u32 = 16;

/// A scene of 200 m with 180° in its middle, south of Vanua Levu, in a reference system.
fn across(folder: &Path, epsg: u32) -> PathBuf {
    let path = folder.join("fiji.tif");
    let projector = Projector::new(&Crs::lon_lat(), &Crs::new(&format!("EPSG:{epsg}")).expect("known")).expect("known");
    let middle = projector.project(MapPoint { x: 180.0, y: -16.8 }).expect("on earth");
    let first = (middle.x.round() - 100.0, middle.y.round());
    Scene { at: (0, 0), cols: 800, rows: 300, colour: &town }.write_in(&path, epsg, first);
    path
}

/// Asks until it is all made.
async fn complete(map: &Map, path: &str) -> Answer {
    for _ in 0..2400 {
        let answer = get(map, path, &[]).await;
        if answer.header("x-tile-state") == "complete" {
            return answer;
        }
        assert!([StatusCode::OK, StatusCode::NO_CONTENT].contains(&answer.status), "{path}: {}", answer.status);
        assert_eq!(answer.header("x-tile-state"), "provisional", "{path}");
        actix_web::rt::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{path} is never complete: {:?}", map.live.progress());
}

/// The ids in a tile, as GDAL reads them; every geometry is valid.
fn ids(tile: &[u8]) -> BTreeSet<u64> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tile.mvt");
    std::fs::write(&path, tile).expect("written");
    let options = DatasetOptions { allowed_drivers: Some(&["MVT"]), ..DatasetOptions::default() };
    let dataset = Dataset::open_ex(&path, options).expect("GDAL reads it");
    let mut ids = BTreeSet::new();
    for mut layer in dataset.layers() {
        for feature in layer.features() {
            assert!(feature.geometry().expect("has one").is_valid());
            let fid = feature.field_index("fid").expect("has one");
            ids.insert(feature.field_as_integer64(fid).expect("whole").expect("there") as u64);
        }
    }
    ids
}

async fn is_mapped_on_both_sides(epsg: u32) {
    let map = maps::growing_from(|folder| across(folder, epsg), ServeOptions::default());
    let bounds = map.live.bounds();
    assert!(bounds.crosses() && bounds.max.x - bounds.min.x < 1e-4, "{bounds:?}");
    let (top, last) = (TileCoord::at(ZOOM, bounds.min).expect("inside").y(), (1 << ZOOM) - 1);

    // Elsewhere on the same latitude there is no map.
    for x in [1 << (ZOOM - 1), 3, last - 3] {
        let answer = get(&map, &format!("/tiles/{ZOOM}/{x}/{top}.mvt"), &[]).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{x}");
    }
    assert_eq!(map.live.progress().queued, 0, "tiles elsewhere start nothing");

    let (mut west, mut east) = (BTreeSet::new(), BTreeSet::new());
    let bottom = TileCoord::at(ZOOM, WorldPoint { y: bounds.max.y, ..bounds.min }).expect("inside").y();
    let path = |x: u32, y: u32| format!("/tiles/{ZOOM}/{x}/{y}.mvt");
    // All is made before anything is compared: an outline grows as long as a block beside it is missing.
    for y in top..=bottom {
        complete(&map, &path(last, y)).await;
        complete(&map, &path(0, y)).await;
    }
    for y in top..=bottom {
        for (x, found) in [(last, &mut west), (0, &mut east)] {
            let tile = get(&map, &path(x, y), &[]).await;
            if tile.status == StatusCode::OK {
                found.extend(ids(&tile.body));
            }
        }
    }
    let store = &map.live.snapshot().store;
    let all: BTreeSet<u64> = store.iter().map(|f| f.feature.id.get()).collect();
    assert!(all.len() > 50, "{}", all.len());
    assert_eq!(west.union(&east).copied().collect::<BTreeSet<u64>>(), all);
    assert!(west.len() < all.len() && east.len() < all.len(), "each side has its own");
    // GDAL leaves out what lies in the buffer alone: what leads across by less than a unit.
    let unit = 2_f64.powi(-12 - ZOOM as i32);
    let across: Vec<_> = store.iter().filter(|f| f.shape.bounds().crosses()).collect();
    let crossing: Vec<u64> = across.iter().map(|f| f.feature.id.get()).collect();
    assert!(crossing.len() > 3, "{crossing:?}");
    for stored in across.iter().filter(|f| f.shape.bounds().max.x > 1.0 + unit) {
        let id = stored.feature.id.get();
        assert!(west.contains(&id) && east.contains(&id), "{id}: {:?}", stored.shape.bounds());
    }
    let low = get(&map, "/tiles/14/0/0.mvt", &[]).await;
    assert_eq!(low.status, StatusCode::NO_CONTENT);

    let json = get(&map, "/tiles.json", &[]).await.json();
    let number = |value: &Value| value.as_f64().expect("a number");
    assert_eq!((number(&json["bounds"][0]), number(&json["bounds"][2])), (-180.0, 180.0));
    assert!((number(&json["bounds"][3]) - number(&json["bounds"][1])).abs() < 0.001, "{}", json["bounds"]);
    assert!(number(&json["center"][0]).abs() > 179.999 && number(&json["minzoom"]) > 10.0, "{json}");
    let page = get(&map, "/viewer/map.json", &[]).await.json();
    assert!(number(&page["bounds"][0]) > 179.99 && number(&page["bounds"][2]) < -179.99, "{}", page["bounds"]);

    let collection = get(&map, "/features.geojson?bbox=179.99,-17,-179.99,-16&limit=10000", &[]).await.json();
    assert_eq!(collection["features"].as_array().map(Vec::len), Some(all.len()));
    assert!(number(&collection["bbox"][0]) > 179.99 && number(&collection["bbox"][2]) < -179.99);
    let cut = |f: &&Value| f["geometry"]["type"] == "MultiPolygon";
    let cut: Vec<u64> = collection["features"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(cut)
        .filter_map(|f| f["id"].as_u64())
        .collect();
    assert!(!cut.is_empty() && cut.iter().all(|id| crossing.contains(id)), "{cut:?} of {crossing:?}");

    let middle = TileCoord::at(18, bounds.middle()).expect("inside").y();
    for x in [(1 << 18) - 1, 0] {
        for path in [format!("/labels/18/{x}/{middle}.png"), format!("/imagery/18/{x}/{middle}.webp")] {
            assert_eq!(get(&map, &path, &[]).await.status, StatusCode::OK, "{path}");
        }
    }
}

#[actix_web::test]
async fn a_mosaic_of_fiji_is_mapped_on_both_sides_of_180() {
    is_mapped_on_both_sides(3460).await;
}

#[actix_web::test]
async fn a_mosaic_of_the_last_zone_is_mapped_on_both_sides_of_180() {
    is_mapped_on_both_sides(32760).await;
}
