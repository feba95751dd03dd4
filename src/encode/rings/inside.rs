//! Whether points lie in a ring.

use super::Point;

/// A ring whose edges are sorted into rows, so that a point is compared with few of them.
pub(super) struct RowedRing<'a> {
    ring: &'a [Point],
    top: i64,
    row_units: i64,
    /// Per row the numbers of the edges that reach into it; edge i ends at point i.
    rows: Vec<Vec<u32>>,
}

impl<'a> RowedRing<'a> {
    /// About four edges a row.
    pub(super) fn new(ring: &'a [Point]) -> Self {
        let (min, max) = corners(ring);
        let count = (ring.len() / 4).clamp(1, 1024) as i64;
        let row_units = (max.y - min.y) / count + 1;
        let mut rows = vec![Vec::new(); ((max.y - min.y) / row_units + 1) as usize];
        for (i, b) in ring.iter().enumerate() {
            let a = before(ring, i);
            let row = |y: i64| ((y - min.y) / row_units) as usize;
            for edges in &mut rows[row(a.y.min(b.y))..=row(a.y.max(b.y))] {
                edges.push(i as u32);
            }
        }
        Self { ring, top: min.y, row_units, rows }
    }

    /// Whether a point lies in the ring; `None` on the ring.
    pub(super) fn holds(&self, p: Point) -> Option<bool> {
        if p.y < self.top {
            return Some(false);
        }
        let Some(edges) = self.rows.get(((p.y - self.top) / self.row_units) as usize) else { return Some(false) };
        let mut inside = false;
        for i in edges {
            let (a, b) = (before(self.ring, *i as usize), self.ring[*i as usize]);
            if p.y < a.y.min(b.y) || p.y > a.y.max(b.y) {
                continue;
            }
            let cross = (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x);
            if cross == 0 && p.x >= a.x.min(b.x) && p.x <= a.x.max(b.x) {
                return None;
            }
            // An edge counts its upper end only, so that a line through a point counts it once.
            inside ^= (a.y <= p.y) != (b.y <= p.y) && (cross > 0) == (b.y > a.y);
        }
        Some(inside)
    }

    /// Whether another ring that does not cross this one lies in it: a point that does not touch tells for all.
    pub(super) fn holds_ring(&self, other: &[Point]) -> bool {
        other.iter().find_map(|p| self.holds(*p)).unwrap_or(false)
    }
}

fn before(ring: &[Point], i: usize) -> Point {
    ring[if i == 0 { ring.len() - 1 } else { i - 1 }]
}

/// The north-west and south-east corner of the rectangle around a ring.
pub(in crate::encode) fn corners(ring: &[Point]) -> (Point, Point) {
    let (mut min, mut max) = (Point { x: i64::MAX, y: i64::MAX }, Point { x: i64::MIN, y: i64::MIN });
    for p in ring {
        min = Point { x: min.x.min(p.x), y: min.y.min(p.y) };
        max = Point { x: max.x.max(p.x), y: max.y.max(p.y) };
    }
    (min, max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::{Contains, Coord, Intersects, LineString, Polygon};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_point_is_where_geo_says(
            radii in prop::collection::vec(1..40_i64, 3..40),
            (x, y) in (-40..40_i64, -40..40_i64),
        ) {
            let at = |(i, r): (usize, &i64)| {
                let (sin, cos) = (std::f64::consts::TAU * i as f64 / radii.len() as f64).sin_cos();
                Point { x: (*r as f64 * cos) as i64, y: (*r as f64 * sin) as i64 }
            };
            let ring: Vec<Point> = radii.iter().enumerate().map(at).collect();
            let coord = |p: &Point| Coord { x: p.x as f64, y: p.y as f64 };
            let polygon = Polygon::new(LineString(ring.iter().map(coord).collect()), Vec::new());
            let p = geo::Point(coord(&Point { x, y }));
            let expected = if polygon.exterior().intersects(&p) { None } else { Some(polygon.contains(&p)) };
            prop_assert_eq!(RowedRing::new(&ring).holds(Point { x, y }), expected);
        }
    }
}
