//! Blocks to a coverage.

use std::borrow::Borrow;

use super::{
    block::{BlockArcs, Chains, End},
    components::OUTSIDE,
    coverage::{Coverage, LatticePoint, NO_REGION, Region, RegionConfidence},
    graph::arm_towards,
    lattice::{BlockLattice, JoinError},
    rings::{Slots, assemble},
    seams::{Seams, sew},
    stitch::{Source, Stitched, stitch},
};
use crate::georef::Window;

/// Sews blocks of `grid` together, whatever their number and order: exactly the coverage of tracing them as one.
///
/// A block may be missing; the regions beside it are then provisional. The time is linear in the arcs of the blocks
/// (and n log n in their number), not in their pixels.
///
/// # Errors
/// When a block reaches beyond the grid, or the blocks are not cells of one lattice.
pub fn join<B: Borrow<BlockArcs>>(blocks: &[B], grid: &Window) -> Result<Coverage, JoinError> {
    let lattice = BlockLattice::new(blocks, grid)?;
    let seams = sew(&lattice);
    let (regions, region_of) = regions(&lattice, &seams);
    let seam_nodes = seams.graph.nodes.len();
    let stitched = stitch(&lattice, seams);
    let mut assembly = Assembly { lattice: &lattice, stitched: &stitched, region_of: &region_of, found: Vec::new() };
    assembly.find();
    assembly.found.sort_unstable_by_key(|found| (found.start, found.arm));
    let nodes = lattice.first_node[lattice.blocks.len()] as usize + seam_nodes;
    Ok(assembly.coverage(regions, nodes))
}

/// The regions in order, and which of them each component belongs to.
fn regions(lattice: &BlockLattice<'_>, seams: &Seams<'_>) -> (Vec<Region>, Vec<u32>) {
    let number_of = seams.sets.numbers();
    let mut parts: Vec<Region> = Vec::new();
    for (block, arcs) in lattice.blocks.iter().enumerate() {
        let first_component = lattice.first_component[block] as usize;
        for (i, &label) in arcs.tally.label.iter().enumerate() {
            let [row, col] = arcs.tally.first[i].map(i64::from);
            let confidence = arcs.tally.confidence_sum.get(i);
            let part = Region {
                index: 0,
                label,
                first_row: arcs.window.row + row,
                first_col: arcs.window.col + col,
                pixels: arcs.tally.pixels[i],
                confidence: confidence.map(|&sum| RegionConfidence { sum, min: arcs.tally.confidence_min[i] }),
                unknown_sum: arcs.tally.unknown_sum.get(i).copied(),
                provisional: seams.provisional[first_component + i],
            };
            match parts.get_mut(number_of[first_component + i] as usize) {
                Some(whole) => *whole = merged(whole, &part),
                None => parts.push(part),
            }
        }
    }
    let mut order: Vec<u32> = (0..parts.len() as u32).filter(|&i| parts[i as usize].label != 0).collect();
    order.sort_unstable_by_key(|&i| (parts[i as usize].first_row, parts[i as usize].first_col));
    let mut rank = vec![NO_REGION; parts.len()];
    let mut regions = Vec::with_capacity(order.len());
    for (index, &i) in order.iter().enumerate() {
        rank[i as usize] = index as u32;
        regions.push(Region { index, ..parts[i as usize] });
    }
    let region_of = number_of.iter().map(|number| rank[*number as usize]).collect();
    (regions, region_of)
}

/// Two parts of one region as one.
fn merged(a: &Region, b: &Region) -> Region {
    let (first_row, first_col) = (a.first_row, a.first_col).min((b.first_row, b.first_col));
    let confidence =
        a.confidence.zip(b.confidence).map(|(a, b)| RegionConfidence { sum: a.sum + b.sum, min: a.min.min(b.min) });
    let unknown_sum = a.unknown_sum.zip(b.unknown_sum).map(|(a, b)| a + b);
    let (pixels, provisional) = (a.pixels + b.pixels, a.provisional || b.provisional);
    Region { first_row, first_col, pixels, confidence, unknown_sum, provisional, ..*a }
}

/// A chain of the whole with what orders it: its start (row, column) and first arm.
#[derive(Debug, Clone, Copy)]
struct Found {
    start: (u32, u32),
    arm: u8,
    /// Whether its points are to be written from the last to the first.
    reversed: bool,
    source: Source,
}

struct Assembly<'a> {
    lattice: &'a BlockLattice<'a>,
    stitched: &'a Stitched,
    region_of: &'a [u32],
    found: Vec<Found>,
}

impl Assembly<'_> {
    /// Lists all chains that bound a region.
    fn find(&mut self) {
        for (index, block) in self.lattice.blocks.iter().enumerate() {
            for (chain, ends) in block.ends.iter().enumerate() {
                if !ends.iter().any(|end| matches!(end, End::Port(_))) {
                    self.push(Source::Block { block: index as u32, chain: chain as u32 });
                }
            }
        }
        for chain in 0..self.stitched.chains.len() {
            self.push(Source::Stitched(chain as u32));
        }
    }

    fn push(&mut self, source: Source) {
        if self.sides(source) == [NO_REGION; 2] {
            return;
        }
        let (points, [col, row]) = self.points(source);
        let end = |at: LatticePoint, next: LatticePoint| {
            let arm = arm_towards([at.col, at.row], [next.col, next.row]) as u8;
            ((at.row + row, at.col + col), arm)
        };
        let (forward, back) = match points {
            [first, second, .., before, last] => (end(*first, *second), end(*last, *before)),
            [first, last] => (end(*first, *last), end(*last, *first)),
            [first, middle, last] => (end(*first, *middle), end(*last, *middle)),
            _ => return,
        };
        // Closed chains are turned already, towards the east.
        let reversed = back < forward && self.nodes(source).is_some();
        let (start, arm) = if reversed { back } else { forward };
        self.found.push(Found { start, arm, reversed, source });
    }

    /// The points of a chain, and the offset to add to them.
    fn points(&self, source: Source) -> (&[LatticePoint], [u32; 2]) {
        match source {
            Source::Block { block, chain } => {
                (self.lattice.blocks[block as usize].chains.get(chain as usize), self.lattice.offset(block as usize))
            }
            Source::Stitched(chain) => (self.stitched.chains.get(chain as usize), [0, 0]),
        }
    }

    /// Left and right region.
    fn sides(&self, source: Source) -> [u32; 2] {
        match source {
            Source::Block { block, chain } => {
                let first = self.lattice.first_component[block as usize];
                self.lattice.blocks[block as usize].sides[chain as usize]
                    .map(|component| self.region_of[(first + component) as usize])
            }
            Source::Stitched(chain) => self.stitched.sides[chain as usize].map(|component| match component {
                OUTSIDE => NO_REGION,
                component => self.region_of[component as usize],
            }),
        }
    }

    /// Start and end node; nothing where closed.
    fn nodes(&self, source: Source) -> Option<[u32; 2]> {
        match source {
            Source::Block { block, chain } => {
                let first = self.lattice.first_node[block as usize];
                match self.lattice.blocks[block as usize].ends[chain as usize] {
                    [End::Node(start), End::Node(end)] => Some([first + start, first + end]),
                    _ => None,
                }
            }
            Source::Stitched(chain) => self.stitched.nodes[chain as usize],
        }
    }

    /// Writes the chains in order and puts the rings of the regions together.
    fn coverage(&self, regions: Vec<Region>, nodes: usize) -> Coverage {
        let mut chains = Chains::default();
        chains.offsets.reserve_exact(self.found.len());
        chains.points.reserve_exact(self.found.iter().map(|found| self.points(found.source).0.len()).sum());
        let mut sides = Vec::with_capacity(self.found.len());
        let mut slots = Slots::new(self.found.len(), nodes);
        for found in &self.found {
            let (points, [col, row]) = self.points(found.source);
            let moved = points.iter().map(|p| LatticePoint { col: p.col + col, row: p.row + row });
            let (mut left_right, mut ends) = (self.sides(found.source), self.nodes(found.source));
            if found.reversed {
                chains.points.extend(moved.rev());
                left_right.reverse();
                ends = ends.map(|[start, end]| [end, start]);
            } else {
                chains.points.extend(moved);
            }
            chains.close();
            slots.push(chains.get(sides.len()), ends);
            sides.push(left_right);
        }
        let rings = assemble(&slots, &sides, regions.len());
        Coverage { window: self.lattice.grid, chains, sides, regions, rings }
    }
}
