//! What a store is valid for.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{CleanOptions, StoreError};
use crate::georef::{Crs, GeoTransform, PixelFrame};
use crate::grid::{BlockId, WorkGrid};
use crate::model::{CachePlace, Precision, Scoring};
use crate::raster::Bands;

/// What the label blocks of a store are, and what they were made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The format of the store.
    pub version: u32,
    /// The reference system of the work grid, as text.
    pub crs: String,
    /// The geotransform of the work grid.
    pub transform: [f64; 6],
    /// The width of the work grid in pixels.
    pub cols: u32,
    /// The height of the work grid in pixels.
    pub rows: u32,
    /// The side of a block in pixels.
    pub block_px: u32,
    /// The rasters of the mosaic.
    pub sources: Vec<PathBuf>,
    /// The bands that are read as colours, where they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bands: Option<Bands>,
    /// The surface model, if one was given.
    pub dsm: Option<PathBuf>,
    /// The terrain model, if one was given.
    pub dtm: Option<PathBuf>,
    /// The card of the model.
    pub model: PathBuf,
    /// How scores were made beside the model.
    #[serde(default)]
    pub scoring: Scoring,
    /// How labels were cleaned.
    pub clean: CleanOptions,
    /// The classes, where another file than the city scheme was used.
    pub scheme: Option<PathBuf>,
    /// Blocks to make; empty for all of the work grid.
    #[serde(default)]
    pub area_blocks: Vec<(u32, u32)>,
    /// How far certainty drops between roofs that are told apart, where the model's card says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_roofs: Option<f64>,
    /// Where features are kept, where a model gives some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature_cache: Option<CachePlace>,
    /// Of sources, model and every parameter that changes labels.
    pub fingerprint: String,
}

impl Manifest {
    /// The format that this version writes; it reads those before too.
    pub const VERSION: u32 = 2;

    /// The first format whose label blocks have a checksum.
    pub const SEALED_FROM: u32 = 2;

    /// The work grid.
    ///
    /// # Errors
    /// When the reference system or the geotransform is not usable.
    pub fn grid(&self) -> Result<WorkGrid, StoreError> {
        let frame = PixelFrame { crs: Crs::new(&self.crs)?, transform: GeoTransform::new(self.transform)? };
        Ok(WorkGrid { frame, cols: self.cols, rows: self.rows, block_px: self.block_px })
    }

    /// The blocks of its work grid that are to be made: those of the area of interest, or all.
    #[must_use]
    pub fn wanted(&self, grid: &WorkGrid) -> Vec<BlockId> {
        if self.area_blocks.is_empty() {
            return grid.blocks().collect();
        }
        self.area_blocks.iter().map(|&(row, col)| BlockId { row, col }).collect()
    }

    /// Checks that each value is one that a store may have, so that opening and reading it take bounded time and memory.
    ///
    /// # Errors
    /// The key, its value and what is expected.
    pub fn check(&self) -> Result<(), String> {
        super::rules::check(self)
    }

    fn precision(&self) -> Precision {
        self.feature_cache.as_ref().filter(|place| place.mib > 0).map_or(Precision::F16, |place| place.precision)
    }

    /// Which part of the input differs, for the message.
    pub(super) fn difference(&self, new: &Self) -> String {
        let parts = [
            (self.version != new.version, "version of orthotile"),
            (self.model != new.model, "model"),
            (self.scoring != new.scoring, "way of scoring (scorer, unknown, unknown band, guided, augment, weights)"),
            (self.clean != new.clean, "clean-up (majority, minimum area)"),
            (self.precision() != new.precision(), "precision of features"),
            (self.block_px != new.block_px, "block size"),
            (self.bands != new.bands, "bands"),
            (self.scheme != new.scheme, "scheme"),
            ((self.transform, self.cols, self.rows) != (new.transform, new.cols, new.rows), "work grid"),
        ];
        let named: Vec<_> = parts.iter().filter(|(differs, _)| *differs).map(|(_, name)| *name).collect();
        if named.is_empty() {
            "mosaic, model or scheme file (same name, other content)".to_owned()
        } else {
            named.join(", ")
        }
    }
}
