//! How samples become bytes.

use std::collections::BTreeMap;
use std::fmt;

use super::survey::Survey;
use super::{Channel, RasterError, Scene};

/// Samples of each channel that are looked at, over all scenes.
const MAX_SAMPLES: usize = 4 << 20;
/// The full scales that writers of real numbers use: reflectance, percent, and bytes kept as real numbers.
const FULL_SCALES: [f32; 3] = [1.0, 100.0, 255.0];
/// A full scale is one where the brightest sample reaches this share of it.
const MIN_REACH: f32 = 0.5;
/// How far beyond a full scale samples may go: rounding, and glints of reflectance.
const MAX_BEYOND: f32 = 0.02;

/// What is done to samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// Samples are 0 to 255 already.
    AsIs,
    /// 0 to this becomes 0 to 255.
    FullScale(f32),
    /// The 2nd to the 98th percentile of each channel becomes 0 to 255.
    Stretch,
}

/// How the samples of a scene become bytes: one rule for all scenes of a mosaic with samples of one type, from valid samples
/// of patches that are the same whichever window is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    /// What is done.
    pub rule: Rule,
    /// The smallest and largest valid sample that was looked at; none where nothing was, or need not be.
    pub seen: Option<(f32, f32)>,
    /// What becomes 0 and 255, by channel.
    ranges: [(f32, f32); 4],
    /// The channels that ranges are known of.
    channels: [bool; 4],
}

impl Scaling {
    /// Bytes as they are.
    pub(super) fn as_is() -> Self {
        Self::full_scale(255.0, Rule::AsIs)
    }

    /// Samples of fewer than 8 bits.
    pub(super) fn of_bits(bits: u32) -> Self {
        let full = ((1_u32 << bits.clamp(1, 8)) - 1) as f32;
        Self::full_scale(full, Rule::FullScale(full))
    }

    fn full_scale(full: f32, rule: Rule) -> Self {
        Self { rule, seen: None, ranges: [(0.0, full); 4], channels: [true; 4] }
    }

    /// Decides by the valid samples of each channel; `whole` says that they are whole numbers.
    fn of_samples(mut samples: [Vec<f32>; 4], whole: bool) -> Self {
        for values in &mut samples {
            values.sort_by(f32::total_cmp);
        }
        let ends = samples.iter().filter_map(|values| Some((*values.first()?, *values.last()?)));
        let seen = ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let Some((low, high)) = seen else { return Self::as_is() };
        let is_scale = |full: &&f32| {
            let inside = high <= **full * (1.0 + MAX_BEYOND) && low >= -MAX_BEYOND * **full;
            inside && (high > **full * MIN_REACH || **full > 100.0)
        };
        let rule = if whole {
            if low >= 0.0 && high <= 255.0 { Rule::AsIs } else { Rule::Stretch }
        } else if high <= 0.0 {
            Rule::Stretch
        } else {
            // A dark picture whose samples reach half of no full scale but the widest is stretched.
            let small = FULL_SCALES[..2].iter().any(|full| high <= *full * MIN_REACH);
            match FULL_SCALES.iter().find(is_scale) {
                Some(255.0) if small => Rule::Stretch,
                Some(255.0) => Rule::AsIs,
                Some(full) => Rule::FullScale(*full),
                None => Rule::Stretch,
            }
        };
        let channels = [0, 1, 2, 3].map(|at: usize| !samples[at].is_empty());
        let ranges = match rule {
            Rule::AsIs => [(0.0, 255.0); 4],
            Rule::FullScale(full) => [(0.0, full); 4],
            Rule::Stretch => samples.map(|values| percentiles(&values)),
        };
        Self { rule, seen, ranges, channels }
    }

    /// The range of a channel that becomes 0 to 255.
    #[must_use]
    pub fn range(&self, channel: Channel) -> (f32, f32) {
        self.ranges[channel as usize]
    }

    /// The sample that becomes 255 whatever the scene holds; none of a stretch.
    pub(super) fn white(&self) -> Option<f32> {
        match self.rule {
            Rule::AsIs => Some(255.0),
            Rule::FullScale(full) => Some(full),
            Rule::Stretch => None,
        }
    }

    /// A sample of a range as a byte.
    pub(super) fn byte(value: f32, (low, high): (f32, f32)) -> u8 {
        ((value - low) / (high - low) * 255.0).round() as u8 // saturates; not a number is 0
    }

    /// The numbers that decide on bytes, for the fingerprint.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.ranges.iter().flat_map(|(low, high)| [low.to_le_bytes(), high.to_le_bytes()]).flatten().collect()
    }
}

impl fmt::Display for Scaling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rule {
            Rule::AsIs => f.write_str("0 to 255 as they are"),
            Rule::FullScale(full) => write!(f, "0 to {full} become 0 to 255"),
            Rule::Stretch => {
                f.write_str("the 2nd to 98th percentile becomes 0 to 255 (")?;
                let known = Channel::ALL.into_iter().filter(|channel| self.channels[*channel as usize]);
                for (at, channel) in known.enumerate() {
                    let (low, high) = self.range(channel);
                    let comma = if at == 0 { "" } else { ", " };
                    write!(f, "{comma}{} {low} to {high}", channel.name())?;
                }
                f.write_str(")")
            }
        }
    }
}

/// Gives each scene the scaling of its type of samples, and what its survey found.
pub(super) fn scale(scenes: &mut [Scene]) -> Result<(), RasterError> {
    let limit = MAX_SAMPLES / scenes.iter().filter(|scene| scene.is_surveyed()).count().max(1);
    let mut of_types: BTreeMap<String, [Vec<f32>; 4]> = BTreeMap::new();
    for scene in scenes.iter_mut().filter(|scene| scene.is_surveyed()) {
        let survey = Survey::of(scene, limit.max(1000))?;
        scene.fills_seen = survey.fills;
        let all = of_types.entry(scene.sample_type.clone()).or_default();
        for (all, samples) in all.iter_mut().zip(survey.samples) {
            all.extend(samples);
        }
    }
    for (sample_type, samples) in of_types {
        let scaling = Scaling::of_samples(samples, !sample_type.starts_with("Float"));
        for scene in scenes.iter_mut().filter(|s| s.is_surveyed() && s.sample_type == sample_type) {
            scene.scaling = scaling.clone();
        }
    }
    Ok(())
}

/// The 2nd and 98th percentile of sorted values; 0..255 of nothing, one wide where all are the same.
fn percentiles(values: &[f32]) -> (f32, f32) {
    let Some(last) = values.len().checked_sub(1) else { return (0.0, 255.0) };
    let at = |percent: usize| values[last * percent / 100];
    let (low, high) = (at(2), at(98));
    if high > low { (low, high) } else { (low, low + 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn of(values: &[f32], whole: bool) -> Scaling {
        Scaling::of_samples([values.to_vec(), Vec::new(), Vec::new(), Vec::new()], whole)
    }

    #[rstest]
    #[case(&[0.0, 0.5, 0.98], Rule::FullScale(1.0))]
    #[case(&[0.1, 1.01], Rule::FullScale(1.0))]
    #[case(&[0.0, 0.3], Rule::Stretch)] // dark reflectance
    #[case(&[-0.3, 0.9], Rule::Stretch)]
    #[case(&[-1.0, -0.5], Rule::Stretch)]
    #[case(&[0.0, 98.0], Rule::FullScale(100.0))]
    #[case(&[0.0, 40.0], Rule::Stretch)]
    #[case(&[0.0, 120.0], Rule::AsIs)]
    #[case(&[3.0, 255.0], Rule::AsIs)]
    #[case(&[0.0, 9800.0], Rule::Stretch)]
    fn real_numbers_have_a_rule(#[case] values: &[f32], #[case] rule: Rule) {
        assert_eq!(of(values, false).rule, rule, "{values:?}");
    }

    #[rstest]
    #[case(&[0.0, 1.0], Rule::AsIs)]
    #[case(&[0.0, 255.0], Rule::AsIs)]
    #[case(&[-3.0, 200.0], Rule::Stretch)]
    #[case(&[0.0, 4095.0], Rule::Stretch)]
    fn whole_numbers_have_a_rule(#[case] values: &[f32], #[case] rule: Rule) {
        assert_eq!(of(values, true).rule, rule, "{values:?}");
    }

    #[test]
    fn outliers_do_not_darken_the_picture() {
        let mut values: Vec<f32> = (0..1000u16).map(f32::from).collect();
        values[999] = 60_000.0;
        let range = of(&values, true).range(Channel::Red);
        assert_eq!((Scaling::byte(0.0, range), Scaling::byte(60_000.0, range)), (0, 255));
        assert_eq!(Scaling::byte(499.5, range), 128);
    }

    #[test]
    fn one_value_and_none_have_a_range() {
        assert_eq!(of(&[], true).range(Channel::Red), (0.0, 255.0));
        assert_eq!(of(&[700.0, 700.0], true).range(Channel::Red), (700.0, 701.0));
    }
}
