//! The cracks as a graph: corners, nodes, and ports where cracks leave the block.
//!
//! Only points where something happens are kept. A chain turns at every corner, so it alternates between horizontal and
//! vertical segments, and a corner needs one link of each kind.

use std::cmp::Ordering;

/// The arms of a lattice point, clockwise.
pub(super) const NORTH: usize = 0;
pub(super) const EAST: usize = 1;
pub(super) const SOUTH: usize = 2;
pub(super) const WEST: usize = 3;

/// What stands at the other end of a straight piece of cracks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link(u32);

/// A link, told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Corner(usize),
    Node(usize),
    Port(usize),
    None,
}

const INDEX: u32 = (1 << 30) - 1;

impl Link {
    pub(super) const NONE: Self = Self(u32::MAX);

    pub(super) fn corner(index: usize) -> Self {
        Self(index as u32)
    }

    pub(super) fn node(index: usize) -> Self {
        Self(1 << 30 | index as u32)
    }

    pub(super) fn port(index: usize) -> Self {
        Self(2 << 30 | index as u32)
    }

    pub(super) fn target(self) -> Target {
        let index = (self.0 & INDEX) as usize;
        match self.0 >> 30 {
            0 => Target::Corner(index),
            1 => Target::Node(index),
            2 => Target::Port(index),
            _ => Target::None,
        }
    }
}

/// A point where one chain turns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Corner {
    pub(super) at: [u32; 2],
    pub(super) horizontal: Link,
    pub(super) vertical: Link,
}

/// A point where three or four cracks meet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) at: [u32; 2],
    /// North, east, south, west.
    pub(super) arms: [Link; 4],
    /// Components north-west, north-east, south-east, south-west: those left of the arms, seen from the node.
    pub(super) quadrants: [u32; 4],
}

/// A corner open to the south-east, where a closed chain may have its first vertex.
#[derive(Debug, Clone, Copy)]
pub(super) struct Top {
    pub(super) corner: u32,
    pub(super) outside: u32,
    pub(super) inside: u32,
}

/// Corners, nodes and ports with their links.
#[derive(Debug, Default)]
pub(super) struct CrackGraph {
    pub(super) corners: Vec<Corner>,
    pub(super) nodes: Vec<Node>,
    pub(super) tops: Vec<Top>,
    /// Where each port leads.
    pub(super) ports: Vec<Link>,
}

impl CrackGraph {
    /// A corner without links.
    pub(super) fn push_corner(&mut self, at: [u32; 2]) -> Link {
        self.corners.push(Corner { at, horizontal: Link::NONE, vertical: Link::NONE });
        Link::corner(self.corners.len() - 1)
    }

    /// A corner open to the south and east, without links.
    pub(super) fn push_top(&mut self, at: [u32; 2], outside: u32, inside: u32) -> Link {
        self.tops.push(Top { corner: self.corners.len() as u32, outside, inside });
        self.push_corner(at)
    }

    /// A node without links.
    pub(super) fn push_node(&mut self, at: [u32; 2], quadrants: [u32; 4]) -> Link {
        self.nodes.push(Node { at, arms: [Link::NONE; 4], quadrants });
        Link::node(self.nodes.len() - 1)
    }

    /// Joins the arm of one thing to the opposite arm of another, which lies in that direction.
    pub(super) fn connect(&mut self, from: Link, arm: usize, to: Link) {
        self.set(from, arm, to);
        self.set(to, arm ^ 2, from);
    }

    fn set(&mut self, of: Link, arm: usize, to: Link) {
        match of.target() {
            Target::Corner(i) if arm == NORTH || arm == SOUTH => self.corners[i].vertical = to,
            Target::Corner(i) => self.corners[i].horizontal = to,
            Target::Node(i) => self.nodes[i].arms[arm] = to,
            Target::Port(i) => self.ports[i] = to,
            Target::None => {}
        }
    }
}

/// The arm of `at` that points towards `other`, which lies on the same row or column.
pub(super) fn arm_towards(at: [u32; 2], other: [u32; 2]) -> usize {
    match (other[0].cmp(&at[0]), other[1].cmp(&at[1])) {
        (Ordering::Greater, _) => EAST,
        (Ordering::Less, _) => WEST,
        (Ordering::Equal, Ordering::Greater) => SOUTH,
        (Ordering::Equal, _) => NORTH,
    }
}
