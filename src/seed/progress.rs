//! How far the opening of a map is.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// How far the opening of a map is; shared with those who ask.
#[derive(Debug, Default)]
pub struct OpenProgress {
    step: AtomicU8,
    read: AtomicUsize,
    blocks: AtomicUsize,
}

/// A step of opening a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Waiting,
    Model,
    Blocks,
    Features,
}

impl Step {
    const ALL: [Self; 4] = [Self::Waiting, Self::Model, Self::Blocks, Self::Features];
}

impl OpenProgress {
    /// What is being done.
    #[must_use]
    pub fn step(&self) -> &'static str {
        match Step::ALL.get(usize::from(self.step.load(Ordering::Relaxed))) {
            Some(Step::Model) => "loading imagery and model",
            Some(Step::Blocks) => "reading label blocks",
            Some(Step::Features) => "making features",
            Some(Step::Waiting) | None => "waiting",
        }
    }

    /// Label blocks read, and all that are to be read; 0 before they are counted.
    #[must_use]
    pub fn blocks(&self) -> (usize, usize) {
        (self.read.load(Ordering::Relaxed), self.blocks.load(Ordering::Relaxed))
    }

    pub(super) fn begin(&self, step: Step) {
        self.step.store(step as u8, Ordering::Relaxed);
    }

    pub(super) fn count(&self, blocks: usize) {
        self.blocks.store(blocks, Ordering::Relaxed);
    }

    pub(super) fn add(&self, read: usize) {
        self.read.fetch_add(read, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_has_a_name_of_its_own() {
        let progress = OpenProgress::default();
        let mut names: Vec<&str> = Step::ALL.iter().map(|step| (progress.begin(*step), progress.step()).1).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Step::ALL.len());
    }
}
