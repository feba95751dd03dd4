//! Any raster of classes, read as labels.

use std::path::Path;

use gdal::raster::GdalType;

use super::RasterError;
use super::single::SingleBand;
use crate::georef::Window;

/// A type that labels are kept in.
pub trait Label: GdalType + Copy + Default + TryFrom<u32> {}

impl Label for u8 {}
impl Label for u16 {}
impl Label for u32 {}

/// A raster of classes.
///
/// Label 0 is "none". Where the file says that 0 is nodata, its values are the labels. Otherwise 0 may be a class like
/// any other, and value v becomes label v + 1 ([`ClassRaster::value_of`] goes back); the nodata value becomes 0.
pub type ClassRaster = SingleBand<AsClasses>;

/// How samples become labels, and what they are called.
pub struct AsClasses {
    /// What is added to a value to make a label.
    shift: u32,
    largest: u32,
    names: Vec<(u32, String)>,
    colours: Vec<(u32, [u8; 3])>,
}

impl ClassRaster {
    /// Opens the first band of a `GeoTIFF` of whole numbers from 0 to 4,294,967,294.
    ///
    /// # Errors
    /// When the file is unreadable, damaged, not georeferenced or holds other samples.
    pub fn open(path: &Path) -> Result<Self, RasterError> {
        let raster = SingleBand::open_any(path)?;
        let largest = match raster.sample_type.as_str() {
            "Byte" => 255,
            "UInt16" => 65_535,
            "Int16" => 32_767,
            "UInt32" | "Int32" => u32::MAX - 1,
            other => {
                let what = format!("holds {other} samples (accepted: whole numbers of 8, 16 or 32 bits as classes)");
                return Err(RasterError::NotLabels { path: path.to_owned(), what });
            }
        };
        let shift = u32::from(raster.nodata != Some(0.0));
        let (mut names, mut colours) = (Vec::new(), Vec::new());
        let band = raster.dataset.rasterband(1).map_err(|e| RasterError::damaged(path, &e))?;
        if let Some(table) = band.color_table() {
            let byte = |v: i16| v.clamp(0, 255) as u8;
            let entries = (0..table.entry_count()).filter_map(|at| table.entry_as_rgb(at).map(|e| (at as u32, e)));
            colours.extend(entries.map(|(at, e)| (at + shift, [byte(e.r), byte(e.g), byte(e.b)])));
        }
        for (at, name) in super::category::names(&band).into_iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            names.push((at as u32 + shift, name));
        }
        Ok(raster.read_as(AsClasses { shift, largest: largest + shift, names, colours }))
    }

    /// No label is larger, by the type of the samples: says which type of label is wide enough.
    #[must_use]
    pub fn largest_label(&self) -> u32 {
        self.kind.largest
    }

    /// What is added to a value of the file to make a label: 1 where 0 is a class, else 0.
    #[must_use]
    pub fn label_shift(&self) -> u32 {
        self.kind.shift
    }

    /// The value in the file of a label other than 0.
    #[must_use]
    pub fn value_of(&self, label: u32) -> u32 {
        label - self.kind.shift.min(label)
    }

    /// The names that the file gives to labels.
    #[must_use]
    pub fn names(&self) -> &[(u32, String)] {
        &self.kind.names
    }

    /// The colours, red, green and blue, that the file gives to labels.
    #[must_use]
    pub fn colours(&self) -> &[(u32, [u8; 3])] {
        &self.kind.colours
    }

    /// The labels of a window, row by row; 0 where there is none, as outside the raster.
    ///
    /// # Errors
    /// When the file cannot be read, or holds a class that is negative or too large for `L`.
    pub fn read<L: Label>(&self, window: &Window) -> Result<Vec<L>, RasterError> {
        let wide_enough = L::try_from(self.kind.largest).is_ok();
        if self.kind.shift == 0 && wide_enough && self.sample_type != "Int16" && self.sample_type != "Int32" {
            return self.samples(window, L::default());
        }
        let nodata = self.nodata;
        let samples = self.samples(window, f64::NAN)?; // holds 32-bit numbers exactly
        let label = |value: f64| {
            if value.is_nan() || Some(value) == nodata {
                return Ok(L::default());
            }
            let label = (value >= 0.0).then(|| value as u64 + u64::from(self.kind.shift));
            let label = label.and_then(|label| u32::try_from(label).ok()).and_then(|label| L::try_from(label).ok());
            label.ok_or_else(|| RasterError::NotLabels {
                path: self.path.clone(),
                what: format!("holds class {value} (accepted here: 0 to {})", largest::<L>() - self.kind.shift),
            })
        };
        samples.into_iter().map(label).collect()
    }
}

/// The largest label that the type holds.
fn largest<L: Label>() -> u32 {
    [u32::MAX, 65_535].into_iter().find(|v| L::try_from(*v).is_ok()).unwrap_or(255)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::fixture::{Picture, shared_data};

    fn classes() -> Picture<'static> {
        Picture { bands: 1, size: (6, 4), ..Picture::rgb() }
    }

    #[test]
    fn values_are_labels_where_zero_is_nodata_and_one_more_elsewhere() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("c.tif");
        for (nodata, shift) in [(Some(0.0), 0), (None, 1), (Some(3.0), 1)] {
            let dataset = classes().write(&path, |_, col, row| (col + row) as u8);
            dataset.rasterband(1).expect("there").set_no_data_value(nodata).expect("accepted");
            dataset.close().expect("closed");
            let raster = ClassRaster::open(&path).expect("classes");
            let labels: Vec<u16> = raster.read(&Window::new(-1, 0, 7, 4)).expect("read");
            for (at, label) in labels.iter().enumerate() {
                let (col, row) = (at % 7, at / 7);
                let value = (col + row) as u16 - u16::from(col > 0);
                let none = col == 0 || nodata == Some(f64::from(value));
                assert_eq!(*label, if none { 0 } else { value + shift }, "{nodata:?}, column {col}, row {row}");
            }
            assert_eq!(raster.value_of(7), 7 - u32::from(shift));
        }
    }

    #[test]
    fn a_class_that_does_not_fit_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("c.tif");
        classes().write(&path, |_, col, _| if col == 5 { -4_i16 } else { 300 }).close().expect("closed");
        let raster = ClassRaster::open(&path).expect("classes");
        let bytes = raster.read::<u8>(&Window::new(0, 0, 1, 1)).expect_err("too large").to_string();
        assert!(bytes.contains("c.tif") && bytes.contains("300") && bytes.contains("254"), "{bytes}");
        let words = raster.read::<u32>(&raster.window()).expect_err("negative").to_string();
        assert!(words.contains("-4"), "{words}");
        let path = folder.path().join("f.tif");
        classes().write(&path, |_, _, _| 0.5_f32).close().expect("closed");
        assert!(ClassRaster::open(&path).is_err_and(|e| e.to_string().contains("Float32")));
    }

    #[test]
    fn palettes_become_colours_of_labels() {
        let Some(data) = shared_data() else { return };
        let raster = ClassRaster::open(&data.join("truth-polygonize/delft_classes_05m.tif")).expect("classes");
        let labels: Vec<u8> = raster.read(&raster.window()).expect("read");
        assert!(labels.iter().all(|label| *label <= 5));
        assert_eq!((raster.largest_label(), raster.colours().len()), (255, 256));
    }
}
