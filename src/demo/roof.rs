//! Roofs: their faces, how the sun falls on them, and what stands on them.

use super::building::Building;
use super::clutter;
use super::geometry::{Place, Point, Rectangle, inset, point};
use super::light;
use super::materials::{Material, Paint, Rgb, brighter};
use super::town::{Top, Town, class};
use crate::random::Dice;

/// The form of a roof.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Roof {
    /// Level, with a parapet.
    Flat,
    /// Two faces on each wing; rise in metres per metre.
    Gable(f64),
    /// Four faces on each wing; rise in metres per metre.
    Hip(f64),
    /// One face; rise in metres per metre.
    Shed(f64),
}

/// What a roof is covered with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cover {
    /// Its texture.
    pub material: Material,
    /// Its colour.
    pub colour: Rgb,
    /// How much stands on it: 0 nothing to 1 crowded.
    pub clutter: f64,
}

/// Covers a building and returns the height of its roof in metres (of the ridge, where it has one).
pub fn cover_with(building: &Building, town: &mut Town, dice: &mut Dice, roof: Roof, cover: &Cover) -> f64 {
    let paint = Paint::new(cover.material, cover.colour, dice.bits()).along(building.place.axis);
    match roof {
        Roof::Flat => flat(building, town, dice, paint),
        Roof::Gable(rise) | Roof::Hip(rise) => {
            let hipped = matches!(roof, Roof::Hip(_));
            let pitch = Pitch { eaves_m: building.eaves_m, rise, paint, hipped };
            let ridges = building.wings.iter().map(|wing| pitch.cover(town, &building.place, *wing));
            let highest = ridges.fold(0.0, f64::max);
            clutter::on_slopes(building, town, dice, cover.clutter);
            return highest;
        }
        Roof::Shed(rise) => {
            let extent = building.extent();
            let edge = Slope { at: extent.min, up: point(0.0, 1.0), eaves_m: building.eaves_m, rise };
            let lit = paint.along(building.place.axis.left());
            edge.face(town, &building.place, &building.outline, lit);
            return building.eaves_m + rise * extent.size().1;
        }
    }
    if cover.clutter > 0.0 {
        clutter::on_flat(building, town, dice, cover.clutter);
    }
    building.eaves_m
}

fn flat(building: &Building, town: &mut Town, dice: &mut Dice, paint: Paint) {
    let rings = building.rings();
    let top = building.eaves_m as f32;
    town.paint(rings.clone(), Top::Flat(top), paint, class::BUILDING);
    let parapet = brighter(paint.colour, dice.range(0.82, 1.22) as f32);
    let rim = Paint { material: Material::Plain, colour: parapet, ..paint };
    for (index, ring) in rings.into_iter().enumerate() {
        let inner = inset(&ring, if index == 0 { 0.3 } else { -0.3 });
        town.paint(vec![ring, inner], Top::Flat(top + 0.5), rim, class::BUILDING);
    }
}

/// A square tower of a width, with a pointed roof on walls of a height, in metres.
pub fn pyramid(town: &mut Town, place: &Place, (width, walls_m): (f64, f64), paint: Paint) {
    let mut side = *place;
    for _ in 0..4 {
        let half = width / 2.0;
        let slope = Slope { at: point(0.0, -half), up: point(0.0, 1.0), eaves_m: walls_m, rise: 1.9 };
        slope.face(town, &side, &[vec![point(-half, -half), point(half, -half), point(0.0, 0.0)]], paint);
        side = side.turned();
    }
}

/// A plane that rises from an edge in the local frame of a building.
struct Slope {
    at: Point,
    up: Point,
    eaves_m: f64,
    rise: f64,
}

impl Slope {
    fn face(&self, town: &mut Town, place: &Place, local: &[Vec<Point>], paint: Paint) {
        let up = place.axis * self.up.x + place.axis.left() * self.up.y;
        let slope = up * self.rise;
        let top = Top::Plane { at: place.map(self.at.x, self.at.y), height: self.eaves_m, slope };
        let rings = local.iter().map(|ring| place.ring(ring)).collect();
        // Ribs run down the slope, courses along it.
        let axis = if paint.material == Material::Tile { up.left() } else { up };
        town.paint(rings, top, paint.along(axis).lit(light::on_slope(slope)), class::BUILDING);
    }
}

/// A pitched roof on a rectangle.
struct Pitch {
    eaves_m: f64,
    rise: f64,
    paint: Paint,
    hipped: bool,
}

impl Pitch {
    /// Adds the faces on a wing and returns the height of the ridge.
    fn cover(&self, town: &mut Town, place: &Place, wing: Rectangle) -> f64 {
        let (width, depth) = wing.size();
        let middle = wing.center();
        let at_middle = place.shifted(middle.x, middle.y);
        // The ridge runs along the longer side.
        let (place, length, span) =
            if width >= depth { (at_middle, width, depth) } else { (at_middle.turned(), depth, width) };
        let (l, s) = (length / 2.0, span / 2.0);
        let end = if self.hipped { l - s } else { l };
        let side = |sign: f64| -> Vec<Point> {
            [(-l, -s), (l, -s), (end, 0.0), (-end, 0.0)].iter().map(|(x, y)| point(x * sign, y * sign)).collect()
        };
        for sign in [1.0, -1.0] {
            let slope =
                Slope { at: point(0.0, -s * sign), up: point(0.0, sign), eaves_m: self.eaves_m, rise: self.rise };
            slope.face(town, &place, &[side(sign)], self.paint);
            if self.hipped {
                let gable = [point(-l, -s), point(-end, 0.0), point(-l, s)].map(|p| p * sign).to_vec();
                let hip = Slope { at: point(-l * sign, 0.0), up: point(sign, 0.0), ..slope };
                hip.face(town, &place, &[gable], self.paint);
            }
        }
        self.eaves_m + self.rise * s
    }
}
