//! A polygon cut to a square of a tile.

use super::quantize::EXTENT;
use crate::encode::rings::{Point, Rings};

/// The square from `-margin` to the extent plus `margin`, in tile units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClipSquare {
    min: i64,
    max: i64,
}

impl ClipSquare {
    pub(super) fn new(margin: i64) -> Self {
        Self { min: -margin, max: EXTENT + margin }
    }

    /// Whether the rectangle between two corners lies in it.
    pub(super) fn holds(&self, min: Point, max: Point) -> bool {
        min.x >= self.min && min.y >= self.min && max.x <= self.max && max.y <= self.max
    }

    /// Cuts every ring with the four sides in turn (Sutherland and Hodgman 1974).
    ///
    /// A ring that leaves and returns keeps a bridge along the side, so the result may touch itself there.
    pub(super) fn cut(&self, rings: &Rings, work: &mut Vec<Point>, out: &mut Rings) {
        let sides = [Side::West(self.min), Side::East(self.max), Side::North(self.min), Side::South(self.max)];
        out.clear();
        for (i, ring) in rings.iter().enumerate() {
            let start = out.points.len();
            out.points.extend_from_slice(ring);
            for side in sides {
                work.clear();
                work.extend_from_slice(&out.points[start..]);
                out.points.truncate(start);
                side.cut(work, &mut out.points);
            }
            if !out.close(i == 0) && i == 0 {
                return;
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Side {
    West(i64),
    East(i64),
    North(i64),
    South(i64),
}

impl Side {
    fn cut(self, ring: &[Point], out: &mut Vec<Point>) {
        let Some(mut previous) = ring.last().copied() else { return };
        for p in ring.iter().copied() {
            if self.keeps(previous) != self.keeps(p) {
                out.push(self.crossing(previous, p));
            }
            if self.keeps(p) {
                out.push(p);
            }
            previous = p;
        }
    }

    fn keeps(self, p: Point) -> bool {
        match self {
            Self::West(at) => p.x >= at,
            Self::East(at) => p.x <= at,
            Self::North(at) => p.y >= at,
            Self::South(at) => p.y <= at,
        }
    }

    /// Where an edge meets the side; the same whichever way the edge is walked, so neighbours stay neighbours.
    fn crossing(self, a: Point, b: Point) -> Point {
        let (a, b) = if a < b { (a, b) } else { (b, a) };
        let along = |at: i64, from: (i64, i64), to: (i64, i64)| {
            let part = (at - from.0) as f64 / (to.0 - from.0) as f64;
            from.1 + ((to.1 - from.1) as f64 * part).round() as i64
        };
        match self {
            Self::West(x) | Self::East(x) => Point { x, y: along(x, (a.x, a.y), (b.x, b.y)) },
            Self::North(y) | Self::South(y) => Point { x: along(y, (a.y, a.x), (b.y, b.x)), y },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::rings::twice_area;

    fn rings(points: &[(i64, i64)]) -> Rings {
        let mut rings =
            Rings { points: points.iter().map(|(x, y)| Point { x: *x, y: *y }).collect(), ..Rings::default() };
        rings.close(true);
        rings
    }

    #[test]
    fn what_lies_around_the_square_becomes_the_square() {
        let mut out = Rings::default();
        let around = rings(&[(-9000, -9000), (9000, -9000), (9000, 9000), (-9000, 9000)]);
        ClipSquare::new(64).cut(&around, &mut Vec::new(), &mut out);
        assert_eq!(twice_area(&out.points), 2 * (4096 + 128) * (4096 + 128));
    }

    #[test]
    fn what_lies_outside_vanishes() {
        let mut out = Rings::default();
        ClipSquare::new(64).cut(&rings(&[(-900, 0), (-100, 0), (-100, 90)]), &mut Vec::new(), &mut out);
        assert!(out.is_empty() && out.points.is_empty());
    }

    #[test]
    fn an_edge_is_cut_at_the_same_place_from_both_sides() {
        let (a, b) = (Point { x: -100, y: 7 }, Point { x: 333, y: 1001 });
        assert_eq!(Side::West(-64).crossing(a, b), Side::West(-64).crossing(b, a));
    }
}
