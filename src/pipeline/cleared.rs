//! Roads that give way to the buildings on their borders.
//!
//! ```text
//!  road    ╱╲   ╱╲  old border    A finished wall runs through the old border: here the road loses a strip, there it gains
//!   ──────x──x─x──x──── wall      one that was the building's. Then it runs along the wall from the first x to the last.
//! ```

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use geo::{Area, Coord, Line, LineString, Polygon};

use super::buildings::{Built, Plane};
use super::pieces::{Place, place, places, rings, worth};
use crate::cores::{cores, each};
use crate::simplify::{Borders, Lattice, Outlines};

/// What is left of roads beside the outlines that cover a strip of them.
pub(super) struct ClearedRoads {
    /// By region, in raster space: the parts that are left, which may be none.
    parts: BTreeMap<usize, Vec<Polygon<f64>>>,
    /// The regions beside them, and roads beside outlines that cover none, with the vertices that are new there.
    beside: BTreeMap<usize, Polygon<f64>>,
    /// The importance in pixels of the vertices that are new, by place.
    importance_px: HashMap<Place, f32>,
}

/// How roads are cleared.
pub(super) struct Clearing<'a> {
    pub(super) outlines: &'a Outlines<'a>,
    pub(super) plane: &'a Plane<'a>,
    /// The regions that are roads.
    pub(super) roads: &'a [usize],
    pub(super) lattice: Lattice,
    /// How deep a road may be covered. A strip of that depth is the least that stays a part of a road, and maps of a coarser
    /// tolerance need no vertex of it.
    pub(super) depth_m: f64,
}

impl Clearing<'_> {
    /// Cuts outlines out of the roads, and gives both sides the vertices that the other has on their common border.
    pub(super) fn clear(&self, built: &mut [Built]) -> ClearedRoads {
        let mut covering: BTreeMap<usize, Vec<&Built>> = BTreeMap::new();
        for building in built.iter() {
            building.covers.iter().for_each(|road| covering.entry(*road).or_default().push(building));
        }
        let of_region: HashMap<usize, &Built> = built.iter().map(|building| (building.region, building)).collect();
        let walls = Borders::of(built.iter().map(|building| &building.pixels), &self.lattice);
        let covering: Vec<_> = covering.into_iter().collect();
        let left = |(road, over): &(usize, Vec<&Built>)| {
            let parts = self.left_of(*road, over, &of_region).into_iter();
            (*road, parts.map(|part| met(&walls, &part).unwrap_or(part)).collect())
        };
        let parts: BTreeMap<usize, Vec<Polygon<f64>>> = each(&covering, cores(), left).into_iter().collect();
        let borders = Borders::of(parts.values().flatten(), &self.lattice);
        let beside_walls = self.beside(of_region.keys().copied());
        let beside_walls: BTreeSet<usize> = self.roads.iter().copied().filter(|r| beside_walls.contains(r)).collect();
        let touched = self.beside(parts.keys().copied()).into_iter().chain(beside_walls.iter().copied());
        let others: BTreeSet<usize> =
            touched.filter(|region| !parts.contains_key(region) && !of_region.contains_key(region)).collect();
        let new_of = |region: usize| {
            let polygon = self.outlines.polygon(region);
            let at_roads = met(&borders, &polygon);
            let at_walls = beside_walls.contains(&region).then(|| met(&walls, at_roads.as_ref().unwrap_or(&polygon)));
            at_walls.flatten().or(at_roads)
        };
        let beside: BTreeMap<usize, Polygon<f64>> =
            others.into_iter().filter_map(|region| Some((region, new_of(region)?))).collect();
        let importance_px = self.importance_px(parts.values().flatten().chain(beside.values()), built);
        built.iter_mut().for_each(|building| self.meet(building, &borders, &importance_px));
        ClearedRoads { parts, beside, importance_px }
    }

    fn metres(&self) -> f32 {
        self.plane.scale.resolution_m_per_px() as f32
    }

    /// The parts of a road outside the outlines over it, and with what these gave up beside it.
    fn left_of(&self, road: usize, over: &[&Built], of_region: &HashMap<usize, &Built>) -> Vec<Polygon<f64>> {
        let polygon = self.outlines.polygon(road);
        let own: HashSet<Place> = places(&polygon).collect();
        let edges: HashSet<(Place, Place)> = sides(&polygon).collect();
        let mut all: Vec<Polygon<f64>> = over.iter().flat_map(|building| self.given_up(building, &edges)).collect();
        // Where these begin and end becomes a vertex of the road and of the walls, so that rounding leaves no cleft.
        let ends = Borders::of(all.iter(), &self.lattice);
        all.push(met(&ends, &polygon).unwrap_or(polygon));
        // What one gave up may be another's.
        let near = self.beside(over.iter().map(|building| building.region).chain([road]));
        let near = near.into_iter().chain(over.iter().map(|building| building.region)).collect::<BTreeSet<_>>();
        let walls = near.iter().filter_map(|region| Some(&of_region.get(region)?.pixels));
        let corners: HashSet<Place> = walls.clone().flat_map(places).collect();
        let walls: Vec<Polygon<f64>> = walls.map(|wall| met(&ends, wall).unwrap_or_else(|| wall.clone())).collect();
        let parts = self.lattice.without(&all, &walls);
        let is_new = |at| !own.contains(&place(at)) && !corners.contains(&place(at));
        let straight = |part| with_rings(part, |ring| self.lattice.straightened(ring, is_new));
        let parts: Vec<Polygon<f64>> = parts.iter().map(straight).collect();
        // A vertex that went may have held two borders apart.
        let mut parts = self.lattice.without(&parts, &[]);
        let depth_px = self.depth_m / f64::from(self.metres());
        parts.retain(|part| part.unsigned_area() > depth_px * depth_px);
        parts
    }

    /// What a building had and has no more, where the most of its old border there was one with the road.
    fn given_up(&self, building: &Built, road: &HashSet<(Place, Place)>) -> Vec<Polygon<f64>> {
        let old = self.outlines.polygon(building.region);
        let mut pieces = self.lattice.without(std::slice::from_ref(&old), std::slice::from_ref(&building.pixels));
        let ends = Borders::of(pieces.iter(), &self.lattice);
        // Every edge of the old outline, cut where pieces end: its length, as a loss where the road does not lie beyond it.
        let beside: HashMap<(Place, Place), f64> = rings(&old)
            .flat_map(LineString::lines)
            .flat_map(|edge| {
                let sign = if road.contains(&(place(edge.end), place(edge.start))) { 1.0 } else { -1.0 };
                let line: LineString<f64> = ends.split(edge).chain([edge.end]).collect();
                let length = |side: &Line<f64>| side.delta().x.hypot(side.delta().y);
                line.lines().map(|side| (ends_of(side), sign * length(&side))).collect::<Vec<_>>()
            })
            .collect();
        let with_road = |piece: &Polygon<f64>| -> f64 { sides(piece).filter_map(|side| beside.get(&side)).sum() };
        pieces.retain(|piece| with_road(piece) > 0.0);
        pieces
    }

    /// Some regions and those that border on them.
    fn beside(&self, regions: impl Iterator<Item = usize>) -> BTreeSet<usize> {
        let coverage = self.outlines.coverage();
        let arcs = regions.flat_map(|region| coverage.rings(region)).flatten().map(|side| coverage.arc(side.arc()));
        arcs.flat_map(|arc| [arc.left, arc.right]).flatten().collect()
    }

    fn importance_px<'b>(&self, parts: impl Iterator<Item = &'b Polygon<f64>>, built: &[Built]) -> HashMap<Place, f32> {
        let mut importance_px: HashMap<Place, f32> =
            parts.flat_map(places).map(|at| (at, self.depth_m as f32 / self.metres())).collect();
        for (at, importance_m) in built.iter().flat_map(|building| worth(&building.pixels, &building.importance_m)) {
            importance_px.entry(at).and_modify(|px| *px = importance_m / self.metres());
        }
        importance_px
    }

    fn meet(&self, building: &mut Built, borders: &Borders, importance_px: &HashMap<Place, f32>) {
        let Some(pixels) = met(borders, &building.pixels) else { return };
        let known: HashMap<Place, f32> = worth(&building.pixels, &building.importance_m).collect();
        let new = |at: &Place| importance_px.get(at).map_or(0.0, |px| px * self.metres());
        let of = |c: &Coord<f64>| known.get(&place(*c)).copied().unwrap_or_else(|| new(&place(*c)));
        building.importance_m = rings(&pixels).map(|ring| ring.0.iter().map(of).collect()).collect();
        building.pixels = pixels;
    }
}

impl ClearedRoads {
    /// The parts of a region that is a road and has given way.
    pub(super) fn parts(&self, region: usize) -> Option<&[Polygon<f64>]> {
        self.parts.get(&region).map(Vec::as_slice)
    }

    /// The outline of a region beside a cleared road, where it has new vertices.
    pub(super) fn beside(&self, region: usize) -> Option<&Polygon<f64>> {
        self.beside.get(&region)
    }

    /// The importance in pixels of a vertex that is new.
    pub(super) fn importance_px(&self, at: Place) -> Option<f32> {
        self.importance_px.get(&at).copied()
    }
}

/// A polygon with the vertices that lie on its edges; `None` where there are none.
fn met(borders: &Borders, polygon: &Polygon<f64>) -> Option<Polygon<f64>> {
    let met = with_rings(polygon, |ring| borders.meet(ring));
    let more = rings(&met).zip(rings(polygon)).any(|(new, old)| new.0.len() > old.0.len());
    more.then_some(met)
}

/// The edges of a polygon, from place to place.
fn sides(polygon: &Polygon<f64>) -> impl Iterator<Item = (Place, Place)> {
    rings(polygon).flat_map(LineString::lines).map(ends_of)
}

fn ends_of(edge: Line<f64>) -> (Place, Place) {
    (place(edge.start), place(edge.end))
}

fn with_rings(polygon: &Polygon<f64>, of: impl Fn(&LineString<f64>) -> LineString<f64>) -> Polygon<f64> {
    Polygon::new(of(polygon.exterior()), polygon.interiors().iter().map(of).collect())
}
