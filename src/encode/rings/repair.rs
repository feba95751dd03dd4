//! Rings that quantizing or cutting has broken, made valid polygons again.

use std::sync::atomic::{AtomicU64, Ordering};

use super::cut::Side;
use super::faces::faces;
use super::fill::{border, twice_area_left_of};
use super::inside::corners;
use super::snap::snapped;
use super::validity::{Edge, is_valid};
use super::{Rings, twice_area};

/// Counts of repaired polygons since the process started, in tiles and files together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RepairCounts {
    /// Polygons that rounding or cutting had broken, and that cover the same ground again.
    pub repaired: u64,
    /// Those that had to be cut in halves before they became valid.
    pub halved: u64,
    /// Those that lost ground; the log names the tile or the file.
    pub lossy: u64,
}

static REPAIRED: AtomicU64 = AtomicU64::new(0);
static HALVED: AtomicU64 = AtomicU64::new(0);
static LOSSY: AtomicU64 = AtomicU64::new(0);

/// Returns how many polygons were repaired since the process started.
#[must_use]
pub fn repairs() -> RepairCounts {
    let [repaired, halved, lossy] = [&REPAIRED, &HALVED, &LOSSY].map(|count| count.load(Ordering::Relaxed));
    RepairCounts { repaired, halved, lossy }
}

/// A polygon made valid.
#[derive(Debug, Default)]
pub(in crate::encode) struct Repaired {
    /// Valid polygons that share no area.
    pub(in crate::encode) pieces: Vec<Rings>,
    /// Whether halves were needed.
    pub(in crate::encode) halved: bool,
    /// Twice the area, in square units, that is covered by the rings and by no piece.
    pub(in crate::encode) lost: i128,
}

/// What repairing had trouble with in one tile or file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::encode) struct Troubles {
    halved: usize,
    lossy: usize,
    /// Twice the lost area, in square units.
    lost: i128,
}

impl Troubles {
    pub(in crate::encode) fn note(&mut self, repaired: &Repaired) {
        self.halved += usize::from(repaired.halved);
        self.lossy += usize::from(repaired.lost != 0);
        self.lost += repaired.lost.abs();
    }

    /// Logs one warning that names the tile or file, if there was any.
    pub(in crate::encode) fn log(&self, place: &dyn std::fmt::Display) {
        let Self { halved, lossy, lost } = *self;
        if halved > 0 || lossy > 0 {
            let lost_units = lost as f64 / 2.0;
            tracing::warn!(halved, lossy, lost_units, "{place}: some polygons were hard to make valid");
        }
    }
}

/// The valid polygons that cover what the rings wind around once or more, within 0.71 units; pieces that were turned over
/// vanish.
///
/// Works in whole units throughout, so that its result needs no rounding. The edges are split where they meet, told which
/// side is filled, and walked. Should a polygon not be valid then, it is cut in halves until its parts are.
pub(in crate::encode) fn repair(rings: &Rings, work: &mut Vec<Edge>) -> Repaired {
    let mut repaired = Repaired::default();
    let broken = repaired.settle(rings, work);
    repaired.halved = !broken.is_empty();
    broken.iter().for_each(|rings| repaired.halve(rings, work));
    let counts = [(&REPAIRED, true), (&HALVED, repaired.halved), (&LOSSY, repaired.lost != 0)];
    counts
        .into_iter()
        .filter(|(_, happened)| *happened)
        .for_each(|(count, _)| _ = count.fetch_add(1, Ordering::Relaxed));
    repaired
}

impl Repaired {
    /// Keeps the valid polygons of rings and returns the others.
    fn settle(&mut self, rings: &Rings, work: &mut Vec<Edge>) -> Vec<Rings> {
        let edges = border(&snapped(rings));
        self.lost += twice_area_left_of(&edges);
        let (valid, broken): (Vec<_>, Vec<_>) = faces(edges).into_iter().partition(|piece| is_valid(piece, work));
        self.lost -= valid.iter().chain(&broken).map(area).sum::<i128>();
        self.pieces.extend(valid);
        broken
    }

    /// Keeps the polygons of rings, cut in the middle of their longer side until they are valid. A half is smaller than the
    /// whole, so this ends; what is one unit wide and still not valid is lost, and counted.
    fn halve(&mut self, rings: &Rings, work: &mut Vec<Edge>) {
        let (min, max) = corners(&rings.points);
        let (width, height) = (max.x - min.x, max.y - min.y);
        if width.max(height) <= 1 {
            self.lost += area(rings);
            return;
        }
        let sides = if width > height {
            let middle = i64::midpoint(min.x, max.x);
            [Side::East(middle), Side::West(middle)]
        } else {
            let middle = i64::midpoint(min.y, max.y);
            [Side::South(middle), Side::North(middle)]
        };
        for side in sides {
            for broken in self.settle(&cut(rings, side), work) {
                self.halve(&broken, work);
            }
        }
    }
}

/// The part of a polygon on the inner side of a cut.
fn cut(rings: &Rings, side: Side) -> Rings {
    let mut part = Rings::default();
    for (i, ring) in rings.iter().enumerate() {
        side.cut(ring, &mut part.points);
        if !part.close(i == 0) && i == 0 {
            break;
        }
    }
    part
}

/// Twice the area of a polygon.
fn area(rings: &Rings) -> i128 {
    rings.iter().map(|ring| i128::from(twice_area(ring))).sum()
}

#[cfg(test)]
mod tests {
    use super::super::validity::tests::polygon;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bridge_along_the_clip_side_vanishes() {
        // A "U" cut below its arms: two pieces that the cut has joined along y = 9.
        let cut = polygon(&[&[(0, 0), (3, 0), (3, 9), (6, 9), (6, 0), (9, 0), (9, 9), (0, 9)]]);
        let found = repair(&cut, &mut Vec::new());
        assert_eq!((found.pieces.len(), found.halved, found.lost), (2, false, 0));
        assert!(found.pieces.iter().all(|p| twice_area(&p.points) == 2 * 27 && is_valid(p, &mut Vec::new())));
    }

    /// How often rings wind around a point; none where it lies within `reach` of an edge.
    fn winding(rings: &Rings, [x, y]: [f64; 2], reach: f64) -> Option<i64> {
        let mut winding = 0;
        for ring in rings.iter() {
            for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
                let [ax, ay, bx, by] = [a.x, a.y, b.x, b.y].map(|v| v as f64);
                let (dx, dy) = (bx - ax, by - ay);
                let part = (((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
                if (x - ax - part * dx).hypot(y - ay - part * dy) < reach {
                    return None;
                }
                let left = dx * (y - ay) - dy * (x - ax) > 0.0;
                winding += i64::from(ay <= y && by > y && left) - i64::from(ay > y && by <= y && !left);
            }
        }
        Some(winding)
    }

    /// Whether valid pieces cover what rings wind around, each point once, apart from a strip of 0.75 units along edges.
    fn covers(rings: &Rings, repaired: &Repaired, size: i64) -> Result<(), TestCaseError> {
        for piece in &repaired.pieces {
            prop_assert!(is_valid(piece, &mut Vec::new()), "{:?}", piece);
        }
        prop_assert_eq!(repaired.lost, 0);
        let step = size as f64 / 24.0 + 0.5;
        for i in 0..576 {
            let at = [f64::from(i % 24) * step + 0.25, f64::from(i / 24) * step + 0.25];
            let Some(expected) = winding(rings, at, 0.75) else { continue };
            let found: i64 = repaired.pieces.iter().filter_map(|piece| winding(piece, at, 0.0)).sum();
            prop_assert_eq!(found, i64::from(expected > 0), "at {:?}", at);
        }
        Ok(())
    }

    /// A polygon of a coverage that is full of holes, as rounding and thinning leave it: holes that touch, cross, lie in each
    /// other and beyond the exterior.
    fn riddled() -> impl Strategy<Value = Vec<Vec<(i64, i64)>>> {
        let hole = (0..400_i64, 0..400_i64, prop::collection::vec((-40..40_i64, -40..40_i64), 3..12));
        let exterior = prop::collection::vec(120..260_i64, 8..60);
        (exterior, prop::collection::vec(hole, 0..40)).prop_map(|(radii, holes)| {
            let at = |(i, r): (usize, &i64)| {
                let (sin, cos) = (std::f64::consts::TAU * i as f64 / radii.len() as f64).sin_cos();
                (200 + (*r as f64 * cos) as i64, 200 + (*r as f64 * sin) as i64)
            };
            let moved = |(x, y, ring): (i64, i64, Vec<(i64, i64)>)| ring.iter().map(|p| (x + p.0, y + p.1)).collect();
            std::iter::once(radii.iter().enumerate().map(at).collect()).chain(holes.into_iter().map(moved)).collect()
        })
    }

    fn of(rings: &[Vec<(i64, i64)>]) -> Rings {
        polygon(&rings.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    #[test]
    fn a_road_network_of_thousands_of_blocks_keeps_its_ground() {
        // Blocks between streets, thinned and rounded so far that many touch, cross and swallow their neighbours.
        let mut dice = crate::random::Dice::new(17);
        let mut rings = vec![vec![(-64, -64), (4160, -64), (4160, 4160), (-64, 4160)]];
        for (col, row) in (0..36_i64).flat_map(|col| (0..36_i64).map(move |row| (col, row))) {
            let corner = |i: i64, dice: &mut crate::random::Dice| {
                let (sin, cos) = (i as f64 * std::f64::consts::TAU / 9.0).sin_cos();
                let radius = 25.0 + 45.0 * dice.unit();
                (57 + 114 * col + (radius * cos) as i64, 57 + 114 * row + (radius * sin) as i64)
            };
            rings.push((0..9).map(|i| corner(i, &mut dice)).collect());
        }
        let rings = of(&rings);
        let repaired = repair(&rings, &mut Vec::new());
        assert!(!repaired.halved && repaired.lost == 0);
        assert!(repaired.pieces.iter().all(|piece| is_valid(piece, &mut Vec::new())));
        let kept: i128 = repaired.pieces.iter().map(area).sum();
        // Holes that overlap are taken away twice by the sum of signed areas, and count once on the ground.
        assert!(kept > area(&rings) && kept < area(&rings) * 11 / 10, "{kept} of {}", area(&rings));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn small_scrawls_become_valid_and_keep_their_ground(
            rings in prop::collection::vec(prop::collection::vec((0..24_i64, 0..24_i64), 3..24), 1..5),
        ) {
            let rings = of(&rings);
            covers(&rings, &repair(&rings, &mut Vec::new()), 24)?;
        }

        #[test]
        fn riddled_polygons_become_valid_and_keep_their_ground(rings in riddled()) {
            let rings = of(&rings);
            let repaired = repair(&rings, &mut Vec::new());
            prop_assert!(!repaired.halved);
            covers(&rings, &repaired, 400)?;
        }

        #[test]
        fn halves_are_valid_and_keep_the_ground(rings in riddled()) {
            let rings = of(&rings);
            let mut halves = Repaired::default();
            halves.halve(&rings, &mut Vec::new());
            for piece in &halves.pieces {
                prop_assert!(is_valid(piece, &mut Vec::new()), "{:?}", piece);
            }
            let whole: i128 = repair(&rings, &mut Vec::new()).pieces.iter().map(area).sum();
            let found: i128 = halves.pieces.iter().map(area).sum();
            prop_assert!(halves.lost == 0 && (whole - found).abs() <= 2 * 1200, "{} of {}", found, whole);
        }
    }
}
