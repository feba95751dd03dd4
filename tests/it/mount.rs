//! Two maps in somebody else's server disturb neither each other nor the host.

use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, HttpResponse, web};
use orthotile::plugin::ServeOptions;
use serde_json::Value;

use crate::maps;

/// What the host keeps for itself, under a type that a plugin might use too.
struct HostData(&'static str);

macro_rules! host {
    () => {{
        let map = |name| maps::made(name, ServeOptions::default());
        let (east, west) = (map("east"), map("west"));
        init_service(
            App::new()
                .app_data(web::Data::new(HostData("host")))
                .service(east.plugin.scope("/east"))
                .service(west.plugin.scope("/maps/west"))
                .route(
                    "/health",
                    web::get().to(|data: web::Data<HostData>| async move { HttpResponse::Ok().body(data.0) }),
                )
                .default_service(web::to(|| async { HttpResponse::NotFound().body("the host's own") })),
        )
        .await
    }};
}

macro_rules! get {
    ($app:expr, $path:expr) => {{
        let response =
            call_service(&$app, TestRequest::get().uri($path).insert_header(("Host", "h")).to_request()).await;
        (response.status().as_u16(), read_body(response).await)
    }};
}

#[actix_web::test]
async fn each_map_answers_for_itself() {
    let app = host!();
    for (path, name) in [("/east", "east"), ("/maps/west", "west")] {
        let (status, body) = get!(app, &format!("{path}/tiles.json"));
        let tiles: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!((status, tiles["name"].as_str()), (200, Some(name)));
        assert_eq!(tiles["tiles"][0], format!("http://h{path}/tiles/{{z}}/{{x}}/{{y}}.mvt"));
        let (_, body) = get!(app, &format!("{path}/ready"));
        assert_eq!(serde_json::from_slice::<Value>(&body).expect("JSON")["map"], name);
        let (status, page) = get!(app, &format!("{path}/"));
        assert!(status == 200 && page.starts_with(b"<!doctype html>"));
    }
}

#[actix_web::test]
async fn the_host_keeps_its_routes_its_data_and_its_404() {
    let app = host!();
    assert_eq!(get!(app, "/health"), (200, web::Bytes::from_static(b"host")));
    assert_eq!(get!(app, "/tiles.json"), (404, web::Bytes::from_static(b"the host's own")));
    assert_eq!(get!(app, "/eastern"), (404, web::Bytes::from_static(b"the host's own")));
    let (status, body) = get!(app, "/east/none");
    assert!(status == 404 && body.starts_with(b"{"), "below the mount point the map answers");
}
