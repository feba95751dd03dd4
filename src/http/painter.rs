//! The threads that draw raster tiles: datasets and PROJ objects belong to one thread, and drawing blocks.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use actix_web::web::Bytes;
use thiserror::Error;

use super::desk::{Desk, Key, Ticket, What};
use super::errors::{HttpError, LogId};
use super::pool::Busy;
use super::resources::Resources;
use super::{imagery, labels};
use crate::georef::{Crs, CrsError, Projector, TileCoord, TileError};
use crate::raster::{MosaicReader, RasterError};
use crate::seed::{Live, SeedError};

/// Zooms whose readers a thread keeps open.
const OPEN_ZOOMS: usize = 4;

/// A raster tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Picture {
    /// The mosaic, as WebP.
    Imagery(TileCoord),
    /// The label map, as PNG.
    Labels(TileCoord),
}

/// Why a raster tile cannot be drawn.
#[derive(Debug, Error)]
pub enum PaintError {
    /// The imagery cannot be read.
    #[error(transparent)]
    Raster(#[from] RasterError),
    /// The labels cannot be read.
    #[error(transparent)]
    Labels(#[from] SeedError),
    /// The tile has no place in the work grid.
    #[error(transparent)]
    Crs(#[from] CrsError),
    /// A child of the deepest tile.
    #[error(transparent)]
    Tile(#[from] TileError),
    /// An encoder refused.
    #[error("tile {tile} cannot be written: {reason}")]
    Encode {
        /// The tile.
        tile: TileCoord,
        /// What it said.
        reason: String,
    },
    /// Who asked for it has gone.
    #[error("nobody waits for this tile any more")]
    Abandoned,
}

/// Draws raster tiles on threads of its own.
pub struct Painter {
    live: Arc<Live>,
    desk: Arc<Desk>,
    map: u32,
    jobs: Arc<Jobs>,
}

/// Tiles that wait to be drawn.
struct Jobs {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    limit: usize,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    closed: bool,
}

struct Job {
    picture: Picture,
    generation: u64,
    address: IpAddr,
    ticket: Ticket,
}

impl Painter {
    /// Starts the threads; they end with the painter. The imagery has no tiles below its zoom.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new(live: &Arc<Live>, imagery_zoom: u8, (resources, map): (&Resources, u32)) -> io::Result<Self> {
        let limit = resources.limits.raster_queue;
        let jobs = Arc::new(Jobs { waiting: Mutex::default(), wake: Condvar::new(), limit });
        for i in 0..resources.limits.raster_threads {
            let (jobs, desk, live) = (Arc::clone(&jobs), Arc::clone(&resources.desk), Arc::clone(live));
            let work = move || {
                let easel =
                    Easel { live, imagery_zoom, desk, map, readers: BTreeMap::new(), to_grid: None, ticket: None };
                paint_all(&jobs, easel);
            };
            thread::Builder::new().name(format!("painter-{i}")).spawn(work)?;
        }
        Ok(Self { live: Arc::clone(live), desk: Arc::clone(&resources.desk), map, jobs })
    }

    /// The bytes of a picture; empty where there is nothing to see.
    ///
    /// # Errors
    /// When sources cannot be read, or too many tiles wait.
    pub async fn paint(&self, picture: Picture, address: IpAddr) -> Result<Bytes, HttpError> {
        let generation = self.generation(picture);
        let start = |ticket| self.jobs.push(Job { picture, generation, address, ticket });
        self.desk.get_or_make(picture.key(self.map), generation, start).await
    }

    /// What a picture was made from: labels grow, imagery stays.
    #[must_use]
    pub fn generation(&self, picture: Picture) -> u64 {
        match picture {
            Picture::Imagery(_) => 0,
            Picture::Labels(_) => self.live.snapshot().generation,
        }
    }
}

impl Drop for Painter {
    fn drop(&mut self) {
        self.jobs.lock().closed = true;
        self.jobs.wake.notify_all();
    }
}

impl Picture {
    fn key(self, map: u32) -> Key {
        let what = match self {
            Self::Imagery(tile) => What::Imagery(tile),
            Self::Labels(tile) => What::Labels(tile),
        };
        Key { map, what }
    }
}

impl Jobs {
    /// Queues a tile. A full queue gives up the newest tile of another address, where that has more than half of them.
    fn push(&self, job: Job) -> Result<(), Busy> {
        let mut waiting = self.lock();
        let mut given_up = None;
        if waiting.jobs.len() >= self.limit {
            let others = |other: &Job| other.address != job.address;
            if waiting.jobs.iter().filter(|other| others(other)).count() <= self.limit / 2 {
                return Err(Busy);
            }
            given_up = waiting.jobs.iter().rposition(others).and_then(|place| waiting.jobs.remove(place));
        }
        waiting.jobs.push_back(job);
        drop(waiting);
        drop(given_up); // tells those who wait for it
        self.wake.notify_one();
        Ok(())
    }

    /// The next tile; `None` at the end.
    fn next(&self) -> Option<Job> {
        let idle = |waiting: &mut Waiting| waiting.jobs.is_empty() && !waiting.closed;
        let mut waiting = self.wake.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        if waiting.closed { None } else { waiting.jobs.pop_front() }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The life of a thread.
fn paint_all(jobs: &Jobs, mut easel: Easel) {
    while let Some(Job { picture, generation, ticket, .. }) = jobs.next() {
        if ticket.is_abandoned() {
            continue; // the clients went on to other places of the map
        }
        easel.ticket = Some(ticket);
        // A decoder of foreign files may panic: the thread stays, with readers made anew.
        let painted = catch_unwind(AssertUnwindSafe(|| easel.picture(picture, generation)));
        let Some(ticket) = easel.ticket.take() else { continue };
        match painted {
            Ok(Ok(body)) => ticket.finish(&Ok(body)),
            Ok(Err(PaintError::Abandoned)) => drop(ticket),
            Ok(Err(error)) => ticket.finish(&Err(LogId::of(&error, "a raster tile could not be drawn"))),
            Err(_) => {
                (easel.readers, easel.to_grid) = (BTreeMap::new(), None);
                ticket.finish(&Err(LogId::of(&"panic", "a raster tile could not be drawn")));
            }
        }
    }
}

/// What a thread keeps between tiles.
pub struct Easel {
    /// The map.
    pub live: Arc<Live>,
    /// The deepest zoom of the imagery.
    pub imagery_zoom: u8,
    /// Finished pictures of all threads.
    desk: Arc<Desk>,
    map: u32,
    readers: BTreeMap<u8, MosaicReader>,
    to_grid: Option<Projector>,
    ticket: Option<Ticket>,
}

impl Easel {
    /// A picture of a generation, kept or drawn.
    pub fn picture(&mut self, picture: Picture, generation: u64) -> Result<Bytes, PaintError> {
        let key = picture.key(self.map);
        if let Some(body) = self.desk.get(&key, generation) {
            return Ok(body);
        }
        let body: Bytes = match picture {
            Picture::Imagery(tile) => imagery::paint(self, tile)?,
            Picture::Labels(tile) => labels::paint(self, tile)?,
        }
        .into();
        self.desk.put(key, generation, body.clone());
        Ok(body)
    }

    /// Whether nobody waits any more for what is painted.
    pub fn is_abandoned(&self) -> bool {
        self.ticket.as_ref().is_some_and(Ticket::is_abandoned)
    }

    /// The reader of a zoom's pixel grid, made by `open` the first time.
    pub fn reader(
        &mut self,
        zoom: u8,
        open: impl FnOnce(&Live) -> Result<MosaicReader, RasterError>,
    ) -> Result<&mut MosaicReader, RasterError> {
        if !self.readers.contains_key(&zoom) {
            if self.readers.len() >= OPEN_ZOOMS {
                self.readers.pop_first(); // the coarsest: people zoom in
            }
            self.readers.insert(zoom, open(&self.live)?);
        }
        Ok(self.readers.get_mut(&zoom).expect("it was inserted above"))
    }

    /// From Web Mercator to the map space of the work grid.
    pub fn grid_projector(&mut self) -> Result<&Projector, CrsError> {
        if self.to_grid.is_none() {
            self.to_grid = Some(Projector::new(&Crs::web_mercator(), &self.live.grid().frame.crs)?);
        }
        Ok(self.to_grid.as_ref().expect("it was made above"))
    }
}
