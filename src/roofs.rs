//! Roofs that touch, told apart.
//!
//! A model of classes gives one region where roofs touch, but it is less sure along the walls between them, and where they
//! touch in part the region has a waist. Both are put into one relief over the region, from 0 to 1: how sure the model is
//! around a pixel, times `d / (d + 0.5 m)` of the pixel's distance `d` to the region's border. Roofs are its hills: it is
//! flooded from the summits down (watershed by union-find), and two hills that meet stay apart only if the lower one
//! stands out of the saddle by the height that was asked for and is as large as a roof (dynamics: M. Grimaud 1992,
//! DOI 10.1117/12.60650).
//!
//! The order is that of the relief, then that of the pixels: the parts depend on the region alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::distance::distances;
use crate::polygonize::DisjointSets;

/// How roofs are told apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoofOptions {
    /// How far a roof stands out of the saddle to its neighbour, as a share of certainty, 0 to 1.
    pub least_drop: f64,
    /// What stands out but is smaller belongs to its neighbour.
    pub min_area_m2: f64,
    /// Roofs that end up smaller join the roof beside them with the longest common border.
    pub join_below_m2: f64,
    /// How far around a pixel the model is asked.
    pub around_m: f64,
}

impl RoofOptions {
    /// Apart by so much of certainty.
    #[must_use]
    pub fn apart_by(least_drop: f64) -> Self {
        Self { least_drop, min_area_m2: 4.0, join_below_m2: 0.0, around_m: 0.9 }
    }
}

/// At this distance from the border of its region a pixel counts half.
const HALF_M: f64 = 0.5;

/// The pixels of one region of buildings, row by row, in a window with an empty pixel all around.
#[derive(Debug, Clone, Copy)]
pub struct Roofs<'a> {
    /// Whether a pixel belongs to the region.
    pub inside: &'a [bool],
    /// How sure the model is, 0 to 255, where that is known.
    pub confidence: Option<&'a [u8]>,
    /// The width of the window.
    pub cols: usize,
    /// The width and height of a pixel on the ground, in metres.
    pub pixel_m: [f64; 2],
}

impl Roofs<'_> {
    /// The part that each pixel belongs to, counted from 1 in the row-major order of their first pixels; 0 outside. Each
    /// part is connected by the sides of pixels.
    #[must_use]
    pub fn parts(&self, options: &RoofOptions) -> Vec<u32> {
        let relief = self.relief(options);
        let mut order: Vec<u32> = (0..self.inside.len() as u32).filter(|p| self.inside[*p as usize]).collect();
        order.sort_unstable_by(|a, b| relief[*b as usize].total_cmp(&relief[*a as usize]).then(a.cmp(b)));
        let min_area_px = options.min_area_m2 / (self.pixel_m[0] * self.pixel_m[1]);
        let mut flood = Flood {
            hill: vec![NONE; self.inside.len()],
            sets: DisjointSets::new(0),
            summit: Vec::new(),
            size: Vec::new(),
        };
        for &pixel in &order {
            flood.rise(pixel as usize, self.cols, (&relief, options.least_drop as f32, min_area_px));
        }
        let join_below_px = options.join_below_m2 / (self.pixel_m[0] * self.pixel_m[1]);
        flood.join_small(self.cols, join_below_px);
        flood.numbered()
    }

    fn relief(&self, options: &RoofOptions) -> Vec<f32> {
        let distance_m = distances(self.inside, self.cols, self.pixel_m);
        let shape = |d: f64| d / (d + HALF_M);
        match self.confidence {
            Some(confidence) => {
                let sure = self.mean_around(confidence, options.around_m);
                distance_m.iter().zip(sure).map(|(d, sure)| (shape(*d) * sure / 255.0) as f32).collect()
            }
            None => distance_m.iter().map(|d| shape(*d) as f32).collect(),
        }
    }

    /// The mean over the pixels of the region in a square around each: sums of whole numbers, so it knows no order.
    fn mean_around(&self, values: &[u8], around_m: f64) -> Vec<f64> {
        let reach = self.pixel_m.map(|m| (around_m / m).round() as usize);
        let inside = |i: usize| u32::from(self.inside[i]);
        let sums = self.box_sums((0..values.len()).map(|i| inside(i) * u32::from(values[i])).collect(), reach);
        let counts = self.box_sums((0..values.len()).map(inside).collect(), reach);
        sums.iter().zip(counts).map(|(sum, count)| f64::from(*sum) / f64::from(count.max(1))).collect()
    }

    fn box_sums(&self, mut values: Vec<u32>, [across, down]: [usize; 2]) -> Vec<u32> {
        let rows = values.len().checked_div(self.cols).unwrap_or(0);
        for row in 0..rows {
            running_sums(&mut values, (row * self.cols, 1, self.cols), across);
        }
        for col in 0..self.cols {
            running_sums(&mut values, (col, self.cols, rows), down);
        }
        values
    }
}

/// Each value of a line (its start, step and length) becomes the sum of those within a reach.
fn running_sums(values: &mut [u32], (start, step, count): (usize, usize, usize), reach: usize) {
    let line: Vec<u32> = (0..count).map(|i| values[start + i * step]).collect();
    let mut sum: u32 = line.iter().take(reach).sum();
    for i in 0..count {
        sum += line.get(i + reach).copied().unwrap_or(0);
        values[start + i * step] = sum;
        sum -= if i >= reach { line[i - reach] } else { 0 };
    }
}

const NONE: u32 = u32::MAX;

/// Hills, numbered as they come out of the water: the higher of two has the smaller number.
struct Flood {
    /// The hill of each pixel that is out of the water.
    hill: Vec<u32>,
    sets: DisjointSets,
    summit: Vec<f32>,
    size: Vec<u32>,
}

impl Flood {
    /// The next pixel comes out: a new hill, or a part of the highest beside it; lower ones beside it may become one with
    /// that.
    fn rise(&mut self, pixel: usize, cols: usize, (relief, drop, min_size): (&[f32], f32, f64)) {
        let near = [pixel - cols, pixel - 1, pixel + 1, pixel + cols].map(|p| self.hill[p]);
        let mut hills = near.map(|hill| if hill == NONE { NONE } else { self.sets.find(hill) });
        hills.sort_unstable();
        let here = relief[pixel];
        if hills[0] == NONE {
            self.hill[pixel] = self.sets.push();
            self.summit.push(here);
            self.size.push(1);
            return;
        }
        let highest = hills[0] as usize;
        self.hill[pixel] = hills[0];
        self.size[highest] += 1;
        let mut last = hills[0];
        for &other in hills[1..].iter().take_while(|hill| **hill != NONE) {
            let lower = other as usize;
            if other != last && (self.summit[lower] - here < drop || f64::from(self.size[lower]) < min_size) {
                self.sets.unite(hills[0], other);
                self.size[highest] += self.size[lower];
            }
            last = other;
        }
    }

    /// Joins roofs that are too small to one beside them, the smallest first, of the same size the one numbered first.
    fn join_small(&mut self, cols: usize, least_px: f64) {
        let mut sizes: BTreeMap<u32, u64> = BTreeMap::new();
        let mut borders: BTreeMap<u32, BTreeMap<u32, u64>> = BTreeMap::new();
        for pixel in (0..self.hill.len()).filter(|pixel| self.hill[*pixel] != NONE).collect::<Vec<_>>() {
            let own = self.sets.find(self.hill[pixel]);
            *sizes.entry(own).or_default() += 1;
            for beside in [pixel + 1, pixel + cols].map(|p| self.hill[p]).into_iter().filter(|hill| *hill != NONE) {
                let other = self.sets.find(beside);
                if other != own {
                    *borders.entry(own).or_default().entry(other).or_default() += 1;
                    *borders.entry(other).or_default().entry(own).or_default() += 1;
                }
            }
        }
        let mut joined = Vec::new();
        let mut small: BTreeSet<(u64, u32)> = sizes.iter().map(|(hill, size)| (*size, *hill)).collect();
        while let Some((size, hill)) = small.pop_first().filter(|(size, _)| (*size as f64) < least_px) {
            let beside = borders.remove(&hill).unwrap_or_default();
            let Some((&target, _)) = beside.iter().rev().max_by_key(|(_, length)| **length) else { continue };
            let grown = sizes.get(&target).copied().unwrap_or_default();
            small.remove(&(grown, target));
            small.insert((grown + size, target));
            sizes.insert(target, grown + size);
            joined.push((hill, target));
            for (other, length) in beside {
                let of_other = borders.entry(other).or_default();
                of_other.remove(&hill);
                if other != target {
                    *of_other.entry(target).or_default() += length;
                    *borders.entry(target).or_default().entry(other).or_default() += length;
                }
            }
        }
        for (hill, target) in joined {
            self.sets.unite(hill, target);
        }
    }

    fn numbered(mut self) -> Vec<u32> {
        let mut numbers = HashMap::new();
        let hills = std::mem::take(&mut self.hill);
        let mut number = |hill: u32| {
            let next = numbers.len() as u32 + 1;
            if hill == NONE { 0 } else { *numbers.entry(self.sets.find(hill)).or_insert(next) }
        };
        hills.into_iter().map(&mut number).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLS: usize = 60;

    /// Rectangles (left, top, right, bottom) in a window of 60 × 40 pixels of half a metre.
    fn region(rectangles: &[[usize; 4]]) -> Vec<bool> {
        let within = |i: usize, [l, t, r, b]: [usize; 4]| (l..r).contains(&(i % COLS)) && (t..b).contains(&(i / COLS));
        (0..COLS * 40).map(|i| rectangles.iter().any(|rectangle| within(i, *rectangle))).collect()
    }

    fn parts(inside: &[bool], confidence: Option<&[u8]>) -> Vec<u32> {
        let roofs = Roofs { inside, confidence, cols: COLS, pixel_m: [0.5, 0.5] };
        roofs.parts(&RoofOptions::apart_by(0.06))
    }

    #[test]
    fn roofs_that_touch_by_a_corner_are_two() {
        let inside = region(&[[5, 5, 25, 20], [23, 18, 45, 33]]);
        let found = parts(&inside, None);
        assert_eq!(found.iter().max(), Some(&2));
        assert_eq!((found[6 * COLS + 6], found[30 * COLS + 40]), (1, 2));
        assert!(found.iter().zip(&inside).all(|(part, inside)| (*part > 0) == *inside));
    }

    #[test]
    fn a_roof_too_small_to_stand_alone_joins_the_one_it_touches_most() {
        let inside = region(&[[5, 5, 25, 20], [23, 18, 31, 26]]);
        let with = |join_below_m2: f64| {
            let roofs = Roofs { inside: &inside, confidence: None, cols: COLS, pixel_m: [0.5, 0.5] };
            roofs.parts(&RoofOptions { join_below_m2, ..RoofOptions::apart_by(0.06) }).into_iter().max()
        };
        assert_eq!([with(0.0), with(5.0), with(20.0)], [Some(2), Some(2), Some(1)]);
    }

    #[test]
    fn one_roof_stays_one_whatever_its_shape() {
        for rectangles in [vec![[5, 5, 50, 20]], vec![[5, 5, 20, 35], [5, 5, 45, 20]], vec![[5, 5, 8, 35]]] {
            let found = parts(&region(&rectangles), None);
            assert_eq!(found.iter().max(), Some(&1), "{rectangles:?}");
        }
    }

    #[test]
    fn a_wall_where_the_model_is_less_sure_parts_a_block() {
        let inside = region(&[[5, 5, 55, 30]]);
        let sure = |low: u8| -> Vec<u8> {
            (0..inside.len()).map(|i| if (29..32).contains(&(i % COLS)) { low } else { 240 }).collect()
        };
        let found = parts(&inside, Some(&sure(120)));
        assert_eq!(found.iter().max(), Some(&2));
        let borders = (6..29).map(|row| (5..54).find(|col| found[row * COLS + col] != found[row * COLS + col + 1]));
        assert!(
            borders.clone().all(|col| col.is_some_and(|col| (28..32).contains(&col))),
            "{:?}",
            borders.collect::<Vec<_>>()
        );
        assert_eq!(parts(&inside, Some(&sure(236))).iter().max(), Some(&1), "a shade is no wall");
    }

    #[test]
    fn specks_are_no_roofs() {
        // A chimney of 1 m² that the model is very sure of.
        let inside = region(&[[5, 5, 55, 30]]);
        let sure: Vec<u8> =
            (0..inside.len()).map(|i| if i % COLS / 2 == 20 && i / COLS / 2 == 8 { 255 } else { 150 }).collect();
        assert_eq!(parts(&inside, Some(&sure)).iter().max(), Some(&1));
        assert!(
            Roofs { inside: &[], confidence: None, cols: 0, pixel_m: [1.0; 2] }
                .parts(&RoofOptions::apart_by(0.1))
                .is_empty()
        );
    }
}
