//! Many scenes as one raster.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::place::{Placement, projector};
use super::{Bands, Channel, MosaicReader, RasterError, Scene, folder, scaling, sources};
use crate::georef::{Crs, CrsError, MapBounds, PixelFrame, PixelPoint, Turn, Window, hull};

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
    left_out: Vec<(PathBuf, String)>,
    bands: Option<Bands>,
    frame: PixelFrame,
    window: Window,
    fingerprint: String,
}

impl Mosaic {
    /// Opens `GeoTIFF` files, folders of them (`.tif`, `.tiff`, in the order of their names), or VRT files of local
    /// `GeoTIFFs`. What is no scene is left out of a folder, see [`Mosaic::left_out`].
    ///
    /// # Errors
    /// When there is no scene, or one is unreadable, damaged, not georeferenced or not imagery; the error names it.
    pub fn open(paths: &[PathBuf]) -> Result<Self, RasterError> {
        Self::open_bands(paths, None)
    }

    /// Opens scenes as [`Mosaic::open`] does, and takes some bands of each for colours, whatever the files say.
    ///
    /// # Errors
    /// As [`Mosaic::open`], and when a scene lacks one of the bands.
    pub fn open_bands(paths: &[PathBuf], bands: Option<&Bands>) -> Result<Self, RasterError> {
        let mut known: HashMap<String, Crs> = HashMap::new();
        let mut crs_of = |wkt: &str| -> Result<Crs, RasterError> {
            if let Some(crs) = known.get(wkt) {
                return Ok(crs.clone());
            }
            let crs = Crs::new(wkt)?;
            known.insert(wkt.to_owned(), crs.clone());
            Ok(crs)
        };
        let sources = sources::list(paths)?;
        let open = |file: &sources::Listed| Scene::open((&file.path, file.origin.clone()), bands, &mut crs_of);
        let (mut scenes, left_out) = folder::open(sources, open)?;
        scaling::scale(&mut scenes)?;
        let scenes = finest_first(scenes);
        let (frame, window) = reference(&scenes)?;
        let fingerprint = fingerprint(&scenes);
        Ok(Self(Arc::new(Inner { scenes, left_out, bands: bands.cloned(), frame, window, fingerprint })))
    }

    /// Files of folders that are no scenes, and why; for people.
    #[must_use]
    pub fn left_out(&self) -> &[(PathBuf, String)] {
        &self.0.left_out
    }

    /// The bands that were asked for.
    #[must_use]
    pub fn bands(&self) -> Option<&Bands> {
        self.0.bands.as_ref()
    }

    /// What the program decided about the scenes that their files do not say, one line each: what many scenes share is said
    /// once, what voids were found as far as they were looked for.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut notes: Vec<(String, Vec<&Scene>)> = Vec::new();
        for scene in self.scenes() {
            for note in scene.notes().into_iter().chain(scene.scaling_note()) {
                match notes.iter_mut().find(|(known, _)| *known == note) {
                    Some((_, scenes)) => scenes.push(scene),
                    None => notes.push((note, vec![scene])),
                }
            }
        }
        let line = |(note, scenes): (String, Vec<&Scene>)| match scenes[..] {
            [scene] => format!("{}: {note}", scene.path.display()),
            [first, ..] if scenes.len() < self.scenes().len() => {
                format!("{} scenes, {} the first: {note}", scenes.len(), first.path.display())
            }
            _ => format!("all {} scenes: {note}", scenes.len()),
        };
        let left_out = self.left_out().iter().map(|(path, why)| format!("{}: left out: {why}", path.display()));
        notes.into_iter().map(line).chain(left_out).collect()
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

    /// Whether all scenes have bands of some channels.
    ///
    /// # Errors
    /// When one lacks a channel: the error names both.
    pub fn check_channels(&self, channels: &[Channel]) -> Result<(), RasterError> {
        self.scenes().iter().try_for_each(|scene| scene.check_channels(channels))
    }

    /// The channels that a picture for people is made of: red, green and blue; where scenes lack one, near infrared, red and
    /// green, or a channel that all have in grey.
    #[must_use]
    pub fn picture_channels(&self) -> [Channel; 3] {
        let infrared = [Channel::NearInfrared, Channel::Red, Channel::Green];
        let grey = Channel::ALL.map(|channel| [channel; 3]);
        let all = [Channel::RGB, infrared].into_iter().chain(grey);
        all.into_iter().find(|channels| self.check_channels(channels).is_ok()).unwrap_or(Channel::RGB)
    }

    /// A reader of a grid, for one thread. Cheap: no file is opened before a window needs it.
    ///
    /// # Errors
    /// When a scene lacks a channel, or there is no way between its reference system and that of the grid.
    pub fn reader(&self, frame: &PixelFrame, channels: &[Channel]) -> Result<MosaicReader, RasterError> {
        MosaicReader::new(self.clone(), frame, channels)
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
    let first = &scenes[0]; // `folder::open` never returns nothing
    let mut extents = vec![first.window()];
    for scene in &scenes[1..] {
        let placed = Placement::of(scene, &first.frame);
        let placed = placed.map_err(|cause: CrsError| RasterError::Crs { path: scene.path.clone(), cause })?;
        let Some(placement) = placed else {
            let (path, first_path) = (scene.path.clone(), first.path.clone());
            return Err(RasterError::Unplaced { path, first: first_path, crs: first.frame.crs.name().to_owned() });
        };
        extents.push(placement.extent);
    }
    if let Some(turn) = Turn::of(&first.frame.crs) {
        bring_together(&mut extents, first, turn);
    }
    let all = extents.iter().fold(extents[0], |all, w| {
        Window::between(
            all.col.min(w.col),
            all.row.min(w.row),
            all.end_col().max(w.end_col()),
            all.end_row().max(w.end_row()),
        )
    });
    let transform = first.frame.transform.shifted(all.col as f64, all.row as f64);
    Ok((PixelFrame { crs: first.frame.crs.clone(), transform }, Window::new(0, 0, all.cols, all.rows)))
}

/// Moves windows of a grid that goes around the earth by turns to where they lie closest together; the first stays.
fn bring_together(extents: &mut [Window], first: &Scene, turn: Turn) {
    let t = first.frame.transform.coefficients();
    if t[2] != 0.0 || t[4] != 0.0 || t[1] <= 0.0 {
        return; // a turn is not along columns
    }
    let around = turn.period() / t[1];
    let (west, east) = ((-turn.period() / 2.0 - t[0]) / t[1], (turn.period() / 2.0 - t[0]) / t[1]);
    let within = |col: f64| west + (col - west).rem_euclid(around);
    let ranges = extents.iter().map(|w| {
        let from = within(w.col as f64);
        [from, from + f64::from(w.cols)]
    });
    let Some([from, to]) = hull(ranges.collect(), [west, east]) else { return };
    // As many turns back as the first scene was moved.
    let place = |w: &Window| {
        let col = within(w.col as f64);
        if col + f64::from(w.cols) > to + 0.5 {
            col - around
        } else if col < from - 0.5 {
            col + around
        } else {
            col
        }
    };
    let back = extents[0].col as f64 - place(&extents[0]);
    for window in extents {
        let moved = place(window) + back - window.col as f64;
        if moved.abs() > around / 2.0 {
            *window = Window { col: window.col + moved.floor() as i64, cols: window.cols.saturating_add(1), ..*window };
        }
    }
}

/// Points on the border of a rectangle, 16 to a side.
fn border(x0: f64, y0: f64, x1: f64, y1: f64) -> impl Iterator<Item = (f64, f64)> {
    (0..16).flat_map(move |step| {
        let t = f64::from(step) / 16.0;
        let (x, y) = (x0 + (x1 - x0) * t, y0 + (y1 - y0) * t);
        [(x, y0), (x1, y), (x0 + x1 - x, y1), (x0, y0 + y1 - y)]
    })
}

/// By the scenes in order and how they are read; names and folders do not count.
fn fingerprint(scenes: &[Scene]) -> String {
    let mut hash = Sha256::new();
    hash.update(b"orthotile mosaic 2");
    for scene in scenes {
        hash.update(scene.digest);
        scene.hash_reading(&mut hash);
    }
    format!("{:x}", hash.finalize())
}
