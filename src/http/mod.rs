//! One file per protocol; the table of what is answered is [`routes`].
//!
//! Handlers only await. What takes longer than copying a kept body runs on the blocking pool (vector tiles, GeoJSON) or
//! on the threads of the `painter` (imagery and label tiles, which hold datasets and PROJ objects).

mod answer; // bodies with their headers: encoding, entity tag, how long they may be kept
mod cache; // bodies kept in memory
mod cors; // pages of other origins
mod errors; // errors become statuses
mod events; // what is being made: a stream and a document
mod features; // GeoJSON of an area
mod health; // is the process there, can it serve
mod imagery; // the mosaic as raster tiles
mod labels; // the label map as raster tiles
mod links; // the address of the map for the client that asks
mod options; // how a map is served
mod painter; // the threads that draw raster tiles
mod state; // what the handlers share
mod style; // the map style
mod tilejson; // what the tiles hold
mod tiles; // vector tiles
mod viewer; // the map page

pub use options::ServeOptions;
pub use state::{ServeError, State};

use actix_web::dev::HttpServiceFactory;
use actix_web::middleware::from_fn;
use actix_web::{Handler, Responder, Scope, guard, web};

/// Everything that a map answers, under `prefix`, with its own data: nothing reaches the rest of the server.
#[must_use]
pub fn routes(prefix: &str, state: web::Data<State>) -> Scope {
    let inner = web::scope("")
        .wrap(from_fn(cors::cross_origin))
        .service(get("/tiles.json", tilejson::tilejson))
        .service(get("/tiles/{z}/{x}/{y}.mvt", tiles::tile))
        .service(get("/style.json", style::style))
        .service(get("/imagery/{z}/{x}/{y}.webp", imagery::tile))
        .service(get("/labels/{z}/{x}/{y}.png", labels::tile))
        .service(get("/features.geojson", features::features))
        .service(get("/events", events::events))
        .service(get("/progress", events::progress))
        .service(get("/health", health::health))
        .service(get("/ready", health::ready))
        .service(get("/viewer/map.json", viewer::map))
        .service(get("/viewer/{file}", viewer::asset))
        .service(get("/", viewer::page))
        .service(get("", viewer::to_page))
        .default_service(web::to(errors::not_found));
    web::scope(prefix)
        .app_data(state)
        .app_data(web::PathConfig::default().error_handler(|e, req| errors::path_error(&e, req)))
        .app_data(web::QueryConfig::default().error_handler(|e, req| errors::query_error(&e, req)))
        .service(inner)
}

/// A resource that answers GET and HEAD.
fn get<F, Args>(path: &str, handler: F) -> impl HttpServiceFactory + 'static
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let read = guard::Any(guard::Get()).or(guard::Head());
    web::resource(path).route(web::route().guard(read).to(handler)).default_service(web::to(errors::method_not_allowed))
}
