//! Which pages of other origins may read a map (Fetch Standard, "CORS protocol"), and which may have it segmented.

use actix_web::HttpRequest;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::uri::Uri;
use actix_web::middleware::Next;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::links::seen_host;
use super::slot::Slot;

/// What scripts of other origins may read of an answer.
const EXPOSED: &str = "ETag, Link, Retry-After, X-Tile-State, X-Queue";

/// Which pages of other origins may read a map.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "Written")]
pub enum Cors {
    /// All of them.
    #[default]
    Any,
    /// Those that this computer serves: `http://localhost:3000` and the like.
    Loopback,
    /// These, such as `https://example.org`.
    Origins(Vec<String>),
    /// None of them.
    None,
}

/// How it is written in a configuration.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Switch(bool),
    Word(String),
    List(Vec<String>),
}

impl TryFrom<Written> for Cors {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Switch(true) => Ok(Self::Any),
            Written::Switch(false) => Ok(Self::None),
            Written::Word(word) => word.parse(),
            Written::List(list) => Self::of(list),
        }
    }
}

impl std::str::FromStr for Cors {
    type Err = String;

    /// `*`, `loopback`, `none`, or origins with commas between them.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "*" => Ok(Self::Any),
            "loopback" => Ok(Self::Loopback),
            "none" => Ok(Self::None),
            _ => Self::of(text.split(',').map(|origin| origin.trim().to_owned()).collect()),
        }
    }
}

impl Cors {
    fn of(list: Vec<String>) -> Result<Self, String> {
        if list.iter().any(|origin| origin == "*") {
            return Ok(Self::Any);
        }
        let is_origin = |text: &&String| {
            let uri: Option<Uri> = text.parse().ok();
            uri.is_some_and(|uri| uri.scheme().is_some() && uri.authority().is_some()) && !text.ends_with('/')
        };
        match list.iter().find(|origin| !is_origin(origin)) {
            None => Ok(Self::Origins(list)),
            Some(wrong) => {
                Err(format!("cors: {wrong:?} is no origin (expected https://host[:port], *, loopback or none)"))
            }
        }
    }

    /// Whether pages of an origin are named; those of [`Self::Any`] are not.
    fn names(&self, origin: &str) -> bool {
        match self {
            Self::Origins(origins) => origins.iter().any(|named| named.eq_ignore_ascii_case(origin)),
            Self::Loopback => {
                let host = origin.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
                host.is_some_and(|host| matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]"))
            }
            Self::Any | Self::None => false,
        }
    }

    /// Whether a request may start work that costs much: those from pages of other origins only where these are named.
    #[must_use]
    pub fn may_start_work(&self, req: &HttpRequest, trust_forwarded: bool) -> bool {
        let text = |name: &str| req.headers().get(name).and_then(|value| value.to_str().ok());
        match (text("Origin"), text("Sec-Fetch-Site")) {
            (_, Some("same-origin" | "none")) => true,
            (Some(origin), _) => {
                let own = origin.split_once("://").map(|(_, host)| host.to_owned());
                own == Some(seen_host(req, trust_forwarded)) || self.names(origin)
            }
            // A picture or a link of another page: without an origin, so that nobody can name it.
            (None, site) => site.is_none(),
        }
    }

    /// Marks an answer for those who may read it.
    fn mark(&self, origin: Option<&str>, headers: &mut HeaderMap) {
        let allowed = match self {
            Self::Any => Some("*"),
            Self::None => None,
            Self::Loopback | Self::Origins(_) => {
                headers.append(header::VARY, HeaderValue::from_static("Origin"));
                origin.filter(|origin| self.names(origin))
            }
        };
        if let Some(value) = allowed.and_then(|origin| HeaderValue::from_str(origin).ok()) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, value);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        }
    }
}

/// Answers `OPTIONS`, and marks every answer for the pages that may read it.
pub async fn cross_origin(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let cors = req.app_data::<web::Data<Slot>>().map_or(Cors::None, |slot| slot.options.cors.clone());
    let origin = req.headers().get(header::ORIGIN).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let is_preflight = req.method() == Method::OPTIONS;
    let mut response = if is_preflight {
        let allowed = HttpResponse::NoContent().insert_header((header::ALLOW, "GET, HEAD, OPTIONS")).finish();
        req.into_response(allowed)
    } else {
        next.call(req).await?.map_into_boxed_body()
    };
    let headers = response.headers_mut();
    cors.mark(origin.as_deref(), headers);
    if is_preflight && headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        let mut say = |name: HeaderName, value| headers.insert(name, HeaderValue::from_static(value));
        say(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, OPTIONS");
        say(header::ACCESS_CONTROL_ALLOW_HEADERS, "*");
        say(header::ACCESS_CONTROL_MAX_AGE, "86400");
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;
    use rstest::rstest;

    #[rstest]
    #[case::any("*", Cors::Any)]
    #[case::none("none", Cors::None)]
    #[case::loopback("loopback", Cors::Loopback)]
    #[case::list("https://a.org, http://b.org:81", Cors::Origins(vec!["https://a.org".into(), "http://b.org:81".into()]))]
    fn the_words_of_the_configuration_are_read(#[case] text: &str, #[case] expected: Cors) {
        assert_eq!(text.parse(), Ok(expected));
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for wrong in ["example.org", "https://a.org/", "https://a.org,x", ""] {
            assert!(wrong.parse::<Cors>().is_err(), "{wrong}");
        }
    }

    #[rstest]
    #[case::typed(&[], Cors::Any, true)]
    #[case::own_page(&[("Origin", "http://here:1"), ("Sec-Fetch-Site", "same-origin")], Cors::Any, true)]
    #[case::own_page_of_old(&[("Origin", "http://here:1")], Cors::None, true)]
    #[case::other_page(&[("Origin", "https://evil.org")], Cors::Any, false)]
    #[case::other_picture(&[("Sec-Fetch-Site", "cross-site")], Cors::Any, false)]
    #[case::other_link(&[("Sec-Fetch-Site", "same-site")], Cors::Any, false)]
    #[case::named(&[("Origin", "https://a.org"), ("Sec-Fetch-Site", "cross-site")], Cors::Origins(vec!["https://a.org".into()]), true)]
    #[case::not_named(&[("Origin", "https://b.org")], Cors::Origins(vec!["https://a.org".into()]), false)]
    #[case::neighbour(&[("Origin", "http://localhost:3000"), ("Sec-Fetch-Site", "same-site")], Cors::Loopback, true)]
    #[case::disguised(&[("Origin", "http://localhost.evil.org")], Cors::Loopback, false)]
    fn only_named_pages_start_work(
        #[case] headers: &[(&'static str, &'static str)],
        #[case] cors: Cors,
        #[case] expected: bool,
    ) {
        let request = headers.iter().fold(TestRequest::default(), |request, header| request.insert_header(*header));
        let request = request.insert_header(("Host", "here:1")).to_http_request();
        assert_eq!(cors.may_start_work(&request, false), expected);
    }
}
