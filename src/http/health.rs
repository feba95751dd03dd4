//! Whether the process is there, and whether it can serve.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde_json::json;

use super::state::State;

/// `GET /health`: 200 as long as the process answers; says where the model runs, if one is loaded.
pub async fn health(state: web::Data<State>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("Cache-Control", "no-store"))
        .json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION"), "model": state.live.model() }))
}

/// `GET /ready`: 200 when requests can be served, else 503; nothing is computed for it.
pub async fn ready(state: web::Data<State>) -> HttpResponse {
    let health = state.live.health();
    let status = if health.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    HttpResponse::build(status)
        .insert_header(("Cache-Control", "no-store"))
        .json(json!({ "ready": health.ok, "map": state.live.name(), "detail": health.detail }))
}
