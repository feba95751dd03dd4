//! The importance of vertices, after Douglas & Peucker, "Algorithms for the reduction of the number of points required
//! to represent a digitized line or its caricature" (1973).

use geo::Coord;

use super::lines::Lines;

/// Ranks every line, down to the importance `floor`; vertices below it stay at 0.
pub(super) fn rank(lines: &mut Lines, floor: f64) {
    let mut stack = Vec::new();
    for line in 0..lines.len() {
        let range = lines.range(line);
        rank_line(&lines.points[range.clone()], &mut lines.importance[range], floor, &mut stack);
    }
}

/// A part of a line that is still to be split, and the importance of the vertex that split it off.
pub(super) type Part = (usize, usize, f32);

/// Ranks the vertices of one line. Its ends are always needed, of closed lines two vertices more, and what is infinite
/// already.
pub(super) fn rank_line(points: &[Coord<f64>], importance: &mut [f32], floor: f64, stack: &mut Vec<Part>) {
    let last = points.len() - 1;
    importance[0] = f32::INFINITY;
    importance[last] = f32::INFINITY;
    if points[0] == points[last] {
        fix_closed(points, importance);
    }
    let mut from = 0;
    for (to, _) in importance.iter().enumerate().skip(1).filter(|(_, rank)| rank.is_infinite()) {
        stack.push((from, to, f32::INFINITY));
        from = to;
    }
    while let Some((from, to, cap)) = stack.pop() {
        let Some((farthest, distance)) = farthest(points, from, to) else { continue };
        let distance = distance as f32;
        if distance < floor as f32 {
            continue;
        }
        // A part never counts more than what split it off, so that filtering by importance is Douglas-Peucker.
        let rank = distance.min(cap);
        let split = balanced(points, (from, to), farthest);
        importance[split] = rank;
        stack.push((from, split, rank));
        stack.push((split, to, rank));
    }
}

/// Where to split a part: at its farthest vertex, but in a long part rather near the middle if a vertex there is at least
/// half as far. Splitting off a little each time would take quadratic time.
fn balanced(points: &[Coord<f64>], (from, to): (usize, usize), farthest: usize) -> usize {
    const LONG: usize = 1024;
    let quarter = (to - from) / 4;
    if to - from < LONG || (from + quarter..=to - quarter).contains(&farthest) {
        return farthest;
    }
    let distance2 = |k: usize| distance2(points[from], points[to], points[k]);
    let central = (from + quarter..=to - quarter).max_by(|&i, &j| distance2(i).total_cmp(&distance2(j)));
    central.filter(|&k| 4.0 * distance2(k) >= distance2(farthest)).unwrap_or(farthest)
}

/// A closed line keeps a triangle at least, and a rectangle its corners: half a pixel would look odd.
fn fix_closed(points: &[Coord<f64>], importance: &mut [f32]) {
    let last = points.len() - 1;
    if last <= 4 {
        importance.fill(f32::INFINITY);
        return;
    }
    let Some((opposite, _)) = farthest(points, 0, last) else { return };
    let aside = [farthest(points, 0, opposite), farthest(points, opposite, last)];
    let aside = aside.into_iter().flatten().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
    importance[opposite] = f32::INFINITY;
    importance[aside.map_or(opposite, |(index, _)| index)] = f32::INFINITY;
}

/// The vertex between two others that lies farthest from the segment between them, and its distance; of several the one
/// nearest the middle, which keeps the work balanced on lines that repeat.
pub(super) fn farthest(points: &[Coord<f64>], from: usize, to: usize) -> Option<(usize, f64)> {
    farthest_of(points, (from, to), |_| true)
}

/// The same, of some vertices.
pub(super) fn farthest_of(
    points: &[Coord<f64>],
    (from, to): (usize, usize),
    counts: impl Fn(usize) -> bool,
) -> Option<(usize, f64)> {
    let (a, b) = (points[from], points[to]);
    let middle = usize::midpoint(from, to);
    let mut best = (from, -1.0);
    for (k, &point) in points.iter().enumerate().take(to).skip(from + 1).filter(|(k, _)| counts(*k)) {
        let distance2 = distance2(a, b, point);
        if distance2 > best.1 || (distance2 >= best.1 && k.abs_diff(middle) < best.0.abs_diff(middle)) {
            best = (k, distance2);
        }
    }
    (best.0 > from).then(|| (best.0, best.1.sqrt()))
}

/// The square of the distance of a point from the segment between `a` and `b`.
fn distance2(a: Coord<f64>, b: Coord<f64>, point: Coord<f64>) -> f64 {
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    let (px, py) = (point.x - a.x, point.y - a.y);
    let (length2, along) = (dx * dx + dy * dy, px * dx + py * dy);
    if along <= 0.0 {
        px * px + py * py
    } else if along >= length2 {
        (point.x - b.x).powi(2) + (point.y - b.y).powi(2)
    } else {
        (px * dy - py * dx).powi(2) / length2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filtering_by_importance_leaves_out_what_is_near_the_line() {
        let line: Vec<_> =
            (0..300_u32).map(|i| Coord { x: f64::from(i), y: f64::from((i * i * 7 + i) % 23) }).collect();
        let mut importance = vec![0.0; line.len()];
        rank_line(&line, &mut importance, 0.0, &mut Vec::new());
        for tolerance in [1.0, 3.0, 9.0] {
            let kept: Vec<usize> = (0..line.len()).filter(|&i| importance[i] >= tolerance).collect();
            for pair in kept.windows(2) {
                let far = farthest(&line, pair[0], pair[1]).map_or(0.0, |(_, distance)| distance);
                assert!(far < f64::from(tolerance), "{far}");
            }
        }
    }

    #[test]
    fn a_long_comb_with_shrinking_teeth_takes_no_quadratic_time() {
        let teeth = 100_000_u32;
        let tooth = |i: u32| f64::from(i % 2) * 1e6 / f64::from(teeth) * f64::from(teeth - i);
        let line: Vec<_> = (0..teeth).map(|i| Coord { x: f64::from(i), y: tooth(i) }).collect();
        let mut importance = vec![0.0; line.len()];
        rank_line(&line, &mut importance, 1.0, &mut Vec::new());
        assert!(importance.iter().filter(|i| **i >= 1.0).count() > teeth as usize / 2);
    }
}
