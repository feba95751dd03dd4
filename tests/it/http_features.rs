//! GeoJSON over HTTP.

use std::io::Read;

use actix_web::http::{Method, StatusCode};
use actix_web::test::TestRequest;
use orthotile::plugin::{Limits, ServeOptions};
use serde_json::Value;

use crate::asked::{get, send};
use crate::maps::{self, Map};

fn few() -> Map {
    maps::made_within("town", ServeOptions::default(), &Limits { features: 12, max_features: 12, ..Limits::default() })
}

async fn ask(map: &Map, query: &str) -> (StatusCode, Value) {
    let answer = get(map, &format!("/features.geojson{query}"), &[]).await;
    (answer.status, answer.json())
}

#[actix_web::test]
async fn an_answer_says_how_many_there_are() {
    let map = few();
    let (status, all) = ask(&map, "").await;
    assert_eq!(status, StatusCode::OK);
    assert!(all["numberMatched"].as_u64() > Some(50), "{}", all["numberMatched"]);
    assert_eq!(all["numberReturned"], 12);
    let (_, two) = ask(&map, "?limit=2").await;
    assert_eq!(two["features"].as_array().map(Vec::len), Some(2));
}

#[actix_web::test]
async fn filters_narrow_by_class_confidence_and_place() {
    let map = few();
    let (_, lawns) = ask(&map, "?class=grass").await;
    let features = lawns["features"].as_array().expect("a list");
    assert!(!features.is_empty() && features.iter().all(|f| f["properties"]["class"] == "grass"));
    let (_, sure) = ask(&map, "?min_confidence=0.8").await;
    let count = |json: &Value| json["numberMatched"].as_u64().expect("a number");
    assert!(count(&sure) > 0 && count(&sure) < count(&ask(&map, "").await.1));
    let (_, none) = ask(&map, "?bbox=0,0,1,1").await;
    assert_eq!(none["numberMatched"], 0);
}

#[actix_web::test]
async fn a_wrong_parameter_is_named_with_what_is_accepted() {
    let map = few();
    for (query, parameter, accepted) in [
        ("?bbox=1,2", "bbox", "west,south,east,north"),
        ("?bbox=1,2,3,NaN", "bbox", "degrees"),
        ("?limit=0", "limit", "from 1 to 12"),
        ("?limit=13", "limit", "from 1 to 12"),
        ("?class=castle", "class", "building"),
        ("?min_confidence=101", "min_confidence", "0 to 100"),
        ("?min_confidence=x", "min_confidence", "0 to 100"),
        ("?colour=red", "colour", "bbox, limit, after, class"),
    ] {
        let (status, problem) = ask(&map, query).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
        let detail = problem["detail"].as_str().expect("a problem has a detail");
        assert!(detail.contains(&format!("{parameter:?}")) && detail.contains(accepted), "{query}: {detail}");
    }
}

#[actix_web::test]
async fn next_links_lead_through_all_features_each_once() {
    let map = few();
    let (mut path, mut ids, mut pages) = ("/features.geojson?bbox=-179,-80,179,80".to_owned(), Vec::new(), 0);
    loop {
        let answer = get(&map, &path, &[("Host", "h")]).await;
        let page = answer.json();
        let features = page["features"].as_array().expect("a list");
        assert_eq!(page["numberReturned"], features.len());
        ids.extend(features.iter().map(|f| f["id"].as_u64().expect("an id")));
        pages += 1;
        let links = page["links"].as_array().expect("links");
        let Some(next) = links.iter().find(|link| link["rel"] == "next") else {
            assert_eq!(answer.header("link"), "");
            assert_eq!(page["numberMatched"], ids.len());
            break;
        };
        let next = next["href"].as_str().expect("an address");
        assert!(answer.header("link").starts_with(&format!("<{next}>; rel=\"next\"")), "{}", answer.header("link"));
        next.strip_prefix("http://h/m").expect("of this map").clone_into(&mut path);
        assert!(path.contains("bbox=-179,-80,179,80"), "{path}");
    }
    assert!(pages > 4 && ids.is_sorted() && ids.windows(2).all(|pair| pair[0] < pair[1]), "{pages} pages");
    assert_eq!(ids.len(), map.live.snapshot().store.len());
}

#[actix_web::test]
async fn compressed_and_plain_answers_say_the_same_and_are_not_sent_twice() {
    let map = maps::made("town", ServeOptions::default());
    let plain = get(&map, "/features.geojson", &[]).await;
    let packed = get(&map, "/features.geojson", &[("Accept-Encoding", "br, zstd, gzip")]).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    let mut body = Vec::new();
    flate2::read::GzDecoder::new(&packed.body[..]).read_to_end(&mut body).expect("gzip");
    assert!(body == plain.body && body.len() > 5 * packed.body.len());
    assert!(plain.json()["bbox"].as_array().is_some_and(|wsen| wsen.len() == 4));
    let held = plain.header("etag").to_owned();
    let again = get(&map, "/features.geojson", &[("If-None-Match", &held)]).await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    let head = send(&map, "/features.geojson", TestRequest::default().method(Method::HEAD)).await;
    assert_eq!((head.status, head.header("etag"), head.body.len()), (StatusCode::OK, held.as_str(), 0));
}

#[actix_web::test]
async fn a_map_without_a_free_seat_says_when_to_ask_again() {
    let limits = Limits { feature_streams: 1, ..Limits::default() };
    let map = maps::made_within("town", ServeOptions::default(), &limits);
    let app = actix_web::test::init_service(actix_web::App::new().service(map.plugin.scope("/m"))).await;
    let ask = || actix_web::test::call_service(&app, TestRequest::get().uri("/m/features.geojson").to_request());
    let unread = ask().await;
    assert_eq!(unread.status(), StatusCode::OK);
    let refused = ask().await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));
    drop(unread);
    assert_eq!(ask().await.status(), StatusCode::OK);
}
