//! The one door to GDAL: what may be opened, and under which limits.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Once;

use gdal::errors::GdalError;
use gdal::{Dataset, DatasetOptions, DriverManager, GdalOpenFlags, Metadata};

use super::RasterError;
use crate::input;

/// The only driver that reads files; a COG is a `GeoTIFF`.
const READERS: [&str; 1] = ["GTiff"];

/// What stays registered after [`init`]: what this crate reads and writes.
const DRIVERS: [&str; 14] = [
    "GTiff",
    "VRT",
    "COG",
    "MEM",
    "JPEG",
    "PNG",
    "WEBP",
    "GPKG",
    "SQLite",
    "FlatGeobuf",
    "GeoJSON",
    "GeoJSONSeq",
    "Memory",
    "MVT",
];

/// The largest block (tile or strip, all bands) that is decoded at once.
const MAX_BLOCK_BYTES: u64 = 512 << 20;

/// Decoded bytes that any file may claim: what is sparse or of one value takes next to nothing in a file, and every window
/// is read by itself.
const MAX_BYTES: u64 = 64 << 30;

/// Above [`MAX_BYTES`]: more decoded bytes per byte of file than any real picture has; DEFLATE cannot pass 1032.
const MAX_RATIO: u64 = 4000;

/// Sets GDAL up for a process of its own: a block cache of 64 MB unless `GDAL_CACHEMAX` says otherwise, no network, no drivers but those that this crate
/// uses, and its messages as `tracing` events.
///
/// For the binary, once, before threads start. A host that uses GDAL for itself leaves it out: every open passes an
/// allow-list of drivers anyway (GDAL documentation, "Security considerations").
pub fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let options = [
            ("GDAL_CACHEMAX", "64"),
            ("GDAL_VRT_ENABLE_PYTHON", "NO"),
            ("GDAL_VRT_ENABLE_RAWRASTERBAND", "NO"),
            ("CPL_VSIL_CURL_ALLOWED_EXTENSIONS", ".none"),
            ("GDAL_PAM_ENABLED", "YES"),
        ];
        for (key, value) in options {
            if key == "GDAL_CACHEMAX" && gdal::config::get_config_option(key, "").is_ok_and(|set| !set.is_empty()) {
                continue; // the environment says how much
            }
            gdal::config::set_config_option(key, value).expect("constants hold no NUL");
        }
        gdal::config::set_error_handler(|class, number, message| tracing::debug!(?class, number, message, "GDAL"));
        DriverManager::register_all();
        let spare: Vec<_> = DriverManager::all().filter(|d| !DRIVERS.contains(&d.short_name().as_str())).collect();
        for driver in spare {
            DriverManager::deregister_driver(&driver);
        }
    });
}

/// Opens a `GeoTIFF` for reading, after its first bytes and those of its companions were looked at.
pub(super) fn open(path: &Path) -> Result<Dataset, RasterError> {
    check_path(path)?;
    if !is_tiff(path)? {
        return Err(RasterError::NotTiff { path: path.to_owned() });
    }
    for companion in companions(path) {
        if !is_tiff(&companion)? {
            return Err(RasterError::NotTiff { path: companion });
        }
    }
    // GDAL reads these with it, too; a FIFO among them would never end.
    for text in texts(path).filter(|text| text.exists()) {
        check_plain(&text)?;
    }
    let dataset = Dataset::open_ex(path, options(&READERS)).map_err(|e| RasterError::damaged(path, &e))?;
    let driver = dataset.driver().short_name();
    let strange = !READERS.contains(&driver.as_str());
    // An .aux.xml may point the overviews at any file or address: GDAL would open it with any driver.
    if strange || dataset.metadata_item("OVERVIEW_FILE", "OVERVIEWS").is_some() {
        let what =
            format!("is read by {driver} with overviews elsewhere (accepted: GeoTIFF with its own or .ovr overviews)");
        return Err(RasterError::Unsupported { path: path.to_owned(), what });
    }
    Ok(dataset)
}

/// Opens a VRT that this crate has written, by its text: nothing from outside is in it but checked names.
pub(super) fn open_vrt(path: &Path, xml: &str) -> Result<Dataset, RasterError> {
    Dataset::open_ex(xml, options(&["VRT"])).map_err(|e| RasterError::damaged(path, &e))
}

fn options<'a>(drivers: &'a [&'a str]) -> DatasetOptions<'a> {
    DatasetOptions {
        open_flags: GdalOpenFlags::GDAL_OF_READONLY
            | GdalOpenFlags::GDAL_OF_RASTER
            | GdalOpenFlags::GDAL_OF_VERBOSE_ERROR
            | GdalOpenFlags::GDAL_OF_INTERNAL,
        allowed_drivers: Some(drivers),
        ..DatasetOptions::default()
    }
}

/// Refuses what the header claims but the file cannot hold: too much, or blocks that lie beyond its end.
pub(super) fn check_extent(path: &Path, dataset: &Dataset) -> Result<(), RasterError> {
    let damaged = |e: GdalError| RasterError::damaged(path, &e);
    let file_bytes = path.metadata().map_err(|cause| RasterError::Unreadable { path: path.to_owned(), cause })?.len();
    let (cols, rows) = dataset.raster_size();
    let bands = dataset.raster_count();
    if bands == 0 || cols == 0 || rows == 0 {
        let what = "has no pixels (accepted: a GeoTIFF of at least one band)".to_owned();
        return Err(RasterError::Unsupported { path: path.to_owned(), what });
    }
    let band = dataset.rasterband(1).map_err(damaged)?;
    let (block_cols, block_rows) = band.block_size();
    let pixel_bytes = u64::from(band.band_type().bytes()) * bands as u64;
    let block_bytes = (block_cols as u64).saturating_mul(block_rows as u64).saturating_mul(pixel_bytes);
    let bytes = (cols as u64).saturating_mul(rows as u64).saturating_mul(pixel_bytes);
    let what = if block_bytes > MAX_BLOCK_BYTES {
        format!(
            "its blocks hold {} MiB each (accepted: tiles or strips of at most 512 MiB; tile it, for example as COG)",
            block_bytes >> 20
        )
    } else if bytes > MAX_BYTES && bytes / MAX_RATIO > file_bytes {
        format!(
            "claims {cols} × {rows} pixels, {} GiB, in {file_bytes} bytes \
             (accepted: {} GiB in any file, or at most {MAX_RATIO} bytes per byte of file)",
            bytes >> 30,
            MAX_BYTES >> 30
        )
    } else {
        return check_blocks(path, dataset, file_bytes);
    };
    Err(RasterError::TooLarge { path: path.to_owned(), what })
}

/// Whether the offsets and sizes of the blocks stay within the file; of very many blocks some are looked at.
fn check_blocks(path: &Path, dataset: &Dataset, file_bytes: u64) -> Result<(), RasterError> {
    let damaged = |e: GdalError| RasterError::damaged(path, &e);
    let separate = dataset.metadata_item("INTERLEAVE", "IMAGE_STRUCTURE").as_deref() == Some("BAND");
    let bands = if separate { dataset.raster_count() } else { 1 };
    for index in 1..=bands {
        let band = dataset.rasterband(index).map_err(damaged)?;
        let ((cols, rows), (block_cols, block_rows)) = (band.size(), band.block_size());
        let (across, down) = (cols.div_ceil(block_cols), rows.div_ceil(block_rows));
        let count = across * down;
        let step = (count / 10_000).max(1);
        for block in (0..count).rev().step_by(step) {
            let number = |what: &str| {
                let key = format!("BLOCK_{what}_{}_{}", block % across, block / across);
                band.metadata_item(&key, "TIFF").and_then(|v| v.parse::<u64>().ok())
            };
            let (Some(offset), Some(size)) = (number("OFFSET"), number("SIZE")) else { continue }; // a sparse block
            let end = offset.saturating_add(size);
            if end > file_bytes {
                let reason =
                    format!("block {block} of {count} of band {index} ends at byte {end}, the file at {file_bytes}");
                return Err(RasterError::Damaged { path: path.to_owned(), reason });
            }
        }
    }
    Ok(())
}

/// A local file by its plain name; GDAL's virtual file systems are not for names from outside.
fn check_path(path: &Path) -> Result<(), RasterError> {
    let text = path.to_string_lossy();
    if text.starts_with("/vsi") || text.contains("://") || text.contains('\0') {
        let what = "is not a local file (accepted: paths of local GeoTIFF files)".to_owned();
        return Err(RasterError::Unsupported { path: path.to_owned(), what });
    }
    if path.to_str().is_none() {
        let what =
            "its name is not UTF-8, which GDAL needs (accepted: a UTF-8 name; rename or link the file)".to_owned();
        return Err(RasterError::Unsupported { path: path.to_owned(), what });
    }
    Ok(())
}

/// Refuses what is no plain file, before anything opens it: a FIFO, a device or a socket may never end.
pub(super) fn check_plain(path: &Path) -> Result<(), RasterError> {
    let unreadable = |cause| RasterError::Unreadable { path: path.to_owned(), cause };
    input::check_plain(path).map(|_| ()).map_err(unreadable)
}

/// Whether the first bytes are those of a TIFF or `BigTIFF` of either byte order.
pub(super) fn is_tiff(path: &Path) -> Result<bool, RasterError> {
    check_plain(path)?;
    let unreadable = |cause| RasterError::Unreadable { path: path.to_owned(), cause };
    let mut head = Vec::new();
    File::open(path).map_err(unreadable)?.take(4).read_to_end(&mut head).map_err(unreadable)?;
    Ok(matches!(head.as_slice(), b"II*\0" | b"II+\0" | b"MM\0*" | b"MM\0+"))
}

/// The files beside it that GDAL reads with it: mask and overviews.
pub(super) fn companions(path: &Path) -> impl Iterator<Item = PathBuf> {
    ["msk", "ovr", "msk.ovr"].map(|suffix| with_suffix(path, suffix)).into_iter().filter(|file| file.exists())
}

/// Texts beside it that GDAL reads with it: metadata and world files.
fn texts(path: &Path) -> impl Iterator<Item = PathBuf> {
    let worlds = ["tfw", "TFW", "tifw", "tiffw", "wld", "WLD", "tab", "prj"].map(|end| path.with_extension(end));
    worlds.into_iter().chain([with_suffix(path, "aux.xml")])
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}
