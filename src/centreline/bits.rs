//! One bit per cell of a whole map: half a megabyte per square kilometre.

use geo::Coord;

/// Which cells of a map are meant.
pub(super) struct BitGrid {
    cols: usize,
    words: Vec<u64>,
}

impl BitGrid {
    /// None.
    pub fn new(cols: usize, rows: usize) -> Self {
        Self { cols, words: vec![0; (cols * rows).div_ceil(64)] }
    }

    /// Adds a cell.
    pub fn set(&mut self, [row, col]: [usize; 2]) {
        let cell = row * self.cols + col;
        self.words[cell / 64] |= 1 << (cell % 64);
    }

    /// Whether a position lies in a cell that is meant.
    pub fn contains(&self, p: Coord<f64>) -> bool {
        if p.x < 0.0 || p.y < 0.0 || p.x as usize >= self.cols {
            return false;
        }
        let cell = p.y as usize * self.cols + p.x as usize;
        self.words.get(cell / 64).is_some_and(|word| word >> (cell % 64) & 1 == 1)
    }
}
