//! Errors become statuses here and nowhere else; the body is a problem document (RFC 9457).

use actix_web::error::{BlockingError, PathError, QueryPayloadError, ResponseError};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;
use thiserror::Error;

use super::painter::PaintError;
use crate::georef::TileError;

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
    #[error("{0} is not answered here: GET, HEAD and OPTIONS are")]
    Method(String),
    /// The server failed; the reason is in its log.
    #[error("the server could not make the answer; its log says why")]
    Internal,
}

impl ResponseError for HttpError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Parameter { .. } => StatusCode::BAD_REQUEST,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        if let Self::Method(_) = self {
            response.insert_header(("Allow", "GET, HEAD, OPTIONS"));
        }
        response.insert_header(("Cache-Control", "no-store")).content_type("application/problem+json").body(
            json!({
                "title": status.canonical_reason(),
                "status": status.as_u16(),
                "detail": self.to_string(),
            })
            .to_string(),
        )
    }
}

impl From<TileError> for HttpError {
    fn from(error: TileError) -> Self {
        Self::NotFound(error.to_string())
    }
}

impl From<PaintError> for HttpError {
    fn from(error: PaintError) -> Self {
        tracing::error!(%error, "a raster tile could not be drawn");
        Self::Internal
    }
}

impl From<BlockingError> for HttpError {
    fn from(error: BlockingError) -> Self {
        tracing::error!(%error, "the blocking pool is gone");
        Self::Internal
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
