//! A piece of the town as samples: which patch is seen from above, and how high it stands.

use super::geometry::{Point, point};
use super::town::{Patch, Top, Town};

/// "No patch": never left where the plan covers the ground.
pub const NOTHING: u32 = u32::MAX;

/// A grid of samples over the town, rows southwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lattice {
    /// The distance of neighbouring samples in metres.
    pub step_m: f64,
    /// Northing of the upper border of row 0, in metres of the town.
    pub top_m: f64,
    /// First column; samples lie in the middle of their cell.
    pub col: i64,
    /// First row.
    pub row: i64,
    /// Width.
    pub cols: usize,
    /// Height.
    pub rows: usize,
}

impl Lattice {
    /// Where a sample lies.
    pub fn position(&self, col: usize, row: usize) -> Point {
        point(self.easting(col), self.northing(row))
    }

    fn easting(&self, col: usize) -> f64 {
        ((self.col + col as i64) as f64 + 0.5) * self.step_m
    }

    fn northing(&self, row: usize) -> f64 {
        self.top_m - ((self.row + row as i64) as f64 + 0.5) * self.step_m
    }
}

/// The samples of a lattice.
pub struct Canvas {
    /// Where they lie.
    pub lattice: Lattice,
    /// The patch that is seen, by its place in [`Town::patches`].
    pub patch: Vec<u32>,
    /// Its height above the terrain in metres.
    pub top: Vec<f32>,
    /// The height of the bare ground above the terrain in metres (below it in the river).
    pub ground: Vec<f32>,
}

impl Canvas {
    /// Looks at the town from above.
    pub fn new(town: &Town, lattice: Lattice) -> Self {
        let samples = lattice.cols * lattice.rows;
        let mut canvas =
            Self { lattice, patch: vec![NOTHING; samples], top: vec![0.0; samples], ground: vec![0.0; samples] };
        for (index, patch) in town.patches.iter().enumerate() {
            canvas.fill(patch, index as u32);
        }
        canvas
    }

    fn fill(&mut self, patch: &Patch, index: u32) {
        let l = self.lattice;
        let row_below = |northing: f64| ((l.top_m - northing) / l.step_m - l.row as f64 - 0.5).ceil();
        let first = row_below(patch.bounds.max.y).max(0.0) as usize;
        let end = (row_below(patch.bounds.min.y) + 1.0).clamp(0.0, l.rows as f64) as usize;
        let col_after = |easting: f64| (easting / l.step_m - l.col as f64 - 0.5).ceil().clamp(0.0, l.cols as f64);
        if first >= end || col_after(patch.bounds.max.x) <= col_after(patch.bounds.min.x) {
            return;
        }
        let mut crossings = Vec::new();
        for row in first..end {
            cross(patch, l.northing(row), &mut crossings);
            for span in crossings.chunks_exact(2) {
                for col in col_after(span[0]) as usize..col_after(span[1]) as usize {
                    self.set(patch, index, (col, row));
                }
            }
        }
    }

    #[inline]
    fn set(&mut self, patch: &Patch, index: u32, (col, row): (usize, usize)) {
        let at = row * self.lattice.cols + col;
        match patch.top {
            Top::Ground(height) => {
                // What stands already stays, whatever is laid under it.
                if self.top[at] <= self.ground[at] {
                    self.top[at] = height;
                    self.patch[at] = index;
                }
                self.ground[at] = height;
            }
            standing => {
                let height = standing.height(self.lattice.position(col, row));
                if height >= self.top[at] {
                    self.top[at] = height;
                    self.patch[at] = index;
                }
            }
        }
    }
}

/// Where the outlines cross a parallel, in rising order.
fn cross(patch: &Patch, northing: f64, crossings: &mut Vec<f64>) {
    crossings.clear();
    for ring in &patch.rings {
        let mut a = ring[ring.len() - 1];
        for b in ring {
            if (a.y > northing) != (b.y > northing) {
                crossings.push(a.x + (northing - a.y) / (b.y - a.y) * (b.x - a.x));
            }
            a = *b;
        }
    }
    crossings.sort_unstable_by(f64::total_cmp);
}
