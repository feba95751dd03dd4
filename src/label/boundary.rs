//! Borders decided again: ragged where single pixels decide, smooth where a neighbourhood does.

use super::{NO_PLANE, ScoreMap};

/// Gives each pixel that has another plane within `reach` (in columns or rows) the plane whose scores are the largest,
/// summed over the square of that reach; ties to the lowest plane. Pixels without imagery neither vote nor change.
///
/// Pixels near the border of the buffer are judged by what is seen: the caller keeps `reach` pixels around those that it uses.
pub(super) fn decide_borders(scores: &ScoreMap, planes: &mut [u8], reach: usize) {
    let cols = scores.window.cols as usize;
    if reach == 0 || planes.is_empty() {
        return;
    }
    let band = band(planes, cols, reach);
    let mut most = vec![0_u32; planes.len()];
    let mut winner = vec![NO_PLANE; planes.len()];
    for (plane, of_class) in scores.of_classes().enumerate() {
        let counted = of_class.iter().zip(&scores.valid).map(|(s, v)| u32::from(*s) * u32::from(*v != 0));
        for (at, sum) in box_sums(counted.collect(), cols, reach).into_iter().enumerate() {
            if winner[at] == NO_PLANE || sum > most[at] {
                (winner[at], most[at]) = (plane as u8, sum);
            }
        }
    }
    for ((plane, winner), in_band) in planes.iter_mut().zip(winner).zip(band) {
        if in_band && *plane != NO_PLANE {
            *plane = winner;
        }
    }
}

/// Where the square around a pixel holds another plane; voids are none.
fn band(planes: &[u8], cols: usize, reach: usize) -> Vec<bool> {
    let rows = planes.len() / cols;
    let differ = |a: u8, b: u8| a != b && a != NO_PLANE && b != NO_PLANE;
    // A border lies between two pixels that touch, corners too; its band is what comes within reach of either.
    let mut on_border = vec![0_u32; planes.len()];
    for at in 0..planes.len() {
        let (row, col) = (at / cols, at % cols);
        let mut meet = |other: usize| {
            if differ(planes[at], planes[other]) {
                (on_border[at], on_border[other]) = (1, 1);
            }
        };
        if col + 1 < cols {
            meet(at + 1);
        }
        if row + 1 < rows {
            meet(at + cols);
            if col + 1 < cols {
                meet(at + cols + 1);
            }
            if col > 0 {
                meet(at + cols - 1);
            }
        }
    }
    box_sums(on_border, cols, reach - 1).into_iter().map(|n| n > 0).collect()
}

/// The sum over the square of a reach around each pixel, as far as the buffer goes: by rows, then by columns.
fn box_sums(mut values: Vec<u32>, cols: usize, reach: usize) -> Vec<u32> {
    let rows = values.len() / cols;
    let mut line = Vec::with_capacity(cols.max(rows));
    for row in values.chunks_exact_mut(cols) {
        line.clear();
        line.extend_from_slice(row);
        sliding(&line, reach, |at, sum| row[at] = sum);
    }
    for col in 0..cols {
        line.clear();
        line.extend((0..rows).map(|row| values[row * cols + col]));
        sliding(&line, reach, |at, sum| values[at * cols + col] = sum);
    }
    values
}

fn sliding(line: &[u32], reach: usize, mut set: impl FnMut(usize, u32)) {
    let mut sum: u32 = line.iter().take(reach).sum();
    for at in 0..line.len() {
        sum += line.get(at + reach).unwrap_or(&0);
        set(at, sum);
        if at >= reach {
            sum -= line[at - reach];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::georef::Window;
    use crate::scheme::ClassId;

    #[test]
    fn sums_are_those_of_the_square() {
        let values: Vec<u32> = (0..7 * 5).map(|i| (i * 31) % 17).collect();
        for reach in 0..4 {
            let sums = box_sums(values.clone(), 7, reach);
            for (at, sum) in sums.into_iter().enumerate() {
                let near =
                    |other: &usize| (other % 7).abs_diff(at % 7) <= reach && (other / 7).abs_diff(at / 7) <= reach;
                let expected: u32 = (0..35).filter(near).map(|other| values[other]).sum();
                assert_eq!(sum, expected, "reach {reach} at {at}");
            }
        }
    }

    #[test]
    fn a_ragged_border_becomes_smooth_and_what_is_far_from_it_stays() {
        let window = Window::new(0, 0, 40, 20);
        // Left is plane 0, right is plane 1, and every other row of the border juts out by two; a sure dot is far off.
        let truth = |i: usize| u8::from(i % 40 >= if (i / 40).is_multiple_of(2) { 18 } else { 22 });
        let mut planes: Vec<u8> = (0..window.pixels()).map(truth).collect();
        planes[5 * 40 + 3] = NO_PLANE;
        let scores = (0..2_u8).flat_map(|c| planes.iter().map(move |p| if *p == c { 200 } else { 50 })).collect();
        let valid = planes.iter().map(|p| u8::from(*p != NO_PLANE)).collect();
        let map = ScoreMap { window, classes: vec![ClassId(1), ClassId(2)], scores, valid };
        let before = planes.clone();
        decide_borders(&map, &mut planes, 4);
        let ends: Vec<usize> =
            (4..16).map(|row| planes[row * 40..][..40].iter().filter(|p| **p == 0).count()).collect();
        let (least, most) = (ends.iter().min().expect("rows"), ends.iter().max().expect("rows"));
        assert!(most - least <= 2, "{ends:?}");
        for at in (0..800).filter(|at| at % 40 < 12 || at % 40 > 28) {
            assert_eq!(planes[at], before[at], "far from the border");
        }
    }
}
