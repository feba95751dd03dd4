//! A look at a few patches of a scene, the same at every call.

use gdal::errors::GdalError;
use gdal::raster::RasterBand;

use super::native::OpenScene;
use super::{Channel, RasterError, Scene, fill};
use crate::georef::Window;

/// Patches along each axis.
const PATCHES: usize = 6;
/// The side of a patch in pixels.
const SIDE: usize = 64;

/// 6 × 6 patches of 64 × 64 pixels spread evenly: a few blocks to read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patches {
    size: (usize, usize),
    pub(super) width: usize,
    height: usize,
}

impl Patches {
    /// The patches of a raster of a size.
    pub(super) fn of(size: (usize, usize)) -> Self {
        Self { size, width: size.0.min(SIDE), height: size.1.min(SIDE) }
    }

    /// Where they lie: each place once.
    pub(super) fn windows(self) -> impl Iterator<Item = Window> {
        let starts = |size: usize, side: usize| {
            let mut starts: Vec<usize> = (0..PATCHES).map(|at| at * (size - side) / (PATCHES - 1)).collect();
            starts.dedup();
            starts
        };
        let (cols, rows) = (starts(self.size.0, self.width), starts(self.size.1, self.height));
        let places = rows.into_iter().flat_map(move |row| cols.clone().into_iter().map(move |col| (col, row)));
        places.map(move |(col, row)| Window::new(col as i64, row as i64, self.width as u32, self.height as u32))
    }

    /// The samples of a band in a patch.
    pub(super) fn read(self, band: &RasterBand, window: Window) -> Result<Vec<f32>, GdalError> {
        let mut samples = vec![0.0; window.pixels()];
        let size = (self.width, self.height);
        band.read_into_slice((window.col as isize, window.row as isize), size, size, &mut samples, None)?;
        Ok(samples)
    }
}

/// What the patches of a scene hold.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Valid samples of each channel.
    pub(super) samples: [Vec<f32>; 4],
    /// Values that look like fills, with their share of all pixels.
    pub(super) fills: Vec<(f32, f32)>,
}

impl Survey {
    /// Looks at a scene; keeps at most `limit` samples of each channel.
    pub(super) fn of(scene: &Scene, limit: usize) -> Result<Self, RasterError> {
        let open = OpenScene::plain(scene)?;
        let (mut survey, mut counts, mut pixels) = (Self::default(), Vec::<(f32, usize)>::new(), 0);
        let candidates = scene.fill_candidates();
        for window in Patches::of((scene.cols as usize, scene.rows as usize)).windows() {
            let look = open.look(scene, &window)?;
            pixels += look.valid.len();
            let size = look.valid.len();
            for (at, valid) in look.valid.iter().enumerate() {
                let colours = || look.colours.iter().skip(at).step_by(size).copied();
                let filled = candidates.iter().find(|fill| !fill.is_declared() && fill.is_exact(colours()));
                let empty =
                    filled.map(fill::Fill::value).or_else(|| fill::never(colours())).or_else(|| beyond(colours()));
                if let Some(value) = empty {
                    match counts.iter_mut().find(|(known, _)| known.to_bits() == value.to_bits()) {
                        Some((_, count)) => *count += 1,
                        None => counts.push((value, 1)),
                    }
                } else if *valid == 1 {
                    for (samples, plane) in survey.samples.iter_mut().zip(&look.channels) {
                        samples.extend(plane.get(at));
                    }
                }
            }
        }
        for samples in &mut survey.samples {
            let step = samples.len().div_ceil(limit.max(1)).max(1);
            *samples = samples.iter().copied().step_by(step).collect();
        }
        let share = |(value, count): (f32, usize)| (value, count as f32 / pixels.max(1) as f32);
        survey.fills = counts.into_iter().map(share).collect();
        survey.fills.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ok(survey)
    }
}

fn beyond(mut samples: impl Iterator<Item = f32>) -> Option<f32> {
    samples.next().filter(|first| !first.is_nan() && fill::is_beyond(*first))
}

/// A window as the survey needs it.
pub(super) struct Look {
    /// The colour bands, planar.
    pub(super) colours: Vec<f32>,
    /// The channels of [`Channel::ALL`]; empty where the scene lacks one.
    pub(super) channels: Vec<Vec<f32>>,
    /// What declared validity says.
    pub(super) valid: Vec<u8>,
}

impl Channel {
    /// Every channel, in the order of their numbers.
    pub(super) const ALL: [Self; 4] = [Self::Red, Self::Green, Self::Blue, Self::NearInfrared];
}
