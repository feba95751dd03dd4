//! What an ONNX file says of itself, read without running it: its tensors, its metadata, what makes its output.
//!
//! Protocol Buffers by hand: the fields that are read here have kept their numbers since ONNX 1.0 (`onnx.proto`).

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::skim::skim;

/// Operators that move scores about without changing what they mean.
const MOVERS: [&str; 9] =
    ["Transpose", "Resize", "Upsample", "Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze", "Slice"];

/// A network as it is described in its file.
#[derive(Debug, Default)]
pub(super) struct OnnxFile {
    pub(super) inputs: Vec<Port>,
    pub(super) outputs: Vec<Port>,
    pub(super) metadata: BTreeMap<String, String>,
    /// Files that hold weights, relative to this one.
    beside: BTreeSet<String>,
    nodes: Vec<Node>,
}

/// A tensor that goes in or comes out; axes without a fixed length are `None`.
#[derive(Debug, Default)]
pub(super) struct Port {
    pub(super) name: String,
    pub(super) axes: Vec<Option<u32>>,
}

#[derive(Debug, Default)]
struct Node {
    operator: String,
    inputs: Vec<String>,
    outputs: Vec<String>,
}

impl OnnxFile {
    /// Reads a file; the reason says what is wrong with it.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let no_network = || "it is no ONNX file, or it is cut off".to_owned();
        let bytes = skim(path).map_err(|e| match e.kind() {
            ErrorKind::InvalidData | ErrorKind::UnexpectedEof => no_network(),
            _ => e.to_string(),
        })?;
        let file = Self::parse(&bytes).ok_or_else(no_network)?;
        if file.inputs.is_empty() || file.outputs.is_empty() {
            return Err("it is no ONNX file: no graph with inputs and outputs".to_owned());
        }
        Ok(file)
    }

    /// The operator that makes the values of an output.
    pub(super) fn head(&self, output: &str) -> Option<&str> {
        let mut wanted = output;
        for _ in 0..self.nodes.len() {
            let node = self.nodes.iter().find(|n| n.outputs.iter().any(|o| o == wanted))?;
            if !MOVERS.contains(&node.operator.as_str()) {
                return Some(&node.operator);
            }
            wanted = node.inputs.first()?;
        }
        None
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut file = Self::default();
        let (mut weights, mut inputs) = (Vec::new(), Vec::new());
        for (number, value) in fields(bytes)? {
            match (number, value) {
                (7, Value::Bytes(graph)) => {
                    for (number, value) in fields(graph)? {
                        match (number, value) {
                            (1, Value::Bytes(node)) => file.nodes.push(Node::parse(node)?),
                            (5, Value::Bytes(tensor)) => {
                                weights.push(text(tensor, 8)?);
                                file.beside.extend(Some(location(tensor)?).filter(|file| !file.is_empty()));
                            }
                            (11, Value::Bytes(port)) => inputs.push(Port::parse(port)?),
                            (12, Value::Bytes(port)) => file.outputs.push(Port::parse(port)?),
                            _ => {}
                        }
                    }
                }
                (14, Value::Bytes(entry)) => {
                    file.metadata.insert(text(entry, 1)?, text(entry, 2)?);
                }
                _ => {}
            }
        }
        // Old files list their weights among the inputs.
        file.inputs = inputs.into_iter().filter(|port| !weights.contains(&port.name)).collect();
        Some(file)
    }
}

/// A network and the files beside it that hold its weights (`TensorProto.external_data`). Of a file that is no network,
/// itself: it is told of when it is loaded.
pub(super) fn with_weights(network: &Path) -> Vec<PathBuf> {
    let bytes = skim(network).unwrap_or_default();
    let beside = OnnxFile::parse(&bytes).unwrap_or_default().beside;
    let beside = beside.iter().map(|location| network.with_file_name(location));
    std::iter::once(network.to_owned()).chain(beside).collect()
}

/// The file that holds the numbers of a tensor; empty where it is this one.
fn location(tensor: &[u8]) -> Option<String> {
    let mut found = String::new();
    for (number, value) in fields(tensor)? {
        if let (13, Value::Bytes(entry)) = (number, value)
            && text(entry, 1)? == "location"
        {
            found = text(entry, 2)?;
        }
    }
    Some(found)
}

impl Port {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let tensor = part(part(bytes, 2)?, 1).unwrap_or_default();
        let mut axes = Vec::new();
        for (number, value) in fields(part(tensor, 2).unwrap_or_default())? {
            if let (1, Value::Bytes(axis)) = (number, value) {
                let fixed = fields(axis)?.into_iter().find_map(|(number, value)| match value {
                    Value::Number(n) if number == 1 => u32::try_from(n).ok(),
                    _ => None,
                });
                axes.push(fixed.filter(|n| *n > 0));
            }
        }
        Some(Self { name: text(bytes, 1)?, axes })
    }
}

impl Node {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut node = Self::default();
        for (number, value) in fields(bytes)? {
            if let Value::Bytes(value) = value {
                match number {
                    1 => node.inputs.push(String::from_utf8_lossy(value).into_owned()),
                    2 => node.outputs.push(String::from_utf8_lossy(value).into_owned()),
                    4 => node.operator = String::from_utf8_lossy(value).into_owned(),
                    _ => {}
                }
            }
        }
        Some(node)
    }
}

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message in their order; none where it is cut off or is no message.
fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, Value<'_>)>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let value = match key & 7 {
            0 => Value::Number(varint(&mut bytes)?),
            1 => Value::Bytes(take(&mut bytes, 8)?),
            2 => {
                let len = varint(&mut bytes)?;
                Value::Bytes(take(&mut bytes, len)?)
            }
            5 => Value::Bytes(take(&mut bytes, 4)?),
            _ => return None,
        };
        found.push((key >> 3, value));
    }
    Some(found)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 127) << shift;
        if first & 128 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(bytes: &mut &'a [u8], len: u64) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(usize::try_from(len).ok()?)?;
    *bytes = rest;
    Some(taken)
}

/// The first field of a number that holds bytes.
fn part(bytes: &[u8], wanted: u64) -> Option<&[u8]> {
    fields(bytes)?.into_iter().find_map(|(number, value)| match value {
        Value::Bytes(bytes) if number == wanted => Some(bytes),
        _ => None,
    })
}

/// The text of a field; empty where it is absent.
fn text(bytes: &[u8], wanted: u64) -> Option<String> {
    let found = fields(bytes)?.into_iter().find_map(|(number, value)| match value {
        Value::Bytes(bytes) if number == wanted => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    });
    Some(found.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::fixture::fixture;
    use super::*;

    #[test]
    fn a_network_tells_its_tensors_and_its_head() {
        let file = OnnxFile::read(&fixture("threshold.onnx")).expect("a fixture");
        assert_eq!((file.inputs.len(), file.inputs[0].name.as_str()), (1, "image"));
        assert_eq!(file.inputs[0].axes, [None, Some(3), None, None]);
        assert_eq!(file.head("scores"), Some("Conv"));
    }

    #[test]
    fn every_cut_of_a_file_is_refused_or_read_and_never_panics() {
        let bytes = std::fs::read(fixture("threshold.onnx")).expect("a fixture");
        let whole =
            (0..bytes.len()).filter(|len| OnnxFile::parse(&bytes[..*len]).is_some_and(|f| !f.inputs.is_empty()));
        assert!(whole.count() < 12, "only a cut after the graph leaves one");
    }
}
