//! What only buildings get: regular angles and heights.

use std::collections::BTreeSet;

use geo::{BoundingRect, Line, MapCoords, Polygon, Rect, coord};

use super::cleared::{ClearedRoads, Clearing};
use super::{FeatureOptions, PipelineError, perimeter_m};
use crate::feature::{Feature, Height, HeightSource, KeptReason, Outline};
use crate::georef::GroundScale;
use crate::grid::WorkGrid;
use crate::height::{HeightOptions, Measured, Source, Surveyor, class_default_m};
use crate::raster::Elevation;
use crate::regularize::{self, Footprint, Outcome, Reason, RegularizeOptions, Regularized};
use crate::scheme::Scheme;
use crate::simplify::{Lattice, Outlines, subdivide};

/// A road in pieces of so many vertices: a building meets few of them.
const PIECE_VERTICES: usize = 48;

/// Gives buildings regular angles, all in one metric plane, so that neighbours are kept free; tells what is left of the roads
/// that they cover a strip of.
pub(super) fn regularize(
    features: &mut [Feature],
    (buildings, roads): (&[usize], &[usize]),
    outlines: &Outlines,
    plane: &Plane,
) -> ClearedRoads {
    let metres = |polygon: &Polygon<f64>| polygon.map_coords(|c| plane.scale.offset_m(c.x, c.y).into());
    let footprint = |&i: &usize| Footprint {
        outline: metres(&outlines.exact_polygon(i)),
        simplified: Some(metres(&outlines.polygon(i))),
    };
    let footprints: Vec<Footprint> = buildings.iter().map(footprint).collect();
    let pieces =
        roads.iter().flat_map(|&i| subdivide(outlines.polygon(i), PIECE_VERTICES).into_iter().map(move |p| (i, p)));
    let (owners, pieces): (Vec<usize>, Vec<Polygon<f64>>) = pieces.map(|(i, piece)| (i, metres(&piece))).unzip();
    let options = RegularizeOptions::for_pixel(plane.scale.resolution_m_per_px());
    let made = regularize::regularize_beside(&footprints, &pieces, &options);
    let lattice = Lattice::of(&outlines.coverage().window());
    let pixels = |polygon: &Polygon<f64>| polygon.map_coords(|c| lattice.snap(plane.scale.offset_px(c.x, c.y).into()));
    let made = buildings.iter().zip(made);
    let mut built: Vec<Built> = made.map(|(region, made)| Built::of(*region, made, pixels, &owners)).collect();
    let cleared = Clearing { outlines, plane, roads, lattice, depth_m: options.road_depth_m }.clear(&mut built);
    for (index, built) in buildings.iter().zip(built) {
        adopt(&mut features[*index], built, plane);
    }
    cleared
}

/// The metric plane over the middle of a grid.
pub(super) struct Plane<'a> {
    pub(super) grid: &'a WorkGrid,
    pub(super) scale: GroundScale,
}

/// A building as it leaves.
pub(super) struct Built {
    pub(super) region: usize,
    /// In raster space, on the lattice.
    pub(super) pixels: Polygon<f64>,
    pub(super) importance_m: Vec<Vec<f32>>,
    outcome: Outcome,
    direction_deg: Option<f32>,
    /// The regions of the roads that it covers a strip of.
    pub(super) covers: BTreeSet<usize>,
}

impl Built {
    fn of(region: usize, made: Regularized, pixels: impl Fn(&Polygon<f64>) -> Polygon<f64>, owners: &[usize]) -> Self {
        Self {
            region,
            pixels: pixels(&made.polygon),
            direction_deg: made.direction_deg.map(|walls_deg| longer_deg(&made.polygon, walls_deg)),
            importance_m: made.importance_m,
            outcome: made.outcome,
            covers: made.covers.iter().map(|piece| owners[*piece]).collect(),
        }
    }
}

fn adopt(feature: &mut Feature, built: Built, plane: &Plane) {
    feature.outline = match built.outcome {
        Outcome::Regularized => Outline::Regularized,
        Outcome::Round => Outline::Round,
        Outcome::Kept(Reason::PoorFit) => Outline::Kept(KeptReason::PoorFit),
        Outcome::Kept(Reason::TooSmall) => Outline::Kept(KeptReason::TooSmall),
        Outcome::Kept(Reason::Neighbour) => Outline::Kept(KeptReason::Neighbour),
        Outcome::Kept(Reason::Road) => Outline::Kept(KeptReason::Road),
    };
    feature.direction_deg = built.direction_deg;
    feature.perimeter_m = perimeter_m(&built.pixels, &plane.scale);
    feature.polygon = super::to_map(built.pixels, plane.grid);
    feature.importance_m = built.importance_m;
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
    buildings: &[usize],
    (plane, scheme): (&Plane, &Scheme),
    options: &FeatureOptions,
) -> Result<(), PipelineError> {
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
