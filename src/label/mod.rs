//! Scores blended into a label map, cleaned, kept as label blocks.

mod blend;
mod blocks;
mod boundary;
mod claim;
mod clean;
mod error;
#[cfg(test)]
pub(crate) mod fixture;
mod folder;
mod manifest;
mod masks;
mod rules;
mod sieve;
mod store;

pub use blend::{Blender, ScoredChip};
pub use claim::Claim;
pub use clean::{CleanOptions, clean, clean_painted};
pub use error::StoreError;
pub use manifest::Manifest;
pub use masks::{InstanceId, MaskReader, MaskedChip, OwnedMask, PaintedMap, paint};
pub use rules::BLOCK_PX;
pub use store::LabelStore;

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
    /// How unlike all that the scorer has seen each pixel is, where that was asked for: in percent the share of it that lies
    /// nearer to its prototypes, above 100 beyond all of it, 1 to 200; 0 where that is not known.
    pub unknown: Option<Vec<u8>>,
}

impl LabelMap {
    /// Copies the class codes that a row-major buffer of `window` shares with it.
    pub fn copy_classes(&self, window: &Window, codes: &mut [u8]) {
        self.copy(&self.classes, window, codes);
    }

    /// Copies how unknown pixels are to a row-major buffer of `window`; nothing where that is not known.
    pub fn copy_unknown(&self, window: &Window, to: &mut [u8]) {
        self.unknown.iter().for_each(|unknown| self.copy(unknown, window, to));
    }

    fn copy(&self, band: &[u8], window: &Window, buffer: &mut [u8]) {
        let Some(common) = self.window.intersection(window) else { return };
        for row in common.row..common.end_row() {
            let (from, to) = (self.window.index(common.col, row), window.index(common.col, row));
            let len = common.cols as usize;
            buffer[to..to + len].copy_from_slice(&band[from..from + len]);
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
    /// Per class a probability of 0 to 255, planar, row-major; then, where it is told, how unknown each pixel is.
    pub scores: Vec<u8>,
    /// 1 where there is imagery and a chip.
    pub valid: Vec<u8>,
}

impl ScoreMap {
    /// The planes of the classes.
    pub(super) fn of_classes(&self) -> impl Iterator<Item = &[u8]> {
        self.scores.chunks_exact(self.window.pixels().max(1)).take(self.classes.len())
    }

    /// The plane of how unknown each pixel is.
    fn unknown(&self) -> Option<&[u8]> {
        self.scores.get(self.classes.len() * self.window.pixels()..).filter(|plane| !plane.is_empty())
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
        let unknown = self.unknown().map(|plane| self.cut(plane, window, &classes));
        LabelMap { window: *window, classes, confidence, instances: None, unknown }
    }

    /// The part of a plane in `window`, 0 where nothing is labelled.
    fn cut(&self, plane: &[u8], window: &Window, classes: &[u8]) -> Vec<u8> {
        let rows = (window.row..window.end_row()).map(|row| self.window.index(window.col, row));
        let values = rows.flat_map(|from| &plane[from..from + window.cols as usize]);
        values.zip(classes).map(|(value, class)| if *class == 0 { 0 } else { *value }).collect()
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
