//! Why a file is not written, with the remedy.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A file that could not be written, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("cannot write file: {}: {why}", path.display())]
pub struct FileError {
    /// The file under its final name.
    pub path: PathBuf,
    why: Why,
}

/// The cause of a [`FileError`].
#[derive(Debug, Clone, PartialEq, Eq)]
enum Why {
    Full { needed_bytes: u64 },
    Denied { folder: PathBuf },
    ReadOnly,
    NoFolder { folder: PathBuf },
    Other(String),
}

/// Space that is asked for when nothing is known of the size of a file.
const LEAST_BYTES: u64 = 1 << 20;

impl FileError {
    /// The failure that the system reported for `path`.
    #[must_use]
    pub fn new(path: &Path, error: &io::Error) -> Self {
        Self::needing(path, error, 0)
    }

    /// The failure that the system reported for `path`, a file of at least `bytes`.
    pub(super) fn needing(path: &Path, error: &io::Error, bytes: u64) -> Self {
        let folder = || path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
        let why = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Why::Full { needed_bytes: bytes.max(LEAST_BYTES) }
            }
            io::ErrorKind::PermissionDenied => Why::Denied { folder: folder() },
            io::ErrorKind::ReadOnlyFilesystem => Why::ReadOnly,
            io::ErrorKind::NotFound => Why::NoFolder { folder: folder() },
            _ => Why::Other(error.to_string()),
        };
        Self { path: path.to_owned(), why }
    }

    /// A failure that another library reported for `path` in its own words.
    #[must_use]
    pub fn because(path: &Path, reason: impl fmt::Display) -> Self {
        Self { path: path.to_owned(), why: Why::Other(reason.to_string()) }
    }

    /// Whether the disk is full: no other file can be written to it either.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        matches!(self.why, Why::Full { .. })
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { needed_bytes } => {
                write!(f, "disk full (free at least {} MiB on it and run again)", needed_bytes.div_ceil(1 << 20))
            }
            Self::Denied { folder } => {
                write!(f, "permission denied (make folder {} writable, or choose another)", folder.display())
            }
            Self::ReadOnly => f.write_str("the file system is read-only (choose a folder on another)"),
            Self::NoFolder { folder } => write!(f, "folder {} does not exist (create it first)", folder.display()),
            Self::Other(reason) => f.write_str(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_names_the_file_and_the_remedy() {
        let text = |kind: io::ErrorKind| FileError::new(Path::new("maps/town.gpkg"), &kind.into()).to_string();
        let cases = [
            (io::ErrorKind::StorageFull, "disk full (free at least 1 MiB"),
            (io::ErrorKind::QuotaExceeded, "disk full"),
            (io::ErrorKind::PermissionDenied, "permission denied (make folder maps writable"),
            (io::ErrorKind::ReadOnlyFilesystem, "read-only"),
            (io::ErrorKind::NotFound, "folder maps does not exist"),
        ];
        for (kind, words) in cases {
            assert!(text(kind).contains(words) && text(kind).contains("maps/town.gpkg"), "{}", text(kind));
        }
        let large = FileError::needing(Path::new("a.tif"), &io::ErrorKind::StorageFull.into(), 5 << 20);
        assert!(large.is_disk_full() && large.to_string().contains("5 MiB"), "{large}");
        assert!(!FileError::because(Path::new("a"), "odd").is_disk_full());
    }
}
