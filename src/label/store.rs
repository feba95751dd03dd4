//! Label blocks on disk: one small GeoTIFF each, and a manifest that says what they are valid for.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::blocks::Shared;
use super::folder::{
    Lock, WORK, keep_scorer, locked, manifest_path, read_manifest, remove_copy, remove_set_aside, set_aside,
    swapped_back, write_manifest,
};
use super::{LabelMap, Manifest, StoreError};
use crate::files::WorkFolder;
use crate::georef::Window;
use crate::grid::{BlockId, WorkGrid};
use crate::model::Scoring;
use crate::raster::{self, LabelRows, write_label_cog};
use crate::scheme::Scheme;

/// A folder of label blocks.
#[derive(Debug, Clone)]
pub struct LabelStore {
    pub(super) folder: PathBuf,
    pub(super) manifest: Manifest,
    pub(super) grid: WorkGrid,
    pub(super) scheme: Scheme,
    pub(super) shared: Arc<Shared>,
    /// Whether there was none before.
    is_new: bool,
}

impl LabelStore {
    /// Opens a store that exists. Its manifest is checked; its blocks are checked as they are read.
    ///
    /// # Errors
    /// When there is no manifest, or it holds something that no store has.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let manifest = swapped_back(folder, read_manifest(folder)?)?;
        let invalid = |reason: String| StoreError::Manifest { path: manifest_path(folder), reason };
        let scheme = match &manifest.scheme {
            Some(file) => Scheme::open(file).map_err(|e| invalid(format!("scheme: {e}")))?,
            None => Scheme::city(),
        };
        let (grid, shared) = (manifest.grid()?, Arc::default());
        Ok(Self { folder: folder.to_owned(), grid, manifest, scheme, shared, is_new: false })
    }

    /// Opens the store for a manifest, and creates it where there is none. Other processes may fill the same store; nothing
    /// is written to one that has this manifest already.
    ///
    /// # Errors
    /// When the folder holds blocks that were made from something else, or cannot be written.
    pub fn create(folder: &Path, manifest: &Manifest) -> Result<Self, StoreError> {
        manifest.check().map_err(|reason| StoreError::Manifest { path: manifest_path(folder), reason })?;
        let labels = folder.join("labels");
        std::fs::create_dir_all(&labels).map_err(|cause| StoreError::Io { path: labels.clone(), cause })?;
        let old = if manifest_path(folder).exists() { Some(Self::open(folder)?) } else { None };
        let lock = locked(folder, Lock::Alone);
        let is_new = !manifest_path(folder).exists();
        if !is_new {
            let old = old.map_or_else(|| read_manifest(folder), |old| Ok(old.manifest))?;
            if (old.version, &old.fingerprint) != (manifest.version, &manifest.fingerprint) {
                return Err(StoreError::Stale { path: folder.to_owned(), what: old.difference(manifest) });
            }
        }
        keep_scorer(folder, manifest)?;
        write_manifest(folder, manifest)?;
        let store = Self { is_new, ..Self::open(folder)? };
        // Shows others that the store is in use. One that is only read needs no folder, and may allow none.
        let _ = store.work();
        drop(lock);
        Ok(store)
    }

    /// Removes a store that was created just now, holds no block and is used by no other process: its manifest, its
    /// scorer, and the folders that are empty without them. One that was there before stays.
    ///
    /// # Errors
    /// When the manifest cannot be removed.
    pub fn withdraw(&self) -> Result<(), StoreError> {
        let _lock = locked(&self.folder, Lock::Alone);
        let own = self.work().ok();
        let is_shared = WorkFolder::has_others(&self.folder, WORK, own.as_deref());
        if !self.is_new || is_shared || self.wanted().into_iter().any(|block| self.has(block)) {
            return Ok(());
        }
        let path = manifest_path(&self.folder);
        std::fs::remove_file(&path).map_err(|cause| StoreError::Io { path, cause })?;
        remove_copy(&self.folder, &self.manifest);
        own.iter().for_each(|own| drop(std::fs::remove_dir_all(own.path())));
        for folder in [self.folder.join("labels"), self.folder.join("features"), self.folder.clone()] {
            let _ = std::fs::remove_dir(folder); // what others put there stays, and its folder with it
        }
        Ok(())
    }

    /// Puts the label blocks of another folder, made by a manifest, in the place of its own. A run that is killed leaves the
    /// store of before or the new one: see [`LabelStore::open`].
    ///
    /// # Errors
    /// When a folder cannot be moved or the manifest cannot be written.
    pub fn replaced(&self, made: &Path, manifest: &Manifest) -> Result<Self, StoreError> {
        let (labels, before) = (self.folder.join("labels"), set_aside(&self.folder, &self.manifest));
        let io = |cause| StoreError::Io { path: labels.clone(), cause };
        let lock = locked(&self.folder, Lock::Alone);
        keep_scorer(&self.folder, manifest)?;
        remove_set_aside(&self.folder)?;
        std::fs::rename(&labels, &before).map_err(io)?;
        std::fs::rename(made.join("labels"), &labels).map_err(io)?;
        write_manifest(&self.folder, manifest)?;
        remove_set_aside(&self.folder)?;
        let version = |manifest: &Manifest| manifest.scoring.scorer.as_ref().map(|scorer| scorer.sha256.clone());
        if version(manifest) != version(&self.manifest) {
            remove_copy(&self.folder, &self.manifest);
        }
        drop(lock);
        Self::open(&self.folder)
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the blocks are.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// How scores are made beside the model, with the scorer that the store keeps: the file that it was copied from may go on
    /// to learn.
    #[must_use]
    pub fn scoring(&self) -> Scoring {
        let scorer = self.manifest.scoring.scorer.as_ref().map(|scorer| scorer.kept_in(&self.folder));
        Scoring { scorer, ..self.manifest.scoring.clone() }
    }

    /// The work grid.
    #[must_use]
    pub fn grid(&self) -> &WorkGrid {
        &self.grid
    }

    /// The classes.
    #[must_use]
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// The blocks that the store is to hold: those of the area of interest, or all.
    #[must_use]
    pub fn wanted(&self) -> Vec<BlockId> {
        self.manifest.wanted(&self.grid)
    }

    /// Brings the names of the blocks to the disk. A power cut before takes away some that were made last, whole: they are
    /// made again. Once for many blocks, because it takes as long as bringing a block there.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn sync(&self) -> Result<(), StoreError> {
        let path = self.folder.join("labels");
        File::open(&path).and_then(|folder| folder.sync_all()).map_err(|cause| StoreError::Io { path, cause })
    }

    /// Writes the label map of the blocks that are made as a Cloud Optimized `GeoTIFF` with a colour table; where it is
    /// told how unknown pixels are, with a second band of that.
    ///
    /// # Errors
    /// When a block cannot be read or the file cannot be written.
    pub fn write_cog(&self, path: &Path) -> Result<(), StoreError> {
        let unknown = self.manifest.scoring.unknown_band;
        let (frame, window) = (&self.grid.frame, self.grid.window());
        write_label_cog(path, &raster::LabelMap { frame, window, scheme: &self.scheme, unknown }, |window| {
            let mut rows =
                LabelRows { classes: vec![0; window.pixels()], unknown: unknown.then(|| vec![0; window.pixels()]) };
            self.each_touching(window, |map| {
                map.copy_classes(window, &mut rows.classes);
                rows.unknown.iter_mut().for_each(|unknown| map.copy_unknown(window, unknown));
            })?;
            Ok(rows)
        })
    }

    /// Whether the manifest on disk is of other labels.
    pub(super) fn is_replaced(&self) -> Result<bool, StoreError> {
        Ok(read_manifest(&self.folder)?.fingerprint != self.manifest.fingerprint)
    }

    fn each_touching(&self, window: &Window, mut with: impl FnMut(&LabelMap)) -> Result<(), StoreError> {
        for block in self.grid.blocks_touching(window).filter(|b| self.has(*b)) {
            match self.read(block) {
                Ok(map) => with(&map),
                Err(_) if !self.has(block) => {} // damaged: it counts as missing from now on
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The class codes of a window of the work grid, row-major; 0 where nothing is made.
    ///
    /// # Errors
    /// When a block cannot be read.
    pub fn classes(&self, window: &Window) -> Result<Vec<u8>, StoreError> {
        let mut codes = vec![0_u8; window.pixels()];
        self.each_touching(window, |map| map.copy_classes(window, &mut codes))?;
        Ok(codes)
    }
}
