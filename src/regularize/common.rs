//! What two outlines have in common.

use geo::Coord;

use super::overlap::Edges;
use super::ring::{Ring, cross, distance_to_edge_m, edges, moved};
use super::valid::contains;

/// The area in both.
pub(super) fn common_m2(a: &[Ring], b: &[Ring]) -> f64 {
    let Some(origin) = a.first().and_then(|ring| ring.first()) else { return 0.0 };
    let [a, b] = [a, b].map(|rings| Edges::of(&moved(rings, -*origin)));
    a.common_area(&b)
}

/// The corners of what two outlines have in common: corners of one inside the other, and crossings of their edges.
pub(super) fn common_corners(a: &[Ring], b: &[Ring]) -> Vec<Coord<f64>> {
    let inside = |rings: &[Ring], p: Coord<f64>| rings.iter().filter(|ring| contains(ring, p)).count() % 2 == 1;
    let mut corners: Vec<Coord<f64>> = a.iter().flatten().copied().filter(|&p| inside(b, p)).collect();
    corners.extend(b.iter().flatten().copied().filter(|&p| inside(a, p)));
    for ours in a.iter().flat_map(|ring| edges(ring)) {
        corners.extend(b.iter().flat_map(|ring| edges(ring)).filter_map(|theirs| crossing(ours, theirs)));
    }
    corners
}

/// How far a point lies from the border of a polygon.
pub(super) fn distance_m(rings: &[Ring], p: Coord<f64>) -> f64 {
    rings.iter().flat_map(|ring| edges(ring)).map(|edge| distance_to_edge_m(p, edge)).fold(f64::INFINITY, f64::min)
}

fn crossing(a: (Coord<f64>, Coord<f64>), b: (Coord<f64>, Coord<f64>)) -> Option<Coord<f64>> {
    let (d, e, between) = (a.1 - a.0, b.1 - b.0, b.0 - a.0);
    let turn = cross(d, e);
    let shares = [cross(between, e) / turn, cross(between, d) / turn];
    shares.iter().all(|share| (0.0..=1.0).contains(share)).then(|| a.0 + d * shares[0])
}
