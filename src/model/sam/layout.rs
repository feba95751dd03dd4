//! Which of the layouts in use a SAM has, seen by its inputs and outputs.

use ort::session::Session as OrtSession;
use ort::value::{Outlet, TensorElementType, ValueType};

use super::super::{Layout, ModelCard};

/// The inputs of segment-anything's own decoder, which that of `MobileSAM` is too.
const OFFICIAL: [&str; 6] =
    ["image_embeddings", "point_coords", "point_labels", "mask_input", "has_mask_input", "orig_im_size"];

/// The inputs of the second half of optimum's split.
const SPLIT: [&str; 4] = ["input_points", "input_labels", "image_embeddings", "image_positional_embeddings"];

/// What the encoder takes.
pub(super) struct EncoderInput {
    pub(super) name: String,
    pub(super) channels: usize,
    pub(super) kind: EncoderKind,
}

#[derive(Clone, Copy)]
pub(super) enum EncoderKind {
    /// `[batch, channels, rows, cols]`.
    Planar,
    /// `[batch, rows, cols, channels]`.
    Interleaved,
    /// `[rows, cols, channels]`: one picture, as exports of `MobileSAM` have it.
    Picture,
}

pub(super) enum DecoderLayout {
    Official {
        /// Prompts of a run, where the graph fixes it: 1 in files that segment-anything's script wrote.
        batch: Option<usize>,
        /// Points of a prompt, where the graph fixes it.
        points: Option<usize>,
    },
    Split,
}

fn names(outlets: &[Outlet]) -> Vec<&str> {
    outlets.iter().map(Outlet::name).collect()
}

/// The shape of a tensor of numbers of single or half precision.
fn shape_of(outlet: &Outlet) -> Result<Vec<i64>, String> {
    let ValueType::Tensor { shape, ty, .. } = outlet.dtype() else { return Err("no tensor".to_owned()) };
    let reason = || format!("input {:?} holds {ty}, accepted are float32 and float16", outlet.name());
    let is_float = matches!(ty, TensorElementType::Float32 | TensorElementType::Float16);
    if is_float { Ok(shape.to_vec()) } else { Err(reason()) }
}

/// The input under the card's name, with the card's channels and side.
pub(super) fn encoder_input(session: &OrtSession, card: &ModelCard) -> Result<EncoderInput, String> {
    let given = names(session.inputs());
    if given != [card.input.name.as_str()] {
        return Err(format!("input.name = {:?}, but the encoder takes {}", card.input.name, given.join(", ")));
    }
    let outputs = names(session.outputs());
    if !outputs.contains(&card.output.name.as_str()) {
        return Err(format!("output.name = {:?}, but the encoder gives {}", card.output.name, outputs.join(", ")));
    }
    let shape = shape_of(&session.inputs()[0])?;
    let (kind, [c, h, w]) = match (shape[..].len(), card.input.layout) {
        (3, Layout::Nhwc) => (EncoderKind::Picture, [shape[2], shape[0], shape[1]]),
        (4, Layout::Nhwc) => (EncoderKind::Interleaved, [shape[3], shape[1], shape[2]]),
        (4, Layout::Nchw) => (EncoderKind::Planar, [shape[1], shape[2], shape[3]]),
        _ => {
            return Err(format!(
                "input.layout: the encoder takes {shape:?}, accepted are [n, c, h, w] (NCHW), [n, h, w, c] and \
                 [h, w, c] (NHWC)"
            ));
        }
    };
    let (channels, side) = (card.input.channels.len(), i64::from(card.input.chip_px));
    if c > 0 && c != channels as i64 {
        return Err(format!("input.channels, input.layout: the card has {channels}, the encoder takes {shape:?}"));
    }
    if [h, w].iter().any(|s| *s > 0 && *s != side) {
        return Err(format!("input.chip_px, input.layout: the card has {side}, the encoder takes {shape:?}"));
    }
    Ok(EncoderInput { name: card.input.name.clone(), channels, kind })
}

/// Which of the layouts a decoder has, by its inputs.
pub(super) fn decoder_layout(session: &OrtSession) -> Result<DecoderLayout, String> {
    let (inputs, outputs) = (names(session.inputs()), names(session.outputs()));
    let has = |wanted: &[&str], given: &[&str]| wanted.iter().all(|name| given.contains(name));
    let only = |wanted: &[&str]| inputs.len() == wanted.len() && has(wanted, &inputs);
    if only(&OFFICIAL) && has(&["iou_predictions", "low_res_masks"], &outputs) {
        let points = session.inputs().iter().find(|i| i.name() == "point_coords");
        let shape = points.map_or(Ok(Vec::new()), shape_of)?;
        let fixed = |axis: usize| shape.get(axis).and_then(|n| usize::try_from(*n).ok()).filter(|n| *n > 0);
        return Ok(DecoderLayout::Official { batch: fixed(0), points: fixed(1) });
    }
    if only(&SPLIT) && has(&["iou_scores", "pred_masks"], &outputs) {
        return Ok(DecoderLayout::Split);
    }
    Err(format!(
        "masks.decoder: takes {} and gives {}; accepted are the layouts of segment-anything and MobileSAM ({} to masks, \
         iou_predictions, low_res_masks) and of optimum's split ({} to iou_scores, pred_masks)",
        inputs.join(", "),
        outputs.join(", "),
        OFFICIAL.join(", "),
        SPLIT.join(", ")
    ))
}
