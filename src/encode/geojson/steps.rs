//! Positions in the whole steps that are written, and polygons that are valid in them.

use std::io::{self, Write};

use super::earth::{Path, TURN};
use crate::encode::rings::{Edge, FARTHEST, Point, Rings, Side, Troubles, is_valid, repair};

/// Degrees in whole steps of 10⁻¹².
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Degrees(i64);

impl Degrees {
    const STEPS: u64 = 1_000_000_000_000;

    pub(super) fn nearest(degrees: f64, decimals: Decimals) -> Self {
        Self(decimals.steps(degrees) * decimals.step())
    }

    /// The shortest form.
    pub(super) fn write(self, out: &mut impl Write) -> io::Result<()> {
        let (whole, mut part) = (self.0.unsigned_abs() / Self::STEPS, self.0.unsigned_abs() % Self::STEPS);
        write!(out, "{}{whole}", if self.0 < 0 { "-" } else { "" })?;
        if part == 0 {
            return Ok(());
        }
        let mut digits = 12;
        if part.is_multiple_of(100_000) {
            (part, digits) = (part / 100_000, 7);
        }
        while part.is_multiple_of(10) {
            part /= 10;
            digits -= 1;
        }
        write!(out, ".{part:0digits$}")
    }
}

/// How many decimals of a degree are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Decimals(u32);

impl Decimals {
    /// A centimetre: what files have.
    const FEWEST: u32 = 7;
    /// As many as a binary number of 64 bits keeps apart.
    const MOST: u32 = 12;

    /// Steps of a quarter of a pixel at most.
    pub(super) fn for_pixels_of(degrees: f64) -> Self {
        let needed = (4.0 / degrees).log10().ceil();
        Self((needed.clamp(0.0, f64::from(Self::MOST)) as u32).clamp(Self::FEWEST, Self::MOST))
    }

    /// A step in degrees.
    pub(super) fn step_degrees(self) -> f64 {
        10_f64.powi(-(self.0 as i32))
    }

    /// The nearest whole number of steps.
    fn steps(self, degrees: f64) -> i64 {
        (degrees * 10_f64.powi(self.0 as i32)).round() as i64
    }

    /// A step in those of [`Degrees`].
    fn step(self) -> i64 {
        10_i64.pow(Self::MOST - self.0)
    }

    fn half_turn(self) -> i64 {
        180 * 10_i64.pow(self.0)
    }

    /// So many that a span of degrees keeps within the numbers that polygons are mended in.
    fn within(self, span: f64) -> Self {
        let fits = |decimals: &u32| span * 10_f64.powi(*decimals as i32) < (2 * FARTHEST - 4) as f64;
        Self((0..=self.0).rev().find(fits).unwrap_or(0))
    }

    fn finer(self) -> Option<Self> {
        (self.0 < Self::MOST).then(|| Self((self.0 + 2).min(Self::MOST)))
    }
}

/// A closed ring.
pub(super) type Ring = Vec<[Degrees; 2]>;

/// The whole steps of both axes, and where they count from.
#[derive(Debug, Clone, Copy)]
struct Grid {
    x: Decimals,
    y: Decimals,
    origin: Point,
}

impl Grid {
    /// For longitudes and latitudes between bounds, with as many decimals as fit.
    fn new(decimals: Decimals, [west, east]: [f64; 2], [south, north]: [f64; 2]) -> Self {
        let (x, y) = (decimals.within(east - west), decimals.within(north - south));
        let origin = Point { x: x.steps(f64::midpoint(west, east)), y: y.steps(f64::midpoint(south, north)) };
        Self { x, y, origin }
    }

    fn point(&self, c: &geo::Coord<f64>) -> Point {
        Point { x: self.x.steps(c.x), y: self.y.steps(c.y) } - self.origin
    }

    fn degrees(&self, p: Point) -> [Degrees; 2] {
        let p = p + self.origin;
        [Degrees(p.x * self.x.step()), Degrees(p.y * self.y.step())]
    }
}

/// Makes polygons of whole steps; keeps its memory from one to the next.
pub(super) struct Rounder {
    decimals: Decimals,
    work: Vec<Edge>,
    /// What repairing had trouble with.
    pub(super) troubles: Troubles,
    /// Polygons that are less than a step wide, however short the step.
    pub(super) vanished: usize,
}

impl Rounder {
    pub(super) fn new(decimals: Decimals) -> Self {
        Self { decimals, work: Vec::new(), troubles: Troubles::default(), vanished: 0 }
    }

    /// The valid polygons of whole steps, exterior first and counter-clockwise, that cover what a polygon covers; its paths
    /// have their area to the left, exterior first. They lie between 180° west and 180° east (RFC 7946, 3.1.9). With more
    /// decimals where too few leave nothing; none where it has no area at all.
    pub(super) fn rounded(&mut self, paths: &[Path]) -> Vec<Vec<Ring>> {
        let mut decimals = Some(self.decimals);
        while let Some(tried) = decimals {
            let parts = self.rounded_to(paths, tried);
            if !parts.is_empty() {
                return parts;
            }
            decimals = tried.finer();
        }
        self.vanished += 1;
        Vec::new()
    }

    fn rounded_to(&mut self, paths: &[Path], decimals: Decimals) -> Vec<Vec<Ring>> {
        let Some(exterior) = paths.first() else { return Vec::new() };
        let ([west, east], around) = (exterior.range(), exterior.turns != 0);
        if !around && west >= -TURN / 2.0 && east <= TURN / 2.0 {
            let south_north = exterior.coords.iter().fold([f64::MAX, f64::MIN], |[s, n], c| [s.min(c.y), n.max(c.y)]);
            let grid = Grid::new(decimals, [west, east], south_north);
            return self.written(&whole(paths, &grid), &grid);
        }
        let grid = Grid::new(decimals, [-TURN / 2.0, TURN / 2.0], [-90.0, 90.0]);
        self.written(&within_a_turn(paths, &grid), &grid)
    }

    fn written(&mut self, rings: &Rings, grid: &Grid) -> Vec<Vec<Ring>> {
        let closed = |ring: &[Point]| ring.iter().chain(ring.first()).map(|p| grid.degrees(*p)).collect();
        let written = |rings: &Rings| rings.iter().map(closed).collect();
        if rings.is_empty() {
            return Vec::new();
        }
        if is_valid(rings, &mut self.work) {
            return vec![written(rings)];
        }
        let repaired = repair(rings, &mut self.work);
        self.troubles.note(&repaired);
        repaired.pieces.iter().map(written).collect()
    }
}

/// The rings of paths that lie within ±180.
fn whole(paths: &[Path], grid: &Grid) -> Rings {
    let mut rings = Rings::default();
    for (i, path) in paths.iter().enumerate() {
        rings.points.extend(open(&path.coords).iter().map(|c| grid.point(c)));
        if !rings.close(i == 0) && i == 0 {
            break;
        }
    }
    rings
}

/// The rings of paths, cut at 180° and turned to ±180. Those around a pole are closed over it. Parts that meet again are one
/// once they are repaired.
fn within_a_turn(paths: &[Path], grid: &Grid) -> Rings {
    let mut rings = Rings::default();
    let north = paths.first().is_some_and(|exterior| exterior.turns > 0);
    let half_turn = grid.x.half_turn();
    let (mut ring, mut east_of, mut part) = (Vec::new(), Vec::new(), Vec::new());
    for (i, path) in paths.iter().enumerate() {
        ring.clear();
        ring.extend(path.coords.iter().map(|c| grid.point(c)));
        if let (true, Some(first), Some(last)) = (path.turns != 0, ring.first().copied(), ring.last().copied()) {
            let pole = grid.y.half_turn() / 2 * if north { 1 } else { -1 } - grid.origin.y;
            ring.extend([Point { x: last.x, y: pole }, Point { x: first.x, y: pole }]);
        }
        let windows = |x: i64| (x + grid.origin.x + half_turn).div_euclid(2 * half_turn);
        let [low, high] = ring.iter().fold([i64::MAX, i64::MIN], |[l, h], p| [l.min(p.x), h.max(p.x)]);
        for window in windows(low)..=windows(high) {
            let turned = 2 * half_turn * window;
            east_of.clear();
            part.clear();
            Side::West(turned - half_turn - grid.origin.x).cut(&ring, &mut east_of);
            Side::East(turned + half_turn - grid.origin.x).cut(&east_of, &mut part);
            rings.points.extend(part.iter().map(|p| Point { x: p.x - turned, y: p.y }));
            rings.close(i == 0);
        }
    }
    rings
}

/// A ring without its closing vertex.
fn open(ring: &[geo::Coord<f64>]) -> &[geo::Coord<f64>] {
    match ring {
        [first, middle @ .., last] if first == last => &ring[..=middle.len()],
        all => all,
    }
}

/// The parts of a line between its ways across 180°, in its order, rounded and without repetitions.
pub(super) fn line_parts(path: &Path, decimals: Decimals) -> Vec<Vec<[Degrees; 2]>> {
    let half = TURN / 2.0;
    let window = |x: f64| ((x + half) / TURN).floor() as i64;
    let middle = |window: i64| window as f64 * TURN;
    let position =
        |x: f64, y: f64, window: i64| [Degrees::nearest(x - middle(window), decimals), Degrees::nearest(y, decimals)];
    let mut parts: Vec<Vec<[Degrees; 2]>> = vec![Vec::new()];
    let mut last: Option<(geo::Coord<f64>, i64)> = None;
    for c in &path.coords {
        let mut at = window(c.x);
        if let Some((from, mut here)) = last {
            // What ends on the border stays on the side that it comes from.
            if c.x <= middle(at) - half && here < at {
                at -= 1;
            }
            while here != at {
                let (way, side) = ((at - here).signum(), middle(here) + if at > here { half } else { -half });
                let y = from.y + (c.y - from.y) * (side - from.x) / (c.x - from.x);
                parts.iter_mut().last().into_iter().for_each(|part| part.push(position(side, y, here)));
                here += way;
                parts.push(vec![position(side, y, here)]);
            }
        }
        parts.iter_mut().last().into_iter().for_each(|part| part.push(position(c.x, c.y, at)));
        last = Some((*c, at));
    }
    parts.iter_mut().for_each(Vec::dedup);
    parts
}
