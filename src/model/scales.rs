//! A chip seen at several scales, and the mean of what is seen.

use std::f64::consts::PI;

use super::head::Enlarge;
use super::{ChipScores, ChipSpec, ModelError, Segmenter, rounded};

/// A segmenter that looks at each chip three times: as it is; made smaller by a quarter, with its mirror image around it;
/// and made larger by half, in four parts that overlap. A network takes chips of one side only, and what lies beyond a chip
/// is not its to see: so scores still depend on the chip alone. They are added in whole numbers.
pub struct Scaled {
    inner: Box<dyn Segmenter>,
}

/// Runs of the network for a chip.
pub(super) const RUNS: u32 = 6;

impl Scaled {
    /// Looks through a segmenter at several scales.
    #[must_use]
    pub fn new(inner: Box<dyn Segmenter>) -> Self {
        Self { inner }
    }

    fn side(&self) -> usize {
        self.spec().chip_px as usize
    }

    /// What is seen of chips at three quarters of their size.
    fn smaller(&mut self, chips: &[f32]) -> Result<Vec<Vec<u8>>, ModelError> {
        let side = self.side();
        let part = (side * 3 / 4).max(1);
        let margin = (side - part) / 2;
        let (shrink, enlarge) = (Enlarge::to(side, part), Enlarge::to(part, side));
        let mirrored: Vec<usize> = (0..side).map(|at| mirror(at as isize - margin as isize, part)).collect();
        let mut seen = Vec::with_capacity(chips.len());
        for plane in chips.chunks_exact(side * side) {
            let small = shrink.plane(plane);
            for row in &mirrored {
                seen.extend(mirrored.iter().map(|col| small[row * part + col]));
            }
        }
        let of_chip = |scores: ChipScores| {
            let planes = scores.scores.chunks_exact(side * side);
            planes.flat_map(|plane| bytes(&enlarge.plane(&cut(plane, side, [margin; 2], part)))).collect()
        };
        Ok(self.inner.segment(&seen)?.into_iter().map(of_chip).collect())
    }

    /// What is seen of chips at three halves of their size.
    fn larger(&mut self, chips: &[f32]) -> Result<Vec<Vec<u8>>, ModelError> {
        let side = self.side();
        let part = (side * 2).div_ceil(3);
        let (enlarge, shrink) = (Enlarge::to(part, side), Enlarge::to(side, part));
        let ends = [0, side - part];
        let fade = fade(part);
        let spec = self.spec().clone();
        let mut sums = vec![vec![0_u32; spec.planes() * side * side]; chips.len() / spec.tensor_len()];
        let mut weights = vec![0_u32; side * side];
        for start in ends.into_iter().flat_map(|top| ends.map(|left| [top, left])) {
            let planes = chips.chunks_exact(side * side);
            let seen: Vec<f32> = planes.flat_map(|plane| enlarge.plane(&cut(plane, side, start, part))).collect();
            let at = |i: usize| (start[0] + i / part) * side + start[1] + i % part;
            let weight = |i: usize| fade[i / part] * fade[i % part];
            (0..part * part).for_each(|i| weights[at(i)] += weight(i));
            for (sums, scores) in sums.iter_mut().zip(self.inner.segment(&seen)?) {
                let of_classes = sums.chunks_exact_mut(side * side).zip(scores.scores.chunks_exact(side * side));
                for (sums, plane) in of_classes {
                    let plane: Vec<f32> = plane.iter().map(|score| f32::from(*score)).collect();
                    let small = bytes(&shrink.plane(&plane));
                    small.iter().enumerate().for_each(|(i, score)| sums[at(i)] += weight(i) * u32::from(*score));
                }
            }
        }
        let mean = |(i, sum): (usize, u32)| {
            let weight = weights[i % (side * side)];
            ((sum + weight / 2) / weight) as u8
        };
        Ok(sums.into_iter().map(|sums| sums.into_iter().enumerate().map(mean).collect()).collect())
    }
}

impl Segmenter for Scaled {
    fn spec(&self) -> &ChipSpec {
        self.inner.spec()
    }

    fn segment(&mut self, chips: &[f32]) -> Result<Vec<ChipScores>, ModelError> {
        let (smaller, larger) = (self.smaller(chips)?, self.larger(chips)?);
        let mut of_chips = self.inner.segment(chips)?;
        for (chip, (smaller, larger)) in of_chips.iter_mut().zip(smaller.iter().zip(&larger)) {
            for (score, (small, large)) in chip.scores.iter_mut().zip(smaller.iter().zip(larger)) {
                *score = ((u16::from(*score) + u16::from(*small) + u16::from(*large) + 1) / 3) as u8;
            }
        }
        Ok(of_chips)
    }

    fn device(&self) -> String {
        self.inner.device()
    }
}

/// A place beyond the ends of a line, seen in the mirrors that stand there.
fn mirror(at: isize, len: usize) -> usize {
    let period = 2 * len as isize;
    let at = at.rem_euclid(period);
    if at < len as isize { at as usize } else { (period - 1 - at) as usize }
}

/// A square of a plane.
fn cut<T: Copy + Into<f32>>(plane: &[T], side: usize, [top, left]: [usize; 2], part: usize) -> Vec<f32> {
    (top..top + part).flat_map(|row| plane[row * side + left..][..part].iter().map(|v| (*v).into())).collect()
}

fn bytes(scores: &[f32]) -> Vec<u8> {
    scores.iter().map(|score| rounded(*score)).collect()
}

/// A window function that fades towards the ends, 1 to 255: that of chips, see `label::Blender`.
fn fade(len: usize) -> Vec<u32> {
    let hann = |k: usize| (PI * (k as f64 + 0.5) / len as f64).sin().powi(2);
    (0..len).map(|k| ((255.0 * hann(k)).round() as u32).max(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme::ClassId;

    const SIDE: usize = 48;

    /// Of the first class the brightness, of the second what is left; counts its runs.
    struct Bright(ChipSpec, std::sync::Arc<std::sync::atomic::AtomicU32>);

    impl Segmenter for Bright {
        fn spec(&self) -> &ChipSpec {
            &self.0
        }

        fn segment(&mut self, chips: &[f32]) -> Result<Vec<ChipScores>, ModelError> {
            let of_chip = |chip: &[f32]| {
                let bright = bytes(&chip.iter().map(|v| v * 255.0).collect::<Vec<f32>>());
                let scores = bright.iter().copied().chain(bright.iter().map(|b| 255 - b)).collect();
                ChipScores { side_px: SIDE as u32, scores }
            };
            let chips = chips.chunks_exact(SIDE * SIDE);
            self.1.fetch_add(chips.len() as u32, std::sync::atomic::Ordering::Relaxed);
            Ok(chips.map(of_chip).collect())
        }

        fn device(&self) -> String {
            "cpu".to_owned()
        }
    }

    fn seen(chip: &[f32]) -> (Vec<u8>, u32) {
        let spec =
            ChipSpec { channels: 1, chip_px: SIDE as u32, classes: vec![ClassId(1), ClassId(7)], unknown: false };
        let runs = std::sync::Arc::default();
        let mut scaled = Scaled::new(Box::new(Bright(spec, std::sync::Arc::clone(&runs))));
        let scores = scaled.segment(chip).expect("runs").remove(0).scores;
        (scores, runs.load(std::sync::atomic::Ordering::Relaxed))
    }

    #[test]
    fn what_all_scales_agree_on_stays() {
        let (scores, runs) = seen(&[0.4; SIDE * SIDE]);
        assert!(scores[..SIDE * SIDE].iter().all(|s| *s == 102) && scores[SIDE * SIDE..].iter().all(|s| *s == 153));
        assert_eq!(runs, RUNS);
    }

    #[test]
    fn every_scale_puts_things_where_they_are() {
        // A slope: every pixel is told by its place, and resampling changes nothing but at the ends.
        let slope = |i: usize| 0.2 + 0.5 * (i % SIDE) as f32 / SIDE as f32 + 0.2 * (i / SIDE) as f32 / SIDE as f32;
        let chip: Vec<f32> = (0..SIDE * SIDE).map(slope).collect();
        let (scores, _) = seen(&chip);
        for (i, v) in chip.iter().enumerate() {
            let far = (f32::from(scores[i]) - v * 255.0).abs();
            let inside = [i / SIDE, i % SIDE].iter().all(|at| (2..SIDE - 2).contains(at));
            assert!(far < if inside { 1.6 } else { 4.0 }, "{i}: {far}");
        }
    }

    #[test]
    fn small_things_are_less_sure() {
        let chip: Vec<f32> = (0..SIDE * SIDE).map(|i| if i % 5 == 0 { 0.9 } else { 0.1 }).collect();
        let (scores, _) = seen(&chip);
        let plain = 230;
        let lines = (0..SIDE * SIDE).filter(|i| i % 5 == 0 && (8..40).contains(&(i / SIDE)));
        assert!(lines.clone().all(|i| scores[i] < plain) && lines.count() > 100);
    }

    #[test]
    fn mirrors_stand_at_both_ends() {
        let seen: Vec<usize> = (-3..7).map(|at| mirror(at, 4)).collect();
        assert_eq!(seen, [2, 1, 0, 0, 1, 2, 3, 3, 2, 1]);
    }
}
