//! Free ends: out to the border, and across gaps.

use geo::Coord;

use super::bits::BitGrid;
use super::graph::{Edge, Graph, distance};

/// Over how much of its path a free end's heading is taken.
const HEADING_M: f64 = 8.0;

/// Lets free ends go straight on to the border of the road.
///
/// Thinning has taken half a width away there, or led the line into a corner; so the last half width goes first.
pub(super) fn reach_border(graph: &mut Graph, roads: &BitGrid, cell_m: f64) {
    for edge in graph.edges.iter_mut().flatten() {
        for end in 0..2 {
            if edge.junctions[end].is_none() && edge.path.first() != edge.path.last() {
                reach_border_at(edge, end, roads, HEADING_M / cell_m);
            }
        }
    }
}

fn reach_border_at(edge: &mut Edge, end: usize, roads: &BitGrid, reach: f64) {
    let half_width = edge.width() / 2.0;
    let tip_before = tip(edge, end);
    while edge.path.len() > 2 && distance(tip(edge, end), tip_before) < 1.5 * half_width {
        let last = if end == 0 { 0 } else { edge.path.len() - 1 };
        edge.path.remove(last);
    }
    let (tip, ahead) = (tip(edge, end), heading(edge, end, reach));
    let steps = (1..=(8.0 * half_width) as u32 + 8).take_while(|&i| roads.contains(tip + ahead * (f64::from(i) / 2.0)));
    if let Some(last) = steps.last() {
        let reached = tip + ahead * (f64::from(last) / 2.0);
        if end == 0 { edge.path.insert(0, reached) } else { edge.path.push(reached) }
    }
}

/// Which free ends are joined.
pub(super) struct Bridges<'a> {
    /// The widest gap, in cells.
    pub gap: f64,
    /// The cosine of the largest angle.
    pub least_cos: f64,
    pub cell_m: f64,
    /// What no bridge crosses.
    pub blocked: &'a BitGrid,
}

impl Bridges<'_> {
    fn joins(&self, one: &End, other: &End) -> bool {
        one.edge != other.edge && one.faces(other, self.least_cos) && self.is_open(one.tip, other.tip)
    }

    fn is_open(&self, from: Coord<f64>, to: Coord<f64>) -> bool {
        let steps = (2.0 * distance(from, to)).ceil().max(1.0) as u32;
        (0..=steps).all(|i| !self.blocked.contains(from + (to - from) * (f64::from(i) / f64::from(steps))))
    }
}

/// Joins free ends that point at each other, the nearest first, and tells where.
pub(super) fn join(graph: &mut Graph, bridges: &Bridges) -> Vec<[End; 2]> {
    let ends = free_ends(graph, HEADING_M / bridges.cell_m);
    let mut pairs: Vec<(f64, usize, usize)> =
        near_pairs(&ends, bridges.gap).into_iter().filter(|&(_, i, j)| bridges.joins(&ends[i], &ends[j])).collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let (mut joined, mut made) = (vec![false; ends.len()], Vec::new());
    // Where the edge of a number has gone.
    let mut now: Vec<usize> = (0..graph.edges.len()).collect();
    for (_, i, j) in pairs {
        let follow = |mut e: usize| {
            while now[e] != e {
                e = now[e];
            }
            e
        };
        let (one, other) = (follow(ends[i].edge), follow(ends[j].edge));
        if joined[i] || joined[j] || one == other {
            continue;
        }
        let (Some(first), Some(second)) = (graph.edges[one].take(), graph.edges[other].take()) else { continue };
        let first = if first.path.last() == Some(&ends[i].tip) { first } else { first.reversed() };
        let second = if second.path.first() == Some(&ends[j].tip) { second } else { second.reversed() };
        graph.edges[one] = Some(first.followed_by(&second));
        now[other] = one;
        (joined[i], joined[j]) = (true, true);
        made.push([ends[i], ends[j]]);
    }
    made
}

/// A free end of an edge.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    edge: usize,
    pub tip: Coord<f64>,
    /// The direction in which the edge leaves there.
    pub ahead: Coord<f64>,
    /// Of the edge's road.
    pub width: f64,
}

impl End {
    /// Whether both point at each other within an angle.
    fn faces(&self, other: &Self, least_cos: f64) -> bool {
        let dot = |a: Coord<f64>, b: Coord<f64>| a.x * b.x + a.y * b.y;
        let way = other.tip - self.tip;
        let length = distance(self.tip, other.tip);
        // Over a cell or two the way says nothing.
        let at_each_other = length < 3.0
            || (dot(self.ahead, way) >= least_cos * length && -dot(other.ahead, way) >= least_cos * length);
        at_each_other && -dot(self.ahead, other.ahead) >= least_cos
    }
}

fn free_ends(graph: &Graph, reach: f64) -> Vec<End> {
    let of = |(edge, e): (usize, &Edge)| {
        let open = e.path.first() != e.path.last();
        let free: Vec<usize> = (0..2).filter(|&end| open && e.junctions[end].is_none()).collect();
        let width = e.width();
        free.into_iter()
            .map(move |end| End { edge, tip: tip(e, end), ahead: heading(e, end, reach), width })
            .collect::<Vec<_>>()
    };
    let edges = graph.edges.iter().enumerate().filter_map(|(i, e)| Some((i, e.as_ref()?)));
    edges.flat_map(of).collect()
}

/// Pairs of ends within a distance, by a sweep along x.
fn near_pairs(ends: &[End], gap: f64) -> Vec<(f64, usize, usize)> {
    let mut by_x: Vec<usize> = (0..ends.len()).collect();
    by_x.sort_by(|&a, &b| ends[a].tip.x.total_cmp(&ends[b].tip.x));
    let mut pairs = Vec::new();
    for (at, &i) in by_x.iter().enumerate() {
        for &j in by_x[at + 1..].iter().take_while(|&&j| ends[j].tip.x - ends[i].tip.x <= gap) {
            let apart = distance(ends[i].tip, ends[j].tip);
            if apart <= gap {
                pairs.push((apart, i.min(j), i.max(j)));
            }
        }
    }
    pairs
}

fn tip(edge: &Edge, end: usize) -> Coord<f64> {
    if end == 0 { edge.path[0] } else { edge.path[edge.path.len() - 1] }
}

/// The unit vector out of an end, from where the path was so far back.
fn heading(edge: &Edge, end: usize, reach: f64) -> Coord<f64> {
    let tip = tip(edge, end);
    let far = |p: &&Coord<f64>| distance(**p, tip) >= reach;
    let other = super::ends::tip(edge, 1 - end);
    let back = if end == 0 { edge.path.iter().find(far) } else { edge.path.iter().rev().find(far) };
    let way = tip - back.copied().unwrap_or(other);
    let length = way.x.hypot(way.y);
    if length > 0.0 { way / length } else { Coord::zero() }
}
