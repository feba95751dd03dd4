//! Folders of temporary files, each owned by one process.

use std::fs::{File, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A folder for temporary files, owned by one process and removed when dropped.
///
/// The owner holds a lock on the folder. A folder without a lock was left by a process that was killed;
/// [`WorkFolder::create`] removes it. Where the file system has no locks, nothing of others is removed.
#[derive(Debug)]
pub struct WorkFolder {
    path: PathBuf,
    next: AtomicU64,
    /// Held until the folder is dropped; none where the file system has no locks.
    _lock: Option<File>,
}

impl WorkFolder {
    /// Creates a folder in `parent` whose name starts with `prefix`, and removes those that ended processes left there.
    ///
    /// # Errors
    /// When the folder cannot be created.
    pub fn create(parent: &Path, prefix: &str) -> io::Result<Self> {
        sweep(parent, prefix);
        loop {
            let path = parent.join(format!("{prefix}{:016x}", RandomState::new().hash_one(std::process::id())));
            match std::fs::create_dir(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                created => created?,
            }
            // Another process may take the folder for one without an owner until it is locked: then the next name.
            let lock = match File::open(&path).map(|folder| (folder.try_lock(), folder)) {
                Ok((Ok(()), folder)) => Some(folder),
                Ok((Err(TryLockError::WouldBlock), _)) => continue,
                Ok((Err(TryLockError::Error(_)), _)) => None,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if path.is_dir() {
                return Ok(Self { path, next: AtomicU64::new(0), _lock: lock });
            }
        }
    }

    /// Whether `parent` holds a folder of another living owner whose name starts with `prefix`.
    #[must_use]
    pub fn has_others(parent: &Path, prefix: &str, own: Option<&Self>) -> bool {
        let is_other = |path: &PathBuf| own.is_none_or(|own| own.path != *path);
        named(parent, prefix).filter(is_other).any(|path| abandoned(&path).is_none())
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path in the folder that no other call returns; it ends in `name`.
    #[must_use]
    pub fn unused(&self, name: &std::ffi::OsStr) -> PathBuf {
        let mut unused = std::ffi::OsString::from(format!("{}-", self.next.fetch_add(1, Ordering::Relaxed)));
        unused.push(name);
        self.path.join(unused)
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path); // the next owner of a folder beside it removes what is left
    }
}

/// Removes folders without an owner.
fn sweep(parent: &Path, prefix: &str) {
    for path in named(parent, prefix) {
        if let Some(_lock) = abandoned(&path) {
            let _ = std::fs::remove_dir_all(&path); // one of another user stays
        }
    }
}

fn named(parent: &Path, prefix: &str) -> impl Iterator<Item = PathBuf> {
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let is_named = move |e: &std::fs::DirEntry| e.file_name().to_string_lossy().starts_with(prefix);
    entries.filter(is_named).map(|e| e.path()).filter(|path| path.is_dir())
}

/// The lock of a folder whose owner is gone.
fn abandoned(path: &Path) -> Option<File> {
    let folder = File::open(path).ok()?;
    folder.try_lock().is_ok().then_some(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_without_an_owner_are_removed() {
        let parent = tempfile::tempdir().expect("a folder");
        let left = parent.path().join("work-left");
        std::fs::create_dir(&left).expect("created");
        std::fs::write(left.join("half"), b"x").expect("written");
        std::fs::write(parent.path().join("work-file"), b"x").expect("written");
        let one = WorkFolder::create(parent.path(), "work-").expect("created");
        assert!(!left.exists() && parent.path().join("work-file").exists());
        assert!(!WorkFolder::has_others(parent.path(), "work-", Some(&one)));
        let kept = one.unused("a".as_ref());
        std::fs::write(&kept, b"1").expect("written");
        let two = WorkFolder::create(parent.path(), "work-").expect("created");
        assert!(kept.exists() && one.path() != two.path() && one.unused("a".as_ref()) != kept);
        assert!(WorkFolder::has_others(parent.path(), "work-", Some(&one)));
        drop((one, two));
        assert_eq!(std::fs::read_dir(parent.path()).expect("listed").count(), 1);
    }

    #[test]
    fn many_at_once_get_a_folder_each() {
        let parent = tempfile::tempdir().expect("a folder");
        let paths = std::sync::Mutex::new(std::collections::BTreeSet::new());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let folder = WorkFolder::create(parent.path(), "w").expect("created");
                        std::fs::write(folder.unused("x".as_ref()), b"1").expect("still there");
                        assert!(paths.lock().expect("whole").insert(folder.path().to_owned()));
                    }
                });
            }
        });
        assert_eq!(std::fs::read_dir(parent.path()).expect("listed").count(), 0);
    }
}
