//! Which of the masks of a chip stay: `SamAutomaticMaskGenerator` of segment-anything (Kirillov et al. 2023), from its
//! filtered masks on. `https://github.com/facebookresearch/segment-anything`

use super::MaskCard;
use super::mask::{Mask, MaskBox};
use super::regions::without_small;
use crate::georef::Window;

/// Drops masks that a chip cuts off, then those that others cover, then small regions of those that are left.
///
/// The most sure come first.
pub(super) fn chosen(masks: Vec<Mask>, card: &MaskCard, chip: &Window, mosaic: &Window) -> Vec<Mask> {
    let whole = |mask: &Mask| mask.bounds().is_some_and(|b| !is_cut(b, chip, mosaic, i64::from(card.edge_px)));
    let mut masks: Vec<Mask> = masks.into_iter().filter(whole).collect();
    let sure: Vec<f32> = masks.iter().map(|mask| mask.predicted_iou).collect();
    masks = kept(masks, &sure, card.box_nms_thresh);
    if card.min_mask_region_area_px == 0 {
        return masks;
    }
    let mut unchanged = Vec::with_capacity(masks.len());
    for mask in &mut masks {
        let cleaned = without_small(&mask.runs, chip.cols as usize, card.min_mask_region_area_px);
        unchanged.push(if cleaned.is_none() { 1.0 } else { 0.0 });
        mask.runs = cleaned.unwrap_or_else(|| std::mem::take(&mut mask.runs));
    }
    // What was mended may now be the same as another.
    kept(masks, &unchanged, card.box_nms_thresh)
}

/// Whether a box comes near a side of the chip beyond which the mosaic goes on: the neighbouring chip sees it whole.
fn is_cut(bounds: MaskBox, chip: &Window, mosaic: &Window, edge: i64) -> bool {
    let across = [i64::from(bounds.left), i64::from(bounds.right)];
    let down = [i64::from(bounds.top), i64::from(bounds.bottom)];
    let axis = |[from, to]: [i64; 2], chip: [i64; 2], mosaic: [i64; 2]| {
        let first = from <= edge && chip[0] + from > mosaic[0] + edge;
        let last = chip[1] - (chip[0] + to) <= edge && chip[0] + to < mosaic[1] - edge;
        first || last
    };
    axis(across, [chip.col, chip.end_col()], [mosaic.col, mosaic.end_col()])
        || axis(down, [chip.row, chip.end_row()], [mosaic.row, mosaic.end_row()])
}

/// Greedy suppression by boxes: in the order of the scores, what overlaps a kept one by more than the threshold goes.
fn kept(masks: Vec<Mask>, scores: &[f32], threshold: f32) -> Vec<Mask> {
    let boxes: Vec<Option<MaskBox>> = masks.iter().map(Mask::bounds).collect();
    let mut order: Vec<usize> = (0..masks.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a])); // stable: of equals the first
    let mut stay: Vec<usize> = Vec::new();
    for at in order {
        let covered = |other: &usize| boxes[*other].zip(boxes[at]).is_some_and(|(a, b)| box_iou(a, b) > threshold);
        if !stay.iter().any(covered) {
            stay.push(at);
        }
    }
    let mut masks: Vec<Option<Mask>> = masks.into_iter().map(Some).collect();
    stay.into_iter().filter_map(|at| masks[at].take()).collect()
}

/// Of boxes that end in the middle of their last pixels, as torchvision's `nms` gets them: a line has no area, and what is
/// nothing by nothing is no overlap.
fn box_iou(a: MaskBox, b: MaskBox) -> f32 {
    let length = |from: u16, to: u16| f32::from(to.saturating_sub(from));
    let area = |b: MaskBox| length(b.left, b.right) * length(b.top, b.bottom);
    let common = length(a.left.max(b.left), a.right.min(b.right)) * length(a.top.max(b.top), a.bottom.min(b.bottom));
    common / (area(a) + area(b) - common)
}

#[cfg(test)]
mod tests {
    use super::super::mask::MaskRun;
    use super::*;

    fn square(left: u16, top: u16, side: u16, predicted_iou: f32) -> Mask {
        let run = |row| MaskRun { row, start: left, end: left + side };
        Mask { runs: (top..top + side).map(run).collect(), predicted_iou, stability: 1.0 }
    }

    #[test]
    fn the_surer_of_two_that_cover_each_other_stays() {
        let masks = vec![square(20, 20, 10, 0.9), square(21, 20, 10, 0.95), square(40, 40, 10, 0.8)];
        let card = MaskCard { edge_px: 2, ..MaskCard::default() };
        let whole = Window::new(0, 0, 64, 64);
        let left: Vec<f32> = chosen(masks, &card, &whole, &whole).iter().map(|m| m.predicted_iou).collect();
        assert_eq!(left, [0.95, 0.8]);
    }

    #[test]
    fn what_a_chip_cuts_goes_and_what_the_mosaic_cuts_stays() {
        let card = MaskCard { edge_px: 2, ..MaskCard::default() };
        let mosaic = Window::new(0, 0, 100, 100);
        let found = |left: u16, top: u16, chip: (i64, i64)| {
            let chip = Window::new(chip.0, chip.1, 64, 64);
            chosen(vec![square(left, top, 10, 0.9)], &card, &chip, &mosaic).len()
        };
        assert_eq!(found(0, 30, (20, 20)), 0, "the left side is inside the mosaic");
        assert_eq!(found(54, 30, (20, 20)), 0, "so is the right side");
        assert_eq!(found(30, 30, (20, 20)), 1);
        assert_eq!(found(0, 0, (0, 0)), 1, "here the mosaic begins");
        assert_eq!(found(54, 54, (36, 36)), 1, "here it ends");
        assert_eq!(found(8, 30, (-8, 20)), 1, "the chip begins outside the mosaic");
    }
}
