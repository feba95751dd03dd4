//! Bodies of all maps kept in memory, counted in bytes, and each made once whoever asks for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::web::Bytes;
use moka::sync::Cache;
use tokio::sync::oneshot;

use super::errors::{HttpError, LogId};
use super::pool::Busy;
use crate::encode::compress::Encoding;
use crate::georef::TileCoord;

/// Memory of an entry besides its body, in bytes.
const ENTRY_BYTES: usize = 192;

/// A body of one map, whatever the generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// Number of the map.
    pub map: u32,
    /// What of it.
    pub what: What,
}

/// A kind of body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// A vector tile.
    Vector(TileCoord, Encoding),
    /// The mosaic, as WebP.
    Imagery(TileCoord),
    /// The label map, as PNG.
    Labels(TileCoord),
    /// What the page shows besides the tiles.
    About,
}

/// Kept bodies, and those that are being made.
pub struct Desk {
    kept: Cache<Key, Kept>,
    waiting: Mutex<Waiting>,
    tickets: AtomicU64,
}

type Reply = oneshot::Sender<Result<Bytes, LogId>>;
type Waiting = HashMap<(Key, u64), Asked>;

/// Who waits for a body, and which ticket makes it.
struct Asked {
    ticket: u64,
    replies: Vec<Reply>,
}

#[derive(Clone)]
struct Kept {
    generation: u64,
    body: Bytes,
}

/// The duty to make one body. Dropped without a result, it tells those who wait that the server is busy.
pub struct Ticket {
    desk: Arc<Desk>,
    key: Key,
    generation: u64,
    number: u64,
}

impl Desk {
    /// Keeps at most so many bytes.
    #[must_use]
    pub fn new(capacity_bytes: u64) -> Arc<Self> {
        let weigh = |_: &Key, kept: &Kept| u32::try_from(kept.body.len() + ENTRY_BYTES).unwrap_or(u32::MAX);
        let kept = Cache::builder().max_capacity(capacity_bytes).weigher(weigh).build();
        Arc::new(Self { kept, waiting: Mutex::default(), tickets: AtomicU64::new(0) })
    }

    /// The body of a generation, if it is kept.
    #[must_use]
    pub fn get(&self, key: &Key, generation: u64) -> Option<Bytes> {
        self.kept.get(key).filter(|kept| kept.generation == generation).map(|kept| kept.body)
    }

    /// Keeps a body; one of a newer generation stays.
    pub fn put(&self, key: Key, generation: u64, body: Bytes) {
        let fresh = || Kept { generation, body };
        self.kept.entry(key).or_insert_with_if(fresh, |kept| kept.generation <= generation);
    }

    /// The body of a generation: kept, or made by `start`, which those who ask at the same time share.
    ///
    /// # Errors
    /// When it cannot be made, or there is no room to wait for it.
    pub async fn get_or_make(
        self: &Arc<Self>,
        key: Key,
        generation: u64,
        start: impl FnOnce(Ticket) -> Result<(), Busy>,
    ) -> Result<Bytes, HttpError> {
        if let Some(body) = self.get(&key, generation) {
            return Ok(body);
        }
        let (reply, answer) = oneshot::channel();
        if let Some(number) = self.join((key, generation), reply) {
            // A refused ticket tells all who joined in between.
            start(Ticket { desk: Arc::clone(self), key, generation, number }).map_err(|Busy| HttpError::Busy)?;
        }
        answer.await.map_err(|_| HttpError::Busy)?.map_err(HttpError::Internal)
    }

    /// Joins those who wait; returns the number of a new ticket where nobody makes the body.
    fn join(&self, what: (Key, u64), reply: Reply) -> Option<u64> {
        let mut waiting = self.lock();
        if let Some(asked) = waiting.get_mut(&what) {
            asked.replies.push(reply);
            return None;
        }
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
        waiting.insert(what, Asked { ticket, replies: vec![reply] });
        Some(ticket)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// Whether nobody waits any more. Who comes after that starts anew.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        let mut waiting = self.desk.lock();
        let what = (self.key, self.generation);
        let Some(asked) = waiting.get(&what).filter(|asked| asked.ticket == self.number) else { return true };
        let is_abandoned = asked.replies.iter().all(oneshot::Sender::is_closed);
        if is_abandoned {
            waiting.remove(&what);
        }
        is_abandoned
    }

    /// Keeps a body and gives it to those who wait.
    pub fn finish(self, result: &Result<Bytes, LogId>) {
        if let Ok(body) = result {
            self.desk.put(self.key, self.generation, body.clone());
        }
        for reply in self.take() {
            let _ = reply.send(result.clone()); // the client may have left
        }
    }

    fn take(&self) -> Vec<Reply> {
        let mut waiting = self.desk.lock();
        let what = (self.key, self.generation);
        let is_own = waiting.get(&what).is_some_and(|asked| asked.ticket == self.number);
        if is_own { waiting.remove(&what).map_or_else(Vec::new, |asked| asked.replies) } else { Vec::new() }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        drop(self.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    fn key(map: u32) -> Key {
        Key { map, what: What::About }
    }

    #[actix_web::test]
    async fn those_who_ask_at_the_same_time_share_one_making() {
        let desk = Desk::new(1 << 20);
        let mut ticket = None;
        let mut first = Box::pin(desk.get_or_make(key(1), 1, |t| {
            ticket = Some(t);
            Ok(())
        }));
        assert!(first.as_mut().now_or_never().is_none());
        let mut second = Box::pin(desk.get_or_make(key(1), 1, |_| unreachable!("it is being made")));
        assert!(second.as_mut().now_or_never().is_none());
        drop(first);
        let ticket = ticket.expect("started");
        assert!(!ticket.is_abandoned(), "one still waits");
        ticket.finish(&Ok(Bytes::from_static(&[1])));
        assert_eq!(second.await.ok(), Some(Bytes::from_static(&[1])));
        let kept = desk.get_or_make(key(1), 1, |_| unreachable!("it is kept")).await;
        assert_eq!(kept.ok(), Some(Bytes::from_static(&[1])));
        assert_eq!((desk.get(&key(1), 2), desk.get(&key(2), 1)), (None, None));
    }

    #[actix_web::test]
    async fn a_ticket_that_is_dropped_says_busy_and_one_without_clients_is_abandoned() {
        let desk = Desk::new(1 << 20);
        let refused = desk.get_or_make(key(1), 1, |_| Err(Busy)).await;
        assert!(matches!(refused, Err(HttpError::Busy)));
        let mut ticket = None;
        let mut left = Box::pin(desk.get_or_make(key(1), 1, |t| {
            ticket = Some(t);
            Ok(())
        }));
        assert!(left.as_mut().now_or_never().is_none());
        drop(left);
        assert!(ticket.expect("started").is_abandoned());
    }

    #[test]
    fn the_capacity_is_in_bytes_for_all_maps_together() {
        let desk = Desk::new(10_000);
        (0..100).for_each(|i| desk.put(key(i), 0, vec![0; 1000].into()));
        desk.kept.run_pending_tasks();
        let kept = (0..100).filter(|i| desk.get(&key(*i), 0).is_some()).count();
        assert!((1..=10).contains(&kept), "{kept}");
    }

    #[test]
    fn an_older_body_does_not_replace_a_newer_one() {
        let desk = Desk::new(1 << 20);
        desk.put(key(1), 2, Bytes::from_static(&[2]));
        desk.put(key(1), 1, Bytes::from_static(&[1]));
        assert_eq!(desk.get(&key(1), 2), Some(Bytes::from_static(&[2])));
    }
}
