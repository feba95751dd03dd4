//! Maps that are opened while the server answers already.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use super::{ConfigError, MapConfig, ServeConfig};
use crate::http::server::Site;
use crate::plugin::{self, Orthotile, Resources};
use crate::seed::OpenProgress;

/// Maps that are opened at the same time: each uses every core for most of it.
const AT_ONCE: usize = 3;

/// The maps of a configuration on their way into a server.
pub struct Opening {
    /// The server, in which each map has its place.
    pub site: Site,
    config: Arc<ServeConfig>,
    resources: Arc<Resources>,
    maps: Vec<(String, Orthotile)>,
    progress: Vec<Arc<OpenProgress>>,
}

/// What is told of each map: opened, or why not.
type Told = dyn Fn(&MapConfig, Result<(), &ConfigError>) + Send + Sync;

impl ServeConfig {
    /// A server in which every map has its place, and none is opened yet.
    ///
    /// # Errors
    /// When limits are out of range or the system gives no thread.
    pub fn opening(self) -> Result<Opening, ConfigError> {
        let resources = self.resources()?;
        let progress: Vec<Arc<OpenProgress>> = self.maps.iter().map(|_| Arc::default()).collect();
        let place = |(map, progress): (&MapConfig, &Arc<OpenProgress>)| {
            let place = Orthotile::opening(&map.shown_name(), self.options(map), &resources, Arc::clone(progress));
            (map.path.clone(), place)
        };
        let maps: Vec<(String, Orthotile)> = self.maps.iter().zip(&progress).map(place).collect();
        let site = plugin::site(&maps, self.hosts(), &resources);
        Ok(Opening { site, config: Arc::new(self), resources, maps, progress })
    }
}

impl Opening {
    /// Opens the maps on threads of their own and tells of each; the thread that is returned ends with the number of maps
    /// that are served. A map that cannot be opened stops no other.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        self,
        told: impl Fn(&MapConfig, Result<(), &ConfigError>) + Send + Sync + 'static,
    ) -> std::io::Result<JoinHandle<usize>> {
        let work = Arc::new(Work { opening: self, next: AtomicUsize::new(0), told: Box::new(told) });
        let run = move || {
            let threads = AT_ONCE.min(work.opening.maps.len());
            std::thread::scope(|scope| {
                let running: Vec<_> = (0..threads).map(|_| scope.spawn(|| work.run())).collect();
                running.into_iter().map(|thread| thread.join().unwrap_or(0)).sum()
            })
        };
        std::thread::Builder::new().name("opening".to_owned()).spawn(run)
    }

    fn open(&self, number: usize) -> Result<(), ConfigError> {
        let (map, progress) = (&self.config.maps[number], &self.progress[number]);
        let live = map.live((&self.resources, progress))?;
        Ok(self.maps[number].1.serve(live)?)
    }
}

/// The maps, and which is opened next.
struct Work {
    opening: Opening,
    next: AtomicUsize,
    told: Box<Told>,
}

impl Work {
    /// Opens maps until none is left; returns how many are served.
    fn run(&self) -> usize {
        let mut served = 0;
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some((_, place)) = self.opening.maps.get(number) else { return served };
            let Ok(opened) = catch_unwind(AssertUnwindSafe(|| self.opening.open(number))) else {
                place.fail("map cannot be opened", &"panic while it was opened");
                continue;
            };
            if let Err(error) = &opened {
                place.fail(error.class(), error);
            } else {
                served += 1;
            }
            (self.told)(&self.opening.config.maps[number], opened.as_ref().copied());
        }
    }
}
