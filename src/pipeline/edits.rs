//! Pixels that get other labels before they are traced again.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use super::PipelineError;
use super::source::{BlockLabels, LabelSource};
use crate::cores::{cores, each};
use crate::georef::Window;
use crate::grid::{BlockId, WorkGrid};
use crate::polygonize::BlockArcs;

/// What becomes of some pixels of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Change {
    /// They have this label: a part of their region.
    Part(u32),
    /// They have this label where they are open ground; nobody is sure of that.
    Covered(u32),
}

#[derive(Debug, Clone)]
struct Run {
    row: i64,
    cols: Range<i64>,
    change: Change,
}

/// Changes of labels, by block.
#[derive(Debug, Default)]
pub(super) struct Edits {
    runs: BTreeMap<BlockId, Vec<Run>>,
    /// The labels of ground that can be covered.
    open: HashSet<u32>,
}

impl Edits {
    /// With the labels of ground that can be covered.
    pub(super) fn on(open: HashSet<u32>) -> Self {
        Self { runs: BTreeMap::new(), open }
    }

    /// Changes some columns of a row, in whatever blocks they lie. A later change comes on top.
    pub(super) fn push(&mut self, grid: &WorkGrid, (row, cols): (i64, Range<i64>), change: &Change) {
        let pixels = Window::between(cols.start, row, cols.end, row + 1);
        for block in grid.blocks_touching(&pixels) {
            if let Some(common) = pixels.intersection(&grid.block_window(block)) {
                let run = Run { row, cols: common.col..common.end_col(), change: change.clone() };
                self.runs.entry(block).or_default().push(run);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The blocks that change, of those that `has` knows, traced with their new labels, on every core.
    pub(super) fn traced(
        &self,
        source: &dyn LabelSource,
        has: impl Fn(&BlockId) -> bool,
    ) -> Result<BTreeMap<BlockId, BlockArcs>, PipelineError> {
        let blocks: Vec<(&BlockId, &Vec<Run>)> = self.runs.iter().filter(|(block, _)| has(block)).collect();
        let one = |(block, runs): &(&BlockId, &Vec<Run>)| -> Result<(BlockId, BlockArcs), PipelineError> {
            let mut labels = source.read(**block)?;
            runs.iter().for_each(|run| self.apply(run, &mut labels));
            Ok((**block, labels.trace()))
        };
        each(&blocks, cores(), one).into_iter().collect()
    }

    fn apply(&self, run: &Run, block: &mut BlockLabels) {
        for col in run.cols.clone() {
            let at = block.window.index(col, run.row);
            match run.change {
                Change::Part(label) => block.labels[at] = label,
                Change::Covered(label) if self.open.contains(&block.labels[at]) => {
                    block.labels[at] = label;
                    block.confidence.iter_mut().for_each(|confidence| confidence[at] = 0);
                }
                Change::Covered(_) => {}
            }
        }
    }
}
