//! What all maps of a server share: threads, memory, seats.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::watch;

use super::desk::Desk;
use super::limits::Limits;
use super::pool::Pool;
use super::seats::Seats;
use crate::seed::LabelCache;

/// Questions about files that may wait.
const PROBES: usize = 256;

/// Share of the cache for label blocks: one in so many parts.
const LABELS_PART: u64 = 8;

/// Threads, memory and seats of all maps of a server.
pub struct Resources {
    /// The limits, resolved.
    pub limits: Limits,
    /// Kept bodies.
    pub(super) desk: Arc<Desk>,
    /// Makes vector tiles and what is as quick.
    pub(super) tiles: Pool,
    /// Selects and writes GeoJSON.
    pub(super) features: Pool,
    /// Looks at files and counts features, for `/ready` and the page.
    pub(super) probes: Pool,
    /// GeoJSON answers under way.
    pub(super) streams: Seats,
    /// Listeners of `/events`.
    pub(super) listeners: Seats,
    labels: LabelCache,
    maps: AtomicU32,
    closing: watch::Sender<bool>,
}

impl Resources {
    /// Starts the threads; they end with the last map.
    ///
    /// # Errors
    /// When a limit is out of range or the system gives no thread.
    pub fn start(limits: &Limits) -> io::Result<Arc<Self>> {
        let limits = limits.resolved().map_err(|reason| io::Error::new(io::ErrorKind::InvalidInput, reason))?;
        let cache_bytes = limits.cache_mib << 20;
        Ok(Arc::new(Self {
            desk: Desk::new(cache_bytes - cache_bytes / LABELS_PART),
            tiles: Pool::start("tiles", limits.tile_threads, limits.tile_queue)?,
            // Streams under way wait for a thread, each with one piece: they are the bound.
            features: Pool::start("features", limits.feature_threads, limits.feature_streams)?,
            probes: Pool::start("probes", 1, PROBES)?,
            streams: Seats::new(limits.feature_streams, limits.feature_streams_per_address),
            listeners: Seats::new(limits.event_listeners, limits.event_listeners_per_address),
            labels: LabelCache::new(cache_bytes / LABELS_PART),
            maps: AtomicU32::new(0),
            closing: watch::channel(false).0,
            limits,
        }))
    }

    /// The memory for label blocks, to open maps with.
    #[must_use]
    pub fn labels(&self) -> &LabelCache {
        &self.labels
    }

    /// Ends what would go on for ever.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Tells when the server is asked to stop.
    pub(super) fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    /// A number for a map.
    pub(super) fn next_map(&self) -> u32 {
        self.maps.fetch_add(1, Ordering::Relaxed)
    }
}
