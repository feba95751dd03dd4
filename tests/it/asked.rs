//! One request of a fresh server that mounts one map under `/m`.

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, web};
use serde_json::Value;

use crate::maps::Map;

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: web::Bytes,
}

impl Answer {
    /// A header as text; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().expect("text"))
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

pub async fn get(map: &Map, path: &str, headers: &[(&'static str, &str)]) -> Answer {
    let request = headers.iter().fold(TestRequest::get(), |request, header| request.insert_header(*header));
    send(map, path, request).await
}

pub async fn send(map: &Map, path: &str, request: TestRequest) -> Answer {
    let app = init_service(App::new().service(map.plugin.scope("/m"))).await;
    let response = call_service(&app, request.uri(&format!("/m{path}")).to_request()).await;
    let (status, headers) = (response.status(), response.headers().clone());
    Answer { status, headers, body: read_body(response).await }
}
