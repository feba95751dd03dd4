//! One file per protocol; the table of what is answered is [`routes`].
//!
//! Handlers only await. Each class of work has threads and a bounded queue of its own (`resources`): vector tiles never wait
//! behind GeoJSON, nor behind imagery and label tiles, whose threads (`painter`) hold datasets and PROJ objects.

mod answer; // bodies with their headers: encoding, entity tag, how long they may be kept
mod body; // bodies sent slice by slice
mod cors; // pages of other origins
mod desk; // bodies kept in memory, each made once
mod errors; // errors become statuses
mod events; // what is being made: a stream and a document
mod features; // GeoJSON of an area
mod guard; // rules for every request
mod health; // is the process there, can it serve
mod imagery; // the mosaic as raster tiles
mod labels; // the label map as raster tiles
mod limits; // limits of a server
mod links; // the address of the map for the client that asks
mod options; // how a map is served
mod painter; // the threads that draw raster tiles
mod pool; // threads for one class of work
mod resources; // what all maps of a server share
mod seats; // a bounded number of clients
pub mod server; // the server of the binary
mod slot; // a map that is opened, served, or failed
mod state; // what the handlers share
mod stream; // GeoJSON in pieces
mod style; // the map style
mod tilejson; // what the tiles hold
mod tiles; // vector tiles
mod viewer; // the map page

pub use cors::Cors;
pub use guard::Hosts;
pub use limits::Limits;
pub use options::ServeOptions;
pub use resources::Resources;
pub use slot::Slot;
pub use state::{ServeError, State};

use actix_web::dev::HttpServiceFactory;
use actix_web::middleware::from_fn;
use actix_web::{Handler, Responder, Scope, guard as guards, web};

/// Everything that a map answers, under `prefix`, with its own data: nothing reaches the rest of the server.
#[must_use]
pub fn routes(prefix: &str, slot: web::Data<Slot>) -> Scope {
    let inner = web::scope("")
        .wrap(from_fn(cors::cross_origin))
        .wrap(from_fn(guard::refuse_bodies))
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
        .app_data(slot)
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
    let read = guards::Any(guards::Get()).or(guards::Head());
    web::resource(path).route(web::route().guard(read).to(handler)).default_service(web::to(errors::method_not_allowed))
}
