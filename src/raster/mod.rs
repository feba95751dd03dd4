//! Samples that know where they lie: windows of a mosaic read, label rasters written. All raster GDAL is here.
//!
//! A [`Mosaic`] is opened once and shared; each thread makes a [`MosaicReader`] for the grid that it wants and reads
//! windows of it. The value of a pixel is a function of its place in that grid alone, never of the window, so that
//! windows fit each other to the bit, whoever reads them in whatever order.

mod alpha;
mod bands;
mod canvas;
mod category;
mod class_raster;
mod create;
mod elevation;
mod error;
mod fill;
#[cfg(test)]
pub(crate) mod fixture;
mod folder;
mod frame;
mod label_block;
mod label_cog;
mod layout;
mod mosaic;
mod names;
mod native;
mod notes;
mod open;
mod origin;
mod place;
mod reader;
mod resample;
mod roles;
mod scaling;
mod scene;
mod seal;
mod single;
mod sources;
mod stray;
mod survey;
mod taps;
mod void;
mod vrt;
mod vrt_read;
mod vrt_write;
mod write;

pub use bands::{Bands, BandsError};
pub use class_raster::{AsClasses, ClassRaster, Label};
pub use elevation::{AsHeights, Elevation, HeightUnit};
pub use error::RasterError;
pub use label_block::{LabelBands, LabelBlockData, LabelTags, check_label_block, read_label_block, write_label_block};
pub use label_cog::{LabelMap, LabelRows, write_label_cog};
pub use mosaic::Mosaic;
pub use open::init;
pub use reader::MosaicReader;
pub use roles::{BandRole, Role, RoleOrigin};
pub use scaling::{Rule, Scaling};
pub use scene::{Channel, Scene, Validity};
pub use single::SingleBand;
pub use stray::Stray;
pub use write::{
    Compression, RasterWriteError, SceneOptions, SceneSamples, WrittenValidity, write_elevation, write_scene,
};

#[cfg(test)]
#[path = "kinds/tests.rs"]
mod kinds;
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
