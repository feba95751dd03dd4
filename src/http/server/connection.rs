//! One connection: a stream of bytes that is cut off when its client asks for too much or takes too little.

use std::future::Future as _;
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::registry::Registry;

/// Bytes that a client must take within a write time-out.
const LEAST_TAKEN: usize = 16 << 10;

/// What is read of a refused body, so that the client gets to read the answer.
const REFUSED_BYTES: usize = 256 << 10;
const REFUSED_TIME: Duration = Duration::from_secs(2);

/// Bytes read before requests in them are looked for.
const BURST: usize = 16 << 10;

const TIMEOUT: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
const TOO_LARGE: &[u8] =
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
/// To those for whom there is no room.
pub const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// Time-outs and sizes of connections.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// For the head of a request.
    pub header_bytes: usize,
    /// For the head of a request.
    pub header_timeout: Duration,
    /// In which a client must take some of an answer.
    pub write_timeout: Duration,
}

/// What the server knows of a connection.
pub struct Connection {
    address: IpAddr,
    registry: Arc<Registry>,
    /// Place among those of its address that wait.
    place: AtomicU64,
    requests: AtomicUsize,
    /// Counts changes between busy and idle.
    turn: AtomicU64,
    is_cut: AtomicBool,
    is_gone: AtomicBool,
    is_refused: AtomicBool,
    task: AtomicWaker,
}

impl Connection {
    pub(super) fn new(address: IpAddr, registry: Arc<Registry>) -> Self {
        Self {
            address,
            registry,
            place: AtomicU64::new(0),
            requests: AtomicUsize::new(0),
            turn: AtomicU64::new(0),
            is_cut: AtomicBool::new(false),
            is_gone: AtomicBool::new(false),
            is_refused: AtomicBool::new(false),
            task: AtomicWaker::new(),
        }
    }

    /// The address of the other side.
    pub(super) fn address(&self) -> IpAddr {
        self.address
    }

    pub(super) fn place(&self) -> u64 {
        self.place.load(Ordering::Relaxed)
    }

    pub(super) fn set_place(&self, place: u64) {
        self.place.store(place, Ordering::Relaxed);
    }

    pub(super) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Relaxed)
    }

    /// Whether it was gone already.
    pub(super) fn set_gone(&self) -> bool {
        self.is_gone.swap(true, Ordering::Relaxed)
    }

    /// Ends the connection as soon as its task runs.
    pub(super) fn cut(&self) {
        self.is_cut.store(true, Ordering::Release);
        self.task.wake();
    }

    pub(super) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Acquire)
    }

    /// Reads little of what still comes, and for a short time.
    pub(in crate::http) fn refuse_body(&self) {
        self.is_refused.store(true, Ordering::Release);
        self.task.wake(); // so that the time is taken although nothing comes
    }

    fn is_idle(&self) -> bool {
        self.requests.load(Ordering::Acquire) == 0
    }
}

/// A request under way on a connection.
pub(in crate::http) struct Busy(Arc<Connection>);

impl Busy {
    /// From now until it is dropped.
    pub(in crate::http) fn begin(connection: &Arc<Connection>) -> Self {
        if connection.requests.fetch_add(1, Ordering::AcqRel) == 0 {
            connection.turn.fetch_add(1, Ordering::AcqRel);
            connection.registry.wake(connection);
        }
        Self(Arc::clone(connection))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if self.0.requests.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.turn.fetch_add(1, Ordering::AcqRel);
            self.0.registry.rest(&self.0);
        }
    }
}

/// A stream of bytes within bounds.
pub struct Bounded {
    io: TcpStream,
    connection: Arc<Connection>,
    bounds: Bounds,
    /// Of the request that is awaited: when it must be there, and what has come of it.
    awaited: Pin<Box<Sleep>>,
    turn: u64,
    received: usize,
    burst: usize,
    /// Of a refused body.
    refused: Option<usize>,
    /// Of an answer that the client does not take, and what it took since.
    stalled: Option<Pin<Box<Sleep>>>,
    taken: usize,
}

impl Bounded {
    /// A stream that has just been accepted.
    #[must_use]
    pub fn new(io: TcpStream, connection: Arc<Connection>, bounds: Bounds) -> Self {
        let awaited = Box::pin(sleep_until(Instant::now() + bounds.header_timeout));
        let turn = connection.turn.load(Ordering::Acquire);
        let (received, burst, taken) = (0, 0, 0);
        Self { io, connection, bounds, awaited, turn, received, burst, refused: None, stalled: None, taken }
    }

    /// What the server knows of it.
    #[must_use]
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Whether nothing more is read, as far as time decides.
    fn is_overdue(&mut self, cx: &mut Context<'_>) -> bool {
        let turn = self.connection.turn.load(Ordering::Acquire);
        if turn != self.turn {
            (self.turn, self.received) = (turn, 0);
            self.awaited.as_mut().reset(Instant::now() + self.bounds.header_timeout);
        }
        if self.connection.is_refused.load(Ordering::Acquire) {
            if self.refused.is_none() {
                self.refused = Some(0);
                self.awaited.as_mut().reset(Instant::now() + REFUSED_TIME);
            }
            return self.awaited.as_mut().poll(cx).is_ready();
        }
        if !self.connection.is_idle() || self.awaited.as_mut().poll(cx).is_pending() {
            return false;
        }
        if self.received > 0 {
            self.say(TIMEOUT);
        }
        true
    }

    /// Whether nothing more is read, as far as size decides: of what was read, no request came.
    fn is_too_much(&mut self) -> bool {
        if let Some(refused) = self.refused {
            return refused > REFUSED_BYTES;
        }
        if !self.connection.is_idle() || self.received <= self.bounds.header_bytes {
            return false;
        }
        self.say(TOO_LARGE);
        true
    }

    /// Says why, if there is room to say it.
    fn say(&self, text: &[u8]) {
        let _ = self.io.try_write(text); // the connection ends anyway
    }

    /// A client that takes too little is cut off, and what it has not taken is thrown away.
    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let timeout = self.bounds.write_timeout;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + timeout)));
        while stalled.as_mut().poll(cx).is_ready() {
            if self.taken < LEAST_TAKEN {
                let _ = self.io.set_zero_linger(); // the system forgets what was not taken, too
                self.connection.cut();
                return Poll::Ready(Err(ErrorKind::TimedOut.into()));
            }
            self.taken = 0;
            stalled.as_mut().reset(Instant::now() + timeout);
        }
        Poll::Pending
    }

    fn took(&mut self, bytes: usize) {
        self.taken += bytes;
        if self.taken >= LEAST_TAKEN {
            (self.stalled, self.taken) = (None, 0);
        }
    }
}

impl Drop for Bounded {
    fn drop(&mut self) {
        self.connection.registry.leave(&self.connection);
    }
}

impl AsyncRead for Bounded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.connection.task.register(cx.waker());
        if this.connection.is_cut() || this.is_overdue(cx) {
            return Poll::Ready(Ok(())); // as if the client had closed
        }
        if this.burst >= BURST.min(this.bounds.header_bytes) {
            this.burst = 0; // requests in it are looked for
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if this.burst == 0 && this.is_too_much() {
            this.connection.cut();
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut this.io).poll_read(cx, buf);
        if read.is_pending() {
            this.burst = 0;
        }
        ready!(read)?;
        let more = buf.filled().len() - before;
        this.burst += more;
        this.received += more;
        if let Some(refused) = &mut this.refused {
            *refused += more;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        match Pin::new(&mut this.io).poll_write(cx, buf) {
            Poll::Ready(Ok(bytes)) => {
                this.took(bytes);
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending if this.connection.is_cut() => Poll::Ready(Err(ErrorKind::ConnectionAborted.into())),
            Poll::Pending => {
                this.connection.task.register(cx.waker());
                this.poll_stalled(cx)
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
