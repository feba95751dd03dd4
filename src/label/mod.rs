//! Scores blended into a label map, cleaned, kept as label blocks.

mod blend;
mod boundary;
mod clean;
mod sieve;
mod store;

pub use blend::{Blender, ScoredChip};
pub use clean::{CleanOptions, clean};
pub use store::{LabelStore, Manifest, StoreError};

use crate::georef::Window;
use crate::scheme::ClassId;

/// Labels with their place: class codes (0 is "no label") and confidence (255 is certain), row-major.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelMap {
    /// The pixels of the work grid that it covers.
    pub window: Window,
    /// A class code per pixel.
    pub classes: Vec<u8>,
    /// How sure, per pixel; 0 where there is no label.
    pub confidence: Vec<u8>,
}

impl LabelMap {
    /// Copies the class codes that a row-major buffer of `window` shares with it.
    pub fn copy_classes(&self, window: &Window, codes: &mut [u8]) {
        let Some(common) = self.window.intersection(window) else { return };
        for row in common.row..common.end_row() {
            let (from, to) = (self.window.index(common.col, row), window.index(common.col, row));
            let len = common.cols as usize;
            codes[to..to + len].copy_from_slice(&self.classes[from..from + len]);
        }
    }
}

/// Blended scores with their place: what clean-up decides on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoreMap {
    /// The pixels of the work grid that it covers.
    pub window: Window,
    /// The class of each plane.
    pub classes: Vec<ClassId>,
    /// Per class a probability of 0 to 255, planar, row-major.
    pub scores: Vec<u8>,
    /// 1 where there is imagery and a chip.
    pub valid: Vec<u8>,
}

impl ScoreMap {
    /// The plane of the most probable class per pixel, the first of equals; [`NO_PLANE`] where nothing is valid.
    #[must_use]
    pub fn best(&self) -> Vec<u8> {
        let pixels = self.window.pixels();
        let mut best = vec![0_u8; pixels];
        let mut top = self.scores[..pixels.min(self.scores.len())].to_vec();
        for class in 1..self.classes.len() {
            let plane = &self.scores[class * pixels..][..pixels];
            for ((b, t), p) in best.iter_mut().zip(&mut top).zip(plane) {
                if p > t {
                    (*b, *t) = (class as u8, *p);
                }
            }
        }
        best.iter_mut().zip(&self.valid).for_each(|(b, v)| {
            if *v == 0 {
                *b = NO_PLANE;
            }
        });
        best
    }

    /// The label map of chosen planes, cut to `window`.
    #[must_use]
    pub fn labelled(&self, planes: &[u8], window: &Window) -> LabelMap {
        let pixels = self.window.pixels();
        let (mut classes, mut confidence) = (Vec::with_capacity(window.pixels()), Vec::with_capacity(window.pixels()));
        for row in window.row..window.end_row() {
            let from = self.window.index(window.col, row);
            for (at, &plane) in (from..).zip(&planes[from..from + window.cols as usize]) {
                let known = plane != NO_PLANE;
                classes.push(if known { self.classes[usize::from(plane)].0 as u8 } else { 0 });
                confidence.push(if known { self.scores[usize::from(plane) * pixels + at] } else { 0 });
            }
        }
        LabelMap { window: *window, classes, confidence }
    }
}

/// Stands for "no plane" among plane numbers.
pub const NO_PLANE: u8 = u8::MAX;
