//! Small holes filled and small islands taken away, as segment-anything's `remove_small_regions` does.

use super::mask::{MaskRun, runs_of};

/// Fills holes below an area, then takes islands below it away; where all are, the largest stays. Regions are connected by
/// sides and corners. `None` where nothing changes.
pub(super) fn without_small(runs: &[MaskRun], side: usize, min_px: u32) -> Option<Vec<MaskRun>> {
    let mut inside = vec![false; side * side];
    for run in runs {
        let row = usize::from(run.row) * side;
        inside[row + usize::from(run.start)..row + usize::from(run.end)].fill(true);
    }
    let holes = small(&inside, side, false, min_px);
    for region in &holes.small {
        region.iter().for_each(|at| inside[*at] = true);
    }
    let mut islands = small(&inside, side, true, min_px);
    let changed = !holes.small.is_empty() || !islands.small.is_empty(); // also where the largest island is let stay
    if islands.others == 0 {
        // The first of the largest stays.
        let largest = (0..islands.small.len()).rev().max_by_key(|i| islands.small[*i].len());
        largest.map(|i| islands.small.swap_remove(i));
    }
    for region in &islands.small {
        region.iter().for_each(|at| inside[*at] = false);
    }
    changed.then(|| runs_of(&inside, side))
}

struct Regions {
    /// The pixels of each region below the area, in row-major order of their first pixels.
    small: Vec<Vec<usize>>,
    /// How many are not below it.
    others: usize,
}

/// The connected regions of pixels that are `of`.
fn small(inside: &[bool], side: usize, of: bool, min_px: u32) -> Regions {
    let mut seen = vec![false; inside.len()];
    let mut regions = Regions { small: Vec::new(), others: 0 };
    for first in 0..inside.len() {
        if inside[first] != of || seen[first] {
            continue;
        }
        seen[first] = true;
        let mut region = vec![first];
        let mut next = 0;
        while next < region.len() {
            let (row, col) = (region[next] / side, region[next] % side);
            for r in row.saturating_sub(1)..(row + 2).min(side) {
                for at in r * side + col.saturating_sub(1)..r * side + (col + 2).min(side) {
                    if inside[at] == of && !seen[at] {
                        seen[at] = true;
                        region.push(at);
                    }
                }
            }
            next += 1;
        }
        if region.len() < min_px as usize { regions.small.push(region) } else { regions.others += 1 }
    }
    regions
}

#[cfg(test)]
mod tests {
    use super::super::mask::append_runs;
    use super::*;

    fn runs(picture: &[&str]) -> Vec<MaskRun> {
        let mut runs = Vec::new();
        for (row, line) in picture.iter().enumerate() {
            append_runs(row as u16, &line.bytes().map(|b| b == b'#').collect::<Vec<_>>(), &mut runs);
        }
        runs
    }

    #[test]
    fn holes_are_filled_before_islands_go_and_the_largest_stays() {
        let before = runs(&["#####..", "#.###..", "#####..", ".......", "......#", "#......", "##....."]);
        let after = runs(&["#####..", "#####..", "#####..", ".......", ".......", ".......", "......."]);
        assert_eq!(without_small(&before, 7, 4), Some(after));
        assert_eq!(without_small(&before, 7, 1), None, "nothing is that small");
        let corner = runs(&["#......", ".#.....", "..#....", ".......", "......#", ".......", "......."]);
        let kept = runs(&["#......", ".#.....", "..#....", ".......", ".......", ".......", "......."]);
        assert_eq!(without_small(&corner, 7, 9), Some(kept), "corners connect, and one island stays");
    }
}
