//! What rules ask about a mask: its mean colour, how long it is, how much of its rectangle it fills.

use geo::{Coord, MinimumRotatedRect, MultiPoint};

use crate::model::{MaskRun, MaskStats};
use crate::raster::PixelWindow;

/// The statistics of runs of a chip.
///
/// `rgb` says which channels are red, green and blue; where the chip has not all of them, colours are 0.
pub(super) fn stats(runs: &[MaskRun], chip: &PixelWindow, rgb: Option<[usize; 3]>, pixel_area_m2: f64) -> MaskStats {
    let (cols, pixels) = (chip.window.cols as usize, chip.window.pixels());
    let area: u32 = runs.iter().map(|run| run.len()).sum();
    let mean = |channel: usize| {
        let samples = &chip.samples[channel * pixels..][..pixels];
        let of_run = |run: &MaskRun| {
            let row = usize::from(run.row) * cols;
            let line = &samples[row + usize::from(run.start)..row + usize::from(run.end)];
            line.iter().map(|v| u64::from(*v)).sum::<u64>()
        };
        runs.iter().map(of_run).sum::<u64>() as f32 / area.max(1) as f32
    };
    let [length, width] = sides(runs);
    MaskStats {
        rgb: rgb.map_or([0.0; 3], |channels| channels.map(mean)),
        aspect: (length / width) as f32,
        rectangularity: (f64::from(area) / (length * width)).min(1.0) as f32,
        area_m2: (f64::from(area) * pixel_area_m2) as f32,
    }
}

/// The longer and the shorter side of the smallest rectangle around the pixels, however it is turned, in pixels.
fn sides(runs: &[MaskRun]) -> [f64; 2] {
    let corners = runs.iter().flat_map(|run| {
        let (left, right, top) = (f64::from(run.start), f64::from(run.end), f64::from(run.row));
        [(left, top), (right, top), (left, top + 1.0), (right, top + 1.0)]
    });
    let corners: MultiPoint<f64> = corners.collect::<Vec<_>>().into();
    let Some(rectangle) = corners.minimum_rotated_rect() else { return [1.0, 1.0] };
    let side = |[from, to]: [Coord<f64>; 2]| (to.x - from.x).hypot(to.y - from.y);
    let corners = &rectangle.exterior().0;
    let [a, b] = [side([corners[0], corners[1]]), side([corners[1], corners[2]])];
    [a.max(b), a.min(b).max(f64::MIN_POSITIVE)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::georef::Window;

    /// A bar of a length and a width, turned, in a chip of 128 pixels.
    fn bar(length: f64, width: f64, degrees: f64) -> Vec<MaskRun> {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let inside = |row: u16, col: u16| {
            let (x, y) = (f64::from(col) + 0.5 - 64.0, f64::from(row) + 0.5 - 64.0);
            (x * cos + y * sin).abs() < length / 2.0 && (y * cos - x * sin).abs() < width / 2.0
        };
        let of_row = |row: u16| {
            let within: Vec<u16> = (0..128).filter(|col| inside(row, *col)).collect();
            Some(MaskRun { row, start: *within.first()?, end: within.last()? + 1 })
        };
        (0..128).filter_map(of_row).collect()
    }

    #[test]
    fn a_turned_bar_is_as_long_as_it_is() {
        let mut chip = PixelWindow {
            window: Window::new(0, 0, 128, 128),
            channels: 3,
            samples: [vec![10; 128 * 128], vec![20; 128 * 128], vec![90; 128 * 128]].concat(),
            valid: vec![1; 128 * 128],
        };
        chip.samples[0] = 255; // outside every bar
        for degrees in [0.0, 20.0, 45.0, 71.0, 90.0] {
            let bar = stats(&bar(80.0, 16.0, degrees), &chip, Some([0, 1, 2]), 0.25);
            assert!((4.4..5.4).contains(&bar.aspect), "{degrees}: {bar:?}");
            assert!(bar.rectangularity > 0.85, "{degrees}: {bar:?}");
            assert!((bar.area_m2 - 320.0).abs() < 12.0, "{degrees}: {bar:?}");
            assert_eq!(bar.rgb.map(|value| (value * 16.0).round() as i64), [160, 320, 1440]);
        }
    }
}
