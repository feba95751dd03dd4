//! Features kept on disk in half precision, so that another scorer need not run the network again.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use half::f16;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::PatchFeatures;
use super::scorer::hex;
use crate::files::write_whole;

/// Where features are kept, and how many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CachePlace {
    /// The folder; `features` in the store unless told.
    pub folder: Option<PathBuf>,
    /// The most that it may hold, in MiB; 0 for none.
    pub mib: u64,
}

/// What a cache has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct CacheUse {
    /// Chips whose features were there.
    pub hits: u64,
    /// Chips that the network had to run.
    pub misses: u64,
    /// What it holds, in bytes.
    pub bytes: u64,
    /// What it may hold, in bytes.
    pub limit_bytes: u64,
}

impl CacheUse {
    /// Hits among all, in whole percent.
    #[must_use]
    pub fn hit_percent(&self) -> u64 {
        100 * self.hits / (self.hits + self.misses).max(1)
    }
}

/// A bounded folder of features, each under the digest of its chip and network. Where there is no room left, what this
/// run has not used goes, the least recently written first; what it has used stays, so that a mosaic that is larger than
/// the cache still finds part of itself the next time.
pub struct FeatureCache {
    folder: PathBuf,
    limit_bytes: u64,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// The size of each entry, in bytes.
    entries: HashMap<String, u64>,
    /// Entries of former runs that this one has not used, the one to go first at the end.
    stale: Vec<String>,
    used: HashSet<String>,
    bytes: u64,
    hits: u64,
    misses: u64,
}

impl FeatureCache {
    /// Opens a folder; made if absent.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub fn open(folder: &Path, mib: u64) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let (entry, path) = entry.map(|e| (e.metadata(), e.path()))?;
            let metadata = entry?;
            match path.file_stem().and_then(|s| s.to_str()) {
                Some(key) if path.extension().is_some_and(|e| e == "f16") => {
                    found.push((metadata.modified()?, key.to_owned(), metadata.len()));
                }
                // What a killed run left half-written.
                _ if path.extension().is_some_and(|e| e == "tmp") => std::fs::remove_file(&path)?,
                _ => {}
            }
        }
        found.sort_unstable();
        let inner = Inner {
            bytes: found.iter().map(|f| f.2).sum(),
            stale: found.iter().rev().map(|f| f.1.clone()).collect(),
            entries: found.into_iter().map(|f| (f.1, f.2)).collect(),
            ..Inner::default()
        };
        Ok(Self { folder: folder.to_owned(), limit_bytes: mib << 20, inner: Mutex::new(inner) })
    }

    /// What it has done so far.
    #[must_use]
    pub fn usage(&self) -> CacheUse {
        let inner = self.inner();
        CacheUse { hits: inner.hits, misses: inner.misses, bytes: inner.bytes, limit_bytes: self.limit_bytes }
    }

    /// The key of a chip for a network.
    #[must_use]
    pub fn key(network: &str, chip: &[f32]) -> String {
        let mut hash = Sha256::new();
        hash.update(network);
        let mut bytes = Vec::with_capacity(1 << 14);
        for some in chip.chunks(1 << 12) {
            bytes.clear();
            bytes.extend(some.iter().flat_map(|v| v.to_le_bytes()));
            hash.update(&bytes);
        }
        hex(&hash.finalize()[..16])
    }

    /// The features of a chip, if they are there.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<PatchFeatures> {
        let known = self.inner().entries.contains_key(key);
        let found = known.then(|| std::fs::read(self.path(key)).ok().and_then(|bytes| decode(&bytes))).flatten();
        let mut inner = self.inner();
        if found.is_some() {
            inner.hits += 1;
            inner.used.insert(key.to_owned());
        } else {
            inner.misses += 1;
        }
        found
    }

    /// Keeps the features of a chip, where there is room. A folder that cannot be written keeps nothing.
    pub fn put(&self, key: &str, features: &PatchFeatures) {
        let bytes = encode(features);
        if !self.make_room(bytes.len() as u64) {
            return;
        }
        if write_whole(&self.path(key), &bytes).is_ok() {
            let mut inner = self.inner();
            inner.used.insert(key.to_owned());
            inner.bytes += bytes.len() as u64;
            let before = inner.entries.insert(key.to_owned(), bytes.len() as u64);
            inner.bytes -= before.unwrap_or(0);
        }
    }

    /// Whether so many bytes have room, after what is stale has gone as far as needed.
    fn make_room(&self, bytes: u64) -> bool {
        let mut inner = self.inner();
        while inner.bytes + bytes > self.limit_bytes {
            let Some(key) = inner.stale.pop() else { return false };
            if inner.used.contains(&key) {
                continue;
            }
            if let Some(size) = inner.entries.remove(&key) {
                inner.bytes -= size;
                let _ = std::fs::remove_file(self.path(&key)); // gone already is as good
            }
        }
        true
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.f16"))
    }

    /// A panic elsewhere leaves the numbers whole enough: they only bound a folder.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Features as they come back from a cache: what does not fit half precision is cut.
pub(super) fn halved(features: &mut PatchFeatures) {
    let limit = f16::MAX.to_f32();
    features.values.iter_mut().for_each(|v| *v = f16::from_f32(v.clamp(-limit, limit)).to_f32());
}

/// Side and numbers per patch as 4 bytes each, then the numbers.
fn encode(features: &PatchFeatures) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + 2 * features.values.len());
    bytes.extend((features.side as u32).to_le_bytes());
    bytes.extend((features.dim as u32).to_le_bytes());
    bytes.extend(features.values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()));
    bytes
}

fn decode(bytes: &[u8]) -> Option<PatchFeatures> {
    let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
    let (side, dim) = (number(0)?, number(4)?);
    let values: Vec<f32> = bytes[8..].chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect();
    (values.len() == side * side * dim).then_some(PatchFeatures { side, dim, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(n: usize) -> PatchFeatures {
        let mut features =
            PatchFeatures { side: 16, dim: 64, values: (0..16 * 16 * 64).map(|i| (i * n) as f32 / 77.0).collect() };
        halved(&mut features);
        features
    }

    #[test]
    fn features_come_back_to_the_bit_also_in_the_next_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = |n: usize| FeatureCache::key("net", &[n as f32]);
        let cache = FeatureCache::open(folder.path(), 1).expect("opens");
        assert!(cache.get(&key(1)).is_none());
        cache.put(&key(1), &features(1));
        assert_eq!(cache.get(&key(1)), Some(features(1)));
        assert_ne!(key(1), FeatureCache::key("other", &[1.0]), "another network, another key");
        let again = FeatureCache::open(folder.path(), 1).expect("opens");
        assert_eq!(again.get(&key(1)), Some(features(1)));
        assert_eq!((again.usage().hits, again.usage().hit_percent()), (1, 100));
        std::fs::write(folder.path().join(format!("{}.f16", key(1))), [1, 2]).expect("written");
        assert!(again.get(&key(1)).is_none(), "a broken entry is none");
    }

    #[test]
    fn it_stays_within_its_bound_and_keeps_what_the_run_uses() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = FeatureCache::open(folder.path(), 1).expect("opens");
        // An entry takes 32 KiB and a few bytes: 31 fit.
        (0..40).for_each(|n| first.put(&format!("{n:032}"), &features(n)));
        assert!(first.usage().bytes <= 1 << 20);
        let kept = (0..40).filter(|n| first.get(&format!("{n:032}")).is_some()).count();
        assert_eq!(kept, 31, "the first ones stay: the next run begins with them");
        let second = FeatureCache::open(folder.path(), 1).expect("opens");
        assert!(second.get(&format!("{:032}", 3)).is_some());
        (100..140).for_each(|n| second.put(&format!("{n:032}"), &features(n)));
        assert!(second.get(&format!("{:032}", 3)).is_some(), "used in this run");
        assert!(second.get(&format!("{:032}", 4)).is_none(), "not used, so it made room");
        let on_disk: u64 = std::fs::read_dir(folder.path())
            .expect("a folder")
            .map(|e| e.expect("an entry").metadata().expect("a size").len())
            .sum();
        assert!(on_disk <= 1 << 20 && on_disk == second.usage().bytes, "{on_disk}");
    }
}
