//! Clusters of a mosaic's features: PCA and spherical k-means on a stratified sample, once per mosaic.

use half::f16;
use serde_json::json;

use super::colours::{ClusterStatistics, elongations, of_patch};
use super::kmeans::{nearest, spherical};
use super::matrix::leading_space;
use super::suggest::suggested;
use super::{FeatureReader, LearnError};
use crate::georef::Window;
use crate::grid::ChipId;
use crate::model::{Guided, ModelClass, Prototypes, Scorer, ScorerActivation, ScorerInput};
use crate::random::Dice;
use crate::scheme::Scheme;

/// The most numbers of features that are kept, two bytes each.
const MOST_NUMBERS: usize = 128 << 20;
/// Vectors that the covariance is made of.
const COVARIANCE_VECTORS: usize = 12_000;
/// Vectors that are clustered; all are assigned.
const CLUSTERED_VECTORS: usize = 60_000;
/// Divides cosines: how sure a cluster is.
const TEMPERATURE: f32 = 0.05;
/// Pictures of a cluster.
const EXAMPLES: usize = 6;

/// How a mosaic is clustered.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterOptions {
    /// How many clusters, 2 to 64.
    pub clusters: usize,
    /// How many chips are looked at.
    pub sample_chips: usize,
    /// Numbers that are left of a vector.
    pub components: usize,
    /// The same seed gives the same clusters.
    pub seed: u64,
    /// Whether scores follow the edges of the picture.
    pub guided: Option<Guided>,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self { clusters: 12, sample_chips: 200, components: 64, seed: 1, guided: None }
    }
}

/// Clusters, and what they look like.
pub struct Clustering {
    /// Reads features as clusters; classes are suggestions.
    pub scorer: Scorer,
    /// Of each cluster.
    pub statistics: Vec<ClusterStatistics>,
    /// Of each cluster, patches that are most like it: the chip and the pixels of the patch.
    pub examples: Vec<Vec<(ChipId, Window)>>,
    /// Chips that were drawn and not looked at: the features of those before fill the memory that is granted.
    pub chips_left: usize,
}

/// The patches of a sample.
#[derive(Default)]
struct Sample {
    dim: usize,
    side: usize,
    chips: Vec<ChipId>,
    /// Chip, row and column of each.
    places: Vec<(usize, usize, usize)>,
    windows: Vec<Window>,
    looks: Vec<([f64; 3], f64)>,
    /// One after another.
    vectors: Vec<f16>,
    /// Chips that had no room.
    left: usize,
}

/// Clusters a mosaic.
///
/// # Errors
/// When the mosaic or the network fails, or there are fewer patches than clusters.
pub fn cluster(
    reader: &mut FeatureReader,
    scheme: &Scheme,
    options: &ClusterOptions,
) -> Result<Clustering, LearnError> {
    if !(2..=64).contains(&options.clusters) {
        return Err(LearnError::TooLittle(format!("{} clusters: 2 to 64 are accepted", options.clusters)));
    }
    let sample = gathered(reader, options)?;
    if sample.places.len() < options.clusters {
        let (found, wanted) = (sample.places.len(), options.clusters);
        return Err(LearnError::TooLittle(format!(
            "the mosaic holds {found} whole patches, fewer than the {wanted} clusters"
        )));
    }
    let mut scorer = sample.projection(reader.network(), options);
    let p = scorer.projection.as_ref().map_or(0, Vec::len);
    let projected = sample.projected(&scorer);
    let step = sample.places.len().div_ceil(CLUSTERED_VECTORS);
    let points: Vec<f32> = projected.chunks_exact(p).step_by(step).flatten().copied().collect();
    let centres = spherical(&points, p, options.clusters, options.seed);
    let assigned: Vec<(usize, f32)> = projected.chunks_exact(p).map(|z| nearest(z, &centres)).collect();
    let statistics = sample.statistics(&assigned, options.clusters);
    let class = |(n, statistics): (usize, &ClusterStatistics)| ModelClass {
        name: format!("{}: {}", n + 1, statistics.words()),
        city_class: suggested(statistics, scheme),
        implausible: false,
    };
    scorer.classes = statistics.iter().enumerate().map(class).collect();
    scorer.bias = vec![0.0; centres.len()];
    let mut distances: Vec<f32> = assigned.iter().map(|(_, cosine)| (1.0 - cosine).max(0.0)).collect();
    distances.sort_unstable_by(f32::total_cmp);
    let quantiles = quantiles(&distances);
    scorer.prototypes = Some(Prototypes { centres: centres.clone(), precision: Vec::new(), quantiles });
    scorer.weight = centres;
    for (key, value) in [
        ("seed", json!(options.seed)),
        ("chips", json!(sample.chips.len())),
        ("patches", json!(sample.places.len())),
        ("clusters", json!(statistics)),
    ] {
        scorer.provenance.insert(key.to_owned(), value);
    }
    let examples = sample.examples(&assigned, options.clusters);
    Ok(Clustering { examples, chips_left: sample.left, statistics, scorer })
}

/// The quantiles 0, 1, … 100 % of sorted numbers.
pub(super) fn quantiles(sorted: &[f32]) -> Vec<f32> {
    (0..=100).map(|q| sorted[(sorted.len() - 1) * q / 100]).collect()
}

/// The patches of some chips, spread over the mosaic.
fn gathered(reader: &mut FeatureReader, options: &ClusterOptions) -> Result<Sample, LearnError> {
    let window = reader.grid().window();
    let all: Vec<ChipId> = reader.chips(&window).collect();
    let mut sample = Sample::default();
    let drawn = stratified(&all, options.sample_chips, options.seed);
    for (n, id) in drawn.iter().copied().enumerate() {
        if sample.vectors.len() > MOST_NUMBERS {
            sample.left = drawn.len() - n;
            break;
        }
        let Some(chip) = reader.read(id)? else { continue };
        (sample.dim, sample.side) = (chip.features.dim, chip.features.side);
        for (row, col) in chip.own_patches() {
            sample.places.push((sample.chips.len(), row, col));
            sample.windows.push(chip.patch_window(row, col));
            sample.looks.push(of_patch(&chip, reader.channels(), row, col));
            sample.vectors.extend(chip.features.patch(row, col).iter().map(|v| f16::from_f32(*v)));
        }
        sample.chips.push(id);
    }
    Ok(sample)
}

/// Some of the chips: one of each square of a coarse lattice, in an order that is spread over the mosaic from the start.
fn stratified(all: &[ChipId], wanted: usize, seed: u64) -> Vec<ChipId> {
    let mut dice = Dice::new(seed);
    if all.len() <= wanted {
        return all.to_vec();
    }
    let side = (all.len() as f64 / wanted as f64).sqrt();
    let mut squares: std::collections::BTreeMap<(i64, i64), Vec<ChipId>> = std::collections::BTreeMap::new();
    for id in all {
        let square = ((id.row as f64 / side).floor() as i64, (id.col as f64 / side).floor() as i64);
        squares.entry(square).or_default().push(*id);
    }
    let mut drawn: Vec<(f64, ChipId)> =
        squares.into_values().map(|chips| (dice.unit(), chips[(dice.unit() * chips.len() as f64) as usize])).collect();
    drawn.sort_by(|a, b| a.0.total_cmp(&b.0));
    drawn.into_iter().map(|(_, id)| id).take(wanted).collect()
}

impl Sample {
    fn vector(&self, i: usize) -> impl Iterator<Item = f64> + '_ {
        self.vectors[i * self.dim..][..self.dim].iter().map(|v| v.to_f64())
    }

    /// Standardizes each number and keeps the directions of the largest variance.
    fn projection(&self, network: &str, options: &ClusterOptions) -> Scorer {
        let (n, dim) = (self.places.len(), self.dim);
        let (mut mean, mut square) = (vec![0.0; dim], vec![0.0; dim]);
        for i in 0..n {
            for ((m, s), v) in mean.iter_mut().zip(&mut square).zip(self.vector(i)) {
                (*m, *s) = (*m + v, *s + v * v);
            }
        }
        mean.iter_mut().for_each(|m| *m /= n as f64);
        let spread: Vec<f64> = (0..dim).map(|d| (square[d] / n as f64 - mean[d] * mean[d]).max(0.0).sqrt()).collect();
        let widest = spread.iter().copied().fold(0.0, f64::max).max(f64::MIN_POSITIVE);
        // A number that never changes says nothing.
        let gain: Vec<f64> = spread.iter().map(|s| if *s > 1e-6 * widest { 1.0 / s } else { 0.0 }).collect();
        let mut covariance = vec![0.0; dim * dim];
        for i in (0..n).step_by(n.div_ceil(COVARIANCE_VECTORS)) {
            let vector: Vec<f64> = self.vector(i).enumerate().map(|(d, v)| (v - mean[d]) * gain[d]).collect();
            for (row, a) in covariance.chunks_exact_mut(dim).zip(&vector) {
                row.iter_mut().zip(&vector).for_each(|(sum, b)| *sum += a * b);
            }
        }
        let basis = leading_space(&covariance, dim, options.components.clamp(1, dim));
        let rows = basis.chunks_exact(dim);
        Scorer {
            version: Scorer::VERSION,
            kind: "clusters".to_owned(),
            features: ScorerInput { network: network.to_owned(), dim },
            mean: mean.iter().map(|m| *m as f32).collect(),
            projection: Some(rows.map(|row| row.iter().zip(&gain).map(|(b, g)| (b * g) as f32).collect()).collect()),
            hidden: None,
            weight: Vec::new(),
            bias: Vec::new(),
            activation: ScorerActivation::Cosine,
            temperature: TEMPERATURE,
            classes: Vec::new(),
            prototypes: None,
            guided: options.guided,
            provenance: serde_json::Map::new(),
        }
    }

    fn projected(&self, scorer: &Scorer) -> Vec<f32> {
        let (mut all, mut z, mut features) = (Vec::new(), Vec::new(), Vec::new());
        for vector in self.vectors.chunks_exact(self.dim) {
            features.clear();
            features.extend(vector.iter().map(|v| v.to_f32()));
            scorer.project(&features, &mut z);
            all.extend_from_slice(&z);
        }
        all
    }

    fn statistics(&self, assigned: &[(usize, f32)], clusters: usize) -> Vec<ClusterStatistics> {
        let mut statistics = vec![ClusterStatistics::default(); clusters];
        let mut first = 0;
        for places in self.places.chunk_by(|a, b| a.0 == b.0) {
            let of_chip = first..first + places.len();
            first = of_chip.end;
            let mut square = vec![None; self.side * self.side];
            let at = |i: usize| self.places[i].1 * self.side + self.places[i].2;
            of_chip.clone().for_each(|i| square[at(i)] = Some(assigned[i].0));
            let lengths = elongations(&square, self.side);
            for i in of_chip {
                let cluster = &mut statistics[assigned[i].0];
                cluster.add(self.looks[i]);
                cluster.elongation += lengths[at(i)];
            }
        }
        statistics.iter_mut().for_each(|s| s.finish(assigned.len() as u64));
        statistics
    }

    /// The patches nearest to each centre, one of each chip before a second one of any.
    fn examples(&self, assigned: &[(usize, f32)], clusters: usize) -> Vec<Vec<(ChipId, Window)>> {
        let of_cluster = |cluster: usize| {
            let mut members: Vec<usize> = (0..assigned.len()).filter(|i| assigned[*i].0 == cluster).collect();
            members.sort_by(|a, b| assigned[*b].1.total_cmp(&assigned[*a].1));
            let mut seen = std::collections::BTreeMap::new();
            let turn = |i: &usize| {
                let turn = seen.entry(self.places[*i].0).or_insert(0);
                *turn += 1;
                *turn
            };
            let mut turns: Vec<(i32, usize)> = members.iter().map(turn).zip(members.iter().copied()).collect();
            turns.sort_by_key(|(turn, _)| *turn); // stable: within a turn the nearest stay first
            turns.into_iter().take(EXAMPLES).map(|(_, i)| (self.chips[self.places[i].0], self.windows[i])).collect()
        };
        (0..clusters).map(of_cluster).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_over_the_mosaic() {
        let all: Vec<ChipId> = (0..40).flat_map(|row| (0..50).map(move |col| ChipId { row, col })).collect();
        let some = stratified(&all, 100, 3);
        assert!((80..=100).contains(&some.len()), "{}", some.len());
        for (rows, cols) in [(0..20, 0..25), (20..40, 0..25), (0..20, 25..50), (20..40, 25..50)] {
            let inside = some.iter().filter(|id| rows.contains(&id.row) && cols.contains(&id.col)).count();
            assert!((15..=35).contains(&inside), "{inside} in a quarter");
        }
        assert_eq!(stratified(&all, 100, 3), some, "again the same");
        assert_eq!(stratified(&all[..7], 100, 3), all[..7], "few are all taken");
    }
}
