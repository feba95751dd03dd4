//! Chips between the model and the blocks that need them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::SeedError;
use super::ready::ReadyChip;
use crate::files::FileError;
use crate::grid::{BlockId, ChipId};

/// Holds each chip until the last block that needs it is finished, in memory up to a budget and on disk beyond it, so
/// that no chip is computed twice and memory does not grow with the width of the mosaic. Chips that nobody waits for
/// stay as long as there is room: the next request is often their neighbour.
pub(super) struct Shelf {
    slots: HashMap<ChipId, Slot>,
    idle: VecDeque<ChipId>,
    /// Blocks that are not finished, and their place in the order of the work.
    todo: BTreeMap<BlockId, usize>,
    ram_bytes: usize,
    budget_bytes: usize,
    /// The folder of chips on disk, from the first run on.
    spill: Option<PathBuf>,
}

struct Slot {
    /// The places of the unfinished blocks that need the chip, in the order of the work.
    needed_at: Vec<usize>,
    state: State,
}

enum State {
    Pending,
    /// In memory, and perhaps on disk too: then it need not be written again.
    Ram {
        chip: Arc<ReadyChip>,
        on_disk: bool,
    },
    Spilled,
}

impl Shelf {
    /// A shelf of so many bytes.
    pub(super) fn new(budget_bytes: usize) -> Self {
        let (slots, idle, todo) = (HashMap::new(), VecDeque::new(), BTreeMap::new());
        Self { slots, idle, todo, ram_bytes: 0, budget_bytes, spill: None }
    }

    /// These blocks are going to need chips, in this order; a first run says into which folder chips spill.
    pub(super) fn begin(&mut self, blocks: &[BlockId], spill: PathBuf) {
        self.spill.get_or_insert(spill);
        self.todo = blocks.iter().copied().zip(0..).collect();
    }

    /// Whether the chip has to be computed; it then stays until those of the blocks that are not finished are.
    pub(super) fn reserve(&mut self, id: ChipId, blocks: impl Iterator<Item = BlockId>) -> bool {
        let is_known = self.slots.contains_key(&id);
        let slot = self.slots.entry(id).or_insert(Slot { needed_at: Vec::new(), state: State::Pending });
        if slot.needed_at.is_empty() {
            slot.needed_at = blocks.filter_map(|b| self.todo.get(&b).copied()).collect();
            slot.needed_at.sort_unstable();
            self.idle.retain(|other| *other != id);
        }
        !is_known
    }

    /// The chip could not be computed.
    pub(super) fn forget(&mut self, id: ChipId) {
        self.slots.remove(&id);
    }

    /// Puts a computed chip on the shelf.
    pub(super) fn put(&mut self, id: ChipId, chip: ReadyChip) -> Result<(), FileError> {
        self.ram_bytes += chip.bytes();
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.state = State::Ram { chip: Arc::new(chip), on_disk: false };
        }
        self.make_room(id)
    }

    /// A chip; `None` where it was not computed. What comes from disk takes the place of what is needed later.
    pub(super) fn get(&mut self, id: ChipId) -> Result<Option<Arc<ReadyChip>>, SeedError> {
        match self.slots.get(&id).map(|slot| &slot.state) {
            None | Some(State::Pending) => return Ok(None),
            Some(State::Ram { chip, .. }) => return Ok(Some(Arc::clone(chip))),
            Some(State::Spilled) => (),
        }
        let chip = Arc::new(self.load(id).map_err(SeedError::Shelf)?);
        self.ram_bytes += chip.bytes();
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.state = State::Ram { chip: Arc::clone(&chip), on_disk: true };
        }
        self.make_room(id)?;
        Ok(Some(chip))
    }

    /// A block is done with: its chips are needed by one block less.
    pub(super) fn leave(&mut self, block: BlockId, chips: impl Iterator<Item = ChipId>) {
        if let Some(place) = self.todo.remove(&block) {
            chips.for_each(|id| self.release(id, place));
        }
    }

    fn release(&mut self, id: ChipId, place: usize) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        slot.needed_at.retain(|other| *other != place);
        if !slot.needed_at.is_empty() {
            return;
        }
        let is_on_disk = matches!(slot.state, State::Spilled | State::Ram { on_disk: true, .. });
        if let State::Ram { on_disk, .. } = &mut slot.state {
            *on_disk = false;
            self.idle.push_back(id);
        } else {
            self.slots.remove(&id);
        }
        if is_on_disk {
            let _ = std::fs::remove_file(self.path(id)); // the folder goes at the end anyway
        }
    }

    /// Forgets everything, also on disk.
    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.idle.clear();
        self.todo.clear();
        self.ram_bytes = 0;
        if let Some(spill) = &self.spill {
            let _ = std::fs::remove_dir_all(spill); // absent unless something was spilled
        }
    }

    /// Drops idle chips, the oldest first, then writes others to disk, but not the newest.
    fn make_room(&mut self, newest: ChipId) -> Result<(), FileError> {
        while self.ram_bytes > self.budget_bytes {
            if let Some(id) = self.idle.pop_front() {
                if let Some(State::Ram { chip, .. }) = self.slots.remove(&id).map(|slot| slot.state) {
                    self.ram_bytes -= chip.bytes();
                }
            } else if let Some(id) = self.needed_last(newest) {
                self.spill(id)?;
            } else {
                break;
            }
        }
        Ok(())
    }

    /// The chip in memory that is needed again last (Belady 1966).
    fn needed_last(&self, newest: ChipId) -> Option<ChipId> {
        let in_ram = self.slots.iter().filter(|(id, slot)| matches!(slot.state, State::Ram { .. }) && **id != newest);
        in_ram.map(|(id, slot)| (slot.needed_at.first(), *id)).max().map(|(_, id)| id)
    }

    fn spill(&mut self, id: ChipId) -> Result<(), FileError> {
        let path = self.path(id);
        if let Some(slot) = self.slots.get_mut(&id)
            && let State::Ram { chip, on_disk } = &slot.state
        {
            if !on_disk {
                let created = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| File::create(&path));
                let written = created.and_then(|mut file| chip.write(&mut file));
                written.map_err(|error| FileError::new(&path, &error))?;
            }
            self.ram_bytes -= chip.bytes();
            slot.state = State::Spilled;
        }
        Ok(())
    }

    fn path(&self, id: ChipId) -> PathBuf {
        self.spill.as_deref().unwrap_or(Path::new("")).join(format!("{}_{}.chip", id.row, id.col))
    }

    fn load(&self, id: ChipId) -> std::io::Result<ReadyChip> {
        let path = self.path(id);
        let read = || ReadyChip::read(&mut File::open(&path)?);
        read().map_err(|error| std::io::Error::new(error.kind(), format!("{}: {error}", path.display())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::georef::Window;
    use crate::label::ScoredChip;
    use crate::model::ChipScores;

    fn chip(n: i64) -> ReadyChip {
        let scores = ChipScores { side_px: 4, scores: vec![n as u8; 32] };
        ReadyChip::Scored(ScoredChip { window: Window::new(n, -n, 4, 4), scores: Some(scores), valid: vec![1; 16] })
    }

    #[test]
    fn what_does_not_fit_comes_back_from_disk_unchanged() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut shelf = Shelf::new(2 * chip(0).bytes());
        let ids: Vec<_> = (0..6).map(|col| ChipId { row: 0, col }).collect();
        let blocks = [0, 1].map(|col| BlockId { row: 0, col });
        shelf.begin(&blocks, folder.path().join("chips"));
        for id in &ids {
            assert!(shelf.reserve(*id, blocks.into_iter()));
            assert!(!shelf.reserve(*id, blocks.into_iter()), "announced already");
            shelf.put(*id, chip(id.col)).expect("written");
        }
        assert!(shelf.ram_bytes <= shelf.budget_bytes);
        for id in &ids {
            assert_eq!(shelf.get(*id).expect("read").as_deref(), Some(&chip(id.col)));
            assert!(shelf.ram_bytes <= shelf.budget_bytes, "what comes back counts");
        }
        blocks.into_iter().for_each(|b| shelf.leave(b, ids.iter().copied()));
        assert_eq!(shelf.slots.len(), shelf.idle.len(), "only idle chips in memory stay");
        assert_eq!(std::fs::read_dir(folder.path().join("chips")).expect("a folder").count(), 0);
    }

    #[test]
    fn what_is_needed_next_stays_in_memory() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut shelf = Shelf::new(3 * chip(0).bytes());
        let blocks = [2, 0, 1].map(|col| BlockId { row: 0, col });
        shelf.begin(&blocks, folder.path().join("chips"));
        let ids: Vec<_> = (0..4).map(|col| ChipId { row: 0, col }).collect();
        for (id, block) in ids.iter().zip([0, 2, 1, 0].map(|at| blocks[at])) {
            assert!(shelf.reserve(*id, std::iter::once(block)));
            shelf.put(*id, chip(id.col)).expect("written");
        }
        let is_on_disk = |id: &ChipId| matches!(shelf.slots[id].state, State::Spilled);
        assert_eq!(ids.iter().map(is_on_disk).collect::<Vec<_>>(), [false, true, false, false]);
    }
}
