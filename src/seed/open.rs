//! The maker of a store: its mosaic opened, its model loaded.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Maker, SeedError};
use crate::label::LabelStore;
use crate::model::{
    Answering, CacheUse, Device, Family, FeatureCache, FeatureSource, Lane, ModelCard, ModelError, Patch, PooledSource,
    Refined, Sam, ScorerHead, Scoring, Segmenter, Semantic, SessionThreads,
};
use crate::raster::Mosaic;
use crate::scheme::Scheme;

/// Whether networks are loaded.
#[derive(Clone, Copy)]
enum Networks {
    On(Lane),
    /// Only what is kept of them.
    Kept,
}

/// The model of a maker, and a copy that runs beside it.
#[derive(Clone, Copy)]
struct Lanes {
    first: Networks,
    copy: Option<Networks>,
}

impl Maker {
    /// For the store of a plan: loads the model of a card onto a device.
    ///
    /// # Errors
    /// When ONNX Runtime, the device or the network is missing, or the network does not fit its card.
    pub fn start(store: LabelStore, mosaic: Mosaic, card: &ModelCard, device: Device) -> Result<Self, SeedError> {
        let (first, copy) = Lane::beside(device, networks_bytes(&store.scoring(), card)?)?;
        Self::with(store, mosaic, card, Lanes { first: Networks::On(first), copy: copy.map(Networks::On) })
    }

    /// For a store whose features are kept: loads no network, and fails where features lack.
    ///
    /// # Errors
    /// When the store was not made by features alone, or its scorer does not fit.
    pub fn from_kept(store: LabelStore, mosaic: Mosaic, card: &ModelCard) -> Result<Self, SeedError> {
        Self::with(store, mosaic, card, Lanes { first: Networks::Kept, copy: None })
    }

    /// For a store that exists, from the mosaic and the model that its manifest names.
    ///
    /// # Errors
    /// When they cannot be opened any more.
    pub fn open(store: LabelStore, device: Device) -> Result<Self, SeedError> {
        let mosaic = Mosaic::open_bands(&store.manifest().sources, store.manifest().bands.as_ref())?;
        let card = ModelCard::open(&store.manifest().model)?;
        Self::start(store, mosaic, &card, device)
    }

    /// What the cache of features has done, where the model gives features.
    #[must_use]
    pub fn cache_use(&self) -> Option<CacheUse> {
        self.feature_cache.as_ref().map(|cache| cache.usage())
    }

    fn with(store: LabelStore, mosaic: Mosaic, card: &ModelCard, lanes: Lanes) -> Result<Self, SeedError> {
        let (cache, scoring) = (feature_cache(&store)?, store.scoring());
        let open = |networks: Networks| {
            Opening { scoring: &scoring, scheme: store.scheme(), networks, cache: cache.as_ref() }.answering(card)
        };
        let first = open(lanes.first)?;
        let copy = lanes.copy.map(open).transpose()?;
        let session = SessionThreads::start(first, copy).map_err(SeedError::Thread)?;
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
    Opening { scoring, scheme, networks: Networks::On(device.into()), cache: None }.answering(card)
}

/// The size of all networks that have a part in the answers of a card, with their weights. Networks that are large by
/// themselves are not read for what lies beside them.
fn networks_bytes(scoring: &Scoring, card: &ModelCard) -> Result<u64, ModelError> {
    let cards = scoring.cards(card)?;
    // A file that is not there is missed when it is loaded.
    let size = |path: PathBuf| std::fs::metadata(path).map_or(0, |file| file.len());
    let networks: u64 = cards.iter().flat_map(|(card, _)| card.networks()).map(size).sum();
    if Lane::is_alone(networks) {
        return Ok(networks);
    }
    Ok(cards.iter().flat_map(|(card, _)| card.weights()).map(size).sum())
}

/// The cache that a manifest names.
fn feature_cache(store: &LabelStore) -> Result<Option<Arc<FeatureCache>>, ModelError> {
    let Some(place) = store.manifest().feature_cache.as_ref().filter(|place| place.mib > 0) else { return Ok(None) };
    let path = place.folder.clone().unwrap_or_else(|| store.folder().join("features"));
    let cache =
        FeatureCache::open(&path, place.mib, place.precision).map_err(|cause| ModelError::Cache { path, cause })?;
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
        let has_features = self.scoring.cards(card)?.iter().any(|(card, _)| card.family == Family::Features);
        match &self.scoring.scorer {
            Some(scorer) if !has_features => return Err(ModelError::ScorerUnread(scorer.path.clone()).into()),
            _ if self.scoring.unknown_band && !has_features => return Err(ModelError::UnknownUnread.into()),
            _ => {}
        }
        match (card.family, self.networks) {
            (Family::Sam, Networks::On(lane)) if self.scoring.is_plain() => {
                let source = self.scoring.features_card(card)?.map(|of_masks| {
                    let source = FeatureSource::open(&of_masks, lane, self.cache.cloned())?;
                    PooledSource::new(card, &of_masks, source).map(Box::new)
                });
                Ok(Answering::Masks(Box::new(Sam::open(card, self.scheme, lane)?), source.transpose()?))
            }
            _ => self.scores(card).map(Answering::Scores),
        }
    }

    fn scores(&self, card: &ModelCard) -> Result<Box<dyn Segmenter>, SeedError> {
        let scores = self.scoring.segmenter(card, |card| self.segmenter(card))?;
        match (self.scoring.masks_card(card)?, self.networks) {
            (None, _) => Ok(scores),
            (Some(masks), Networks::Kept) => Err(ModelError::MasksNotKept(masks.path).into()),
            (Some(masks), Networks::On(lane)) => {
                let sam = Sam::open(&masks, self.scheme, lane)?;
                Ok(Box::new(Refined::new(scores, card, sam, &masks)?))
            }
        }
    }

    /// One model.
    fn segmenter(&self, card: &ModelCard) -> Result<Box<dyn Segmenter>, SeedError> {
        match (card.family, self.networks) {
            (Family::Semantic, Networks::On(lane)) => Ok(Box::new(Semantic::open(card, self.scheme, lane)?)),
            (Family::Sam, Networks::On(_)) => Err(ModelError::MasksAlone(card.path.clone()).into()),
            (Family::Sam, Networks::Kept) => Err(ModelError::MasksNotKept(card.path.clone()).into()),
            (Family::Semantic, Networks::Kept) => Err(ModelError::NotKept { chips: 1 }.into()),
            (Family::Features, _) => {
                let file = self.scoring.scorer.as_ref().ok_or_else(|| ModelError::ScorerMissing(card.path.clone()))?;
                let scorer = file.open().map_err(ModelError::from)?;
                let source = match self.networks {
                    Networks::On(lane) => FeatureSource::open(card, lane, self.cache.cloned())?,
                    Networks::Kept => FeatureSource::kept(card, self.cache.cloned())?,
                };
                let of_network = (card, source.digest());
                let head = ScorerHead::new((scorer, &file.path), of_network, self.scheme, self.scoring.reading())?;
                Ok(Box::new(Patch::new(card, source, head)))
            }
        }
    }
}
