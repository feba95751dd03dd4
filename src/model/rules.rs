//! What the numbers of a card must hold, for all families and for each.

use super::{Activation, Family, LabelDefaults, ModelCard};

/// A rule: whether it holds, and the key with what is accepted.
type Rule = (bool, String);

/// Holds a card against the rules; the reason names the key.
pub(super) fn check(card: &ModelCard) -> Result<(), String> {
    let mut rules = input(card);
    rules.extend(match card.family {
        Family::Semantic => semantic(card),
        Family::Features => features(card),
        Family::Sam => super::sam::card_rules(card),
    });
    rules.push((
        card.labels.split_roofs.is_none_or(|drop| LabelDefaults::SPLIT_ROOFS.contains(&drop)),
        "labels.split_roofs: 0.01 to 1, or absent".to_owned(),
    ));
    let is_sam = card.family == Family::Sam;
    rules.push((card.masks.is_some() == is_sam, "masks: the keys of family = \"sam\", which wants them".to_owned()));
    rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, rule)| Err(rule))
}

fn input(card: &ModelCard) -> Vec<Rule> {
    let input = &card.input;
    let channels = input.channels.len();
    let [finest, coarsest] = input.resolution_range_m_per_px;
    vec![
        (channels > 0, "input.channels: at least one of red, green, blue, nir".to_owned()),
        (
            input.mean.len() == channels && input.std.len() == channels,
            format!("input.mean, input.std: {channels} numbers, one per channel"),
        ),
        (input.std.iter().all(|s| *s > 0.0), "input.std: numbers above 0".to_owned()),
        (input.chip_px >= 8 && input.chip_px <= 4096, "input.chip_px: 8 to 4096".to_owned()),
        (
            input.multiple_px > 0 && input.chip_px.is_multiple_of(input.multiple_px.max(1)),
            format!("input.chip_px: a multiple of input.multiple_px = {}", input.multiple_px),
        ),
        (
            input.stride_px * 2 >= input.chip_px && input.stride_px <= input.chip_px,
            "input.stride_px: chip_px / 2 to chip_px".to_owned(),
        ),
        (
            0.0 < finest && finest <= input.resolution_m_per_px && input.resolution_m_per_px <= coarsest,
            "input.resolution_range_m_per_px: [finest, coarsest] around resolution_m_per_px".to_owned(),
        ),
        (
            input.resolution_m_per_px.is_finite()
                && input.scale.is_finite()
                && input.mean.iter().all(|m| m.is_finite()),
            "input.scale, input.mean, input.resolution_m_per_px: finite numbers".to_owned(),
        ),
    ]
}

fn semantic(card: &ModelCard) -> Vec<Rule> {
    let (output, classes) = (&card.output, &card.classes);
    vec![
        (
            output.stride >= 1 && card.input.chip_px.is_multiple_of(output.stride.max(1)),
            "output.stride: a divisor of input.chip_px".to_owned(),
        ),
        (!classes.is_empty() && classes.len() <= 255, "classes: 1 to 255".to_owned()),
        (
            output.threshold.is_none_or(|t| t > 0.0 && t < 1.0 && classes.len() > 1),
            "output.threshold: between 0 and 1, with two classes or more, the first for what is below it".to_owned(),
        ),
        (
            !card.mask_implausible || classes.iter().any(|c| !c.implausible),
            "mask_implausible: a class that is not implausible".to_owned(),
        ),
        (
            output.patch_px.is_none() && output.dim.is_none() && output.tokens.is_none(),
            "output.patch_px, output.dim, output.tokens: keys of family = \"features\"".to_owned(),
        ),
    ]
}

fn features(card: &ModelCard) -> Vec<Rule> {
    let (input, output) = (&card.input, &card.output);
    let patch_px = output.patch_px.unwrap_or(0);
    let whole = |px: u32| px - px % patch_px.max(1);
    vec![
        (patch_px >= 1, "output.patch_px: the side of a patch in pixels, 1 or more".to_owned()),
        (output.dim.is_some_and(|d| (1..=65_536).contains(&d)), "output.dim: numbers per patch, 1 to 65536".to_owned()),
        (
            input.chip_px.is_multiple_of(patch_px.max(1)),
            format!(
                "input.chip_px = {}: a multiple of output.patch_px = {patch_px}, such as {} or {}",
                input.chip_px,
                whole(input.chip_px).max(patch_px),
                whole(input.chip_px) + patch_px
            ),
        ),
        (
            output.tokens.is_none_or(|t| t.cls <= 1 && t.registers <= 1024),
            "output.tokens: cls = 0 or 1, registers = 0 to 1024".to_owned(),
        ),
        (output.activation == Activation::None, "output.activation: none, features are taken as they are".to_owned()),
        (
            card.classes.is_empty() && output.stride == 0 && output.threshold.is_none() && !card.mask_implausible,
            "classes, mask_implausible, output.stride, output.threshold: keys of family = \"semantic\"; the classes of \
             features are those of a scorer"
                .to_owned(),
        ),
    ]
}
