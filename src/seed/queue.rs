//! Blocks asked for on demand: each once, the newest request first, and never more than fit.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::grid::BlockId;

/// The queue holds no more blocks; what was asked for is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the queue of blocks to make is full ({limit} blocks): ask again later, or for a smaller area")]
pub struct QueueFull {
    /// How many it holds.
    pub limit: usize,
}

/// A block that failed is not tried again before this has passed.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// The blocks that wait, run, or failed lately.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: Vec<BlockId>,
    running: BTreeSet<BlockId>,
    failed: BTreeMap<BlockId, Instant>,
    limit: usize,
    pub(super) closed: bool,
}

impl Queue {
    pub(super) fn new(limit: usize) -> Self {
        Self { waiting: Vec::new(), running: BTreeSet::new(), failed: BTreeMap::new(), limit, closed: false }
    }

    /// How many of some blocks failed lately.
    pub(super) fn failed_lately(&self, blocks: &[BlockId]) -> usize {
        blocks.iter().filter(|block| self.is_lately(block)).count()
    }

    fn is_lately(&self, block: &BlockId) -> bool {
        self.failed.get(block).is_some_and(|at| at.elapsed() < RETRY_AFTER)
    }

    /// Queues blocks that neither wait nor run nor failed lately; a waiting block moves to the front. Returns the new ones.
    pub(super) fn push(&mut self, blocks: &[BlockId]) -> Result<Vec<BlockId>, QueueFull> {
        let is_wanted = |b: &BlockId| !self.running.contains(b) && !self.is_lately(b);
        let wanted: Vec<BlockId> = blocks.iter().copied().filter(is_wanted).collect();
        let fresh: Vec<BlockId> = wanted.iter().copied().filter(|b| !self.waiting.contains(b)).collect();
        if self.waiting.len() + fresh.len() > self.limit {
            return Err(QueueFull { limit: self.limit });
        }
        self.waiting.retain(|b| !wanted.contains(b));
        self.waiting.extend(wanted.iter().rev());
        Ok(fresh)
    }

    /// Takes all blocks that are there already; where none is, up to `most` to make, the newest request first.
    pub(super) fn take(&mut self, is_there: impl Fn(&BlockId) -> bool, most: usize) -> Vec<BlockId> {
        let mut taken: Vec<BlockId> = self.waiting.extract_if(.., |block| is_there(block)).collect();
        if taken.is_empty() {
            taken = self.waiting.split_off(self.waiting.len().saturating_sub(most));
        }
        // Row by row, so that neighbours share chips.
        taken.sort_unstable();
        self.running.extend(&taken);
        taken
    }

    pub(super) fn finished(&mut self, block: BlockId, failed: bool) {
        self.running.remove(&block);
        if failed {
            self.failed.insert(block, Instant::now());
        } else {
            self.failed.remove(&block);
        }
    }

    /// Waiting, running, failed.
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        (self.waiting.len(), self.running.len(), self.failed.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(col: u32) -> BlockId {
        BlockId { row: 0, col }
    }

    #[test]
    fn asked_twice_is_queued_once_and_the_newest_goes_first() {
        let mut queue = Queue::new(3);
        assert_eq!(queue.push(&[block(0), block(1)]), Ok(vec![block(0), block(1)]));
        assert_eq!(queue.push(&[block(1), block(2)]), Ok(vec![block(2)]));
        assert_eq!(queue.push(&[block(3)]), Err(QueueFull { limit: 3 }));
        assert_eq!(queue.take(|_| false, 2), [block(1), block(2)]);
        assert_eq!(queue.push(&[block(1)]), Ok(vec![]), "it runs already");
        queue.finished(block(1), true);
        queue.finished(block(2), false);
        assert_eq!(queue.push(&[block(1)]), Ok(vec![]), "it failed a moment ago");
        assert_eq!(queue.counts(), (1, 0, 1));
        assert_eq!(queue.push(&[block(3), block(4)]), Ok(vec![block(3), block(4)]));
        assert_eq!(queue.take(|b| b.col != 3, 1), [block(0), block(4)], "what is there comes at once");
        assert_eq!(queue.failed_lately(&[block(0), block(1), block(2)]), 1);
    }
}
