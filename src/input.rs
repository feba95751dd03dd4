//! Files that a user names, read whole: plain files only, up to a limit.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result};
use std::path::Path;

/// Largest text that a person or a program writes for this one: cards, schemes, configurations.
pub const TEXT_BYTES: u64 = 16 << 20;

/// Opens a plain file; pipes, sockets, devices and folders are refused before they are opened, so that none blocks.
///
/// # Errors
/// When it is something else, or cannot be opened.
pub fn open_plain(path: &Path) -> Result<File> {
    check_plain(path)?;
    File::open(path)
}

/// Size of a plain file in bytes.
///
/// # Errors
/// When it is a folder, pipe, socket or device, or is missing.
pub fn check_plain(path: &Path) -> Result<u64> {
    let metadata = path.metadata()?;
    if metadata.is_file() {
        return Ok(metadata.len());
    }
    let kind = if metadata.is_dir() { "a folder" } else { "a pipe, socket or device" };
    Err(Error::new(ErrorKind::InvalidInput, format!("it is {kind} (expected: a plain file)")))
}

/// Reads a plain file of at most so many bytes.
///
/// # Errors
/// When it is larger, no plain file, or cannot be read.
pub fn read_whole(path: &Path, limit_bytes: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // A file that grows, or that states no size (/proc), is cut off by the reading itself.
    open_plain(path)?.take(limit_bytes + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit_bytes {
        let what = format!("it holds more than {} MiB (expected: a smaller file)", limit_bytes >> 20);
        return Err(Error::new(ErrorKind::FileTooLarge, what));
    }
    Ok(bytes)
}

/// Reads a plain text file of at most so many bytes; UTF-8, or UTF-16 that begins with its byte order mark. The mark is
/// left out.
///
/// # Errors
/// When it is larger, no plain file, in another encoding, or cannot be read.
pub fn read_text(path: &Path, limit_bytes: u64) -> Result<String> {
    decode(&read_whole(path, limit_bytes)?).map_err(|what| Error::new(ErrorKind::InvalidData, what))
}

fn decode(bytes: &[u8]) -> std::result::Result<String, &'static str> {
    const NOT_TEXT: &str = "it is not UTF-8 text (expected: UTF-8, or UTF-16 with a byte order mark)";
    let utf16 = |order: fn([u8; 2]) -> u16| {
        let (pairs, rest) = bytes[2..].as_chunks::<2>();
        let units: Vec<u16> = pairs.iter().map(|pair| order(*pair)).collect();
        String::from_utf16(&units).ok().filter(|_| rest.is_empty()).ok_or(NOT_TEXT)
    };
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Err("it is UTF-32 text (expected: UTF-8)"),
        [0xff, 0xfe, ..] => utf16(u16::from_le_bytes),
        [0xfe, 0xff, ..] => utf16(u16::from_be_bytes),
        [0, b, ..] | [b, 0, ..] if b.is_ascii_graphic() => {
            Err("it is UTF-16 text without a byte order mark (expected: UTF-8)")
        }
        [0xef, 0xbb, 0xbf, rest @ ..] => std::str::from_utf8(rest).map(str::to_owned).map_err(|_| NOT_TEXT),
        _ => std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| NOT_TEXT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_with_and_without_byte_order_marks() {
        let le: Vec<u8> = "\u{feff}{\"ä\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = "\u{feff}{\"ä\"}".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in ["{\"ä\"}".as_bytes(), "\u{feff}{\"ä\"}".as_bytes(), &le, &be] {
            assert_eq!(decode(bytes).as_deref(), Ok("{\"ä\"}"), "{bytes:?}");
        }
        assert!(decode(&le[2..]).is_err_and(|what| what.contains("UTF-16")));
        assert!(decode(b"{\"\xe4\"}").is_err_and(|what| what.contains("UTF-8")));
        assert_eq!(decode(b"").as_deref(), Ok(""));
    }

    #[test]
    fn what_is_no_plain_file_of_that_size_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.txt");
        std::fs::write(&path, [b'a'; 10]).expect("written");
        assert_eq!(read_whole(&path, 10).expect("small enough").len(), 10);
        assert!(read_whole(&path, 9).is_err_and(|e| e.kind() == ErrorKind::FileTooLarge));
        assert!(read_whole(folder.path(), 9).is_err_and(|e| e.to_string().contains("a folder")));
        assert!(read_whole(Path::new("/dev/zero"), 9).is_err_and(|e| e.to_string().contains("device")));
        assert!(read_whole(&folder.path().join("none"), 9).is_err_and(|e| e.kind() == ErrorKind::NotFound));
    }
}
