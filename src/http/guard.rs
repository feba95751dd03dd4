//! Rules for every request: no bodies, only own hosts, and a connection knows when it is busy.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, ResponseError};

use super::errors::HttpError;
use super::links::{client_address, seen_host};
use super::server::connection::{Busy, Connection};

/// The hosts that a server answers for; empty: all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hosts {
    /// Names such as `maps.example.org` or `*.example.org`, with a port where only one port is meant.
    pub names: Vec<String>,
    /// Whether proxies are believed.
    pub trust_forwarded: bool,
}

impl Hosts {
    /// Whether a host is among them, whatever its port where none is configured.
    #[must_use]
    pub fn accepts(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let without_port = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => &host,
        };
        let is_meant = |name: &String| {
            let name = name.to_ascii_lowercase();
            let under =
                |host: &str| name.strip_prefix('*').is_some_and(|end| end.starts_with('.') && host.ends_with(end));
            name == host || name == without_port || under(&host) || under(without_port)
        };
        self.names.is_empty() || self.names.iter().any(is_meant)
    }
}

/// The address at the other end of the connection.
pub fn peer(req: &HttpRequest) -> IpAddr {
    client_address(req, false)
}

/// Whether a request announces a body (RFC 9112, 6.3).
fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).map(HeaderValue::as_bytes);
    headers.contains_key(header::TRANSFER_ENCODING) || length.is_some_and(|length| length != b"0")
}

/// Refuses bodies, and says that no answer is what it does not say it is.
pub async fn refuse_bodies(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let mut response = if has_body(req.headers()) {
        if let Some(connection) = req.request().conn_data::<Arc<Connection>>() {
            connection.refuse_body();
        }
        req.into_response(HttpError::Body.error_response())
    } else {
        next.call(req).await?.map_into_boxed_body()
    };
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

/// Refuses hosts that are not configured; health is told to everybody.
pub async fn refuse_hosts(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let hosts = req.app_data::<web::Data<Hosts>>().cloned();
    let is_probe = matches!(req.path(), "/health" | "/ready");
    if let Some(hosts) = hosts.filter(|_| !is_probe) {
        let host = seen_host(req.request(), hosts.trust_forwarded);
        if !hosts.accepts(&host) {
            return Ok(req.into_response(HttpError::Host(host).error_response()));
        }
    }
    Ok(next.call(req).await?.map_into_boxed_body())
}

/// Tells the connection of a request that it is busy until the answer is given out.
pub async fn watch(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let connection = req.request().conn_data::<Arc<Connection>>().map(Arc::clone);
    let busy = connection.as_ref().map(Busy::begin);
    let response = next.call(req).await?;
    Ok(response.map_body(|_, body| BoxBody::new(Watched { body: body.boxed(), _busy: busy })))
}

/// A body whose connection is busy as long as it is given out.
struct Watched {
    body: BoxBody,
    _busy: Option<Busy>,
}

impl MessageBody for Watched {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_with_or_without_ports_and_whole_domains() {
        let hosts = |names: &[&str]| Hosts {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            trust_forwarded: false,
        };
        assert!(hosts(&[]).accepts("anything"));
        let some = hosts(&["Maps.example.org", "*.tiles.org", "10.0.0.1:81", "[::1]"]);
        for host in
            ["maps.example.org", "MAPS.EXAMPLE.ORG:8080", "a.tiles.org", "a.tiles.org:1", "10.0.0.1:81", "[::1]:9"]
        {
            assert!(some.accepts(host), "{host}");
        }
        for host in ["example.org", "tiles.org", "eviltiles.org", "10.0.0.1", "10.0.0.1:82", ""] {
            assert!(!some.accepts(host), "{host}");
        }
    }
}
