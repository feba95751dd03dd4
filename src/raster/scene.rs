//! One `GeoTIFF` of a mosaic: what it is, found out once when the mosaic is opened.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use gdal::Dataset;
use gdal::errors::GdalError;
use sha2::{Digest, Sha256};

use super::fill::Fill;
use super::frame::frame;
use super::layout::{Colours, Layout, Samples};
use super::origin::Origin;
use super::roles::BandRole;
use super::scaling::Scaling;
use super::void::VoidMask;
use super::{Bands, RasterError, open};
use crate::georef::{Crs, Ground, PixelFrame, PixelPoint, Window};

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
#[derive(Debug, Clone, PartialEq)]
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
    /// A pixel whose colour bands all have their value is not valid; by colour band, none where a band declares nothing.
    NoData(Vec<Option<f64>>),
    /// Nothing is declared: wide areas of values that writers fill with are taken as voids, see [`Scene`].
    Undeclared,
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alpha { band, .. } => write!(f, "alpha (band {band})"),
            Self::Mask => f.write_str("mask"),
            Self::NoData(values) => {
                let text = |value: &Option<f64>| value.map_or_else(|| "none".to_owned(), |value| value.to_string());
                let mut texts: Vec<String> = values.iter().map(text).collect();
                if texts.iter().all(|other| *other == texts[0]) {
                    texts.truncate(1);
                }
                write!(f, "nodata {}", texts.join(", "))
            }
            Self::Undeclared => f.write_str("undeclared (wide pure white or black areas are voids)"),
        }
    }
}

/// One `GeoTIFF` of a mosaic, or a VRT that shows its sources otherwise than they are.
///
/// Where no alpha, mask or nodata value is declared, areas of pure white or black that reach the edge of the scene and
/// cover at least 400 m², or cover 2500 m² inside, are voids; a white roof is smaller and stays imagery. Of samples other
/// than bytes, areas of 0 or of the largest integer are voids. A sample that is no number, beyond 1e18, or -9999, -10000,
/// -99999 or -32768 in all bands, is none.
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
    /// The role of each band.
    pub roles: Vec<BandRole>,
    /// The type of a sample, as GDAL names it.
    pub sample_type: String,
    /// How samples become bytes.
    pub scaling: Scaling,
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
    pub(super) samples: Samples,
    /// What of the file is unusual.
    pub(super) unusual: Vec<String>,
    /// Values that look like fills, with their share of the pixels that were looked at.
    pub(super) fills_seen: Vec<(f32, f32)>,
    /// The codec changes samples a little.
    pub(super) lossy: bool,
    /// Sizes and positions of the overviews, by columns and rows.
    pub(super) levels: Vec<(u32, u32)>,
    pub(super) digest: [u8; 32],
    pub(super) origin: Origin,
    pub(super) void: Arc<Mutex<Option<Arc<VoidMask>>>>,
}

impl Scene {
    /// Opens a file or a VRT, checks it and describes it.
    pub(super) fn open(
        (path, origin): (&Path, Origin),
        asked: Option<&Bands>,
        crs_of: &mut dyn FnMut(&str) -> Result<Crs, RasterError>,
    ) -> Result<Self, RasterError> {
        let dataset = origin.open(path)?;
        if let Origin::File = origin {
            open::check_extent(path, &dataset)?;
        }
        let damaged = |e: GdalError| RasterError::damaged(path, &e);
        let layout = Layout::of(path, &dataset, asked).map_err(damaged)??;
        let frame = frame(path, &dataset, crs_of)?;
        let (cols, rows) = dataset.raster_size();
        let (cols, rows) = (cols as u32, rows as u32); // GDAL's sizes are positive 32-bit integers
        let levels = levels(&dataset, &layout.validity).map_err(damaged)?;
        let middle = PixelPoint { col: f64::from(cols) / 2.0, row: f64::from(rows) / 2.0 };
        let scale = Ground::new(frame.transform, &frame.crs).and_then(|g| g.scale_at(middle));
        let scale = scale.map_err(|cause| RasterError::Crs { path: path.to_owned(), cause })?;
        let scaling = if layout.bits < 8 { Scaling::of_bits(layout.bits) } else { Scaling::as_is() };
        Ok(Self {
            path: path.to_owned(),
            cols,
            rows,
            bands: dataset.raster_count(),
            resolution_m_per_px: scale.resolution_m_per_px(),
            overviews: levels.len(),
            roles: layout.roles,
            sample_type: layout.sample_type,
            scaling,
            validity: layout.validity,
            colours: layout.colours,
            near_infrared: layout.near_infrared,
            samples: layout.samples,
            unusual: layout.notes.into_iter().chain(origin.note(path)).collect(),
            fills_seen: Vec::new(),
            lossy: layout.lossy,
            levels,
            digest: origin.digest(path, &frame)?,
            frame,
            origin,
            void: Arc::default(),
        })
    }

    /// GDAL's dataset of the scene, for one thread.
    pub(super) fn dataset(&self) -> Result<Dataset, RasterError> {
        self.origin.open(&self.path)
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
            Channel::NearInfrared => return self.near_infrared,
            colour => colour as usize,
        };
        match &self.colours {
            Colours::Bands(bands) => bands[at],
            Colours::Grey(band) | Colours::Palette(band, _) => Some(*band),
        }
    }

    /// Whether it has a band of a channel.
    #[must_use]
    pub fn has(&self, channel: Channel) -> bool {
        self.band_of(channel).is_some()
    }

    /// Whether it has bands of all channels.
    ///
    /// # Errors
    /// When it lacks one: the error names both.
    pub(super) fn check_channels(&self, channels: &[Channel]) -> Result<(), RasterError> {
        let Some(channel) = channels.iter().find(|channel| !self.has(**channel)) else { return Ok(()) };
        let roles: Vec<String> = self.roles.iter().map(|band| band.role.to_string()).collect();
        let (path, bands) = (self.path.clone(), roles.join(", "));
        Err(RasterError::NoChannel { path, channel: channel.name(), bands })
    }

    /// Looks for voids that are not declared, which reads the whole scene coarsely: its notes then say what was found.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn find_voids(&self) -> Result<(), RasterError> {
        if self.has_voids() { VoidMask::of(self).map(drop) } else { Ok(()) }
    }

    /// How its bands become pixels, for the fingerprint: field by field.
    pub(super) fn hash_reading(&self, hash: &mut Sha256) {
        for channel in Channel::ALL {
            hash.update((self.band_of(channel).unwrap_or(0) as u64).to_le_bytes());
        }
        hash.update(self.scaling.bytes());
        match &self.validity {
            Validity::Alpha { band, threshold } => {
                hash.update((*band as u64).to_le_bytes());
                hash.update(threshold.to_le_bytes());
            }
            Validity::Mask => hash.update(b"mask"),
            Validity::NoData(values) => {
                for value in values {
                    hash.update(value.map_or([0xff; 8], f64::to_le_bytes));
                }
            }
            Validity::Undeclared => hash.update(b"undeclared"),
        }
    }

    /// Whether its samples are looked at to say how they become bytes.
    pub(super) fn is_surveyed(&self) -> bool {
        self.samples != Samples::Byte && !matches!(self.colours, Colours::Palette(..))
    }

    /// Whether it may have voids beside those that a sample, alpha or mask says by itself.
    pub(super) fn has_voids(&self) -> bool {
        match self.validity {
            Validity::Undeclared => true,
            Validity::NoData(_) => self.lossy && self.samples == Samples::Byte,
            Validity::Alpha { .. } | Validity::Mask => false,
        }
    }

    /// The values that wide areas of it may be filled with.
    pub(super) fn fill_candidates(&self) -> Vec<Fill> {
        let bands = self.colours.bands().len();
        match (&self.validity, self.samples) {
            (Validity::NoData(values), Samples::Byte) => {
                let values = values.iter().map(|value| value.map_or(f32::NAN, |value| value as f32)).collect();
                vec![Fill::declared(values)]
            }
            (Validity::Undeclared, Samples::Byte) if matches!(self.colours, Colours::Palette(..)) => Vec::new(),
            (_, Samples::Byte) => Fill::of_bytes(bands, self.scaling.white().unwrap_or(255.0)),
            _ => Fill::of_reals(bands, self.scaling.white().filter(|_| self.scaling.seen.is_some())),
        }
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
