//! Why a store of label blocks cannot be used.

use std::path::PathBuf;

use thiserror::Error;

use crate::files::FileError;
use crate::georef::{CrsError, TransformError};
use crate::grid::BlockId;
use crate::model::ScorerError;
use crate::raster::RasterError;

/// Why a store cannot be used.
#[derive(Debug, Error)]
pub enum StoreError {
    /// There is no store.
    #[error("no store: {path}: {cause} (create one with `orthotile segment … --store {path}`)")]
    Missing {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The manifest is not one.
    #[error("invalid store manifest: {path}: {reason}")]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// The key, its value and what is expected.
        reason: String,
    },
    /// The store was made from something else.
    #[error("store {path} was made with another {what}: choose another --store folder, or delete that one")]
    Stale {
        /// The folder.
        path: PathBuf,
        /// What differs.
        what: String,
    },
    /// The store was replaced after it was opened here.
    #[error("store {path} was replaced after it was opened: open it again (restart what serves it)")]
    Replaced {
        /// The folder.
        path: PathBuf,
    },
    /// The scorer that it was made with cannot be kept.
    #[error(transparent)]
    Scorer(#[from] ScorerError),
    /// The system refused.
    #[error("store {path}: {cause}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A file of the store cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A label block is damaged: it counts as missing.
    #[error("damaged label block {block}: {cause} (`orthotile segment` with this store remakes it)")]
    Damaged {
        /// The block.
        block: BlockId,
        /// What is wrong.
        cause: RasterError,
    },
    /// A label block belongs to another store or another place: it counts as missing.
    #[error("label block {block} is not of this store: {}: {what} (`orthotile segment` with this store remakes it)", path.display())]
    Foreign {
        /// The block.
        block: BlockId,
        /// Its file.
        path: PathBuf,
        /// What differs.
        what: &'static str,
    },
    /// A label block or the label map cannot be written.
    #[error(transparent)]
    Raster(#[from] RasterError),
    /// The coordinate reference system of the manifest.
    #[error(transparent)]
    Crs(#[from] CrsError),
    /// The geotransform of the manifest.
    #[error(transparent)]
    Transform(#[from] TransformError),
}

impl StoreError {
    /// Whether no other block can be written either: the disk is full.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::File(error) | Self::Raster(RasterError::Write(error)) => error.is_disk_full(),
            _ => false,
        }
    }
}
