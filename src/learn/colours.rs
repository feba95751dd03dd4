//! What the clusters of a mosaic look like: colours, indices, texture and shape.

use serde::Serialize;

use super::SeenChip;
use crate::raster::Channel;

/// What a cluster looks like.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ClusterStatistics {
    /// Patches that were seen.
    pub patches: u64,
    /// Of all patches that were seen.
    pub share: f64,
    /// The mean colour, 0 to 255.
    pub colour: [f64; 3],
    /// The mean of the three colours, 0 to 1.
    pub brightness: f64,
    /// `(2 g − r − b) / (r + g + b)`: vegetation (Woebbecke 1995).
    pub excess_green: f64,
    /// `(2 b − r − g) / (r + g + b)`: water, and shade under a blue sky.
    pub excess_blue: f64,
    /// The largest less the smallest colour, as a share of the largest: grey is 0.
    pub saturation: f64,
    /// The standard deviation of brightness in a patch, 0 to 1.
    pub texture: f64,
    /// The length of connected patches by their width, the mean over patches: 1 is round.
    pub elongation: f64,
}

/// The mean colour of a patch and the deviation of its brightness, 0 to 255.
pub(super) fn of_patch(chip: &SeenChip, channels: &[Channel], row: usize, col: usize) -> ([f64; 3], f64) {
    let (window, whole) = (chip.patch_window(row, col), &chip.pixels.window);
    let pixels = whole.pixels();
    let plane = |wanted: Channel, instead: usize| {
        channels.iter().position(|c| *c == wanted).unwrap_or(instead.min(channels.len() - 1))
    };
    let planes = [plane(Channel::Red, 0), plane(Channel::Green, 1), plane(Channel::Blue, 2)];
    let (mut sums, mut bright, mut squares) = ([0.0; 3], 0.0, 0.0);
    for y in window.row..window.end_row() {
        for x in window.col..window.end_col() {
            let rgb = planes.map(|p| f64::from(chip.pixels.samples[p * pixels + whole.index(x, y)]));
            (0..3).for_each(|c| sums[c] += rgb[c]);
            let mean = rgb.iter().sum::<f64>() / 3.0;
            (bright, squares) = (bright + mean, squares + mean * mean);
        }
    }
    let n = window.pixels() as f64;
    let deviation = (squares / n - (bright / n).powi(2)).max(0.0).sqrt();
    (sums.map(|s| s / n), deviation)
}

impl ClusterStatistics {
    /// Adds a patch; [`Self::finish`] makes means of the sums.
    pub(super) fn add(&mut self, (colour, deviation): ([f64; 3], f64)) {
        let [r, g, b] = colour;
        let sum = (r + g + b).max(1.0);
        let (most, least) = (r.max(g).max(b), r.min(g).min(b));
        self.patches += 1;
        (0..3).for_each(|c| self.colour[c] += colour[c]);
        self.brightness += sum / 765.0;
        self.excess_green += (2.0 * g - r - b) / sum;
        self.excess_blue += (2.0 * b - r - g) / sum;
        self.saturation += (most - least) / most.max(1.0);
        self.texture += deviation / 255.0;
    }

    /// Makes means of sums; `all` is the number of patches of all clusters.
    pub(super) fn finish(&mut self, all: u64) {
        let n = self.patches.max(1) as f64;
        self.share = self.patches as f64 / all.max(1) as f64;
        self.colour.iter_mut().for_each(|c| *c /= n);
        for sum in [
            &mut self.brightness,
            &mut self.excess_green,
            &mut self.excess_blue,
            &mut self.saturation,
            &mut self.texture,
            &mut self.elongation,
        ] {
            *sum /= n;
        }
        self.elongation = self.elongation.max(1.0);
    }
}

/// For each patch of a square of cluster numbers, the elongation of the connected patches around it: the ratio of the
/// axes of the ellipse with the same second moments. `None` patches connect nothing.
pub(super) fn elongations(clusters: &[Option<usize>], side: usize) -> Vec<f64> {
    let (mut found, mut seen) = (vec![1.0; clusters.len()], vec![false; clusters.len()]);
    for first in 0..clusters.len() {
        if seen[first] || clusters[first].is_none() {
            continue;
        }
        seen[first] = true;
        let mut members = vec![first];
        let mut next = 0;
        while next < members.len() {
            let (row, col) = (members[next] / side, members[next] % side);
            next += 1;
            let around = [
                (row > 0).then(|| (row - 1) * side + col),
                (row + 1 < side).then(|| (row + 1) * side + col),
                (col > 0).then(|| row * side + col - 1),
                (col + 1 < side).then(|| row * side + col + 1),
            ];
            for other in around.into_iter().flatten() {
                if !seen[other] && clusters[other] == clusters[first] {
                    seen[other] = true;
                    members.push(other);
                }
            }
        }
        let ratio = axis_ratio(&members, side);
        members.iter().for_each(|m| found[*m] = ratio);
    }
    found
}

fn axis_ratio(members: &[usize], side: usize) -> f64 {
    let n = members.len() as f64;
    let points = || members.iter().map(|m| ((m % side) as f64, (m / side) as f64));
    let (cx, cy) = (points().map(|p| p.0).sum::<f64>() / n, points().map(|p| p.1).sum::<f64>() / n);
    // A patch has an extent of its own: 1/12 is the variance of a unit square.
    let moment = |f: &dyn Fn(f64, f64) -> f64| points().map(|(x, y)| f(x - cx, y - cy)).sum::<f64>() / n;
    let (xx, yy, xy) = (moment(&|x, _| x * x) + 1.0 / 12.0, moment(&|_, y| y * y) + 1.0 / 12.0, moment(&|x, y| x * y));
    let (middle, spread) = (f64::midpoint(xx, yy), ((xx - yy).powi(2) / 4.0 + xy * xy).sqrt());
    ((middle + spread) / (middle - spread).max(1e-9)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strip_is_long_and_a_square_is_not() {
        let side = 8;
        let of = |i: usize| match (i / side, i % side) {
            (1, _) => Some(0),
            (4..=6, 2..=4) => Some(1),
            _ => None,
        };
        let clusters: Vec<_> = (0..side * side).map(of).collect();
        let found = elongations(&clusters, side);
        assert!((found[side + 3] - 8.0).abs() < 1e-9, "eight by one: {}", found[side + 3]);
        assert!((found[5 * side + 3] - 1.0).abs() < 1e-9, "three by three");
    }

    #[test]
    fn indices_tell_grass_from_water_and_grey() {
        let of = |colour: [f64; 3]| {
            let mut statistics = ClusterStatistics::default();
            statistics.add((colour, 5.0));
            statistics.finish(2);
            statistics
        };
        let (grass, water, grey) = (of([80.0, 140.0, 60.0]), of([30.0, 60.0, 110.0]), of([120.0, 121.0, 119.0]));
        assert!(grass.excess_green > 0.2 && water.excess_blue > 0.3 && grey.saturation < 0.05);
        assert!((grass.share - 0.5).abs() < 1e-9);
    }
}
