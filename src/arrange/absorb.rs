//! Parts that are too small to stand alone go to a neighbour.

use std::collections::{BTreeMap, BTreeSet};

use geo::Coord;

use super::faces::{Faces, longest};
use super::graph::{Graph, NONE};
use super::parts::{Part, parts};
use crate::polygonize::DisjointSets;
use crate::simplify::Lattice;

/// Parts that gain are judged again in the next round; a handful is enough.
const MOST_ROUNDS: usize = 64;

/// A part of a region, as it is judged.
#[derive(Debug, Clone, Copy)]
pub struct PartSize {
    /// The region.
    pub region: usize,
    /// In pixels.
    pub area_px2: f64,
    /// A point of its exterior, in raster space.
    pub at: Coord<f64>,
    /// Whether no part of the region is larger.
    pub is_largest: bool,
}

/// A part and the region that has it.
type Owned = (u32, Part);

/// Whether a region is a building, whether a part is large enough, and where it lies.
type Rules<'a> = (&'a dyn Fn(u32) -> bool, &'a dyn Fn(PartSize) -> bool, &'a Lattice);

/// Gives parts that are too small, the smallest first, to the neighbour with the longest border: one that is no building where
/// there is one; what touches no other region vanishes. Tells the regions that have lost or gained.
pub(super) fn absorb(graph: &Graph, faces: &mut Faces, (is_building, is_enough, lattice): Rules) -> BTreeSet<u32> {
    let mut touched = BTreeSet::new();
    let mut wanted: Option<BTreeSet<u32>> = None;
    for _ in 0..MOST_ROUNDS {
        let is_wanted = |region: u32| region != NONE && wanted.as_ref().is_none_or(|all| all.contains(&region));
        let all = parts(graph, faces, is_wanted);
        let small = small(graph, &all, (is_enough, lattice));
        let changed = Round::new(graph, faces).run(graph, faces, (&small, is_building));
        if changed.is_empty() {
            break;
        }
        touched.extend(changed.iter().copied());
        wanted = Some(changed);
    }
    touched
}

/// The parts that are too small, the smallest first. Parts come region by region, of each the largest last.
fn small<'p>(
    graph: &Graph,
    all: &'p [(u32, Part)],
    (is_enough, lattice): (&dyn Fn(PartSize) -> bool, &Lattice),
) -> Vec<&'p (u32, Part)> {
    let per_px2 = 2.0 * lattice.steps_per_px() * lattice.steps_per_px();
    let mut small: Vec<&(u32, Part)> = Vec::new();
    for of_region in all.chunk_by(|a, b| a.0 == b.0) {
        let most = of_region.iter().map(|(_, part)| part.twice_area).max();
        for part in of_region {
            let at = part.1.exterior.first().and_then(|half| graph.points(*half).next());
            let size = PartSize {
                region: part.0 as usize,
                area_px2: part.1.twice_area as f64 / per_px2,
                at: at.map_or(Coord::zero(), |p| lattice.place([p.x, -p.y])),
                is_largest: Some(part.1.twice_area) == most,
            };
            if !is_enough(size) {
                small.push(part);
            }
        }
    }
    small.sort_by_key(|(_, part)| (part.twice_area, part.exterior.first().copied()));
    small
}

/// Cycles that are one face, or faces of one owner side by side.
struct Round {
    set: Vec<u32>,
    members: BTreeMap<u32, Vec<u32>>,
}

impl Round {
    fn new(graph: &Graph, faces: &Faces) -> Self {
        let mut sets = DisjointSets::new(faces.owner.len());
        for half in (0..graph.halves()).step_by(2).filter(|half| faces.of(*half) == faces.of(half ^ 1)) {
            sets.unite(faces.cycle[half as usize], faces.cycle[(half ^ 1) as usize]);
        }
        let set: Vec<u32> = (0..faces.owner.len() as u32).map(|cycle| sets.find(cycle)).collect();
        let mut members: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        set.iter().zip(0..).for_each(|(set, cycle)| members.entry(*set).or_default().push(cycle));
        Self { set, members }
    }

    /// Gives away all but those that have gained in this round. Tells which regions have changed.
    fn run(
        &self,
        graph: &Graph,
        faces: &mut Faces,
        (small, is_building): (&[&Owned], &dyn Fn(u32) -> bool),
    ) -> BTreeSet<u32> {
        let (mut changed, mut grown) = (BTreeSet::new(), BTreeSet::new());
        for (region, part) in small {
            let halves = || part.holes.iter().chain([&part.exterior]).flatten().copied();
            let sets: BTreeSet<u32> = halves().map(|half| self.set_of(faces, half)).collect();
            let mut lengths: BTreeMap<u32, f64> = BTreeMap::new();
            for half in halves() {
                *lengths.entry(faces.of(half ^ 1)).or_default() += graph.length(half);
            }
            lengths.retain(|owner, _| *owner != NONE && owner != region);
            let land = lengths.iter().filter(|(owner, _)| !is_building(**owner)).map(|(o, l)| (*o, *l)).collect();
            let target = longest(land).or_else(|| longest(lengths)).unwrap_or(NONE);
            changed.extend([*region, target].into_iter().filter(|region| *region != NONE));
            if sets.iter().any(|set| grown.contains(set)) {
                continue;
            }
            let gaining = halves().map(|half| half ^ 1).filter(|half| faces.of(*half) == target);
            grown.extend(gaining.map(|half| self.set_of(faces, half)));
            for cycle in sets.iter().filter_map(|set| self.members.get(set)).flatten() {
                faces.owner[*cycle as usize] = target;
            }
        }
        changed
    }

    fn set_of(&self, faces: &Faces, half: u32) -> u32 {
        self.set[faces.cycle[half as usize] as usize]
    }
}
