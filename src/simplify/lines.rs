//! The arcs of a coverage as polylines with an importance per vertex.

use geo::Coord;

use crate::polygonize::Coverage;

/// One polyline per arc, one after the other, in raster space of the coverage's window (its corner is 0, 0).
///
/// Coordinates are multiples of a small power of two below 2^32, so that sums and products of their differences are
/// exact where borders meet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lines {
    pub(super) points: Vec<Coord<f64>>,
    /// The tolerance in pixels up to which each point is needed.
    pub(super) importance: Vec<f32>,
    /// Where each line starts, and the end of the last.
    pub(super) offsets: Vec<usize>,
}

impl Lines {
    /// All turns of all arcs, not yet ranked: only the corners of the window are needed for certain.
    pub(super) fn exact(coverage: &Coverage) -> Self {
        let mut points = Vec::with_capacity((0..coverage.arc_count()).map(|arc| coverage.arc(arc).points.len()).sum());
        let mut offsets = Vec::with_capacity(coverage.arc_count() + 1);
        offsets.push(0);
        for arc in 0..coverage.arc_count() {
            let turns = coverage.arc(arc).points.iter();
            points.extend(turns.map(|p| Coord { x: f64::from(p.col), y: f64::from(p.row) }));
            offsets.push(points.len());
        }
        let (right, bottom) = (f64::from(coverage.window().cols), f64::from(coverage.window().rows));
        let at_corner = |p: &Coord<f64>| (p.x <= 0.0 || p.x >= right) && (p.y <= 0.0 || p.y >= bottom);
        let importance = points.iter().map(|p| if at_corner(p) { f32::INFINITY } else { 0.0 }).collect();
        Self { points, importance, offsets }
    }

    pub(super) fn empty() -> Self {
        Self { points: Vec::new(), importance: Vec::new(), offsets: vec![0] }
    }

    pub(super) fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    pub(super) fn range(&self, line: usize) -> std::ops::Range<usize> {
        self.offsets[line]..self.offsets[line + 1]
    }

    /// Leaves out the points that are not needed at a tolerance.
    pub(super) fn keep(&mut self, tolerance: f64) {
        let mut kept = 0;
        let mut start = 0;
        for line in 0..self.len() {
            let range = start..self.offsets[line + 1];
            start = range.end;
            for i in range {
                if self.importance[i] >= tolerance as f32 {
                    self.points[kept] = self.points[i];
                    self.importance[kept] = self.importance[i];
                    kept += 1;
                }
            }
            self.offsets[line + 1] = kept;
        }
        self.points.truncate(kept);
        self.importance.truncate(kept);
        self.points.shrink_to_fit();
        self.importance.shrink_to_fit();
    }
}
