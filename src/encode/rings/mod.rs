//! Polygons in whole units: told whether they are valid, and made so where rounding or cutting has broken them.

mod cut;
mod faces;
mod fill;
mod inside;
mod repair;
mod snap;
mod validity;

pub(in crate::encode) use cut::Side;
pub(in crate::encode) use inside::corners;
pub use repair::{RepairCounts, repairs};
pub(in crate::encode) use repair::{Troubles, repair};
pub(in crate::encode) use validity::{Edge, is_valid};

use std::ops::{Add, Sub};

/// How far from the origin a position may lie, in units (312 km in a tile of the deepest zoom), so that areas and products of
/// lengths stay whole numbers of 64 bits.
pub(in crate::encode) const FARTHEST: i64 = 1 << 29;

/// A position; in a tile x leads east, y south, and (0, 0) is the north-west corner.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::encode) struct Point {
    pub(in crate::encode) x: i64,
    pub(in crate::encode) y: i64,
}

impl Point {
    fn cross(self, other: Self) -> i64 {
        self.x * other.y - self.y * other.x
    }

    #[cfg(test)]
    fn dot(self, other: Self) -> i64 {
        self.x * other.x + self.y * other.y
    }
}

impl Add for Point {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { x: self.x + other.x, y: self.y + other.y }
    }
}

impl Sub for Point {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { x: self.x - other.x, y: self.y - other.y }
    }
}

/// Rings of one polygon, exterior first, kept in one piece of memory; closing vertices are not repeated.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(in crate::encode) struct Rings {
    pub(in crate::encode) points: Vec<Point>,
    pub(in crate::encode) ends: Vec<usize>,
    /// Whether there is one ring and it was seen to be convex.
    pub(in crate::encode) convex: bool,
}

impl Rings {
    pub(in crate::encode) fn clear(&mut self) {
        self.convex = false;
        self.points.clear();
        self.ends.clear();
    }

    pub(in crate::encode) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(in crate::encode) fn iter(&self) -> impl Iterator<Item = &[Point]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.points[start..*end])
    }

    /// Ends the ring whose points were pushed since the last one; one without area is forgotten.
    ///
    /// The exterior is wound positively by the surveyor's formula, holes negatively (MVT 2.1, 4.3.4.4): clockwise where y leads
    /// south, counter-clockwise where it leads north (RFC 7946, 3.1.6).
    /// Returns whether the ring was kept.
    pub(in crate::encode) fn close(&mut self, exterior: bool) -> bool {
        let start = self.ends.last().copied().unwrap_or(0);
        let convex = convex_quadrangle(&self.points[start..]);
        self.convex = convex.is_some() && self.ends.is_empty();
        let twice = convex.unwrap_or_else(|| {
            remove_spikes(&mut self.points, start);
            twice_area(&self.points[start..])
        });
        if twice == 0 {
            self.points.truncate(start);
            return false;
        }
        if (twice > 0) != exterior {
            self.points[start..].reverse();
        }
        self.ends.push(self.points.len());
        true
    }
}

/// Twice the area by the surveyor's formula; positive when clockwise where y leads south.
pub(in crate::encode) fn twice_area(ring: &[Point]) -> i64 {
    let Some((origin, others)) = ring.split_first() else { return 0 };
    let local = |p: &Point| (p.x - origin.x, p.y - origin.y);
    others.windows(2).map(|pair| (local(&pair[0]), local(&pair[1]))).map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum()
}

/// Twice the area of four points at each of which the ring turns the same way; most buildings are such. No point is
/// repeated or the end of a spike then, and the ring is convex: four turns of less than 180° each that add up to whole
/// turns make one turn, not two.
fn convex_quadrangle(ring: &[Point]) -> Option<i64> {
    let turn = |a: &Point, b: &Point, c: &Point| (b.x - a.x) * (c.y - b.y) - (b.y - a.y) * (c.x - b.x);
    let [a, b, c, d] = ring else { return None };
    let turns = [turn(a, b, c), turn(b, c, d), turn(c, d, a), turn(d, a, b)];
    let same = turns.iter().all(|turn| *turn > 0) || turns.iter().all(|turn| *turn < 0);
    same.then(|| turns[0] + turns[2])
}

/// Removes repeated points, and points from which the ring goes back the way it came, from `start` on.
fn remove_spikes(points: &mut Vec<Point>, start: usize) {
    let mut kept = start;
    for at in start..points.len() {
        let p = points[at];
        while kept > start && points[kept - 1] == p
            || kept > start + 1 && returns(points[kept - 2], points[kept - 1], p)
        {
            kept -= 1;
        }
        points[kept] = p;
        kept += 1;
    }
    points.truncate(kept);
    // Across the closing edge, until nothing is left to remove.
    loop {
        let ring = &points[start..];
        let n = ring.len();
        if n < 3 {
            points.truncate(start);
            return;
        }
        if ring[0] == ring[n - 1] || returns(ring[n - 2], ring[n - 1], ring[0]) {
            points.pop();
        } else if returns(ring[n - 1], ring[0], ring[1]) {
            points.remove(start);
        } else {
            return;
        }
    }
}

/// Whether the way a → b → c turns back on itself at b.
pub(in crate::encode) fn returns(a: Point, b: Point, c: Point) -> bool {
    let (ux, uy, vx, vy) = (b.x - a.x, b.y - a.y, c.x - b.x, c.y - b.y);
    ux * vy == uy * vx && ux * vx + uy * vy < 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(x: i64, y: i64) -> Point {
        Point { x, y }
    }

    fn closed(points: &[Point], exterior: bool) -> Vec<Point> {
        let mut rings = Rings { points: points.to_vec(), ..Rings::default() };
        rings.close(exterior);
        rings.points
    }

    #[test]
    fn an_exterior_is_clockwise_on_screen() {
        let ring = [p(0, 0), p(0, 4), p(4, 4), p(4, 0)];
        assert!(twice_area(&closed(&ring, true)) > 0);
        assert!(twice_area(&closed(&ring, false)) < 0);
    }

    #[test]
    fn spikes_and_repeated_points_are_removed() {
        let ring = [p(0, 0), p(4, 0), p(9, 0), p(4, 0), p(4, 4), p(4, 4), p(0, 4), p(0, 0), p(-3, 0)];
        assert_eq!(closed(&ring, true), [p(0, 0), p(4, 0), p(4, 4), p(0, 4)]);
    }

    #[test]
    fn a_ring_without_area_is_forgotten() {
        assert!(closed(&[p(0, 0), p(5, 5), p(9, 9), p(2, 2)], true).is_empty());
        assert!(closed(&[p(1, 1), p(1, 1)], true).is_empty());
        assert!(closed(&[], true).is_empty());
    }
}
