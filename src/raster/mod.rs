//! Samples that know where they lie: windows of a mosaic read, label rasters written. All raster GDAL is here.
//!
//! A [`Mosaic`] is opened once and shared; each thread makes a [`MosaicReader`] for the grid that it wants and reads
//! windows of it. The value of a pixel is a function of its place in that grid alone, never of the window, so that
//! windows fit each other to the bit, whoever reads them in whatever order.

mod canvas;
mod category;
mod class_raster;
mod create;
mod elevation;
mod error;
#[cfg(test)]
pub(crate) mod fixture;
mod label_block;
mod label_cog;
mod layout;
mod mosaic;
mod native;
mod open;
mod place;
mod reader;
mod resample;
mod scene;
mod seal;
mod single;
mod sources;
mod stretch;
mod void;
mod vrt;
mod write;

pub use class_raster::{AsClasses, ClassRaster, Label};
pub use elevation::{AsHeights, Elevation};
pub use error::RasterError;
pub use label_block::{LabelBands, LabelBlockData, LabelTags, check_label_block, read_label_block, write_label_block};
pub use label_cog::{LabelMap, LabelRows, write_label_cog};
pub use mosaic::Mosaic;
pub use open::init;
pub use reader::MosaicReader;
pub use scene::{Channel, Scene, Validity};
pub use single::SingleBand;
pub use write::{
    Compression, RasterWriteError, SceneOptions, SceneSamples, WrittenValidity, write_elevation, write_scene,
};

#[cfg(test)]
mod tests;

use crate::georef::Window;

/// The pixels of a window, 8 bits each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PixelWindow {
    /// Which pixels of the grid.
    pub window: Window,
    /// The number of planes.
    pub channels: usize,
    /// Planar: channel by channel, each row by row; 0 where nothing is valid.
    pub samples: Vec<u8>,
    /// Row by row: 1 where there is imagery, else 0.
    pub valid: Vec<u8>,
}

/// Windows of pixels of one grid.
pub trait RasterSource {
    /// Reads a window, which may reach beyond the imagery: what lies there is not valid.
    ///
    /// The value of a pixel depends on its place in the grid only, bit for bit, never on the window.
    ///
    /// # Errors
    /// When a file cannot be read.
    fn read(&mut self, window: &Window) -> Result<PixelWindow, RasterError>;
}
