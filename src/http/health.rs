//! Whether the process is there, and whether it can serve.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::errors::HttpError;
use super::guard;
use super::slot::Slot;
use crate::encode::{RepairCounts, repairs};

/// `GET /health`: 200 as long as the process answers; reports where the model runs, if one is loaded, how often the features
/// of a chip were kept, and how many polygons of tiles and files had to be repaired.
pub async fn health(slot: web::Data<Slot>) -> HttpResponse {
    let mut body = json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION"), "model": null });
    if let Ok(state) = slot.state() {
        body["model"] = state.live.model().into();
        if let Some(cache) = state.live.feature_cache() {
            body["feature_cache"] = json!({
                "hits": cache.hits, "misses": cache.misses, "hit_percent": cache.hit_percent(),
                "bytes": cache.bytes, "limit_bytes": cache.limit_bytes,
            });
        }
    }
    let RepairCounts { repaired, halved, lossy } = repairs();
    body["polygons"] = json!({ "repaired": repaired, "repaired_in_halves": halved, "repaired_with_loss": lossy });
    HttpResponse::Ok().insert_header(("Cache-Control", "no-store")).json(body)
}

/// `GET /ready`: 200 when the map can be served, else 503; looks whether store, imagery and model are still there.
pub async fn ready(req: HttpRequest, slot: web::Data<Slot>) -> Result<HttpResponse, HttpError> {
    let probed = slot.clone();
    let (is_ready, body) = slot.resources.probes.run(guard::peer(&req), move || probed.readiness()).await?;
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(HttpResponse::build(status).insert_header(("Cache-Control", "no-store")).json(body))
}
