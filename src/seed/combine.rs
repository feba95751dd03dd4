//! What the model says of chips becomes the labels of a block: scores are blended, masks are painted.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::ready::ReadyChip;
use super::{Maker, SeedError};
use crate::georef::Window;
use crate::grid::{BlockId, ChipId};
use crate::label::{
    Blender, LabelMap, LabelStore, MaskReader, MaskedChip, PaintedMap, ScoreMap, ScoredChip, clean, clean_painted,
    paint,
};
use crate::model::{ChipAnswer, ChipSpec, ModelCard};
use crate::raster::PixelWindow;

/// How chips that overlap become one answer.
pub(super) enum Combining {
    Blend(Blender),
    Paint(Box<MaskReader>),
}

impl Combining {
    pub(super) fn new(
        card: &ModelCard,
        store: &LabelStore,
        spec: &ChipSpec,
        pixel_area_m2: f64,
    ) -> Result<Self, SeedError> {
        let Some(masks) = &card.masks else {
            return Ok(Self::Blend(Blender::new(spec)));
        };
        Ok(Self::Paint(Box::new(MaskReader {
            card: masks.clone(),
            classes: card.mask_classes(store.scheme())?,
            scorer: store.scoring().mask_scorer(card, store.scheme())?,
            channels: card.input.channels.clone(),
            unknown_band: store.manifest().scoring.unknown_band,
            mosaic: store.grid().window(),
            pixel_area_m2,
        })))
    }

    /// Whether the samples of a chip are looked at once more when the model is done with it.
    pub(super) fn wants_samples(&self) -> bool {
        matches!(self, Self::Paint(_))
    }

    /// A chip without imagery, which the model need not see.
    pub(super) fn empty(&self, window: Window) -> ReadyChip {
        match self {
            Self::Blend(_) => ReadyChip::Scored(ScoredChip { window, scores: None, valid: Vec::new() }),
            Self::Paint(_) => ReadyChip::Masked(MaskedChip { window, masks: Vec::new(), valid: Vec::new() }),
        }
    }

    /// What is kept of an answer.
    pub(super) fn ready(&self, answer: ChipAnswer, chip: PixelWindow, middle: &Window) -> ReadyChip {
        match (self, answer) {
            (_, ChipAnswer::Scores(scores)) => {
                let valid = if chip.valid.contains(&0) { chip.valid } else { Vec::new() };
                ReadyChip::Scored(ScoredChip { window: chip.window, scores: Some(scores), valid })
            }
            (Self::Paint(reader), ChipAnswer::Masks(masks)) => ReadyChip::Masked(reader.settle(masks, chip, middle)),
            (Self::Blend(_), ChipAnswer::Masks(_)) => self.empty(chip.window), // a card without [masks] opens no such model
        }
    }
}

impl Maker {
    /// The labels of a block whose chips are on the shelf; `room` is for scores, and kept from block to block.
    pub(super) fn combine(&self, block: BlockId, room: &mut Option<ScoreMap>) -> Result<LabelMap, SeedError> {
        let window = self.store.grid().block_window(block);
        let options = &self.store.manifest().clean;
        Ok(match &self.combining {
            Combining::Blend(blender) => {
                let scores = room.get_or_insert_with(|| blender.empty());
                self.blend(blender, block, scores)?;
                clean(scores, &window, options, self.pixel_area_m2)
            }
            Combining::Paint(reader) => {
                clean_painted(&self.painted(reader, block)?, &window, options, self.pixel_area_m2)
            }
        })
    }

    /// The scores of a block and its halo, blended in strips, so that a few rows of chips are in memory at a time.
    fn blend(&self, blender: &Blender, block: BlockId, scores: &mut ScoreMap) -> Result<(), SeedError> {
        blender.clear(scores, &self.store.grid().block_window(block).expanded(self.reach.halo_px));
        let reach = self.reach.of(self.store.grid(), block);
        let mut held: Vec<(ChipId, Arc<ReadyChip>)> = Vec::new();
        for row in self.reach.lattice.touching(&reach).map(|id| id.row).collect::<BTreeSet<_>>() {
            let Some(strip) = self.reach.lattice.strip(row, &reach) else { continue };
            let mut chips = Vec::new();
            for id in self.reach.lattice.touching(&strip) {
                let known = held.iter().find(|(other, _)| *other == id).map(|(_, chip)| Arc::clone(chip));
                let chip = match known {
                    Some(chip) => chip,
                    None => self.on_shelf(id, block)?,
                };
                chips.push((id, chip));
            }
            held = chips;
            let of_strip = held.iter().filter_map(|(_, chip)| match &**chip {
                ReadyChip::Scored(chip) => Some(chip),
                ReadyChip::Masked(_) => None,
            });
            blender.blend_rows(scores, strip.row..strip.end_row(), of_strip);
        }
        Ok(())
    }

    /// The masks of a block and its halo, painted.
    fn painted(&self, reader: &MaskReader, block: BlockId) -> Result<PaintedMap, SeedError> {
        let window = self.store.grid().block_window(block).expanded(self.reach.halo_px);
        let chips: Vec<Arc<ReadyChip>> =
            self.chips(block).map(|id| self.on_shelf(id, block)).collect::<Result<_, _>>()?;
        let masked = chips.iter().filter_map(|chip| match &**chip {
            ReadyChip::Masked(chip) => Some(chip),
            ReadyChip::Scored(_) => None,
        });
        Ok(paint(masked, &window, (reader.classes.unknown, reader.unknown_band)))
    }

    fn on_shelf(&self, id: ChipId, block: BlockId) -> Result<Arc<ReadyChip>, SeedError> {
        self.shelf().get(id)?.ok_or(SeedError::ChipMissing { block })
    }
}
