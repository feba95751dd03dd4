//! Masks painted over each other: large ones first, so that what lies on something is seen.

use std::cmp::Ordering;

use super::{Known, MaskedChip, OwnedMask, PaintedMap};
use crate::georef::Window;
use crate::model::{MaskRun, rounded};
use crate::scheme::ClassId;

/// Two masks of different chips that share more than this part of both together are the same object.
const SAME: f64 = 0.5;

/// The labels of a window, from the chips that touch it and the chips beside those, in any order.
///
/// An object that two chips found, because its anchor lies where they meet, is that of the surer. Where no mask lies and
/// there is imagery, it is `unknown`, and no instance. `tells_unknown`: the labels are to tell how unlike all that the
/// scorer has seen their masks are.
#[must_use]
pub fn paint<'a>(
    chips: impl IntoIterator<Item = &'a MaskedChip>,
    window: &Window,
    (unknown, tells_unknown): (ClassId, bool),
) -> PaintedMap {
    let mut chips: Vec<&MaskedChip> = chips.into_iter().collect();
    chips.sort_by_key(|chip| (chip.window.row, chip.window.col));
    let all: Vec<Placed> = chips.iter().flat_map(|chip| Placed::of(chip)).collect();
    let touches = |placed: &&Placed| placed.bounds.intersection(window).is_some();
    let mut shown: Vec<&Placed> = all.iter().filter(touches).filter(|placed| !placed.is_beaten(&all)).collect();
    shown.sort_by(|a, b| b.area_px.cmp(&a.area_px).then_with(|| b.surer(a)));
    let mut labels = ground(&chips, window, unknown);
    let mut known = Vec::with_capacity(shown.len());
    for placed in shown {
        let label = placed.mask.class.0 & 0xff | placed.mask.instance.get() << 8;
        let confidence = rounded(placed.mask.confidence * 255.0);
        known.push((label, Known { confidence, unlike: placed.mask.unlike }));
        for (row, cols) in placed.rows() {
            let Some(part) = Window::new(cols.0, row, (cols.1 - cols.0) as u32, 1).intersection(window) else {
                continue;
            };
            let from = window.index(part.col, row);
            let line = labels[from..from + part.cols as usize].iter_mut();
            line.filter(|old| **old != 0).for_each(|old| *old = label);
        }
    }
    known.sort_unstable();
    known.dedup_by_key(|(label, _)| *label);
    PaintedMap { window: *window, labels, known, tells_unknown }
}

/// `unknown` where any chip has imagery: they agree on it.
fn ground(chips: &[&MaskedChip], window: &Window, unknown: ClassId) -> Vec<u32> {
    let mut labels = vec![0_u32; window.pixels()];
    for chip in chips.iter().filter(|chip| !chip.valid.is_empty()) {
        let Some(common) = chip.window.intersection(window) else { continue };
        for row in common.row..common.end_row() {
            let (from, to) = (chip.window.index(common.col, row), window.index(common.col, row));
            let len = common.cols as usize;
            for (label, valid) in labels[to..to + len].iter_mut().zip(&chip.valid[from..from + len]) {
                *label = if *valid == 0 { *label } else { unknown.0 & 0xff };
            }
        }
    }
    labels
}

/// A mask with its place in the work grid.
struct Placed<'a> {
    mask: &'a OwnedMask,
    chip: Window,
    bounds: Window,
    area_px: u32,
    /// In its chip; the surest first.
    number: usize,
}

impl<'a> Placed<'a> {
    fn of(chip: &'a MaskedChip) -> impl Iterator<Item = Self> {
        chip.masks.iter().enumerate().filter_map(|(number, mask)| {
            let left = mask.runs.iter().map(|run| run.start).min()?;
            let right = mask.runs.iter().map(|run| run.end).max()?;
            let (top, bottom) = (mask.runs.first()?.row, mask.runs.last()?.row);
            let bounds = Window::new(
                chip.window.col + i64::from(left),
                chip.window.row + i64::from(top),
                u32::from(right - left),
                u32::from(bottom - top) + 1,
            );
            let area_px = mask.runs.iter().map(|run| run.len()).sum();
            Some(Self { mask, chip: chip.window, bounds, area_px, number })
        })
    }

    /// The rows of the work grid and the columns in them, the last excluded.
    fn rows(&self) -> impl Iterator<Item = (i64, (i64, i64))> {
        let of = |run: &MaskRun| {
            let (from, to) = (self.chip.col + i64::from(run.start), self.chip.col + i64::from(run.end));
            (self.chip.row + i64::from(run.row), (from, to))
        };
        self.mask.runs.iter().map(of)
    }

    /// Less where this one is the surer; of equally sure ones that of the first chip.
    fn surer(&self, other: &Self) -> Ordering {
        let place = |p: &Self| (p.chip.row, p.chip.col, p.number);
        let by_iou = other.mask.predicted_iou.total_cmp(&self.mask.predicted_iou);
        by_iou.then_with(|| place(self).cmp(&place(other)))
    }

    /// Whether a surer mask of another chip is the same object. That one may be beaten itself: a decision looks one step
    /// far, so that it is the same for every window.
    fn is_beaten(&self, all: &[Placed]) -> bool {
        let rival = |other: &&Placed| other.chip != self.chip && other.bounds.intersection(&self.bounds).is_some();
        all.iter().filter(rival).any(|other| other.surer(self) == Ordering::Less && self.is_same(other))
    }

    fn is_same(&self, other: &Self) -> bool {
        let common = self.common_px(other);
        common as f64 > SAME * (f64::from(self.area_px) + f64::from(other.area_px) - common as f64)
    }

    /// Both lists of runs walked at once, as in a merge.
    fn common_px(&self, other: &Self) -> i64 {
        let (mut common, mut mine, mut theirs) = (0, self.rows().peekable(), other.rows().peekable());
        while let (Some((row_a, a)), Some((row_b, b))) = (mine.peek(), theirs.peek()) {
            if row_a == row_b {
                common += (a.1.min(b.1) - a.0.max(b.0)).max(0);
            }
            if (row_a, a.1) <= (row_b, b.1) {
                mine.next();
            } else {
                theirs.next();
            }
        }
        common
    }
}

#[cfg(test)]
mod tests {
    use super::super::InstanceId;
    use super::*;

    fn chip(col: i64, squares: &[(i64, i64, u32, f32, u32)]) -> MaskedChip {
        let window = Window::new(col, 0, 64, 64);
        let mask = |&(left, top, side, predicted_iou, class): &(i64, i64, u32, f32, u32)| {
            let runs = (0..i64::from(side)).map(|down| MaskRun {
                row: (top + down) as u16,
                start: (left - col) as u16,
                end: (left - col + i64::from(side)) as u16,
            });
            let instance = InstanceId::at(top + i64::from(side / 2), left + i64::from(side / 2));
            OwnedMask {
                runs: runs.collect(),
                class: ClassId(class),
                predicted_iou,
                confidence: predicted_iou,
                unlike: 0,
                instance,
            }
        };
        MaskedChip { window, masks: squares.iter().map(mask).collect(), valid: vec![1; window.pixels()] }
    }

    #[test]
    fn an_object_that_two_chips_found_is_one_and_the_order_changes_nothing() {
        let a = chip(0, &[(40, 10, 12, 0.9, 1), (5, 5, 30, 0.8, 2), (12, 12, 6, 0.7, 1)]);
        let b = chip(32, &[(41, 10, 12, 0.95, 1), (70, 30, 10, 0.6, 4)]);
        let window = Window::new(0, 0, 96, 64);
        let painted = paint([&a, &b], &window, (ClassId(7), false));
        assert_eq!(paint([&b, &a], &window, (ClassId(7), false)), painted);
        let at = |col: i64, row: i64| painted.labels[window.index(col, row)];
        assert_eq!(at(45, 15), 1 | InstanceId::at(16, 47).get() << 8, "the surer of both");
        assert_eq!(at(40, 15), 7, "where only the other was there is nothing");
        assert_eq!((at(6, 6) & 0xff, at(14, 14) & 0xff), (2, 1), "the small one lies on the large one");
        assert_eq!(at(75, 35) & 0xff, 4);
        let cut = Window::new(30, 8, 20, 9);
        let part = paint([&a, &b], &cut, (ClassId(7), false));
        for row in cut.row..cut.end_row() {
            for col in cut.col..cut.end_col() {
                assert_eq!(part.labels[cut.index(col, row)], at(col, row));
            }
        }
        let whole = painted.labelled(&painted.labels, &window);
        let i = window.index(45, 15);
        assert_eq!((whole.classes[i], whole.confidence[i]), (1, 242));
        assert_eq!(whole.instances.expect("masks")[i], InstanceId::at(16, 47).get());
        assert_eq!(whole.confidence[window.index(60, 60)], 0, "nothing is known here");
    }

    #[test]
    fn voids_stay_voids() {
        let mut chip = chip(0, &[(10, 10, 20, 0.9, 1)]);
        chip.valid[15 * 64 + 15] = 0;
        let painted = paint([&chip], &Window::new(0, 0, 80, 64), (ClassId(7), false));
        assert_eq!(painted.labels[15 * 80 + 15], 0);
        assert_eq!(painted.labels[15 * 80 + 70], 0, "no chip is there");
    }

    #[test]
    fn numbers_of_neighbours_differ_and_are_never_none() {
        let mut seen = std::collections::HashSet::new();
        for row in (0..4095).step_by(91) {
            for col in (0..4096).step_by(64) {
                let id = InstanceId::at(row + 8190, col - 4096);
                assert!(seen.insert(id.get()) && InstanceId::read(id.get()) == Some(id));
            }
        }
        assert_eq!(InstanceId::read(0), None);
    }
}
