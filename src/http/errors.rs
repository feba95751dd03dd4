//! Errors become statuses here and nowhere else; the body is a problem document (RFC 9457).

use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::error::{PathError, QueryPayloadError, ResponseError};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value as Json, json};
use thiserror::Error;

use crate::encode::geojson::GeoJsonError;
use crate::georef::TileError;

/// Seconds after which a busy server is asked again.
const BUSY_S: u32 = 1;

/// Seconds after which a map that opens is asked for again.
const OPENING_S: u32 = 2;

/// Seconds after which a map that cannot be served is asked for again.
const FAILED_S: u32 = 60;

/// Numbers a line of the log, so that an answer can point to it without repeating it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogId(u64);

impl LogId {
    /// Logs an error under a new number.
    pub fn of(error: &dyn Display, what: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = Self(NEXT.fetch_add(1, Ordering::Relaxed));
        tracing::error!(log_id = id.0, %error, "{what}");
        id
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

/// Why a request is not answered with what it asked for. The text goes to the client: it holds no paths.
#[derive(Debug, Error)]
pub enum HttpError {
    /// There is no such thing here.
    #[error("{0}")]
    NotFound(String),
    /// A parameter is not what it should be.
    #[error("parameter {parameter:?}: {reason}")]
    Parameter {
        /// Its name.
        parameter: String,
        /// What is wrong, and what is accepted.
        reason: String,
    },
    /// The resource has no such method.
    #[error("method {0} not allowed (use GET, HEAD or OPTIONS)")]
    Method(String),
    /// The request has a body.
    #[error("requests with a body are not accepted")]
    Body,
    /// The request is for another host.
    #[error("this server does not answer for host {0:?}")]
    Host(String),
    /// The server has no room for more requests of this kind.
    #[error("the server is busy; ask again in a moment")]
    Busy,
    /// The map is being opened.
    #[error("the map is being opened")]
    Opening(Json),
    /// The map cannot be served.
    #[error("the map cannot be served: {reason} (log entry {})", .id.get())]
    Unavailable {
        /// Its class, without names of files.
        reason: &'static str,
        /// Where the log says more.
        id: LogId,
    },
    /// The server failed; the reason is in its log.
    #[error("the server could not make the answer (log entry {})", .0.get())]
    Internal(LogId),
}

impl HttpError {
    fn retry_after_s(&self) -> Option<u32> {
        match self {
            Self::Busy => Some(BUSY_S),
            Self::Opening(_) => Some(OPENING_S),
            Self::Unavailable { .. } => Some(FAILED_S),
            _ => None,
        }
    }
}

impl ResponseError for HttpError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Parameter { .. } => StatusCode::BAD_REQUEST,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Body => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Host(_) => StatusCode::MISDIRECTED_REQUEST,
            Self::Busy | Self::Opening(_) | Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        if let Self::Method(_) = self {
            response.insert_header(("Allow", "GET, HEAD, OPTIONS"));
        }
        if let Self::Body | Self::Method(_) = self {
            response.force_close();
        }
        let retry_after_s = self.retry_after_s();
        if let Some(seconds) = retry_after_s {
            response.insert_header(("Retry-After", seconds.to_string()));
        }
        let mut problem = json!({
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "detail": self.to_string(),
        });
        match self {
            Self::Opening(progress) => problem["progress"] = progress.clone(),
            Self::Unavailable { reason, id } => {
                problem["reason"] = (*reason).into();
                problem["log_id"] = id.get().into();
            }
            Self::Internal(id) => problem["log_id"] = id.get().into(),
            _ => {}
        }
        response
            .insert_header(("Cache-Control", "no-store"))
            .content_type("application/problem+json")
            .body(problem.to_string())
    }
}

impl From<TileError> for HttpError {
    fn from(error: TileError) -> Self {
        Self::NotFound(error.to_string())
    }
}

impl From<GeoJsonError> for HttpError {
    fn from(error: GeoJsonError) -> Self {
        Self::Internal(LogId::of(&error, "features could not be written"))
    }
}

/// A path whose numbers are no numbers names nothing.
pub fn path_error(error: &PathError, req: &HttpRequest) -> actix_web::Error {
    HttpError::NotFound(format!("nothing is at {}: {error}", req.path())).into()
}

/// A query string that cannot be taken apart, or holds an unknown key.
pub fn query_error(error: &QueryPayloadError, _: &HttpRequest) -> actix_web::Error {
    HttpError::Parameter { parameter: "query".to_owned(), reason: error.to_string() }.into()
}

/// Everything that no route answers.
pub async fn not_found(req: HttpRequest) -> Result<HttpResponse, HttpError> {
    Err(HttpError::NotFound(format!("nothing is at {}", req.path())))
}

/// A method that a resource does not answer.
pub async fn method_not_allowed(req: HttpRequest) -> Result<HttpResponse, HttpError> {
    Err(HttpError::Method(req.method().to_string()))
}
