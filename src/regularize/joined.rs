//! Common walls: facing walls of one direction move onto one line.

use std::collections::BTreeMap;

use geo::Coord;

use super::contact::{Contact, WallId};
use super::draft::Draft;
use super::ring::{Ring, cross, dot, left, length};
use super::valid::is_valid;

/// Shorter edges and flatter corners go when walls move.
const NOTHING_M: f64 = 1e-3;

/// Moves each set of walls that are to be joined onto their mean line, weighted by length.
pub(super) fn join(drafts: &mut [Draft], contacts: &[Contact]) {
    let mut sets = Sets::default();
    for contact in contacts {
        sets.join(contact.walls[0], contact.walls[1]);
    }
    let mut moves: BTreeMap<u32, Vec<(usize, Coord<f64>)>> = BTreeMap::new();
    for walls in sets.lists() {
        for (wall, by) in onto_one_line(&walls, drafts) {
            moves.entry(wall.0).or_default().push((wall.1 as usize, by));
        }
    }
    for (building, moves) in moves {
        let draft = &mut drafts[building as usize];
        if let Some(exterior) = with_moved_edges(&draft.rings[0], &moves) {
            let mut rings = draft.rings.clone();
            rings[0] = exterior;
            if is_valid(&rings) {
                draft.rings = rings;
            }
        }
    }
}

/// How far each wall moves, across itself.
fn onto_one_line(walls: &[WallId], drafts: &[Draft]) -> Vec<(WallId, Coord<f64>)> {
    let ends = |(building, edge): WallId| {
        let ring = &drafts[building as usize].rings[0];
        let i = edge as usize;
        (ring[i], ring[(i + 1) % ring.len()])
    };
    let (a, b) = ends(walls[0]);
    let across = left(b - a) / length(b - a);
    let (mut sum, mut weight) = (0.0, 0.0);
    for (p, q) in walls.iter().map(|w| ends(*w)) {
        let length_m = length(q - p);
        sum += length_m * dot(across, (p + q) / 2.0 - a);
        weight += length_m;
    }
    let line = sum / weight;
    let by = |w: &WallId| (*w, across * (line - dot(across, (ends(*w).0 + ends(*w).1) / 2.0 - a)));
    walls.iter().map(by).collect()
}

/// The ring with some edges moved across themselves, their neighbours longer or shorter; `None` where an edge would turn round.
pub(super) fn with_moved_edges(ring: &[Coord<f64>], moves: &[(usize, Coord<f64>)]) -> Option<Ring> {
    let n = ring.len();
    let mut start = ring.to_vec();
    for (edge, by) in moves {
        start[*edge] = ring[*edge] + *by;
    }
    let along = |i: usize| ring[(i + 1) % n] - ring[i % n];
    let corner = |i: usize| {
        let before = (i + n - 1) % n;
        let (d, e) = (along(before), along(i));
        let turn = cross(d, e);
        // On the line of the edge before, where it meets this edge's line.
        let share = cross(start[i] - start[before], e) / turn;
        (turn.abs() > NOTHING_M * length(d) * length(e)).then(|| start[before] + d * share)
    };
    let corners: Ring = (0..n).map(corner).collect::<Option<_>>()?;
    let forward = |i: usize| dot(corners[(i + 1) % n] - corners[i], along(i)) > -NOTHING_M * length(along(i));
    (0..n).all(forward).then(|| without_flat_corners(&corners)).filter(|ring| ring.len() >= 3)
}

/// Leaves away corners that a move has brought onto a neighbour or onto the line between two.
fn without_flat_corners(ring: &[Coord<f64>]) -> Ring {
    let n = ring.len();
    let mut kept: Ring = Vec::with_capacity(n);
    for (i, &p) in ring.iter().enumerate() {
        let before = kept.last().copied().unwrap_or(ring[n - 1]);
        let (d, e) = (p - before, ring[(i + 1) % n] - p);
        if length(d) > NOTHING_M && (length(e) <= NOTHING_M || cross(d, e).abs() > NOTHING_M * length(d) * length(e)) {
            kept.push(p);
        }
    }
    kept
}

/// Sets of walls.
#[derive(Default)]
struct Sets {
    parent: BTreeMap<WallId, WallId>,
}

impl Sets {
    fn root(&mut self, wall: WallId) -> WallId {
        let mut at = wall;
        while let Some(&up) = self.parent.get(&at)
            && up != at
        {
            at = up;
        }
        self.parent.insert(wall, at);
        at
    }

    fn join(&mut self, a: WallId, b: WallId) {
        let (a, b) = (self.root(a), self.root(b));
        self.parent.insert(a, a.min(b));
        self.parent.insert(b, a.min(b));
    }

    /// Each set sorted, sets by their first wall.
    fn lists(mut self) -> Vec<Vec<WallId>> {
        let walls: Vec<WallId> = self.parent.keys().copied().collect();
        let mut lists: BTreeMap<WallId, Vec<WallId>> = BTreeMap::new();
        for wall in walls {
            lists.entry(self.root(wall)).or_default().push(wall);
        }
        lists.into_values().collect()
    }
}
