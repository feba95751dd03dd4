//! Rings without their closing vertex: exterior counter-clockwise first, then holes clockwise.

use geo::{Coord, LineString, Polygon};

/// The vertices of a ring; the edge from the last to the first is implied.
pub(super) type Ring = Vec<Coord<f64>>;

/// The rings of `polygon` moved by `-origin`, wound exterior counter-clockwise and holes clockwise.
///
/// Rings without area and vertices that repeat are left away; empty where the exterior has none.
pub(super) fn open_rings(polygon: &Polygon<f64>, origin: Coord<f64>) -> Vec<Ring> {
    let exterior = open_ring(polygon.exterior(), origin, 1.0);
    let holes = polygon.interiors().iter().map(|hole| open_ring(hole, origin, -1.0));
    if exterior.is_empty() {
        return Vec::new();
    }
    std::iter::once(exterior).chain(holes.filter(|hole| !hole.is_empty())).collect()
}

fn open_ring(line: &LineString<f64>, origin: Coord<f64>, sign: f64) -> Ring {
    let mut ring: Ring = line.0.iter().map(|&p| p - origin).collect();
    ring.dedup();
    while ring.len() > 1 && ring.first() == ring.last() {
        ring.pop();
    }
    let area = signed_area(&ring);
    if ring.len() < 3 || area == 0.0 || !area.is_finite() {
        return Vec::new();
    }
    if area * sign < 0.0 {
        ring.reverse();
    }
    ring
}

/// The polygon of `rings`.
pub(super) fn to_polygon(rings: &[Ring]) -> Polygon<f64> {
    let close = |ring: &Ring| LineString(ring.iter().chain(ring.first()).copied().collect());
    let mut lines = rings.iter().map(close);
    let exterior = lines.next().unwrap_or_else(|| LineString(Vec::new()));
    Polygon::new(exterior, lines.collect())
}

/// The rings, moved.
pub(super) fn moved(rings: &[Ring], by: Coord<f64>) -> Vec<Ring> {
    rings.iter().map(|ring| ring.iter().map(|&p| p + by).collect()).collect()
}

/// The edges of a ring, closing edge included.
pub(super) fn edges(ring: &[Coord<f64>]) -> impl Iterator<Item = (Coord<f64>, Coord<f64>)> {
    let next = ring.iter().skip(1).chain(ring.first());
    ring.iter().copied().zip(next.copied())
}

/// Positive for a counter-clockwise ring.
pub(super) fn signed_area(ring: &[Coord<f64>]) -> f64 {
    // Around its first vertex, where coordinates keep their digits.
    ring.first().map_or(0.0, |&o| edges(ring).map(|(a, b)| cross(a - o, b - o)).sum::<f64>() / 2.0)
}

/// The area inside the exterior and outside the holes.
pub(super) fn area(rings: &[Ring]) -> f64 {
    rings.iter().map(|ring| signed_area(ring)).sum()
}

/// The third component of the cross product.
pub(super) fn cross(a: Coord<f64>, b: Coord<f64>) -> f64 {
    a.x * b.y - a.y * b.x
}

/// The inner product.
pub(super) fn dot(a: Coord<f64>, b: Coord<f64>) -> f64 {
    a.x * b.x + a.y * b.y
}

/// The length.
pub(super) fn length(a: Coord<f64>) -> f64 {
    dot(a, a).sqrt()
}

/// A quarter turn to the left.
pub(super) fn left(a: Coord<f64>) -> Coord<f64> {
    Coord { x: -a.y, y: a.x }
}

/// How far a point lies from an edge.
pub(super) fn distance_to_edge_m(p: Coord<f64>, (a, b): (Coord<f64>, Coord<f64>)) -> f64 {
    let (edge, to_p) = (b - a, p - a);
    let share = (dot(to_p, edge) / dot(edge, edge).max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
    length(to_p - edge * share)
}
