//! Bodies kept in memory, counted in bytes.

use std::hash::Hash;

use actix_web::web::Bytes;
use moka::sync::Cache;

/// What an entry costs beside its body, in bytes.
const ENTRY_BYTES: usize = 128;

/// The bodies of tiles, each with the generation of the map that it was made from; a newer one takes its place.
pub struct Bodies<K>(Cache<K, Kept>);

#[derive(Clone)]
struct Kept {
    generation: u64,
    body: Bytes,
}

impl<K: Hash + Eq + Send + Sync + 'static> Bodies<K> {
    /// Keeps at most so many bytes.
    #[must_use]
    pub fn new(capacity_bytes: u64) -> Self {
        let weigh = |_: &K, kept: &Kept| u32::try_from(kept.body.len() + ENTRY_BYTES).unwrap_or(u32::MAX);
        Self(Cache::builder().max_capacity(capacity_bytes).weigher(weigh).build())
    }

    /// The body of a generation, if it is kept.
    pub fn get(&self, key: &K, generation: u64) -> Option<Bytes> {
        self.0.get(key).filter(|kept| kept.generation == generation).map(|kept| kept.body)
    }

    /// The body of a generation, made if need be; those who ask at the same time wait for one making. It may block.
    pub fn get_or_make(&self, key: K, generation: u64, make: impl FnOnce() -> Vec<u8>) -> Bytes {
        let fresh = || Kept { generation, body: make().into() };
        let entry = self.0.entry(key).or_insert_with_if(fresh, |kept| kept.generation != generation);
        entry.into_value().body
    }

    /// Keeps a body.
    pub fn put(&self, key: K, generation: u64, body: Bytes) {
        self.0.insert(key, Kept { generation, body });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_made_once_per_generation() {
        let bodies = Bodies::new(1 << 20);
        assert_eq!(bodies.get_or_make("a", 1, || vec![1]), Bytes::from_static(&[1]));
        assert_eq!(bodies.get_or_make("a", 1, || unreachable!("it is kept")), Bytes::from_static(&[1]));
        assert_eq!(bodies.get(&"a", 2), None);
        assert_eq!(bodies.get_or_make("a", 2, || vec![2]), Bytes::from_static(&[2]));
        assert_eq!(bodies.get(&"a", 2), Some(Bytes::from_static(&[2])));
    }

    #[test]
    fn the_capacity_is_in_bytes() {
        let bodies = Bodies::new(10_000);
        (0..100).for_each(|i| bodies.put(i, 0, vec![0; 1000].into()));
        bodies.0.run_pending_tasks();
        let kept = (0..100).filter(|i| bodies.get(i, 0).is_some()).count();
        assert!((1..=10).contains(&kept), "{kept}");
    }
}
