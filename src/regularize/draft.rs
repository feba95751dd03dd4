//! The outline of one building on its way: found alone, turned with its group, moved with its neighbours.

use geo::{BoundingRect, Coord, Polygon};

use super::importance::importance_m;
use super::ring::{Ring, moved, open_rings, signed_area, to_polygon};
use super::shape::{Candidate, Shape};
use super::{Footprint, Outcome, Reason, RegularizeOptions, Regularized};

/// An outline that may still change.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// In the plane of the input, without closing vertices; none where the footprint is no polygon.
    pub rings: Vec<Ring>,
    pub outcome: Outcome,
    /// The direction of its walls, where it was regularized.
    pub along: Option<Coord<f64>>,
    /// Of the pixels.
    pub area_m2: f64,
    /// What it costs: `(1 - IoU) + λ·vertices`.
    pub cost: f64,
    /// How often it can still give way: from a found outline to the simplified one, from that to the traced one.
    pub steps_left: u8,
}

impl Draft {
    /// The best outline by itself.
    pub fn of(footprint: &Footprint, options: &RegularizeOptions) -> Self {
        let Some((shape, origin)) = shape(footprint, options) else {
            return Self::of_rings(Vec::new(), Reason::TooSmall);
        };
        let along = shape.refined(shape.evidence().along());
        if shape.area_m2 >= options.min_area_m2 {
            let found = Self::found(shape.best(along), &shape, origin).map(|draft| draft.towards(along));
            return found.unwrap_or_else(|| Self::simplified(footprint, options, Reason::PoorFit));
        }
        let found = Self::found(shape.rectangle_alone(along), &shape, origin);
        match found {
            Some(draft) => Self { outcome: Outcome::Kept(Reason::TooSmall), ..draft },
            None => Self::simplified(footprint, options, Reason::TooSmall),
        }
    }

    /// The best outline along a direction, if there is one.
    pub fn along(footprint: &Footprint, along: Coord<f64>, options: &RegularizeOptions) -> Option<Self> {
        let (shape, origin) = shape(footprint, options)?;
        Self::found(shape.best(along), &shape, origin).map(|draft| draft.towards(along))
    }

    /// The outline that is not regular: the given one, or the traced one with the least tolerance.
    pub fn simplified(footprint: &Footprint, options: &RegularizeOptions, reason: Reason) -> Self {
        let rings = match (&footprint.simplified, shape(footprint, options)) {
            (Some(simplified), _) => open_rings(simplified, Coord::zero()),
            (None, Some((shape, origin))) => moved(&shape.simplified(options.tolerances_m[0]), origin),
            (None, None) => Vec::new(),
        };
        Self::of_rings(rings, reason)
    }

    /// The outline as it was traced.
    pub fn traced(footprint: &Footprint, reason: Reason) -> Self {
        Self { steps_left: 0, ..Self::of_rings(open_rings(&footprint.outline, Coord::zero()), reason) }
    }

    /// The outline as it leaves.
    pub fn finish(self, footprint: &Footprint) -> Regularized {
        let polygon = if self.rings.is_empty() { footprint.outline.clone() } else { to_polygon(&self.rings) };
        let degrees = |u: Coord<f64>| u.y.atan2(u.x).to_degrees().rem_euclid(90.0);
        let regular = self.outcome == Outcome::Regularized;
        let direction_deg = self.along.filter(|_| regular).map(degrees);
        let importance_m = importance_m(&polygon);
        Regularized { polygon, importance_m, outcome: self.outcome, direction_deg }
    }

    fn of_rings(rings: Vec<Ring>, reason: Reason) -> Self {
        Self { rings, outcome: Outcome::Kept(reason), along: None, area_m2: 0.0, cost: f64::INFINITY, steps_left: 1 }
    }

    fn found(best: Option<Candidate>, shape: &Shape, origin: Coord<f64>) -> Option<Self> {
        let best = best?;
        let outcome = if best.round { Outcome::Round } else { Outcome::Regularized };
        let rings = moved(&best.rings, origin);
        Some(Self { rings, outcome, along: None, area_m2: shape.area_m2, cost: best.cost, steps_left: 2 })
    }

    fn towards(self, along: Coord<f64>) -> Self {
        let straight = self.outcome == Outcome::Regularized;
        Self { along: straight.then_some(along), ..self }
    }
}

/// The shape of a footprint around its middle, where coordinates keep their digits; without small holes.
fn shape<'a>(footprint: &Footprint, options: &'a RegularizeOptions) -> Option<(Shape<'a>, Coord<f64>)> {
    let origin = origin_of(&footprint.outline);
    let mut rings = open_rings(&footprint.outline, origin);
    rings.retain(|ring| signed_area(ring) > 0.0 || -signed_area(ring) >= options.min_hole_m2);
    (!rings.is_empty()).then(|| (Shape::new(rings, options), origin))
}

fn origin_of(polygon: &Polygon<f64>) -> Coord<f64> {
    polygon.bounding_rect().map_or(Coord::zero(), geo::Rect::center)
}
