//! What lies in the folder of a store beside its blocks: the manifest, the scorer, and blocks that are set aside.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{Manifest, StoreError};
use crate::files::write_whole;

pub(super) fn manifest_path(folder: &Path) -> PathBuf {
    folder.join("store.json")
}

/// The largest manifest that is read: all blocks of the largest work grid, listed.
const MAX_MANIFEST_BYTES: u64 = 128 << 20;

/// Reads the manifest of a store and checks what it says.
pub(super) fn read_manifest(folder: &Path) -> Result<Manifest, StoreError> {
    let path = manifest_path(folder);
    let invalid = |reason: String| StoreError::Manifest { path: path.clone(), reason };
    let mut text = String::new();
    let file = File::open(&path).and_then(|file| Ok((file.metadata()?.is_file(), file)));
    let (is_file, file) = file.map_err(|cause| StoreError::Missing { path: folder.to_owned(), cause })?;
    if !is_file {
        return Err(invalid("not a regular file".to_owned()));
    }
    file.take(MAX_MANIFEST_BYTES + 1).read_to_string(&mut text).map_err(|error| invalid(error.to_string()))?;
    if text.len() as u64 > MAX_MANIFEST_BYTES {
        return Err(invalid(format!("too large (expected at most {} MiB)", MAX_MANIFEST_BYTES >> 20)));
    }
    let manifest: Manifest = serde_json::from_str(&text).map_err(|error| invalid(error.to_string()))?;
    manifest.check().map_err(invalid)?;
    Ok(manifest)
}

/// Copies the scorer of a manifest beside it.
pub(super) fn keep_scorer(folder: &Path, manifest: &Manifest) -> Result<(), StoreError> {
    Ok(manifest.scoring.scorer.as_ref().map_or(Ok(()), |scorer| scorer.keep_in(folder))?)
}

/// Removes the copy of a manifest's scorer, unless it is the file that the user named.
pub(super) fn remove_copy(folder: &Path, manifest: &Manifest) {
    let Some(scorer) = &manifest.scoring.scorer else { return };
    let place = scorer.place_in(folder);
    if scorer.path.canonicalize().ok() != place.canonicalize().ok() {
        let _ = std::fs::remove_file(place); // nothing reads it any more
    }
}

/// Writes a manifest, unless the folder has it already; the scorer that it names has its copy next to it by then.
pub(super) fn write_manifest(folder: &Path, manifest: &Manifest) -> Result<(), StoreError> {
    let path = manifest_path(folder);
    let text = serde_json::to_string_pretty(manifest)
        .map_err(|e| StoreError::Manifest { path: path.clone(), reason: e.to_string() })?;
    let text = text + "\n";
    if std::fs::read(&path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(());
    }
    Ok(write_whole(&path, text.as_bytes())?)
}

/// How the folders of temporary files in a store begin.
pub(super) const WORK: &str = "work-";

/// How folders of label blocks begin that others take the place of.
const SET_ASIDE: &str = "labels-before-";

/// Where the label blocks of a manifest wait while others take their place.
pub(super) fn set_aside(folder: &Path, manifest: &Manifest) -> PathBuf {
    folder.join(format!("{SET_ASIDE}{}", manifest.fingerprint.get(..16).unwrap_or_default()))
}

/// The manifest that holds, as it was read or as it is now. Label blocks that were set aside are still its own where a run was
/// killed before it wrote the next one: they come back.
pub(super) fn swapped_back(folder: &Path, read: Manifest) -> Result<Manifest, StoreError> {
    if !set_aside(folder, &read).exists() {
        return Ok(read);
    }
    // Whoever is at it is let finish.
    let _lock = locked(folder, Lock::Alone);
    let manifest = read_manifest(folder)?;
    let (labels, before) = (folder.join("labels"), set_aside(folder, &manifest));
    if before.exists() {
        let removed = if labels.exists() { std::fs::remove_dir_all(&labels) } else { Ok(()) };
        let io = |cause| StoreError::Io { path: labels.clone(), cause };
        removed.and_then(|()| std::fs::rename(&before, &labels)).map_err(io)?;
    }
    Ok(manifest)
}

/// How a store's folder is locked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lock {
    /// With others who add blocks.
    Shared,
    /// To put other blocks in the place of all.
    Alone,
}

/// A lock on a folder among processes, until it is dropped. A file system without locks goes without.
pub(super) fn locked(folder: &Path, lock: Lock) -> Option<File> {
    let folder = File::open(folder).ok()?;
    let got = if lock == Lock::Shared { folder.lock_shared() } else { folder.lock() };
    got.is_ok().then_some(folder)
}

/// Removes label blocks that others have taken the place of.
pub(super) fn remove_set_aside(folder: &Path) -> Result<(), StoreError> {
    let io = |cause| StoreError::Io { path: folder.to_owned(), cause };
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name.starts_with(SET_ASIDE)) {
            std::fs::remove_dir_all(entry.path()).map_err(io)?;
        }
    }
    Ok(())
}
