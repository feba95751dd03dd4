//! Where blocks lie in the world, for "which blocks does this tile need".

use std::collections::BTreeMap;

use geo::{Coord, LineString, Polygon};

use super::SeedError;
use crate::feature::WorldShape;
use crate::georef::{Crs, PixelPoint, Projector, WorldBounds, WorldPoint};
use crate::grid::{BlockId, WorkGrid};

/// Corners and middles of the sides of a square around.
const OUTLINE: [(f64, f64); 9] =
    [(0.0, 0.0), (0.5, 0.0), (1.0, 0.0), (1.0, 0.5), (1.0, 1.0), (0.5, 1.0), (0.0, 1.0), (0.0, 0.5), (0.0, 0.0)];

/// Where each block lies in the world: its corners and the middles of its sides.
pub(super) fn places(grid: &WorkGrid, blocks: &[BlockId]) -> Result<BTreeMap<BlockId, WorldBounds>, SeedError> {
    let projector = Projector::new(&grid.frame.crs, &Crs::web_mercator())?;
    let place = |block: BlockId| {
        let window = grid.block_window(block);
        let corner = |(right, down): (f64, f64)| {
            let col = window.col as f64 + f64::from(window.cols) * right;
            let p =
                grid.frame.transform.to_map(PixelPoint { col, row: window.row as f64 + f64::from(window.rows) * down });
            Coord { x: p.x, y: p.y }
        };
        let outline = Polygon::new(LineString(OUTLINE.map(corner).to_vec()), Vec::new());
        let to_world = |p| projector.project(p).map(WorldPoint::from_web_mercator);
        Ok((block, WorldShape::project(&outline, &[], to_world)?.bounds()))
    };
    blocks.iter().map(|b| place(*b)).collect()
}
