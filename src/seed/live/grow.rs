//! The thread that makes what was asked for, and takes it into the snapshot: also what another run has put into the store.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::{BLOCKS_PER_RUN, Live, lock};
use crate::feature::FeatureStore;
use crate::grid::BlockId;
use crate::seed::{BlockState, MakeEvent, SeedError, Snapshot};

/// The thread that makes blocks; it ends with the map.
pub(super) fn work(live: &Weak<Live>) {
    while let Some(live) = live.upgrade() {
        let blocks = {
            let is_there = |block: &BlockId| live.labels.has(*block);
            let queue = lock(&live.queue);
            let (mut queue, _) = live
                .wake
                .wait_timeout_while(queue, Duration::from_millis(500), |q| q.counts().0 == 0 && !q.closed)
                .unwrap_or_else(PoisonError::into_inner);
            queue.take(is_there, BLOCKS_PER_RUN)
        };
        if !blocks.is_empty() {
            live.run(&blocks);
        }
    }
}

impl Live {
    /// Makes some blocks, and serves each as soon as a rebuild is worth its time.
    fn run(&self, blocks: &[BlockId]) {
        blocks.iter().for_each(|b| self.tell(*b, BlockState::Running));
        let started = Instant::now();
        let (mut fresh, mut rebuilt) = (Vec::new(), Duration::ZERO);
        let mut last = Instant::now();
        let mut told = BTreeSet::new();
        let make = |tell: &mut dyn FnMut(MakeEvent<'_>)| self.maker.as_ref().map_or(Ok(()), |m| m.make(blocks, tell));
        let result = make(&mut |event| match event {
            MakeEvent::Made(block) => {
                told.insert(block);
                fresh.push(block);
                if last.elapsed() > 4 * rebuilt {
                    let start = Instant::now();
                    self.serve(&mut fresh);
                    (last, rebuilt) = (Instant::now(), start.elapsed());
                }
            }
            MakeEvent::Failed(block, error) => {
                told.insert(block);
                self.fail(block, error);
            }
        });
        // Nothing is told of a block that another run, or one before, has put into the store.
        fresh.extend(blocks.iter().copied().filter(|block| !told.contains(block) && self.labels.has(*block)));
        self.serve(&mut fresh);
        // Of what is left nothing came: a block was there, and is gone again. Whoever asks next, asks anew.
        let mut queue = lock(&self.queue);
        let left = blocks.iter().filter(|block| !told.contains(*block) && !self.labels.has(**block));
        left.for_each(|block| queue.finished(*block, false));
        drop(queue);
        let done = blocks.iter().filter(|b| self.labels.has(**b)).count() as f64;
        let mpx = done * f64::from(self.grid().block_px).powi(2) / 1e6;
        if !told.is_empty() {
            *lock(&self.speed) = mpx / started.elapsed().as_secs_f64().max(1e-3);
        }
        if let Err(error) = result {
            let open: Vec<BlockId> = blocks.iter().copied().filter(|b| !self.labels.has(*b)).collect();
            open.into_iter().for_each(|b| self.fail(b, &error));
        }
    }

    /// The features with some more blocks; what did not change is taken over.
    fn rebuild(&self, fresh: &[BlockId]) -> Result<FeatureStore, SeedError> {
        let mut traced = lock(&self.traced);
        traced.add(&self.labels, fresh)?;
        let derived = traced.derive(self.grid(), self.scheme(), &self.options)?;
        Ok(self.snapshot().store.renewed(derived.features)?.with_centrelines(derived.centrelines)?)
    }

    fn fail(&self, block: BlockId, error: &SeedError) {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let log_id = NEXT.fetch_add(1, Ordering::Relaxed);
        tracing::error!(block_log_id = log_id, %block, %error, "a block could not be made");
        lock(&self.queue).finished(block, true);
        self.tell(block, BlockState::Failed { reason: error.class(), log_id });
    }

    /// Takes new blocks into the snapshot.
    fn serve(&self, fresh: &mut Vec<BlockId>) {
        let whole = self.labels.whole_among(fresh);
        for block in fresh.extract_if(.., |block| !whole.contains(block)) {
            // What another run put into the store is damaged, or gone again.
            match self.labels.check(block) {
                Err(error) => self.fail(block, &error.into()),
                Ok(()) => lock(&self.queue).finished(block, false), // replaced in between: whoever asks next gets it
            }
        }
        if fresh.is_empty() {
            return;
        }
        match self.rebuild(fresh) {
            Ok(store) => {
                let old = self.snapshot();
                let made = old.made.iter().chain(fresh.iter()).copied().collect();
                let new = Snapshot { store, generation: old.generation + 1, made, total: old.total };
                *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
                for block in fresh.drain(..) {
                    lock(&self.queue).finished(block, false);
                    self.tell(block, BlockState::Done);
                }
            }
            Err(error) => {
                fresh.drain(..).for_each(|b| self.fail(b, &error));
            }
        }
    }
}
