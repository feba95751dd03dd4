//! Where buildings face each other.

use geo::Coord;

use super::Footprint;
use super::cells::{Bounds, Cells};
use super::draft::Draft;
use super::ring::{Ring, cross, dot, edges, length, open_rings};

/// Walls that face each other are parallel up to this sine (10°).
const MOST_SINE: f64 = 0.17;
/// And have at least this much border in common.
const LEAST_COMMON_M: f64 = 1.0;

/// A wall: the number of a building, and of an edge of its exterior.
pub(super) type WallId = (u32, u32);

/// Two walls of different buildings that face each other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Contact {
    pub walls: [WallId; 2],
    /// Between them, in the middle of what they have in common; negative where they overlap.
    pub gap_m: f64,
}

/// Pairs of buildings, lower number first, whose outlines, old or new, come within a distance; each once, sorted. Roads
/// are numbered on from the buildings, and pairs of them left out.
pub(super) fn near_pairs(
    drafts: &[Draft],
    (footprints, roads): (&[Footprint], &[Vec<Ring>]),
    reach_m: f64,
) -> Vec<(u32, u32)> {
    let around = |(draft, old): (&Draft, &Footprint)| {
        let new = draft.rings.first().into_iter().flatten().copied();
        Bounds::around(new.chain(old.outline.exterior().0.iter().copied())).map(|b| b.expanded(reach_m / 2.0))
    };
    let mut bounds: Vec<Option<Bounds>> = drafts.iter().zip(footprints).map(around).collect();
    bounds.extend(roads.iter().map(|rings| Bounds::around(rings.first().into_iter().flatten().copied())));
    let boxes: Vec<(Bounds, u32)> = bounds.iter().enumerate().filter_map(|(i, b)| Some(((*b)?, i as u32))).collect();
    let mut pairs = Vec::new();
    Cells::of(&boxes).any_pair(|i, j| {
        if (i as usize) < drafts.len()
            && let (Some(a), Some(b)) = (bounds[i as usize], bounds[j as usize])
            && a.meets(&b)
        {
            pairs.push((i, j));
        }
        false
    });
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

/// The walls of two buildings that face each other within a distance.
pub(super) fn contacts((i, j): (u32, u32), drafts: &[Draft], reach_m: f64) -> Vec<Contact> {
    let [a, b] = [i, j].map(|i| drafts[i as usize].rings.first().map_or(&[][..], Vec::as_slice));
    let [near_a, near_b] = [(a, b), (b, a)].map(|(of, to)| edges_near(of, to, reach_m));
    let mut found = Vec::new();
    for (wall, from, to) in near_a {
        for &(facing, facing_from, facing_to) in &near_b {
            let gap_m = gap_m([from, to], [facing_from, facing_to]);
            if let Some(gap_m) = gap_m.filter(|gap_m| gap_m.abs() <= reach_m) {
                found.push(Contact { walls: [(i, wall), (j, facing)], gap_m });
            }
        }
    }
    found
}

type NumberedEdge = (u32, Coord<f64>, Coord<f64>);

fn edges_near(ring: &[Coord<f64>], other: &[Coord<f64>], reach_m: f64) -> Vec<NumberedEdge> {
    let Some(there) = Bounds::around(other.iter().copied()).map(|b| b.expanded(reach_m)) else { return Vec::new() };
    let near = |(from, to): &(Coord<f64>, Coord<f64>)| Bounds::around([*from, *to]).is_some_and(|b| b.meets(&there));
    let numbered = edges(ring).enumerate().filter(|(_, edge)| near(edge));
    numbered.map(|(i, (from, to))| (i as u32, from, to)).collect()
}

/// How far apart two edges are that face each other: buildings lie left of their edges, so these run against each other.
fn gap_m(a: [Coord<f64>; 2], b: [Coord<f64>; 2]) -> Option<f64> {
    let (d, e) = (a[1] - a[0], b[1] - b[0]);
    let (length_m, other_m) = (length(d), length(e));
    let axis = d / length_m;
    if dot(d, e) >= 0.0 || cross(d, e).abs() > MOST_SINE * length_m * other_m {
        return None;
    }
    let (start, end) = (dot(b[1] - a[0], axis).max(0.0), dot(b[0] - a[0], axis).min(length_m));
    if end - start < LEAST_COMMON_M.min(0.5 * length_m.min(other_m)) {
        return None;
    }
    let middle = f64::midpoint(start, end);
    let share = (middle - dot(b[0] - a[0], axis)) / dot(e, axis);
    let facing = b[0] + e * share;
    Some(-cross(axis, facing - a[0])) // outside is on the right
}

/// Whether two traced outlines share a stretch of border.
pub(super) fn touch(a: &Footprint, b: &Footprint) -> bool {
    let origin = a.outline.exterior().0.first().copied().unwrap_or(Coord::zero());
    let [a, b] = [a, b].map(|f| open_rings(&f.outline, origin));
    let ([Some(a), ..], [Some(b), ..]) = ([a.first()], [b.first()]) else { return false };
    let mut sides: Vec<NumberedEdge> = edges_near(a, b, 0.0);
    let ours = sides.len();
    sides.extend(edges_near(b, a, 0.0));
    let boxes = sides.iter().enumerate().filter_map(|(i, (_, p, q))| Some((Bounds::around([*p, *q])?, i as u32)));
    Cells::of(&boxes.collect::<Vec<_>>()).any_pair(|i, j| {
        let (i, j) = (i as usize, j as usize);
        i < ours && j >= ours && overlay([sides[i].1, sides[i].2], [sides[j].1, sides[j].2])
    })
}

/// Whether two edges that run against each other lie on one line and share more than a point.
fn overlay(a: [Coord<f64>; 2], b: [Coord<f64>; 2]) -> bool {
    let d = a[1] - a[0];
    let (length_m, rounding_m) = (length(d), 1e-6);
    let off_line = |p: Coord<f64>| cross(d, p - a[0]).abs() > rounding_m * length_m;
    if off_line(b[0]) || off_line(b[1]) {
        return false;
    }
    let at = |p: Coord<f64>| dot(p - a[0], d) / length_m;
    at(b[0]).min(length_m) - at(b[1]).max(0.0) > rounding_m
}
