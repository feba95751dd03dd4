//! A map that grows: what is made is served, what is missing is made on request.

mod grow;
mod health;
mod open;

pub use open::{LabelCache, Opener};

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::broadcast;

use health::Watch;

use super::events::{BlockState, Progress, Requested, SeedEvent, Snapshot};
use super::queue::{Queue, QueueFull};
use super::{Maker, SeedError};
use crate::georef::{Window, WorldBounds};
use crate::grid::{BlockId, WorkGrid};
use crate::label::{LabelMap, LabelStore};
use crate::pipeline::{FeatureOptions, TracedBlocks};
use crate::raster::Mosaic;
use crate::scheme::Scheme;

/// Blocks that may wait.
const QUEUE_LIMIT: usize = 4096;

/// Blocks of one run: few, so that the view asked for last comes soon.
const BLOCKS_PER_RUN: usize = 4;

/// A map that grows. Shared by all handlers; jobs belong to it, not to the request that asked.
pub struct Live {
    name: String,
    labels: LabelStore,
    mosaic: Option<Mosaic>,
    maker: Option<Maker>,
    options: FeatureOptions,
    places: BTreeMap<BlockId, WorldBounds>,
    bounds: WorldBounds,
    traced: Mutex<TracedBlocks>,
    snapshot: RwLock<Arc<Snapshot>>,
    queue: Mutex<Queue>,
    wake: Condvar,
    events: broadcast::Sender<SeedEvent>,
    speed: Mutex<f64>,
    cache: LabelCache,
    /// Number of the map in the cache.
    number: u64,
    watch: Mutex<Watch>,
}

impl Live {
    /// Opens a map with what its store holds; with a maker, what is missing is made on request. Damaged blocks are logged
    /// and count as missing.
    ///
    /// # Errors
    /// When the features cannot be made.
    pub fn open(
        name: &str,
        labels: LabelStore,
        maker: Option<Maker>,
        options: FeatureOptions,
    ) -> Result<Arc<Self>, SeedError> {
        Opener::new(name).open(labels, maker, options)
    }

    /// Opens the map of a store folder; with `make`, the model of its manifest is loaded for what is missing.
    ///
    /// # Errors
    /// As [`Self::open`], and when mosaic or model cannot be opened.
    pub fn open_folder(
        name: &str,
        folder: &Path,
        make: Option<crate::model::Device>,
        options: FeatureOptions,
    ) -> Result<Arc<Self>, SeedError> {
        Opener::new(name).open_folder(folder, make, options)
    }

    /// The name of the map.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The work grid.
    #[must_use]
    pub fn grid(&self) -> &WorkGrid {
        self.labels.grid()
    }

    /// The classes.
    #[must_use]
    pub fn scheme(&self) -> &Scheme {
        self.labels.scheme()
    }

    /// The imagery, as long as its files are there.
    #[must_use]
    pub fn mosaic(&self) -> Option<&Mosaic> {
        self.mosaic.as_ref()
    }

    /// What is served now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where the map lies.
    #[must_use]
    pub fn bounds(&self) -> WorldBounds {
        self.bounds
    }

    /// How many blocks that touch an area are not made.
    #[must_use]
    pub fn missing(&self, area: &WorldBounds) -> usize {
        self.missing_blocks(area).len()
    }

    /// Whether missing blocks can be made.
    #[must_use]
    pub fn can_make(&self) -> bool {
        self.maker.is_some()
    }

    /// Asks for the missing blocks of an area: each is made once, whoever asks. Where nothing can be made, those that another
    /// run has put into the store are taken over.
    ///
    /// # Errors
    /// When the queue is full; nothing of the area is queued then.
    pub fn request(&self, area: &WorldBounds) -> Result<Requested, QueueFull> {
        let mut blocks = self.missing_blocks(area);
        let missing = blocks.len();
        if !self.can_make() {
            blocks.retain(|block| self.labels.has(*block));
        }
        let mut queue = lock(&self.queue);
        let fresh = queue.push(&blocks)?;
        let failed = queue.failed_lately(&blocks);
        drop(queue);
        fresh.iter().for_each(|b| self.tell(*b, BlockState::Queued));
        self.wake.notify_one();
        Ok(Requested { missing, coming: blocks.len() - failed, failed })
    }

    /// The class codes of a window of the work grid, row-major; 0 where nothing is made. Reads files.
    ///
    /// # Errors
    /// When a label block is broken.
    pub fn labels(&self, window: &Window) -> Result<Vec<u8>, SeedError> {
        let mut codes = vec![0_u8; window.pixels()];
        for block in self.grid().blocks_touching(window) {
            if let Some(map) = self.block(block)? {
                map.copy_classes(window, &mut codes);
            }
        }
        Ok(codes)
    }

    /// What happens to blocks from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<SeedEvent> {
        self.events.subscribe()
    }

    /// How far the map is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let (queued, running, failed) = lock(&self.queue).counts();
        let (snapshot, mpx_per_s) = (self.snapshot(), *lock(&self.speed));
        let block_mpx = f64::from(self.grid().block_px).powi(2) / 1e6;
        let left = (queued + running) as f64 * block_mpx;
        Progress {
            total: snapshot.total,
            made: snapshot.made.len(),
            queued,
            running,
            failed,
            mpx_per_s,
            seconds_left: (mpx_per_s > 0.0).then(|| left / mpx_per_s),
            device: self.maker.as_ref().map_or_else(String::new, |m| m.session().device().to_owned()),
        }
    }

    /// Where the model runs, with the execution provider of ONNX Runtime; none where no model is loaded.
    #[must_use]
    pub fn model(&self) -> Option<String> {
        let device = self.maker.as_ref()?.session().device();
        let provider = device.parse().map_or("", crate::model::Device::provider);
        Some(format!("{device} ({provider})"))
    }

    /// What the cache of features has done, where the model gives features.
    #[must_use]
    pub fn feature_cache(&self) -> Option<crate::model::CacheUse> {
        self.maker.as_ref()?.cache_use()
    }

    fn missing_blocks(&self, area: &WorldBounds) -> Vec<BlockId> {
        let touched = self.places.iter().filter(|(_, place)| place.touches(area)).map(|(block, _)| *block);
        // By the snapshot, so that a tile is never called complete before its features are served.
        let (snapshot, damaged) = (self.snapshot(), self.labels.damaged());
        touched.filter(|b| !snapshot.made.contains(b) || damaged.contains(b)).collect()
    }

    fn block(&self, block: BlockId) -> Result<Option<Arc<LabelMap>>, SeedError> {
        if let Some(map) = self.cache.get(self.number, block) {
            return Ok(Some(map));
        }
        if !self.labels.has(block) {
            return Ok(None);
        }
        match self.labels.read(block) {
            Ok(map) => {
                let map = Arc::new(map);
                self.cache.insert((self.number, block), Arc::clone(&map));
                Ok(Some(map))
            }
            Err(_) if !self.labels.has(block) => Ok(None), // damaged, which was logged: it counts as missing
            Err(error) => Err(error.into()),
        }
    }

    fn tell(&self, block: BlockId, state: BlockState) {
        let generation = self.snapshot().generation;
        if let Some(bounds) = self.places.get(&block) {
            let _ = self.events.send(SeedEvent { block, bounds: *bounds, generation, state }); // nobody may listen
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        lock(&self.queue).closed = true;
        self.wake.notify_all();
    }
}

/// A panic elsewhere leaves these values whole: each is replaced in one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
