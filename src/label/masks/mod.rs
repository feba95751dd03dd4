//! Masks of objects painted into a label map: the second way in which chips become labels.
//!
//! Each mask belongs to one chip, that whose middle holds the mask's anchor, so that an object is one instance however
//! many chips see it. What a block holds depends on the chips that touch it and on their neighbours, and on no order.

mod paint;
mod settle;
mod shape;

pub use paint::paint;
pub use settle::MaskReader;

use super::LabelMap;
use crate::georef::Window;
use crate::model::MaskRun;
use crate::scheme::ClassId;

/// A chip with its place and the masks that it may own.
#[derive(Debug, Clone, PartialEq)]
pub struct MaskedChip {
    /// The pixels of the work grid that it covers.
    pub window: Window,
    /// The surest first.
    pub masks: Vec<OwnedMask>,
    /// 1 where there is imagery, per pixel of the chip; empty where there is none at all.
    pub valid: Vec<u8>,
}

/// A mask that is classed and has its place.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnedMask {
    /// In the pixels of the chip, row by row.
    pub runs: Vec<MaskRun>,
    /// What it is.
    pub class: ClassId,
    /// How sure the network is of its outline.
    pub predicted_iou: f32,
    /// How sure the label is, 0 to 1: of the outline, and of the class where a scorer says it.
    pub confidence: f32,
    /// How unlike all that the scorer has seen, 1 to 200; 0 where that is not known.
    pub unlike: u8,
    /// Its number in the work grid.
    pub instance: InstanceId,
}

/// The number of an object: 24 bits, never 0, of the pixel that it is anchored to.
///
/// The row modulo 4095 and the column modulo 4096, so that numbers differ within any square of 4095 pixels: objects are
/// smaller than a chip, and two that touch have two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(u32);

impl InstanceId {
    /// Of the object anchored to a pixel of the work grid.
    #[must_use]
    pub fn at(row: i64, col: i64) -> Self {
        Self(((row.rem_euclid(4095) as u32 + 1) << 12) | col.rem_euclid(4096) as u32)
    }

    /// That was written before; `None` for 0 and for what has more than 24 bits.
    #[must_use]
    pub fn read(number: u32) -> Option<Self> {
        (1 << 12..1 << 24).contains(&number).then_some(Self(number))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

/// Labels of class and instance together: `class | instance << 8`; 0 where there is no imagery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaintedMap {
    /// The pixels of the work grid that it covers.
    pub window: Window,
    /// One per pixel, row-major.
    pub labels: Vec<u32>,
    /// What is known of each label, sorted by label.
    pub(super) known: Vec<(u32, Known)>,
    /// Whether it is told how unlike all that the scorer has seen labels are.
    pub(super) tells_unknown: bool,
}

/// What is known of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Known {
    pub(super) confidence: u8,
    pub(super) unlike: u8,
}

impl PaintedMap {
    /// The label map of chosen labels, cut to `window`.
    pub(super) fn labelled(&self, labels: &[u32], window: &Window) -> LabelMap {
        let cut = (window.row..window.end_row()).flat_map(|row| {
            let from = self.window.index(window.col, row);
            &labels[from..from + window.cols as usize]
        });
        let cut: Vec<u32> = cut.copied().collect();
        let known = |label: &u32| {
            let found = self.known.binary_search_by_key(label, |(label, _)| *label);
            found.map_or(Known::default(), |at| self.known[at].1)
        };
        let unlike = || cut.iter().map(|label| known(label).unlike).collect();
        LabelMap {
            window: *window,
            classes: cut.iter().map(|label| *label as u8).collect(),
            confidence: cut.iter().map(|label| known(label).confidence).collect(),
            instances: Some(cut.iter().map(|label| label >> 8).collect()),
            unknown: self.tells_unknown.then(unlike),
        }
    }
}
