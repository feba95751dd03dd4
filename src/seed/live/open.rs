//! How a map is opened.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, RwLock};

use tokio::sync::broadcast;

use super::health::Watch;
use super::{Live, QUEUE_LIMIT, grow};
use crate::feature::FeatureStore;
use crate::georef::WorldBounds;
use crate::grid::BlockId;
use crate::label::{LabelMap, LabelStore};
use crate::model::Device;
use crate::pipeline::{FeatureOptions, TracedBlocks};
use crate::raster::Mosaic;
use crate::seed::places::places;
use crate::seed::progress::Step;
use crate::seed::queue::Queue;
use crate::seed::{Maker, OpenProgress, SeedError, Snapshot};

/// Memory for label blocks of a map that is opened alone, in bytes.
const LABEL_CACHE_BYTES: u64 = 64 << 20;

/// Label blocks that are read before the progress is told.
const BLOCKS_AT_ONCE: usize = 16;

/// Label blocks in memory for raster tiles, of any number of maps within one budget; clones share it.
#[derive(Clone)]
pub struct LabelCache {
    blocks: moka::sync::Cache<(u64, BlockId), Arc<LabelMap>>,
    maps: Arc<AtomicU64>,
}

impl LabelCache {
    /// Keeps at most so many bytes.
    #[must_use]
    pub fn new(capacity_bytes: u64) -> Self {
        let weigh = |_: &(u64, BlockId), map: &Arc<LabelMap>| {
            let instances = if map.instances.is_some() { 4 } else { 0 };
            let unknown = u64::from(map.unknown.is_some());
            u32::try_from((2 + instances + unknown) * map.window.pixels() as u64).unwrap_or(u32::MAX)
        };
        let blocks = moka::sync::Cache::builder().max_capacity(capacity_bytes).weigher(weigh).build();
        Self { blocks, maps: Arc::default() }
    }

    pub(super) fn get(&self, map: u64, block: BlockId) -> Option<Arc<LabelMap>> {
        self.blocks.get(&(map, block))
    }

    pub(super) fn insert(&self, key: (u64, BlockId), labels: Arc<LabelMap>) {
        self.blocks.insert(key, labels);
    }
}

/// Opens a map: with a name, and if asked for with memory that other maps share, and with others watching.
pub struct Opener {
    name: String,
    cache: LabelCache,
    progress: Arc<OpenProgress>,
}

impl Opener {
    /// Of a map with a name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), cache: LabelCache::new(LABEL_CACHE_BYTES), progress: Arc::default() }
    }

    /// Shares the memory for label blocks with other maps.
    #[must_use]
    pub fn cache(mut self, cache: &LabelCache) -> Self {
        self.cache = cache.clone();
        self
    }

    /// Tells how far it is.
    #[must_use]
    pub fn progress(mut self, progress: &Arc<OpenProgress>) -> Self {
        self.progress = Arc::clone(progress);
        self
    }

    /// As [`Live::open_folder`].
    ///
    /// # Errors
    /// As [`Live::open_folder`].
    pub fn open_folder(
        self,
        folder: &Path,
        make: Option<Device>,
        options: FeatureOptions,
    ) -> Result<Arc<Live>, SeedError> {
        self.progress.begin(Step::Model);
        let store = LabelStore::open(folder)?;
        let maker = make.map(|device| Maker::open(store.clone(), device)).transpose()?;
        self.open(store, maker, options)
    }

    /// As [`Live::open`].
    ///
    /// # Errors
    /// As [`Live::open`].
    pub fn open(
        self,
        labels: LabelStore,
        maker: Option<Maker>,
        options: FeatureOptions,
    ) -> Result<Arc<Live>, SeedError> {
        let wanted = labels.wanted();
        let places = places(labels.grid(), &wanted)?;
        let bounds = WorldBounds::around(places.values().copied()).ok_or(SeedError::NoBlocks)?;
        let made = labels.made();
        let traced = self.trace(&labels, &made)?;
        let (sources, bands) = (&labels.manifest().sources, labels.manifest().bands.as_ref());
        let mosaic = maker.as_ref().map(|m| m.mosaic().clone()).or_else(|| Mosaic::open_bands(sources, bands).ok());
        self.progress.begin(Step::Features);
        let derived = traced.derive(labels.grid(), labels.scheme(), &options)?;
        let store = FeatureStore::new(&labels.grid().frame, derived.features)?.with_centrelines(derived.centrelines)?;
        let snapshot = Snapshot { store, generation: 0, made: made.into_iter().collect(), total: wanted.len() };
        let live = Arc::new(Live {
            number: self.cache.maps.fetch_add(1, Ordering::Relaxed),
            name: self.name,
            cache: self.cache,
            traced: Mutex::new(traced),
            snapshot: RwLock::new(Arc::new(snapshot)),
            queue: Mutex::new(Queue::new(QUEUE_LIMIT)),
            wake: Condvar::new(),
            events: broadcast::channel(1024).0,
            speed: Mutex::new(0.0),
            watch: Mutex::new(Watch::default()),
            labels,
            mosaic,
            maker,
            options,
            places,
            bounds,
        });
        if live.can_make() || live.snapshot().made.len() < live.snapshot().total {
            let weak = Arc::downgrade(&live);
            let thread = std::thread::Builder::new().name(format!("seed {}", live.name));
            thread.spawn(move || grow::work(&weak)).map_err(SeedError::Thread)?;
        }
        Ok(live)
    }

    /// Reads and traces what is made, a few blocks at a time.
    fn trace(&self, labels: &LabelStore, made: &[BlockId]) -> Result<TracedBlocks, SeedError> {
        self.progress.begin(Step::Blocks);
        self.progress.count(made.len());
        let mut traced = TracedBlocks::read(labels, &[])?;
        for blocks in made.chunks(BLOCKS_AT_ONCE) {
            traced.add(labels, blocks)?;
            self.progress.add(blocks.len());
        }
        Ok(traced)
    }
}
