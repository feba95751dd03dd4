//! Heads that have not seen some polygons, to judge the head of all.

use super::LearnError;
use super::judge::Fold;
use super::linear::Linear;
use super::mlp::{Lesson, Mlp};
use super::samples::{SamplePolygon, Samples};
use super::statistics::Moments;

/// Temperature of the ridge where the logistic regression begins.
pub(super) const LOGISTIC_TEMPERATURE: f64 = 0.18;

/// The linear head of all polygons but a group.
pub(super) fn linear_without(
    samples: &Samples,
    group: &[usize],
    moments: &Moments,
    (penalty, logistic): (f64, bool),
) -> Result<Linear, LearnError> {
    let linear = Linear::ridge(moments, penalty)?;
    if !logistic {
        return Ok(linear);
    }
    Ok(linear.logistic(others(samples, group), samples.scale(&samples.classes()), LOGISTIC_TEMPERATURE))
}

/// The polygons outside a group.
fn others<'s>(samples: &'s Samples, group: &'s [usize]) -> impl Iterator<Item = &'s SamplePolygon> {
    (0..samples.polygons.len()).filter(|i| !group.contains(i)).map(|i| &samples.polygons[i])
}

/// Linear heads, each of all polygons but a group.
pub(super) fn linear_folds<'s>(
    samples: &'s Samples,
    (groups, left): (&'s [Vec<usize>], &[Moments]),
    penalty: f64,
    logistic: bool,
) -> Result<Vec<Fold<'s>>, LearnError> {
    let fold = |(group, moments): (&'s Vec<usize>, &Moments)| {
        let linear = linear_without(samples, group, moments, (penalty, logistic))?;
        Ok(Fold { polygons: group, scores: Box::new(move |vectors| linear.scores(vectors, samples.step())) })
    };
    groups.iter().zip(left).map(fold).collect()
}

/// Heads with a hidden layer, each of all polygons but a group.
pub(super) fn mlp_folds<'s>(
    samples: &'s Samples,
    (groups, left): (&'s [Vec<usize>], &[Moments]),
    classes: &[String],
    rounds: usize,
) -> Vec<Fold<'s>> {
    let pairs: Vec<(&Vec<usize>, &Moments)> = groups.iter().zip(left).collect();
    let taught = crate::cores::each(&pairs, crate::cores::cores(), |(group, moments)| {
        Lesson::new(others(samples, group), moments, samples.scale(classes)).teach(rounds, |_, _| ())
    });
    let fold = |(group, mlp): (&'s Vec<usize>, Mlp)| Fold {
        polygons: group,
        scores: Box::new(move |vectors| mlp.scores(vectors, samples.step())),
    };
    groups.iter().zip(taught).map(fold).collect()
}
