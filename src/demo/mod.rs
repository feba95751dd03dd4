//! A small town that is nowhere: photographed as a mosaic, measured, and known to the last tree.
//!
//! [`generate`] plans it from a seed, paints it as overlapping scenes with a void, and writes a surface model, a terrain
//! model and the truth. The same seed gives the same files on every machine.

mod geometry; // points and rings in metres
mod light; // the sun
mod materials; // colours and textures
mod terrain; // the relief
mod town; // patches and objects
mod building; // footprints and wings
mod clutter; // what stands on roofs
mod roof; // faces of roofs
mod nature; // trees and cars
mod plan; // streets and what blocks are used for
mod streets; // streets and the river
mod quarters; // open blocks
mod styles; // ways to build
mod houses; // blocks of houses
mod landmarks; // blocks with large buildings
mod canvas; // what is seen from above
mod render; // light, shadow and lens
mod scenes; // the photographs
mod truth; // what is really there

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::georef::{Crs, CrsError, MapPoint, PixelFrame, Window};
use crate::raster::RasterWriteError;

/// What town to make and how to photograph it.
#[derive(Debug, Clone, PartialEq)]
pub struct DemoOptions {
    /// Two towns of one seed and size are the same.
    pub seed: u64,
    /// Metres from west to east.
    pub width_m: f64,
    /// Metres from south to north.
    pub height_m: f64,
    /// The side of an image pixel; elevation pixels are twice as large.
    pub resolution_m_per_px: f64,
    /// Scenes from north to south.
    pub scene_rows: u32,
    /// Scenes from west to east.
    pub scene_cols: u32,
}

impl Default for DemoOptions {
    fn default() -> Self {
        Self { seed: 1, width_m: 1000.0, height_m: 800.0, resolution_m_per_px: 0.25, scene_rows: 2, scene_cols: 3 }
    }
}

/// The files of a town.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoTown {
    /// The photographs, row by row from the north-west.
    pub scenes: Vec<PathBuf>,
    /// Metres above sea level with all that stands.
    pub dsm: PathBuf,
    /// Metres above sea level of the bare ground.
    pub dtm: PathBuf,
    /// The objects as polygons with `class` and `height`, in longitude and latitude. What stands higher covers what lies under it.
    pub truth: PathBuf,
    /// The class of each pixel as seen from above, by the codes of the city scheme.
    pub truth_classes: PathBuf,
    /// The buildings among the objects.
    pub buildings: usize,
    /// The pixels of the mosaic, each counted once.
    pub pixels: u64,
}

/// Why a town was not made.
#[derive(Debug, Error)]
pub enum DemoError {
    /// The options make no mosaic.
    #[error(
        "a demo town of {width_m} m × {height_m} m at {resolution_m_per_px} m per pixel: accepted are 60 to 20000 m at 0.05 to 2 m per pixel"
    )]
    Options {
        /// Asked for.
        width_m: f64,
        /// Asked for.
        height_m: f64,
        /// Asked for.
        resolution_m_per_px: f64,
    },
    /// A folder or a file cannot be written.
    #[error("{path}: cannot write: {cause}")]
    Write {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A raster cannot be written.
    #[error(transparent)]
    Raster(#[from] RasterWriteError),
    /// PROJ cannot place the town.
    #[error(transparent)]
    Crs(#[from] CrsError),
}

/// Makes a town and writes it into the folder `out`, which is made if need be.
///
/// # Errors
/// When the options make no mosaic, or a file cannot be written.
pub fn generate(options: &DemoOptions, out: &Path) -> Result<DemoTown, DemoError> {
    options.check()?;
    Crs::new(UTM)?;
    let folder = out.join("scenes");
    std::fs::create_dir_all(&folder).map_err(|cause| DemoError::Write { path: folder.clone(), cause })?;
    let town = plan::plan(options.seed, options.width_m, options.height_m);
    let mut scenes = Vec::new();
    for (index, window) in scenes::windows(options).into_iter().enumerate() {
        let (row, col) = (index as u32 / options.scene_cols.max(1), index as u32 % options.scene_cols.max(1));
        let path = folder.join(format!("demo_r{row}c{col}.tif"));
        scenes::shoot(&town, options, (index, window), &path)?;
        scenes.push(path);
    }
    let [dsm, dtm, truth, truth_classes] =
        ["dsm.tif", "dtm.tif", "truth.geojson", "truth.tif"].map(|name| out.join(name));
    truth::write_elevations(&town, options, &dsm, &dtm)?;
    truth::write_classes(&town, options, &truth_classes)?;
    let buildings = truth::write_polygons(&town, options, &truth)?;
    Ok(DemoTown { scenes, dsm, dtm, truth, truth_classes, buildings, pixels: options.window().pixels() as u64 })
}

/// The reference system of the town: UTM zone 32 north on WGS 84.
const UTM: &str = "EPSG:32632";
/// The south-west corner of the town in it, in metres.
const ORIGIN: MapPoint = MapPoint { x: 514_200.0, y: 5_331_600.0 };

impl DemoOptions {
    /// The image grid; its first corner is the north-west corner of the mosaic.
    ///
    /// # Panics
    /// When the resolution is not positive and finite.
    #[must_use]
    pub fn frame(&self) -> PixelFrame {
        let crs = Crs::new(UTM).expect("every PROJ database holds UTM");
        PixelFrame { crs, transform: truth::north_up(self.window().rows, self.resolution_m_per_px) }
    }

    /// All pixels of the mosaic.
    #[must_use]
    pub fn window(&self) -> Window {
        let px = |metres: f64| (metres / self.resolution_m_per_px).round() as u32;
        Window::new(0, 0, px(self.width_m), px(self.height_m))
    }

    fn lattice(&self, window: &Window) -> canvas::Lattice {
        canvas::Lattice {
            step_m: self.resolution_m_per_px,
            top_m: f64::from(self.window().rows) * self.resolution_m_per_px,
            col: window.col,
            row: window.row,
            cols: window.cols as usize,
            rows: window.rows as usize,
        }
    }

    fn check(&self) -> Result<(), DemoError> {
        let Self { width_m, height_m, resolution_m_per_px, .. } = *self;
        let size = |metres: f64| (60.0..=20_000.0).contains(&metres);
        if size(width_m) && size(height_m) && (0.05..=2.0).contains(&resolution_m_per_px) {
            return Ok(());
        }
        Err(DemoError::Options { width_m, height_m, resolution_m_per_px })
    }
}
