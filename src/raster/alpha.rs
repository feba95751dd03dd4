//! Whether a band that says it is alpha holds opacities, and which of them are opaque.

use gdal::errors::GdalError;
use gdal::raster::RasterBand;

use super::survey::Patches;

/// Of opacities that are not nearly all nothing or full, so many lie in smooth ramps.
const MIN_SMOOTH_SHARE: f64 = 0.95;
/// Of opacities, so many are nothing or full at least.
const MIN_EXTREME_SHARE: f64 = 0.02;
/// Above this share of nothing or full a band is alpha, whatever the rest is.
const SURE_EXTREME_SHARE: f64 = 0.8;

/// The opacities of a scene.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Opacity {
    /// The smallest sample that counts as imagery: half of the largest.
    pub(super) threshold: f32,
    /// The largest sample that was seen.
    pub(super) top: f32,
}

/// The opacities of a band; `None` where its samples say that it is something else.
///
/// An opacity is nearly everywhere nothing or full, or rises smoothly between the two; infrared that is mislabelled does
/// neither. What is full is what occurs: 1, 100, 255 and 65535 are all in use.
pub(super) fn opacity(band: &RasterBand) -> Result<Option<Opacity>, GdalError> {
    let patches = Patches::of(band.size());
    let (mut all, mut extreme, mut steps, mut smooth) = (0_usize, 0_usize, 0_usize, 0_usize);
    let planes: Vec<Vec<f32>> = patches.windows().map(|window| patches.read(band, window)).collect::<Result<_, _>>()?;
    let top = planes.iter().flatten().copied().fold(0.0_f32, f32::max);
    let threshold = if top > 0.0 { top / 2.0 } else { 0.5 };
    let near = 0.03 * top;
    for plane in &planes {
        all += plane.len();
        extreme += plane.iter().filter(|v| **v <= 0.02 * top || **v >= 0.98 * top).count();
        for row in plane.chunks_exact(patches.width) {
            steps += row.len() - 1;
            smooth += row.windows(2).filter(|pair| (pair[0] - pair[1]).abs() <= near).count();
        }
    }
    let extreme = extreme as f64 / all.max(1) as f64;
    let smooth = smooth as f64 / steps.max(1) as f64;
    let is_alpha = extreme >= SURE_EXTREME_SHARE || (extreme >= MIN_EXTREME_SHARE && smooth >= MIN_SMOOTH_SHARE);
    Ok(is_alpha.then_some(Opacity { threshold, top }))
}
