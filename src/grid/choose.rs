//! The work grid of a mosaic, at the ground resolution that a model wants.

use thiserror::Error;

use super::WorkGrid;
use crate::georef::{CrsError, Ground, GroundScale, PixelFrame, PixelPoint, Window};

/// What a model wants of the ground resolution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WantedResolution {
    /// What it was trained for, in m/px.
    pub best_m_per_px: f64,
    /// The finest and the coarsest that it is good for, in m/px.
    pub range_m_per_px: [f64; 2],
}

/// Why a mosaic gets no work grid.
#[derive(Debug, Error)]
pub enum GridError {
    /// The mosaic has no place on the ground.
    #[error(transparent)]
    Crs(#[from] CrsError),
    /// The imagery is far coarser than the model can use.
    #[error("the imagery has {native_m_per_px:.3} m/px, the model is good for {finest} to {coarsest} m/px: enlarging more than {MAX_ENLARGEMENT} times invents detail", finest = .range[0], coarsest = .range[1])]
    TooCoarse {
        /// Of the mosaic.
        native_m_per_px: f64,
        /// Of the model.
        range: [f64; 2],
    },
    /// More pixels than ids can number.
    #[error("the work grid would have {cols} × {rows} pixels: at most {MAX_SIDE_PX} each way")]
    TooLarge {
        /// Columns.
        cols: f64,
        /// Rows.
        rows: f64,
    },
}

/// Beyond this, enlarging invents detail.
const MAX_ENLARGEMENT: f64 = 4.0;

/// Stable ids number rows and columns with 22 bits each.
const MAX_SIDE_PX: f64 = 4_194_303.0;

/// How far from a whole factor the pixels may be and still be joined whole: resampling by whole pixels loses nothing.
const SNAP: f64 = 0.15;

impl WorkGrid {
    /// The grid over `extent` of a mosaic's own grid, with its first corner and its directions.
    ///
    /// Wanted is the model's best resolution, or the mosaic's own where that is coarser, but never coarser than what the
    /// model is good for. Native pixels are taken as they are, or joined by whole factors, where that comes within 15 % of
    /// the wanted; else pixels get exactly the wanted size on the ground (in the middle of the mosaic).
    ///
    /// # Errors
    /// When the mosaic lies nowhere on the ground, is far too coarse for the model, or too large for one grid.
    pub fn choose(
        native: &PixelFrame,
        extent: &Window,
        wanted: &WantedResolution,
        block_px: u32,
    ) -> Result<Self, GridError> {
        let middle = PixelPoint {
            col: extent.col as f64 + f64::from(extent.cols) / 2.0,
            row: extent.row as f64 + f64::from(extent.rows) / 2.0,
        };
        let scale = Ground::new(native.transform, &native.crs)?.scale_at(middle)?;
        let (across, down) = factors(&scale, wanted)?;
        let transform = native.transform.shifted(extent.col as f64, extent.row as f64).scaled(across, down);
        let (cols, rows) = ((f64::from(extent.cols) / across).ceil(), (f64::from(extent.rows) / down).ceil());
        if cols > MAX_SIDE_PX || rows > MAX_SIDE_PX {
            return Err(GridError::TooLarge { cols, rows });
        }
        let frame = PixelFrame { crs: native.crs.clone(), transform };
        Ok(Self { frame, cols: cols as u32, rows: rows as u32, block_px })
    }
}

/// Native pixels per work pixel, across and down.
fn factors(scale: &GroundScale, wanted: &WantedResolution) -> Result<(f64, f64), GridError> {
    let native = scale.resolution_m_per_px();
    let coarsest = wanted.range_m_per_px[1];
    if native > coarsest * MAX_ENLARGEMENT {
        return Err(GridError::TooCoarse { native_m_per_px: native, range: wanted.range_m_per_px });
    }
    let length = |(east, north): (f64, f64)| east.hypot(north);
    let (across_m, down_m) = (length(scale.per_col_m), length(scale.per_row_m));
    let square = (across_m / down_m - 1.0).abs() < 0.02;
    // Coarser than wanted: the true pixels, as far as the model can use them, rather than invented ones.
    let goal = native.max(wanted.best_m_per_px).min(coarsest);
    if square {
        let factor = snapped(goal / native);
        return Ok((factor, factor));
    }
    Ok((snapped(goal / across_m), snapped(goal / down_m)))
}

fn snapped(factor: f64) -> f64 {
    let whole = factor.round().max(1.0);
    if (factor / whole - 1.0).abs() <= SNAP { whole } else { factor }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::georef::{Crs, GeoTransform};

    const WANTED: WantedResolution = WantedResolution { best_m_per_px: 0.26, range_m_per_px: [0.13, 1.0] };

    fn utm(size_m: f64) -> PixelFrame {
        let transform = GeoTransform::new([500_000.0, size_m, 0.0, 5_500_000.0, 0.0, -size_m]).expect("regular");
        PixelFrame { crs: Crs::new("EPSG:32632").expect("known"), transform }
    }

    #[test]
    fn fine_pixels_are_joined_whole() {
        let extent = Window::new(10, 20, 1001, 501);
        let grid = WorkGrid::choose(&utm(0.13), &extent, &WANTED, 512).expect("possible");
        assert_eq!((grid.cols, grid.rows), (501, 251));
        let c = grid.frame.transform.coefficients();
        assert!((c[0] - 500_001.3).abs() < 1e-9 && (c[1] - 0.26).abs() < 1e-12, "{c:?}");
    }

    #[test]
    fn coarse_pixels_within_range_stay_as_they_are() {
        let grid = WorkGrid::choose(&utm(0.8), &Window::new(0, 0, 100, 100), &WANTED, 512).expect("possible");
        assert_eq!(grid.cols, 100);
    }

    #[test]
    fn pixels_at_the_end_of_the_range_stay_and_coarser_ones_are_enlarged_to_it() {
        // A metre of UTM is a little more than one on the ground in the middle of the zone.
        let cols =
            |size_m: f64| WorkGrid::choose(&utm(size_m), &Window::new(0, 0, 100, 100), &WANTED, 512).map(|g| g.cols);
        assert_eq!(cols(1.0).expect("possible"), 100);
        assert_eq!(cols(1.1).expect("possible"), 100);
        assert_eq!(cols(2.0).expect("possible"), 201);
        assert_eq!(cols(1.5).expect("possible"), 151);
    }

    #[test]
    fn imagery_far_too_coarse_is_refused() {
        let error = WorkGrid::choose(&utm(10.0), &Window::new(0, 0, 100, 100), &WANTED, 512).expect_err("too coarse");
        assert!(error.to_string().contains("m/px"), "{error}");
    }

    #[test]
    fn pixels_of_degrees_become_square_on_the_ground() {
        let transform = GeoTransform::new([8.5, 1e-6, 0.0, 60.0, 0.0, -1e-6]).expect("regular");
        let native = PixelFrame { crs: Crs::new("EPSG:4326").expect("known"), transform };
        let grid = WorkGrid::choose(&native, &Window::new(0, 0, 40_000, 40_000), &WANTED, 512).expect("possible");
        let ground = Ground::new(grid.frame.transform, &grid.frame.crs).expect("known");
        let scale = ground.scale_at(PixelPoint { col: 100.0, row: 100.0 }).expect("inside");
        assert!((scale.per_col_m.0 / -scale.per_row_m.1 - 1.0).abs() < 0.16, "{scale:?}");
    }
}
