//! `GeoTIFFs` made whole or not at all: written under a temporary name, checked, synced, renamed.

use std::fs::File;
use std::path::{Path, PathBuf};

use gdal::errors::GdalError;
use gdal::raster::{Buffer, ColorEntry, ColorTable, GdalType, PaletteInterpretation, RasterCreationOptions};
use gdal::spatial_ref::SpatialRef;
use gdal::{Dataset, DriverManager};

use super::{RasterError, open};
use crate::georef::{PixelFrame, Window};
use crate::scheme::Scheme;

/// A file that is being made; dropped before [`Draft::publish`] it leaves nothing behind.
pub(super) struct Draft {
    path: PathBuf,
    temporary: PathBuf,
}

impl Draft {
    pub(super) fn new(path: &Path) -> Self {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".tmp");
        Self { path: path.to_owned(), temporary: path.with_file_name(name) }
    }

    /// The name to write under.
    pub(super) fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Checks that all blocks are in the file, brings it to the disk and gives it its name. The name itself is on the
    /// disk when the folder was synced: a power cut before may take it away, and with it the whole file, never a part.
    pub(super) fn publish(self) -> Result<(), RasterError> {
        let dataset = open::open(&self.temporary)?;
        open::check_extent(&self.temporary, &dataset)?;
        drop(dataset);
        let sync = || -> std::io::Result<()> {
            File::open(&self.temporary)?.sync_all()?;
            let (from, to) = (companion(&self.temporary), companion(&self.path));
            if from.exists() {
                std::fs::rename(from, to)?;
            }
            std::fs::rename(&self.temporary, &self.path)
        };
        sync().map_err(|e| RasterError::Write { path: self.path.clone(), reason: e.to_string() })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        for file in [companion(&self.temporary), self.temporary.clone()] {
            let _ = std::fs::remove_file(file); // gone when it was renamed
        }
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
