//! A head from labelled polygons: fitted, validated by leaving polygons out, sure of itself as far as that bears out.

use serde_json::json;

use super::LearnError;
use super::clusters::quantiles;
use super::folds::{LOGISTIC_TEMPERATURE, linear_folds, linear_without, mlp_folds};
use super::linear::Linear;
use super::mlp::{Lesson, Mlp, ROUNDS, left_out};
use super::samples::{SamplePolygon, Samples};
use super::statistics::{Moments, Statistics};
use super::validation::{LeftOut, Validation, groups, loss, validation};
use crate::model::{Guided, ModelClass, Prototypes, Scorer, ScorerActivation, ScorerInput};

/// Penalties of the ridge that are tried.
const PENALTIES: [f64; 4] = [0.003, 0.03, 0.3, 3.0];
/// Temperatures that are tried.
const TEMPERATURES: [f64; 9] = [1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.09, 0.06];
/// Where nothing can be validated.
const USUAL: (f64, f64) = (0.3, LOGISTIC_TEMPERATURE);
/// Rounds of teaching, where nothing can be validated.
const USUAL_ROUNDS: usize = 9;

/// How a head is made.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct HeadOptions {
    /// What follows the ridge.
    pub refinement: Refinement,
    /// Whether scores follow the edges of the picture.
    pub guided: Option<Guided>,
}

/// What a head is after the ridge regression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Refinement {
    /// The ridge.
    #[default]
    None,
    /// Logistic regression, from the ridge on.
    Logistic,
    /// A network with a hidden layer, in place of the ridge.
    Mlp,
}

impl Refinement {
    const ALL: [Self; 3] = [Self::None, Self::Logistic, Self::Mlp];

    /// The `kind` of the scorers that come of it.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::None => "ridge",
            Self::Logistic => "logistic",
            Self::Mlp => "mlp",
        }
    }

    /// What made a scorer of a kind; the ridge where it is another.
    #[must_use]
    pub fn of_kind(kind: &str) -> Self {
        Self::ALL.into_iter().find(|one| one.kind() == kind).unwrap_or_default()
    }
}

/// A head, and what is known of how good it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// Reads features as classes.
    pub scorer: Scorer,
    /// None where no class has two polygons.
    pub validation: Option<Validation>,
}

/// Makes a head of samples.
///
/// # Errors
/// When there are fewer than two classes.
pub fn head(samples: &Samples, options: HeadOptions) -> Result<Head, LearnError> {
    let classes = samples.classes();
    if classes.len() < 2 {
        let what = format!("labels of {} class(es): two or more are needed to tell them apart", classes.len());
        return Err(LearnError::TooLittle(what));
    }
    let statistics = Statistics::of(samples);
    let (groups, refinement) = (groups(samples), options.refinement);
    let left = left_moments(samples, &statistics, &groups);
    let (mut scorer, validation, chosen) = if refinement == Refinement::Mlp {
        let judged = judged_mlp(samples, &groups, &left);
        let rounds = judged.as_ref().map_or(USUAL_ROUNDS, |judged| judged.chosen);
        let temperature = judged.as_ref().map_or(1.0, |judged| judged.temperature);
        let lesson = Lesson::new(samples.polygons.iter(), &statistics.moments(), samples.scale(&classes));
        let mlp = lesson.teach(rounds, |_, _| ());
        let validation = judged.map(|judged| {
            let folds = mlp_folds(samples, (&groups, &left), &classes, rounds);
            validation(samples, &classes, &judged.scores, &folds)
        });
        (of_mlp(samples, &classes, &mlp, temperature as f32), validation, ("rounds", json!(rounds)))
    } else {
        let logistic = refinement == Refinement::Logistic;
        let judged = groups.first().map(|_| judged(samples, &groups, &left, logistic)).transpose()?;
        let (penalty, temperature) = judged.as_ref().map_or(USUAL, |judged| (judged.chosen, judged.temperature));
        let mut linear = Linear::ridge(&statistics.moments(), penalty)?;
        if logistic {
            linear = linear.logistic(samples.polygons.iter(), samples.scale(&classes), LOGISTIC_TEMPERATURE);
        }
        let validation = judged.map(|judged| {
            let folds = linear_folds(samples, (&groups, &left), penalty, logistic)?;
            Ok::<_, LearnError>(validation(samples, &classes, &judged.scores, &folds))
        });
        let validation = validation.transpose()?;
        (of_linear(samples, &classes, &linear, temperature as f32), validation, ("penalty", json!(penalty)))
    };
    refinement.kind().clone_into(&mut scorer.kind);
    scorer.guided = options.guided;
    scorer.prototypes = Some(prototypes(samples, &statistics, &scorer));
    for (key, value) in [
        ("polygons", json!(samples.polygons())),
        ("patches", json!(statistics.counts().iter().sum::<i64>())),
        chosen,
        ("validation", json!(validation)),
    ] {
        scorer.provenance.insert(key.to_owned(), value);
    }
    Ok(Head { scorer, validation })
}

/// The moments of the samples without each group.
fn left_moments(samples: &Samples, statistics: &Statistics, groups: &[Vec<usize>]) -> Vec<Moments> {
    let without = |group: &Vec<usize>| {
        let mut others = statistics.clone();
        group.iter().for_each(|i| others.without(&samples.polygons[*i]));
        others.moments()
    };
    groups.iter().map(without).collect()
}

/// What the left-out polygons say: the best penalty or number of rounds, the best temperature, and the scores that these
/// gave.
struct Judged<T> {
    chosen: T,
    temperature: f64,
    loss: f64,
    scores: LeftOut,
}

impl<T> Judged<T> {
    /// Of a choice, with the best of some temperatures.
    fn new(samples: &Samples, chosen: T, scores: LeftOut, temperatures: impl Iterator<Item = f64>) -> Self {
        let classes = samples.classes();
        let (loss, temperature) = temperatures
            .map(|t| (loss(samples, &classes, &scores, t), t))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .unwrap_or((f64::INFINITY, 1.0));
        Self { chosen, temperature, loss, scores }
    }

    /// The better of two, of equals the first.
    fn better(self, other: Self) -> Self {
        if other.loss < self.loss { other } else { self }
    }
}

fn judged(
    samples: &Samples,
    groups: &[Vec<usize>],
    left: &[Moments],
    logistic: bool,
) -> Result<Judged<f64>, LearnError> {
    let mut best: Option<Judged<f64>> = None;
    // A refined head hardly knows from where it began.
    let penalties = if logistic { &PENALTIES[..1] } else { &PENALTIES[..] };
    for penalty in penalties {
        let mut scores = Vec::new();
        for (group, moments) in groups.iter().zip(left) {
            let linear = linear_without(samples, group, moments, (*penalty, logistic))?;
            let of = |i: &usize| (*i, linear.scores(&samples.polygons[*i].vectors, samples.step()));
            scores.extend(group.iter().map(of));
        }
        let temperatures = TEMPERATURES.iter().map(|t| if logistic { t * 8.0 } else { *t });
        let one = Judged::new(samples, *penalty, scores, temperatures);
        best = Some(match best {
            Some(best) => best.better(one),
            None => one,
        });
    }
    best.ok_or_else(|| LearnError::TooLittle("nothing was left out".to_owned()))
}

/// How many rounds are best for polygons that were left out; none where there are no such.
fn judged_mlp(samples: &Samples, groups: &[Vec<usize>], left: &[Moments]) -> Option<Judged<usize>> {
    groups.first()?;
    let after = left_out(samples, groups, left, &samples.classes());
    // What is taught by cross entropy is as sure as it says, or too sure.
    let temperatures = || TEMPERATURES.iter().map(|t| t * 4.0);
    let tried = ROUNDS.iter().zip(after).map(|(rounds, scores)| Judged::new(samples, *rounds, scores, temperatures()));
    tried.reduce(Judged::better)
}

fn of_linear(samples: &Samples, classes: &[String], linear: &Linear, temperature: f32) -> Scorer {
    let row = |row: &[f64]| row.iter().zip(&linear.gain).map(|(w, g)| (w * g) as f32).collect();
    Scorer {
        mean: linear.mean.iter().map(|m| *m as f32).collect(),
        weight: linear.weight.chunks_exact(samples.dim).map(row).collect(),
        bias: linear.bias.iter().map(|b| *b as f32).collect(),
        temperature,
        ..blank(samples, classes)
    }
}

fn of_mlp(samples: &Samples, classes: &[String], mlp: &Mlp, temperature: f32) -> Scorer {
    let (weight, bias) = mlp.output();
    Scorer {
        version: Scorer::VERSION_HIDDEN,
        mean: mlp.mean().iter().map(|m| *m as f32).collect(),
        hidden: Some(mlp.hidden()),
        weight,
        bias,
        temperature,
        ..blank(samples, classes)
    }
}

/// A scorer of these features and classes that says nothing yet.
fn blank(samples: &Samples, classes: &[String]) -> Scorer {
    let class = |name: &String| ModelClass { name: name.clone(), city_class: name.clone(), implausible: false };
    Scorer {
        version: Scorer::VERSION,
        kind: String::new(),
        features: ScorerInput { network: samples.network.clone(), dim: samples.dim },
        mean: Vec::new(),
        projection: None,
        hidden: None,
        weight: Vec::new(),
        bias: Vec::new(),
        activation: ScorerActivation::Softmax,
        temperature: 1.0,
        classes: classes.iter().map(class).collect(),
        prototypes: None,
        guided: None,
        provenance: serde_json::Map::new(),
    }
}

/// The mean of each polygon, and how far patches lie from the nearest mean of another polygon: what is new to a head is
/// further than what was new to it when a polygon was left out.
fn prototypes(samples: &Samples, statistics: &Statistics, scorer: &Scorer) -> Prototypes {
    let (dim, step) = (samples.dim, samples.step());
    let variance = statistics.within();
    let widest = variance.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let precision = variance.iter().map(|v| if *v > 1e-9 * widest { (1.0 / v) as f32 } else { 0.0 }).collect();
    let z = |vector: &[i16]| -> Vec<f32> {
        let features: Vec<f32> = vector.iter().map(|v| (f64::from(*v) * step) as f32).collect();
        let mut z = Vec::new();
        scorer.project(&features, &mut z);
        z
    };
    let mean = |polygon: &SamplePolygon| {
        let mut sum = vec![0.0_f64; dim];
        for vector in polygon.vectors.chunks_exact(dim) {
            sum.iter_mut().zip(z(vector)).for_each(|(s, v)| *s += f64::from(v));
        }
        let n = (polygon.vectors.len() / dim) as f64;
        sum.iter().map(|s| (s / n) as f32).collect::<Vec<f32>>()
    };
    let centres: Vec<Vec<f32>> = samples.polygons.iter().map(mean).collect();
    let all = Prototypes { centres, precision, quantiles: Vec::new() };
    let mut distances = Vec::new();
    for (n, polygon) in samples.polygons.iter().enumerate() {
        let mut others = all.clone();
        others.centres.remove(n);
        distances.extend(polygon.vectors.chunks_exact(dim).map(|vector| others.distance(&z(vector))));
    }
    distances.sort_unstable_by(f32::total_cmp);
    Prototypes { quantiles: quantiles(&distances), ..all }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::samples::tests::patches;
    use super::*;

    const AROUND: [(&str, [f32; 2]); 6] = [
        ("road", [0.0, 0.0]),
        ("road", [0.2, 0.1]),
        ("water", [2.0, 0.2]),
        ("water", [2.1, 0.1]),
        ("tree", [0.1, 1.9]),
        ("tree", [0.0, 2.0]),
    ];

    fn samples() -> Samples {
        Samples::new("net", 4, patches(&AROUND, 1))
    }

    #[test]
    fn a_head_tells_what_it_was_taught_and_says_how_well() {
        for refinement in Refinement::ALL {
            let samples = Samples::new("net", 4, patches(&AROUND.repeat(2), 1));
            let head = head(&samples, HeadOptions { refinement, guided: None }).expect("made");
            let validation = head.validation.expect("every class has four polygons");
            let accuracy = if refinement == Refinement::Mlp { 0.94 } else { 0.97 };
            assert!(validation.patches == 240 && validation.accuracy > accuracy, "{validation:?}");
            // 72 patches around say little of the ground: the estimate is rough, or there is none.
            assert!(
                validation.classes.iter().all(|c| c.iou.is_none_or(|iou| iou > 0.4) && c.polygons == 4),
                "{validation:?}"
            );
            let mut z = Vec::new();
            for (class, at) in [("road", [0.1, 0.0]), ("water", [2.0, 0.1]), ("tree", [0.0, 1.9])] {
                head.scorer.project(&[at[0], at[1], 0.0, 5.0], &mut z);
                let logits = head.scorer.logits(&z);
                let best = (0..3).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).expect("three");
                assert_eq!(head.scorer.classes[best].name, class, "{refinement:?}");
            }
            let seen = head.scorer.prototypes.as_ref().expect("made");
            let far = |at: [f32; 2], z: &mut Vec<f32>| {
                head.scorer.project(&[at[0], at[1], 0.0, 5.0], z);
                seen.quantile(seen.distance(z))
            };
            assert!(far([2.0, 0.1], &mut z) < 0.5 && far([9.0, -9.0], &mut z) > 1.0, "the unknown is far");
        }
    }

    #[test]
    fn what_is_added_and_taken_out_again_leaves_the_same_head() {
        for refinement in Refinement::ALL {
            let options = HeadOptions { refinement, guided: None };
            let mut changed = samples();
            let before = head(&changed, options).expect("made");
            let more = patches(&[("water", [-2.0, -1.0]), ("grass", [5.0, 5.0])], 2);
            let digests: BTreeSet<String> = more.iter().map(|p| p.digest.clone()).collect();
            changed.add(more);
            let with = head(&changed, options).expect("made");
            assert_eq!(with.scorer.classes.len(), 4, "a class more");
            changed.remove(&digests);
            assert_eq!(head(&changed, options).expect("made"), before, "to the bit");
        }
    }

    #[test]
    fn a_hidden_layer_tells_apart_what_no_plane_divides() {
        let corners = [("road", [0.0, 0.0]), ("road", [2.0, 2.0]), ("water", [0.0, 2.0]), ("water", [2.0, 0.0])];
        let samples = Samples::new("net", 4, patches(&corners.repeat(3), 1));
        let of = |refinement| {
            let head = head(&samples, HeadOptions { refinement, guided: None }).expect("made");
            (head.validation.expect("left out").accuracy, head.scorer)
        };
        let ((ridge, _), (mlp, scorer)) = (of(Refinement::None), of(Refinement::Mlp));
        assert!(ridge < 0.75 && mlp > 0.97, "ridge {ridge}, with a hidden layer {mlp}");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("head.json");
        scorer.write(&path).expect("written");
        let read = Scorer::open(&path).expect("read");
        assert_eq!((read.hidden, read.weight, read.bias), (scorer.hidden, scorer.weight, scorer.bias));
        assert_eq!((scorer.version, Refinement::of_kind(&scorer.kind)), (2, Refinement::Mlp));
    }

    #[test]
    fn a_class_with_one_polygon_is_not_left_out_and_one_class_is_too_few() {
        let mut single = AROUND.to_vec();
        single.remove(5);
        let head_of =
            |polygons: &[(&str, [f32; 2])]| head(&Samples::new("net", 4, patches(polygons, 1)), HeadOptions::default());
        let validation = head_of(&single).expect("made").validation.expect("of two classes");
        let tree = validation.classes.iter().find(|c| c.class == "tree").expect("listed");
        assert!(tree.iou.is_none() && tree.polygons == 1 && validation.patches == 80);
        assert!(head_of(&AROUND[..2]).expect_err("one class").to_string().contains("two or more"));
        assert!(head_of(&[AROUND[0], AROUND[2]]).expect("made").validation.is_none());
    }
}
