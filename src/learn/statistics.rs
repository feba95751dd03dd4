//! Sufficient statistics of samples: sums and products in whole numbers, which can be added and subtracted exactly.

use super::samples::{SamplePolygon, Samples};

/// The sums of each class.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statistics {
    dim: usize,
    step: f64,
    classes: Vec<String>,
    sums: Vec<ClassSums>,
}

#[derive(Debug, Clone, PartialEq)]
struct ClassSums {
    count: i64,
    /// Of the vectors.
    sum: Vec<i64>,
    /// Of their products with themselves, the upper triangle row by row. A product has 30 bits, so 8 billion fit.
    products: Vec<i64>,
}

/// Means and products in numbers of use, each class weighed by one over the root of its samples.
pub(super) struct Moments {
    pub(super) dim: usize,
    pub(super) mean: Vec<f64>,
    /// One over the standard deviation of each number; 0 where it never changes.
    pub(super) gain: Vec<f64>,
    /// `[dim, dim]`, of standardized numbers.
    pub(super) correlation: Vec<f64>,
    /// `[dim, classes]`, of standardized numbers with "is of the class".
    pub(super) cross: Vec<f64>,
    /// The weight of each class.
    pub(super) prior: Vec<f64>,
}

impl Statistics {
    /// Of all samples.
    pub(super) fn of(samples: &Samples) -> Self {
        let classes = samples.classes();
        let triangle = samples.dim * (samples.dim + 1) / 2;
        let none = ClassSums { count: 0, sum: vec![0; samples.dim], products: vec![0; triangle] };
        let mut statistics = Self { dim: samples.dim, step: samples.step(), sums: vec![none; classes.len()], classes };
        samples.polygons.iter().for_each(|polygon| statistics.count(polygon, 1));
        statistics
    }

    /// Takes a polygon out: to the bit as if it had never been in.
    pub(super) fn without(&mut self, polygon: &SamplePolygon) {
        self.count(polygon, -1);
    }

    /// Samples of each class.
    pub(super) fn counts(&self) -> Vec<i64> {
        self.sums.iter().map(|s| s.count).collect()
    }

    fn count(&mut self, polygon: &SamplePolygon, sign: i64) {
        let Ok(class) = self.classes.binary_search(&polygon.class) else { return };
        let ClassSums { count, sum, products } = &mut self.sums[class];
        for vector in polygon.vectors.chunks_exact(self.dim) {
            *count += sign;
            let mut rest = products.as_mut_slice();
            for (i, v) in vector.iter().enumerate() {
                let v = sign * i64::from(*v);
                sum[i] += v;
                let (row, below) = rest.split_at_mut(self.dim - i);
                row.iter_mut().zip(&vector[i..]).for_each(|(p, other)| *p += v * i64::from(*other));
                rest = below;
            }
        }
    }

    /// The mean and, per number, the variance within classes, unweighted.
    pub(super) fn within(&self) -> Vec<f64> {
        let total: i64 = self.sums.iter().map(|s| s.count).sum();
        let mut place = 0;
        let mut variance = vec![0.0; self.dim];
        for (i, variance) in variance.iter_mut().enumerate() {
            for class in self.sums.iter().filter(|s| s.count > 0) {
                *variance += class.products[place] as f64 - (class.sum[i] as f64).powi(2) / class.count as f64;
            }
            *variance *= self.step * self.step / total.max(1) as f64;
            place += self.dim - i;
        }
        variance
    }

    pub(super) fn moments(&self) -> Moments {
        let (dim, k) = (self.dim, self.sums.len());
        let weight: Vec<f64> = self.sums.iter().map(|s| 1.0 / (s.count.max(1) as f64).sqrt()).collect();
        let all: f64 = self.sums.iter().zip(&weight).map(|(s, w)| s.count as f64 * w).sum();
        let over = |of: &dyn Fn(&ClassSums) -> i64, scale: f64| {
            self.sums.iter().zip(&weight).map(|(s, w)| of(s) as f64 * w).sum::<f64>() * scale / all
        };
        let mean: Vec<f64> = (0..dim).map(|i| over(&|s| s.sum[i], self.step)).collect();
        let mut correlation = vec![0.0; dim * dim];
        let mut place = 0;
        for i in 0..dim {
            for j in i..dim {
                let covariance = over(&|s| s.products[place], self.step * self.step) - mean[i] * mean[j];
                (correlation[i * dim + j], correlation[j * dim + i]) = (covariance, covariance);
                place += 1;
            }
        }
        let widest = (0..dim).map(|i| correlation[i * dim + i]).fold(f64::MIN_POSITIVE, f64::max);
        let of_variance = |v: f64| if v > 1e-12 * widest { 1.0 / v.sqrt() } else { 0.0 };
        let gain: Vec<f64> = (0..dim).map(|i| of_variance(correlation[i * dim + i])).collect();
        correlation.iter_mut().enumerate().for_each(|(at, c)| *c *= gain[at / dim] * gain[at % dim]);
        let prior: Vec<f64> = self.sums.iter().zip(&weight).map(|(s, w)| s.count as f64 * w / all).collect();
        let cross = |at: usize| {
            let (i, class) = (at / k, at % k);
            let product = self.sums[class].sum[i] as f64 * weight[class] * self.step / all;
            gain[i] * (product - mean[i] * prior[class])
        };
        Moments { cross: (0..dim * k).map(cross).collect(), dim, mean, gain, correlation, prior }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::tests::patches;
    use super::*;

    #[test]
    fn a_polygon_taken_out_leaves_no_trace() {
        let few = patches(&[("road", [0.1, 1.0]), ("water", [2.0, 0.3]), ("road", [0.4, 2.0])], 1);
        let mut samples = Samples::new("net", 4, few);
        let before = Statistics::of(&samples);
        samples.add(patches(&[("water", [7.0, 0.1]), ("road", [-3.0, 0.7])], 2));
        let mut after = Statistics::of(&samples);
        assert_ne!(after, before);
        samples.polygons.iter().filter(|p| p.digest.starts_with("2-")).for_each(|p| after.without(p));
        assert_eq!(after, before, "to the bit");
    }

    #[test]
    fn moments_are_those_of_the_samples() {
        let samples = Samples::new("net", 4, patches(&[("road", [0.1, 1.0]), ("water", [2.0, 0.3])], 1));
        let moments = Statistics::of(&samples).moments();
        // Two classes of twenty: all weigh the same.
        let vectors: Vec<Vec<f64>> = samples
            .polygons
            .iter()
            .flat_map(|p| p.vectors.chunks_exact(4))
            .map(|v| v.iter().map(|x| f64::from(*x) * samples.step()).collect())
            .collect();
        let mean = |i: usize| vectors.iter().map(|v| v[i]).sum::<f64>() / 40.0;
        let covariance =
            |i: usize, j: usize| vectors.iter().map(|v| (v[i] - mean(i)) * (v[j] - mean(j))).sum::<f64>() / 40.0;
        for i in 0..4 {
            assert!((moments.mean[i] - mean(i)).abs() < 1e-9);
            for j in 0..4 {
                let expected = covariance(i, j) / (covariance(i, i) * covariance(j, j)).sqrt();
                assert!((moments.correlation[i * 4 + j] - expected).abs() < 1e-9);
            }
        }
    }
}
