//! Scorers fitted to a mosaic: clusters of its features, heads from a handful of labelled polygons.

mod chips;
mod clusters;
mod colours;
mod folds;
mod head;
mod judge;
mod kmeans;
mod labels;
mod linear;
mod matrix;
mod mlp;
mod report;
mod samples;
mod statistics;
mod suggest;
mod validation;

pub use chips::{FeatureReader, SeenChip};
pub use clusters::{ClusterOptions, Clustering, cluster};
pub use colours::ClusterStatistics;
pub use head::{Head, HeadOptions, Refinement, head};
pub use labels::{LabelPolygon, LabelledPatches, labelled_patches, read_labels};
pub use report::report;
pub use samples::Samples;
pub use suggest::{Assignment, assign};
pub use validation::{ClassValidation, Validation};

use std::path::PathBuf;

use thiserror::Error;

use crate::files::FileError;
use crate::georef::CrsError;
use crate::grid::GridError;
use crate::model::{ModelError, ScorerError};
use crate::raster::RasterError;

/// Why nothing is learnt.
#[derive(Debug, Error)]
pub enum LearnError {
    /// The mosaic cannot be read.
    #[error(transparent)]
    Raster(#[from] RasterError),
    /// The model fails.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A scorer cannot be read or written.
    #[error(transparent)]
    Scorer(#[from] ScorerError),
    /// The mosaic gets no work grid.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// A place has no image in the reference system.
    #[error(transparent)]
    Crs(#[from] CrsError),
    /// A file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is too little to learn from.
    #[error("{0}")]
    TooLittle(String),
    /// Labels, a table or stored samples are not what they should be.
    #[error("{path}: {reason}")]
    Input {
        /// The file, or the option.
        path: PathBuf,
        /// What is wrong, and what is accepted.
        reason: String,
    },
}
