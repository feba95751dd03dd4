//! Features kept on disk, so that another scorer need not run the network again.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::digest::hex;
use super::{PatchFeatures, Precision};
use crate::files::{Draft, FileError, WorkFolder};

/// Where features are kept, and how many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CachePlace {
    /// The folder; `features` in the store unless told.
    pub folder: Option<PathBuf>,
    /// The most that it may hold, in MiB; 0 for none.
    pub mib: u64,
    /// How precisely they are kept, and read.
    #[serde(default, skip_serializing_if = "Precision::is_usual")]
    pub precision: Precision,
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
/// the cache still finds part of itself the next time. All that are open on one folder in a process know of the same entries,
/// so that several heads over the same imagery run the network once, and keep within the bound together.
pub struct FeatureCache {
    folder: PathBuf,
    limit_bytes: u64,
    precision: Precision,
    entries: Arc<Mutex<Entries>>,
    /// Temporary files of this process, from the first entry on.
    work: OnceLock<Result<WorkFolder, FileError>>,
    /// Whether an entry could not be written, and that was logged.
    is_refused: AtomicBool,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// What a folder holds.
#[derive(Default)]
struct Entries {
    /// The size of each entry, in bytes, by the name of its file.
    sizes: HashMap<String, u64>,
    /// Entries of former runs that this one has not used, the one to go first at the end.
    stale: Vec<String>,
    used: HashSet<String>,
    bytes: u64,
}

/// The folders that are open.
static OPEN: Mutex<Vec<(PathBuf, Weak<Mutex<Entries>>)>> = Mutex::new(Vec::new());

impl Entries {
    /// Those of a folder: as others that have it open know them, else as they lie there.
    fn of(folder: &Path) -> std::io::Result<Arc<Mutex<Self>>> {
        let folder = folder.canonicalize()?;
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(_, entries)| entries.strong_count() > 0);
        if let Some(entries) = open.iter().find(|(of, _)| *of == folder).and_then(|(_, entries)| entries.upgrade()) {
            return Ok(entries);
        }
        let entries = Arc::new(Mutex::new(Self::read(&folder)?));
        open.push((folder, Arc::downgrade(&entries)));
        Ok(entries)
    }

    fn read(folder: &Path) -> std::io::Result<Self> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let (entry, path) = entry.map(|e| (e.metadata(), e.path()))?;
            let metadata = entry?;
            match path.file_name().and_then(|s| s.to_str()) {
                // Of any precision: all count against the bound.
                Some(name) if [".f16", ".int8"].iter().any(|end| name.ends_with(end)) => {
                    found.push((metadata.modified()?, name.to_owned(), metadata.len()));
                }
                _ => {}
            }
        }
        found.sort_unstable();
        Ok(Self {
            bytes: found.iter().map(|f| f.2).sum(),
            stale: found.iter().rev().map(|f| f.1.clone()).collect(),
            sizes: found.into_iter().map(|f| (f.1, f.2)).collect(),
            used: HashSet::new(),
        })
    }
}

impl FeatureCache {
    /// Opens a folder; made if absent.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub fn open(folder: &Path, mib: u64, precision: Precision) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let entries = Entries::of(folder)?;
        let (hits, misses) = (AtomicU64::new(0), AtomicU64::new(0));
        let (folder, work, is_refused) = (folder.to_owned(), OnceLock::new(), AtomicBool::new(false));
        Ok(Self { folder, limit_bytes: mib << 20, precision, entries, work, is_refused, hits, misses })
    }

    /// How precisely it keeps features.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// What it has done so far.
    #[must_use]
    pub fn usage(&self) -> CacheUse {
        let [hits, misses] = [&self.hits, &self.misses].map(|count| count.load(Ordering::Relaxed));
        CacheUse { hits, misses, bytes: self.entries().bytes, limit_bytes: self.limit_bytes }
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
        let name = self.name(key);
        let known = self.entries().sizes.contains_key(&name);
        let read = || self.precision.unpack(&std::fs::read(self.folder.join(&name)).ok()?);
        let found = known.then(read).flatten();
        if found.is_some() {
            self.hits.fetch_add(1, Ordering::Relaxed);
            self.entries().used.insert(name);
        } else {
            self.misses.fetch_add(1, Ordering::Relaxed);
        }
        found
    }

    /// Keeps the features of a chip, where there is room, and gives them back as they are kept. A folder that cannot be
    /// written keeps nothing.
    pub fn put(&self, key: &str, features: &PatchFeatures) -> PatchFeatures {
        let bytes = self.precision.pack(features);
        self.write(self.name(key), &bytes);
        self.precision.rounded(features)
    }

    fn write(&self, name: String, bytes: &[u8]) {
        if !self.make_room(bytes.len() as u64) {
            return;
        }
        if let Err(error) = self.publish(&name, bytes) {
            if !self.is_refused.swap(true, Ordering::Relaxed) {
                tracing::warn!(%error, "features are not kept");
            }
            return;
        }
        let mut entries = self.entries();
        entries.used.insert(name.clone());
        entries.bytes += bytes.len() as u64;
        let before = entries.sizes.insert(name, bytes.len() as u64);
        entries.bytes -= before.unwrap_or(0);
    }

    /// Writes an entry, whole or not at all.
    fn publish(&self, name: &str, bytes: &[u8]) -> Result<(), FileError> {
        let path = self.folder.join(name);
        let work = self
            .work
            .get_or_init(|| WorkFolder::create(&self.folder, "work-").map_err(|error| FileError::new(&path, &error)));
        let draft = Draft::within(work.as_ref().map_err(Clone::clone)?, &path);
        std::fs::write(draft.temporary(), bytes).map_err(|error| draft.refused(&error))?;
        draft.rename()
    }

    /// Whether so many bytes have room, after what is stale has gone as far as needed.
    fn make_room(&self, bytes: u64) -> bool {
        let mut entries = self.entries();
        while entries.bytes + bytes > self.limit_bytes {
            let Some(name) = entries.stale.pop() else { return false };
            if entries.used.contains(&name) {
                continue;
            }
            if let Some(size) = entries.sizes.remove(&name) {
                entries.bytes -= size;
                let _ = std::fs::remove_file(self.folder.join(&name)); // gone already is as good
            }
        }
        true
    }

    fn name(&self, key: &str) -> String {
        format!("{key}.{}", self.precision.extension())
    }

    /// A panic elsewhere leaves the numbers whole enough: they only bound a folder.
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(n: usize) -> PatchFeatures {
        let values = (0..16 * 16 * 64).map(|i| (i * n) as f32 / 77.0).collect();
        Precision::F16.rounded(&PatchFeatures { side: 16, dim: 64, values })
    }

    /// The files of a folder: entries, not the folder of temporary files.
    fn files(folder: &Path) -> impl Iterator<Item = std::fs::DirEntry> {
        let entries = std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry"));
        entries.filter(|e| e.file_type().expect("a type").is_file())
    }

    #[test]
    fn features_come_back_to_the_bit_also_in_the_next_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = |n: usize| FeatureCache::key("net", &[n as f32]);
        let cache = FeatureCache::open(folder.path(), 1, Precision::F16).expect("opens");
        assert!(cache.get(&key(1)).is_none());
        cache.put(&key(1), &features(1));
        assert_eq!(cache.get(&key(1)), Some(features(1)));
        assert_ne!(key(1), FeatureCache::key("other", &[1.0]), "another network, another key");
        drop(cache);
        let again = FeatureCache::open(folder.path(), 1, Precision::F16).expect("opens");
        assert_eq!(again.get(&key(1)), Some(features(1)));
        assert_eq!((again.usage().hits, again.usage().hit_percent()), (1, 100));
        std::fs::write(folder.path().join(format!("{}.f16", key(1))), [1, 2]).expect("written");
        assert!(again.get(&key(1)).is_none(), "a broken entry is none");
    }

    #[test]
    fn each_precision_has_entries_of_its_own_within_one_bound() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = |precision| FeatureCache::open(folder.path(), 1, precision).expect("opens");
        open(Precision::F16).put("a", &features(1));
        let bytes = open(Precision::Int8);
        assert!(bytes.get("a").is_none(), "not of another precision");
        let kept = bytes.put("a", &features(1));
        assert!(kept == Precision::Int8.rounded(&features(1)) && kept != features(1));
        assert_eq!(open(Precision::Int8).get("a"), Some(kept));
        assert_eq!(open(Precision::F16).get("a"), Some(features(1)));
        let on_disk = |name: &str| std::fs::metadata(folder.path().join(name)).expect("a file").len();
        assert_eq!(bytes.usage().bytes, on_disk("a.f16") + on_disk("a.int8"));
        assert!(on_disk("a.int8") * 18 < on_disk("a.f16") * 10);
    }

    #[test]
    fn what_is_open_on_one_folder_finds_the_same_and_keeps_one_bound() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || FeatureCache::open(folder.path(), 1, Precision::F16).expect("opens");
        let (one, other) = (open(), open());
        let key = |n: usize| format!("{n:032}");
        one.put(&key(1), &features(1));
        assert_eq!(other.get(&key(1)), Some(features(1)), "kept by one, found by the other");
        assert_eq!((one.usage().hits, other.usage().hits), (0, 1), "each counts its own");
        (2..40).for_each(|n| drop([&one, &other][n % 2].put(&key(n), &features(n))));
        assert!(one.usage().bytes <= 1 << 20 && one.usage().bytes == other.usage().bytes);
        assert_eq!(files(folder.path()).count(), 31);
    }

    #[test]
    fn it_stays_within_its_bound_and_keeps_what_the_run_uses() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = FeatureCache::open(folder.path(), 1, Precision::F16).expect("opens");
        // An entry takes 32 KiB and a few bytes: 31 fit.
        (0..40).for_each(|n| drop(first.put(&format!("{n:032}"), &features(n))));
        assert!(first.usage().bytes <= 1 << 20);
        let kept = (0..40).filter(|n| first.get(&format!("{n:032}")).is_some()).count();
        assert_eq!(kept, 31, "the first ones stay: the next run begins with them");
        drop(first); // the next run is another
        let second = FeatureCache::open(folder.path(), 1, Precision::F16).expect("opens");
        assert!(second.get(&format!("{:032}", 3)).is_some());
        (100..140).for_each(|n| drop(second.put(&format!("{n:032}"), &features(n))));
        assert!(second.get(&format!("{:032}", 3)).is_some(), "used in this run");
        assert!(second.get(&format!("{:032}", 4)).is_none(), "not used, so it made room");
        let on_disk: u64 = files(folder.path()).map(|e| e.metadata().expect("a size").len()).sum();
        assert!(on_disk <= 1 << 20 && on_disk == second.usage().bytes, "{on_disk}");
    }
}
