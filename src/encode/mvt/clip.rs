//! A polygon cut to a square of a tile.

use super::quantize::EXTENT;
use crate::encode::rings::{Point, Rings, Side};

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
}
