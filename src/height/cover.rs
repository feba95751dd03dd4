//! Which part of some ground an elevation raster covers.

use super::Heights;
use crate::georef::{Crs, CrsError, MapPoint, PixelPoint, Projector};

/// Mean radius of the earth in metres.
const EARTH_M: f64 = 6_371_009.0;

/// How an elevation raster lies to some positions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cover {
    /// Share of the positions inside the raster, 0 to 1.
    pub share: f64,
    /// From the middle of the raster to the nearest position, in metres; 0 where one is inside.
    pub distance_m: f64,
}

/// The share of positions of a reference system that lie in an elevation raster.
///
/// # Errors
/// When PROJ has no way between the reference systems.
pub fn cover<H: Heights>(heights: &H, crs: &Crs, positions: &[MapPoint]) -> Result<Cover, CrsError> {
    let (frame, window) = (heights.frame(), heights.window());
    let to_raster = Projector::new(crs, &frame.crs)?;
    let inside = |p: &&MapPoint| {
        to_raster.project(**p).is_ok_and(|map| {
            let at = frame.transform.to_raster(map);
            (0.0..f64::from(window.cols)).contains(&at.col) && (0.0..f64::from(window.rows)).contains(&at.row)
        })
    };
    let count = positions.iter().filter(inside).count();
    let share = count as f64 / positions.len().max(1) as f64;
    if count > 0 {
        return Ok(Cover { share, distance_m: 0.0 });
    }
    let middle = PixelPoint { col: f64::from(window.cols) / 2.0, row: f64::from(window.rows) / 2.0 };
    let middle = Projector::new(&frame.crs, &Crs::lon_lat())?.project(frame.transform.to_map(middle))?;
    let to_lon_lat = Projector::new(crs, &Crs::lon_lat())?;
    let distances = positions.iter().filter_map(|p| Some(distance_m(middle, to_lon_lat.project(*p).ok()?)));
    Ok(Cover { share, distance_m: distances.min_by(f64::total_cmp).unwrap_or(0.0) })
}

/// Along a great circle, between degrees.
fn distance_m(a: MapPoint, b: MapPoint) -> f64 {
    let half = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin().powi(2);
    let h = half(a.y, b.y) + a.y.to_radians().cos() * b.y.to_radians().cos() * half(a.x, b.x);
    2.0 * EARTH_M * h.min(1.0).sqrt().asin()
}
