//! Features to a file, in the format that its name ends in.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::filter::Selection;
use super::geojson::{self, Framing, GeoJsonError};
use super::ogr::{self, Driver, OgrError};

/// A format of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Longitude and latitude.
    GeoJson(Framing),
    /// The map space of the features.
    GeoPackage,
    /// The map space of the features, with an index for reading parts over a network.
    FlatGeobuf,
}

/// Why features cannot be written to a file.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The name ends in no known format.
    #[error("{path}: the name does not end in a format (accepted: {})", Format::ENDINGS)]
    Ending {
        /// The file.
        path: String,
    },
    /// Only a GeoPackage holds several layers.
    #[error("{path}: one layer a file (accepted: --layer features or --layer centrelines; .gpkg holds both)")]
    Layers {
        /// The file.
        path: String,
    },
    /// GDAL cannot write it.
    #[error("{path}: {source}")]
    Ogr {
        /// The file.
        path: String,
        /// What is missing or went wrong.
        source: OgrError,
    },
    /// The features cannot be written as GeoJSON.
    #[error("{path}: {source}")]
    GeoJson {
        /// The file.
        path: String,
        /// What went wrong.
        source: GeoJsonError,
    },
    /// The file system refuses.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
}

impl Format {
    /// The endings of names, listed.
    pub const ENDINGS: &'static str = ".geojson, .json, .geojsonl, .ndjson, .geojsons, .gpkg, .fgb";

    /// The format of a name.
    ///
    /// `.geojsons` is the sequence with record separators, `.geojsonl` and `.ndjson` have a feature a line.
    ///
    /// # Errors
    /// When the name ends in none of [`Self::ENDINGS`].
    pub fn of(path: &Path) -> Result<Self, ExportError> {
        let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
        Ok(match ending.as_str() {
            "geojson" | "json" => Self::GeoJson(Framing::Collection),
            "geojsonl" | "ndjson" => Self::GeoJson(Framing::Lines),
            "geojsons" => Self::GeoJson(Framing::Records),
            "gpkg" => Self::GeoPackage,
            "fgb" => Self::FlatGeobuf,
            _ => return Err(ExportError::Ending { path: path.display().to_string() }),
        })
    }
}

/// Writes features to `path`, under a temporary name until all is on the disk.
///
/// # Errors
/// When the name ends in no format, GDAL lacks the driver, a vertex has no image, or the file system refuses.
pub fn export(path: &Path, selection: &Selection<'_>) -> Result<(), ExportError> {
    let format = Format::of(path)?;
    if format != Format::GeoPackage && selection.layers.len() > 1 {
        return Err(ExportError::Layers { path: path.display().to_string() });
    }
    let name = || path.display().to_string();
    let part = part_of(path);
    _ = std::fs::remove_file(&part); // left by a run that was killed
    let written = match format {
        Format::GeoJson(framing) => {
            write_geojson(&part, selection, framing).map_err(|source| ExportError::GeoJson { path: name(), source })
        }
        Format::GeoPackage => write_ogr(&part, selection, Driver::GeoPackage, path),
        Format::FlatGeobuf => write_ogr(&part, selection, Driver::FlatGeobuf, path),
    };
    let placed = written.and_then(|()| place(&part, path).map_err(|source| ExportError::File { path: name(), source }));
    if placed.is_err() {
        _ = std::fs::remove_file(&part);
    }
    placed
}

fn write_geojson(part: &Path, selection: &Selection<'_>, framing: Framing) -> Result<(), GeoJsonError> {
    let mut out = BufWriter::new(File::create(part)?);
    geojson::write(&mut out, selection, framing)?;
    Ok(out.flush()?)
}

fn write_ogr(part: &Path, selection: &Selection<'_>, driver: Driver, path: &Path) -> Result<(), ExportError> {
    ogr::write(part, selection, driver).map_err(|source| ExportError::Ogr { path: path.display().to_string(), source })
}

/// The temporary name: beside the file and with its ending, which GDAL expects.
fn part_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(".part-");
    name.push(path.file_name().unwrap_or_default());
    path.with_file_name(name)
}

fn place(part: &Path, path: &Path) -> io::Result<()> {
    File::open(part)?.sync_all()?;
    std::fs::rename(part, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::filter::Filter;
    use crate::encode::tests::town;
    use crate::scheme::Scheme;

    #[test]
    fn an_unknown_ending_is_refused_with_the_known_ones() {
        let error = Format::of(Path::new("town.shp")).expect_err("not written");
        assert!(error.to_string().contains("town.shp") && error.to_string().contains(".gpkg"), "{error}");
        assert_eq!(Format::of(Path::new("TOWN.FGB")).ok(), Some(Format::FlatGeobuf));
    }

    #[test]
    fn a_file_appears_whole_and_leaves_no_other() {
        let (store, scheme, folder) = (town(), Scheme::city(), tempfile::tempdir().expect("a folder"));
        let selection = Filter::default().select(&store, &scheme);
        for name in ["town.geojson", "town.geojsonl", "town.geojsons", "town.gpkg", "town.fgb"] {
            let path = folder.path().join(name);
            export(&path, &selection).expect(name);
            export(&path, &selection).expect("again, over the first");
            let length = std::fs::metadata(&path).expect("written").len();
            assert!(length > 1000, "{name}: {length}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 5);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let (store, scheme) = (town(), Scheme::city());
        let selection = Filter::default().select(&store, &scheme);
        for name in ["no/such/folder/town.geojson", "no/such/folder/town.gpkg"] {
            let error = export(Path::new(name), &selection).expect_err("no folder");
            assert!(error.to_string().starts_with(name), "{error}");
        }
    }
}
