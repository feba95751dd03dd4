//! Scores that follow the edges of the picture: the guided filter (He, Sun, Tang 2013, "Guided Image Filtering").

use serde::{Deserialize, Serialize};

/// A guided filter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guided {
    /// Half the side of the square that is looked at, in pixels.
    pub radius_px: u32,
    /// The variance of brightness (0 to 1) below which there is no edge.
    pub epsilon: f32,
}

impl Default for Guided {
    fn default() -> Self {
        Self { radius_px: 8, epsilon: 1e-3 }
    }
}

impl Guided {
    /// What is accepted, for messages.
    pub(super) const ACCEPTED: &str = "guided: radius_px 1 to 512, epsilon above 0 and at most 1";

    /// With a radius that can be.
    ///
    /// # Errors
    /// What is accepted, where it cannot.
    pub fn within(radius_px: u32) -> Result<Self, String> {
        let guided = Self { radius_px, ..Self::default() };
        if guided.is_valid() { Ok(guided) } else { Err(format!("{radius_px}: {}", Self::ACCEPTED)) }
    }

    /// Whether its numbers can be.
    #[must_use]
    pub fn is_valid(self) -> bool {
        (1..=512).contains(&self.radius_px) && self.epsilon > 0.0 && self.epsilon <= 1.0
    }

    /// Filters planes of a square with its brightness (0 to 1) as the guide.
    pub(super) fn filter(self, planes: &mut [f32], brightness: &[f32], side: usize) {
        let radius = self.radius_px as usize;
        let boxed = |values: &[f32]| boxed(values, side, radius);
        let products = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).collect::<Vec<f32>>();
        let mean = boxed(brightness);
        let variance: Vec<f32> =
            boxed(&products(brightness, brightness)).iter().zip(&mean).map(|(s, m)| (s - m * m).max(0.0)).collect();
        for plane in planes.chunks_exact_mut(side * side) {
            let of_plane = boxed(plane);
            let mut slope = boxed(&products(plane, brightness));
            for (i, slope) in slope.iter_mut().enumerate() {
                *slope = (*slope - of_plane[i] * mean[i]) / (variance[i] + self.epsilon);
            }
            let offset: Vec<f32> = (0..plane.len()).map(|i| of_plane[i] - slope[i] * mean[i]).collect();
            let (slope, offset) = (boxed(&slope), boxed(&offset));
            for (i, value) in plane.iter_mut().enumerate() {
                *value = (slope[i] * brightness[i] + offset[i]).clamp(0.0, 1.0);
            }
        }
    }
}

/// The mean over the square around each pixel; at the border, over what there is of it.
fn boxed(values: &[f32], side: usize, radius: usize) -> Vec<f32> {
    let mut across = vec![0.0_f32; values.len()];
    for (row, line) in across.chunks_exact_mut(side).enumerate() {
        slide(side, radius, |col| f64::from(values[row * side + col]), |col, mean| line[col] = mean as f32);
    }
    let mut both = vec![0.0_f32; values.len()];
    for col in 0..side {
        slide(
            side,
            radius,
            |row| f64::from(across[row * side + col]),
            |row, mean| both[row * side + col] = mean as f32,
        );
    }
    both
}

/// The means of a sliding stretch of a line.
fn slide(len: usize, radius: usize, at: impl Fn(usize) -> f64, mut give: impl FnMut(usize, f64)) {
    let mut sum: f64 = (0..radius.min(len)).map(&at).sum();
    for i in 0..len {
        if i + radius < len {
            sum += at(i + radius);
        }
        if i > radius {
            sum -= at(i - radius - 1);
        }
        let count = (i + radius + 1).min(len) - i.saturating_sub(radius);
        give(i, sum / count as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The filter by its definition, with sums over every square.
    fn reference(plane: &[f32], guide: &[f32], side: usize, guided: Guided) -> Vec<f32> {
        let r = i64::from(guided.radius_px);
        let mean = |f: &dyn Fn(usize) -> f64, i: usize| {
            let (row, col) = ((i / side) as i64, (i % side) as i64);
            let around = |c: i64| (c - r).max(0)..(c + r + 1).min(side as i64);
            let all: Vec<f64> =
                around(row).flat_map(|y| around(col).map(move |x| (y as usize) * side + x as usize)).map(f).collect();
            all.iter().sum::<f64>() / all.len() as f64
        };
        let (p, g) = (|i: usize| f64::from(plane[i]), |i: usize| f64::from(guide[i]));
        let slope = |i: usize| {
            let (mp, mg) = (mean(&p, i), mean(&g, i));
            let variance = mean(&|j| g(j) * g(j), i) - mg * mg;
            (mean(&|j| p(j) * g(j), i) - mp * mg) / (variance + f64::from(guided.epsilon))
        };
        let slopes: Vec<f64> = (0..plane.len()).map(slope).collect();
        let offsets: Vec<f64> = (0..plane.len()).map(|i| mean(&p, i) - slopes[i] * mean(&g, i)).collect();
        let at = |i: usize| mean(&|j| slopes[j], i) * g(i) + mean(&|j| offsets[j], i);
        (0..plane.len()).map(|i| at(i).clamp(0.0, 1.0) as f32).collect()
    }

    #[test]
    fn it_is_the_filter_of_its_definition() {
        let side = 13;
        let guide: Vec<f32> = (0..side * side).map(|i| ((i * 37) % 101) as f32 / 101.0).collect();
        let plane: Vec<f32> = (0..side * side).map(|i| ((i * 53) % 89) as f32 / 89.0).collect();
        for radius_px in [1, 4, 40] {
            let guided = Guided { radius_px, epsilon: 0.01 };
            let mut filtered = plane.clone();
            guided.filter(&mut filtered, &guide, side);
            let truth = reference(&plane, &guide, side, guided);
            let furthest = filtered.iter().zip(&truth).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
            assert!(furthest < 1e-4, "radius {radius_px}: {furthest}");
        }
    }

    #[test]
    fn a_blurred_score_takes_the_edge_of_the_picture() {
        let side = 64;
        let col = |i: usize| (i % side) as f32;
        let guide: Vec<f32> = (0..side * side).map(|i| if col(i) < 29.0 { 0.1 } else { 0.9 }).collect();
        // The score turns slowly around column 32, three beside the edge.
        let mut plane: Vec<f32> = (0..side * side).map(|i| ((col(i) - 24.0) / 16.0).clamp(0.0, 1.0)).collect();
        Guided { radius_px: 12, epsilon: 1e-3 }.filter(&mut plane, &guide, side);
        let middle = &plane[32 * side..][..side];
        assert!(middle[28] < 0.45 && middle[29] > 0.55, "{:?}", &middle[24..36]);
    }
}
