//! Spherical k-means: clusters of directions (Dhillon and Modha 2001), seeded as in k-means++ (Arthur, Vassilvitskii 2007).

use crate::random::Dice;

/// Starts; the best is kept.
const STARTS: u64 = 4;
/// Rounds of a start; most end before, when nothing changes.
const ROUNDS: usize = 60;

/// Centres of length 1, `[k, p]`, the largest cluster first. The same points, number and seed give the same centres.
///
/// `points` holds vectors of length 1, `[n, p]`, with n at least k.
pub(super) fn spherical(points: &[f32], p: usize, k: usize, seed: u64) -> Vec<Vec<f32>> {
    let start = |n: u64| {
        let mut dice = Dice::new(seed ^ n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        refined(points, p, seeded(points, p, k, &mut dice))
    };
    let mut best = start(0);
    for n in 1..STARTS {
        let other = start(n);
        if other.1 > best.1 {
            best = other;
        }
    }
    let mut sizes = vec![0_usize; k];
    points.chunks_exact(p).for_each(|point| sizes[nearest(point, &best.0).0] += 1);
    let mut order: Vec<usize> = (0..k).collect();
    order.sort_by_key(|c| (std::cmp::Reverse(sizes[*c]), *c));
    order.into_iter().map(|c| best.0[c].clone()).collect()
}

/// The centre of the largest cosine, and that cosine; the first of equals.
pub(super) fn nearest(point: &[f32], centres: &[Vec<f32>]) -> (usize, f32) {
    let mut best = (0, f32::NEG_INFINITY);
    for (c, centre) in centres.iter().enumerate() {
        let cosine = dot(point, centre);
        if cosine > best.1 {
            best = (c, cosine);
        }
    }
    best
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Centres drawn from the points, each with the chance of its distance to those drawn before.
fn seeded(points: &[f32], p: usize, k: usize, dice: &mut Dice) -> Vec<Vec<f32>> {
    let n = points.len() / p;
    let point = |i: usize| points[i * p..][..p].to_vec();
    let mut centres = vec![point((dice.unit() * n as f64) as usize)];
    let mut far = vec![f64::INFINITY; n];
    while centres.len() < k {
        let last = &centres[centres.len() - 1];
        for (far, point) in far.iter_mut().zip(points.chunks_exact(p)) {
            *far = far.min(f64::from(1.0 - dot(point, last)).max(0.0));
        }
        let mut left = dice.unit() * far.iter().sum::<f64>();
        let drawn = far.iter().position(|f| {
            left -= f;
            left < 0.0
        });
        centres.push(point(drawn.unwrap_or(n - 1)));
    }
    centres
}

/// Lloyd's rounds; the centres, and the sum of cosines.
fn refined(points: &[f32], p: usize, mut centres: Vec<Vec<f32>>) -> (Vec<Vec<f32>>, f64) {
    let mut owner = vec![usize::MAX; points.len() / p];
    let mut total = 0.0;
    for _ in 0..ROUNDS {
        let mut sums = vec![vec![0.0_f64; p]; centres.len()];
        let (mut changed, mut furthest) = (false, (0, f32::INFINITY));
        total = 0.0;
        for (i, point) in points.chunks_exact(p).enumerate() {
            let (centre, cosine) = nearest(point, &centres);
            changed |= owner[i] != centre;
            owner[i] = centre;
            total += f64::from(cosine);
            if cosine < furthest.1 {
                furthest = (i, cosine);
            }
            sums[centre].iter_mut().zip(point).for_each(|(s, v)| *s += f64::from(*v));
        }
        for (centre, sum) in centres.iter_mut().zip(sums) {
            let length = sum.iter().map(|v| v * v).sum::<f64>().sqrt();
            *centre = if length > 0.0 {
                sum.iter().map(|v| (v / length) as f32).collect()
            } else {
                points[furthest.0 * p..][..p].to_vec() // an empty cluster takes what fits worst
            };
        }
        if !changed {
            break;
        }
    }
    (centres, total)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points around the axes of a space, as many as told around each.
    fn around(counts: &[usize], p: usize) -> (Vec<f32>, Vec<usize>) {
        let mut dice = Dice::new(7);
        let (mut points, mut truth) = (Vec::new(), Vec::new());
        for (axis, count) in counts.iter().enumerate() {
            for _ in 0..*count {
                let mut point: Vec<f32> =
                    (0..p).map(|i| (dice.unit() as f32 - 0.5) * 0.4 + f32::from(u8::from(i == axis))).collect();
                let length = dot(&point, &point).sqrt();
                point.iter_mut().for_each(|v| *v /= length);
                points.extend(point);
                truth.push(axis);
            }
        }
        (points, truth)
    }

    #[test]
    fn clusters_that_are_there_are_found_the_largest_first() {
        let (points, truth) = around(&[40, 90, 60, 20], 6);
        let centres = spherical(&points, 6, 4, 1);
        let axis_of = [1, 2, 0, 3];
        for (point, truth) in points.chunks_exact(6).zip(&truth) {
            assert_eq!(axis_of[nearest(point, &centres).0], *truth);
        }
        assert_eq!(spherical(&points, 6, 4, 1), centres, "again the same");
        assert!(centres.iter().all(|c| (dot(c, c) - 1.0).abs() < 1e-5));
    }

    #[test]
    fn more_clusters_than_directions_still_end() {
        let points: Vec<f32> = [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]].concat();
        let centres = spherical(&points, 2, 4, 3);
        assert_eq!(centres.len(), 4);
        assert!(centres.iter().flatten().all(|v| v.is_finite()));
    }
}
