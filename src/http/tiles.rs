//! Vector tiles.
//!
//! A tile says how far it is in `X-Tile-State`: `complete`; `provisional`, when missing blocks are being made or wait for
//! it; `partial`, when blocks are missing and nobody makes them; `failed`, when all that are missing could not be made. Map
//! clients do not ask again after errors or `Retry-After`, but MapLibre does when `max-age` has passed, and QGIS keeps a tile
//! exactly that long.

use std::sync::Arc;

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};

use super::answer::{Head, accepted, outside};
use super::desk::{Ticket, What};
use super::errors::HttpError;
use super::slot::{Client, Map};
use super::state::State;
use crate::encode::mvt;
use crate::georef::TileCoord;

const SETTLED: &str = "public, max-age=60, stale-while-revalidate=86400";
const SOON_OLD: &str = "public, max-age=3";

/// How far the blocks of a tile are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Completeness {
    Complete,
    Partial,
    Provisional,
    /// What it lacks could not be made; it is tried again in a minute.
    Failed,
    /// Its blocks did not fit in the queue: the client's next request tries again.
    QueueFull,
}

/// `GET /tiles/{z}/{x}/{y}.mvt`: 200, 204 where it is empty or outside the map, 304, 404 where it is no tile of this map's
/// zooms, 503 where too many tiles wait.
pub async fn tile(
    req: HttpRequest,
    state: Map,
    Client(address): Client,
    path: web::Path<(u32, u32, u32)>,
) -> Result<HttpResponse, HttpError> {
    let Some(at) = state.tile(path.into_inner(), &state.zooms)? else { return Ok(outside()) };
    // Before the snapshot is taken: a block that arrives in between makes this answer too modest, never too bold.
    let may_start = state.options.cors.may_start_work(&req, state.options.trust_forwarded);
    let completeness = ask_for_missing(&state, at, may_start);
    let snapshot = state.live.snapshot();
    let encoding = accepted(&req);
    let head = Head {
        content_type: mvt::MEDIA_TYPE,
        cache_control: completeness.cache_control(),
        tag: tag(&state, snapshot.generation, at, encoding.token()),
        encoding,
    };
    if let Some(response) = head.not_modified(&req) {
        return Ok(completeness.mark(response));
    }
    let key = state.key(What::Vector(at, encoding));
    let generation = snapshot.generation;
    let making = Arc::clone(&state);
    let start = |ticket: Ticket| {
        state.resources.tiles.submit(address, move || {
            if !ticket.is_abandoned() {
                let options = mvt::TileOptions::new(*making.zooms.end());
                let tile = mvt::tile(&snapshot.store, making.live.scheme(), at, &options);
                ticket.finish(&Ok(tile.map_or_else(Bytes::new, |body| encoding.compress(&body).into())));
            }
        })
    };
    let body = state.resources.desk.get_or_make(key, generation, start).await?;
    Ok(completeness.mark(if body.is_empty() { head.empty() } else { head.ok(body) }))
}

/// Starts what is missing, if it can be made, the client may start it and the tile is not half the map.
fn ask_for_missing(state: &State, at: TileCoord, may_start: bool) -> Completeness {
    let area = at.bounds();
    if state.live.missing(&area) == 0 {
        return Completeness::Complete;
    }
    if at.z() < state.options.min_request_zoom || !may_start {
        return Completeness::Partial;
    }
    match state.live.request(&area) {
        Ok(asked) if asked.coming > 0 => Completeness::Provisional,
        Ok(asked) if asked.failed > 0 => Completeness::Failed,
        Ok(_) => Completeness::Partial,
        Err(full) => {
            tracing::debug!(tile = %at, %full, "a tile waits");
            Completeness::QueueFull
        }
    }
}

/// From what determines the body, so that it can be compared before the body is made.
fn tag(state: &State, generation: u64, at: TileCoord, encoding: Option<&str>) -> String {
    let (z, x, y) = (at.z(), at.x(), at.y());
    format!("\"{}-{generation}-{z}-{x}-{y}-{}\"", state.epoch, encoding.unwrap_or("plain"))
}

impl Completeness {
    fn cache_control(self) -> &'static str {
        match self {
            Self::Complete | Self::Partial | Self::Failed => SETTLED,
            Self::Provisional | Self::QueueFull => SOON_OLD,
        }
    }

    fn mark(self, mut response: HttpResponse) -> HttpResponse {
        let name = match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Provisional | Self::QueueFull => "provisional",
        };
        let headers = response.headers_mut();
        headers.insert(HeaderName::from_static("x-tile-state"), HeaderValue::from_static(name));
        if self == Self::QueueFull {
            headers.insert(HeaderName::from_static("x-queue"), HeaderValue::from_static("full"));
        }
        response
    }
}
