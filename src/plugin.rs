//! The one value that a host mounts.

use std::sync::Arc;

use actix_web::{Scope, web};

use crate::http::server::Site;
use crate::http::{self, Slot, State};
use crate::seed::{Live, OpenProgress};

pub use crate::http::server::BoundServer;
pub use crate::http::{Cors, Hosts, Limits, Resources, ServeError, ServeOptions};

/// A map, ready to be mounted in an actix-web server; clones share it.
///
/// ```no_run
/// # use std::sync::Arc;
/// # fn mount(live: Arc<orthotile::seed::Live>) -> Result<(), orthotile::plugin::ServeError> {
/// use orthotile::plugin::{Orthotile, ServeOptions};
///
/// let city = Orthotile::new(live, ServeOptions::default())?;
/// let app = actix_web::App::new().service(city.scope("/city"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Orthotile {
    slot: web::Data<Slot>,
}

impl Orthotile {
    /// Takes a map and starts the threads that make its tiles. Make it once, outside the closure of
    /// `HttpServer::new`, which runs in each worker.
    ///
    /// # Errors
    /// When the map has no place on the ground or the system gives no thread.
    pub fn new(live: Arc<Live>, options: ServeOptions) -> Result<Self, ServeError> {
        let no_thread = |cause| ServeError::Thread { name: live.name().to_owned(), cause };
        let resources = Resources::start(&Limits::default()).map_err(no_thread)?;
        Self::sharing(live, options, &resources)
    }

    /// As [`Self::new`], with threads, memory and limits that other maps share.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn sharing(live: Arc<Live>, options: ServeOptions, resources: &Arc<Resources>) -> Result<Self, ServeError> {
        Ok(Self { slot: web::Data::new(Slot::served(State::new(live, options, resources)?)) })
    }

    /// The place of a map that is still being opened: it answers 503 with the progress until [`Self::serve`].
    #[must_use]
    pub fn opening(name: &str, options: ServeOptions, resources: &Arc<Resources>, progress: Arc<OpenProgress>) -> Self {
        Self { slot: web::Data::new(Slot::opening(name, options, resources, progress)) }
    }

    /// Serves the map that was awaited.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn serve(&self, live: Arc<Live>) -> Result<(), ServeError> {
        self.slot.serve(live)
    }

    /// Answers from now on that the map cannot be served. Clients get the reason, the log gets the error.
    pub fn fail(&self, reason: &'static str, error: &dyn std::fmt::Display) {
        self.slot.fail(reason, error);
    }

    /// The map under a path of the server such as `/city`, without a slash at its end, with the page at `/city/`.
    /// Its data stays inside the scope, so that many live side by side. An empty prefix takes every path that no
    /// service before it took: mount it last.
    #[must_use]
    pub fn scope(&self, prefix: &str) -> Scope {
        http::routes(prefix, self.slot.clone())
    }
}

/// A server of maps under their paths, with the limits and threads that they share.
#[must_use]
pub fn site(maps: &[(String, Orthotile)], hosts: Hosts, resources: &Arc<Resources>) -> Site {
    let maps = maps.iter().map(|(path, map)| (path.clone(), map.slot.clone())).collect();
    Site { maps, hosts, resources: Arc::clone(resources) }
}
