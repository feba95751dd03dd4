//! Overlapping chips blended in whole numbers: the sum is the same in every order.

use std::f64::consts::PI;
use std::ops::Range;

use super::ScoreMap;
use crate::georef::Window;
use crate::model::{ChipScores, ChipSpec, rounded};
use crate::scheme::ClassId;

/// A chip with its scores and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoredChip {
    /// The pixels of the work grid that it covers.
    pub window: Window,
    /// Absent where the chip holds no imagery at all.
    pub scores: Option<ChipScores>,
    /// 1 where there is imagery, per pixel of the chip; empty where all is alike: imagery with scores, none without.
    pub valid: Vec<u8>,
}

/// Blends chips with a window function that fades towards their borders.
#[derive(Debug, Clone)]
pub struct Blender {
    classes: Vec<ClassId>,
    /// Of classes, and of what is unknown where that is told.
    planes: usize,
    /// The window function of one axis, 1 to 255.
    fade: Vec<u16>,
}

/// A chip that says something.
#[derive(Clone, Copy)]
struct Scored<'a> {
    chip: &'a ScoredChip,
    scores: &'a ChipScores,
}

/// Room for a row, used again for each.
#[derive(Default)]
struct Room {
    sums: Vec<u32>,
    weights: Vec<u32>,
    shares: Vec<f32>,
}

impl Blender {
    /// For chips of a side, the classes of their scores, and what else they tell.
    ///
    /// The window is a separable Hann, sampled at pixel centres: `sin²(π (k + ½) / n)`, in steps of 1/255 and at least one step.
    #[must_use]
    pub fn new(spec: &ChipSpec) -> Self {
        let hann = |k: u32| (PI * (f64::from(k) + 0.5) / f64::from(spec.chip_px)).sin().powi(2);
        let fade = (0..spec.chip_px).map(|k| ((255.0 * hann(k)).round() as u16).max(1)).collect();
        Self { classes: spec.classes.clone(), planes: spec.planes(), fade }
    }

    /// The blended scores of a window, from every chip that touches it, in any order.
    pub fn blend<'a>(&'a self, window: &Window, chips: impl IntoIterator<Item = &'a ScoredChip>) -> ScoreMap {
        let mut map = self.empty();
        self.clear(&mut map, window);
        self.blend_rows(&mut map, window.row..window.end_row(), chips);
        map
    }

    /// No pixel yet: to be cleared for a window, and blended some rows at a time.
    #[must_use]
    pub fn empty(&self) -> ScoreMap {
        let window = Window::new(0, 0, 0, 0);
        ScoreMap { window, classes: self.classes.clone(), scores: Vec::new(), valid: Vec::new() }
    }

    /// Turns to a window of which nothing is known; the room of the one before is used again.
    pub fn clear(&self, map: &mut ScoreMap, window: &Window) {
        map.window = *window;
        for (values, planes) in [(&mut map.scores, self.planes), (&mut map.valid, 1)] {
            values.clear();
            values.resize(planes * window.pixels(), 0);
        }
    }

    /// Blends some rows of a window, from every chip that touches those rows, in any order.
    pub fn blend_rows<'a>(
        &'a self,
        map: &mut ScoreMap,
        rows: Range<i64>,
        chips: impl IntoIterator<Item = &'a ScoredChip>,
    ) {
        let scored = |chip: &'a ScoredChip| Some(Scored { chip, scores: chip.scores.as_ref()? });
        let chips: Vec<Scored> = chips.into_iter().filter_map(scored).collect();
        let mut room = Room::default();
        // In each part, down and then across, no chip begins or ends.
        for rows in parts(rows, chips.iter().map(Scored::rows)) {
            let beside: Vec<Scored> = chips.iter().copied().filter(|c| c.rows().contains(&rows.start)).collect();
            for cols in parts(map.window.col..map.window.end_col(), beside.iter().map(Scored::cols)) {
                let over: Vec<Scored> = beside.iter().copied().filter(|c| c.cols().contains(&cols.start)).collect();
                rows.clone().for_each(|row| self.blend_span(map, (row, cols.clone()), &over, &mut room));
            }
        }
    }

    /// Blends pixels that the same chips cover. Chips agree on what is valid: it depends on the pixel alone.
    fn blend_span<'a>(
        &'a self,
        map: &mut ScoreMap,
        (row, cols): (i64, Range<i64>),
        over: &[Scored<'a>],
        room: &mut Room,
    ) {
        let Some((first, others)) = over.split_first() else { return };
        let (pixels, to, len) =
            (map.window.pixels(), map.window.index(cols.start, row), (cols.end - cols.start) as usize);
        let from = first.chip.window.index(cols.start, row);
        match first.chip.valid.get(from..from + len) {
            Some(valid) => map.valid[to..to + len].copy_from_slice(valid),
            None => map.valid[to..to + len].fill(1),
        }
        if others.is_empty() {
            for plane in 0..self.planes {
                map.scores[plane * pixels + to..][..len].copy_from_slice(first.plane(plane, from, len));
            }
            return;
        }
        room.share(over.iter().map(|chip| self.weights(chip, (row, cols.start), len)), len);
        for plane in 0..self.planes {
            let weighed = |chip: &Scored<'a>| {
                let scores = chip.plane(plane, chip.chip.window.index(cols.start, row), len);
                weighed(scores, self.weights(chip, (row, cols.start), len))
            };
            room.sums.clear();
            room.sums.extend(weighed(first));
            for chip in others {
                room.sums.iter_mut().zip(weighed(chip)).for_each(|(sum, score)| *sum += score);
            }
            let means = map.scores[plane * pixels + to..][..len].iter_mut();
            means
                .zip(&room.sums)
                .zip(&room.shares)
                .for_each(|((mean, sum), share)| *mean = rounded(*sum as i32 as f32 * share));
        }
    }

    /// What a chip's scores weigh in a row: the part of the row, and the parts of its columns.
    fn weights<'a>(&'a self, chip: &Scored<'a>, (row, col): (i64, i64), len: usize) -> (u16, &'a [u16]) {
        let window = &chip.chip.window;
        (self.fade[(row - window.row) as usize], &self.fade[(col - window.col) as usize..][..len])
    }
}

impl<'a> Scored<'a> {
    fn rows(&self) -> Range<i64> {
        self.chip.window.row..self.chip.window.end_row()
    }

    fn cols(&self) -> Range<i64> {
        self.chip.window.col..self.chip.window.end_col()
    }

    fn plane(&self, plane: usize, from: usize, len: usize) -> &'a [u8] {
        &self.scores.scores[plane * self.chip.window.pixels() + from..][..len]
    }
}

impl Room {
    /// Of each pixel, one over the sum of its weights.
    fn share<'a>(&mut self, weights: impl Iterator<Item = (u16, &'a [u16])>, len: usize) {
        self.weights.clear();
        self.weights.resize(len, 0);
        for (down, across) in weights {
            self.weights.iter_mut().zip(across).for_each(|(w, a)| *w += u32::from(*a) * u32::from(down));
        }
        self.shares.clear();
        self.shares.extend(self.weights.iter().map(|w| 1.0 / *w as i32 as f32));
    }
}

/// The parts of a range between the places where spans begin or end.
fn parts(range: Range<i64>, spans: impl Iterator<Item = Range<i64>>) -> Vec<Range<i64>> {
    let inside = spans.flat_map(|span| [span.start, span.end]).filter(|cut| range.contains(cut));
    let mut cuts: Vec<i64> = inside.chain([range.start, range.end]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts.windows(2).map(|cut| cut[0]..cut[1]).collect()
}

/// Scores times their weights. The products of two bytes fit 16 bits, where vector units multiply fastest.
fn weighed<'a>(scores: &'a [u8], (down, across): (u16, &'a [u16])) -> impl Iterator<Item = u32> + use<'a> {
    scores.iter().zip(across).map(move |(score, across)| u32::from(u16::from(*score) * across) * u32::from(down))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::ChipLattice;

    const LATTICE: ChipLattice = ChipLattice { chip_px: 16, stride_px: 12 };

    fn chips(window: &Window, score: impl Fn(i64, i64, i64) -> u8) -> Vec<ScoredChip> {
        LATTICE
            .touching(window)
            .map(|id| {
                let w = LATTICE.window(id);
                let at = |i: usize| (w.col + (i % 16) as i64, w.row + (i / 16) as i64);
                let plane = |class: i64| (0..w.pixels()).map(|i| score(class, at(i).0, at(i).1)).collect::<Vec<_>>();
                let scores = ChipScores { side_px: 16, scores: [plane(0), plane(1)].concat() };
                ScoredChip { window: w, scores: Some(scores), valid: vec![1; w.pixels()] }
            })
            .collect()
    }

    fn blender() -> Blender {
        let classes = vec![ClassId(1), ClassId(7)];
        Blender::new(&ChipSpec { channels: 1, chip_px: 16, classes, unknown: false })
    }

    #[test]
    fn what_all_chips_agree_on_stays() {
        let window = Window::new(5, 7, 40, 30);
        let truth = |class: i64, col: i64, row: i64| ((col * 7 + row * 3 + class * 100) % 256) as u8;
        let blended = blender().blend(&window, &chips(&window, truth));
        for (i, score) in blended.scores.iter().enumerate() {
            let (class, p) = (i / window.pixels(), i % window.pixels());
            let (col, row) = (window.col + (p % 40) as i64, window.row + (p / 40) as i64);
            assert_eq!(*score, truth(class as i64, col, row));
        }
    }

    #[test]
    fn the_order_of_the_chips_and_the_cut_of_the_window_change_nothing() {
        let window = Window::new(-3, 2, 50, 37);
        let chips: Vec<ScoredChip> = chips(&window, |_, _, _| 0)
            .into_iter()
            .enumerate()
            .map(|(n, mut chip)| {
                let noise = |i: usize| ((i * 2_654_435_761 + n * 97) >> 7) as u8;
                chip.scores = Some(ChipScores { side_px: 16, scores: (0..512).map(noise).collect() });
                chip
            })
            .collect();
        let whole = blender().blend(&window, &chips);
        assert_eq!(blender().blend(&window, chips.iter().rev()), whole);
        let part = Window::new(10, 11, 13, 9);
        let cut = blender().blend(&part, &chips);
        for (i, score) in cut.scores.iter().enumerate() {
            let (class, p) = (i / part.pixels(), i % part.pixels());
            let at = whole.window.index(part.col + (p % 13) as i64, part.row + (p / 13) as i64);
            assert_eq!(*score, whole.scores[class * whole.window.pixels() + at]);
        }
    }

    #[test]
    fn a_chip_without_imagery_leaves_no_label() {
        let window = Window::new(0, 0, 8, 8);
        let empty = ScoredChip {
            window: LATTICE.window(crate::grid::ChipId { row: 0, col: 0 }),
            scores: None,
            valid: Vec::new(),
        };
        let blended = blender().blend(&window, [&empty]);
        assert!(blended.best().iter().all(|p| *p == super::super::NO_PLANE));
    }
}
