//! What a map that grows tells of itself.

use std::collections::BTreeSet;

use crate::feature::FeatureStore;
use crate::georef::WorldBounds;
use crate::grid::BlockId;

/// What is served at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// The features with their R-tree.
    pub store: FeatureStore,
    /// Grows with every change.
    pub generation: u64,
    /// Blocks that are made.
    pub made: BTreeSet<BlockId>,
    /// Blocks of the map.
    pub total: usize,
}

/// What becomes of the blocks that an area lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requested {
    /// Blocks that are not served yet.
    pub missing: usize,
    /// Those of them that wait or are being made.
    pub coming: usize,
    /// Those that failed, and are not tried again at once.
    pub failed: usize,
}

/// What became of a block.
#[derive(Debug, Clone, PartialEq)]
pub enum BlockState {
    /// It waits.
    Queued,
    /// It is being made.
    Running,
    /// It is made and served.
    Done,
    /// It could not be made, and why: for clients, so without the names of files. The log says more under the number.
    Failed {
        /// Class of the reason.
        reason: &'static str,
        /// Number of the entry in the log.
        log_id: u64,
    },
}

/// Something happened to a block.
#[derive(Debug, Clone, PartialEq)]
pub struct SeedEvent {
    /// The block.
    pub block: BlockId,
    /// Where it lies.
    pub bounds: WorldBounds,
    /// The generation that is served from now on.
    pub generation: u64,
    /// What became of it.
    pub state: BlockState,
}

/// How far the map is.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Blocks of the map.
    pub total: usize,
    /// Blocks that are made.
    pub made: usize,
    /// Blocks that wait.
    pub queued: usize,
    /// Blocks that are being made.
    pub running: usize,
    /// Blocks that failed.
    pub failed: usize,
    /// Megapixels of the work grid per second, of the last run.
    pub mpx_per_s: f64,
    /// For what waits and runs; unknown before the first run.
    pub seconds_left: Option<f64>,
    /// Where the model runs; empty without a model.
    pub device: String,
}

/// Whether requests can be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// They can.
    pub ok: bool,
    /// Class of the reason: `ready`, `model-dead`, `store-gone`, `imagery-gone`, `blocks-damaged` or `blocks-failed`.
    pub state: &'static str,
    /// For people.
    pub detail: String,
}
