//! What lies in the folder of a store beside its blocks: the manifest, the scorer, and blocks that are set aside.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::{Manifest, StoreError};
use crate::files::write_whole;

pub(super) fn manifest_path(folder: &Path) -> PathBuf {
    folder.join("store.json")
}

pub(super) fn read_manifest(folder: &Path) -> Result<Manifest, StoreError> {
    let path = manifest_path(folder);
    let text =
        std::fs::read_to_string(&path).map_err(|source| StoreError::Missing { path: folder.to_owned(), source })?;
    let invalid = |reason: String| StoreError::Manifest { path: path.clone(), reason };
    let manifest: Manifest = serde_json::from_str(&text).map_err(|e| invalid(e.to_string()))?;
    if manifest.version == Manifest::VERSION {
        Ok(manifest)
    } else {
        Err(invalid(format!("format {}, accepted is {}", manifest.version, Manifest::VERSION)))
    }
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

/// Writes a manifest; the scorer that it names has its copy beside it by then.
pub(super) fn write_manifest(folder: &Path, manifest: &Manifest) -> Result<(), StoreError> {
    let path = manifest_path(folder);
    let text = serde_json::to_string_pretty(manifest)
        .map_err(|e| StoreError::Manifest { path: path.clone(), reason: e.to_string() })?;
    write_whole(&path, (text + "\n").as_bytes()).map_err(|source| StoreError::Io { path, source })
}

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
        let io = |source| StoreError::Io { path: labels.clone(), source };
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
    let io = |source| StoreError::Io { path: folder.to_owned(), source };
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name.starts_with(SET_ASIDE)) {
            std::fs::remove_dir_all(entry.path()).map_err(io)?;
        }
    }
    Ok(())
}

pub(super) fn remove_half_made(labels: &Path) -> Result<(), StoreError> {
    let io = |source| StoreError::Io { path: labels.to_owned(), source };
    for entry in std::fs::read_dir(labels).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|e| e == "tmp") {
            std::fs::remove_file(&path).map_err(|source| StoreError::Io { path, source })?;
        }
    }
    Ok(())
}
