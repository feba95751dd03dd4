//! The threads that draw raster tiles: datasets and PROJ objects belong to one thread, and drawing blocks.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use actix_web::web::Bytes;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use super::cache::Bodies;
use super::options::ServeOptions;
use super::{imagery, labels};
use crate::georef::{Crs, CrsError, Projector, TileCoord, TileError};
use crate::raster::{MosaicReader, RasterError};
use crate::seed::{Live, SeedError};

/// Tiles that wait before those who ask for more wait themselves.
const QUEUE: usize = 64;

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
    /// A drawing thread ended.
    #[error("the threads that draw raster tiles ended")]
    Gone,
}

/// Draws raster tiles on threads of its own, and keeps them.
pub struct Painter {
    live: Arc<Live>,
    kept: Arc<Bodies<Picture>>,
    jobs: mpsc::Sender<Job>,
}

struct Job {
    picture: Picture,
    generation: u64,
    reply: oneshot::Sender<Result<Bytes, PaintError>>,
}

impl Painter {
    /// Starts the threads; they end with the painter. The imagery has no tiles below its zoom.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new(live: &Arc<Live>, imagery_zoom: u8, options: &ServeOptions) -> io::Result<Self> {
        let (jobs, waiting) = mpsc::channel(QUEUE);
        let waiting = Arc::new(Mutex::new(waiting));
        let kept = Arc::new(Bodies::new(options.raster_cache_bytes));
        for i in 0..options.raster_threads.max(1) {
            let (waiting, kept, live) = (Arc::clone(&waiting), Arc::clone(&kept), Arc::clone(live));
            let work = move || {
                paint_all(
                    &waiting,
                    Easel { live, imagery_zoom, kept: &kept, readers: BTreeMap::new(), to_grid: None, reply: None },
                );
            };
            thread::Builder::new().name(format!("painter-{i}")).spawn(work)?;
        }
        Ok(Self { live: Arc::clone(live), kept, jobs })
    }

    /// The bytes of a picture; empty where there is nothing to see.
    ///
    /// # Errors
    /// When sources cannot be read.
    pub async fn paint(&self, picture: Picture) -> Result<Bytes, PaintError> {
        let generation = self.generation(picture);
        if let Some(body) = self.kept.get(&picture, generation) {
            return Ok(body);
        }
        let (reply, answer) = oneshot::channel();
        self.jobs.send(Job { picture, generation, reply }).await.map_err(|_| PaintError::Gone)?;
        answer.await.map_err(|_| PaintError::Gone)?
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

/// The life of a thread.
fn paint_all(waiting: &Mutex<mpsc::Receiver<Job>>, mut easel: Easel) {
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(job) = next else { return };
        if job.reply.is_closed() {
            continue; // the client went on to another place of the map
        }
        easel.reply = Some(job.reply);
        let painted = easel.picture(job.picture, job.generation);
        if let Some(reply) = easel.reply.take() {
            let _ = reply.send(painted); // nobody may wait for it any more
        }
    }
}

/// What a thread keeps between tiles.
pub struct Easel<'a> {
    /// The map.
    pub live: Arc<Live>,
    /// The deepest zoom of the imagery.
    pub imagery_zoom: u8,
    /// Finished pictures of all threads.
    kept: &'a Bodies<Picture>,
    readers: BTreeMap<u8, MosaicReader>,
    to_grid: Option<Projector>,
    reply: Option<oneshot::Sender<Result<Bytes, PaintError>>>,
}

impl Easel<'_> {
    /// A picture of a generation, kept or drawn.
    pub fn picture(&mut self, picture: Picture, generation: u64) -> Result<Bytes, PaintError> {
        if let Some(body) = self.kept.get(&picture, generation) {
            return Ok(body);
        }
        let body: Bytes = match picture {
            Picture::Imagery(tile) => imagery::paint(self, tile)?,
            Picture::Labels(tile) => labels::paint(self, tile)?,
        }
        .into();
        self.kept.put(picture, generation, body.clone());
        Ok(body)
    }

    /// Whether nobody waits any more for what is painted.
    pub fn is_abandoned(&self) -> bool {
        self.reply.as_ref().is_some_and(oneshot::Sender::is_closed)
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
