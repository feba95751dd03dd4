//! Rows of houses: neighbours that face each other share one direction where that fits each of them.

use geo::Coord;

use super::draft::Draft;

/// Directions that differ by more are different streets.
const MOST_DEGREES: f64 = 8.0;

/// For each building the direction of its group, if it has one.
///
/// Pairs join from the most alike on, as long as the mean directions of the groups, weighted by area, are alike.
pub(super) fn directions(pairs: &[(u32, u32)], drafts: &[Draft]) -> Vec<Option<Coord<f64>>> {
    let fourfold = |draft: &Draft| {
        let angle = draft.along.map_or(0.0, |u| 4.0 * u.y.atan2(u.x));
        Coord { x: angle.cos(), y: angle.sin() } * draft.area_m2
    };
    let mut groups = Groups { parent: (0..drafts.len()).collect(), sum: drafts.iter().map(fourfold).collect() };
    let mut by_angle: Vec<(f64, u32, u32)> = pairs
        .iter()
        .filter(|(i, j)| drafts[*i as usize].along.is_some() && drafts[*j as usize].along.is_some())
        .map(|&(i, j)| (groups.degrees(i as usize, j as usize), i, j))
        .collect();
    by_angle.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    for (_, i, j) in by_angle {
        let (i, j) = (groups.root(i as usize), groups.root(j as usize));
        if i != j && groups.degrees(i, j) <= MOST_DEGREES {
            groups.join(i, j);
        }
    }
    let mut size = vec![0; drafts.len()];
    let roots: Vec<usize> = (0..drafts.len()).map(|i| groups.root(i)).collect();
    for &root in &roots {
        size[root] += 1;
    }
    roots.iter().map(|&root| (size[root] > 1).then(|| groups.along(root))).collect()
}

/// Sets of buildings, each with the sum of its members' fourfold directions.
struct Groups {
    parent: Vec<usize>,
    sum: Vec<Coord<f64>>,
}

impl Groups {
    fn root(&mut self, mut i: usize) -> usize {
        while self.parent[i] != i {
            self.parent[i] = self.parent[self.parent[i]];
            i = self.parent[i];
        }
        i
    }

    /// The lower number stands for both.
    fn join(&mut self, i: usize, j: usize) {
        let (low, high) = (i.min(j), i.max(j));
        self.parent[high] = low;
        self.sum[low] = self.sum[low] + self.sum[high];
    }

    fn degrees(&self, i: usize, j: usize) -> f64 {
        let (a, b) = (self.sum[i], self.sum[j]);
        super::ring::cross(a, b).atan2(super::ring::dot(a, b)).abs().to_degrees() / 4.0
    }

    fn along(&self, i: usize) -> Coord<f64> {
        let angle = self.sum[i].y.atan2(self.sum[i].x) / 4.0;
        Coord { x: angle.cos(), y: angle.sin() }
    }
}
