//! Where blocks lie in the world, for "which blocks does this tile need".

use std::collections::BTreeMap;

use super::SeedError;
use crate::georef::{Crs, PixelPoint, Projector, WorldBounds};
use crate::grid::{BlockId, WorkGrid};

/// Where each block lies in the world: its corners and the middles of its sides.
pub(super) fn places(grid: &WorkGrid, blocks: &[BlockId]) -> Result<BTreeMap<BlockId, WorldBounds>, SeedError> {
    let projector = Projector::new(&grid.frame.crs, &Crs::web_mercator())?;
    let place = |block: BlockId| {
        let window = grid.block_window(block);
        let at = |i: i64, from: i64, len: u32| from as f64 + f64::from(len) * i as f64 / 2.0;
        let mut around: Option<WorldBounds> = None;
        for (i, j) in (0..3).flat_map(|i| (0..3).map(move |j| (i, j))) {
            let corner = PixelPoint { col: at(i, window.col, window.cols), row: at(j, window.row, window.rows) };
            let p = projector.to_world(&grid.frame.transform, corner)?;
            let point = WorldBounds { min: p, max: p };
            around = Some(around.map_or(point, |b| b.union(&point)));
        }
        Ok((block, around.expect("nine points were added")))
    };
    blocks.iter().map(|b| place(*b)).collect()
}
