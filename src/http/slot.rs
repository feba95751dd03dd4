//! The place of a map in a server: being opened, served, or failed.

use std::future::{Ready, ready};
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use serde_json::{Value, json};

use super::errors::{HttpError, LogId};
use super::links::client_address;
use super::options::ServeOptions;
use super::resources::Resources;
use super::state::{ServeError, State};
use crate::seed::{Live, OpenProgress};

/// The place of a map in a server. Handlers that need the map answer 503 until it is there.
pub struct Slot {
    name: String,
    /// How the map is served.
    pub(super) options: ServeOptions,
    pub(super) resources: Arc<Resources>,
    phase: RwLock<Phase>,
}

#[derive(Clone)]
enum Phase {
    Opening { progress: Arc<OpenProgress>, since: Instant },
    Served(Arc<State>),
    Failed { reason: &'static str, id: LogId },
}

impl Slot {
    /// For a map that is being opened.
    #[must_use]
    pub fn opening(name: &str, options: ServeOptions, resources: &Arc<Resources>, progress: Arc<OpenProgress>) -> Self {
        let phase = RwLock::new(Phase::Opening { progress, since: Instant::now() });
        Self { name: name.to_owned(), options, resources: Arc::clone(resources), phase }
    }

    /// For a map that is there.
    #[must_use]
    pub fn served(state: State) -> Self {
        let (name, options) = (state.live.name().to_owned(), state.options.clone());
        let resources = Arc::clone(&state.resources);
        Self { name, options, resources, phase: RwLock::new(Phase::Served(Arc::new(state))) }
    }

    /// Serves a map from now on.
    ///
    /// # Errors
    /// When it has no place on the ground or the system gives no thread.
    pub fn serve(&self, live: Arc<Live>) -> Result<(), ServeError> {
        let state = State::new(live, self.options.clone(), &self.resources)?;
        self.set(Phase::Served(Arc::new(state)));
        Ok(())
    }

    /// Answers from now on that the map cannot be served, and logs why. The reason goes to clients: it holds no paths.
    pub fn fail(&self, reason: &'static str, error: &dyn std::fmt::Display) {
        let id = LogId::of(error, &format!("map {:?} cannot be served", self.name));
        self.set(Phase::Failed { reason, id });
    }

    /// The name of the map.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the map is still being opened.
    #[must_use]
    pub fn is_opening(&self) -> bool {
        matches!(self.phase(), Phase::Opening { .. })
    }

    /// Whether the map cannot be served.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        matches!(self.phase(), Phase::Failed { .. })
    }

    /// The map, where it is there.
    pub(super) fn state(&self) -> Result<Arc<State>, HttpError> {
        match self.phase() {
            Phase::Opening { progress, since } => Err(HttpError::Opening(opening_json(&progress, since))),
            Phase::Served(state) => Ok(state),
            Phase::Failed { reason, id } => Err(HttpError::Unavailable { reason, id }),
        }
    }

    /// Whether the map can be served, and why not. It looks at files: not on a thread that answers.
    pub(super) fn readiness(&self) -> (bool, Value) {
        match self.phase() {
            Phase::Opening { progress, since } => (
                false,
                json!({ "ready": false, "map": self.name, "state": "opening", "detail": "the map is being opened",
                    "progress": opening_json(&progress, since) }),
            ),
            Phase::Failed { reason, id } => (
                false,
                json!({ "ready": false, "map": self.name, "state": reason, "detail": "the map cannot be opened",
                    "log_id": id.get() }),
            ),
            Phase::Served(state) => {
                let health = state.live.health();
                let detail = health.detail;
                (health.ok, json!({ "ready": health.ok, "map": self.name, "state": health.state, "detail": detail }))
            }
        }
    }

    fn phase(&self) -> Phase {
        self.phase.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, phase: Phase) {
        *self.phase.write().unwrap_or_else(PoisonError::into_inner) = phase;
    }
}

fn opening_json(progress: &OpenProgress, since: Instant) -> Value {
    let (done, total) = progress.blocks();
    json!({ "step": progress.step(), "blocks_read": done, "blocks": total, "seconds": since.elapsed().as_secs() })
}

/// The map that a request asks for; 503 where it is not there.
pub struct Map(Arc<State>);

impl Deref for Map {
    type Target = Arc<State>;

    fn deref(&self) -> &Arc<State> {
        &self.0
    }
}

impl FromRequest for Map {
    type Error = HttpError;
    type Future = Ready<Result<Self, HttpError>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let not_here = || HttpError::NotFound(format!("nothing is at {}", req.path()));
        let slot = req.app_data::<web::Data<Slot>>().ok_or_else(not_here);
        ready(slot.and_then(|slot| slot.state()).map(Self))
    }
}

/// The address of the client of a request.
pub struct Client(pub IpAddr);

impl FromRequest for Client {
    type Error = HttpError;
    type Future = Ready<Result<Self, HttpError>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let is_trusted = req.app_data::<web::Data<Slot>>().is_some_and(|slot| slot.options.trust_forwarded);
        ready(Ok(Self(client_address(req, is_trusted))))
    }
}
