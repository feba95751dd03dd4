//! Labels of traced blocks, read again.

use std::collections::BTreeMap;
use std::fmt::Debug;

use super::PipelineError;
use crate::georef::Window;
use crate::grid::BlockId;
use crate::label::{LabelMap, LabelStore};
use crate::polygonize::{self, BlockArcs, LabelCode, LabelView};

/// The labels of a block as they are traced: classes, instances above them ([`polygonize::LabelCode`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockLabels {
    /// The pixels of the work grid that it covers.
    pub window: Window,
    /// One per pixel, row by row; 0 is "none".
    pub labels: Vec<u32>,
    /// How sure, per pixel, where that is known.
    pub confidence: Option<Vec<u8>>,
    /// How unlike all that was seen each pixel is, in percent, where that is told.
    pub unknown: Option<Vec<u8>>,
}

impl BlockLabels {
    /// Its cracks.
    #[must_use]
    pub fn trace(&self) -> BlockArcs {
        let (confidence, unknown) = (self.confidence.as_deref(), self.unknown.as_deref());
        polygonize::trace(&LabelView { window: self.window, labels: &self.labels, confidence, unknown })
    }
}

impl From<LabelMap> for BlockLabels {
    fn from(map: LabelMap) -> Self {
        Self { window: map.window, labels: composed(&map), confidence: Some(map.confidence), unknown: map.unknown }
    }
}

/// Class and instance of each pixel in one number.
pub(super) fn composed(map: &LabelMap) -> Vec<u32> {
    match &map.instances {
        None => map.classes.iter().map(|class| u32::from(*class)).collect(),
        Some(instances) => {
            let both = |(class, instance): (&u8, &u32)| LabelCode::BYTES.compose(u32::from(*class), *instance);
            map.classes.iter().zip(instances).map(both).collect()
        }
    }
}

/// Where the labels of traced blocks are read again: to look into regions, and to trace blocks with other labels.
pub trait LabelSource: Debug + Send + Sync {
    /// The labels that a block was traced from.
    ///
    /// # Errors
    /// When they cannot be read.
    fn read(&self, block: BlockId) -> Result<BlockLabels, PipelineError>;
}

impl LabelSource for LabelStore {
    fn read(&self, block: BlockId) -> Result<BlockLabels, PipelineError> {
        Ok(Self::read(self, block)?.into())
    }
}

/// Labels in memory.
impl LabelSource for BTreeMap<BlockId, LabelMap> {
    fn read(&self, block: BlockId) -> Result<BlockLabels, PipelineError> {
        let map = self.get(&block).ok_or(PipelineError::NoLabels { block })?;
        Ok(map.clone().into())
    }
}
