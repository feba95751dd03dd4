//! The simplified outlines of regions.

use geo::{Coord, LineString, Polygon};

use super::lines::Lines;
use crate::polygonize::{Coverage, Side};

/// The simplified borders of a coverage, put together per region on request.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlines<'a> {
    coverage: &'a Coverage,
    lines: Lines,
}

impl<'a> Outlines<'a> {
    pub(super) fn new(coverage: &'a Coverage, lines: Lines) -> Self {
        Self { coverage, lines }
    }

    /// What was simplified.
    #[must_use]
    pub fn coverage(&self) -> &'a Coverage {
        self.coverage
    }

    /// The number of vertices of all borders, each counted once.
    #[must_use]
    pub fn vertices(&self) -> usize {
        self.lines.points.len()
    }

    /// The vertices of a simplified arc in raster space of the grid, with their importance: see [`Self::importance`].
    #[must_use]
    pub fn line(&self, arc: usize) -> impl ExactSizeIterator<Item = (Coord<f64>, f32)> + Clone {
        let window = self.coverage.window();
        let (col, row) = (window.col as f64, window.row as f64);
        self.lines.range(arc).map(move |i| {
            let p = self.lines.points[i];
            (Coord { x: p.x + col, y: p.y + row }, self.lines.importance[i])
        })
    }

    /// The outline of a region in raster space of the grid, rings closed, wound as [`crate::polygonize`] says, valid (OGC
    /// 06-103r4 6.1.11). Nodes are vertices also where the outline goes straight on: those of the neighbours are there.
    #[must_use]
    pub fn polygon(&self, region: usize) -> Polygon<f64> {
        let window = self.coverage.window();
        let (col, row) = (window.col as f64, window.row as f64);
        let mut rings = self.coverage.rings(region).map(|ring| {
            let points = self.ring(ring).map(|i| self.lines.points[i]);
            LineString::new(points.map(|p| Coord { x: p.x + col, y: p.y + row }).collect())
        });
        let exterior = rings.next().unwrap_or_else(|| LineString::new(Vec::new()));
        Polygon::new(exterior, rings.collect())
    }

    /// The importance of each vertex of [`Self::polygon`], ring by ring, the closing vertices included: the tolerance in
    /// pixels up to which the vertex is needed, infinite where it always is.
    #[must_use]
    pub fn importance(&self, region: usize) -> Vec<Vec<f32>> {
        let rings = self.coverage.rings(region);
        rings.map(|ring| self.ring(ring).map(|i| self.lines.importance[i]).collect()).collect()
    }

    /// The outline of a region along its pixels: see [`Coverage::exact_polygon`].
    #[must_use]
    pub fn exact_polygon(&self, region: usize) -> Polygon<f64> {
        self.coverage.exact_polygon(region)
    }

    /// The places of a ring's vertices among all points, the closing one included.
    fn ring(&self, ring: &[Side]) -> impl Iterator<Item = usize> {
        let first = ring.first().map(|side| self.passed(*side, 0));
        first.into_iter().chain(ring.iter().flat_map(|side| {
            let count = self.lines.range(side.arc()).len();
            (1..count).map(|i| self.passed(*side, i))
        }))
    }

    /// The place of the vertex that a ring meets as number `i` on a side.
    fn passed(&self, side: Side, i: usize) -> usize {
        let range = self.lines.range(side.arc());
        if side.reversed() { range.end - 1 - i } else { range.start + i }
    }
}
