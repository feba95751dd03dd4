//! The two networks of a SAM, in the three layouts that are in use.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use ort::session::{Session as OrtSession, SessionOutputs};
use ort::value::{DynValue, TensorRef};

use super::super::session::{check_finite, load};
use super::super::{Device, ModelCard, ModelError};
use super::layout::{DecoderLayout, EncoderInput, EncoderKind, decoder_layout, encoder_input};

/// A network and its file.
struct Part {
    inner: OrtSession,
    path: PathBuf,
}

/// Encoder and decoder, loaded. Not to be shared: a run needs them alone.
pub(super) struct Network {
    encoder: Part,
    input: EncoderInput,
    decoder: Part,
    layout: DecoderLayout,
    side: usize,
    pub(super) device: Device,
}

/// A tensor with its shape.
pub(super) struct Tensor {
    shape: Vec<usize>,
    values: Vec<f32>,
}

/// What the encoder says of a chip.
pub(super) struct Embedding {
    image: Tensor,
    /// Only of the split layout.
    positional: Option<Tensor>,
}

/// What the decoder says of some points.
pub(super) struct Decoded {
    /// The side of a mask's logits.
    pub(super) side: usize,
    /// The expected `IoU` of each mask of each point.
    pub(super) iou: Vec<f32>,
    /// `side²` logits of each.
    pub(super) logits: Vec<f32>,
}

impl Network {
    /// Loads both files and holds them against the card.
    pub(super) fn open(card: &ModelCard, decoder: &Path, device: Device) -> Result<Self, ModelError> {
        let open = |path: PathBuf| -> Result<(Part, Device), ModelError> {
            let (inner, device) = load(&path, device)?;
            Ok((Part { inner, path }, device))
        };
        let (encoder, device) = open(card.network_path())?;
        let input = encoder_input(&encoder.inner, card).map_err(|reason| encoder.mismatch(reason))?;
        let (decoder, _) = open(decoder.to_owned())?;
        let layout = decoder_layout(&decoder.inner).map_err(|reason| decoder.mismatch(reason))?;
        let split = matches!(layout, DecoderLayout::Split);
        if split && encoder.inner.outputs().iter().all(|o| o.name() != "image_positional_embeddings") {
            let reason = "masks.decoder is of the split layout, which wants an encoder (file) that gives \
                          image_positional_embeddings too";
            return Err(encoder.mismatch(reason.to_owned()));
        }
        Ok(Self { encoder, input, decoder, layout, side: card.input.chip_px as usize, device })
    }

    /// The embedding of one chip, `[channels, side, side]`.
    pub(super) fn embed(&mut self, output: &str, chip: &[f32]) -> Result<Embedding, ModelError> {
        let Self { encoder, input, side, layout, .. } = self;
        let (c, side) = (input.channels, *side);
        let interleaved = || Cow::Owned((0..chip.len()).map(|i| chip[i % c * side * side + i / c]).collect());
        let (shape, values): (Vec<usize>, Cow<'_, [f32]>) = match input.kind {
            EncoderKind::Planar => (vec![1, c, side, side], Cow::Borrowed(chip)),
            EncoderKind::Interleaved => (vec![1, side, side, c], interleaved()),
            EncoderKind::Picture => (vec![side, side, c], interleaved()),
        };
        let path = encoder.path.clone();
        let failed = |e: &dyn std::fmt::Display| run_error(&path, e);
        let tensor = TensorRef::from_array_view((shape, values.as_ref())).map_err(|e| failed(&e))?;
        let name = input.name.as_str();
        let outputs = encoder.inner.run(ort::inputs![name => tensor]).map_err(|e| failed(&e))?;
        let take = |name: &str| -> Result<Tensor, ModelError> {
            let value = outputs.get(name).ok_or_else(|| failed(&format!("output.name: no output {name:?}")))?;
            let tensor = floats(value).map_err(|e| failed(&e))?;
            check_finite("embeddings", &tensor.values, &path)?;
            Ok(tensor)
        };
        let positional = match layout {
            DecoderLayout::Split => Some(take("image_positional_embeddings")?),
            DecoderLayout::Official { .. } => None,
        };
        Ok(Embedding { image: take(output)?, positional })
    }

    /// Masks for some points of a chip, as many at once as the graph takes.
    pub(super) fn decode(&mut self, embedding: &Embedding, points: &[[f32; 2]]) -> Result<Decoded, ModelError> {
        let at_once = match self.layout {
            DecoderLayout::Official { batch: Some(batch) } => batch,
            _ => points.len().max(1),
        };
        let mut all: Option<Decoded> = None;
        for some in points.chunks(at_once) {
            let decoded = match self.layout {
                DecoderLayout::Official { .. } => self.official(embedding, some)?,
                DecoderLayout::Split => self.split(embedding, some)?,
            };
            match &mut all {
                None => all = Some(decoded),
                Some(all) => {
                    all.iou.extend(decoded.iou);
                    all.logits.extend(decoded.logits);
                }
            }
        }
        all.ok_or_else(|| run_error(&self.decoder.path, &"no point was asked about"))
    }

    fn official(&mut self, embedding: &Embedding, points: &[[f32; 2]]) -> Result<Decoded, ModelError> {
        let (n, size) = (points.len(), [self.side as f32; 2]);
        let grid = embedding.image.shape.last().copied().unwrap_or(1) * 4;
        // A point alone is followed by one that says "no box".
        let coords: Vec<f32> = points.iter().flat_map(|p| [p[0], p[1], 0.0, 0.0]).collect();
        let labels = [1.0_f32, -1.0].repeat(n);
        let blank = vec![0.0_f32; grid * grid];
        let path = self.decoder.path.clone();
        let failed = |e: ort::Error| run_error(&path, &e);
        let image = embedding.image.view().map_err(failed)?;
        let inputs = ort::inputs![
            "image_embeddings" => image,
            "point_coords" => TensorRef::from_array_view((vec![n, 2, 2], coords.as_slice())).map_err(failed)?,
            "point_labels" => TensorRef::from_array_view((vec![n, 2], labels.as_slice())).map_err(failed)?,
            "mask_input" => TensorRef::from_array_view((vec![1, 1, grid, grid], blank.as_slice())).map_err(failed)?,
            "has_mask_input" => TensorRef::from_array_view((vec![1], [0.0_f32].as_slice())).map_err(failed)?,
            "orig_im_size" => TensorRef::from_array_view((vec![2], size.as_slice())).map_err(failed)?,
        ];
        let outputs = self.decoder.inner.run(inputs).map_err(failed)?;
        decoded(&path, &outputs, ("iou_predictions", "low_res_masks"), n)
    }

    fn split(&mut self, embedding: &Embedding, points: &[[f32; 2]]) -> Result<Decoded, ModelError> {
        let n = points.len();
        let coords = points.as_flattened();
        let labels = vec![1_i64; n];
        let path = self.decoder.path.clone();
        let failed = |e: ort::Error| run_error(&path, &e);
        let positional = embedding.positional.as_ref().unwrap_or(&embedding.image);
        let inputs = ort::inputs![
            "input_points" => TensorRef::from_array_view((vec![1, n, 1, 2], coords)).map_err(failed)?,
            "input_labels" => TensorRef::from_array_view((vec![1, n, 1], labels.as_slice())).map_err(failed)?,
            "image_embeddings" => embedding.image.view().map_err(failed)?,
            "image_positional_embeddings" => positional.view().map_err(failed)?,
        ];
        let outputs = self.decoder.inner.run(inputs).map_err(failed)?;
        decoded(&path, &outputs, ("iou_scores", "pred_masks"), n)
    }
}

impl Part {
    fn mismatch(&self, reason: String) -> ModelError {
        ModelError::Mismatch { path: self.path.clone(), reason }
    }
}

impl Tensor {
    fn view(&self) -> ort::Result<TensorRef<'_, f32>> {
        TensorRef::from_array_view((self.shape.clone(), self.values.as_slice()))
    }
}

fn run_error(path: &Path, reason: &dyn std::fmt::Display) -> ModelError {
    ModelError::Run { path: path.to_owned(), reason: reason.to_string() }
}

fn floats(value: &DynValue) -> ort::Result<Tensor> {
    let (shape, values) = value.try_extract_tensor::<f32>()?;
    Ok(Tensor { shape: shape.iter().map(|n| *n as usize).collect(), values: values.to_vec() })
}

/// The outputs of a decoder: of four masks the first is for many points at once, and is left out.
fn decoded(
    path: &Path,
    outputs: &SessionOutputs<'_>,
    (iou, logits): (&str, &str),
    n: usize,
) -> Result<Decoded, ModelError> {
    let take = |name: &str| -> Result<Tensor, ModelError> {
        let value = outputs.get(name).ok_or_else(|| run_error(path, &format!("no output {name:?}")))?;
        floats(value).map_err(|e| run_error(path, &e))
    };
    let (iou, logits) = (take(iou)?, take(logits)?);
    let side = logits.shape.last().copied().unwrap_or(0);
    let given = iou.values.len() / n.max(1);
    if side == 0 || given == 0 || iou.values.len() != n * given || logits.values.len() != n * given * side * side {
        let reason = format!("masks.decoder: {n} points came out as {:?} with IoU {:?}", logits.shape, iou.shape);
        return Err(ModelError::Mismatch { path: path.to_owned(), reason });
    }
    if !logits.values.iter().chain(&iou.values).all(|v| v.is_finite()) {
        return Err(run_error(path, &"masks that are not finite"));
    }
    let skipped = usize::from(given == 4);
    let of = |values: &[f32], each: usize| -> Vec<f32> {
        values.chunks_exact(given * each).flat_map(|point| &point[skipped * each..]).copied().collect()
    };
    let (iou, logits) = (of(&iou.values, 1), of(&logits.values, side * side));
    Ok(Decoded { side, iou, logits })
}
