//! Blocks that one of several processes is making.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The right to make a block, held until it is dropped.
///
/// It is a lock on a file: the system releases it when the process ends, however it ends.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    /// None where files cannot be locked.
    lock: Option<File>,
}

impl Claim {
    /// Claims the name of a block among the processes that share a folder; `None` while another holds it.
    ///
    /// Where files cannot be created or locked, every claim is granted: a block made twice has the same bytes.
    pub(super) fn try_new(folder: &Path, name: &str) -> Option<Self> {
        let path = folder.join(name);
        for _ in 0..64 {
            let opened =
                std::fs::create_dir_all(folder).and_then(|()| File::options().create(true).append(true).open(&path));
            let file = match opened {
                // The last claim takes the folder away with it.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(_) => break,
                Ok(file) => file,
            };
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => return None,
                Err(TryLockError::Error(_)) => break,
                // Another process may have released the name in between: then this lock is on nothing.
                Ok(()) if path.exists() => return Some(Self { path, lock: Some(file) }),
                Ok(()) => {}
            }
        }
        Some(Self { path, lock: None })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.lock.is_none() {
            return; // another process may hold the file
        }
        let _ = std::fs::remove_file(&self.path); // before the lock is released, so that no other lock is on it
        if let Some(folder) = self.path.parent() {
            let _ = std::fs::remove_dir(folder); // others still hold claims in it, or it goes
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_held_by_one_and_free_when_dropped() {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = parent.path().join("claims");
        let held = Claim::try_new(&folder, "a").expect("free");
        assert!(Claim::try_new(&folder, "a").is_none());
        let other = Claim::try_new(&folder, "b").expect("free");
        drop(held);
        drop(Claim::try_new(&folder, "a").expect("free again"));
        drop(other);
        assert!(!folder.exists());
        // What a killed process left has no lock.
        std::fs::create_dir(&folder).expect("created");
        std::fs::write(folder.join("a"), b"").expect("written");
        assert!(Claim::try_new(&folder, "a").is_some());
    }

    #[test]
    fn never_two_hold_one_claim() {
        let parent = tempfile::tempdir().expect("a folder");
        let (folder, held) = (parent.path().join("claims"), std::sync::atomic::AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        if let Some(claim) = Claim::try_new(&folder, "a").filter(|claim| claim.lock.is_some()) {
                            assert_eq!(held.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                            held.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                            drop(claim);
                        }
                    }
                });
            }
        });
    }
}
