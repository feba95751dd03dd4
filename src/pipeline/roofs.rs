//! Regions of buildings cut into roofs.

use std::collections::{BTreeMap, BTreeSet};

use super::edits::{Change, Edits};
use super::source::LabelSource;
use super::{FeatureOptions, PipelineError, pixel_m};
use crate::cores::{cores, parts};
use crate::georef::{GroundScale, Window};
use crate::grid::{BlockId, WorkGrid};
use crate::polygonize::{Coverage, Region};
use crate::roofs::{RoofOptions, Roofs};

/// A region in a larger window stays whole: each thread holds some 30 bytes for each of its pixels, half a gigabyte.
const MOST_PIXELS: usize = 1 << 24;

/// Blocks whose confidence a thread keeps beside those of its region.
const KEPT_BLOCKS: usize = 8;

/// The regions of buildings that stay whole though their roofs were to be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unsplit {
    /// Too large to be looked into.
    pub too_large: usize,
    /// Of more roofs than their labels have numbers for.
    pub too_many_roofs: usize,
}

/// What roofs are cut from.
pub(super) struct RoofWork<'a> {
    pub(super) coverage: &'a Coverage,
    pub(super) grid: &'a WorkGrid,
    pub(super) scale: &'a GroundScale,
    pub(super) options: &'a FeatureOptions,
    pub(super) source: &'a dyn LabelSource,
    /// The blocks that the coverage was made from.
    pub(super) traced: &'a (dyn Fn(BlockId) -> bool + Sync),
}

/// The parts of one region; none where it stays whole.
struct Cut {
    window: Window,
    parts: Vec<u32>,
}

impl RoofWork<'_> {
    /// Notes other labels for all roofs but the first of each region.
    pub(super) fn separate(
        &self,
        buildings: &[usize],
        how: &RoofOptions,
        edits: &mut Edits,
    ) -> Result<Unsplit, PipelineError> {
        let least = (2.0 * how.min_area_m2 / self.scale.pixel_area_m2()) as u64;
        let regions = self.coverage.regions();
        let whole = |i: &&usize| self.options.code.instance(regions[**i].label) == 0 && regions[**i].pixels > least;
        let (mut small, mut unsplit) = (Vec::new(), Unsplit::default());
        for &index in buildings.iter().filter(whole) {
            let window = self.coverage.bounds(index).expanded(1);
            if window.pixels() <= MOST_PIXELS { small.push((window, index)) } else { unsplit.too_large += 1 }
        }
        // By place, so that what was read serves the next.
        small.sort_by_key(|(window, index)| (self.block_of(window), *index));
        let run = |part: &[(Window, usize)]| -> Result<Vec<(usize, Cut)>, PipelineError> {
            let mut seen = Seen { work: self, blocks: BTreeMap::new() };
            part.iter().map(|(window, index)| Ok((*index, self.cut(*index, *window, how, &mut seen)?))).collect()
        };
        for cuts in parts(&small, cores(), run) {
            for (index, cut) in &cuts? {
                unsplit.too_many_roofs += usize::from(!self.note(&regions[*index], cut, edits));
            }
        }
        Ok(unsplit)
    }

    fn block_of(&self, window: &Window) -> (i64, i64) {
        let side = i64::from(self.grid.block_px);
        (window.row.max(0) / side, window.col.max(0) / side)
    }

    fn cut(&self, index: usize, window: Window, how: &RoofOptions, seen: &mut Seen) -> Result<Cut, PipelineError> {
        let inside = self.coverage.fill(index, &window);
        let confidence = match self.coverage.regions()[index].confidence {
            Some(_) => Some(seen.confidence(&window)?),
            None => None,
        };
        let roofs = Roofs {
            inside: &inside,
            confidence: confidence.as_deref(),
            cols: window.cols as usize,
            pixel_m: pixel_m(self.scale),
        };
        let mut parts = roofs.parts(how);
        if parts.iter().all(|part| *part < 2) {
            parts = Vec::new();
        }
        Ok(Cut { window, parts })
    }

    /// The first part keeps the label, the others become instances that touch none of the same number. Returns whether there
    /// are numbers enough; the region stays whole where there are not.
    fn note(&self, region: &Region, cut: &Cut, edits: &mut Edits) -> bool {
        let taken = self.instances_beside(region.index);
        let count = cut.parts.iter().max().map_or(0, |most| *most as usize);
        let code = self.options.code;
        let free = (1..=code.most_instances()).filter(|instance| !taken.contains(instance));
        let labels: Vec<u32> = free.take(count.saturating_sub(1)).map(|i| code.compose(region.label, i)).collect();
        if labels.len() + 1 < count {
            return false;
        }
        let width = cut.window.cols as usize;
        for (row, parts) in (cut.window.row..).zip(cut.parts.chunks_exact(width)) {
            let mut start = 0;
            for run in parts.chunk_by(|a, b| a == b) {
                let col = cut.window.col + start as i64;
                start += run.len();
                if run[0] > 1 {
                    let cols = col..cut.window.col + start as i64;
                    edits.push(self.grid, (row, cols), &Change::Part(labels[run[0] as usize - 2]));
                }
            }
        }
        true
    }

    /// The instances of the regions that share a border with one.
    fn instances_beside(&self, index: usize) -> BTreeSet<u32> {
        let arcs = self.coverage.rings(index).flatten().map(|side| self.coverage.arc(side.arc()));
        let beside = arcs.flat_map(|arc| [arc.left, arc.right]).flatten();
        beside.map(|other| self.options.code.instance(self.coverage.regions()[other].label)).collect()
    }
}

/// The confidence of some blocks.
struct Seen<'a> {
    work: &'a RoofWork<'a>,
    blocks: BTreeMap<BlockId, (Window, Vec<u8>)>,
}

impl Seen<'_> {
    /// Of the pixels of a window; 0 where no block is.
    fn confidence(&mut self, window: &Window) -> Result<Vec<u8>, PipelineError> {
        let near: BTreeSet<BlockId> = self.work.grid.blocks_touching(window).collect();
        if self.blocks.len() > KEPT_BLOCKS {
            self.blocks.retain(|block, _| near.contains(block));
        }
        let mut found = vec![0; window.pixels()];
        for block in near.into_iter().filter(|block| (self.work.traced)(*block)) {
            if !self.blocks.contains_key(&block) {
                let read = self.work.source.read(block)?;
                self.blocks.insert(block, (read.window, read.confidence.unwrap_or_default()));
            }
            let (place, values) = &self.blocks[&block];
            let Some(common) = place.intersection(window).filter(|_| !values.is_empty()) else { continue };
            for row in common.row..common.end_row() {
                let (from, to) = (place.index(common.col, row), window.index(common.col, row));
                let len = common.cols as usize;
                found[to..to + len].copy_from_slice(&values[from..from + len]);
            }
        }
        Ok(found)
    }
}
