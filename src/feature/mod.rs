//! What is served: a polygon with its class, confidence, height and stable id.

mod lines;
mod shape;
mod steps;
mod store;
mod tree;

pub use lines::{Centreline, StoredCentreline};
pub use shape::{WorldShape, WorldVertex};
pub use store::{FeatureStore, StoreError, StoredFeature};

use geo::Polygon;
use thiserror::Error;

use crate::scheme::ClassId;

/// A stable id below 2^53: the same after a restart, on another machine, in another order.
///
/// From the class (low 8 bits) and the first pixel, in row-major order, of the feature's region in the work grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeatureId(u64);

/// A work grid is too large for stable ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("pixel row {row}, column {col} cannot be numbered: rows and columns are 0 to 4194303")]
pub struct FeatureIdError {
    /// The row of the pixel.
    pub row: i64,
    /// The column of the pixel.
    pub col: i64,
}

impl FeatureId {
    /// The id of the region of `class` whose first pixel is (`row`, `col`).
    ///
    /// # Errors
    /// When the row or column is negative or not below 2^22.
    pub fn new(class: ClassId, row: i64, col: i64) -> Result<Self, FeatureIdError> {
        let part = |v: i64| u64::try_from(v).ok().filter(|v| *v < 1 << 22).ok_or(FeatureIdError { row, col });
        Ok(Self((u64::from(class.0 & 0xff) << 44) | (part(row)? << 22) | part(col)?))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

/// How sure the model was over the pixels of a feature, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Confidence {
    /// The mean over the pixels.
    pub mean: f32,
    /// The least sure pixel.
    pub min: f32,
}

/// How an outline came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outline {
    /// Pixel edges.
    Exact,
    /// Shared borders simplified.
    Simplified,
    /// A building with regular angles.
    Regularized,
    /// A round building, as a regular polygon.
    Round,
    /// A building whose outline was kept, and why.
    Kept(KeptReason),
}

/// Why a building was not regularized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptReason {
    /// Regular angles would have changed the shape too much.
    PoorFit,
    /// Too small to have a direction.
    TooSmall,
    /// It would have crossed a neighbour.
    Neighbour,
    /// It would have covered a part of a road.
    Road,
}

impl Outline {
    /// The value of the attribute `outline`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Simplified => "simplified",
            Self::Regularized => "regularized",
            Self::Round => "round",
            Self::Kept(KeptReason::PoorFit) => "kept-poor-fit",
            Self::Kept(KeptReason::TooSmall) => "kept-too-small",
            Self::Kept(KeptReason::Neighbour) => "kept-neighbour",
            Self::Kept(KeptReason::Road) => "kept-road",
        }
    }
}

/// What a height rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeightSource {
    /// A surface model and a terrain model.
    DsmDtm,
    /// A surface model alone; the ground is the lowest around the building.
    Dsm,
    /// The default of the size class.
    ClassDefault,
}

impl HeightSource {
    /// The value of the attribute `height_source`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DsmDtm => "dsm-dtm",
            Self::Dsm => "dsm",
            Self::ClassDefault => "class-default",
        }
    }
}

/// The height of a building above its ground.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Height {
    /// Roof above ground, in metres.
    pub height_m: f32,
    /// What it rests on.
    pub source: HeightSource,
}

/// What is served.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// Stable.
    pub id: FeatureId,
    /// Its label.
    pub class: ClassId,
    /// In map space of the work grid: exterior counter-clockwise, holes clockwise, rings closed, valid (OGC 06-103r4 6.1.11).
    pub polygon: Polygon<f64>,
    /// Per ring (exterior first) and vertex: the simplification tolerance in ground metres up to which it is needed;
    /// infinite where it always is. Neighbours agree on the vertices they share.
    pub importance_m: Vec<Vec<f32>>,
    /// Absent for class rasters without confidence.
    pub confidence: Option<Confidence>,
    /// The mean over the pixels of how unlike all that a scorer has seen they are, as the share of that which lies nearer to
    /// its prototypes; above 1 beyond all of it, up to 2. Where that is told.
    pub unknown: Option<f32>,
    /// On the ground, of the polygon.
    pub area_m2: f64,
    /// On the ground, of the outline.
    pub perimeter_m: f64,
    /// How the outline came to be.
    pub outline: Outline,
    /// Of the longer walls of a regularized building: degrees clockwise from true north, 0 to 180.
    pub direction_deg: Option<f32>,
    /// Buildings only.
    pub height: Option<Height>,
    /// A neighbouring block is not made yet: the outline may still grow.
    pub provisional: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stay_below_the_largest_exact_number_of_javascript() {
        let last = FeatureId::new(ClassId(255), (1 << 22) - 1, (1 << 22) - 1).expect("in range");
        assert!(last.get() < 1 << 53);
        assert!(FeatureId::new(ClassId(1), 1 << 22, 0).is_err());
        assert!(FeatureId::new(ClassId(1), -1, 0).is_err());
    }
}
