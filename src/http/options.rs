//! How a map is served.

/// How a map is served; [`Default`] suits a small server.
#[derive(Debug, Clone, PartialEq)]
pub struct ServeOptions {
    /// The address of the map for clients, without a slash at its end, such as `https://maps.example.org/city`.
    /// Without it links are made from each request.
    pub public_url: Option<String>,
    /// Who made the imagery; shown on the map. May hold HTML.
    pub attribution: Option<String>,
    /// Whether `X-Forwarded-Proto`, `-Host` and `-Prefix` are believed; only behind a proxy that sets them.
    pub trust_forwarded: bool,
    /// Whether pages of other origins may read everything here.
    pub cors: bool,
    /// Memory for vector tiles, in bytes of the compressed bodies.
    pub tile_cache_bytes: u64,
    /// Memory for imagery and label tiles, in bytes.
    pub raster_cache_bytes: u64,
    /// Threads that draw imagery and label tiles.
    pub raster_threads: usize,
    /// The most features that one GeoJSON answer holds.
    pub max_features: usize,
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
            cors: true,
            tile_cache_bytes: 256 << 20,
            raster_cache_bytes: 128 << 20,
            raster_threads: 2,
            max_features: 50_000,
            min_request_zoom: 14,
        }
    }
}
