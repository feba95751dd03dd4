//! What a run is going to make, and the fingerprint of everything that decides on its labels.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::SeedError;
use crate::georef::{AreaOfInterest, MapBounds};
use crate::grid::WorkGrid;
use crate::label::{CleanOptions, Manifest};
use crate::model::{CachePlace, Family, Member, ModelCard, ModelError, Reading, Scoring, digest_weights, hex};
use crate::raster::Mosaic;
use crate::scheme::{Scheme, SchemeError};

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
    if !(64..=8192).contains(&block_px) {
        return Err(SeedError::BlockSize(block_px));
    }
    if card.family == Family::Sam && !options.scoring.is_plain() {
        return Err(ModelError::MasksAlone(card.path.clone()).into());
    }
    if card.family == Family::Sam && options.clean.boundary_m > 0.0 {
        return Err(SeedError::NoScores);
    }
    let grid = WorkGrid::choose(mosaic.frame(), &mosaic.window(), &card.wanted_resolution(), block_px)?;
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

/// The blocks that touch the area; none listed means all.
fn area_blocks(mosaic: &Mosaic, grid: &WorkGrid, asked: Option<&AreaOfInterest>) -> Result<Vec<(u32, u32)>, SeedError> {
    let Some(asked) = asked else { return Ok(Vec::new()) };
    let mut touched = Vec::new();
    let area = asked.in_crs(&grid.frame.crs)?;
    for block in grid.blocks() {
        if area.touches(&grid.frame.bounds(&grid.block_window(block))) {
            touched.push((block.row, block.col));
        }
    }
    if !touched.is_empty() {
        return Ok(touched);
    }
    let text = |b: MapBounds| [b.min.x, b.min.y, b.max.x, b.max.y].map(|degrees| format!("{degrees:.5}")).join(", ");
    Err(SeedError::AreaMisses {
        path: asked.name().to_owned(),
        area: text(asked.lon_lat_bounds()),
        mosaic: mosaic.lon_lat_bounds()?.map_or_else(|| "nowhere".to_owned(), text),
    })
}

/// Which labels the same scenes and networks give: raised whenever reading, blending, rounding or clean-up come to answer
/// otherwise, so that a store of before is not gone on with.
const LABELS_VERSION: u32 = 3;

/// Of the version of the labels, sources, networks, the keys of the cards that change scores, the grid, how labels are made,
/// and which code stands for which class.
fn fingerprint(
    mosaic: &Mosaic,
    grid: &WorkGrid,
    card: &ModelCard,
    options: &SegmentOptions,
) -> Result<String, SeedError> {
    let scoring = &options.scoring;
    let mut hash = Sha256::new();
    hash.update(LABELS_VERSION.to_le_bytes());
    hash.update(mosaic.fingerprint());
    for (card, weight) in scoring.cards(card)? {
        digest_weights(&card, &mut hash).map_err(ModelError::from)?;
        if let Some(masks) = &card.masks {
            hash.update(format!("{masks:?}"));
        }
        hash.update(format!("{:?}{:?}{:?}{weight}", card.input, card.output, card.classes));
        hash.update([u8::from(card.mask_implausible || scoring.mask_implausible)]);
    }
    hash.update(scoring.augment.to_string());
    if let Some(scorer) = &scoring.scorer {
        hash.update(&scorer.sha256);
        let Reading { unknown, guided, unknown_band } = scoring.reading();
        // In the words of stores that were made before there was a band.
        hash.update(format!("Reading {{ unknown: {unknown:?}, guided: {guided:?} }}"));
        if unknown_band {
            hash.update("unknown band");
        }
    }
    if let Some(place) = options.feature_cache.as_ref().filter(|place| place.mib > 0 && !place.precision.is_usual()) {
        hash.update(format!("{} features", place.precision));
    }
    hash.update(format!("{:?}{}x{}/{}", grid.frame, grid.cols, grid.rows, grid.block_px));
    hash.update(format!("{:?}", options.clean));
    hash.update(format!("{:?}", codes(options.scheme.as_deref())?));
    Ok(hex(&hash.finalize()))
}

/// The code of each class of a scheme, by its name: what labels say. Colours and heights may change.
fn codes(scheme: Option<&Path>) -> Result<BTreeMap<String, u8>, SchemeError> {
    let scheme = scheme.map_or_else(|| Ok(Scheme::city()), Scheme::open)?;
    Ok(scheme.classes.into_iter().map(|class| (class.name, class.code)).collect())
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
