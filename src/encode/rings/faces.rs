//! Polygons from their edges.

use std::cmp::Ordering;

use super::inside::RowedRing;
use super::{Point, Rings, twice_area};

/// A directed edge with the area to its left (y up), to its right on screen.
pub(super) type Directed = (Point, Point);

/// The polygons whose borders are `edges`, which meet in their ends only: valid, each with its interior in one piece.
///
/// Every face is walked once, keeping it to the left; where a walk comes back to a point, it parts a ring.
/// Of the rings of a face one winds positively, its exterior; all others are holes.
pub(super) fn faces(mut edges: Vec<Directed>) -> Vec<Rings> {
    edges.sort_unstable();
    edges.dedup();
    let all = edges.clone();
    edges.retain(|(a, b)| all.binary_search(&(*b, *a)).is_err());
    let (mut polygons, mut alone) = (Vec::new(), Vec::new());
    for walk in walks(&edges) {
        let (exteriors, mut holes): (Vec<_>, Vec<_>) = walk.into_iter().partition(|ring| twice_area(ring) > 0);
        match exteriors.into_iter().next() {
            None => alone.append(&mut holes),
            Some(exterior) => polygons.push((exterior, holes)),
        }
    }
    adopt(alone, &mut polygons);
    polygons.iter().map(|(exterior, holes)| collect(exterior, holes)).filter(|rings| !rings.is_empty()).collect()
}

/// Gives holes that touch no exterior to the smallest polygon around them.
fn adopt(holes: Vec<Vec<Point>>, polygons: &mut [(Vec<Point>, Vec<Vec<Point>>)]) {
    if holes.is_empty() {
        return;
    }
    polygons.sort_by_cached_key(|(exterior, _)| twice_area(exterior));
    let exteriors: Vec<Vec<Point>> = polygons.iter().map(|(exterior, _)| exterior.clone()).collect();
    let rowed: Vec<RowedRing<'_>> = exteriors.iter().map(|exterior| RowedRing::new(exterior)).collect();
    for hole in holes {
        if let Some(i) = rowed.iter().position(|exterior| exterior.holds(hole[0]) == Some(true)) {
            polygons[i].1.push(hole);
        }
    }
}

/// Closed walks along the edges, each edge once, as rings that come by no point twice.
fn walks(edges: &[Directed]) -> Vec<Vec<Vec<Point>>> {
    let mut walked = vec![false; edges.len()];
    let mut places = vec![None; edges.len()];
    let mut walks = Vec::new();
    for start in 0..edges.len() {
        let mut walk = Walk { rings: Vec::new(), open: Vec::new(), places: &mut places };
        let mut at = Some(start);
        while let Some(i) = at.filter(|i| !std::mem::replace(&mut walked[*i], true)) {
            walk.come_by(edges, i);
            at = next(edges, edges[i]);
        }
        walks.extend(walk.end());
    }
    walks
}

/// The edge that goes on along the face to the left: the first one clockwise from the way back.
fn next(edges: &[Directed], (from, at): Directed) -> Option<usize> {
    let leaving = leaving(edges, at);
    let direction = |to: Point| (to.x - at.x, to.y - at.y);
    leaving.min_by(|i, j| clockwise(direction(from), direction(edges[*i].1), direction(edges[*j].1)))
}

/// The numbers of the edges that leave a point.
fn leaving(edges: &[Directed], at: Point) -> impl Iterator<Item = usize> {
    (edges.partition_point(|e| e.0 < at)..edges.len()).take_while(move |i| edges[*i].0 == at)
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

/// A walk on its way.
struct Walk<'a> {
    rings: Vec<Vec<Point>>,
    /// The points since the last ring was parted, each with the number of its first edge.
    open: Vec<(Point, usize)>,
    /// Where in `open` a point stands, by the number of its first edge.
    places: &'a mut [Option<u32>],
}

impl Walk<'_> {
    fn come_by(&mut self, edges: &[Directed], edge: usize) {
        let at = edges[edge].0;
        let first = leaving(edges, at).next().unwrap_or(edge);
        if let Some(place) = self.places[first] {
            self.part(place as usize);
        }
        self.places[first] = Some(self.open.len() as u32);
        self.open.push((at, first));
    }

    fn part(&mut self, from: usize) {
        let ring = self.open.split_off(from);
        for (_, first) in &ring {
            self.places[*first] = None;
        }
        self.rings.push(ring.into_iter().map(|(p, _)| p).collect());
    }

    fn end(mut self) -> Option<Vec<Vec<Point>>> {
        self.part(0);
        self.rings.retain(|ring| !ring.is_empty());
        (!self.rings.is_empty()).then_some(self.rings)
    }
}

fn collect(exterior: &[Point], holes: &[Vec<Point>]) -> Rings {
    let mut rings = Rings::default();
    rings.points.extend_from_slice(exterior);
    if rings.close(true) {
        for hole in holes {
            rings.points.extend_from_slice(hole);
            rings.close(false);
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
