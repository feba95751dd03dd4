//! What a network's last layer says, as scores of the scheme's classes: enlarged, weighed, added up, a row at a time.
//!
//! A network of 150 classes at a quarter of the pixels would fill a quarter of a gigabyte at full size; a row fits the cache.

use super::session::Planes;
use super::{Activation, ChipScores, rounded};

/// How output becomes scores.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) side_px: usize,
    pub(super) stride: usize,
    pub(super) activation: Activation,
    /// Below it a class does not count.
    pub(super) threshold: Option<f32>,
    /// Which score each class of the model is added to; none where it is left out.
    pub(super) score_of: Vec<Option<usize>>,
    pub(super) scores: usize,
}

impl Head {
    /// The scores of a chip, rounded.
    pub(super) fn scores(&self, output: &Planes<'_>) -> ChipScores {
        let (side, pixels) = (self.side_px, self.side_px * self.side_px);
        if self.are_scores(output) {
            let scores = output.values.iter().map(|p| rounded(p.clamp(0.0, 1.0) * 255.0)).collect();
            return ChipScores { side_px: side as u32, scores };
        }
        let mut scores = vec![0_u8; self.scores * pixels];
        self.each_row(output, |row, probabilities| {
            for (class, from) in probabilities.chunks_exact(side).enumerate() {
                let to = &mut scores[class * pixels + row * side..][..side];
                to.iter_mut().zip(from).for_each(|(s, p)| *s = rounded(p * 255.0));
            }
        });
        ChipScores { side_px: side as u32, scores }
    }

    /// Whether nothing is to be done but to round: probabilities of each pixel and class, in the order of the scores.
    fn are_scores(&self, output: &Planes<'_>) -> bool {
        let in_order = self.score_of.iter().copied().eq((0..self.scores).map(Some));
        let is_done = self.activation == Activation::None && self.threshold.is_none() && self.stride == 1;
        is_done && in_order && output.channels == self.scores
    }

    /// Hands on each row, `[scores, side]` probabilities. Logits are enlarged before they are weighed, as in training.
    pub(super) fn each_row(&self, output: &Planes<'_>, mut give: impl FnMut(usize, &[f32])) {
        let side = self.side_px;
        let is_binary = output.channels == 1 && self.score_of.len() == 2;
        let in_use = |channel: &usize| is_binary || self.score_of[*channel].is_some();
        let channels: Vec<usize> = (0..output.channels).filter(in_use).collect();
        let targets: Vec<Option<usize>> =
            self.score_of.iter().copied().filter(|score| is_binary || score.is_some()).collect();
        // Most cards give each class one channel, in order.
        let is_plain = targets.iter().copied().eq((0..self.scores).map(Some));
        let enlarge = Enlarge::new(output.cols, self.stride);
        let mut values = vec![0.0_f32; targets.len() * side];
        let mut sums = vec![0.0_f32; if is_plain { 0 } else { self.scores * side }];
        let mut spare = vec![0.0_f32; 2 * side];
        for row in 0..side {
            let seen = &mut values[..channels.len() * side];
            for (to, channel) in seen.chunks_exact_mut(side).zip(&channels) {
                let plane = &output.values[channel * output.rows * output.cols..][..output.rows * output.cols];
                enlarge.row(plane, row, to);
            }
            activate(seen, side, self.activation, &mut spare);
            if is_binary {
                tell_apart(&mut values, side, self.threshold.unwrap_or(0.5));
            } else if let Some(threshold) = self.threshold {
                drop_below(&mut values, side, threshold);
            }
            if is_plain {
                give(row, &values);
            } else {
                add_up(&values, side, &targets, &mut sums);
                give(row, &sums);
            }
        }
    }
}

/// Makes the probabilities of "not" and "is" from that of "is", bent so that the threshold lies at one half.
fn tell_apart(values: &mut [f32], side: usize, threshold: f32) {
    let (not, is) = values.split_at_mut(side);
    for (not, is) in not.iter_mut().zip(is) {
        let p = *not;
        *is = if p < threshold { 0.5 * p / threshold } else { 1.0 - 0.5 * (1.0 - p) / (1.0 - threshold) };
        *not = 1.0 - *is;
    }
}

/// Classes below the threshold do not count; where none counts, the first does.
fn drop_below(values: &mut [f32], side: usize, threshold: f32) {
    for col in 0..side {
        let (mut any, mut most) = (false, 0.0_f32);
        for at in (col..values.len()).step_by(side) {
            if at >= side {
                most = most.max(values[at]);
            }
            any |= values[at] >= threshold;
            values[at] = if values[at] >= threshold { values[at] } else { 0.0 };
        }
        if !any {
            values[col] = 1.0 - most;
        }
    }
}

/// Makes probabilities of planar values; `spare` is room for two planes.
fn activate(planes: &mut [f32], pixels: usize, activation: Activation, spare: &mut [f32]) {
    match activation {
        Activation::None => planes.iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0)),
        Activation::Sigmoid => planes.iter_mut().for_each(|v| *v = 1.0 / (1.0 + exp(-*v))),
        Activation::Softmax => softmax(planes, pixels, spare),
    }
}

/// Softmax over planes; one division per pixel.
fn softmax(planes: &mut [f32], pixels: usize, spare: &mut [f32]) {
    let (top, sum) = spare.split_at_mut(pixels);
    top.copy_from_slice(&planes[..pixels]);
    for plane in planes.chunks_exact(pixels).skip(1) {
        top.iter_mut().zip(plane).for_each(|(t, v)| *t = t.max(*v));
    }
    sum.fill(0.0);
    for plane in planes.chunks_exact_mut(pixels) {
        for ((v, t), s) in plane.iter_mut().zip(&*top).zip(&mut *sum) {
            *v = exp(*v - t);
            *s += *v;
        }
    }
    sum.iter_mut().for_each(|s| *s = 1.0 / *s);
    for plane in planes.chunks_exact_mut(pixels) {
        plane.iter_mut().zip(&*sum).for_each(|(v, s)| *v *= s);
    }
}

/// e^x to 2e-7, without a call, so that the compiler makes vectors of it and every machine gets the same bits.
///
/// 2^(x·log2 e) split at the nearest whole number; the rest by the Taylor polynomial of degree 6 (|r| ≤ ln 2 / 2).
#[inline]
fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    let whole = (x * std::f32::consts::LOG2_E + 12_582_912.0) - 12_582_912.0; // adds and takes away 1.5·2^23: rounds
    let r = x - whole * 0.693_359_4 + whole * 2.121_944_4e-4; // ln 2 in two parts (Cody and Waite 1980)
    let p = 1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * (1.0 / 120.0 + r / 720.0)))));
    p * f32::from_bits((((whole as i32) + 127) << 23) as u32)
}

/// Adds the planes that count for the same class.
fn add_up(planes: &[f32], pixels: usize, score_of: &[Option<usize>], sums: &mut [f32]) {
    sums.fill(0.0);
    for (from, score) in planes.chunks_exact(pixels).zip(score_of) {
        let Some(score) = score else { continue };
        let to = &mut sums[score * pixels..][..pixels];
        to.iter_mut().zip(from).for_each(|(t, f)| *t = (*t + f).min(1.0));
    }
}

/// Bilinear, pixel centres aligned (`align_corners=False` of `PyTorch`).
pub(super) struct Enlarge {
    side: usize,
    /// Two neighbours and how far from the first to the second, per pixel of an axis.
    taps: Vec<(usize, usize, f32)>,
}

impl Enlarge {
    fn new(side: usize, factor: usize) -> Self {
        Self::to(side, side * factor)
    }

    /// From a side to another, larger or smaller.
    pub(super) fn to(side: usize, larger: usize) -> Self {
        let factor = larger as f32 / side as f32;
        let tap = |i: usize| {
            let at = ((i as f32 + 0.5) / factor - 0.5).clamp(0.0, (side - 1) as f32);
            (at as usize, (at as usize + 1).min(side - 1), at.fract())
        };
        Self { side, taps: (0..larger).map(tap).collect() }
    }

    /// A whole square.
    pub(super) fn plane(&self, plane: &[f32]) -> Vec<f32> {
        let side = self.taps.len();
        let mut out = vec![0.0; side * side];
        out.chunks_exact_mut(side).enumerate().for_each(|(row, line)| self.row(plane, row, line));
        out
    }

    pub(super) fn row(&self, plane: &[f32], row: usize, to: &mut [f32]) {
        if self.taps.len() == self.side {
            to.copy_from_slice(&plane[row * self.side..][..self.side]);
            return;
        }
        let (upper, lower, down) = self.taps[row];
        let (a, b) = (&plane[upper * self.side..][..self.side], &plane[lower * self.side..][..self.side]);
        for (value, &(left, right, across)) in to.iter_mut().zip(&self.taps) {
            let top = a[left] + (a[right] - a[left]) * across;
            let bottom = b[left] + (b[right] - b[left]) * across;
            *value = top + (bottom - top) * down;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(activation: Activation, threshold: Option<f32>, classes: usize) -> Head {
        let score_of = (0..classes).map(Some).collect();
        Head { side_px: 2, stride: 1, activation, threshold, score_of, scores: classes }
    }

    fn first_pixel(head: &Head, values: &[f32]) -> Vec<f32> {
        let values: Vec<f32> = values.iter().flat_map(|v| [*v; 4]).collect();
        let output = Planes { channels: values.len() / 4, rows: 2, cols: 2, values: values.into() };
        let mut out = Vec::new();
        head.each_row(&output, |row, p| {
            if row == 0 {
                out = p.iter().step_by(2).copied().collect();
            }
        });
        out
    }

    #[test]
    fn the_exponential_is_that_of_the_standard_library() {
        for i in -8700..=8800 {
            let x = i as f32 / 100.0;
            let expected = f64::from(x).exp();
            assert!((f64::from(exp(x)) / expected - 1.0).abs() < 1e-6, "{x}");
        }
    }

    #[test]
    fn what_is_only_rounded_is_what_the_rows_say() {
        let plain = head(Activation::None, None, 3);
        let values: Vec<f32> = (0..12).map(|i| i as f32 / 10.0 - 0.005).collect();
        let output = Planes { channels: 3, rows: 2, cols: 2, values: values.into() };
        assert!(plain.are_scores(&output));
        let mut by_rows = vec![0; 12];
        plain.each_row(&output, |row, p| {
            p.iter().enumerate().for_each(|(i, p)| by_rows[i / 2 * 4 + row * 2 + i % 2] = rounded(p * 255.0));
        });
        assert_eq!(plain.scores(&output).scores, by_rows);
        let turned = Head { score_of: vec![Some(1), Some(0), Some(2)], ..plain };
        assert!(!turned.are_scores(&output));
    }

    #[test]
    fn softmax_adds_up_to_one() {
        let mut planes: Vec<f32> = (0..3 * 2000).map(|i| ((i * 37) % 101) as f32 / 10.0 - 5.0).collect();
        softmax(&mut planes, 2000, &mut [0.0; 4000]);
        for p in 0..2000 {
            let sum: f32 = (0..3).map(|c| planes[c * 2000 + p]).sum();
            assert!((sum - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn enlarged_constants_stay_constant_and_ramps_stay_ramps() {
        let mut row = vec![0.0; 12];
        Enlarge::new(3, 4).row(&[0.25; 9], 5, &mut row);
        assert!(row.iter().all(|v| (v - 0.25).abs() < 1e-7));
        let mut row = vec![0.0; 4];
        Enlarge::new(2, 2).row(&[0.0, 1.0, 0.0, 1.0], 0, &mut row);
        assert_eq!(row, [0.0, 0.25, 0.75, 1.0]);
    }

    #[test]
    fn a_single_channel_tells_two_classes_and_turns_at_its_threshold() {
        let head = head(Activation::None, Some(0.8), 2);
        for (p, is) in [(0.0, 0.0), (0.4, 0.25), (0.8, 0.5), (0.9, 0.75), (1.0, 1.0)] {
            let scores = first_pixel(&head, &[p]);
            assert!((scores[1] - is).abs() < 1e-6 && (scores[0] - (1.0 - is)).abs() < 1e-6, "{p}: {scores:?}");
        }
    }

    #[test]
    fn below_the_threshold_the_first_class_counts() {
        let head = head(Activation::None, Some(0.6), 3);
        assert_eq!(first_pixel(&head, &[0.1, 0.7, 0.2]), [0.0, 0.7, 0.0]);
        assert_eq!(first_pixel(&head, &[0.25, 0.5, 0.25]), [0.5, 0.0, 0.0]);
    }

    #[test]
    fn classes_that_are_left_out_take_no_share() {
        let masked = Head { score_of: vec![None, Some(0), Some(1)], scores: 2, ..head(Activation::Softmax, None, 2) };
        let scores = first_pixel(&masked, &[50.0, 1.0, 1.0]);
        assert!(scores.iter().all(|s| (s - 0.5).abs() < 1e-6), "{scores:?}");
    }

    #[test]
    fn a_hundred_and_fifty_classes_are_added_up_before_anything_is_kept() {
        let score_of = (0..150).map(|c| Some(c % 5)).collect();
        let head =
            Head { side_px: 512, stride: 4, activation: Activation::Softmax, threshold: None, score_of, scores: 5 };
        let values: Vec<f32> = (0..150 * 128 * 128).map(|i| ((i * 31) % 97) as f32 / 10.0).collect();
        let start = std::time::Instant::now();
        let scores = head.scores(&Planes { channels: 150, rows: 128, cols: 128, values: values.into() });
        eprintln!("150 classes, 512 px: {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
        assert_eq!(scores.scores.len(), 5 * 512 * 512, "five planes, not 150");
        let sum: u32 = (0..5).map(|c| u32::from(scores.scores[c * 512 * 512 + 777])).sum();
        assert!((253..=257).contains(&sum), "{sum}");
    }
}
