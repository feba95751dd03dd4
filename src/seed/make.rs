//! The one function that makes missing label blocks: on demand, in a batch, after a crash.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;

use super::SeedError;
use super::combine::Combining;
use super::reach::Reach;
use super::shelf::Shelf;
use super::turns::{Turn, Turns};
use crate::grid::{BlockId, ChipId};
use crate::label::{Claim, LabelMap, LabelStore};
use crate::model::{BatchAnswers, FeatureCache, ModelCard, SessionThreads};
use crate::preprocess::Normalization;
use crate::raster::{Channel, Mosaic, PixelWindow, RasterSource};

/// Chips in memory; more go to disk.
const SHELF_BYTES: usize = 20 << 20;

/// Makes the label blocks of a store from a mosaic and a model.
pub struct Maker {
    pub(super) store: LabelStore,
    mosaic: Mosaic,
    channels: Vec<Channel>,
    normalization: Normalization,
    pub(super) reach: Reach,
    session: SessionThreads,
    pub(super) combining: Combining,
    pub(super) pixel_area_m2: f64,
    batch: usize,
    shelf: Mutex<Shelf>,
    chips_run: AtomicU64,
    pub(super) feature_cache: Option<Arc<FeatureCache>>,
}

/// What happens to a block; sent as it happens.
#[derive(Debug)]
pub enum MakeEvent<'a> {
    /// Its label block is on disk.
    Made(BlockId),
    /// It could not be made; others go on.
    Failed(BlockId, &'a SeedError),
}

/// A chip on its way: which, where, its validity, and its samples where masks are classed by them.
type Place = (ChipId, PixelWindow);

/// What the reader hands on, in the order of the work.
enum Item {
    Batch(Vec<Place>, Receiver<BatchAnswers>),
    /// All chips of a block are on their way, or another process has made it, or it failed.
    Block(Stage<()>),
}

/// A block at a stage of its making.
struct Stage<T> {
    block: BlockId,
    /// Held until the block is on the disk.
    claim: Option<Claim>,
    /// What is there of it; none where another process has made it.
    result: Result<Option<T>, SeedError>,
}

impl<T> Stage<T> {
    fn then<U>(self, next: impl FnOnce(T) -> Result<U, SeedError>) -> Stage<U> {
        let Self { block, claim, result } = self;
        Stage { block, claim, result: result.and_then(|there| there.map(next).transpose()) }
    }
}

impl Maker {
    /// For a store, the mosaic and the model that its manifest names.
    ///
    /// # Errors
    /// When the work grid has no place on the ground, the scheme lacks a class of the model, or labels cannot be cleaned as
    /// the manifest says.
    pub fn new(
        store: LabelStore,
        mosaic: Mosaic,
        card: &ModelCard,
        session: SessionThreads,
    ) -> Result<Self, SeedError> {
        let grid = store.grid();
        let pixel_area_m2 = grid.middle_scale()?.pixel_area_m2();
        // A manifest may have been edited: what clean-up reads around a block stays bounded.
        store.manifest().clean.check(pixel_area_m2, grid.block_px).map_err(SeedError::Clean)?;
        Ok(Self {
            reach: Reach::new(card, &store.manifest().clean, pixel_area_m2),
            combining: Combining::new(card, &store, session.spec(), pixel_area_m2)?,
            shelf: Mutex::new(Shelf::new(SHELF_BYTES)),
            batch: if session.device() == "cpu" { 1 } else { 8 },
            channels: card.input.channels.clone(),
            normalization: card.normalization(),
            chips_run: AtomicU64::new(0),
            feature_cache: None,
            pixel_area_m2,
            session,
            mosaic,
            store,
        })
    }

    /// The mosaic that it reads.
    #[must_use]
    pub fn mosaic(&self) -> &Mosaic {
        &self.mosaic
    }

    /// The store that it fills.
    #[must_use]
    pub fn store(&self) -> &LabelStore {
        &self.store
    }

    /// The threads that own the model.
    #[must_use]
    pub fn session(&self) -> &SessionThreads {
        &self.session
    }

    /// Chips that the model has scored so far.
    #[must_use]
    pub fn chips_run(&self) -> u64 {
        self.chips_run.load(Ordering::Relaxed)
    }

    /// The chips that some blocks need, each once. Those without imagery count, but are never run.
    #[must_use]
    pub fn chips_needed(&self, blocks: &[BlockId]) -> u64 {
        self.reach.all_chips(self.store.grid(), blocks).len() as u64
    }

    /// Makes the blocks that are missing, in the given order, and tells of each.
    ///
    /// Threads with bounded queues between: one reads, those of the session run the model, one puts answered chips on the
    /// shelf, one makes labels of them, and the caller's writes. So the model waits neither for pixels nor for blocks.
    ///
    /// # Errors
    /// When the model fails or the disk is full. A block whose pixels cannot be read is told of, and the others go on.
    pub fn make(&self, blocks: &[BlockId], tell: &mut dyn FnMut(MakeEvent<'_>)) -> Result<(), SeedError> {
        let missing: Vec<BlockId> = blocks.iter().copied().filter(|b| !self.store.has(*b)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let spill = self.store.work()?.unused("chips".as_ref());
        self.shelf().begin(&missing, spill);
        let (items, read) = sync_channel::<Item>(2);
        let (whole, scored) = sync_channel::<Stage<()>>(0);
        let (labelled, to_write) = sync_channel::<Stage<LabelMap>>(0);
        let named = |name: &str| Builder::new().name(name.to_owned());
        let result = std::thread::scope(|scope| {
            named("reader").spawn_scoped(scope, move || self.read(&missing, &items)).map_err(SeedError::Thread)?;
            let receiver = named("scores").spawn_scoped(scope, move || self.receive(read, &whole));
            let receiver = receiver.map_err(SeedError::Thread)?;
            let finisher = named("finisher").spawn_scoped(scope, move || self.finish(scored, &labelled));
            finisher.map_err(SeedError::Thread)?;
            // The first block that no disk has room for ends the run; what is under way then finds nobody to take it.
            let kept = to_write.into_iter().try_for_each(|labelled| self.keep(labelled, tell));
            let scored = receiver.join().unwrap_or(Err(SeedError::ModelGone));
            kept.and(scored).and_then(|()| Ok(self.store.sync()?))
        });
        if result.is_err() {
            self.shelf().clear();
        }
        result
    }

    pub(super) fn chips(&self, block: BlockId) -> impl Iterator<Item = ChipId> + use<> {
        self.reach.chips(self.store.grid(), block)
    }

    fn read(&self, blocks: &[BlockId], items: &SyncSender<Item>) {
        let mut reader = self.mosaic.reader(&self.store.grid().frame, &self.channels);
        for turn in Turns::new(&self.store, blocks) {
            let stage = match (turn, &mut reader) {
                (Turn::Made(block), _) => Stage { block, claim: None, result: Ok(None) },
                (Turn::Make(block, claim), Ok(reader)) => {
                    Stage { block, claim, result: self.read_block(block, reader, items).map(Some) }
                }
                (Turn::Make(block, claim), Err(error)) => {
                    Stage { block, claim, result: Err(SeedError::NoImagery(error.to_string())) }
                }
            };
            if items.send(Item::Block(stage)).is_err() {
                return; // the finisher gave up
            }
        }
    }

    /// Reads the chips of a block that are not on the shelf, and hands them to the model.
    fn read_block(
        &self,
        block: BlockId,
        reader: &mut impl RasterSource,
        items: &SyncSender<Item>,
    ) -> Result<(), SeedError> {
        let mut batch = (Vec::new(), Vec::new());
        let read = self.read_chips(block, reader, &mut batch, items);
        // Also where a chip could not be read: neighbours wait for those before it.
        if !batch.1.is_empty() {
            self.hand_over(batch.0, batch.1, items);
        }
        read
    }

    /// Reads chips into a batch, and hands on each that is full.
    fn read_chips(
        &self,
        block: BlockId,
        reader: &mut impl RasterSource,
        (tensors, places): &mut (Vec<f32>, Vec<Place>),
        items: &SyncSender<Item>,
    ) -> Result<(), SeedError> {
        for id in self.chips(block) {
            if !self.shelf().reserve(id, self.reach.blocks_of(self.store.grid(), id)) {
                continue;
            }
            let chip = reader.read(&self.reach.lattice.window(id)).inspect_err(|_| self.shelf().forget(id))?;
            if chip.valid.contains(&1) {
                if places.is_empty() {
                    *tensors = self.session.batch();
                }
                self.normalization.append(&chip, tensors);
                let samples = if self.combining.wants_samples() { chip.samples } else { Vec::new() };
                places.push((id, PixelWindow { samples, ..chip }));
            } else {
                self.shelf().put(id, self.combining.empty(chip.window))?;
            }
            if places.len() == self.batch {
                self.hand_over(std::mem::take(tensors), std::mem::take(places), items);
            }
        }
        Ok(())
    }

    fn hand_over(&self, tensors: Vec<f32>, places: Vec<Place>, items: &SyncSender<Item>) {
        self.chips_run.fetch_add(places.len() as u64, Ordering::Relaxed);
        let answers = self.session.submit(tensors);
        let _ = items.send(Item::Batch(places, answers)); // the receiver may have given up
    }

    /// Puts answered chips on the shelf, and tells of blocks whose chips are all there.
    fn receive(&self, items: Receiver<Item>, whole: &SyncSender<Stage<()>>) -> Result<(), SeedError> {
        for item in items {
            let stage = match item {
                Item::Batch(places, answers) => {
                    let answers = answers.recv().map_err(|_| SeedError::ModelGone)??;
                    for ((id, chip), answer) in places.into_iter().zip(answers) {
                        let chip = self.combining.ready(answer, chip, &self.reach.lattice.middle(id));
                        self.shelf().put(id, chip)?;
                    }
                    continue;
                }
                Item::Block(stage) => stage,
            };
            if whole.send(stage).is_err() {
                break; // the finisher gave up
            }
        }
        Ok(())
    }

    /// Makes labels of the chips of blocks.
    fn finish(&self, blocks: Receiver<Stage<()>>, labelled: &SyncSender<Stage<LabelMap>>) {
        let mut room = None;
        for stage in blocks {
            let block = stage.block;
            let stage = stage.then(|()| self.combine(block, &mut room));
            self.shelf().leave(block, self.chips(block));
            if labelled.send(stage).is_err() {
                return; // the caller gave up
            }
        }
    }

    /// Writes a block, unless another process has made it, and tells of it.
    fn keep(&self, labelled: Stage<LabelMap>, tell: &mut dyn FnMut(MakeEvent<'_>)) -> Result<(), SeedError> {
        let block = labelled.block;
        let written = labelled.then(|labels| Ok(self.store.write(block, &labels)?));
        match written.result {
            Ok(_) => tell(MakeEvent::Made(block)),
            Err(SeedError::Store(error)) if error.is_disk_full() => return Err(error.into()),
            Err(error) => tell(MakeEvent::Failed(block, &error)),
        }
        Ok(())
    }

    /// A panic elsewhere leaves the shelf whole: chips are only ever put and taken.
    pub(super) fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Maker {
    fn drop(&mut self) {
        self.shelf().clear();
    }
}
