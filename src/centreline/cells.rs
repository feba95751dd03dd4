//! The mask in cells of about half a metre, window by window.

use std::ops::Range;

use geo::Coord;

use super::RoadPixels;
use crate::distance::distances;
use crate::georef::Window;

/// Lines of roads need no finer cells.
const CELL_M: f64 = 0.5;

/// The cells of a whole map: as wide as high on the ground, whatever the shape of the pixels.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub cols: usize,
    pub rows: usize,
    pub cell_m: f64,
    window: Window,
    /// Pixels along a row and down a column of a cell; 1 at least.
    px_per_cell: [f64; 2],
}

impl Layout {
    pub fn of(pixels: &impl RoadPixels) -> Self {
        let (window, [width_m, height_m]) = (pixels.window(), pixels.pixel_m());
        let larger = width_m.max(height_m);
        let cell_m = larger * (CELL_M / larger).floor().max(1.0);
        let px_per_cell = [cell_m / width_m, cell_m / height_m];
        let count = |px: u32, per_cell: f64| (f64::from(px) / per_cell).ceil() as usize;
        Self {
            cols: count(window.cols, px_per_cell[0]),
            rows: count(window.rows, px_per_cell[1]),
            cell_m,
            window,
            px_per_cell,
        }
    }

    /// Where the pixels of each cell of a range start, counted from the window's first, and the end of the last.
    fn bounds(&self, axis: usize, range: &Range<usize>) -> Vec<i64> {
        let length = if axis == 0 { self.window.cols } else { self.window.rows };
        let start = |cell: usize| (cell as f64 * self.px_per_cell[axis]).ceil().min(f64::from(length)) as i64;
        (range.start..=range.end).map(start).collect()
    }

    /// A position in raster space of the map.
    pub fn to_raster(&self, p: Coord<f64>) -> Coord<f64> {
        let [along, down] = self.px_per_cell;
        Coord { x: self.window.col as f64 + p.x * along, y: self.window.row as f64 + p.y * down }
    }
}

/// A window of cells with an empty margin, so that every cell inside has eight neighbours.
pub(super) struct Cells {
    pub cols: usize,
    pub inside: Vec<bool>,
    /// The row and column, in the layout, of the first cell behind the margin.
    origin: [usize; 2],
}

impl Cells {
    /// A cell is inside where at least half of its pixels are.
    pub fn of(layout: &Layout, rows: Range<usize>, cols: Range<usize>, read: impl Fn(&Window) -> Vec<bool>) -> Self {
        let (x, y) = (layout.bounds(0, &cols), layout.bounds(1, &rows));
        let (left, top) = (layout.window.col + x[0], layout.window.row + y[0]);
        let (right, bottom) = (layout.window.col + x[cols.len()], layout.window.row + y[rows.len()]);
        let window = Window::between(left, top, right, bottom);
        let (pixels, width) = (read(&window), window.cols as usize);
        let mut cells = Self { cols: cols.len() + 2, inside: Vec::new(), origin: [rows.start, cols.start] };
        cells.inside = vec![false; cells.cols * (rows.len() + 2)];
        let steps = |bounds: &[i64], i: usize| (bounds[i] - bounds[0]) as usize..(bounds[i + 1] - bounds[0]) as usize;
        for row in 0..rows.len() {
            let lines = steps(&y, row);
            for col in 0..cols.len() {
                let across = steps(&x, col);
                let count = |line: usize| pixels[line * width..][across.clone()].iter().filter(|p| **p).count();
                let inside: usize = lines.clone().map(count).sum();
                cells.inside[(row + 1) * cells.cols + col + 1] = inside > 0 && 2 * inside >= lines.len() * across.len();
            }
        }
        cells
    }

    /// The row and column in the layout of a cell behind the margin.
    pub fn place(&self, cell: usize) -> [usize; 2] {
        [self.origin[0] + cell / self.cols - 1, self.origin[1] + cell % self.cols - 1]
    }

    /// The eight neighbours of a cell inside, clockwise from the one on the right.
    pub fn around(&self, cell: usize) -> [usize; 8] {
        let (up, down) = (cell - self.cols, cell + self.cols);
        [cell + 1, down + 1, down, down - 1, cell - 1, up - 1, up, up + 1]
    }

    /// Fills holes of fewer cells, 4-connected.
    pub fn fill_holes(&mut self, limit: usize) {
        let mut seen = self.inside.clone();
        for start in 0..seen.len() {
            if seen[start] {
                continue;
            }
            seen[start] = true;
            let mut hole = vec![start];
            let mut next = 0;
            while let Some(&cell) = hole.get(next) {
                next += 1;
                let (col, last) = (cell % self.cols, self.cols - 1);
                let near = [(col > 0, cell.wrapping_sub(1)), (col < last, cell + 1)];
                let far = [(true, cell.wrapping_sub(self.cols)), (true, cell + self.cols)];
                for (_, there) in near.into_iter().chain(far).filter(|(there, _)| *there) {
                    if seen.get(there) == Some(&false) {
                        seen[there] = true;
                        hole.push(there);
                    }
                }
            }
            // The margin is the first cell, so what surrounds all is the first "hole".
            if start > 0 && hole.len() < limit {
                hole.into_iter().for_each(|cell| self.inside[cell] = true);
            }
        }
    }

    /// The distance of every cell to the middle of the nearest empty one, in cells.
    pub fn distances(&self) -> Vec<f64> {
        distances(&self.inside, self.cols, [1.0, 1.0])
    }
}
