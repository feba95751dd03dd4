//! No building may cover a part of another one that it did not cover before, nor more than a strip of a road.

use std::collections::BTreeSet;

use geo::{Coord, Polygon};

use super::common::{common_corners, common_m2, distance_m};
use super::contact::{contacts, near_pairs, touch};
use super::draft::Draft;
use super::joined::{join, with_moved_edges};
use super::ring::{Ring, area, distance_to_edge_m, dot, edges, left, length, open_rings};
use super::valid::is_valid;
use super::{Footprint, Reason, RegularizeOptions, group, nodes};
use crate::cores::each;

/// Less is rounding.
const COMMON_M2: f64 = 1e-4;
/// A row's direction may cost a building so much more than its own.
const MOST_EXTRA_COST: f64 = 0.005;
/// Nearer is on a wall, but for rounding.
const ON_WALL_M: f64 = 1e-6;
/// How often a pair may be pushed apart before one of the two gives up.
const MOST_PUSHES: usize = 6;

/// Neighbours agree on their direction and on their common walls, and do not overlap; nor do they cover more than a strip
/// of a road.
pub(super) fn settle(
    drafts: &mut [Draft],
    (footprints, roads): (&[Footprint], &[Polygon<f64>]),
    options: &RegularizeOptions,
) {
    let roads: Vec<Vec<Ring>> = roads.iter().map(|road| open_rings(road, Coord::zero())).collect();
    let near = near_pairs(drafts, (footprints, &roads), options.reach_m);
    let of_buildings = |&&(_, j): &&(u32, u32)| (j as usize) < footprints.len();
    let buildings: Vec<(u32, u32)> = near.iter().filter(of_buildings).copied().collect();
    turn_rows(drafts, footprints, (&buildings, options));
    join_walls(drafts, footprints, (&buildings, options));
    let mut town = Separation { drafts, footprints, roads: &roads, options, near: &near };
    let apart = each(&near, options.threads, |&(i, j)| !town.overlap(i, j));
    let todo = near.iter().zip(apart).filter(|(_, apart)| !apart).map(|(pair, _)| *pair).collect();
    town.run(todo);
    nodes::share(town.drafts, &buildings);
}

type Near<'a> = (&'a [(u32, u32)], &'a RegularizeOptions);

/// Buildings that face each other take the direction of their group where that fits nearly as well as their own.
fn turn_rows(drafts: &mut [Draft], footprints: &[Footprint], (near, options): Near) {
    let facing = each(near, options.threads, |&pair| !contacts(pair, drafts, options.reach_m).is_empty());
    let pairs: Vec<(u32, u32)> = near.iter().zip(facing).filter(|(_, facing)| *facing).map(|(pair, _)| *pair).collect();
    let directions = group::directions(&pairs, drafts);
    let members: Vec<(usize, Coord<f64>)> =
        directions.into_iter().enumerate().filter_map(|(i, along)| Some((i, along?))).collect();
    let turned = each(&members, options.threads, |&(i, along)| Draft::along(&footprints[i], along, options));
    for ((i, _), turned) in members.into_iter().zip(turned) {
        if let Some(turned) = turned.filter(|turned| turned.cost <= drafts[i].cost + MOST_EXTRA_COST) {
            drafts[i] = turned;
        }
    }
}

/// Facing walls of one direction become one where the traced outlines touch, or where they overlap.
fn join_walls(drafts: &mut [Draft], footprints: &[Footprint], (near, options): Near) {
    let common = each(near, options.threads, |&(i, j)| {
        let (a, b) = (i as usize, j as usize);
        if drafts[a].along.is_none() || drafts[a].along != drafts[b].along {
            return Vec::new();
        }
        let mut facing = contacts((i, j), drafts, options.reach_m);
        if facing.iter().any(|c| c.gap_m > 0.0) && !touch(&footprints[a], &footprints[b]) {
            facing.retain(|c| c.gap_m <= 0.0);
        }
        facing
    });
    join(drafts, &common.concat());
}

/// Pairs that overlap, taken apart one by one.
struct Separation<'a> {
    drafts: &'a mut [Draft],
    footprints: &'a [Footprint],
    /// Numbered on from the buildings; what they lose to outlines is told at the end.
    roads: &'a [Vec<Ring>],
    options: &'a RegularizeOptions,
    near: &'a [(u32, u32)],
}

impl Separation<'_> {
    fn run(&mut self, mut todo: BTreeSet<(u32, u32)>) {
        if todo.is_empty() {
            return;
        }
        let mut partners: BTreeSet<(u32, u32)> = self.near.iter().copied().collect();
        partners.extend(self.near.iter().map(|&(i, j)| (j, i)));
        while let Some((i, j)) = todo.pop_first() {
            let pushed = (0..MOST_PUSHES).any(|_| !self.overlap(i, j) || !self.push(i, j));
            if pushed && !self.overlap(i, j) {
                continue;
            }
            if let Some(back) = self.step_back(i, j) {
                todo.extend(partners.range((back, 0)..=(back, u32::MAX)).map(|&(_, p)| (back.min(p), back.max(p))));
            }
        }
    }

    /// Whether two outlines share more than the old ones did; of a road, more than a strip along its old border.
    fn overlap(&self, i: u32, j: u32) -> bool {
        self.newly_common_m2(i, j) > COMMON_M2 && (!self.is_road(j) || !self.too_deep(i, j).is_empty())
    }

    /// The area that two outlines share and the old ones did not.
    fn newly_common_m2(&self, i: u32, j: u32) -> f64 {
        let now_m2 = common_m2(self.rings(i), self.rings(j));
        if now_m2 > 1e-9 { now_m2 - common_m2(&self.old(i), &self.old(j)) } else { 0.0 }
    }

    /// The corners of what a building covers of a road that lie too far from its old outline, and how much too far.
    fn too_deep(&self, building: u32, road: u32) -> Vec<(Coord<f64>, f64)> {
        let old = self.old(building);
        let excess = |p: Coord<f64>| (p, distance_m(&old, p) - self.options.road_depth_m);
        let corners = common_corners(self.rings(building), self.rings(road));
        corners.into_iter().map(excess).filter(|(_, excess_m)| *excess_m > 0.0).collect()
    }

    fn is_road(&self, i: u32) -> bool {
        i as usize >= self.drafts.len()
    }

    fn rings(&self, i: u32) -> &[Ring] {
        let road = |i: usize| self.roads[i - self.drafts.len()].as_slice();
        self.drafts.get(i as usize).map_or_else(|| road(i as usize), |draft| &draft.rings)
    }

    /// The outline to keep where no regular one fits.
    fn old(&self, i: u32) -> Vec<Ring> {
        let Some(footprint) = self.footprints.get(i as usize) else { return self.rings(i).to_vec() };
        open_rings(footprint.simplified.as_ref().unwrap_or(&footprint.outline), Coord::zero())
    }

    /// Moves the wall of either that takes most of the common part away, at the least cost in area; false where none helps.
    fn push(&mut self, i: u32, j: u32) -> bool {
        let mut options: Vec<(u32, Push)> = Vec::new();
        if self.is_road(j) {
            options.extend(self.pushes_off(i, &self.too_deep(i, j)).into_iter().map(|push| (i, push)));
        } else {
            let common = common_corners(self.rings(i), self.rings(j));
            for building in [i, j] {
                options.extend(self.pushes(building, &common).into_iter().map(|push| (building, push)));
            }
        }
        options.sort_by(|(_, a), (_, b)| b.removed.cmp(&a.removed).then(a.area_m2.total_cmp(&b.area_m2)));
        options.into_iter().take(4).any(|(building, push)| self.apply(building, &push))
    }

    /// The walls that reach too deep onto a road, with corners of what is covered on them, and by how much.
    fn pushes_off(&self, building: u32, too_deep: &[(Coord<f64>, f64)]) -> Vec<Push> {
        let mut list = Vec::new();
        for (ring, points) in self.drafts[building as usize].rings.iter().enumerate() {
            for (edge, (a, b)) in edges(points).enumerate() {
                let on_wall = |(p, _): &&(Coord<f64>, f64)| distance_to_edge_m(*p, (a, b)) < ON_WALL_M;
                let excess_m: Vec<f64> = too_deep.iter().filter(on_wall).map(|(_, excess_m)| *excess_m).collect();
                if !excess_m.is_empty() {
                    let depth_m = excess_m.iter().copied().fold(0.0, f64::max);
                    let by = left(b - a) / length(b - a) * (depth_m + 1e-3);
                    list.push(Push { ring, edge, by, removed: excess_m.len(), area_m2: depth_m * length(b - a) });
                }
            }
        }
        list
    }

    fn pushes(&self, building: u32, common: &[Coord<f64>]) -> Vec<Push> {
        let mut list = Vec::new();
        for (ring, points) in self.drafts[building as usize].rings.iter().enumerate() {
            for (edge, (a, b)) in edges(points).enumerate() {
                let length_m = length(b - a);
                let (u, inward) = ((b - a) / length_m, left(b - a) / length_m);
                let reach_m = self.options.reach_m;
                let depth = |p: &Coord<f64>| {
                    let (beside, along) = (dot(*p - a, inward), dot(*p - a, u));
                    let near = beside > -1e-6 && beside <= reach_m && along > -reach_m && along < length_m + reach_m;
                    near.then_some(beside)
                };
                let depths: Vec<f64> = common.iter().filter_map(depth).collect();
                let depth_m = depths.iter().copied().fold(0.0, f64::max);
                if depth_m > 0.0 {
                    let by = inward * (depth_m + 1e-3);
                    list.push(Push { ring, edge, by, removed: depths.len(), area_m2: depth_m * length_m });
                }
            }
        }
        list
    }

    fn apply(&mut self, building: u32, push: &Push) -> bool {
        let draft = &self.drafts[building as usize];
        let Some(ring) = with_moved_edges(&draft.rings[push.ring], &[(push.edge, push.by)]) else { return false };
        let mut rings = draft.rings.clone();
        rings[push.ring] = ring;
        let traced = open_rings(&self.footprints[building as usize].outline, Coord::zero());
        let (common_m2, both_m2) = (common_m2(&rings, &traced), area(&rings) + area(&traced));
        let fits = common_m2 >= self.options.min_iou * (both_m2 - common_m2) && is_valid(&rings);
        if fits {
            self.drafts[building as usize].rings = rings;
        }
        fits
    }

    /// Of two outlines that overlap, the one that can give way more often does, of equals the one that reaches further into
    /// the pixels of the other. `None` where neither can.
    fn step_back(&mut self, i: u32, j: u32) -> Option<u32> {
        let steps_left = |i: u32| self.drafts.get(i as usize).map_or(0, |draft| draft.steps_left);
        let (a, b) = (steps_left(i), steps_left(j));
        let first = if a == b { self.reach_m2(i, j) >= self.reach_m2(j, i) } else { a > b };
        let back = if first { i } else { j };
        let reason = if self.is_road(j) { Reason::Road } else { Reason::Neighbour };
        let footprint = &self.footprints[back as usize];
        self.drafts[back as usize] = match a.max(b) {
            2 => Draft::simplified(footprint, self.options, reason),
            1 => Draft::traced(footprint, reason),
            _ => return None,
        };
        Some(back)
    }

    /// How much of the pixels of `j` lies under the outline of `i`.
    fn reach_m2(&self, i: u32, j: u32) -> f64 {
        let traced = |footprint: &Footprint| open_rings(&footprint.outline, Coord::zero());
        common_m2(self.rings(i), &self.footprints.get(j as usize).map_or_else(Vec::new, traced))
    }
}

/// A wall to move.
struct Push {
    ring: usize,
    edge: usize,
    by: Coord<f64>,
    /// How many corners of the common part it takes away.
    removed: usize,
    /// What the building loses.
    area_m2: f64,
}
