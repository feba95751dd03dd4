//! Windows of one scene in its own pixels: any band layout and sample type to planar bytes and validity.

use std::sync::Arc;

use gdal::Dataset;
use gdal::errors::GdalError;
use gdal::raster::{GdalType, RasterBand};

use super::layout::{Colours, Samples};
use super::scaling::{Rule, Scaling};
use super::survey::Look;
use super::void::VoidMask;
use super::{Channel, PixelWindow, RasterError, Scene, Validity, fill};
use crate::georef::Window;

/// Full resolution, or an overview by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Native,
    Overview(usize),
}

impl Level {
    /// Columns and rows.
    pub(super) fn size(self, scene: &Scene) -> (u32, u32) {
        match self {
            Self::Native => (scene.cols, scene.rows),
            Self::Overview(at) => scene.levels[at],
        }
    }
}

/// An open scene. GDAL datasets belong to one thread at a time.
pub(super) struct OpenScene {
    dataset: Dataset,
    void: Option<Arc<VoidMask>>,
}

/// The raw samples of a window, colour band by colour band.
enum Raw {
    Byte(Vec<u8>),
    Real(Vec<f32>),
}

impl OpenScene {
    pub(super) fn open(scene: &Scene) -> Result<Self, RasterError> {
        let void = if scene.has_voids() { Some(VoidMask::of(scene)?) } else { None };
        Ok(Self { void, ..Self::plain(scene)? })
    }

    /// Without looking for voids.
    pub(super) fn plain(scene: &Scene) -> Result<Self, RasterError> {
        Ok(Self { dataset: scene.dataset()?, void: None })
    }

    /// The pixels of a window that lies inside the level.
    pub(super) fn read(&self, scene: &Scene, from: &Source, window: &Window) -> Result<PixelWindow, RasterError> {
        self.read_window(scene, from, window).map_err(|e| RasterError::read(&scene.path, *window, &e))
    }

    /// The samples of a window of full resolution, before they become bytes.
    pub(super) fn look(&self, scene: &Scene, window: &Window) -> Result<Look, RasterError> {
        let look = || -> Result<Look, GdalError> {
            let colours: Vec<f32> = self.reals(scene, &scene.colours.bands(), (Level::Native, window))?;
            let raw = Raw::Real(colours.clone());
            let valid = self.valid(scene, &raw, (Level::Native, window))?;
            let channel = |channel: Channel| match scene.band_of(channel) {
                Some(band) => self.reals(scene, &[band], (Level::Native, window)),
                None => Ok(Vec::new()),
            };
            let channels = Channel::ALL.into_iter().map(channel).collect::<Result<_, _>>()?;
            Ok(Look { colours, channels, valid })
        };
        look().map_err(|e| RasterError::read(&scene.path, *window, &e))
    }

    fn read_window(&self, scene: &Scene, from: &Source, window: &Window) -> Result<PixelWindow, GdalError> {
        let bands = scene.colours.bands();
        let raw = match scene.samples {
            Samples::Byte => Raw::Byte(self.bands(&bands, from.level, window)?),
            _ => Raw::Real(self.reals(scene, &bands, (from.level, window))?),
        };
        let valid = self.valid(scene, &raw, (from.level, window))?;
        let mut pixels = PixelWindow { window: *window, channels: from.channels.len(), samples: Vec::new(), valid };
        match (&scene.colours, raw) {
            (Colours::Palette(_, table), Raw::Byte(values)) => {
                painted(table, values.into_iter().map(usize::from), from, &mut pixels);
            }
            (Colours::Palette(_, table), Raw::Real(values)) => {
                painted(table, values.into_iter().map(|v| v as usize), from, &mut pixels);
            }
            (_, Raw::Byte(bands)) => self.fill_bytes(scene, bands, from, &mut pixels)?,
            (_, Raw::Real(bands)) => self.fill_reals(scene, &bands, from, &mut pixels)?,
        }
        Ok(pixels)
    }

    fn bands<T: GdalType + Copy + Default>(
        &self,
        numbers: &[usize],
        level: Level,
        window: &Window,
    ) -> Result<Vec<T>, GdalError> {
        let mut samples = vec![T::default(); numbers.len() * window.pixels()];
        for (number, plane) in numbers.iter().zip(samples.chunks_exact_mut(window.pixels())) {
            read_into(&at_level(self.dataset.rasterband(*number)?, level)?, window, plane)?;
        }
        Ok(samples)
    }

    /// Samples of any type as real numbers.
    fn reals(
        &self,
        scene: &Scene,
        numbers: &[usize],
        (level, window): (Level, &Window),
    ) -> Result<Vec<f32>, GdalError> {
        if scene.samples == Samples::SignedByte {
            let bytes: Vec<u8> = self.bands(numbers, level, window)?;
            return Ok(bytes.into_iter().map(signed).collect());
        }
        self.bands(numbers, level, window)
    }

    /// Which pixels hold imagery.
    fn valid(&self, scene: &Scene, raw: &Raw, (level, window): (Level, &Window)) -> Result<Vec<u8>, GdalError> {
        let mut valid = match &scene.validity {
            Validity::Alpha { band, threshold } => {
                let alpha: Vec<f32> = read(&at_level(self.dataset.rasterband(*band)?, level)?, window)?;
                alpha.into_iter().map(|v| u8::from(v >= *threshold)).collect()
            }
            Validity::Mask => {
                let band = self.dataset.rasterband(1)?;
                let mask: Vec<u8> = read(&at_level(band.open_mask_band()?, level)?, window)?;
                mask.into_iter().map(|v| u8::from(v != 0)).collect()
            }
            Validity::NoData(values) => match raw {
                Raw::Byte(bands) => any_differs(bands, values, |value| value as u8),
                Raw::Real(bands) => any_differs(bands, values, |value| value as f32),
            },
            Validity::Undeclared => vec![1; window.pixels()],
        };
        let (cols, rows) = level.size(scene);
        let scale = (f64::from(scene.cols) / f64::from(cols), f64::from(scene.rows) / f64::from(rows));
        scene.origin.clear_uncovered((window, scale), &mut valid);
        if let Some(void) = &self.void {
            match raw {
                Raw::Byte(bands) => void.clear(bands, (window, scale), &mut valid),
                Raw::Real(bands) => void.clear(bands, (window, scale), &mut valid),
            }
        }
        if let Raw::Real(bands) = raw {
            clear_none(bands, &mut valid);
        }
        Ok(valid)
    }

    fn fill_bytes(
        &self,
        scene: &Scene,
        bands: Vec<u8>,
        from: &Source,
        pixels: &mut PixelWindow,
    ) -> Result<(), GdalError> {
        let size = pixels.valid.len();
        let in_order = from.channels.iter().enumerate().all(|(at, channel)| slot(scene, *channel) == Some(at));
        if in_order && bands.len() == size * from.channels.len() {
            pixels.samples = bands;
        } else {
            for channel in from.channels {
                if let Some(slot) = slot(scene, *channel) {
                    pixels.samples.extend_from_slice(&bands[slot * size..(slot + 1) * size]);
                } else {
                    let number = scene.near_infrared.unwrap_or(1); // readers are made only where the channel is there
                    let band = at_level(self.dataset.rasterband(number)?, from.level)?;
                    pixels.samples.extend(read::<u8>(&band, &pixels.window)?);
                }
            }
        }
        if scene.scaling.rule != Rule::AsIs {
            let range = scene.scaling.range(Channel::Red); // fewer bits: of all channels the same
            pixels.samples.iter_mut().for_each(|v| *v = Scaling::byte(f32::from(*v), range));
        }
        Ok(())
    }

    fn fill_reals(
        &self,
        scene: &Scene,
        bands: &[f32],
        from: &Source,
        pixels: &mut PixelWindow,
    ) -> Result<(), GdalError> {
        let size = pixels.valid.len();
        for channel in from.channels {
            let range = scene.scaling.range(*channel);
            let to_byte = |v: &f32| Scaling::byte(*v, range);
            if let Some(slot) = slot(scene, *channel) {
                pixels.samples.extend(bands[slot * size..(slot + 1) * size].iter().map(to_byte));
            } else {
                let number = scene.near_infrared.unwrap_or(1);
                let band = self.reals(scene, &[number], (from.level, &pixels.window))?;
                pixels.samples.extend(band.iter().map(to_byte));
            }
        }
        Ok(())
    }
}

/// Colours of a table; transparent ones are not valid.
fn painted(table: &[[u8; 4]], values: impl Iterator<Item = usize>, from: &Source, pixels: &mut PixelWindow) {
    let entries: Vec<[u8; 4]> = values.map(|value| table.get(value).copied().unwrap_or([0; 4])).collect();
    pixels.valid.iter_mut().zip(&entries).for_each(|(valid, entry)| *valid &= u8::from(entry[3] != 0));
    for channel in from.channels {
        pixels.samples.extend(entries.iter().map(|entry| entry[*channel as usize % 3]));
    }
}

/// What is read of a scene.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) level: Level,
    pub(super) channels: &'a [Channel],
}

/// The place of a channel among the colour bands; `None` for a band beside them.
fn slot(scene: &Scene, channel: Channel) -> Option<usize> {
    let number = scene.band_of(channel)?;
    scene.colours.bands().iter().position(|b| *b == number)
}

fn at_level(band: RasterBand<'_>, level: Level) -> Result<RasterBand<'_>, GdalError> {
    match level {
        Level::Native => Ok(band),
        Level::Overview(at) => band.overview(at),
    }
}

/// A signed byte that GDAL gives as an unsigned one.
pub(super) fn signed(byte: u8) -> f32 {
    f32::from(byte.cast_signed())
}

fn read<T: GdalType + Copy + Default>(band: &RasterBand, window: &Window) -> Result<Vec<T>, GdalError> {
    let mut samples = vec![T::default(); window.pixels()];
    read_into(band, window, &mut samples)?;
    Ok(samples)
}

fn read_into<T: GdalType + Copy>(band: &RasterBand, window: &Window, samples: &mut [T]) -> Result<(), GdalError> {
    let size = (window.cols as usize, window.rows as usize);
    band.read_into_slice((window.col as isize, window.row as isize), size, size, samples, None)
}

/// 1 where some band is not its nodata value; bands that have none are not asked.
fn any_differs<T: PartialEq>(bands: &[T], nodata: &[Option<f64>], sample: impl Fn(f64) -> T) -> Vec<u8> {
    let size = bands.len() / nodata.len().max(1);
    let mut valid = vec![0; size];
    for (band, value) in bands.chunks_exact(size.max(1)).zip(nodata) {
        if let Some(value) = value.map(&sample) {
            valid.iter_mut().zip(band).for_each(|(valid, v)| *valid |= u8::from(*v != value));
        }
    }
    valid
}

/// Clears what is no number, larger than anything measured, or a value that stands for none in all bands.
fn clear_none(bands: &[f32], valid: &mut [u8]) {
    let size = valid.len();
    for band in bands.chunks_exact(size.max(1)) {
        valid.iter_mut().zip(band).for_each(|(valid, v)| *valid &= u8::from(!fill::is_beyond(*v)));
    }
    for (at, valid) in valid.iter_mut().enumerate() {
        *valid &= u8::from(fill::never(bands.iter().skip(at).step_by(size).copied()).is_none());
    }
}
