//! Clean-up of labels: majority, then a sieve in rising steps. Each pixel depends on a bounded neighbourhood only, so
//! that blocks cleaned with their halo agree to the bit, however the mosaic is cut.

use serde::{Deserialize, Serialize};

use super::boundary::decide_borders;
use super::sieve::{SieveStep, sieve};
use super::{LabelMap, PaintedMap, Plane, ScoreMap};
use crate::georef::Window;

/// Half the width of the widest band along borders: wider ones would blur more than borders.
const MAX_BOUNDARY_PX: f64 = 64.0;

/// The widest band in metres, of coarse pixels.
const MAX_BOUNDARY_M: f64 = 100.0;

/// More rounds than change anything.
const MAX_ROUNDS: u32 = 64;

/// The largest side of a block with what is around it, whose scores are held in memory: a block of 8192 and 1024 around it.
const MAX_SIDE_PX: u32 = 8192 + 2 * 1024;

/// How labels are cleaned.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CleanOptions {
    /// Rounds of a 3 × 3 majority.
    pub majority_rounds: u32,
    /// Patches and holes below this area on the ground take the class around them; 0 keeps all.
    pub min_area_m2: f64,
    /// Within this width along borders, each pixel is decided again by the scores of all around it; 0 leaves them.
    pub boundary_m: f64,
}

impl Default for CleanOptions {
    fn default() -> Self {
        Self { majority_rounds: 1, min_area_m2: 10.0, boundary_m: 0.0 }
    }
}

impl CleanOptions {
    /// That labels can be cleaned so, with pixels of an area, in blocks of a side.
    ///
    /// # Errors
    /// What is accepted, where they cannot.
    pub fn check(&self, pixel_area_m2: f64, block_px: u32) -> Result<(), String> {
        let rules = [
            (
                self.majority_rounds <= MAX_ROUNDS,
                format!("majority_rounds = {}: 0 to {MAX_ROUNDS} are accepted", self.majority_rounds),
            ),
            (
                self.min_area_m2 >= 0.0 && self.min_area_m2.is_finite(),
                format!("min_area_m2 = {}: 0 or more is accepted", self.min_area_m2),
            ),
            (
                (0.0..=MAX_BOUNDARY_M).contains(&self.boundary_m),
                format!("boundary_m = {}: 0 to {MAX_BOUNDARY_M} are accepted", self.boundary_m),
            ),
        ];
        if let Some((_, rule)) = rules.into_iter().find(|(holds, _)| !holds) {
            return Err(rule);
        }
        let (halo_px, most_px) = (self.halo_px(pixel_area_m2), MAX_SIDE_PX.saturating_sub(block_px) / 2);
        if halo_px <= most_px {
            return Ok(());
        }
        // A patch reaches as far as its sides are long: the area goes with the square.
        let most = self.min_area_m2 * (f64::from(most_px) / f64::from(halo_px)).powi(2);
        let (area, side_m) = (self.min_area_m2, pixel_area_m2.sqrt());
        Err(format!(
            "min_area_m2 = {area}: up to about {most:.0} is accepted with pixels of {side_m:.2} m in blocks of {block_px} px"
        ))
    }

    /// The pixels around a block that its clean-up looks at.
    #[must_use]
    pub fn halo_px(&self, pixel_area_m2: f64) -> u32 {
        let sieves = self.steps(pixel_area_m2).iter().map(|s| s.reach_px()).sum::<u32>();
        self.boundary_reach_px(pixel_area_m2) + self.majority_rounds + sieves
    }

    /// Half the width of the band along borders, in whole pixels.
    fn boundary_reach_px(&self, pixel_area_m2: f64) -> u32 {
        (self.boundary_m / 2.0 / pixel_area_m2.sqrt()).round().clamp(0.0, MAX_BOUNDARY_PX) as u32
    }

    /// Rising thresholds: a sieve that starts at the largest would leave small patches among small patches alone.
    fn steps(&self, pixel_area_m2: f64) -> Vec<SieveStep> {
        let pixels = self.min_area_m2 / pixel_area_m2;
        let steps = [16.0, 4.0, 1.0].map(|part| SieveStep::new((pixels / part).ceil() as u32));
        steps.into_iter().filter(|step| step.min_px > 1).collect()
    }
}

/// The cleaned labels of `block`, from scores that cover it and its halo.
///
/// Patches are 4-connected. A patch below the area whose bounding box is not long takes the most frequent class along its
/// border; a path as long as four times the side of a square of that area is kept. Pixels without imagery stay without.
#[must_use]
pub fn clean(scores: &ScoreMap, block: &Window, options: &CleanOptions, pixel_area_m2: f64) -> LabelMap {
    let mut planes = scores.best();
    decide_borders(scores, &mut planes, options.boundary_reach_px(pixel_area_m2) as usize);
    smoothed(&mut planes, &scores.window, options, pixel_area_m2);
    scores.labelled(&planes, block)
}

/// The cleaned labels of `block`, from masks painted over it and its halo: as [`clean`], each object for itself. What is
/// too small takes the class and the number of what is around. There are no scores to decide borders by.
#[must_use]
pub fn clean_painted(painted: &PaintedMap, block: &Window, options: &CleanOptions, pixel_area_m2: f64) -> LabelMap {
    let mut labels = painted.labels.clone();
    smoothed(&mut labels, &painted.window, options, pixel_area_m2);
    painted.labelled(&labels, block)
}

fn smoothed<P: Plane>(planes: &mut Vec<P>, window: &Window, options: &CleanOptions, pixel_area_m2: f64) {
    let (cols, rows) = (window.cols as usize, window.rows as usize);
    for _ in 0..options.majority_rounds {
        *planes = majority(planes, cols, rows);
    }
    sieve(planes, cols, &options.steps(pixel_area_m2));
}

/// The most frequent plane of each 3 × 3 neighbourhood; a pixel keeps its own unless another has more votes.
fn majority<P: Plane>(planes: &[P], cols: usize, rows: usize) -> Vec<P> {
    const STEP: usize = 32;
    let mut out = planes.to_vec();
    if cols < 3 || rows < 3 {
        return out;
    }
    let mut alike = vec![0_u8; cols - 2];
    for row in 1..rows - 1 {
        let around: [&[P]; 8] = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2)]
            .map(|(down, across)| &planes[(row - 1 + down) * cols + across..][..cols - 2]);
        let here = &planes[row * cols + 1..][..cols - 2];
        alike.fill(0);
        for beside in around {
            alike.iter_mut().zip(here.iter().zip(beside)).for_each(|(n, (own, other))| *n += u8::from(own == other));
        }
        // Most neighbourhoods are of one class: those are passed over by the dozen.
        for (few, first) in alike.chunks(STEP).zip((0..).step_by(STEP)) {
            if few.iter().fold(u8::MAX, |least, n| least.min(*n)) >= 4 {
                continue;
            }
            for at in (first..first + few.len()).filter(|at| alike[*at] < 4 && here[*at] != P::NONE) {
                out[row * cols + 1 + at] = vote(here[at], &around.map(|beside| beside[at]));
            }
        }
    }
    out
}

/// The winner of nine votes, ties to the own plane, then to the lowest.
fn vote<P: Plane>(own: P, around: &[P; 8]) -> P {
    let mut votes = [0_u8; 8];
    for other in around {
        votes.iter_mut().zip(around).for_each(|(n, plane)| *n += u8::from(plane == other));
    }
    let own_votes = 1 + around.iter().map(|plane| u8::from(*plane == own)).sum::<u8>();
    let (mut most, mut winner) = (own_votes, own);
    for (votes, plane) in votes.into_iter().zip(*around) {
        let is_lower = votes == most && winner != own && plane < winner;
        let wins = (votes > most || is_lower) && plane != P::NONE && plane != own;
        (most, winner) = if wins { (votes, plane) } else { (most, winner) };
    }
    winner
}

#[cfg(test)]
mod tests {
    use super::super::NO_PLANE;
    use super::*;
    use crate::scheme::ClassId;
    use proptest::prelude::*;

    /// Scores that are certain of the given planes.
    fn certain(window: Window, planes: &[u8]) -> ScoreMap {
        let classes = vec![ClassId(1), ClassId(2), ClassId(3)];
        let scores = (0..3_u8).flat_map(|c| planes.iter().map(move |p| if *p == c { 200 } else { 20 })).collect();
        ScoreMap { window, classes, scores, valid: planes.iter().map(|p| u8::from(*p != NO_PLANE)).collect() }
    }

    fn cut(scores: &ScoreMap, window: &Window) -> ScoreMap {
        let rows = |plane: &[u8]| -> Vec<u8> {
            (window.row..window.end_row())
                .flat_map(|r| plane[scores.window.index(window.col, r)..][..window.cols as usize].to_vec())
                .collect()
        };
        let planes = scores.scores.chunks_exact(scores.window.pixels());
        ScoreMap {
            window: *window,
            classes: scores.classes.clone(),
            scores: planes.flat_map(rows).collect(),
            valid: rows(&scores.valid),
        }
    }

    #[test]
    fn specks_go_and_long_paths_stay() {
        let window = Window::new(0, 0, 60, 40);
        let mut planes = vec![0_u8; window.pixels()];
        for col in 5..50 {
            planes[20 * 60 + col] = 1; // a path, 45 pixels, one wide
        }
        for (col, row) in [(10, 5), (11, 5), (10, 6), (11, 6)] {
            planes[row * 60 + col] = 2; // a speck of 4 pixels
        }
        let options = CleanOptions { majority_rounds: 0, min_area_m2: 50.0, boundary_m: 0.0 };
        let labels = clean(&certain(window, &planes), &window, &options, 1.0);
        assert_eq!(labels.classes.iter().filter(|c| **c == 2).count(), 45);
        assert_eq!(labels.classes.iter().filter(|c| **c == 3).count(), 0);
        assert_eq!(labels.confidence[5 * 60 + 10], 20, "the confidence is that of the class it took");
    }

    #[test]
    fn the_most_votes_win_and_equals_fall_to_the_own_plane_then_to_the_lowest() {
        let none = NO_PLANE;
        let cases = [
            ((1, [1, 1, 1, 1, 2, 2, 2, 2]), 1),
            ((1, [1, 1, 1, 2, 2, 2, 2, 0]), 1),
            ((1, [1, 1, 3, 2, 2, 2, 2, 0]), 2),
            ((5, [3, 3, 2, 2, 4, 4, 1, 0]), 2),
            ((5, [3, 2, 4, 1, 0, 6, 7, 8]), 5),
            ((5, [none, none, none, none, none, none, 4, 4]), 4),
            ((5, [none; 8]), 5),
        ];
        for ((own, around), winner) in cases {
            assert_eq!(vote(own, &around), winner, "{own} in {around:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn a_block_with_its_halo_is_cleaned_like_the_whole(
            seed in any::<u64>(), smooth in 1usize..5, min_area_m2 in 2.0..20.0, rounds in 0u32..3, boundary_m in 0.0..9.0,
        ) {
            let window = Window::new(-4, 3, 120, 110);
            let noise = |i: usize| {
                let cell = (i % 120 / smooth) as u64 * 7919 + (i / 120 / smooth) as u64 * 104_729;
                let hash = (cell ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33;
                if hash.is_multiple_of(23) { NO_PLANE } else { (hash % 3) as u8 }
            };
            let planes: Vec<u8> = (0..window.pixels()).map(noise).collect();
            let scores = certain(window, &planes);
            let options = CleanOptions { majority_rounds: rounds, min_area_m2, boundary_m };
            let whole = clean(&scores, &window, &options, 1.0);
            let halo = options.halo_px(1.0);
            let block = Window::new(41, 44, 31, 29);
            prop_assume!(window.contains(&block.expanded(halo)));
            let part = clean(&cut(&scores, &block.expanded(halo)), &block, &options, 1.0);
            for row in block.row..block.end_row() {
                let (a, b) = (window.index(block.col, row), block.index(block.col, row));
                prop_assert_eq!(&whole.classes[a..a + 31], &part.classes[b..b + 31]);
                prop_assert_eq!(&whole.confidence[a..a + 31], &part.confidence[b..b + 31]);
            }
        }
    }
}
