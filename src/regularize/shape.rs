//! One building: candidate outlines, and the one that tells most with the fewest corners.

use geo::Coord;

use super::RegularizeOptions;
use super::direction::{Evidence, Turn};
use super::overlap::Edges;
use super::ring::{Ring, area, cross, edges, left};
use super::trace::Trace;
use super::valid::is_valid;
use super::walls::{WallOptions, Walls, has_diagonals};

/// A circle is told by so many numbers as this many vertices.
const VERTICES_OF_CIRCLE: f64 = 5.0;

/// The share of a good outline's misfit that more corners do not mend, being noise of the border.
const UNAVOIDABLE: f64 = 0.6;

/// A building whose outline is to be found.
pub(super) struct Shape<'a> {
    options: &'a RegularizeOptions,
    traces: Vec<Trace>,
    /// Of the rings.
    moments: Vec<Moments>,
    mask: Edges,
    /// Of the pixels.
    pub area_m2: f64,
}

/// The best outline so far.
struct Search<'a> {
    shape: &'a Shape<'a>,
    best: Option<Candidate>,
    last: Vec<Ring>,
}

impl Search<'_> {
    /// Takes an outline where it costs less; what is not new or cannot be better is not measured.
    fn add(&mut self, plan: Plan) {
        if plan.rings == self.last || self.is_hopeless(&plan) {
            return;
        }
        self.last.clone_from(&plan.rings);
        let limit = self.best.as_ref().map_or(f64::INFINITY, |best| best.cost);
        if let Some(found) = self.shape.measured(plan, limit) {
            self.best = Some(found);
        }
    }

    /// Whether its corners alone cost so much that it would have to leave less than `UNAVOIDABLE` of the best one's misfit.
    fn is_hopeless(&self, plan: &Plan) -> bool {
        let floor = |best: &Candidate| plan.vertices * self.shape.per_vertex() + UNAVOIDABLE * best.misfit >= best.cost;
        self.best.as_ref().is_some_and(floor)
    }
}

/// An outline that is not measured yet.
struct Plan {
    rings: Vec<Ring>,
    vertices: f64,
    round: bool,
}

/// An outline that might stand for the building.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub rings: Vec<Ring>,
    pub round: bool,
    /// 1 - `IoU`.
    misfit: f64,
    /// `misfit + λ·vertices`.
    pub cost: f64,
}

impl<'a> Shape<'a> {
    /// Prepares rings that are wound exterior counter-clockwise, holes clockwise.
    pub fn new(rings: Vec<Ring>, options: &'a RegularizeOptions) -> Self {
        let (area_m2, mask) = (area(&rings), Edges::of(&rings));
        let moments = rings.iter().map(|ring| Moments::of(ring)).collect();
        let trace = |ring| Trace::new(ring, &options.tolerances_m);
        Self { options, mask, area_m2, moments, traces: rings.into_iter().map(trace).collect() }
    }

    /// What its edges say of its direction.
    pub fn evidence(&self) -> Evidence {
        Evidence::of(&self.traces, self.sure_levels())
    }

    /// The direction that fits the walls best, from one that is nearly right.
    pub fn refined(&self, along: Coord<f64>) -> Coord<f64> {
        let level = self.sure_levels() - 1;
        let mut turn = Turn::default();
        if let Some(walls) = Walls::find(&self.traces[0], along, self.walls(level, f64::INFINITY)) {
            walls.gather(&mut turn);
        }
        turn.apply(along)
    }

    /// How many tolerances leave a building of this size more than a triangle.
    fn sure_levels(&self) -> usize {
        let coarsest = 0.15 * self.area_m2.sqrt();
        self.options.tolerances_m.iter().filter(|&&t| t <= coarsest).count().max(1)
    }

    /// The outline with the least `(1 - IoU) + λ·vertices`.
    pub fn best(&self, along: Coord<f64>) -> Option<Candidate> {
        let mut search = Search { shape: self, best: None, last: Vec::new() };
        search.add(self.rectangles(along));
        if self.is_roundish() {
            search.add(self.circle());
        }
        for level in (0..self.options.tolerances_m.len()).rev() {
            let square = self.with_walls(along, self.walls(level, f64::INFINITY));
            let too_many = square.as_ref().is_some_and(|plan| search.is_hopeless(plan));
            square.into_iter().for_each(|plan| search.add(plan));
            let oblique = self.with_diagonals(level);
            if has_diagonals(&self.traces[0], along, oblique) {
                self.with_walls(along, oblique).into_iter().for_each(|plan| search.add(plan));
            }
            if too_many {
                break; // finer ones have more corners yet
            }
        }
        search.best
    }

    /// The rectangle along a direction with the area moments of the exterior.
    pub fn rectangle_alone(&self, along: Coord<f64>) -> Option<Candidate> {
        self.measured(self.rectangles(along), f64::INFINITY)
    }

    /// The outline with the vertices that a tolerance keeps; with all where that would not be valid.
    pub fn simplified(&self, tolerance_m: f64) -> Vec<Ring> {
        for halved in [1.0, 0.5, 0.25] {
            let trace = |t: &Trace| Trace::new(t.points.clone(), &[tolerance_m * halved]).ring_at(0);
            let rings: Vec<Ring> = self.traces.iter().map(trace).collect();
            if is_valid(&rings) {
                return rings;
            }
        }
        self.traces.iter().map(|t| t.points.clone()).collect()
    }

    fn walls(&self, level: usize, diagonal_m: f64) -> WallOptions {
        WallOptions { level, tolerance_m: self.options.tolerances_m[level], trim_m: self.options.trim_m, diagonal_m }
    }

    fn with_diagonals(&self, level: usize) -> WallOptions {
        self.walls(level, self.options.least_diagonal_m.max(4.0 * self.options.tolerances_m[level]))
    }

    fn with_walls(&self, along: Coord<f64>, options: WallOptions) -> Option<Plan> {
        let exterior = Walls::find(&self.traces[0], along, options)?;
        let mut rings = vec![exterior.corners()?];
        for (i, hole) in self.traces.iter().enumerate().skip(1) {
            let square = WallOptions { diagonal_m: f64::INFINITY, ..options };
            let corners = Walls::find(hole, along, square).and_then(|walls| walls.corners());
            rings.push(corners.unwrap_or_else(|| self.rectangle(i, along)));
        }
        let vertices = rings.iter().map(Vec::len).sum::<usize>() as f64;
        Some(Plan { rings, vertices: vertices + 0.5 * exterior.diagonals() as f64, round: false })
    }

    fn rectangles(&self, along: Coord<f64>) -> Plan {
        let rings: Vec<Ring> = (0..self.traces.len()).map(|i| self.rectangle(i, along)).collect();
        Plan { vertices: 4.0 * rings.len() as f64, rings, round: false }
    }

    fn per_vertex(&self) -> f64 {
        self.options.lambda.min(self.options.vertex_m2 / self.area_m2)
    }

    /// `None` for what is not valid, changes the shape too much or costs no less than `limit`.
    fn measured(&self, plan: Plan, limit: f64) -> Option<Candidate> {
        let area_m2 = area(&plan.rings);
        let cost = |iou: f64| 1.0 - iou + plan.vertices * self.per_vertex();
        let most = area_m2.min(self.area_m2) / area_m2.max(self.area_m2);
        let too_different = (area_m2 - self.area_m2).abs() > self.options.max_area_change * self.area_m2;
        if too_different || cost(most) >= limit || !is_valid(&plan.rings) {
            return None;
        }
        let common_m2 = self.mask.common_area(&Edges::of(&plan.rings));
        let iou = common_m2 / (self.area_m2 + area_m2 - common_m2);
        let Plan { rings, round, .. } = plan;
        let least_iou = if round { self.options.min_round_iou } else { self.options.min_iou };
        (iou >= least_iou && cost(iou) < limit).then_some(Candidate {
            rings,
            round,
            misfit: 1.0 - iou,
            cost: cost(iou),
        })
    }

    /// The polar moment of a circle is the least of all shapes of its area: 1.00; of a square 1.05, of a 3:2 rectangle 1.13.
    fn is_roundish(&self) -> bool {
        let m = &self.moments[0];
        self.traces.len() == 1 && (m.xx + m.yy) * std::f64::consts::TAU < 1.035 * m.area * m.area
    }

    fn circle(&self) -> Plan {
        let m = &self.moments[0];
        let radius_m = (m.area / std::f64::consts::PI).sqrt();
        let sides = (std::f64::consts::PI / (1.0 - 0.1 / radius_m.max(0.2)).acos()).ceil().clamp(8.0, 64.0);
        let step = std::f64::consts::TAU / sides;
        // A polygon of the circle's area, not inside it.
        let reach_m = (m.area / (0.5 * sides * step.sin())).sqrt();
        let corner =
            |i: u32| m.mean + Coord { x: (f64::from(i) * step).cos(), y: (f64::from(i) * step).sin() } * reach_m;
        let rings = vec![(0..sides as u32).map(corner).collect()];
        Plan { rings, vertices: VERTICES_OF_CIRCLE, round: true }
    }

    fn rectangle(&self, ring: usize, along: Coord<f64>) -> Ring {
        let m = &self.moments[ring];
        let side = |u: Coord<f64>| {
            let moment = u.x * u.x * m.xx + 2.0 * u.x * u.y * m.xy + u.y * u.y * m.yy;
            u * (3.0 * moment / m.area).max(0.0).sqrt() // half the side: moment = area · side² / 12
        };
        let (a, b) = (side(along), side(left(along)));
        let mut corners = vec![m.mean - a - b, m.mean + a - b, m.mean + a + b, m.mean - a + b];
        if ring > 0 {
            corners.reverse();
        }
        corners
    }
}

/// Area, centroid and central second moments of the inside of a ring.
struct Moments {
    area: f64,
    mean: Coord<f64>,
    xx: f64,
    xy: f64,
    yy: f64,
}

impl Moments {
    /// Without sign of the winding.
    fn of(ring: &[Coord<f64>]) -> Self {
        let origin = ring[0];
        let (mut area, mut first, mut xx, mut xy, mut yy) = (0.0, Coord::zero(), 0.0, 0.0, 0.0);
        for (a, b) in edges(ring) {
            let (a, b) = (a - origin, b - origin);
            let c = cross(a, b);
            area += c / 2.0;
            first = first + (a + b) * (c / 6.0);
            xx += c * (a.x * a.x + a.x * b.x + b.x * b.x) / 12.0;
            yy += c * (a.y * a.y + a.y * b.y + b.y * b.y) / 12.0;
            xy += c * (2.0 * a.x * a.y + a.x * b.y + b.x * a.y + 2.0 * b.x * b.y) / 24.0;
        }
        let mean = first / area;
        let central = |m: f64, p: f64, q: f64| (m - area * p * q) * area.signum();
        Self {
            area: area.abs(),
            mean: mean + origin,
            xx: central(xx, mean.x, mean.x),
            xy: central(xy, mean.x, mean.y),
            yy: central(yy, mean.y, mean.y),
        }
    }
}
