//! The exact area that two polygons share, without building the common polygon.
//!
//! Above a point x a polygon is a set of intervals: `Σ s·[y < y_edge(x)]` over its edges, `s` being +1 for an upper edge
//! and -1 for a lower one. The product of two such sums holds the lower of two edges in every term, so the shared area is
//! `Σ Σ s₁·s₂·∫ min(y₁(x), y₂(x)) dx` over all pairs of edges, holes included. Upright edges add nothing.

use super::ring::{Ring, edges};

/// Above this many pairs of edges the plane is cut into upright slabs, so that only near edges meet.
const FEW_PAIRS: usize = 1 << 15;
/// So many edges are taken in one step.
const LANES: usize = 4;

/// An edge that is not upright, from left to right.
#[derive(Debug, Clone, Copy, Default)]
struct Edge {
    x: [f64; 2],
    /// Height where x is 0, and rise.
    line: [f64; 2],
    sign: f64,
}

/// The edges of a polygon that are not upright, in the layout that the sum wants.
#[derive(Debug, Clone, Default)]
pub(super) struct Edges {
    groups: Vec<Group>,
    last: usize,
}

/// Edges side by side; the empty places of the last group hold edges without width.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    left: [f64; LANES],
    right: [f64; LANES],
    height: [f64; LANES],
    slope: [f64; LANES],
    sign: [f64; LANES],
    /// From the leftmost to the rightmost.
    span: [f64; 2],
}

impl Edges {
    /// Of rings that are wound exterior counter-clockwise, holes clockwise.
    pub fn of(rings: &[Ring]) -> Self {
        let mut list = Self::default();
        list.groups.reserve(rings.iter().map(Vec::len).sum::<usize>() / LANES + 1);
        for (a, b) in rings.iter().flat_map(|ring| edges(ring)) {
            // Counter-clockwise exteriors run left along their upper side.
            let (from, to, sign) = if a.x < b.x { (a, b, -1.0) } else { (b, a, 1.0) };
            if from.x < to.x {
                let slope = (to.y - from.y) / (to.x - from.x);
                list.push(Edge { x: [from.x, to.x], line: [from.y - from.x * slope, slope], sign });
            }
        }
        list
    }

    /// The area, in square metres, that lies in both polygons.
    pub fn common_area(&self, other: &Self) -> f64 {
        if self.len() * other.len() <= FEW_PAIRS {
            return self.common_within(other, [f64::NEG_INFINITY, f64::INFINITY]);
        }
        let ([a0, a1], [b0, b1]) = (self.span(), other.span());
        let (from, to) = (a0.max(b0), a1.min(b1));
        if from >= to {
            return 0.0;
        }
        let count = (self.len().max(other.len()) / 32).max(1);
        let slabs = Slabs { from, step: (to - from) / count as f64, count };
        let (ours, theirs) = (slabs.sort(self), slabs.sort(other));
        (0..count).map(|i| ours[i].common_within(&theirs[i], slabs.bounds(i))).sum()
    }

    fn common_within(&self, other: &Self, within: [f64; 2]) -> f64 {
        let clipped = |f: Edge| Edge { x: [greater(f.x[0], within[0]), lesser(f.x[1], within[1])], ..f };
        other.iter().map(clipped).map(|f| f.sign * self.lower_integral(&f)).sum()
    }

    /// The signed sum of the integrals of the lower of `f` and each edge.
    fn lower_integral(&self, f: &Edge) -> f64 {
        let mut sums = [0.0; LANES];
        for e in self.groups.iter().filter(|e| e.span[0] < f.x[1] && e.span[1] > f.x[0]) {
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum += e.sign[i] * lower_integral(e.edge(i), f);
            }
        }
        sums.iter().sum()
    }

    fn push(&mut self, edge: Edge) {
        if self.last == 0 {
            self.groups.push(Group::default());
        }
        if let Some(group) = self.groups.last_mut() {
            let i = self.last;
            [group.left[i], group.right[i]] = edge.x;
            [group.height[i], group.slope[i]] = edge.line;
            group.sign[i] = edge.sign;
            let span = if i == 0 { edge.x } else { group.span };
            group.span = [lesser(span[0], edge.x[0]), greater(span[1], edge.x[1])];
        }
        self.last = (self.last + 1) % LANES;
    }

    fn len(&self) -> usize {
        self.groups.len() * LANES
    }

    fn iter(&self) -> impl Iterator<Item = Edge> {
        self.groups.iter().flat_map(|g| (0..LANES).map(|i| g.edge(i))).filter(|e| e.x[0] < e.x[1])
    }

    fn span(&self) -> [f64; 2] {
        self.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |s, e| [s[0].min(e.x[0]), s[1].max(e.x[1])])
    }
}

impl Group {
    fn edge(&self, i: usize) -> Edge {
        Edge { x: [self.left[i], self.right[i]], line: [self.height[i], self.slope[i]], sign: self.sign[i] }
    }
}

/// The integral of the lower of two edges over the x of both; without branches, since it is nearly all the work.
#[inline]
fn lower_integral(e: Edge, f: &Edge) -> f64 {
    let (from, to) = (greater(e.x[0], f.x[0]), lesser(e.x[1], f.x[1]));
    let width = greater(to - from, 0.0);
    let rise = [e.line[0] - f.line[0], e.line[1] - f.line[1]]; // of e above f
    let (d0, d1) = (rise[0] + rise[1] * from, rise[0] + rise[1] * to);
    // Where e lies above f throughout, the mean of its lead is (d0 + d1)/2; where they cross, d²/(|d0| + |d1|)/2 with the
    // positive d of the two: one formula for both, and for neither.
    let lead = greater(d0, 0.0) + greater(d1, 0.0);
    let above = lead * lead / (d0.abs() + d1.abs() + f64::MIN_POSITIVE);
    0.5 * width * (e.line[0] + e.line[0] + e.line[1] * (from + to) - above)
}

/// One instruction, unlike `f64::max`, which minds NaN.
#[inline]
fn greater(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

#[inline]
fn lesser(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// Upright strips of equal width.
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

    fn sort(&self, edges: &Edges) -> Vec<Edges> {
        let mut slabs = vec![Edges::default(); self.count];
        let slab = |x: f64| (((x - self.from) / self.step).max(0.0) as usize).min(self.count - 1);
        let end = self.bounds(self.count - 1)[1];
        for edge in edges.iter().filter(|e| e.x[0] < end && e.x[1] > self.from) {
            // One slab more on either side: a rounded division may err by one, an edge outside adds nothing.
            let (first, last) = (slab(edge.x[0]).saturating_sub(1), (slab(edge.x[1]) + 1).min(self.count - 1));
            for list in &mut slabs[first..=last] {
                list.push(edge);
            }
        }
        slabs
    }
}
