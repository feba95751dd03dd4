//! Buildings and their surroundings as one coverage: what each region has once walls are straight.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use geo::{Area, Polygon};

use super::buildings::{Built, Plane};
use super::pieces::{Place, place, worth};
use super::{FeatureOptions, PipelineError};
use crate::arrange::{Arranged, Arrangement, PartSize};
use crate::georef::{Ground, PixelPoint, ScaleMesh};
use crate::simplify::{Lattice, Outlines};

/// A region of a class raster exists as long as this share of it is left.
const LEAST_SHARE: f64 = 0.25;

/// What the regions of a coverage have once buildings are finished.
pub(super) struct Settled {
    arranged: Arranged,
    /// The importance in pixels of vertices, by place.
    importance_px: HashMap<Place, f32>,
}

/// How a coverage is settled.
pub(super) struct Settling<'a> {
    pub(super) outlines: &'a Outlines<'a>,
    pub(super) plane: &'a Plane<'a>,
    pub(super) options: &'a FeatureOptions,
    pub(super) lattice: Lattice,
    /// Maps of a coarser tolerance need no vertex where a wall and an old border cross, in metres.
    pub(super) depth_m: f64,
}

impl Settling<'_> {
    /// Cuts finished outlines out of all other regions, and gives what buildings gave up to their neighbours. Where nothing may
    /// vanish, outlines that cover a region as good as whole are cut by it.
    pub(super) fn settle(&self, built: &mut [Built]) -> Result<Settled, PipelineError> {
        let frame = &self.plane.grid.frame;
        let ground = Ground::new(frame.transform, &frame.crs)?;
        let mesh = RefCell::new(ScaleMesh::new(ground, self.plane.scale.resolution_m_per_px()));
        let is_enough = |part: PartSize| {
            let at = PixelPoint { col: part.at.x, row: part.at.y };
            let scale = mesh.borrow_mut().scale_at(at).unwrap_or(self.plane.scale);
            let least_m2 = self.options.min_area_m2;
            // A fragment of a region needs a pixel; what there is of the region itself, what the options say.
            let least_m2 = if part.is_largest { least_m2 } else { least_m2.max(scale.pixel_area_m2()) };
            part.area_px2 * scale.pixel_area_m2() >= least_m2
        };
        let mut arranged = self.arranged(built, &is_enough);
        if self.options.min_area_m2 <= 0.0 {
            let lost: Vec<Polygon<f64>> = self.lost(&arranged, built);
            if !lost.is_empty() {
                built.iter_mut().for_each(|building| building.yield_to(&lost, &self.lattice));
                arranged = self.arranged(built, &is_enough);
            }
        }
        let importance_px = if self.options.for_zooms { self.importance_px(&arranged, built) } else { HashMap::new() };
        Ok(Settled { arranged, importance_px })
    }

    fn arranged(&self, built: &[Built], is_enough: &dyn Fn(PartSize) -> bool) -> Arranged {
        let buildings: Vec<(usize, Vec<&Polygon<f64>>)> =
            built.iter().map(|building| (building.region, building.pixels.iter().collect())).collect();
        Arrangement { outlines: self.outlines, buildings: &buildings, lattice: self.lattice }.settle(is_enough)
    }

    /// The outlines of the regions of which nothing, or not enough, is left.
    fn lost(&self, arranged: &Arranged, built: &[Built]) -> Vec<Polygon<f64>> {
        let buildings: HashSet<usize> = built.iter().map(|building| building.region).collect();
        let outline = |(region, parts): (&usize, &Vec<Polygon<f64>>)| {
            let old = self.outlines.polygon(*region);
            let left: f64 = parts.iter().map(Area::unsigned_area).sum();
            (!buildings.contains(region) && left < LEAST_SHARE * old.unsigned_area()).then_some(old)
        };
        arranged.parts.iter().filter_map(outline).collect()
    }

    /// Of every vertex beside what has changed: ends of borders are always needed; corners of walls and turns of borders as far
    /// as these say, both on either side; what is new as far as walls cross old borders.
    fn importance_px(&self, arranged: &Arranged, built: &[Built]) -> HashMap<Place, f32> {
        let metres = self.plane.scale.resolution_m_per_px() as f32;
        let depth_px = self.depth_m as f32 / metres;
        let is_end = |at: [i64; 2]| arranged.nodes.get(&at).copied();
        let mut importance_px: HashMap<Place, f32> = HashMap::new();
        let mut note = |at: Place, px: f32| {
            importance_px.entry(at).and_modify(|known| *known = known.max(px)).or_insert(px);
        };
        for (at, is_end) in &arranged.nodes {
            note(place(self.lattice.place(*at)), if *is_end { f32::INFINITY } else { 0.0 });
        }
        let coverage = self.outlines.coverage();
        for number in 0..coverage.arc_count() {
            let arc = coverage.arc(number);
            if ![arc.left, arc.right].into_iter().flatten().any(|region| arranged.parts.contains_key(&region)) {
                continue;
            }
            let line = self.outlines.line(number);
            let (last, is_closed) = (line.len() - 1, arc.points.first() == arc.points.last());
            for (i, (c, px)) in line.enumerate() {
                let was_end = !is_closed && (i == 0 || i == last);
                let bends = was_end && is_end(self.lattice.steps(c)) == Some(false);
                note(place(c), if bends { depth_px } else { px });
            }
        }
        for building in built {
            let walls = building.pixels.iter().zip(&building.importance_m);
            walls.flat_map(|(pixels, of)| worth(pixels, of)).for_each(|(at, m)| note(at, m / metres));
        }
        importance_px.values_mut().filter(|px| **px <= 0.0).for_each(|px| *px = depth_px);
        importance_px
    }
}

impl Settled {
    /// The parts of a region that may have changed.
    pub(super) fn parts(&self, region: usize) -> Option<&[Polygon<f64>]> {
        self.arranged.parts.get(&region).map(Vec::as_slice)
    }

    /// The importance in pixels of a vertex of such a part.
    pub(super) fn importance_px(&self, at: Place) -> Option<f32> {
        self.importance_px.get(&at).copied()
    }
}
