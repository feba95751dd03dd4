//! A ring prepared once for all tolerances: what each vertex is worth, and sums from which any wall is fitted.

use geo::Coord;

use super::ring::{Ring, cross, dot, edges, left, length};

/// Beyond this many vertices a piece is halved without looking for its farthest vertex, which bounds the search.
const LONGEST_PIECE: usize = 2048;

/// A ring, the vertices that each tolerance keeps (Douglas and Peucker 1973) and running sums along its border.
pub(super) struct Trace {
    /// The vertices; the first is the farthest from their mean, so rather a corner.
    pub points: Ring,
    /// Before each vertex, and one more for the whole ring.
    sums: Vec<Sums>,
    /// The vertices that each tolerance keeps.
    levels: Vec<Vec<usize>>,
}

/// Length, first and second moments of a stretch of border, its length being the weight.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    pub length: f64,
    pub x: f64,
    pub y: f64,
    pub xx: f64,
    pub xy: f64,
    pub yy: f64,
    /// The sum of the cross products of consecutive vertices.
    cross: f64,
}

impl Sums {
    fn plus(self, o: Self, sign: f64) -> Self {
        Self {
            length: self.length + sign * o.length,
            x: self.x + sign * o.x,
            y: self.y + sign * o.y,
            xx: self.xx + sign * o.xx,
            xy: self.xy + sign * o.xy,
            yy: self.yy + sign * o.yy,
            cross: self.cross + sign * o.cross,
        }
    }

    fn of_edge(a: Coord<f64>, b: Coord<f64>) -> Self {
        let (d, m) = (b - a, (a + b) / 2.0);
        let length = length(d);
        let second = |m1: f64, m2: f64, d1: f64, d2: f64| length * (m1 * m2 + d1 * d2 / 12.0);
        Self {
            length,
            x: length * m.x,
            y: length * m.y,
            xx: second(m.x, m.x, d.x, d.x),
            xy: second(m.x, m.y, d.x, d.y),
            yy: second(m.y, m.y, d.y, d.y),
            cross: cross(a, b),
        }
    }
}

impl Trace {
    /// Prepares a ring of at least three vertices for tolerances in rising order.
    pub fn new(mut points: Ring, tolerances_m: &[f64]) -> Self {
        let sum = points.iter().fold(Coord::zero(), |sum, &p| sum + p);
        let first = farthest(&points, sum / points.len() as f64);
        points.rotate_left(first);
        let importance_m = importance(&points, tolerances_m.first().copied().unwrap_or(0.0));
        let mut sums = Vec::with_capacity(points.len() + 1);
        let mut so_far = Sums::default();
        sums.push(so_far);
        for (a, b) in edges(&points) {
            so_far = so_far.plus(Sums::of_edge(a, b), 1.0);
            sums.push(so_far);
        }
        let mut levels: Vec<Vec<usize>> = Vec::with_capacity(tolerances_m.len());
        for tolerance_m in tolerances_m {
            let keeps = |i: &usize| importance_m[*i] >= *tolerance_m;
            levels.push(match levels.last() {
                Some(finer) => finer.iter().copied().filter(keeps).collect(),
                None => (0..points.len()).filter(keeps).collect(),
            });
        }
        Self { points, sums, levels }
    }

    /// The vertices that the tolerance of this number keeps.
    pub fn ring_at(&self, level: usize) -> Ring {
        self.levels[level].iter().map(|&i| self.points[i]).collect()
    }

    /// The vertices that the tolerance of this number keeps, in order.
    pub fn level(&self, level: usize) -> &[usize] {
        &self.levels[level]
    }

    /// The edges between the vertices that the tolerance of this number keeps.
    pub fn edges_at(&self, level: usize) -> impl Iterator<Item = (usize, usize)> {
        let kept = &self.levels[level];
        kept.iter().copied().zip(kept.iter().skip(1).chain(kept.first()).copied())
    }

    /// The straight way between two vertices.
    pub fn chord(&self, (from, to): (usize, usize)) -> Coord<f64> {
        self.points[to] - self.points[from]
    }

    /// The sums from vertex `from` on to vertex `to`, over the end of the ring where `to` is not behind `from`.
    pub fn between(&self, from: usize, to: usize) -> Sums {
        let stretch = self.sums[to].plus(self.sums[from], -1.0);
        if to > from { stretch } else { stretch.plus(self.sums[self.points.len()], 1.0) }
    }

    /// How far left of the origin the line along `u` (a unit vector) lies that has as much area on either side of it,
    /// up to the stretch from vertex `from` to vertex `to`. What goes forth and back, such as a slit, cancels out.
    pub fn offset_m(&self, from: usize, to: usize, u: Coord<f64>) -> f64 {
        let (a, b) = (self.points[from], self.points[to]);
        let stretch = self.between(from, to);
        let (forward, normal) = (dot(b - a, u), left(u));
        if forward.abs() < 0.5 * length(b - a) || forward == 0.0 {
            return (normal.x * stretch.x + normal.y * stretch.y) / stretch.length;
        }
        // ∫ (normal·p)(u·dp) from ∫ x dx, ∫ y dy, ∫ x dy and ∫ y dx; the last two differ by the cross products.
        let (xx, yy, xy) = ((b.x * b.x - a.x * a.x) / 2.0, (b.y * b.y - a.y * a.y) / 2.0, b.x * b.y - a.x * a.y);
        let (x_dy, y_dx) = (f64::midpoint(xy, stretch.cross), f64::midpoint(xy, -stretch.cross));
        (normal.x * (u.x * xx + u.y * x_dy) + normal.y * (u.x * y_dx + u.y * yy)) / forward
    }

    /// The stretch without its ends: a fifth of it at most, or `trim_m`, since corners are rounded.
    pub fn trimmed(&self, from: usize, to: usize, trim_m: f64) -> (usize, usize) {
        let n = self.points.len();
        let trim_m = trim_m.min(self.length_m(from, to) / 5.0);
        let (mut start, mut end) = (from, to);
        let (after, before) =
            (|i: usize| if i + 1 == n { 0 } else { i + 1 }, |i: usize| if i == 0 { n - 1 } else { i - 1 });
        while after(start) != end && self.length_m(from, after(start)) <= trim_m {
            start = after(start);
        }
        while before(end) != start && self.length_m(before(end), to) <= trim_m {
            end = before(end);
        }
        (start, end)
    }

    fn length_m(&self, from: usize, to: usize) -> f64 {
        let length = self.sums[to].length - self.sums[from].length;
        if to > from { length } else { length + self.sums[self.points.len()].length }
    }
}

fn farthest(points: &[Coord<f64>], from: Coord<f64>) -> usize {
    let distance2 = |p: Coord<f64>| dot(p - from, p - from);
    let mut best = (0, -1.0);
    for (i, &p) in points.iter().enumerate() {
        if distance2(p) > best.1 {
            best = (i, distance2(p));
        }
    }
    best.0
}

/// The nested Douglas-Peucker tolerances of a ring that is split at its first vertex and the one farthest from it.
fn importance(points: &[Coord<f64>], least_m: f64) -> Vec<f64> {
    let n = points.len();
    let opposite = farthest(points, points[0]);
    let mut worth2 = vec![0.0; n];
    worth2[0] = f64::INFINITY;
    worth2[opposite] = f64::INFINITY;
    let mut pieces = vec![(0, opposite, f64::INFINITY), (opposite, n, f64::INFINITY)];
    while let Some((from, to, limit)) = pieces.pop() {
        if to - from < 2 {
            continue;
        }
        let (at, distance2) = if to - from > LONGEST_PIECE {
            (usize::midpoint(from, to), limit)
        } else {
            let (at, distance2) = farthest_from_chord(points, from, to);
            (at, distance2.min(limit))
        };
        if distance2 < least_m * least_m {
            continue;
        }
        worth2[at] = distance2;
        pieces.push((from, at, distance2));
        pieces.push((at, to, distance2));
    }
    worth2.iter().map(|w| w.sqrt()).collect()
}

/// The vertex between two others that is farthest from their chord, and the square of its distance.
fn farthest_from_chord(points: &[Coord<f64>], from: usize, to: usize) -> (usize, f64) {
    let (a, b) = (points[from], points[to % points.len()]);
    let chord = b - a;
    let inverse = 1.0 / dot(chord, chord).max(f64::MIN_POSITIVE);
    let mut best = (from + 1, -1.0);
    for (i, &p) in points[from + 1..to].iter().enumerate() {
        let t = (dot(p - a, chord) * inverse).clamp(0.0, 1.0);
        let d = p - a - chord * t;
        let distance2 = dot(d, d);
        if distance2 > best.1 {
            best = (from + 1 + i, distance2);
        }
    }
    best
}
