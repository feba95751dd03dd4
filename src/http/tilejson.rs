//! What the tiles hold (TileJSON 3.0.0).

use actix_web::{HttpRequest, HttpResponse};

use super::answer::linked;
use super::links::base_url;
use super::slot::Map;
use super::state::State;
use crate::encode::tilejson::{TileSet, tilejson as write};

/// `GET /tiles.json`.
pub async fn tilejson(req: HttpRequest, state: Map) -> HttpResponse {
    let set = tile_set(&state, &base_url(&req, "/tiles.json", &state.options));
    linked(&req, &state.options, &write(&set))
}

/// The map as clients are told of it, at an address without a slash at its end.
#[must_use]
pub fn tile_set(state: &State, base: &str) -> TileSet {
    let imagery = state.imagery_zooms.as_ref().map(|_| format!("{base}/imagery/{{z}}/{{x}}/{{y}}.webp"));
    TileSet {
        name: state.live.name().to_owned(),
        attribution: state.options.attribution.clone(),
        tiles_url: format!("{base}/tiles/{{z}}/{{x}}/{{y}}.mvt"),
        imagery_url: imagery,
        bounds: state.live.bounds(),
        min_zoom: *state.zooms.start(),
        max_zoom: *state.zooms.end(),
    }
}
