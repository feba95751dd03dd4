//! Overlapping chips blended in whole numbers: the sum is the same in every order.

use std::f64::consts::PI;

use super::ScoreMap;
use crate::georef::Window;
use crate::model::ChipScores;
use crate::scheme::ClassId;

/// A chip with its scores and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoredChip {
    /// The pixels of the work grid that it covers.
    pub window: Window,
    /// Absent where the chip holds no imagery at all.
    pub scores: Option<ChipScores>,
    /// 1 where there is imagery, per pixel of the chip; empty where there is none at all.
    pub valid: Vec<u8>,
}

/// Blends chips with a window function that fades towards their borders.
#[derive(Debug, Clone)]
pub struct Blender {
    classes: Vec<ClassId>,
    /// The window function of one axis, 1 to 255.
    fade: Vec<u32>,
}

impl Blender {
    /// For chips of a side and the classes of their scores.
    ///
    /// The window is a separable Hann, sampled at pixel centres: `sin²(π (k + ½) / n)`, in steps of 1/255 and at least one step.
    #[must_use]
    pub fn new(chip_px: u32, classes: Vec<ClassId>) -> Self {
        let hann = |k: u32| (PI * (f64::from(k) + 0.5) / f64::from(chip_px)).sin().powi(2);
        Self { classes, fade: (0..chip_px).map(|k| ((255.0 * hann(k)).round() as u32).max(1)).collect() }
    }

    /// The blended scores of a window, from every chip that touches it, in any order.
    pub fn blend<'a>(&self, window: &Window, chips: impl IntoIterator<Item = &'a ScoredChip>) -> ScoreMap {
        let (pixels, classes) = (window.pixels(), self.classes.len());
        let mut sums = vec![0_u32; pixels * classes];
        let mut weights = vec![0_u32; pixels];
        let mut valid = vec![0_u8; pixels];
        for chip in chips {
            if let (Some(scores), Some(common)) = (&chip.scores, chip.window.intersection(window)) {
                for row in common.row..common.end_row() {
                    let (from, to) = (chip.window.index(common.col, row), window.index(common.col, row));
                    let len = common.cols as usize;
                    let down = self.fade[(row - chip.window.row) as usize];
                    let across = &self.fade[(common.col - chip.window.col) as usize..][..len];
                    add_weights(&mut weights[to..to + len], across, down);
                    for class in 0..classes {
                        let plane = &scores.scores[class * chip.window.pixels() + from..][..len];
                        add_scores(&mut sums[class * pixels + to..][..len], plane, across, down);
                    }
                    valid[to..to + len].iter_mut().zip(&chip.valid[from..from + len]).for_each(|(v, c)| *v |= c);
                }
            }
        }
        let shares: Vec<f32> = weights.iter().map(|w| 1.0 / *w.max(&1) as f32).collect();
        let mut scores = vec![0_u8; sums.len()];
        for (means, plane) in scores.chunks_exact_mut(pixels.max(1)).zip(sums.chunks_exact(pixels.max(1))) {
            means.iter_mut().zip(plane).zip(&shares).for_each(|((mean, sum), share)| *mean = rounded(*sum, *share));
        }
        ScoreMap { window: *window, classes: self.classes.clone(), scores, valid }
    }
}

fn add_weights(weights: &mut [u32], across: &[u32], down: u32) {
    weights.iter_mut().zip(across).for_each(|(w, a)| *w += a * down);
}

fn add_scores(sums: &mut [u32], scores: &[u8], across: &[u32], down: u32) {
    sums.iter_mut().zip(scores).zip(across).for_each(|((sum, score), a)| *sum += u32::from(*score) * (a * down));
}

/// The weighted mean to the nearest whole number. At most 4 chips of weight 255² and score 255 meet: sums stay below 2^27,
/// and the three roundings of single precision, the same on every machine, together stay below 1/20000 of a step.
fn rounded(sum: u32, share: f32) -> u8 {
    (sum as i32 as f32 * share + 0.5) as i32 as u8
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
        Blender::new(16, vec![ClassId(1), ClassId(7)])
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
