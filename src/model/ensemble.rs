//! Several models that see the same chips, and the weighted mean of their scores.

use super::{ChipScores, ChipSpec, ModelCard, ModelError, Segmenter};
use crate::preprocess::Normalization;

/// A model of an ensemble.
struct Member {
    model: Box<dyn Segmenter>,
    weight: u32,
    seen: Seen,
    /// Which score of the ensemble each of its scores is added to.
    score_of: Vec<usize>,
}

/// Several models as one. Scores are added in whole numbers, so that no order shows.
pub struct Ensemble {
    members: Vec<Member>,
    spec: ChipSpec,
    names: Vec<String>,
}

impl Ensemble {
    /// The first model says what chips are; the others take the same ones, normalized their own way.
    ///
    /// # Errors
    /// When a model wants other chips than the first, a channel that the first has not, or another resolution.
    pub fn new(models: Vec<(Box<dyn Segmenter>, &ModelCard, u32)>) -> Result<Self, ModelError> {
        let Some((_, first, _)) = models.first() else {
            return Err(ModelError::Ensemble("no model".to_owned()));
        };
        let first = (*first).clone();
        let mut classes: Vec<_> = models.iter().flat_map(|(m, _, _)| m.spec().classes.clone()).collect();
        classes.sort_unstable();
        classes.dedup();
        let unknown = models.iter().any(|(model, ..)| model.spec().unknown);
        let spec = ChipSpec { channels: first.input.channels.len(), chip_px: first.input.chip_px, classes, unknown };
        let mut members = Vec::new();
        for (model, card, weight) in models {
            fits(&first, card, weight).map_err(|e| misfit(card, &e))?;
            let place = |class| spec.classes.binary_search(class).expect("every class is among them");
            let mut score_of: Vec<usize> = model.spec().classes.iter().map(place).collect();
            score_of.extend(model.spec().unknown.then_some(spec.classes.len()));
            members.push(Member {
                score_of,
                seen: seen_by((&first, first.input.resolution_m_per_px), card)?,
                weight,
                model,
            });
        }
        let mut names: Vec<String> = members.iter().map(|m| m.model.device()).collect();
        names.dedup();
        Ok(Self { members, spec, names })
    }
}

impl Segmenter for Ensemble {
    fn spec(&self) -> &ChipSpec {
        &self.spec
    }

    fn segment(&mut self, chips: &[f32]) -> Result<Vec<ChipScores>, ModelError> {
        let (pixels, chip_len) = ((self.spec.chip_px as usize).pow(2), self.spec.tensor_len());
        let mut sums = vec![vec![0_u32; self.spec.planes() * pixels]; chips.len() / chip_len];
        for member in &mut self.members {
            let seen: Vec<f32> = chips.chunks_exact(chip_len).flat_map(|chip| member.seen.of(chip, pixels)).collect();
            for (sums, scores) in sums.iter_mut().zip(member.model.segment(&seen)?) {
                for (plane, score) in scores.scores.chunks_exact(pixels).zip(&member.score_of) {
                    let to = &mut sums[score * pixels..][..pixels];
                    to.iter_mut().zip(plane).for_each(|(sum, s)| *sum += u32::from(*s) * member.weight);
                }
            }
        }
        let weight: u32 = self.members.iter().map(|m| m.weight).sum();
        // Only some may tell what is unknown.
        let telling: u32 = self.members.iter().filter(|m| m.model.spec().unknown).map(|m| m.weight).sum();
        let of_classes = self.spec.classes.len() * pixels;
        let mean = |sums: Vec<u32>| {
            let weight = |at: usize| if at < of_classes { weight } else { telling };
            sums.into_iter().enumerate().map(|(at, sum)| ((sum + weight(at) / 2) / weight(at)) as u8).collect()
        };
        Ok(sums.into_iter().map(|sums| ChipScores { side_px: self.spec.chip_px, scores: mean(sums) }).collect())
    }

    fn device(&self) -> String {
        self.names.join(", ")
    }
}

fn misfit(card: &ModelCard, reason: &str) -> ModelError {
    ModelError::Ensemble(format!("{}: {reason}", card.path.display()))
}

fn fits(first: &ModelCard, card: &ModelCard, weight: u32) -> Result<(), String> {
    let chip_px = first.input.chip_px;
    if !(1..=1000).contains(&weight) {
        return Err(format!("weight {weight}: 1 to 1000 are accepted"));
    }
    if card.input.chip_px != chip_px {
        return Err(format!("input.chip_px = {}, that of the first model is {chip_px}", card.input.chip_px));
    }
    Ok(())
}

/// How a model sees chips that were normalized for another.
pub(super) struct Seen {
    /// Per channel: which one of the chip, times, plus.
    channels: Vec<(usize, f32, f32)>,
}

/// How the model of a card sees the chips of the first, at a ground resolution in m/px.
///
/// # Errors
/// When the first has not all its channels, or the other is no good for the resolution.
pub(super) fn seen_by((first, resolution): (&ModelCard, f64), card: &ModelCard) -> Result<Seen, ModelError> {
    let [finest, coarsest] = card.input.resolution_range_m_per_px;
    if !(finest..=coarsest).contains(&resolution) {
        let reason =
            format!("input.resolution_range_m_per_px = [{finest}, {coarsest}], it would see {resolution:.3} here");
        return Err(misfit(card, &reason));
    }
    let (from, to): (Normalization, Normalization) = (first.normalization(), card.normalization());
    let of = |(at, channel)| {
        let source = first.input.channels.iter().position(|c| c == channel);
        let source = source.ok_or_else(|| misfit(card, "input.channels: the first model has no such one"))?;
        let bits = |n: &Normalization, at: usize| [n.scale, n.mean[at], n.std[at]].map(f32::to_bits);
        if bits(&from, source) == bits(&to, at) {
            return Ok((source, 1.0, 0.0)); // not a bit is changed
        }
        let ratio = to.scale / from.scale;
        Ok((source, from.std[source] * ratio / to.std[at], (from.mean[source] * ratio - to.mean[at]) / to.std[at]))
    };
    Ok(Seen { channels: card.input.channels.iter().enumerate().map(of).collect::<Result<_, ModelError>>()? })
}

impl Seen {
    /// The planes of a chip.
    pub(super) fn of(&self, chip: &[f32], pixels: usize) -> Vec<f32> {
        let plane = |&(source, gain, offset): &(usize, f32, f32)| {
            chip[source * pixels..][..pixels].iter().map(move |v| v * gain + offset)
        };
        self.channels.iter().flat_map(plane).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::card;
    use super::*;
    use crate::model::{Device, Semantic};
    use crate::scheme::{ClassId, Scheme};

    fn semantic(card: &ModelCard) -> Box<dyn Segmenter> {
        Box::new(Semantic::open(card, &Scheme::city(), Device::Cpu).expect("make setup has been run"))
    }

    fn chip() -> Vec<f32> {
        (0..3 * 64 * 64).map(|i| ((i * 7919) % 255) as f32 / 255.0).collect()
    }

    #[test]
    fn the_mean_is_weighted_and_exact() {
        let (a, b) = (card("threshold.onnx"), card("context.onnx"));
        let one = |card: &ModelCard| semantic(card).segment(&chip()).expect("runs").remove(0).scores;
        let (of_a, of_b) = (one(&a), one(&b));
        let mut both = Ensemble::new(vec![(semantic(&a), &a, 2), (semantic(&b), &b, 1)]).expect("they fit");
        let mean = both.segment(&chip()).expect("runs").remove(0).scores;
        for ((m, a), b) in mean.iter().zip(&of_a).zip(&of_b) {
            assert_eq!(u32::from(*m), (2 * u32::from(*a) + u32::from(*b) + 1) / 3);
        }
        let mut turned = Ensemble::new(vec![(semantic(&b), &b, 1), (semantic(&a), &a, 2)]).expect("they fit");
        assert_eq!(turned.segment(&chip()).expect("runs").remove(0).scores, mean, "the order does not show");
    }

    #[test]
    fn each_member_sees_its_own_normalization_and_channels() {
        let a = card("threshold.onnx");
        let mut other = a.clone();
        other.input.mean = vec![0.5, 0.25, 0.0];
        other.input.std = vec![0.5, 0.2, 0.1];
        let seen = seen_by((&a, 0.25), &other).expect("they fit");
        let raw = [0.0, 51.0, 255.0];
        let chip = raw.map(|v| v / 255.0).repeat(3);
        let seen = seen.of(&chip, 3);
        for (channel, seen) in seen.chunks_exact(3).enumerate() {
            for (value, sample) in seen.iter().zip(raw) {
                let expected = (sample / 255.0 - other.input.mean[channel]) / other.input.std[channel];
                assert!((value - expected).abs() < 1e-5, "{value} {expected}");
            }
        }
        other.input.channels.reverse();
        let reversed = seen_by((&a, 0.25), &other).expect("they fit");
        assert_eq!(reversed.channels.iter().map(|c| c.0).collect::<Vec<_>>(), [2, 1, 0]);
    }

    #[test]
    fn classes_are_those_of_all() {
        let (a, b) = (card("threshold.onnx"), card("deepness.onnx"));
        let both = Ensemble::new(vec![(semantic(&a), &a, 1), (semantic(&b), &b, 1)]).expect("they fit");
        assert_eq!(both.spec().classes, [ClassId(1), ClassId(7), ClassId(8)]);
    }

    #[test]
    fn what_does_not_go_together_names_the_key() {
        let a = card("threshold.onnx");
        let case = |change: &dyn Fn(&mut ModelCard), weight: u32| {
            let mut b = a.clone();
            change(&mut b);
            let models = vec![(semantic(&a), &a, 1), (semantic(&a), &b, weight)];
            Ensemble::new(models).err().expect("no fit").to_string()
        };
        assert!(case(&|b| b.input.chip_px = 128, 1).contains("input.chip_px"));
        assert!(case(&|b| b.input.resolution_range_m_per_px = [1.0, 2.0], 1).contains("resolution_range_m_per_px"));
        assert!(case(&|b| b.input.channels[0] = crate::raster::Channel::NearInfrared, 1).contains("input.channels"));
        assert!(case(&|_| {}, 0).contains("weight 0"));
    }
}
