//! Windows of a mosaic in any grid.

use super::canvas::Canvas;
use super::native::{Level, OpenScene, Source};
use super::place::{How, Placement};
use super::resample::{Warper, average, averaged_window};
use super::{Channel, Mosaic, PixelWindow, RasterError, RasterSource, Scene};
use crate::georef::{PixelFrame, Window};

/// The number of scenes that a reader keeps open: those that meet at a corner. Each holds its codec's buffers.
const OPEN_SCENES: usize = 4;
/// The number of planes that a window can have.
const MAX_CHANNELS: usize = 4;

/// Reads windows of a mosaic in one grid. It holds GDAL datasets: make one on each thread.
pub struct MosaicReader {
    mosaic: Mosaic,
    channels: Vec<Channel>,
    /// The scenes that lie in the grid, in the order in which they are laid.
    placed: Vec<(usize, Placement)>,
    /// The scenes in use, the latest last.
    open: Vec<(usize, OpenScene)>,
}

impl MosaicReader {
    pub(super) fn new(mosaic: Mosaic, frame: &PixelFrame, channels: &[Channel]) -> Result<Self, RasterError> {
        let mut placed = Vec::new();
        for (index, scene) in mosaic.scenes().iter().enumerate() {
            scene.check_channels(channels)?;
            if channels.len() > MAX_CHANNELS {
                let what = format!("cannot give {} channels (accepted: at most {MAX_CHANNELS})", channels.len());
                return Err(RasterError::Unsupported { path: scene.path.clone(), what });
            }
            placed.extend(Placement::all(scene, frame)?.into_iter().map(|placement| (index, placement)));
        }
        Ok(Self { mosaic, channels: channels.to_vec(), placed, open: Vec::new() })
    }

    /// Opens a scene, or takes it from those in use.
    fn open(&mut self, index: usize) -> Result<(), RasterError> {
        let found = self.open.iter().position(|(i, _)| *i == index);
        let entry = match found {
            Some(at) => self.open.remove(at),
            None => (index, OpenScene::open(&self.mosaic.scenes()[index])?),
        };
        if self.open.len() >= OPEN_SCENES {
            self.open.remove(0);
        }
        self.open.push(entry);
        Ok(())
    }

    /// Lays one scene onto the canvas.
    fn lay(&self, (index, how): (usize, &How), to: &Window, canvas: &mut Canvas) -> Result<(), RasterError> {
        let scene: &Scene = &self.mosaic.scenes()[index];
        let Some((_, open)) = self.open.last() else { return Ok(()) };
        let source = Source { level: Level::Native, channels: &self.channels };
        match how {
            How::Copy(whole) => {
                let (col, row) = (whole.col.offset, whole.row.offset);
                let inside = Window::new(to.col + col, to.row + row, to.cols, to.rows);
                let mut pixels = open.read(scene, &source, &inside)?;
                pixels.window = *to;
                canvas.copy(pixels);
            }
            How::Average(whole) => {
                let Some(inside) = averaged_window(*whole, to).intersection(&scene.window()) else { return Ok(()) };
                let pixels = open.read(scene, &source, &inside)?;
                canvas.begin();
                average(*whole, (&pixels, to), canvas);
            }
            How::Warp(warp) => {
                let source = Source { level: warp.level, ..source };
                canvas.begin();
                Warper { warp, scene, open, source }.lay(to, canvas)?;
            }
        }
        Ok(())
    }
}

impl RasterSource for MosaicReader {
    fn read(&mut self, window: &Window) -> Result<PixelWindow, RasterError> {
        let mut canvas = Canvas::new(window, self.channels.len());
        for at in 0..self.placed.len() {
            let (index, placement) = &self.placed[at];
            let Some(to) = placement.window.intersection(window) else { continue };
            if canvas.is_full() {
                break;
            }
            let (index, how) = (*index, placement.how.clone());
            self.open(index)?;
            self.lay((index, &how), &to, &mut canvas)?;
        }
        Ok(canvas.into_pixels())
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use gdal::Dataset;

    use super::*;
    use crate::georef::{Crs, GeoTransform, PixelPoint};
    use crate::raster::fixture::{Picture, landscape, mark_alpha, noise, shared_data};

    fn open(paths: &[PathBuf]) -> Mosaic {
        Mosaic::open(paths).expect("a mosaic")
    }

    fn read(mosaic: &Mosaic, frame: &PixelFrame, window: Window) -> PixelWindow {
        mosaic.reader(frame, &Channel::RGB).expect("a reader").read(&window).expect("read")
    }

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a temporary folder")
    }

    fn utm_frame(coefficients: [f64; 6]) -> PixelFrame {
        let crs = Crs::new("EPSG:32632").expect("known");
        PixelFrame { crs, transform: GeoTransform::new(coefficients).expect("regular") }
    }

    /// All bands of a file as GDAL reads them.
    fn gdal_samples(path: &Path, bands: usize) -> Vec<u8> {
        let dataset = Dataset::open(path).expect("a raster");
        let read = |band| dataset.rasterband(band).expect("there").read_band_as::<u8>().expect("read").data().to_vec();
        (1..=bands).flat_map(read).collect()
    }

    /// Windows of many places and sizes hold the pixels of one large window.
    fn assert_independent(mosaic: &Mosaic, frame: &PixelFrame, whole: Window) {
        let mut reader = mosaic.reader(frame, &Channel::RGB).expect("a reader");
        let all = reader.read(&whole).expect("read");
        for (i, (cols, rows)) in [(1, 1), (7, 3), (33, 64), (64, 17), (100, 100), (5, 130)].into_iter().enumerate() {
            for step in 0..6_i64 {
                let (col, row) = (whole.col + step * 29 - 11, whole.row + step * 23 + i as i64 * 5 - 13);
                let window = Window::new(col, row, cols, rows);
                let part = reader.read(&window).expect("read");
                let Some(common) = window.intersection(&whole) else { continue };
                for r in common.row..common.end_row() {
                    for c in common.col..common.end_col() {
                        let (a, b) = (all.window.index(c, r), part.window.index(c, r));
                        assert_eq!(all.valid[a], part.valid[b], "column {c}, row {r} of {window}");
                        for channel in 0..3 {
                            let of = |p: &PixelWindow, at: usize| p.samples[channel * p.valid.len() + at];
                            assert_eq!(of(&all, a), of(&part, b), "column {c}, row {r} of {window}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn an_aligned_window_is_what_gdal_reads() {
        let folder = folder();
        let path = folder.path().join("a.tif");
        Picture::rgb().write(&path, noise).close().expect("closed");
        let mosaic = open(std::slice::from_ref(&path));
        let pixels = read(&mosaic, mosaic.frame(), mosaic.window());
        assert_eq!(mosaic.window(), Window::new(0, 0, 200, 150));
        assert_eq!(pixels.samples, gdal_samples(&path, 3));
        assert!(pixels.valid.iter().all(|v| *v == 1));
        assert_independent(&mosaic, mosaic.frame(), mosaic.window());
    }

    #[test]
    fn scenes_that_butt_read_as_one_and_holes_stay_open() {
        let folder = folder();
        let mut paths = Vec::new();
        for (index, (east, north)) in [(0.0, 0.0), (100.0, 0.0), (0.0, -75.0)].into_iter().enumerate() {
            let mut picture = Picture::rgb();
            picture.transform = Some([500_000.0 + east, 0.5, 0.0, 5_500_000.0 + north, 0.0, -0.5]);
            paths.push(picture.write_landscape(&folder.path().join(format!("{index}.tif"))));
        }
        let mosaic = open(&paths);
        assert_eq!(mosaic.window(), Window::new(0, 0, 400, 300));
        let pixels = read(&mosaic, mosaic.frame(), mosaic.window());
        for (at, valid) in pixels.valid.iter().enumerate() {
            let (col, row) = (at % 400, at / 400);
            assert_eq!(*valid == 1, col < 200 || row < 150);
            let map = (500_000.25 + 0.5 * col as f64, 5_499_999.75 - 0.5 * row as f64);
            let expected = if *valid == 1 { landscape(1, map) } else { 0 };
            assert_eq!(pixels.samples[pixels.valid.len() + at], expected);
        }
        // Half a pixel off, the seams must not show either.
        let shifted = utm_frame([499_999.75, 0.5, 0.0, 5_500_000.25, 0.0, -0.5]);
        let pixels = read(&mosaic, &shifted, Window::new(1, 1, 398, 148));
        assert!(pixels.valid.iter().all(|v| *v == 1));
        assert_independent(&mosaic, &shifted, Window::new(-5, -5, 410, 310));
    }

    #[test]
    fn a_whole_factor_is_the_average_of_valid_pixels() {
        let folder = folder();
        let path = folder.path().join("a.tif");
        Picture::rgb().write(&path, noise).close().expect("closed");
        let mosaic = open(std::slice::from_ref(&path));
        let samples = gdal_samples(&path, 3);
        for factor in [2_usize, 3, 4] {
            let side = 0.5 * factor as f64;
            let pixels =
                read(&mosaic, &utm_frame([500_000.0, side, 0.0, 5_500_000.0, 0.0, -side]), Window::new(0, 0, 37, 37));
            for (at, sample) in pixels.samples.iter().enumerate() {
                let (band, col, row) = (at / (37 * 37), at % 37, at / 37 % 37);
                let pixel = |i: usize| (col * factor + i % factor, row * factor + i / factor);
                let of = |(c, r): (usize, usize)| u32::from(samples[band * 200 * 150 + r * 200 + c]);
                let sum: u32 = (0..factor * factor).map(|i| of(pixel(i))).sum();
                let n = (factor * factor) as u32;
                assert_eq!(u32::from(*sample), (2 * sum + n) / (2 * n), "column {col}, row {row}, factor {factor}");
            }
        }
    }

    #[test]
    fn a_turned_coarser_or_projected_grid_shows_the_same_landscape() {
        let folder = folder();
        let path = Picture::rgb().write_landscape(&folder.path().join("a.tif"));
        let mosaic = open(&[path]);
        let (sin, cos) = 0.4_f64.sin_cos();
        let mercator = |size: f64| {
            let corner = crate::raster::place::projector(&mosaic.frame().crs, &Crs::web_mercator()).expect("known");
            let at =
                corner.project(mosaic.frame().transform.to_map(PixelPoint { col: 0.0, row: 0.0 })).expect("inside");
            let transform = GeoTransform::new([at.x, size, 0.0, at.y, 0.0, -size]).expect("regular");
            PixelFrame { crs: Crs::web_mercator(), transform }
        };
        let frames = [
            utm_frame([500_000.0, 0.5 * cos, 0.5 * sin, 5_500_000.0, 0.5 * sin, -0.5 * cos]),
            utm_frame([500_000.0, 0.5, 0.0, 5_499_925.0, 0.0, 0.5]),
            utm_frame([500_000.0, 0.83, 0.0, 5_500_000.0, 0.0, -0.83]),
            utm_frame([500_000.1, 0.2, 0.0, 5_500_000.0, 0.0, -0.2]),
            mercator(0.9),
            mercator(0.4),
        ];
        for frame in frames {
            let window = Window::new(-20, -20, 240, 240);
            let pixels = read(&mosaic, &frame, window);
            let to_utm = crate::raster::place::projector(&frame.crs, &mosaic.frame().crs).expect("known");
            let mut seen = 0;
            for (at, _) in pixels.valid.iter().enumerate().filter(|(_, valid)| **valid == 1) {
                let (col, row) = ((at % 240) as f64 - 19.5, (at / 240) as f64 - 19.5);
                let map = to_utm.project(frame.transform.to_map(PixelPoint { col, row })).expect("inside");
                let expected = i32::from(landscape(0, (map.x, map.y)));
                assert!((i32::from(pixels.samples[at]) - expected).abs() <= 6, "{frame:?}: column {col}, row {row}");
                seen += 1;
            }
            assert!(seen > 5000, "{frame:?}: {seen}");
            assert_independent(&mosaic, &frame, window);
        }
    }

    #[test]
    fn far_away_zooms_read_overviews_or_average_in_pieces() {
        let folder = folder();
        let mut picture = Picture::rgb();
        picture.size = (3000, 2600);
        let path = folder.path().join("a.tif");
        picture.write(&path, |band, col, _| (50 * band + col / 30) as u8 + 5).close().expect("closed");
        let mosaic = open(std::slice::from_ref(&path));
        let frame = utm_frame([500_000.0, 20.3, 0.0, 5_500_000.0, 0.0, -20.3]);
        let plain = read(&mosaic, &frame, Window::new(0, 0, 73, 63));
        assert_independent(&mosaic, &frame, Window::new(-3, -3, 80, 70));
        let mut dataset = Dataset::open(&path).expect("a raster");
        dataset.build_overviews("AVERAGE", &[2, 4, 8, 16], &[]).expect("built");
        drop(dataset);
        let with_overviews = open(&[path]);
        assert_eq!(with_overviews.scenes()[0].overviews, 4);
        let fast = read(&with_overviews, &frame, Window::new(0, 0, 73, 63));
        assert_eq!(plain.valid, fast.valid);
        let off = plain.samples.iter().zip(&fast.samples).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(off <= Some(2), "{off:?}");
    }

    #[test]
    fn finer_scenes_lie_above_and_coarser_ones_fill_their_holes() {
        let folder = folder();
        let mut coarse = Picture::rgb();
        coarse.transform = Some([499_990.0, 1.0, 0.0, 5_500_010.0, 0.0, -1.0]);
        let coarse_path = folder.path().join("a.tif");
        coarse.write(&coarse_path, |_, _, _| 50_u8).close().expect("closed");
        let mut fine = Picture::rgb();
        fine.bands = 4;
        let fine_path = folder.path().join("b.tif");
        let dataset = fine.write(&fine_path, |band, col, _| if band < 3 { 200_u8 } else { u8::from(col >= 100) * 255 });
        mark_alpha(&dataset, 4);
        dataset.close().expect("closed");
        let mosaic = open(&[coarse_path, fine_path]);
        assert!((mosaic.resolution_m_per_px() - 0.5).abs() < 1e-3);
        let pixels = read(&mosaic, mosaic.frame(), mosaic.window());
        let at = |col, row| pixels.samples[pixels.window.index(col, row)];
        assert_eq!((at(19, 19), at(20 + 99, 30), at(20 + 100, 30), at(20 + 200, 30)), (50, 50, 200, 50));
    }

    /// Pixels of `frame` that show a scene in degrees show its landscape, wherever its longitudes end.
    fn assert_shows_degrees(mosaic: &Mosaic, frame: &PixelFrame, window: Window, size: f64) -> usize {
        let pixels = read(mosaic, frame, window);
        let to_lon_lat = crate::raster::place::projector(&frame.crs, &Crs::lon_lat()).expect("known");
        let mut seen = 0;
        for at in (0..pixels.valid.len()).filter(|at| pixels.valid[*at] == 1) {
            let (col, row) = (at % window.cols as usize, at / window.cols as usize);
            let middle =
                PixelPoint { col: window.col as f64 + col as f64 + 0.5, row: window.row as f64 + row as f64 + 0.5 };
            let map = to_lon_lat.project(frame.transform.to_map(middle)).expect("inside");
            let lon = if map.x < 0.0 { map.x + 360.0 } else { map.x };
            let expected = i32::from(landscape(0, (lon / size, map.y / size)));
            assert!((i32::from(pixels.samples[at]) - expected).abs() <= 6, "column {col}, row {row} of {window}");
            seen += 1;
        }
        seen
    }

    #[test]
    fn longitudes_across_180_are_brought_to_the_turn_of_the_scene() {
        let folder = folder();
        let (size, half) = (5e-6, 64.0 * 5e-6);
        let write = |name: &str, west: f64| {
            let path = folder.path().join(name);
            let transform = Some([west, size, 0.0, -16.9, 0.0, -size]);
            let picture = Picture { crs: Some("EPSG:4326"), transform, size: (128, 128), ..Picture::rgb() };
            let turned = if west < 0.0 { 360.0 } else { 0.0 };
            let place =
                |col: usize, row: usize| ((west + turned) / size + col as f64 + 0.5, -16.9 / size - row as f64 - 0.5);
            picture.write(&path, |band, col, row| landscape(band, place(col, row))).close().expect("closed");
            path
        };
        let across = write("across.tif", 180.0 - half);
        let mosaic = open(std::slice::from_ref(&across));
        let utm = |zone: &str| {
            let crs = Crs::new(zone).expect("known");
            let at = crate::raster::place::projector(&Crs::lon_lat(), &crs).expect("known");
            let at = at.project(crate::georef::MapPoint { x: 180.0, y: -16.9 }).expect("inside");
            PixelFrame { crs, transform: GeoTransform::new([at.x - 40.0, 0.5, 0.0, at.y, 0.0, -0.5]).expect("regular") }
        };
        assert!(assert_shows_degrees(&mosaic, &utm("EPSG:32760"), Window::new(0, 0, 160, 160), size) > 10_000);
        assert!(assert_shows_degrees(&mosaic, &utm("EPSG:32701"), Window::new(0, 0, 160, 160), size) > 10_000);
        // Tiles on both sides of the world square.
        let pixel = 2.0 * 20_037_508.342_789_244 / f64::from(1 << 27);
        let origin = [-20_037_508.342_789_244, pixel, 0.0, 20_037_508.342_789_244, 0.0, -pixel];
        let tiles = PixelFrame { crs: Crs::web_mercator(), transform: GeoTransform::new(origin).expect("regular") };
        let to_mercator = crate::raster::place::projector(&Crs::lon_lat(), &Crs::web_mercator()).expect("known");
        let top = to_mercator.project(crate::georef::MapPoint { x: 180.0, y: -16.9 }).expect("inside");
        let row = tiles.transform.to_raster(top).row as i64;
        let east = assert_shows_degrees(&mosaic, &tiles, Window::new((1 << 27) - 300, row, 300, 1400), size);
        let west = assert_shows_degrees(&mosaic, &tiles, Window::new(0, row, 300, 1400), size);
        assert!(east > 10_000 && west > 10_000, "{east} {west}");
        assert_independent(&mosaic, &tiles, Window::new(0, row + 60, 200, 200));
        // Scenes that name their places on two turns lie beside each other.
        let (left, right) = (write("left.tif", 180.0 - 2.0 * half), write("right.tif", -180.0));
        for paths in [[left.clone(), right.clone()], [right, left]] {
            let both = open(&paths);
            let window = both.window();
            assert!((255..=258).contains(&window.cols) && window.rows == 128, "{window}");
            assert!(assert_shows_degrees(&both, both.frame(), window, size) > 32_000);
        }
    }

    #[test]
    fn a_window_that_shows_the_world_holds_few_pixels() {
        let folder = folder();
        let path = folder.path().join("world.tif");
        let transform = Some([-180.0, 0.1, 0.0, 80.0, 0.0, -0.1]);
        let picture = Picture { crs: Some("EPSG:4326"), transform, size: (3600, 1600), ..Picture::rgb() };
        picture.write(&path, |band, col, row| (40 * band + col / 36 + row / 40) as u8 + 5).close().expect("closed");
        let mosaic = open(std::slice::from_ref(&path));
        // From Alaska over the date line to Kamchatka, in a system of its own: both sides of the scene show.
        let crs = Crs::new("+proj=laea +lat_0=60 +lon_0=180 +datum=WGS84").expect("known");
        let transform = GeoTransform::new([-2e6, 20_000.0, 0.0, 1e6, 0.0, -20_000.0]).expect("regular");
        let frame = PixelFrame { crs, transform };
        let window = Window::new(0, 0, 200, 100);
        let pixels = read(&mosaic, &frame, window);
        assert!(pixels.valid.iter().filter(|valid| **valid == 0).count() < 200, "but the line itself");
        let at = |col| i32::from(pixels.samples[pixels.window.index(col, 50)]);
        assert!((at(90) - at(80)).abs() < 12 && (at(120) - at(110)).abs() < 12 && (at(90) - at(110)).abs() > 60);
        assert_independent(&mosaic, &frame, Window::new(70, 10, 60, 60));
    }

    #[test]
    fn a_mosaic_of_the_real_town_reads_as_gdal_reads_it() {
        let Some(data) = shared_data() else { return };
        let scenes = data.join("ortho-banepa/scenes");
        let mosaic = open(std::slice::from_ref(&scenes));
        assert_eq!(mosaic.window(), Window::new(0, 0, 11_264, 8_704));
        let (cols, rows) = (mosaic.scenes()[0].cols, mosaic.scenes()[0].rows);
        let pixels = read(&mosaic, mosaic.frame(), Window::new(0, 0, cols, rows));
        assert_eq!(pixels.samples, gdal_samples(&scenes.join("banepa_r0c0.tif"), 3));
    }
}
