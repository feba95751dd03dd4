//! One ONNX Runtime session. All of `ort` but the loading of its library is here.

use std::path::{Path, PathBuf};

use ort::session::Session as OrtSession;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::{Outlet, TensorRef, ValueType};

use super::{Device, ModelCard, ModelError};

/// A network, loaded. Not to be shared: `run` needs it alone.
pub(super) struct Session {
    inner: OrtSession,
    path: PathBuf,
    input: String,
    output: String,
    pub(super) device: Device,
}

/// An output tensor: its shape and its values.
pub(super) struct Tensor<'a> {
    pub(super) shape: Vec<i64>,
    pub(super) values: &'a [f32],
}

impl Session {
    /// Loads the network of a card and holds it against the card.
    pub(super) fn open(card: &ModelCard, device: Device) -> Result<Self, ModelError> {
        let environment = super::runtime::environment()?;
        let device = device.resolved();
        let path = card.network_path();
        let providers = device.providers()?;
        let load = |e: &dyn std::fmt::Display| ModelError::Load { path: path.clone(), device, reason: e.to_string() };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let builder = OrtSession::builder(&environment).map_err(|e| load(&e))?;
        let builder = builder.with_optimization_level(GraphOptimizationLevel::Level3).map_err(|e| load(&e))?;
        let builder = builder.with_intra_threads(threads).map_err(|e| load(&e))?;
        // Idle sessions must not burn the cores that the server answers with.
        let builder = builder.with_intra_op_spinning(false).map_err(|e| load(&e))?;
        let mut builder = builder.with_execution_providers(providers).map_err(|e| load(&e))?;
        let inner = builder.commit_from_file(&path).map_err(|e| load(&e))?;
        let session = Self { inner, path, input: card.input.name.clone(), output: card.output.name.clone(), device };
        session.check(card)?;
        Ok(session)
    }

    /// Runs `[n, channels, side, side]` values.
    pub(super) fn run(&mut self, shape: [usize; 4], values: &[f32]) -> Result<RunOutput<'_>, ModelError> {
        let path = self.path.clone();
        let failed = |e: &dyn std::fmt::Display| ModelError::Run { path: path.clone(), reason: e.to_string() };
        let tensor = TensorRef::from_array_view((shape, values)).map_err(|e| failed(&e))?;
        let outputs = self.inner.run(ort::inputs![self.input.as_str() => tensor]).map_err(|e| failed(&e))?;
        Ok(RunOutput { outputs, name: &self.output, path: &self.path })
    }

    /// Input and output must exist under the card's names with the card's channel counts.
    fn check(&self, card: &ModelCard) -> Result<(), ModelError> {
        let mismatch = |reason: String| ModelError::Mismatch { path: self.path.clone(), reason };
        let names = |outlets: &[Outlet]| outlets.iter().map(Outlet::name).collect::<Vec<_>>().join(", ");
        let find = |outlets: &[Outlet], key: &str, name: &str| {
            let found = outlets.iter().find(|o| o.name() == name).map(|o| o.dtype().clone());
            found.ok_or_else(|| mismatch(format!("{key} = {name:?}, but the network has {}", names(outlets))))
        };
        let input = find(self.inner.inputs(), "input.name", &self.input)?;
        let output = find(self.inner.outputs(), "output.name", &self.output)?;
        channels(&input, card.input.channels.len()).map_err(|r| mismatch(format!("input.channels: {r}")))?;
        channels(&output, card.classes.len()).map_err(|r| mismatch(format!("classes: {r}")))
    }
}

/// The outputs of a run, still owned by ONNX Runtime.
pub(super) struct RunOutput<'a> {
    outputs: ort::session::SessionOutputs<'a>,
    name: &'a str,
    path: &'a Path,
}

impl RunOutput<'_> {
    /// The output that the card names.
    pub(super) fn tensor(&self) -> Result<Tensor<'_>, ModelError> {
        let failed = |reason: String| ModelError::Run { path: self.path.to_owned(), reason };
        let value = self.outputs.get(self.name).ok_or_else(|| failed(format!("no output {:?}", self.name)))?;
        let (shape, values) = value.try_extract_tensor::<f32>().map_err(|e| failed(e.to_string()))?;
        Ok(Tensor { shape: shape.to_vec(), values })
    }
}

/// Whether a declared tensor has rank 4 and, where it says, the channels of the card.
fn channels(declared: &ValueType, expected: usize) -> Result<(), String> {
    let ValueType::Tensor { shape, ty, .. } = declared else { return Err("not a tensor".to_owned()) };
    if *ty != ort::value::TensorElementType::Float32 {
        return Err(format!("the network holds {ty}, accepted is float32"));
    }
    match shape.as_ref() {
        [_, c, _, _] if *c < 0 || usize::try_from(*c) == Ok(expected) => Ok(()),
        [_, c, _, _] => Err(format!("the card has {expected}, the network {c}")),
        other => Err(format!("the network's tensor has shape {other:?}, accepted is [batch, channels, rows, columns]")),
    }
}
