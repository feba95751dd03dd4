//! Chains that cross block borders, put together from the pieces that the blocks and seams hold.

use super::{
    block::{Chains, End},
    components::OUTSIDE,
    coverage::LatticePoint,
    graph::{Link, Target, arm_towards},
    lattice::BlockLattice,
    seams::Seams,
};

/// Where a chain of the whole comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// A chain of a block, complete in it.
    Block { block: u32, chain: u32 },
    /// A chain stitched together.
    Stitched(u32),
}

/// The chains that were stitched, in points of the grid.
#[derive(Debug, Default)]
pub(super) struct Stitched {
    pub(super) chains: Chains,
    /// Left and right component of each, among those of all blocks.
    pub(super) sides: Vec<[u32; 2]>,
    /// Start and end node of each, block nodes first, then those of the seams; nothing where closed.
    pub(super) nodes: Vec<Option<[u32; 2]>>,
}

/// Puts every chain together that a block does not hold complete.
pub(super) fn stitch(lattice: &BlockLattice<'_>, seams: Seams<'_>) -> Stitched {
    let used = vec![false; lattice.first_chain[lattice.blocks.len()] as usize];
    let mut needle = Needle { lattice, seams, used, out: Stitched::default() };
    needle.chains_of_block_nodes();
    needle.chains_of_seam_nodes();
    needle.closed_chains_through_blocks();
    needle.closed_chains_along_seams();
    needle.out
}

struct Needle<'a> {
    lattice: &'a BlockLattice<'a>,
    seams: Seams<'a>,
    /// Per chain of all blocks.
    used: Vec<bool>,
    out: Stitched,
}

/// A chain of a block with the direction in which it is passed.
#[derive(Debug, Clone, Copy)]
struct Piece {
    block: usize,
    chain: usize,
    reversed: bool,
}

impl Needle<'_> {
    fn chains_of_block_nodes(&mut self) {
        for block in 0..self.lattice.blocks.len() {
            for (chain, ends) in self.lattice.blocks[block].ends.iter().enumerate() {
                let reversed = match ends {
                    [End::Node(_), End::Port(_)] => false,
                    [End::Port(_), End::Node(_)] => true,
                    _ => continue,
                };
                let piece = Piece { block, chain, reversed };
                if self.is_used(piece) {
                    continue;
                }
                self.out.sides.push(self.sides(piece));
                let start = self.start_node(piece);
                let next = self.pass(piece);
                self.follow(next, start);
            }
        }
    }

    fn chains_of_seam_nodes(&mut self) {
        let block_nodes = self.lattice.first_node[self.lattice.blocks.len()];
        for index in 0..self.seams.graph.nodes.len() {
            for arm in 0..4 {
                let node = &mut self.seams.graph.nodes[index];
                let next = std::mem::replace(&mut node.arms[arm], Link::NONE);
                if next == Link::NONE {
                    continue;
                }
                let (at, sides) = (node.at, [node.quadrants[arm], node.quadrants[(arm + 1) % 4]]);
                self.out.sides.push(sides);
                self.push(at);
                self.follow(Next::Link(next, arm % 2 == 1), Some(block_nodes + index as u32));
            }
        }
    }

    /// Closed chains that pass a port: begun at any.
    fn closed_chains_through_blocks(&mut self) {
        for block in 0..self.lattice.blocks.len() {
            for &leaving in &self.lattice.blocks[block].ports {
                let piece = Piece { block, chain: leaving as usize / 2, reversed: leaving % 2 == 1 };
                if !self.is_used(piece) {
                    self.out.sides.push(self.sides(piece));
                    let next = self.pass(piece);
                    self.follow(next, None);
                }
            }
        }
    }

    /// Closed chains of seam cracks alone: around blocks of one colour.
    fn closed_chains_along_seams(&mut self) {
        for top in 0..self.seams.graph.tops.len() {
            let top = self.seams.graph.tops[top];
            let corner = self.seams.graph.corners[top.corner as usize];
            if corner.horizontal != Link::NONE {
                self.out.sides.push([top.outside, top.inside]);
                self.push(corner.at);
                self.seams.graph.corners[top.corner as usize].horizontal = Link::NONE;
                self.follow(Next::Link(corner.horizontal, true), None);
            }
        }
    }

    /// Follows the links to the end and closes the chain.
    fn follow(&mut self, mut next: Next, start: Option<u32>) {
        let block_nodes = self.lattice.first_node[self.lattice.blocks.len()];
        let end = loop {
            let (link, sideways) = match next {
                Next::Node(node) => break Some(node),
                Next::Link(link, sideways) => (link, sideways),
            };
            match link.target() {
                Target::Corner(index) => {
                    let corner = self.seams.graph.corners[index];
                    if corner.horizontal == Link::NONE {
                        break None;
                    }
                    let onward = if sideways { corner.vertical } else { corner.horizontal };
                    self.seams.graph.corners[index].horizontal = Link::NONE;
                    self.push(corner.at);
                    next = Next::Link(onward, !sideways);
                }
                Target::Node(index) => {
                    let at = self.seams.graph.nodes[index].at;
                    let last = self.last().unwrap_or(at);
                    self.seams.graph.nodes[index].arms[arm_towards(at, last)] = Link::NONE;
                    self.push(at);
                    break Some(block_nodes + index as u32);
                }
                Target::Port(port) => {
                    let piece = self.piece_at(port as u32);
                    if self.is_used(piece) {
                        break None;
                    }
                    next = self.pass(piece);
                }
                Target::None => break None,
            }
        };
        self.finish(start.zip(end).map(|(start, end)| [start, end]));
    }

    /// Closes a chain between two nodes, or one that returned to its start.
    fn finish(&mut self, nodes: Option<[u32; 2]>) {
        if nodes.is_none() {
            self.close_ring();
        }
        self.out.nodes.push(nodes);
        self.out.chains.close();
    }

    /// Turns a closed chain so that it starts at its first point in row-major order and goes east.
    fn close_ring(&mut self) {
        let from = self.out.chains.offsets[self.out.chains.len()];
        let ring = &mut self.out.chains.points[from..];
        let first = (0..ring.len()).min_by_key(|&i| (ring[i].row, ring[i].col)).unwrap_or(0);
        ring.rotate_left(first);
        if ring.len() > 1 && ring[1].row != ring[0].row {
            ring[1..].reverse();
            if let Some(sides) = self.out.sides.last_mut() {
                sides.reverse();
            }
        }
        let start = ring[0];
        self.out.chains.points.push(start);
    }

    /// Writes a piece without its ports, which are no vertices or are written by the seam, and tells what follows.
    fn pass(&mut self, piece: Piece) -> Next {
        let Piece { block, chain, reversed } = piece;
        self.used[self.lattice.first_chain[block] as usize + chain] = true;
        let source = self.lattice.blocks[block];
        let [mut start, mut end] = source.ends[chain];
        let points = source.chains.get(chain);
        let inner = usize::from(matches!(start, End::Port(_)))..points.len() - usize::from(matches!(end, End::Port(_)));
        let [col, row] = self.lattice.offset(block);
        let sideways = match (reversed, points) {
            (false, [.., a, b]) | (true, [b, a, ..]) => a.row == b.row,
            _ => false,
        };
        let moved = points[inner].iter().map(|p| LatticePoint { col: p.col + col, row: p.row + row });
        if reversed {
            std::mem::swap(&mut start, &mut end);
            self.out.chains.points.extend(moved.rev());
        } else {
            self.out.chains.points.extend(moved);
        }
        match end {
            End::Node(node) => Next::Node(self.lattice.first_node[block] + node),
            End::Port(port) => {
                Next::Link(self.seams.graph.ports[(self.lattice.first_port[block] + port) as usize], sideways)
            }
            End::Closed => Next::Link(Link::NONE, sideways),
        }
    }

    /// The piece that leaves a port into its block.
    fn piece_at(&self, port: u32) -> Piece {
        let block = self.lattice.first_port.partition_point(|&first| first <= port) - 1;
        let leaving = self.lattice.blocks[block].ports[(port - self.lattice.first_port[block]) as usize];
        Piece { block, chain: leaving as usize / 2, reversed: leaving % 2 == 1 }
    }

    fn is_used(&self, piece: Piece) -> bool {
        self.used[self.lattice.first_chain[piece.block] as usize + piece.chain]
    }

    fn sides(&self, piece: Piece) -> [u32; 2] {
        let first = self.lattice.first_component[piece.block];
        let mut sides = self.lattice.blocks[piece.block].sides[piece.chain].map(|component| first + component);
        if piece.reversed {
            sides.reverse();
        }
        debug_assert!(!sides.contains(&OUTSIDE));
        sides
    }

    fn start_node(&self, piece: Piece) -> Option<u32> {
        match self.lattice.blocks[piece.block].ends[piece.chain][usize::from(piece.reversed)] {
            End::Node(node) => Some(self.lattice.first_node[piece.block] + node),
            _ => None,
        }
    }

    fn push(&mut self, [col, row]: [u32; 2]) {
        self.out.chains.points.push(LatticePoint { col, row });
    }

    /// The last point of the chain that is being written.
    fn last(&self) -> Option<[u32; 2]> {
        let from = self.out.chains.offsets[self.out.chains.len()];
        self.out.chains.points[from..].last().map(|p| [p.col, p.row])
    }
}

/// What follows a piece: a link and whether it runs along a row, or the end.
#[derive(Debug, Clone, Copy)]
enum Next {
    Link(Link, bool),
    Node(u32),
}
