//! What stands on roofs: stair heads, upper storeys, tanks, machines, chimneys, solar cells.

use super::building::{Building, circle};
use super::geometry::{Point, Rectangle, Ring, point};
use super::materials::{Material, Paint, Rgb, near};
use super::town::{Top, Town, class};
use crate::random::Dice;

const GREY: Rgb = [158.0, 156.0, 152.0];
const CELLS: Rgb = [42.0, 50.0, 68.0];

/// Furnishes a flat roof; `density` is 0 to 1.
pub fn on_flat(building: &Building, town: &mut Town, dice: &mut Dice, density: f64) {
    let (width, depth) = building.extent().size();
    let area = width * depth;
    if dice.chance(0.55 * density) && width.min(depth) > 7.0 {
        upper_storey(building, town, dice);
    }
    let things = (area * density * dice.range(0.015, 0.05)) as usize + 1;
    for _ in 0..things.min(60) {
        if let Some(spot) = building.spot(dice, 1.2) {
            thing(building, town, dice, spot);
        }
    }
    if dice.chance(0.3) && width.min(depth) > 9.0 {
        solar_rows(building, town, dice);
    }
}

/// Chimneys, skylights and solar cells on a pitched roof; `density` is 0 to 1.
pub fn on_slopes(building: &Building, town: &mut Town, dice: &mut Dice, density: f64) {
    let things = (density * dice.range(1.0, 5.0)) as usize;
    for _ in 0..things {
        let Some(spot) = building.spot(dice, 1.0) else { continue };
        let rise = 0.35 * building.extent().size().1.min(12.0);
        let ring = building.place.shifted(spot.x, spot.y).rectangle(Rectangle::centred(0.7, 0.7));
        let brick = Paint::new(Material::Plain, near([120.0, 90.0, 78.0], 0.3, dice.bits()), 1);
        town.paint(vec![ring], Top::Flat((building.eaves_m + rise) as f32 + 0.4), brick, class::BUILDING);
    }
}

/// A part of the roof that stands one storey higher.
fn upper_storey(building: &Building, town: &mut Town, dice: &mut Dice) {
    let wing = dice.pick(&building.wings);
    let (width, depth) = wing.size();
    let (w, d) = (width * dice.range(0.3, 0.5), depth * dice.range(0.35, 0.95));
    let x = if dice.chance(0.5) { wing.min.x } else { wing.max.x - w };
    let y = if dice.chance(0.5) { wing.min.y } else { wing.max.y - d };
    let ring = building.place.rectangle(Rectangle::new(x, y, x + w, y + d));
    let sheet = dice.chance(0.3);
    let (material, colour) = if sheet {
        (Material::Sheet, dice.pick(&[[70.0, 120.0, 172.0], [150.0, 152.0, 154.0], [160.0, 70.0, 60.0]]))
    } else {
        (Material::Concrete, GREY)
    };
    let paint = Paint::new(material, near(colour, 0.18, dice.bits()), dice.bits()).along(building.place.axis);
    town.paint(vec![ring], Top::Flat((building.eaves_m + 2.8) as f32), paint, class::BUILDING);
}

/// A tank, a machine, a stair head or some stored thing.
fn thing(building: &Building, town: &mut Town, dice: &mut Dice, spot: Point) {
    let place = building.place.shifted(spot.x, spot.y);
    let seed = dice.bits();
    let round: fn(f64) -> Vec<Point> = |radius| circle(radius, 12);
    let square = |w: f64, d: f64| Rectangle::centred(w, d).corners().to_vec();
    let (shape, height, colour): (Vec<Point>, f64, Rgb) = match (dice.unit() * 8.0) as u32 {
        0 => (round(dice.range(0.5, 0.8)), 1.6, [52.0, 54.0, 58.0]),
        1 => (
            round(dice.range(0.5, 0.9)),
            1.6,
            dice.pick(&[[60.0, 130.0, 110.0], [70.0, 110.0, 170.0], [225.0, 225.0, 222.0]]),
        ),
        2 => (square(dice.range(2.0, 3.2), dice.range(2.0, 3.4)), 2.5, [176.0, 172.0, 164.0]),
        3 | 4 => (square(dice.range(0.7, 1.4), dice.range(0.6, 1.1)), 0.9, [196.0, 196.0, 194.0]),
        5 => (square(dice.range(1.0, 2.6), 0.5), 0.5, [110.0, 104.0, 98.0]),
        _ => (
            square(dice.range(0.4, 1.8), dice.range(0.4, 1.2)),
            0.4,
            dice.pick(&[[150.0, 120.0, 96.0], [120.0, 126.0, 110.0], [186.0, 180.0, 176.0], [170.0, 84.0, 70.0]]),
        ),
    };
    let ring: Ring = place.ring(&shape);
    let paint = Paint::new(Material::Plain, near(colour, 0.15, seed), seed);
    town.paint(vec![ring], Top::Flat((building.eaves_m + height) as f32), paint, class::BUILDING);
}

/// Rows of solar cells on a wing.
fn solar_rows(building: &Building, town: &mut Town, dice: &mut Dice) {
    let Some(spot) = building.spot(dice, 3.5) else { return };
    let place = building.place.shifted(spot.x, spot.y);
    let paint = Paint::new(Material::Panel, CELLS, dice.bits()).along(place.axis);
    for row in 0..3 {
        let y = f64::from(row) * 1.9 - 2.8;
        let ring = place.ring(&Rectangle { min: point(-2.4, y), max: point(2.4, y + 1.1) }.corners());
        town.paint(vec![ring], Top::Flat((building.eaves_m + 0.8) as f32), paint, class::BUILDING);
    }
}
