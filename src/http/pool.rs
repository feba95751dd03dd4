//! Threads for one class of work, with a bounded queue that takes turns between addresses.

use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use super::errors::HttpError;

type Job = Box<dyn FnOnce() + Send>;

/// A queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

/// Threads that end with the pool; what still waits then is dropped.
pub struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
}

/// Jobs by address, and whose turn is next. An address stands in `turns` exactly when it has jobs.
struct Queue {
    jobs: HashMap<IpAddr, VecDeque<Job>>,
    turns: VecDeque<IpAddr>,
    waiting: usize,
    limit: usize,
    closed: bool,
}

impl Pool {
    /// Starts threads.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(name: &str, threads: usize, limit: usize) -> io::Result<Self> {
        let queue = Queue { jobs: HashMap::new(), turns: VecDeque::new(), waiting: 0, limit, closed: false };
        let shared = Arc::new(Shared { queue: Mutex::new(queue), wake: Condvar::new() });
        for i in 0..threads {
            let shared = Arc::clone(&shared);
            thread::Builder::new().name(format!("{name}-{i}")).spawn(move || work(&shared))?;
        }
        Ok(Self { shared })
    }

    /// Queues a job for a client. A full queue gives up the newest job of the address with the most.
    ///
    /// # Errors
    /// When the queue is full, and no address has more jobs than this one.
    pub fn submit(&self, address: IpAddr, job: impl FnOnce() + Send + 'static) -> Result<(), Busy> {
        let given_up = lock(&self.shared).push(address, Box::new(job))?;
        drop(given_up); // those who wait for it are told, without the lock
        self.shared.wake.notify_one();
        Ok(())
    }

    /// The result of some work; the work is skipped when nobody waits for it any more.
    ///
    /// # Errors
    /// When the queue is full or the work panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        address: IpAddr,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HttpError> {
        let (reply, answer) = oneshot::channel();
        let job = move || {
            if !reply.is_closed() {
                let _ = reply.send(work()); // the client may leave while it is made
            }
        };
        self.submit(address, job).map_err(|Busy| HttpError::Busy)?;
        answer.await.map_err(|_| HttpError::Busy)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        lock(&self.shared).closed = true;
        self.shared.wake.notify_all();
    }
}

impl Queue {
    fn push(&mut self, address: IpAddr, job: Job) -> Result<Option<Job>, Busy> {
        let given_up = if self.waiting >= self.limit { Some(self.give_up(address)?) } else { None };
        let own = self.jobs.entry(address).or_default();
        if own.is_empty() {
            self.turns.push_back(address);
        }
        own.push_back(job);
        self.waiting += 1;
        Ok(given_up)
    }

    /// Takes the newest job of the address with the most, where that has more than another one.
    fn give_up(&mut self, address: IpAddr) -> Result<Job, Busy> {
        let own = self.jobs.get(&address).map_or(0, VecDeque::len);
        let most = self.jobs.values_mut().max_by_key(|jobs| jobs.len()).filter(|jobs| jobs.len() > own + 1);
        let job = most.and_then(VecDeque::pop_back).ok_or(Busy)?;
        self.waiting -= 1;
        Ok(job)
    }

    fn pop(&mut self) -> Option<Job> {
        let address = self.turns.pop_front()?;
        let jobs = self.jobs.get_mut(&address)?;
        let job = jobs.pop_front();
        if jobs.is_empty() {
            self.jobs.remove(&address);
        } else {
            self.turns.push_back(address);
        }
        self.waiting -= usize::from(job.is_some());
        job
    }
}

/// The life of a thread.
fn work(shared: &Shared) {
    loop {
        let job = {
            let mut queue = lock(shared);
            loop {
                if queue.closed {
                    return;
                }
                match queue.pop() {
                    Some(job) => break job,
                    None => queue = shared.wake.wait(queue).unwrap_or_else(PoisonError::into_inner),
                }
            }
        };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(job)) {
            tracing::error!(panic = message(panic.as_ref()), "a request could not be answered");
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("panic")
}

fn lock(shared: &Shared) -> MutexGuard<'_, Queue> {
    shared.queue.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use std::sync::mpsc;

    fn address(n: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, n])
    }

    /// A pool of one thread that waits until `gate` is dropped.
    fn held(limit: usize) -> (Pool, mpsc::Sender<()>) {
        let pool = Pool::start("test", 1, limit).expect("a thread");
        let ((gate, closed), (began, waiting)) = (mpsc::channel::<()>(), mpsc::channel());
        let wait = move || {
            began.send(()).expect("the test waits");
            let _ = closed.recv();
        };
        pool.submit(address(0), wait).expect("room");
        waiting.recv().expect("it began");
        (pool, gate)
    }

    #[test]
    fn addresses_take_turns() {
        let (pool, gate) = held(10);
        let (done, order) = mpsc::channel();
        for n in [1, 1, 1, 2, 3] {
            let done = done.clone();
            pool.submit(address(n), move || done.send(n).expect("the test waits")).expect("room");
        }
        drop((done, gate));
        assert_eq!(order.iter().collect::<Vec<_>>(), [1, 2, 3, 1, 1]);
    }

    #[test]
    fn a_full_queue_refuses_the_address_that_filled_it_and_nobody_else() {
        let (pool, gate) = held(3);
        let (done, order) = mpsc::channel();
        let submit = |n: u8| {
            let done = done.clone();
            pool.submit(address(n), move || done.send(n).expect("the test waits"))
        };
        assert_eq!([1, 1, 1].map(submit), [Ok(()); 3]);
        assert_eq!(submit(1), Err(Busy));
        assert_eq!(submit(2), Ok(()));
        drop(gate);
        let mut done = [order.recv(), order.recv(), order.recv()].map(|n| n.expect("made"));
        done.sort_unstable();
        assert_eq!(done, [1, 1, 2]);
    }

    #[actix_web::test]
    async fn what_nobody_waits_for_is_skipped_and_a_panic_ends_no_thread() {
        let (pool, gate) = held(10);
        let (done, made) = mpsc::channel();
        let abandoned = done.clone();
        let mut left = Box::pin(pool.run(address(1), move || abandoned.send("abandoned").expect("the test waits")));
        assert!(left.as_mut().now_or_never().is_none());
        drop(left);
        pool.submit(address(1), || panic!("on purpose")).expect("room");
        pool.submit(address(1), move || done.send("wanted").expect("the test waits")).expect("room");
        drop(gate);
        assert_eq!(made.iter().collect::<Vec<_>>(), ["wanted"]);
        assert_eq!(pool.run(address(1), || 7).await.ok(), Some(7));
    }
}
