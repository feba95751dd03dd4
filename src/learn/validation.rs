//! What a head is worth: polygons left out in turn, place by place, and what it says of them and of the ground around them.

use serde::Serialize;

use super::judge::{Fold, judge};
use super::linear::log_softmax;
use super::samples::{SamplePolygon, Samples};

/// Polygons are left out in at most so many groups, each of neighbours.
const MOST_GROUPS: usize = 5;

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
    /// The share of its left-out patches inside polygons that got the class.
    pub accuracy: Option<f64>,
    /// Share of its ground that is mapped as the class, edges of polygons included.
    pub recall: Option<f64>,
    /// Estimated share of what is mapped as the class, on the ground around the labels, that is of the class.
    pub precision: Option<f64>,
    /// Estimated intersection over union with the class, on the ground around the labels.
    pub iou: Option<f64>,
    /// Standard error of the estimated `IoU`, from the spread of the polygons.
    pub iou_error: Option<f64>,
    /// The F1 that goes with the `IoU`.
    pub f1: Option<f64>,
}

/// Per left-out polygon, its place among the samples and the scores of its patches.
pub(super) type LeftOut = Vec<(usize, Vec<f64>)>;

/// Which polygons are left out together: of each class with two or more, neighbours along a curve through all places, so that
/// most are judged by what was learnt elsewhere.
pub(super) fn groups(samples: &Samples) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for class in samples.classes() {
        let mut of_class: Vec<usize> =
            (0..samples.polygons.len()).filter(|i| samples.polygons[*i].class == class).collect();
        let count = of_class.len();
        if count < 2 {
            continue;
        }
        of_class.sort_by_key(|i| place_on_curve(samples.polygons[*i].at));
        for (n, polygon) in of_class.into_iter().enumerate() {
            let group = n * MOST_GROUPS.min(count) / count;
            groups.resize(groups.len().max(group + 1), Vec::new());
            groups[group].push(polygon);
        }
    }
    groups
}

/// Place along the curve of Morton (1966), at about 3 m: neighbours have near numbers.
fn place_on_curve(lon_lat: [i32; 2]) -> u64 {
    let steps = |at: i32| u64::from((at.wrapping_sub(i32::MIN)) as u32 >> 8);
    let spread = |steps: u64| (0..24).map(|bit| (steps >> bit & 1) << (2 * bit)).sum::<u64>();
    spread(steps(lon_lat[0])) | spread(steps(lon_lat[1])) << 1
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

pub(super) fn validation(samples: &Samples, classes: &[String], scores: &LeftOut, folds: &[Fold<'_>]) -> Validation {
    let judgements = judge(samples, classes, folds);
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
        let judged = judgements[class];
        let polygons: Vec<&SamplePolygon> = samples.polygons.iter().filter(|p| p.class == *name).collect();
        ClassValidation {
            class: name.clone(),
            polygons: polygons.len(),
            patches: polygons.iter().map(|p| p.vectors.len() / samples.dim).sum(),
            accuracy: share(right, is),
            recall: judged.map(|j| j.recall),
            precision: judged.map(|j| j.precision),
            iou: judged.map(|j| j.iou),
            iou_error: judged.map(|j| j.iou_error),
            f1: judged.map(|j| 2.0 * j.iou / (1.0 + j.iou)),
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
