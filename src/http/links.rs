//! The address of the map for the client that asks.

use actix_web::HttpRequest;
use actix_web::http::uri::Authority;

use super::options::ServeOptions;

/// The address of the mount point without a slash at its end, for a request that ends in `suffix`.
///
/// The configured public URL wins. `HttpRequest::url_for` would not do: with two mounts it names the last one.
#[must_use]
pub fn base_url(req: &HttpRequest, suffix: &str, options: &ServeOptions) -> String {
    if let Some(url) = &options.public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let forwarded = |name: &str| {
        let value = req.headers().get(name).filter(|_| options.trust_forwarded)?.to_str().ok()?;
        // Each proxy adds its own: the first is what the client used.
        Some(value.split(',').next()?.trim().to_owned())
    };
    let direct = if req.app_config().secure() { "https" } else { "http" };
    let scheme = forwarded("X-Forwarded-Proto").filter(|s| s == "https" || s == "http");
    let scheme = scheme.unwrap_or_else(|| direct.to_owned());
    let host = forwarded("X-Forwarded-Host").or_else(|| asked_host(req)).filter(|h| is_host(h));
    let host = host.unwrap_or_else(|| req.app_config().host().to_owned());
    let prefix = forwarded("X-Forwarded-Prefix").filter(|p| is_path(p)).unwrap_or_default();
    let mount = req.path().strip_suffix(suffix).unwrap_or_default();
    format!("{scheme}://{host}{}{mount}", prefix.trim_end_matches('/'))
}

/// From the request line (HTTP/2) or the `Host` header.
fn asked_host(req: &HttpRequest) -> Option<String> {
    let header = || req.headers().get("Host")?.to_str().ok();
    req.uri().authority().map(Authority::as_str).or_else(header).map(str::to_owned)
}

/// A host goes into documents that others may keep: only what a host may hold.
fn is_host(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
    !text.is_empty() && text.len() <= 255 && text.bytes().all(allowed)
}

fn is_path(text: &str) -> bool {
    text.starts_with('/') && !text.starts_with("//") && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"')
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn options(public_url: Option<&str>, trust_forwarded: bool) -> ServeOptions {
        ServeOptions { public_url: public_url.map(str::to_owned), trust_forwarded, ..ServeOptions::default() }
    }

    fn request() -> TestRequest {
        TestRequest::with_uri("/maps/city/tiles.json")
            .insert_header(("Host", "here:8080"))
            .insert_header(("X-Forwarded-Proto", "https, http"))
            .insert_header(("X-Forwarded-Host", "maps.example.org"))
            .insert_header(("X-Forwarded-Prefix", "/a/"))
    }

    #[test]
    fn links_come_from_the_request() {
        let url = base_url(&request().to_http_request(), "/tiles.json", &options(None, false));
        assert_eq!(url, "http://here:8080/maps/city");
    }

    #[test]
    fn a_trusted_proxy_is_believed() {
        let url = base_url(&request().to_http_request(), "/tiles.json", &options(None, true));
        assert_eq!(url, "https://maps.example.org/a/maps/city");
    }

    #[test]
    fn a_public_url_wins() {
        let url = base_url(&request().to_http_request(), "/tiles.json", &options(Some("https://x.org/y/"), true));
        assert_eq!(url, "https://x.org/y");
    }

    #[test]
    fn a_host_that_is_none_is_not_repeated() {
        let req = TestRequest::with_uri("/tiles.json").insert_header(("Host", "a\"><script>")).to_http_request();
        assert!(!base_url(&req, "/tiles.json", &options(None, false)).contains("script"));
    }
}
