//! A little linear algebra in double precision, the same bits everywhere: no threads, no order that varies.

/// Solves `a · x = b` for a symmetric positive definite matrix `[n, n]` and right sides `[n, k]`, by Cholesky; none
/// where the matrix is not positive definite.
pub(super) fn solve(mut a: Vec<f64>, n: usize, mut b: Vec<f64>, k: usize) -> Option<Vec<f64>> {
    for j in 0..n {
        let row_j = &mut a[j * n..][..n];
        let pivot = row_j[j] - row_j[..j].iter().map(|v| v * v).sum::<f64>();
        if pivot.is_nan() || pivot <= 0.0 {
            return None;
        }
        row_j[j] = pivot.sqrt();
        let (upper, below) = a.split_at_mut((j + 1) * n);
        let row_j = &upper[j * n..];
        for row in below.chunks_exact_mut(n) {
            let dot: f64 = row[..j].iter().zip(&row_j[..j]).map(|(x, y)| x * y).sum();
            row[j] = (row[j] - dot) / row_j[j];
        }
    }
    for i in 0..n {
        for c in 0..k {
            let dot: f64 = (0..i).map(|j| a[i * n + j] * b[j * k + c]).sum();
            b[i * k + c] = (b[i * k + c] - dot) / a[i * n + i];
        }
    }
    for i in (0..n).rev() {
        for c in 0..k {
            let dot: f64 = (i + 1..n).map(|j| a[j * n + i] * b[j * k + c]).sum();
            b[i * k + c] = (b[i * k + c] - dot) / a[i * n + i];
        }
    }
    Some(b)
}

/// An orthonormal basis `[p, n]` of the space of the `p` largest eigenvalues of a symmetric matrix without negative ones,
/// by subspace iteration.
pub(super) fn leading_space(a: &[f64], n: usize, p: usize) -> Vec<f64> {
    const ROUNDS: usize = 60;
    // Any start that is not orthogonal to the space will do; this one is the same everywhere.
    let start = |i: usize| ((i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / f64::from(1 << 23) - 1.0;
    let mut basis: Vec<f64> = (0..p * n).map(start).collect();
    orthonormalize(&mut basis, n);
    for _ in 0..ROUNDS {
        let product = |vector: &[f64]| -> Vec<f64> {
            a.chunks_exact(n).map(|row| row.iter().zip(vector).map(|(x, y)| x * y).sum()).collect()
        };
        basis = basis.chunks_exact(n).flat_map(product).collect();
        orthonormalize(&mut basis, n);
    }
    basis
}

/// Gram and Schmidt, twice, on rows of `n`; a row that depends on those before becomes zero.
fn orthonormalize(basis: &mut [f64], n: usize) {
    for row in 0..basis.len() / n {
        let (before, rest) = basis.split_at_mut(row * n);
        let vector = &mut rest[..n];
        let length = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
        let first = length(vector);
        for _ in 0..2 {
            for other in before.chunks_exact(n) {
                let dot: f64 = vector.iter().zip(other).map(|(x, y)| x * y).sum();
                vector.iter_mut().zip(other).for_each(|(x, y)| *x -= dot * y);
            }
        }
        let left = length(vector);
        let scale = if left > 1e-12 * first.max(f64::MIN_POSITIVE) { 1.0 / left } else { 0.0 };
        vector.iter_mut().for_each(|x| *x *= scale);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(i: usize) -> f64 {
        ((i * 7919 + 13) % 997) as f64 / 997.0 - 0.5
    }

    #[test]
    fn a_system_is_solved() {
        let (n, k) = (17, 3);
        let m: Vec<f64> = (0..n * n).map(noise).collect();
        let at = |i: usize, j: usize| {
            (0..n).map(|l| m[i * n + l] * m[j * n + l]).sum::<f64>() + if i == j { 0.1 } else { 0.0 }
        };
        let a: Vec<f64> = (0..n * n).map(|i| at(i / n, i % n)).collect();
        let x: Vec<f64> = (0..n * k).map(|i| noise(i + 5000)).collect();
        let product = |i: usize| (0..n).map(|j| a[i / k * n + j] * x[j * k + i % k]).sum();
        let b = (0..n * k).map(product).collect();
        let found = solve(a, n, b, k).expect("positive definite");
        assert!(found.iter().zip(&x).all(|(a, b)| (a - b).abs() < 1e-9));
        assert!(solve(vec![1.0, 2.0, 2.0, 1.0], 2, vec![1.0, 1.0], 1).is_none(), "not positive definite");
    }

    #[test]
    fn the_leading_space_is_that_of_the_largest_eigenvalues() {
        // Known axes: a diagonal in a turned frame.
        let n = 12;
        let mut turned: Vec<f64> = (0..n * n).map(noise).collect();
        orthonormalize(&mut turned, n);
        let values: Vec<f64> = (0..n).map(|i| 10.0 / f64::from(1 << i)).collect();
        let at = |i: usize, j: usize| (0..n).map(|l| values[l] * turned[l * n + i] * turned[l * n + j]).sum();
        let a: Vec<f64> = (0..n * n).map(|i| at(i / n, i % n)).collect();
        let basis = leading_space(&a, n, 3);
        for axis in turned.chunks_exact(n).take(3) {
            let dot = |b: &[f64]| b.iter().zip(axis).map(|(x, y)| x * y).sum::<f64>();
            let within: f64 = basis.chunks_exact(n).map(|b| dot(b).powi(2)).sum();
            assert!((within - 1.0).abs() < 1e-9, "{within}");
        }
    }
}
