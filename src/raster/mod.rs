//! Samples that know where they lie. All raster GDAL is here.

mod write;

pub use write::{Compression, RasterWriteError, SceneOptions, SceneSamples, Validity, write_elevation, write_scene};
