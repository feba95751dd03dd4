//! What a run is going to make, and the fingerprint of everything that decides on its labels.

use std::path::{Path, PathBuf};

use super::SeedError;
use super::identity::Inputs;
use crate::georef::{AreaOfInterest, MapBounds};
use crate::grid::{GridError, WorkGrid};
use crate::label::{BLOCK_PX, CleanOptions, Manifest};
use crate::model::{CachePlace, Family, Member, ModelCard, ModelError, Precision, Scoring};
use crate::raster::Mosaic;
use crate::scheme::Scheme;

/// What the user asks of a run.
#[derive(Debug, Clone, Default)]
pub struct SegmentOptions {
    /// How scores are made beside the model.
    pub scoring: Scoring,
    /// How labels are cleaned.
    pub clean: CleanOptions,
    /// The side of a block in pixels; 1024 unless told.
    pub block_px: Option<u32>,
    /// Another scheme than the city's.
    pub scheme: Option<PathBuf>,
    /// A surface model for heights.
    pub dsm: Option<PathBuf>,
    /// A terrain model for heights.
    pub dtm: Option<PathBuf>,
    /// Where features are kept, where a model gives some.
    pub feature_cache: Option<CachePlace>,
    /// Only blocks that touch this area.
    pub area: Option<AreaOfInterest>,
}

/// The manifest of the store that a run fills.
///
/// # Errors
/// When mosaic and model do not go together, a file of the model is missing, or the area misses the mosaic.
pub fn plan(
    mosaic: &Mosaic,
    sources: &[PathBuf],
    card: &ModelCard,
    options: &SegmentOptions,
) -> Result<Manifest, SeedError> {
    let block_px = options.block_px.unwrap_or(1024);
    if !BLOCK_PX.contains(&block_px) {
        return Err(SeedError::BlockSize(block_px));
    }
    if card.family == Family::Sam && !options.scoring.is_plain() {
        return Err(ModelError::MasksAlone(card.path.clone()).into());
    }
    if card.family == Family::Sam && options.clean.boundary_m > 0.0 {
        return Err(SeedError::NoScores);
    }
    mosaic.check_channels(&card.input.channels)?;
    let grid = WorkGrid::choose(mosaic.frame(), &mosaic.window(), &card.wanted_resolution(), block_px);
    let grid = grid.map_err(|error| too_large(mosaic, error))?;
    let pixel_area_m2 = grid.middle_scale()?.pixel_area_m2();
    options.clean.check(pixel_area_m2, block_px).map_err(SeedError::Clean)?;
    let area_blocks = area_blocks(mosaic, &grid, options.area.as_ref())?;
    let scoring = &options.scoring;
    let others = scoring.others.iter().map(|o| Member { model: absolute(&o.model), weight: o.weight }).collect();
    Ok(Manifest {
        version: Manifest::VERSION,
        crs: grid.frame.crs.definition().to_owned(),
        transform: grid.frame.transform.coefficients(),
        cols: grid.cols,
        rows: grid.rows,
        block_px,
        sources: sources.iter().map(|p| absolute(p)).collect(),
        bands: mosaic.bands().cloned(),
        dsm: options.dsm.as_deref().map(absolute),
        dtm: options.dtm.as_deref().map(absolute),
        model: absolute(&card.path),
        scoring: Scoring {
            others,
            features: scoring.features.as_deref().map(absolute),
            masks: scoring.masks.as_deref().map(absolute),
            ..scoring.clone()
        },
        clean: options.clean,
        scheme: options.scheme.as_deref().map(absolute),
        split_roofs: scoring.cards(card)?.iter().find_map(|(card, _)| card.labels.split_roofs),
        feature_cache: options
            .feature_cache
            .clone()
            .map(|c| CachePlace { folder: c.folder.as_deref().map(absolute), ..c }),
        area_blocks,
        fingerprint: fingerprint(mosaic, &grid, card, options)?,
    })
}

/// The scene that makes a work grid too large, where one lies far away from the others.
fn too_large(mosaic: &Mosaic, error: GridError) -> SeedError {
    match (&error, mosaic.stray()) {
        (GridError::TooLarge { .. }, Some(stray)) => {
            let distance_km = stray.distance_m / 1000.0;
            SeedError::Stray { path: stray.path, distance_km, reason: error.to_string() }
        }
        _ => error.into(),
    }
}

/// The blocks that touch the area; none listed means all.
fn area_blocks(mosaic: &Mosaic, grid: &WorkGrid, asked: Option<&AreaOfInterest>) -> Result<Vec<(u32, u32)>, SeedError> {
    let Some(asked) = asked else { return Ok(Vec::new()) };
    let touched = |asked: &AreaOfInterest| -> Result<Vec<(u32, u32)>, SeedError> {
        let area = asked.near(&grid.frame, &grid.window())?;
        let touched = grid.blocks().filter(|block| area.touches(&grid.frame.bounds(&grid.block_window(*block))));
        Ok(touched.map(|block| (block.row, block.col)).collect())
    };
    let blocks = touched(asked)?;
    if !blocks.is_empty() {
        return Ok(blocks);
    }
    if let Some(across) = asked.across_180() {
        let blocks = touched(&across)?;
        if !blocks.is_empty() {
            tracing::warn!("area of interest {}: edges of more than half a turn are read across 180°", asked.name());
            return Ok(blocks);
        }
    }
    let text = |b: MapBounds| [b.min.x, b.min.y, b.max.x, b.max.y].map(|degrees| format!("{degrees:.5}")).join(", ");
    let (area, mosaic) = (asked.lon_lat_bounds(), mosaic.lon_lat_bounds()?);
    // As if latitude came first.
    let swapped = |m: &MapBounds| {
        area.min.y <= m.max.x && m.min.x <= area.max.y && area.min.x <= m.max.y && m.min.y <= area.max.x
    };
    Err(SeedError::AreaMisses {
        path: asked.name().to_owned(),
        area: text(area),
        hint: if mosaic.as_ref().is_some_and(swapped) { "; it would, were latitude and longitude swapped" } else { "" },
        mosaic: mosaic.map_or_else(|| "nowhere".to_owned(), text),
    })
}

/// The fingerprint of everything that decides on the labels of a run.
fn fingerprint(
    mosaic: &Mosaic,
    grid: &WorkGrid,
    card: &ModelCard,
    options: &SegmentOptions,
) -> Result<String, SeedError> {
    let SegmentOptions {
        scoring,
        clean,
        scheme,
        feature_cache,
        // In the grid.
        block_px: _,
        // Which blocks are made, not what they are; heights come after labels.
        area: _,
        dsm: _,
        dtm: _,
    } = options;
    let cards: Vec<ModelCard> = scoring.cards(card)?.into_iter().map(|(card, _)| card).collect();
    let scheme = scheme.as_deref().map_or_else(|| Ok(Scheme::city()), Scheme::open)?;
    let kept = feature_cache.as_ref().filter(|place| place.mib > 0);
    let precision = kept.map_or_else(Precision::default, |place| place.precision);
    let inputs =
        Inputs { mosaic: mosaic.fingerprint(), grid, cards: &cards, scoring, clean, precision, scheme: &scheme };
    Ok(inputs.fingerprint()?)
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
