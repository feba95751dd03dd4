//! Rings cut along a straight side.

use super::Point;

/// A side of a rectangle in whole units, by the coordinate on which it lies (y leads south).
#[derive(Clone, Copy)]
pub(in crate::encode) enum Side {
    /// Keeps what lies east of a western side.
    West(i64),
    /// Keeps what lies west of an eastern side.
    East(i64),
    /// Keeps what has larger y.
    North(i64),
    /// Keeps what has smaller y.
    South(i64),
}

impl Side {
    /// Appends the part of a ring on the inner side (Sutherland and Hodgman 1974). A ring that leaves and returns keeps a
    /// bridge along the side.
    pub(in crate::encode) fn cut(self, ring: &[Point], out: &mut Vec<Point>) {
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

    #[test]
    fn an_edge_is_cut_at_the_same_place_from_both_sides() {
        let (a, b) = (Point { x: -100, y: 7 }, Point { x: 333, y: 1001 });
        assert_eq!(Side::West(-64).crossing(a, b), Side::West(-64).crossing(b, a));
    }
}
