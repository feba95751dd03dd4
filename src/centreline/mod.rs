//! Centre lines of roads, with widths.
//!
//! 1. The mask is taken to cells of half a metre at most; small holes (cars, trees over the road) are filled.
//! 2. It is peeled in the order of the distance to its border, every cell that does not hold it together, until lines are left
//!    (homotopic thinning ordered by distance: C. Pudney 1998, DOI 10.1006/cviu.1998.0680).
//! 3. The lines become a graph; spurs go, shortest first; ends reach out to the border again.
//! 4. Ends that point at each other across a gap are joined, unless something stands in the gap.
//! 5. Lines are smoothed and simplified.
//!
//! Steps 1 and 2 go through windows that lie fixed on the map, each with a halo; the graph is one for the whole map. So
//! a line knows neither blocks nor windows, and memory holds two bits per cell and what is on lines.

mod bits;
mod cells;
mod ends;
mod graph;
mod pixels;
mod skeleton;
mod smooth;
mod thin;

use geo::Coord;

use cells::Layout;
use ends::{Bridges, End};
use graph::{Edge, Graph};
pub use pixels::{CoverageRoads, RegionPixels, RoadMask, RoadPixels};

/// How centre lines are found.
#[derive(Debug, Clone, PartialEq)]
pub struct CentrelineOptions {
    /// Branches that reach less far out of their road are no roads.
    pub min_spur_m: f64,
    /// Ends up to this far apart are joined; 0 joins none.
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
    /// In raster space: x is the column, y the row.
    pub points: Vec<Coord<f64>>,
    /// The median width of the road.
    pub width_m: f64,
    /// A pixel that lies on this line alone, as (row, column): the first, in row-major order, between its ends.
    pub first_pixel: (i64, i64),
}

/// A gap of a road across which two lines were joined.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gap {
    /// In raster space: half a width back in the first road, its end, the end of the second, and half a width into that.
    pub path: [Coord<f64>; 4],
    /// The width of the road at each of these.
    pub width_m: [f64; 4],
}

/// Roads as lines.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RoadLines {
    /// In the row-major order of their first pixels. Lines that meet in a junction share its point.
    pub lines: Vec<Centreline>,
    /// Where lines were joined, the narrowest gap first.
    pub gaps: Vec<Gap>,
}

/// The centre lines of all roads, in the row-major order of their first pixels.
///
/// Lines that meet in a junction share its point. Roads that go on outside the window end at its border.
#[must_use]
pub fn centrelines(pixels: &impl RoadPixels, options: &CentrelineOptions) -> Vec<Centreline> {
    road_lines(pixels, options).lines
}

/// The centre lines of all roads, and the gaps across which they were joined.
#[must_use]
pub fn road_lines(pixels: &impl RoadPixels, options: &CentrelineOptions) -> RoadLines {
    found(pixels, options, thin::WINDOW_CELLS)
}

/// As [`road_lines`], through windows of so many cells along a side.
fn found(pixels: &impl RoadPixels, options: &CentrelineOptions, window_cells: usize) -> RoadLines {
    let layout = Layout::of(pixels);
    let thinned = thin::thin(pixels, &layout, options, window_cells);
    let mut graph = Graph::of(&thinned.skeleton);
    graph.prune(options.min_spur_m / layout.cell_m);
    ends::reach_border(&mut graph, &thinned.roads, layout.cell_m);
    let mut joined = Vec::new();
    if options.max_gap_m > 0.0 {
        let bridges = Bridges {
            gap: options.max_gap_m / layout.cell_m,
            least_cos: options.max_turn_degrees.to_radians().cos(),
            cell_m: layout.cell_m,
            blocked: &thinned.blocked,
        };
        joined = ends::join(&mut graph, &bridges);
    }
    let mut lines: Vec<Centreline> = graph.into_edges().map(|edge| line(&edge, &layout, options)).collect();
    lines.sort_by_key(|line| line.first_pixel);
    RoadLines { lines, gaps: joined.iter().map(|ends| gap(ends, &layout)).collect() }
}

fn gap([one, other]: &[End; 2], layout: &Layout) -> Gap {
    let back = |end: &End| end.tip - end.ahead * (end.width / 2.0);
    let width_m = [one.width, one.width, other.width, other.width].map(|cells| cells * layout.cell_m);
    Gap { path: [back(one), one.tip, other.tip, back(other)].map(|p| layout.to_raster(p)), width_m }
}

fn line(edge: &Edge, layout: &Layout, options: &CentrelineOptions) -> Centreline {
    let path = smooth::smoothed(&edge.path, 1.5 / layout.cell_m);
    let simple = smooth::simplified(&path, options.tolerance_m / layout.cell_m);
    let pixel = |p: &Coord<f64>| {
        let p = layout.to_raster(*p);
        (p.y as i64, p.x as i64)
    };
    let between = &edge.path[1.min(edge.path.len() - 1)..(edge.path.len() - 1).max(1)];
    Centreline {
        points: simple.into_iter().map(|p| layout.to_raster(p)).collect(),
        width_m: edge.width() * layout.cell_m,
        first_pixel: between.iter().map(pixel).min().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
