//! Rings put together from arcs.
//!
//! A ring keeps its region on the left. At a node it takes the next arc clockwise from the one it came by, so that it
//! stays at the corner of its own pixel. Only where four arcs meet and the region holds both opposite pixels it takes
//! the next arc counter-clockwise, around the pixel between them: otherwise the ring would touch itself, which OGC
//! 06-103r4 6.1.11 forbids, while two rings that touch in a point are valid.
//!
//! ```text
//!      A │ B        the ring of A comes from the west below its upper left pixel:
//!     ───┼───       the two A's apart: on to the north; the two A's connected elsewhere: on to the south
//!      B │ A
//! ```

use super::{
    coverage::{LatticePoint, NO_REGION, Rings, Side},
    graph::arm_towards,
};

/// No arc, or no node.
const NONE: u32 = u32::MAX;

/// Which arcs leave which nodes by which arms.
pub(super) struct Slots {
    /// Per node and arm: the side that leaves there.
    leaving: Vec<[u32; 4]>,
    /// Per side: four times its start node, plus the arm.
    slot: Vec<u32>,
    /// Per arc: the area between it and the left border of the grid, in pixels, wrapped; negative going up.
    area: Vec<i64>,
}

impl Slots {
    pub(super) fn new(arcs: usize, nodes: usize) -> Self {
        let (slot, area) = (Vec::with_capacity(2 * arcs), Vec::with_capacity(arcs));
        Self { leaving: vec![[NONE; 4]; nodes], slot, area }
    }

    /// Adds the next arc, by its points and its start and end node.
    pub(super) fn push(&mut self, points: &[LatticePoint], nodes: Option<[u32; 2]>) {
        let arc = self.area.len() as u32;
        self.area.push(area(points));
        let ends = match points {
            [first, second, .., before, last] => [(first, second), (last, before)],
            [first, middle, last] => [(first, middle), (last, middle)],
            [first, last] => [(first, last), (last, first)],
            _ => return self.slot.extend([NONE; 2]),
        };
        for (direction, (at, next)) in ends.into_iter().enumerate() {
            let Some(nodes) = nodes else {
                self.slot.push(NONE);
                continue;
            };
            let arm = arm_towards([at.col, at.row], [next.col, next.row]);
            self.leaving[nodes[direction] as usize][arm] = 2 * arc + direction as u32;
            self.slot.push(4 * nodes[direction] + arm as u32);
        }
    }

    /// The side that follows a side in the ring of the region left of it.
    fn next(&self, side: u32, sides: &[[u32; 2]]) -> u32 {
        let arrived = self.slot[(side ^ 1) as usize];
        if arrived == NONE {
            return side;
        }
        let (node, arm) = (&self.leaving[(arrived / 4) as usize], arrived as usize % 4);
        let counter_clockwise = node[(arm + 3) % 4];
        if node.iter().all(|side| *side != NONE) && left(sides, counter_clockwise) == left(sides, side) {
            return counter_clockwise;
        }
        let clockwise = (1..4).map(|turn| node[(arm + turn) % 4]).find(|side| *side != NONE);
        clockwise.unwrap_or(side ^ 1)
    }
}

/// The area between a chain and the column 0, wrapped: the sum over a ring is exact.
fn area(points: &[LatticePoint]) -> i64 {
    let slice =
        |pair: &[LatticePoint]| i64::from(pair[0].col).wrapping_mul(i64::from(pair[1].row) - i64::from(pair[0].row));
    points.windows(2).fold(0, |sum, pair| sum.wrapping_add(slice(pair)))
}

/// The region left of a side.
fn left(sides: &[[u32; 2]], side: u32) -> u32 {
    sides[(side / 2) as usize][(side % 2) as usize]
}

/// Follows all rings. Each starts at its first node in row-major order; a region's exterior stands before its holes, and
/// those in the order of their first arcs.
pub(super) fn assemble(slots: &Slots, sides: &[[u32; 2]], regions: usize) -> Rings {
    let mut done = vec![false; 2 * sides.len()];
    let mut walked = Walked { sides: Vec::with_capacity(2 * sides.len()), offsets: vec![0], heads: Vec::new() };
    for side in 0..2 * sides.len() as u32 {
        let region = left(sides, side);
        if done[side as usize] || region == NO_REGION {
            continue;
        }
        // The first side of a ring that is met starts or ends at its first node.
        let start = if side % 2 == 0 { side } else { slots.next(side, sides) };
        let (mut at, mut ring_area) = (start, 0_i64);
        loop {
            done[at as usize] = true;
            walked.sides.push(Side(at));
            let arc_area = slots.area[(at / 2) as usize];
            ring_area = ring_area.wrapping_add(if at % 2 == 0 { arc_area } else { arc_area.wrapping_neg() });
            at = slots.next(at, sides);
            if at == start || done[at as usize] {
                break;
            }
        }
        walked.offsets.push(walked.sides.len());
        walked.heads.push((region, ring_area > 0));
    }
    walked.by_region(regions)
}

/// Rings in the order in which they were met.
struct Walked {
    sides: Vec<Side>,
    offsets: Vec<usize>,
    /// The region of each, and whether it is a hole.
    heads: Vec<(u32, bool)>,
}

impl Walked {
    fn by_region(&self, regions: usize) -> Rings {
        let mut region_offsets = vec![0; regions + 1];
        for (region, _) in &self.heads {
            region_offsets[*region as usize + 1] += 1;
        }
        for i in 0..regions {
            region_offsets[i + 1] += region_offsets[i];
        }
        let mut next_hole: Vec<usize> = region_offsets.iter().map(|first| first + 1).collect();
        let mut order = vec![0; self.heads.len()];
        for (ring, &(region, hole)) in self.heads.iter().enumerate() {
            let place = if hole { &mut next_hole[region as usize] } else { &mut region_offsets[region as usize] };
            order[*place] = ring;
            *place += usize::from(hole);
        }
        let mut rings = Rings { sides: Vec::with_capacity(self.sides.len()), ring_offsets: vec![0], region_offsets };
        for ring in order {
            rings.sides.extend_from_slice(&self.sides[self.offsets[ring]..self.offsets[ring + 1]]);
            rings.ring_offsets.push(rings.sides.len());
        }
        rings
    }
}
