//! Which blocks are made, each once: on demand or all.

mod check;
mod combine;
mod events;
mod identity;
mod live;
mod make;
mod open;
mod places;
mod plan;
mod progress;
mod queue;
mod reach;
mod ready;
mod relabel;
mod shelf;
mod turns;

pub use check::{CheckError, check};
pub use events::{BlockState, Health, Progress, Requested, SeedEvent, Snapshot};
pub use live::{LabelCache, Live, Opener};
pub use make::{MakeEvent, Maker};
pub use open::open_model;
pub use plan::{SegmentOptions, plan};
pub use progress::OpenProgress;
pub use queue::QueueFull;
pub use reach::Reach;
pub use relabel::{Relabelled, relabel};

use std::path::PathBuf;

use thiserror::Error;

use crate::files::FileError;
use crate::georef::CrsError;
use crate::grid::{BlockId, GridError};
use crate::label::StoreError;
use crate::model::{CardError, ModelError};
use crate::pipeline::PipelineError;
use crate::raster::RasterError;
use crate::scheme::SchemeError;

/// Why blocks are not made.
#[derive(Debug, Error)]
pub enum SeedError {
    /// The mosaic cannot be read.
    #[error(transparent)]
    Raster(#[from] RasterError),
    /// The mosaic could not be opened by the reader.
    #[error("{0}")]
    NoImagery(String),
    /// The model fails.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The thread that owns the model is gone.
    #[error("the model's thread ended; its message stands above")]
    ModelGone,
    /// The model's card cannot be used.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The scheme cannot be used.
    #[error(transparent)]
    Scheme(#[from] SchemeError),
    /// The mosaic gets no work grid.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// Something besides the mosaic and the model stands in the way.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// One scene lies far away from the others.
    #[error(
        "{path} lies {distance_km:.0} km from the other scenes, so that {reason}; leave it out, or segment it into a store of its own"
    )]
    Stray {
        /// The scene.
        path: PathBuf,
        /// From its middle to that of the others.
        distance_km: f64,
        /// What it leads to.
        reason: String,
    },
    /// The side of a block is out of range.
    #[error("block size {0} px is out of range (expected 64 to 8192)")]
    BlockSize(u32),
    /// Borders of masks are to be decided by scores.
    #[error("--boundary-m (labels.boundary_m of the card): masks have no scores to decide borders by, 0 is accepted")]
    NoScores,
    /// The area of interest misses the mosaic.
    #[error(
        "area of interest {path} ({area}) shares nothing with the mosaic ({mosaic}): west, south, east, north in degrees (accepted: GeoJSON in longitude and latitude that touches it{hint})"
    )]
    AreaMisses {
        /// The file.
        path: String,
        /// Where it lies.
        area: String,
        /// Where the mosaic lies.
        mosaic: String,
        /// What may be wrong with it.
        hint: &'static str,
    },
    /// A map without a place.
    #[error("the store has no block")]
    NoBlocks,
    /// Labels cannot be cleaned so.
    #[error("{0}")]
    Clean(String),
    /// A block cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The labels cannot become features.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// The features cannot be indexed.
    #[error(transparent)]
    Features(#[from] crate::feature::StoreError),
    /// The work grid has no place on the ground.
    #[error(transparent)]
    Crs(#[from] CrsError),
    /// A temporary file of the store cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A temporary file of the store cannot be read.
    #[error("cannot read back a chip that was put aside: {0}")]
    Shelf(std::io::Error),
    /// A chip of the block failed under another block.
    #[error("block {block} lacks a chip that could not be read")]
    ChipMissing {
        /// The block.
        block: BlockId,
    },
    /// The system gives no thread.
    #[error("no thread: {0}")]
    Thread(std::io::Error),
}

impl SeedError {
    /// The class of the reason, for people who may not see the names of files.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Self::Raster(_) | Self::NoImagery(_) | Self::Stray { .. } | Self::Check(_) | Self::ChipMissing { .. } => {
                "imagery cannot be read"
            }
            Self::Model(_) | Self::ModelGone | Self::Card(_) | Self::NoScores => "model cannot be used",
            Self::Store(_) | Self::File(_) | Self::Shelf(_) | Self::NoBlocks => "store cannot be used",
            Self::Scheme(_) => "scheme of classes cannot be used",
            Self::Pipeline(_) | Self::Features(_) | Self::Clean(_) => "features cannot be made",
            Self::Grid(_) | Self::Crs(_) | Self::BlockSize(_) | Self::AreaMisses { .. } => {
                "map has no place on the ground"
            }
            Self::Thread(_) => "server has no room for another thread",
        }
    }
}
