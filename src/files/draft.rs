//! A file under a temporary name until all of it is on the disk.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{FileError, WorkFolder};

/// A file being written; dropped before it is published, it leaves nothing behind and an older file as it was.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    temporary: PathBuf,
    /// Of its own, where it does not use one of many files.
    _folder: Option<WorkFolder>,
}

impl Draft {
    /// A draft of `path`, in a temporary folder next to it.
    ///
    /// # Errors
    /// When the folder of `path` does not exist or cannot be written to.
    pub fn new(path: &Path) -> Result<Self, FileError> {
        let name = path.file_name().unwrap_or_default();
        let prefix = format!(".{}.part-", name.to_string_lossy());
        let folder = path.parent().unwrap_or(Path::new(""));
        let work = WorkFolder::create(folder, &prefix).map_err(|error| FileError::new(path, &error))?;
        Ok(Self { path: path.to_owned(), temporary: work.path().join(name), _folder: Some(work) })
    }

    /// A draft of `path` in a temporary folder that many drafts share; it lies on the same file system.
    #[must_use]
    pub fn within(folder: &WorkFolder, path: &Path) -> Self {
        let temporary = folder.unused(path.file_name().unwrap_or_default());
        Self { path: path.to_owned(), temporary, _folder: None }
    }

    /// The name to write under; it has the ending of the final name.
    #[must_use]
    pub fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// The final name.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Syncs the file to the disk, gives it its final name, and syncs the name.
    ///
    /// # Errors
    /// When the system refuses; an older file stays as it was.
    pub fn publish(self) -> Result<(), FileError> {
        let folder = self.path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
        let path = self.path.clone();
        self.rename()?;
        // A file system that cannot sync a folder keeps the name its own way.
        File::open(folder).and_then(|folder| folder.sync_all()).or_else(|error| match error.kind() {
            io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied => Ok(()),
            _ => Err(FileError::new(&path, &error)),
        })
    }

    /// Syncs the file to the disk and gives it its final name. A power cut may take the name away, and with it the whole
    /// file, until the folder is synced: for many files, which are synced together.
    ///
    /// # Errors
    /// When the system refuses; an older file stays as it was.
    pub fn rename(self) -> Result<(), FileError> {
        let synced = File::open(&self.temporary).and_then(|file| file.sync_all());
        let renamed = synced.and_then(|()| std::fs::rename(&self.temporary, &self.path));
        renamed.map_err(|error| self.refused(&error))
    }

    /// The error for a write that the system refused.
    #[must_use]
    pub fn refused(&self, error: &io::Error) -> FileError {
        FileError::needing(&self.path, error, self.temporary.metadata().map_or(0, |file| file.len()))
    }

    /// The error for a write that a library reports as failed: what the system says of another write to the same folder,
    /// else the library's own words. Libraries hide that a disk is full.
    #[must_use]
    pub fn failed(&self, reason: impl Display) -> FileError {
        const PROBE_BYTES: usize = 64 << 10;
        let probe = self.temporary.with_extension("probe");
        let tried = File::create(&probe).and_then(|mut file| {
            file.write_all(&vec![0x5a; PROBE_BYTES])?;
            file.sync_all()
        });
        let _ = std::fs::remove_file(&probe); // absent where it could not be created
        match tried {
            Ok(()) => FileError::because(&self.path, reason),
            Err(error) => self.refused(&error),
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.temporary); // absent where it was renamed
    }
}

/// Writes a file whole or not at all: a run that is killed leaves the file of before.
///
/// # Errors
/// When the file cannot be written or renamed.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let draft = Draft::new(path)?;
    std::fs::write(draft.temporary(), bytes).map_err(|error| FileError::needing(path, &error, bytes.len() as u64))?;
    draft.publish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_stays_next_to_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.json");
        for bytes in [&b"one"[..], b"two"] {
            write_whole(&path, bytes).expect("written");
            assert_eq!(std::fs::read(&path).expect("there"), bytes);
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
        let error = write_whole(&folder.path().join("none/a.json"), b"").expect_err("no folder").to_string();
        assert!(error.contains("none/a.json") && error.contains("does not exist"), "{error}");
    }

    #[test]
    fn writers_of_one_file_leave_one_of_their_files_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.bin");
        std::thread::scope(|scope| {
            for byte in 0..8_u8 {
                let path = &path;
                scope.spawn(move || (0..10).for_each(|_| write_whole(path, &vec![byte; 100_000]).expect("written")));
            }
        });
        let bytes = std::fs::read(&path).expect("there");
        assert!(bytes.len() == 100_000 && bytes.iter().all(|byte| *byte == bytes[0]));
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn a_draft_that_is_dropped_leaves_the_older_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.json");
        write_whole(&path, b"old").expect("written");
        let draft = Draft::new(&path).expect("a draft");
        std::fs::write(draft.temporary(), b"new").expect("written");
        assert_eq!(draft.failed("a library's words").to_string().matches("a library's words").count(), 1);
        drop(draft);
        assert_eq!(std::fs::read(&path).expect("there"), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }
}
