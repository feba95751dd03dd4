//! Corners that neighbours share: what lies on a wall of the other is a vertex of that wall.
//!
//! ```text
//!   ┌──────A──────┐          B's corner c lies on A's wall, or a millimetre beside it. Formats round: the wall and c
//!   └──────┬──────┘          would move by different amounts, and cover each other by a hair. With c as a vertex of
//!          c──B──            A's wall, the same number in both, they move alike.
//! ```

use geo::Coord;

use super::cells::Bounds;
use super::draft::Draft;
use super::ring::{Ring, distance_to_edge_m, dot, edges, length};
use super::valid::is_valid;

/// Walls that come nearer than this share their corners: seven decimals of a degree are 1.1 cm.
const HAIR_M: f64 = 0.015;

/// Gives each of a pair of neighbours the corners that the other has on its walls. Those with the lower number keep their
/// corners where two all but meet.
pub(super) fn share(drafts: &mut [Draft], pairs: &[(u32, u32)]) {
    for &(i, j) in pairs {
        let moved = moved_onto(&drafts[j as usize].rings, &drafts[i as usize].rings);
        adopt(&mut drafts[j as usize], moved);
    }
    for &(i, j) in pairs {
        for (onto, of) in [(i, j), (j, i)] {
            let with = with_corners(&drafts[onto as usize].rings, &drafts[of as usize].rings);
            adopt(&mut drafts[onto as usize], with);
        }
    }
}

fn adopt(draft: &mut Draft, rings: Option<Vec<Ring>>) {
    if let Some(rings) = rings.filter(|rings| is_valid(rings)) {
        draft.rings = rings;
    }
}

/// The corners of some rings that come near to others.
fn near(of: &[Ring], to: &[Ring]) -> Vec<Coord<f64>> {
    let bounds = to.first().and_then(|ring| Bounds::around(ring.iter().copied()));
    let Some(bounds) = bounds.map(|bounds| bounds.expanded(HAIR_M)) else { return Vec::new() };
    let points = of.iter().flatten().copied();
    points.filter(|&p| Bounds { min: p, max: p }.meets(&bounds)).collect()
}

/// Rings whose corners move onto those of others that lie next to them; `None` where none does.
fn moved_onto(rings: &[Ring], others: &[Ring]) -> Option<Vec<Ring>> {
    let corners = near(others, rings);
    let target = |p: Coord<f64>| {
        let own = corners.contains(&p);
        corners.iter().copied().find(|&q| !own && length(q - p) < HAIR_M)
    };
    if corners.is_empty() || !rings.iter().flatten().any(|&p| target(p).is_some()) {
        return None;
    }
    Some(rings.iter().map(|ring| ring.iter().map(|&p| target(p).unwrap_or(p)).collect()).collect())
}

/// Rings with the corners of others that lie on their walls; `None` where none does.
fn with_corners(rings: &[Ring], others: &[Ring]) -> Option<Vec<Ring>> {
    let corners = near(others, rings);
    let mut added = false;
    let mut with = |ring: &Ring| {
        let mut out = Ring::with_capacity(ring.len() + 2);
        for (a, b) in edges(ring) {
            let inside = |p: &Coord<f64>| length(*p - a) > HAIR_M && length(*p - b) > HAIR_M;
            let on_wall = |p: &Coord<f64>| inside(p) && distance_to_edge_m(*p, (a, b)) < HAIR_M;
            let mut here: Ring = corners.iter().copied().filter(on_wall).collect();
            here.sort_by(|p, q| dot(*p - a, b - a).total_cmp(&dot(*q - a, b - a)));
            here.dedup();
            added |= !here.is_empty();
            out.push(a);
            out.extend(here);
        }
        out
    };
    let with: Vec<Ring> = if corners.is_empty() { Vec::new() } else { rings.iter().map(&mut with).collect() };
    added.then_some(with)
}
