//! The lines that hold a shape together.

use std::collections::HashMap;

use geo::Coord;

use super::cells::Cells;

/// Cells of lines that are one cell wide, over a whole map.
pub(super) struct Skeleton {
    cols: usize,
    /// By row and column.
    cells: Vec<usize>,
    half_widths: Vec<f64>,
    place: HashMap<usize, usize>,
}

impl Skeleton {
    /// Of cells with half widths, for a map of so many columns. Cells near a seam between windows may go, where both
    /// windows together made the line wider than one cell.
    pub fn new(cols: usize, mut found: Vec<([usize; 2], f64)>, near_seam: impl Fn([usize; 2]) -> bool) -> Self {
        found.sort_unstable_by_key(|(at, _)| *at);
        // A column more, so that the first of a row is no neighbour of the last of the row before.
        let cols = cols + 2;
        let mut at: HashMap<usize, f64> =
            found.iter().map(|([row, col], r)| ((row + 1) * cols + col + 1, *r)).collect();
        for ([row, col], _) in found.into_iter().filter(|(at, _)| near_seam(*at)) {
            let cell = (row + 1) * cols + col + 1;
            let near = around(cell, cols).map(|c| at.contains_key(&c));
            if is_loose(near) && near.iter().filter(|n| **n).count() > 1 {
                at.remove(&cell);
            }
        }
        let mut cells: Vec<usize> = at.keys().copied().collect();
        cells.sort_unstable();
        let half_widths = cells.iter().map(|cell| at[cell]).collect();
        let place = cells.iter().enumerate().map(|(i, cell)| (*cell, i)).collect();
        Self { cols, cells, half_widths, place }
    }

    /// The number of cells.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// The middle of a cell.
    pub fn middle(&self, i: usize) -> Coord<f64> {
        let (row, col) = (self.cells[i] / self.cols - 1, self.cells[i] % self.cols - 1);
        Coord { x: col as f64 + 0.5, y: row as f64 + 0.5 }
    }

    /// Half the width of the road at a cell, in cells.
    pub fn half_width(&self, i: usize) -> f64 {
        self.half_widths[i]
    }

    /// The neighbours of a cell, clockwise from the one on the right.
    pub fn neighbours(&self, i: usize) -> impl Iterator<Item = usize> + use<'_> {
        around(self.cells[i], self.cols).into_iter().filter_map(|cell| self.place.get(&cell).copied())
    }
}

fn around(cell: usize, cols: usize) -> [usize; 8] {
    let (up, down) = (cell - cols, cell + cols);
    [cell + 1, down + 1, down, down - 1, cell - 1, up - 1, up, up + 1]
}

/// The cells that are left when all have gone that do not hold the shape together and are no ends, nearest to the border first.
pub(super) fn thinned(cells: &Cells, distance: &[f64]) -> Vec<bool> {
    let mut peel = Peel { cells, distance, left: cells.inside.clone() };
    let mut order: Vec<usize> = (0..distance.len()).filter(|&cell| cells.inside[cell]).collect();
    order.sort_by(|&a, &b| distance[a].total_cmp(&distance[b]).then(a.cmp(&b)));
    for level in order.chunk_by(|&a, &b| distance[a].total_cmp(&distance[b]).is_eq()) {
        peel.take(level);
    }
    peel.left
}

struct Peel<'a> {
    cells: &'a Cells,
    distance: &'a [f64],
    left: Vec<bool>,
}

impl Peel<'_> {
    /// Takes cells of one distance away, and nearer ones that this sets free.
    ///
    /// From above, below, left and right in turn, so that a strip of two cells becomes one of one and not shorter.
    fn take(&mut self, level: &[usize]) {
        let mut active = level.to_vec();
        while !active.is_empty() {
            let mut freed: Vec<usize> = Vec::new();
            for side in [6, 2, 4, 0] {
                // Those that are seen from this side before the first of them goes.
                let seen = |&cell: &usize| self.left[cell] && !self.left[self.cells.around(cell)[side]];
                for cell in active.iter().copied().filter(seen).collect::<Vec<_>>() {
                    if self.may_go(cell) {
                        self.left[cell] = false;
                        let nearer = |&c: &usize| self.left[c] && self.distance[c] <= self.distance[level[0]];
                        freed.extend(self.cells.around(cell).into_iter().filter(nearer));
                    }
                }
            }
            freed.sort_unstable();
            freed.dedup();
            active = freed;
        }
    }

    fn may_go(&self, cell: usize) -> bool {
        let near = self.cells.around(cell).map(|c| self.left[c]);
        is_loose(near) && near.iter().filter(|n| **n).count() > 1
    }
}

/// Whether the neighbours of a cell hold together without it: one run of them, seen around it, and an empty side
/// (C. J. Hilditch 1969: the crossing number for 8-connected shapes is 1).
fn is_loose(near: [bool; 8]) -> bool {
    let starts = |i: &usize| !near[*i] && (near[i + 1] || near[(i + 2) % 8]);
    [0, 2, 4, 6].iter().filter(|i| starts(i)).count() == 1
}
