//! What a scene is opened from: a file, or a VRT that was checked and written anew.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gdal::Dataset;
use sha2::{Digest, Sha256};

use super::{RasterError, open};
use crate::georef::{PixelFrame, Window};

/// What GDAL opens for a scene.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// The file at the path of the scene.
    File,
    /// A VRT.
    Vrt(Arc<View>),
}

/// A VRT that shows its sources otherwise than they are.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct View {
    /// As this crate has written it: absolute names of checked files, and nothing that was not understood.
    pub(super) xml: String,
    /// Its sources, each once.
    pub(super) files: Vec<PathBuf>,
    /// The pixels that sources cover; what lies elsewhere is no imagery.
    pub(super) covered: Vec<Window>,
}

impl Origin {
    pub(super) fn open(&self, path: &Path) -> Result<Dataset, RasterError> {
        match self {
            Self::File => open::open(path),
            Self::Vrt(view) => open::open_vrt(path, &view.xml),
        }
    }

    /// What is unusual about it.
    pub(super) fn note(&self, path: &Path) -> Option<String> {
        let Self::Vrt(view) = self else { return None };
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let folder = real(path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")));
        let outside = view.files.iter().find(|file| !real(file).starts_with(&folder));
        let outside =
            outside.map_or_else(String::new, |file| format!("; its source {} lies in another folder", file.display()));
        Some(format!("the VRT moves, cuts or changes its sources, and is read as GDAL shows it{outside}"))
    }

    /// Clears what no source covers; `scale` is native pixels per pixel of the window's level.
    pub(super) fn clear_uncovered(&self, (window, scale): (&Window, (f64, f64)), valid: &mut [u8]) {
        let Self::Vrt(view) = self else { return };
        let native = |at: i64, scale: f64| ((at as f64 + 0.5) * scale).floor() as i64;
        let (right, bottom) = (native(window.end_col(), scale.0), native(window.end_row(), scale.1));
        let all = Window::between(native(window.col, scale.0), native(window.row, scale.1), right + 1, bottom + 1);
        let near: Vec<&Window> = view.covered.iter().filter(|w| w.intersection(&all).is_some()).collect();
        if near.iter().any(|w| w.contains(&all)) {
            return;
        }
        for (row, line) in (window.row..window.end_row()).zip(valid.chunks_exact_mut(window.cols as usize)) {
            for (col, valid) in (window.col..window.end_col()).zip(line) {
                let pixel = Window::new(native(col, scale.0), native(row, scale.1), 1, 1);
                *valid &= u8::from(near.iter().any(|w| w.contains(&pixel)));
            }
        }
    }

    /// What the scene is, whatever its folder: size, place, and the first and last 64 KiB of its files and their companions.
    pub(super) fn digest(&self, path: &Path, frame: &PixelFrame) -> Result<[u8; 32], RasterError> {
        let mut hash = Sha256::new();
        for value in frame.transform.coefficients() {
            hash.update(value.to_bits().to_le_bytes());
        }
        hash.update(frame.crs.definition());
        let files = match self {
            Self::File => vec![path.to_owned()],
            Self::Vrt(view) => {
                // Names do not count: the same VRT of the same files may lie elsewhere.
                let named = |xml: String, (at, file): (usize, &PathBuf)| {
                    xml.replace(&*super::vrt_write::escape(&file.to_string_lossy()), &at.to_string())
                };
                hash.update(view.files.iter().enumerate().fold(view.xml.clone(), named));
                view.files.clone()
            }
        };
        for file in files.iter().flat_map(|file| std::iter::once(file.clone()).chain(open::companions(file))) {
            hash_ends(&file, &mut hash).map_err(|cause| RasterError::Unreadable { path: file.clone(), cause })?;
        }
        Ok(hash.finalize().into())
    }
}

fn hash_ends(path: &Path, hash: &mut Sha256) -> std::io::Result<()> {
    const END_BYTES: u64 = 64 << 10;
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len();
    hash.update(bytes.to_le_bytes());
    let mut ends = Vec::new();
    file.by_ref().take(END_BYTES).read_to_end(&mut ends)?;
    file.seek(SeekFrom::Start(bytes.saturating_sub(END_BYTES)))?;
    file.take(END_BYTES).read_to_end(&mut ends)?;
    hash.update(&ends);
    Ok(())
}
