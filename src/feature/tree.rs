//! Where things lie in the world, for "what lies here".

use rstar::{AABB, RTree, RTreeObject};

use crate::georef::WorldBounds;

/// Rectangles of the world, found by place. Those east of 180° stand beyond the others where a map leads across it,
/// so that near ones stay near.
#[derive(Debug, Default)]
pub(super) struct Tree {
    leaves: RTree<Leaf>,
    /// The caller's number of each rank.
    numbers: Box<[u32]>,
    bounds: Option<WorldBounds>,
}

impl Tree {
    /// Of rectangles with numbers of the caller's; earlier ones are found first.
    pub fn new(rectangles: impl Iterator<Item = (WorldBounds, u32)> + Clone) -> Self {
        let bounds = WorldBounds::around(rectangles.clone().map(|(b, _)| b));
        let west = bounds.map_or(0.0, |b| b.min.x);
        let leaf = |(rank, (b, _)): (usize, (WorldBounds, u32))| {
            let placed = if b.min.x < west { b.turned(1) } else { b };
            Leaf { envelope: envelope(&placed), rank: rank as u32 }
        };
        let numbers = rectangles.clone().map(|(_, number)| number).collect();
        Self { leaves: RTree::bulk_load(rectangles.enumerate().map(leaf).collect()), numbers, bounds }
    }

    /// The smallest rectangle around all; `None` when there are none.
    pub fn bounds(&self) -> Option<WorldBounds> {
        self.bounds
    }

    /// The numbers of those that touch a rectangle.
    pub fn query(&self, asked: &WorldBounds) -> impl Iterator<Item = u32> + use<'_> {
        let mut found: Vec<u32> = Vec::new();
        let turns = self.bounds.iter().flat_map(|all| asked.turns_to(all));
        for turn in turns {
            let leaves = self.leaves.locate_in_envelope_intersecting(&envelope(&asked.turned(turn)));
            found.extend(leaves.map(|leaf| leaf.rank));
        }
        in_order(&mut found, self.numbers.len());
        found.into_iter().map(|rank| self.numbers[rank as usize])
    }
}

/// Sorts ranks below `all`, each once: where they are many among all, by marking them.
fn in_order(ranks: &mut Vec<u32>, all: usize) {
    const WORDS_A_RANK: usize = 8;
    let words = all.div_ceil(64);
    if words > WORDS_A_RANK * ranks.len() {
        ranks.sort_unstable();
        ranks.dedup();
        return;
    }
    let mut marks = vec![0_u64; words];
    for rank in ranks.drain(..) {
        marks[rank as usize / 64] |= 1 << (rank % 64);
    }
    for (first, mut word) in (0..).step_by(64).zip(marks) {
        while word != 0 {
            ranks.push(first + word.trailing_zeros());
            word &= word - 1;
        }
    }
}

#[derive(Debug)]
struct Leaf {
    envelope: AABB<[f64; 2]>,
    rank: u32,
}

impl RTreeObject for Leaf {
    type Envelope = AABB<[f64; 2]>;

    fn envelope(&self) -> Self::Envelope {
        self.envelope
    }
}

fn envelope(b: &WorldBounds) -> AABB<[f64; 2]> {
    AABB::from_corners([b.min.x, b.min.y], [b.max.x, b.max.y])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::georef::WorldPoint;
    use proptest::prelude::*;

    fn square(x: f64, y: f64, side: f64) -> WorldBounds {
        WorldBounds { min: WorldPoint { x, y }, max: WorldPoint { x: x + side, y: y + side } }
    }

    proptest! {
        #[test]
        fn ranks_come_in_order_each_once(ranks in prop::collection::vec(0..700_u32, 0..40), more in 0..9000_usize) {
            let mut sorted = ranks.clone();
            sorted.sort_unstable();
            sorted.dedup();
            let mut ranks = ranks;
            in_order(&mut ranks, 700 + more);
            prop_assert_eq!(ranks, sorted);
        }

        #[test]
        fn what_touches_is_found_once_on_both_sides_of_180(
            places in prop::collection::vec((-0.02..0.02f64, 0.4..0.44f64, 0.0..0.004f64), 0..50),
            (x, y, side) in (-0.03..0.03f64, 0.39..0.45f64, 0.0..0.02f64),
        ) {
            let all: Vec<WorldBounds> = places.iter().map(|(x, y, side)| square(x.rem_euclid(1.0), *y, *side)).collect();
            let tree = Tree::new(all.iter().copied().zip(0..));
            let wide = tree.bounds().map_or(0.0, |b| b.max.x - b.min.x);
            prop_assert!(wide < 0.05, "{wide}");
            // As a tile with its margin is asked for: it may begin before 0, or end beyond 1.
            for asked in [square(x, y, side), square(x + 1.0, y, side), square(x.rem_euclid(1.0), y, side)] {
                let mut found: Vec<u32> = tree.query(&asked).collect();
                prop_assert!(found.is_sorted());
                found.dedup();
                let expected: Vec<u32> =
                    all.iter().zip(0..).filter(|(b, _)| b.touches(&asked)).map(|(_, number)| number).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
