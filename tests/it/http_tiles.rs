//! Tiles over HTTP: statuses, encodings, entity tags, how far a tile is.

use std::cell::RefCell;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use actix_web::http::StatusCode;
use orthotile::encode::compress::Encoding;
use orthotile::georef::{TileCoord, WorldPoint};
use orthotile::plugin::{Cors, ServeOptions};

use crate::asked::get;
use crate::common::small_mosaic;
use crate::maps::{self, Map};

fn usual() -> Map {
    maps::made("town", ServeOptions::default())
}

/// The path of the tile in the middle of a map.
fn tile(map: &Map, z: u32) -> String {
    format!("/tiles/{}.mvt", TileCoord::at(z, map.live.bounds().middle()).expect("on the map"))
}

#[actix_web::test]
async fn a_tile_has_its_kind_its_tag_and_its_time() {
    let map = usual();
    let answer = get(&map, &tile(&map, 15), &[]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/vnd.mapbox-vector-tile");
    assert_eq!(answer.header("x-tile-state"), "complete");
    assert_eq!(answer.header("vary"), "Accept-Encoding");
    assert!(answer.header("cache-control").contains("max-age=60"));
    assert!(answer.header("etag").starts_with('"'), "strong: {}", answer.header("etag"));
    assert!(answer.body.windows(9).any(|w| w == b"buildings"), "the name of the layer stands in the bytes");
}

#[actix_web::test]
async fn each_encoding_has_its_body_and_its_tag() {
    let map = usual();
    let path = tile(&map, 15);
    let plain = get(&map, &path, &[]).await;
    let mut tags = vec![plain.header("etag").to_owned()];
    for encoding in [Encoding::Gzip, Encoding::Brotli, Encoding::Zstd] {
        let token = encoding.token().expect("it has one");
        let answer = get(&map, &path, &[("Accept-Encoding", token)]).await;
        assert_eq!(answer.header("content-encoding"), token);
        assert_eq!(answer.body, encoding.compress(&plain.body));
        tags.push(answer.header("etag").to_owned());
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 4, "a strong tag names one sequence of bytes");
}

#[actix_web::test]
async fn a_tile_that_the_client_holds_is_not_sent_again() {
    let map = usual();
    let path = tile(&map, 15);
    let first = get(&map, &path, &[("Accept-Encoding", "gzip")]).await;
    let held = first.header("etag");
    let again = get(&map, &path, &[("Accept-Encoding", "gzip"), ("If-None-Match", held)]).await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(again.header("etag"), held);
    let other = get(&map, &path, &[("Accept-Encoding", "zstd"), ("If-None-Match", held)]).await;
    assert_eq!(other.status, StatusCode::OK, "another encoding is another body");
}

#[actix_web::test]
async fn empty_or_outside_is_204_and_what_is_no_tile_is_404() {
    let map = usual();
    let corner = WorldPoint { x: map.live.bounds().max.x - 1e-9, y: map.live.bounds().max.y - 1e-9 };
    let json = get(&map, "/tiles.json", &[]).await;
    let json: serde_json::Value = json.json();
    let deepest = json["maxzoom"].as_u64().expect("a number") as u32;
    let at = TileCoord::at(deepest + 2, corner).expect("on the map");
    let (deep, empty) = (format!("/tiles/{at}.mvt"), TileCoord::at(deepest, corner).expect("on the map"));
    assert_eq!(get(&map, &deep, &[]).await.status, StatusCode::NOT_FOUND, "deeper than maxzoom");
    let answer = get(&map, &format!("/tiles/{empty}.mvt"), &[]).await;
    assert!([StatusCode::OK, StatusCode::NO_CONTENT].contains(&answer.status));
    for outside in ["/tiles/15/0/0.mvt", "/tiles/15/32767/32767.mvt", "/labels/16/0/0.png"] {
        let answer = get(&map, outside, &[]).await;
        assert_eq!((answer.status, answer.body.len()), (StatusCode::NO_CONTENT, 0), "{outside}");
    }
    for none in
        ["/tiles/15/32768/0.mvt", "/tiles/99/0/0.mvt", "/tiles/16/x/0.mvt", "/tiles/1/5/5.mvt", "/tiles/-1/0/0.mvt"]
    {
        let answer = get(&map, none, &[]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{none}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{none}");
    }
}

#[actix_web::test]
async fn a_tile_whose_blocks_are_missing_starts_them_and_is_complete_when_they_are_made() {
    let map = maps::growing(ServeOptions::default());
    let path = tile(&map, 15);
    let first = get(&map, &path, &[]).await;
    assert_eq!(first.status, StatusCode::NO_CONTENT, "nothing is made yet");
    assert_eq!(first.header("x-tile-state"), "provisional");
    assert_eq!(first.header("cache-control"), "public, max-age=3");
    let mut last = first;
    for _ in 0..600 {
        let held = last.header("etag").to_owned();
        last = get(&map, &path, &[("If-None-Match", &held)]).await;
        if last.header("x-tile-state") == "complete" {
            break;
        }
        actix_web::rt::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(last.header("x-tile-state"), "complete");
    let body = get(&map, &path, &[]).await;
    assert_eq!(body.status, StatusCode::OK, "it has houses now");
    assert!(body.header("cache-control").contains("max-age=60"));
}

#[actix_web::test]
async fn a_tile_whose_blocks_cannot_be_made_says_so_and_other_tiles_go_on() {
    let scenes = RefCell::new(PathBuf::new());
    let mosaic = |folder: &Path| {
        scenes.replace(small_mosaic(folder));
        scenes.borrow().clone()
    };
    let map = maps::growing_from(mosaic, ServeOptions::default());
    // Most of the first scene is cut off, after it was opened.
    let first = File::options().write(true).open(scenes.borrow().join("a.tif")).expect("written");
    first.set_len(first.metadata().expect("a size").len() / 3).expect("cut");
    let path = tile(&map, 15);
    let mut last = get(&map, &path, &[]).await;
    assert_eq!(last.header("x-tile-state"), "provisional");
    for _ in 0..600 {
        last = get(&map, &path, &[]).await;
        if last.header("x-tile-state") != "provisional" {
            break;
        }
        actix_web::rt::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(last.header("x-tile-state"), "failed");
    assert!(last.header("cache-control").contains("max-age=60"), "not asked for again at once");
    let progress = map.live.progress();
    assert!(progress.failed > 0 && progress.made > 0, "blocks of other scenes are made: {progress:?}");
    assert_eq!((progress.queued, progress.running), (0, 0));
}

#[actix_web::test]
async fn a_tile_of_half_the_map_starts_nothing() {
    let map = maps::growing(ServeOptions { min_request_zoom: 15, ..ServeOptions::default() });
    let answer = get(&map, &tile(&map, 14), &[]).await;
    assert_eq!(answer.header("x-tile-state"), "partial");
    let progress = map.live.progress();
    assert_eq!((progress.queued, progress.running), (0, 0));
}

#[actix_web::test]
async fn a_page_of_another_origin_starts_nothing_unless_it_is_named() {
    let origin = "https://maps.example.org";
    let map = maps::growing(ServeOptions::default());
    for headers in [[("Origin", origin)], [("Sec-Fetch-Site", "cross-site")]] {
        let answer = get(&map, &tile(&map, 15), &headers).await;
        assert_eq!(answer.header("x-tile-state"), "partial");
    }
    let progress = map.live.progress();
    assert_eq!((progress.made, progress.queued, progress.running), (0, 0, 0));
    let named = maps::growing(ServeOptions { cors: Cors::Origins(vec![origin.to_owned()]), ..ServeOptions::default() });
    let answer = get(&named, &tile(&named, 15), &[("Origin", origin), ("Sec-Fetch-Site", "cross-site")]).await;
    assert_eq!(answer.header("x-tile-state"), "provisional");
}

#[actix_web::test]
async fn label_tiles_are_palette_images_and_imagery_is_404_without_a_mosaic() {
    let map = usual();
    let at = TileCoord::at(18, map.live.bounds().middle()).expect("on the map");
    let answer = get(&map, &format!("/labels/{at}.png"), &[]).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "image/png"));
    assert_eq!(answer.body[25], 3, "colour type 3: a palette");
    let held = answer.header("etag").to_owned();
    let again = get(&map, &format!("/labels/{at}.png"), &[("If-None-Match", &held)]).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    let imagery = get(&map, &format!("/imagery/{at}.webp"), &[]).await;
    assert_eq!(imagery.status, StatusCode::NOT_FOUND);
    assert!(String::from_utf8_lossy(&imagery.body).contains("imagery"));
}

#[actix_web::test]
async fn imagery_tiles_are_webp() {
    let map = maps::growing(ServeOptions::default());
    let at = TileCoord::at(19, map.live.bounds().middle()).expect("on the map");
    let answer = get(&map, &format!("/imagery/{at}.webp"), &[]).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "image/webp"));
    assert_eq!((&answer.body[..4], &answer.body[8..12]), (&b"RIFF"[..], &b"WEBP"[..]));
}
