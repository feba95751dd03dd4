//! The two networks of a SAM, in the three layouts that are in use.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use half::f16;
use ort::session::{Session as OrtSession, SessionOutputs};
use ort::value::{DynValue, Tensor as OrtTensor, TensorElementType, TensorRef, ValueType};

use super::super::session::{check_finite, floats, load};
use super::super::{Device, Lane, ModelCard, ModelError};
use super::layout::{DecoderLayout, EncoderInput, EncoderKind, decoder_layout, encoder_input};

/// Points of a prompt that has a box: one inside, and two corners.
const WITH_BOX: usize = 3;

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

/// What the decoder is asked about: a point each, in pixels of the chip as the encoder takes it, (x, y).
#[derive(Clone, Copy)]
pub(super) struct Prompts<'a> {
    pub(super) points: &'a [[f32; 2]],
    /// The box around what is meant, its first and its last corner. The split layout takes none.
    pub(super) boxes: Option<&'a [[[f32; 2]; 2]]>,
}

impl<'a> Prompts<'a> {
    /// Points alone.
    pub(super) fn points(points: &'a [[f32; 2]]) -> Self {
        Self { points, boxes: None }
    }

    pub(super) fn chunks(self, at_once: usize) -> impl Iterator<Item = Self> {
        self.points.chunks(at_once).enumerate().map(move |(n, points)| {
            let boxes = self.boxes.map(|boxes| &boxes[n * at_once..][..points.len()]);
            Self { points, boxes }
        })
    }

    /// Coordinates and labels as segment-anything's decoder takes them: 1 for a point inside, 2 and 3 for the corners of
    /// a box; a point alone is followed by one that says "no box", -1.
    fn encoded(self) -> (Vec<f32>, Vec<f32>, usize) {
        let Some(boxes) = self.boxes else {
            let coords = self.points.iter().flat_map(|p| [p[0], p[1], 0.0, 0.0]).collect();
            return (coords, [1.0, -1.0].repeat(self.points.len()), 2);
        };
        let each = self.points.iter().zip(boxes);
        let coords = each.flat_map(|(p, [a, b])| [p[0], p[1], a[0], a[1], b[0], b[1]]).collect();
        (coords, [1.0, 2.0, 3.0].repeat(self.points.len()), WITH_BOX)
    }
}

/// What the decoder says of some prompts.
pub(super) struct Decoded {
    /// The side of a mask's logits.
    pub(super) side: usize,
    /// The expected `IoU` of each mask of each prompt.
    pub(super) iou: Vec<f32>,
    /// `side²` logits of each.
    pub(super) logits: Vec<f32>,
}

impl Network {
    /// Loads both files and holds them against the card.
    pub(super) fn open(card: &ModelCard, decoder: &Path, lane: Lane) -> Result<Self, ModelError> {
        let open = |path: PathBuf, key: &'static str| -> Result<(Part, Device), ModelError> {
            let (inner, device) = load(&path, key, lane)?;
            Ok((Part { inner, path }, device))
        };
        let (encoder, device) = open(card.network_path(), "file")?;
        let input = encoder_input(&encoder.inner, card).map_err(|reason| encoder.mismatch(reason))?;
        let (decoder, _) = open(decoder.to_owned(), "masks.decoder")?;
        let layout = decoder_layout(&decoder.inner).map_err(|reason| decoder.mismatch(reason))?;
        let split = matches!(layout, DecoderLayout::Split);
        if split && encoder.inner.outputs().iter().all(|o| o.name() != "image_positional_embeddings") {
            let reason = "masks.decoder is of the split layout, which wants an encoder (file) that gives \
                          image_positional_embeddings too";
            return Err(encoder.mismatch(reason.to_owned()));
        }
        Ok(Self { encoder, input, decoder, layout, side: card.input.chip_px as usize, device })
    }

    /// Whether the decoder can be asked about a point and a box at once, and why not.
    pub(super) fn takes_boxes(&self) -> Result<(), ModelError> {
        match self.layout {
            DecoderLayout::Official { points: Some(points), .. } if points != WITH_BOX => {
                Err(self.decoder.mismatch(format!(
                    "masks.decoder: takes {points} points a prompt, a point and the corners of a box are {WITH_BOX}: \
                     export it with the points free, as models/export/sam.py does"
                )))
            }
            // That of the split layout is asked about points alone.
            DecoderLayout::Official { .. } | DecoderLayout::Split => Ok(()),
        }
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
        let tensor = given(&encoder.inner, &input.name, (shape, &values)).map_err(|e| failed(&e))?;
        let name = input.name.as_str();
        let outputs = encoder.inner.run(ort::inputs![name => tensor]).map_err(|e| failed(&e))?;
        let take = |name: &str| -> Result<Tensor, ModelError> {
            let value = outputs.get(name).ok_or_else(|| failed(&format!("output.name: no output {name:?}")))?;
            let tensor = tensor_of(value).map_err(|e| failed(&e))?;
            check_finite("embeddings", &tensor.values, &path)?;
            Ok(tensor)
        };
        let positional = match layout {
            DecoderLayout::Split => Some(take("image_positional_embeddings")?),
            DecoderLayout::Official { .. } => None,
        };
        Ok(Embedding { image: take(output)?, positional })
    }

    /// Masks for some prompts of a chip, as many at once as the graph takes.
    pub(super) fn decode(&mut self, embedding: &Embedding, prompts: Prompts<'_>) -> Result<Decoded, ModelError> {
        let at_once = match self.layout {
            DecoderLayout::Official { batch: Some(batch), .. } => batch,
            _ => prompts.points.len().max(1),
        };
        let mut all: Option<Decoded> = None;
        for some in prompts.chunks(at_once) {
            let decoded = match self.layout {
                DecoderLayout::Official { .. } => self.official(embedding, some)?,
                DecoderLayout::Split => self.split(embedding, some.points)?,
            };
            match &mut all {
                None => all = Some(decoded),
                Some(all) => {
                    all.iou.extend(decoded.iou);
                    all.logits.extend(decoded.logits);
                }
            }
        }
        all.ok_or_else(|| run_error(&self.decoder.path, &"nothing was asked about"))
    }

    fn official(&mut self, embedding: &Embedding, prompts: Prompts<'_>) -> Result<Decoded, ModelError> {
        let (n, size) = (prompts.points.len(), [self.side as f32; 2]);
        let grid = embedding.image.shape.last().copied().unwrap_or(1) * 4;
        let (coords, labels, each) = prompts.encoded();
        let Part { inner, path } = &mut self.decoder;
        let failed = |e: ort::Error| run_error(path, &e);
        let tensor = |name: &str, shape: Vec<usize>, values: &[f32]| given(inner, name, (shape, values));
        let inputs = ort::inputs![
            "image_embeddings" => embedding.image.given(inner, "image_embeddings").map_err(failed)?,
            "point_coords" => tensor("point_coords", vec![n, each, 2], &coords).map_err(failed)?,
            "point_labels" => tensor("point_labels", vec![n, each], &labels).map_err(failed)?,
            "mask_input" => tensor("mask_input", vec![1, 1, grid, grid], &vec![0.0; grid * grid]).map_err(failed)?,
            "has_mask_input" => tensor("has_mask_input", vec![1], &[0.0]).map_err(failed)?,
            "orig_im_size" => tensor("orig_im_size", vec![2], &size).map_err(failed)?,
        ];
        let outputs = inner.run(inputs).map_err(failed)?;
        decoded(path, &outputs, ("iou_predictions", "low_res_masks"), n)
    }

    fn split(&mut self, embedding: &Embedding, points: &[[f32; 2]]) -> Result<Decoded, ModelError> {
        let n = points.len();
        let labels = vec![1_i64; n];
        let positional = embedding.positional.as_ref().unwrap_or(&embedding.image);
        let Part { inner, path } = &mut self.decoder;
        let failed = |e: ort::Error| run_error(path, &e);
        let coords = given(inner, "input_points", (vec![1, n, 1, 2], points.as_flattened())).map_err(failed)?;
        let inputs = ort::inputs![
            "input_points" => coords,
            "input_labels" => TensorRef::from_array_view((vec![1, n, 1], labels.as_slice())).map_err(failed)?,
            "image_embeddings" => embedding.image.given(inner, "image_embeddings").map_err(failed)?,
            "image_positional_embeddings" => positional.given(inner, "image_positional_embeddings").map_err(failed)?,
        ];
        let outputs = inner.run(inputs).map_err(failed)?;
        decoded(path, &outputs, ("iou_scores", "pred_masks"), n)
    }
}

impl Part {
    fn mismatch(&self, reason: String) -> ModelError {
        ModelError::Mismatch { path: self.path.clone(), reason }
    }
}

impl Tensor {
    fn given(&self, session: &OrtSession, input: &str) -> ort::Result<DynValue> {
        given(session, input, (self.shape.clone(), &self.values))
    }
}

/// A tensor in the precision that an input of a network takes, single or half.
fn given(session: &OrtSession, input: &str, (shape, values): (Vec<usize>, &[f32])) -> ort::Result<DynValue> {
    let outlet = session.inputs().iter().find(|outlet| outlet.name() == input);
    let is_half =
        outlet.is_some_and(|outlet| matches!(outlet.dtype(), ValueType::Tensor { ty: TensorElementType::Float16, .. }));
    if is_half {
        let halves: Vec<f16> = values.iter().map(|v| f16::from_f32(*v)).collect();
        return Ok(OrtTensor::from_array((shape, halves))?.into_dyn());
    }
    Ok(OrtTensor::from_array((shape, values.to_vec()))?.into_dyn())
}

fn run_error(path: &Path, reason: &dyn std::fmt::Display) -> ModelError {
    ModelError::Run { path: path.to_owned(), reason: reason.to_string() }
}

fn tensor_of(value: &DynValue) -> ort::Result<Tensor> {
    let (shape, values) = floats(value)?;
    Ok(Tensor { shape: shape.iter().map(|n| *n as usize).collect(), values: values.into_owned() })
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
        tensor_of(value).map_err(|e| run_error(path, &e))
    };
    let (iou, logits) = (take(iou)?, take(logits)?);
    let side = logits.shape.last().copied().unwrap_or(0);
    let given = iou.values.len() / n.max(1);
    if side == 0 || given == 0 || iou.values.len() != n * given || logits.values.len() != n * given * side * side {
        let reason = format!("masks.decoder: {n} prompts came out as {:?} with IoU {:?}", logits.shape, iou.shape);
        return Err(ModelError::Mismatch { path: path.to_owned(), reason });
    }
    check_finite("masks (of masks.decoder)", &logits.values, path)?;
    check_finite("predicted IoU (of masks.decoder)", &iou.values, path)?;
    let skipped = usize::from(given == 4);
    let of = |values: &[f32], each: usize| -> Vec<f32> {
        values.chunks_exact(given * each).flat_map(|point| &point[skipped * each..]).copied().collect()
    };
    let (iou, logits) = (of(&iou.values, 1), of(&logits.values, side * side));
    Ok(Decoded { side, iou, logits })
}
