//! The tent filter of a warped scene.

use super::PixelWindow;
use super::canvas::Canvas;
use crate::georef::Window;

/// The weights of a tent filter along one axis.
#[derive(Clone, Default)]
pub(super) struct Taps {
    /// The position that the weights are for, as bits; most grids have it the same all along a row or a column.
    at: u64,
    first: i64,
    weights: Vec<f32>,
    total: f32,
}

impl Taps {
    pub(super) fn set(&mut self, at: f64, reach: f64) {
        if self.at == at.to_bits() && !self.weights.is_empty() {
            return;
        }
        self.at = at.to_bits();
        self.first = (at - reach - 0.5).ceil() as i64;
        let last = (at + reach - 0.5).floor() as i64;
        let weight = |tap: i64| (1.0 - (tap as f64 + 0.5 - at).abs() / reach).max(0.0) as f32;
        self.weights.clear();
        self.weights.extend((self.first..=last).map(weight));
        self.total = self.weights.iter().sum();
    }

    /// The pixel under the position.
    fn middle(&self) -> i64 {
        f64::from_bits(self.at).floor() as i64
    }

    /// The first tap inside `from..to`, counted from `from`, and the weights of those that are.
    fn inside(&self, from: i64, to: i64) -> (usize, &[f32]) {
        let skip = (from - self.first).max(0) as usize;
        let end = (to - self.first).clamp(0, self.weights.len() as i64) as usize;
        let weights = self.weights.get(skip..end).unwrap_or_default();
        ((self.first - from).max(0) as usize, weights)
    }
}

/// Adds the weighted valid pixels around a position to pixel `at` of the canvas.
///
/// Both ways through the pixels add the same numbers in the same order: which is taken does not show in the result.
pub(super) fn filter(pixels: &PixelWindow, (cols, rows): (&Taps, &Taps), (at, canvas): (usize, &mut Canvas)) {
    let (window, size) = (&pixels.window, pixels.valid.len());
    let (first_col, col_weights) = cols.inside(window.col, window.end_col());
    let (first_row, row_weights) = rows.inside(window.row, window.end_row());
    if col_weights.is_empty() || row_weights.is_empty() {
        return;
    }
    let (mut weight, mut total, mut sums) = (0.0_f32, 0.0_f32, [0.0_f32; 4]);
    for row_weight in &rows.weights {
        total += row_weight * cols.total;
    }
    for (row, row_weight) in (first_row..).zip(row_weights) {
        let from = row * window.cols as usize + first_col;
        let valid = &pixels.valid[from..from + col_weights.len()];
        let whole = valid.iter().all(|v| *v == 1);
        if whole && col_weights.len() == cols.weights.len() {
            weight += row_weight * cols.total;
        } else {
            weight += row_weight * col_weights.iter().zip(valid).map(|(w, v)| w * f32::from(*v)).sum::<f32>();
        }
        for (channel, sum) in sums.iter_mut().enumerate().take(pixels.channels) {
            let samples = &pixels.samples[channel * size + from..][..col_weights.len()];
            let line = if whole {
                col_weights.iter().zip(samples).map(|(w, s)| w * f32::from(*s)).sum::<f32>()
            } else {
                let taps = col_weights.iter().zip(samples).zip(valid);
                taps.map(|((w, s), v)| w * f32::from(*s) * f32::from(*v)).sum::<f32>()
            };
            *sum += row_weight * line;
        }
    }
    if weight > 0.0 {
        let middle = Window::new(cols.middle(), rows.middle(), 1, 1);
        let covered = window.contains(&middle) && pixels.valid[window.index(middle.col, middle.row)] == 1;
        canvas.add(at, (weight / total, covered), |channel| sums[channel] / total);
    }
}
