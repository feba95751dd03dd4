//! Where the features of chips come from: a cache, or the network.

use std::sync::Arc;

use super::{FeatureCache, Features, Lane, ModelCard, ModelError, PatchFeatures, Precision, network_digest};

/// The features of chips, from the cache where they are there, else from the network.
pub struct FeatureSource {
    network: Option<Features>,
    cache: Option<Arc<FeatureCache>>,
    digest: String,
    chip_len: usize,
    pub(super) device: String,
}

impl FeatureSource {
    /// Loads the network of a card.
    ///
    /// # Errors
    /// When ONNX Runtime, the device or the network is missing, or the network does not fit its card.
    pub fn open(card: &ModelCard, lane: impl Into<Lane>, cache: Option<Arc<FeatureCache>>) -> Result<Self, ModelError> {
        let network = Features::open(card, lane)?;
        let device = network.device();
        Ok(Self { network: Some(network), device, ..Self::kept(card, cache)? })
    }

    /// Loads no network: gives what the cache holds, and fails on any other chip.
    ///
    /// # Errors
    /// When the network's file, whose digest is in the keys, cannot be read.
    pub fn kept(card: &ModelCard, cache: Option<Arc<FeatureCache>>) -> Result<Self, ModelError> {
        let chip_len = card.input.channels.len() * (card.input.chip_px as usize).pow(2);
        Ok(Self { network: None, cache, digest: network_digest(card)?, chip_len, device: "none".to_owned() })
    }

    /// The digest of the network: scorers belong to one.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The features of some normalized chips, one after another. Numbers are as precise as the cache keeps them (half
    /// precision without one), found there or not, so that what is kept changes nothing.
    ///
    /// # Errors
    /// When the network fails, or there is none and a chip is not kept.
    pub fn features(&mut self, chips: &[f32]) -> Result<Vec<PatchFeatures>, ModelError> {
        let each = || chips.chunks_exact(self.chip_len);
        let Some(cache) = self.cache.clone() else {
            let features = run(self.network.as_mut(), chips, chips.len() / self.chip_len)?;
            return Ok(features.iter().map(|features| Precision::F16.rounded(features)).collect());
        };
        let keys: Vec<String> = each().map(|chip| FeatureCache::key(&self.digest, chip)).collect();
        let mut found: Vec<Option<PatchFeatures>> = keys.iter().map(|key| cache.get(key)).collect();
        let missing: Vec<usize> = (0..keys.len()).filter(|i| found[*i].is_none()).collect();
        if !missing.is_empty() {
            let absent: Vec<f32> =
                missing.iter().flat_map(|i| &chips[i * self.chip_len..][..self.chip_len]).copied().collect();
            for (i, features) in missing.iter().zip(run(self.network.as_mut(), &absent, missing.len())?) {
                found[*i] = Some(cache.put(&keys[*i], &features));
            }
        }
        Ok(found.into_iter().flatten().collect())
    }
}

fn run(network: Option<&mut Features>, chips: &[f32], count: usize) -> Result<Vec<PatchFeatures>, ModelError> {
    let network = network.ok_or(ModelError::NotKept { chips: count })?;
    network.run(chips)
}
