//! Regions to features as they are, before buildings get right angles.

use geo::{Area, Coord, MapCoordsInPlace, Polygon};

use super::buildings::Plane;
use super::{FeatureOptions, PipelineError};
use crate::cores::{cores, parts};
use crate::feature::{Confidence, Feature, FeatureId, Outline};
use crate::georef::{Ground, GroundScale, MapPoint, PixelPoint, ScaleMesh};
use crate::grid::WorkGrid;
use crate::polygonize::Region;
use crate::simplify::Outlines;

/// Regions that are made at once: what their features take beside those that are made is small.
const BATCH: usize = 1 << 16;

/// One feature per region, in map space, with what was gathered while tracing; made on every core.
pub(super) fn plain_features(
    plane: &Plane,
    outlines: &Outlines,
    options: &FeatureOptions,
) -> Result<Vec<Feature>, PipelineError> {
    let frame = &plane.grid.frame;
    let run = |part: &[Region]| -> Result<Vec<Feature>, PipelineError> {
        let ground = Ground::new(frame.transform, &frame.crs)?;
        let mut mesh = ScaleMesh::new(ground, plane.scale.resolution_m_per_px());
        let make = |region: &Region| {
            let scale = mesh.scale_at(PixelPoint { col: region.first_col as f64, row: region.first_row as f64 })?;
            plain_feature(region, (plane.grid, &scale), outlines, options)
        };
        part.iter().map(make).collect()
    };
    let regions = outlines.coverage().regions();
    let mut features = Vec::with_capacity(regions.len());
    for batch in regions.chunks(BATCH) {
        for part in parts(batch, cores(), run) {
            features.extend(part?);
        }
    }
    Ok(features)
}

fn plain_feature(
    region: &Region,
    (grid, scale): (&WorkGrid, &GroundScale),
    outlines: &Outlines,
    options: &FeatureOptions,
) -> Result<Feature, PipelineError> {
    let class = options.class_of(region);
    let mut outline = outlines.polygon(region.index);
    let area_m2 = outline.unsigned_area() * scale.pixel_area_m2();
    let metres = scale.resolution_m_per_px() as f32;
    let mut importance_m = if options.for_zooms { outlines.importance(region.index) } else { Vec::new() };
    importance_m.iter_mut().flatten().for_each(|importance| *importance *= metres);
    if grid.frame.transform.determinant() > 0.0 {
        turn_round(&mut outline, &mut importance_m);
    }
    Ok(Feature {
        id: FeatureId::new(class, region.first_row, region.first_col)?,
        class,
        perimeter_m: perimeter_m(&outline, scale),
        importance_m,
        polygon: to_map(outline, grid),
        confidence: region.confidence.as_ref().map(|c| Confidence {
            mean: (c.sum as f64 / region.pixels as f64 / 255.0) as f32,
            min: f32::from(c.min) / 255.0,
        }),
        unknown: region.unknown_sum.map(|sum| (sum as f64 / region.pixels as f64 / 100.0) as f32),
        area_m2,
        outline: if options.tolerance_m > 0.0 { Outline::Simplified } else { Outline::Exact },
        direction_deg: None,
        height: None,
        provisional: region.provisional,
    })
}

/// Where rows run north, rings that have their region on the left in raster space have it on the right on the map.
pub(super) fn turn_round(outline: &mut Polygon<f64>, importance_m: &mut [Vec<f32>]) {
    outline.exterior_mut(|ring| ring.0.reverse());
    outline.interiors_mut(|rings| rings.iter_mut().for_each(|ring| ring.0.reverse()));
    importance_m.iter_mut().for_each(|ring| ring.reverse());
}

/// Raster space to map space.
pub(super) fn to_map(mut pixels: Polygon<f64>, grid: &WorkGrid) -> Polygon<f64> {
    pixels.map_coords_in_place(|c| {
        let MapPoint { x, y } = grid.frame.transform.to_map(PixelPoint { col: c.x, row: c.y });
        Coord { x, y }
    });
    pixels
}

pub(super) fn perimeter_m(pixels: &Polygon<f64>, scale: &GroundScale) -> f64 {
    let rings = std::iter::once(pixels.exterior()).chain(pixels.interiors());
    let length = |(a, b): (&Coord<f64>, &Coord<f64>)| {
        let (east, north) = scale.offset_m(b.x - a.x, b.y - a.y);
        (east * east + north * north).sqrt() // far from the ends of the range, which cost `hypot` its time
    };
    rings.map(|ring| ring.0.iter().zip(ring.0.iter().skip(1)).map(length).sum::<f64>()).sum()
}
