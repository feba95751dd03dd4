//! Label blocks: class, confidence, instance and how unknown pixels are, of a block of the work grid, as a `GeoTIFF` that
//! any GIS opens.

use std::path::Path;

use gdal::errors::GdalError;
use gdal::{Dataset, Metadata};

use super::create;
use super::error::reason;
use super::seal::{self, Seal};
use super::{RasterError, open};
use crate::files::Draft;
use crate::georef::{PixelFrame, Window};
use crate::scheme::Scheme;

/// The item that says which window of the work grid a block is: first column, first row, columns, rows.
const WINDOW: &str = "ORTHOTILE_WINDOW";

// What the bands are called, in order; the last two are there where they are told.
const CLASS: &str = "class";
const CONFIDENCE: &str = "confidence";
const INSTANCE: &str = "instance";
pub(super) const UNKNOWN: &str = "unknown";

/// The labels of a window, each row by row.
#[derive(Debug, Clone, Copy)]
pub struct LabelBands<'a> {
    /// Which pixels of the work grid.
    pub window: Window,
    /// The class of each pixel; 0 is none.
    pub classes: &'a [u8],
    /// The confidence of each pixel; 255 is certain.
    pub confidence: &'a [u8],
    /// The number of the object that each pixel belongs to, where the model tells objects apart; 0 is none.
    pub instance: Option<&'a [u32]>,
    /// How unlike all that was seen each pixel is, 1 to 200, where that is told; 0 is not known.
    pub unknown: Option<&'a [u8]>,
}

/// What is said in a label block beside its pixels.
#[derive(Debug, Clone, Copy)]
pub struct LabelTags<'a> {
    /// Gives the colours, where the block holds class and confidence alone (`TIFF` has palettes for 8 bits only, and GDAL
    /// for two bands at most).
    pub scheme: &'a Scheme,
    /// Names and values kept with the file, such as the fingerprint.
    pub items: &'a [(&'a str, &'a str)],
}

/// A label block as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelBlockData {
    /// Which pixels of the work grid.
    pub window: Window,
    /// The class of each pixel, row by row; 0 is none.
    pub classes: Vec<u8>,
    /// The confidence of each pixel; 255 is certain.
    pub confidence: Vec<u8>,
    /// The number of the object that each pixel belongs to; 0 is none.
    pub instance: Option<Vec<u32>>,
    /// How unlike all that was seen each pixel is, 1 to 200; 0 is not known.
    pub unknown: Option<Vec<u8>>,
    /// The geotransform of the file.
    pub transform: [f64; 6],
    /// Whether the file has a checksum, which was compared; files of earlier versions have none.
    pub is_sealed: bool,
    /// The names and values kept with the file, by name.
    pub items: Vec<(String, String)>,
}

impl LabelBlockData {
    /// The value of a name.
    #[must_use]
    pub fn item(&self, name: &str) -> Option<&str> {
        self.items.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Whether it holds these labels.
    fn holds(&self, bands: &LabelBands) -> bool {
        self.window == bands.window
            && self.classes == bands.classes
            && self.confidence == bands.confidence
            && self.instance.as_deref() == bands.instance
            && self.unknown.as_deref() == bands.unknown
    }
}

/// Writes a label block: tiled, DEFLATE, the same bytes for the same labels, there whole or not at all.
///
/// The file is read back before it gets its name, and holds a checksum over all its bytes. The name is on the disk when
/// the folder was synced: a power cut before may take the whole file away, never a part.
///
/// # Errors
/// When the file cannot be written.
///
/// # Panics
/// When a band does not have one value per pixel of the window.
pub fn write_label_block(
    draft: Draft,
    frame: &PixelFrame,
    bands: &LabelBands,
    tags: &LabelTags,
) -> Result<(), RasterError> {
    let of_bytes = [Some(bands.classes), Some(bands.confidence), bands.unknown].map(|band| band.map(<[u8]>::len));
    let sizes = of_bytes.into_iter().chain([bands.instance.map(<[u32]>::len)]);
    assert!(sizes.flatten().all(|n| n == bands.window.pixels()), "a band has one value per pixel");
    let written = match bands.instance {
        None => write_bytes(draft.temporary(), frame, bands, tags),
        Some(instance) => write_words(draft.temporary(), frame, (bands, instance), tags),
    };
    written.map_err(|error| draft.failed(reason(&error)))?;
    // GDAL may leave out blocks that it could not write and report success.
    let holds = read_unsealed(draft.temporary()).map_err(|error| draft.failed(error))?.holds(bands);
    if !holds {
        return Err(draft.failed("the file reads back with other labels than were written").into());
    }
    seal::seal(draft.temporary()).map_err(|error| draft.refused(&error))?;
    create::publish(draft, Draft::rename)
}

const OPTIONS: [&str; 7] =
    ["TILED=YES", "BLOCKXSIZE=256", "BLOCKYSIZE=256", "COMPRESS=DEFLATE", "ZLEVEL=1", "INTERLEAVE=BAND", "ALPHA=NO"];

/// Three bands of bytes are no red, green and blue.
const NO_COLOURS: &str = "PHOTOMETRIC=MINISBLACK";

fn write_bytes(path: &Path, frame: &PixelFrame, bands: &LabelBands, tags: &LabelTags) -> Result<(), GdalError> {
    let mut all = vec![(CLASS, bands.classes), (CONFIDENCE, bands.confidence)];
    all.extend(bands.unknown.map(|unknown| (UNKNOWN, unknown)));
    let options = if all.len() == 2 { OPTIONS.to_vec() } else { [&OPTIONS[..], &[NO_COLOURS]].concat() };
    let mut dataset = create::create::<u8>(path, (frame, &bands.window), all.len(), &options)?;
    if all.len() == 2 {
        dataset.rasterband(1)?.set_color_table(&create::colour_table(tags.scheme));
    }
    describe(&mut dataset, (&bands.window, all.iter().map(|(name, _)| *name)), tags)?;
    for (at, (_, band)) in all.iter().enumerate() {
        create::write_rows(&dataset, (at + 1, 0), band.to_vec())?;
    }
    finish(dataset)
}

fn write_words(
    path: &Path,
    frame: &PixelFrame,
    (bands, instance): (&LabelBands, &[u32]),
    tags: &LabelTags,
) -> Result<(), GdalError> {
    let wide = |bytes: &[u8]| bytes.iter().map(|v| u32::from(*v)).collect::<Vec<u32>>();
    let mut all =
        vec![(CLASS, wide(bands.classes)), (CONFIDENCE, wide(bands.confidence)), (INSTANCE, instance.to_vec())];
    all.extend(bands.unknown.map(|unknown| (UNKNOWN, wide(unknown))));
    let mut dataset = create::create::<u32>(path, (frame, &bands.window), all.len(), &OPTIONS)?;
    describe(&mut dataset, (&bands.window, all.iter().map(|(name, _)| *name)), tags)?;
    for (at, (_, band)) in all.into_iter().enumerate() {
        create::write_rows(&dataset, (at + 1, 0), band)?;
    }
    finish(dataset)
}

fn finish(mut dataset: Dataset) -> Result<(), GdalError> {
    dataset.flush_cache()?;
    dataset.close()
}

fn describe<'a>(
    dataset: &mut Dataset,
    (window, names): (&Window, impl Iterator<Item = &'a str>),
    tags: &LabelTags,
) -> Result<(), GdalError> {
    let place = format!("{} {} {} {}", window.col, window.row, window.cols, window.rows);
    dataset.set_metadata_item(seal::ITEM, seal::BLANK, "")?;
    dataset.set_metadata_item(WINDOW, &place, "")?;
    for (name, value) in tags.items {
        dataset.set_metadata_item(name, value, "")?;
    }
    for (at, name) in names.enumerate() {
        dataset.rasterband(at + 1)?.set_description(name)?;
    }
    // One nodata value serves all bands of a TIFF: where there is no label there is no confidence either.
    dataset.rasterband(1)?.set_no_data_value(Some(0.0))
}

/// Reads a label block, after its checksum was compared.
///
/// # Errors
/// When the file is damaged or not a label block.
pub fn read_label_block(path: &Path) -> Result<LabelBlockData, RasterError> {
    let is_sealed = check_seal(path)?;
    Ok(LabelBlockData { is_sealed, ..read_unsealed(path)? })
}

/// Checks a label block without decoding its pixels, which the checksum covers; one without a checksum is read.
///
/// Returns the block without its bands.
///
/// # Errors
/// As [`read_label_block`].
pub fn check_label_block(path: &Path) -> Result<LabelBlockData, RasterError> {
    if !check_seal(path)? {
        return read_unsealed(path);
    }
    let (dataset, window) = open_block(path)?;
    Ok(LabelBlockData { is_sealed: true, ..head(path, &dataset, window)? })
}

/// Whether a file has a checksum, which then fits.
fn check_seal(path: &Path) -> Result<bool, RasterError> {
    let bytes = std::fs::read(path).map_err(|cause| RasterError::Unreadable { path: path.to_owned(), cause })?;
    match seal::check(&bytes) {
        Seal::Whole => Ok(true),
        Seal::Absent => Ok(false),
        Seal::Broken => {
            let reason = "its bytes do not fit its checksum".to_owned();
            Err(RasterError::Damaged { path: path.to_owned(), reason })
        }
    }
}

fn open_block(path: &Path) -> Result<(Dataset, Window), RasterError> {
    let dataset = open::open(path)?;
    open::check_extent(path, &dataset)?;
    let window = window(&dataset).ok_or_else(|| RasterError::NotLabels {
        path: path.to_owned(),
        what: format!(
            "is not a label block (accepted: bands class and confidence of the size that item {WINDOW} says)"
        ),
    })?;
    Ok((dataset, window))
}

/// What a file says besides its pixels.
fn head(path: &Path, dataset: &Dataset, window: Window) -> Result<LabelBlockData, RasterError> {
    let own = [WINDOW, seal::ITEM, "AREA_OR_POINT"];
    let items = dataset.metadata().filter(|entry| entry.is_default_domain() && !own.contains(&entry.key.as_str()));
    let mut items: Vec<_> = items.map(|entry| (entry.key, entry.value)).collect();
    items.sort();
    let transform = dataset.geo_transform().map_err(|error| RasterError::damaged(path, &error))?;
    let (classes, confidence) = (Vec::new(), Vec::new());
    let (instance, unknown, is_sealed) = (None, None, false);
    Ok(LabelBlockData { window, classes, confidence, instance, unknown, transform, is_sealed, items })
}

fn read_unsealed(path: &Path) -> Result<LabelBlockData, RasterError> {
    let (dataset, window) = open_block(path)?;
    let head = head(path, &dataset, window)?;
    let read = || -> Result<LabelBlockData, GdalError> {
        let size = dataset.raster_size();
        let byte_band = |band: usize| {
            let mut samples = vec![0_u8; window.pixels()];
            dataset.rasterband(band)?.read_into_slice((0, 0), size, size, &mut samples, None).map(|()| samples)
        };
        let word_band = |band: usize| {
            let mut samples = vec![0_u32; window.pixels()];
            dataset.rasterband(band)?.read_into_slice((0, 0), size, size, &mut samples, None).map(|()| samples)
        };
        let named = |name: &str| -> Result<Option<usize>, GdalError> {
            for band in 3..=dataset.raster_count() {
                if dataset.rasterband(band)?.description()? == name {
                    return Ok(Some(band));
                }
            }
            Ok(None)
        };
        let instance = named(INSTANCE)?.map(word_band).transpose()?;
        let unknown = named(UNKNOWN)?.map(byte_band).transpose()?;
        Ok(LabelBlockData { classes: byte_band(1)?, confidence: byte_band(2)?, instance, unknown, ..head })
    };
    read().map_err(|e| RasterError::read(path, window, &e))
}

/// The window that the file names, where its bands fit.
fn window(dataset: &Dataset) -> Option<Window> {
    let text = dataset.metadata_item(WINDOW, "")?;
    let numbers: Vec<i64> = text.split(' ').map(str::parse).collect::<Result<_, _>>().ok()?;
    let [col, row, cols, rows] = numbers.try_into().ok()?;
    let window = Window::new(col, row, u32::try_from(cols).ok()?, u32::try_from(rows).ok()?);
    let fits = dataset.raster_size() == (window.cols as usize, window.rows as usize);
    (fits && (2..=4).contains(&dataset.raster_count())).then_some(window)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::georef::{Crs, GeoTransform};

    fn frame() -> PixelFrame {
        let transform = GeoTransform::new([500_000.0, 0.25, 0.1, 5_500_000.0, 0.1, -0.25]).expect("regular");
        PixelFrame { crs: Crs::new("EPSG:32632").expect("known"), transform }
    }

    #[test]
    fn a_block_is_read_as_it_was_written_and_written_the_same_twice() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let window = Window::new(-512, 1024, 300, 257);
        let classes: Vec<u8> = (0..window.pixels()).map(|i| (i / 1000 % 7) as u8).collect();
        let confidence: Vec<u8> = (0..window.pixels()).map(|i| (i * 31 % 256) as u8).collect();
        let words: Vec<u32> = (0..window.pixels()).map(|i| (i as u32).wrapping_mul(70_001)).collect();
        let scheme = Scheme::city();
        let tags = LabelTags { scheme: &scheme, items: &[("FINGERPRINT", "ab\"<c>"), ("MODEL", "m")] };
        let percents: Vec<u8> = confidence.iter().map(|v| v % 201).collect();
        let bands = [None, Some(words.as_slice())].into_iter().flat_map(|instance| {
            [None, Some(percents.as_slice())].map(|unknown| LabelBands {
                window,
                classes: &classes,
                confidence: &confidence,
                instance,
                unknown,
            })
        });
        for bands in bands {
            let paths = ["a.tif", "b.tif"].map(|name| folder.path().join(name));
            for path in &paths {
                write_label_block(Draft::new(path).expect("a draft"), &frame(), &bands, &tags).expect("written");
            }
            assert_eq!(std::fs::read(&paths[0]).expect("there"), std::fs::read(&paths[1]).expect("there"));
            let data = read_label_block(&paths[0]).expect("read");
            assert_eq!((data.window, &data.classes, &data.confidence), (window, &classes, &confidence));
            assert_eq!((data.instance.as_deref(), data.unknown.as_deref()), (bands.instance, bands.unknown));
            assert_eq!(data.item("FINGERPRINT"), Some("ab\"<c>"));
            assert_eq!(data.items.len(), 2);
            assert!(data.is_sealed && data.holds(&bands));
            let checked = check_label_block(&paths[0]).expect("whole");
            let without_bands =
                LabelBlockData { classes: vec![], confidence: vec![], instance: None, unknown: None, ..data };
            assert_eq!(checked, without_bands);
            let dataset = open::open(&paths[0]).expect("a GeoTIFF");
            let place = dataset.geo_transform().expect("placed");
            assert_eq!(GeoTransform::new(place), Ok(frame().transform.shifted(-512.0, 1024.0)));
            let band = dataset.rasterband(1).expect("a band");
            let table = band.color_table();
            assert_eq!(table.is_some(), dataset.raster_count() == 2);
            let means = |band: usize| dataset.rasterband(band).expect("a band").color_interpretation();
            let colours = ["Red", "Green", "Blue", "Alpha"];
            assert!((1..=dataset.raster_count()).all(|band| !colours.contains(&means(band).name().as_str())));
        }
        let left: Vec<_> = folder.path().read_dir().expect("there").flatten().map(|e| e.file_name()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }

    #[test]
    fn a_block_that_was_changed_is_not_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (path, scheme) = (folder.path().join("a.tif"), Scheme::city());
        let (window, values) = (Window::new(0, 0, 64, 64), vec![7_u8; 64 * 64]);
        let bands = LabelBands { window, classes: &values, confidence: &values, instance: None, unknown: None };
        let tags = LabelTags { scheme: &scheme, items: &[] };
        write_label_block(Draft::new(&path).expect("a draft"), &frame(), &bands, &tags).expect("written");
        let good = std::fs::read(&path).expect("there");
        for byte in (0..good.len()).step_by(41) {
            let mut changed = good.clone();
            changed[byte] ^= 1 << (byte % 8);
            std::fs::write(&path, changed).expect("written");
            let fails = |read: fn(&Path) -> Result<LabelBlockData, RasterError>| {
                read(&path).map_or_else(|_| true, |data| !data.is_sealed)
            };
            assert!(fails(read_label_block) && fails(check_label_block), "byte {byte}");
        }
        std::fs::write(&path, &good[..good.len() - 9]).expect("written");
        assert!(read_label_block(&path).expect_err("cut").to_string().contains("a.tif"));
    }

    #[test]
    fn another_geotiff_is_not_a_label_block() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("x.tif");
        let made = create::create::<u8>(&path, (&frame(), &Window::new(0, 0, 2, 2)), 2, &[]).expect("made");
        made.close().expect("closed");
        let error = read_label_block(&path).expect_err("no window").to_string();
        assert!(error.contains("x.tif") && error.contains("not a label block"), "{error}");
    }
}
