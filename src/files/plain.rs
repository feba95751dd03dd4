//! Files that end.

use std::path::Path;

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
