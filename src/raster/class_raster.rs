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
/// Label 0 is "none". Where the file says that 0 is nodata and no class can be negative, its values are the labels.
/// Otherwise 0 may be a class like any other, and labels count from the smallest value that the samples can have
/// ([`ClassRaster::value_of`] goes back); the nodata value, and what a mask or an alpha band hides, becomes 0.
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
    /// Opens a `GeoTIFF` with one band of whole numbers, of any type that holds real numbers.
    ///
    /// # Errors
    /// When the file is unreadable, damaged, not georeferenced or holds several bands of data or other samples.
    pub fn open(path: &Path) -> Result<Self, RasterError> {
        Self::open_band(path, None)
    }

    /// Opens a band by its number from 1; `None` as [`ClassRaster::open`].
    ///
    /// # Errors
    /// As [`ClassRaster::open`], and when there is no such band.
    pub fn open_band(path: &Path, band: Option<usize>) -> Result<Self, RasterError> {
        let raster = SingleBand::open_any(path, band, "one band of classes; choose it with --band N, from 1")?;
        let (shift, largest) = numbering(&raster).ok_or_else(|| RasterError::NotLabels {
            path: path.to_owned(),
            what: "holds complex samples (expected: whole numbers as classes)".to_owned(),
        })?;
        let (mut names, mut colours) = (Vec::new(), Vec::new());
        let band = raster.dataset.rasterband(raster.band).map_err(|e| RasterError::damaged(path, &e))?;
        if let Some(table) = band.color_table() {
            let byte = |v: i16| v.clamp(0, 255) as u8;
            let entries = (0..table.entry_count()).filter_map(|at| table.entry_as_rgb(at).map(|e| (at as u32, e)));
            colours.extend(entries.map(|(at, e)| (at + shift, [byte(e.r), byte(e.g), byte(e.b)])));
        }
        for (at, name) in super::category::names(&band).into_iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            names.push((at as u32 + shift, name));
        }
        Ok(raster.read_as(AsClasses { shift, largest, names, colours }))
    }

    /// No label is larger, by the type of the samples: says which type of label is wide enough.
    #[must_use]
    pub fn largest_label(&self) -> u32 {
        self.kind.largest
    }

    /// What is added to a value of the file to make a label, by the wrapping sum of 32 bits.
    #[must_use]
    pub fn label_shift(&self) -> u32 {
        self.kind.shift
    }

    /// Whether classes may be negative.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.kind.shift > 1
    }

    /// The value in the file of a label other than 0.
    #[must_use]
    pub fn value_of(&self, label: u32) -> i64 {
        i64::from(label) - i64::from(self.kind.shift)
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
    /// When the file cannot be read, or holds a class that is no whole number or too large for `L`.
    pub fn read<L: Label>(&self, window: &Window) -> Result<Vec<L>, RasterError> {
        let wide_enough = L::try_from(self.kind.largest).is_ok();
        let as_it_is = self.kind.shift == 0 && !self.masked && self.sample_type.starts_with(['B', 'U']);
        if as_it_is && wide_enough && self.sample_type != "UInt64" {
            return self.samples(window, L::default());
        }
        let counted = self.counted(window)?;
        // Holds whole numbers of 32 bits exactly.
        let samples = self.samples(window, f64::NAN)?;
        let label = |(at, value): (usize, f64)| {
            let value = if self.signed_bytes && value > 127.0 { value - 256.0 } else { value };
            let hidden = counted.as_ref().is_some_and(|counted| counted[at] == 0);
            if hidden || value.is_nan() || (!self.masked && self.is_nodata(value)) {
                return Ok(L::default());
            }
            self.label(value).and_then(|label| L::try_from(label).ok()).ok_or_else(|| self.refused::<L>(value))
        };
        samples.into_iter().enumerate().map(label).collect()
    }

    /// Whether a sample is the nodata value, which may be written with other digits than single precision has.
    fn is_nodata(&self, value: f64) -> bool {
        self.nodata.is_some_and(|nodata| {
            let nodata = if self.sample_type == "Float32" { f64::from(nodata as f32) } else { nodata };
            nodata.total_cmp(&value).is_eq() || value - nodata == 0.0
        })
    }

    /// The label of a value; `None` for a fraction, or a value that cannot be numbered.
    fn label(&self, value: f64) -> Option<u32> {
        let label = value + f64::from(self.kind.shift);
        let is_label =
            value.fract() == 0.0 && (f64::from(u8::from(self.kind.shift > 0))..=f64::from(u32::MAX)).contains(&label);
        is_label.then_some(label as u32)
    }

    fn refused<L: Label>(&self, value: f64) -> RasterError {
        let [least, most] = [u32::from(self.kind.shift > 0), largest::<L>()].map(|label| self.value_of(label));
        let what = if value.fract() == 0.0 {
            format!("holds class {value} (accepted here: {least} to {most})")
        } else {
            format!("holds {value}, which is no class (expected: whole numbers; heights or scores are no classes)")
        };
        RasterError::NotLabels { path: self.path.clone(), what }
    }
}

/// What is added to values to make labels, and the largest label, by the type of the samples; `None` for types that hold no
/// classes.
fn numbering(raster: &SingleBand<()>) -> Option<(u32, u32)> {
    // 0 is none, also where it is a class and lies under a mask.
    let shift = u32::from(raster.nodata != Some(0.0) || raster.masked);
    Some(match raster.sample_type.as_str() {
        "Byte" | "Int8" if raster.signed_bytes => (129, 256),
        "Byte" => (shift, 255 + shift),
        "UInt16" => (shift, 65_535 + shift),
        "Int16" => (32_769, 65_536),
        "UInt32" | "UInt64" => (shift, u32::MAX),
        // Of -2,147,483,648 to 2,147,483,646.
        "Int32" | "Int64" | "Float32" | "Float64" => ((1 << 31) + 1, u32::MAX),
        _ => return None,
    })
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
            assert_eq!(raster.value_of(7), 7 - i64::from(shift));
        }
    }

    #[test]
    fn a_class_that_does_not_fit_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("c.tif");
        classes().write(&path, |_, _, _| 300_u16).close().expect("closed");
        let raster = ClassRaster::open(&path).expect("classes");
        let bytes = raster.read::<u8>(&Window::new(0, 0, 1, 1)).expect_err("too large").to_string();
        assert!(bytes.contains("c.tif") && bytes.contains("300") && bytes.contains("254"), "{bytes}");
        let path = folder.path().join("f.tif");
        classes().write(&path, |_, _, _| 0.5_f32).close().expect("closed");
        let raster = ClassRaster::open(&path).expect("opened");
        let fraction = raster.read::<u32>(&raster.window()).expect_err("no class").to_string();
        assert!(
            fraction.contains("f.tif") && fraction.contains("0.5") && fraction.contains("whole numbers"),
            "{fraction}"
        );
    }

    /// The values of a raster, read as labels and turned back; `None` where there is no label.
    fn values(path: &Path) -> Vec<Option<i64>> {
        let raster = ClassRaster::open(path).expect("classes");
        let labels: Vec<u32> = raster.read(&raster.window()).expect("read");
        let value = |label: u32| (label != 0).then(|| raster.value_of(label));
        labels.into_iter().map(value).collect()
    }

    fn written<T: GdalType + Copy>(
        folder: &Path,
        nodata: Option<f64>,
        sample: impl Fn(usize) -> T,
    ) -> std::path::PathBuf {
        let path = folder.join("c.tif");
        let dataset = classes().write(&path, |_, col, _| sample(col));
        if nodata.is_some() {
            dataset.rasterband(1).expect("there").set_no_data_value(nodata).expect("accepted");
        }
        dataset.close().expect("closed");
        path
    }

    #[test]
    fn negative_classes_and_whole_floats_come_back() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let expected = |nodata: Option<i64>| -> Vec<Option<i64>> {
            [-2, -1, 0, 1, 2, 3].repeat(4).into_iter().map(|v| Some(v).filter(|v| Some(*v) != nodata)).collect()
        };
        for nodata in [None, Some(-1), Some(0), Some(3)] {
            let declared = nodata.map(|v| v as f64);
            let value = |col: usize| col as i16 - 2;
            assert_eq!(values(&written(folder.path(), declared, value)), expected(nodata), "16 bits, {nodata:?}");
            let path = written(folder.path(), declared, |col| i32::from(value(col)));
            assert_eq!(values(&path), expected(nodata), "32 bits, {nodata:?}");
            let path = written(folder.path(), declared, |col| f32::from(value(col)));
            assert_eq!(values(&path), expected(nodata), "floats, {nodata:?}");
        }
        let far = values(&written(folder.path(), Some(-3.402_823_466_385_288_6e38), |_| f32::MIN));
        assert!(far.iter().all(Option::is_none), "{far:?}");
        let not_numbers = values(&written(folder.path(), None, |_| f64::NAN));
        assert!(not_numbers.iter().all(Option::is_none));
        let outside = values(&written(folder.path(), Some(-9999.0), |col| col as u8));
        assert_eq!(outside[..6], [0, 1, 2, 3, 4, 5].map(Some), "nodata that no byte can hold");
    }

    #[test]
    fn signed_bytes_keep_their_sign() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("c.tif");
        let picture = Picture { options: &["PIXELTYPE=SIGNEDBYTE"], ..classes() };
        for (nodata, first) in [(Some(-1.0), None), (None, Some(-1))] {
            let dataset = picture.write(&path, |_, col, _| if col == 0 { 255_u8 } else { col as u8 });
            if nodata.is_some() {
                dataset.rasterband(1).expect("there").set_no_data_value(nodata).expect("accepted");
            }
            dataset.close().expect("closed");
            assert_eq!(values(&path)[..3], [first, Some(1), Some(2)]);
        }
    }

    #[test]
    fn a_mask_and_an_alpha_band_hide_classes() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("c.tif");
        let expected = [None, None, Some(2), Some(3), Some(4), Some(5)];
        let picture = Picture { bands: 2, options: &["ALPHA=YES"], ..classes() };
        let alpha = |col: usize| if col < 2 { 0 } else { 255 };
        picture.write(&path, |band, col, _| if band == 1 { alpha(col) } else { col as u8 }).close().expect("closed");
        assert_eq!(values(&path)[..6], expected, "alpha");
        let mut dataset = classes().write(&path, |_, col, _| col as u8);
        dataset.flush_cache().expect("flushed");
        let mut band = dataset.rasterband(1).expect("there");
        band.create_mask_band(true).expect("a mask");
        let mut mask = band.open_mask_band().expect("a mask");
        let mut samples = gdal::raster::Buffer::new((6, 4), (0..24).map(|i| alpha(i % 6)).collect::<Vec<u8>>());
        mask.write((0, 0), (6, 4), &mut samples).expect("written");
        dataset.close().expect("closed");
        assert_eq!(values(&path)[..6], expected, "mask");
    }

    #[test]
    fn one_of_several_bands_is_asked_for_by_number() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("c.tif");
        let picture = Picture { bands: 3, ..classes() };
        picture.write(&path, |band, _, _| (band * 10) as u8).close().expect("closed");
        let refused = ClassRaster::open(&path).err().expect("several").to_string();
        assert!(
            refused.contains("c.tif") && refused.contains("3 bands of data") && refused.contains("--band N"),
            "{refused}"
        );
        let second = ClassRaster::open_band(&path, Some(2)).expect("there");
        let labels: Vec<u8> = second.read(&Window::new(0, 0, 1, 1)).expect("read");
        assert_eq!((second.band(), second.value_of(u32::from(labels[0]))), (2, 10));
        let absent = ClassRaster::open_band(&path, Some(4)).err().expect("absent").to_string();
        assert!(absent.contains("no band 4 (expected: 1 to 3)"), "{absent}");
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
