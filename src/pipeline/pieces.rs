//! Very large features in pieces, for clients that choke on them.

use std::collections::{HashMap, HashSet};

use geo::{Area, Coord, LineString, Polygon};

use super::{PipelineError, perimeter_m, to_map, turn_round};
use crate::feature::{Feature, FeatureId};
use crate::georef::{Ground, PixelPoint};
use crate::grid::WorkGrid;
use crate::simplify::{Outlines, subdivide};

/// Cuts features until none has more than `most` vertices; those at `whole` (buildings) stay.
///
/// The largest piece keeps the id. Others get one from their class and the first pixel in row-major order that they
/// touch, or the next one that is free. Area and perimeter are those of the piece, confidence is that of the region.
pub(super) fn cut(
    features: Vec<Feature>,
    (whole, most): (&[usize], usize),
    (outlines, grid): (&Outlines, &WorkGrid),
) -> Result<Vec<Feature>, PipelineError> {
    let ground = Ground::new(grid.frame.transform, &grid.frame.crs)?;
    let whole: HashSet<usize> = whole.iter().copied().collect();
    let mut taken: HashSet<FeatureId> = features.iter().map(|f| f.id).collect();
    let mut out = Vec::with_capacity(features.len());
    for (index, feature) in features.into_iter().enumerate() {
        let vertices: usize = rings(&feature.polygon).map(|ring| ring.0.len()).sum();
        if vertices <= most || whole.contains(&index) {
            out.push(feature);
            continue;
        }
        let importance = importances(outlines, index);
        let mut pieces = subdivide(outlines.polygon(index), most);
        pieces.sort_by(|a, b| b.unsigned_area().total_cmp(&a.unsigned_area()));
        for (number, piece) in pieces.into_iter().enumerate() {
            let (row, col) = first_pixel(&piece);
            let scale = ground.scale_at(PixelPoint { col: col as f64, row: row as f64 })?;
            let id = if number == 0 { feature.id } else { free_id(&feature, (row, col), &mut taken)? };
            let metres = scale.resolution_m_per_px() as f32;
            let of = |c: &Coord<f64>| importance.get(&key(*c)).map_or(f32::INFINITY, |px| px * metres);
            let mut importance_m = rings(&piece).map(|ring| ring.0.iter().map(of).collect()).collect::<Vec<Vec<f32>>>();
            let (area_m2, perimeter_m) = (piece.unsigned_area() * scale.pixel_area_m2(), perimeter_m(&piece, &scale));
            let mut piece = piece;
            if grid.frame.transform.determinant() > 0.0 {
                turn_round(&mut piece, &mut importance_m);
            }
            let polygon = to_map(piece, grid);
            out.push(Feature { id, polygon, importance_m, area_m2, perimeter_m, ..feature.clone() });
        }
    }
    Ok(out)
}

fn rings(polygon: &Polygon<f64>) -> impl Iterator<Item = &LineString<f64>> {
    std::iter::once(polygon.exterior()).chain(polygon.interiors())
}

fn key(c: Coord<f64>) -> (u64, u64) {
    (c.x.to_bits(), c.y.to_bits())
}

/// The importance of each vertex of a region, in pixels; the vertices of a cut have none and are always needed.
fn importances(outlines: &Outlines, region: usize) -> HashMap<(u64, u64), f32> {
    let polygon = outlines.polygon(region);
    let all = rings(&polygon).zip(outlines.importance(region));
    all.flat_map(|(ring, importance)| ring.0.iter().map(|c| key(*c)).zip(importance).collect::<Vec<_>>()).collect()
}

fn first_pixel(piece: &Polygon<f64>) -> (i64, i64) {
    let pixels = piece.exterior().0.iter().map(|c| (c.y.floor().max(0.0) as i64, c.x.floor().max(0.0) as i64));
    pixels.min().unwrap_or_default()
}

fn free_id(
    feature: &Feature,
    (row, mut col): (i64, i64),
    taken: &mut HashSet<FeatureId>,
) -> Result<FeatureId, PipelineError> {
    loop {
        let id = FeatureId::new(feature.class, row, col)?;
        if taken.insert(id) {
            return Ok(id);
        }
        col += 1;
    }
}
