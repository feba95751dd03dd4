//! Rasters of one band that are read as they are: heights and classes.

use std::path::{Path, PathBuf};

use gdal::Dataset;
use gdal::errors::GdalError;
use gdal::raster::GdalType;

use super::{RasterError, category, frame, layout, open};
use crate::georef::{Crs, PixelFrame, Window};

/// The first band of a `GeoTIFF`, read as what `Kind` says: [`ClassRaster`](super::ClassRaster) or
/// [`Elevation`](super::Elevation). It holds a GDAL dataset: open one on each thread.
pub struct SingleBand<Kind> {
    pub(super) path: PathBuf,
    pub(super) dataset: Dataset,
    frame: PixelFrame,
    window: Window,
    pub(super) sample_type: String,
    pub(super) nodata: Option<f64>,
    /// What its samples mean.
    pub(super) kind: Kind,
}

impl SingleBand<()> {
    /// Its samples mean nothing yet.
    pub(super) fn open_any(path: &Path) -> Result<Self, RasterError> {
        let dataset = open::open(path)?;
        open::check_extent(path, &dataset)?;
        let frame = frame::frame(path, &dataset, &mut |wkt| Ok(Crs::new(wkt)?))?;
        let (cols, rows) = dataset.raster_size();
        let (sample_type, nodata) = {
            let band = dataset.rasterband(1).map_err(|e| RasterError::damaged(path, &e))?;
            (category::type_name(&band), band.no_data_value())
        };
        if layout::is_complex(&sample_type) {
            let what = layout::complex(&sample_type);
            return Err(RasterError::Unsupported { path: path.to_owned(), what });
        }
        let window = Window::new(0, 0, cols as u32, rows as u32);
        Ok(Self { path: path.to_owned(), dataset, frame, window, sample_type, nodata, kind: () })
    }

    /// The same band, whose samples mean something.
    pub(super) fn read_as<Kind>(self, kind: Kind) -> SingleBand<Kind> {
        let Self { path, dataset, frame, window, sample_type, nodata, kind: () } = self;
        SingleBand { path, dataset, frame, window, sample_type, nodata, kind }
    }
}

impl<Kind> SingleBand<Kind> {
    /// Where its pixels lie; (0, 0) is the first.
    #[must_use]
    pub fn frame(&self) -> &PixelFrame {
        &self.frame
    }

    /// All its pixels.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads a window that may reach outside; what lies there is `outside`.
    pub(super) fn samples<T: GdalType + Copy>(&self, window: &Window, outside: T) -> Result<Vec<T>, RasterError> {
        let Some(inside) = window.intersection(&self.window) else { return Ok(vec![outside; window.pixels()]) };
        let samples = self.read_inside(&inside, outside).map_err(|e| RasterError::read(&self.path, inside, &e))?;
        if inside == *window {
            return Ok(samples);
        }
        let mut all = vec![outside; window.pixels()];
        for (line, row) in samples.chunks_exact(inside.cols as usize).zip(inside.row..) {
            let start = window.index(inside.col, row);
            all[start..start + line.len()].copy_from_slice(line);
        }
        Ok(all)
    }

    fn read_inside<T: GdalType + Copy>(&self, window: &Window, fill: T) -> Result<Vec<T>, GdalError> {
        let size = (window.cols as usize, window.rows as usize);
        let mut samples = vec![fill; window.pixels()];
        let corner = (window.col as isize, window.row as isize);
        self.dataset.rasterband(1)?.read_into_slice(corner, size, size, &mut samples, None)?;
        Ok(samples)
    }
}
