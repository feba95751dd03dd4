//! Areas and lengths of what is so large that the size of a pixel changes within it.

use geo::BoundingRect;

use super::PipelineError;
use crate::feature::{Centreline, Feature};
use crate::georef::{GroundScale, Measure};
use crate::grid::WorkGrid;

/// What is smaller is measured well enough by one pixel of it, in metres: over 500 m the area of a pixel changes by less than
/// 0.02 % on most maps.
const LARGE_M: f64 = 500.0;

/// Measures large features and centre lines on the ellipsoid.
pub(super) fn measure_large(
    (features, centrelines): (&mut [Feature], &mut [Centreline]),
    grid: &WorkGrid,
    scale: &GroundScale,
) -> Result<(), PipelineError> {
    let measure = Measure::new(&grid.frame.crs)?;
    let metres_per_unit = (scale.pixel_area_m2() / grid.frame.transform.determinant().abs()).sqrt();
    let is_large =
        |bounds: Option<geo::Rect<f64>>| bounds.is_some_and(|b| b.width().max(b.height()) * metres_per_unit > LARGE_M);
    for feature in features.iter_mut().filter(|f| is_large(f.polygon.bounding_rect())) {
        feature.area_m2 = measure.area_m2(&feature.polygon)?;
        feature.perimeter_m = measure.perimeter_m(&feature.polygon)?;
    }
    for centreline in centrelines.iter_mut().filter(|l| is_large(l.line.bounding_rect())) {
        centreline.length_m = measure.length_m(&centreline.line)?;
    }
    Ok(())
}
