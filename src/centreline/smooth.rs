//! Paths of cells as lines.

use geo::{Coord, LineString, Simplify};

/// The path with every position in the mean of those up to `reach` before and behind it; its ends stay.
pub(super) fn smoothed(path: &[Coord<f64>], reach: f64) -> Vec<Coord<f64>> {
    let reach = reach.ceil() as usize;
    let mut sums = vec![Coord::zero()];
    for &p in path {
        sums.push(sums[sums.len() - 1] + p);
    }
    let mean = |i: usize| {
        let reach = reach.min(i).min(path.len() - 1 - i);
        (sums[i + reach + 1] - sums[i - reach]) / (2 * reach + 1) as f64
    };
    (0..path.len()).map(mean).collect()
}

/// The path with only the positions that a tolerance needs.
pub(super) fn simplified(path: &[Coord<f64>], tolerance: f64) -> Vec<Coord<f64>> {
    LineString(path.to_vec()).simplify(tolerance).0
}
