//! Features to a file, in the format that its name ends in.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::filter::{SelectedLayer, Selection};
use super::flatgeobuf::{self, FlatGeobufError};
use super::geojson::{self, Framing, GeoJsonError};
use super::geopackage::{self, GeoPackageError};
use crate::files::{Draft, FileError};

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
    /// Another program has the GeoPackage open, or left changes of it in a file next to it.
    #[error(
        "cannot replace GeoPackage: {path}: {} holds changes that are not in it yet (close the program that has it open, such as QGIS, or write to another file)",
        in_the_way.display()
    )]
    Busy {
        /// The file.
        path: String,
        /// The file of the other program.
        in_the_way: PathBuf,
    },
    /// The features cannot be written as a GeoPackage.
    #[error("{path}: {cause}")]
    GeoPackage {
        /// The file.
        path: String,
        /// What is missing or went wrong.
        cause: GeoPackageError,
    },
    /// The features cannot be written as a FlatGeobuf.
    #[error("{path}: {cause}")]
    FlatGeobuf {
        /// The file.
        path: String,
        /// What went wrong.
        cause: FlatGeobufError,
    },
    /// The features cannot be written as GeoJSON.
    #[error("{path}: {cause}")]
    GeoJson {
        /// The file.
        path: String,
        /// What went wrong.
        cause: GeoJsonError,
    },
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
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

/// Checks that a file can be written: for before the work that ends in it.
///
/// # Errors
/// When it is a folder, its folder does not exist or cannot be written to, or another program has the GeoPackage open.
pub fn check_target(path: &Path) -> Result<(), ExportError> {
    if path.is_dir() {
        return Err(FileError::because(path, "it is a folder (expected the name of a file)").into());
    }
    check_unused(path)?;
    Draft::new(path)?;
    Ok(())
}

/// Refuses a GeoPackage with changes in a file next to it: they belong to the old content, and would be applied to the new.
fn check_unused(path: &Path) -> Result<(), ExportError> {
    for suffix in ["-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let in_the_way = PathBuf::from(name);
        // A journal that SQLite is done with is empty, or begins with zeros.
        let is_done = || {
            let mut first = [0];
            let read = File::open(&in_the_way).and_then(|mut file| file.read(&mut first));
            suffix == "-journal" && read.is_ok() && first == [0]
        };
        if in_the_way.exists() && !is_done() {
            return Err(ExportError::Busy { path: path.display().to_string(), in_the_way });
        }
    }
    Ok(())
}

/// Writes features to `path`, under a temporary name until all is on the disk.
///
/// # Errors
/// When the name ends in no format, GDAL lacks the driver, a vertex has no image, the file system refuses, or another
/// program has the GeoPackage open.
pub fn export(path: &Path, selection: &Selection<'_>) -> Result<(), ExportError> {
    let format = Format::of(path)?;
    if format != Format::GeoPackage && selection.layers.len() > 1 {
        return Err(ExportError::Layers { path: path.display().to_string() });
    }
    check_unused(path)?;
    let draft = Draft::new(path)?;
    let name = || path.display().to_string();
    match format {
        Format::GeoJson(framing) => write_geojson(draft.temporary(), selection, framing).map_err(|cause| match cause {
            GeoJsonError::Write(error) => draft.refused(&error).into(),
            cause => ExportError::GeoJson { path: name(), cause },
        }),
        Format::GeoPackage => geopackage::write(&draft, selection).map_err(|cause| match cause {
            GeoPackageError::File(error) => error.into(),
            cause => ExportError::GeoPackage { path: name(), cause },
        }),
        Format::FlatGeobuf => {
            let layer = selection.layers.first().copied().unwrap_or(SelectedLayer::Features);
            flatgeobuf::write(draft.temporary(), selection, layer).map_err(|cause| match cause {
                FlatGeobufError::File(error) => draft.refused(&error).into(),
                FlatGeobufError::Index(error) => draft.failed(error).into(),
                cause @ FlatGeobufError::Gdal(_) => ExportError::FlatGeobuf { path: name(), cause },
            })
        }
    }?;
    check_unused(path)?;
    Ok(draft.publish()?)
}

fn write_geojson(part: &Path, selection: &Selection<'_>, framing: Framing) -> Result<(), GeoJsonError> {
    let mut out = BufWriter::new(File::create(part)?);
    geojson::write(&mut out, selection, framing)?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::filter::Filter;
    use crate::encode::tests::town;
    use crate::scheme::Scheme;
    use gdal::Dataset;
    use gdal::vector::LayerAccess;
    use rstest::rstest;

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

    #[rstest]
    #[case("town.gpkg")]
    #[case("town.fgb")]
    fn two_exports_of_one_date_are_the_same_bytes(#[case] name: &str) {
        let (store, scheme, folder) = (town(), Scheme::city(), tempfile::tempdir().expect("a folder"));
        let path = folder.path().join(name);
        let written = || {
            let selection = Filter::default().select(&store, &scheme);
            if Format::of(&path).expect("known") == Format::GeoPackage {
                let draft = Draft::new(&path).expect("a draft");
                geopackage::write_dated(&draft, &selection, "2000-02-29T00:00:00.000Z").expect("written");
                draft.publish().expect("published");
            } else {
                export(&path, &selection).expect("written");
            }
            let bytes = std::fs::read(&path).expect("there");
            std::fs::remove_file(&path).expect("there");
            bytes
        };
        let first = written();
        std::thread::sleep(std::time::Duration::from_millis(20)); // GDAL writes milliseconds
        assert!(first == written(), "{name} differs");
    }

    #[rstest]
    #[case("town.gpkg")]
    #[case("town.fgb")]
    fn a_file_holds_what_was_put_in(#[case] name: &str) {
        let (store, scheme, folder) = (town(), Scheme::city(), tempfile::tempdir().expect("a folder"));
        let path = folder.path().join(name);
        export(&path, &Filter::default().select(&store, &scheme)).expect("written");
        let dataset = Dataset::open(&path).expect("opens");
        let mut layer = dataset.layer(0).expect("a layer");
        assert_eq!(layer.feature_count(), store.len() as u64);
        assert_eq!(layer.spatial_ref().and_then(|s| s.auth_code().ok()), Some(32645));
        for feature in layer.features() {
            let column = |name: &str| feature.field_index(name).ok();
            let fid = column("fid").and_then(|i| feature.field_as_integer64(i).ok().flatten());
            let fid = fid.or(feature.fid().map(|f| f as i64));
            let stored = store.iter().find(|s| Some(s.feature.id.get() as i64) == fid).expect("a known id");
            let geometry = feature.geometry().expect("has one");
            assert!((geometry.area() - geo::Area::unsigned_area(&stored.feature.polygon)).abs() < 1e-6);
            assert_eq!(geometry.geometry_count(), 1 + stored.feature.polygon.interiors().len());
            let (x, y, _) = geometry.get_geometry(0).get_point(0);
            let put_in = stored.feature.polygon.exterior().0.contains(&geo::Coord { x, y });
            assert!(put_in, "({x}, {y}) was not put in");
            let class = column("class").and_then(|i| feature.field_as_string(i).ok().flatten());
            assert_eq!(class, scheme.class(stored.feature.class).map(|c| c.name.clone()));
            let height = column("height").and_then(|i| feature.field_as_double(i).ok().flatten());
            // FlatGeobuf leaves out what is not known; the reader then says 0.
            assert_eq!(height.is_some_and(|h| h > 0.0), stored.feature.height.is_some());
        }
    }

    #[test]
    fn a_geopackage_says_when_it_was_written_and_what_it_holds() {
        let (store, scheme, folder) = (town(), Scheme::city(), tempfile::tempdir().expect("a folder"));
        let path = folder.path().join("town.gpkg");
        let today = crate::encode::dates::today().expect("a date");
        export(&path, &Filter::default().select(&store, &scheme)).expect("written");
        let dataset = Dataset::open(&path).expect("opens");
        let sql = "SELECT last_change, identifier, description FROM gpkg_contents";
        let mut contents =
            dataset.execute_sql(sql, None, gdal::vector::sql::Dialect::SQLITE).expect("runs").expect("rows");
        let row = contents.features().next().expect("a layer");
        let text = |field: usize| row.field_as_string(field).ok().flatten().unwrap_or_default();
        assert!(text(0).replace('/', "-")[..4] >= today[..4], "{} is long before {today}", text(0));
        assert_eq!(text(1), "features");
        assert!(text(2).contains("building") && text(2).contains("orthotile"), "{}", text(2));
    }

    #[test]
    fn a_geopackage_with_changes_next_to_it_is_not_replaced() {
        let (store, scheme, folder) = (town(), Scheme::city(), tempfile::tempdir().expect("a folder"));
        let (selection, path) = (Filter::default().select(&store, &scheme), folder.path().join("town.gpkg"));
        export(&path, &selection).expect("written");
        let before = std::fs::read(&path).expect("there");
        for (suffix, content) in [("-wal", &b""[..]), ("-wal", b"x"), ("-shm", b"x"), ("-journal", b"\xd9\xd5")] {
            let beside = folder.path().join(format!("town.gpkg{suffix}"));
            std::fs::write(&beside, content).expect("written");
            for error in [export(&path, &selection), check_target(&path)].map(|done| done.expect_err("in use")) {
                let text = error.to_string();
                assert!(text.contains(&format!("town.gpkg{suffix} ")) && text.contains("QGIS"), "{text}");
            }
            assert!(std::fs::read(&path).expect("there") == before);
            std::fs::remove_file(&beside).expect("there");
        }
        std::fs::write(folder.path().join("town.gpkg-journal"), b"").expect("written");
        export(&path, &selection).expect("an empty journal holds nothing");
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let (store, scheme) = (town(), Scheme::city());
        let selection = Filter::default().select(&store, &scheme);
        for name in ["no/such/folder/town.geojson", "no/such/folder/town.gpkg"] {
            let error = export(Path::new(name), &selection).expect_err("no folder");
            let words = format!("cannot write file: {name}: folder no/such/folder does not exist");
            assert!(error.to_string().starts_with(&words), "{error}");
        }
    }
}
