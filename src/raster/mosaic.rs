//! Many scenes as one raster.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::place::{Placement, projector};
use super::stretch::Stretch;
use super::{Channel, MosaicReader, RasterError, Scene, sources};
use crate::georef::{Crs, CrsError, MapBounds, PixelFrame, PixelPoint, Window};

/// What counts as the same resolution when scenes are put in order.
const SAME_RESOLUTION: f64 = 1.05;

/// Scenes that are opened for one look.
const FEW_SCENES: usize = 64;

/// Pixels that are read in a fraction of a second.
const FEW_PIXELS: u64 = 8 << 20;

/// Georeferenced scenes read as one raster. Holds only what was found out about them: cheap to clone and to share.
///
/// Where scenes overlap, the finest shows; of scenes within 5 % of each other's resolution, the one given first.
/// A later scene shows only where the earlier ones hold no imagery.
#[derive(Debug, Clone)]
pub struct Mosaic(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    scenes: Vec<Scene>,
    stretch: Stretch,
    frame: PixelFrame,
    window: Window,
    fingerprint: String,
}

impl Mosaic {
    /// Opens `GeoTIFF` files, folders of them (`.tif`, `.tiff`, in the order of their names), or VRT files that list
    /// `GeoTIFFs` of their own folder.
    ///
    /// # Errors
    /// When there is no scene, or one is unreadable, damaged, not georeferenced or not imagery; the error names it.
    pub fn open(paths: &[PathBuf]) -> Result<Self, RasterError> {
        let mut known: HashMap<String, Crs> = HashMap::new();
        let mut crs_of = |wkt: &str| -> Result<Crs, RasterError> {
            if let Some(crs) = known.get(wkt) {
                return Ok(crs.clone());
            }
            let crs = Crs::new(wkt)?;
            known.insert(wkt.to_owned(), crs.clone());
            Ok(crs)
        };
        let files = sources::list(paths)?;
        let scenes: Vec<Scene> = files.iter().map(|file| Scene::open(file, &mut crs_of)).collect::<Result<_, _>>()?;
        let scenes = finest_first(scenes);
        let stretch = Stretch::of_scenes(&scenes)?;
        let (frame, window) = reference(&scenes)?;
        let fingerprint = fingerprint(&scenes, &stretch);
        Ok(Self(Arc::new(Inner { scenes, stretch, frame, window, fingerprint })))
    }

    /// The scenes in the order in which they are laid.
    #[must_use]
    pub fn scenes(&self) -> &[Scene] {
        &self.0.scenes
    }

    /// The grid of the finest scene; pixel (0, 0) is the first of [`Mosaic::window`].
    #[must_use]
    pub fn frame(&self) -> &PixelFrame {
        &self.0.frame
    }

    /// The pixels of [`Mosaic::frame`] that hold all scenes.
    #[must_use]
    pub fn window(&self) -> Window {
        self.0.window
    }

    /// Metres on the ground per pixel of [`Mosaic::frame`].
    #[must_use]
    pub fn resolution_m_per_px(&self) -> f64 {
        self.0.scenes[0].resolution_m_per_px
    }

    /// What the mosaic is, as 64 hexadecimal digits: the same for the same scenes in any folder, another one when a
    /// scene changes in size, place, order or in its first or last 64 KiB.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    /// The upright rectangle around the mosaic in longitude and latitude; `None` where it has no place on the globe.
    ///
    /// # Errors
    /// When the reference system has no way to longitude and latitude.
    pub fn lon_lat_bounds(&self) -> Result<Option<MapBounds>, RasterError> {
        let to_lon_lat = projector(&self.frame().crs, &Crs::lon_lat())?;
        let w = self.window();
        let points = border(w.col as f64, w.row as f64, w.end_col() as f64, w.end_row() as f64);
        let place = |(col, row)| to_lon_lat.project(self.frame().transform.to_map(PixelPoint { col, row })).ok();
        Ok(MapBounds::around(points.filter_map(place)))
    }

    /// Whether looking from afar reads little: few scenes, all with overviews that hold few pixels together.
    #[must_use]
    pub fn has_overviews(&self) -> bool {
        let scenes = self.scenes();
        let smallest = scenes.iter().map(Scene::smallest_overview_pixels);
        scenes.len() <= FEW_SCENES && smallest.sum::<Option<u64>>().is_some_and(|pixels| pixels <= FEW_PIXELS)
    }

    /// A reader of a grid, for one thread. Cheap: no file is opened before a window needs it.
    ///
    /// # Errors
    /// When a scene lacks a channel, or there is no way between its reference system and that of the grid.
    pub fn reader(&self, frame: &PixelFrame, channels: &[Channel]) -> Result<MosaicReader, RasterError> {
        MosaicReader::new(self.clone(), frame, channels)
    }

    pub(super) fn stretch(&self) -> &Stretch {
        &self.0.stretch
    }
}

/// Stable: by rising resolution, where what is within 5 % of the finest of a group stays in the order given.
fn finest_first(scenes: Vec<Scene>) -> Vec<Scene> {
    let mut order: Vec<(usize, Scene)> = scenes.into_iter().enumerate().collect();
    order.sort_by(|a, b| a.1.resolution_m_per_px.total_cmp(&b.1.resolution_m_per_px));
    let (mut finest, mut group) = (0.0, 0);
    let mut keyed: Vec<((usize, usize), Scene)> = Vec::with_capacity(order.len());
    for (given, scene) in order {
        if scene.resolution_m_per_px > finest * SAME_RESOLUTION {
            finest = scene.resolution_m_per_px;
            group += 1;
        }
        keyed.push(((group, given), scene));
    }
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, scene)| scene).collect()
}

/// The grid of the first scene, moved by whole pixels to the corner of all scenes.
fn reference(scenes: &[Scene]) -> Result<(PixelFrame, Window), RasterError> {
    let first = &scenes[0]; // `sources::list` never returns nothing
    let mut all = first.window();
    for scene in scenes {
        let placed = Placement::of(scene, &first.frame);
        let placed = placed.map_err(|source: CrsError| RasterError::Crs { path: scene.path.clone(), source })?;
        let Some(placement) = placed else {
            let (path, first_path) = (scene.path.clone(), first.path.clone());
            return Err(RasterError::Unplaced { path, first: first_path, crs: first.frame.crs.name().to_owned() });
        };
        let w = placement.extent;
        all = Window::between(
            all.col.min(w.col),
            all.row.min(w.row),
            all.end_col().max(w.end_col()),
            all.end_row().max(w.end_row()),
        );
    }
    let transform = first.frame.transform.shifted(all.col as f64, all.row as f64);
    Ok((PixelFrame { crs: first.frame.crs.clone(), transform }, Window::new(0, 0, all.cols, all.rows)))
}

/// Points on the border of a rectangle, 16 to a side.
fn border(x0: f64, y0: f64, x1: f64, y1: f64) -> impl Iterator<Item = (f64, f64)> {
    (0..16).flat_map(move |step| {
        let t = f64::from(step) / 16.0;
        let (x, y) = (x0 + (x1 - x0) * t, y0 + (y1 - y0) * t);
        [(x, y0), (x1, y), (x0 + x1 - x, y1), (x0, y0 + y1 - y)]
    })
}

/// By the scenes in order and what is done to their samples; names and folders do not count.
fn fingerprint(scenes: &[Scene], stretch: &Stretch) -> String {
    let mut hash = Sha256::new();
    hash.update(b"orthotile mosaic 1");
    for scene in scenes {
        hash.update(scene.digest);
    }
    hash.update(stretch.bytes());
    format!("{:x}", hash.finalize())
}
