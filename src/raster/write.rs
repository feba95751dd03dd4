//! Scenes and elevation rasters as tiled GeoTIFF files, whole or not at all.

use std::path::{Path, PathBuf};

use gdal::errors::GdalError;
use gdal::raster::{Buffer, GdalType, RasterCreationOptions};
use gdal::spatial_ref::SpatialRef;
use gdal::{Dataset, DriverManager};
use thiserror::Error;

use super::error::reason;
use crate::files::{Draft, FileError};
use crate::georef::PixelFrame;

/// The side of the tiles in a file, in pixels; also the rows that are written at a time.
const TILE_PX: usize = 512;
/// What stands in an elevation file where nothing was measured.
const NO_ELEVATION: f32 = -9999.0;

/// How the samples of a scene are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Lossless.
    Deflate,
    /// Lossy, quality 90, with halved colour resolution; one or three bands.
    JpegYcbcr,
}

/// How a scene says which pixels carry no imagery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrittenValidity {
    /// It does not say.
    Undeclared,
    /// By a value: set in all bands where nothing was seen, avoided elsewhere.
    Nodata(u8),
    /// By a last band of opacity, 0 or 255.
    Alpha,
    /// By a mask inside the file.
    Mask,
}

/// How a scene is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SceneOptions {
    /// The packing of the samples.
    pub compression: Compression,
    /// The way to tell pixels without imagery.
    pub validity: WrittenValidity,
    /// Whether reduced copies (2, 4, 8 times coarser) go into the file.
    pub overviews: bool,
}

/// The samples of a scene, row by row.
#[derive(Debug, Clone, Copy)]
pub struct SceneSamples<'a> {
    /// Width in pixels.
    pub cols: u32,
    /// Height in pixels.
    pub rows: u32,
    /// One slice for each band, one sample a pixel: grey, or red, green and blue.
    pub bands: &'a [&'a [u8]],
    /// 0 where nothing was seen, else 1; `None`: everything was seen.
    pub valid: Option<&'a [u8]>,
}

/// Why a raster was not written.
#[derive(Debug, Error)]
pub enum RasterWriteError {
    /// The file cannot be written; nothing is left at the path.
    #[error(transparent)]
    File(#[from] FileError),
    /// The samples do not fit the size.
    #[error("{path}: {samples} samples in a band of {cols} × {rows} pixels; accepted are 1 or 3 full bands")]
    Shape {
        /// The file that was asked for.
        path: PathBuf,
        /// Width in pixels.
        cols: u32,
        /// Height in pixels.
        rows: u32,
        /// The samples of the first band or mask that does not fit.
        samples: usize,
    },
}

/// Writes an 8-bit scene as a tiled GeoTIFF; the same input gives the same bytes.
///
/// # Errors
/// When the samples do not fit the size, or the file cannot be written or renamed.
pub fn write_scene(
    path: &Path,
    frame: &PixelFrame,
    samples: &SceneSamples<'_>,
    options: &SceneOptions,
) -> Result<(), RasterWriteError> {
    let pixels = samples.cols as usize * samples.rows as usize;
    let mut planes = samples.bands.iter().copied().chain(samples.valid);
    if let Some(wrong) = planes.find(|plane| plane.len() != pixels) {
        return Err(shape_error(path, samples.cols, samples.rows, wrong.len()));
    }
    if !matches!(samples.bands.len(), 1 | 3) {
        return Err(shape_error(path, samples.cols, samples.rows, 0));
    }
    let bands = samples.bands.len() + usize::from(options.validity == WrittenValidity::Alpha);
    whole_or_nothing(path, |part| {
        let mut file =
            create::<u8>(part, frame, (samples.cols, samples.rows, bands), &scene_creation(samples, options))?;
        if let WrittenValidity::Nodata(value) = options.validity {
            for band in 1..=samples.bands.len() {
                file.rasterband(band)?.set_no_data_value(Some(f64::from(value)))?;
            }
        }
        fill_scene(&mut file, samples, options.validity)?;
        if options.overviews {
            file.build_overviews("AVERAGE", &[2, 4, 8], &[])?;
        }
        file.close()
    })
}

/// Writes metres of elevation as a tiled GeoTIFF of 32-bit floats; NaN becomes nodata.
///
/// # Errors
/// When the samples do not fit the size, or the file cannot be written or renamed.
pub fn write_elevation(
    path: &Path,
    frame: &PixelFrame,
    (cols, rows): (u32, u32),
    metres: &[f32],
) -> Result<(), RasterWriteError> {
    if metres.len() != cols as usize * rows as usize {
        return Err(shape_error(path, cols, rows, metres.len()));
    }
    whole_or_nothing(path, |part| {
        let creation = creation_options(&["COMPRESS=DEFLATE", "PREDICTOR=3"]);
        let mut file = create::<f32>(part, frame, (cols, rows, 1), &creation)?;
        file.rasterband(1)?.set_no_data_value(Some(f64::from(NO_ELEVATION)))?;
        for strip in strips(cols, rows) {
            let known = metres[strip.range()].iter().map(|m| if m.is_nan() { NO_ELEVATION } else { *m });
            strip.write(&mut file, 1, known.collect())?;
            file.flush_cache()?;
        }
        file.close()
    })
}

/// The layout of every file.
const TILING: &[&str] = &["TILED=YES", "BLOCKXSIZE=512", "BLOCKYSIZE=512", "BIGTIFF=IF_SAFER"];

fn scene_creation(samples: &SceneSamples<'_>, options: &SceneOptions) -> RasterCreationOptions {
    let colour = samples.bands.len() == 3;
    let packing: &[&str] = match options.compression {
        Compression::Deflate => &["COMPRESS=DEFLATE", "PREDICTOR=2"],
        Compression::JpegYcbcr if colour => &["COMPRESS=JPEG", "JPEG_QUALITY=90", "PHOTOMETRIC=YCBCR"],
        Compression::JpegYcbcr => &["COMPRESS=JPEG", "JPEG_QUALITY=90"],
    };
    let alpha: &[&str] = if options.validity == WrittenValidity::Alpha { &["ALPHA=YES"] } else { &[] };
    creation_options(&[packing, alpha, &["INTERLEAVE=PIXEL"]].concat())
}

fn creation_options(own: &[&'static str]) -> RasterCreationOptions {
    TILING.iter().chain(own).copied().collect()
}

fn create<T: GdalType>(
    part: &Path,
    frame: &PixelFrame,
    (cols, rows, bands): (u32, u32, usize),
    creation: &RasterCreationOptions,
) -> Result<Dataset, GdalError> {
    let driver = DriverManager::get_driver_by_name("GTiff")?;
    let (cols, rows) = (cols as usize, rows as usize);
    let mut file = driver.create_with_band_type_with_options::<T, _>(part, cols, rows, bands, creation)?;
    file.set_spatial_ref(&SpatialRef::from_definition(frame.crs.definition())?)?;
    file.set_geo_transform(&frame.transform.coefficients())?;
    Ok(file)
}

/// Fills the bands strip by strip, so that each tile is packed once and in order.
fn fill_scene(file: &mut Dataset, samples: &SceneSamples<'_>, validity: WrittenValidity) -> Result<(), GdalError> {
    if validity == WrittenValidity::Mask {
        // Else GDAL would put the mask beside the file, under the temporary name.
        gdal::config::set_thread_local_config_option("GDAL_TIFF_INTERNAL_MASK", "YES")?;
        let made = file.rasterband(1)?.create_mask_band(true);
        gdal::config::clear_thread_local_config_option("GDAL_TIFF_INTERNAL_MASK")?;
        made?;
    }
    for strip in strips(samples.cols, samples.rows) {
        let valid = samples.valid.map(|valid| &valid[strip.range()]);
        for (index, band) in samples.bands.iter().enumerate() {
            strip.write(file, index + 1, declared(&band[strip.range()], valid, validity))?;
        }
        let opacity = || valid.map_or_else(|| vec![255; strip.range().len()], |v| v.iter().map(|v| v * 255).collect());
        match validity {
            WrittenValidity::Alpha => strip.write(file, samples.bands.len() + 1, opacity())?,
            WrittenValidity::Mask => strip.write_to(&mut file.rasterband(1)?.open_mask_band()?, opacity())?,
            WrittenValidity::Undeclared | WrittenValidity::Nodata(_) => {}
        }
        file.flush_cache()?;
    }
    Ok(())
}

/// The samples, with the nodata value where nothing was seen and a neighbour of it where something was.
fn declared(samples: &[u8], valid: Option<&[u8]>, validity: WrittenValidity) -> Vec<u8> {
    let WrittenValidity::Nodata(value) = validity else { return samples.to_vec() };
    let neighbour = if value == u8::MAX { value - 1 } else { value + 1 };
    let seen = |at: usize| valid.is_none_or(|v| v[at] != 0);
    let one = |(at, sample): (usize, &u8)| match (seen(at), *sample == value) {
        (false, _) => value,
        (true, true) => neighbour,
        (true, false) => *sample,
    };
    samples.iter().enumerate().map(one).collect()
}

/// Whole rows of a raster.
struct Strip {
    first_row: usize,
    rows: usize,
    cols: usize,
}

fn strips(cols: u32, rows: u32) -> impl Iterator<Item = Strip> {
    let (cols, rows) = (cols as usize, rows as usize);
    (0..rows).step_by(TILE_PX).map(move |first_row| Strip { first_row, rows: TILE_PX.min(rows - first_row), cols })
}

impl Strip {
    fn range(&self) -> std::ops::Range<usize> {
        self.first_row * self.cols..(self.first_row + self.rows) * self.cols
    }

    fn write<T: GdalType + Copy>(&self, file: &mut Dataset, band: usize, samples: Vec<T>) -> Result<(), GdalError> {
        self.write_to(&mut file.rasterband(band)?, samples)
    }

    fn write_to<T: GdalType + Copy>(
        &self,
        band: &mut gdal::raster::RasterBand<'_>,
        samples: Vec<T>,
    ) -> Result<(), GdalError> {
        let size = (self.cols, self.rows);
        band.write((0, self.first_row as isize), size, &mut Buffer::new(size, samples))
    }
}

/// Lets `write` fill a file under a temporary name, then gives it its own.
fn whole_or_nothing(path: &Path, write: impl FnOnce(&Path) -> Result<(), GdalError>) -> Result<(), RasterWriteError> {
    let draft = Draft::new(path)?;
    write(draft.temporary()).map_err(|error| draft.failed(reason(&error)))?;
    Ok(draft.publish()?)
}

fn shape_error(path: &Path, cols: u32, rows: u32, samples: usize) -> RasterWriteError {
    RasterWriteError::Shape { path: path.to_owned(), cols, rows, samples }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::georef::{Crs, GeoTransform};

    const COLS: u32 = 700;
    const ROWS: u32 = 600;

    fn frame() -> PixelFrame {
        let transform = GeoTransform::new([500_000.0, 0.25, 0.0, 5_300_000.0, 0.0, -0.25]).expect("regular");
        PixelFrame { crs: Crs::new("EPSG:32632").expect("known"), transform }
    }

    fn options(compression: Compression, validity: WrittenValidity) -> SceneOptions {
        SceneOptions { compression, validity, overviews: true }
    }

    fn ramp(step: usize) -> Vec<u8> {
        (0..(COLS * ROWS) as usize).map(|at| (at * step / 100) as u8).collect()
    }

    fn write(path: &Path, options: &SceneOptions) {
        let (red, green, blue) = (ramp(1), ramp(2), ramp(3));
        let valid: Vec<u8> = (0..(COLS * ROWS) as usize).map(|at| u8::from(at % 700 < 350)).collect();
        let bands: [&[u8]; 3] = [&red, &green, &blue];
        let samples = SceneSamples { cols: COLS, rows: ROWS, bands: &bands, valid: Some(&valid) };
        write_scene(path, &frame(), &samples, options).expect("written");
    }

    #[test]
    fn a_scene_is_read_back_as_it_was_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.tif");
        write(&path, &options(Compression::Deflate, WrittenValidity::Alpha));
        let file = Dataset::open(&path).expect("opens");
        assert_eq!((file.raster_size(), file.raster_count()), ((700, 600), 4));
        let read = file.geo_transform().expect("there");
        assert_eq!(read.map(f64::to_bits), frame().transform.coefficients().map(f64::to_bits));
        assert_eq!(file.spatial_ref().expect("there").auth_code().expect("known"), 32632);
        let band = file.rasterband(2).expect("there");
        assert_eq!(band.overview_count().expect("told"), 3);
        assert_eq!(band.read_band_as::<u8>().expect("reads").data(), ramp(2));
        let alpha = file.rasterband(4).expect("there").read_as::<u8>((349, 599), (2, 1), (2, 1), None).expect("reads");
        assert_eq!(alpha.data(), [255, 0]);
    }

    #[test]
    fn nodata_stands_exactly_where_nothing_was_seen() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("n.tif");
        write(&path, &options(Compression::Deflate, WrittenValidity::Nodata(0)));
        let file = Dataset::open(&path).expect("opens");
        let band = file.rasterband(1).expect("there");
        assert_eq!(band.no_data_value(), Some(0.0));
        let row = band.read_as::<u8>((0, 0), (700, 1), (700, 1), None).expect("reads");
        assert!(row.data()[..350].iter().all(|v| *v != 0) && row.data()[350..].iter().all(|v| *v == 0));
    }

    #[test]
    fn a_mask_is_kept_inside_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m.tif");
        write(&path, &options(Compression::JpegYcbcr, WrittenValidity::Mask));
        assert_eq!(std::fs::read_dir(folder.path()).expect("reads").count(), 1);
        let file = Dataset::open(&path).expect("opens");
        let band = file.rasterband(1).expect("there");
        let mask = band.open_mask_band().expect("there").read_as::<u8>((349, 7), (2, 1), (2, 1), None).expect("reads");
        assert_eq!(mask.data(), [255, 0]);
    }

    #[test]
    fn the_same_samples_give_the_same_bytes() {
        let folder = tempfile::tempdir().expect("a folder");
        let (a, b) = (folder.path().join("a.tif"), folder.path().join("b.tif"));
        for compression in [Compression::Deflate, Compression::JpegYcbcr] {
            write(&a, &options(compression, WrittenValidity::Undeclared));
            write(&b, &options(compression, WrittenValidity::Undeclared));
            assert_eq!(std::fs::read(&a).expect("reads"), std::fs::read(&b).expect("reads"));
        }
    }

    #[test]
    fn unknown_elevation_is_nodata() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("e.tif");
        write_elevation(&path, &frame(), (2, 1), &[412.5, f32::NAN]).expect("written");
        let file = Dataset::open(&path).expect("opens");
        let band = file.rasterband(1).expect("there");
        assert_eq!(band.read_band_as::<f32>().expect("reads").data(), [412.5, NO_ELEVATION]);
        assert_eq!(band.no_data_value(), Some(-9999.0));
    }

    #[test]
    fn samples_that_do_not_fit_are_refused_by_name() {
        let error = write_elevation(Path::new("x.tif"), &frame(), (2, 2), &[0.0]).expect_err("too few");
        assert!(error.to_string().contains("x.tif"), "{error}");
        let error = write_elevation(Path::new("/nowhere/x.tif"), &frame(), (1, 1), &[0.0]).expect_err("no folder");
        assert!(error.to_string().contains("/nowhere/x.tif"), "{error}");
    }
}
