//! The documents of a map: TileJSON, style, page, health, progress; and who may read them.

use std::pin::pin;

use actix_web::App;
use actix_web::body::MessageBody;
use actix_web::http::{Method, StatusCode};
use actix_web::test::{TestRequest, call_service, init_service};
use orthotile::plugin::{Cors, Limits, ServeOptions};
use serde_json::Value;

use crate::asked::{get, send};
use crate::maps::{self, Map};

fn served(options: ServeOptions) -> Map {
    maps::made("town", options)
}

fn usual() -> Map {
    served(ServeOptions::default())
}

#[actix_web::test]
async fn links_are_absolute_and_lead_back() {
    let tiles = get(&usual(), "/tiles.json", &[("Host", "maps.test:81")]).await.json();
    assert_eq!(tiles["tilejson"], "3.0.0");
    assert_eq!(tiles["tiles"][0], "http://maps.test:81/m/tiles/{z}/{x}/{y}.mvt");
    let public = served(ServeOptions { public_url: Some("https://x.org/t/".to_owned()), ..ServeOptions::default() });
    let style = get(&public, "/style.json", &[]).await.json();
    assert_eq!(style["sources"]["orthotile"]["tiles"][0], "https://x.org/t/tiles/{z}/{x}/{y}.mvt");
}

#[actix_web::test]
async fn the_flat_twin_of_the_style_has_no_extrusion() {
    let extrusions = |style: &Value| {
        let layers = style["layers"].as_array().expect("a list");
        layers.iter().filter(|l| l["type"] == "fill-extrusion").count()
    };
    assert!(extrusions(&get(&usual(), "/style.json", &[]).await.json()) > 0);
    assert_eq!(extrusions(&get(&usual(), "/style.json?extrude=false", &[]).await.json()), 0);
    let wrong = get(&usual(), "/style.json?extrude=maybe", &[]).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(wrong.json()["detail"].as_str().is_some_and(|d| d.contains("extrude") && d.contains("true or false")));
}

#[actix_web::test]
async fn the_page_and_its_files_are_there() {
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/viewer/main.js", "text/javascript; charset=utf-8"),
        ("/viewer/maplibre-gl.mjs", "text/javascript; charset=utf-8"),
        ("/viewer/maplibre-gl.css", "text/css; charset=utf-8"),
        ("/viewer/map.json", "application/json"),
    ] {
        let answer = get(&usual(), path, &[]).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, kind), "{path}");
    }
    let without_slash = get(&usual(), "", &[]).await;
    assert_eq!((without_slash.status, without_slash.header("location")), (StatusCode::PERMANENT_REDIRECT, "m/"));
    assert_eq!(get(&usual(), "/viewer/..%2Fmain.js", &[]).await.status, StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn every_origin_may_read_and_preflights_pass() {
    let read = get(&usual(), "/tiles.json", &[("Origin", "https://else.where")]).await;
    assert_eq!(read.header("access-control-allow-origin"), "*");
    assert!(read.header("access-control-expose-headers").contains("ETag"));
    let preflight = send(&usual(), "/tiles/1/2/3.mvt", TestRequest::default().method(Method::OPTIONS)).await;
    assert_eq!(preflight.status, StatusCode::NO_CONTENT);
    assert_eq!(preflight.header("access-control-allow-methods"), "GET, HEAD, OPTIONS");
    let lost = get(&usual(), "/nothing", &[]).await;
    assert_eq!(lost.status, StatusCode::NOT_FOUND);
    assert_eq!(lost.header("access-control-allow-origin"), "*", "errors are readable too");
}

#[actix_web::test]
async fn a_closed_map_lets_no_other_origin_read() {
    let closed = served(ServeOptions { cors: Cors::None, ..ServeOptions::default() });
    assert_eq!(get(&closed, "/tiles.json", &[]).await.header("access-control-allow-origin"), "");
}

#[actix_web::test]
async fn only_named_origins_read_a_map_that_names_some() {
    let cors = Cors::Origins(vec!["https://a.org".to_owned()]);
    let some = served(ServeOptions { cors, ..ServeOptions::default() });
    let allowed = async |origin: &str| {
        let answer = get(&some, "/tiles.json", &[("Origin", origin)]).await;
        let vary = answer.headers.get_all("vary").any(|v| v == "Origin");
        (answer.header("access-control-allow-origin").to_owned(), vary)
    };
    assert_eq!(allowed("https://a.org").await, ("https://a.org".to_owned(), true));
    assert_eq!(allowed("https://b.org").await, (String::new(), true));
}

#[actix_web::test]
async fn links_vary_with_the_host_and_the_page_lets_nobody_frame_it() {
    let map = usual();
    assert!(get(&map, "/tiles.json", &[]).await.header("vary").contains("Host"));
    let page = get(&map, "/", &[]).await;
    let policy = page.header("content-security-policy");
    assert!(policy.ends_with("frame-ancestors 'self'") && !policy.contains("unsafe-inline"), "{policy}");
    assert_eq!((page.header("x-content-type-options"), page.header("referrer-policy")), ("nosniff", "same-origin"));
    let framed = served(ServeOptions { frame_ancestors: "https://a.org".to_owned(), ..ServeOptions::default() });
    let policy = get(&framed, "/", &[]).await.header("content-security-policy").to_owned();
    assert!(policy.ends_with("frame-ancestors https://a.org"), "{policy}");
}

#[actix_web::test]
async fn a_request_with_a_body_is_refused() {
    let (length, chunks) = (("Content-Length", "1"), ("Transfer-Encoding", "chunked"));
    for request in [TestRequest::get().insert_header(length), TestRequest::post().insert_header(chunks)] {
        let answer = send(&usual(), "/tiles.json", request).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
}

#[actix_web::test]
async fn listeners_are_bounded_and_a_free_seat_is_taken_again() {
    let limits = Limits { event_listeners: 2, event_listeners_per_address: 1, ..Limits::default() };
    let map = maps::made_within("town", ServeOptions::default(), &limits);
    let app = init_service(App::new().service(map.plugin.scope("/m"))).await;
    let listen = |ip: &str| {
        let peer = format!("{ip}:1").parse().expect("an address");
        call_service(&app, TestRequest::get().peer_addr(peer).uri("/m/events").to_request())
    };
    let first = listen("10.0.0.1").await;
    assert_eq!(first.status(), StatusCode::OK);
    let refused = listen("10.0.0.1").await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers().get("retry-after").and_then(|v| v.to_str().ok()), Some("1"));
    let second = listen("10.0.0.2").await;
    assert_eq!((second.status(), listen("10.0.0.3").await.status()), (StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE));
    drop(first);
    assert_eq!(listen("10.0.0.3").await.status(), StatusCode::OK);
}

#[actix_web::test]
async fn other_methods_are_405_and_head_is_get() {
    let post = send(&usual(), "/tiles.json", TestRequest::post()).await;
    assert_eq!((post.status, post.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD, OPTIONS"));
    let head = send(&usual(), "/tiles.json", TestRequest::default().method(Method::HEAD)).await;
    assert_eq!(head.status, StatusCode::OK);
}

#[actix_web::test]
async fn health_is_the_process_and_ready_is_the_map() {
    let health = get(&usual(), "/health", &[]).await.json();
    assert_eq!((health["status"].as_str(), health["model"].is_null()), (Some("ok"), true), "no model is loaded here");
    assert_eq!(health["polygons"]["repaired_with_loss"], 0, "{health}");
    let ready = get(&usual(), "/ready", &[]).await.json();
    assert_eq!((ready["ready"].as_bool(), ready["map"].as_str()), (Some(true), Some("town")));
}

#[actix_web::test]
async fn a_document_that_the_client_holds_is_not_sent_again() {
    let map = usual();
    let first = get(&map, "/style.json", &[("Accept-Encoding", "gzip")]).await;
    assert_eq!(first.header("content-encoding"), "gzip");
    let headers = [("Accept-Encoding", "gzip"), ("If-None-Match", first.header("etag"))];
    let again = get(&map, "/style.json", &headers).await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
}

#[actix_web::test]
async fn the_stream_begins_with_the_progress() {
    let map = usual();
    let app = init_service(App::new().service(map.plugin.scope("/m"))).await;
    let response = call_service(&app, TestRequest::get().uri("/m/events").to_request()).await;
    let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    assert_eq!(header("content-type").as_deref(), Some("text/event-stream"));
    assert_eq!(header("x-accel-buffering").as_deref(), Some("no"));
    let mut body = pin!(response.into_body());
    let piece = std::future::poll_fn(|cx| body.as_mut().poll_next(cx)).await.expect("it goes on").expect("bytes");
    let text = String::from_utf8(piece.to_vec()).expect("text");
    assert!(text.starts_with("event: progress\ndata: {") && text.ends_with("}\n\n"), "{text}");
    let document = get(&usual(), "/progress", &[]).await.json();
    assert_eq!(document["made"], document["total"]);
}
