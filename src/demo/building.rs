//! Buildings: footprints of many shapes as wings in a local frame.

use super::geometry::{Place, Point, Rectangle, Ring, bounds, inside, point};
use super::roof::{Cover, Roof, cover_with};
use super::town::{Town, class};
use crate::random::{Dice, sine};

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
    pub fn spot(&self, dice: &mut Dice, margin: f64) -> Option<Point> {
        let wing = dice.pick(&self.wings);
        let (width, depth) = wing.size();
        let room = width > 2.0 * margin && depth > 2.0 * margin;
        let mut within = |from: f64, to: f64| dice.range(from + margin, to - margin);
        let spot = room.then(|| point(within(wing.min.x, wing.max.x), within(wing.min.y, wing.max.y)))?;
        (self.outline.len() == 1 || !inside(&self.outline[1], spot)).then_some(spot)
    }

    /// Builds it in the town and names it in the truth.
    pub fn build(&self, town: &mut Town, dice: &mut Dice, roof: Roof, cover: &Cover) {
        let height_m = cover_with(self, town, dice, roof, cover);
        town.name(self.rings(), class::BUILDING, Some(height_m));
    }
}

/// Outline and wings around the origin.
fn plan(shape: Shape, width: f64, depth: f64) -> (Vec<Vec<Point>>, Vec<Rectangle>) {
    let (east, north) = (width / 2.0, depth / 2.0);
    let thick = (0.42 * width.min(depth)).min(12.0);
    let all = Rectangle::centred(width, depth);
    let base = Rectangle::new(-east, -north, east, thick - north);
    match shape {
        Shape::Block => (vec![all.corners().to_vec()], vec![all]),
        Shape::Ell => {
            let (x, y) = (thick - east, thick - north);
            let outline = [(-east, -north), (east, -north), (east, y), (x, y), (x, north), (-east, north)];
            (vec![points(&outline)], vec![base, Rectangle::new(-east, -north, x, north)])
        }
        Shape::Horseshoe => horseshoe(east, north, thick.min(width * 0.3)),
        Shape::Tee => {
            let (x, y) = (thick / 2.0, thick - north);
            let right = [(east, -north), (east, y), (x, y), (x, north)];
            let left = right.iter().rev().map(|(x, y)| (-x, *y));
            let outline: Vec<_> = right.iter().copied().chain(left).collect();
            (vec![points(&outline)], vec![base, Rectangle::new(-x, -north, x, north)])
        }
        Shape::Courtyard => courtyard(all, thick.min(0.3 * width.min(depth))),
        Shape::Round => (vec![circle(east, 32)], vec![Rectangle::centred(1.4 * east, 1.4 * east)]),
    }
}

fn horseshoe(east: f64, north: f64, thick: f64) -> (Vec<Vec<Point>>, Vec<Rectangle>) {
    let (x, y) = (east - thick, thick - north);
    let right = [(east, -north), (east, north), (x, north), (x, y)];
    let left = right.iter().rev().map(|(x, y)| (-x, *y));
    let outline: Vec<_> = right.iter().copied().chain(left).collect();
    let wings = [(-east, -north, east, y), (-east, -north, -x, north), (x, -north, east, north)];
    (vec![points(&outline)], wings.map(|(x0, y0, x1, y1)| Rectangle::new(x0, y0, x1, y1)).to_vec())
}

fn courtyard(all: Rectangle, thick: f64) -> (Vec<Vec<Point>>, Vec<Rectangle>) {
    let Rectangle { min, max } = all;
    let yard = Rectangle::new(min.x + thick, min.y + thick, max.x - thick, max.y - thick);
    let wings = vec![
        Rectangle { max: point(max.x, yard.min.y), ..all },
        Rectangle { min: point(min.x, yard.max.y), ..all },
        Rectangle { max: point(yard.min.x, max.y), ..all },
        Rectangle { min: point(yard.max.x, min.y), ..all },
    ];
    (vec![all.corners().to_vec(), yard.corners().to_vec()], wings)
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
