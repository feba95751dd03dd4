//! Faces of one owner put together: the rings around them, and whose holes are whose.

use super::faces::Faces;
use super::graph::Graph;
use super::point::{Point, turn};
use super::rows::Rows;

/// A ring of halves that passes no node twice, with its owner on the left.
#[derive(Debug)]
struct Ring {
    halves: Vec<u32>,
    twice_area: i64,
    walk: u32,
}

/// A part of a region: its exterior and its holes, as halves.
#[derive(Debug)]
pub(super) struct Part {
    pub exterior: Vec<u32>,
    pub holes: Vec<Vec<u32>>,
    /// In steps of the lattice, squared.
    pub twice_area: i64,
}

/// The parts of the regions that are wanted, region by region.
pub(super) fn parts(graph: &Graph, faces: &Faces, wanted: impl Fn(u32) -> bool) -> Vec<(u32, Part)> {
    let mut walked = vec![false; graph.halves() as usize];
    let mut places = vec![None; graph.nodes];
    let mut rings: Vec<(u32, Ring)> = Vec::new();
    for first in 0..graph.halves() {
        let owner = faces.of(first);
        if walked[first as usize] || faces.of(first ^ 1) == owner || !wanted(owner) {
            continue;
        }
        let mut open: Vec<u32> = Vec::new();
        let mut half = first;
        while !std::mem::replace(&mut walked[half as usize], true) {
            part_ring(
                &mut open,
                graph.node(half),
                &mut places,
                |ring| rings.push((owner, told(graph, ring, first))),
                graph,
            );
            places[graph.node(half)] = Some(open.len());
            open.push(half);
            half = graph.next(half, |h| faces.of(h) == owner && faces.of(h ^ 1) == owner);
        }
        part_ring(
            &mut open,
            graph.node(first),
            &mut places,
            |ring| rings.push((owner, told(graph, ring, first))),
            graph,
        );
    }
    rings.sort_by_key(|(owner, ring)| (*owner, ring.halves.first().copied()));
    let mut out = Vec::new();
    while let Some((owner, _)) = rings.last() {
        let owner = *owner;
        let start = rings.partition_point(|(other, _)| *other < owner);
        let of_owner = rings.split_off(start).into_iter().map(|(_, ring)| ring).collect();
        out.extend(joined(graph, of_owner).into_iter().map(|part| (owner, part)));
    }
    out.reverse();
    out
}

/// Where a walk comes back to a node, what lies between is a ring.
fn part_ring(
    open: &mut Vec<u32>,
    node: usize,
    places: &mut [Option<usize>],
    take: impl FnOnce(Vec<u32>),
    graph: &Graph,
) {
    let Some(place) = places[node] else { return };
    let ring = open.split_off(place);
    ring.iter().for_each(|half| places[graph.node(*half)] = None);
    take(ring);
}

fn told(graph: &Graph, halves: Vec<u32>, walk: u32) -> Ring {
    let twice_area = halves.iter().fold(0_i64, |sum, half| sum.wrapping_add(graph.twice_area(*half)));
    Ring { halves, twice_area, walk }
}

/// Gives every hole to the exterior of its own walk, or to the smallest exterior around it.
fn joined(graph: &Graph, rings: Vec<Ring>) -> Vec<Part> {
    let (mut exteriors, holes): (Vec<Ring>, Vec<Ring>) =
        rings.into_iter().filter(|ring| ring.twice_area != 0).partition(|ring| ring.twice_area > 0);
    exteriors.sort_by_key(|ring| ring.twice_area);
    let mut parts: Vec<Part> = exteriors
        .iter()
        .map(|ring| Part { exterior: ring.halves.clone(), holes: Vec::new(), twice_area: ring.twice_area })
        .collect();
    let around = Around::new(graph, &exteriors);
    for hole in holes {
        let own = exteriors.iter().position(|exterior| exterior.walk == hole.walk);
        if let Some(owner) = own.or_else(|| around.holds(graph, &hole)) {
            parts[owner].twice_area += hole.twice_area;
            parts[owner].holes.push(hole.halves);
        }
    }
    parts
}

/// Exteriors of one region, found from holes.
struct Around {
    bounds: Vec<[Point; 2]>,
    rows: Vec<Option<Rows>>,
}

impl Around {
    /// All but the largest are looked into.
    fn new(graph: &Graph, exteriors: &[Ring]) -> Self {
        let points = |ring: &Ring| ring.halves.iter().flat_map(|half| graph.points(*half)).collect::<Vec<_>>();
        let (mut bounds, mut rows) = (Vec::new(), Vec::new());
        for ring in &exteriors[..exteriors.len().saturating_sub(1)] {
            let points = points(ring);
            let corner = |of: fn(i64, i64) -> i64| {
                points.iter().copied().reduce(|a, b| Point { x: of(a.x, b.x), y: of(a.y, b.y) })
            };
            let here = [corner(i64::min), corner(i64::max)].map(|c| c.unwrap_or(Point { x: 0, y: 0 }));
            let row = ((here[1].y - here[0].y) / (points.len() as i64 / 4).clamp(1, 1024)).max(1);
            let pairs = points.windows(2).map(|pair| (pair[0], pair[1], 0));
            rows.push(Some(Rows::new(pairs, row)));
            bounds.push(here);
        }
        Self { bounds, rows }
    }

    /// The smallest exterior around a hole, told by the hole's westernmost point.
    fn holds(&self, graph: &Graph, hole: &Ring) -> Option<usize> {
        let west = hole.halves.iter().flat_map(|half| graph.points(*half)).min()?;
        let inside = |number: &usize| {
            let [low, high] = self.bounds[*number];
            let within = low.x <= west.x && west.x <= high.x && low.y <= west.y && west.y <= high.y;
            within && self.rows[*number].as_ref().and_then(|rows| rows.west_of(west)).is_some_and(|(_, south)| south)
        };
        Some((0..self.bounds.len()).find(inside).unwrap_or(self.bounds.len()))
    }
}

/// Marks the nodes where more than two borders between different owners meet, and tells of each half whether it is such a border.
#[derive(Debug)]
pub(super) struct Junctions(Vec<u32>);

impl Junctions {
    pub fn new(graph: &Graph, faces: &Faces) -> Self {
        let mut degree = vec![0; graph.nodes];
        let borders = (0..graph.halves()).filter(|half| faces.of(*half) != faces.of(half ^ 1));
        borders.for_each(|half| degree[graph.node(half)] += 1);
        Self(degree)
    }

    pub fn has(&self, node: usize) -> bool {
        self.0[node] > 2
    }
}

/// The points of a ring, without those that `may_go` says are of no use to the shape and that lie on the straight way
/// between their neighbours. Both sides of a border leave out the same.
pub(super) fn points(
    graph: &Graph,
    (ring, junctions): (&[u32], &Junctions),
    may_go: impl Fn(Point) -> bool,
) -> Vec<Point> {
    let mut out = Vec::new();
    for (i, half) in ring.iter().enumerate() {
        let before = ring[(i + ring.len() - 1) % ring.len()];
        let mut here = graph.points(*half);
        let (at, next) = (here.next(), here.next());
        let last = graph.points(before).rev().nth(1);
        if let (Some(last), Some(at), Some(next)) = (last, at, next) {
            let bend = turn(last, at, next).unsigned_abs() as f64;
            let straight = bend <= 2.0 * next.minus(last).length() && at.minus(last).dot(next.minus(at)) > 0;
            if junctions.has(graph.node(*half)) || !straight || !may_go(at) {
                out.push(at);
            }
        }
        let inner = graph.points(*half).len().saturating_sub(2);
        out.extend(graph.points(*half).skip(1).take(inner));
    }
    out
}
