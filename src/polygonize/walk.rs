//! The crack graph of a block followed into chains.

use super::{
    block::{BlockArcs, Border, Chains, End, Rim},
    components::{DisjointSets, Tally},
    coverage::LatticePoint,
    graph::{CrackGraph, Link, Node, Target, arm_towards},
};
use crate::georef::Window;

/// A block while it is traced.
#[derive(Debug, Default)]
pub(super) struct Trace {
    pub(super) graph: CrackGraph,
    pub(super) sets: DisjointSets,
    pub(super) tally: Tally,
    ports: Vec<Port>,
    rims: [Rim; 4],
}

/// A crack that meets the block's border; `sides` are left and right of it, seen from the port.
#[derive(Debug, Clone, Copy)]
struct Port {
    at: [u32; 2],
    sides: [u32; 2],
}

impl Trace {
    /// Begins a border with its first run.
    pub(super) fn start_border(&mut self, border: Border, component: u32) {
        self.rims[border as usize] = Rim { starts: vec![0], components: vec![component], ports: vec![u32::MAX] };
    }

    /// A port where a new run starts on a border; `sides` are the components left and right of the crack, seen from
    /// the port into the block.
    pub(super) fn push_port(&mut self, border: Border, at: [u32; 2], sides: [u32; 2]) -> Link {
        let index = self.ports.len();
        self.ports.push(Port { at, sides });
        self.graph.ports.push(Link::NONE);
        let rim = &mut self.rims[border as usize];
        let (start, component) = match border {
            // Seen from the top the new run, to the east, is on the left.
            Border::Top => (at[0], sides[0]),
            Border::Bottom => (at[0], sides[1]),
            Border::Left => (at[1], sides[1]),
            Border::Right => (at[1], sides[0]),
        };
        rim.starts.push(start);
        rim.components.push(component);
        rim.ports.push(index as u32);
        Link::port(index)
    }

    /// Follows every chain and numbers the components.
    pub(super) fn into_arcs(self, window: Window) -> BlockArcs {
        let numbers = self.sets.numbers();
        let number = |component: &mut u32| *component = numbers[*component as usize];
        let mut walk = Walk::new(self.graph, self.ports);
        walk.chains_of_nodes();
        walk.chains_of_ports();
        walk.closed_chains();
        walk.sides.iter_mut().flatten().for_each(number);
        let mut rims = self.rims;
        rims.iter_mut().flat_map(|rim| &mut rim.components).for_each(number);
        BlockArcs {
            window,
            nodes: walk.graph.nodes.len() as u32,
            ports: walk.leaving,
            chains: walk.chains,
            ends: walk.ends,
            sides: walk.sides,
            rims,
            tally: self.tally.folded(&numbers),
        }
    }
}

/// Follows the links of a graph and writes chains; what was followed is unlinked.
struct Walk {
    graph: CrackGraph,
    ports: Vec<Port>,
    chains: Chains,
    ends: Vec<[End; 2]>,
    sides: Vec<[u32; 2]>,
    leaving: Vec<u32>,
}

impl Walk {
    fn new(graph: CrackGraph, ports: Vec<Port>) -> Self {
        let mut chains = Chains::default();
        chains.points.reserve_exact(graph.corners.len() + 3 * graph.nodes.len());
        let leaving = vec![u32::MAX; ports.len()];
        Self { graph, ports, chains, ends: Vec::new(), sides: Vec::new(), leaving }
    }

    fn chains_of_nodes(&mut self) {
        for node in 0..self.graph.nodes.len() {
            for arm in 0..4 {
                let Node { at, arms, quadrants } = self.graph.nodes[node];
                if arms[arm] == Link::NONE {
                    continue;
                }
                self.graph.nodes[node].arms[arm] = Link::NONE;
                self.sides.push([quadrants[arm], quadrants[(arm + 1) % 4]]);
                self.chain(at, arms[arm], arm % 2 == 1, End::Node(node as u32));
            }
        }
    }

    fn chains_of_ports(&mut self) {
        for port in 0..self.ports.len() {
            if self.leaving[port] != u32::MAX {
                continue;
            }
            let Port { at, sides } = self.ports[port];
            let first = self.graph.ports[port];
            self.leaving[port] = 2 * self.ends.len() as u32;
            self.sides.push(sides);
            let horizontal = self.leaves_sideways(at, first);
            self.chain(at, first, horizontal, End::Port(port as u32));
        }
    }

    /// Whether the first segment from a port runs along a row.
    fn leaves_sideways(&self, at: [u32; 2], first: Link) -> bool {
        let other = match first.target() {
            Target::Corner(i) => self.graph.corners[i].at,
            Target::Node(i) => self.graph.nodes[i].at,
            Target::Port(i) => self.ports[i].at,
            Target::None => at,
        };
        arm_towards(at, other) % 2 == 1
    }

    /// Chains that meet no node and no border start at their first corner in row-major order and go east.
    fn closed_chains(&mut self) {
        for top in 0..self.graph.tops.len() {
            let top = self.graph.tops[top];
            let corner = self.graph.corners[top.corner as usize];
            if corner.horizontal == Link::NONE {
                continue;
            }
            self.sides.push([top.outside, top.inside]);
            self.chain(corner.at, corner.horizontal, true, End::Closed);
        }
    }

    /// Writes the chain that starts at `at` by the link `next`.
    fn chain(&mut self, at: [u32; 2], mut next: Link, mut horizontal: bool, start: End) {
        self.push(at);
        let mut last = at;
        let end = loop {
            match next.target() {
                Target::Corner(i) => {
                    let corner = &mut self.graph.corners[i];
                    next = if horizontal { corner.vertical } else { corner.horizontal };
                    corner.horizontal = Link::NONE;
                    last = corner.at;
                    horizontal = !horizontal;
                    self.push(last);
                    if start == End::Closed && last == at {
                        break End::Closed;
                    }
                }
                Target::Node(i) => {
                    let node = &mut self.graph.nodes[i];
                    let point = node.at;
                    node.arms[arm_towards(point, last)] = Link::NONE;
                    self.push(point);
                    break End::Node(i as u32);
                }
                Target::Port(i) => {
                    self.leaving[i] = 2 * self.ends.len() as u32 + 1;
                    self.push(self.ports[i].at);
                    break End::Port(i as u32);
                }
                Target::None => break End::Closed,
            }
        };
        self.chains.close();
        self.ends.push([start, end]);
    }

    fn push(&mut self, [col, row]: [u32; 2]) {
        self.chains.points.push(LatticePoint { col, row });
    }
}
