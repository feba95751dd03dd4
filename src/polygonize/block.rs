//! The arcs of one block, and what its borders need to be joined.

use super::{components::Tally, coverage::LatticePoint};
use crate::georef::Window;

/// A side of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Border {
    Top,
    Right,
    Bottom,
    Left,
}

/// What lies along one side of a block, from left to right or from top to bottom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rim {
    /// Where each run of one component starts, in pixels from the block's corner; the first is 0.
    pub(super) starts: Vec<u32>,
    /// The component of each run.
    pub(super) components: Vec<u32>,
    /// The port at the start of each run but the first; `ports[0]` means nothing.
    pub(super) ports: Vec<u32>,
}

/// Where an arc of a block ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// At a node of the block, by index.
    Node(u32),
    /// At a port, by index: it goes on in the neighbour or along the seam.
    Port(u32),
    /// Nowhere: the arc is closed.
    Closed,
}

/// The traced arcs of one block, with its components and borders: all that [`super::join()`] needs of it.
///
/// Keep it per block and join again when a block arrives or changes; it takes memory by border length, not by pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockArcs {
    pub(super) window: Window,
    /// Chains of lattice points relative to the block's corner.
    pub(super) chains: Chains,
    /// Start and end of each chain.
    pub(super) ends: Vec<[End; 2]>,
    /// Left and right component of each chain.
    pub(super) sides: Vec<[u32; 2]>,
    pub(super) nodes: u32,
    /// The chain that leaves each port: twice its index, plus 1 where it leaves against its direction.
    pub(super) ports: Vec<u32>,
    /// By [`Border`].
    pub(super) rims: [Rim; 4],
    pub(super) tally: Tally,
}

impl BlockArcs {
    /// The pixels it was traced from.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }

    pub(super) fn rim(&self, border: Border) -> &Rim {
        &self.rims[border as usize]
    }
}

/// Many chains of points, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chains {
    pub(super) points: Vec<LatticePoint>,
    /// Where each chain starts in `points`, and the end of the last.
    pub(super) offsets: Vec<usize>,
}

impl Default for Chains {
    fn default() -> Self {
        Self { points: Vec::new(), offsets: vec![0] }
    }
}

impl Chains {
    pub(super) fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    pub(super) fn get(&self, index: usize) -> &[LatticePoint] {
        &self.points[self.offsets[index]..self.offsets[index + 1]]
    }

    /// Ends the chain whose points were just pushed.
    pub(super) fn close(&mut self) {
        self.offsets.push(self.points.len());
    }
}
