//! Heights: surface and terrain models.

use std::path::Path;

use super::RasterError;
use super::single::SingleBand;
use crate::georef::{Crs, VerticalUnit, Window};

/// Units of heights by the names that writers give them, in metres.
const UNITS: [(&[&str], f64); 7] = [
    (&["m", "metre", "meter", "metres", "meters"], 1.0),
    (&["ft", "foot", "feet", "international foot", "international feet"], 0.3048),
    (
        &["us-ft", "ftus", "us survey foot", "us survey feet", "foot_us", "foot us", "survey foot", "ft_us"],
        1200.0 / 3937.0,
    ),
    (&["mm", "millimetre", "millimeter"], 0.001),
    (&["cm", "centimetre", "centimeter"], 0.01),
    (&["dm", "decimetre", "decimeter"], 0.1),
    (&["km", "kilometre", "kilometer"], 1000.0),
];

/// A raster of heights.
pub type Elevation = SingleBand<AsHeights>;

/// How samples become heights.
pub struct AsHeights {
    /// Metres = sample × scale + offset.
    scale: f64,
    offset: f64,
    unit: HeightUnit,
}

/// Unit of the heights in a file.
#[derive(Debug, Clone, PartialEq)]
pub enum HeightUnit {
    /// The band declares it.
    Band(VerticalUnit),
    /// The vertical part of the reference system declares it.
    Crs(VerticalUnit),
    /// Nothing declares it: metres are assumed.
    Assumed,
}

impl HeightUnit {
    /// Metres of one unit.
    #[must_use]
    pub fn metres(&self) -> f64 {
        match self {
            Self::Band(unit) | Self::Crs(unit) => unit.metres,
            Self::Assumed => 1.0,
        }
    }
}

impl std::fmt::Display for HeightUnit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (unit, place) = match self {
            Self::Band(unit) => (unit, "the band"),
            Self::Crs(unit) => (unit, "the reference system"),
            Self::Assumed => return f.write_str("metres (assumed: no unit is declared)"),
        };
        let factor = unit.metres.abs();
        let depth = if unit.metres < 0.0 { ", downwards" } else { "" };
        let converted = if (factor - 1.0).abs() < 1e-9 { String::new() } else { format!(", {factor:.7} m each") };
        write!(f, "{} (by {place}{converted}{depth})", unit.name)
    }
}

impl Elevation {
    /// Opens a `GeoTIFF` of one band of real numbers; feet and other units are converted to metres where the band or the
    /// vertical part of the reference system declares them.
    ///
    /// # Errors
    /// When the file is unreadable, damaged, not georeferenced, not made of real numbers, holds several bands of data or
    /// declares a unit that is no length.
    pub fn open(path: &Path) -> Result<Self, RasterError> {
        let raster = SingleBand::open_any(path, None, "one band of heights; extract it with `gdal_translate -b N`")?;
        let unsupported = |what| RasterError::Unsupported { path: path.to_owned(), what };
        let (scale, offset, unit) = {
            let band = raster.dataset.rasterband(raster.band).map_err(|e| RasterError::damaged(path, &e))?;
            let unit = unit(&band.unit(), &raster.dataset.projection()).map_err(unsupported)?;
            let metres = unit.metres();
            (band.scale().unwrap_or(1.0) * metres, band.offset().unwrap_or(0.0) * metres, unit)
        };
        Ok(raster.read_as(AsHeights { scale, offset, unit }))
    }

    /// The unit of the heights in the file.
    #[must_use]
    pub fn unit(&self) -> &HeightUnit {
        &self.kind.unit
    }

    /// Heights in metres, row by row; not a number where there is none, as outside the raster.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self, window: &Window) -> Result<Vec<f32>, RasterError> {
        let mut heights = self.samples(window, f32::NAN)?;
        let nodata = self.nodata.map(|v| v as f32);
        for height in &mut heights {
            let sample = if self.signed_bytes && *height > 127.0 { *height - 256.0 } else { *height };
            // No place on Earth is higher than 9 km or lower than 12 km: writers fill with ±3.4e38 and forget to say so.
            *height = if Some(sample) == nodata || sample.abs() > 1e6 {
                f32::NAN
            } else {
                (f64::from(sample) * self.kind.scale + self.kind.offset) as f32
            };
        }
        if let Some(counted) = self.counted(window)? {
            heights.iter_mut().zip(counted).filter(|(_, counted)| *counted == 0).for_each(|(h, _)| *h = f32::NAN);
        }
        Ok(heights)
    }
}

/// The unit that the band declares, else that of the vertical part of its reference system.
fn unit(of_band: &str, wkt: &str) -> Result<HeightUnit, String> {
    let name = of_band.trim();
    if name.is_empty() {
        return Ok(Crs::vertical_unit(wkt).map_or(HeightUnit::Assumed, HeightUnit::Crs));
    }
    let lower = name.to_lowercase();
    let known = UNITS.iter().find(|(names, _)| names.contains(&lower.as_str()));
    let metres = known.map(|(_, metres)| *metres);
    let metres = metres.ok_or_else(|| format!("declares its heights in {name:?} (expected: metres, feet or none)"))?;
    Ok(HeightUnit::Band(VerticalUnit { name: name.to_owned(), metres }))
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
    fn units_are_those_of_the_band_then_of_the_reference_system() {
        let feet = "EPSG:2263+6360"; // heights in US survey feet
        let metres = |of_band: &str, crs: &str| unit(of_band, crs).map(|unit| unit.metres());
        for (of_band, crs, expected) in [
            ("", "EPSG:32632", 1.0),
            ("", feet, 1200.0 / 3937.0),
            ("m", feet, 1.0),
            ("Metre", "EPSG:32632", 1.0),
            ("US survey foot", "EPSG:32632", 1200.0 / 3937.0),
            ("ft", "EPSG:32632", 0.3048),
            ("cm", "EPSG:32632", 0.01),
        ] {
            let found = metres(of_band, crs).expect("known");
            assert!((found - expected).abs() < 1e-9, "{of_band:?} in {crs}: {found}");
        }
        assert!(metres("dB", "EPSG:32632").is_err_and(|e| e.contains("dB")));
        let said = unit("", feet).expect("known").to_string();
        assert!(said.contains("US survey foot") && said.contains("0.3048006 m"), "{said}");
    }

    #[test]
    fn heights_in_feet_of_the_reference_system_become_metres_and_a_mask_hides_some() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("dsm.tif");
        let picture = Picture { bands: 1, size: (6, 4), crs: Some("EPSG:2263+6360"), ..Picture::rgb() };
        let mut dataset = picture.write(&path, |_, _, _| 100.0_f32);
        dataset.flush_cache().expect("flushed");
        let mut band = dataset.rasterband(1).expect("there");
        band.create_mask_band(true).expect("a mask");
        let mut mask = band.open_mask_band().expect("a mask");
        let mut samples =
            gdal::raster::Buffer::new((6, 4), (0..24).map(|i| u8::from(i % 6 > 0) * 255).collect::<Vec<u8>>());
        mask.write((0, 0), (6, 4), &mut samples).expect("written");
        dataset.close().expect("closed");
        let elevation = Elevation::open(&path).expect("heights");
        let heights = elevation.read(&Window::new(0, 0, 2, 1)).expect("read");
        assert!(heights[0].is_nan() && (heights[1] - 30.48006).abs() < 1e-4, "{heights:?} {}", elevation.unit());
    }

    #[test]
    fn a_picture_is_no_raster_of_heights() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("rgb.tif");
        Picture::rgb().write(&path, |_, _, _| 100_u8).close().expect("closed");
        let error = Elevation::open(&path).err().expect("three bands").to_string();
        assert!(error.contains("rgb.tif") && error.contains("one band of heights"), "{error}");
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
