//! Natural borders as curves: corners cut after Chaikin, "An algorithm for high-speed curve generation" (1974).
//!
//! A corner is cut inside the triangle of itself and its two neighbours, and only if no other vertex lies in that
//! triangle. No other border then passes it, and the triangles of different corners do not overlap: the curves stay apart.

use geo::Coord;

use super::{Smoothing, guard::cross, importance::rank_line, index::PointIndex, lines::Lines};
use crate::polygonize::Coverage;

/// Cuts the corners of all borders between natural regions and ranks their vertices anew.
pub(super) fn smooth(lines: &Lines, coverage: &Coverage, smoothing: &Smoothing) -> Lines {
    let index = PointIndex::new(lines.points.iter().copied());
    let mut out = Lines::empty();
    let mut stack = Vec::new();
    for line in 0..lines.len() {
        let points = &lines.points[lines.range(line)];
        if is_natural(line, points, coverage, smoothing) {
            let mut curve: Vec<Vertex> = mark(points, &index);
            for _ in 0..smoothing.rounds {
                curve = cut(&curve);
            }
            out.points.extend(curve.iter().map(|vertex| vertex.at));
            out.importance.resize(out.points.len(), 0.0);
            let start = out.offsets[line];
            rank_line(&out.points[start..], &mut out.importance[start..], 0.0, &mut stack);
        } else {
            out.points.extend_from_slice(points);
            out.importance.extend_from_slice(&lines.importance[lines.range(line)]);
        }
        out.offsets.push(out.points.len());
    }
    out
}

/// Whether the regions on both sides are natural or none, and the line is not part of the frame.
fn is_natural(line: usize, points: &[Coord<f64>], coverage: &Coverage, smoothing: &Smoothing) -> bool {
    let arc = coverage.arc(line);
    let natural = |region: Option<usize>| {
        region.is_none_or(|region| smoothing.labels.contains(&coverage.regions()[region].label))
    };
    let window = coverage.window();
    let (right, bottom) = (f64::from(window.cols), f64::from(window.rows));
    let on_frame = |p: &Coord<f64>| p.x <= 0.0 || p.y <= 0.0 || p.x >= right || p.y >= bottom;
    let along_frame = points.windows(2).any(|pair| pair.iter().all(on_frame));
    natural(arc.left) && natural(arc.right) && !along_frame
}

/// A vertex, and whether its corner may be cut.
#[derive(Debug, Clone, Copy)]
struct Vertex {
    at: Coord<f64>,
    round: bool,
}

/// Ends stay, as do corners whose triangle holds another vertex. A line that is closed and has no node has no end.
fn mark(points: &[Coord<f64>], index: &PointIndex) -> Vec<Vertex> {
    let mut curve: Vec<Vertex> = points.iter().map(|&at| Vertex { at, round: false }).collect();
    for (i, three) in points.windows(3).enumerate() {
        curve[i + 1].round = is_free([three[0], three[1], three[2]], index);
    }
    curve
}

/// Whether a triangle holds no vertex but its own, neither inside nor on its border.
fn is_free(triangle: [Coord<f64>; 3], index: &PointIndex) -> bool {
    let [a, b, c] = triangle;
    let (low, high) = (a.x.min(b.x).min(c.x), a.x.max(b.x).max(c.x));
    let (top, bottom) = (a.y.min(b.y).min(c.y), a.y.max(b.y).max(c.y));
    let inside = |p: Coord<f64>| {
        let turns = [cross(a, b, p), cross(b, c, p), cross(c, a, p)];
        turns.iter().all(|t| *t >= 0.0) || turns.iter().all(|t| *t <= 0.0)
    };
    let mut near = index.cell_rows(top, bottom).flat_map(|row| index.in_cells(row, low, high));
    near.all(|&p| triangle.contains(&p) || !inside(p))
}

/// One round: each corner is replaced by the points at a quarter of its two segments.
fn cut(curve: &[Vertex]) -> Vec<Vertex> {
    let mut out = Vec::with_capacity(2 * curve.len());
    for (i, &vertex) in curve.iter().enumerate() {
        if vertex.round {
            out.extend([curve[i - 1], curve[i + 1]].map(|to| Vertex { at: quarter(vertex.at, to.at), round: true }));
        } else {
            out.push(vertex);
        }
    }
    out
}

fn quarter(from: Coord<f64>, to: Coord<f64>) -> Coord<f64> {
    Coord { x: (3.0 * from.x + to.x) / 4.0, y: (3.0 * from.y + to.y) / 4.0 }
}
