//! The address of the map for the client that asks, and the address of the client.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actix_web::HttpRequest;
use actix_web::http::uri::Authority;

use super::options::ServeOptions;

/// Request headers that decide how links look, for `Vary`.
const SEEN: &str = "Accept-Encoding, Host";
const SEEN_BEHIND_PROXY: &str = "Accept-Encoding, Host, Forwarded, X-Forwarded-Host, X-Forwarded-Port, \
    X-Forwarded-Prefix, X-Forwarded-Proto";

/// The address of the mount point without a slash at its end, for a request that ends in `suffix`.
///
/// The configured public URL wins. `HttpRequest::url_for` would not do: with two mounts it names the last one.
#[must_use]
pub fn base_url(req: &HttpRequest, suffix: &str, options: &ServeOptions) -> String {
    if let Some(url) = &options.public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let trusted = options.trust_forwarded;
    let direct = if req.app_config().secure() { "https" } else { "http" };
    let scheme = forwarded(req, "Proto", trusted).map(|s| s.to_ascii_lowercase());
    let scheme = scheme.filter(|s| s == "https" || s == "http").unwrap_or_else(|| direct.to_owned());
    let host = with_port(seen_host(req, trusted), &scheme, forwarded(req, "Port", trusted));
    let prefix = forwarded(req, "Prefix", trusted).filter(|p| is_path(p)).unwrap_or_default();
    let mount = req.path().strip_suffix(suffix).unwrap_or_default();
    format!("{scheme}://{host}{}{mount}", prefix.trim_end_matches('/'))
}

/// The value of `Vary` for a document with such links.
#[must_use]
pub fn vary(options: &ServeOptions) -> &'static str {
    match (&options.public_url, options.trust_forwarded) {
        (Some(_), _) => "Accept-Encoding",
        (None, false) => SEEN,
        (None, true) => SEEN_BEHIND_PROXY,
    }
}

/// The host that the client asked, with a port where it is not the default one.
#[must_use]
pub fn seen_host(req: &HttpRequest, trust_forwarded: bool) -> String {
    let host = forwarded(req, "Host", trust_forwarded).or_else(|| asked_host(req)).filter(|h| is_host(h));
    host.unwrap_or_else(|| req.app_config().host().to_owned())
}

/// The address of the client; behind a trusted proxy the one that the proxy saw.
#[must_use]
pub fn client_address(req: &HttpRequest, trust_forwarded: bool) -> IpAddr {
    let peer = req.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    if !trust_forwarded {
        return peer;
    }
    // Each proxy adds its own: the last entry is the one that the nearest proxy has seen itself.
    let listed = header(req, "X-Forwarded-For").and_then(|list| list.rsplit(',').next().map(str::to_owned));
    let listed = listed.or_else(|| parameter(header(req, "Forwarded")?.rsplit(',').next()?, "for"));
    listed.and_then(|text| address(&text)).unwrap_or(peer)
}

/// An address, maybe with a port: `1.2.3.4`, `1.2.3.4:56`, `[::1]:56`.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let plain = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    plain.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|a| a.ip()))
}

/// What a trusted proxy says: `X-Forwarded-…`, else the parameter of `Forwarded` (RFC 7239). Each proxy adds its own: the
/// first is what the client used.
fn forwarded(req: &HttpRequest, name: &str, trusted: bool) -> Option<String> {
    if !trusted {
        return None;
    }
    let first = |list: &str| list.split(',').next().map(|first| first.trim().to_owned()).filter(|v| !v.is_empty());
    let own = header(req, &format!("X-Forwarded-{name}")).and_then(first);
    own.or_else(|| parameter(first_element(header(req, "Forwarded")?), name))
}

fn header<'a>(req: &'a HttpRequest, name: &str) -> Option<&'a str> {
    req.headers().get(name)?.to_str().ok()
}

/// The first element of a `Forwarded` list: commas may stand in quotes.
fn first_element(list: &str) -> &str {
    let mut is_quoted = false;
    let end = list.find(|c| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    });
    &list[..end.unwrap_or(list.len())]
}

/// A parameter of an element of `Forwarded`: names are not case-sensitive, values may be quoted.
fn parameter(element: &str, name: &str) -> Option<String> {
    element.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        let value = value.trim().trim_matches('"');
        (key.trim().eq_ignore_ascii_case(name) && !value.is_empty()).then(|| value.to_owned())
    })
}

/// A host with the port that the client used, where the host does not say it.
fn with_port(host: String, scheme: &str, port: Option<String>) -> String {
    let Some(port) = port.and_then(|p| p.parse::<u16>().ok()).filter(|p| *p > 0) else { return host };
    // The port of an internal address is not the one that the client used.
    let name = match host.rsplit_once(':') {
        Some((name, number)) if number.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host.as_str(),
    };
    let is_default = matches!((scheme, port), ("http", 80) | ("https", 443));
    if is_default { name.to_owned() } else { format!("{name}:{port}") }
}

/// From the request line (HTTP/2) or the `Host` header.
fn asked_host(req: &HttpRequest) -> Option<String> {
    let authority = req.uri().authority().map(Authority::as_str);
    authority.or_else(|| header(req, "Host")).map(str::to_owned)
}

/// A host goes into documents that others may keep: only what a host may hold.
fn is_host(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
    !text.is_empty() && text.len() <= 255 && text.bytes().all(allowed)
}

fn is_path(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~/%".contains(&b);
    text.starts_with('/') && !text.starts_with("//") && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;
    use rstest::rstest;

    fn options(public_url: Option<&str>, trust_forwarded: bool) -> ServeOptions {
        ServeOptions { public_url: public_url.map(str::to_owned), trust_forwarded, ..ServeOptions::default() }
    }

    fn request(headers: &[(&'static str, &str)]) -> HttpRequest {
        let plain = TestRequest::with_uri("/maps/city/tiles.json").insert_header(("Host", "here:8080"));
        headers.iter().fold(plain, |request, header| request.insert_header(*header)).to_http_request()
    }

    const PROXIED: [(&str, &str); 3] =
        [("X-Forwarded-Proto", "https, http"), ("X-Forwarded-Host", "maps.example.org"), ("X-Forwarded-Prefix", "/a/")];

    #[test]
    fn links_come_from_the_request() {
        let url = base_url(&request(&PROXIED), "/tiles.json", &options(None, false));
        assert_eq!(url, "http://here:8080/maps/city");
    }

    #[test]
    fn a_trusted_proxy_is_believed() {
        let url = base_url(&request(&PROXIED), "/tiles.json", &options(None, true));
        assert_eq!(url, "https://maps.example.org/a/maps/city");
    }

    #[rstest]
    #[case::standard(&[("Forwarded", "for=1.2.3.4;host=m.org;proto=https")], "https://m.org")]
    #[case::standard_quoted(&[("Forwarded", "Host=\"m.org:8443\";PROTO=HTTPS, host=inner")], "https://m.org:8443")]
    #[case::comma_in_quotes(&[("Forwarded", "for=\"a,b\";host=m.org")], "http://m.org")]
    #[case::proto_in_capitals(&[("X-Forwarded-Proto", "HTTPS"), ("X-Forwarded-Host", "m.org")], "https://m.org")]
    #[case::port(&[("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "m.org"), ("X-Forwarded-Port", "8443")], "https://m.org:8443")]
    #[case::usual_port(&[("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "m.org"), ("X-Forwarded-Port", "443")], "https://m.org")]
    #[case::port_alone(&[("X-Forwarded-Port", "9000")], "http://here:9000")]
    #[case::no_port(&[("X-Forwarded-Port", "99999")], "http://here:8080")]
    #[case::both(&[("X-Forwarded-Host", "x.org"), ("Forwarded", "host=f.org;proto=https")], "https://x.org")]
    #[case::no_scheme(&[("X-Forwarded-Proto", "javascript")], "http://here:8080")]
    #[case::no_path(&[("X-Forwarded-Prefix", "/a\"><b")], "http://here:8080")]
    #[case::ipv6(&[("X-Forwarded-Host", "[::1]"), ("X-Forwarded-Port", "81")], "http://[::1]:81")]
    fn what_proxies_say_becomes_links(#[case] headers: &[(&'static str, &str)], #[case] expected: &str) {
        let url = base_url(&request(headers), "/tiles.json", &options(None, true));
        assert_eq!(url, format!("{expected}/maps/city"));
        let untrusted = base_url(&request(headers), "/tiles.json", &options(None, false));
        assert_eq!(untrusted, "http://here:8080/maps/city");
    }

    #[test]
    fn a_public_url_wins() {
        let url = base_url(&request(&PROXIED), "/tiles.json", &options(Some("https://x.org/y/"), true));
        assert_eq!(url, "https://x.org/y");
    }

    #[test]
    fn a_host_that_is_none_is_not_repeated() {
        let req = TestRequest::with_uri("/tiles.json").insert_header(("Host", "a\"><script>")).to_http_request();
        assert!(!base_url(&req, "/tiles.json", &options(None, false)).contains("script"));
    }

    #[test]
    fn the_client_is_whom_the_nearest_proxy_saw() {
        let seen = |headers: &[(&'static str, &str)], trusted| client_address(&request(headers), trusted).to_string();
        assert_eq!(seen(&[("X-Forwarded-For", "6.6.6.6, 1.2.3.4")], true), "1.2.3.4");
        assert_eq!(seen(&[("Forwarded", "for=6.6.6.6, for=\"[2001:db8::1]:80\";proto=http")], true), "2001:db8::1");
        assert_eq!(seen(&[("X-Forwarded-For", "1.2.3.4")], false), "0.0.0.0");
        assert_eq!(seen(&[("X-Forwarded-For", "unknown")], true), "0.0.0.0");
    }
}
