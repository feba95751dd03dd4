//! A centre line as the lines of a tile.

use geo::{Coord, LineString, Simplify};

use super::TileOptions;
use super::quantize::{EXTENT, TileGrid};
use crate::encode::rings::Point;
use crate::feature::StoredCentreline;

/// The parts of a line in a tile and its buffer, in whole units, with what half a unit needs; none where it is a speck.
pub(super) fn parts(stored: &StoredCentreline, grid: &TileGrid, options: &TileOptions) -> Vec<Vec<Point>> {
    let exact = |[x, y]: &[u32; 2]| {
        let p = grid.point(*x, *y);
        Coord { x: p.x as f64, y: p.y as f64 }
    };
    let simple = LineString(stored.vertices.iter().map(exact).collect()).simplify(0.5);
    let margin = f64::from(options.buffer_units);
    let mut parts: Vec<Vec<Point>> = Vec::new();
    let mut end = None;
    for line in simple.lines() {
        let Some([from, to]) = clipped(line.start, line.end, -margin, EXTENT as f64 + margin) else { continue };
        let [first, last] = [from, to].map(|c| Point { x: c.x.round() as i64, y: c.y.round() as i64 });
        if first == last {
            continue;
        }
        match parts.last_mut() {
            Some(part) if end == Some(first) => part.push(last),
            _ => parts.push(vec![first, last]),
        }
        end = Some(last);
    }
    parts
}

/// The part of a segment in a square (Y.-D. Liang, B. A. Barsky 1984).
fn clipped(a: Coord<f64>, b: Coord<f64>, min: f64, max: f64) -> Option<[Coord<f64>; 2]> {
    let (mut enters, mut leaves, way) = (0.0_f64, 1.0_f64, b - a);
    for (step, room) in [(-way.x, a.x - min), (way.x, max - a.x), (-way.y, a.y - min), (way.y, max - a.y)] {
        if step == 0.0 {
            if room < 0.0 {
                return None;
            }
        } else if step < 0.0 {
            enters = enters.max(room / step);
        } else {
            leaves = leaves.min(room / step);
        }
    }
    let at = |part: f64| if part >= 1.0 { b } else { a + way * part };
    (enters <= leaves).then(|| [at(enters), at(leaves)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_cut_at_the_square() {
        let at = |x, y| Coord { x, y };
        assert_eq!(clipped(at(-10.0, 5.0), at(30.0, 5.0), 0.0, 20.0), Some([at(0.0, 5.0), at(20.0, 5.0)]));
        assert_eq!(clipped(at(3.0, 5.0), at(7.0, 9.0), 0.0, 20.0), Some([at(3.0, 5.0), at(7.0, 9.0)]));
        assert_eq!(clipped(at(-5.0, 2.0), at(2.0, -6.0), 0.0, 20.0), None);
        assert_eq!(clipped(at(-5.0, 25.0), at(30.0, 25.0), 0.0, 20.0), None);
    }
}
