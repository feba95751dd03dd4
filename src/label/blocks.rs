//! The blocks of a store: which are there and whole, and how they are read and written.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::claim::Claim;
use super::folder::{Lock, WORK, locked};
use super::{LabelMap, LabelStore, Manifest, StoreError};
use crate::cores::{cores, each};
use crate::files::{Draft, FileError, WorkFolder};
use crate::grid::BlockId;
use crate::raster::{
    LabelBands, LabelBlockData, LabelTags, RasterError, check_label_block, read_label_block, write_label_block,
};

/// The item of a label block that says what it is valid for.
const FINGERPRINT: &str = "ORTHOTILE_FINGERPRINT";

/// What the clones of a store share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// The temporary files of this process, from its first write on.
    work: Mutex<Option<Arc<WorkFolder>>>,
    /// Damaged blocks, each with the length and time of the file that was read.
    damaged: Mutex<BTreeMap<BlockId, Stamp>>,
}

/// What tells one content of a file from the next.
type Stamp = Option<(u64, SystemTime)>;

impl LabelStore {
    /// Whether a block is made. A block that was found damaged is not, until its file is replaced.
    #[must_use]
    pub fn has(&self, block: BlockId) -> bool {
        let stamp = self.stamp(block);
        stamp.is_some() && lock(&self.shared.damaged).get(&block).is_none_or(|damaged| *damaged != stamp)
    }

    /// The file of a block.
    #[must_use]
    pub fn block_path(&self, block: BlockId) -> PathBuf {
        self.folder.join("labels").join(format!("{block}.tif"))
    }

    /// The wanted blocks that are made and whole. The checksum of each is compared; a damaged block is logged, and counts
    /// as missing from then on.
    #[must_use]
    pub fn made(&self) -> Vec<BlockId> {
        self.whole_among(&self.wanted())
    }

    /// Those of some blocks that are made and whole, as [`Self::made`].
    #[must_use]
    pub fn whole_among(&self, blocks: &[BlockId]) -> Vec<BlockId> {
        let there: Vec<BlockId> = blocks.iter().copied().filter(|block| self.has(*block)).collect();
        let whole = each(&there, cores(), |block| self.check(*block).is_ok());
        there.into_iter().zip(whole).filter(|(_, whole)| *whole).map(|(block, _)| block).collect()
    }

    /// The blocks that were found damaged and are not replaced yet.
    #[must_use]
    pub fn damaged(&self) -> Vec<BlockId> {
        let damaged = lock(&self.shared.damaged).clone();
        damaged.into_iter().filter(|(block, stamp)| *stamp == self.stamp(*block)).map(|(block, _)| block).collect()
    }

    /// Compares a block with its checksum, without reading its pixels.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn check(&self, block: BlockId) -> Result<(), StoreError> {
        self.accepted(block, check_label_block).map(drop)
    }

    /// Reads a block that is made.
    ///
    /// # Errors
    /// When the file is damaged or not of this store, or the store was replaced.
    pub fn read(&self, block: BlockId) -> Result<LabelMap, StoreError> {
        let data = self.accepted(block, read_label_block)?;
        Ok(LabelMap {
            window: data.window,
            classes: data.classes,
            confidence: data.confidence,
            instances: data.instance,
            unknown: data.unknown,
        })
    }

    /// A block as it is read from its file, if that is whole and of this store; otherwise the block is marked as damaged.
    fn accepted(
        &self,
        block: BlockId,
        read: fn(&std::path::Path) -> Result<LabelBlockData, RasterError>,
    ) -> Result<LabelBlockData, StoreError> {
        let (path, stamp) = (self.block_path(block), self.stamp(block));
        let error = match read(&path) {
            Ok(data) => match self.difference(block, &data) {
                None => return Ok(data),
                Some(_) if self.is_replaced()? => return Err(StoreError::Replaced { path: self.folder.clone() }),
                Some(what) => StoreError::Foreign { block, path, what },
            },
            Err(cause) => StoreError::Damaged { block, cause },
        };
        // One that was removed or replaced while it was read is not damaged.
        if stamp.is_some()
            && stamp == self.stamp(block)
            && lock(&self.shared.damaged).insert(block, stamp) != Some(stamp)
        {
            tracing::warn!(%error, "label block counts as missing");
        }
        Err(error)
    }

    /// In what a block differs from what this store holds at its place.
    fn difference(&self, block: BlockId, data: &LabelBlockData) -> Option<&'static str> {
        let window = self.grid.block_window(block);
        let expected = self.grid.frame.transform.shifted(window.col as f64, window.row as f64).coefficients();
        let pixel = expected[1].abs() + expected[2].abs() + expected[4].abs() + expected[5].abs();
        let is_there = expected.iter().zip(&data.transform).all(|(a, b)| (a - b).abs() <= 1e-6 * pixel);
        let rules = [
            (data.item(FINGERPRINT) == Some(&self.manifest.fingerprint), "another mosaic, model or parameters"),
            (data.window == window, "the window of another block"),
            (is_there, "a georeference off the work grid"),
            (data.is_sealed || self.manifest.version < Manifest::SEALED_FROM, "no checksum"),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map(|(_, what)| what)
    }

    /// Keeps a block: whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written, or the store was replaced.
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
        let draft = Draft::within(&*self.work()?, &self.block_path(block));
        write_label_block(draft, &self.grid.frame, &bands, &tags)?;
        lock(&self.shared.damaged).remove(&block);
        Ok(())
    }

    /// Claims a block to make it; `None` while another process makes it.
    #[must_use]
    pub fn claim(&self, block: BlockId) -> Option<Claim> {
        Claim::try_new(&self.folder.join("claims"), &block.to_string())
    }

    /// The folder in the store for the temporary files of this process; those that killed processes left are removed with
    /// the first call.
    ///
    /// # Errors
    /// When the store cannot be written to.
    pub fn work(&self) -> Result<Arc<WorkFolder>, StoreError> {
        let mut work = lock(&self.shared.work);
        if let Some(folder) = &*work {
            return Ok(Arc::clone(folder));
        }
        let folder = WorkFolder::create(&self.folder, WORK);
        let folder = folder.map(Arc::new).map_err(|error| FileError::new(&self.folder.join(WORK), &error))?;
        Ok(Arc::clone(work.insert(folder)))
    }

    fn stamp(&self, block: BlockId) -> Stamp {
        let file = self.block_path(block).metadata().ok()?;
        Some((file.len(), file.modified().unwrap_or(SystemTime::UNIX_EPOCH)))
    }
}

/// A panic elsewhere leaves these values whole: each is replaced in one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
