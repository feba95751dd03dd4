//! How far every cell of a raster is from the nearest empty one.

/// The distance of every cell inside to the middle of the nearest empty one, 0 for empty cells; `cell` is the width and
/// the height of a cell in the unit of the answer. Where nothing is empty, all are far away.
///
/// Exact and linear (P. Felzenszwalb, D. Huttenlocher 2012, DOI 10.4086/toc.2012.v008a019).
#[must_use]
pub fn distances(inside: &[bool], cols: usize, cell: [f64; 2]) -> Vec<f64> {
    let far = 1e12;
    let mut squared: Vec<f64> = inside.iter().map(|inside| if *inside { far } else { 0.0 }).collect();
    let rows = squared.len().checked_div(cols).unwrap_or(0);
    let mut envelope = Envelope::default();
    for col in 0..cols {
        let column: Vec<f64> = (0..rows).map(|row| squared[row * cols + col]).collect();
        envelope.lower(&column, cell[1], |row, v| squared[row * cols + col] = v);
    }
    for row in squared.chunks_exact_mut(cols.max(1)) {
        let line = row.to_vec();
        envelope.lower(&line, cell[0], |col, v| row[col] = v);
    }
    squared.iter_mut().for_each(|v| *v = v.sqrt());
    squared
}

/// The lower envelope of the parabolas over a line.
#[derive(Default)]
struct Envelope {
    /// Where each parabola stands, and from where on it is the lowest.
    parabolas: Vec<(usize, f64)>,
}

impl Envelope {
    fn lower(&mut self, line: &[f64], step: f64, mut set: impl FnMut(usize, f64)) {
        self.parabolas.clear();
        for (at, height) in line.iter().enumerate() {
            let mut from = f64::NEG_INFINITY;
            while let Some(&(other, start)) = self.parabolas.last() {
                let (p, q) = (at as f64 * step, other as f64 * step);
                from = ((height + p * p) - (line[other] + q * q)) / (2.0 * (p - q));
                if from > start {
                    break;
                }
                self.parabolas.pop();
                from = f64::NEG_INFINITY;
            }
            self.parabolas.push((at, from));
        }
        let mut lowest = 0;
        for at in 0..line.len() {
            let here = at as f64 * step;
            while self.parabolas.get(lowest + 1).is_some_and(|(_, from)| *from <= here) {
                lowest += 1;
            }
            let other = self.parabolas[lowest].0;
            set(at, (here - other as f64 * step).powi(2) + line[other]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_nearest_empty_cell() {
        let (cols, rows, cell) = (23, 17, [0.3, 0.7]);
        let inside: Vec<bool> = (0..cols * rows).map(|i| i * i % 11 != 3).collect();
        let found = distances(&inside, cols, cell);
        for (at, distance) in found.iter().enumerate() {
            let to = |other: usize| {
                let (dx, dy) = (at % cols, at / cols);
                let (dx, dy) = (dx as f64 - (other % cols) as f64, dy as f64 - (other / cols) as f64);
                (dx * cell[0]).hypot(dy * cell[1])
            };
            let nearest = (0..inside.len()).filter(|i| !inside[*i]).map(to).fold(f64::INFINITY, f64::min);
            assert!((distance - nearest).abs() < 1e-9, "cell {at}: {distance}, not {nearest}");
        }
    }

    #[test]
    fn nothing_has_no_distances() {
        assert!(distances(&[], 0, [1.0, 1.0]).is_empty());
        assert!(distances(&[true; 4], 2, [1.0, 1.0]).iter().all(|d| *d > 1e5));
    }
}
