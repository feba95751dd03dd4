//! Points found by place.

use geo::Coord;

/// The side of a cell in pixels: a few vertices fall into one where borders are dense.
const CELL_PX: f64 = 16.0;

/// Points by square cell, cells row by row.
#[derive(Debug)]
pub(super) struct PointIndex {
    points: Vec<Coord<f64>>,
    /// Where each cell starts in `points`, and the end of the last.
    cells: Vec<u32>,
    /// Cells in a row of cells.
    across: usize,
    /// Rows of cells.
    down: usize,
}

/// The cell column or row of a coordinate that is not negative.
fn cell(coordinate: f64) -> usize {
    (coordinate / CELL_PX) as usize
}

impl PointIndex {
    /// Of points with coordinates that are not negative.
    pub(super) fn new(points: impl Iterator<Item = Coord<f64>> + Clone) -> Self {
        let (mut across, mut down, mut count) = (0, 0, 0);
        for point in points.clone() {
            (across, down, count) = (across.max(cell(point.x) + 1), down.max(cell(point.y) + 1), count + 1);
        }
        let mut cells = vec![0_u32; across * down + 1];
        for point in points.clone() {
            cells[cell(point.y) * across + cell(point.x)] += 1;
        }
        let mut end = 0;
        for cell in &mut cells {
            end += *cell;
            *cell = end;
        }
        let mut sorted = vec![Coord { x: 0.0, y: 0.0 }; count];
        for point in points {
            // Filled from the end, so that the ends become the starts.
            let place = &mut cells[cell(point.y) * across + cell(point.x)];
            *place -= 1;
            sorted[*place as usize] = point;
        }
        Self { points: sorted, cells, across, down }
    }

    /// The rows of cells that hold `low.y <= y <= high.y`, if a point there could exist.
    pub(super) fn cell_rows(&self, low: f64, high: f64) -> std::ops::Range<usize> {
        let (from, to) = (cell(low).min(self.down), (cell(high) + 1).min(self.down));
        let empty = self.cells[from * self.across] == self.cells[to * self.across];
        if empty { 0..0 } else { from..to }
    }

    /// The points of a row of cells that may have `low <= x <= high`; there may be others among them.
    pub(super) fn in_cells(&self, row: usize, low: f64, high: f64) -> &[Coord<f64>] {
        let first = row * self.across;
        let (from, to) = (cell(low).min(self.across), (cell(high) + 1).min(self.across));
        let to = to.max(from);
        &self.points[self.cells[first + from] as usize..self.cells[first + to] as usize]
    }
}

/// The `y` of the upper and of the lower border of a row of cells.
pub(super) fn cell_row_borders(row: usize) -> [f64; 2] {
    [row as f64 * CELL_PX, (row + 1) as f64 * CELL_PX]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_found_by_its_place() {
        let points: Vec<_> =
            (0..500).map(|i| Coord { x: f64::from(i * 37 % 211), y: f64::from(i * 53 % 97) }).collect();
        let index = PointIndex::new(points.iter().copied());
        for low in [0.0, 3.5, 60.0] {
            let inside = |p: &&Coord<f64>| p.x >= low && p.x <= low + 40.0 && p.y >= low && p.y <= low + 20.0;
            let rows = index.cell_rows(low, low + 20.0);
            let found = rows.flat_map(|row| index.in_cells(row, low, low + 40.0)).filter(inside).count();
            assert_eq!(found, points.iter().filter(inside).count());
        }
        assert!(index.cell_rows(500.0, 600.0).is_empty());
        assert!(PointIndex::new(std::iter::empty()).cell_rows(0.0, 9.0).is_empty());
    }
}
