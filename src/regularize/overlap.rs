//! The exact area that two polygons share, without building the common polygon.
//!
//! Above a point x a polygon is a set of intervals: `Σ s·[y < y_edge(x)]` over its edges, `s` being +1 for an upper edge
//! and -1 for a lower one. The product of two such sums holds the lower of two edges in every term, so the shared area is
//! `Σ Σ s₁·s₂·∫ min(y₁(x), y₂(x)) dx` over all pairs of edges, holes included. Upright edges add nothing.

use super::ring::{Ring, edges};

/// Above this many pairs of edges the plane is cut into upright slabs, so that only near edges meet.
const FEW_PAIRS: usize = 1 << 15;

/// An edge that is not upright, from left to right.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    x: [f64; 2],
    y: [f64; 2],
    slope: f64,
    sign: f64,
}

/// The edges of rings that are not upright.
pub(super) fn slanted_edges(rings: &[Ring]) -> Vec<Edge> {
    let mut list = Vec::with_capacity(rings.iter().map(Vec::len).sum());
    for (a, b) in rings.iter().flat_map(|ring| edges(ring)) {
        // Counter-clockwise exteriors run left along their upper side.
        let (from, to, sign) = if a.x < b.x { (a, b, -1.0) } else { (b, a, 1.0) };
        if from.x < to.x {
            let slope = (to.y - from.y) / (to.x - from.x);
            list.push(Edge { x: [from.x, to.x], y: [from.y, to.y], slope, sign });
        }
    }
    list
}

/// The area, in square metres, that lies in both polygons.
pub(super) fn common_area(a: &[Edge], b: &[Edge]) -> f64 {
    if a.len() * b.len() <= FEW_PAIRS {
        return common_in(a.iter(), b, [f64::NEG_INFINITY, f64::INFINITY]);
    }
    let (a_span, b_span) = (span(a), span(b));
    let common = [a_span[0].max(b_span[0]), a_span[1].min(b_span[1])];
    if common[0] >= common[1] {
        return 0.0;
    }
    let slabs = Slabs { from: common[0], step: (common[1] - common[0]) / slab_count(a, b), count: slab_count(a, b) as usize };
    let (a_in, b_in) = (slabs.sort(a), slabs.sort(b));
    let slab = |i: usize| common_in(a_in[i].iter(), &b_in[i], slabs.bounds(i));
    (0..slabs.count).map(slab).sum()
}

fn slab_count(a: &[Edge], b: &[Edge]) -> f64 {
    (a.len().max(b.len()) / 32).max(1) as f64
}

fn span(edges: &[Edge]) -> [f64; 2] {
    edges.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |s, e| [s[0].min(e.x[0]), s[1].max(e.x[1])])
}

struct Slabs {
    from: f64,
    step: f64,
    count: usize,
}

impl Slabs {
    fn bounds(&self, i: usize) -> [f64; 2] {
        // The same product for the end of a slab and the start of the next.
        [self.from + self.step * i as f64, self.from + self.step * (i + 1) as f64]
    }

    fn sort(&self, edges: &[Edge]) -> Vec<Vec<Edge>> {
        let mut slabs = vec![Vec::new(); self.count];
        let slab = |x: f64| (((x - self.from) / self.step).max(0.0) as usize).min(self.count - 1);
        let end = self.bounds(self.count - 1)[1];
        for edge in edges.iter().filter(|e| e.x[0] < end && e.x[1] > self.from) {
            // One slab more on either side: a rounded division may err by one, an edge outside adds nothing.
            let (first, last) = (slab(edge.x[0]).saturating_sub(1), (slab(edge.x[1]) + 1).min(self.count - 1));
            for list in &mut slabs[first..=last] {
                list.push(*edge);
            }
        }
        slabs
    }
}

fn common_in<'a>(a: impl Iterator<Item = &'a Edge>, b: &[Edge], within: [f64; 2]) -> f64 {
    let mut sum = 0.0;
    for e in a {
        let (from, to) = (e.x[0].max(within[0]), e.x[1].min(within[1]));
        let mut under = 0.0;
        for f in b {
            let (from, to) = (from.max(f.x[0]), to.min(f.x[1]));
            if from < to {
                under += f.sign * lower_integral(e, f, [from, to]);
            }
        }
        sum += e.sign * under;
    }
    sum
}

/// The integral of the lower of two edges.
fn lower_integral(e: &Edge, f: &Edge, [from, to]: [f64; 2]) -> f64 {
    let at = |edge: &Edge, x: f64| edge.y[0] + (x - edge.x[0]) * edge.slope;
    let (e0, e1, f0, f1) = (at(e, from), at(e, to), at(f, from), at(f, to));
    let (d0, d1) = (e0 - f0, e1 - f1); // how far e lies above f
    let width = to - from;
    let above = if d0 <= 0.0 && d1 <= 0.0 {
        0.0
    } else if d0 >= 0.0 && d1 >= 0.0 {
        (d0 + d1) / 2.0
    } else {
        let d = d0.max(d1);
        d * d / (d0 - d1).abs() / 2.0
    };
    width * ((e0 + e1) / 2.0 - above)
}
