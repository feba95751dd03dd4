//! What can be checked before the first chip runs: elevation, the folder of the store, the room on its disk.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::SeedError;
use crate::georef::{CrsError, MapPoint, PixelPoint, Projector};
use crate::grid::{BlockId, WorkGrid};
use crate::height::{Cover, cover};
use crate::label::Manifest;
use crate::raster::{Elevation, HeightUnit, Mosaic, Scene};

/// Positions that are looked at along a side of a scene.
const STEPS: u32 = 8;

/// Scenes that are looked at.
const MOST_SCENES: usize = 200;

/// Bytes of a pixel in label blocks: towns take 0.5 to 0.7.
const BYTES_PER_PX: f64 = 0.8;

/// No label block of a town takes less.
const LEAST_BYTES_PER_PX: f64 = 0.15;

/// Why work is not begun.
#[derive(Debug, Error)]
pub enum CheckError {
    /// A terrain model is read only below a surface model.
    #[error("terrain model {path}: it is read only together with a surface model (expected: --dsm, too)")]
    TerrainAlone {
        /// The terrain model.
        path: PathBuf,
    },
    /// An elevation raster lies elsewhere.
    #[error(
        "{path}: the elevation raster shares no ground with the mosaic: it lies {distance_km:.0} km away (expected: one that covers the mosaic)"
    )]
    ElevationElsewhere {
        /// The raster.
        path: PathBuf,
        /// From its middle to that of the mosaic.
        distance_km: f64,
    },
    /// A store in the place of something else.
    #[error("store {path}: {what} (expected: a folder of its own, or a new name)")]
    StorePlace {
        /// The store.
        path: PathBuf,
        /// What is there.
        what: &'static str,
    },
    /// No room on the disk.
    #[error(
        "store {path}: {free_mib} MiB are free, and its label blocks take about {needed_mib} MiB (free some, or choose another disk)"
    )]
    NoRoom {
        /// The store.
        path: PathBuf,
        /// What is free.
        free_mib: u64,
        /// What would be taken.
        needed_mib: u64,
    },
}

/// Checks what a run reads besides the mosaic, and where it writes. Returns notes for people.
///
/// # Errors
/// When an elevation raster cannot be read or lies elsewhere, or the store has no place or no room.
pub fn check(mosaic: &Mosaic, manifest: &Manifest, store: &Path) -> Result<Vec<String>, SeedError> {
    let mut notes = Vec::new();
    let grid = manifest.grid()?;
    check_place(mosaic, manifest, store, &mut notes)?;
    if let (None, Some(dtm)) = (&manifest.dsm, &manifest.dtm) {
        return Err(CheckError::TerrainAlone { path: dtm.clone() }.into());
    }
    let places = places(mosaic, manifest, &grid)?;
    for path in manifest.dsm.iter().chain(&manifest.dtm) {
        check_elevation(path, (&grid, &places), &mut notes)?;
    }
    if let Some(stray) = mosaic.stray() {
        let (path, km) = (stray.path.display(), stray.distance_m / 1000.0);
        notes.push(format!("{path} lies {km:.0} km from the other scenes, and the work grid spans the ground between"));
    }
    check_room(mosaic, manifest, (store, &grid), &mut notes)?;
    Ok(notes)
}

fn check_place(mosaic: &Mosaic, manifest: &Manifest, store: &Path, notes: &mut Vec<String>) -> Result<(), CheckError> {
    let refused = |what| Err(CheckError::StorePlace { path: store.to_owned(), what });
    if store.exists() && !store.is_dir() {
        return refused("it is a file");
    }
    let real = |path: &Path| path.canonicalize().ok();
    let Some(place) = existing(store).and_then(real) else { return Ok(()) };
    let folders = manifest.sources.iter().filter(|source| source.is_dir()).filter_map(|source| real(source));
    for folder in folders {
        if store.exists() && place == folder {
            return refused("it is the folder of the scenes");
        }
        if place.starts_with(&folder) && mosaic.scenes().len() > 1 {
            let (store, folder) = (store.display(), folder.display());
            notes.push(format!(
                "store {store} lies in the folder of the scenes {folder}; its files are not read as scenes"
            ));
        }
    }
    Ok(())
}

/// The nearest folder above that exists, or the path itself.
fn existing(path: &Path) -> Option<&Path> {
    let found = path.ancestors().find(|path| path.exists());
    // The parent of a bare name is the empty path: the current folder.
    found.or(Some(Path::new(".")))
}

/// Positions of the work grid that hold scenes and are to be made.
fn places(mosaic: &Mosaic, manifest: &Manifest, grid: &WorkGrid) -> Result<Vec<PixelPoint>, CrsError> {
    let wanted: BTreeSet<BlockId> = manifest.wanted(grid).into_iter().collect();
    let scenes = mosaic.scenes();
    let mut places = Vec::new();
    for scene in scenes.iter().step_by(scenes.len().div_ceil(MOST_SCENES)) {
        let to_grid = Projector::new(&scene.frame.crs, &grid.frame.crs)?;
        let share = |n: u32, size: u32| f64::from(size) * (f64::from(n) + 0.5) / f64::from(STEPS);
        let positions = (0..STEPS * STEPS).map(|i| (share(i % STEPS, scene.cols), share(i / STEPS, scene.rows)));
        let place = |(col, row)| {
            let map = to_grid.project(scene.frame.transform.to_map(PixelPoint { col, row })).ok()?;
            let at = grid.frame.transform.to_raster(map);
            let block = |at: f64| (at / f64::from(grid.block_px)).floor() as u32;
            wanted.contains(&BlockId { row: block(at.row), col: block(at.col) }).then_some(at)
        };
        places.extend(positions.filter_map(place));
    }
    Ok(places)
}

fn check_elevation(
    path: &Path,
    (grid, places): (&WorkGrid, &[PixelPoint]),
    notes: &mut Vec<String>,
) -> Result<(), SeedError> {
    let elevation = Elevation::open(path)?;
    let maps: Vec<MapPoint> = places.iter().map(|at| grid.frame.transform.to_map(*at)).collect();
    let Cover { share, distance_m } = cover(&elevation, &grid.frame.crs, &maps)?;
    let file = path.display();
    if share == 0.0 && !maps.is_empty() {
        let distance_km = distance_m / 1000.0;
        return Err(CheckError::ElevationElsewhere { path: path.to_owned(), distance_km }.into());
    }
    if share < 0.995 {
        let percent = 100.0 * share;
        notes.push(format!(
            "{file} covers {percent:.0} % of the mosaic; buildings elsewhere get the height of their class"
        ));
    }
    match elevation.unit() {
        unit @ HeightUnit::Assumed => notes.push(format!("{file}: heights are read as {unit}")),
        unit if (unit.metres() - 1.0).abs() > 1e-9 => {
            notes.push(format!("{file}: heights in {unit} are converted to metres"));
        }
        _ => {}
    }
    Ok(())
}

/// Whether the label blocks that are missing fit on the disk.
fn check_room(
    mosaic: &Mosaic,
    manifest: &Manifest,
    (store, grid): (&Path, &WorkGrid),
    notes: &mut Vec<String>,
) -> Result<(), SeedError> {
    let Some(free) = existing(store).and_then(free_bytes) else { return Ok(()) };
    let block_px = (f64::from(grid.block_px)).powi(2);
    let missing = manifest.wanted(grid).iter().filter(|block| !has(store, **block)).count() as f64 * block_px;
    let scene_m2 = |scene: &Scene| f64::from(scene.cols) * f64::from(scene.rows) * scene.resolution_m_per_px.powi(2);
    let imagery_m2: f64 = mosaic.scenes().iter().map(scene_m2).sum();
    let px = missing.min(imagery_m2 / grid.middle_scale()?.pixel_area_m2());
    let needed = (px * BYTES_PER_PX) as u64;
    if free < (px * LEAST_BYTES_PER_PX) as u64 {
        let (free_mib, needed_mib) = (free >> 20, (needed >> 20).max(1));
        return Err(CheckError::NoRoom { path: store.to_owned(), free_mib, needed_mib }.into());
    }
    if free < needed {
        let (free, needed, store) = (free >> 20, (needed >> 20).max(1), store.display());
        notes.push(format!("store {store}: {free} MiB are free, and its label blocks may take {needed} MiB"));
    }
    Ok(())
}

fn has(store: &Path, block: BlockId) -> bool {
    store.join("labels").join(format!("{block}.tif")).exists()
}

fn free_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_that_exists_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(existing(&folder.path().join("a/b")), Some(folder.path()));
        assert_eq!(existing(Path::new("no-such-name")), Some(Path::new(".")));
        assert!(free_bytes(folder.path()).is_some_and(|free| free > 0));
    }
}
