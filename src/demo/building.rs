//! Buildings: footprints of many shapes as wings in a local frame.

use super::geometry::{Place, Point, Rectangle, Ring, bounds, inside, point};
use super::random::{Rng, sine};
use super::roof::{Cover, Roof, cover_with};
use super::town::{Town, class};

/// The plan of a building.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One rectangle.
    Block,
    /// Two wings at a corner.
    Ell,
    /// Three wings around a yard that is open to one side.
    Horseshoe,
    /// A wing in the middle of another.
    Tee,
    /// Four wings around a closed yard.
    Courtyard,
    /// A circle.
    Round,
}

/// A building before it gets its roof.
#[derive(Debug, Clone)]
pub struct Building {
    /// Its frame; the origin is the middle of its plan.
    pub place: Place,
    /// Outline and holes in the local frame, anticlockwise.
    pub outline: Vec<Vec<Point>>,
    /// Rectangles that cover the outline; ridges run along each.
    pub wings: Vec<Rectangle>,
    /// From the ground to the eaves, or to a flat roof.
    pub eaves_m: f64,
}

impl Building {
    /// A plan of a shape with the outer size `width` × `depth` metres.
    pub fn new(shape: Shape, place: Place, (width, depth): (f64, f64), eaves_m: f64) -> Self {
        let (outline, wings) = plan(shape, width, depth);
        Self { place, outline, wings, eaves_m }
    }

    /// The outlines in the plane of the town.
    pub fn rings(&self) -> Vec<Ring> {
        self.outline.iter().map(|ring| self.place.ring(ring)).collect()
    }

    /// The upright rectangle in the local frame.
    pub fn extent(&self) -> Rectangle {
        bounds(&self.outline[..1])
    }

    /// A local position on the roof that is at least `margin` metres from the walls of a wing.
    pub fn spot(&self, rng: &mut Rng, margin: f64) -> Option<Point> {
        let wing = rng.pick(&self.wings);
        let (width, depth) = wing.size();
        let room = width > 2.0 * margin && depth > 2.0 * margin;
        let mut within = |from: f64, to: f64| rng.range(from + margin, to - margin);
        let spot = room.then(|| point(within(wing.min.x, wing.max.x), within(wing.min.y, wing.max.y)))?;
        (self.outline.len() == 1 || !inside(&self.outline[1], spot)).then_some(spot)
    }

    /// Builds it in the town and names it in the truth.
    pub fn build(&self, town: &mut Town, rng: &mut Rng, roof: Roof, cover: &Cover) {
        let height_m = cover_with(self, town, rng, roof, cover);
        town.name(self.rings(), class::BUILDING, Some(height_m));
    }
}

/// Outline and wings around the origin.
fn plan(shape: Shape, width: f64, depth: f64) -> (Vec<Vec<Point>>, Vec<Rectangle>) {
    let (w, d) = (width / 2.0, depth / 2.0);
    let thick = (0.42 * width.min(depth)).min(12.0);
    let all = Rectangle::centred(width, depth);
    let outer = all.corners().to_vec();
    match shape {
        Shape::Block => (vec![outer], vec![all]),
        Shape::Ell => {
            let (x, y) = (thick - w, thick - d);
            let outline = [(-w, -d), (w, -d), (w, y), (x, y), (x, d), (-w, d)];
            (vec![points(&outline)], vec![Rectangle::new(-w, -d, w, y), Rectangle::new(-w, -d, x, d)])
        }
        Shape::Horseshoe => {
            let t = thick.min(width * 0.3);
            let (x, y) = (w - t, t - d);
            let outline = [(-w, -d), (w, -d), (w, d), (x, d), (x, y), (-x, y), (-x, d), (-w, d)];
            let wings = [(-w, -d, w, y), (-w, -d, -x, d), (x, -d, w, d)];
            (vec![points(&outline)], wings.map(|(a, b, c, d)| Rectangle::new(a, b, c, d)).to_vec())
        }
        Shape::Tee => {
            let (x, y) = (thick / 2.0, thick - d);
            let outline = [(-w, -d), (w, -d), (w, y), (x, y), (x, d), (-x, d), (-x, y), (-w, y)];
            (vec![points(&outline)], vec![Rectangle::new(-w, -d, w, y), Rectangle::new(-x, -d, x, d)])
        }
        Shape::Courtyard => {
            let t = thick.min(0.3 * width.min(depth));
            let (x, y) = (w - t, d - t);
            let wings = [(-w, -d, w, -y), (-w, y, w, d), (-w, -d, -x, d), (x, -d, w, d)];
            let hole = Rectangle::new(-x, -y, x, y).corners().to_vec();
            (vec![outer, hole], wings.map(|(a, b, c, d)| Rectangle::new(a, b, c, d)).to_vec())
        }
        Shape::Round => (vec![circle(w, 32)], vec![Rectangle::centred(1.4 * w, 1.4 * w)]),
    }
}

fn points(pairs: &[(f64, f64)]) -> Vec<Point> {
    pairs.iter().map(|(x, y)| point(*x, *y)).collect()
}

/// A regular polygon around the origin, anticlockwise.
pub fn circle(radius: f64, corners: usize) -> Vec<Point> {
    let turn = |k: usize| k as f64 / corners as f64;
    (0..corners).map(|k| point(radius * sine(turn(k) + 0.25), radius * sine(turn(k)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPES: [Shape; 6] = [Shape::Block, Shape::Ell, Shape::Horseshoe, Shape::Tee, Shape::Courtyard, Shape::Round];

    #[test]
    fn wings_lie_in_the_outline() {
        for shape in SHAPES {
            let (outline, wings) = plan(shape, 30.0, 24.0);
            for wing in wings {
                let middle = wing.center();
                let off = (wing.min - middle) * 0.99;
                for p in [middle, middle + off, middle - off] {
                    let holes = outline[1..].iter().any(|hole| inside(hole, p));
                    assert!(inside(&outline[0], p) && !holes, "{shape:?} {p:?}");
                }
            }
        }
    }
}
