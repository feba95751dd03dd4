//! The mask in cells, with an empty margin.

use geo::Coord;

use super::RoadMask;

/// Lines of roads need no finer cells.
const CELL_M: f64 = 0.5;

/// A grid of cells; the outermost ring is empty, so that every cell inside has eight neighbours.
pub(super) struct Cells {
    pub cols: usize,
    pub inside: Vec<bool>,
    pub cell_m: f64,
    /// Pixels of the mask along the side of a cell.
    factor: usize,
}

impl Cells {
    /// A cell is inside where at least half of its pixels are.
    pub fn of(mask: &RoadMask) -> Self {
        let factor = ((CELL_M / mask.pixel_m) as usize).max(1);
        let rows = mask.inside.len().checked_div(mask.cols).unwrap_or(0);
        let cols = mask.cols.div_ceil(factor) + 2;
        let mut count = vec![0_usize; cols * (rows.div_ceil(factor) + 2)];
        for (row, line) in mask.inside.chunks_exact(mask.cols.max(1)).enumerate() {
            let start = (row / factor + 1) * cols + 1;
            for (col, inside) in line.iter().enumerate() {
                count[start + col / factor] += usize::from(*inside);
            }
        }
        let inside = count.into_iter().map(|n| n > 0 && 2 * n >= factor * factor).collect();
        Self { cols, inside, cell_m: mask.pixel_m * factor as f64, factor }
    }

    /// The middle of a cell.
    pub fn middle(&self, cell: usize) -> Coord<f64> {
        Coord { x: (cell % self.cols) as f64 + 0.5, y: (cell / self.cols) as f64 + 0.5 }
    }

    /// Whether a position lies in a cell that is inside.
    pub fn contains(&self, p: Coord<f64>) -> bool {
        let inside = p.x >= 0.0 && p.y >= 0.0 && (p.x as usize) < self.cols;
        inside && self.inside.get(p.y as usize * self.cols + p.x as usize).copied().unwrap_or(false)
    }

    /// A position in raster space of the mask.
    pub fn to_mask(&self, p: Coord<f64>) -> Coord<f64> {
        Coord { x: p.x - 1.0, y: p.y - 1.0 } * self.factor as f64
    }

    /// The eight neighbours of a cell inside, clockwise from the one on the right.
    pub fn around(&self, cell: usize) -> [usize; 8] {
        let (up, down) = (cell - self.cols, cell + self.cols);
        [cell + 1, down + 1, down, down - 1, cell - 1, up - 1, up, up + 1]
    }

    /// Fills holes that are smaller, 4-connected.
    pub fn fill_holes(&mut self, min_hole_m2: f64) {
        let limit = (min_hole_m2 / (self.cell_m * self.cell_m)) as usize;
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

    /// The distance of every cell to the middle of the nearest empty one, in cells
    /// (P. Felzenszwalb, D. Huttenlocher 2012, DOI 10.4086/toc.2012.v008a019).
    pub fn distances(&self) -> Vec<f64> {
        let far = 1e12;
        let mut squared: Vec<f64> = self.inside.iter().map(|inside| if *inside { far } else { 0.0 }).collect();
        let rows = squared.len() / self.cols;
        let mut envelope = Envelope::default();
        for col in 0..self.cols {
            let column: Vec<f64> = (0..rows).map(|row| squared[row * self.cols + col]).collect();
            envelope.lower(&column, |row, v| squared[row * self.cols + col] = v);
        }
        for row in squared.chunks_exact_mut(self.cols) {
            let line = row.to_vec();
            envelope.lower(&line, |col, v| row[col] = v);
        }
        squared.into_iter().map(f64::sqrt).collect()
    }
}

/// The lower envelope of the parabolas over a line.
#[derive(Default)]
struct Envelope {
    /// Where each parabola stands, and from where on it is the lowest.
    parabolas: Vec<(usize, f64)>,
}

impl Envelope {
    fn lower(&mut self, line: &[f64], mut set: impl FnMut(usize, f64)) {
        self.parabolas.clear();
        for (at, height) in line.iter().enumerate() {
            let mut from = f64::NEG_INFINITY;
            while let Some(&(other, start)) = self.parabolas.last() {
                let (p, q) = (at as f64, other as f64);
                from = ((height + p * p) - (line[other] + q * q)) / (2.0 * (p - q));
                if from > start {
                    break;
                }
                self.parabolas.pop();
                from = f64::NEG_INFINITY;
            }
            self.parabolas.push((at, from));
        }
        let mut lowest = 0;
        for at in 0..line.len() {
            while self.parabolas.get(lowest + 1).is_some_and(|(_, from)| *from <= at as f64) {
                lowest += 1;
            }
            let other = self.parabolas[lowest].0;
            set(at, (at as f64 - other as f64).powi(2) + line[other]);
        }
    }
}
