//! A chip of pixels as a normalized tensor.

use crate::raster::PixelWindow;

/// How 8-bit samples become what a network was trained on: `(sample · scale − mean) / std`, per channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalization {
    /// Multiplies the 8-bit sample first; usually 1/255.
    pub scale: f32,
    /// Subtracted, per channel.
    pub mean: Vec<f32>,
    /// Divides, per channel.
    pub std: Vec<f32>,
}

impl Normalization {
    /// Appends the chip as a `[channels, rows, cols]` tensor; pixels without imagery become the mean, 0.
    ///
    /// The chip must have as many channels as the normalization.
    pub fn append(&self, chip: &PixelWindow, tensors: &mut Vec<f32>) {
        tensors.reserve_exact(chip.samples.len());
        let is_whole = !chip.valid.contains(&0);
        for (channel, samples) in chip.samples.chunks_exact(chip.window.pixels()).enumerate() {
            let gain = self.scale / self.std[channel];
            let offset = -self.mean[channel] / self.std[channel];
            let of = |sample: u8| f32::from(sample) * gain + offset;
            if is_whole {
                tensors.extend(samples.iter().map(|sample| of(*sample)));
            } else {
                // All ones or none, so that the loop has no branch.
                let kept = |sample: u8, valid: u8| of(sample).to_bits() & u32::from(valid != 0).wrapping_neg();
                let pixels = samples.iter().zip(&chip.valid);
                tensors.extend(pixels.map(|(sample, valid)| f32::from_bits(kept(*sample, *valid))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::georef::Window;

    #[test]
    fn a_chip_is_normalized_per_channel_and_voids_are_the_mean() {
        let normalization = Normalization { scale: 1.0 / 255.0, mean: vec![0.5, 0.25], std: vec![0.5, 0.25] };
        let chip = PixelWindow {
            window: Window::new(3, 4, 2, 1),
            channels: 2,
            samples: vec![255, 255, 0, 0],
            valid: vec![1, 0],
        };
        let mut tensor = Vec::new();
        normalization.append(&chip, &mut tensor);
        for (value, expected) in tensor.iter().zip([1.0, 0.0, -1.0, 0.0]) {
            assert!((value - expected).abs() < 1e-6, "{tensor:?}");
        }
    }
}
