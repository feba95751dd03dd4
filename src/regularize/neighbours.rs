//! No building may cover a part of another one that it did not cover before.

use std::collections::BTreeSet;

use geo::Polygon;

use super::cells::{Bounds, Cells};
use super::overlap::Edges;
use super::ring::{open_rings, to_polygon};
use super::shape::Shape;
use super::{Footprint, Outcome, Reason, RegularizeOptions, Regularized, in_parallel, keep, origin_of};

/// Less is rounding.
const COMMON_M2: f64 = 1e-4;

/// Gives up regular outlines that overlap their neighbours more than the traced ones do.
pub(super) fn separate(found: &mut [Regularized], footprints: &[Footprint], options: &RegularizeOptions) {
    let near = near_pairs(found, footprints);
    let overlaps = |&(i, j): &(u32, u32)| {
        gained_m2(
            [&found[i as usize].polygon, &found[j as usize].polygon],
            [&footprints[i as usize], &footprints[j as usize]],
        ) > COMMON_M2
    };
    let bad = in_parallel(&near, options.threads, overlaps);
    let mut todo: BTreeSet<(u32, u32)> = near.iter().zip(bad).filter(|(_, bad)| *bad).map(|(pair, _)| *pair).collect();
    if todo.is_empty() {
        return;
    }
    let mut partners: BTreeSet<(u32, u32)> = near.iter().copied().collect();
    partners.extend(near.iter().map(|&(i, j)| (j, i)));
    while let Some((i, j)) = todo.pop_first() {
        let (a, b) = (i as usize, j as usize);
        if gained_m2([&found[a].polygon, &found[b].polygon], [&footprints[a], &footprints[b]]) <= COMMON_M2 {
            continue;
        }
        let Some(offender) = offender([a, b], found, footprints) else { continue };
        found[offender] = stepped_back(&found[offender], &footprints[offender], options);
        let o = offender as u32;
        todo.extend(partners.range((o, 0)..=(o, u32::MAX)).map(|&(_, p)| (o.min(p), o.max(p))));
    }
}

/// Pairs of numbers whose outlines, old or new, may meet; each once.
fn near_pairs(found: &[Regularized], footprints: &[Footprint]) -> Vec<(u32, u32)> {
    let around = |(i, (new, old)): (usize, (&Regularized, &Footprint))| {
        let points = [&new.polygon, &old.outline].into_iter().flat_map(|p| p.exterior().0.iter().copied());
        Some((Bounds::around(points)?, i as u32))
    };
    let boxes: Vec<(Bounds, u32)> = found.iter().zip(footprints).enumerate().filter_map(around).collect();
    let mut bounds = vec![None; found.len()];
    for (b, i) in &boxes {
        bounds[*i as usize] = Some(*b);
    }
    let mut pairs = Vec::new();
    Cells::of(&boxes).any_pair(|i, j| {
        if let (Some(a), Some(b)) = (bounds[i as usize], bounds[j as usize])
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

/// How much more the new outlines share than the traced ones did.
fn gained_m2(new: [&Polygon<f64>; 2], old: [&Footprint; 2]) -> f64 {
    let common_m2 = common_m2(new);
    if common_m2 <= COMMON_M2 { common_m2 } else { common_m2 - self::common_m2(old.map(|f| &f.outline)) }
}

fn common_m2(polygons: [&Polygon<f64>; 2]) -> f64 {
    let origin = origin_of(polygons[0]);
    let [a, b] = polygons.map(|p| Edges::of(&open_rings(p, origin)));
    a.common_area(&b)
}

/// Of two outlines that overlap, the one that reaches further into the pixels of the other and can still step back.
fn offender([a, b]: [usize; 2], found: &[Regularized], footprints: &[Footprint]) -> Option<usize> {
    let can_step_back = |i: usize| found[i].polygon != footprints[i].outline;
    let reach_m2 = |i: usize, j: usize| common_m2([&found[i].polygon, &footprints[j].outline]);
    match (can_step_back(a), can_step_back(b)) {
        (true, true) => Some(if reach_m2(a, b) >= reach_m2(b, a) { a } else { b }),
        (true, false) => Some(a),
        (false, true) => Some(b),
        (false, false) => None,
    }
}

/// A regular outline goes back to the simplified one, and that to the pixels.
fn stepped_back(found: &Regularized, footprint: &Footprint, options: &RegularizeOptions) -> Regularized {
    let origin = origin_of(&footprint.outline);
    let rings = open_rings(&footprint.outline, origin);
    if matches!(found.outcome, Outcome::Kept(Reason::Neighbour | Reason::PoorFit)) || rings.is_empty() {
        let pixels = Footprint { simplified: None, ..footprint.clone() };
        return keep(&pixels, footprint.outline.clone(), Reason::Neighbour);
    }
    let simplified = to_polygon(&Shape::new(rings, options).simplified(options.pixel_m), origin);
    keep(footprint, simplified, Reason::Neighbour)
}
