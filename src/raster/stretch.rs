//! Samples beyond 8 bits to bytes.

use gdal::Dataset;
use gdal::errors::GdalError;

use super::layout::sample;
use super::{Channel, RasterError, Scene, Validity, open};

/// The range of each channel that becomes 0..=255: the 2nd to the 98th percentile of a fixed sample of all scenes of a
/// mosaic that need it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stretch([(f32, f32); 4]);

impl Stretch {
    /// Looks at the scenes whose samples do not fit a byte.
    pub(super) fn of_scenes(scenes: &[Scene]) -> Result<Self, RasterError> {
        let mut samples: [Vec<f32>; 4] = Default::default();
        for scene in scenes.iter().filter(|s| s.deep) {
            let dataset = open::open(&scene.path)?;
            collect(scene, &dataset, &mut samples).map_err(|e| RasterError::read(&scene.path, scene.window(), &e))?;
        }
        Ok(Self(samples.map(|mut values| range(&mut values))))
    }

    /// The range of a channel.
    pub(super) fn of(&self, channel: Channel) -> (f32, f32) {
        self.0[channel as usize]
    }

    /// A sample in a range as a byte.
    pub(super) fn byte(value: f32, (low, high): (f32, f32)) -> u8 {
        ((value - low) / (high - low) * 255.0).round() as u8 // saturates; not a number is 0
    }

    /// The bits, for the fingerprint.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|(low, high)| [low.to_le_bytes(), high.to_le_bytes()]).flatten().collect()
    }
}

fn collect(scene: &Scene, dataset: &Dataset, samples: &mut [Vec<f32>; 4]) -> Result<(), GdalError> {
    let empty = match scene.validity {
        Validity::NoData(value) => value as f32,
        _ => 0.0, // collars are black
    };
    for channel in [Channel::Red, Channel::Green, Channel::Blue, Channel::NearInfrared] {
        if let Some(number) = scene.band_of(channel) {
            let values = sample(&dataset.rasterband(number)?)?;
            samples[channel as usize].extend(values.into_iter().filter(|v| v.is_finite() && (v - empty).abs() > 0.0));
        }
    }
    Ok(())
}

/// The 2nd and 98th percentile; 0..255 of nothing, one wide where all are the same.
fn range(values: &mut [f32]) -> (f32, f32) {
    if values.is_empty() {
        return (0.0, 255.0);
    }
    values.sort_by(f32::total_cmp);
    let at = |percent: usize| values[(values.len() - 1) * percent / 100];
    let (low, high) = (at(2), at(98));
    if high > low { (low, high) } else { (low, low + 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outliers_do_not_darken_the_picture() {
        let mut values: Vec<f32> = (0..1000u16).map(f32::from).collect();
        values[999] = 60_000.0;
        let range = range(&mut values);
        assert_eq!((Stretch::byte(0.0, range), Stretch::byte(60_000.0, range)), (0, 255));
        assert_eq!(Stretch::byte(499.5, range), 128);
    }

    #[test]
    fn one_value_and_none_have_a_range() {
        assert_eq!(range(&mut []), (0.0, 255.0));
        assert_eq!(range(&mut [7.0, 7.0]), (7.0, 8.0));
    }
}
