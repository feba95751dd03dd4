//! What a head is worth on the ground around its labels, from polygons that it has not seen.
//!
//! Labels say where a class is, and seldom where it is not: what lies between labelled polygons is anything. So a head's false
//! alarms cannot be counted; they are estimated. The polygons left out give the share of a class's ground that passes a score
//! (recall, edges included), the patches around the labels the share of all ground that passes it. Far above the head's own
//! threshold hardly anything else passes, and there the ratio of both shares is the share of the class (best bin estimation;
//! S. Garg, Y. Wu, A. Smola, S. Balakrishnan, Z. Lipton 2021, "Mixture proportion estimation and PU learning"). What the head
//! calls the class beyond that share are false alarms.

use super::samples::{SamplePolygon, Samples};

/// Recalls at which the share of a class is estimated: the least of these estimates counts.
const RECALLS: [f64; 9] = [0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8];
/// A polygon counts for no more ground than so many times the median of its class: one large roof is not the town.
const MOST_OF_MEDIAN: f64 = 2.0;
/// Estimates with a larger standard error are none.
const WORST_ERROR: f64 = 0.2;
/// Fewer polygons say nothing of a class.
const FEWEST_POLYGONS: usize = 3;
/// Fewer patches around say nothing of the ground.
const FEWEST_AROUND: usize = 50;

/// Scores of patches by a head that has not seen some polygons.
pub(super) type Scores<'a> = Box<dyn Fn(&[i16]) -> Vec<f64> + 'a>;

/// How well a head maps a class around its labels, 0 to 1 each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Judgement {
    pub(super) recall: f64,
    pub(super) precision: f64,
    /// Upper estimate: whatever else scores as high as the class counts as the class.
    pub(super) iou: f64,
    /// Standard error of the `IoU`, by leaving out one polygon more at a time.
    pub(super) iou_error: f64,
}

/// Polygons left out together, and the scores of the head of the others.
pub(super) struct Fold<'a> {
    pub(super) polygons: &'a [usize],
    pub(super) scores: Scores<'a>,
}

/// Judges each class; none where too few polygons or patches say something.
pub(super) fn judge(samples: &Samples, classes: &[String], folds: &[Fold<'_>]) -> Vec<Option<Judgement>> {
    let around: Vec<i16> = samples.polygons.iter().flat_map(|polygon| &polygon.around).copied().collect();
    let enough = around.len() / samples.dim >= FEWEST_AROUND;
    let of_folds: Vec<Vec<f64>> = folds.iter().map(|fold| (fold.scores)(&around)).collect();
    let of_class = |class: usize| {
        let margins = |scores: &[f64]| -> Vec<f64> {
            scores.chunks_exact(classes.len()).map(|of_patch| margin(of_patch, class)).collect()
        };
        let mut ground: Vec<Vec<f64>> = of_folds.iter().map(|scores| margins(scores)).collect();
        ground.iter_mut().for_each(|fold| fold.sort_unstable_by(f64::total_cmp));
        let own = folds.iter().flat_map(|fold| fold.polygons.iter().map(move |polygon| (fold, *polygon)));
        let own = own.filter(|(_, polygon)| samples.polygons[*polygon].class == classes[class]);
        let polygons: Vec<Seen> =
            own.map(|(fold, polygon)| Seen::of(&samples.polygons[polygon], |v| margins(&(fold.scores)(v)))).collect();
        (enough && polygons.len() >= FEWEST_POLYGONS).then(|| judged(&polygons, &ground)).flatten()
    };
    (0..classes.len()).map(of_class).collect()
}

/// How far the score of a class lies above that of the best other.
fn margin(scores: &[f64], class: usize) -> f64 {
    let others = scores.iter().enumerate().filter(|(other, _)| *other != class);
    scores[class] - others.map(|(_, score)| *score).fold(f64::NEG_INFINITY, f64::max)
}

/// The patches of a polygon: margins, and how much ground of the polygon each stands for.
struct Seen(Vec<(f64, f64)>);

impl Seen {
    /// How much ground all its patches stand for.
    fn size(&self) -> f64 {
        self.0.iter().map(|(_, weight)| weight).sum()
    }

    fn of(polygon: &SamplePolygon, margins: impl Fn(&[i16]) -> Vec<f64>) -> Self {
        let inside = margins(&polygon.vectors);
        // Of a large polygon a part of the patches is kept, which stand for all.
        let each = polygon.covered as f64 / inside.len().max(1) as f64;
        let each_edge = polygon.edge as f64 / polygon.edge_shares.len().max(1) as f64;
        let edges = margins(&polygon.edges).into_iter().zip(&polygon.edge_shares);
        let edges = edges.map(|(margin, share)| (margin, each_edge * f64::from(*share) / 255.0));
        Self(inside.into_iter().map(|margin| (margin, each)).chain(edges).collect())
    }
}

fn judged(polygons: &[Seen], ground: &[Vec<f64>]) -> Option<Judgement> {
    let all: Vec<&Seen> = polygons.iter().collect();
    let whole = estimate(&all, ground)?;
    let without = |left: usize| -> Option<f64> {
        let others: Vec<&Seen> = polygons.iter().enumerate().filter(|(n, _)| *n != left).map(|(_, one)| one).collect();
        estimate(&others, ground).map(|estimate| estimate.iou)
    };
    let ious: Vec<f64> = (0..polygons.len()).filter_map(without).collect();
    let n = ious.len().max(1) as f64;
    let mean = ious.iter().sum::<f64>() / n;
    let spread = ious.iter().map(|iou| (iou - mean).powi(2)).sum::<f64>();
    let iou_error = ((n - 1.0) / n * spread).sqrt();
    (iou_error <= WORST_ERROR).then_some(Judgement { iou_error, ..whole })
}

fn estimate(polygons: &[&Seen], ground: &[Vec<f64>]) -> Option<Judgement> {
    let mut sizes: Vec<f64> = polygons.iter().map(|seen| seen.size()).collect();
    sizes.sort_unstable_by(f64::total_cmp);
    let most = MOST_OF_MEDIAN * sizes.get(sizes.len() / 2)?;
    let capped = |seen: &'_ &Seen| {
        let scale = (most / seen.size()).min(1.0);
        seen.0.iter().map(move |(margin, weight)| (*margin, weight * scale)).collect::<Vec<_>>()
    };
    let mut patches: Vec<(f64, f64)> = polygons.iter().flat_map(capped).collect();
    patches.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let total: f64 = patches.iter().map(|(_, weight)| weight).sum();
    let recall = patches.iter().filter(|(margin, _)| *margin > 0.0).map(|(_, weight)| weight).sum::<f64>() / total;
    // The share of the ground that scores at least so much, the mean over the folds.
    let passing = |least: f64| {
        let of_fold = |fold: &Vec<f64>| (fold.len() - fold.partition_point(|m| *m < least)) as f64 / fold.len() as f64;
        ground.iter().map(of_fold).sum::<f64>() / ground.len() as f64
    };
    let called = passing(f64::MIN_POSITIVE);
    let share_at = |wanted: f64| {
        let mut sum = 0.0;
        let reached = patches.iter().find_map(|(margin, weight)| {
            sum += weight;
            (sum >= wanted * total).then_some((*margin, sum / total))
        });
        reached.map_or(1.0, |(margin, recall)| passing(margin) / recall)
    };
    let share = RECALLS.iter().map(|recall| share_at(*recall)).fold(called / recall, f64::min);
    let right = share * recall;
    let is_found = recall > 0.0 && called > 0.0 && right.is_finite();
    is_found.then(|| Judgement {
        recall,
        precision: (right / called).min(1.0),
        iou: right / (share + called - right),
        iou_error: 0.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Dice;

    /// A line of scores: classes lie at places with a spread of 1.
    fn drawn(dice: &mut Dice, at: f64, count: usize) -> Vec<f64> {
        (0..count).map(|_| at + (0..12).map(|_| dice.unit()).sum::<f64>() - 6.0).collect()
    }

    #[test]
    fn iou_is_that_of_the_ground_though_nobody_says_what_lies_between_the_labels() {
        for (share, other_at) in [(0.5, -2.0), (0.1, -2.0), (0.3, -1.0), (0.1, -1.2)] {
            let mut dice = Dice::new(5);
            let (ours, others) = ((20_000.0 * share) as usize, (20_000.0 * (1.0 - share)) as usize);
            let (of_class, of_others) = (drawn(&mut dice, 1.5, ours), drawn(&mut dice, other_at, others));
            let right = of_class.iter().filter(|m| **m > 0.0).count() as f64;
            let wrong = of_others.iter().filter(|m| **m > 0.0).count() as f64;
            let truth = right / (ours as f64 + wrong);
            let mut ground: Vec<f64> = of_class.into_iter().chain(of_others).collect();
            ground.sort_unstable_by(f64::total_cmp);
            let polygon = |_| Seen(drawn(&mut dice, 1.5, 200).into_iter().map(|margin| (margin, 1.0)).collect());
            let polygons: Vec<Seen> = (0..10).map(polygon).collect();
            let found = judged(&polygons, &[ground]).expect("enough");
            assert!((found.iou - truth).abs() < 0.07, "{share} {other_at}: {found:?} against {truth}");
            assert!(found.iou_error < 0.1 && found.recall > 0.9, "{found:?}");
        }
    }

    #[test]
    fn one_large_polygon_does_not_decide() {
        let mut dice = Dice::new(7);
        let mut ground = [drawn(&mut dice, 1.5, 5000), drawn(&mut dice, -2.0, 5000)].concat();
        ground.sort_unstable_by(f64::total_cmp);
        let mut polygons: Vec<Seen> = (0..9)
            .map(|_| Seen(drawn(&mut dice, 1.5, 200).into_iter().map(|margin| (margin, 1.0)).collect()))
            .collect();
        let of = |polygons: &[Seen]| {
            estimate(&polygons.iter().collect::<Vec<_>>(), std::slice::from_ref(&ground)).expect("enough").iou
        };
        let alike = of(&polygons);
        // A roof as large as all others together, of a colour that nothing else has: alone it would bring the estimate to 0.
        polygons.push(Seen(vec![(9.0, 1.0); 1800]));
        let with = of(&polygons);
        assert!(with > alike / 2.0 && with < alike, "{alike} becomes {with}");
    }

    #[test]
    fn what_is_never_called_the_class_has_no_iou() {
        let polygons: Vec<Seen> = (0..3).map(|_| Seen(vec![(-1.0, 1.0); 9])).collect();
        assert_eq!(judged(&polygons, &[vec![-2.0; 100]]), None);
    }
}
