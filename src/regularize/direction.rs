//! The direction of the walls of a building.

use geo::Coord;

use super::ring::{cross, dot, left};
use super::trace::{Sums, Trace};

/// A wall that leaves its axis by a larger tangent (17°) is a step or a diagonal.
const MOST_TURN: f64 = 0.3;

/// Evidence for a direction that repeats every quarter turn: a sum of unit vectors of the fourfold angle, weighted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Evidence {
    cos4: f64,
    sin4: f64,
}

impl Evidence {
    /// Of edges between the vertices that the finest tolerances keep; long edges count by the square of their length,
    /// since their direction is that much surer.
    pub fn of(traces: &[Trace], levels: usize) -> Self {
        let mut sum = Self::default();
        for (trace, level) in traces.iter().flat_map(|t| (0..levels).map(move |level| (t, level))) {
            trace.edges_at(level).for_each(|edge| sum.add_edge(trace.chord(edge)));
        }
        sum
    }

    /// The unit vector of the direction, between -45° and 45°.
    pub fn along(self) -> Coord<f64> {
        let angle = self.sin4.atan2(self.cos4) / 4.0;
        Coord { x: angle.cos(), y: angle.sin() }
    }

    /// `d` as a complex number to the fourth power has the fourfold angle and length⁴; divided by length², length².
    fn add_edge(&mut self, d: Coord<f64>) {
        let weight = dot(d, d);
        if weight > 0.0 {
            let square = Coord { x: d.x * d.x - d.y * d.y, y: 2.0 * d.x * d.y };
            self.cos4 += (square.x * square.x - square.y * square.y) / weight;
            self.sin4 += 2.0 * square.x * square.y / weight;
        }
    }
}

/// The least-squares turn that brings walls onto their axes, gathered wall by wall.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Turn {
    across: f64,
    along: f64,
}

impl Turn {
    /// Adds a wall that should run along `axis`, unless its border strays from a line by more than `straight_m` (standard deviation).
    pub fn add(&mut self, wall: Sums, axis: Coord<f64>, straight_m: f64) {
        if wall.length <= 0.0 {
            return;
        }
        let mean = Coord { x: wall.x / wall.length, y: wall.y / wall.length };
        let xx = wall.xx - wall.x * mean.x;
        let xy = wall.xy - wall.x * mean.y;
        let yy = wall.yy - wall.y * mean.y;
        let (u, v) = (axis, left(axis));
        let along = u.x * u.x * xx + 2.0 * u.x * u.y * xy + u.y * u.y * yy;
        let across = u.x * v.x * xx + (u.x * v.y + u.y * v.x) * xy + u.y * v.y * yy;
        let beside = v.x * v.x * xx + 2.0 * v.x * v.y * xy + v.y * v.y * yy;
        let bent = beside - across * across / along.max(f64::MIN_POSITIVE);
        if across.abs() < MOST_TURN * along && bent < wall.length * straight_m * straight_m {
            self.along += along;
            self.across += across;
        }
    }

    /// `axis` turned by what was gathered.
    pub fn apply(self, axis: Coord<f64>) -> Coord<f64> {
        if self.along <= 0.0 {
            return axis;
        }
        let tangent = self.across / self.along;
        let turned = axis + left(axis) * tangent;
        turned / dot(turned, turned).sqrt()
    }
}

/// The sine of the angle between two unit vectors, without sign.
pub(super) fn sine(a: Coord<f64>, b: Coord<f64>) -> f64 {
    cross(a, b).abs()
}
