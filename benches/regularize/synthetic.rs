//! Buildings whose true outline is known, and the noisy pixels that a model would leave of them; all from a seed.

use geo::{Coord, LineString, Polygon};

/// The side of a pixel.
pub const PIXEL_M: f64 = 0.3;
/// How far the border is moved, as a standard deviation.
const NOISE_PX: f64 = 1.5;
/// Over how many pixels the noise keeps its sign.
const NOISE_STEP_PX: f64 = 4.0;

/// Sebastiano Vigna's `SplitMix64` (2015).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// From `low` up to `high`.
    pub fn within(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn mix(v: u64) -> u64 {
    let v = (v ^ (v >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let v = (v ^ (v >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    v ^ (v >> 31)
}

/// A building as it is, and as its pixels show it; both in metres around the origin.
pub struct Building {
    pub truth: Polygon<f64>,
    pub raw: Polygon<f64>,
}

/// The building of a seed: a rectangle, an L, a Z or a U, turned at random.
pub fn building(seed: u64) -> Building {
    let mut random = Random::new(mix(seed));
    let truth = turned(&plan(&mut random), random.within(0.0, std::f64::consts::FRAC_PI_2));
    let noise = Noise { seed: random.next() };
    let raw = traced(&Mask::of(&truth, &noise));
    let polygon = |ring: Vec<Coord<f64>>| Polygon::new(LineString(ring), Vec::new());
    Building { truth: polygon(truth), raw: polygon(raw) }
}

fn plan(random: &mut Random) -> Vec<(f64, f64)> {
    let (w, h) = (random.within(8.0, 24.0), random.within(8.0, 18.0));
    let (a, b) = (w * random.within(0.3, 0.6), h * random.within(0.3, 0.6));
    match random.next() % 4 {
        0 => vec![(0.0, 0.0), (w, 0.0), (w, h), (0.0, h)],
        1 => vec![(0.0, 0.0), (w, 0.0), (w, b), (a, b), (a, h), (0.0, h)],
        2 => {
            let (low, high) = (h * 0.35, h * 0.65);
            vec![(0.0, 0.0), (a, 0.0), (a, low), (w, low), (w, h), (w - a, h), (w - a, high), (0.0, high)]
        }
        _ => {
            let (left, right) = (w / 3.0, w * 2.0 / 3.0);
            vec![(0.0, 0.0), (w, 0.0), (w, h), (right, h), (right, h - b), (left, h - b), (left, h), (0.0, h)]
        }
    }
}

fn turned(plan: &[(f64, f64)], angle: f64) -> Vec<Coord<f64>> {
    let (sin, cos) = angle.sin_cos();
    plan.iter().map(|&(x, y)| Coord { x: x * cos - y * sin, y: x * sin + y * cos }).collect()
}

/// Smooth noise of standard deviation 1: random numbers on a lattice, joined by cubic steps.
struct Noise {
    seed: u64,
}

impl Noise {
    fn at(&self, col: i64, row: i64) -> f64 {
        let (x, y) = (col as f64 / NOISE_STEP_PX, row as f64 / NOISE_STEP_PX);
        let (x0, y0) = (x.floor(), y.floor());
        let smooth = |t: f64| t * t * (3.0 - 2.0 * t);
        let (u, v) = (smooth(x - x0), smooth(y - y0));
        let knot = |dx: i64, dy: i64| self.knot(x0 as i64 + dx, y0 as i64 + dy);
        let low = knot(0, 0) * (1.0 - u) + knot(1, 0) * u;
        let high = knot(0, 1) * (1.0 - u) + knot(1, 1) * u;
        (low * (1.0 - v) + high * v) / 0.74 // the mean square of the weights is 0.55
    }

    /// Nearly normal: a sum of twelve uniform numbers.
    fn knot(&self, x: i64, y: i64) -> f64 {
        let mut random = Random::new(self.seed ^ mix((x as u64) << 32 ^ (y as u64 & 0xffff_ffff)));
        (0..12).map(|_| random.within(-0.5, 0.5)).sum()
    }
}

/// The pixels of a building: the largest connected set.
struct Mask {
    col: i64,
    row: i64,
    cols: usize,
    inside: Vec<bool>,
}

impl Mask {
    fn of(truth: &[Coord<f64>], noise: &Noise) -> Self {
        let margin = 8;
        let bound = |pick: fn(&Coord<f64>) -> f64, end: fn(f64, f64) -> f64| {
            (truth.iter().map(pick).reduce(end).expect("a plan has corners") / PIXEL_M) as i64
        };
        let (col, row) = (bound(|p| p.x, f64::min) - margin, bound(|p| p.y, f64::min) - margin);
        let (end_col, end_row) = (bound(|p| p.x, f64::max) + margin, bound(|p| p.y, f64::max) + margin);
        let cols = (end_col - col) as usize;
        let cells = (row..end_row).flat_map(|r| (col..end_col).map(move |c| (c, r)));
        let inside = cells.map(|(c, r)| {
            let center = Coord { x: (c as f64 + 0.5) * PIXEL_M, y: (r as f64 + 0.5) * PIXEL_M };
            depth(truth, center) / PIXEL_M + NOISE_PX * noise.at(c, r) > 0.0
        });
        let mut mask = Self { col, row, cols, inside: inside.collect() };
        mask.keep_largest();
        while mask.fill_diagonals() {}
        mask
    }

    fn rows(&self) -> usize {
        self.inside.len() / self.cols
    }

    fn is_inside(&self, col: i64, row: i64) -> bool {
        let (c, r) = (col - self.col, row - self.row);
        c >= 0
            && r >= 0
            && (c as usize) < self.cols
            && (r as usize) < self.rows()
            && self.inside[r as usize * self.cols + c as usize]
    }

    /// Where pixels meet at a corner only, the outline would touch itself: one of the other two is filled. Whether any was.
    fn fill_diagonals(&mut self) -> bool {
        let mut filled = false;
        for i in 0..self.inside.len() - self.cols - 1 {
            let [a, b, c, d] = [i, i + 1, i + self.cols, i + self.cols + 1].map(|i| self.inside[i]);
            if (i + 1) % self.cols > 0 && a == d && b == c && a != b {
                self.inside[if a { i + 1 } else { i }] = true;
                filled = true;
            }
        }
        filled
    }

    fn keep_largest(&mut self) {
        let mut part = vec![0_u32; self.inside.len()];
        let mut largest = (0, 0);
        let mut parts = 0;
        for start in 0..self.inside.len() {
            if self.inside[start] && part[start] == 0 {
                parts += 1;
                let size = self.fill(start, parts, &mut part);
                largest = largest.max((size, parts));
            }
        }
        for (inside, part) in self.inside.iter_mut().zip(part) {
            *inside = part == largest.1 && part > 0;
        }
    }

    fn fill(&self, start: usize, number: u32, part: &mut [u32]) -> usize {
        let mut size = 0;
        let mut todo = vec![start];
        while let Some(i) = todo.pop() {
            if !self.inside[i] || part[i] != 0 {
                continue;
            }
            part[i] = number;
            size += 1;
            let (c, r) = (i % self.cols, i / self.cols);
            let near = [(c > 0, i.wrapping_sub(1)), (c + 1 < self.cols, i + 1)];
            let far = [(r > 0, i.wrapping_sub(self.cols)), (r + 1 < self.rows(), i + self.cols)];
            todo.extend(near.iter().chain(&far).filter(|(there, _)| *there).map(|(_, j)| *j));
        }
        size
    }
}

/// The distance to the outline, positive inside.
fn depth(ring: &[Coord<f64>], p: Coord<f64>) -> f64 {
    let (mut nearest, mut inside) = (f64::INFINITY, false);
    for (i, &a) in ring.iter().enumerate() {
        let b = ring[(i + 1) % ring.len()];
        nearest = nearest.min(super::metrics::distance_to_edge(p, a, b));
        if (a.y > p.y) != (b.y > p.y) && p.x < a.x + (p.y - a.y) / (b.y - a.y) * (b.x - a.x) {
            inside = !inside;
        }
    }
    if inside { nearest } else { -nearest }
}

/// The outer pixel edges, counter-clockwise, 4-connected.
fn traced(mask: &Mask) -> Vec<Coord<f64>> {
    let first = mask.inside.iter().position(|&inside| inside).expect("a building has pixels");
    let start = (mask.col + (first % mask.cols) as i64, mask.row + (first / mask.cols) as i64);
    let (mut at, mut step) = (start, (1_i64, 0_i64));
    let mut ring = vec![Coord { x: start.0 as f64 * PIXEL_M, y: start.1 as f64 * PIXEL_M }];
    loop {
        // The pixel ahead on the left of the crack must be inside, the one on the right outside.
        let ahead = |side: i64| {
            let (dx, dy) = step;
            let (lx, ly) = (-dy * side, dx * side);
            mask.is_inside(at.0 + (dx + lx - 1).div_euclid(2), at.1 + (dy + ly - 1).div_euclid(2))
        };
        let turn = match (ahead(1), ahead(-1)) {
            (false, _) => Some((-step.1, step.0)),
            (true, true) => Some((step.1, -step.0)),
            _ => None,
        };
        if let Some(turn) = turn {
            ring.push(Coord { x: at.0 as f64 * PIXEL_M, y: at.1 as f64 * PIXEL_M });
            step = turn;
        }
        at = (at.0 + step.0, at.1 + step.1);
        if at == start {
            return ring;
        }
    }
}
