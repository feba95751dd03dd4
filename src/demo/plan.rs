//! The plan: a grid of streets that a smooth warp bends, and what each block of it is used for.

use super::geometry::{Place, Point, Ring, point};
use super::town::Town;
use super::{quarters, streets};
use crate::random::{Dice, sine};

/// What a block between streets is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// The river and its banks.
    River,
    /// Narrow town houses wall to wall.
    Dense,
    /// A closed block around a yard.
    Court,
    /// The church and its yard.
    Church,
    /// Houses in gardens.
    Villas,
    /// Rows of houses.
    Terraces,
    /// Slabs on lawns.
    Slabs,
    /// Halls, yards and tanks.
    Works,
    /// Lawn, paths and trees.
    Park,
    /// Parked cars.
    Parking,
    /// Earth, waiting for builders.
    Bare,
    /// Strips of crops.
    Fields,
    /// Trees, crown to crown.
    Wood,
}

/// The column of blocks that the river takes.
pub const RIVER_COLUMN: i32 = 1;
/// Its breadth between the streets on its banks.
const RIVER_VALLEY_M: f64 = 84.0;

/// Uses by weight, from the middle outwards.
const CENTRE: &[(f64, Use)] =
    &[(6.0, Use::Dense), (1.5, Use::Court), (0.8, Use::Park), (0.7, Use::Parking), (1.2, Use::Terraces)];
const SUBURB: &[(f64, Use)] = &[
    (4.0, Use::Villas),
    (2.0, Use::Terraces),
    (2.6, Use::Dense),
    (1.3, Use::Slabs),
    (1.5, Use::Works),
    (0.6, Use::Park),
    (0.7, Use::Bare),
];
const OUTSKIRTS: &[(f64, Use)] =
    &[(4.0, Use::Fields), (2.0, Use::Villas), (1.3, Use::Works), (0.9, Use::Bare), (0.9, Use::Wood), (0.5, Use::Slabs)];

/// A block of the street grid, by its column and row from the middle of the town.
pub type Cell = (i32, i32);

/// The street grid.
pub struct Plan {
    seed: u64,
    middle: Point,
    axis: Point,
    reach_m: f64,
    phases: [f64; 4],
}

/// Plans and builds a town, from the ground up.
pub fn plan(seed: u64, width_m: f64, height_m: f64) -> Town {
    let mut town = Town::new(seed, width_m, height_m);
    let plan = Plan::new(seed, width_m, height_m);
    let cells = plan.cells(width_m, height_m);
    quarters::meadow(&mut town, &plan);
    for cell in &cells {
        quarters::lay_ground(&mut town, &plan, *cell);
    }
    streets::lay(&mut town, &plan, &cells);
    for cell in &cells {
        quarters::build(&mut town, &plan, *cell);
    }
    town
}

impl Plan {
    fn new(seed: u64, width_m: f64, height_m: f64) -> Self {
        let mut dice = Dice::at(seed, 1, 0, 0);
        let turn = dice.range(0.02, 0.055);
        Self {
            seed,
            middle: point(width_m / 2.0, height_m / 2.0),
            axis: point(sine(turn + 0.25), sine(turn)).unit(),
            reach_m: width_m.max(height_m) / 2.0,
            phases: [dice.unit(), dice.unit(), dice.unit(), dice.unit()],
        }
    }

    /// A position of the straight grid on the bent one.
    pub fn map(&self, u: f64, v: f64) -> Point {
        let p = &self.phases;
        let bent = point(
            u + 17.0 * sine(v / 640.0 + p[0]) + 5.0 * sine(v / 260.0 + u / 900.0 + p[1]),
            v + 15.0 * sine(u / 560.0 + p[2]) + 6.0 * sine(u / 300.0 + v / 800.0 + p[3]),
        );
        self.middle + self.axis * bent.x + self.axis.left() * bent.y
    }

    /// An upright frame of the grid at one of its positions.
    pub fn place(&self, u: f64, v: f64) -> Place {
        Place { at: self.map(u, v), axis: (self.map(u + 2.0, v) - self.map(u - 2.0, v)).unit() }
    }

    /// A rectangle of the straight grid on the bent one.
    pub fn quad(&self, (u0, v0): (f64, f64), (u1, v1): (f64, f64)) -> Ring {
        let corners = [(u0, v0), (u1, v0), (u1, v1), (u0, v1)];
        let side = |k: usize| self.line(corners[k], corners[(k + 1) % 4]);
        (0..4).flat_map(|k| side(k).into_iter().rev().skip(1).rev()).collect()
    }

    /// A straight line of the grid, bent; points at most 8 m apart.
    pub fn line(&self, (u0, v0): (f64, f64), (u1, v1): (f64, f64)) -> Vec<Point> {
        let steps = (((u1 - u0).abs() + (v1 - v0).abs()) / 8.0).ceil().max(1.0) as usize;
        let at = |k: usize| k as f64 / steps as f64;
        (0..=steps).map(|k| self.map(u0 + (u1 - u0) * at(k), v0 + (v1 - v0) * at(k))).collect()
    }

    /// A stream of numbers for a cell.
    pub fn dice(&self, salt: u32, (i, j): Cell) -> Dice {
        Dice::at(self.seed, salt, i, j)
    }

    /// Where the street west of column `i` runs.
    pub fn u(&self, i: i32) -> f64 {
        let breadth = |i: i32| match i {
            RIVER_COLUMN => RIVER_VALLEY_M,
            _ => self.dice(2, (i, 0)).range(66.0, 108.0),
        };
        if i >= 0 { (0..i).map(breadth).sum::<f64>() - 45.0 } else { -(i..0).map(breadth).sum::<f64>() - 45.0 }
    }

    /// Where the street south of row `j` runs.
    pub fn v(&self, j: i32) -> f64 {
        let depth = |j: i32| self.dice(3, (0, j)).range(58.0, 88.0);
        if j >= 0 { (0..j).map(depth).sum::<f64>() - 38.0 } else { -(j..0).map(depth).sum::<f64>() - 38.0 }
    }

    /// The cells that may be seen, row by row.
    fn cells(&self, width_m: f64, height_m: f64) -> Vec<Cell> {
        let reach = (self.reach_m * 1.5 / 58.0) as i32 + 2;
        let near = |cell: &Cell| {
            let middle = self.map(
                f64::midpoint(self.u(cell.0), self.u(cell.0 + 1)),
                f64::midpoint(self.v(cell.1), self.v(cell.1 + 1)),
            );
            let within = |at: f64, end: f64| at > -100.0 && at < end + 100.0;
            within(middle.x, width_m) && within(middle.y, height_m)
        };
        (-reach..reach).flat_map(|j| (-reach..reach).map(move |i| (i, j))).filter(near).collect()
    }

    /// What a cell is used for.
    pub fn use_of(&self, cell: Cell) -> Use {
        if cell.0 == RIVER_COLUMN {
            return Use::River;
        }
        if cell == (0, 0) {
            return Use::Church;
        }
        let mut dice = self.dice(4, cell);
        let from_middle =
            point(f64::midpoint(self.u(cell.0), self.u(cell.0 + 1)), f64::midpoint(self.v(cell.1), self.v(cell.1 + 1)));
        let outwards = from_middle.length() / self.reach_m.max(120.0) + dice.range(-0.1, 0.1);
        let choices = match outwards {
            r if r < 0.45 => CENTRE,
            r if r < 0.85 => SUBURB,
            _ => OUTSKIRTS,
        };
        dice.weighted(choices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_bends_but_does_not_fold() {
        let plan = Plan::new(3, 1000.0, 800.0);
        for (u, v) in [(-400.0, 300.0), (0.0, 0.0), (250.0, -350.0)] {
            let (east, north) = (plan.map(u + 1.0, v) - plan.map(u, v), plan.map(u, v + 1.0) - plan.map(u, v));
            assert!((east.length() - 1.0).abs() < 0.25 && (north.length() - 1.0).abs() < 0.25);
            assert!(east.dot(north).abs() < 0.35, "{}", east.dot(north));
        }
    }

    #[test]
    fn streets_follow_each_other() {
        let plan = Plan::new(3, 1000.0, 800.0);
        assert!((-8..8).all(|i| plan.u(i + 1) - plan.u(i) > 60.0 && plan.v(i + 1) - plan.v(i) > 50.0));
    }
}
