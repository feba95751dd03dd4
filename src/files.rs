//! A file written whole or not at all.

use std::ffi::OsString;
use std::path::Path;

/// Writes a file under a temporary name beside it, `NAME.tmp`, then gives it its own: a run that is killed leaves the file
/// of before.
///
/// # Errors
/// When it cannot be written or renamed.
pub fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut name = OsString::from(path.file_name().unwrap_or_default());
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    std::fs::write(&temporary, bytes)?;
    std::fs::rename(&temporary, path)
}

/// Whether a path leads to a plain file: not to a folder, a FIFO, a socket or a device, which may never end.
///
/// # Errors
/// When nothing is there, or it may not be looked at.
pub fn is_plain(path: &Path) -> std::io::Result<bool> {
    Ok(std::fs::metadata(path)?.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_stays_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.json");
        for bytes in [&b"one"[..], b"two"] {
            write_whole(&path, bytes).expect("written");
            assert_eq!(std::fs::read(&path).expect("there"), bytes);
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
        assert!(write_whole(&folder.path().join("none/a.json"), b"").is_err());
    }

    #[test]
    fn folders_and_devices_are_not_plain() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a");
        std::fs::write(&file, b"x").expect("writable");
        assert!(is_plain(&file).expect("there") && !is_plain(folder.path()).expect("there"));
        assert!(is_plain(&folder.path().join("none")).is_err());
        #[cfg(unix)]
        assert!(!is_plain(Path::new("/dev/null")).expect("there"));
    }
}
