//! How a map is served.

use super::cors::Cors;

/// How a map is served; [`Default`] suits a small server.
#[derive(Debug, Clone, PartialEq)]
pub struct ServeOptions {
    /// The address of the map for clients, without a slash at its end, such as `https://maps.example.org/city`.
    /// Without it links are made from each request.
    pub public_url: Option<String>,
    /// Who made the imagery; shown on the map. May hold HTML.
    pub attribution: Option<String>,
    /// Whether `Forwarded` and `X-Forwarded-…` are believed; only behind a proxy that sets them.
    pub trust_forwarded: bool,
    /// Which pages of other origins may read the map. Only pages that are named may have it segmented.
    pub cors: Cors,
    /// Which pages may show the map in a frame (`frame-ancestors` of the Content Security Policy).
    pub frame_ancestors: String,
    /// A vector tile of at least this zoom starts the segmentation of its missing blocks; those above it would ask for
    /// whole towns.
    pub min_request_zoom: u8,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            public_url: None,
            attribution: None,
            trust_forwarded: false,
            cors: Cors::Any,
            frame_ancestors: "'self'".to_owned(),
            min_request_zoom: 14,
        }
    }
}
