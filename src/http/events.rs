//! What is being made: a stream of events (HTML Standard, "Server-sent events"), and the same as one document.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream::{Stream, unfold};
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, interval};

use super::answer::document;
use super::errors::HttpError;
use super::seats::Seat;
use super::slot::{Client, Map};
use super::state::State;
use crate::seed::{BlockState, Progress, SeedEvent};

/// How often progress is looked at.
const TICK: Duration = Duration::from_secs(1);

/// Silence longer than this is broken by a comment, so that proxies keep the connection.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// `GET /progress`.
pub async fn progress(req: HttpRequest, state: Map) -> HttpResponse {
    document(&req, "application/json", progress_json(&state.live.progress()).to_string().as_bytes())
}

/// `GET /events`: `progress` at once and whenever it changed, `block` for each change of a block. Ends when the server is
/// asked to stop; 503 where too many listen.
pub async fn events(state: Map, Client(address): Client) -> Result<HttpResponse, HttpError> {
    let seat = state.resources.listeners.take(address).ok_or(HttpError::Busy)?;
    let response = HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(("Cache-Control", "no-cache"))
        .insert_header(("X-Accel-Buffering", "no")) // nginx would collect the stream
        .streaming(stream(Arc::clone(&state), seat));
    Ok(response)
}

struct Listener {
    state: Arc<State>,
    _seat: Seat,
    closing: watch::Receiver<bool>,
    changes: Receiver<SeedEvent>,
    ticks: Interval,
    told: Option<Progress>,
    told_at: Instant,
}

fn stream(state: Arc<State>, seat: Seat) -> impl Stream<Item = Result<Bytes, actix_web::Error>> {
    let changes = state.live.subscribe();
    let closing = state.resources.closing();
    let listener =
        Listener { state, _seat: seat, closing, changes, ticks: interval(TICK), told: None, told_at: Instant::now() };
    unfold(listener, |mut listener| async move {
        let text = listener.next().await?;
        Some((Ok(Bytes::from(text)), listener))
    })
}

impl Listener {
    /// The next piece of the stream; `None` when the map is gone or the server stops.
    async fn next(&mut self) -> Option<String> {
        loop {
            let change = tokio::select! {
                biased; // each tick is due at most once a second, and tells the progress first of all
                _ = self.ticks.tick() => None,
                _ = self.closing.wait_for(|closing| *closing) => return None,
                change = self.changes.recv() => Some(change),
            };
            let text = match change {
                None => self.tick(),
                Some(Ok(change)) => Some(event("block", &block_json(&change))),
                // Too slow to hear all: what it is now says enough.
                Some(Err(RecvError::Lagged(_))) => {
                    self.told = None;
                    None
                }
                Some(Err(RecvError::Closed)) => return None,
            };
            if let Some(text) = text {
                self.told_at = Instant::now();
                return Some(text);
            }
        }
    }

    fn tick(&mut self) -> Option<String> {
        let progress = self.state.live.progress();
        if self.told.as_ref() != Some(&progress) {
            let text = event("progress", &progress_json(&progress));
            self.told = Some(progress);
            return Some(text);
        }
        (self.told_at.elapsed() >= HEARTBEAT).then(|| ": still here\n\n".to_owned())
    }
}

fn event(name: &str, data: &Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

fn block_json(event: &SeedEvent) -> Value {
    let (state, reason) = match &event.state {
        BlockState::Queued => ("queued", None),
        BlockState::Running => ("running", None),
        BlockState::Done => ("done", None),
        BlockState::Failed { reason, log_id } => ("failed", Some((*reason, *log_id))),
    };
    json!({
        "block": event.block.to_string(),
        "state": state,
        "reason": reason.map(|(reason, _)| reason),
        "log_id": reason.map(|(_, log_id)| log_id),
        "generation": event.generation,
        "bbox": event.bounds.lon_lat_wsen(),
    })
}

fn progress_json(progress: &Progress) -> Value {
    json!({
        "total": progress.total,
        "made": progress.made,
        "queued": progress.queued,
        "running": progress.running,
        "failed": progress.failed,
        "mpx_per_s": progress.mpx_per_s,
        "seconds_left": progress.seconds_left,
        "device": progress.device,
    })
}
