//! Label blocks on disk: one small GeoTIFF each, and a manifest that says what they are valid for.

use std::fs::File;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::folder::{
    Lock, keep_scorer, locked, manifest_path, read_manifest, remove_copy, remove_half_made, remove_set_aside,
    set_aside, swapped_back, write_manifest,
};
use super::{LabelMap, Manifest};
use crate::georef::{CrsError, TransformError, Window};
use crate::grid::{BlockId, WorkGrid};
use crate::model::{ScorerError, Scoring};
use crate::raster::{
    self, LabelBands, LabelRows, LabelTags, RasterError, read_label_block, write_label_block, write_label_cog,
};
use crate::scheme::Scheme;

/// The item of a label block that says what it is valid for.
const FINGERPRINT: &str = "ORTHOTILE_FINGERPRINT";

/// Why a store cannot be used.
#[derive(Debug, Error)]
pub enum StoreError {
    /// There is no store.
    #[error("{path} is no store: {source} (make one with `orthotile segment … --store {path}`)")]
    Missing {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The manifest is not one.
    #[error("store manifest {path}: {reason}")]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The store was made from something else.
    #[error("store {path} was made with another {what}: choose another --store folder, or delete that one")]
    Stale {
        /// The folder.
        path: PathBuf,
        /// What differs.
        what: String,
    },
    /// The store was made anew, or labelled again, after it was opened here.
    #[error("store {path} has become another since it was opened: open it again (restart what serves it)")]
    Replaced {
        /// The folder.
        path: PathBuf,
    },
    /// The scorer that it was made with cannot be kept.
    #[error(transparent)]
    Scorer(#[from] ScorerError),
    /// The system refused.
    #[error("store {path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A label block is broken.
    #[error("label block {block}: {source} (delete the file, and it is made again)")]
    Block {
        /// The block.
        block: BlockId,
        /// What is wrong.
        source: RasterError,
    },
    /// The label map cannot be written.
    #[error(transparent)]
    Raster(#[from] RasterError),
    /// The coordinate reference system of the manifest.
    #[error(transparent)]
    Crs(#[from] CrsError),
    /// The geotransform of the manifest.
    #[error(transparent)]
    Transform(#[from] TransformError),
}

/// A folder of label blocks.
#[derive(Debug, Clone)]
pub struct LabelStore {
    folder: PathBuf,
    manifest: Manifest,
    grid: WorkGrid,
    scheme: Scheme,
    /// Whether there was none before.
    is_new: bool,
}

impl LabelStore {
    /// Opens a store that exists.
    ///
    /// # Errors
    /// When there is no manifest, or it is not readable.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let manifest = swapped_back(folder, read_manifest(folder)?)?;
        let invalid = |reason: String| StoreError::Manifest { path: manifest_path(folder), reason };
        let scheme = match &manifest.scheme {
            Some(file) => Scheme::open(file).map_err(|e| invalid(e.to_string()))?,
            None => Scheme::city(),
        };
        Ok(Self { folder: folder.to_owned(), grid: manifest.grid()?, manifest, scheme, is_new: false })
    }

    /// Opens the store for a manifest, and makes it where there is none. What a killed run left half-made is removed.
    ///
    /// # Errors
    /// When the folder holds blocks that were made from something else, or cannot be written.
    pub fn create(folder: &Path, manifest: &Manifest) -> Result<Self, StoreError> {
        let labels = folder.join("labels");
        std::fs::create_dir_all(&labels).map_err(|source| StoreError::Io { path: labels.clone(), source })?;
        let is_new = !manifest_path(folder).exists();
        if !is_new {
            let old = Self::open(folder)?;
            if old.manifest.fingerprint != manifest.fingerprint {
                return Err(StoreError::Stale { path: folder.to_owned(), what: old.manifest.difference(manifest) });
            }
        }
        remove_half_made(&labels)?;
        keep_scorer(folder, manifest)?;
        write_manifest(folder, manifest)?;
        Ok(Self { is_new, ..Self::open(folder)? })
    }

    /// Takes away a store that was made just now and holds no block: its manifest, its scorer, and the folders that are empty
    /// without them. One that was there before stays.
    ///
    /// # Errors
    /// When the manifest cannot be removed.
    pub fn withdraw(&self) -> Result<(), StoreError> {
        if !self.is_new || self.wanted().into_iter().any(|block| self.has(block)) {
            return Ok(());
        }
        let path = manifest_path(&self.folder);
        std::fs::remove_file(&path).map_err(|source| StoreError::Io { path, source })?;
        remove_copy(&self.folder, &self.manifest);
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
        let io = |source| StoreError::Io { path: labels.clone(), source };
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

    /// Whether a block is made.
    #[must_use]
    pub fn has(&self, block: BlockId) -> bool {
        self.block_path(block).exists()
    }

    /// The file of a block.
    #[must_use]
    pub fn block_path(&self, block: BlockId) -> PathBuf {
        self.folder.join("labels").join(format!("{block}.tif"))
    }

    /// Keeps a block: whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written, or the store has become another.
    pub fn write(&self, block: BlockId, labels: &LabelMap) -> Result<(), StoreError> {
        // Nobody puts other blocks in their place between this look and the end.
        let _lock = locked(&self.folder, Lock::Shared);
        if self.is_replaced()? {
            return Err(StoreError::Replaced { path: self.folder.clone() });
        }
        let bands = LabelBands {
            window: labels.window,
            classes: &labels.classes,
            confidence: &labels.confidence,
            instance: labels.instances.as_deref(),
            unknown: labels.unknown.as_deref(),
        };
        let tags = LabelTags { scheme: &self.scheme, items: &[(FINGERPRINT, &self.manifest.fingerprint)] };
        write_label_block(&self.block_path(block), &self.grid.frame, &bands, &tags)
            .map_err(|source| StoreError::Block { block, source })
    }

    /// Brings the names of the blocks to the disk. A power cut before takes away some that were made last, whole: they are
    /// made again. Once for many blocks, because it takes as long as bringing a block there.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn sync(&self) -> Result<(), StoreError> {
        let path = self.folder.join("labels");
        File::open(&path).and_then(|folder| folder.sync_all()).map_err(|source| StoreError::Io { path, source })
    }

    /// Reads a block that is made.
    ///
    /// # Errors
    /// When the file is broken or not of this store, or the store has become another.
    pub fn read(&self, block: BlockId) -> Result<LabelMap, StoreError> {
        let broken = |source| StoreError::Block { block, source };
        let data = read_label_block(&self.block_path(block)).map_err(broken)?;
        let window = self.grid.block_window(block);
        if data.window != window || data.item(FINGERPRINT) != Some(self.manifest.fingerprint.as_str()) {
            if self.is_replaced()? {
                return Err(StoreError::Replaced { path: self.folder.clone() });
            }
            return Err(StoreError::Stale {
                path: self.block_path(block),
                what: "mosaic, model or parameters".to_owned(),
            });
        }
        Ok(LabelMap {
            window,
            classes: data.classes,
            confidence: data.confidence,
            instances: data.instance,
            unknown: data.unknown,
        })
    }

    /// Writes the label map of the blocks that are made as a Cloud Optimized `GeoTIFF` with a colour table; where it is
    /// told how unknown pixels are, with a second band of that.
    ///
    /// # Errors
    /// When a block is broken or the file cannot be written.
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
    fn is_replaced(&self) -> Result<bool, StoreError> {
        Ok(read_manifest(&self.folder)?.fingerprint != self.manifest.fingerprint)
    }

    fn each_touching(&self, window: &Window, mut with: impl FnMut(&LabelMap)) -> Result<(), StoreError> {
        for block in self.grid.blocks_touching(window).filter(|b| self.has(*b)) {
            with(&self.read(block)?);
        }
        Ok(())
    }

    /// The class codes of a window of the work grid, row-major; 0 where nothing is made.
    ///
    /// # Errors
    /// When a block is broken.
    pub fn classes(&self, window: &Window) -> Result<Vec<u8>, StoreError> {
        let mut codes = vec![0_u8; window.pixels()];
        for block in self.grid.blocks_touching(window).filter(|b| self.has(*b)) {
            self.read(block)?.copy_classes(window, &mut codes);
        }
        Ok(codes)
    }
}
