//! A checksum over every byte of a GeoTIFF, kept in its own metadata.
//!
//! The item holds zeros while the file is written. The SHA-256 of that file then takes the place of the zeros, so the file
//! stays an ordinary GeoTIFF, and whatever changes later shows: a flipped bit, a cut, an edit by another program.

use std::io::{Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;

use sha2::{Digest, Sha256};

/// The item of the checksum.
pub(super) const ITEM: &str = "ORTHOTILE_SHA256";

/// What the item holds before there is a checksum.
pub(super) const BLANK: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Whether a file is as it was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seal {
    /// Every byte is as it was written.
    Whole,
    /// Some byte has changed since.
    Broken,
    /// The file has no checksum: another program or an earlier version wrote it.
    Absent,
}

/// Puts the checksum of a finished file, which holds [`BLANK`], into it.
pub(super) fn seal(path: &Path) -> std::io::Result<()> {
    let bytes = std::fs::read(path)?;
    let place = place(&bytes).ok_or(std::io::ErrorKind::InvalidData)?;
    let mut file = std::fs::OpenOptions::new().write(true).open(path)?;
    file.seek(SeekFrom::Start(place.start as u64))?;
    file.write_all(digest(&bytes, &place).as_bytes())
}

/// Compares the bytes of a file with its checksum.
pub(super) fn check(bytes: &[u8]) -> Seal {
    match place(bytes) {
        None => Seal::Absent,
        Some(place) if digest(bytes, &place).as_bytes() == &bytes[place.clone()] => Seal::Whole,
        Some(_) => Seal::Broken,
    }
}

/// Where the checksum stands: after the first tag of its name.
fn place(bytes: &[u8]) -> Option<Range<usize>> {
    let tag = format!("name=\"{ITEM}\">");
    // Most positions are passed over by their first byte alone.
    let mut from = 0;
    loop {
        from += bytes.get(from..)?.iter().position(|byte| *byte == b'n')?;
        if bytes[from..].starts_with(tag.as_bytes()) {
            let start = from + tag.len();
            return (bytes.len() >= start + BLANK.len()).then_some(start..start + BLANK.len());
        }
        from += 1;
    }
}

/// The checksum of a file with zeros in the place of the checksum.
fn digest(bytes: &[u8], place: &Range<usize>) -> String {
    let mut hash = Sha256::new();
    hash.update(&bytes[..place.start]);
    hash.update(BLANK);
    hash.update(&bytes[place.end..]);
    format!("{:x}", hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changed_bit_is_noticed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        let text = format!("nnname=\"other\">0<Item name=\"{ITEM}\">{BLANK}</Item> pixels");
        std::fs::write(&path, &text).expect("written");
        seal(&path).expect("sealed");
        let sealed = std::fs::read(&path).expect("there");
        assert_eq!((check(&sealed), sealed.len()), (Seal::Whole, text.len()));
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(check(&flipped), Seal::Whole, "bit {bit}");
        }
        assert_ne!(check(&sealed[..sealed.len() - 1]), Seal::Whole);
        assert_ne!(check(&[&sealed[..], b"more"].concat()), Seal::Whole);
        assert_eq!(check(b"name"), Seal::Absent);
        assert!(seal(&folder.path().join("none")).is_err());
    }
}
