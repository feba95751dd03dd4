//! What only buildings get: regular angles and heights.

use geo::{Area, BoundingRect, Intersects, Line, MapCoords, Polygon, Rect, coord};

use super::pieces::rings;
use super::settled::Settling;
use super::{FeatureOptions, PipelineError};
use crate::feature::{Feature, Height, HeightSource, KeptReason, Outline};
use crate::georef::GroundScale;
use crate::grid::WorkGrid;
use crate::height::{HeightOptions, Measured, Source, Surveyor, class_default_m};
use crate::raster::Elevation;
use crate::regularize::{self, Footprint, Outcome, Reason, RegularizeOptions, Regularized};
use crate::scheme::{Kind, Scheme};
use crate::simplify::{Lattice, Outlines, subdivide};

/// A road in pieces of so many vertices: a building meets few of them.
const PIECE_VERTICES: usize = 48;
/// An outline that touches what lies beside it loses less by rounding, in pixels.
const LEAST_LOSS_PX2: f64 = 1e-3;

/// Gives buildings regular angles, all in one metric plane, so that neighbours are kept free; and tells how they and their
/// surroundings become one coverage.
pub(super) fn regularize<'a>(
    (buildings, roads): (&[usize], &[usize]),
    outlines: &'a Outlines<'a>,
    (plane, options): (&'a Plane<'a>, &'a FeatureOptions),
) -> (Vec<Built>, Settling<'a>) {
    let metres = |polygon: &Polygon<f64>| polygon.map_coords(|c| plane.scale.offset_m(c.x, c.y).into());
    let footprint = |&i: &usize| Footprint {
        outline: metres(&outlines.exact_polygon(i)),
        simplified: Some(metres(&outlines.polygon(i))),
    };
    let footprints: Vec<Footprint> = buildings.iter().map(footprint).collect();
    let pieces = roads.iter().flat_map(|&i| subdivide(outlines.polygon(i), PIECE_VERTICES));
    let pieces: Vec<Polygon<f64>> = pieces.map(|piece| metres(&piece)).collect();
    let regular = RegularizeOptions::for_pixel(plane.scale.resolution_m_per_px());
    let made = regularize::regularize_beside(&footprints, &pieces, &regular);
    let lattice = Lattice::of(&outlines.coverage().window());
    let pixels = |polygon: &Polygon<f64>| polygon.map_coords(|c| lattice.snap(plane.scale.offset_px(c.x, c.y).into()));
    let built = buildings.iter().zip(made).map(|(region, made)| Built::of(*region, made, pixels)).collect();
    (built, Settling { outlines, plane, options, lattice, depth_m: regular.road_depth_m })
}

/// The metric plane over the middle of a grid.
pub(super) struct Plane<'a> {
    pub(super) grid: &'a WorkGrid,
    pub(super) scale: GroundScale,
}

/// A finished building.
pub(super) struct Built {
    pub(super) region: usize,
    /// In raster space, on the lattice; one polygon, but where it yields to what it would cover.
    pub(super) pixels: Vec<Polygon<f64>>,
    /// Per polygon, ring and vertex.
    pub(super) importance_m: Vec<Vec<Vec<f32>>>,
    outcome: Outcome,
    direction_deg: Option<f32>,
}

impl Built {
    fn of(region: usize, made: Regularized, pixels: impl Fn(&Polygon<f64>) -> Polygon<f64>) -> Self {
        Self {
            region,
            pixels: vec![pixels(&made.polygon)],
            direction_deg: made.direction_deg.map(|walls_deg| longer_deg(&made.polygon, walls_deg)),
            importance_m: vec![made.importance_m],
            outcome: made.outcome,
        }
    }

    /// Leaves out what others have; what is left is no regular outline any more.
    pub(super) fn yield_to(&mut self, others: &[Polygon<f64>], lattice: &Lattice) {
        let bounds = |polygon: &Polygon<f64>| polygon.bounding_rect();
        let touches = |other: &&Polygon<f64>| {
            self.pixels.iter().any(|own| bounds(own).zip(bounds(other)).is_some_and(|(a, b)| a.intersects(&b)))
        };
        let near: Vec<Polygon<f64>> = others.iter().filter(touches).cloned().collect();
        if near.is_empty() {
            return;
        }
        let left = lattice.without(&self.pixels, &near);
        let area = |polygons: &[Polygon<f64>]| polygons.iter().map(Area::unsigned_area).sum::<f64>();
        if area(&left) >= area(&self.pixels) - LEAST_LOSS_PX2 {
            return;
        }
        let always = |polygon: &Polygon<f64>| rings(polygon).map(|ring| vec![f32::INFINITY; ring.0.len()]).collect();
        self.importance_m = left.iter().map(always).collect();
        self.pixels = left;
        self.outcome = Outcome::Kept(Reason::Neighbour);
        self.direction_deg = None;
    }

    /// Tells a feature what became of its outline.
    pub(super) fn tell(&self, feature: &mut Feature) {
        feature.outline = match self.outcome {
            Outcome::Regularized => Outline::Regularized,
            Outcome::Round => Outline::Round,
            Outcome::Kept(Reason::PoorFit) => Outline::Kept(KeptReason::PoorFit),
            Outcome::Kept(Reason::TooSmall) => Outline::Kept(KeptReason::TooSmall),
            Outcome::Kept(Reason::Neighbour) => Outline::Kept(KeptReason::Neighbour),
            Outcome::Kept(Reason::Road) => Outline::Kept(KeptReason::Road),
        };
        feature.direction_deg = self.direction_deg;
    }
}

/// Of the two directions of walls at right angles the one with more wall: degrees clockwise from north, 0 to 180.
fn longer_deg(polygon: &Polygon<f64>, walls_deg: f64) -> f32 {
    let (sin, cos) = walls_deg.to_radians().sin_cos();
    let more_along =
        |line: Line<f64>| (line.dx() * cos + line.dy() * sin).abs() - (line.dy() * cos - line.dx() * sin).abs();
    let excess_m: f64 = polygon.exterior().lines().map(more_along).sum();
    let from_east_deg = if excess_m >= 0.0 { walls_deg } else { walls_deg + 90.0 };
    (90.0 - from_east_deg).rem_euclid(180.0) as f32
}

/// Gives buildings heights: measured where elevation is at hand, else the default of their size class.
pub(super) fn raise(
    features: &mut [Feature],
    (plane, scheme): (&Plane, &Scheme),
    options: &FeatureOptions,
) -> Result<(), PipelineError> {
    let is_building = |feature: &Feature| scheme.class(feature.class).is_some_and(|c| c.kind == Kind::Building);
    let buildings: Vec<usize> = (0..features.len()).filter(|i| is_building(&features[*i])).collect();
    let buildings = &buildings;
    let measured = match &options.dsm {
        Some(dsm) => {
            let surface = Elevation::open(dsm)?;
            let terrain = options.dtm.as_deref().map(Elevation::open).transpose()?;
            let surveyor = Surveyor::new(&plane.grid.frame.crs, surface, terrain, HeightOptions::default())?;
            measure(features, buildings, surveyor, plane)?
        }
        None => vec![None; buildings.len()],
    };
    for (&index, measured) in buildings.iter().zip(measured) {
        let feature = &mut features[index];
        let default_m = scheme.class(feature.class).and_then(|class| class_default_m(class, feature.area_m2));
        let default = default_m.map(|height_m| Height { height_m, source: HeightSource::ClassDefault });
        feature.height = measured.map(height).or(default);
    }
    Ok(())
}

fn height(measured: Measured) -> Height {
    let source = match measured.source {
        Source::DsmDtm => HeightSource::DsmDtm,
        Source::Dsm => HeightSource::Dsm,
    };
    Height { height_m: measured.height_m, source }
}

fn measure(
    features: &[Feature],
    buildings: &[usize],
    mut surveyor: Surveyor<Elevation>,
    plane: &Plane,
) -> Result<Vec<Option<Measured>>, PipelineError> {
    // Map units per metre: those of Web Mercator are not metres.
    let transform = plane.grid.frame.transform;
    let units_per_m = transform.determinant().abs().sqrt() / plane.scale.resolution_m_per_px();
    let margin = HeightOptions::default().ring_m[1] * units_per_m;
    let polygons: Vec<&Polygon<f64>> = buildings.iter().map(|i| &features[*i].polygon).collect();
    let near = neighbours(&polygons, margin);
    let measure = |(polygon, near): (&&Polygon<f64>, &Vec<usize>)| {
        let others: Vec<&Polygon<f64>> = near.iter().map(|i| polygons[*i]).collect();
        Ok(surveyor.measure(polygon, &others)?)
    };
    polygons.iter().zip(&near).map(measure).collect()
}

/// For each polygon the others whose bounds come within a margin: a sweep from west to east.
fn neighbours(polygons: &[&Polygon<f64>], margin: f64) -> Vec<Vec<usize>> {
    let bounds: Vec<Rect<f64>> = polygons
        .iter()
        .map(|p| p.bounding_rect().unwrap_or_else(|| Rect::new(coord! { x: 0.0, y: 0.0 }, coord! { x: 0.0, y: 0.0 })))
        .collect();
    let mut order: Vec<usize> = (0..bounds.len()).collect();
    order.sort_by(|a, b| bounds[*a].min().x.total_cmp(&bounds[*b].min().x));
    let mut near = vec![Vec::new(); bounds.len()];
    let mut open: Vec<usize> = Vec::new();
    for i in order {
        let (low, high) = (bounds[i].min(), bounds[i].max());
        open.retain(|j| bounds[*j].max().x >= low.x - margin);
        for &j in &open {
            if bounds[j].min().y <= high.y + margin && bounds[j].max().y >= low.y - margin {
                near[i].push(j);
                near[j].push(i);
            }
        }
        open.push(i);
    }
    near.iter_mut().for_each(|list| list.sort_unstable());
    near
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_direction_is_that_of_the_longer_walls() {
        let house = Rect::new(coord! { x: 0.0, y: 0.0 }, coord! { x: 20.0, y: 6.0 }).to_polygon();
        for (turned_deg, expected) in [(0.0, 90.0), (30.0, 60.0), (90.0, 0.0), (120.0, 150.0), (179.0, 91.0)] {
            let turned = geo::Rotate::rotate_around_centroid(&house, turned_deg);
            let found = longer_deg(&turned, f64::rem_euclid(turned_deg, 90.0));
            assert!((found - expected).abs() < 1e-3, "{turned_deg}: {found}");
        }
    }

    #[test]
    fn neighbours_are_those_within_the_margin() {
        let square =
            |x: f64, y: f64| Rect::new(coord! { x: x, y: y }, coord! { x: x + 10.0, y: y + 10.0 }).to_polygon();
        let polygons = [square(0.0, 0.0), square(12.0, 0.0), square(40.0, 0.0), square(0.0, 12.0)];
        let near = neighbours(&polygons.iter().collect::<Vec<_>>(), 3.0);
        assert_eq!(near, [vec![1, 3], vec![0, 3], vec![], vec![0, 1]]);
    }
}
