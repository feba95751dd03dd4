//! One `GeoTIFF` of a mosaic: what it is, found out once when the mosaic is opened.

use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use gdal::Dataset;
use gdal::errors::GdalError;
use sha2::{Digest, Sha256};

use super::layout::{Colours, Layout, sampled_max};
use super::void::VoidMask;
use super::{RasterError, open};
use crate::georef::{Crs, GeoTransform, Ground, PixelFrame, PixelPoint, Window};

/// What a pixel is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// Red light.
    Red,
    /// Green light.
    Green,
    /// Blue light.
    Blue,
    /// Near infrared.
    NearInfrared,
}

impl Channel {
    /// The channels of an ordinary picture.
    pub const RGB: [Self; 3] = [Self::Red, Self::Green, Self::Blue];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Green => "green",
            Self::Blue => "blue",
            Self::NearInfrared => "near infrared",
        }
    }
}

/// What tells whether a pixel of a scene holds imagery.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Validity {
    /// A band, by its number from 1: at least half opaque is valid.
    Alpha {
        /// The number of the band.
        band: usize,
        /// The smallest valid sample.
        threshold: f32,
    },
    /// A mask inside the file, or `.msk` beside it.
    Mask,
    /// A pixel whose colour bands all have this value is not valid.
    NoData(f64),
    /// Nothing is declared: wide areas of pure white or pure black are taken as voids, see [`Scene`].
    Undeclared,
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alpha { band, .. } => write!(f, "alpha (band {band})"),
            Self::Mask => f.write_str("mask"),
            Self::NoData(value) => write!(f, "nodata {value}"),
            Self::Undeclared => f.write_str("undeclared (wide pure white or black areas are voids)"),
        }
    }
}

/// One `GeoTIFF` of a mosaic.
///
/// Where no alpha, mask or nodata value is declared, areas of pure white or black that reach the edge of the scene and
/// cover at least 400 m², or cover 2500 m² inside, are voids; a white roof is smaller and stays imagery.
#[derive(Debug, Clone)]
pub struct Scene {
    /// The file.
    pub path: PathBuf,
    /// Width in pixels.
    pub cols: u32,
    /// Height in pixels.
    pub rows: u32,
    /// All bands, alpha included.
    pub bands: usize,
    /// The type of a sample, as GDAL names it.
    pub sample_type: String,
    /// Where its pixels lie; (0, 0) is its first pixel.
    pub frame: PixelFrame,
    /// Metres on the ground per pixel at its middle.
    pub resolution_m_per_px: f64,
    /// What tells which pixels are imagery.
    pub validity: Validity,
    /// The number of overviews that can be read.
    pub overviews: usize,
    pub(super) colours: Colours,
    /// The number of the near infrared band.
    pub(super) near_infrared: Option<usize>,
    /// Samples are bytes, else any real number.
    pub(super) byte: bool,
    /// Samples are beyond 0..=255 and are stretched.
    pub(super) deep: bool,
    /// Sizes and positions of the overviews, by columns and rows.
    pub(super) levels: Vec<(u32, u32)>,
    pub(super) digest: [u8; 32],
    pub(super) void: Arc<Mutex<Option<Arc<VoidMask>>>>,
}

impl Scene {
    /// Opens a `GeoTIFF`, checks it and describes it.
    pub(super) fn open(
        path: &Path,
        crs_of: &mut dyn FnMut(&str) -> Result<Crs, RasterError>,
    ) -> Result<Self, RasterError> {
        let dataset = open::open(path)?;
        open::check_extent(path, &dataset)?;
        let frame = frame(path, &dataset, crs_of)?;
        let damaged = |e: GdalError| RasterError::damaged(path, &e);
        let (cols, rows) = dataset.raster_size();
        let (cols, rows) = (cols as u32, rows as u32); // GDAL's sizes are positive 32-bit integers
        let sample_type = dataset.rasterband(1).map_err(damaged)?.band_type().name();
        let layout = Layout::of(path, &dataset).map_err(damaged)??;
        let byte = sample_type == "Byte";
        let deep = !byte && sampled_max(&dataset, layout.colours.bands()).map_err(damaged)? > 255.0;
        let levels = levels(&dataset, &layout.validity).map_err(damaged)?;
        let middle = PixelPoint { col: f64::from(cols) / 2.0, row: f64::from(rows) / 2.0 };
        let scale = Ground::new(frame.transform, &frame.crs).and_then(|g| g.scale_at(middle));
        let scale = scale.map_err(|source| RasterError::Crs { path: path.to_owned(), source })?;
        Ok(Self {
            path: path.to_owned(),
            cols,
            rows,
            bands: dataset.raster_count(),
            sample_type,
            resolution_m_per_px: scale.resolution_m_per_px(),
            validity: layout.validity,
            overviews: levels.len(),
            colours: layout.colours,
            near_infrared: layout.near_infrared,
            byte,
            deep,
            levels,
            digest: digest(path, &frame)?,
            frame,
            void: Arc::default(),
        })
    }

    /// The pixels of its smallest overview; none where it has none.
    pub(super) fn smallest_overview_pixels(&self) -> Option<u64> {
        self.levels.iter().map(|(cols, rows)| u64::from(*cols) * u64::from(*rows)).min()
    }

    /// All its pixels, in its own grid.
    #[must_use]
    pub fn window(&self) -> Window {
        Window::new(0, 0, self.cols, self.rows)
    }

    /// The number of the band of a channel; of a palette, the band of the indices.
    pub(super) fn band_of(&self, channel: Channel) -> Option<usize> {
        let at = match channel {
            Channel::Red => 0,
            Channel::Green => 1,
            Channel::Blue => 2,
            Channel::NearInfrared => return self.near_infrared,
        };
        let bands = self.colours.bands();
        bands.get(at).or(bands.first()).copied()
    }
}

/// The sizes of the overviews, where the mask has them too.
fn levels(dataset: &Dataset, validity: &Validity) -> Result<Vec<(u32, u32)>, GdalError> {
    let band = dataset.rasterband(1)?;
    let count = band.overview_count()?;
    if *validity == Validity::Mask && band.open_mask_band()?.overview_count()? != count {
        return Ok(Vec::new());
    }
    let size = |at| band.overview(at as usize).map(|o| (o.x_size() as u32, o.y_size() as u32));
    (0..count).map(size).collect()
}

/// The place of a scene, from its own georeference.
pub(super) fn frame(
    path: &Path,
    dataset: &Dataset,
    crs_of: &mut dyn FnMut(&str) -> Result<Crs, RasterError>,
) -> Result<PixelFrame, RasterError> {
    let owned = || path.to_owned();
    let coefficients = dataset.geo_transform().map_err(|_| RasterError::NoGeoreference { path: owned() })?;
    let transform =
        GeoTransform::new(coefficients).map_err(|source| RasterError::Transform { path: owned(), source })?;
    let wkt = dataset.projection();
    if wkt.is_empty() {
        return Err(RasterError::NoCrs { path: owned() });
    }
    let crs = crs_of(&wkt).map_err(|e| match e {
        RasterError::Grid(source) => RasterError::Crs { path: owned(), source },
        other => other,
    })?;
    let frame = PixelFrame { crs, transform };
    let (cols, rows) = dataset.raster_size();
    let bounds = frame.bounds(&Window::new(0, 0, cols as u32, rows as u32));
    frame.crs.check_bounds(&bounds).map_err(|source| RasterError::Crs { path: owned(), source })?;
    Ok(frame)
}

/// What the scene is, whatever its folder: size, place, and the first and last 64 KiB of the file and its companions.
fn digest(path: &Path, frame: &PixelFrame) -> Result<[u8; 32], RasterError> {
    let mut hash = Sha256::new();
    for value in frame.transform.coefficients() {
        hash.update(value.to_bits().to_le_bytes());
    }
    hash.update(frame.crs.definition());
    for file in std::iter::once(path.to_owned()).chain(open::companions(path)) {
        hash_ends(&file, &mut hash).map_err(|source| RasterError::Unreadable { path: file.clone(), source })?;
    }
    Ok(hash.finalize().into())
}

fn hash_ends(path: &Path, hash: &mut Sha256) -> std::io::Result<()> {
    const END_BYTES: u64 = 64 << 10;
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len();
    hash.update(bytes.to_le_bytes());
    let mut ends = Vec::new();
    file.by_ref().take(END_BYTES).read_to_end(&mut ends)?;
    file.seek(SeekFrom::Start(bytes.saturating_sub(END_BYTES)))?;
    file.take(END_BYTES).read_to_end(&mut ends)?;
    hash.update(&ends);
    Ok(())
}
