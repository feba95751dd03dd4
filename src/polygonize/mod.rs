//! Label blocks to arcs, arcs to exact regions across blocks.
//!
//! [`trace`] follows the cracks (lattice edges between pixels of different labels) of one block and needs no neighbour;
//! [`join()`] sews any set of blocks together and gives exactly what tracing them as one block would give.
//! Labels may be classes, or numbers composed of instance and class: only their equality matters, and 0 is "none".
//!
//! Raster space: `x` = column, `y` = row, pixel (col, row) fills the unit square right of and below lattice point
//! (col, row). Left and right are meant as seen on the screen, rows downwards: along an arc that goes east, the left
//! region lies above it. Exteriors keep their region on the left: counter-clockwise on a north-up map, so their shoelace
//! area in (col, row) is negative; holes run the other way round.
//!
//! ```
//! use orthotile::{georef::Window, polygonize};
//!
//! let window = Window::new(0, 0, 3, 2);
//! let labels = [1u8, 1, 2, 1, 0, 2];
//! let block = polygonize::trace(&polygonize::LabelView { window, labels: &labels, confidence: None, unknown: None });
//! let coverage = polygonize::join(&[block], &window)?;
//! assert_eq!(coverage.regions().len(), 2);
//! assert_eq!(coverage.regions()[0].pixels, 3);
//! # Ok::<(), polygonize::JoinError>(())
//! ```

mod block;
mod components;
mod coverage;
mod fill;
mod graph;
mod join;
mod label;
mod lattice;
mod rings;
mod runs;
mod seams;
mod stitch;
mod sweep;
mod walk;

pub use block::BlockArcs;
pub(crate) use components::DisjointSets;
pub use coverage::{Arc, Coverage, LatticePoint, Region, RegionConfidence, Side};
pub use join::join;
pub use label::LabelCode;
pub use lattice::JoinError;
pub use runs::Label;
pub use sweep::{LabelView, trace};

#[cfg(test)]
mod tests;
