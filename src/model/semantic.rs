//! Dense models: one score per class and pixel.

use super::session::Session;
use super::{Activation, ChipScores, ChipSpec, Device, ModelCard, ModelError, Output, Segmenter, rounded};
use crate::scheme::{ClassId, Scheme};

/// A dense model: logits or probabilities at 1/stride of the chip's pixels.
pub struct Semantic {
    session: Session,
    card: ModelCard,
    spec: ChipSpec,
    /// Which score each output channel is added to.
    score_of: Vec<usize>,
}

impl Semantic {
    /// Loads the model of a card for the classes of a scheme.
    ///
    /// # Errors
    /// When ONNX Runtime, the device or the network is missing, or the network does not fit its card.
    pub fn open(card: &ModelCard, scheme: &Scheme, device: Device) -> Result<Self, ModelError> {
        let targets = card.targets(scheme)?;
        let mut classes: Vec<ClassId> = targets.clone();
        classes.sort_unstable();
        classes.dedup();
        let place = |id: &ClassId| classes.binary_search(id).expect("every target is among the classes");
        let score_of = targets.iter().map(place).collect();
        let session = Session::open(card, device)?;
        let spec = ChipSpec { channels: card.input.channels.len(), chip_px: card.input.chip_px, classes };
        Ok(Self { session, card: card.clone(), spec, score_of })
    }

    /// The shape that a batch of `n` chips must come out with.
    fn expected_shape(&self, n: usize) -> [i64; 4] {
        let side = i64::from(self.spec.chip_px / self.card.output.stride);
        [n as i64, self.score_of.len() as i64, side, side]
    }
}

impl Segmenter for Semantic {
    fn spec(&self) -> &ChipSpec {
        &self.spec
    }

    fn segment(&mut self, chips: &[f32]) -> Result<Vec<ChipScores>, ModelError> {
        let (side, count) = (self.spec.chip_px as usize, chips.len() / self.spec.tensor_len());
        let path = self.card.network_path();
        let expected = self.expected_shape(count);
        let Self { session, card, spec, score_of } = self;
        let run = session.run([count, spec.channels, side, side], chips)?;
        let tensor = run.tensor()?;
        if tensor.shape != expected {
            let reason =
                format!("output.stride, classes: the card makes {expected:?}, the network gave {:?}", tensor.shape);
            return Err(ModelError::Mismatch { path, reason });
        }
        // An exponent of ones is a number that is not finite; without an early end the loop is a vector one.
        if tensor.values.iter().fold(false, |bad, v| bad | !v.is_finite()) {
            let reason =
                "scores that are not finite (check input.scale, input.mean and input.std of the card)".to_owned();
            return Err(ModelError::Run { path, reason });
        }
        let per_chip = tensor.values.len() / count.max(1);
        Ok(tensor.values.chunks_exact(per_chip.max(1)).map(|chip| scores(chip, &card.output, spec, score_of)).collect())
    }

    fn device(&self) -> String {
        self.session.device.to_string()
    }
}

/// One chip's output, `[channels, side, side]` at 1/stride, as scores of the scheme's classes at full size.
fn scores(values: &[f32], output: &Output, spec: &ChipSpec, score_of: &[usize]) -> ChipScores {
    let side = (spec.chip_px / output.stride) as usize;
    let mut planes = values.to_vec();
    activate(&mut planes, side * side, output.activation);
    // Most cards give each class one channel, in order.
    if !score_of.iter().copied().eq(0..spec.classes.len()) {
        planes = add_up(&planes, side * side, score_of, spec.classes.len());
    }
    let planes = upsample(planes, side, output.stride as usize);
    ChipScores { side_px: spec.chip_px, scores: planes.into_iter().map(|p| rounded(p * 255.0)).collect() }
}

/// Makes probabilities of planar values.
fn activate(planes: &mut [f32], pixels: usize, activation: Activation) {
    match activation {
        Activation::None => planes.iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0)),
        Activation::Sigmoid => planes.iter_mut().for_each(|v| *v = 1.0 / (1.0 + exp(-*v))),
        Activation::Softmax => softmax(planes, pixels),
    }
}

/// Softmax over planes, in strips that stay in the cache.
fn softmax(planes: &mut [f32], pixels: usize) {
    const STRIP: usize = 1024;
    let classes = planes.len() / pixels.max(1);
    let (mut top, mut sum) = ([0.0_f32; STRIP], [0.0_f32; STRIP]);
    for start in (0..pixels).step_by(STRIP) {
        let len = STRIP.min(pixels - start);
        top[..len].copy_from_slice(&planes[start..start + len]);
        for class in 1..classes {
            let plane = &planes[class * pixels + start..][..len];
            top.iter_mut().zip(plane).for_each(|(t, v)| *t = t.max(*v));
        }
        sum[..len].fill(0.0);
        for class in 0..classes {
            let plane = &mut planes[class * pixels + start..][..len];
            for ((v, t), s) in plane.iter_mut().zip(&top).zip(&mut sum) {
                *v = exp(*v - t);
                *s += *v;
            }
        }
        sum[..len].iter_mut().for_each(|s| *s = 1.0 / *s);
        for class in 0..classes {
            let plane = &mut planes[class * pixels + start..][..len];
            plane.iter_mut().zip(&sum).for_each(|(v, s)| *v *= s);
        }
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
fn add_up(planes: &[f32], pixels: usize, score_of: &[usize], classes: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f32; classes * pixels];
    for (channel, &class) in score_of.iter().enumerate() {
        let (from, to) = (&planes[channel * pixels..][..pixels], &mut sums[class * pixels..][..pixels]);
        to.iter_mut().zip(from).for_each(|(t, f)| *t = (*t + f).min(1.0));
    }
    sums
}

/// Bilinear, pixel centres aligned: probabilities are enlarged before anybody takes the largest.
fn upsample(planes: Vec<f32>, side: usize, factor: usize) -> Vec<f32> {
    if factor == 1 {
        return planes;
    }
    let full = side * factor;
    let taps: Vec<(usize, usize, f32)> = (0..full)
        .map(|i| {
            let at = ((i as f32 + 0.5) / factor as f32 - 0.5).clamp(0.0, (side - 1) as f32);
            (at as usize, (at as usize + 1).min(side - 1), at.fract())
        })
        .collect();
    let mut out = Vec::with_capacity(planes.len() * factor * factor);
    for plane in planes.chunks_exact(side * side) {
        for &(upper, lower, down) in &taps {
            let (a, b) = (&plane[upper * side..][..side], &plane[lower * side..][..side]);
            out.extend(taps.iter().map(|&(left, right, across)| {
                let top = a[left] + (a[right] - a[left]) * across;
                let bottom = b[left] + (b[right] - b[left]) * across;
                top + (bottom - top) * down
            }));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_exponential_is_that_of_the_standard_library() {
        for i in -8700..=8800 {
            let x = i as f32 / 100.0;
            let expected = f64::from(x).exp();
            assert!((f64::from(exp(x)) / expected - 1.0).abs() < 1e-6, "{x}");
        }
    }

    #[test]
    fn softmax_adds_up_to_one() {
        let mut planes: Vec<f32> = (0..3 * 2000).map(|i| ((i * 37) % 101) as f32 / 10.0 - 5.0).collect();
        softmax(&mut planes, 2000);
        for p in 0..2000 {
            let sum: f32 = (0..3).map(|c| planes[c * 2000 + p]).sum();
            assert!((sum - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn enlarged_constants_stay_constant_and_ramps_stay_ramps() {
        assert!(upsample(vec![0.25; 9], 3, 4).iter().all(|v| (v - 0.25).abs() < 1e-7));
        let ramp = upsample(vec![0.0, 1.0, 0.0, 1.0], 2, 2);
        assert_eq!(&ramp[..4], &[0.0, 0.25, 0.75, 1.0]);
    }

    #[test]
    fn a_network_segments_and_batches_change_nothing() {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models/threshold.onnx");
        let card = ModelCard::open(&fixture).expect("a fixture");
        let mut model = Semantic::open(&card, &Scheme::city(), Device::Cpu)
            .expect("make setup puts ONNX Runtime into target/onnxruntime");
        assert_eq!(model.spec().classes, [ClassId(1), ClassId(7)]);
        let chip = |v: f32| vec![v; 3 * 64 * 64];
        let both = model.segment(&[chip(0.9), chip(0.1)].concat()).expect("runs");
        assert!(both[0].scores[0] > 200 && both[0].scores[64 * 64] < 55, "bright is building");
        assert!(both[1].scores[0] < 55, "dark is not");
        assert_eq!(model.segment(&chip(0.9)).expect("runs")[0], both[0]);
    }

    #[test]
    fn a_device_that_is_missing_is_an_error() {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models/threshold.onnx");
        let card = ModelCard::open(&fixture).expect("a fixture");
        if Path::new("/dev/nvidia0").exists() {
            return; // here the device is there
        }
        let error = Semantic::open(&card, &Scheme::city(), Device::Cuda(0)).err().expect("no such device").to_string();
        assert!(error.contains("cuda:0"), "{error}");
    }
}
