//! Building outlines: pixel edges to walls with square corners.
//!
//! Everything here lies in a local plane in metres, x east and y north. For each building:
//!
//! 1. the direction of its walls is the mean of its edges' directions, four times the angle, long edges first,
//!    then the least-squares turn over the walls;
//! 2. at several tolerances its border is cut into runs along that direction, across it, or along a clear diagonal; the line of
//!    a run is the least-squares line through the pixel edges, and lines meet in corners;
//! 3. of these outlines, a rectangle and a circle, the one with the least `(1 - IoU) + λ·vertices` is taken
//!    (minimal description length); a guard keeps the old outline where none fits;
//! 4. buildings that face each other take one direction where it fits each of them, and one line for their common wall;
//!    walls that reach into a neighbour, or too deep onto a road, step back, and where that is not enough, the old outline
//!    is kept;
//! 5. walls of neighbours that all but touch share their corners, so that rounding moves them alike.
//!
//! The shared area behind it is exact, by a sum over pairs of edges.

mod cells;
mod common;
mod contact;
mod direction;
mod draft;
mod group;
mod importance;
mod joined;
mod neighbours;
mod nodes;
mod overlap;
mod ring;
mod shape;
mod trace;
mod valid;
mod walls;

use std::num::NonZeroUsize;

use geo::Polygon;

use crate::cores::{cores, each};
use draft::Draft;

/// The outline of a building as it was traced.
#[derive(Debug, Clone, PartialEq)]
pub struct Footprint {
    /// Pixel edges in metres (x east, y north), valid, from which walls are fitted.
    pub outline: Polygon<f64>,
    /// The outline to keep where no regular one fits, such as one that shares its simplified border with its neighbours.
    /// Where there is none, `outline` is simplified by itself.
    pub simplified: Option<Polygon<f64>>,
}

/// What became of an outline.
#[derive(Debug, Clone, PartialEq)]
pub struct Regularized {
    /// In the plane of the input: exterior counter-clockwise, holes clockwise, rings closed, valid.
    pub polygon: Polygon<f64>,
    /// Per ring (exterior first) and vertex (the closing one too): the tolerance in metres up to which it is needed;
    /// infinite where it always is.
    pub importance_m: Vec<Vec<f32>>,
    /// How the outline came to be.
    pub outcome: Outcome,
    /// The direction of the walls in degrees counter-clockwise from east, 0 to 90; none for what has no walls.
    pub direction_deg: Option<f64>,
}

/// How an outline came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Straight walls, square corners but for clear diagonals.
    Regularized,
    /// A circle, as a regular polygon.
    Round,
    /// Not regularized, and why.
    Kept(Reason),
}

/// Why an outline was not regularized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Regular angles would have changed the shape too much.
    PoorFit,
    /// Too small to have a direction: a rectangle where that fits, else the old outline.
    TooSmall,
    /// It would have covered a part of another building.
    Neighbour,
    /// It would have covered more than a strip of a road.
    Road,
}

/// How outlines are regularized.
#[derive(Debug, Clone, PartialEq)]
pub struct RegularizeOptions {
    /// The side of a pixel.
    pub pixel_m: f64,
    /// The tolerances that are tried, rising; not empty. An outline that is kept is simplified by the first.
    pub tolerances_m: Vec<f64>,
    /// What a vertex costs, as a share of the area of the building.
    pub lambda: f64,
    /// What a vertex costs at most, so that large buildings keep their details.
    pub vertex_m2: f64,
    /// How much of a wall's ends is left out of its fit, since models round corners.
    pub trim_m: f64,
    /// Walls from this length on may be diagonal.
    pub least_diagonal_m: f64,
    /// The least intersection over union of the old and the new outline.
    pub min_iou: f64,
    /// The least intersection over union of a round building and its circle.
    pub min_round_iou: f64,
    /// The largest change of area, as a share of the old one.
    pub max_area_change: f64,
    /// Smaller buildings have no direction.
    pub min_area_m2: f64,
    /// Smaller holes are filled.
    pub min_hole_m2: f64,
    /// Walls that face each other within this distance may be one, and may move so far.
    pub reach_m: f64,
    /// How far an outline may reach onto a road, from the border that was traced between them.
    pub road_depth_m: f64,
    /// How many threads work.
    pub threads: NonZeroUsize,
}

impl RegularizeOptions {
    /// What suits buildings in pixels of this size: tolerances from 0.45 m or three quarters of a pixel on.
    #[must_use]
    pub fn for_pixel(pixel_m: f64) -> Self {
        let scale = (0.75 * pixel_m / 0.45).max(1.0);
        Self {
            pixel_m,
            tolerances_m: [0.45, 0.6, 0.9, 1.2, 1.8, 2.4].map(|t| t * scale).to_vec(),
            lambda: 0.01,
            vertex_m2: 1.0,
            trim_m: 0.8,
            least_diagonal_m: 3.0_f64.max(6.0 * pixel_m),
            min_iou: 0.75,
            min_round_iou: 0.9,
            max_area_change: 0.1,
            min_area_m2: 6.0_f64.max(12.0 * pixel_m * pixel_m),
            min_hole_m2: 4.0_f64.max(6.0 * pixel_m * pixel_m),
            reach_m: 0.25 + 1.5 * pixel_m,
            road_depth_m: 0.25 + 2.5 * pixel_m,
            threads: cores(),
        }
    }
}

/// The outlines of buildings with straight walls and square corners, one for each footprint and in their order.
///
/// The result does not depend on the number of threads.
#[must_use]
pub fn regularize(footprints: &[Footprint], options: &RegularizeOptions) -> Vec<Regularized> {
    regularize_beside(footprints, &[], options)
}

/// As [`regularize`], and no outline covers more than a strip of a road that the old one did not cover.
///
/// Roads come as polygons that do not overlap, in the plane of the footprints and in the shape they are drawn in; a large
/// one is best given in pieces. What an outline covers of them is to be cut off.
#[must_use]
pub fn regularize_beside(
    footprints: &[Footprint],
    roads: &[Polygon<f64>],
    options: &RegularizeOptions,
) -> Vec<Regularized> {
    let mut drafts = each(footprints, options.threads, |footprint| Draft::of(footprint, options));
    neighbours::settle(&mut drafts, (footprints, roads), options);
    drafts.into_iter().zip(footprints).map(|(draft, footprint)| draft.finish(footprint)).collect()
}

#[cfg(test)]
mod tests;
