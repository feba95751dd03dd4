//! Rasters of one band that are read as they are: heights and classes.

use std::path::{Path, PathBuf};

use gdal::errors::GdalError;
use gdal::raster::{ColorInterpretation, GdalType, RasterBand};
use gdal::{Dataset, Metadata};

use super::survey::Patches;
use super::{RasterError, category, frame, layout, open};
use crate::georef::{Crs, PixelFrame, Window};
use crate::input;

/// One band of a `GeoTIFF`, read as what `Kind` says: [`ClassRaster`](super::ClassRaster) or
/// [`Elevation`](super::Elevation). It holds a GDAL dataset: open one on each thread.
pub struct SingleBand<Kind> {
    pub(super) path: PathBuf,
    pub(super) dataset: Dataset,
    /// The number that was asked for.
    asked: Option<usize>,
    /// The number of the band, from 1.
    pub(super) band: usize,
    /// The number of a band that is opacity by its values alone.
    opacity: Option<usize>,
    frame: PixelFrame,
    window: Window,
    pub(super) sample_type: String,
    pub(super) nodata: Option<f64>,
    /// Whether a mask or an alpha band says which pixels count.
    pub(super) masked: bool,
    /// Whether bytes are meant as -128 to 127.
    pub(super) signed_bytes: bool,
    /// What its samples mean.
    pub(super) kind: Kind,
}

impl SingleBand<()> {
    /// The only band that holds data, or the one asked for; its samples mean nothing yet. `one` says what is expected where
    /// there are several.
    pub(super) fn open_any(path: &Path, asked: Option<usize>, one: &str) -> Result<Self, RasterError> {
        input::check_plain(path).map_err(|cause| RasterError::Unreadable { path: path.to_owned(), cause })?;
        let dataset = open::open(path)?;
        open::check_extent(path, &dataset)?;
        let frame = frame::frame(path, &dataset, &mut |wkt| Ok(Crs::new(wkt)?))?;
        let (cols, rows) = dataset.raster_size();
        let damaged = |e: GdalError| RasterError::damaged(path, &e);
        let unsupported = |what| RasterError::Unsupported { path: path.to_owned(), what };
        let opacity = if asked.is_none() { undeclared_opacity(&dataset).map_err(damaged)? } else { None };
        let band = match asked {
            Some(band) if (1..=dataset.raster_count()).contains(&band) => band,
            Some(band) => {
                let count = dataset.raster_count();
                return Err(unsupported(format!("has no band {band} (expected: 1 to {count})")));
            }
            None if opacity.is_some() => 1,
            None => match data_bands(&dataset).map_err(damaged)?.as_slice() {
                [] => 1,
                [band] => *band,
                bands => return Err(unsupported(format!("holds {} bands of data (expected: {one})", bands.len()))),
            },
        };
        let (sample_type, nodata, masked, signed_bytes) = {
            let band = dataset.rasterband(band).map_err(damaged)?;
            let flags = band.mask_flags().map_err(damaged)?;
            let pixel_type = band.metadata_item("PIXELTYPE", "IMAGE_STRUCTURE");
            let signed = category::type_name(&band) == "Int8" || pixel_type.as_deref() == Some("SIGNEDBYTE");
            let masked = flags.is_per_dataset() || flags.is_alpha() || opacity.is_some();
            (category::type_name(&band), band.no_data_value(), masked, signed)
        };
        if layout::is_complex(&sample_type) {
            let what = layout::complex(&sample_type);
            return Err(RasterError::Unsupported { path: path.to_owned(), what });
        }
        let window = Window::new(0, 0, cols as u32, rows as u32);
        let path = path.to_owned();
        Ok(Self {
            path,
            dataset,
            asked,
            band,
            opacity,
            frame,
            window,
            sample_type,
            nodata,
            masked,
            signed_bytes,
            kind: (),
        })
    }

    /// The same band, whose samples mean something.
    pub(super) fn read_as<Kind>(self, kind: Kind) -> SingleBand<Kind> {
        let Self {
            path,
            dataset,
            asked,
            band,
            opacity,
            frame,
            window,
            sample_type,
            nodata,
            masked,
            signed_bytes,
            kind: (),
        } = self;
        SingleBand {
            path,
            dataset,
            asked,
            band,
            opacity,
            frame,
            window,
            sample_type,
            nodata,
            masked,
            signed_bytes,
            kind,
        }
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

    /// The number of the band that was asked for, if one was: what opens the same band once more.
    #[must_use]
    pub fn asked_band(&self) -> Option<usize> {
        self.asked
    }

    /// The number of a band that is read as opacity though the file does not declare it: it holds nothing but 0 and the
    /// largest sample.
    #[must_use]
    pub fn guessed_opacity(&self) -> Option<usize> {
        self.opacity
    }

    /// The number of the band, from 1.
    #[must_use]
    pub fn band(&self) -> usize {
        self.band
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads a window that may reach outside; what lies there is `outside`.
    pub(super) fn samples<T: GdalType + Copy>(&self, window: &Window, outside: T) -> Result<Vec<T>, RasterError> {
        self.windowed(window, outside, |window| {
            let mut samples = vec![outside; window.pixels()];
            Self::fill(&self.dataset.rasterband(self.band)?, window, &mut samples)?;
            Ok(samples)
        })
    }

    /// Which pixels of a window count by mask or alpha, as GDAL has it: all but 0; `None` where the file has neither.
    pub(super) fn counted(&self, window: &Window) -> Result<Option<Vec<u8>>, RasterError> {
        if !self.masked {
            return Ok(None);
        }
        let read = self.windowed(window, 0_u8, |window| {
            let mut mask = vec![0; window.pixels()];
            match self.opacity {
                Some(band) => Self::fill(&self.dataset.rasterband(band)?, window, &mut mask)?,
                None => Self::fill(&self.dataset.rasterband(self.band)?.open_mask_band()?, window, &mut mask)?,
            }
            Ok(mask)
        });
        read.map(Some)
    }

    fn fill<T: GdalType + Copy>(band: &RasterBand, window: &Window, out: &mut [T]) -> Result<(), GdalError> {
        let size = (window.cols as usize, window.rows as usize);
        band.read_into_slice((window.col as isize, window.row as isize), size, size, out, None)
    }

    fn windowed<T: Copy>(
        &self,
        window: &Window,
        outside: T,
        read: impl Fn(&Window) -> Result<Vec<T>, GdalError>,
    ) -> Result<Vec<T>, RasterError> {
        let Some(inside) = window.intersection(&self.window) else { return Ok(vec![outside; window.pixels()]) };
        let samples = read(&inside).map_err(|e| RasterError::read(&self.path, inside, &e))?;
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
}

/// The second of two bands where it is opacity by its values alone: of no declared role, 0 or full everywhere, and both
/// somewhere.
fn undeclared_opacity(dataset: &Dataset) -> Result<Option<usize>, GdalError> {
    if dataset.raster_count() != 2 {
        return Ok(None);
    }
    let band = dataset.rasterband(2)?;
    let full = match band.band_type().name().as_str() {
        "Byte" => 255.0,
        "UInt16" => 65_535.0,
        _ => return Ok(None),
    };
    if band.color_interpretation() != ColorInterpretation::Undefined || !band.description()?.is_empty() {
        return Ok(None);
    }
    let patches = Patches::of(band.size());
    let read: Vec<Vec<f32>> = patches.windows().map(|window| patches.read(&band, window)).collect::<Result<_, _>>()?;
    let samples = read.concat();
    let count = |wanted: f32| samples.iter().filter(|value| (**value - wanted).abs() < 0.5).count();
    let (empty, opaque) = (count(0.0), count(full));
    Ok((empty > 0 && opaque > 0 && empty + opaque == samples.len()).then_some(2))
}

/// The bands that hold data: one that the file calls `class`, else all but opacity.
fn data_bands(dataset: &Dataset) -> Result<Vec<usize>, GdalError> {
    let (mut data, mut named) = (Vec::new(), Vec::new());
    for number in 1..=dataset.raster_count() {
        let band = dataset.rasterband(number)?;
        if band.description()? == "class" {
            named.push(number);
        }
        if band.color_interpretation() != ColorInterpretation::AlphaBand {
            data.push(number);
        }
    }
    Ok(if named.len() == 1 { named } else { data })
}
