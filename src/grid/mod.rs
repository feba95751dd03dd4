//! The work grid: one pixel grid for the whole mosaic, its blocks, their halos, and the chip lattice.

mod choose;
mod lattice;

pub use choose::{GridError, WantedResolution};
pub use lattice::{ChipId, ChipLattice};

use crate::georef::{CrsError, Ground, GroundScale, PixelFrame, PixelPoint, Window};

/// A block of the work grid, by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockId {
    /// From the top.
    pub row: u32,
    /// From the left.
    pub col: u32,
}

impl std::fmt::Display for BlockId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "r{:05}c{:05}", self.row, self.col)
    }
}

/// One pixel grid for the whole mosaic, cut into square blocks.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkGrid {
    /// Where the pixels lie.
    pub frame: PixelFrame,
    /// Width in pixels.
    pub cols: u32,
    /// Height in pixels.
    pub rows: u32,
    /// The side of a block in pixels.
    pub block_px: u32,
}

impl WorkGrid {
    /// All pixels.
    #[must_use]
    pub fn window(&self) -> Window {
        Window::new(0, 0, self.cols, self.rows)
    }

    /// The middle of the grid.
    #[must_use]
    pub fn middle(&self) -> PixelPoint {
        PixelPoint { col: f64::from(self.cols) / 2.0, row: f64::from(self.rows) / 2.0 }
    }

    /// The size of a pixel on the ground, in the middle of the grid.
    ///
    /// # Errors
    /// When the middle has no place on the ground.
    pub fn middle_scale(&self) -> Result<GroundScale, CrsError> {
        Ground::new(self.frame.transform, &self.frame.crs)?.scale_at(self.middle())
    }

    /// The number of blocks down and across.
    #[must_use]
    pub fn block_counts(&self) -> (u32, u32) {
        (self.rows.div_ceil(self.block_px), self.cols.div_ceil(self.block_px))
    }

    /// The pixels of a block: square, or less at the right and lower border of the grid.
    #[must_use]
    pub fn block_window(&self, id: BlockId) -> Window {
        let side = i64::from(self.block_px);
        let (col, row) = (i64::from(id.col) * side, i64::from(id.row) * side);
        Window::between(col, row, (col + side).min(i64::from(self.cols)), (row + side).min(i64::from(self.rows)))
    }

    /// All blocks, row by row.
    pub fn blocks(&self) -> impl Iterator<Item = BlockId> + use<> {
        let (rows, cols) = self.block_counts();
        (0..rows).flat_map(move |row| (0..cols).map(move |col| BlockId { row, col }))
    }

    /// The blocks that share pixels with a window, row by row.
    pub fn blocks_touching(&self, window: &Window) -> impl Iterator<Item = BlockId> + use<> {
        let side = i64::from(self.block_px);
        let inside = window.intersection(&self.window()).unwrap_or(Window::new(0, 0, 0, 0));
        let span = |from: i64, to: i64| (from / side) as u32..((to + side - 1) / side) as u32;
        let cols = if inside.is_empty() { 0..0 } else { span(inside.col, inside.end_col()) };
        let rows = if inside.is_empty() { 0..0 } else { span(inside.row, inside.end_row()) };
        rows.flat_map(move |row| cols.clone().map(move |col| BlockId { row, col }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::georef::{Crs, GeoTransform};

    fn grid() -> WorkGrid {
        let transform = GeoTransform::new([0.0, 1.0, 0.0, 0.0, 0.0, -1.0]).expect("regular");
        WorkGrid { frame: PixelFrame { crs: Crs::web_mercator(), transform }, cols: 1000, rows: 600, block_px: 256 }
    }

    #[test]
    fn blocks_hold_every_pixel_once() {
        let grid = grid();
        let total: usize = grid.blocks().map(|b| grid.block_window(b).pixels()).sum();
        assert_eq!(total, grid.window().pixels());
        assert_eq!(grid.block_counts(), (3, 4));
    }

    #[test]
    fn a_window_touches_the_blocks_that_share_its_pixels() {
        let ids: Vec<_> = grid().blocks_touching(&Window::new(255, -10, 2, 11)).collect();
        assert_eq!(ids, [BlockId { row: 0, col: 0 }, BlockId { row: 0, col: 1 }]);
        assert_eq!(grid().blocks_touching(&Window::new(1000, 0, 5, 5)).count(), 0);
    }
}
