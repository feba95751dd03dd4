//! Whether rings make a valid polygon.

use geo::Coord;

use super::ring::{Ring, cross, edges, signed_area};

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
    let cells = Cells::of(&sides);
    cells.pairs_any(|i, j| conflict(&sides[i], &sides[j]))
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
    cross(d, e) == 0.0 && d.x * e.x + d.y * e.y <= 0.0 || a.from == b.to
}

fn holes_are_inside(rings: &[Ring]) -> bool {
    let Some((exterior, holes)) = rings.split_first() else { return false };
    // No edges cross, so one vertex tells for its ring.
    let inside = holes.iter().all(|hole| contains(exterior, hole[0]));
    inside && (holes.len() < 2 || !any_nested(holes))
}

/// By the number of edges to the right of the point.
fn contains(ring: &[Coord<f64>], p: Coord<f64>) -> bool {
    let right = |(a, b): &(Coord<f64>, Coord<f64>)| {
        (a.y > p.y) != (b.y > p.y) && p.x < a.x + (p.y - a.y) / (b.y - a.y) * (b.x - a.x)
    };
    edges(ring).filter(right).count() % 2 == 1
}

fn any_nested(holes: &[Ring]) -> bool {
    let boxes: Vec<Side> = holes.iter().map(|hole| bounding_box(hole)).collect();
    let nested = |i: usize, j: usize| contains(&holes[i], holes[j][0]) || contains(&holes[j], holes[i][0]);
    Cells::of(&boxes).pairs_any(nested)
}

fn bounding_box(ring: &[Coord<f64>]) -> Side {
    ring.iter().fold(Side { from: ring[0], to: ring[0] }, |s, p| Side {
        from: Coord { x: s.from.x.min(p.x), y: s.from.y.min(p.y) },
        to: Coord { x: s.to.x.max(p.x), y: s.to.y.max(p.y) },
    })
}

/// Things sorted into square cells of about their own size, so that only near ones are compared.
struct Cells(Vec<(u64, u32)>);

impl Cells {
    fn of(sides: &[Side]) -> Self {
        let all = sides.iter().flat_map(|s| [s.from, s.to]).collect::<Vec<_>>();
        let Side { from: origin, to: end } = bounding_box(&all);
        let extent = (end.x - origin.x).max(end.y - origin.y).max(f64::MIN_POSITIVE);
        let cell = extent / (sides.len() as f64).sqrt().ceil();
        let number = |v: f64| (v / cell) as u64;
        let mut cells = Vec::with_capacity(sides.len() * 2);
        for (i, s) in sides.iter().enumerate() {
            let (x0, x1) = (number(s.from.x.min(s.to.x) - origin.x), number(s.from.x.max(s.to.x) - origin.x));
            let (y0, y1) = (number(s.from.y.min(s.to.y) - origin.y), number(s.from.y.max(s.to.y) - origin.y));
            for y in y0..=y1 {
                cells.extend((x0..=x1).map(|x| ((y << 32) | x, i as u32)));
            }
        }
        cells.sort_unstable();
        Self(cells)
    }

    fn pairs_any(&self, test: impl Fn(usize, usize) -> bool) -> bool {
        let in_cell = |cell: &[(u64, u32)]| {
            let pairs = |i: usize| cell[i + 1..].iter().any(|b| test(cell[i].1 as usize, b.1 as usize));
            (0..cell.len()).any(pairs)
        };
        self.0.chunk_by(|a, b| a.0 == b.0).any(in_cell)
    }
}
