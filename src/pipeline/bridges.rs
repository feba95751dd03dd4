//! Roads across the gaps of which lines were joined, as strips of pixels.

use geo::Coord;

use super::edits::{Change, Edits};
use crate::centreline::Gap;
use crate::grid::WorkGrid;

/// Notes that the strips along the gaps are road, as far as they are open ground.
///
/// A strip is as wide as its roads, and begins and ends half a width inside them.
pub(super) fn cover(gaps: &[Gap], label: u32, (grid, pixel_m): (&WorkGrid, [f64; 2]), edits: &mut Edits) {
    for gap in gaps {
        let at = gap.path.map(|p| Coord { x: p.x * pixel_m[0], y: p.y * pixel_m[1] });
        let widest = gap.width_m.into_iter().fold(0.0, f64::max) / 2.0;
        let low = at.into_iter().reduce(|a, b| Coord { x: a.x.min(b.x), y: a.y.min(b.y) }).unwrap_or_default();
        let high = at.into_iter().reduce(|a, b| Coord { x: a.x.max(b.x), y: a.y.max(b.y) }).unwrap_or_default();
        let first = |low: f64, size: f64| ((low - widest) / size).floor().max(0.0) as i64;
        let end = |high: f64, size: f64, most: u32| (((high + widest) / size).ceil() as i64).min(i64::from(most));
        let cols = first(low.x, pixel_m[0])..end(high.x, pixel_m[0], grid.cols);
        for row in first(low.y, pixel_m[1])..end(high.y, pixel_m[1], grid.rows) {
            let middle = |col: i64| Coord { x: (col as f64 + 0.5) * pixel_m[0], y: (row as f64 + 0.5) * pixel_m[1] };
            let within: Vec<i64> = cols.clone().filter(|col| holds(&at, &gap.width_m, middle(*col))).collect();
            for run in within.chunk_by(|a, b| a + 1 == *b) {
                edits.push(grid, (row, run[0]..run[run.len() - 1] + 1), &Change::Covered(label));
            }
        }
    }
}

/// Whether a position lies within half a width of a path whose width changes from point to point.
fn holds(path: &[Coord<f64>; 4], width: &[f64; 4], p: Coord<f64>) -> bool {
    (0..3).any(|i| {
        let (way, off) = (path[i + 1] - path[i], p - path[i]);
        let length = way.x * way.x + way.y * way.y;
        let share = if length > 0.0 { ((off.x * way.x + off.y * way.y) / length).clamp(0.0, 1.0) } else { 0.0 };
        let apart = off - way * share;
        2.0 * apart.x.hypot(apart.y) <= width[i] + (width[i + 1] - width[i]) * share
    })
}
