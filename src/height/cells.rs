//! Which cells lie in a footprint, and how far from its border.

use geo::{Coord, Polygon};

use crate::georef::{GroundScale, Window};

/// A footprint in raster space (x = column, y = row).
pub(super) struct Outline<'a> {
    pub polygon: &'a Polygon<f64>,
    /// Of the raster at the footprint.
    pub scale: &'a GroundScale,
    /// Beyond this distance outside, cells do not matter.
    pub reach_m: f64,
}

/// Per cell of the window, row-major: metres from its middle to the border, positive inside, negative outside.
/// Exact up to the reach, then infinite.
pub(super) fn distances_m(outline: &Outline, window: &Window) -> Vec<f64> {
    let mut distance_m = vec![f64::INFINITY; window.pixels()];
    for ring in std::iter::once(outline.polygon.exterior()).chain(outline.polygon.interiors()) {
        for edge in ring.lines() {
            lower_near(outline, window, edge, &mut distance_m);
        }
    }
    for (distance, inside) in distance_m.iter_mut().zip(inside(outline.polygon, window)) {
        *distance = if inside { *distance } else { -*distance };
    }
    distance_m
}

/// Lowers the distances of the cells near an edge.
fn lower_near(outline: &Outline, window: &Window, edge: geo::Line<f64>, distance_m: &mut [f64]) {
    let reach = outline.reach_m / outline.scale.resolution_m_per_px() * 1.5 + 1.0;
    let (a, b) = (edge.start, edge.end);
    let near = Window::between(
        (a.x.min(b.x) - reach).floor() as i64,
        (a.y.min(b.y) - reach).floor() as i64,
        (a.x.max(b.x) + reach).ceil() as i64,
        (a.y.max(b.y) + reach).ceil() as i64,
    );
    let Some(near) = near.intersection(window) else { return };
    let metres = |p: Coord<f64>| outline.scale.offset_m(p.x, p.y);
    let (ex, ey) = metres(b - a);
    let length2 = (ex * ex + ey * ey).max(f64::MIN_POSITIVE);
    for row in near.row..near.end_row() {
        for col in near.col..near.end_col() {
            let (px, py) = metres(Coord { x: col as f64 + 0.5 - a.x, y: row as f64 + 0.5 - a.y });
            let t = ((px * ex + py * ey) / length2).clamp(0.0, 1.0);
            let d = (px - t * ex).hypot(py - t * ey);
            let lowest = &mut distance_m[window.index(col, row)];
            *lowest = lowest.min(d);
        }
    }
}

/// Per cell of the window, row-major: whether its middle lies inside.
pub(super) fn inside(polygon: &Polygon<f64>, window: &Window) -> Vec<bool> {
    let mut inside = vec![false; window.pixels()];
    let rings = std::iter::once(polygon.exterior()).chain(polygon.interiors());
    // Every edge toggles the cells right of where it crosses the middle of a row.
    for edge in rings.flat_map(geo::LineString::lines) {
        let (low, high) = (edge.start.y.min(edge.end.y), edge.start.y.max(edge.end.y));
        let first = (low - 0.5).ceil().max(window.row as f64) as i64;
        let end = (high - 0.5).ceil().min(window.end_row() as f64) as i64;
        for row in first..end {
            let middle = row as f64 + 0.5;
            let at = edge.start.x + (middle - edge.start.y) / (edge.end.y - edge.start.y) * (edge.end.x - edge.start.x);
            let col = ((at - 0.5).ceil() as i64).clamp(window.col, window.end_col());
            if col < window.end_col() {
                let start = window.index(col, row);
                inside[start] = !inside[start];
            }
        }
    }
    for row in inside.chunks_mut(window.cols.max(1) as usize) {
        let mut is_in = false;
        for cell in row {
            is_in ^= *cell;
            *cell = is_in;
        }
    }
    inside
}
