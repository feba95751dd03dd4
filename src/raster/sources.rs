//! Files, folders and VRTs to the list of scenes.

use std::path::{Path, PathBuf};

use super::{RasterError, vrt};

/// The `GeoTIFF` files behind paths, in order, each once; at least one.
pub(super) fn list(paths: &[PathBuf]) -> Result<Vec<PathBuf>, RasterError> {
    let mut files: Vec<PathBuf> = Vec::new();
    for path in paths {
        let found = if path.is_dir() {
            folder(path)?
        } else if has_extension(path, &["vrt"]) {
            vrt::sources(path)?
        } else {
            vec![path.clone()]
        };
        for file in found {
            if !files.contains(&file) {
                files.push(file);
            }
        }
    }
    if files.is_empty() {
        return Err(RasterError::Empty { path: paths.first().cloned().unwrap_or_default() });
    }
    Ok(files)
}

/// The `GeoTIFFs` of a folder by name; its subfolders are not entered.
fn folder(path: &Path) -> Result<Vec<PathBuf>, RasterError> {
    let unreadable = |source| RasterError::Unreadable { path: path.to_owned(), source };
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in path.read_dir().map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if file.is_file() && is_tiff(&file) {
            files.push(file);
        } else if file.is_dir() {
            folders.push(file);
        }
    }
    if files.is_empty() {
        return Err(RasterError::Empty { path: path.to_owned() });
    }
    files.sort();
    folders.sort();
    let has_some = |below: &&PathBuf| below.read_dir().is_ok_and(|all| all.flatten().any(|file| is_tiff(&file.path())));
    for below in folders.iter().filter(has_some) {
        tracing::warn!("{}: subfolders are not entered; {} holds GeoTIFFs, too", path.display(), below.display());
    }
    Ok(files)
}

fn is_tiff(file: &Path) -> bool {
    has_extension(file, &["tif", "tiff"])
}

fn has_extension(path: &Path, accepted: &[&str]) -> bool {
    path.extension().is_some_and(|e| accepted.iter().any(|a| e.eq_ignore_ascii_case(a)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_its_geotiffs_by_name_without_companions() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["b.tif", "a.TIFF", "a.TIFF.msk", "b.tif.ovr", "b.tif.aux.xml", "notes.txt"] {
            std::fs::write(folder.path().join(name), b"x").expect("writable");
        }
        let files = list(&[folder.path().to_owned(), folder.path().join("b.tif")]).expect("two scenes");
        assert_eq!(files, [folder.path().join("a.TIFF"), folder.path().join("b.tif")]);
    }

    #[test]
    fn an_empty_folder_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let error = list(&[folder.path().to_owned()]).expect_err("empty").to_string();
        assert!(error.contains(&*folder.path().to_string_lossy()) && error.contains(".tif"), "{error}");
    }
}
