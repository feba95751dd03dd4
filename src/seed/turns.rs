//! Which block is next, where several processes fill one store.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::grid::BlockId;
use crate::label::{Claim, LabelStore};

/// The time between two looks at blocks that other processes are making.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The longest wait for another process, which may be stopped: then its blocks are made here too, with the same bytes.
const PATIENCE: Duration = Duration::from_secs(120);

/// The blocks of a run in its order. Blocks that other processes are making come last: by then most are made.
pub(super) struct Turns<'a> {
    store: &'a LabelStore,
    ahead: VecDeque<BlockId>,
    elsewhere: VecDeque<BlockId>,
    patience: Duration,
}

/// What is to be done with a block.
#[derive(Debug)]
pub(super) enum Turn {
    /// Make it; nobody else does while the claim is held.
    Make(BlockId, Option<Claim>),
    /// Another process has made it.
    Made(BlockId),
}

impl<'a> Turns<'a> {
    pub(super) fn new(store: &'a LabelStore, blocks: &[BlockId]) -> Self {
        let ahead = blocks.iter().copied().collect();
        Self { store, ahead, elsewhere: VecDeque::new(), patience: PATIENCE }
    }

    /// The turn of a block, unless another process is making it.
    fn turn(&self, block: BlockId) -> Option<Turn> {
        if self.store.has(block) {
            return Some(Turn::Made(block));
        }
        let claim = self.store.claim(block)?;
        // It may have been made between the two looks.
        Some(if self.store.has(block) { Turn::Made(block) } else { Turn::Make(block, Some(claim)) })
    }
}

impl Iterator for Turns<'_> {
    type Item = Turn;

    fn next(&mut self) -> Option<Turn> {
        if self.elsewhere.front().is_some_and(|block| self.store.has(*block)) {
            return self.elsewhere.pop_front().map(Turn::Made);
        }
        while let Some(block) = self.ahead.pop_front() {
            match self.turn(block) {
                Some(turn) => return Some(turn),
                None => self.elsewhere.push_back(block),
            }
        }
        let since = Instant::now();
        while !self.elsewhere.is_empty() {
            for _ in 0..self.elsewhere.len() {
                let block = self.elsewhere.pop_front()?;
                match self.turn(block) {
                    Some(turn) => return Some(turn),
                    None if since.elapsed() > self.patience => return Some(Turn::Make(block, None)),
                    None => self.elsewhere.push_back(block),
                }
            }
            std::thread::sleep(LOOK_EVERY);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::LabelMap;
    use crate::label::fixture::manifest;

    fn labels(store: &LabelStore, block: BlockId) -> LabelMap {
        let window = store.grid().block_window(block);
        let band = || vec![1; window.pixels()];
        LabelMap { window, classes: band(), confidence: band(), instances: None, unknown: None }
    }

    #[test]
    fn blocks_of_another_process_come_last_and_are_taken_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || LabelStore::create(folder.path(), &manifest()).expect("a store");
        let (own, other) = (open(), open());
        let blocks = [0, 1, 2, 3].map(|col| BlockId { row: 0, col });
        let (finished, killed) = (other.claim(blocks[0]).expect("free"), other.claim(blocks[2]).expect("free"));
        let mut turns = Turns::new(&own, &blocks);
        let mut next = || match turns.next() {
            Some(Turn::Make(block, Some(claim))) => (block.col, Some(claim)),
            Some(Turn::Made(block)) => (10 + block.col, None),
            other => panic!("{other:?}"),
        };
        let held = [next(), next()];
        assert_eq!(held.each_ref().map(|(col, _)| *col), [1, 3]);
        assert!(other.claim(blocks[1]).is_none(), "claimed here");
        other.write(blocks[0], &labels(&other, blocks[0])).expect("written");
        drop(finished);
        assert_eq!(next().0, 10, "made there");
        drop(killed);
        assert_eq!(next().0, 2, "to be made here");
        drop(held);
        assert!(turns.next().is_none());
    }

    #[test]
    fn a_process_that_stopped_is_not_waited_for_forever() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = LabelStore::create(folder.path(), &manifest()).expect("a store");
        let block = BlockId { row: 0, col: 0 };
        let _stopped = store.claim(block).expect("free");
        let mut turns = Turns { patience: Duration::ZERO, ..Turns::new(&store, &[block]) };
        assert!(matches!(turns.next(), Some(Turn::Make(made, None)) if made == block));
        assert!(turns.next().is_none());
    }
}
