//! What lies west of a point.

use std::collections::HashMap;

use super::point::{Point, turn};

/// Segments by the rows that they pass, each with a number.
pub(super) struct Rows {
    row: i64,
    rows: HashMap<i64, Vec<(Point, Point, u32)>>,
}

impl Rows {
    /// Rows of a height.
    pub fn new(segments: impl Iterator<Item = (Point, Point, u32)>, row: i64) -> Self {
        let mut rows: HashMap<i64, Vec<_>> = HashMap::new();
        for (a, b, number) in segments.filter(|(a, b, _)| a.y != b.y) {
            for at in a.y.min(b.y).div_euclid(row)..=a.y.max(b.y).div_euclid(row) {
                rows.entry(at).or_default().push((a, b, number));
            }
        }
        Self { row, rows }
    }

    /// The number of the nearest segment straight west of a point, or rather of one that lies a hair north of it; and whether
    /// the segment runs south, so that the point is on its left.
    pub fn west_of(&self, point: Point) -> Option<(u32, bool)> {
        let mut best: Option<((Point, Point), (u32, bool))> = None;
        for &(a, b, number) in self.rows.get(&point.y.div_euclid(self.row))? {
            let (low, high) = if a.y < b.y { (a, b) } else { (b, a) };
            let passes = low.y <= point.y && point.y < high.y && turn(low, high, point) < 0;
            if passes && best.is_none_or(|(other, _)| lies_east((low, high), other, point.y)) {
                best = Some(((low, high), (number, a.y > b.y)));
            }
        }
        best.map(|(_, found)| found)
    }
}

/// Whether a segment that runs north meets a row, or the hair north of it, farther east than another.
fn lies_east(a: (Point, Point), b: (Point, Point), y: i64) -> bool {
    let at = |(low, high): (Point, Point)| {
        let slope = (high.x - low.x) as f64 / (high.y - low.y) as f64;
        (low.x as f64 + slope * (y - low.y) as f64, slope)
    };
    let (a, b) = (at(a), at(b));
    a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).is_gt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_segment_to_the_west_is_found() {
        let p = |x, y| Point { x, y };
        let fence =
            [(p(0, 0), p(0, 90), 1), (p(20, 90), p(20, 0), 2), (p(20, 0), p(30, 90), 3), (p(60, 0), p(60, 9), 4)];
        let rows = Rows::new(fence.into_iter(), 16);
        assert_eq!(rows.west_of(p(10, 40)), Some((1, false)));
        assert_eq!(rows.west_of(p(22, 40)), Some((2, true)));
        assert_eq!(rows.west_of(p(40, 0)), Some((3, false)), "of two that start there the eastern one");
        assert_eq!(rows.west_of(p(70, 9)), Some((3, false)), "an upper end is not passed");
        assert_eq!(rows.west_of(p(-5, 40)), None);
    }
}
