//! The automatic mask generator up to its filters: a lattice of points, asked about in batches.

use std::ops::Range;

use super::super::head::Enlarge;
use super::mask::{Mask, append_runs};
use super::network::{Decoded, Embedding, Network, Prompts};
use super::{MaskCard, ModelError};

/// How far below the wanted stability a mask of one pixel may lie at the decoder's resolution and still be enlarged and
/// measured. The coarse pixels that count wrong lie along its border, whose share falls with the square root of its area.
const SLACK: f32 = 1.5;

/// The masks of a chip that are sure and stable enough, in the order of the points.
///
/// A chip of 1024 pixels has three thousand masks of a megabyte of logits each. So they are looked at as the decoder gives
/// them, at a quarter of the side, and only what passes is enlarged, one after another, and kept as runs.
pub(super) fn candidates(
    network: &mut Network,
    embedding: &Embedding,
    card: &MaskCard,
    side: usize,
) -> Result<Vec<Mask>, ModelError> {
    let mut masks = Vec::new();
    for points in points(card.points_per_side, side).chunks(card.points_per_batch as usize) {
        let decoded = network.decode(embedding, Prompts::points(points))?;
        gather(&decoded, 0..decoded.iou.len(), (card, side), &mut masks);
    }
    Ok(masks)
}

/// The sure and stable masks of each of some prompts, `side` pixels wide, in the order of the prompts.
pub(super) fn asked(
    network: &mut Network,
    embedding: &Embedding,
    prompts: Prompts<'_>,
    (card, side): (&MaskCard, usize),
) -> Result<Vec<Vec<Mask>>, ModelError> {
    let mut of_prompts = Vec::with_capacity(prompts.points.len());
    for some in prompts.chunks(card.points_per_batch as usize) {
        let decoded = network.decode(embedding, some)?;
        let each = decoded.iou.len() / some.points.len();
        for prompt in 0..some.points.len() {
            let mut masks = Vec::new();
            gather(&decoded, prompt * each..(prompt + 1) * each, (card, side), &mut masks);
            of_prompts.push(masks);
        }
    }
    Ok(of_prompts)
}

/// The middles of the squares of a lattice, in (x, y), row by row.
fn points(per_side: u32, side: usize) -> Vec<[f32; 2]> {
    let at = |i: u32| ((f64::from(i) + 0.5) / f64::from(per_side) * side as f64) as f32;
    (0..per_side).flat_map(|row| (0..per_side).map(move |col| [at(col), at(row)])).collect()
}

/// Of some of the masks, those that are sure and stable enough.
fn gather(decoded: &Decoded, which: Range<usize>, (card, side): (&MaskCard, usize), masks: &mut Vec<Mask>) {
    let enlarge = Enlarge::to(decoded.side, side);
    let mut line = vec![0.0; side];
    let mut inside = vec![false; side];
    let all = decoded.iou.iter().zip(decoded.logits.chunks_exact(decoded.side * decoded.side));
    for (predicted_iou, logits) in all.skip(which.start).take(which.len()) {
        let mut seen = Stability::new(card.stability_score_offset);
        seen.add(logits);
        // Written so that what is no number goes too.
        if !(*predicted_iou > card.pred_iou_thresh
            && seen.score() >= card.stability_score_thresh - SLACK / (seen.all as f32).sqrt())
        {
            continue;
        }
        let mut exact = Stability::new(card.stability_score_offset);
        let mut runs = Vec::new();
        for row in 0..side {
            enlarge.row(logits, row, &mut line);
            exact.add(&line);
            inside.iter_mut().zip(&line).for_each(|(yes, logit)| *yes = *logit > 0.0);
            append_runs(row as u16, &inside, &mut runs);
        }
        if exact.score() >= card.stability_score_thresh {
            masks.push(Mask { runs, predicted_iou: *predicted_iou, stability: exact.score() });
        }
    }
}

/// Pixels above a higher threshold by pixels above a lower one.
struct Stability {
    offset: f32,
    above: u32,
    all: u32,
}

impl Stability {
    fn new(offset: f32) -> Self {
        Self { offset, above: 0, all: 0 }
    }

    fn add(&mut self, logits: &[f32]) {
        self.above += logits.iter().map(|v| u32::from(*v > self.offset)).sum::<u32>();
        self.all += logits.iter().map(|v| u32::from(*v > -self.offset)).sum::<u32>();
    }

    /// Not a number where the mask is empty.
    fn score(&self) -> f32 {
        self.above as f32 / self.all as f32
    }
}
