//! Chips that the model is done with, and how they are kept on disk for a while.

use std::io::{ErrorKind, Read, Write};

use crate::georef::Window;
use crate::label::{InstanceId, MaskedChip, OwnedMask, ScoredChip};
use crate::model::{ChipScores, MaskRun};
use crate::scheme::ClassId;

/// What follows in a file: validity.
const VALIDITY: u8 = 1;
/// What follows in a file: scores.
const SCORES: u8 = 2;

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

    /// Column, row and side as 8 bytes each, the kind as one, what follows as one, validity, then scores or masks.
    pub(super) fn write(&self, out: &mut impl Write) -> std::io::Result<()> {
        let (window, valid) = match self {
            Self::Scored(chip) => (chip.window, &chip.valid),
            Self::Masked(chip) => (chip.window, &chip.valid),
        };
        for number in [window.col, window.row, i64::from(window.cols)] {
            out.write_all(&number.to_le_bytes())?;
        }
        let has_scores = matches!(self, Self::Scored(ScoredChip { scores: Some(_), .. }));
        let follows = if valid.is_empty() { 0 } else { VALIDITY } | if has_scores { SCORES } else { 0 };
        out.write_all(&[u8::from(matches!(self, Self::Masked(_))), follows])?;
        out.write_all(valid)?;
        match self {
            Self::Scored(chip) => out.write_all(chip.scores.as_ref().map_or(&[], |s| &s.scores)),
            Self::Masked(chip) => {
                let mut masks = Vec::new();
                chip.masks.iter().for_each(|mask| encode_mask(mask, &mut masks));
                out.write_all(&masks)
            }
        }
    }

    /// Reads a chip to the end of what it was written to.
    pub(super) fn read(from: &mut impl Read) -> std::io::Result<Self> {
        let [col, row, side] = [number(from)?, number(from)?, number(from)?];
        let side_px = u32::try_from(side).map_err(|_| ErrorKind::InvalidData)?;
        let window = Window::new(col, row, side_px, side_px);
        let mut flags = [0; 2];
        from.read_exact(&mut flags)?;
        let [is_masked, follows] = flags;
        let mut valid = vec![0; if follows & VALIDITY == 0 { 0 } else { window.pixels() }];
        from.read_exact(&mut valid)?;
        let mut rest = Vec::new();
        from.read_to_end(&mut rest)?;
        if is_masked == 0 {
            if rest.len() % window.pixels().max(1) != 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let scores = (follows & SCORES != 0).then_some(ChipScores { side_px, scores: rest });
            return Ok(Self::Scored(ScoredChip { window, scores, valid }));
        }
        let (mut rest, mut masks) = (Rest(&rest), Vec::new());
        while !rest.0.is_empty() {
            masks.push(decode_mask(&mut rest).ok_or(ErrorKind::UnexpectedEof)?);
        }
        Ok(Self::Masked(MaskedChip { window, masks, valid }))
    }
}

fn number(from: &mut impl Read) -> std::io::Result<i64> {
    let mut bytes = [0; 8];
    from.read_exact(&mut bytes)?;
    Ok(i64::from_le_bytes(bytes))
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
            ReadyChip::Scored(ScoredChip { window, scores: Some(scores.clone()), valid: vec![1; 16] }),
            ReadyChip::Scored(ScoredChip { window, scores: Some(scores), valid: Vec::new() }),
            ReadyChip::Scored(ScoredChip { window, scores: None, valid: Vec::new() }),
        ];
        for chip in chips {
            let mut bytes = Vec::new();
            chip.write(&mut bytes).expect("memory");
            let read = |bytes: &[u8]| ReadyChip::read(&mut &*bytes).ok();
            assert_eq!(read(&bytes), Some(chip.clone()));
            assert_eq!(read(&bytes[..25]), None);
            if bytes.len() > 100 {
                assert_eq!(read(&bytes[..bytes.len() - 17]), None);
            }
        }
    }
}
