//! Whether the rings of a polygon in whole units are a valid polygon (OGC 06-103r4, 6.1.11).

use super::inside::{RowedRing, corners};
use super::{Point, Rings};

/// Whether no ring meets itself, rings meet in at most single points that leave the interior in one piece,
/// and every hole lies in the exterior and in no other hole. Rings have an area and no spikes ([`Rings::close`]).
pub(in crate::encode) fn is_valid(rings: &Rings, work: &mut Vec<Edge>) -> bool {
    if rings.convex {
        return true;
    }
    if rings.ends.len() == 1 && rings.points.len() <= SMALL {
        return small_ring_is_simple(&rings.points);
    }
    edges(rings, work);
    let mut touches = Vec::new();
    edges_allow(work, &mut touches) && is_forest(touches, rings.ends.len()) && holes_are_inside(rings)
}

/// The most edges of a ring whose pairs are simply tried; most buildings have no more.
const SMALL: usize = 8;

/// Whether no two edges meet that do not follow each other.
fn small_ring_is_simple(ring: &[Point]) -> bool {
    let edge = |i: usize| (ring[i], ring[if i + 1 == ring.len() { 0 } else { i + 1 }]);
    (0..ring.len()).all(|i| {
        let (a, b) = edge(i);
        let last = if i == 0 { ring.len() - 1 } else { ring.len() };
        (i + 2..last).all(|j| {
            let (c, d) = edge(j);
            let apart = a.x.max(b.x) < c.x.min(d.x)
                || c.x.max(d.x) < a.x.min(b.x)
                || a.y.max(b.y) < c.y.min(d.y)
                || c.y.max(d.y) < a.y.min(b.y);
            // With bounds that meet, edges in one line have all signs 0 and share a point.
            apart || side(a, b, c) * side(a, b, d) > 0 || side(c, d, a) * side(c, d, b) > 0
        })
    })
}

/// On which side of the line through a and b the point c lies: -1, 0 or 1.
fn side(a: Point, b: Point, c: Point) -> i64 {
    ((b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)).signum()
}

/// An edge with its bounds; `at` counts the edges of its ring, the last one returns to the first.
#[derive(Debug, Clone, Copy)]
pub(in crate::encode) struct Edge {
    a: Point,
    b: Point,
    min: Point,
    max: Point,
    ring: u32,
    at: u32,
    ring_edges: u32,
}

impl Edge {
    fn follows(&self, other: &Self) -> bool {
        self.ring == other.ring && {
            let apart = self.at.abs_diff(other.at);
            apart == 1 || apart + 1 == self.ring_edges
        }
    }
}

fn edges(rings: &Rings, out: &mut Vec<Edge>) {
    out.clear();
    for (r, ring) in rings.iter().enumerate() {
        let next = ring.iter().skip(1).chain(ring.first());
        out.extend(ring.iter().zip(next).enumerate().map(|(at, (a, b))| Edge {
            a: *a,
            b: *b,
            min: Point { x: a.x.min(b.x), y: a.y.min(b.y) },
            max: Point { x: a.x.max(b.x), y: a.y.max(b.y) },
            ring: r as u32,
            at: at as u32,
            ring_edges: ring.len() as u32,
        }));
    }
}

/// How two edges meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meeting {
    None,
    /// In one point, which ends at least one of them.
    Touch(Point),
    /// They cross, or share a piece.
    Cross,
}

/// A point where rings touch, and one of the rings.
type Touch = (Point, u32);

/// Sweeps the edges by x. Edges that follow each other share their point and nothing else, as spikes are removed.
fn edges_allow(edges: &mut [Edge], touches: &mut Vec<Touch>) -> bool {
    edges.sort_unstable_by_key(|e| e.min.x);
    for (i, e) in edges.iter().enumerate() {
        for other in edges[i + 1..].iter().take_while(|o| o.min.x <= e.max.x) {
            if other.min.y > e.max.y || other.max.y < e.min.y || e.follows(other) {
                continue;
            }
            match meet(e, other) {
                Meeting::None => {}
                Meeting::Touch(at) if e.ring != other.ring => {
                    touches.extend([(at, e.ring), (at, other.ring)]);
                }
                _ => return false,
            }
        }
    }
    true
}

fn meet(e: &Edge, f: &Edge) -> Meeting {
    let (fa, fb) = (side(e.a, e.b, f.a), side(e.a, e.b, f.b));
    let (ea, eb) = (side(f.a, f.b, e.a), side(f.a, f.b, e.b));
    if fa * fb > 0 || ea * eb > 0 {
        return Meeting::None;
    }
    if fa * fb < 0 && ea * eb < 0 {
        return Meeting::Cross;
    }
    let on = |p: Point, e: &Edge| p.x >= e.min.x && p.x <= e.max.x && p.y >= e.min.y && p.y <= e.max.y;
    let ends = [(f.a, fa, e), (f.b, fb, e), (e.a, ea, f), (e.b, eb, f)];
    let mut common = ends.into_iter().filter(|(p, side, edge)| *side == 0 && on(*p, edge)).map(|(p, _, _)| p);
    match common.next() {
        None => Meeting::None,
        Some(first) if common.all(|p| p == first) => Meeting::Touch(first),
        Some(_) => Meeting::Cross,
    }
}

/// Whether rings and their touching points hold no cycle: a cycle would cut the interior in two, or be a crossing.
fn is_forest(mut touches: Vec<Touch>, rings: usize) -> bool {
    touches.sort_unstable();
    touches.dedup();
    let mut parents: Vec<u32> = (0..(rings + touches.len()) as u32).collect();
    let mut point = rings as u32;
    touches.iter().enumerate().all(|(i, (at, ring))| {
        if i > 0 && touches[i - 1].0 != *at {
            point += 1;
        }
        let (a, b) = (root(&mut parents, point), root(&mut parents, *ring));
        parents[a as usize] = b;
        a != b
    })
}

fn root(parents: &mut [u32], mut at: u32) -> u32 {
    while parents[at as usize] != at {
        parents[at as usize] = parents[parents[at as usize] as usize];
        at = parents[at as usize];
    }
    at
}

/// For rings that cross nowhere.
fn holes_are_inside(rings: &Rings) -> bool {
    let all: Vec<&[Point]> = rings.iter().collect();
    let Some((exterior, holes)) = all.split_first().filter(|(_, holes)| !holes.is_empty()) else { return true };
    let exterior = RowedRing::new(exterior);
    holes.iter().all(|hole| exterior.holds_ring(hole)) && none_holds_another(holes)
}

fn none_holds_another(holes: &[&[Point]]) -> bool {
    let mut bounds: Vec<(Point, Point, usize)> =
        holes.iter().map(|hole| corners(hole)).enumerate().map(|(i, (min, max))| (min, max, i)).collect();
    bounds.sort_unstable();
    bounds.iter().enumerate().all(|(i, outer)| {
        let follow = bounds[i + 1..].iter().take_while(|inner| inner.0.x <= outer.1.x);
        // Those that begin at the same x may stand in either order.
        let same = bounds[..i].iter().rev().take_while(|inner| inner.0.x == outer.0.x);
        let mut within = follow
            .chain(same)
            .filter(|inner| inner.0.y >= outer.0.y && inner.1.x <= outer.1.x && inner.1.y <= outer.1.y);
        within.all(|inner| !RowedRing::new(holes[outer.2]).holds_ring(holes[inner.2]))
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    pub(crate) fn polygon(rings: &[&[(i64, i64)]]) -> Rings {
        let mut out = Rings::default();
        for (i, ring) in rings.iter().enumerate() {
            out.points.extend(ring.iter().map(|(x, y)| Point { x: *x, y: *y }));
            out.close(i == 0);
        }
        out
    }

    const SQUARE: &[(i64, i64)] = &[(0, 0), (9, 0), (9, 9), (0, 9)];

    proptest! {
        #[test]
        fn small_rings_are_judged_like_large_ones(points in prop::collection::vec((0..12_i64, 0..12_i64), 3..=SMALL)) {
            let rings = polygon(&[&points]);
            if rings.is_empty() {
                return Ok(());
            }
            let mut all = Vec::new();
            edges(&rings, &mut all);
            prop_assert_eq!(small_ring_is_simple(&rings.points), edges_allow(&mut all, &mut Vec::new()));
        }
    }

    #[rstest]
    #[case::a_square(vec![SQUARE], true)]
    #[case::a_bow_tie(vec![&[(0, 0), (9, 9), (9, 0), (0, 8)][..]], false)]
    #[case::a_pinched_ring(vec![&[(0, 0), (4, 4), (8, 0), (8, 8), (4, 4), (0, 8)][..]], false)]
    #[case::a_bridge(vec![&[(0, 0), (3, 0), (3, 9), (6, 9), (6, 0), (9, 0), (9, 9), (0, 9)][..]], false)]
    #[case::a_hole(vec![SQUARE, &[(2, 2), (4, 2), (4, 4)]], true)]
    #[case::a_hole_that_touches_once(vec![SQUARE, &[(0, 0), (4, 2), (4, 4)]], true)]
    #[case::a_hole_that_touches_twice(vec![SQUARE, &[(0, 0), (9, 2), (4, 4)]], false)]
    #[case::a_hole_along_the_side(vec![SQUARE, &[(0, 2), (4, 2), (4, 4), (0, 4)]], false)]
    #[case::a_hole_outside(vec![SQUARE, &[(12, 2), (14, 2), (14, 4)]], false)]
    #[case::a_hole_across(vec![SQUARE, &[(4, 2), (14, 2), (14, 4)]], false)]
    #[case::a_hole_in_a_hole(vec![SQUARE, &[(1, 1), (8, 1), (8, 8), (1, 8)], &[(2, 2), (4, 2), (4, 4)]], false)]
    #[case::two_holes_that_touch(vec![SQUARE, &[(1, 1), (4, 1), (4, 4)], &[(4, 4), (7, 4), (7, 7)]], true)]
    #[case::three_holes_that_touch(
        vec![SQUARE, &[(4, 4), (2, 1), (3, 1)], &[(4, 4), (7, 4), (7, 7)], &[(4, 4), (2, 8), (1, 8)]],
        true
    )]
    #[case::holes_in_a_circle(
        vec![SQUARE, &[(1, 4), (4, 1), (4, 2)], &[(4, 1), (7, 4), (6, 4)], &[(1, 4), (7, 4), (4, 8)]],
        false
    )]
    fn a_polygon_is_judged(#[case] rings: Vec<&[(i64, i64)]>, #[case] valid: bool) {
        assert_eq!(is_valid(&polygon(&rings), &mut Vec::new()), valid);
    }
}
