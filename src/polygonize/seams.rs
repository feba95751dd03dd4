//! The cracks along the borders of blocks, which no block knows alone.
//!
//! A seam is swept like a row, but only where something meets it: the ports of the blocks on both sides, and the corners
//! of blocks. Where a neighbour is missing, and around the grid, lies the outside.

use super::{
    block::Border,
    components::{DisjointSets, OUTSIDE},
    graph::{CrackGraph, EAST, Link, NORTH, SOUTH, WEST},
    lattice::BlockLattice,
};

/// The seams of a lattice as a graph whose ports are those of all blocks, and what they say about components.
pub(super) struct Seams<'a> {
    lattice: &'a BlockLattice<'a>,
    pub(super) graph: CrackGraph,
    /// Over the components of all blocks.
    pub(super) sets: DisjointSets,
    /// Per component: whether a block is missing beside it.
    pub(super) provisional: Vec<bool>,
    labels: Vec<u32>,
    /// Columns at which blocks start or end.
    cuts: Vec<u32>,
    /// Per cut: the upper end of the crack that comes down along it.
    falling: Vec<Link>,
}

/// A run of one component along a seam; `port` is where the run starts, absent at the corners of blocks.
#[derive(Debug, Clone, Copy)]
struct Run {
    start: u32,
    component: u32,
    port: Link,
}

/// Finds all cracks along the borders of the blocks.
pub(super) fn sew<'a>(lattice: &'a BlockLattice<'a>) -> Seams<'a> {
    let mut cuts: Vec<u32> = lattice.cols.iter().flat_map(|band| [band.start, band.end]).collect();
    cuts.dedup();
    let labels: Vec<u32> = lattice.blocks.iter().flat_map(|b| b.tally.label.iter().copied()).collect();
    let ports = vec![Link::NONE; lattice.first_port[lattice.blocks.len()] as usize];
    let graph = CrackGraph { ports, ..CrackGraph::default() };
    let mut seams = Seams {
        lattice,
        graph,
        sets: DisjointSets::new(labels.len()),
        provisional: vec![false; labels.len()],
        labels,
        falling: vec![Link::NONE; cuts.len()],
        cuts,
    };
    for row in 0..lattice.rows.len() {
        if row == 0 || lattice.rows[row - 1].end < lattice.rows[row].start {
            seams.across(None, Some(row));
        }
        seams.down(row);
        let next = row + 1;
        let adjoins = lattice.rows.get(next).is_some_and(|band| band.start == lattice.rows[row].end);
        seams.across(Some(row), adjoins.then_some(next));
    }
    seams
}

impl Seams<'_> {
    /// The seam between two bands of rows, or between one and the outside.
    fn across(&mut self, above: Option<usize>, below: Option<usize>) {
        let rows = &self.lattice.rows;
        let Some(at_row) = above.map(|r| rows[r].end).or(below.map(|r| rows[r].start)) else { return };
        let mut runs = [Vec::new(), Vec::new()];
        for (col, band) in self.lattice.cols.iter().enumerate() {
            for (side, row, border) in [(0, above, Border::Bottom), (1, below, Border::Top)] {
                let block = row.and_then(|row| self.lattice.block(row, col));
                self.push_runs(&mut runs[side], band.start, block.map(|block| (block, border)));
                if self.lattice.cols.get(col + 1).is_none_or(|next| next.start > band.end) {
                    runs[side].push(Run { start: band.end, component: OUTSIDE, port: Link::NONE });
                }
            }
        }
        let inner = at_row > 0 && at_row < self.lattice.grid.rows;
        let (mut west, mut cut) = (Link::NONE, 0);
        merged(
            &runs,
            |seams, start, before, after, ports| {
                let quadrants = [before[0], after[0], after[1], before[1]];
                let mut links = [ports[0], Link::NONE, ports[1], west];
                while seams.cuts[cut] < start {
                    cut += 1;
                }
                let at_cut = seams.cuts[cut] == start;
                if at_cut {
                    links[NORTH] = seams.falling[cut];
                }
                let here = seams.meet([start, at_row], quadrants, links);
                west = if seams.differ(after[0], after[1]) { here } else { Link::NONE };
                if at_cut {
                    seams.falling[cut] = if seams.differ(before[1], after[1]) { here } else { Link::NONE };
                }
                seams.touch(after, inner);
            },
            self,
        );
    }

    /// The seams between the blocks of one band of rows.
    fn down(&mut self, row: usize) {
        let band = self.lattice.rows[row];
        for cut in 0..self.cuts.len() {
            let col = self.cuts[cut];
            let cols = &self.lattice.cols;
            let find = |found: Result<usize, usize>| found.ok().and_then(|col| self.lattice.block(row, col));
            let left = find(cols.binary_search_by_key(&col, |b| b.end)).map(|block| (block, Border::Right));
            let right = find(cols.binary_search_by_key(&col, |b| b.start)).map(|block| (block, Border::Left));
            if left.is_none() && right.is_none() {
                continue;
            }
            let mut runs = [Vec::new(), Vec::new()];
            self.push_runs(&mut runs[0], band.start, left);
            self.push_runs(&mut runs[1], band.start, right);
            let inner = col > 0 && col < self.lattice.grid.cols;
            merged(
                &runs,
                |seams, start, before, after, ports| {
                    if start > band.start {
                        let quadrants = [before[0], before[1], after[1], after[0]];
                        let links = [seams.falling[cut], ports[1], Link::NONE, ports[0]];
                        let here = seams.meet([col, start], quadrants, links);
                        seams.falling[cut] = if seams.differ(after[0], after[1]) { here } else { Link::NONE };
                    }
                    seams.touch(after, inner);
                },
                self,
            );
        }
    }

    /// Adds the runs along a border of a block, or one of the outside.
    fn push_runs(&self, runs: &mut Vec<Run>, start: u32, border: Option<(usize, Border)>) {
        let Some((block, border)) = border else {
            runs.push(Run { start, component: OUTSIDE, port: Link::NONE });
            return;
        };
        let rim = self.lattice.blocks[block].rim(border);
        let (first_component, first_port) = (self.lattice.first_component[block], self.lattice.first_port[block]);
        runs.extend(rim.starts.iter().zip(&rim.components).zip(&rim.ports).map(|((&at, &component), &port)| Run {
            start: start + at,
            component: first_component + component,
            port: if at == 0 { Link::NONE } else { Link::port((first_port + port) as usize) },
        }));
    }

    /// Whether there is a crack between pixels of two components.
    fn differ(&self, a: u32, b: u32) -> bool {
        a != b && (a == OUTSIDE || b == OUTSIDE || self.labels[a as usize] != self.labels[b as usize])
    }

    /// What lies on both sides of a piece of a seam: one component, a border, or a border with the outside.
    fn touch(&mut self, [a, b]: [u32; 2], inner: bool) {
        match (a == OUTSIDE, b == OUTSIDE) {
            (true, false) => self.provisional[b as usize] |= inner,
            (false, true) => self.provisional[a as usize] |= inner,
            (false, false) if !self.differ(a, b) => self.sets.unite(a, b),
            _ => {}
        }
    }

    /// Makes what stands at a lattice point of a seam and joins it to what its links lead to; a crack whose link is not
    /// known yet is to be joined to the answer.
    fn meet(&mut self, at: [u32; 2], quadrants: [u32; 4], links: [Link; 4]) -> Link {
        let present = [0, 1, 2, 3].map(|arm| self.differ(quadrants[arm], quadrants[(arm + 1) % 4]));
        let here = match present {
            [false, false, false, false] => return Link::NONE,
            [true, false, true, false] => return self.pass(links, SOUTH),
            [false, true, false, true] => return self.pass(links, EAST),
            [false, true, true, false] => self.graph.push_top(at, quadrants[0], quadrants[2]),
            _ if present.iter().filter(|arm| **arm).count() == 2 => self.graph.push_corner(at),
            _ => self.graph.push_node(at, quadrants),
        };
        for arm in [NORTH, EAST, SOUTH, WEST] {
            if present[arm] && links[arm] != Link::NONE {
                self.graph.connect(here, arm, links[arm]);
            }
        }
        here
    }

    /// A crack that goes straight on.
    fn pass(&mut self, links: [Link; 4], forward: usize) -> Link {
        let back = links[forward ^ 2];
        if links[forward] != Link::NONE {
            self.graph.connect(back, forward, links[forward]);
        }
        back
    }
}

/// Visits the places at which a run starts on either side, in order, with the components before and after it and the
/// ports there.
fn merged<S>(runs: &[Vec<Run>; 2], mut visit: impl FnMut(&mut S, u32, [u32; 2], [u32; 2], [Link; 2]), state: &mut S) {
    let mut next = [0, 0];
    let mut before = [OUTSIDE; 2];
    while let Some(start) = (0..2).filter_map(|s| runs[s].get(next[s]).map(|run| run.start)).min() {
        let mut after = before;
        let mut ports = [Link::NONE; 2];
        for side in 0..2 {
            if let Some(run) = runs[side].get(next[side]).filter(|run| run.start == start) {
                after[side] = run.component;
                ports[side] = run.port;
                next[side] += 1;
            }
        }
        visit(state, start, before, after, ports);
        before = after;
    }
}
