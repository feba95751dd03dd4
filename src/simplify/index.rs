//! Points found by place.

use geo::Coord;

/// Points by row, and by column within a row.
#[derive(Debug)]
pub(super) struct PointIndex {
    points: Vec<Coord<f64>>,
    /// Where each row starts, and the end of the last.
    rows: Vec<u32>,
}

impl PointIndex {
    pub(super) fn new(points: impl Iterator<Item = Coord<f64>> + Clone) -> Self {
        let count = points.clone().map(|p| p.y as usize + 2).max().unwrap_or(1);
        let mut rows = vec![0_u32; count];
        for point in points.clone() {
            rows[point.y as usize + 1] += 1;
        }
        for row in 1..count {
            rows[row] += rows[row - 1];
        }
        let mut next = rows.clone();
        let mut sorted = vec![Coord { x: 0.0, y: 0.0 }; rows[count - 1] as usize];
        for point in points {
            let place = &mut next[point.y as usize];
            sorted[*place as usize] = point;
            *place += 1;
        }
        for row in rows.windows(2) {
            sorted[row[0] as usize..row[1] as usize].sort_unstable_by(|a, b| a.x.total_cmp(&b.x));
        }
        Self { points: sorted, rows }
    }

    /// Whether a point with `low.y <= y <= high.y` could exist: a cheap test before a search.
    pub(super) fn any_in_rows(&self, low: f64, high: f64) -> bool {
        let last = self.rows.len() - 1;
        let (from, to) = ((low as usize).min(last), (high as usize + 1).min(last));
        self.rows[from] < self.rows[to]
    }

    /// The points of one row (from `row` to before `row` + 1) with `low <= x <= high`, in the order of `x`.
    pub(super) fn in_row(&self, row: usize, low: f64, high: f64) -> &[Coord<f64>] {
        let Some(&[from, to]) = self.rows.get(row..row + 2) else { return &[] };
        let row = &self.points[from as usize..to as usize];
        let start = row.partition_point(|p| p.x < low);
        let end = start + row[start..].iter().take_while(|p| p.x <= high).count();
        &row[start..end]
    }
}
