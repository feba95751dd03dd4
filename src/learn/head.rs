//! A head from labelled polygons: fitted, validated by leaving polygons out, sure of itself as far as that bears out.

use serde::Serialize;
use serde_json::json;

use super::LearnError;
use super::clusters::quantiles;
use super::linear::{Linear, log_softmax};
use super::samples::{SamplePolygon, Samples};
use super::statistics::Statistics;
use crate::model::{Guided, ModelClass, Prototypes, Scorer, ScorerActivation, ScorerInput};

/// Penalties of the ridge that are tried.
const PENALTIES: [f64; 4] = [0.003, 0.03, 0.3, 3.0];
/// Temperatures that are tried.
const TEMPERATURES: [f64; 9] = [1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.09, 0.06];
/// Where nothing can be validated.
const USUAL: (f64, f64) = (0.3, 0.18);
/// Polygons are left out in at most so many groups.
const MOST_GROUPS: usize = 10;

/// How a head is made.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct HeadOptions {
    /// Whether logistic regression refines the ridge.
    pub logistic: bool,
    /// Whether scores follow the edges of the picture.
    pub guided: Option<Guided>,
}

/// What was measured on polygons that were left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Validation {
    /// Patches of polygons that were left out once.
    pub patches: usize,
    /// The share of them that got their class.
    pub accuracy: f64,
    /// Of each class.
    pub classes: Vec<ClassValidation>,
}

/// What was measured of a class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassValidation {
    /// The class.
    pub class: String,
    /// Its polygons; with a single one it is never left out.
    pub polygons: usize,
    /// Its patches.
    pub patches: usize,
    /// The share of its left-out patches that got the class.
    pub accuracy: Option<f64>,
    /// Patches that are and got the class, among those that are or got it.
    pub iou: Option<f64>,
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
    let groups = groups(samples);
    let judged = groups.first().map(|_| judged(samples, &statistics, &groups, options.logistic)).transpose()?;
    let (penalty, temperature) = judged.as_ref().map_or(USUAL, |judged| (judged.penalty, judged.temperature));
    let mut linear = Linear::ridge(&statistics.moments(), penalty)?;
    if options.logistic {
        linear = linear.logistic(samples.polygons.iter(), samples.scale(&classes), USUAL.1);
    }
    let validation = judged.map(|judged| validation(samples, &classes, &judged));
    let mut scorer = scorer(samples, &classes, &linear, temperature as f32);
    if options.logistic { "logistic" } else { "ridge" }.clone_into(&mut scorer.kind);
    scorer.guided = options.guided;
    scorer.prototypes = Some(prototypes(samples, &statistics, &scorer));
    for (key, value) in [
        ("polygons", json!(samples.polygons())),
        ("patches", json!(statistics.counts().iter().sum::<i64>())),
        ("penalty", json!(penalty)),
        ("validation", json!(validation)),
    ] {
        scorer.provenance.insert(key.to_owned(), value);
    }
    Ok(Head { scorer, validation })
}

/// Which polygons are left out together: of each class with two or more, in turn.
fn groups(samples: &Samples) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for class in samples.classes() {
        let of_class: Vec<usize> =
            (0..samples.polygons.len()).filter(|i| samples.polygons[*i].class == class).collect();
        if of_class.len() < 2 {
            continue;
        }
        for (n, polygon) in of_class.into_iter().enumerate() {
            let group = n % MOST_GROUPS;
            groups.resize(groups.len().max(group + 1), Vec::new());
            groups[group].push(polygon);
        }
    }
    groups
}

/// What the left-out polygons say: the best penalty and temperature, and the scores that these gave.
struct Judged {
    penalty: f64,
    temperature: f64,
    loss: f64,
    /// Per left-out polygon, its place among the samples and the scores of its patches.
    scores: Vec<(usize, Vec<f64>)>,
}

fn judged(
    samples: &Samples,
    statistics: &Statistics,
    groups: &[Vec<usize>],
    logistic: bool,
) -> Result<Judged, LearnError> {
    let classes = samples.classes();
    let mut best: Option<Judged> = None;
    let mut left: Vec<_> = Vec::new();
    for group in groups {
        let mut others = statistics.clone();
        group.iter().for_each(|i| others.without(&samples.polygons[*i]));
        left.push(others.moments());
    }
    for penalty in PENALTIES {
        let mut scores = Vec::new();
        for (group, moments) in groups.iter().zip(&left) {
            let mut linear = Linear::ridge(moments, penalty)?;
            if logistic {
                let others = (0..samples.polygons.len()).filter(|i| !group.contains(i)).map(|i| &samples.polygons[i]);
                linear = linear.logistic(others, samples.scale(&classes), USUAL.1);
            }
            let of = |i: &usize| (*i, linear.scores(&samples.polygons[*i], samples.step()));
            scores.extend(group.iter().map(of));
        }
        // A refined head hardly knows from where it began.
        let temperatures = TEMPERATURES.iter().map(|t| if logistic { t * 8.0 } else { *t });
        let (loss, temperature) = temperatures
            .map(|t| (loss(samples, &classes, &scores, t), t))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .unwrap_or((f64::INFINITY, USUAL.1));
        if best.as_ref().is_none_or(|best| loss < best.loss) {
            best = Some(Judged { penalty, temperature, loss, scores });
        }
        if logistic {
            break;
        }
    }
    best.ok_or_else(|| LearnError::TooLittle("nothing was left out".to_owned()))
}

/// The cross entropy of left-out patches, the mean of each class, then of the classes.
fn loss(samples: &Samples, classes: &[String], scores: &[(usize, Vec<f64>)], temperature: f64) -> f64 {
    let mut sums = vec![(0.0, 0.0_f64); classes.len()];
    for (polygon, scores) in scores {
        let Ok(truth) = classes.binary_search(&samples.polygons[*polygon].class) else { continue };
        for patch in scores.chunks_exact(classes.len()) {
            let mut warm: Vec<f64> = patch.iter().map(|s| s / temperature).collect();
            sums[truth].0 -= log_softmax(&mut warm, truth);
            sums[truth].1 += 1.0;
        }
    }
    let of_classes: Vec<f64> = sums.iter().filter(|s| s.1 > 0.0).map(|s| s.0 / s.1).collect();
    of_classes.iter().sum::<f64>() / of_classes.len().max(1) as f64
}

fn validation(samples: &Samples, classes: &[String], judged: &Judged) -> Validation {
    let k = classes.len();
    let mut confusion = vec![0_usize; k * k];
    for (polygon, scores) in &judged.scores {
        let Ok(truth) = classes.binary_search(&samples.polygons[*polygon].class) else { continue };
        for patch in scores.chunks_exact(k) {
            let best = (0..k).fold(0, |best, class| if patch[class] > patch[best] { class } else { best });
            confusion[truth * k + best] += 1;
        }
    }
    let share = |part: usize, all: usize| (all > 0).then(|| part as f64 / all as f64);
    let of_class = |(class, name): (usize, &String)| {
        let (right, is) = (confusion[class * k + class], confusion[class * k..][..k].iter().sum::<usize>());
        let got: usize = (0..k).map(|truth| confusion[truth * k + class]).sum();
        let polygons: Vec<&SamplePolygon> = samples.polygons.iter().filter(|p| p.class == *name).collect();
        ClassValidation {
            class: name.clone(),
            polygons: polygons.len(),
            patches: polygons.iter().map(|p| p.vectors.len() / samples.dim).sum(),
            accuracy: share(right, is),
            iou: if is > 0 { share(right, is + got - right) } else { None },
        }
    };
    let patches: usize = confusion.iter().sum();
    let right: usize = (0..k).map(|class| confusion[class * k + class]).sum();
    Validation {
        patches,
        accuracy: share(right, patches).unwrap_or(0.0),
        classes: classes.iter().enumerate().map(of_class).collect(),
    }
}

fn scorer(samples: &Samples, classes: &[String], linear: &Linear, temperature: f32) -> Scorer {
    let dim = samples.dim;
    let row = |row: &[f64]| row.iter().zip(&linear.gain).map(|(w, g)| (w * g) as f32).collect();
    let class = |name: &String| ModelClass { name: name.clone(), city_class: name.clone(), implausible: false };
    Scorer {
        version: Scorer::VERSION,
        kind: String::new(),
        features: ScorerInput { network: samples.network.clone(), dim },
        mean: linear.mean.iter().map(|m| *m as f32).collect(),
        projection: None,
        weight: linear.weight.chunks_exact(dim).map(row).collect(),
        bias: linear.bias.iter().map(|b| *b as f32).collect(),
        activation: ScorerActivation::Softmax,
        temperature,
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
        for logistic in [false, true] {
            let head = head(&samples(), HeadOptions { logistic, guided: None }).expect("made");
            let validation = head.validation.expect("every class has two polygons");
            assert!(validation.patches == 120 && validation.accuracy > 0.97, "{validation:?}");
            assert!(validation.classes.iter().all(|c| c.iou.is_some_and(|iou| iou > 0.9) && c.polygons == 2));
            let mut z = Vec::new();
            for (class, at) in [("road", [0.1, 0.0]), ("water", [2.0, 0.1]), ("tree", [0.0, 1.9])] {
                head.scorer.project(&[at[0], at[1], 0.0, 5.0], &mut z);
                let logits: Vec<f32> = head.scorer.logits(&z).collect();
                let best = (0..3).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).expect("three");
                assert_eq!(head.scorer.classes[best].name, class, "logistic: {logistic}");
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
        for logistic in [false, true] {
            let options = HeadOptions { logistic, guided: None };
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
