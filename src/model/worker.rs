//! The thread that owns a model.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::{ChipScores, ChipSpec, ModelError, Segmenter};

/// Batches that may wait: the model always finds the next one, and no more is held in memory.
const QUEUE: usize = 2;

/// What comes back for a batch.
pub type BatchScores = Result<Vec<ChipScores>, ModelError>;

struct Batch {
    chips: Vec<f32>,
    reply: SyncSender<BatchScores>,
}

/// A named thread that owns a segmenter and takes batches from a bounded queue; dropped, it ends after its last batch.
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
    pub fn start(mut model: Box<dyn Segmenter>) -> std::io::Result<Self> {
        let (spec, device) = (model.spec().clone(), model.device());
        let (queue, batches) = sync_channel::<Batch>(QUEUE);
        let run = move || {
            for batch in batches {
                // Whoever asked may be gone; the next batch does not mind.
                let _ = batch.reply.send(model.segment(&batch.chips));
            }
        };
        let thread = std::thread::Builder::new().name(format!("model {device}")).spawn(run)?;
        Ok(Self { queue: Some(queue), thread: Some(thread), spec, device })
    }

    /// Queues a batch of normalized chips, one after another; waits while the queue is full. The receiver closes if the thread died.
    #[must_use]
    pub fn submit(&self, chips: Vec<f32>) -> Receiver<BatchScores> {
        let (reply, scores) = sync_channel(1);
        if let Some(queue) = &self.queue {
            // A send fails only when the thread died: then `reply` is dropped, and the receiver says so.
            let _ = queue.send(Batch { chips, reply });
        }
        scores
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
