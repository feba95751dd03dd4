//! What rings fill, once their edges are segments that meet in their ends only.

use super::Point;
use super::faces::Directed;
use super::snap::Segment;

/// Segments by the columns of the plane that they reach into, so that what lies below a point is found fast.
struct Columns<'a> {
    west: i64,
    width: i64,
    /// Segments that are not vertical.
    segments: Vec<Vec<&'a Segment>>,
}

/// The edges between what rings wind around once or more and all else, with the filled side to the left (y up).
pub(super) fn border(segments: &[Segment]) -> Vec<Directed> {
    let columns = Columns::new(segments);
    let directed = |s: &Segment| {
        let beside = columns.winding_below(s);
        // Left of a vertical segment, below any other: crossing a segment to its left adds its count.
        let (left, right) = if s.a.x == s.b.x { (beside, beside - s.count) } else { (beside + s.count, beside) };
        match (left > 0, right > 0) {
            (true, false) => Some((s.a, s.b)),
            (false, true) => Some((s.b, s.a)),
            _ => None,
        }
    };
    segments.iter().filter_map(directed).collect()
}

impl<'a> Columns<'a> {
    /// About four segments a column.
    fn new(segments: &'a [Segment]) -> Self {
        let west = segments.iter().map(|s| s.a.x).min().unwrap_or(0);
        let east = segments.iter().map(|s| s.b.x).max().unwrap_or(0);
        let count = (segments.len() / 4).clamp(1, 4096) as i64;
        let width = (east - west) / count + 1;
        let mut columns = vec![Vec::new(); ((east - west) / width + 1) as usize];
        let number = |x: i64| ((x - west) / width) as usize;
        for s in segments.iter().filter(|s| s.a.x < s.b.x) {
            columns[number(s.a.x)..=number(s.b.x)].iter_mut().for_each(|column| column.push(s));
        }
        Self { west, width, segments: columns }
    }

    /// How often the rings wind around what lies just below the middle of a segment; just left of it where it is vertical.
    fn winding_below(&self, segment: &Segment) -> i64 {
        // In half units, so that the middle is a whole number; and a hair west of it, past any end right below.
        let middle = segment.a + segment.b;
        let column = &self.segments[((middle.x.div_euclid(2) - self.west) / self.width) as usize];
        let passes = |s: &&&Segment| 2 * s.a.x < middle.x && middle.x <= 2 * s.b.x;
        let below = |s: &&&Segment| (s.b - s.a).cross(middle - s.a - s.a) > 0;
        column.iter().filter(passes).filter(below).map(|s| s.count).sum()
    }
}

/// Twice the area to the left of edges that make closed rings.
pub(super) fn twice_area_left_of(edges: &[Directed]) -> i128 {
    let origin = edges.first().map_or(Point::default(), |(a, _)| *a);
    edges.iter().map(|(a, b)| i128::from((*a - origin).cross(*b - origin))).sum()
}

#[cfg(test)]
mod tests {
    use super::super::snap::snapped;
    use super::super::validity::tests::polygon;
    use super::*;
    use rstest::rstest;

    const SQUARE: &[(i64, i64)] = &[(0, 0), (9, 0), (9, 9), (0, 9)];

    #[rstest]
    #[case::a_square(vec![SQUARE], 162)]
    #[case::with_a_hole(vec![SQUARE, &[(2, 2), (4, 2), (4, 4), (2, 4)]], 154)]
    #[case::a_hole_beyond_the_exterior(vec![SQUARE, &[(5, 5), (12, 5), (12, 7), (5, 7)]], 146)]
    #[case::two_holes_on_one_place(vec![SQUARE, &[(2, 2), (4, 2), (4, 4)], &[(2, 2), (4, 2), (4, 4)]], 158)]
    #[case::wound_twice(vec![&[(0, 0), (9, 0), (9, 9), (0, 9), (0, 0), (5, 0), (5, 5), (0, 5)][..]], 162)]
    fn what_is_wound_around_once_or_more_is_filled(#[case] rings: Vec<&[(i64, i64)]>, #[case] twice: i128) {
        assert_eq!(twice_area_left_of(&border(&snapped(&polygon(&rings)))), twice);
    }
}
