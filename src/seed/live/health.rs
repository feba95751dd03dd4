//! Whether a map can be served: store, imagery and model are looked at when somebody asks, and not too often.

use std::path::Path;
use std::time::{Duration, Instant};

use super::{Live, lock};
use crate::grid::BlockId;
use crate::seed::Health;

/// How long a look is good for.
const FRESH: Duration = Duration::from_secs(2);

/// Label blocks that are read before all are taken to be damaged.
const SAMPLES: usize = 4;

/// The last look at the files of a map.
#[derive(Debug, Default)]
pub(super) struct Watch {
    last: Option<(Instant, Health)>,
    /// Where the next label block is read.
    sample: usize,
}

impl Live {
    /// Whether requests can be served. Looks at files: not for threads that must not wait.
    #[must_use]
    pub fn health(&self) -> Health {
        let mut watch = lock(&self.watch);
        if let Some((_, health)) = watch.last.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return health.clone();
        }
        let health = self.look(&mut watch.sample);
        watch.last = Some((Instant::now(), health.clone()));
        health
    }

    fn look(&self, sample: &mut usize) -> Health {
        let not = |state: &'static str, detail: &str| Health { ok: false, state, detail: detail.to_owned() };
        if self.maker.as_ref().is_some_and(|maker| !maker.session().is_alive()) {
            return not("model-dead", "the model's thread exited; restart the server");
        }
        if !self.labels.folder().join("store.json").exists() {
            return not("store-gone", "the store is not there any more");
        }
        if self.mosaic.is_some() && !self.labels.manifest().sources.iter().all(|path| is_there(path)) {
            return not("imagery-gone", "files of the imagery are not there any more");
        }
        if self.are_blocks_damaged(sample) {
            return not("blocks-damaged", "label blocks cannot be read");
        }
        let (_, _, failed) = lock(&self.queue).counts();
        if failed > 0 && failed + self.snapshot().made.len() >= self.snapshot().total && self.snapshot().made.is_empty()
        {
            return not("blocks-failed", "no block could be made");
        }
        let detail = self.maker.as_ref().map(|maker| format!("model on {}", maker.session().device()));
        Health { ok: true, state: "ready", detail: detail.unwrap_or_else(|| "serves what its store holds".to_owned()) }
    }

    /// Whether none of some blocks can be read. One damaged block is no reason to serve nothing.
    fn are_blocks_damaged(&self, sample: &mut usize) -> bool {
        let snapshot = self.snapshot();
        let made: Vec<BlockId> = snapshot.made.iter().copied().collect();
        if made.is_empty() {
            return false;
        }
        *sample = sample.wrapping_add(1);
        let first = *sample;
        let blocks = (0..SAMPLES.min(made.len())).map(|i| made[(first + i * made.len() / SAMPLES) % made.len()]);
        blocks.into_iter().all(|block| self.labels.read(block).is_err())
    }
}

/// Whether a scene, or a folder of scenes that still holds something, is there.
fn is_there(path: &Path) -> bool {
    match std::fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => path.is_file(),
    }
}
