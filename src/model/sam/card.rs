//! What a card says of masks: the decoder, the automatic mask generator's parameters, the rules of classes.

use std::path::PathBuf;

use serde::Deserialize;

use super::super::{Activation, CardError, ModelCard};
use super::MaskRule;
use crate::raster::Channel;
use crate::scheme::{ClassId, Scheme};

/// The `[masks]` of a card; numbers that are absent are those of segment-anything.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MaskCard {
    /// The prompt decoder, relative to the card.
    pub decoder: PathBuf,
    /// Points along a side of a chip, each of which is asked about.
    pub points_per_side: u32,
    /// Points that the decoder is asked about at once.
    pub points_per_batch: u32,
    /// Masks with a predicted `IoU` up to this go.
    pub pred_iou_thresh: f32,
    /// Masks that change more with the threshold go.
    pub stability_score_thresh: f32,
    /// How far the threshold is moved for that, in logits.
    pub stability_score_offset: f32,
    /// Masks whose boxes overlap a surer one's by more go.
    pub box_nms_thresh: f32,
    /// Holes and islands below this go, in pixels; 0 keeps all.
    pub min_mask_region_area_px: u32,
    /// Masks that come this near to a side of a chip belong to the neighbouring chip, in pixels.
    pub edge_px: u32,
    /// The class of the scheme of masks that no rule fits and of pixels that no mask covers.
    pub unknown: String,
    /// What masks are; the first rule that fits. In a card `"city"`, a file beside it, or tables.
    pub rules: Vec<MaskRule>,
}

impl Default for MaskCard {
    fn default() -> Self {
        Self {
            decoder: PathBuf::new(),
            points_per_side: 32,
            points_per_batch: 64,
            pred_iou_thresh: 0.88,
            stability_score_thresh: 0.95,
            stability_score_offset: 1.0,
            box_nms_thresh: 0.7,
            min_mask_region_area_px: 0,
            edge_px: 20,
            unknown: "other".to_owned(),
            rules: Vec::new(),
        }
    }
}

/// What the numbers of a card of family `sam` must hold.
pub(in super::super) fn rules(card: &ModelCard) -> Vec<(bool, String)> {
    let usual = MaskCard::default();
    let masks = card.masks.as_ref().unwrap_or(&usual);
    let share = |v: f32| (0.0..=1.0).contains(&v);
    let rgb = [Channel::Red, Channel::Green, Channel::Blue];
    let fault = masks.rules.iter().find_map(|rule| Some(format!("{:?}: {}", rule.city_class, rule.fault()?)));
    let has_rgb = rgb.iter().all(|channel| card.input.channels.contains(channel));
    vec![
        (!masks.decoder.as_os_str().is_empty(), "masks.decoder: the prompt decoder beside the card (.onnx)".to_owned()),
        ((1..=256).contains(&masks.points_per_side), "masks.points_per_side: 1 to 256".to_owned()),
        ((1..=4096).contains(&masks.points_per_batch), "masks.points_per_batch: 1 to 4096".to_owned()),
        (share(masks.pred_iou_thresh), "masks.pred_iou_thresh: 0 to 1".to_owned()),
        (share(masks.stability_score_thresh), "masks.stability_score_thresh: 0 to 1".to_owned()),
        (
            masks.stability_score_offset.is_finite() && masks.stability_score_offset > 0.0,
            "masks.stability_score_offset: above 0, in logits".to_owned(),
        ),
        (share(masks.box_nms_thresh), "masks.box_nms_thresh: 0 to 1".to_owned()),
        (
            4 * u64::from(masks.edge_px) < u64::from(card.input.chip_px),
            "masks.edge_px: below a quarter of input.chip_px".to_owned(),
        ),
        (fault.is_none(), format!("masks.rules: {}", fault.unwrap_or_default())),
        (
            has_rgb || masks.rules.iter().all(|rule| !rule.sees_colour()),
            "masks.rules: rules of colour want red, green and blue among input.channels".to_owned(),
        ),
        (card.output.activation == Activation::None, "output.activation: none, an encoder gives embeddings".to_owned()),
        (
            card.classes.is_empty() && !card.mask_implausible && card.output.threshold.is_none(),
            "classes, mask_implausible, output.threshold: keys of family = \"semantic\"; the classes of masks are those \
             of masks.rules"
                .to_owned(),
        ),
        (
            card.output.patch_px.is_none() && card.output.dim.is_none() && card.output.tokens.is_none(),
            "output.patch_px, output.dim, output.tokens: keys of family = \"features\"".to_owned(),
        ),
    ]
}

/// The classes that the rules of a card say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskClasses {
    /// Of each rule.
    pub of_rules: Vec<ClassId>,
    /// Where none fits.
    pub unknown: ClassId,
}

impl MaskClasses {
    /// All of them, in any order, some more than once.
    pub(super) fn all(&self) -> Vec<ClassId> {
        self.of_rules.iter().copied().chain([self.unknown]).collect()
    }
}

impl ModelCard {
    /// The classes of the scheme that its rules say.
    ///
    /// # Errors
    /// When the scheme has no class of such a name.
    pub fn mask_classes(&self, scheme: &Scheme) -> Result<MaskClasses, CardError> {
        let masks = self.masks.clone().unwrap_or_default();
        let of_rule = |rule: &MaskRule| self.class(("masks.rules: city_class", &rule.city_class), scheme);
        let of_rules = masks.rules.iter().map(of_rule).collect::<Result<_, _>>()?;
        Ok(MaskClasses { of_rules, unknown: self.class(("masks.unknown:", &masks.unknown), scheme)? })
    }
}
