//! Regions and the borders they share.

use geo::{Coord, LineString, Polygon};

use super::block::Chains;
use crate::georef::Window;

/// A corner of pixels, counted in columns and rows from the upper left corner of the coverage's window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LatticePoint {
    /// Columns from the left.
    pub col: u32,
    /// Rows from the top.
    pub row: u32,
}

/// An arc with the direction in which a ring passes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Side(pub(super) u32);

impl Side {
    /// The index of the arc in [`Coverage::arc`].
    #[must_use]
    pub fn arc(self) -> usize {
        (self.0 / 2) as usize
    }

    /// Whether the ring passes the arc from its end to its start.
    #[must_use]
    pub fn reversed(self) -> bool {
        self.0 % 2 == 1
    }
}

/// A border between two regions, from node to node, or closed (first point = last point).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arc<'a> {
    /// Its turning points; each segment is horizontal or vertical.
    pub points: &'a [LatticePoint],
    /// The index of the region on its left; `None` for label 0 and for the space around.
    pub left: Option<usize>,
    /// The index of the region on its right.
    pub right: Option<usize>,
}

/// How sure the model was over the pixels of a region; exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegionConfidence {
    /// The sum over its pixels, each 0 to 255.
    pub sum: u64,
    /// The least of its pixels.
    pub min: u8,
}

/// A set of pixels of one label, connected by their sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// Its place in [`Coverage::regions`].
    pub index: usize,
    /// Never 0.
    pub label: u32,
    /// The row of its first pixel in row-major order, in the work grid.
    pub first_row: i64,
    /// The column of its first pixel, in the work grid.
    pub first_col: i64,
    /// How many pixels it has.
    pub pixels: u64,
    /// Absent where a block had none.
    pub confidence: Option<RegionConfidence>,
    /// How unlike all that was seen: the sum over its pixels, in percent each; absent where a block does not tell.
    pub unknown_sum: Option<u64>,
    /// It touches a block of the grid that was not given: it may still grow.
    pub provisional: bool,
}

/// All regions of a set of blocks, in the row-major order of their first pixels, and the arcs between them.
///
/// The same whatever the blocks and their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    pub(super) window: Window,
    pub(super) chains: Chains,
    /// Left and right region of each arc.
    pub(super) sides: Vec<[u32; 2]>,
    pub(super) regions: Vec<Region>,
    pub(super) rings: Rings,
}

/// The rings of all regions: sides one after the other, ring after ring, region after region, each exterior first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Rings {
    pub(super) sides: Vec<Side>,
    /// Where each ring starts in `sides`, and the end of the last.
    pub(super) ring_offsets: Vec<usize>,
    /// Where each region's rings start in `ring_offsets`, and the end of the last.
    pub(super) region_offsets: Vec<usize>,
}

/// No region: label 0, or outside.
pub(super) const NO_REGION: u32 = u32::MAX;

impl Coverage {
    /// The grid's window: lattice points count from its upper left corner.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }

    /// All regions, in the row-major order of their first pixels.
    #[must_use]
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// Gives every region another label; those that come to the same one stay apart. None may become 0.
    pub fn relabel(&mut self, label: impl Fn(u32) -> u32) {
        self.regions.iter_mut().for_each(|region| region.label = label(region.label));
    }

    /// The number of arcs.
    #[must_use]
    pub fn arc_count(&self) -> usize {
        self.chains.len()
    }

    /// An arc. Arcs stand in the row-major order of their starts, which are the lesser of their two ends.
    #[must_use]
    pub fn arc(&self, index: usize) -> Arc<'_> {
        let [left, right] = self.sides[index].map(|region| (region != NO_REGION).then_some(region as usize));
        Arc { points: self.chains.get(index), left, right }
    }

    /// The rings of a region, exterior first, each as the sides it is made of; the region lies on their left.
    #[must_use]
    pub fn rings(&self, region: usize) -> impl ExactSizeIterator<Item = &[Side]> {
        let rings = self.rings.region_offsets[region]..self.rings.region_offsets[region + 1];
        rings.map(|ring| &self.rings.sides[self.rings.ring_offsets[ring]..self.rings.ring_offsets[ring + 1]])
    }

    /// The outline of a region along its pixels, in raster space of the grid: closed rings with no vertex but where they
    /// turn. Valid (OGC 06-103r4 6.1.11), wound as the module says.
    #[must_use]
    pub fn exact_polygon(&self, region: usize) -> Polygon<f64> {
        let mut rings = self.rings(region).map(|ring| self.exact_ring(ring));
        let exterior = rings.next().unwrap_or_else(|| LineString::new(Vec::new()));
        Polygon::new(exterior, rings.collect())
    }

    fn exact_ring(&self, ring: &[Side]) -> LineString<f64> {
        let count: usize = ring.iter().map(|side| self.chains.get(side.arc()).len()).sum();
        let mut coords: Vec<Coord<f64>> = Vec::with_capacity(count);
        for side in ring {
            let points = self.chains.get(side.arc());
            if side.reversed() {
                points.iter().rev().skip(1).for_each(|&p| self.turn(&mut coords, p));
            } else {
                points.iter().skip(1).for_each(|&p| self.turn(&mut coords, p));
            }
        }
        // The first vertex here follows the ring's first node, which is now the last vertex and may not turn at all.
        if let [.., last, end] = coords[..]
            && straight(last, end, coords[0])
        {
            coords.pop();
        }
        if let [first, second, .., end] = coords[..] {
            if straight(end, first, second) {
                coords.remove(0);
            }
            coords.push(coords[0]);
        }
        LineString::new(coords)
    }

    /// Adds a vertex and takes the one before it back if the ring goes straight on there.
    fn turn(&self, coords: &mut Vec<Coord<f64>>, point: LatticePoint) {
        let next = self.position(point);
        if let [.., a, b] = coords[..]
            && straight(a, b, next)
        {
            coords.pop();
        }
        coords.push(next);
    }

    /// A lattice point in raster space of the grid.
    #[must_use]
    pub fn position(&self, point: LatticePoint) -> Coord<f64> {
        let (col, row) = (self.window.col + i64::from(point.col), self.window.row + i64::from(point.row));
        Coord { x: col as f64, y: row as f64 }
    }
}

/// Whether three vertices of a pixel outline lie on one row or column. The coordinates are whole numbers.
#[expect(clippy::float_cmp, reason = "whole numbers")]
fn straight(a: Coord<f64>, b: Coord<f64>, c: Coord<f64>) -> bool {
    (a.x == b.x && b.x == c.x) || (a.y == b.y && b.y == c.y)
}
