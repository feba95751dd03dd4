//! The maker of a store: its mosaic opened, its model loaded.

use std::sync::Arc;

use super::{Maker, SeedError};
use crate::label::LabelStore;
use crate::model::{
    Answering, CacheUse, Device, Family, FeatureCache, FeatureSource, ModelCard, ModelError, Patch, PooledSource,
    Refined, Sam, ScorerHead, Segmenter, Semantic, SessionThread,
};
use crate::raster::Mosaic;

/// Whether networks are loaded.
#[derive(Clone, Copy)]
enum Networks {
    On(Device),
    /// Only what is kept of them.
    Kept,
}

impl Maker {
    /// For the store of a plan: loads the model of a card onto a device.
    ///
    /// # Errors
    /// When ONNX Runtime, the device or the network is missing, or the network does not fit its card.
    pub fn start(store: LabelStore, mosaic: Mosaic, card: &ModelCard, device: Device) -> Result<Self, SeedError> {
        Self::with(store, mosaic, card, Networks::On(device))
    }

    /// For a store whose features are kept: loads no network, and fails where features lack.
    ///
    /// # Errors
    /// When the store was not made by features alone, or its scorer does not fit.
    pub fn from_kept(store: LabelStore, mosaic: Mosaic, card: &ModelCard) -> Result<Self, SeedError> {
        Self::with(store, mosaic, card, Networks::Kept)
    }

    /// For a store that exists, from the mosaic and the model that its manifest names.
    ///
    /// # Errors
    /// When they cannot be opened any more.
    pub fn open(store: LabelStore, device: Device) -> Result<Self, SeedError> {
        let mosaic = Mosaic::open(&store.manifest().sources)?;
        let card = ModelCard::open(&store.manifest().model)?;
        Self::start(store, mosaic, &card, device)
    }

    /// What the cache of features has done, where the model gives features.
    #[must_use]
    pub fn cache_use(&self) -> Option<CacheUse> {
        self.feature_cache.as_ref().map(|cache| cache.usage())
    }

    fn with(store: LabelStore, mosaic: Mosaic, card: &ModelCard, networks: Networks) -> Result<Self, SeedError> {
        let cache = feature_cache(&store)?;
        let scoring = &store.manifest().scoring;
        let (others, features) = (scoring.other_cards()?, scoring.features_card(card)?);
        let all = others.iter().map(|(card, _)| card).chain(&features).chain([card]);
        let has_features = all.map(|card| card.family).any(|family| family == Family::Features);
        if let Some(scorer) = &scoring.scorer
            && !has_features
        {
            return Err(ModelError::ScorerUnread(scorer.path.clone()).into());
        }
        if scoring.unknown_band && !has_features {
            return Err(ModelError::UnknownUnread.into());
        }
        let model = match (card.family, networks) {
            (Family::Sam, Networks::On(device)) if scoring.is_plain() => {
                let source = features.map(|of_masks| {
                    let source = FeatureSource::open(&of_masks, device, cache.clone())?;
                    PooledSource::new(card, &of_masks, source).map(Box::new)
                });
                Answering::Masks(Box::new(Sam::open(card, store.scheme(), device)?), source.transpose()?)
            }
            _ => {
                let open = |card: &ModelCard| segmenter(&store, card, networks, cache.as_ref());
                let scores = scoring.segmenter(card, open)?;
                Answering::Scores(match (scoring.masks_card(card)?, networks) {
                    (None, _) => scores,
                    (Some(masks), Networks::Kept) => return Err(ModelError::MasksNotKept(masks.path).into()),
                    (Some(masks), Networks::On(device)) => {
                        let sam = Sam::open(&masks, store.scheme(), device)?;
                        Box::new(Refined::new(scores, card, sam, &masks)?)
                    }
                })
            }
        };
        let session = SessionThread::start(model).map_err(SeedError::Thread)?;
        let mut maker = Self::new(store, mosaic, card, session)?;
        maker.feature_cache = cache;
        Ok(maker)
    }
}

/// The cache that a manifest names.
fn feature_cache(store: &LabelStore) -> Result<Option<Arc<FeatureCache>>, ModelError> {
    let Some(place) = store.manifest().feature_cache.as_ref().filter(|place| place.mib > 0) else { return Ok(None) };
    let path = place.folder.clone().unwrap_or_else(|| store.folder().join("features"));
    let cache = FeatureCache::open(&path, place.mib).map_err(|source| ModelError::Cache { path, source })?;
    Ok(Some(Arc::new(cache)))
}

/// One model.
fn segmenter(
    store: &LabelStore,
    card: &ModelCard,
    networks: Networks,
    cache: Option<&Arc<FeatureCache>>,
) -> Result<Box<dyn Segmenter>, SeedError> {
    match (card.family, networks) {
        (Family::Semantic, Networks::On(device)) => Ok(Box::new(Semantic::open(card, store.scheme(), device)?)),
        (Family::Sam, Networks::On(_)) => Err(ModelError::MasksAlone(card.path.clone()).into()),
        (Family::Sam, Networks::Kept) => Err(ModelError::MasksNotKept(card.path.clone()).into()),
        (Family::Semantic, Networks::Kept) => Err(ModelError::NotKept { chips: 1 }.into()),
        (Family::Features, _) => {
            let scoring = &store.manifest().scoring;
            let file = scoring.scorer.as_ref().ok_or_else(|| ModelError::ScorerMissing(card.path.clone()))?;
            let scorer = file.open().map_err(ModelError::from)?;
            let source = match networks {
                Networks::On(device) => FeatureSource::open(card, device, cache.cloned())?,
                Networks::Kept => FeatureSource::kept(card, cache.cloned())?,
            };
            let of_network = (card, source.digest());
            let head = ScorerHead::new((scorer, &file.path), of_network, store.scheme(), scoring.reading())?;
            Ok(Box::new(Patch::new(card, source, head)))
        }
    }
}
