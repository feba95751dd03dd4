//! A head with a hidden layer, for classes that no plane divides: rectified units on standardized features, taught by
//! `AdamW` (Kingma and Ba 2015, Loshchilov and Hutter 2019) from a seed, the same whenever it is taught.

use super::linear::log_softmax;
use super::samples::{SamplePolygon, Samples};
use super::statistics::Moments;
use super::validation::LeftOut;
use crate::model::Hidden;
use crate::random::Dice;

/// Units of the hidden layer.
const UNITS: usize = 64;
/// Samples of a step.
const BATCH: usize = 32;
/// The most samples of a round: many say little more, and a head is to take seconds.
const MOST_DRAWS: usize = 2048;
/// The fewest, so that a handful of samples is seen often enough.
const FEWEST_DRAWS: usize = 512;
/// How far a step goes.
const STEP: f32 = 1e-3;
/// How much of a weight a step takes away, times its length.
const DECAY: f32 = 0.05;
/// What is remembered of former gradients and of their squares.
const MEMORY: (f32, f32) = (0.9, 0.999);
/// Decides on the first weights and on the order of the samples.
const SEED: u64 = 1;

/// Rounds after which teaching may stop.
pub(super) const ROUNDS: [usize; 10] = [1, 2, 4, 6, 9, 13, 18, 25, 35, 50];

/// Scores of classes: `weight · max(0, hidden · ((features − mean) · gain) + hidden_bias) + bias`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mlp {
    mean: Vec<f64>,
    gain: Vec<f64>,
    classes: usize,
    /// Weights of the hidden layer `[dim, units]`, so that loops run over units, and its biases; then weights
    /// `[classes, units]` and biases of the scores.
    numbers: Vec<f32>,
}

/// Samples to learn from.
pub(super) struct Lesson {
    mean: Vec<f64>,
    gain: Vec<f64>,
    /// Standardized vectors, one after another.
    z: Vec<f32>,
    /// The samples of each class.
    of_class: Vec<Vec<usize>>,
}

/// Where the parts of the numbers begin.
#[derive(Clone, Copy)]
struct Shape {
    dim: usize,
    classes: usize,
}

impl Shape {
    fn hidden_bias(self) -> usize {
        UNITS * self.dim
    }

    fn weight(self) -> usize {
        self.hidden_bias() + UNITS
    }

    fn bias(self) -> usize {
        self.weight() + self.classes * UNITS
    }

    fn len(self) -> usize {
        self.bias() + self.classes
    }
}

impl Lesson {
    /// The samples of some polygons, standardized by moments.
    pub(super) fn new<'s>(
        polygons: impl Iterator<Item = &'s SamplePolygon>,
        moments: &Moments,
        (classes, step): (&[String], f64),
    ) -> Self {
        let (mean, gain) = (moments.mean.clone(), moments.gain.clone());
        let mut lesson = Self { mean, gain, z: Vec::new(), of_class: vec![Vec::new(); classes.len()] };
        let mut samples = 0;
        for polygon in polygons {
            let Ok(class) = classes.binary_search(&polygon.class) else { continue };
            for vector in polygon.vectors.chunks_exact(moments.dim) {
                lesson.z.extend(standardized(vector, step, (&lesson.mean, &lesson.gain)));
                lesson.of_class[class].push(samples);
                samples += 1;
            }
        }
        lesson
    }

    /// Teaches for some rounds; `after` sees what there is after each.
    pub(super) fn teach(&self, rounds: usize, mut after: impl FnMut(usize, &Mlp)) -> Mlp {
        let shape = Shape { dim: self.mean.len(), classes: self.of_class.len() };
        let mut dice = Dice::new(SEED);
        let mut mlp = self.untaught(shape, &mut dice);
        let mut adam = Adam::new(shape);
        let draws = (self.z.len() / shape.dim).clamp(FEWEST_DRAWS, MOST_DRAWS);
        // As in the ridge, each class weighs the root of its samples.
        let odds: Vec<(f64, usize)> =
            self.of_class.iter().enumerate().map(|(class, of)| ((of.len() as f64).sqrt(), class)).collect();
        for round in 1..=rounds {
            for _ in 0..draws.div_ceil(BATCH) {
                let mut gradient = Gradient::new(shape);
                for _ in 0..BATCH {
                    let class = dice.weighted(&odds);
                    let sample = dice.pick(&self.of_class[class]);
                    gradient.add(&mlp.numbers, &self.z[sample * shape.dim..][..shape.dim], class);
                }
                adam.step(&mut mlp.numbers, &gradient.sums, shape);
            }
            after(round, &mlp);
        }
        mlp
    }

    /// Even weights as wide as keeps the spread from layer to layer (He and others 2015, Glorot and Bengio 2010).
    fn untaught(&self, shape: Shape, dice: &mut Dice) -> Mlp {
        let mut even = |count: usize, inputs: usize| -> Vec<f32> {
            let width = (6.0 / inputs as f64).sqrt();
            (0..count).map(|_| dice.range(-width, width) as f32).collect()
        };
        let mut numbers = even(UNITS * shape.dim, shape.dim);
        numbers.resize(shape.weight(), 0.0);
        numbers.extend(even(shape.classes * UNITS, UNITS + shape.classes));
        numbers.resize(shape.len(), 0.0);
        Mlp { mean: self.mean.clone(), gain: self.gain.clone(), classes: shape.classes, numbers }
    }
}

fn standardized<'a>(
    vector: &'a [i16],
    step: f64,
    (mean, gain): (&'a [f64], &'a [f64]),
) -> impl Iterator<Item = f32> + 'a {
    vector.iter().zip(mean).zip(gain).map(move |((v, m), g)| ((f64::from(*v) * step - m) * g) as f32)
}

/// The units of a vector, and the scores.
fn forward(numbers: &[f32], z: &[f32], shape: Shape) -> (Vec<f32>, Vec<f64>) {
    let mut units = numbers[shape.hidden_bias()..shape.weight()].to_vec();
    for (z, row) in z.iter().zip(numbers.chunks_exact(UNITS)) {
        units.iter_mut().zip(row).for_each(|(unit, weight)| *unit += z * weight);
    }
    units.iter_mut().for_each(|unit| *unit = unit.max(0.0));
    let rows = numbers[shape.weight()..shape.bias()].chunks_exact(UNITS).zip(&numbers[shape.bias()..]);
    let score = |(row, bias): (&[f32], &f32)| row.iter().zip(&units).map(|(w, unit)| w * unit).sum::<f32>() + bias;
    let scores = rows.map(score).map(f64::from).collect();
    (units, scores)
}

/// The sum of the gradients of the cross entropy of samples.
struct Gradient {
    shape: Shape,
    sums: Vec<f32>,
}

impl Gradient {
    fn new(shape: Shape) -> Self {
        Self { shape, sums: vec![0.0; shape.len()] }
    }

    fn add(&mut self, numbers: &[f32], z: &[f32], truth: usize) {
        let shape = self.shape;
        let (units, mut scores) = forward(numbers, z, shape);
        log_softmax(&mut scores, truth);
        scores[truth] -= 1.0;
        let mut back = vec![0.0_f32; UNITS];
        for (class, error) in scores.iter().map(|error| *error as f32).enumerate() {
            let at = shape.weight() + class * UNITS;
            self.sums[at..][..UNITS].iter_mut().zip(&units).for_each(|(sum, unit)| *sum += error * unit);
            self.sums[shape.bias() + class] += error;
            back.iter_mut().zip(&numbers[at..][..UNITS]).for_each(|(back, weight)| *back += error * weight);
        }
        back.iter_mut().zip(&units).for_each(|(back, unit)| *back = if *unit > 0.0 { *back } else { 0.0 });
        for (z, row) in z.iter().zip(self.sums.chunks_exact_mut(UNITS)) {
            row.iter_mut().zip(&back).for_each(|(sum, back)| *sum += z * back);
        }
        let bias = &mut self.sums[shape.hidden_bias()..shape.weight()];
        bias.iter_mut().zip(&back).for_each(|(sum, back)| *sum += back);
    }
}

/// Steps along the mean of former gradients, by the root of their mean squares.
struct Adam {
    mean: Vec<f32>,
    square: Vec<f32>,
    /// What the first steps lack in both.
    left: (f32, f32),
}

impl Adam {
    fn new(shape: Shape) -> Self {
        Self { mean: vec![0.0; shape.len()], square: vec![0.0; shape.len()], left: (1.0, 1.0) }
    }

    fn step(&mut self, numbers: &mut [f32], gradient: &[f32], shape: Shape) {
        self.left = (self.left.0 * MEMORY.0, self.left.1 * MEMORY.1);
        let is_weight = |at: usize| at < shape.hidden_bias() || (shape.weight()..shape.bias()).contains(&at);
        let moments = self.mean.iter_mut().zip(&mut self.square);
        for (at, ((number, gradient), (mean, square))) in numbers.iter_mut().zip(gradient).zip(moments).enumerate() {
            let gradient = gradient / BATCH as f32;
            *mean = MEMORY.0 * *mean + (1.0 - MEMORY.0) * gradient;
            *square = MEMORY.1 * *square + (1.0 - MEMORY.1) * gradient * gradient;
            let spread = (*square / (1.0 - self.left.1)).sqrt() + 1e-8;
            let decay = if is_weight(at) { DECAY * *number } else { 0.0 };
            *number -= STEP * (*mean / (1.0 - self.left.0) / spread + decay);
        }
    }
}

impl Mlp {
    fn shape(&self) -> Shape {
        Shape { dim: self.mean.len(), classes: self.classes }
    }

    /// The scores of vectors, one after another.
    pub(super) fn scores(&self, vectors: &[i16], step: f64) -> Vec<f64> {
        let vectors = vectors.chunks_exact(self.mean.len());
        vectors
            .flat_map(|vector| {
                let z: Vec<f32> = standardized(vector, step, (&self.mean, &self.gain)).collect();
                forward(&self.numbers, &z, self.shape()).1
            })
            .collect()
    }

    /// What is subtracted from features first.
    pub(super) fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The hidden layer, of features of which the mean is subtracted.
    pub(super) fn hidden(&self) -> Hidden {
        let (weight, bias) = self.numbers[..self.shape().weight()].split_at(self.shape().hidden_bias());
        let row = |unit: usize| {
            let of_unit = weight.iter().skip(unit).step_by(UNITS).zip(&self.gain);
            of_unit.map(|(w, g)| (f64::from(*w) * g) as f32).collect()
        };
        Hidden { weight: (0..UNITS).map(row).collect(), bias: bias.to_vec() }
    }

    /// A row per class, and a number per class.
    pub(super) fn output(&self) -> (Vec<Vec<f32>>, Vec<f32>) {
        let (weight, bias) = self.numbers[self.shape().weight()..].split_at(self.classes * UNITS);
        (weight.chunks_exact(UNITS).map(<[f32]>::to_vec).collect(), bias.to_vec())
    }
}

/// What heads, taught without a group of polygons each, say of that group, after each of [`ROUNDS`].
pub(super) fn left_out(samples: &Samples, groups: &[Vec<usize>], left: &[Moments], classes: &[String]) -> Vec<LeftOut> {
    let pairs: Vec<(&Vec<usize>, &Moments)> = groups.iter().zip(left).collect();
    let of_groups = crate::cores::each(&pairs, crate::cores::cores(), |(group, moments)| {
        let others = (0..samples.polygons.len()).filter(|i| !group.contains(i)).map(|i| &samples.polygons[i]);
        let mut after = Vec::new();
        Lesson::new(others, moments, samples.scale(classes)).teach(ROUNDS[ROUNDS.len() - 1], |round, mlp| {
            if ROUNDS.contains(&round) {
                let of = |i: &usize| (*i, mlp.scores(&samples.polygons[*i].vectors, samples.step()));
                after.push(group.iter().map(of).collect::<Vec<_>>());
            }
        });
        after
    });
    (0..ROUNDS.len()).map(|n| of_groups.iter().flat_map(|after| after[n].clone()).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::samples::tests::patches;
    use super::super::statistics::Statistics;
    use super::*;

    #[test]
    fn the_gradient_is_that_of_the_loss() {
        let samples = Samples::new("net", 4, patches(&[("road", [0.1, 1.0]), ("water", [2.0, 0.3])], 1));
        let classes = samples.classes();
        let moments = Statistics::of(&samples).moments();
        let lesson = Lesson::new(samples.polygons.iter(), &moments, samples.scale(&classes));
        let shape = Shape { dim: 4, classes: 2 };
        let mlp = lesson.untaught(shape, &mut Dice::new(3));
        let z = &lesson.z[..4];
        let loss = |numbers: &[f32]| -log_softmax(&mut forward(numbers, z, shape).1, 1);
        let mut gradient = Gradient::new(shape);
        gradient.add(&mlp.numbers, z, 1);
        let mut steepest = 0.0_f32;
        for at in (0..shape.len()).step_by(7) {
            let moved = |by: f32| {
                let mut numbers = mlp.numbers.clone();
                numbers[at] += by;
                loss(&numbers)
            };
            let slope = ((moved(1e-2) - moved(-1e-2)) / 2e-2) as f32;
            assert!((slope - gradient.sums[at]).abs() < 2e-3, "{at}: {slope} {}", gradient.sums[at]);
            steepest = steepest.max(slope.abs());
        }
        assert!(steepest > 0.05, "the loss has a slope: {steepest}");
    }

    #[test]
    fn teaching_again_gives_the_same_numbers() {
        let samples = Samples::new("net", 4, patches(&[("road", [0.1, 1.0]), ("water", [2.0, 0.3])], 1));
        let classes = samples.classes();
        let moments = Statistics::of(&samples).moments();
        let lesson = || Lesson::new(samples.polygons.iter(), &moments, samples.scale(&classes));
        let mut rounds = 0;
        let first = lesson().teach(3, |_, _| rounds += 1);
        assert_eq!((lesson().teach(3, |_, _| ()), rounds), (first, 3));
    }
}
