//! Heights: surface and terrain models.

use std::path::Path;

use super::RasterError;
use super::single::SingleBand;
use crate::georef::Window;

/// One foot in metres (international foot).
const FOOT_M: f64 = 0.3048;
/// One US survey foot in metres.
const US_SURVEY_FOOT_M: f64 = 1200.0 / 3937.0;

/// A raster of heights.
pub type Elevation = SingleBand<AsHeights>;

/// How samples become heights.
pub struct AsHeights {
    /// Metres = sample × scale + offset.
    scale: f64,
    offset: f64,
}

impl Elevation {
    /// Opens the first band of a `GeoTIFF` of real numbers; feet are turned into metres where the file names its unit.
    ///
    /// # Errors
    /// When the file is unreadable, damaged, not georeferenced or not made of real numbers.
    pub fn open(path: &Path) -> Result<Self, RasterError> {
        let raster = SingleBand::open_any(path)?;
        let (scale, offset) = {
            let band = raster.dataset.rasterband(1).map_err(|e| RasterError::damaged(path, &e))?;
            let unit_m = match band.unit().to_ascii_lowercase().as_str() {
                "ft" | "foot" | "feet" | "international foot" => FOOT_M,
                "us-ft" | "ftus" | "us survey foot" | "foot_us" => US_SURVEY_FOOT_M,
                _ => 1.0,
            };
            (band.scale().unwrap_or(1.0) * unit_m, band.offset().unwrap_or(0.0) * unit_m)
        };
        Ok(raster.read_as(AsHeights { scale, offset }))
    }

    /// Heights in metres, row by row; not a number where there is none, as outside the raster.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self, window: &Window) -> Result<Vec<f32>, RasterError> {
        let mut heights = self.samples(window, f32::NAN)?;
        let nodata = self.nodata.map(|v| v as f32);
        for height in &mut heights {
            // No place on Earth is higher than 9 km or lower than 12 km: writers fill with ±3.4e38 and forget to say so.
            *height = if Some(*height) == nodata || height.abs() > 1e6 {
                f32::NAN
            } else {
                (f64::from(*height) * self.kind.scale + self.kind.offset) as f32
            };
        }
        Ok(heights)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::fixture::{Picture, shared_data};

    #[test]
    fn heights_without_data_are_not_numbers_and_feet_are_metres() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("dsm.tif");
        let mut picture = Picture::rgb();
        (picture.bands, picture.size) = (1, (20, 10));
        let dataset = picture.write(&path, |_, col, row| if col == 3 { -9999.0 } else { (col * 100 + row) as f32 });
        dataset.rasterband(1).expect("there").set_no_data_value(Some(-9999.0)).expect("accepted");
        dataset.close().expect("closed");
        let elevation = Elevation::open(&path).expect("heights");
        let heights = elevation.read(&Window::new(2, -1, 3, 3)).expect("read");
        let text: Vec<String> = heights.iter().map(ToString::to_string).collect();
        assert_eq!(text, ["NaN", "NaN", "NaN", "200", "NaN", "400", "201", "NaN", "401"]);
    }

    #[test]
    fn a_surface_in_a_compound_system_is_read() {
        let Some(data) = shared_data() else { return };
        let elevation = Elevation::open(&data.join("dsm-delft/dsm_05m.tif")).expect("heights");
        assert!(elevation.frame().crs.name().contains("RD New"), "{}", elevation.frame().crs.name());
        let heights = elevation.read(&elevation.window()).expect("read");
        let known: Vec<f32> = heights.into_iter().filter(|h| h.is_finite()).collect();
        assert!(known.len() > 100_000 && known.iter().all(|h| (-10.0..120.0).contains(h)));
    }
}
