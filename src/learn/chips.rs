//! The features of a mosaic's chips, on the lattice that segmenting uses.

use super::LearnError;
use crate::georef::Window;
use crate::grid::{ChipId, ChipLattice, WorkGrid};
use crate::model::{FeatureSource, ModelCard, ModelError, PatchFeatures};
use crate::preprocess::Normalization;
use crate::raster::{Channel, Mosaic, MosaicReader, PixelWindow, RasterSource};

/// Reads chips and their features. It holds GDAL datasets: keep it on one thread.
pub struct FeatureReader {
    grid: WorkGrid,
    lattice: ChipLattice,
    patch_px: u32,
    channels: Vec<Channel>,
    reader: MosaicReader,
    normalization: Normalization,
    source: FeatureSource,
}

/// A chip, its pixels and its features.
pub struct SeenChip {
    /// Its pixels.
    pub pixels: PixelWindow,
    /// Its features.
    pub features: PatchFeatures,
    /// The side of a patch in pixels.
    pub patch_px: u32,
    /// The part that belongs to no other chip.
    own: Window,
}

impl FeatureReader {
    /// For a mosaic and a model of family `features`.
    ///
    /// # Errors
    /// When mosaic and model do not go together.
    pub fn open(mosaic: &Mosaic, card: &ModelCard, source: FeatureSource) -> Result<Self, LearnError> {
        let grid = WorkGrid::choose(mosaic.frame(), &mosaic.window(), &card.wanted_resolution(), 1024)?;
        let patch_px = card.output.patch_px.ok_or_else(|| {
            let reason = "output.patch_px: it gives no features".to_owned();
            ModelError::Mismatch { path: card.network_path(), reason }
        })?;
        Ok(Self {
            lattice: ChipLattice { chip_px: card.input.chip_px, stride_px: card.input.stride_px },
            reader: mosaic.reader(&grid.frame, &card.input.channels)?,
            channels: card.input.channels.clone(),
            normalization: card.normalization(),
            patch_px,
            source,
            grid,
        })
    }

    /// The work grid.
    #[must_use]
    pub fn grid(&self) -> &WorkGrid {
        &self.grid
    }

    /// The digest of the network.
    #[must_use]
    pub fn network(&self) -> &str {
        self.source.digest()
    }

    /// The channels of a chip.
    #[must_use]
    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// The chips that share pixels with a window of the work grid, row by row.
    pub fn chips(&self, window: &Window) -> impl Iterator<Item = ChipId> + use<> {
        self.lattice.touching(window)
    }

    /// The pixels of a chip.
    ///
    /// # Errors
    /// When a scene cannot be read.
    pub fn pixels(&mut self, id: ChipId) -> Result<PixelWindow, LearnError> {
        Ok(self.reader.read(&self.lattice.window(id))?)
    }

    /// A chip with its features; none where it holds no imagery.
    ///
    /// # Errors
    /// When a scene cannot be read, or the network fails.
    pub fn read(&mut self, id: ChipId) -> Result<Option<SeenChip>, LearnError> {
        let pixels = self.pixels(id)?;
        if !pixels.valid.contains(&1) {
            return Ok(None);
        }
        let mut tensor = Vec::new();
        self.normalization.append(&pixels, &mut tensor);
        let Some(features) = self.source.features(&tensor)?.pop() else { return Ok(None) };
        let margin = i64::from((self.lattice.chip_px - self.lattice.stride_px) / 2);
        let stride = self.lattice.stride_px;
        let own = Window::new(pixels.window.col + margin, pixels.window.row + margin, stride, stride);
        Ok(Some(SeenChip { pixels, features, patch_px: self.patch_px, own }))
    }
}

impl SeenChip {
    /// The pixels of a patch.
    #[must_use]
    pub fn patch_window(&self, row: usize, col: usize) -> Window {
        let at = |from: i64, n: usize| from + n as i64 * i64::from(self.patch_px);
        Window::new(at(self.pixels.window.col, col), at(self.pixels.window.row, row), self.patch_px, self.patch_px)
    }

    /// The patches whose middle is in the part of the chip that belongs to it alone, and that hold imagery everywhere:
    /// over all chips, each place once, seen with its surroundings.
    pub fn own_patches(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let side = self.features.side;
        (0..side * side).map(move |i| (i / side, i % side)).filter(|(row, col)| {
            let window = self.patch_window(*row, *col);
            let middle =
                Window::new(window.col + i64::from(self.patch_px / 2), window.row + i64::from(self.patch_px / 2), 1, 1);
            self.own.contains(&middle) && self.is_whole(&window)
        })
    }

    fn is_whole(&self, window: &Window) -> bool {
        (window.row..window.end_row()).all(|row| {
            let from = self.pixels.window.index(window.col, row);
            !self.pixels.valid[from..from + window.cols as usize].contains(&0)
        })
    }
}
