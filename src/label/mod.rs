//! Scores blended into a label map, cleaned, kept as label blocks.

mod blend;
mod boundary;
mod clean;
mod masks;
mod sieve;
mod store;

pub use blend::{Blender, ScoredChip};
pub use clean::{CleanOptions, clean, clean_painted};
pub use masks::{InstanceId, MaskReader, MaskedChip, OwnedMask, PaintedMap, paint};
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
    /// The number of the object that each pixel belongs to, below 2^24, where the model tells objects apart; 0 is none.
    pub instances: Option<Vec<u32>>,
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
    /// Turns to a window of which nothing is known; the room of the one before is used again.
    pub fn clear(&mut self, window: &Window) {
        self.window = *window;
        for (values, len) in [(&mut self.scores, self.classes.len()), (&mut self.valid, 1)] {
            values.clear();
            values.resize(len * window.pixels(), 0);
        }
    }

    /// The plane of the most probable class per pixel, the first of equals; [`NO_PLANE`] where nothing is valid.
    #[must_use]
    pub fn best(&self) -> Vec<u8> {
        let pixels = self.window.pixels();
        let mut best = vec![0_u8; pixels];
        let mut top = self.scores[..pixels.min(self.scores.len())].to_vec();
        for class in 1..self.classes.len() {
            let plane = &self.scores[class * pixels..][..pixels];
            for ((b, t), p) in best.iter_mut().zip(&mut top).zip(plane) {
                *b = if p > t { class as u8 } else { *b };
                *t = (*t).max(*p);
            }
        }
        best.iter_mut().zip(&self.valid).for_each(|(b, v)| *b = if *v == 0 { NO_PLANE } else { *b });
        best
    }

    /// The label map of chosen planes, cut to `window`.
    #[must_use]
    pub fn labelled(&self, planes: &[u8], window: &Window) -> LabelMap {
        let (pixels, cols) = (self.window.pixels(), window.cols as usize);
        let (mut classes, mut confidence) = (vec![0_u8; window.pixels()], vec![0_u8; window.pixels()]);
        let lines = classes.chunks_exact_mut(cols).zip(confidence.chunks_exact_mut(cols));
        for (row, (codes, sure)) in (window.row..window.end_row()).zip(lines) {
            let from = self.window.index(window.col, row);
            let chosen = &planes[from..from + cols];
            for (plane, class) in self.classes.iter().enumerate() {
                let scores = &self.scores[plane * pixels + from..][..cols];
                for (((code, sure), own), score) in codes.iter_mut().zip(&mut *sure).zip(chosen).zip(scores) {
                    // All ones or none, so that the loop has no branch.
                    let here = u8::from(*own == plane as u8).wrapping_neg();
                    *code |= class.0 as u8 & here;
                    *sure |= score & here;
                }
            }
        }
        LabelMap { window: *window, classes, confidence, instances: None }
    }
}

/// Stands for "no plane" among plane numbers.
pub const NO_PLANE: u8 = u8::MAX;

/// What is cleaned: numbers of planes, or labels of class and instance together.
pub(crate) trait Plane: Copy + Ord {
    /// Stands for "none".
    const NONE: Self;
}

impl Plane for u8 {
    const NONE: Self = NO_PLANE;
}

impl Plane for u32 {
    const NONE: Self = 0;
}
