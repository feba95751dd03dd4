//! Bodies with their headers: kind, encoding, strong entity tag, how long they may be kept.

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::body::Slices;
use super::errors::HttpError;
use super::links::vary;
use super::options::ServeOptions;
use super::painter::Picture;
use super::slot::Client;
use super::state::State;
use crate::encode::compress::{Encoding, negotiate, negotiate_among};
use crate::model::hex;

/// Bodies below this are not compressed, in bytes.
const WORTH_COMPRESSING: usize = 256;

/// A document made for this request: tagged by its content, asked for again each time.
#[must_use]
pub fn document(req: &HttpRequest, content_type: &'static str, body: &[u8]) -> HttpResponse {
    let head = Head::of(content_type, body, accepted(req));
    head.not_modified(req).unwrap_or_else(|| head.ok(head.encoding.compress(body).into()))
}

/// A document whose links depend on who asks.
#[must_use]
pub fn linked(req: &HttpRequest, options: &ServeOptions, body: &Value) -> HttpResponse {
    let mut response = document(req, "application/json", body.to_string().as_bytes());
    response.headers_mut().insert(header::VARY, header::HeaderValue::from_static(vary(options)));
    response
}

/// The tags that the client holds.
fn held(req: &HttpRequest) -> Option<&str> {
    req.headers().get(header::IF_NONE_MATCH)?.to_str().ok()
}

/// The encoding that the client asks for.
#[must_use]
pub fn accepted(req: &HttpRequest) -> Encoding {
    negotiate(req.headers().get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()))
}

/// The encoding that the client asks for, among some.
#[must_use]
pub fn accepted_of(req: &HttpRequest, offered: &[Encoding]) -> Encoding {
    negotiate_among(req.headers().get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()), offered)
}

/// A strong entity tag (RFC 9110, 8.8.3), in its quotes, of what determines a body and of its encoding.
#[must_use]
pub fn tag(determined_by: &[u8], encoding: Encoding) -> String {
    let hash = Sha256::digest(determined_by);
    let hash = hex(&hash[..12]);
    format!("\"{hash}{}{}\"", if encoding == Encoding::Identity { "" } else { "-" }, encoding.token().unwrap_or(""))
}

/// What is said of a body before it is made.
#[derive(Debug, Clone)]
pub struct Head {
    /// The media type.
    pub content_type: &'static str,
    /// How long it may be kept.
    pub cache_control: &'static str,
    /// Strong, in its quotes.
    pub tag: String,
    /// Of the body.
    pub encoding: Encoding,
}

/// 204: a tile that is none of the map. Clients that ask for it take an error for a failure.
#[must_use]
pub fn outside() -> HttpResponse {
    HttpResponse::NoContent().insert_header((header::CACHE_CONTROL, "public, max-age=3600")).finish()
}

/// A raster tile with this head: 304 when the client holds it, 204 where nothing is painted.
///
/// # Errors
/// When it cannot be painted, or too many tiles wait to be painted.
pub async fn painted(
    req: &HttpRequest,
    head: &Head,
    state: &State,
    (picture, Client(address)): (Picture, Client),
) -> Result<HttpResponse, HttpError> {
    if let Some(response) = head.not_modified(req) {
        return Ok(response);
    }
    let body = state.painter.paint(picture, address).await?;
    Ok(if body.is_empty() { head.empty() } else { head.ok(body) })
}

impl Head {
    /// Of a document that is asked for again each time, tagged by its content, for a client that takes an encoding.
    fn of(content_type: &'static str, body: &[u8], asked: Encoding) -> Self {
        let encoding = if body.len() < WORTH_COMPRESSING { Encoding::Identity } else { asked };
        Self { content_type, cache_control: "no-cache", tag: tag(body, encoding), encoding }
    }

    /// 304 when the client holds the body already (RFC 9110, 13.1.2).
    #[must_use]
    pub fn not_modified(&self, req: &HttpRequest) -> Option<HttpResponse> {
        self.is_among(held(req)?).then(|| self.start(HttpResponse::NotModified()).finish())
    }

    fn is_among(&self, held: &str) -> bool {
        let same = |t: &str| t == "*" || t.strip_prefix("W/").unwrap_or(t) == self.tag;
        held.split(',').any(|t| same(t.trim()))
    }

    /// 200 with a body in the encoding of this head.
    #[must_use]
    pub fn ok(&self, body: Bytes) -> HttpResponse {
        let mut response = self.start(HttpResponse::Ok());
        response.content_type(self.content_type);
        if let Some(token) = self.encoding.token() {
            response.insert_header((header::CONTENT_ENCODING, token));
        }
        response
            .message_body(Slices::of(body))
            .map_or_else(|_| HttpResponse::InternalServerError().finish(), HttpResponse::map_into_boxed_body)
    }

    /// 204: the place is in the map and empty.
    #[must_use]
    pub fn empty(&self) -> HttpResponse {
        self.start(HttpResponse::NoContent()).finish()
    }

    /// A response with the headers of this head.
    pub fn start(&self, mut response: actix_web::HttpResponseBuilder) -> actix_web::HttpResponseBuilder {
        response
            .insert_header((header::ETAG, self.tag.as_str()))
            .insert_header((header::CACHE_CONTROL, self.cache_control))
            .insert_header((header::VARY, "Accept-Encoding"));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn a_tag_names_the_encoding_too() {
        let tags = [Encoding::Identity, Encoding::Gzip, Encoding::Zstd].map(|e| tag(b"same", e));
        assert!(tags[0] != tags[1] && tags[1] != tags[2] && tags[1].ends_with("-gzip\""), "{tags:?}");
        assert_ne!(tag(b"same", Encoding::Gzip), tag(b"other", Encoding::Gzip));
    }

    #[test]
    fn any_tag_of_the_list_counts() {
        let held = |value: &str| {
            let req = TestRequest::default().insert_header(("If-None-Match", value.to_owned())).to_http_request();
            let head = Head {
                content_type: "text/plain",
                cache_control: "",
                tag: "\"b\"".into(),
                encoding: Encoding::Identity,
            };
            head.not_modified(&req).is_some()
        };
        assert!(held("\"a\", \"b\"") && held("W/\"b\"") && held("*"));
        assert!(!held("\"a\"") && !held("b"));
    }
}
