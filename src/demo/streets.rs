//! Streets: pavements, carriageways, markings, bridges, and the river that they cross.

use super::geometry::{Point, Ring, ribbon};
use super::materials::{Material, Paint, Rgb, near};
use super::nature;
use super::plan::{Cell, Plan, RIVER_COLUMN, Use};
use super::town::{Top, Town, class};
use crate::random::{Dice, sine};

const ASPHALT: Rgb = [103.0, 99.0, 99.0];
const PAVEMENT: Rgb = [117.0, 114.0, 110.0];
const TRACK: Rgb = [194.0, 181.0, 160.0];
const WHITE: Rgb = [164.0, 163.0, 160.0];
const RIVER: Rgb = [38.0, 47.0, 43.0];

/// What a piece of street is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rank {
    Main,
    Side,
    Track,
    Bridge,
}

/// A piece of street between two crossings.
struct Piece {
    line: Vec<Point>,
    rank: Rank,
    dice: Dice,
}

impl Rank {
    /// The breadth of the carriageway in metres.
    fn carriageway_m(self) -> f64 {
        match self {
            Self::Main => 9.5,
            Self::Side | Self::Bridge => 6.2,
            Self::Track => 4.6,
        }
    }

    /// The breadth with pavements in metres.
    fn breadth_m(self) -> f64 {
        match self {
            Self::Main => 15.0,
            Self::Side => 9.2,
            Self::Bridge => 9.6,
            Self::Track => 4.6,
        }
    }
}

/// How far a cell stays away from its four streets (west, east, south, north), in metres.
pub fn margins(plan: &Plan, (i, j): Cell) -> [f64; 4] {
    let half = |rank: Option<Rank>| rank.map_or(0.0, |rank| rank.breadth_m() / 2.0 + 0.3);
    [
        half(along_v(plan, (i, j))),
        half(along_v(plan, (i + 1, j))),
        half(along_u(plan, (i, j))),
        half(along_u(plan, (i, j + 1))),
    ]
}

/// The street on the west side of a cell.
fn along_v(plan: &Plan, (i, j): Cell) -> Option<Rank> {
    if i == RIVER_COLUMN || i == RIVER_COLUMN + 1 {
        return Some(Rank::Side);
    }
    by_neighbours(plan, [(i - 1, j), (i, j)], i.rem_euclid(3) == 0)
}

/// The street on the south side of a cell.
fn along_u(plan: &Plan, (i, j): Cell) -> Option<Rank> {
    let main = j.rem_euclid(3) == 0;
    if i == RIVER_COLUMN {
        return (j.rem_euclid(2) == 0 || main).then_some(Rank::Bridge);
    }
    by_neighbours(plan, [(i, j - 1), (i, j)], main)
}

fn by_neighbours(plan: &Plan, cells: [Cell; 2], main: bool) -> Option<Rank> {
    let rural = cells.iter().filter(|c| matches!(plan.use_of(**c), Use::Fields | Use::Bare | Use::Wood)).count();
    match (main, rural) {
        (true, _) => Some(Rank::Main),
        (false, 2) => plan.dice(5, cells[0]).chance(0.35).then_some(Rank::Track),
        (false, 1) if plan.dice(6, cells[1]).chance(0.6) => Some(Rank::Track),
        _ if plan.dice(7, cells[1]).chance(0.14) => Some(Rank::Track),
        _ => Some(Rank::Side),
    }
}

/// Lays the river, then all streets around and over it.
pub fn lay(town: &mut Town, plan: &Plan, cells: &[Cell]) {
    river(town, plan, cells);
    let mut pieces = Vec::new();
    for &(i, j) in cells {
        let ((u0, u1), (v0, v1)) = ((plan.u(i), plan.u(i + 1)), (plan.v(j), plan.v(j + 1)));
        let sides = [(along_u(plan, (i, j)), (u1, v0), 11), (along_v(plan, (i, j)), (u0, v1), 12)];
        for (rank, end, salt) in sides {
            if let Some(rank) = rank {
                pieces.push(Piece { line: plan.line((u0, v0), end), rank, dice: plan.dice(salt, (i, j)) });
            }
        }
    }
    // Tracks lie under pavements, pavements under carriageways: crossings need no geometry of their own.
    pieces.sort_by_key(|piece| piece.rank != Rank::Track);
    for layer in [foundation, carriageway, furnish] {
        for piece in &mut pieces {
            layer(town, piece);
        }
    }
}

fn top_of(rank: Rank) -> Top {
    // A bridge stands over the water; it is no part of the terrain.
    if rank == Rank::Bridge { Top::Flat(0.0) } else { Top::Ground(0.0) }
}

fn foundation(town: &mut Town, piece: &mut Piece) {
    let ring = ribbon(&piece.line, piece.rank.breadth_m());
    town.name(vec![ring.clone()], class::ROAD, None);
    if piece.rank != Rank::Track {
        let paint = Paint::new(Material::Asphalt, near(PAVEMENT, 0.08, piece.dice.bits()), 21);
        town.paint(vec![ring], top_of(piece.rank), paint, class::ROAD);
    }
}

fn carriageway(town: &mut Town, piece: &mut Piece) {
    let (material, colour) = match piece.rank {
        Rank::Track => (Material::Soil, TRACK),
        _ => (Material::Asphalt, ASPHALT),
    };
    let seed = piece.dice.bits();
    let paint = Paint::new(material, near(colour, 0.05, seed), 22);
    let line = if piece.rank == Rank::Track { piece.line.clone() } else { lengthened(&piece.line, 3.0) };
    town.paint(vec![ribbon(&line, piece.rank.carriageway_m())], top_of(piece.rank), paint, class::ROAD);
    if piece.rank != Rank::Track && piece.dice.chance(0.35) {
        // A resurfaced lane.
        let shade = Paint::new(Material::Asphalt, near(ASPHALT, 0.14, seed ^ 1), seed);
        let inner = cut(&piece.line, 0.2, 0.85);
        town.paint(vec![ribbon(&inner, piece.rank.carriageway_m() * 0.9)], top_of(piece.rank), shade, class::ROAD);
    }
}

/// Markings, crossings, trees, lamps and cars.
fn furnish(town: &mut Town, piece: &mut Piece) {
    let Piece { line, rank, dice } = piece;
    let white = Paint::new(Material::Plain, WHITE, 23);
    match rank {
        Rank::Track => return,
        Rank::Main => {
            for (from, to) in dashes(line, 9.0, 0.42, 10.0) {
                town.paint(vec![ribbon(&[from, to], 0.22)], Top::Ground(0.0), white, class::ROAD);
            }
            zebra(town, line, white);
            nature::avenue(town, dice, line, rank.breadth_m() / 2.0 - 1.1);
        }
        Rank::Side | Rank::Bridge => {}
    }
    for (from, to) in dashes(line, 17.0, 0.3, 12.0) {
        let side = if dice.chance(0.5) { 1.0 } else { -1.0 };
        let along = (to - from).unit() * side;
        let lane = if dice.chance(0.35) { 0.21 } else { 0.40 };
        let at = from + along.left() * (-lane * rank.carriageway_m());
        if dice.chance(0.42) && *rank != Rank::Bridge {
            nature::car(town, dice, at, along);
        }
    }
}

fn zebra(town: &mut Town, line: &[Point], white: Paint) {
    for (at, next) in [(line[0], line[1]), (line[line.len() - 1], line[line.len() - 2])] {
        let along = (next - at).unit();
        for k in -4..=4 {
            let from = at + along * 9.0 + along.left() * (f64::from(k) * 1.0);
            town.paint(vec![ribbon(&[from, from + along * 2.6], 0.5)], Top::Ground(0.0), white, class::ROAD);
        }
    }
}

/// The river in the middle of its valley.
fn river(town: &mut Town, plan: &Plan, cells: &[Cell]) {
    let (u0, u1) = (plan.u(RIVER_COLUMN), plan.u(RIVER_COLUMN + 1));
    let rows = || cells.iter().filter(|c| c.0 == RIVER_COLUMN).map(|c| c.1);
    let (Some(first), Some(last)) = (rows().min(), rows().max()) else { return };
    let (v0, v1) = (plan.v(first) - 60.0, plan.v(last + 1) + 60.0);
    let steps = ((v1 - v0) / 6.0) as usize;
    let side = |k: usize, sign: f64| {
        let v = v0 + k as f64 * 6.0;
        let swing = 9.0 * sine(v / 210.0 + 0.3) + 3.0 * sine(v / 77.0);
        let half = 15.5 + 2.5 * sine(v / 130.0) + 0.7 * sine(v / (19.0 + 3.0 * sign));
        plan.map(f64::midpoint(u0, u1) + swing + sign * half, v)
    };
    let ring = |extra: f64| -> Ring {
        let both = |k: usize, sign: f64| {
            let (here, other) = (side(k, sign), side(k, -sign));
            here + (here - other).unit() * extra
        };
        (0..=steps).map(|k| both(k, 1.0)).chain((0..=steps).rev().map(|k| both(k, -1.0))).collect()
    };
    let bank = Paint::new(Material::Soil, [150.0, 138.0, 116.0], 31);
    town.paint(vec![ring(2.2)], Top::Ground(-0.6), bank, class::BARE_LAND);
    let water = ring(0.0);
    town.name(vec![water.clone()], class::WATER, None);
    town.paint(vec![water], Top::Ground(-2.0), Paint::new(Material::Water, RIVER, 32), class::WATER);
}

fn lengthened(line: &[Point], by_m: f64) -> Vec<Point> {
    let n = line.len();
    let (first, last) = ((line[0] - line[1]).unit() * by_m, (line[n - 1] - line[n - 2]).unit() * by_m);
    let mut longer = line.to_vec();
    longer[0] = longer[0] + first;
    longer[n - 1] = longer[n - 1] + last;
    longer
}

/// The part of a line between two shares of its points.
fn cut(line: &[Point], from: f64, to: f64) -> Vec<Point> {
    let at = |share: f64| (share * (line.len() - 1) as f64) as usize;
    let (a, b) = (at(from), at(to).max(at(from) + 1).min(line.len() - 1));
    line[a.min(b - 1)..=b].to_vec()
}

/// Pieces of a line: one every `every_m`, `share` of it long, none within `clear_m` of the ends.
fn dashes(line: &[Point], every_m: f64, share: f64, clear_m: f64) -> Vec<(Point, Point)> {
    let mut pieces = Vec::new();
    let total: f64 = line.windows(2).map(|w| (w[1] - w[0]).length()).sum();
    let (mut walked, mut next) = (0.0, clear_m);
    for w in line.windows(2) {
        let length = (w[1] - w[0]).length();
        let along = (w[1] - w[0]) * (1.0 / length.max(1e-9));
        while next < walked + length && next < total - clear_m {
            let from = w[0] + along * (next - walked);
            pieces.push((from, from + along * (every_m * share)));
            next += every_m;
        }
        walked += length;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::geometry::point;

    #[test]
    fn dashes_keep_clear_of_crossings() {
        let line = [point(0.0, 0.0), point(50.0, 0.0), point(100.0, 0.0)];
        let dashes = dashes(&line, 10.0, 0.5, 12.0);
        assert_eq!(dashes.len(), 8);
        assert!(dashes.iter().all(|(a, b)| a.x >= 12.0 && b.x <= 93.0 && (b.x - a.x - 5.0).abs() < 1e-9));
    }
}
