//! The threads that own a model: one for each of its lanes.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::{ChipFeatures, ChipScores, ChipSpec, Mask, ModelError, PooledSource, Sam, Segmenter};

/// Batches that may wait: a lane always finds the next one, and no more is held in memory.
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

/// Named threads, each with a model of its own, that take batches from one bounded queue; dropped, they end after their last
/// batches.
pub struct SessionThreads {
    queue: Option<SyncSender<Batch>>,
    spent: Spent,
    threads: Vec<JoinHandle<()>>,
    spec: ChipSpec,
    device: String,
}

impl SessionThreads {
    /// Starts a thread for a model, and one for a copy of it.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(model: Answering, copy: Option<Answering>) -> std::io::Result<Self> {
        let (spec, device) = (model.spec().clone(), model.device());
        let (queue, batches) = sync_channel::<Batch>(QUEUE);
        let batches = Arc::new(Mutex::new(batches));
        let mut started =
            Self { queue: Some(queue), spent: Spent::default(), threads: Vec::new(), spec, device: device.clone() };
        for mut model in std::iter::once(model).chain(copy) {
            let (batches, spent) = (Arc::clone(&batches), Arc::clone(&started.spent));
            let run = move || {
                // The lock is held while one waits: the others wait for it.
                while let Some(batch) = next(&batches) {
                    // Whoever asked may be gone; the next batch does not mind.
                    let _ = batch.reply.send(model.answer(&batch.chips));
                    let mut spent = lock(&spent);
                    if spent.is_empty() {
                        spent.push(batch.chips);
                    }
                }
            };
            started.threads.push(std::thread::Builder::new().name(format!("model {device}")).spawn(run)?);
        }
        Ok(started)
    }

    /// An empty batch to fill, with the room of one that was answered where there is one.
    #[must_use]
    pub fn batch(&self) -> Vec<f32> {
        let mut batch = lock(&self.spent).pop().unwrap_or_default();
        batch.clear();
        batch
    }

    /// Queues a batch of normalized chips, one after another; waits while the queue is full. The receiver closes if the thread
    /// that took it died.
    #[must_use]
    pub fn submit(&self, chips: Vec<f32>) -> Receiver<BatchAnswers> {
        let (reply, answers) = sync_channel(1);
        if let Some(queue) = &self.queue {
            // A send fails only when every thread died: then `reply` is dropped, and the receiver says so.
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

    /// Whether all threads still take batches.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.threads.iter().all(|t| !t.is_finished())
    }
}

/// The next batch; none when there will be no more.
fn next(batches: &Mutex<Receiver<Batch>>) -> Option<Batch> {
    lock(batches).recv().ok()
}

/// A panic elsewhere leaves what is shared whole: batches are only ever put and taken.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for SessionThreads {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            // A panic in the model has been reported by the closed replies.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::ChipScores;
    use crate::scheme::ClassId;

    /// Says of each chip what stands in it; the larger, the later. Dies of what is not a number.
    struct Slow(ChipSpec);

    impl Segmenter for Slow {
        fn spec(&self) -> &ChipSpec {
            &self.0
        }

        fn segment(&mut self, chips: &[f32]) -> Result<Vec<ChipScores>, ModelError> {
            let say = |chip: &f32| {
                assert!(!chip.is_nan(), "no number");
                std::thread::sleep(Duration::from_millis(*chip as u64));
                ChipScores { side_px: 1, scores: vec![*chip as u8] }
            };
            Ok(chips.iter().map(say).collect())
        }

        fn device(&self) -> String {
            "none".to_owned()
        }
    }

    fn slow() -> Answering {
        let spec = ChipSpec { channels: 1, chip_px: 1, classes: vec![ClassId(1)], unknown: false };
        Answering::Scores(Box::new(Slow(spec)))
    }

    #[test]
    fn each_batch_gets_its_own_answer_whichever_lane_is_the_first_to_be_done() {
        let session = SessionThreads::start(slow(), Some(slow())).expect("threads");
        let sent = [40.0, 1.0, 20.0, 2.0, 30.0, 3.0, 4.0, 5.0];
        let answers: Vec<_> = sent.iter().map(|chip| session.submit(vec![*chip])).collect();
        for (chip, answer) in sent.iter().zip(answers) {
            let expected = ChipAnswer::Scores(ChipScores { side_px: 1, scores: vec![*chip as u8] });
            assert_eq!(answer.recv().expect("answered").expect("scores"), vec![expected]);
        }
        assert!(session.is_alive());
    }

    #[test]
    fn a_lane_that_dies_leaves_the_other_at_work_and_is_told() {
        let session = SessionThreads::start(slow(), Some(slow())).expect("threads");
        assert!(session.submit(vec![f32::NAN]).recv().is_err());
        assert!((0..5).all(|_| session.submit(vec![1.0]).recv().is_ok()));
        while session.is_alive() {
            std::thread::yield_now();
        }
    }
}
