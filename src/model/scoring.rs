//! How scores are made of one model or several: what decides on labels beside the networks themselves.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Augment, Augmented, CardError, Ensemble, Guided, ModelCard, ModelError, Reading, ScorerFile, Segmenter};

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
    /// What reads the features of models of that family.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scorer: Option<ScorerFile>,
    /// What lies further from all prototypes of the scorer than this share of what it has seen becomes `other`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<f32>,
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
            augment: Augment::None,
            weight: 1,
            others: Vec::new(),
            scorer: None,
            unknown: None,
            guided: None,
        }
    }
}

impl Scoring {
    /// Whether a chip is looked at once, by one model.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.others.is_empty() && self.augment == Augment::None && !self.mask_implausible
    }

    /// How its scorer is read.
    #[must_use]
    pub fn reading(&self) -> Reading {
        Reading { unknown: self.unknown, guided: self.guided }
    }

    /// The cards of the other models, each with its weight.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn other_cards(&self) -> Result<Vec<(ModelCard, u32)>, CardError> {
        self.others.iter().map(|other| Ok((ModelCard::open(&other.model)?, other.weight))).collect()
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
        cards.iter_mut().for_each(|(card, _)| card.mask_implausible |= self.mask_implausible);
        let mut model = open(&cards[0].0)?;
        if cards.len() > 1 {
            let mut models = vec![(model, &cards[0].0, cards[0].1)];
            for (card, weight) in &cards[1..] {
                models.push((open(card)?, card, *weight));
            }
            model = Box::new(Ensemble::new(models)?);
        }
        Ok(if self.augment == Augment::None { model } else { Box::new(Augmented::new(model, self.augment)) })
    }
}
