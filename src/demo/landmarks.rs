//! Blocks with large buildings: a closed court, the church, slabs of flats, works.

use super::building::{Building, Shape};
use super::geometry::{Place, Point, Rectangle, point};
use super::materials::{Material, Paint, Rgb, near};
use super::nature;
use super::quarters::Lot;
use super::roof::{Cover, Roof, pyramid};
use super::styles::{Draft, raise, terrace, tiles};
use super::town::{Town, class};
use crate::random::Dice;

const SLABS: [Rgb; 3] = [[188.0, 185.0, 180.0], [152.0, 149.0, 144.0], [204.0, 202.0, 198.0]];
const HALLS: [Rgb; 5] =
    [[186.0, 188.0, 190.0], [208.0, 208.0, 206.0], [62.0, 116.0, 174.0], [150.0, 150.0, 150.0], [152.0, 74.0, 62.0]];
const SLATE: Rgb = [118.0, 116.0, 118.0];

/// A closed block around a green yard.
pub fn court(town: &mut Town, dice: &mut Dice, lot: &Lot<'_>) {
    let (width, depth) = lot.size();
    let place = middle_of(lot);
    let green = Paint::new(Material::Grass, [92.0, 106.0, 62.0], dice.bits());
    lot.part((0.3, 0.3), (0.7, 0.7)).cover(town, green, class::VEGETATION);
    let (_, cover) = tiles(dice);
    let draft = Draft { shape: Shape::Courtyard, place, size: (width * 0.9, depth * 0.9), eaves_m: 13.2 };
    raise(town, dice, lot, (draft, (Roof::Hip(0.55), cover)));
    nature::grove(town, dice, 5, |a, b| lot.at(0.4 + 0.2 * a, 0.4 + 0.2 * b));
}

/// The church in its churchyard.
pub fn church(town: &mut Town, dice: &mut Dice, lot: &Lot<'_>) {
    let (width, depth) = lot.size();
    let place = middle_of(lot);
    let cover = Cover { material: Material::Tile, colour: SLATE, clutter: 0.0 };
    let (half_long, half_wide) = ((width * 0.27).min(20.0), (depth * 0.22).min(11.5));
    let path = Paint::new(Material::Soil, [192.0, 180.0, 160.0], dice.bits());
    lot.part((0.1, 0.44), (0.5, 0.56)).cover(town, path, class::BARE_LAND);
    lot.part((0.0, 0.46), (0.2, 0.54)).cover(town, path, class::BARE_LAND);
    let (outline, wings) = cross(half_long, half_wide);
    Building { place, outline: vec![outline], wings, eaves_m: 9.0 }.build(town, dice, Roof::Gable(0.9), &cover);
    let tower = place.shifted(-half_long + 3.6, 0.0);
    pyramid(town, &tower, (7.0, 19.0), Paint::new(Material::Tile, [96.0, 104.0, 104.0], 71));
    for k in 0..14 {
        let (along, side) = (0.06 + 0.88 * f64::from(k / 2) / 6.0, if k % 2 == 0 { 0.06 } else { 0.94 });
        let radius = dice.range(1.8, 3.6);
        nature::tree(town, dice, lot.at(along, side), radius);
    }
}

/// Nave and transept.
fn cross(long: f64, wide: f64) -> (Vec<Point>, Vec<Rectangle>) {
    let (nave, from, to) = (wide * 0.55, long * 0.2, long * 0.68);
    let south = [(-long, -nave), (from, -nave), (from, -wide), (to, -wide), (to, -nave), (long, -nave)];
    let north = south.iter().rev().map(|(x, y)| point(*x, -y));
    let outline = south.iter().map(|(x, y)| point(*x, *y)).chain(north).collect();
    (outline, vec![Rectangle::new(-long, -nave, long, nave), Rectangle::new(from, -wide, to, wide)])
}

/// Slabs of flats on a lawn, with parked cars.
pub fn slabs(town: &mut Town, dice: &mut Dice, lot: &Lot<'_>) {
    let (width, depth) = lot.size();
    let count = (width / 30.0).floor().max(1.0);
    for k in 0..count as u32 {
        let along = lot.min.0 + width * (f64::from(k) + 0.5) / count;
        let place = lot.plan.place(along, lot.min.1 + depth * 0.56).turned();
        let size = ((depth * dice.range(0.55, 0.72)).min(48.0), dice.range(11.0, 14.0));
        let colour = near(dice.pick(&SLABS), 0.08, dice.bits());
        let eaves_m = dice.pick(&[4.0, 5.0, 6.0]) * 2.9 + 1.0;
        let cover = Cover { material: Material::Concrete, colour, clutter: 0.5 };
        raise(town, dice, lot, (Draft { shape: Shape::Block, place, size, eaves_m }, (Roof::Flat, cover)));
    }
    parking_strip(town, dice, &lot.part((0.05, 0.02), (0.95, 0.13)));
    nature::grove(town, dice, 12, |a, b| lot.at(a, 0.88 + 0.12 * b));
    let ends = |a: f64| if a < 0.5 { 0.08 * a } else { 1.0 - 0.08 * (1.0 - a) };
    nature::grove(town, dice, 10, |a, b| lot.at(ends(a), 0.2 + 0.7 * b));
}

fn parking_strip(town: &mut Town, dice: &mut Dice, strip: &Lot<'_>) {
    let asphalt = Paint::new(Material::Asphalt, [112.0, 110.0, 108.0], dice.bits());
    strip.cover(town, asphalt, class::ROAD);
    town.name(vec![strip.ring()], class::ROAD, None);
    let heading = strip.plan.place(strip.min.0, strip.min.1).axis.left();
    let stalls = strip.size().0 / 2.7;
    for k in 0..stalls as u32 {
        if dice.chance(0.5) {
            nature::car(town, dice, strip.at((f64::from(k) + 0.5) / stalls, 0.55), heading);
        }
    }
}

/// Halls, a yard with tanks and lorries.
pub fn works(town: &mut Town, dice: &mut Dice, lot: &Lot<'_>) {
    let (width, depth) = lot.size();
    let yard = lot.part((0.02, 0.03), (0.98, dice.range(0.35, 0.97)));
    let asphalt = Paint::new(Material::Asphalt, near([112.0, 109.0, 107.0], 0.1, dice.bits()), dice.bits());
    yard.cover(town, asphalt, class::ROAD);
    town.name(vec![yard.ring()], class::ROAD, None);
    let halls = if width > 62.0 && dice.chance(0.7) { 2 } else { 1 };
    for k in 0..halls {
        let share = |k: i32| f64::from(k) / f64::from(halls);
        hall(town, dice, lot, &lot.part((share(k), 0.26), (share(k + 1), 1.0)));
    }
    for k in 0..(dice.unit() * 4.0) as u32 {
        let place = lot.plan.place(lot.min.0 + 9.0 + f64::from(k) * 11.0, lot.min.1 + depth * 0.13);
        let colour = near([204.0, 204.0, 200.0], 0.08, dice.bits());
        let cover = Cover { material: Material::Plain, colour, clutter: 0.0 };
        let draft = Draft { shape: Shape::Round, place, size: (8.4, 8.4), eaves_m: 8.0 };
        raise(town, dice, lot, (draft, (Roof::Flat, cover)));
    }
    let heading = lot.plan.place(lot.min.0, lot.min.1).axis;
    for _ in 0..5 {
        let at = lot.at(dice.range(0.55, 0.95), dice.range(0.07, 0.2));
        nature::car(town, dice, at, heading);
    }
}

fn hall(town: &mut Town, dice: &mut Dice, lot: &Lot<'_>, part: &Lot<'_>) {
    let (width, depth) = part.size();
    let size = (width * dice.range(0.68, 0.88), depth * dice.range(0.68, 0.88));
    let colour = near(dice.pick(&HALLS), 0.07, dice.bits());
    let roof = dice.weighted(&[(0.7, Roof::Gable(0.14)), (0.3, Roof::Flat)]);
    let cover = Cover { material: Material::Sheet, colour, clutter: 0.15 };
    let shape = dice.weighted(&[(0.8, Shape::Block), (0.2, Shape::Ell)]);
    let draft = Draft { shape, place: middle_of(part), size, eaves_m: dice.range(6.0, 10.0) };
    raise(town, dice, lot, (draft, (roof, cover)));
}

/// One house in a wide plot.
pub fn single(town: &mut Town, dice: &mut Dice, lot: &Lot<'_>) {
    let style = terrace(dice);
    let draft = Draft { shape: Shape::Ell, place: middle_of(lot), size: (13.0, 10.0), eaves_m: 6.4 };
    raise(town, dice, lot, (draft, style));
}

fn middle_of(lot: &Lot<'_>) -> Place {
    lot.plan.place(f64::midpoint(lot.min.0, lot.max.0), f64::midpoint(lot.min.1, lot.max.1))
}
