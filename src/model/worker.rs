//! The thread that owns a model.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::{ChipFeatures, ChipScores, ChipSpec, Mask, ModelError, PooledSource, Sam, Segmenter};

/// Batches that may wait: the model always finds the next one, and no more is held in memory.
const QUEUE: usize = 1;

/// What a model says of a chip.
#[derive(Debug, Clone, PartialEq)]
pub enum ChipAnswer {
    /// Of each class and pixel.
    Scores(ChipScores),
    /// The objects that it sees.
    Masks(ChipMasks),
}

/// What is seen of the objects of a chip.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChipMasks {
    /// The objects, before a chip's neighbours are thought of.
    pub masks: Vec<Mask>,
    /// What their classes are read from, where it is not rules.
    pub features: Option<ChipFeatures>,
}

/// What comes back for a batch.
pub type BatchAnswers = Result<Vec<ChipAnswer>, ModelError>;

/// A model by what it says.
pub enum Answering {
    /// Scores.
    Scores(Box<dyn Segmenter>),
    /// Masks, and the features under them where a scorer says what they are.
    Masks(Box<Sam>, Option<Box<PooledSource>>),
}

impl Answering {
    /// What it wants and gives.
    #[must_use]
    pub fn spec(&self) -> &ChipSpec {
        match self {
            Self::Scores(model) => model.spec(),
            Self::Masks(model, _) => model.spec(),
        }
    }

    /// Where it runs.
    #[must_use]
    pub fn device(&self) -> String {
        match self {
            Self::Scores(model) => model.device(),
            Self::Masks(model, _) => model.device(),
        }
    }

    /// What it says of some normalized chips, one after another.
    ///
    /// # Errors
    /// When a network fails.
    pub fn answer(&mut self, chips: &[f32]) -> BatchAnswers {
        match self {
            Self::Scores(model) => Ok(model.segment(chips)?.into_iter().map(ChipAnswer::Scores).collect()),
            Self::Masks(model, source) => {
                let each = chips.chunks_exact(model.spec().tensor_len());
                let found = model.find(chips)?.into_iter().zip(each).map(|(masks, chip)| {
                    // Where there is nothing to be said there is nothing to be asked.
                    let source = source.as_mut().filter(|_| !masks.is_empty());
                    let features = source.map(|source| source.features(chip)).transpose()?;
                    Ok(ChipAnswer::Masks(ChipMasks { masks, features }))
                });
                found.collect()
            }
        }
    }
}

struct Batch {
    chips: Vec<f32>,
    reply: SyncSender<BatchAnswers>,
}

/// Batches that were answered, to be filled again: new memory costs more than filling it.
type Spent = Arc<Mutex<Vec<Vec<f32>>>>;

/// A named thread that owns a model and takes batches from a bounded queue; dropped, it ends after its last batch.
pub struct SessionThread {
    queue: Option<SyncSender<Batch>>,
    spent: Spent,
    thread: Option<JoinHandle<()>>,
    spec: ChipSpec,
    device: String,
}

impl SessionThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(mut model: Answering) -> std::io::Result<Self> {
        let (spec, device) = (model.spec().clone(), model.device());
        let (queue, batches) = sync_channel::<Batch>(QUEUE);
        let spent = Spent::default();
        let answered = Arc::clone(&spent);
        let run = move || {
            for batch in batches {
                // Whoever asked may be gone; the next batch does not mind.
                let _ = batch.reply.send(model.answer(&batch.chips));
                let mut spent = lock(&answered);
                if spent.is_empty() {
                    spent.push(batch.chips);
                }
            }
        };
        let thread = std::thread::Builder::new().name(format!("model {device}")).spawn(run)?;
        Ok(Self { queue: Some(queue), spent, thread: Some(thread), spec, device })
    }

    /// An empty batch to fill, with the room of one that was answered where there is one.
    #[must_use]
    pub fn batch(&self) -> Vec<f32> {
        let mut batch = lock(&self.spent).pop().unwrap_or_default();
        batch.clear();
        batch
    }

    /// Queues a batch of normalized chips, one after another; waits while the queue is full. The receiver closes if the thread died.
    #[must_use]
    pub fn submit(&self, chips: Vec<f32>) -> Receiver<BatchAnswers> {
        let (reply, answers) = sync_channel(1);
        if let Some(queue) = &self.queue {
            // A send fails only when the thread died: then `reply` is dropped, and the receiver says so.
            let _ = queue.send(Batch { chips, reply });
        }
        answers
    }

    /// What the model wants and gives.
    #[must_use]
    pub fn spec(&self) -> &ChipSpec {
        &self.spec
    }

    /// Where it runs.
    #[must_use]
    pub fn device(&self) -> &str {
        &self.device
    }

    /// Whether the thread still takes batches.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.thread.as_ref().is_some_and(|t| !t.is_finished())
    }
}

/// A panic elsewhere leaves the list whole: batches are only ever put and taken.
fn lock(spent: &Spent) -> MutexGuard<'_, Vec<Vec<f32>>> {
    spent.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for SessionThread {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic in the model has been reported by the closed replies.
            let _ = thread.join();
        }
    }
}
