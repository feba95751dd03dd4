//! What a head is worth: polygons left out in turn, and what it says of them.

use serde::Serialize;

use super::linear::log_softmax;
use super::samples::{SamplePolygon, Samples};

/// Polygons are left out in at most so many groups.
const MOST_GROUPS: usize = 10;

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

/// Per left-out polygon, its place among the samples and the scores of its patches.
pub(super) type LeftOut = Vec<(usize, Vec<f64>)>;

/// Which polygons are left out together: of each class with two or more, in turn.
pub(super) fn groups(samples: &Samples) -> Vec<Vec<usize>> {
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

/// The cross entropy of left-out patches, the mean of each class, then of the classes.
pub(super) fn loss(samples: &Samples, classes: &[String], scores: &LeftOut, temperature: f64) -> f64 {
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

pub(super) fn validation(samples: &Samples, classes: &[String], scores: &LeftOut) -> Validation {
    let k = classes.len();
    let mut confusion = vec![0_usize; k * k];
    for (polygon, scores) in scores {
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
