//! SAM: an encoder sees a chip once, a prompt decoder is asked about points, and what it finds are masks.

mod card;
mod choose;
mod generate;
mod layout;
mod mask;
mod network;
mod regions;
mod rules;

pub(super) use card::rules as card_rules;
pub use card::{MaskCard, MaskClasses};
pub use mask::{Mask, MaskBox, MaskRun};
pub(super) use rules::table as rule_table;
pub use rules::{MaskRule, MaskStats};

use std::sync::Arc;

use network::{Network, Prompts};

use super::{ChipSpec, Lane, ModelCard, ModelError};
use crate::georef::Window;
use crate::scheme::Scheme;

/// Encoder and decoder of a SAM, which find the masks of chips. One thread owns it.
pub struct Sam {
    network: Network,
    card: ModelCard,
    masks: Arc<MaskCard>,
    spec: ChipSpec,
}

impl Sam {
    /// Loads both networks of a card for the classes of a scheme, and asks about one point of a blank chip to see what
    /// comes out.
    ///
    /// # Errors
    /// When ONNX Runtime, the device or a network is missing, or they do not fit the card.
    pub fn open(card: &ModelCard, scheme: &Scheme, lane: impl Into<Lane>) -> Result<Self, ModelError> {
        let masks = card.masks.clone().unwrap_or_default();
        let mut classes = card.mask_classes(scheme)?.all();
        classes.sort_unstable();
        classes.dedup();
        let network = Network::open(card, &card.beside(&masks.decoder), lane.into())?;
        let spec =
            ChipSpec { channels: card.input.channels.len(), chip_px: card.input.chip_px, classes, unknown: false };
        let mut sam = Self { network, card: card.clone(), masks: Arc::new(masks), spec };
        let embedding = sam.network.embed(&sam.card.output.name, &vec![0.0; sam.spec.tensor_len()])?;
        let asked = sam.network.decode(&embedding, Prompts::points(&[[1.0, 1.0]]));
        asked.map_err(|error| match error {
            // What cannot be asked at all does not fit.
            ModelError::Run { path, reason } => {
                ModelError::Mismatch { path, reason: format!("masks.decoder: {reason}") }
            }
            error => error,
        })?;
        Ok(sam)
    }

    /// Whether it can be asked about boxes.
    ///
    /// # Errors
    /// When its decoder cannot.
    pub(super) fn takes_boxes(&self) -> Result<(), ModelError> {
        self.network.takes_boxes()
    }

    /// What it wants and which classes its rules know.
    #[must_use]
    pub fn spec(&self) -> &ChipSpec {
        &self.spec
    }

    /// Where it runs, for people.
    #[must_use]
    pub fn device(&self) -> String {
        self.network.device.to_string()
    }

    /// The sure and stable masks of some chips, before those that belong to neighbours or say the same are left out:
    /// `chips` holds normalized `[channels, side, side]` tensors in one piece, one after another.
    ///
    /// # Errors
    /// When a network fails or gives numbers that are not finite.
    pub fn find(&mut self, chips: &[f32]) -> Result<Vec<Vec<Mask>>, ModelError> {
        let side = self.spec.chip_px as usize;
        let mut found = Vec::new();
        for chip in chips.chunks_exact(self.spec.tensor_len()) {
            let embedding = self.network.embed(&self.card.output.name, chip)?;
            found.push(generate::candidates(&mut self.network, &embedding, &self.masks, side)?);
        }
        Ok(found)
    }

    /// What is found around an inner pixel (x, y) of each of some objects within a box, first and last corner, both in
    /// pixels of a square `side_px` wide of which `chip` is the normalized `[channels, side, side]` tensor at the side
    /// that the encoder takes. The masks of each object are those that are sure and stable enough by the card, `side_px`
    /// wide.
    ///
    /// # Errors
    /// When a network fails or gives numbers that are not finite.
    pub(super) fn ask(
        &mut self,
        chip: &[f32],
        objects: &[([u32; 2], [[u32; 2]; 2])],
        side_px: usize,
    ) -> Result<Vec<Vec<Mask>>, ModelError> {
        let scale = self.spec.chip_px as f32 / side_px as f32;
        // Points and corners of boxes are pixels, counted from 0: the network adds the half that leads to their middles.
        let middle = |at: u32| (at as f32 + 0.5) * scale - 0.5;
        let points: Vec<[f32; 2]> = objects.iter().map(|(point, _)| point.map(middle)).collect();
        let boxes: Vec<_> = objects.iter().map(|(_, around)| around.map(|corner| corner.map(middle))).collect();
        let embedding = self.network.embed(&self.card.output.name, chip)?;
        let prompts = Prompts { points: &points, boxes: Some(&boxes) };
        generate::asked(&mut self.network, &embedding, prompts, (&self.masks, side_px))
    }
}

/// The masks of a chip that stay, the surest first: without those that a neighbouring chip sees whole, without those that
/// others cover, small holes filled and small islands gone.
#[must_use]
pub fn chosen(masks: Vec<Mask>, card: &MaskCard, chip: &Window, mosaic: &Window) -> Vec<Mask> {
    choose::chosen(masks, card, chip, mosaic)
}

#[cfg(test)]
mod tests;
