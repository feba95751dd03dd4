//! The map page and its files, embedded in the binary.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use actix_web::http::header;
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::answer::{Head, accepted, document, tag};
use super::desk::{Ticket, What};
use super::errors::HttpError;
use super::slot::{Client, Map, Slot};
use super::state::{RASTER_TILE_PX, State};
use crate::encode::compress::Encoding;
use crate::scheme::{Class, ClassId};

/// The page needs nothing from elsewhere; MapLibre's workers are its own.
const POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; worker-src 'self' blob:; base-uri 'none'; \
    form-action 'none'; object-src 'none'; frame-ancestors ";

/// A file of the viewer.
macro_rules! own {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../viewer/", $name)))
    };
}

/// A file that npm brought (`build.rs`).
macro_rules! brought {
    ($name:literal, $file:literal) => {
        ($name, include_bytes!(concat!(env!("OUT_DIR"), "/viewer/node_modules/maplibre-gl/", $file)))
    };
}

const PAGE: &[u8] = include_bytes!("../viewer/index.html");

const FILES: [(&str, &[u8]); 12] = [
    own!("main.js"),
    own!("layers.js"),
    own!("panel.js"),
    own!("attributes.js"),
    own!("progress.js"),
    own!("app.css"),
    own!("icon.svg"),
    brought!("maplibre-gl.mjs", "dist/maplibre-gl.mjs"),
    brought!("maplibre-gl-shared.mjs", "dist/maplibre-gl-shared.mjs"),
    brought!("maplibre-gl-worker.mjs", "dist/maplibre-gl-worker.mjs"),
    brought!("maplibre-gl.css", "dist/maplibre-gl.css"),
    brought!("maplibre-gl.LICENSE.txt", "LICENSE.txt"),
];

/// The digest of all files: another build with other files has other tags.
static CONTENT: LazyLock<[u8; 32]> =
    LazyLock::new(|| FILES.iter().fold(Sha256::new(), |hash, (_, body)| hash.chain_update(body)).finalize().into());

/// `GET /`.
pub async fn page(req: HttpRequest, slot: web::Data<Slot>) -> HttpResponse {
    let mut response = document(&req, "text/html; charset=utf-8", PAGE);
    let policy = format!("{POLICY}{}", slot.options.frame_ancestors);
    let policy =
        header::HeaderValue::from_str(&policy).unwrap_or(header::HeaderValue::from_static("default-src 'self'"));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(header::REFERRER_POLICY, header::HeaderValue::from_static("same-origin"));
    response
}

/// The mount point without its slash: the addresses of the page are relative to the slash.
pub async fn to_page(req: HttpRequest) -> HttpResponse {
    // The last part of the path, relative, so that no proxy has to be known.
    let last = req.path().rsplit('/').next().unwrap_or_default();
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, format!("{last}/"))).finish()
}

/// `GET /viewer/{file}`.
pub async fn asset(req: HttpRequest, file: web::Path<String>) -> Result<HttpResponse, HttpError> {
    let found = FILES.iter().find(|(name, _)| *name == *file);
    let (name, body) = found.ok_or_else(|| HttpError::NotFound(format!("the viewer has no file {file}")))?;
    let encoding = accepted(&req);
    let head = Head {
        content_type: content_type(name),
        cache_control: "no-cache",
        tag: tag(&[name.as_bytes(), CONTENT.as_slice()].concat(), encoding),
        encoding,
    };
    Ok(head.not_modified(&req).unwrap_or_else(|| head.ok(packed(name, body, encoding))))
}

/// A file in an encoding, compressed once in the life of the process: the files are few and small.
fn packed(name: &'static str, body: &'static [u8], encoding: Encoding) -> Bytes {
    static PACKED: LazyLock<Mutex<HashMap<(&'static str, Encoding), Bytes>>> = LazyLock::new(Mutex::default);
    let mut packed = PACKED.lock().unwrap_or_else(PoisonError::into_inner);
    packed.entry((name, encoding)).or_insert_with(|| encoding.compress(body).into()).clone()
}

/// `GET /viewer/map.json`: what the page shows beside the tiles.
pub async fn map(req: HttpRequest, state: Map, Client(address): Client) -> Result<HttpResponse, HttpError> {
    let (key, generation) = (state.key(What::About), state.live.snapshot().generation);
    let making = Arc::clone(&state);
    let start = |ticket: Ticket| {
        let make = move || ticket.finish(&Ok(about(&making).to_string().into_bytes().into()));
        state.resources.probes.submit(address, make)
    };
    let body = state.resources.desk.get_or_make(key, generation, start).await?;
    Ok(document(&req, "application/json", &body))
}

/// What the page shows; it counts the features of each class.
fn about(state: &State) -> Value {
    let snapshot = state.live.snapshot();
    let mut counts: BTreeMap<ClassId, usize> = BTreeMap::new();
    snapshot.store.iter().for_each(|stored| *counts.entry(stored.feature.class).or_default() += 1);
    let class = |c: &Class| {
        let features = counts.get(&c.id()).copied().unwrap_or(0);
        json!({ "code": c.code, "name": c.name, "title": c.title, "colour": c.colour.hex(), "features": features })
    };
    let classes: Vec<Value> = state.live.scheme().classes.iter().map(class).collect();
    let mut rasters = serde_json::Map::new();
    let mut raster = |name: &str, path: &str, zooms: &std::ops::RangeInclusive<u8>| {
        let tile = json!({ "path": path, "tile_px": RASTER_TILE_PX, "minzoom": zooms.start(), "maxzoom": zooms.end() });
        rasters.insert(name.to_owned(), tile);
    };
    if let Some(zooms) = &state.imagery_zooms {
        raster("imagery", "imagery/{z}/{x}/{y}.webp", zooms);
    }
    raster("labels", "labels/{z}/{x}/{y}.png", &state.label_zooms);
    json!({
        "name": state.live.name(),
        "bounds": state.live.bounds().lon_lat_wsen(),
        "features": snapshot.store.len(),
        "resolution_m_per_px": state.resolution_m_per_px,
        "classes": classes,
        "rasters": rasters,
    })
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_asks_only_for_files_that_are_embedded() {
        let page = std::str::from_utf8(PAGE).expect("text");
        let asked: Vec<&str> = page.split('"').filter_map(|part| part.strip_prefix("viewer/")).collect();
        assert!(asked.len() >= 4, "{asked:?}");
        for file in asked {
            assert!(FILES.iter().any(|(name, _)| *name == file), "{file}");
        }
    }

    #[test]
    fn nothing_comes_from_elsewhere() {
        for (name, body) in FILES.iter().take(7).chain([&("index.html", PAGE)]) {
            let text = String::from_utf8_lossy(body);
            assert!(!text.replace("http://www.w3.org/2000/svg", "").contains("://"), "{name}");
        }
    }
}
