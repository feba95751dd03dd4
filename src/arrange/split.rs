//! Segments cut where they meet, by snap rounding: crossings move to the lattice, and a segment that passes a vertex within
//! a step of the lattice goes through it (after J. Hobby, "Practical segment intersection with finite precision output",
//! 1999). What a cut has bent is held against the others again, until nothing crosses.

use super::point::{Point, crossing, is_on};

/// A straight piece of a line, with the number of that line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    pub ends: (Point, Point),
    pub line: u32,
}

/// Bent segments settle after two or three rounds.
const MOST_ROUNDS: usize = 16;

/// Segments that meet in their ends only.
pub(super) fn split(segments: Vec<Segment>, cell: i64) -> Vec<Segment> {
    let mut segments: Vec<(Segment, bool)> = segments.into_iter().map(|segment| (segment, true)).collect();
    for _ in 0..MOST_ROUNDS {
        let cuts = cuts(&segments, cell);
        if cuts.is_empty() {
            break;
        }
        segments = cut(&segments, &cuts);
    }
    segments.into_iter().map(|(segment, _)| segment).collect()
}

/// Where segments are to be cut, in the order of their numbers; pairs of which neither is new have been looked at.
fn cuts(segments: &[(Segment, bool)], cell: i64) -> Vec<(u32, Point)> {
    let mut entries = Vec::with_capacity(2 * segments.len());
    for (number, (segment, _)) in segments.iter().enumerate() {
        cells(segment.ends, cell, |at| entries.push((at, number as u32)));
    }
    entries.sort_unstable();
    let mut cuts = Vec::new();
    for here in entries.chunk_by(|a, b| a.0 == b.0) {
        for (i, &(_, first)) in here.iter().enumerate() {
            for &(_, second) in &here[i + 1..] {
                let (a, b) = (&segments[first as usize], &segments[second as usize]);
                if (a.1 || b.1) && near(a.0.ends, b.0.ends) {
                    meet((first, a.0.ends), (second, b.0.ends), &mut cuts);
                }
            }
        }
    }
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

/// The square cells that a segment passes, a step beside it included.
fn cells((a, b): (Point, Point), cell: i64, mut take: impl FnMut((i64, i64))) {
    let (low, high) = if a.y <= b.y { (a, b) } else { (b, a) };
    let slope = if high.y == low.y { 0.0 } else { (high.x - low.x) as f64 / (high.y - low.y) as f64 };
    for row in (low.y - 2).div_euclid(cell)..=(high.y + 2).div_euclid(cell) {
        let at = |y: i64| low.x as f64 + slope * (y.clamp(low.y, high.y) - low.y) as f64;
        let (mut from, mut to) = (at(row * cell - 2), at((row + 1) * cell + 2));
        if high.y == low.y {
            (from, to) = (low.x as f64, high.x as f64);
        }
        let (from, to) = (from.min(to).floor() as i64 - 2, from.max(to).ceil() as i64 + 2);
        for col in from.div_euclid(cell)..=to.div_euclid(cell) {
            take((row, col));
        }
    }
}

fn near((a, b): (Point, Point), (c, d): (Point, Point)) -> bool {
    let apart = |p: i64, q: i64, r: i64, s: i64| p.max(q) + 1 < r.min(s) || r.max(s) + 1 < p.min(q);
    !apart(a.x, b.x, c.x, d.x) && !apart(a.y, b.y, c.y, d.y)
}

type Numbered = (u32, (Point, Point));

fn meet((first, a): Numbered, (second, b): Numbered, cuts: &mut Vec<(u32, Point)>) {
    cuts.extend([b.0, b.1].into_iter().filter(|p| is_on(a, *p)).map(|p| (first, p)));
    cuts.extend([a.0, a.1].into_iter().filter(|p| is_on(b, *p)).map(|p| (second, p)));
    if let Some(p) = crossing(a, b) {
        let inside = |ends: (Point, Point)| p != ends.0 && p != ends.1;
        cuts.extend([(first, a), (second, b)].into_iter().filter(|(_, ends)| inside(*ends)).map(|(n, _)| (n, p)));
    }
}

fn cut(segments: &[(Segment, bool)], cuts: &[(u32, Point)]) -> Vec<(Segment, bool)> {
    let mut out = Vec::with_capacity(segments.len() + cuts.len());
    let mut rest = cuts;
    for (number, (segment, _)) in segments.iter().enumerate() {
        let count = rest.iter().take_while(|(n, _)| *n as usize == number).count();
        let (here, later) = rest.split_at(count);
        rest = later;
        if here.is_empty() {
            out.push((*segment, false));
            continue;
        }
        let (start, end) = segment.ends;
        let mut points: Vec<Point> = here.iter().map(|(_, p)| *p).collect();
        points.sort_by_key(|p| (p.minus(start).dot(end.minus(start)), *p));
        points.push(end);
        let mut from = start;
        for to in points {
            if from != to {
                out.push((Segment { ends: (from, to), line: segment.line }, true));
            }
            from = to;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::arrange::point::turn;

    fn crosses(a: (Point, Point), b: (Point, Point)) -> bool {
        let shares = a.0 == b.0 || a.0 == b.1 || a.1 == b.0 || a.1 == b.1;
        let on = |s: (Point, Point), p| {
            turn(s.0, s.1, p) == 0 && {
                let along = s.1.minus(s.0).dot(p.minus(s.0));
                along > 0 && along < s.1.minus(s.0).dot(s.1.minus(s.0))
            }
        };
        let touches = on(a, b.0) || on(a, b.1) || on(b, a.0) || on(b, a.1);
        touches || (!shares && crossing(a, b).is_some())
    }

    proptest! {
        /// Small coordinates, so that much falls on the same points.
        #[test]
        fn segments_meet_in_their_ends_only(
            ends in prop::collection::vec(((0..200_i64, 0..200_i64), (0..200_i64, 0..200_i64)), 2..40)
        ) {
            let point = |(x, y)| Point { x, y };
            let all = ends.into_iter().enumerate().map(|(i, (a, b))| (i, point(a), point(b))).filter(|(_, a, b)| a != b);
            let made = split(all.map(|(i, a, b)| Segment { ends: (a, b), line: i as u32 }).collect(), 32);
            for (i, a) in made.iter().enumerate() {
                for b in &made[i + 1..] {
                    prop_assert!(!crosses(a.ends, b.ends), "{a:?} {b:?}");
                }
            }
        }
    }
}
