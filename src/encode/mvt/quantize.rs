//! World space to the whole units of a tile.

use crate::encode::rings::{FARTHEST, Point, Rings};
use crate::feature::WorldShape;
use crate::georef::{TileCoord, WorldBounds, WorldPoint};

/// Units along a side of a tile.
pub(super) const EXTENT: i64 = 4096;
/// Zoom at which a unit is one step of the world square (2⁻³²).
const STEP_ZOOM: u8 = 20;

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
            assert_eq!(a, Point { x: b.x + tiles * EXTENT, y: b.y });
            assert!((0..=EXTENT).contains(&a.x) && (0..=EXTENT).contains(&a.y));
        }
    }
}
