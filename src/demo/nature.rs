//! Trees, hedges and cars.

use super::building::circle;
use super::geometry::{Place, Point, Rectangle, Ring, point};
use super::materials::{Material, Paint, Rgb, near};
use super::town::{Top, Town, class};
use crate::random::{Dice, sine};

const LEAVES: [Rgb; 5] =
    [[70.0, 92.0, 48.0], [62.0, 84.0, 46.0], [86.0, 104.0, 56.0], [58.0, 76.0, 44.0], [98.0, 108.0, 62.0]];
const CARS: [Rgb; 9] = [
    [222.0, 222.0, 220.0],
    [228.0, 228.0, 226.0],
    [58.0, 60.0, 64.0],
    [74.0, 78.0, 84.0],
    [160.0, 162.0, 164.0],
    [142.0, 40.0, 36.0],
    [50.0, 76.0, 130.0],
    [176.0, 178.0, 178.0],
    [120.0, 116.0, 108.0],
];

/// A tree with a crown of `radius` metres.
pub fn tree(town: &mut Town, dice: &mut Dice, at: Point, radius: f64) {
    let leaves = dice.pick(&LEAVES);
    let rise = radius * dice.range(0.9, 1.3);
    let base = radius * dice.range(0.5, 0.9);
    let seed = dice.bits();
    let paint = |dice: &mut Dice| Paint::new(Material::Leaves, near(leaves, 0.1, dice.bits()), seed);
    let main = blob(dice, at, radius * 0.86);
    town.name(vec![main.clone()], class::VEGETATION, Some(base + rise));
    let dome = Top::Dome { centre: at, radius, base, rise };
    let look = paint(dice);
    town.paint(vec![main], dome, look, class::VEGETATION);
    // Boughs break the outline and the crown.
    for _ in 0..(2.0 + radius * 1.4) as usize {
        let (turn, off) = (dice.unit(), radius * dice.range(0.35, 0.75));
        let centre = at + point(sine(turn + 0.25), sine(turn)) * off;
        let size = radius * dice.range(0.3, 0.5);
        let top =
            Top::Dome { centre, radius: size * 1.1, base: base + rise * dice.range(0.25, 0.6), rise: rise * 0.45 };
        let look = paint(dice).lit(dice.range(0.86, 1.14) as f32);
        town.paint(vec![blob(dice, centre, size)], top, look, class::VEGETATION);
    }
}

/// An uneven circle.
fn blob(dice: &mut Dice, at: Point, radius: f64) -> Ring {
    circle(radius, 14).into_iter().map(|p| at + p * dice.range(0.84, 1.16)).collect()
}

/// Trees within a ring-shaped or rectangular piece of the grid, given by a function from the unit square.
pub fn grove(town: &mut Town, dice: &mut Dice, count: usize, at: impl Fn(f64, f64) -> Point) {
    for _ in 0..count {
        let p = at(dice.unit(), dice.unit());
        let radius = if dice.chance(0.3) { dice.range(0.7, 1.4) } else { dice.range(1.6, 4.2) };
        tree(town, dice, p, radius);
    }
}

/// Trees on both sides of a street, `off_m` from its middle.
pub fn avenue(town: &mut Town, dice: &mut Dice, line: &[Point], off_m: f64) {
    if !dice.chance(0.6) {
        return;
    }
    for pair in line.windows(2).skip(1) {
        let across = (pair[1] - pair[0]).unit().left();
        for side in [-1.0, 1.0] {
            if dice.chance(0.55) {
                let radius = dice.range(1.3, 2.6);
                tree(town, dice, pair[0] + across * (side * off_m), radius);
            }
        }
    }
}

/// A hedge or a wall along a line.
pub fn hedge(town: &mut Town, dice: &mut Dice, ring: Ring) {
    let (paint, class, height) = if dice.chance(0.55) {
        (Paint::new(Material::Leaves, near(LEAVES[1], 0.15, dice.bits()), 41), class::VEGETATION, 1.6)
    } else {
        (Paint::new(Material::Plain, near([172.0, 166.0, 156.0], 0.12, dice.bits()), 42), class::BARE_LAND, 1.4)
    };
    town.paint(vec![ring], Top::Flat(height), paint, class);
}

/// A car at a position, heading along `axis`.
pub fn car(town: &mut Town, dice: &mut Dice, at: Point, axis: Point) {
    let van = dice.chance(0.1);
    let (length, width) = if van { (dice.range(5.4, 8.0), 2.2) } else { (dice.range(3.9, 4.7), 1.8) };
    let height: f32 = if van { 2.4 } else { 1.1 };
    let place = Place { at, axis };
    let (l, w) = (length / 2.0, width / 2.0);
    let body = [
        (-l, -w * 0.75),
        (-l + 0.35, -w),
        (l - 0.5, -w),
        (l, -w * 0.6),
        (l, w * 0.6),
        (l - 0.5, w),
        (-l + 0.35, w),
        (-l, w * 0.75),
    ];
    let body = place.ring(&body.map(|(x, y)| point(x, y)));
    let colour = near(dice.pick(&CARS), 0.06, dice.bits());
    town.name(vec![body.clone()], class::VEHICLE, Some(f64::from(height)));
    town.paint(vec![body], Top::Flat(height), Paint::new(Material::Plain, colour, 51), class::VEHICLE);
    let mut part = |x0: f64, x1: f64, share: f64, colour: Rgb| {
        let ring = place.rectangle(Rectangle::new(x0, -w * share, x1, w * share));
        town.paint(vec![ring], Top::Flat(height + 0.3), Paint::new(Material::Plain, colour, 52), class::VEHICLE);
    };
    if !van {
        part(-l * 0.72, l * 0.45, 0.84, [44.0, 50.0, 56.0]);
        part(-l * 0.5, l * 0.12, 0.8, colour);
    }
}
