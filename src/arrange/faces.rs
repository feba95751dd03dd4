//! Whose the faces are: that of the building whose walls are around it, else that of the region which lay there; what a
//! building gave up goes to its neighbours.

use std::collections::BTreeMap;

use super::graph::{Graph, NONE};
use super::point::Point;
use super::rows::Rows;
use crate::polygonize::DisjointSets;

/// The cycles of halves around faces, and whose they are.
#[derive(Debug)]
pub(super) struct Faces {
    /// Per half: the number of its cycle.
    pub cycle: Vec<u32>,
    /// Per cycle: the region that has it, or [`NONE`].
    pub owner: Vec<u32>,
}

/// A cycle while owners are told.
#[derive(Debug, Clone)]
struct Cycle {
    first: u32,
    twice_area: i64,
    building: Option<u32>,
    old: Option<u32>,
}

/// What the old coverage was.
pub(super) struct Old<'a> {
    /// Whether a region is a building.
    pub is_building: &'a dyn Fn(u32) -> bool,
    /// The old region at a point that lies on none of its borders.
    pub at: &'a dyn Fn(Point) -> u32,
    /// The height of a row in which borders are looked for.
    pub row: i64,
}

impl Faces {
    /// Walks all cycles and tells whose each is.
    pub fn new(graph: &Graph, old: &Old) -> Self {
        let (cycle, mut cycles) = walks(graph);
        for cycle in cycles.iter_mut().filter(|c| c.building.is_none() && c.old.is_none()) {
            cycle.old = Some((old.at)(middle(graph, cycle.first)));
        }
        let is_given =
            |cycle: &Cycle| cycle.building.is_none() && cycle.old.is_some_and(|r| r != NONE && (old.is_building)(r));
        let given: Vec<u32> = (0..cycles.len() as u32).filter(|c| is_given(&cycles[*c as usize])).collect();
        let owner = cycles.iter().map(|c| c.building.or(c.old).unwrap_or(NONE)).collect();
        let mut faces = Self { cycle, owner };
        let groups = faces.groups(graph, &cycles, (&given, old.row));
        faces.hand_over(graph, &groups, old);
        faces
    }

    /// The owner of the face left of a half.
    pub fn of(&self, half: u32) -> u32 {
        self.owner[self.cycle[half as usize] as usize]
    }

    /// Per cycle of what was given up: the number of its face among such faces.
    fn groups(&self, graph: &Graph, cycles: &[Cycle], (given, row): (&[u32], i64)) -> BTreeMap<u32, u32> {
        let mut sets = DisjointSets::new(cycles.len());
        let holes: Vec<u32> = given.iter().copied().filter(|c| cycles[*c as usize].twice_area <= 0).collect();
        if !holes.is_empty() {
            let segments = (0..graph.halves()).step_by(2).flat_map(|half| {
                let points: Vec<Point> = graph.points(half).collect();
                points.windows(2).map(|pair| (pair[0], pair[1], half)).collect::<Vec<_>>()
            });
            let rows = Rows::new(segments, row);
            for hole in holes {
                let west = around(graph, cycles[hole as usize].first).flat_map(|half| graph.points(half)).min();
                if let Some((half, south)) = west.and_then(|point| rows.west_of(point)) {
                    sets.unite(hole, self.cycle[(half ^ u32::from(!south)) as usize]);
                }
            }
        }
        given.iter().map(|cycle| (*cycle, sets.find(*cycle))).collect()
    }

    /// Gives each face that a building gave up to the neighbour with the longest border: a region that is no building, else
    /// what lies outside, else a building. What borders on other such faces alone waits for these.
    fn hand_over(&mut self, graph: &Graph, groups: &BTreeMap<u32, u32>, old: &Old) {
        let mut borders: BTreeMap<(u32, u32), f64> = BTreeMap::new();
        for half in 0..graph.halves() {
            let (here, there) = (self.cycle[half as usize], self.cycle[(half ^ 1) as usize]);
            if let Some(group) = groups.get(&here).filter(|group| groups.get(&there) != Some(group)) {
                *borders.entry((*group, there)).or_default() += graph.length(half);
            }
        }
        let mut open: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        groups.iter().for_each(|(cycle, group)| open.entry(*group).or_default().push(*cycle));
        while !open.is_empty() {
            let chosen = [Self::land, Self::any].map(|choose| -> Vec<(u32, u32)> {
                let settled = |there: &u32| !groups.get(there).is_some_and(|other| open.contains_key(other));
                let best = |group: u32| {
                    let mut lengths: BTreeMap<u32, f64> = BTreeMap::new();
                    let near = borders.range((group, 0)..=(group, u32::MAX)).filter(|((_, there), _)| settled(there));
                    near.for_each(|((_, there), m)| *lengths.entry(self.owner[*there as usize]).or_default() += m);
                    choose(lengths, old)
                };
                open.keys().filter_map(|group| Some((*group, best(*group)?))).collect()
            });
            let Some(chosen) = chosen.into_iter().find(|chosen| !chosen.is_empty()) else { break };
            for (group, owner) in chosen {
                for cycle in open.remove(&group).unwrap_or_default() {
                    self.owner[cycle as usize] = owner;
                }
            }
        }
        for cycle in open.into_values().flatten() {
            self.owner[cycle as usize] = NONE;
        }
    }
}

/// Chooses among neighbours, by the lengths of their borders.
impl Faces {
    fn land(mut lengths: BTreeMap<u32, f64>, old: &Old) -> Option<u32> {
        lengths.retain(|region, _| *region != NONE && !(old.is_building)(*region));
        longest(lengths)
    }

    /// A strip along the edge of the map stays free; what only opens to it does not.
    fn any(mut lengths: BTreeMap<u32, f64>, _: &Old) -> Option<u32> {
        let outside = lengths.remove(&NONE);
        let others: f64 = lengths.values().sum();
        if outside.is_some_and(|outside| 2.0 * outside >= others) { Some(NONE) } else { longest(lengths) }
    }
}

/// The greatest, and of the same the one with the least number.
pub(super) fn longest(lengths: BTreeMap<u32, f64>) -> Option<u32> {
    lengths.into_iter().rev().max_by(|a, b| a.1.total_cmp(&b.1)).map(|(owner, _)| owner)
}

/// The halves around the face left of one.
fn around(graph: &Graph, first: u32) -> impl Iterator<Item = u32> + '_ {
    let following = move |half: &u32| Some(graph.next(*half, |_| false)).filter(|next| *next != first);
    std::iter::successors(Some(first), following)
}

/// The cycle of each half, and the cycles.
fn walks(graph: &Graph) -> (Vec<u32>, Vec<Cycle>) {
    let mut of_half = vec![u32::MAX; graph.halves() as usize];
    let mut cycles = Vec::new();
    for first in 0..graph.halves() {
        if of_half[first as usize] != u32::MAX {
            continue;
        }
        let mut cycle = Cycle { first, twice_area: 0, building: None, old: None };
        let mut old: BTreeMap<u32, f64> = BTreeMap::new();
        for half in around(graph, first) {
            of_half[half as usize] = cycles.len() as u32;
            cycle.twice_area = cycle.twice_area.wrapping_add(graph.twice_area(half));
            let side = graph.side(half);
            cycle.building = [cycle.building, side.building].into_iter().flatten().min();
            if let Some(region) = side.old {
                // All say the same, but for what rounding has folded.
                *old.entry(region).or_default() += graph.length(half);
            }
        }
        cycle.old = longest(old);
        cycles.push(cycle);
    }
    (of_half, cycles)
}

/// The middle of the first stretch of a half.
fn middle(graph: &Graph, half: u32) -> Point {
    let mut points = graph.points(half);
    let a = points.next().unwrap_or(Point { x: 0, y: 0 });
    let b = points.next().unwrap_or(a);
    Point { x: i64::midpoint(a.x, b.x), y: i64::midpoint(a.y, b.y) }
}
