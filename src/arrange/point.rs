//! Points in whole numbers, y up: products of their differences are exact in 64 bits.

use std::cmp::Ordering;

/// A point of the lattice, x east and y north.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Point {
    pub x: i64,
    pub y: i64,
}

impl Point {
    pub fn minus(self, other: Self) -> Self {
        Self { x: self.x - other.x, y: self.y - other.y }
    }

    pub fn cross(self, other: Self) -> i64 {
        self.x * other.y - self.y * other.x
    }

    pub fn dot(self, other: Self) -> i64 {
        self.x * other.x + self.y * other.y
    }

    pub fn length(self) -> f64 {
        (self.dot(self) as f64).sqrt()
    }

    /// Whether a direction points north, or east: the first half of a turn.
    fn leads_up(self) -> bool {
        self.y > 0 || (self.y == 0 && self.x > 0)
    }
}

/// Twice the area of a triangle, positive where it turns left.
pub(super) fn turn(a: Point, b: Point, c: Point) -> i64 {
    b.minus(a).cross(c.minus(a))
}

/// Orders directions counter-clockwise from east.
pub(super) fn by_angle(a: Point, b: Point) -> Ordering {
    b.leads_up().cmp(&a.leads_up()).then_with(|| 0.cmp(&a.cross(b)))
}

/// Whether a point lies nearer to a segment than a step of the lattice, and strictly between its ends.
pub(super) fn is_on((a, b): (Point, Point), p: Point) -> bool {
    let (d, to_p) = (b.minus(a), p.minus(a));
    let along = d.dot(to_p);
    let off = d.cross(to_p) as f64;
    p != a && p != b && along > 0 && along < d.dot(d) && off * off <= d.dot(d) as f64
}

/// The lattice point nearest to where two segments cross; `None` where they do not cross between their ends.
pub(super) fn crossing((a, b): (Point, Point), (c, d): (Point, Point)) -> Option<Point> {
    let (from, to) = (turn(c, d, a), turn(c, d, b));
    let apart = |v: i64, w: i64| (v > 0 && w < 0) || (v < 0 && w > 0);
    if !apart(from, to) || !apart(turn(a, b, c), turn(a, b, d)) {
        return None;
    }
    let (share, whole) = (i128::from(from), i128::from(from) - i128::from(to));
    let at = |a: i64, b: i64| a + rounded(share * i128::from(b - a), whole);
    Some(Point { x: at(a.x, b.x), y: at(a.y, b.y) })
}

/// The nearest whole number to a fraction.
fn rounded(over: i128, under: i128) -> i64 {
    let (over, under) = if under < 0 { (-over, -under) } else { (over, under) };
    (2 * over + under).div_euclid(2 * under) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(x: i64, y: i64) -> Point {
        Point { x, y }
    }

    #[test]
    fn directions_are_sorted_counter_clockwise_from_east() {
        let sorted = [p(5, 0), p(3, 1), p(0, 2), p(-1, 1), p(-4, 0), p(-1, -3), p(0, -1), p(7, -1)];
        let mut mixed = [3, 0, 7, 5, 1, 6, 2, 4].map(|i: usize| sorted[i]);
        mixed.sort_by(|a, b| by_angle(*a, *b));
        assert_eq!(mixed, sorted);
    }

    #[test]
    fn segments_cross_at_the_nearest_lattice_point() {
        assert_eq!(crossing((p(0, 0), p(10, 10)), (p(0, 9), p(9, 0))), Some(p(5, 5)));
        assert_eq!(crossing((p(0, 0), p(-7, -3)), (p(-5, 0), p(-2, -3))), Some(p(-3, -1)), "halves round up");
        assert_eq!(crossing((p(0, 0), p(10, 0)), (p(5, 0), p(5, 7))), None, "they touch");
        assert_eq!(crossing((p(0, 0), p(10, 0)), (p(0, 1), p(9, 1))), None);
    }

    #[test]
    fn a_point_a_step_beside_a_segment_is_on_it() {
        let segment = (p(0, 0), p(1000, 1));
        assert!(is_on(segment, p(500, 0)) && is_on(segment, p(500, 1)) && !is_on(segment, p(500, 2)));
        assert!(!is_on(segment, p(0, 0)) && !is_on(segment, p(-1, 0)));
    }
}
