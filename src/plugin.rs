//! The one value that a host mounts.

use std::sync::Arc;

use actix_web::{Scope, web};

use crate::http::{self, State};
use crate::seed::Live;

pub use crate::http::{ServeError, ServeOptions};

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
    state: web::Data<State>,
}

impl Orthotile {
    /// Takes a map and starts the threads that draw its raster tiles. Make it once, outside the closure of
    /// `HttpServer::new`, which runs in each worker.
    ///
    /// # Errors
    /// When the map has no place on the ground or the system gives no thread.
    pub fn new(live: Arc<Live>, options: ServeOptions) -> Result<Self, ServeError> {
        Ok(Self { state: web::Data::new(State::new(live, options)?) })
    }

    /// The map under a path of the server such as `/city`, without a slash at its end, with the page at `/city/`.
    /// Its data stays inside the scope, so that many live side by side. An empty prefix takes every path that no
    /// service before it took: mount it last.
    #[must_use]
    pub fn scope(&self, prefix: &str) -> Scope {
        http::routes(prefix, self.state.clone())
    }
}
