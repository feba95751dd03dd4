//! Which band of a scene is what, and what tells whether a pixel holds imagery.

use std::path::Path;
use std::sync::Arc;

use gdal::Dataset;
use gdal::errors::GdalError;
use gdal::raster::{ColorInterpretation, RasterBand};

use super::{RasterError, Validity};

/// Where the colours of a scene come from.
#[derive(Debug, Clone)]
pub(super) enum Colours {
    /// Three bands by number.
    Bands([usize; 3]),
    /// One band for red, green and blue.
    Grey,
    /// Red, green, blue and opacity of each value of band 1.
    Palette(Arc<Vec<[u8; 4]>>),
}

impl Colours {
    /// The numbers of the bands that colours are read from.
    pub(super) fn bands(&self) -> &[usize] {
        match self {
            Self::Bands(bands) => bands,
            Self::Grey | Self::Palette(_) => &[1],
        }
    }
}

/// Which band is what.
pub(super) struct Layout {
    pub(super) colours: Colours,
    /// The number of the near infrared band.
    pub(super) near_infrared: Option<usize>,
    pub(super) validity: Validity,
}

impl Layout {
    /// GDAL's failures outside, what is not imagery inside.
    pub(super) fn of(path: &Path, dataset: &Dataset) -> Result<Result<Self, RasterError>, GdalError> {
        let unsupported = |what: String| Ok(Err(RasterError::Unsupported { path: path.to_owned(), what }));
        let kinds: Vec<_> =
            dataset.rasterbands().map(|b| b.map(|b| b.color_interpretation())).collect::<Result<_, _>>()?;
        for band in dataset.rasterbands() {
            let data_type = band?.band_type();
            if data_type.name().starts_with('C') {
                return unsupported(format!(
                    "holds {} samples (accepted: 8 and 16 bit, 32 bit, floating point)",
                    data_type.name()
                ));
            }
        }
        let alpha = match kinds.iter().position(|k| *k == ColorInterpretation::AlphaBand) {
            Some(at) => alpha_threshold(&dataset.rasterband(at + 1)?)?.map(|threshold| (at + 1, threshold)),
            None => None,
        };
        let colour: Vec<usize> = (1..=kinds.len()).filter(|band| alpha.is_none_or(|(a, _)| a != *band)).collect();
        let table = palette(&dataset.rasterband(1)?);
        let colours = match (colour.len(), table) {
            (1, Some(table)) => Colours::Palette(Arc::new(table)),
            (1, None) => Colours::Grey,
            (3.., _) => Colours::Bands(red_green_blue(&kinds, &colour)),
            _ => {
                let what = format!(
                    "has {} bands, of which {} hold colour (accepted: 1, 3 or more, with or without alpha)",
                    kinds.len(),
                    colour.len()
                );
                return unsupported(what);
            }
        };
        let near_infrared = match &colours {
            Colours::Bands(taken) => colour.iter().copied().find(|b| !taken.contains(b)),
            _ => None,
        };
        let validity = validity(dataset, &colours, alpha)?;
        Ok(Ok(Self { colours, near_infrared, validity }))
    }
}

/// The bands that say they are red, green and blue, else the first three.
fn red_green_blue(kinds: &[ColorInterpretation], colour: &[usize]) -> [usize; 3] {
    let band = |kind| kinds.iter().position(|k| *k == kind).map(|at| at + 1);
    let named =
        [band(ColorInterpretation::RedBand), band(ColorInterpretation::GreenBand), band(ColorInterpretation::BlueBand)];
    match named {
        [Some(r), Some(g), Some(b)] => [r, g, b],
        _ => [colour[0], colour[1], colour[2]],
    }
}

/// The strongest of what the file declares: alpha, mask, nodata.
fn validity(dataset: &Dataset, colours: &Colours, alpha: Option<(usize, f32)>) -> Result<Validity, GdalError> {
    if let Some((band, threshold)) = alpha {
        return Ok(Validity::Alpha { band, threshold });
    }
    let band = dataset.rasterband(colours.bands()[0])?;
    let flags = band.mask_flags()?;
    if flags.is_per_dataset() && !flags.is_alpha() {
        return Ok(Validity::Mask);
    }
    let fits = |value: f64| match band.band_type().name().as_str() {
        "Byte" => (0.0..=255.0).contains(&value),
        "UInt16" => (0.0..=65_535.0).contains(&value),
        _ => true,
    };
    Ok(band.no_data_value().filter(|v| fits(*v)).map_or(Validity::Undeclared, Validity::NoData))
}

/// The smallest opaque sample of a band that says it is alpha; `None` where its samples say that it is something else.
///
/// An opacity is nearly everywhere nothing or full; infrared that is mislabelled is nearly nowhere.
fn alpha_threshold(band: &RasterBand) -> Result<Option<f32>, GdalError> {
    let samples = sample(band)?;
    let top = samples.iter().copied().fold(1.0_f32, f32::max);
    let full = [255.0, 65_535.0].into_iter().find(|full| top <= *full).unwrap_or(top).min(top.max(128.0));
    let extreme = samples.iter().filter(|v| **v <= 0.0 || **v >= full).count();
    Ok((extreme * 5 >= samples.len() * 4).then_some((full / 2.0).min(128.0)))
}

/// Red, green, blue and opacity of the 256 values of a palette band.
fn palette(band: &RasterBand) -> Option<Vec<[u8; 4]>> {
    let table = band.color_table()?;
    let byte = |v: i16| v.clamp(0, 255) as u8;
    let entry =
        |at: usize| table.entry_as_rgb(at).map_or([0, 0, 0, 0], |e| [byte(e.r), byte(e.g), byte(e.b), byte(e.a)]);
    (band.band_type().name() == "Byte").then(|| (0..256).map(entry).collect())
}

/// The largest of some samples of the bands.
pub(super) fn sampled_max(dataset: &Dataset, bands: &[usize]) -> Result<f32, GdalError> {
    let mut max = f32::NEG_INFINITY;
    for band in bands {
        max = sample(&dataset.rasterband(*band)?)?.into_iter().fold(max, f32::max);
    }
    Ok(max)
}

/// Samples of a band from 6 × 6 patches of 64 × 64 pixels spread evenly: the same at every call, a few blocks to read.
pub(super) fn sample(band: &RasterBand) -> Result<Vec<f32>, GdalError> {
    const PATCHES: usize = 6;
    const SIDE: usize = 64;
    let (cols, rows) = band.size();
    let (width, height) = (cols.min(SIDE), rows.min(SIDE));
    let start = |at: usize, size: usize, side: usize| (at * (size - side) / (PATCHES - 1)) as isize;
    let mut samples = vec![0.0_f32; PATCHES * PATCHES * width * height];
    for (at, patch) in samples.chunks_exact_mut(width * height).enumerate() {
        let corner = (start(at % PATCHES, cols, width), start(at / PATCHES, rows, height));
        band.read_into_slice(corner, (width, height), (width, height), patch, None)?;
    }
    Ok(samples)
}
