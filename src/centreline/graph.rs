//! Skeleton cells as a graph of paths between junctions.

use std::collections::BTreeMap;

use geo::Coord;

use super::skeleton::Skeleton;

/// A path between two junctions or ends, in cells.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    pub path: Vec<Coord<f64>>,
    /// Along the path, half the width of the road.
    pub radius: Vec<f64>,
    /// The junctions at its start and end; none where it is free.
    pub junctions: [Option<usize>; 2],
}

impl Edge {
    /// The length of the path.
    pub fn length(&self) -> f64 {
        self.path.windows(2).map(|w| distance(w[0], w[1])).sum()
    }

    /// The median width.
    pub fn width(&self) -> f64 {
        let mut radius = self.radius.clone();
        radius.sort_by(f64::total_cmp);
        radius.get(radius.len() / 2).map_or(0.0, |r| 2.0 * r)
    }

    /// Runs the other way.
    pub fn reversed(mut self) -> Self {
        self.path.reverse();
        self.radius.reverse();
        self.junctions.reverse();
        self
    }

    /// The path of this one and then of `next`, which starts where this one ends or across a gap.
    pub fn followed_by(mut self, next: &Self) -> Self {
        let shared = usize::from(self.path.last() == next.path.first());
        self.path.extend(&next.path[shared..]);
        self.radius.extend(&next.radius);
        Self { junctions: [self.junctions[0], next.junctions[1]], ..self }
    }
}

/// The distance of two positions.
pub(super) fn distance(a: Coord<f64>, b: Coord<f64>) -> f64 {
    (a.x - b.x).hypot(a.y - b.y)
}

/// Paths and the junctions where they meet.
pub(super) struct Graph {
    pub edges: Vec<Option<Edge>>,
    /// Half the width of the road at each junction.
    junction_radius: Vec<f64>,
}

impl Graph {
    /// Of skeleton cells that are one cell wide.
    pub fn of(skeleton: &Skeleton) -> Self {
        Tracer::new(skeleton).trace()
    }

    /// The edges that are left.
    pub fn into_edges(self) -> impl Iterator<Item = Edge> {
        self.edges.into_iter().flatten()
    }

    /// Takes branches away that reach less than `least` cells out of their road, the shortest at each junction first,
    /// and roads that are shorter than that.
    pub fn prune(&mut self, least: f64) {
        loop {
            let mut shortest: BTreeMap<usize, (f64, usize)> = BTreeMap::new();
            for (i, edge) in self.edges.iter().enumerate() {
                let Some(edge) = edge else { continue };
                let (junction, end) = match edge.junctions {
                    [Some(junction), None] => (junction, edge.radius.last()),
                    [None, Some(junction)] => (junction, edge.radius.first()),
                    _ => continue,
                };
                let reach = edge.length() - self.junction_radius[junction] + end.copied().unwrap_or(0.0);
                let found = shortest.entry(junction).or_insert((reach, i));
                if reach < found.0 {
                    *found = (reach, i);
                }
            }
            shortest.retain(|_, (reach, _)| *reach < least);
            if shortest.is_empty() {
                break;
            }
            for (_, i) in shortest.into_values() {
                self.edges[i] = None;
            }
            self.dissolve_junctions();
        }
        let ends = |e: &Edge| e.radius.first().unwrap_or(&0.0) + e.radius.last().unwrap_or(&0.0);
        let too_short = |e: &Edge| e.junctions == [None, None] && e.length() + ends(e) < least;
        self.edges.iter_mut().filter(|e| e.as_ref().is_some_and(too_short)).for_each(|e| *e = None);
    }

    /// Where two edges are left at a junction they become one; where one is left, its end is free.
    fn dissolve_junctions(&mut self) {
        let mut meeting: Vec<Vec<usize>> = vec![Vec::new(); self.junction_radius.len()];
        for (i, edge) in self.edges.iter().enumerate() {
            edge.iter().flat_map(|e| e.junctions).flatten().for_each(|junction| meeting[junction].push(i));
        }
        // An edge that was joined to another is found under its new number.
        let mut now: Vec<usize> = (0..self.edges.len()).collect();
        for (junction, edges) in meeting.into_iter().enumerate() {
            let follow = |mut i: usize| {
                while now[i] != i {
                    i = now[i];
                }
                i
            };
            match edges.as_slice() {
                [one] => {
                    if let Some(edge) = &mut self.edges[follow(*one)] {
                        edge.junctions.iter_mut().filter(|j| **j == Some(junction)).for_each(|j| *j = None);
                    }
                }
                [one, other] if follow(*one) != follow(*other) => {
                    let (one, other) = (follow(*one), follow(*other));
                    let [first, second] = [one, other].map(|i| self.edges[i].take());
                    let (Some(first), Some(second)) = (first, second) else { continue };
                    let first = if first.junctions[1] == Some(junction) { first } else { first.reversed() };
                    let second = if second.junctions[0] == Some(junction) { second } else { second.reversed() };
                    self.edges[one] = Some(first.followed_by(&second));
                    now[other] = one;
                }
                _ => {}
            }
        }
    }
}

/// Walks along skeleton cells.
struct Tracer<'a> {
    skeleton: &'a Skeleton,
    /// The number of the junction that a cell belongs to.
    junction: Vec<Option<usize>>,
    middles: Vec<Coord<f64>>,
    radius: Vec<f64>,
    walked: Vec<bool>,
}

impl<'a> Tracer<'a> {
    fn new(skeleton: &'a Skeleton) -> Self {
        let (junction, walked) = (vec![None; skeleton.len()], vec![false; skeleton.len()]);
        Self { skeleton, junction, middles: Vec::new(), radius: Vec::new(), walked }
    }

    fn trace(mut self) -> Graph {
        let lines = 0..self.skeleton.len();
        for cell in lines.clone() {
            if self.junction[cell].is_none() && self.neighbours(cell).count() > 2 {
                self.gather_junction(cell);
            }
        }
        let mut edges = Vec::new();
        let starts = lines.clone().filter(|&cell| self.junction[cell].is_some()).collect::<Vec<_>>();
        for cell in starts {
            let firsts: Vec<usize> = self.neighbours(cell).filter(|&c| self.junction[c].is_none()).collect();
            edges.extend(firsts.into_iter().filter_map(|first| self.walk(first, Some(cell))));
        }
        // Lines without a junction: from their ends, then rings from anywhere.
        let free = |tracer: &Self, cell: usize| tracer.junction[cell].is_none();
        let ends: Vec<usize> = lines.clone().filter(|&c| free(&self, c) && self.neighbours(c).count() == 1).collect();
        for cell in ends.into_iter().chain(lines) {
            if free(&self, cell) && self.neighbours(cell).count() > 0 {
                edges.extend(self.walk(cell, None));
            }
        }
        Graph { edges: edges.into_iter().map(Some).collect(), junction_radius: self.radius }
    }

    fn neighbours(&self, cell: usize) -> impl Iterator<Item = usize> + use<'a> {
        self.skeleton.neighbours(cell)
    }

    /// Cells with more than two neighbours that touch are one junction, in their mean.
    fn gather_junction(&mut self, first: usize) {
        let number = self.middles.len();
        let mut members = vec![first];
        self.junction[first] = Some(number);
        let mut next = 0;
        while let Some(&cell) = members.get(next) {
            next += 1;
            let crowded = |&c: &usize| self.junction[c].is_none() && self.neighbours(c).count() > 2;
            for there in self.neighbours(cell).filter(crowded).collect::<Vec<_>>() {
                self.junction[there] = Some(number);
                members.push(there);
            }
        }
        let sum = members.iter().fold(Coord::zero(), |sum, &c| sum + self.skeleton.middle(c));
        self.middles.push(sum / members.len() as f64);
        self.radius.push(members.iter().map(|&c| self.skeleton.half_width(c)).fold(0.0, f64::max));
    }

    /// From `first` on, away from the junction cell `from`.
    fn walk(&mut self, first: usize, from: Option<usize>) -> Option<Edge> {
        if self.walked[first] {
            return None;
        }
        let start = from.and_then(|cell| self.junction[cell]);
        let mut edge = Edge {
            path: start.map(|junction| self.middles[junction]).into_iter().collect(),
            radius: Vec::new(),
            junctions: [start, None],
        };
        let (mut before, mut cell) = (from, first);
        loop {
            self.walked[cell] = true;
            edge.path.push(self.skeleton.middle(cell));
            edge.radius.push(self.skeleton.half_width(cell));
            let ahead: Vec<usize> = self.neighbours(cell).filter(|&c| Some(c) != before).collect();
            // Beside the start a second cell of its junction may lie; that is behind.
            let met = |c: &&usize| self.junction[**c].is_some_and(|j| edge.path.len() > 2 || Some(j) != start);
            if let Some(junction) = ahead.iter().find(met).and_then(|&c| self.junction[c]) {
                edge.path.push(self.middles[junction]);
                edge.junctions[1] = Some(junction);
                return Some(edge);
            }
            let Some(&next) = ahead.iter().find(|&&c| self.junction[c].is_none() && !self.walked[c]) else {
                // A ring without a junction closes.
                if start.is_none() && edge.path.len() > 3 && ahead.contains(&first) {
                    edge.path.push(edge.path[0]);
                }
                return Some(edge);
            };
            (before, cell) = (Some(cell), next);
        }
    }
}
