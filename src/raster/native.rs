//! Windows of one scene in its own pixels: any band layout and sample type to planar bytes and validity.

use gdal::Dataset;
use gdal::errors::GdalError;
use gdal::raster::{GdalType, RasterBand};

use super::layout::Colours;
use super::stretch::Stretch;
use super::void::VoidMask;
use super::{Channel, PixelWindow, RasterError, Scene, Validity, open};
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
    void: Option<std::sync::Arc<VoidMask>>,
}

/// The raw samples of a window, colour band by colour band.
enum Raw {
    Byte(Vec<u8>),
    Real(Vec<f32>),
}

impl OpenScene {
    pub(super) fn open(scene: &Scene) -> Result<Self, RasterError> {
        let dataset = open::open(&scene.path)?;
        let void = if scene.validity == Validity::Undeclared { Some(VoidMask::of(scene)?) } else { None };
        Ok(Self { dataset, void })
    }

    /// The pixels of a window that lies inside the level.
    pub(super) fn read(&self, scene: &Scene, from: &Source, window: &Window) -> Result<PixelWindow, RasterError> {
        self.read_window(scene, from, window).map_err(|e| RasterError::read(&scene.path, *window, &e))
    }

    fn read_window(&self, scene: &Scene, from: &Source, window: &Window) -> Result<PixelWindow, GdalError> {
        let raw = if scene.byte {
            Raw::Byte(self.bands(scene.colours.bands(), from.level, window)?)
        } else {
            Raw::Real(self.bands(scene.colours.bands(), from.level, window)?)
        };
        let valid = self.valid(scene, &raw, (from.level, window))?;
        let mut pixels = PixelWindow { window: *window, channels: from.channels.len(), samples: Vec::new(), valid };
        match raw {
            Raw::Byte(bands) => self.fill_bytes(scene, bands, from, &mut pixels)?,
            Raw::Real(bands) => self.fill_reals(scene, &bands, from, &mut pixels)?,
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

    /// Which pixels hold imagery.
    fn valid(&self, scene: &Scene, raw: &Raw, (level, window): (Level, &Window)) -> Result<Vec<u8>, GdalError> {
        let mut valid = match scene.validity {
            Validity::Alpha { band, threshold } => {
                let alpha: Vec<f32> = read(&at_level(self.dataset.rasterband(band)?, level)?, window)?;
                alpha.into_iter().map(|v| u8::from(v >= threshold)).collect()
            }
            Validity::Mask => {
                let band = self.dataset.rasterband(1)?;
                let mask: Vec<u8> = read(&at_level(band.open_mask_band()?, level)?, window)?;
                mask.into_iter().map(|v| u8::from(v != 0)).collect()
            }
            Validity::NoData(value) => match raw {
                Raw::Byte(bands) => any_differs(bands, window.pixels(), &(value as u8)),
                Raw::Real(bands) => any_differs(bands, window.pixels(), &(value as f32)),
            },
            Validity::Undeclared => vec![1; window.pixels()],
        };
        if let Some(void) = &self.void {
            let (cols, rows) = level.size(scene);
            let scale = (f64::from(scene.cols) / f64::from(cols), f64::from(scene.rows) / f64::from(rows));
            match raw {
                Raw::Byte(bands) => void.clear(bands, (window, scale), &mut valid),
                Raw::Real(bands) => void.clear(bands, (window, scale), &mut valid),
            }
        }
        if let Raw::Real(bands) = raw {
            for band in bands.chunks_exact(valid.len()) {
                valid.iter_mut().zip(band).for_each(|(valid, v)| *valid &= u8::from(v.is_finite()));
            }
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
        if let Colours::Palette(table) = &scene.colours {
            pixels.valid.iter_mut().zip(&bands).for_each(|(v, i)| *v &= u8::from(table[usize::from(*i)][3] != 0));
            for channel in from.channels {
                pixels.samples.extend(bands.iter().map(|i| table[usize::from(*i)][*channel as usize % 3]));
            }
            return Ok(());
        }
        let size = pixels.valid.len();
        let in_order = from.channels.iter().enumerate().all(|(at, channel)| slot(scene, *channel) == Some(at));
        if in_order && bands.len() == size * from.channels.len() {
            pixels.samples = bands;
            return Ok(());
        }
        for channel in from.channels {
            if let Some(slot) = slot(scene, *channel) {
                pixels.samples.extend_from_slice(&bands[slot * size..(slot + 1) * size]);
            } else {
                let number = scene.near_infrared.unwrap_or(1); // readers are made only where the channel is there
                let band = at_level(self.dataset.rasterband(number)?, from.level)?;
                pixels.samples.extend(read::<u8>(&band, &pixels.window)?);
            }
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
            let stretch = if scene.deep { from.stretch.of(*channel) } else { (0.0, 255.0) };
            let to_byte = |v: &f32| Stretch::byte(*v, stretch);
            if let Some(slot) = slot(scene, *channel) {
                pixels.samples.extend(bands[slot * size..(slot + 1) * size].iter().map(to_byte));
            } else {
                let number = scene.near_infrared.unwrap_or(1);
                let band = at_level(self.dataset.rasterband(number)?, from.level)?;
                pixels.samples.extend(read::<f32>(&band, &pixels.window)?.iter().map(to_byte));
            }
        }
        Ok(())
    }
}

/// What is read of a scene.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) level: Level,
    pub(super) channels: &'a [Channel],
    pub(super) stretch: &'a Stretch,
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

fn read<T: GdalType + Copy + Default>(band: &RasterBand, window: &Window) -> Result<Vec<T>, GdalError> {
    let mut samples = vec![T::default(); window.pixels()];
    read_into(band, window, &mut samples)?;
    Ok(samples)
}

fn read_into<T: GdalType + Copy>(band: &RasterBand, window: &Window, samples: &mut [T]) -> Result<(), GdalError> {
    let size = (window.cols as usize, window.rows as usize);
    band.read_into_slice((window.col as isize, window.row as isize), size, size, samples, None)
}

/// 1 where some band is not the nodata value.
fn any_differs<T: PartialEq>(bands: &[T], size: usize, nodata: &T) -> Vec<u8> {
    let mut valid = vec![0; size];
    for band in bands.chunks_exact(size) {
        valid.iter_mut().zip(band).for_each(|(valid, v)| *valid |= u8::from(v != nodata));
    }
    valid
}
