//! Centre lines of roads, with widths.
//!
//! 1. The mask is taken to cells of half a metre at most; small holes (cars, trees over the road) are filled.
//! 2. It is peeled in the order of the distance to its border, every cell that does not hold it together, until lines are left
//!    (homotopic thinning ordered by distance: C. Pudney 1998, DOI 10.1006/cviu.1998.0680).
//! 3. The lines become a graph; spurs go, shortest first; ends reach out to the border again.
//! 4. Ends that point at each other across a gap are joined.
//! 5. Lines are smoothed and simplified.

mod cells;
mod ends;
mod graph;
mod skeleton;
mod smooth;

use geo::Coord;

use cells::Cells;

/// The pixels of roads.
#[derive(Debug, Clone, Copy)]
pub struct RoadMask<'a> {
    /// Row-major, `cols` a row.
    pub inside: &'a [bool],
    /// Width in pixels.
    pub cols: usize,
    /// The side of a pixel on the ground.
    pub pixel_m: f64,
}

/// How centre lines are found.
#[derive(Debug, Clone, PartialEq)]
pub struct CentrelineOptions {
    /// Branches that reach less far out of their road are no roads.
    pub min_spur_m: f64,
    /// Ends up to this far apart are joined.
    pub max_gap_m: f64,
    /// Up to this angle between their headings.
    pub max_turn_degrees: f64,
    /// Smaller holes are filled.
    pub min_hole_m2: f64,
    /// How far a line may be from where it was found.
    pub tolerance_m: f64,
}

impl Default for CentrelineOptions {
    fn default() -> Self {
        Self { min_spur_m: 10.0, max_gap_m: 12.0, max_turn_degrees: 30.0, min_hole_m2: 30.0, tolerance_m: 0.5 }
    }
}

/// The centre line of a road between two junctions or ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Centreline {
    /// In raster space of the mask: x is the column, y the row; (0, 0) is the outer corner of the first pixel.
    pub points: Vec<Coord<f64>>,
    /// The median width of the road.
    pub width_m: f64,
}

/// The centre lines of all roads of a mask.
///
/// Lines that meet in a junction share its point. Roads that go on outside the mask end at its border.
#[must_use]
pub fn centrelines(mask: &RoadMask, options: &CentrelineOptions) -> Vec<Centreline> {
    let mut cells = Cells::of(mask);
    cells.fill_holes(options.min_hole_m2);
    let distance = cells.distances();
    let skeleton = skeleton::thinned(&cells, &distance);
    let mut graph = graph::Graph::of(&cells, &skeleton, &distance);
    graph.prune(options.min_spur_m / cells.cell_m);
    ends::reach_border(&mut graph, &cells);
    ends::join(&mut graph, &cells, options);
    let line = |edge: graph::Edge| {
        let path = smooth::smoothed(&edge.path, 1.5 / cells.cell_m);
        let simple = smooth::simplified(&path, options.tolerance_m / cells.cell_m);
        let points = simple.into_iter().map(|p| cells.to_mask(p)).collect();
        Centreline { points, width_m: edge.width() * cells.cell_m }
    };
    graph.into_edges().map(line).collect()
}

#[cfg(test)]
mod tests;
