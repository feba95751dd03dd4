//! `GeoTIFFs` written whole or not at all: under a temporary name, checked, synced, renamed.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use gdal::errors::GdalError;
use gdal::raster::{Buffer, ColorEntry, ColorTable, GdalType, PaletteInterpretation, RasterCreationOptions};
use gdal::spatial_ref::SpatialRef;
use gdal::{Dataset, DriverManager};

use super::{RasterError, open};
use crate::files::{Draft, FileError};
use crate::georef::{PixelFrame, Window};
use crate::scheme::Scheme;

/// Checks that all blocks are in the file of a draft, and gives it and what GDAL keeps next to it their final names.
pub(super) fn publish(draft: Draft, finish: impl FnOnce(Draft) -> Result<(), FileError>) -> Result<(), RasterError> {
    let dataset = open::open(draft.temporary()).and_then(|dataset| {
        open::check_extent(draft.temporary(), &dataset)?;
        Ok(dataset)
    });
    drop(dataset.map_err(|error| draft.failed(error))?);
    let (from, to) = (companion(draft.temporary()), companion(draft.path()));
    let moved = if from.exists() { std::fs::rename(&from, &to) } else { removed(&to) };
    moved.map_err(|error| draft.refused(&error))?;
    Ok(finish(draft)?)
}

/// Removes a file that may be absent.
fn removed(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Where GDAL keeps what a TIFF has no place for.
fn companion(path: &Path) -> PathBuf {
    open::with_suffix(path, "aux.xml")
}

/// Makes an empty `GeoTIFF` for a window of a grid.
pub(super) fn create<T: GdalType>(
    path: &Path,
    (frame, window): (&PixelFrame, &Window),
    bands: usize,
    options: &[&str],
) -> Result<Dataset, GdalError> {
    let driver = DriverManager::get_driver_by_name("GTiff")?;
    let options = options.iter().copied().collect::<RasterCreationOptions>();
    let (cols, rows) = (window.cols as usize, window.rows as usize);
    let mut dataset = driver.create_with_band_type_with_options::<T, _>(path, cols, rows, bands, &options)?;
    dataset.set_geo_transform(&frame.transform.shifted(window.col as f64, window.row as f64).coefficients())?;
    dataset.set_spatial_ref(&SpatialRef::from_definition(frame.crs.definition())?)?;
    Ok(dataset)
}

/// Writes full rows of a band from `first_row` on.
pub(super) fn write_rows<T: GdalType + Copy>(
    dataset: &Dataset,
    (band, first_row): (usize, u32),
    samples: Vec<T>,
) -> Result<(), GdalError> {
    let cols = dataset.raster_size().0;
    let size = (cols, samples.len() / cols);
    let mut buffer = Buffer::new(size, samples);
    dataset.rasterband(band)?.write((0, first_row as isize), size, &mut buffer)
}

/// The colours of a scheme for the values 0 to 255; what has no class is transparent.
pub(super) fn colour_table(scheme: &Scheme) -> ColorTable<'static> {
    let mut table = ColorTable::new(PaletteInterpretation::Rgba);
    for value in 0..=255_u16 {
        table.set_color_entry(value, &ColorEntry::rgba(0, 0, 0, 0));
    }
    for class in &scheme.classes {
        let [r, g, b] = class.colour.0.map(i16::from);
        table.set_color_entry(u16::from(class.code), &ColorEntry::rgba(r, g, b, 255));
    }
    table
}
