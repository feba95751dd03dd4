//! Whether rings make a valid polygon.

use geo::Coord;

use super::cells::{Bounds, Cells};
use super::ring::{Ring, cross, dot, edges, length, signed_area};

/// Up to this many edges all pairs are compared.
const FEW_EDGES: usize = 40;

/// Whether no two edges meet but neighbours at their common corner, every hole lies inside the exterior and none in another.
pub(super) fn is_valid(rings: &[Ring]) -> bool {
    let wound = |(i, ring): (usize, &Ring)| ring.len() >= 3 && (signed_area(ring) > 0.0) == (i == 0);
    rings.iter().enumerate().all(wound) && !has_crossing(rings) && holes_are_inside(rings)
}

/// An edge and what it may touch: the next edge of its ring at its end.
#[derive(Clone, Copy)]
struct Side {
    from: Coord<f64>,
    to: Coord<f64>,
}

fn has_crossing(rings: &[Ring]) -> bool {
    let mut sides: Vec<Side> = Vec::with_capacity(rings.iter().map(Vec::len).sum());
    sides.extend(rings.iter().flat_map(|ring| edges(ring)).map(|(from, to)| Side { from, to }));
    if sides.len() <= FEW_EDGES {
        let pairs = |i: usize| (i + 1..sides.len()).any(|j| conflict(&sides[i], &sides[j]));
        return (0..sides.len()).any(pairs);
    }
    Cells::of(&pieces(&sides)).any_pair(|i, j| conflict(&sides[i as usize], &sides[j as usize]))
}

/// Boxes along the edges, several along one that is longer than the mean, whose own box would cover too much.
fn pieces(sides: &[Side]) -> Vec<(Bounds, u32)> {
    let mean_m = sides.iter().map(|s| length(s.to - s.from)).sum::<f64>() / sides.len() as f64;
    let boxes = |(i, s): (usize, &Side)| {
        let (s, parts) = (*s, (length(s.to - s.from) / mean_m).ceil().max(1.0));
        // A part reaches a little over its ends, so that rounding leaves no gap.
        let at = move |part: f64| s.from + (s.to - s.from) * (part / parts).clamp(0.0, 1.0);
        let part = move |k: u32| Bounds::around([at(f64::from(k) - 0.01), at(f64::from(k) + 1.01)]);
        (0..parts as u32).filter_map(part).map(move |b| (b, i as u32))
    };
    sides.iter().enumerate().flat_map(boxes).collect()
}

/// Whether two edges share more than the corner between an edge and its successor.
fn conflict(a: &Side, b: &Side) -> bool {
    if a.to == b.from {
        return folds_back(a, b);
    }
    if b.to == a.from {
        return folds_back(b, a);
    }
    let apart = |a0: f64, a1: f64, b0: f64, b1: f64| a0.max(a1) < b0.min(b1) || b0.max(b1) < a0.min(a1);
    if apart(a.from.x, a.to.x, b.from.x, b.to.x) || apart(a.from.y, a.to.y, b.from.y, b.to.y) {
        return false;
    }
    let side = |s: &Side, p: Coord<f64>| cross(s.to - s.from, p - s.from);
    let (a0, a1, b0, b1) = (side(b, a.from), side(b, a.to), side(a, b.from), side(a, b.to));
    a0 * a1 <= 0.0 && b0 * b1 <= 0.0
}

/// Whether the second edge returns along the first.
fn folds_back(a: &Side, b: &Side) -> bool {
    let (d, e) = (a.to - a.from, b.to - b.from);
    (cross(d, e) == 0.0 && dot(d, e) <= 0.0) || a.from == b.to
}

fn holes_are_inside(rings: &[Ring]) -> bool {
    let Some((exterior, holes)) = rings.split_first() else { return false };
    // No edges cross, so one vertex tells for its ring.
    let inside = holes.iter().all(|hole| contains(exterior, hole[0]));
    inside && (holes.len() < 2 || !any_nested(holes))
}

/// Whether a point lies inside a ring, by the number of edges to its right.
pub(super) fn contains(ring: &[Coord<f64>], p: Coord<f64>) -> bool {
    let right = |(a, b): &(Coord<f64>, Coord<f64>)| {
        (a.y > p.y) != (b.y > p.y) && p.x < a.x + (p.y - a.y) / (b.y - a.y) * (b.x - a.x)
    };
    edges(ring).filter(right).count() % 2 == 1
}

fn any_nested(holes: &[Ring]) -> bool {
    let bounds = |(i, hole): (usize, &Ring)| Some((Bounds::around(hole.iter().copied())?, i as u32));
    let boxes: Vec<(Bounds, u32)> = holes.iter().enumerate().filter_map(bounds).collect();
    let nested = |i: u32, j: u32| {
        let (a, b) = (&holes[i as usize], &holes[j as usize]);
        contains(a, b[0]) || contains(b, a[0])
    };
    Cells::of(&boxes).any_pair(nested)
}
