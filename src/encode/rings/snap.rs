//! Segments split on whole units wherever they meet: snap rounding (J. D. Hobby, Practical segment intersection with finite
//! precision output, 1999).
//!
//! Ends of segments and places where two cross mark the unit squares they lie in. Every segment is led through the middles
//! of the marked squares that it passes. What comes out meets in its ends only, and nothing moves by more than 0.71 units.

use std::cmp::Ordering;
use std::ops::Range;

use super::{Point, Rings};

/// Edges between the same two points, as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Segment {
    /// The end further west; the southern one of a vertical segment (y up).
    pub(super) a: Point,
    pub(super) b: Point,
    /// How many edges lead from `a` to `b`, less those that lead back.
    pub(super) count: i64,
}

impl Segment {
    fn directed(from: Point, to: Point, count: i64) -> Self {
        if from < to { Self { a: from, b: to, count } } else { Self { a: to, b: from, count: -count } }
    }
}

/// The edges of rings as segments that meet in their ends only.
pub(super) fn snapped(rings: &Rings) -> Vec<Segment> {
    let edges = rings.iter().flat_map(|ring| ring.iter().zip(ring.iter().cycle().skip(1)));
    let segments = merged(edges.map(|(from, to)| Segment::directed(*from, *to, 1)).collect());
    let marked = Marked::new(&segments);
    let mut through = Vec::new();
    let mut pieces = Vec::with_capacity(segments.len());
    for segment in &segments {
        marked.passed(segment, &mut through);
        pieces.extend(through.windows(2).map(|pair| Segment::directed(pair[0], pair[1], segment.count)));
    }
    merged(pieces)
}

/// One segment between each two points; none where as many edges lead there as back.
fn merged(mut segments: Vec<Segment>) -> Vec<Segment> {
    segments.retain(|s| s.a != s.b);
    segments.sort_unstable();
    segments.dedup_by(|next, kept| {
        let same = (next.a, next.b) == (kept.a, kept.b);
        kept.count += if same { next.count } else { 0 };
        same
    });
    segments.retain(|s| s.count != 0);
    segments
}

/// The marked unit squares, by their middles.
struct Marked {
    /// By x, then y.
    points: Vec<Point>,
    /// The points of each x that occurs, ascending.
    columns: Vec<(i64, Range<usize>)>,
}

impl Marked {
    /// The squares of the ends and crossings of segments that are sorted.
    fn new(segments: &[Segment]) -> Self {
        let mut points: Vec<Point> = segments.iter().flat_map(|s| [s.a, s.b]).collect();
        for (i, s) in segments.iter().enumerate() {
            let (low, high) = (s.a.y.min(s.b.y), s.a.y.max(s.b.y));
            let near = segments[i + 1..].iter().take_while(|t| t.a.x <= s.b.x);
            let near = near.filter(|t| t.a.y.min(t.b.y) <= high && t.a.y.max(t.b.y) >= low);
            points.extend(near.filter_map(|t| crossing(s, t)));
        }
        points.sort_unstable();
        points.dedup();
        let mut columns: Vec<(i64, Range<usize>)> = Vec::new();
        for (i, p) in points.iter().enumerate() {
            match columns.last_mut() {
                Some((x, column)) if *x == p.x => column.end = i + 1,
                _ => columns.push((p.x, i..i + 1)),
            }
        }
        Self { points, columns }
    }

    /// The middles of the marked squares that a segment passes, from its end `a` to its end `b`.
    fn passed(&self, segment: &Segment, out: &mut Vec<Point>) {
        let Segment { a, b, .. } = *segment;
        let (low, high) = (a.y.min(b.y), a.y.max(b.y));
        let slope = (b.y - a.y) as f64 / (b.x - a.x).max(1) as f64;
        let first = self.columns.partition_point(|(x, _)| *x < a.x);
        out.clear();
        for (x, column) in self.columns[first..].iter().take_while(|(x, _)| *x <= b.x) {
            // The heights of a vertical segment in its column are all of it.
            let at = |x: f64| a.y as f64 + slope * (x - a.x as f64);
            let (left, right) = (at(*x as f64 - 0.5), at(*x as f64 + 0.5));
            let (from, to) = if a.x == b.x {
                (low, high)
            } else {
                (low.max(left.min(right).floor() as i64 - 1), high.min(left.max(right).ceil() as i64 + 1))
            };
            let column = &self.points[column.clone()];
            let column = &column[column.partition_point(|p| p.y < from)..column.partition_point(|p| p.y <= to)];
            let met = column.iter().filter(|p| passes(segment, **p));
            if b.y >= a.y { out.extend(met) } else { out.extend(met.rev()) }
        }
    }
}

/// The whole units nearest to where two segments cross; none where they touch, or share a line.
fn crossing(s: &Segment, t: &Segment) -> Option<Point> {
    let (along_s, along_t) = (s.b - s.a, t.b - t.a);
    let sides = |from: Point, along: Point, of: &Segment| [along.cross(of.a - from), along.cross(of.b - from)];
    let apart = |[a, b]: [i64; 2]| a.signum() * b.signum() < 0;
    let [a, b] = sides(t.a, along_t, s);
    if !apart([a, b]) || !apart(sides(s.a, along_s, t)) {
        return None;
    }
    // The crossing parts s in the ratio of the distances of its ends from t.
    let (part, whole) = (i128::from(a.abs()), i128::from(a.abs()) + i128::from(b.abs()));
    let nearest = |from: i64, along: i64| from + (2 * i128::from(along) * part + whole).div_euclid(2 * whole) as i64;
    Some(Point { x: nearest(s.a.x, along_s.x), y: nearest(s.a.y, along_s.y) })
}

/// Whether a point of a segment is rounded to a middle: lies in its square, of which the western and southern side are part.
fn passes(segment: &Segment, middle: Point) -> bool {
    let (from, along) = (segment.a - middle, segment.b - segment.a);
    let mut part = Part { low: Bound::closed(0, 1), high: Bound::closed(1, 1) };
    part.keep(from.x, along.x) && part.keep(from.y, along.y) && part.is_some()
}

/// A part of a segment, by shares of its length.
struct Part {
    low: Bound,
    high: Bound,
}

/// A share as a fraction with a positive denominator, and whether the part ends before it.
#[derive(Clone, Copy)]
struct Bound {
    over: i64,
    under: i64,
    open: bool,
}

impl Bound {
    fn closed(over: i64, under: i64) -> Self {
        Self { over, under, open: false }
    }

    fn compare(&self, other: &Self) -> Ordering {
        (i128::from(self.over) * i128::from(other.under)).cmp(&(i128::from(other.over) * i128::from(self.under)))
    }
}

impl Part {
    /// Keeps what lies in [-½, ½) along one axis; false where that is nothing, whatever the other axis says.
    fn keep(&mut self, from: i64, along: i64) -> bool {
        if along == 0 {
            return from == 0;
        }
        let under = 2 * along.abs();
        let (low, high) = if along > 0 {
            let at = |side: i64| side - 2 * from;
            (Bound::closed(at(-1), under), Bound { open: true, ..Bound::closed(at(1), under) })
        } else {
            let at = |side: i64| 2 * from - side;
            (Bound { open: true, ..Bound::closed(at(1), under) }, Bound::closed(at(-1), under))
        };
        self.low = match self.low.compare(&low) {
            Ordering::Less => low,
            Ordering::Equal => Bound { open: self.low.open || low.open, ..low },
            Ordering::Greater => self.low,
        };
        self.high = match self.high.compare(&high) {
            Ordering::Greater => high,
            Ordering::Equal => Bound { open: self.high.open || high.open, ..high },
            Ordering::Less => self.high,
        };
        true
    }

    fn is_some(&self) -> bool {
        match self.low.compare(&self.high) {
            Ordering::Less => true,
            Ordering::Equal => !self.low.open && !self.high.open,
            Ordering::Greater => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::validity::tests::polygon;
    use super::*;
    use proptest::prelude::*;

    /// Whether two segments share nothing but ends.
    fn meet_in_ends(s: &Segment, t: &Segment) -> bool {
        let side = |s: &Segment, p: Point| (s.b - s.a).cross(p - s.a).signum();
        let within = |s: &Segment, p: Point| side(s, p) == 0 && p != s.a && p != s.b && (p - s.a).dot(p - s.b) < 0;
        let crosses = side(s, t.a) * side(s, t.b) < 0 && side(t, s.a) * side(t, s.b) < 0;
        !crosses && ![t.a, t.b].iter().any(|p| within(s, *p)) && ![s.a, s.b].iter().any(|p| within(t, *p))
    }

    #[test]
    fn a_point_on_an_edge_splits_it() {
        let touching = polygon(&[&[(0, 0), (8, 0), (8, 8), (0, 8)], &[(2, 0), (4, 4), (3, 5)]]);
        assert!(snapped(&touching).iter().any(|s| s.a == Point { x: 0, y: 0 } && s.b == Point { x: 2, y: 0 }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn segments_meet_in_their_ends_only(
            ring in prop::collection::vec((0..40_i64, 0..40_i64), 3..40),
            scale in prop::sample::select(vec![1_i64, 7, 13_000_000]),
        ) {
            let ring: Vec<(i64, i64)> = ring.iter().map(|(x, y)| (x * scale + y % 3, y * scale - x % 5)).collect();
            let found = snapped(&polygon(&[&ring]));
            for (i, s) in found.iter().enumerate() {
                for t in &found[i + 1..] {
                    prop_assert!(meet_in_ends(s, t), "{s:?} {t:?}");
                }
            }
        }
    }
}
