//! Whether the process is there, and whether it can serve.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde_json::json;

use super::state::State;

/// `GET /health`: 200 as long as the process answers; says where the model runs, if one is loaded,
/// and how often the features of a chip were kept.
pub async fn health(state: web::Data<State>) -> HttpResponse {
    let mut body = json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION"), "model": state.live.model() });
    if let Some(cache) = state.live.feature_cache() {
        body["feature_cache"] = json!({
            "hits": cache.hits, "misses": cache.misses, "hit_percent": cache.hit_percent(),
            "bytes": cache.bytes, "limit_bytes": cache.limit_bytes,
        });
    }
    HttpResponse::Ok().insert_header(("Cache-Control", "no-store")).json(body)
}

/// `GET /ready`: 200 when requests can be served, else 503; nothing is computed for it.
pub async fn ready(state: web::Data<State>) -> HttpResponse {
    let health = state.live.health();
    let status = if health.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    HttpResponse::build(status)
        .insert_header(("Cache-Control", "no-store"))
        .json(json!({ "ready": health.ok, "map": state.live.name(), "detail": health.detail }))
}
