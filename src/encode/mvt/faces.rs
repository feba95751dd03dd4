//! Polygons from their edges.

use std::cmp::Ordering;

use super::quantize::{Point, Rings, twice_area};
use super::validity::inside;

/// A directed edge with the area to its left (y up), to its right on screen.
pub(super) type Directed = (Point, Point);

/// The polygons whose borders are `edges`, which meet in their ends only: valid, each with its interior in one piece.
///
/// Every face is walked once, keeping it to the left; where a walk comes back to a point, it parts a ring.
/// Of the rings of a face one winds positively, its exterior; all others are holes.
pub(super) fn faces(mut edges: Vec<Directed>) -> Vec<Rings> {
    edges.sort_unstable();
    let reversed = |(a, b): Directed| (b, a);
    let all = edges.clone();
    edges.retain(|e| all.binary_search(&reversed(*e)).is_err());
    edges.dedup();
    let mut polygons: Vec<Vec<Vec<Point>>> = Vec::new();
    let mut alone: Vec<Vec<Point>> = Vec::new();
    for walk in walks(&edges) {
        let (exteriors, mut holes): (Vec<_>, Vec<_>) = part(walk).into_iter().partition(|ring| twice_area(ring) > 0);
        match exteriors.into_iter().next() {
            None => alone.append(&mut holes),
            Some(exterior) => polygons.push(std::iter::once(exterior).chain(holes).collect()),
        }
    }
    polygons.sort_by_key(|rings| twice_area(&rings[0]));
    for hole in alone {
        // The smallest that holds it: it touches no exterior of its own face.
        if let Some(rings) = polygons.iter_mut().find(|rings| inside(hole[0], &rings[0]) == Some(true)) {
            rings.push(hole);
        }
    }
    polygons.iter().map(|rings| collect(rings)).filter(|rings| !rings.is_empty()).collect()
}

/// Closed walks along the edges, each edge once.
fn walks(edges: &[Directed]) -> Vec<Vec<Point>> {
    let mut walked = vec![false; edges.len()];
    let mut walks = Vec::new();
    for start in 0..edges.len() {
        let mut walk = Vec::new();
        let mut at = Some(start);
        while let Some(i) = at.filter(|i| !std::mem::replace(&mut walked[*i], true)) {
            walk.push(edges[i].0);
            at = next(edges, edges[i]);
        }
        if !walk.is_empty() {
            walks.push(walk);
        }
    }
    walks
}

/// The edge that goes on along the face to the left: the first one clockwise from the way back.
fn next(edges: &[Directed], (from, at): Directed) -> Option<usize> {
    let first = edges.partition_point(|e| e.0 < at);
    let leaving = (first..edges.len()).take_while(|i| edges[*i].0 == at);
    let direction = |to: Point| (to.x - at.x, to.y - at.y);
    leaving.min_by(|i, j| clockwise(direction(from), direction(edges[*i].1), direction(edges[*j].1)))
}

/// Which of two directions comes first when turning clockwise (y up) from a third.
fn clockwise(from: (i64, i64), a: (i64, i64), b: (i64, i64)) -> Ordering {
    let cross = |u: (i64, i64), v: (i64, i64)| u.0 * v.1 - u.1 * v.0;
    let quarter = |d: (i64, i64)| match (cross(from, d).signum(), (from.0 * d.0 + from.1 * d.1).signum()) {
        (-1, _) => 0,
        (0, -1) => 1,
        (1, _) => 2,
        _ => 3,
    };
    quarter(a).cmp(&quarter(b)).then(cross(a, b).cmp(&0))
}

/// The rings of a walk: no ring comes by a point twice.
fn part(walk: Vec<Point>) -> Vec<Vec<Point>> {
    let mut rings = Vec::new();
    let mut open: Vec<Point> = Vec::new();
    for p in walk {
        if let Some(i) = open.iter().position(|q| *q == p) {
            rings.push(open.split_off(i));
        }
        open.push(p);
    }
    rings.push(open);
    rings
}

fn collect(polygon: &[Vec<Point>]) -> Rings {
    let mut rings = Rings::default();
    for (i, ring) in polygon.iter().enumerate() {
        rings.points.extend_from_slice(ring);
        if !rings.close(i == 0) && i == 0 {
            break;
        }
    }
    rings
}

#[cfg(test)]
mod tests {
    use super::super::validity::is_valid;
    use super::*;

    fn edges(rings: &[&[(i64, i64)]]) -> Vec<Directed> {
        let point = |(x, y): &(i64, i64)| Point { x: *x, y: *y };
        let pairs = |ring: &&[(i64, i64)]| -> Vec<Directed> {
            let next = ring.iter().cycle().skip(1);
            ring.iter().zip(next).map(|(a, b)| (point(a), point(b))).collect()
        };
        rings.iter().flat_map(pairs).collect()
    }

    #[test]
    fn a_pinched_ring_becomes_two_polygons_and_a_pinched_hole_stays_one() {
        let two = faces(edges(&[&[(0, 0), (4, 4), (8, 0), (8, 8), (4, 4), (0, 8)]]));
        assert_eq!(two.iter().map(|p| p.ends.len()).collect::<Vec<_>>(), [1, 1]);
        // A hole that touches the corner (0, 0), walked in one go with the exterior.
        let one = faces(edges(&[&[(0, 0), (9, 0), (9, 9), (0, 9), (0, 0), (2, 4), (4, 2)]]));
        assert_eq!(one.iter().map(|p| p.ends.len()).collect::<Vec<_>>(), [2]);
        assert!(one.iter().chain(&two).all(|p| is_valid(p, &mut Vec::new())));
    }

    #[test]
    fn a_hole_goes_to_the_smallest_polygon_around_it() {
        let square = |a: i64, b: i64| [(a, a), (b, a), (b, b), (a, b)];
        let mut outer_hole = square(2, 18);
        let mut inner_hole = square(6, 10);
        outer_hole.reverse();
        inner_hole.reverse();
        let found = faces(edges(&[&square(0, 20), &outer_hole, &square(4, 16), &inner_hole]));
        assert_eq!(found.iter().map(|p| p.ends.len()).collect::<Vec<_>>(), [2, 2]);
        assert!(found.iter().all(|p| is_valid(p, &mut Vec::new())));
    }
}
