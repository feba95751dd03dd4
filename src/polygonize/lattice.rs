//! Where the given blocks lie: bands of rows and columns.

use std::borrow::Borrow;

use thiserror::Error;

use super::block::BlockArcs;
use crate::georef::Window;

/// Blocks that cannot be joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum JoinError {
    /// A block reaches beyond the grid.
    #[error("the block of {block} reaches beyond the grid of {grid}")]
    Outside {
        /// The block's pixels.
        block: Window,
        /// The grid's pixels.
        grid: Window,
    },
    /// Two blocks overlap, or share a side in part only.
    #[error(
        "the blocks of {first} and {second} are not of one lattice: blocks that share rows or columns share all of them, and no block may be given twice"
    )]
    Lattice {
        /// The pixels of one.
        first: Window,
        /// The pixels of the other.
        second: Window,
    },
}

/// Rows or columns from `start` to before `end`, counted from the grid's corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Band {
    pub(super) start: u32,
    pub(super) end: u32,
}

/// The given blocks by their bands, and where the numbers of each begin when all are counted together.
pub(super) struct BlockLattice<'a> {
    pub(super) grid: Window,
    pub(super) blocks: Vec<&'a BlockArcs>,
    pub(super) rows: Vec<Band>,
    pub(super) cols: Vec<Band>,
    cells: Vec<u32>,
    /// Per block, and one more: its first component, port, node and chain.
    pub(super) first_component: Vec<u32>,
    pub(super) first_port: Vec<u32>,
    pub(super) first_node: Vec<u32>,
    pub(super) first_chain: Vec<u32>,
}

const NO_BLOCK: u32 = u32::MAX;

impl<'a> BlockLattice<'a> {
    pub(super) fn new<B: Borrow<BlockArcs>>(blocks: &'a [B], grid: &Window) -> Result<Self, JoinError> {
        let blocks: Vec<&BlockArcs> = blocks.iter().map(Borrow::borrow).filter(|b| !b.window.is_empty()).collect();
        if let Some(block) = blocks.iter().find(|b| !grid.contains(&b.window)) {
            return Err(JoinError::Outside { block: block.window, grid: *grid });
        }
        let rows = bands(&blocks, |w| Band { start: (w.row - grid.row) as u32, end: (w.end_row() - grid.row) as u32 })?;
        let cols = bands(&blocks, |w| Band { start: (w.col - grid.col) as u32, end: (w.end_col() - grid.col) as u32 })?;
        let mut cells = vec![NO_BLOCK; rows.len() * cols.len()];
        for (index, block) in blocks.iter().enumerate() {
            let row = rows.partition_point(|band| i64::from(band.start) + grid.row < block.window.row);
            let col = cols.partition_point(|band| i64::from(band.start) + grid.col < block.window.col);
            let cell = &mut cells[row * cols.len() + col];
            if *cell != NO_BLOCK {
                return Err(JoinError::Lattice { first: block.window, second: block.window });
            }
            *cell = index as u32;
        }
        Ok(Self {
            grid: *grid,
            first_component: counted(&blocks, |b| b.tally.label.len()),
            first_port: counted(&blocks, |b| b.ports.len()),
            first_node: counted(&blocks, |b| b.nodes as usize),
            first_chain: counted(&blocks, |b| b.chains.len()),
            blocks,
            rows,
            cols,
            cells,
        })
    }

    /// The block in a band of rows and a band of columns.
    pub(super) fn block(&self, row: usize, col: usize) -> Option<usize> {
        let index = self.cells[row * self.cols.len() + col];
        (index != NO_BLOCK).then_some(index as usize)
    }

    /// The offset of a block's corner from the grid's.
    pub(super) fn offset(&self, block: usize) -> [u32; 2] {
        let window = self.blocks[block].window;
        [(window.col - self.grid.col) as u32, (window.row - self.grid.row) as u32]
    }
}

/// The distinct bands of all blocks in ascending order; they must not overlap.
fn bands(blocks: &[&BlockArcs], band: impl Fn(&Window) -> Band) -> Result<Vec<Band>, JoinError> {
    let mut bands: Vec<(Band, Window)> = blocks.iter().map(|b| (band(&b.window), b.window)).collect();
    bands.sort_by_key(|(band, _)| *band);
    bands.dedup_by_key(|(band, _)| *band);
    match bands.windows(2).find(|pair| pair[0].0.end > pair[1].0.start) {
        Some(pair) => Err(JoinError::Lattice { first: pair[0].1, second: pair[1].1 }),
        None => Ok(bands.into_iter().map(|(band, _)| band).collect()),
    }
}

fn counted(blocks: &[&BlockArcs], count: impl Fn(&BlockArcs) -> usize) -> Vec<u32> {
    let mut sum = 0;
    let mut firsts = vec![0];
    firsts.extend(blocks.iter().map(|block| {
        sum += count(block) as u32;
        sum
    }));
    firsts
}
