//! How scores are made of one model or several: what decides on labels beside the networks themselves.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{
    Augment, Augmented, CardError, Ensemble, Family, Guided, MaskScorer, ModelCard, ModelClass, ModelError, Reading,
    ScorerFile, Segmenter, network_digest,
};
use crate::scheme::Scheme;

/// How scores are made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scoring {
    /// Whether classes that cannot be seen from above are left out, whatever the card says.
    pub mask_implausible: bool,
    /// Which ways a chip is looked at.
    pub augment: Augment,
    /// The weight of the first model among the others.
    pub weight: u32,
    /// Models beside the first.
    pub others: Vec<Member>,
    /// The card of the model whose features, under a mask, say what the mask is: beside a model that finds masks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<PathBuf>,
    /// The card of the model whose masks give objects their outlines where scores are unsure of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub masks: Option<PathBuf>,
    /// What reads the features of models of that family.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scorer: Option<ScorerFile>,
    /// What lies further from all prototypes of the scorer than this share of what it has seen becomes `other`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<f32>,
    /// How far each pixel lies from the prototypes of the scorer is kept beside its class.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unknown_band: bool,
    /// The scores of the scorer follow the edges of the picture, whatever its file says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guided: Option<Guided>,
}

/// A model beside the first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its card.
    pub model: PathBuf,
    /// Its weight.
    pub weight: u32,
}

impl Default for Scoring {
    fn default() -> Self {
        Self {
            mask_implausible: false,
            augment: Augment::default(),
            weight: 1,
            others: Vec::new(),
            features: None,
            masks: None,
            scorer: None,
            unknown: None,
            unknown_band: false,
            guided: None,
        }
    }
}

impl Scoring {
    /// Whether a chip is looked at once, by one model.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.others.is_empty() && self.augment.is_none() && !self.mask_implausible
    }

    /// Whether masks are found beside what a scorer reads; these are not kept.
    #[must_use]
    pub fn finds_masks(&self) -> bool {
        self.features.is_some() || self.masks.is_some()
    }

    /// How its scorer is read.
    #[must_use]
    pub fn reading(&self) -> Reading {
        Reading { unknown: self.unknown, guided: self.guided, unknown_band: self.unknown_band }
    }

    /// The cards of the other models, each with its weight.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn other_cards(&self) -> Result<Vec<(ModelCard, u32)>, CardError> {
        self.others.iter().map(|other| Ok((ModelCard::open(&other.model)?, other.weight))).collect()
    }

    /// Every card that has a part in the scores or masks of a first one, it among them, each with its weight; what stands
    /// beside the scores has none.
    ///
    /// # Errors
    /// As [`Self::features_card`] and [`Self::masks_card`], and when another card cannot be read.
    pub fn cards(&self, card: &ModelCard) -> Result<Vec<(ModelCard, u32)>, ModelError> {
        let beside = self.features_card(card)?.into_iter().chain(self.masks_card(card)?).map(|card| (card, 0));
        let others = self.other_cards()?;
        Ok([(card.clone(), self.weight)].into_iter().chain(others).chain(beside).collect())
    }

    /// The card of the model whose features say what masks are.
    ///
    /// # Errors
    /// When it cannot be read, is of another family, or no masks are found.
    pub fn features_card(&self, card: &ModelCard) -> Result<Option<ModelCard>, ModelError> {
        let Some(path) = &self.features else { return Ok(None) };
        if card.family != Family::Sam {
            return Err(ModelError::FeaturesUnread);
        }
        let features = ModelCard::open(path)?;
        if features.family != Family::Features {
            return Err(ModelError::Family { path: features.path, option: "--features", family: "features" });
        }
        if self.scorer.is_none() {
            return Err(ModelError::ScorerMissing(features.path));
        }
        Ok(Some(features))
    }

    /// The card of the model whose masks give outlines.
    ///
    /// # Errors
    /// When it cannot be read, is of another family, or the first model finds masks itself.
    pub fn masks_card(&self, card: &ModelCard) -> Result<Option<ModelCard>, ModelError> {
        let Some(path) = &self.masks else { return Ok(None) };
        if card.family == Family::Sam {
            return Err(ModelError::MasksTwice);
        }
        let masks = ModelCard::open(path)?;
        if masks.family != Family::Sam {
            return Err(ModelError::Family { path: masks.path, option: "--masks", family: "sam" });
        }
        Ok(Some(masks))
    }

    /// What says what masks are, where it is features.
    ///
    /// # Errors
    /// As [`Self::features_card`], and when the scorer cannot be read or does not fit.
    pub fn mask_scorer(&self, card: &ModelCard, scheme: &Scheme) -> Result<Option<MaskScorer>, ModelError> {
        let (Some(features), Some(file)) = (self.features_card(card)?, &self.scorer) else { return Ok(None) };
        let digest = network_digest(&features)?;
        MaskScorer::new((file.open()?, &file.path), (&features, &digest), scheme, self.reading()).map(Some)
    }

    /// That implausible classes can be left out: one is marked, and each model keeps others.
    fn check_implausible(&self, cards: &[(ModelCard, u32)]) -> Result<(), ModelError> {
        let scorer = self.scorer.as_ref().map(ScorerFile::open).transpose()?;
        let of_scorer = scorer.map_or_else(Vec::new, |scorer| scorer.classes);
        let is_all = |classes: &[ModelClass]| !classes.is_empty() && classes.iter().all(|class| class.implausible);
        let mut each = cards.iter().map(|(card, _)| card.classes.as_slice()).chain([of_scorer.as_slice()]);
        let marked = each.clone().flatten().any(|class| class.implausible);
        if marked && !each.any(is_all) { Ok(()) } else { Err(ModelError::Implausible { marked }) }
    }

    /// The segmenter of a card and of what is asked beside it; `open` loads one model.
    ///
    /// # Errors
    /// When a model does not load, or the models do not go together.
    pub fn segmenter<E: From<ModelError> + From<CardError>>(
        &self,
        card: &ModelCard,
        open: impl Fn(&ModelCard) -> Result<Box<dyn Segmenter>, E>,
    ) -> Result<Box<dyn Segmenter>, E> {
        let mut cards = vec![(card.clone(), self.weight)];
        cards.extend(self.other_cards()?);
        if self.mask_implausible {
            self.check_implausible(&cards)?;
            cards.iter_mut().for_each(|(card, _)| card.mask_implausible = true);
        }
        let mut model = open(&cards[0].0)?;
        if cards.len() > 1 {
            let mut models = vec![(model, &cards[0].0, cards[0].1)];
            for (card, weight) in &cards[1..] {
                models.push((open(card)?, card, *weight));
            }
            model = Box::new(Ensemble::new(models)?);
        }
        Ok(if self.augment.is_none() { model } else { Box::new(Augmented::new(model, self.augment)) })
    }
}
