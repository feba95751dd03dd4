//! Features in pieces: regions that buildings cut, and very large ones for clients that choke on them.

use std::collections::{HashMap, HashSet};

use geo::{Area, Coord, LineString, Polygon};

use super::settled::Settled;
use super::{PipelineError, perimeter_m, to_map, turn_round};
use crate::feature::{Feature, FeatureId};
use crate::georef::{Ground, PixelPoint};
use crate::grid::WorkGrid;
use crate::simplify::{Outlines, subdivide};

/// Gives regions the parts that are left of them, and cuts features until none has more than `most` vertices; those at `whole`
/// (buildings) stay.
///
/// The largest piece keeps the id. Others get one from their class and the first pixel in row-major order that they
/// touch, or the next one that is free. Area and perimeter are those of the piece, confidence is that of the region. A
/// region of which nothing is left goes.
pub(super) fn cut(
    features: Vec<Feature>,
    settled: &Settled,
    (whole, most): (&[usize], Option<usize>),
    (outlines, grid): (&Outlines, &WorkGrid),
) -> Result<Vec<Feature>, PipelineError> {
    let whole: HashSet<usize> = whole.iter().copied().collect();
    let taken: HashSet<FeatureId> = features.iter().map(|f| f.id).collect();
    let mut work = Pieces { ground: Ground::new(grid.frame.transform, &grid.frame.crs)?, taken, settled, grid };
    let mut out = Vec::with_capacity(features.len());
    for (index, feature) in features.into_iter().enumerate() {
        let vertices: usize = rings(&feature.polygon).map(|ring| ring.0.len()).sum();
        let most = most.filter(|most| vertices > *most && !whole.contains(&index));
        let parts = settled.parts(index);
        if most.is_none() && parts.is_none() {
            out.push(feature);
            continue;
        }
        let all = parts.map_or_else(|| vec![outlines.polygon(index)], <[Polygon<f64>]>::to_vec);
        let pieces = match most {
            Some(most) => all.into_iter().flat_map(|part| subdivide(part, most)).collect(),
            None => all,
        };
        let own = || worth(&outlines.polygon(index), &outlines.importance(index)).collect();
        let importance_px = if parts.is_none() { own() } else { HashMap::new() };
        out.extend(work.tell(&feature, pieces, &importance_px)?);
    }
    Ok(out)
}

/// Features made of pieces.
struct Pieces<'a> {
    ground: Ground,
    taken: HashSet<FeatureId>,
    settled: &'a Settled,
    grid: &'a WorkGrid,
}

impl Pieces<'_> {
    /// The pieces of a feature, of which some vertices have an importance; those of cuts have none and are always needed.
    fn tell(
        &mut self,
        feature: &Feature,
        mut pieces: Vec<Polygon<f64>>,
        importance_px: &HashMap<Place, f32>,
    ) -> Result<Vec<Feature>, PipelineError> {
        pieces.sort_by(|a, b| b.unsigned_area().total_cmp(&a.unsigned_area()));
        let mut told = Vec::with_capacity(pieces.len());
        for (number, mut piece) in pieces.into_iter().enumerate() {
            let (row, col) = first_pixel(&piece);
            let scale = self.ground.scale_at(PixelPoint { col: col as f64, row: row as f64 })?;
            let id = if number == 0 { feature.id } else { free_id(feature, (row, col), &mut self.taken)? };
            let metres = scale.resolution_m_per_px() as f32;
            let known = |at: Place| importance_px.get(&at).copied().or_else(|| self.settled.importance_px(at));
            let of = |c: &Coord<f64>| known(place(*c)).map_or(f32::INFINITY, |px| px * metres);
            let mut importance_m = rings(&piece).map(|ring| ring.0.iter().map(of).collect()).collect::<Vec<Vec<f32>>>();
            let (area_m2, perimeter_m) = (piece.unsigned_area() * scale.pixel_area_m2(), perimeter_m(&piece, &scale));
            if self.grid.frame.transform.determinant() > 0.0 {
                turn_round(&mut piece, &mut importance_m);
            }
            let polygon = to_map(piece, self.grid);
            told.push(Feature { id, polygon, importance_m, area_m2, perimeter_m, ..feature.clone() });
        }
        Ok(told)
    }
}

/// Exterior first.
pub(super) fn rings(polygon: &Polygon<f64>) -> impl Iterator<Item = &LineString<f64>> {
    std::iter::once(polygon.exterior()).chain(polygon.interiors())
}

/// A place in raster space, exactly.
pub(super) type Place = (u64, u64);

pub(super) fn place(c: Coord<f64>) -> Place {
    (c.x.to_bits(), c.y.to_bits())
}

/// The places of the vertices of a polygon.
pub(super) fn places(polygon: &Polygon<f64>) -> impl Iterator<Item = Place> {
    rings(polygon).flat_map(|ring| &ring.0).map(|c| place(*c))
}

/// The places of the vertices of a polygon, each with its importance.
pub(super) fn worth(polygon: &Polygon<f64>, importance: &[Vec<f32>]) -> impl Iterator<Item = (Place, f32)> {
    places(polygon).zip(importance.iter().flatten().copied())
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
