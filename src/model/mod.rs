//! Tensors to scores: the card of a model, the session that runs it, one file per family.

mod augment;
mod card;
mod classes;
mod deepness;
mod device;
mod digest;
mod ensemble;
mod feature_cache;
mod feature_source;
mod features;
mod guided;
mod head;
mod identity;
mod lane;
mod onnx;
mod patch;
mod pooled;
mod precision;
mod refined;
mod rules;
mod runtime;
mod sam;
mod scales;
mod scorer;
mod scoring;
mod semantic;
mod session;
mod skim;
mod worker;

pub use augment::{Augment, Augmented, Turns};
pub use card::{Activation, CardError, Family, Input, LabelDefaults, Layout, ModelCard, ModelClass, Output, Tokens};
pub use device::Device;
pub(crate) use digest::hex;
pub use digest::network_digest;
pub use ensemble::Ensemble;
pub use feature_cache::{CachePlace, CacheUse, FeatureCache};
pub use feature_source::FeatureSource;
pub use features::{Features, PatchFeatures};
pub use guided::Guided;
pub use lane::Lane;
pub use patch::{Patch, Reading, ScorerHead};
pub use pooled::{ChipFeatures, MaskScorer, PooledSource, ReadMask};
pub use precision::Precision;
pub use refined::Refined;
pub use runtime::library;
pub use sam::{Mask, MaskBox, MaskCard, MaskClasses, MaskRule, MaskRun, MaskStats, Sam, chosen};
pub use scales::Scaled;
pub use scorer::{Hidden, Prototypes, Scorer, ScorerActivation, ScorerError, ScorerFile, ScorerInput};
pub use scoring::{Member, Scoring};
pub use semantic::Semantic;
pub use worker::{Answering, BatchAnswers, ChipAnswer, ChipMasks, SessionThreads};

use std::path::PathBuf;

use thiserror::Error;

use crate::scheme::ClassId;

/// Why a model cannot be used, or failed.
#[derive(Debug, Error)]
pub enum ModelError {
    /// ONNX Runtime's shared library is nowhere.
    #[error("libonnxruntime.so is not found (looked in {}): install the PyPI package onnxruntime and put its capi/libonnxruntime.so.* into one of them, or set ORT_DYLIB_PATH", list(.looked))]
    RuntimeMissing {
        /// The folders looked in.
        looked: Vec<PathBuf>,
    },
    /// ONNX Runtime does not load.
    #[error("{path} cannot be used as ONNX Runtime: {reason}")]
    Runtime {
        /// The shared library.
        path: PathBuf,
        /// What the loader said.
        reason: String,
    },
    /// The device that was asked for is not there.
    #[error("device {device} is not available in the ONNX Runtime at {}: install the onnxruntime-gpu library for it, or ask for cpu or auto", .library.as_deref().map_or_else(|| "(none found)".into(), |p| p.display().to_string()))]
    DeviceMissing {
        /// Asked for.
        device: Device,
        /// The shared library in use.
        library: Option<PathBuf>,
    },
    /// The device that was asked for does not start: no such number, or a library of its provider is missing.
    #[error("device {device} does not start in the ONNX Runtime at {}: {reason}; accepted are a device that starts, cpu and auto", .library.as_deref().map_or_else(|| "(none found)".into(), |p| p.display().to_string()))]
    DeviceFailed {
        /// Asked for.
        device: Device,
        /// The shared library in use.
        library: Option<PathBuf>,
        /// What its provider says.
        reason: String,
    },
    /// The network does not load.
    #[error("network {path} ({key}, in its card) does not load on {device}: {reason}")]
    Load {
        /// The file.
        path: PathBuf,
        /// The key of the card that names it.
        key: &'static str,
        /// Where it should run.
        device: Device,
        /// What ONNX Runtime said.
        reason: String,
    },
    /// The network is not what its card says.
    #[error("network {path} does not fit its card: {reason}")]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// The key of the card, and what the network says.
        reason: String,
    },
    /// Features without anything that reads them.
    #[error(
        "model card {0}: family = \"features\" says no classes by itself: give a scorer (--scorer FILE), made by `orthotile train` or `orthotile clusters`"
    )]
    ScorerMissing(PathBuf),
    /// A scorer cannot be used.
    #[error(transparent)]
    Scorer(#[from] ScorerError),
    /// A scorer for models that need none.
    #[error("scorer {0}: it reads features, and no model here is of family = \"features\"")]
    ScorerUnread(PathBuf),
    /// The network is not to be run, and features are lacking.
    #[error(
        "the features of {chips} chip(s) are not kept, and the network is not to be run: segment again with room for all of them (--feature-cache-mib)"
    )]
    NotKept {
        /// How many of those asked for.
        chips: usize,
    },
    /// The network is not to be run, and masks are never kept.
    #[error("model card {0}: masks are found anew by the network, they are not kept: segment into another store")]
    MasksNotKept(PathBuf),
    /// The folder of kept features.
    #[error("feature cache {path}: {cause}")]
    Cache {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A model in a place of another family.
    #[error("model card {path}: {option} takes a model of family = {family:?}")]
    Family {
        /// The card.
        path: PathBuf,
        /// Where it stands.
        option: &'static str,
        /// What would be accepted there.
        family: &'static str,
    },
    /// What is unknown is to be told without features.
    #[error(
        "--unknown-band: told by the distance of features from what a scorer has seen; give a model of family = \"features\" and a scorer (beside a model of family = \"sam\": --features and --scorer)"
    )]
    UnknownUnread,
    /// Features beside a model that needs none.
    #[error("--features: says what the masks of a model of family = \"sam\" are; the first --model is none")]
    FeaturesUnread,
    /// Masks beside a model that finds some itself.
    #[error("--masks: outlines for models that give scores; the first --model finds masks itself")]
    MasksTwice,
    /// Masks where scores are wanted.
    #[error(
        "model card {0}: family = \"sam\" finds masks, which are not averaged with other models, nor looked at several ways"
    )]
    MasksAlone(PathBuf),
    /// Nothing, or everything, would be left out.
    #[error(
        "--mask-implausible: leaves out classes that a card or a scorer marks implausible = true; {}", if *.marked { "of a model here that is every class" } else { "none is marked here" }
    )]
    Implausible {
        /// Whether a class is marked.
        marked: bool,
    },
    /// Models that do not go together.
    #[error("models that do not go together: {0}")]
    Ensemble(String),
    /// The card cannot be used.
    #[error(transparent)]
    Card(#[from] CardError),
    /// A run failed.
    #[error("network {path} failed: {reason}")]
    Run {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// The scores of a chip: per class a probability of 0 to 255, planar, row-major; after those of classes, where
/// [`ChipSpec::unknown`] says so, a plane of how unlike all that a scorer has seen each pixel is, in percent, 1 to 200, see [`Prototypes::quantile`].
///
/// Whole numbers, so that sums over overlapping chips are exact and know no order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChipScores {
    /// The side of the chip in pixels.
    pub side_px: u32,
    /// `planes · side²` numbers.
    pub scores: Vec<u8>,
}

/// A number of 0 to 255 to the nearest whole one, halves to the even one: the same bits everywhere, and fast in loops.
#[inline]
pub(crate) fn rounded(number: f32) -> u8 {
    (number + 8_388_608.0).to_bits() as u8 // next to 2^23 a float has no room for a fraction
}

/// What a segmenter wants of the chips it is given.
#[derive(Debug, Clone, PartialEq)]
pub struct ChipSpec {
    /// Channels of a chip.
    pub channels: usize,
    /// The side of a chip in pixels.
    pub chip_px: u32,
    /// The class of each score, in order; each stands once.
    pub classes: Vec<ClassId>,
    /// Whether a plane follows that tells what is unlike all that was seen.
    pub unknown: bool,
}

impl ChipSpec {
    /// The numbers of a chip's tensor.
    #[must_use]
    pub fn tensor_len(&self) -> usize {
        self.channels * (self.chip_px as usize).pow(2)
    }

    /// The planes of a chip's scores.
    #[must_use]
    pub fn planes(&self) -> usize {
        self.classes.len() + usize::from(self.unknown)
    }
}

/// Chips to scores: a plug-in point. One thread owns it.
pub trait Segmenter: Send {
    /// What it wants and gives.
    fn spec(&self) -> &ChipSpec;

    /// The scores of some chips: `chips` holds normalized `[channels, side, side]` tensors in one piece, one after another.
    ///
    /// # Errors
    /// When the network fails or gives numbers that are not finite.
    fn segment(&mut self, chips: &[f32]) -> Result<Vec<ChipScores>, ModelError>;

    /// Where it runs, for people: `cpu`, `cuda:0`, …
    fn device(&self) -> String;
}

#[cfg(test)]
mod fixture;
