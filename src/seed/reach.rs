//! Which chips decide on a block.

use std::collections::BTreeSet;

use crate::georef::Window;
use crate::grid::{BlockId, ChipId, ChipLattice, WorkGrid};
use crate::label::CleanOptions;
use crate::model::ModelCard;

/// How far around a block what decides on it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// Where chips lie.
    pub lattice: ChipLattice,
    /// Pixels around a block that its clean-up looks at.
    pub(super) halo_px: u32,
    /// Pixels around a block whose chips decide on it.
    around_px: u32,
}

impl Reach {
    /// For the chips of a card, and labels cleaned at a ground area of a pixel.
    #[must_use]
    pub fn new(card: &ModelCard, clean: &CleanOptions, pixel_area_m2: f64) -> Self {
        let lattice = ChipLattice { chip_px: card.input.chip_px, stride_px: card.input.stride_px };
        let halo_px = clean.halo_px(pixel_area_m2);
        // Where two chips find the same object one of them is right, so a chip's neighbours count too.
        let beyond_px = if card.masks.is_some() { lattice.stride_px } else { 0 };
        Self { lattice, halo_px, around_px: halo_px + beyond_px }
    }

    /// The pixels whose chips decide on a block; beyond the grid there is nothing to see.
    #[must_use]
    pub fn of(&self, grid: &WorkGrid, block: BlockId) -> Window {
        let window = grid.block_window(block);
        window.expanded(self.around_px).intersection(&grid.window()).unwrap_or(window)
    }

    /// The chips that decide on a block.
    pub fn chips(&self, grid: &WorkGrid, block: BlockId) -> impl Iterator<Item = ChipId> + use<> {
        self.lattice.touching(&self.of(grid, block))
    }

    /// The chips that some blocks need, each once.
    #[must_use]
    pub fn all_chips(&self, grid: &WorkGrid, blocks: &[BlockId]) -> BTreeSet<ChipId> {
        blocks.iter().flat_map(|block| self.chips(grid, *block)).collect()
    }

    /// The blocks that a chip may decide on.
    pub(super) fn blocks_of(&self, grid: &WorkGrid, id: ChipId) -> impl Iterator<Item = BlockId> {
        let window = self.lattice.window(id);
        let near = grid.blocks_touching(&window.expanded(self.around_px));
        near.filter(move |b| self.of(grid, *b).intersection(&window).is_some())
    }
}
