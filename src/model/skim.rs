//! The parts of an ONNX file that describe it, copied without the numbers of its tensors: memory stays small for any network.

use std::io::{BufReader, Error, ErrorKind, Read, Result, Seek};
use std::path::Path;

use crate::input;

/// Most that descriptions take: a network of thousands of nodes has some MiB.
const MOST_BYTES: usize = 64 << 20;

/// What a message of `onnx.proto` is, as far as its fields differ in what is kept.
#[derive(Clone, Copy)]
enum Part {
    Model,
    Graph,
    Node,
    Tensor,
}

impl Part {
    /// What happens to a field of bytes: `None` leaves it out.
    fn keeps(self, field: u64) -> Option<Keep> {
        match (self, field) {
            (Self::Model, 7) => Some(Keep::Message(Self::Graph)),
            (Self::Graph, 1) => Some(Keep::Message(Self::Node)),
            (Self::Graph, 5) => Some(Keep::Message(Self::Tensor)),
            (Self::Model, 14) | (Self::Graph, 11 | 12) | (Self::Node, 1 | 2 | 4) | (Self::Tensor, 8 | 13) => {
                Some(Keep::Whole)
            }
            _ => None,
        }
    }
}

enum Keep {
    Whole,
    Message(Part),
}

/// Reads the description of a network: the bytes of an ONNX file without tensors, initializers and attributes.
///
/// # Errors
/// When the file is no plain file, cannot be read, is cut off or is no protocol buffer.
pub(super) fn skim(path: &Path) -> Result<Vec<u8>> {
    let bytes = input::check_plain(path)?;
    let mut out = Vec::new();
    copy(&mut BufReader::new(input::open_plain(path)?), (bytes, Part::Model), &mut out)?;
    Ok(out)
}

fn copy<R: Read + Seek>(from: &mut BufReader<R>, (len, part): (u64, Part), out: &mut Vec<u8>) -> Result<()> {
    let mut left = len;
    while left > 0 {
        let key = varint(from, &mut left)?;
        let size = match key & 7 {
            0 => {
                let value = varint(from, &mut left)?;
                push(out, key)?;
                push(out, value)?;
                continue;
            }
            1 => 8,
            2 => varint(from, &mut left)?,
            5 => 4,
            _ => return Err(broken("an unknown kind of field")),
        };
        left = left.checked_sub(size).ok_or_else(|| broken("a field that ends beyond its message"))?;
        let kept = if key & 7 == 2 { part.keeps(key >> 3) } else { None };
        match kept {
            None => from.seek_relative(i64::try_from(size).map_err(|_| broken("a field without end"))?)?,
            Some(Keep::Message(part)) => {
                let mut inner = Vec::new();
                copy(from, (size, part), &mut inner)?;
                push(out, key)?;
                push(out, inner.len() as u64)?;
                extend(out, &inner)?;
            }
            Some(Keep::Whole) => {
                if size as usize > MOST_BYTES {
                    return Err(too_large());
                }
                let mut inner = vec![0; size as usize];
                from.read_exact(&mut inner)?;
                push(out, key)?;
                push(out, size)?;
                extend(out, &inner)?;
            }
        }
    }
    Ok(())
}

fn varint(from: &mut impl Read, left: &mut u64) -> Result<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let mut byte = [0];
        *left = left.checked_sub(1).ok_or_else(|| broken("a number that is cut off"))?;
        from.read_exact(&mut byte)?;
        value |= u64::from(byte[0] & 127) << shift;
        if byte[0] & 128 == 0 {
            return Ok(value);
        }
    }
    Err(broken("a number without end"))
}

fn push(out: &mut Vec<u8>, mut value: u64) -> Result<()> {
    while value > 127 {
        out.push(value as u8 & 127 | 128);
        value >>= 7;
    }
    extend(out, &[value as u8])
}

fn extend(out: &mut Vec<u8>, bytes: &[u8]) -> Result<()> {
    if out.len() + bytes.len() > MOST_BYTES {
        return Err(too_large());
    }
    out.extend_from_slice(bytes);
    Ok(())
}

fn broken(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what.to_owned())
}

fn too_large() -> Error {
    let what = format!("its description takes more than {} MiB", MOST_BYTES >> 20);
    Error::new(ErrorKind::FileTooLarge, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_left_out_and_names_stay() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/city/city.onnx");
        let skimmed = skim(&path).expect("a network");
        assert!(skimmed.len() * 10 < path.metadata().expect("there").len() as usize, "{} bytes", skimmed.len());
        let file = super::super::onnx::OnnxFile::read(&path).expect("a network");
        assert_eq!((file.inputs.len(), file.outputs.len()), (1, 1));
    }

    #[test]
    fn a_pipe_and_a_device_are_refused() {
        assert!(skim(Path::new("/dev/zero")).is_err_and(|e| e.to_string().contains("device")));
    }

    #[test]
    fn a_field_that_claims_more_than_the_file_is_refused_before_memory_is_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m.onnx");
        // Field 14 (metadata) of 2^40 bytes.
        std::fs::write(&path, [14 << 3 | 2, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 1]).expect("written");
        assert!(skim(&path).is_err_and(|e| e.kind() == ErrorKind::InvalidData));
    }
}
