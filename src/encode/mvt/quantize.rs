//! World space to the whole units of a tile.

use crate::feature::WorldShape;
use crate::georef::{TileCoord, WorldBounds, WorldPoint};

/// Units along a side of a tile.
pub(super) const EXTENT: i64 = 4096;
/// How far from a tile a position may lie, in units (312 km at the deepest zoom); what lies further is brought here,
/// so that areas and products of lengths stay whole numbers of 64 bits.
const FARTHEST: i64 = 1 << 29;
/// Zoom at which a unit is one step of the world square (2⁻³²).
const STEP_ZOOM: u8 = 20;

/// A position in a tile: x east, y south, (0, 0) the north-west corner.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Point {
    pub(super) x: i64,
    pub(super) y: i64,
}

/// Rings of one polygon, exterior first, kept in one piece of memory; closing vertices are not repeated.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Rings {
    pub(super) points: Vec<Point>,
    pub(super) ends: Vec<usize>,
    /// Whether there is one ring and it was seen to be convex.
    pub(super) convex: bool,
}

impl Rings {
    pub(super) fn clear(&mut self) {
        self.convex = false;
        self.points.clear();
        self.ends.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[Point]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.points[start..*end])
    }

    /// Ends the ring whose points were pushed since the last one; one without area is forgotten.
    ///
    /// The exterior is wound positively by the surveyor's formula, holes negatively (MVT 2.1, 4.3.4.4).
    /// Returns whether the ring was kept.
    pub(super) fn close(&mut self, exterior: bool) -> bool {
        let start = self.ends.last().copied().unwrap_or(0);
        let convex = convex_quadrangle(&self.points[start..]);
        self.convex = convex.is_some() && self.ends.is_empty();
        let twice = convex.unwrap_or_else(|| {
            remove_spikes(&mut self.points, start);
            twice_area(&self.points[start..])
        });
        if twice == 0 {
            self.points.truncate(start);
            return false;
        }
        if (twice > 0) != exterior {
            self.points[start..].reverse();
        }
        self.ends.push(self.points.len());
        true
    }
}

/// Twice the area by the surveyor's formula; positive when clockwise on screen.
pub(super) fn twice_area(ring: &[Point]) -> i64 {
    let Some((origin, others)) = ring.split_first() else { return 0 };
    let local = |p: &Point| (p.x - origin.x, p.y - origin.y);
    others.windows(2).map(|pair| (local(&pair[0]), local(&pair[1]))).map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum()
}

/// Twice the area of four points at each of which the ring turns the same way; most buildings are such. No point is
/// repeated or the end of a spike then, and the ring is convex: four turns of less than 180° each that add up to whole
/// turns make one turn, not two.
fn convex_quadrangle(ring: &[Point]) -> Option<i64> {
    let turn = |a: &Point, b: &Point, c: &Point| (b.x - a.x) * (c.y - b.y) - (b.y - a.y) * (c.x - b.x);
    let [a, b, c, d] = ring else { return None };
    let turns = [turn(a, b, c), turn(b, c, d), turn(c, d, a), turn(d, a, b)];
    let same = turns.iter().all(|turn| *turn > 0) || turns.iter().all(|turn| *turn < 0);
    same.then(|| turns[0] + turns[2])
}

/// Removes repeated points, and points from which the ring goes back the way it came, from `start` on.
fn remove_spikes(points: &mut Vec<Point>, start: usize) {
    let mut kept = start;
    for at in start..points.len() {
        let p = points[at];
        while kept > start && points[kept - 1] == p
            || kept > start + 1 && returns(points[kept - 2], points[kept - 1], p)
        {
            kept -= 1;
        }
        points[kept] = p;
        kept += 1;
    }
    points.truncate(kept);
    // Across the closing edge, until nothing is left to remove.
    loop {
        let ring = &points[start..];
        let n = ring.len();
        if n < 3 {
            points.truncate(start);
            return;
        }
        if ring[0] == ring[n - 1] || returns(ring[n - 2], ring[n - 1], ring[0]) {
            points.pop();
        } else if returns(ring[n - 1], ring[0], ring[1]) {
            points.remove(start);
        } else {
            return;
        }
    }
}

/// Whether the way a → b → c turns back on itself at b.
pub(super) fn returns(a: Point, b: Point, c: Point) -> bool {
    let (ux, uy, vx, vy) = (b.x - a.x, b.y - a.y, c.x - b.x, c.y - b.y);
    ux * vy == uy * vx && ux * vx + uy * vy < 0
}

/// The whole units of one tile in world space.
#[derive(Debug, Clone, Copy)]
pub(super) struct TileGrid {
    origin: Point,
    zoom: u8,
    unit: f64,
    bounds: WorldBounds,
}

impl TileGrid {
    pub(super) fn new(tile: TileCoord) -> Self {
        let first_step = |i: u32| i64::from(i) << (32 - tile.z());
        let origin = Point { x: first_step(tile.x()), y: first_step(tile.y()) };
        Self { origin, zoom: tile.z(), unit: 2_f64.powi(-12 - i32::from(tile.z())), bounds: tile.bounds() }
    }

    pub(super) fn zoom(&self) -> u8 {
        self.zoom
    }

    /// The tile and a margin around it in world space.
    pub(super) fn reach(&self, margin_units: u32) -> WorldBounds {
        let margin = f64::from(margin_units) * self.unit();
        let WorldBounds { min, max } = self.bounds;
        WorldBounds {
            min: WorldPoint { x: min.x - margin, y: min.y - margin },
            max: WorldPoint { x: max.x + margin, y: max.y + margin },
        }
    }

    /// The side of a unit, as a part of the side of the world square.
    pub(super) fn unit(&self) -> f64 {
        self.unit
    }

    /// The grid for positions that count from `west` steps, some turns around the earth further east.
    pub(super) fn counting_from(&self, west: u32, turns: i8) -> Self {
        let west = i64::from(west) + (i64::from(turns) << 32);
        Self { origin: Point { x: self.origin.x - west, y: self.origin.y }, ..*self }
    }

    /// The nearest whole unit; the same for every tile of a zoom, so what meets in the world meets in the tiles.
    pub(super) fn point(&self, x: u32, y: u32) -> Point {
        Point { x: self.units(i64::from(x) - self.origin.x), y: self.units(i64::from(y) - self.origin.y) }
    }

    fn units(&self, steps: i64) -> i64 {
        let units = if self.zoom >= STEP_ZOOM {
            steps << (self.zoom - STEP_ZOOM)
        } else {
            let shift = STEP_ZOOM - self.zoom;
            (steps + (1 << (shift - 1))) >> shift
        };
        units.clamp(-FARTHEST, FARTHEST)
    }

    /// A shape in whole units, without the vertices that `tolerance_m` makes needless; empty when nothing is left.
    pub(super) fn quantize(&self, shape: &WorldShape, tolerance_m: f32, out: &mut Rings) {
        out.clear();
        for (i, ring) in shape.rings().enumerate() {
            out.points.reserve(ring.len());
            for v in ring {
                if v.importance_m >= tolerance_m {
                    out.points.push(self.point(v.x, v.y));
                }
            }
            if !out.close(i == 0) && i == 0 {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(x: i64, y: i64) -> Point {
        Point { x, y }
    }

    fn closed(points: &[Point], exterior: bool) -> Vec<Point> {
        let mut rings = Rings { points: points.to_vec(), ..Rings::default() };
        rings.close(exterior);
        rings.points
    }

    #[test]
    fn an_exterior_is_clockwise_on_screen() {
        let ring = [p(0, 0), p(0, 4), p(4, 4), p(4, 0)];
        assert!(twice_area(&closed(&ring, true)) > 0);
        assert!(twice_area(&closed(&ring, false)) < 0);
    }

    #[test]
    fn spikes_and_repeated_points_are_removed() {
        let ring = [p(0, 0), p(4, 0), p(9, 0), p(4, 0), p(4, 4), p(4, 4), p(0, 4), p(0, 0), p(-3, 0)];
        assert_eq!(closed(&ring, true), [p(0, 0), p(4, 0), p(4, 4), p(0, 4)]);
    }

    #[test]
    fn a_ring_without_area_is_forgotten() {
        assert!(closed(&[p(0, 0), p(5, 5), p(9, 9), p(2, 2)], true).is_empty());
        assert!(closed(&[p(1, 1), p(1, 1)], true).is_empty());
        assert!(closed(&[], true).is_empty());
    }

    #[test]
    fn neighbouring_tiles_agree_on_a_position() {
        let (x, y) = (123_456_789_u32, 987_654_321_u32);
        let part = |steps: u32| f64::from(steps) / 4_294_967_296.0;
        for z in [0_u32, 14, 20, 24] {
            let here = TileCoord::at(z, WorldPoint { x: part(x), y: part(y) }).expect("inside");
            let east = TileCoord::new(z, (here.x() + 1) % (1 << z), here.y()).expect("exists");
            let (a, b) = (TileGrid::new(here).point(x, y), TileGrid::new(east).point(x, y));
            assert_eq!(TileGrid::new(here).counting_from(x - 5, 0).point(5, y), a);
            let tiles = i64::from(east.x()) - i64::from(here.x());
            assert_eq!(a, p(b.x + tiles * EXTENT, b.y));
            assert!((0..=EXTENT).contains(&a.x) && (0..=EXTENT).contains(&a.y));
        }
    }
}
