//! What decides on labels beside the models: the same words for segmenting and for its forecast.

use std::path::PathBuf;

use orthotile::georef::AreaOfInterest;
use orthotile::label::CleanOptions;
use orthotile::model::{Augment, Guided, Member, ModelCard, ScorerFile, Scoring};
use orthotile::seed::SegmentOptions;

use super::numbers::{unknown_share, within};

/// What stands beside `--model`.
#[derive(Debug, clap::Args)]
pub struct WayArgs {
    /// Whole weights of several models, in their order: 2,1
    #[arg(long, requires = "model", value_delimiter = ',')]
    weights: Vec<u32>,
    /// Look at each chip several ways: none, flips (4 runs a chip) or d4 (8 runs, all flips and rotations); scales, alone or
    /// with one of these (flips,scales), looks each time at three scales (6 runs for one). Where the ways disagree, the
    /// confidence is lower
    #[arg(long, requires = "model", default_value_t)]
    augment: Augment,
    /// Leave out classes that cannot be seen from above, before scores are weighed (classes marked implausible)
    #[arg(long, requires = "model")]
    mask_implausible: bool,
    /// A model of family "features": what its features under a mask say the mask is (beside a --model of family "sam",
    /// with a --scorer, in place of the card's rules)
    #[arg(long, requires_all = ["model", "scorer"])]
    features: Option<PathBuf>,
    /// A model of family "sam": where scores are unsure of the outline of an object, that of its mask is taken
    #[arg(long, requires = "model")]
    masks: Option<PathBuf>,
    /// What reads the features of a model of family "features": made by `orthotile train` or `orthotile clusters`
    #[arg(long, requires = "model")]
    scorer: Option<PathBuf>,
    /// What lies further from all that the scorer has seen than this share of it (0.99: 99 of 100 lay nearer; above 1:
    /// beyond all of it, 1.5 by half as far again) becomes "other"
    #[arg(long, requires = "scorer", value_parser = unknown_share)]
    unknown: Option<f32>,
    /// Keep how far each pixel lies from all that the scorer has seen, as a band "unknown" of label blocks and of the
    /// exported label map, and its mean as an attribute of features: 1 to 200 percent (99: 99 of 100 lay nearer; above 100:
    /// beyond all of it)
    #[arg(long, requires = "scorer")]
    unknown_band: bool,
    /// Let the scorer's scores follow the edges of the picture (guided filter), with this radius in pixels of the work grid
    #[arg(long, requires = "scorer", value_name = "RADIUS_PX", value_parser = guided)]
    guided: Option<Guided>,
    /// Only what touches these polygons (GeoJSON, lon/lat)
    #[arg(long, requires = "model")]
    aoi: Option<PathBuf>,
    /// Patches below this area on the ground take the class around them, in m²; the model card's, else 10
    #[arg(long, requires = "model", value_parser = within(0.0..=1e6, "m²"))]
    min_area_m2: Option<f64>,
    /// Rounds of a 3 x 3 majority over the labels; the model card's, else 1
    #[arg(long, requires = "model", value_parser = clap::value_parser!(u32).range(0..=64))]
    majority_rounds: Option<u32>,
    /// Decide again within this width along borders, in metres, by the scores of all around; the model card's, else 0
    #[arg(long, requires = "model", value_parser = within(0.0..=100.0, "m"))]
    boundary_m: Option<f64>,
    /// The side of a label block in pixels
    #[arg(long, requires = "model", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(64..=8192))]
    block_px: u32,
    /// Classes, colours and default heights other than the city's (TOML)
    #[arg(long, requires = "model")]
    scheme: Option<PathBuf>,
}

impl WayArgs {
    /// What is asked of a run with some models, of which the first has this card and says what chips are.
    pub fn options(&self, models: &[PathBuf], card: &ModelCard) -> anyhow::Result<SegmentOptions> {
        Ok(SegmentOptions {
            scoring: self.scoring(models)?,
            clean: self.clean(card),
            block_px: Some(self.block_px),
            scheme: self.scheme.clone(),
            area: self.aoi.as_deref().map(AreaOfInterest::read).transpose()?,
            ..SegmentOptions::default()
        })
    }

    fn clean(&self, card: &ModelCard) -> CleanOptions {
        let usual = CleanOptions::default();
        CleanOptions {
            majority_rounds: self.majority_rounds.or(card.labels.majority_rounds).unwrap_or(usual.majority_rounds),
            min_area_m2: self.min_area_m2.or(card.labels.min_area_m2).unwrap_or(usual.min_area_m2),
            boundary_m: self.boundary_m.or(card.labels.boundary_m).unwrap_or(usual.boundary_m),
        }
    }

    fn scoring(&self, models: &[PathBuf]) -> anyhow::Result<Scoring> {
        let (count, weights) = (models.len(), self.weights.len());
        anyhow::ensure!(weights == 0 || weights == count, "--weights: {weights} given for {count} models");
        let weight = |at: usize| self.weights.get(at).copied().unwrap_or(1);
        let member = |(at, model): (usize, &PathBuf)| Member { model: model.clone(), weight: weight(at) };
        Ok(Scoring {
            mask_implausible: self.mask_implausible,
            augment: self.augment,
            weight: weight(0),
            others: models.iter().enumerate().skip(1).map(member).collect(),
            features: self.features.clone(),
            masks: self.masks.clone(),
            scorer: self.scorer.as_deref().map(ScorerFile::read).transpose()?,
            unknown: self.unknown,
            unknown_band: self.unknown_band,
            guided: self.guided,
        })
    }
}

/// A guided filter by its radius in pixels.
pub fn guided(radius_px: &str) -> Result<Guided, String> {
    Guided::within(radius_px.parse().map_err(|_| format!("{radius_px:?}: a whole number of pixels is accepted"))?)
}

/// Says under which licences a model and those beside it are used: before they are, not after.
pub fn show_licences(card: &ModelCard, scoring: &Scoring) -> anyhow::Result<()> {
    let beside = beside(scoring, card)?;
    [card].into_iter().chain(beside.iter().map(|(card, _)| card)).for_each(show_licence);
    Ok(())
}

/// Reports under which licence a model is used, and what was guessed about its classes.
pub fn show_licence(card: &ModelCard) {
    eprintln!("model {} {}, licence: {}", card.name, card.version, card.licence);
    for note in card.class_notes() {
        eprintln!("note: {note}");
    }
    if card.restricts_use() {
        eprintln!("note: this licence restricts what the model and its results may be used for");
    }
}

/// The models beside the first, each with what it is for.
pub fn beside(scoring: &Scoring, card: &ModelCard) -> anyhow::Result<Vec<(ModelCard, String)>> {
    let other = |(card, weight)| (card, format!("weight {weight}"));
    let mut all: Vec<_> = scoring.other_cards()?.into_iter().map(other).collect();
    all.extend(scoring.features_card(card)?.map(|card| (card, "its features say what masks are".to_owned())));
    all.extend(scoring.masks_card(card)?.map(|card| (card, "its masks give outlines".to_owned())));
    Ok(all)
}
