//! What of a model and of how it is asked decides on scores: see [`crate::fingerprint`].

use super::sam::MaskRule;
use super::{
    Activation, Augment, Family, Guided, Input, Layout, MaskCard, ModelCard, ModelClass, Output, Scoring, Tokens, Turns,
};
use crate::fingerprint::{Fingerprint, Fingerprinted};
use crate::raster::Channel;

impl Fingerprinted for ModelCard {
    fn add_to(&self, fingerprint: &mut Fingerprint) {
        let Self {
            family,
            input,
            output,
            classes,
            mask_implausible,
            masks,
            // Names and places: the content of the network counts by itself.
            name: _,
            version: _,
            file: _,
            path: _,
            // What labels are cleaned by is told by the options of a run, and roofs are split later.
            labels: _,
            // For people.
            licence: _,
            provenance: _,
            metrics: _,
        } = self;
        fingerprint.field("family", family).field("input", input).field("output", output).field("classes", classes);
        fingerprint.field("mask_implausible", mask_implausible).field("masks", masks);
    }
}

impl Fingerprinted for Input {
    fn add_to(&self, fingerprint: &mut Fingerprint) {
        let Self {
            name,
            layout,
            channels,
            scale,
            mean,
            std,
            resolution_m_per_px,
            resolution_range_m_per_px,
            chip_px,
            stride_px,
            multiple_px,
        } = self;
        fingerprint.field("name", name).field("layout", layout).field("channels", channels);
        fingerprint.field("scale", scale).field("mean", mean).field("std", std);
        fingerprint.field("resolution_m_per_px", resolution_m_per_px);
        fingerprint.field("resolution_range_m_per_px", resolution_range_m_per_px);
        fingerprint.field("chip_px", chip_px).field("stride_px", stride_px).field("multiple_px", multiple_px);
    }
}

impl Fingerprinted for Output {
    fn add_to(&self, fingerprint: &mut Fingerprint) {
        let Self { name, activation, stride, threshold, layout, patch_px, dim, tokens } = self;
        fingerprint.field("name", name).field("activation", activation).field("stride", stride);
        fingerprint.field("threshold", threshold).field("layout", layout).field("patch_px", patch_px);
        fingerprint.field("dim", dim).field("tokens", tokens);
    }
}

impl Fingerprinted for Tokens {
    fn add_to(&self, fingerprint: &mut Fingerprint) {
        let Self { cls, registers } = self;
        fingerprint.field("cls", cls).field("registers", registers);
    }
}

impl Fingerprinted for ModelClass {
    fn add_to(&self, fingerprint: &mut Fingerprint) {
        let Self { name, city_class, implausible } = self;
        fingerprint.field("name", name).field("city_class", city_class).field("implausible", implausible);
    }
}

impl Fingerprinted for MaskCard {
    fn add_to(&self, fingerprint: &mut Fingerprint) {
        let Self {
            points_per_side,
            points_per_batch,
            pred_iou_thresh,
            stability_score_thresh,
            stability_score_offset,
            box_nms_thresh,
            min_mask_region_area_px,
            edge_px,
            unknown,
            rules,
            // The content of the network counts by itself.
            decoder: _,
        } = self;
        fingerprint.field("points_per_side", points_per_side).field("points_per_batch", points_per_batch);
        fingerprint.field("pred_iou_thresh", pred_iou_thresh);
        fingerprint.field("stability_score_thresh", stability_score_thresh);
        fingerprint.field("stability_score_offset", stability_score_offset);
        fingerprint.field("box_nms_thresh", box_nms_thresh);
        fingerprint.field("min_mask_region_area_px", min_mask_region_area_px).field("edge_px", edge_px);
        fingerprint.field("unknown", unknown).field("rules", rules);
    }
}

impl Fingerprinted for MaskRule {
    fn add_to(&self, fingerprint: &mut Fingerprint) {
        let Self { city_class, grey_tolerance, brightness, blue_excess, green_excess, aspect, rectangularity, area_m2 } =
            self;
        fingerprint.field("city_class", city_class).field("grey_tolerance", grey_tolerance);
        fingerprint.field("brightness", brightness).field("blue_excess", blue_excess);
        fingerprint.field("green_excess", green_excess).field("aspect", aspect);
        fingerprint.field("rectangularity", rectangularity).field("area_m2", area_m2);
    }
}

impl Fingerprinted for Scoring {
    fn add_to(&self, fingerprint: &mut Fingerprint) {
        let Self {
            mask_implausible,
            augment,
            weight,
            scorer,
            unknown,
            unknown_band,
            guided,
            others,
            // The cards of these models count by themselves, wherever they lie; here, only that they have a part.
            features,
            masks,
        } = self;
        fingerprint.field("mask_implausible", mask_implausible).field("augment", augment).field("weight", weight);
        fingerprint.field("scorer", &scorer.as_ref().map(|file| file.sha256.as_str()));
        fingerprint.field("unknown", unknown).field("unknown_band", unknown_band).field("guided", guided);
        fingerprint.field("others", &others.iter().map(|other| other.weight).collect::<Vec<_>>());
        fingerprint.field("features", &features.is_some()).field("masks", &masks.is_some());
    }
}

impl Fingerprinted for Augment {
    fn add_to(&self, fingerprint: &mut Fingerprint) {
        let Self { turns, scales } = self;
        fingerprint.field("turns", turns).field("scales", scales);
    }
}

impl Fingerprinted for Guided {
    fn add_to(&self, fingerprint: &mut Fingerprint) {
        let Self { radius_px, epsilon } = self;
        fingerprint.field("radius_px", radius_px).field("epsilon", epsilon);
    }
}

/// Enums by a word for each variant.
macro_rules! words {
    ($($name:ident { $($variant:ident => $word:literal),* }),*) => {$(
        impl Fingerprinted for $name {
            fn add_to(&self, fingerprint: &mut Fingerprint) {
                match self {
                    $(Self::$variant => $word.add_to(fingerprint),)*
                }
            }
        }
    )*};
}

words!(
    Family { Semantic => "semantic", Features => "features", Sam => "sam" },
    Layout { Nchw => "NCHW", Nhwc => "NHWC" },
    Activation { Softmax => "softmax", Sigmoid => "sigmoid", None => "none" },
    Channel { Red => "red", Green => "green", Blue => "blue", NearInfrared => "nir" },
    Turns { None => "none", Flips => "flips", D4 => "d4" }
);
