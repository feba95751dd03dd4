//! Up to which tolerance each vertex is needed, for maps of smaller scale.

use geo::{Coord, LineString, Polygon};

use super::ring::{cross, length};

/// Per ring, exterior first, and vertex (the closing one included): the tolerance in metres up to which it is needed.
///
/// Vertices go one by one, the one nearest to the line between its neighbours first (after Visvalingam and Whyatt 1993);
/// the last four of a ring are needed always, so a building ends as a quadrangle.
pub(super) fn importance_m(polygon: &Polygon<f64>) -> Vec<Vec<f32>> {
    std::iter::once(polygon.exterior()).chain(polygon.interiors()).map(of_ring).collect()
}

fn of_ring(line: &LineString<f64>) -> Vec<f32> {
    let points = &line.0[..line.0.len().saturating_sub(1)];
    let mut worth = of_points(points);
    worth.extend(worth.first().copied());
    worth
}

fn of_points(points: &[Coord<f64>]) -> Vec<f32> {
    let n = points.len();
    let mut worth = vec![f32::INFINITY; n];
    let mut links =
        Links { before: (0..n).map(|i| (i + n - 1) % n).collect(), after: (0..n).map(|i| (i + 1) % n).collect() };
    let mut queue: std::collections::BTreeSet<(u64, usize)> = std::collections::BTreeSet::new();
    let mut keys: Vec<u64> = (0..n).map(|i| links.distance_m(points, i).to_bits()).collect();
    if n > 4 {
        queue.extend(keys.iter().copied().zip(0..n));
    }
    let mut so_far = 0.0_f64;
    while queue.len() > 4
        && let Some((key, i)) = queue.pop_first()
    {
        so_far = so_far.max(f64::from_bits(key));
        worth[i] = so_far as f32;
        for j in links.remove(i) {
            queue.remove(&(keys[j], j));
            keys[j] = links.distance_m(points, j).to_bits();
            queue.insert((keys[j], j));
        }
    }
    worth
}

/// Which vertices are still there.
struct Links {
    before: Vec<usize>,
    after: Vec<usize>,
}

impl Links {
    /// Not negative, so its bits sort as it does.
    fn distance_m(&self, points: &[Coord<f64>], i: usize) -> f64 {
        let (a, p, b) = (points[self.before[i]], points[i], points[self.after[i]]);
        let chord = length(b - a);
        if chord > 0.0 { cross(b - a, p - a).abs() / chord } else { length(p - a) }
    }

    fn remove(&mut self, i: usize) -> [usize; 2] {
        let (a, b) = (self.before[i], self.after[i]);
        self.after[a] = b;
        self.before[b] = a;
        [a, b]
    }
}
