//! Linear heads: ridge regression on sums of samples, and logistic regression on the samples themselves.

use super::LearnError;
use super::matrix::solve;
use super::samples::{SamplePolygon, Samples};
use super::statistics::Moments;

/// Rounds of the logistic regression.
const ROUNDS: usize = 60;
/// Steps that the search direction remembers.
const MEMORY: usize = 8;
/// What the logistic regression pays for large weights.
const LOGISTIC_PENALTY: f64 = 1e-3;

/// Scores of classes: `weight · ((features − mean) · gain) + bias`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Linear {
    pub(super) mean: Vec<f64>,
    pub(super) gain: Vec<f64>,
    /// `[classes, dim]`.
    pub(super) weight: Vec<f64>,
    pub(super) bias: Vec<f64>,
}

impl Linear {
    /// Ridge regression of "is of the class" (Hoerl and Kennard 1970), in closed form from moments.
    pub(super) fn ridge(moments: &Moments, penalty: f64) -> Result<Self, LearnError> {
        let (dim, k) = (moments.dim, moments.prior.len());
        let mut matrix = moments.correlation.clone();
        (0..dim).for_each(|i| matrix[i * dim + i] += penalty);
        let solved = solve(matrix, dim, moments.cross.clone(), k);
        let solved =
            solved.ok_or_else(|| LearnError::TooLittle("the labels do not tell the classes apart".to_owned()))?;
        Ok(Self {
            mean: moments.mean.clone(),
            gain: moments.gain.clone(),
            weight: (0..k * dim).map(|at| solved[at % dim * k + at / dim]).collect(),
            bias: moments.prior.clone(),
        })
    }

    fn standardized(&self, vector: &[i16], step: f64, z: &mut Vec<f64>) {
        z.clear();
        let number = |((v, m), g): ((&i16, &f64), &f64)| (f64::from(*v) * step - m) * g;
        z.extend(vector.iter().zip(&self.mean).zip(&self.gain).map(number));
    }

    /// The scores of vectors, one after another.
    pub(super) fn scores(&self, vectors: &[i16], step: f64) -> Vec<f64> {
        let (dim, mut z, mut scores) = (self.mean.len(), Vec::new(), Vec::new());
        for vector in vectors.chunks_exact(dim) {
            self.standardized(vector, step, &mut z);
            scores.extend(self.of(&z));
        }
        scores
    }

    fn of<'a>(&'a self, z: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
        let rows = self.weight.chunks_exact(self.mean.len()).zip(&self.bias);
        rows.map(move |(row, bias)| row.iter().zip(z).map(|(w, z)| w * z).sum::<f64>() + bias)
    }

    /// Multinomial logistic regression from here on, by L-BFGS (Liu and Nocedal 1989): each class weighs the same root of
    /// its samples as in the ridge.
    pub(super) fn logistic<'s>(
        self,
        polygons: impl Iterator<Item = &'s SamplePolygon>,
        (classes, step): (&[String], f64),
        temperature: f64,
    ) -> Self {
        let (mut rows, mut z) =
            (Rows { dim: self.mean.len(), k: classes.len(), z: Vec::new(), truth: Vec::new() }, vec![]);
        for polygon in polygons {
            let Ok(class) = classes.binary_search(&polygon.class) else { continue };
            for vector in polygon.vectors.chunks_exact(rows.dim) {
                self.standardized(vector, step, &mut z);
                rows.z.extend_from_slice(&z);
                rows.truth.push(class);
            }
        }
        let weight = rows.weights();
        let start: Vec<f64> = self.weight.iter().chain(&self.bias).map(|w| w / temperature).collect();
        let best = minimized(start, |at| rows.loss(at, &weight));
        let (weights, bias) = best.split_at(rows.k * rows.dim);
        Self { weight: weights.to_vec(), bias: bias.to_vec(), ..self }
    }
}

impl Samples {
    /// The classes and the step, as [`Linear::logistic`] takes them.
    pub(super) fn scale<'a>(&self, classes: &'a [String]) -> (&'a [String], f64) {
        (classes, self.step())
    }
}

/// Standardized samples with their classes.
struct Rows {
    dim: usize,
    k: usize,
    z: Vec<f64>,
    truth: Vec<usize>,
}

impl Rows {
    /// The weight of each sample; all together weigh one.
    fn weights(&self) -> Vec<f64> {
        let mut counts = vec![0.0_f64; self.k];
        self.truth.iter().for_each(|class| counts[*class] += 1.0);
        let all: f64 = counts.iter().map(|c| c.sqrt()).sum();
        self.truth.iter().map(|class| 1.0 / (counts[*class].sqrt() * all)).collect()
    }

    /// The mean cross entropy with the penalty, and its gradient.
    fn loss(&self, at: &[f64], weight: &[f64]) -> (f64, Vec<f64>) {
        let (weights, bias) = at.split_at(self.k * self.dim);
        let penalized = weights.iter().map(|w| w * w).sum::<f64>() * LOGISTIC_PENALTY / 2.0;
        let mut gradient: Vec<f64> =
            weights.iter().map(|w| w * LOGISTIC_PENALTY).chain(bias.iter().map(|_| 0.0)).collect();
        let mut loss = penalized;
        let mut scores = vec![0.0; self.k];
        for ((z, truth), sample) in self.z.chunks_exact(self.dim).zip(&self.truth).zip(weight) {
            for ((score, row), bias) in scores.iter_mut().zip(weights.chunks_exact(self.dim)).zip(bias) {
                *score = row.iter().zip(z).map(|(w, z)| w * z).sum::<f64>() + bias;
            }
            loss -= sample * log_softmax(&mut scores, *truth);
            for (class, p) in scores.iter().enumerate() {
                let error = sample * (p - f64::from(u8::from(class == *truth)));
                gradient[class * self.dim..][..self.dim].iter_mut().zip(z).for_each(|(g, z)| *g += error * z);
                gradient[self.k * self.dim + class] += error;
            }
        }
        (loss, gradient)
    }
}

/// Makes probabilities of scores; returns the logarithm of that of the truth.
pub(super) fn log_softmax(scores: &mut [f64], truth: usize) -> f64 {
    let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let of_truth = scores[truth] - top;
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - top).exp();
        sum += *score;
    }
    scores.iter_mut().for_each(|s| *s /= sum);
    of_truth - sum.ln()
}

/// Where a function is smallest, by L-BFGS with steps halved until they pay (Armijo 1966).
fn minimized(mut at: Vec<f64>, loss: impl Fn(&[f64]) -> (f64, Vec<f64>)) -> Vec<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let (mut value, mut gradient) = loss(&at);
    let mut memory: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
    for _ in 0..ROUNDS {
        let mut direction: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut shares = Vec::new();
        for (moved, turned) in memory.iter().rev() {
            let share = dot(moved, &direction) / dot(moved, turned);
            direction.iter_mut().zip(turned).for_each(|(d, t)| *d -= share * t);
            shares.push(share);
        }
        if let Some((moved, turned)) = memory.last() {
            let scale = dot(moved, turned) / dot(turned, turned);
            direction.iter_mut().for_each(|d| *d *= scale);
        }
        for ((moved, turned), share) in memory.iter().zip(shares.iter().rev()) {
            let back = dot(turned, &direction) / dot(moved, turned);
            direction.iter_mut().zip(moved).for_each(|(d, m)| *d += (share - back) * m);
        }
        let slope = dot(&gradient, &direction);
        if slope > -1e-12 {
            break;
        }
        let ahead = |length: f64| -> Vec<f64> { at.iter().zip(&direction).map(|(a, d)| a + length * d).collect() };
        let tried = (0..30).map(|halvings| ahead(0.5_f64.powi(halvings))).enumerate().find_map(|(n, next)| {
            let (value_there, gradient_there) = loss(&next);
            let pays = value_there <= value + 1e-4 * 0.5_f64.powi(n as i32) * slope;
            pays.then_some((next, value_there, gradient_there))
        });
        let Some((next, value_there, gradient_there)) = tried else { break };
        let moved: Vec<f64> = next.iter().zip(&at).map(|(a, b)| a - b).collect();
        let turned: Vec<f64> = gradient_there.iter().zip(&gradient).map(|(a, b)| a - b).collect();
        if dot(&moved, &turned) > 1e-12 {
            memory.push((moved, turned));
            memory.drain(..memory.len().saturating_sub(MEMORY));
        }
        let gained = value - value_there;
        (at, value, gradient) = (next, value_there, gradient_there);
        if gained < 1e-7 {
            break;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::super::samples::tests::patches;
    use super::super::statistics::Statistics;
    use super::*;

    #[test]
    fn the_ridge_is_that_of_the_normal_equations() {
        let samples = Samples::new("net", 4, patches(&[("road", [0.1, 1.0]), ("water", [2.0, 0.3])], 1));
        let moments = Statistics::of(&samples).moments();
        let ridge = Linear::ridge(&moments, 0.01).expect("solved");
        // The gradient of the penalized squares is zero there: over all samples, error · z = −penalty · weight.
        let mut sums = [0.0; 8];
        for polygon in &samples.polygons {
            let scores = ridge.scores(&polygon.vectors, samples.step());
            let mut z = Vec::new();
            for (vector, scores) in polygon.vectors.chunks_exact(4).zip(scores.chunks_exact(2)) {
                ridge.standardized(vector, samples.step(), &mut z);
                for (class, score) in scores.iter().enumerate() {
                    let truth = f64::from(u8::from((polygon.class == "water") == (class == 1)));
                    (0..4).for_each(|i| sums[class * 4 + i] += (score - truth) * z[i] / 40.0);
                }
            }
        }
        for (sum, weight) in sums.iter().zip(&ridge.weight) {
            assert!((sum + 0.01 * weight).abs() < 1e-9, "{sum} {weight}");
        }
    }

    #[test]
    fn logistic_regression_ends_where_its_gradient_does_and_lowers_the_loss() {
        let around = [("road", [0.0, 0.0]), ("water", [0.8, 0.2]), ("tree", [0.1, 0.9])];
        let samples = Samples::new("net", 4, patches(&around, 3));
        let classes = samples.classes();
        let ridge = Linear::ridge(&Statistics::of(&samples).moments(), 0.01).expect("solved");
        let rows = |head: &Linear| {
            let mut rows = Rows { dim: 4, k: 3, z: Vec::new(), truth: Vec::new() };
            let mut z = Vec::new();
            for polygon in &samples.polygons {
                for vector in polygon.vectors.chunks_exact(4) {
                    head.standardized(vector, samples.step(), &mut z);
                    rows.z.extend_from_slice(&z);
                    rows.truth.push(classes.binary_search(&polygon.class).expect("known"));
                }
            }
            let weight = rows.weights();
            rows.loss(&head.weight.iter().chain(&head.bias).copied().collect::<Vec<_>>(), &weight)
        };
        let before = rows(&ridge).0;
        let refined = ridge.logistic(samples.polygons.iter(), samples.scale(&classes), 0.3);
        let (after, gradient) = rows(&refined);
        assert!(after < 0.8 * before, "{before} to {after}");
        let steepest = gradient.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
        assert!(steepest < 1e-3, "{steepest}");
    }
}
