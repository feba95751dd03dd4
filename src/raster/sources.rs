//! Files, folders and VRTs to the list of scenes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::RasterError;
use super::origin::Origin;
use super::vrt::{self, Shown};

/// A scene that is to be opened.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    /// The file or VRT.
    pub(super) path: PathBuf,
    pub(super) origin: Origin,
    /// Found in a folder, not named by the user: what is no scene may be left out.
    pub(super) found: bool,
}

/// What paths lead to.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// Scenes in order, each once.
    pub(super) listed: Vec<Listed>,
    /// Files of folders that are no scenes, and why.
    pub(super) left_out: Vec<(PathBuf, String)>,
}

/// The scenes behind paths.
pub(super) fn list(paths: &[PathBuf]) -> Result<Sources, RasterError> {
    let mut sources = Sources::default();
    for path in paths {
        if path.is_dir() {
            folder(path, &mut sources)?;
        } else if has_extension(path, &["vrt"]) {
            match vrt::shown(path)? {
                Shown::Files(files) => files.into_iter().for_each(|file| sources.add(file, Origin::File, false)),
                Shown::View(view) => sources.add(path.clone(), Origin::Vrt(Arc::new(view)), false),
            }
        } else {
            sources.add(path.clone(), Origin::File, false);
        }
    }
    if sources.listed.is_empty() && sources.left_out.is_empty() {
        return Err(RasterError::Empty { path: paths.first().cloned().unwrap_or_default() });
    }
    Ok(sources)
}

impl Sources {
    fn add(&mut self, path: PathBuf, origin: Origin, found: bool) {
        match self.listed.iter_mut().find(|known| known.path == path) {
            Some(known) => known.found &= found, // named by the user as well
            None => self.listed.push(Listed { path, origin, found }),
        }
    }
}

/// The `GeoTIFFs` of a folder by name; its subfolders are not entered.
fn folder(path: &Path, sources: &mut Sources) -> Result<(), RasterError> {
    let unreadable = |cause| RasterError::Unreadable { path: path.to_owned(), cause };
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in path.read_dir().map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if file.is_dir() {
            folders.push(file);
        } else if is_tiff(&file) {
            files.push(file);
        }
    }
    if files.is_empty() {
        return Err(RasterError::Empty { path: path.to_owned() });
    }
    files.sort();
    folders.sort();
    for file in files {
        match stray(&file) {
            Some(why) => sources.left_out.push((file, why.to_owned())),
            None => sources.add(file, Origin::File, true),
        }
    }
    let has_some = |below: &&PathBuf| below.read_dir().is_ok_and(|all| all.flatten().any(|file| is_tiff(&file.path())));
    for below in folders.iter().filter(has_some) {
        sources.left_out.push((below.clone(), "is a subfolder with GeoTIFFs, which is not entered".to_owned()));
    }
    Ok(())
}

/// Why a file of a folder is no scene, whatever its name says: before anything opens it.
fn stray(file: &Path) -> Option<&'static str> {
    let hidden = file.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    match std::fs::metadata(file) {
        _ if hidden => Some("is a hidden file"),
        Err(_) if file.is_symlink() => Some("is a link to nothing"),
        Ok(metadata) if !metadata.is_file() => Some("is a FIFO, socket or device"),
        Ok(metadata) if metadata.len() == 0 => Some("is empty"),
        _ => None, // what cannot be read is an error
    }
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
        let sources = list(&[folder.path().to_owned(), folder.path().join("b.tif")]).expect("two scenes");
        let found: Vec<_> = sources.listed.iter().map(|listed| (listed.path.clone(), listed.found)).collect();
        assert_eq!(found, [(folder.path().join("a.TIFF"), true), (folder.path().join("b.tif"), false)]);
    }

    #[cfg(unix)]
    #[test]
    fn droppings_links_to_nothing_and_empty_files_are_left_out_by_name() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, bytes) in [("._a.tif", &b"x"[..]), ("a.tif", b"x"), ("empty.tif", b""), (".DS_Store", b"x")] {
            std::fs::write(folder.path().join(name), bytes).expect("writable");
        }
        std::os::unix::fs::symlink("/nowhere/at/all.tif", folder.path().join("link.tif")).expect("writable");
        std::os::unix::net::UnixListener::bind(folder.path().join("socket.tif")).expect("writable");
        let sources = list(&[folder.path().to_owned()]).expect("one scene");
        assert_eq!(sources.listed.len(), 1);
        let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let left_out: Vec<_> = sources.left_out.iter().map(|(path, _)| name(path)).collect();
        assert_eq!(left_out, ["._a.tif", "empty.tif", "link.tif", "socket.tif"]);
    }

    #[test]
    fn an_empty_folder_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let error = list(&[folder.path().to_owned()]).expect_err("empty").to_string();
        assert!(error.contains(&*folder.path().to_string_lossy()) && error.contains(".tif"), "{error}");
    }
}
