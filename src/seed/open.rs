//! The maker of a store: its mosaic opened, its model loaded.

use std::sync::Arc;

use super::{Maker, SeedError};
use crate::label::LabelStore;
use crate::model::{
    Answering, CacheUse, Device, Family, FeatureCache, FeatureSource, ModelCard, ModelError, Patch, PooledSource,
    Refined, Sam, ScorerHead, Scoring, Segmenter, Semantic, SessionThread,
};
use crate::raster::Mosaic;
use crate::scheme::Scheme;

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
        let opening =
            Opening { scoring: &store.manifest().scoring, scheme: store.scheme(), networks, cache: cache.as_ref() };
        let session = SessionThread::start(opening.answering(card)?).map_err(SeedError::Thread)?;
        let mut maker = Self::new(store, mosaic, card, session)?;
        maker.feature_cache = cache;
        Ok(maker)
    }
}

/// Loads the model of a card onto a device, with all that is asked beside it: what a [`Maker`] runs, without a store.
///
/// # Errors
/// As [`Maker::start`].
pub fn open_model(
    card: &ModelCard,
    scoring: &Scoring,
    scheme: &Scheme,
    device: Device,
) -> Result<Answering, SeedError> {
    Opening { scoring, scheme, networks: Networks::On(device), cache: None }.answering(card)
}

/// The cache that a manifest names.
fn feature_cache(store: &LabelStore) -> Result<Option<Arc<FeatureCache>>, ModelError> {
    let Some(place) = store.manifest().feature_cache.as_ref().filter(|place| place.mib > 0) else { return Ok(None) };
    let path = place.folder.clone().unwrap_or_else(|| store.folder().join("features"));
    let cache =
        FeatureCache::open(&path, place.mib, place.precision).map_err(|source| ModelError::Cache { path, source })?;
    Ok(Some(Arc::new(cache)))
}

/// What models are opened for.
#[derive(Clone, Copy)]
struct Opening<'a> {
    scoring: &'a Scoring,
    scheme: &'a Scheme,
    networks: Networks,
    cache: Option<&'a Arc<FeatureCache>>,
}

impl Opening<'_> {
    fn answering(&self, card: &ModelCard) -> Result<Answering, SeedError> {
        let (others, features) = (self.scoring.other_cards()?, self.scoring.features_card(card)?);
        let all = others.iter().map(|(card, _)| card).chain(&features).chain([card]);
        let has_features = all.map(|card| card.family).any(|family| family == Family::Features);
        match &self.scoring.scorer {
            Some(scorer) if !has_features => return Err(ModelError::ScorerUnread(scorer.path.clone()).into()),
            _ if self.scoring.unknown_band && !has_features => return Err(ModelError::UnknownUnread.into()),
            _ => {}
        }
        match (card.family, self.networks) {
            (Family::Sam, Networks::On(device)) if self.scoring.is_plain() => {
                let source = features.map(|of_masks| {
                    let source = FeatureSource::open(&of_masks, device, self.cache.cloned())?;
                    PooledSource::new(card, &of_masks, source).map(Box::new)
                });
                Ok(Answering::Masks(Box::new(Sam::open(card, self.scheme, device)?), source.transpose()?))
            }
            _ => self.scores(card).map(Answering::Scores),
        }
    }

    fn scores(&self, card: &ModelCard) -> Result<Box<dyn Segmenter>, SeedError> {
        let scores = self.scoring.segmenter(card, |card| self.segmenter(card))?;
        match (self.scoring.masks_card(card)?, self.networks) {
            (None, _) => Ok(scores),
            (Some(masks), Networks::Kept) => Err(ModelError::MasksNotKept(masks.path).into()),
            (Some(masks), Networks::On(device)) => {
                let sam = Sam::open(&masks, self.scheme, device)?;
                Ok(Box::new(Refined::new(scores, card, sam, &masks)?))
            }
        }
    }

    /// One model.
    fn segmenter(&self, card: &ModelCard) -> Result<Box<dyn Segmenter>, SeedError> {
        match (card.family, self.networks) {
            (Family::Semantic, Networks::On(device)) => Ok(Box::new(Semantic::open(card, self.scheme, device)?)),
            (Family::Sam, Networks::On(_)) => Err(ModelError::MasksAlone(card.path.clone()).into()),
            (Family::Sam, Networks::Kept) => Err(ModelError::MasksNotKept(card.path.clone()).into()),
            (Family::Semantic, Networks::Kept) => Err(ModelError::NotKept { chips: 1 }.into()),
            (Family::Features, _) => {
                let file = self.scoring.scorer.as_ref().ok_or_else(|| ModelError::ScorerMissing(card.path.clone()))?;
                let scorer = file.open().map_err(ModelError::from)?;
                let source = match self.networks {
                    Networks::On(device) => FeatureSource::open(card, device, self.cache.cloned())?,
                    Networks::Kept => FeatureSource::kept(card, self.cache.cloned())?,
                };
                let of_network = (card, source.digest());
                let head = ScorerHead::new((scorer, &file.path), of_network, self.scheme, self.scoring.reading())?;
                Ok(Box::new(Patch::new(card, source, head)))
            }
        }
    }
}
