//! Limits of a server, with defaults for a public one.

use serde::Deserialize;

use crate::cores::cores;

/// Limits of a server: section `[limits]` of a configuration file. Times are in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Open connections. The server takes at most three quarters of the file descriptors that the system allows.
    pub connections: usize,
    /// Open connections of one address; 0: half of `connections`.
    pub connections_per_address: usize,
    /// Bytes of a request before its body.
    pub header_bytes: usize,
    /// Time for a request to arrive on a new connection.
    pub header_timeout_s: u64,
    /// Time that a connection is kept open between two requests.
    pub keep_alive_s: u64,
    /// Time in which a client must take at least 16 KiB of an answer.
    pub write_timeout_s: u64,
    /// Time for requests in flight when the server is asked to stop.
    pub shutdown_timeout_s: u64,
    /// Threads that answer from memory; 0: one for each core.
    pub workers: usize,
    /// Threads that make vector tiles; 0: one for each core.
    pub tile_threads: usize,
    /// Different vector tiles that wait to be made.
    pub tile_queue: usize,
    /// Threads of each map that draw imagery and label tiles.
    pub raster_threads: usize,
    /// Different imagery and label tiles that wait to be drawn, for each map.
    pub raster_queue: usize,
    /// Threads that select and write GeoJSON; 0: one for each two cores.
    pub feature_threads: usize,
    /// GeoJSON answers under way.
    pub feature_streams: usize,
    /// GeoJSON answers under way to one address; 0: half of `feature_streams`.
    pub feature_streams_per_address: usize,
    /// Features of a GeoJSON answer whose request states no `limit`.
    pub features: usize,
    /// Highest `limit` of a GeoJSON request.
    pub max_features: usize,
    /// Clients that listen to `/events`.
    pub event_listeners: usize,
    /// Clients at one address that listen to `/events`.
    pub event_listeners_per_address: usize,
    /// Memory for tiles and labels, of all maps together, in MiB.
    pub cache_mib: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 8192,
            connections_per_address: 0,
            header_bytes: 32 << 10,
            header_timeout_s: 30,
            keep_alive_s: 5,
            write_timeout_s: 30,
            shutdown_timeout_s: 10,
            workers: 0,
            tile_threads: 0,
            tile_queue: 1024,
            raster_threads: 2,
            raster_queue: 256,
            feature_threads: 0,
            feature_streams: 64,
            feature_streams_per_address: 0,
            features: 10_000,
            max_features: 50_000,
            event_listeners: 512,
            event_listeners_per_address: 64,
            cache_mib: 512,
        }
    }
}

impl Limits {
    /// Replaces each 0 that stands for a default, and checks ranges.
    ///
    /// # Errors
    /// The key, its value and what is expected.
    pub fn resolved(&self) -> Result<Self, String> {
        let or = |value: usize, default: usize| if value == 0 { default.max(1) } else { value };
        let limits = Self {
            connections_per_address: or(self.connections_per_address, self.connections / 2),
            workers: or(self.workers, cores().get()),
            tile_threads: or(self.tile_threads, cores().get()),
            feature_threads: or(self.feature_threads, cores().get() / 2),
            feature_streams_per_address: or(self.feature_streams_per_address, self.feature_streams / 2),
            ..self.clone()
        };
        let ranges = [
            ("connections", limits.connections, 8, 1_000_000),
            ("connections_per_address", limits.connections_per_address, 1, 1_000_000),
            ("header_bytes", limits.header_bytes, 1024, 128 << 10),
            ("header_timeout_s", limits.header_timeout_s as usize, 1, 3600),
            ("keep_alive_s", limits.keep_alive_s as usize, 1, 3600),
            ("write_timeout_s", limits.write_timeout_s as usize, 1, 3600),
            ("shutdown_timeout_s", limits.shutdown_timeout_s as usize, 0, 3600),
            ("workers", limits.workers, 1, 512),
            ("tile_threads", limits.tile_threads, 1, 512),
            ("tile_queue", limits.tile_queue, 1, 1_000_000),
            ("raster_threads", limits.raster_threads, 1, 512),
            ("raster_queue", limits.raster_queue, 1, 1_000_000),
            ("feature_threads", limits.feature_threads, 1, 512),
            ("feature_streams", limits.feature_streams, 1, 100_000),
            ("feature_streams_per_address", limits.feature_streams_per_address, 1, 100_000),
            ("max_features", limits.max_features, 1, 1_000_000),
            ("features", limits.features, 1, limits.max_features),
            ("event_listeners", limits.event_listeners, 0, 100_000),
            ("event_listeners_per_address", limits.event_listeners_per_address, 0, 100_000),
            ("cache_mib", limits.cache_mib as usize, 1, 16 << 20),
        ];
        match ranges.into_iter().find(|(_, value, least, most)| !(*least..=*most).contains(value)) {
            None => Ok(limits),
            Some((name, value, least, most)) => {
                Err(format!("limits: {name}: {value} is out of range (expected {least} to {most})"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_become_defaults_and_the_defaults_are_in_range() {
        let limits = Limits::default().resolved().expect("in range");
        assert_eq!((limits.connections_per_address, limits.feature_streams_per_address), (4096, 32));
        assert!(limits.workers > 0 && limits.tile_threads > 0 && limits.feature_threads > 0);
    }

    #[test]
    fn a_value_out_of_range_is_named() {
        for limits in [
            Limits { connections: 1, ..Limits::default() },
            Limits { write_timeout_s: 0, ..Limits::default() },
            Limits { features: 60_000, ..Limits::default() },
            Limits { cache_mib: 0, ..Limits::default() },
        ] {
            let error = limits.resolved().expect_err("out of range");
            assert!(error.starts_with("limits: ") && error.contains("expected"), "{error}");
        }
    }
}
