//! The thread that owns a model.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::{ChipScores, ChipSpec, Mask, ModelError, Sam, Segmenter};

/// Batches that may wait: the model always finds the next one, and no more is held in memory.
const QUEUE: usize = 2;

/// What a model says of a chip.
#[derive(Debug, Clone, PartialEq)]
pub enum ChipAnswer {
    /// Of each class and pixel.
    Scores(ChipScores),
    /// The objects that it sees, before a chip's neighbours are thought of.
    Masks(Vec<Mask>),
}

/// What comes back for a batch.
pub type BatchAnswers = Result<Vec<ChipAnswer>, ModelError>;

/// A model by what it says.
pub enum Answering {
    /// Scores.
    Scores(Box<dyn Segmenter>),
    /// Masks.
    Masks(Box<Sam>),
}

impl Answering {
    fn spec(&self) -> &ChipSpec {
        match self {
            Self::Scores(model) => model.spec(),
            Self::Masks(model) => model.spec(),
        }
    }

    fn device(&self) -> String {
        match self {
            Self::Scores(model) => model.device(),
            Self::Masks(model) => model.device(),
        }
    }

    fn answer(&mut self, chips: &[f32]) -> BatchAnswers {
        Ok(match self {
            Self::Scores(model) => model.segment(chips)?.into_iter().map(ChipAnswer::Scores).collect(),
            Self::Masks(model) => model.find(chips)?.into_iter().map(ChipAnswer::Masks).collect(),
        })
    }
}

struct Batch {
    chips: Vec<f32>,
    reply: SyncSender<BatchAnswers>,
}

/// A named thread that owns a model and takes batches from a bounded queue; dropped, it ends after its last batch.
pub struct SessionThread {
    queue: Option<SyncSender<Batch>>,
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
        let run = move || {
            for batch in batches {
                // Whoever asked may be gone; the next batch does not mind.
                let _ = batch.reply.send(model.answer(&batch.chips));
            }
        };
        let thread = std::thread::Builder::new().name(format!("model {device}")).spawn(run)?;
        Ok(Self { queue: Some(queue), thread: Some(thread), spec, device })
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

impl Drop for SessionThread {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic in the model has been reported by the closed replies.
            let _ = thread.join();
        }
    }
}
