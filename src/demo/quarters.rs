//! Blocks between streets: their ground, and what is open about them.

use super::building::circle;
use super::geometry::{Point, Ring, inset, point, ribbon};
use super::houses;
use super::landmarks;
use super::materials::{Material, Paint, Rgb, near};
use super::nature;
use super::plan::{Cell, Plan, Use};
use super::streets;
use super::town::{Top, Town, class};
use crate::random::Dice;

const LAWN: Rgb = [96.0, 108.0, 66.0];
const EARTH: Rgb = [187.0, 173.0, 151.0];
const YARD: Rgb = [170.0, 165.0, 156.0];
const CROPS: [Rgb; 5] =
    [[84.0, 112.0, 54.0], [104.0, 124.0, 58.0], [148.0, 138.0, 82.0], [70.0, 100.0, 56.0], [122.0, 128.0, 74.0]];

/// A block without its streets, in the straight grid.
pub struct Lot<'a> {
    /// The plan that bends it.
    pub plan: &'a Plan,
    /// Its least u and v.
    pub min: (f64, f64),
    /// Its greatest u and v.
    pub max: (f64, f64),
}

impl Lot<'_> {
    /// The extent along u and v in metres of the straight grid.
    pub fn size(&self) -> (f64, f64) {
        (self.max.0 - self.min.0, self.max.1 - self.min.1)
    }

    /// A part, by shares of the extent.
    pub fn part(&self, from: (f64, f64), to: (f64, f64)) -> Self {
        let at = |(a, b): (f64, f64)| {
            let (width, depth) = self.size();
            (self.min.0 + a * width, self.min.1 + b * depth)
        };
        Self { plan: self.plan, min: at(from), max: at(to) }
    }

    /// Its outline in the town.
    pub fn ring(&self) -> Ring {
        self.plan.quad(self.min, self.max)
    }

    /// A position by shares of the extent.
    pub fn at(&self, a: f64, b: f64) -> Point {
        let part = self.part((a, b), (a, b));
        self.plan.map(part.min.0, part.min.1)
    }

    /// Covers it with ground of a material.
    pub fn cover(&self, town: &mut Town, paint: Paint, class: u8) {
        town.paint(vec![self.ring()], Top::Ground(0.0), paint, class);
    }
}

/// The block of a cell between its streets.
fn lot(plan: &Plan, cell: Cell) -> Lot<'_> {
    let (i, j) = cell;
    let [west, east, south, north] = streets::margins(plan, cell);
    Lot { plan, min: (plan.u(i) + west, plan.v(j) + south), max: (plan.u(i + 1) - east, plan.v(j + 1) - north) }
}

/// Grass under everything.
pub fn meadow(town: &mut Town, plan: &Plan) {
    let (w, h) = (town.width_m + 60.0, town.height_m + 60.0);
    let ring = vec![point(-60.0, -60.0), point(w, -60.0), point(w, h), point(-60.0, h)];
    let seed = plan.dice(20, (0, 0)).bits();
    town.paint(
        vec![ring],
        Top::Ground(0.0),
        Paint::new(Material::Grass, near(LAWN, 0.05, seed), seed),
        class::VEGETATION,
    );
}

/// Lays the ground of a cell.
pub fn lay_ground(town: &mut Town, plan: &Plan, cell: Cell) {
    let mut dice = plan.dice(21, cell);
    let lot = lot(plan, cell);
    let (material, colour, class) = match plan.use_of(cell) {
        Use::River | Use::Park | Use::Slabs | Use::Church | Use::Fields | Use::Wood => {
            (Material::Grass, LAWN, class::VEGETATION)
        }
        Use::Villas | Use::Terraces => dice.weighted(&[
            (0.75, (Material::Grass, LAWN, class::VEGETATION)),
            (0.25, (Material::Soil, EARTH, class::BARE_LAND)),
        ]),
        Use::Court => (Material::Concrete, YARD, class::BARE_LAND),
        Use::Works | Use::Dense | Use::Bare => (Material::Soil, EARTH, class::BARE_LAND),
        Use::Parking => (Material::Asphalt, [104.0, 101.0, 100.0], class::ROAD),
    };
    lot.cover(town, Paint::new(material, near(colour, 0.1, dice.bits()), dice.bits()), class);
    if class == class::ROAD {
        town.name(vec![lot.ring()], class, None);
    }
}

/// Builds what stands in a cell.
pub fn build(town: &mut Town, plan: &Plan, cell: Cell) {
    let mut dice = plan.dice(22, cell);
    let lot = lot(plan, cell);
    match plan.use_of(cell) {
        Use::Dense => houses::dense(town, &mut dice, &lot),
        Use::Villas => houses::villas(town, &mut dice, &lot),
        Use::Terraces => houses::terraces(town, &mut dice, &lot),
        Use::Court => landmarks::court(town, &mut dice, &lot),
        Use::Church => landmarks::church(town, &mut dice, &lot),
        Use::Slabs => landmarks::slabs(town, &mut dice, &lot),
        Use::Works => landmarks::works(town, &mut dice, &lot),
        Use::River => banks(town, &mut dice, &lot),
        Use::Park => park(town, &mut dice, &lot),
        Use::Parking => parking(town, &mut dice, &lot),
        Use::Bare => bare(town, &mut dice, &lot),
        Use::Fields => fields(town, &mut dice, &lot),
        Use::Wood => nature::grove(town, &mut dice, (lot.size().0 * lot.size().1 / 22.0) as usize, |a, b| lot.at(a, b)),
    }
}

fn banks(town: &mut Town, dice: &mut Dice, lot: &Lot<'_>) {
    for share in [0.0, 0.9] {
        let bank = lot.part((share, 0.02), (share + 0.1, 0.98));
        let trees = (dice.range(0.0, 1.0) * lot.size().1 / 7.0) as usize;
        nature::grove(town, dice, trees, |a, b| bank.at(a, b));
    }
}

fn park(town: &mut Town, dice: &mut Dice, lot: &Lot<'_>) {
    let gravel = Paint::new(Material::Soil, near([184.0, 168.0, 142.0], 0.06, dice.bits()), 61);
    let bend = dice.range(0.3, 0.7);
    for path in [[(0.0, 0.1), (bend, 0.45), (1.0, 0.9)], [(0.1, 1.0), (bend, 0.45), (0.85, 0.0)]] {
        let line: Vec<Point> = path.iter().map(|(a, b)| lot.at(*a, *b)).collect();
        town.paint(vec![ribbon(&line, 2.6)], Top::Ground(0.0), gravel, class::BARE_LAND);
    }
    let middle = lot.at(bend, 0.45);
    let around = |radius: f64| -> Ring { circle(radius, 24).into_iter().map(|p| middle + p).collect() };
    town.paint(vec![around(7.5)], Top::Ground(0.0), gravel, class::BARE_LAND);
    if dice.chance(0.6) {
        let pond = around(4.8);
        town.name(vec![pond.clone()], class::WATER, None);
        town.paint(vec![pond], Top::Ground(-0.6), Paint::new(Material::Water, [70.0, 88.0, 84.0], 62), class::WATER);
    }
    let (width, depth) = lot.size();
    let trees = (width * depth / dice.range(60.0, 160.0)) as usize;
    nature::grove(town, dice, trees, |a, b| {
        let p = lot.at(a, b);
        if (p - middle).length() < 11.0 { lot.at(0.02 * a, b) } else { p }
    });
}

fn parking(town: &mut Town, dice: &mut Dice, lot: &Lot<'_>) {
    let (width, depth) = lot.size();
    let white = Paint::new(Material::Plain, [172.0, 171.0, 168.0], 63);
    let rows = (depth / 16.0) as u32;
    for row in 0..rows {
        let v = lot.min.1 + 8.0 + f64::from(row) * 16.0;
        for stall in 1..((width - 10.0) / 2.6) as u32 {
            let place = lot.plan.place(lot.min.0 + 5.0 + f64::from(stall) * 2.6, v);
            for side in [-1.0, 1.0] {
                let line = ribbon(&[place.at, place.map(0.0, side * 5.0)], 0.16);
                town.paint(vec![line], Top::Ground(0.0), white, class::ROAD);
                if dice.chance(0.55) {
                    let jitter = dice.range(-0.3, 0.3);
                    nature::car(town, dice, place.map(1.3, side * (2.6 + jitter)), place.axis.left() * side);
                }
            }
        }
    }
    for _ in 0..rows * 2 {
        let edge = dice.pick(&[0.02, 0.98]);
        let (at, radius) = (lot.at(edge, dice.unit()), dice.range(1.4, 2.4));
        nature::tree(town, dice, at, radius);
    }
}

fn bare(town: &mut Town, dice: &mut Dice, lot: &Lot<'_>) {
    for _ in 0..4 {
        let (a, b) = (dice.range(0.1, 0.8), dice.range(0.1, 0.8));
        let colour = dice.pick(&[[160.0, 138.0, 112.0], [202.0, 188.0, 166.0], [172.0, 162.0, 146.0]]);
        let paint = Paint::new(Material::Soil, near(colour, 0.08, dice.bits()), dice.bits());
        let (at, radius) = (lot.at(a, b), dice.range(4.0, 11.0));
        let ring: Ring = circle(radius, 16).into_iter().map(|p| at + p * dice.range(0.7, 1.3)).collect();
        town.paint(vec![ring], Top::Ground(0.0), paint, class::BARE_LAND);
    }
    let track: Vec<Point> =
        [(0.0, 0.3), (0.4, 0.5), (0.7, 0.45), (1.0, 0.7)].iter().map(|(a, b)| lot.at(*a, *b)).collect();
    let worn = Paint::new(Material::Soil, [206.0, 192.0, 170.0], dice.bits());
    town.paint(vec![ribbon(&track, 3.6)], Top::Ground(0.0), worn, class::BARE_LAND);
    let bushes = (dice.range(2.0, 12.0)) as usize;
    nature::grove(town, dice, bushes, |a, b| lot.at(a, b));
    if dice.chance(0.6) {
        landmarks::single(town, dice, &lot.part((0.55, 0.1), (0.95, 0.5)));
    }
}

fn fields(town: &mut Town, dice: &mut Dice, lot: &Lot<'_>) {
    let strips = 1 + (dice.unit() * 4.0) as u32;
    let across = dice.chance(0.5);
    for strip in 0..strips {
        let share = |k: u32| f64::from(k) / f64::from(strips);
        let (a, b) = (share(strip), share(strip + 1));
        let part = if across { lot.part((a, 0.0), (b, 1.0)) } else { lot.part((0.0, a), (1.0, b)) };
        let seed = dice.bits();
        let axis = part.plan.place(part.min.0, part.min.1).axis;
        let axis = if across { axis.left() } else { axis };
        let crop = dice.pick(&CROPS);
        let (material, colour, class) = dice.weighted(&[
            (0.55, (Material::Crop, crop, class::VEGETATION)),
            (0.25, (Material::Grass, [104.0, 116.0, 64.0], class::VEGETATION)),
            (0.2, (Material::Soil, [156.0, 128.0, 100.0], class::BARE_LAND)),
        ]);
        let paint = Paint::new(material, near(colour, 0.12, seed), seed).along(axis);
        let ring = inset(&part.ring(), 0.7);
        town.paint(vec![ring], Top::Ground(0.0), paint, class);
    }
    if dice.chance(0.6) {
        let side = dice.pick(&[0.0, 0.985]);
        let row = lot.part((side, 0.0), (side + 0.015, 1.0));
        let bushes = (dice.range(4.0, 16.0)) as usize;
        nature::grove(town, dice, bushes, |a, b| row.at(a, b));
    }
}
