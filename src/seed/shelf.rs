//! Chips between the model and the blocks that need them.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use super::ready::ReadyChip;
use crate::grid::{BlockId, ChipId};

/// Holds each chip until the last block that needs it is finished, in memory up to a budget and on disk beyond it, so
/// that no chip is computed twice and memory does not grow with the width of the mosaic. Chips that nobody waits for
/// stay as long as there is room: the next request is often their neighbour.
pub(super) struct Shelf {
    slots: HashMap<ChipId, Slot>,
    idle: VecDeque<ChipId>,
    /// Blocks that are not finished.
    todo: BTreeSet<BlockId>,
    ram_bytes: usize,
    budget_bytes: usize,
    spill: PathBuf,
}

struct Slot {
    /// Unfinished blocks that need the chip.
    needed_by: u32,
    state: State,
}

enum State {
    Pending,
    Ram(Arc<ReadyChip>),
    Spilled,
}

impl Shelf {
    /// A shelf of so many bytes that spills into a folder.
    pub(super) fn new(budget_bytes: usize, spill: PathBuf) -> Self {
        Self { slots: HashMap::new(), idle: VecDeque::new(), todo: BTreeSet::new(), ram_bytes: 0, budget_bytes, spill }
    }

    /// These blocks are going to need chips.
    pub(super) fn begin(&mut self, blocks: &[BlockId]) {
        self.todo = blocks.iter().copied().collect();
    }

    /// Whether the chip has to be computed; it then stays until those of the blocks that are not finished are.
    pub(super) fn reserve(&mut self, id: ChipId, blocks: impl Iterator<Item = BlockId>) -> bool {
        let known = self.slots.get(&id).map(|slot| slot.needed_by);
        if known.is_none_or(|needed_by| needed_by == 0) {
            let needed_by = blocks.filter(|b| self.todo.contains(b)).count() as u32;
            self.idle.retain(|other| *other != id);
            self.slots.entry(id).or_insert(Slot { needed_by, state: State::Pending }).needed_by = needed_by;
        }
        known.is_none()
    }

    /// The chip could not be computed.
    pub(super) fn forget(&mut self, id: ChipId) {
        self.slots.remove(&id);
    }

    /// Puts a computed chip on the shelf.
    pub(super) fn put(&mut self, id: ChipId, chip: ReadyChip) -> std::io::Result<()> {
        self.ram_bytes += chip.bytes();
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.state = State::Ram(Arc::new(chip));
        }
        self.make_room(id)
    }

    /// A chip; `None` where it was not computed.
    pub(super) fn get(&self, id: ChipId) -> std::io::Result<Option<Arc<ReadyChip>>> {
        match self.slots.get(&id).map(|slot| &slot.state) {
            None | Some(State::Pending) => Ok(None),
            Some(State::Ram(chip)) => Ok(Some(Arc::clone(chip))),
            Some(State::Spilled) => self.load(id).map(|chip| Some(Arc::new(chip))),
        }
    }

    /// A block is done with: its chips are needed by one block less.
    pub(super) fn leave(&mut self, block: BlockId, chips: impl Iterator<Item = ChipId>) {
        if self.todo.remove(&block) {
            chips.for_each(|id| self.release(id));
        }
    }

    fn release(&mut self, id: ChipId) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        slot.needed_by = slot.needed_by.saturating_sub(1);
        if slot.needed_by > 0 {
            return;
        }
        match slot.state {
            State::Ram(_) => self.idle.push_back(id),
            State::Spilled => {
                let _ = std::fs::remove_file(self.path(id)); // the folder goes at the end anyway
                self.slots.remove(&id);
            }
            State::Pending => drop(self.slots.remove(&id)),
        }
    }

    /// Forgets everything, also on disk.
    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.idle.clear();
        self.todo.clear();
        self.ram_bytes = 0;
        let _ = std::fs::remove_dir_all(&self.spill); // absent unless something was spilled
    }

    /// Drops idle chips, the oldest first, then writes others to disk, but not the newest.
    fn make_room(&mut self, newest: ChipId) -> std::io::Result<()> {
        while self.ram_bytes > self.budget_bytes {
            let Some(id) = self.idle.pop_front() else { break };
            if let Some(State::Ram(chip)) = self.slots.remove(&id).map(|slot| slot.state) {
                self.ram_bytes -= chip.bytes();
            }
        }
        if self.ram_bytes <= self.budget_bytes {
            return Ok(());
        }
        // The chip furthest down the work order is needed last.
        let in_ram = |(id, slot): (&ChipId, &Slot)| {
            matches!(slot.state, State::Ram(_)).then_some(*id).filter(|id| *id != newest)
        };
        let Some(id) = self.slots.iter().filter_map(in_ram).max() else { return Ok(()) };
        let path = self.path(id);
        if let Some(slot) = self.slots.get_mut(&id)
            && let State::Ram(chip) = &slot.state
        {
            std::fs::create_dir_all(&self.spill)?;
            std::fs::write(path, chip.encode())?;
            self.ram_bytes -= chip.bytes();
            slot.state = State::Spilled;
        }
        Ok(())
    }

    fn path(&self, id: ChipId) -> PathBuf {
        self.spill.join(format!("{}_{}.chip", id.row, id.col))
    }

    fn load(&self, id: ChipId) -> std::io::Result<ReadyChip> {
        let path = self.path(id);
        ReadyChip::decode(&std::fs::read(&path)?)
            .ok_or_else(|| std::io::Error::other(format!("{} is cut short", path.display())))
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
        let mut shelf = Shelf::new(2 * chip(0).bytes(), folder.path().join("chips"));
        let ids: Vec<_> = (0..6).map(|col| ChipId { row: 0, col }).collect();
        let blocks = [0, 1].map(|col| BlockId { row: 0, col });
        shelf.begin(&blocks);
        for id in &ids {
            assert!(shelf.reserve(*id, blocks.into_iter()));
            assert!(!shelf.reserve(*id, blocks.into_iter()), "announced already");
            shelf.put(*id, chip(id.col)).expect("written");
        }
        assert!(shelf.ram_bytes <= shelf.budget_bytes);
        for id in &ids {
            assert_eq!(shelf.get(*id).expect("read").as_deref(), Some(&chip(id.col)));
        }
        blocks.into_iter().for_each(|b| shelf.leave(b, ids.iter().copied()));
        assert_eq!(shelf.slots.len(), shelf.idle.len(), "only idle chips in memory stay");
    }
}
