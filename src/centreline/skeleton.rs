//! The lines that hold a shape together.

use super::cells::Cells;

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
