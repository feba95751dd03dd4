//! Where a grid lies in longitude and latitude.

use super::{Crs, CrsError, MapPoint, PixelFrame, PixelPoint, Projector, Window, hull};

/// Positions are looked at that far apart, in parts of a side.
const STEPS: u32 = 16;

/// Share of the range that a border may bend out of it between two positions.
const MARGIN: f64 = 0.1;

/// Least margin, in degrees.
const LEAST_MARGIN_DEG: f64 = 0.01;

/// Nearer than so many degrees to a pole, a range goes all around.
const POLAR_DEG: f64 = 5.0;

/// A range of longitudes and latitudes, in degrees; across 180° its east goes on beyond.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LonLatRange {
    /// -180 to 180, or less by the margin.
    pub west: f64,
    /// At most a turn from `west`.
    pub east: f64,
    /// -90 to 90.
    pub south: f64,
    /// -90 to 90.
    pub north: f64,
}

impl LonLatRange {
    /// All around the earth.
    pub const WORLD: Self = Self { west: -180.0, east: 180.0, south: -90.0, north: 90.0 };

    /// The range around a window of a grid, with a margin; `None` where the grid has no place on the globe.
    ///
    /// # Errors
    /// When PROJ has no way to longitude and latitude.
    pub fn around(frame: &PixelFrame, window: &Window) -> Result<Option<Self>, CrsError> {
        let to_lon_lat = Projector::new(&frame.crs, &Crs::lon_lat())?;
        let share = |n: u32, size: u32| f64::from(size) * f64::from(n) / f64::from(STEPS);
        let positions = (0..=STEPS).flat_map(|row| (0..=STEPS).map(move |col| (col, row)));
        let place = |(col, row): (u32, u32)| {
            let (col, row) = (window.col as f64 + share(col, window.cols), window.row as f64 + share(row, window.rows));
            to_lon_lat.project(frame.transform.to_map(PixelPoint { col, row })).ok()
        };
        let places: Vec<MapPoint> = positions.filter_map(place).collect();
        let turned = |p: &MapPoint| (p.x + 180.0).rem_euclid(360.0) - 180.0;
        let Some([west, east]) = hull(places.iter().map(|p| [turned(p); 2]).collect(), [-180.0, 180.0]) else {
            return Ok(None);
        };
        let (mut south, mut north) =
            places.iter().fold((90.0_f64, -90.0_f64), |(south, north), p| (south.min(p.y), north.max(p.y)));
        for (pole, reaches) in [(90.0, &mut north), (-90.0, &mut south)] {
            if holds(frame, window, MapPoint { x: 0.0, y: pole })? {
                *reaches = pole;
            }
        }
        Ok(Some(Self { west, east, south, north }.widened()))
    }

    fn widened(&self) -> Self {
        let margin = |size: f64| size * MARGIN + LEAST_MARGIN_DEG;
        let (across, up) = (margin(self.east - self.west), margin(self.north - self.south));
        let (south, north) = ((self.south - up).max(-90.0), (self.north + up).min(90.0));
        let (west, east) = (self.west - across, self.east + across);
        if east - west >= 360.0 || north.max(-south) > 90.0 - POLAR_DEG {
            return Self { south, north, ..Self::WORLD };
        }
        Self { west, east, south, north }
    }

    /// Its parts on either side of 180°, each with the turn that brings its longitudes between -180 and 180.
    pub(super) fn parts(&self) -> Vec<(Self, f64)> {
        let part = |west: f64, east: f64| Self { west: self.west.max(west), east: self.east.min(east), ..*self };
        let parts = [(part(-540.0, -180.0), 360.0), (part(-180.0, 180.0), 0.0), (part(180.0, 540.0), -360.0)];
        parts.into_iter().filter(|(part, _)| part.west < part.east).collect()
    }
}

/// Whether a position lies in a window of a grid.
fn holds(frame: &PixelFrame, window: &Window, at: MapPoint) -> Result<bool, CrsError> {
    let Ok(map) = Projector::new(&Crs::lon_lat(), &frame.crs)?.project(at) else { return Ok(false) };
    let at = frame.transform.to_raster(map);
    let within = |at: f64, from: i64, to: i64| (from as f64..=to as f64).contains(&at);
    Ok(within(at.col, window.col, window.end_col()) && within(at.row, window.row, window.end_row()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::georef::GeoTransform;
    use rstest::rstest;

    #[rstest]
    #[case::utm("EPSG:32633", [500_000.0, 0.5, 0.0, 5_200_000.0, 0.0, -0.5], [15.0, 46.95, 15.0, 46.95])]
    #[case::across_180("EPSG:32660", [716_500.0, 10.0, 0.0, 5_500_000.0, 0.0, -10.0], [179.997, 49.61, 180.003, 49.61])]
    #[case::degrees_beyond_180("EPSG:4326", [179.9, 0.002, 0.0, 10.0, 0.0, -0.002], [179.9, 9.8, 180.1, 10.0])]
    #[case::pole("EPSG:3413", [-500.0, 10.0, 0.0, 500.0, 0.0, -10.0], [-180.0, 90.0, 180.0, 90.0])]
    fn a_grid_lies_in_its_range(#[case] crs: &str, #[case] transform: [f64; 6], #[case] inside: [f64; 4]) {
        let frame = PixelFrame {
            crs: Crs::new(crs).expect("known"),
            transform: GeoTransform::new(transform).expect("regular"),
        };
        let found = LonLatRange::around(&frame, &Window::new(0, 0, 100, 100)).expect("known").expect("on the globe");
        let [west, south, east, north] = inside;
        assert!(found.west <= west && found.east >= east && found.south <= south && found.north >= north, "{found:?}");
        assert!(found.east - found.west < 1.0 || crs == "EPSG:3413", "{found:?}");
    }
}
