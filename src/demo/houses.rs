//! Blocks of houses: wall to wall, in gardens, in rows.

use super::building::Shape;
use super::materials::{Material, Paint, Rgb, near};
use super::nature;
use super::quarters::Lot;
use super::roof::Roof;
use super::styles::{Draft, raise, sheets, terrace, tiles};
use super::town::{Town, class};
use crate::random::Dice;

const PAVED: Rgb = [172.0, 167.0, 158.0];
const SOIL: Rgb = [184.0, 169.0, 147.0];
const LAWN: Rgb = [94.0, 108.0, 64.0];

/// Narrow houses along two streets, yards and sheds between.
pub fn dense(town: &mut Town, dice: &mut Dice, lot: &Lot<'_>) {
    for street_south in [true, false] {
        let mut share = 0.012;
        while share < 0.94 {
            let front = (dice.range(7.5, 13.5) / lot.size().0).min(0.99 - share);
            let (south, north) = if street_south { (0.0, 0.5) } else { (0.5, 1.0) };
            let plot = lot.part((share, south), (share + front, north));
            share += front + if dice.chance(0.2) { dice.range(0.008, 0.03) } else { 0.0 };
            if plot.size().0 > 5.5 && dice.chance(0.96) {
                town_house(town, dice, (lot, &plot), street_south);
            }
        }
    }
}

/// A house at the street, a yard behind it, and sometimes a house in the yard.
fn town_house(town: &mut Town, dice: &mut Dice, (lot, plot): (&Lot<'_>, &Lot<'_>), street_south: bool) {
    yard(town, dice, plot);
    let (front, depth) = plot.size();
    let deep = depth * dice.range(0.42, 0.68);
    let off = deep / 2.0 + 0.4;
    let from_street = if street_south { plot.min.1 + off } else { plot.max.1 - off };
    let place = plot.plan.place(f64::midpoint(plot.min.0, plot.max.0), from_street);
    let style = if dice.chance(0.76) { terrace(dice) } else { sheets(dice) };
    let shape = dice.weighted(&[(0.72, Shape::Block), (0.2, Shape::Ell), (0.08, Shape::Horseshoe)]);
    let eaves_m = dice.range(1.5, 5.0).floor() * 3.0 + 0.4;
    raise(town, dice, lot, (Draft { shape, place, size: (front * 0.975, deep), eaves_m }, style));
    let behind = if street_south { plot.max.1 - depth * 0.14 } else { plot.min.1 + depth * 0.14 };
    let place = plot.plan.place(f64::midpoint(plot.min.0, plot.max.0), behind);
    if dice.chance(0.5) {
        let style = if dice.chance(0.6) { sheets(dice) } else { terrace(dice) };
        let size = (front * dice.range(0.5, 0.95), depth * dice.range(0.18, 0.27));
        let eaves_m = dice.pick(&[2.6, 3.2, 6.2]);
        raise(town, dice, lot, (Draft { shape: Shape::Block, place, size, eaves_m }, style));
    } else if dice.chance(0.55) {
        let (aside, radius) = (dice.range(-2.0, 2.0), dice.range(1.2, 3.2));
        nature::tree(town, dice, place.map(aside, 0.0), radius);
    }
}

/// Ground and borders of a plot.
fn yard(town: &mut Town, dice: &mut Dice, plot: &Lot<'_>) {
    let (material, colour, class) = dice.weighted(&[
        (0.12, (Material::Concrete, PAVED, class::BARE_LAND)),
        (0.34, (Material::Soil, SOIL, class::BARE_LAND)),
        (0.54, (Material::Grass, LAWN, class::VEGETATION)),
    ]);
    plot.cover(town, Paint::new(material, near(colour, 0.12, dice.bits()), dice.bits()), class);
    if dice.chance(0.5) {
        let border = plot.part((0.0, 0.0), (0.35 / plot.size().0, 1.0)).ring();
        nature::hedge(town, dice, border);
    }
}

/// Detached houses in gardens, in two rows.
pub fn villas(town: &mut Town, dice: &mut Dice, lot: &Lot<'_>) {
    let count = (lot.size().0 / dice.range(15.0, 21.0)).floor().max(1.0);
    for row in 0..2 {
        for k in 0..count as u32 {
            let (west, east) = (f64::from(k) / count, f64::from(k + 1) / count);
            let (south, north) = (f64::from(row) * 0.5, f64::from(row + 1) * 0.5);
            garden(town, dice, &lot.part((west, south), (east, north)), row == 0);
        }
    }
}

/// A house, its drive, a shed, trees and a hedge.
fn garden(town: &mut Town, dice: &mut Dice, lot: &Lot<'_>, street_south: bool) {
    if dice.chance(0.4) {
        yard(town, dice, lot);
    }
    let (width, depth) = lot.size();
    let near_street: f64 = if street_south { 0.42 } else { 0.58 };
    let street: f64 = if street_south { 0.0 } else { 1.0 };
    let drive = lot.part((0.05, street.min(near_street)), (0.05 + 2.8 / width, street.max(near_street)));
    let paved = Paint::new(Material::Concrete, near(PAVED, 0.12, dice.bits()), dice.bits());
    drive.cover(town, paved, class::BARE_LAND);
    villa(town, dice, lot, near_street);
    if dice.chance(0.45) {
        let heading = lot.plan.place(lot.min.0, lot.min.1).axis.left();
        nature::car(town, dice, drive.at(0.5, 0.5), heading);
    }
    if dice.chance(0.4) {
        let inward = if street_south { depth - 3.0 } else { 3.0 };
        let place = lot.plan.place(lot.min.0 + width * dice.range(0.25, 0.75), lot.min.1 + inward);
        let draft = Draft { shape: Shape::Block, place, size: (dice.range(3.5, 6.0), 3.6), eaves_m: 2.5 };
        let style = sheets(dice);
        raise(town, dice, lot, (draft, style));
    }
    let trees = dice.range(0.5, 6.0) as usize;
    let back = |b: f64| if street_south { 1.0 - 0.34 * b } else { 0.34 * b };
    nature::grove(town, dice, trees, |a, b| lot.at(0.04 + 0.92 * a, back(b)));
    if dice.chance(0.75) {
        let border = lot.part((0.0, 0.0), (0.6 / width, 1.0)).ring();
        nature::hedge(town, dice, border);
    }
}

fn villa(town: &mut Town, dice: &mut Dice, lot: &Lot<'_>, near_street: f64) {
    let (width, depth) = lot.size();
    let middle = lot.part((0.57, near_street), (0.57, near_street));
    let place = lot.plan.place(middle.min.0, middle.min.1);
    let size = (dice.range(8.5, 14.0).min(width * 0.7), dice.range(8.0, 13.0).min(depth * 0.55));
    let shape = dice.weighted(&[(0.55, Shape::Block), (0.3, Shape::Ell), (0.15, Shape::Tee)]);
    let style = match (dice.unit() * 10.0) as u32 {
        0..=3 => tiles(dice),
        4..=7 => terrace(dice),
        _ => sheets(dice),
    };
    let eaves_m = dice.pick(&[3.2, 5.6, 6.2, 8.8]);
    raise(town, dice, lot, (Draft { shape, place, size, eaves_m }, style));
}

/// Two rows of houses under long roofs, gardens behind.
pub fn terraces(town: &mut Town, dice: &mut Dice, lot: &Lot<'_>) {
    let (width, depth) = lot.size();
    let (_, cover) = if dice.chance(0.8) { tiles(dice) } else { sheets(dice) };
    let deep = dice.range(8.5, 10.5);
    for from_street in [3.5 + deep / 2.0, depth - 3.5 - deep / 2.0] {
        let mut walked = 2.0;
        while walked < width - 20.0 {
            let houses = dice.range(3.0, 6.0).floor();
            let length = (houses * 6.4).min(width - walked - 2.0);
            let place = lot.plan.place(lot.min.0 + walked + length / 2.0, lot.min.1 + from_street);
            let draft = Draft { shape: Shape::Block, place, size: (length, deep), eaves_m: 5.8 };
            raise(town, dice, lot, (draft, (Roof::Gable(0.6), cover)));
            walked += length + dice.range(4.0, 8.0);
        }
    }
    let gardens = width / 6.4;
    for k in 0..gardens as u32 {
        for (from, to) in [(0.3, 0.49), (0.51, 0.7)] {
            let west = f64::from(k) / gardens;
            back_garden(town, dice, &lot.part((west, from), (west + 1.0 / gardens, to)));
        }
    }
}

fn back_garden(town: &mut Town, dice: &mut Dice, plot: &Lot<'_>) {
    if dice.chance(0.2) {
        yard(town, dice, plot);
    } else if dice.chance(0.5) {
        let seed = dice.bits();
        let border = plot.part((0.0, 0.0), (0.4 / plot.size().0, 1.0)).ring();
        nature::hedge(town, dice, border);
        let bed = Paint::new(Material::Crop, near([92.0, 108.0, 60.0], 0.15, seed), seed);
        plot.part((0.15, 0.1), (0.85, 0.55)).cover(town, bed, class::VEGETATION);
    }
    if dice.chance(0.7) {
        let (at, radius) = (plot.at(dice.range(0.2, 0.8), dice.range(0.1, 0.9)), dice.range(0.8, 2.4));
        nature::tree(town, dice, at, radius);
    }
    if dice.chance(0.3) {
        let place = plot.plan.place(plot.min.0 + 2.4, f64::midpoint(plot.min.1, plot.max.1));
        let style = sheets(dice);
        let draft = Draft { shape: Shape::Block, place, size: (2.6, 3.0), eaves_m: 2.3 };
        raise(town, dice, plot, (draft, style));
    }
}
