//! Chips that the model is done with, and how they are kept on disk for a while.

use crate::georef::Window;
use crate::label::{InstanceId, MaskedChip, OwnedMask, ScoredChip};
use crate::model::{ChipScores, MaskRun};
use crate::scheme::ClassId;

/// A chip that the model is done with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ReadyChip {
    /// Its scores are blended with others.
    Scored(ScoredChip),
    /// Its masks are painted.
    Masked(MaskedChip),
}

impl ReadyChip {
    /// What it takes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        128 + match self {
            Self::Scored(chip) => chip.valid.len() + chip.scores.as_ref().map_or(0, |s| s.scores.len()),
            Self::Masked(chip) => {
                let runs = chip.masks.iter().map(|mask| 64 + mask.runs.len() * size_of::<MaskRun>()).sum::<usize>();
                chip.valid.len() + runs
            }
        }
    }

    /// Column, row and side as 8 bytes each, the kind as one, whether there is imagery as one, validity, then the rest.
    pub(super) fn encode(&self) -> Vec<u8> {
        let (window, valid) = match self {
            Self::Scored(chip) => (chip.window, &chip.valid),
            Self::Masked(chip) => (chip.window, &chip.valid),
        };
        let mut out = Vec::with_capacity(self.bytes());
        [window.col, window.row, i64::from(window.cols)].iter().for_each(|n| out.extend(n.to_le_bytes()));
        out.extend([u8::from(matches!(self, Self::Masked(_))), u8::from(!valid.is_empty())]);
        out.extend(valid);
        match self {
            Self::Scored(chip) => out.extend(chip.scores.iter().flat_map(|s| &s.scores)),
            Self::Masked(chip) => chip.masks.iter().for_each(|mask| encode_mask(mask, &mut out)),
        }
        out
    }

    pub(super) fn decode(data: &[u8]) -> Option<Self> {
        let mut rest = Rest(data);
        let [col, row, side] = [rest.number()?, rest.number()?, rest.number()?];
        let side_px = u32::try_from(side).ok()?;
        let window = Window::new(col, row, side_px, side_px);
        let [is_masked, has_imagery] = *rest.take::<2>()?;
        let valid = if has_imagery == 0 { &[] } else { rest.bytes(window.pixels())? }.to_vec();
        if is_masked == 0 {
            let scores = (has_imagery != 0).then(|| ChipScores { side_px, scores: rest.0.to_vec() });
            return Some(Self::Scored(ScoredChip { window, scores, valid }));
        }
        let mut masks = Vec::new();
        while !rest.0.is_empty() {
            masks.push(decode_mask(&mut rest)?);
        }
        Some(Self::Masked(MaskedChip { window, masks, valid }))
    }
}

fn encode_mask(mask: &OwnedMask, out: &mut Vec<u8>) {
    let floats = [mask.predicted_iou, mask.confidence].map(f32::to_bits);
    let unlike = u32::from(mask.unlike);
    let numbers = [mask.class.0, floats[0], floats[1], unlike, mask.instance.get(), mask.runs.len() as u32];
    numbers.iter().for_each(|n| out.extend(n.to_le_bytes()));
    for run in &mask.runs {
        [run.row, run.start, run.end].iter().for_each(|n| out.extend(n.to_le_bytes()));
    }
}

fn decode_mask(rest: &mut Rest<'_>) -> Option<OwnedMask> {
    let mut number = || rest.take::<4>().map(|bytes| u32::from_le_bytes(*bytes));
    let mut numbers = [0; 6];
    for to in &mut numbers {
        *to = number()?;
    }
    let [class, iou, sure, unlike, instance, runs] = numbers;
    let mut run = || {
        let mut number = || rest.take::<2>().map(|bytes| u16::from_le_bytes(*bytes));
        Some(MaskRun { row: number()?, start: number()?, end: number()? })
    };
    Some(OwnedMask {
        runs: (0..runs).map(|_| run()).collect::<Option<_>>()?,
        class: ClassId(class),
        predicted_iou: f32::from_bits(iou),
        confidence: f32::from_bits(sure),
        unlike: u8::try_from(unlike).ok()?,
        instance: InstanceId::read(instance)?,
    })
}

/// What is not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(taken)
    }

    fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<i64> {
        self.take::<8>().map(|bytes| i64::from_le_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chip_comes_back_as_it_was_and_a_cut_one_does_not() {
        let window = Window::new(-5, 70, 4, 4);
        let mask = OwnedMask {
            runs: vec![MaskRun { row: 1, start: 0, end: 3 }, MaskRun { row: 2, start: 1, end: 4 }],
            class: ClassId(4),
            predicted_iou: 0.875,
            confidence: 0.75,
            unlike: 137,
            instance: InstanceId::at(71, -4),
        };
        let masks = vec![mask.clone(), OwnedMask { runs: Vec::new(), ..mask }];
        let scores = ChipScores { side_px: 4, scores: (0..32).collect() };
        let chips = [
            ReadyChip::Masked(MaskedChip { window, masks, valid: vec![1; 16] }),
            ReadyChip::Masked(MaskedChip { window, masks: Vec::new(), valid: Vec::new() }),
            ReadyChip::Scored(ScoredChip { window, scores: Some(scores), valid: vec![1; 16] }),
            ReadyChip::Scored(ScoredChip { window, scores: None, valid: Vec::new() }),
        ];
        for chip in chips {
            let bytes = chip.encode();
            assert_eq!(ReadyChip::decode(&bytes), Some(chip.clone()));
            assert_eq!(ReadyChip::decode(&bytes[..25]), None);
            if matches!(&chip, ReadyChip::Masked(masked) if !masked.masks.is_empty()) {
                assert_eq!(ReadyChip::decode(&bytes[..bytes.len() - 17]), None);
            }
        }
    }
}
