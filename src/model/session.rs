//! One ONNX Runtime session of one input and one output.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use half::f16;
use ort::session::Session as OrtSession;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::{DynValue, Outlet, TensorElementType, TensorRef, ValueType};

use super::{Device, Family, Lane, Layout, ModelCard, ModelError};

/// A network, loaded. Not to be shared: `run` needs it alone.
pub(super) struct Session {
    inner: OrtSession,
    path: PathBuf,
    input: Input,
    output: (String, Layout),
    pub(super) device: Device,
}

/// What the network takes.
struct Input {
    name: String,
    layout: Layout,
    channels: usize,
    is_half: bool,
    /// Chips of a run, where the graph fixes it.
    batch: Option<usize>,
}

/// What comes out for one chip.
pub(super) struct Planes<'a> {
    pub(super) channels: usize,
    pub(super) rows: usize,
    pub(super) cols: usize,
    /// Planar, row-major.
    pub(super) values: Cow<'a, [f32]>,
}

/// What takes the planes of chips, in the order of the chips.
pub(super) type Taker<'t> = dyn FnMut(&Planes<'_>) -> Result<(), ModelError> + 't;

impl Session {
    /// Loads the network of a card and holds it against the card.
    pub(super) fn open(card: &ModelCard, lane: Lane) -> Result<Self, ModelError> {
        let path = card.network_path();
        let (inner, device) = load(&path, "file", lane)?;
        let mismatch = |reason: String| ModelError::Mismatch { path: path.clone(), reason };
        let (input, output) = (input_of(&inner, card).map_err(mismatch)?, output_of(&inner, card).map_err(mismatch)?);
        Ok(Self { inner, path, input, output, device })
    }

    /// Runs `count` chips, `[channels, side, side]` each, one after another, and hands on the planes of each.
    pub(super) fn run(
        &mut self,
        chips: &[f32],
        count: usize,
        side: usize,
        take: &mut Taker<'_>,
    ) -> Result<(), ModelError> {
        let chip_len = self.input.channels * side * side;
        if chips.len() != count * chip_len {
            let reason = format!("{} numbers are not {count} chips of {chip_len}", chips.len());
            return Err(ModelError::Run { path: self.path.clone(), reason });
        }
        let at_once = self.input.batch.unwrap_or(count.max(1));
        for some in chips.chunks(at_once * chip_len) {
            let given = some.len() / chip_len;
            self.run_batch(some, [given, at_once], side, take)?;
        }
        Ok(())
    }

    /// One run of `n` chips, of which some are given; the others are blank.
    fn run_batch(
        &mut self,
        chips: &[f32],
        [given, n]: [usize; 2],
        side: usize,
        take: &mut Taker<'_>,
    ) -> Result<(), ModelError> {
        let path = self.path.clone();
        let failed = |e: &dyn std::fmt::Display| ModelError::Run { path: path.clone(), reason: e.to_string() };
        let values = self.input.tensor(chips, n, side);
        let shape = self.input.layout.shape(n, self.input.channels, side, side);
        let name = self.input.name.as_str();
        let outputs = if self.input.is_half {
            let halves: Vec<f16> = values.iter().map(|v| f16::from_f32(*v)).collect();
            let tensor = TensorRef::from_array_view((shape, halves.as_slice())).map_err(|e| failed(&e))?;
            self.inner.run(ort::inputs![name => tensor]).map_err(|e| failed(&e))?
        } else {
            let tensor = TensorRef::from_array_view((shape, values.as_ref())).map_err(|e| failed(&e))?;
            self.inner.run(ort::inputs![name => tensor]).map_err(|e| failed(&e))?
        };
        let (name, layout) = &self.output;
        let value = outputs.get(name).ok_or_else(|| failed(&format!("no output {name:?}")))?;
        let (shape, values) = floats(value).map_err(|e| failed(&e))?;
        let planes = planes(&shape, &values, *layout).filter(|p| p.len() == n);
        let planes = planes.ok_or_else(|| ModelError::Mismatch {
            path: path.clone(),
            reason: format!("output.layout, output.name: {n} chips came out as {shape:?}"),
        })?;
        planes.take(given).try_for_each(|planes| take(&planes))
    }
}

/// Loads a network, which a key of a card names, onto a device.
pub(super) fn load(path: &Path, key: &'static str, lane: Lane) -> Result<(OrtSession, Device), ModelError> {
    let environment = super::runtime::environment()?;
    let device = lane.device.resolved();
    let load =
        |e: &dyn std::fmt::Display| ModelError::Load { path: path.to_owned(), key, device, reason: e.to_string() };
    let builder = OrtSession::builder(&environment).map_err(|e| load(&e))?;
    let builder = builder.with_optimization_level(GraphOptimizationLevel::Level3).map_err(|e| load(&e))?;
    let builder = builder.with_intra_threads(lane.threads.get()).map_err(|e| load(&e))?;
    // Idle sessions must not burn the cores that the server answers with.
    let builder = builder.with_intra_op_spinning(false).map_err(|e| load(&e))?;
    let mut builder = device.place(builder)?;
    let inner = builder.commit_from_file(path).map_err(|e| load(&e))?;
    Ok((inner, device))
}

/// Refuses numbers of a network that are not finite.
pub(super) fn check_finite(what: &str, values: &[f32], path: &Path) -> Result<(), ModelError> {
    // An exponent of ones is a number that is not finite; without an early end the loops are vector ones.
    if values.iter().fold(false, |bad, v| bad | !v.is_finite()) {
        let reason = format!("{what} that are not finite (check input.scale, input.mean and input.std of the card)");
        return Err(ModelError::Run { path: path.to_owned(), reason });
    }
    Ok(())
}

impl Input {
    /// The tensor of a run of `n` chips; where nothing is lacking or to be moved, the chips as they are.
    fn tensor<'a>(&self, chips: &'a [f32], n: usize, side: usize) -> Cow<'a, [f32]> {
        let (chip_len, len) = (self.channels * side * side, n * self.channels * side * side);
        let mut values = match self.layout {
            Layout::Nchw if chips.len() == len => return Cow::Borrowed(chips),
            Layout::Nchw => chips.to_vec(),
            Layout::Nhwc => chips.chunks_exact(chip_len).flat_map(|chip| interleaved(chip, self.channels)).collect(),
        };
        values.resize(len, 0.0);
        Cow::Owned(values)
    }
}

impl Layout {
    fn shape(self, n: usize, channels: usize, rows: usize, cols: usize) -> [usize; 4] {
        match self {
            Self::Nchw => [n, channels, rows, cols],
            Self::Nhwc => [n, rows, cols, channels],
        }
    }

    /// Channels, rows, columns of a shape.
    fn sides<T: Copy>(self, shape: [T; 4]) -> [T; 3] {
        match (self, shape) {
            (Self::Nchw, [_, c, h, w]) | (Self::Nhwc, [_, h, w, c]) => [c, h, w],
        }
    }
}

fn interleaved(planar: &[f32], channels: usize) -> impl Iterator<Item = f32> + use<'_> {
    let pixels = planar.len() / channels.max(1);
    (0..planar.len()).map(move |i| planar[i % channels * pixels + i / channels])
}

/// The numbers of a tensor of single or half precision, with its shape.
pub(super) fn floats(value: &DynValue) -> ort::Result<(Vec<i64>, Cow<'_, [f32]>)> {
    if let Ok((shape, values)) = value.try_extract_tensor::<f32>() {
        return Ok((shape.to_vec(), Cow::Borrowed(values)));
    }
    let (shape, values) = value.try_extract_tensor::<f16>()?;
    Ok((shape.to_vec(), values.iter().map(|v| v.to_f32()).collect()))
}

/// The planes of each chip; none where the shape is not of three or four axes.
fn planes<'a>(
    shape: &[i64],
    values: &'a [f32],
    layout: Layout,
) -> Option<impl ExactSizeIterator<Item = Planes<'a>> + use<'a>> {
    let axes: Vec<usize> = shape.iter().map(|n| usize::try_from(*n)).collect::<Result<_, _>>().ok()?;
    let (layout, axes) = match axes[..] {
        [n, h, w] => (Layout::Nchw, [n, 1, h, w]),
        [n, a, b, c] => (layout, [n, a, b, c]),
        _ => return None,
    };
    let [channels, rows, cols] = layout.sides(axes);
    let per_chip = channels * rows * cols;
    if per_chip == 0 || values.len() != axes[0] * per_chip {
        return None;
    }
    let of_chip = move |chip: &'a [f32]| {
        let values = match layout {
            Layout::Nchw => Cow::Borrowed(chip),
            // Interleaving by the pixels takes it back.
            Layout::Nhwc => interleaved(chip, rows * cols).collect(),
        };
        Planes { channels, rows, cols, values }
    };
    Some(values.chunks_exact(per_chip).map(of_chip))
}

fn find<'a>(outlets: &'a [Outlet], key: &str, name: &str) -> Result<(bool, &'a [i64]), String> {
    let names = || outlets.iter().map(Outlet::name).collect::<Vec<_>>().join(", ");
    let found = outlets.iter().find(|o| o.name() == name);
    let found = found.ok_or_else(|| format!("{key} = {name:?}, but the network has {}", names()))?;
    let ValueType::Tensor { shape, ty, .. } = found.dtype() else { return Err(format!("{key}: no tensor")) };
    match ty {
        TensorElementType::Float32 => Ok((false, shape)),
        TensorElementType::Float16 => Ok((true, shape)),
        other => Err(format!("{key}: the network holds {other}, accepted are float32 and float16")),
    }
}

/// The input under the card's name, with the card's channels and sides.
fn input_of(session: &OrtSession, card: &ModelCard) -> Result<Input, String> {
    let (is_half, shape) = find(session.inputs(), "input.name", &card.input.name)?;
    let others: Vec<&str> = session.inputs().iter().map(Outlet::name).filter(|n| *n != card.input.name).collect();
    if !others.is_empty() {
        return Err(format!("input.name: the network has one input too many: {}", others.join(", ")));
    }
    let axes: [i64; 4] = shape
        .try_into()
        .map_err(|_| format!("input.layout: the network takes a tensor of shape {shape:?}, accepted are four axes"))?;
    let [channels, rows, cols] = card.input.layout.sides(axes);
    let (expected, side) = (card.input.channels.len(), i64::from(card.input.chip_px));
    if channels > 0 && usize::try_from(channels) != Ok(expected) {
        return Err(format!(
            "input.channels, input.layout: the card has {expected}, the network {channels} ({shape:?})"
        ));
    }
    if [rows, cols].iter().any(|s| *s > 0 && *s != side) {
        return Err(format!(
            "input.chip_px, input.layout: the card has {side}, the network takes {rows} x {cols} pixels ({shape:?})"
        ));
    }
    Ok(Input {
        name: card.input.name.clone(),
        layout: card.input.layout,
        channels: expected,
        is_half,
        batch: usize::try_from(axes[0]).ok().filter(|n| *n > 0),
    })
}

/// The output under the card's name, with the card's classes where it says.
fn output_of(session: &OrtSession, card: &ModelCard) -> Result<(String, Layout), String> {
    let (_, shape) = find(session.outputs(), "output.name", &card.output.name)?;
    let layout = card.output.layout.unwrap_or(card.input.layout);
    let channels = match <[i64; 4]>::try_from(shape) {
        Ok(axes) => layout.sides(axes)[0],
        Err(_) if shape.len() == 3 => 1,
        Err(_) => {
            return Err(format!("output.name: the network gives a tensor of shape {shape:?}, accepted are four axes"));
        }
    };
    let (keys, expected) = match (card.family, card.output.tokens) {
        (Family::Semantic | Family::Sam, _) => ("classes, output.layout", card.classes.len()),
        // A sequence is read as one plane of tokens, whose rows are looked at when it comes out.
        (Family::Features, Some(_)) if shape.len() != 3 => {
            return Err(format!("output.tokens: says [batch, tokens, dim], the network gives {shape:?}"));
        }
        (Family::Features, Some(_)) => return Ok((card.output.name.clone(), layout)),
        (Family::Features, None) if shape.len() == 3 => {
            return Err(format!("output.tokens: the network gives a sequence {shape:?}: say which tokens come first"));
        }
        (Family::Features, None) => ("output.dim, output.layout", card.output.dim.unwrap_or(0) as usize),
    };
    let fits = channels <= 0 || usize::try_from(channels) == Ok(expected) || (channels == 1 && expected == 2);
    let reason = || format!("{keys}: the card has {expected}, the network {channels} ({shape:?})");
    if fits { Ok((card.output.name.clone(), layout)) } else { Err(reason()) }
}
