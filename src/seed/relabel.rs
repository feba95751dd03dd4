//! Labels made again from what is kept: another class table of a scorer, no run of a network.

use std::path::Path;

use super::{MakeEvent, Maker, SeedError, SegmentOptions, plan};
use crate::files::{FileError, WorkFolder};
use crate::label::{LabelStore, Manifest};
use crate::model::{CachePlace, ModelCard, ModelError, Precision, Scorer, ScorerFile};
use crate::raster::Mosaic;

/// What was made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relabelled {
    /// Label blocks.
    pub blocks: usize,
    /// Chips whose features were kept and were scored again.
    pub chips: u64,
}

/// Labels the blocks of a store again with another scorer of the same features, from the features that the store keeps.
/// The scorer replaces the one at the path that the store names; until all is made, the store stays as it is.
///
/// # Errors
/// When the store was made without a scorer, features lack, or something cannot be written.
pub fn relabel(store: &LabelStore, scorer: &Scorer) -> Result<Relabelled, SeedError> {
    let old = store.manifest();
    let card = ModelCard::open(&old.model)?;
    let file = old.scoring.scorer.as_ref().ok_or_else(|| ModelError::ScorerMissing(card.path.clone()))?;
    let folder = WorkFolder::create(store.folder(), "relabel-");
    let folder = folder.map_err(|error| FileError::new(&store.folder().join("relabel"), &error))?;
    // A folder in it: the lock on the folder itself is held here, and a store locks its own.
    let made = folder.path().join("store");
    std::fs::create_dir(&made).map_err(|error| FileError::new(&made, &error))?;
    let temporary = made.join("scorer.json");
    scorer.write(&temporary).map_err(ModelError::from)?;
    let (mut manifest, done) = labelled(store, &card, &temporary)?;
    scorer.write(&file.path).map_err(ModelError::from)?;
    manifest.scoring.scorer = Some(ScorerFile::read(&file.path).map_err(ModelError::from)?);
    manifest.feature_cache.clone_from(&old.feature_cache);
    store.replaced(&made, &manifest)?;
    Ok(done)
}

/// Makes the blocks that a store has in a folder beside.
fn labelled(store: &LabelStore, card: &ModelCard, scorer: &Path) -> Result<(Manifest, Relabelled), SeedError> {
    let old = store.manifest();
    let folder = scorer.parent().unwrap_or(store.folder());
    let mosaic = Mosaic::open_bands(&old.sources, old.bands.as_ref())?;
    let mut manifest = plan(&mosaic, &old.sources, card, &options(store, scorer)?)?;
    manifest.area_blocks.clone_from(&old.area_blocks);
    let blocks = store.made();
    let maker = Maker::from_kept(LabelStore::create(folder, &manifest)?, mosaic, card)?;
    let (mut failed, mut made) = (None, 0);
    maker.make(&blocks, &mut |event| match event {
        MakeEvent::Made(_) => made += 1,
        MakeEvent::Failed(block, error) => failed = Some(format!("block {block}: {error}")),
    })?;
    match failed {
        Some(reason) => Err(SeedError::NoImagery(reason)),
        None => Ok((manifest, Relabelled { blocks: made, chips: maker.cache_use().map_or(0, |cache| cache.hits) })),
    }
}

/// What a store was made by, with another scorer.
fn options(store: &LabelStore, scorer: &Path) -> Result<SegmentOptions, SeedError> {
    let old = store.manifest();
    let mut scoring = old.scoring.clone();
    scoring.scorer = Some(ScorerFile::read(scorer).map_err(ModelError::from)?);
    let place = old.feature_cache.clone().unwrap_or(CachePlace { folder: None, mib: 1024, precision: Precision::F16 });
    let kept = place.folder.unwrap_or_else(|| store.folder().join("features"));
    Ok(SegmentOptions {
        scoring,
        clean: old.clean,
        block_px: Some(old.block_px),
        scheme: old.scheme.clone(),
        dsm: old.dsm.clone(),
        dtm: old.dtm.clone(),
        feature_cache: Some(CachePlace { folder: Some(kept), mib: place.mib.max(1), ..place }),
        area: None,
    })
}
