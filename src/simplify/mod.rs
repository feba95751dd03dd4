//! Every shared border, once.
//!
//! Each arc of a [`Coverage`] is simplified by itself with its nodes fixed, so both of its regions get the same line:
//! no gaps and no overlaps. The result is then checked as a whole and repaired where a border would cross, touch or
//! pass another (`guard`), so that every polygon is valid and no region is lost.
//!
//! Each vertex carries one importance: the tolerance in pixels up to which it is needed. To draw a coverage coarser,
//! leave out the vertices below the tolerance: `importance >= tolerance`. Neighbours agree, as they share the vertices.
//!
//! Polygons are wound as [`crate::polygonize`] says.

mod give_way;
mod guard;
mod importance;
mod index;
mod lines;
mod outlines;
mod smooth;
mod subdivide;

use std::collections::BTreeSet;

use crate::{georef::GroundScale, polygonize::Coverage};
pub use give_way::Lattice;
use lines::Lines;
pub use outlines::Outlines;
pub use subdivide::subdivide;

/// How far borders may move.
#[derive(Debug, Clone, PartialEq)]
pub struct SimplifyOptions {
    /// How far a vertex that is left out may lie from its border, in pixels; 0 keeps every turn. The steps of pixels
    /// vanish from 1 on.
    pub tolerance_px: f64,
    /// Up to which tolerance, in pixels, leaving out vertices by importance still gives a valid coverage: it does at
    /// the tolerance times 1, 2, 4, … up to this.
    pub coarsest_px: f64,
    /// Which borders become curves; none where absent.
    pub smoothing: Option<Smoothing>,
}

/// Corners of natural borders cut once or twice (Chaikin 1974), arcs again, never polygons; nodes stay. The curves keep
/// what a quarter of the tolerance needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smoothing {
    /// The labels of natural regions. A border is smoothed where the regions on both sides are natural or none.
    pub labels: BTreeSet<u32>,
    /// How often corners are cut.
    pub rounds: u8,
}

impl Default for SimplifyOptions {
    fn default() -> Self {
        Self { tolerance_px: 1.0, coarsest_px: 16.0, smoothing: None }
    }
}

impl SimplifyOptions {
    /// With a tolerance in ground metres, and guarded up to 16 times of it.
    #[must_use]
    pub fn in_metres(tolerance_m: f64, scale: &GroundScale) -> Self {
        let tolerance_px = tolerance_m / scale.resolution_m_per_px();
        Self { tolerance_px, coarsest_px: 16.0 * tolerance_px, smoothing: None }
    }
}

/// Simplifies all borders of a coverage. The same coverage gives the same outlines, whatever blocks it was joined from.
///
/// After Douglas & Peucker (1973) per arc; the checks follow de Berg, van Kreveld & Schirra, "Topologically correct
/// subdivision simplification using the bandwidth criterion" (1998).
#[must_use]
pub fn simplify<'a>(coverage: &'a Coverage, options: &SimplifyOptions) -> Outlines<'a> {
    let tolerance = options.tolerance_px.max(0.0);
    let mut lines = Lines::exact(coverage);
    if tolerance == 0.0 && options.coarsest_px <= 0.0 && options.smoothing.is_none() {
        lines.importance.fill(f32::INFINITY);
        return Outlines::new(coverage, lines);
    }
    importance::rank(&mut lines, tolerance);
    guard::repair(&mut lines, tolerance, 0.0);
    lines.keep(tolerance);
    let (mut guarded, mut coarser) = (tolerance, 2.0 * tolerance);
    if let Some(smoothing) = &options.smoothing {
        lines = smooth::smooth(&lines, coverage, smoothing);
        // The curves have vertices of little use, and all are ranked anew.
        (guarded, coarser) = (tolerance / 4.0, tolerance);
        guard::repair(&mut lines, guarded, 0.0);
        lines.keep(guarded);
    }
    while coarser > 0.0 && coarser <= options.coarsest_px {
        guard::repair(&mut lines, coarser, guarded);
        (guarded, coarser) = (coarser, 2.0 * coarser);
    }
    Outlines::new(coverage, lines)
}

#[cfg(test)]
mod tests;
