//! The town photographed as overlapping scenes, each with its own camera, packing and way to tell voids.

use std::path::Path;

use super::DemoOptions;
use super::canvas::Lattice;
use super::geometry::{Ring, inside, point};
use super::render::render;
use super::town::Town;
use crate::georef::{PixelFrame, Window};
use crate::random::{Dice, speckle};
use crate::raster::{Compression, RasterWriteError, SceneOptions, SceneSamples, WrittenValidity, write_scene};

/// The side of the squares that are painted at a time, in pixels.
const TILE_PX: i64 = 512;
/// How far neighbouring scenes overlap, in metres.
const OVERLAP_M: f64 = 24.0;

/// What differs from scene to scene.
struct Camera {
    seed: u32,
    gain: [f32; 3],
    offset: f32,
}

/// The windows of the scenes in the image grid, row by row; neighbours overlap.
pub fn windows(options: &DemoOptions) -> Vec<Window> {
    let whole = options.window();
    let margin = (OVERLAP_M / 2.0 / options.resolution_m_per_px).ceil() as i64;
    let cut = |k: u32, parts: u32, total: u32| i64::from(k) * i64::from(total) / i64::from(parts);
    let (rows, cols) = (options.scene_rows.max(1), options.scene_cols.max(1));
    let one = |row: u32, col: u32| {
        let (west, east) = (cut(col, cols, whole.cols), cut(col + 1, cols, whole.cols));
        let (north, south) = (cut(row, rows, whole.rows), cut(row + 1, rows, whole.rows));
        Window::between(west - margin, north - margin, east + margin, south + margin)
            .intersection(&whole)
            .expect("a scene shares pixels with the mosaic")
    };
    (0..rows).flat_map(|row| (0..cols).map(move |col| (row, col))).map(|(row, col)| one(row, col)).collect()
}

/// Where nothing was photographed: a ragged hole on the north side, across the first two scenes.
pub fn void(options: &DemoOptions) -> Ring {
    let mut dice = Dice::at(options.seed, 90, 0, 0);
    let middle = options.width_m / f64::from(options.scene_cols.max(2));
    let (half, deep) = (0.07 * options.width_m, 0.15 * options.height_m);
    let mut ring = vec![point(middle + half, options.height_m + 1.0), point(middle - half, options.height_m + 1.0)];
    // Mosaics are cut along the borders of squares: the hole has steps.
    let steps = 14;
    let mut depth = 0.55 * deep;
    for k in 0..steps {
        let x = |k: i32| middle - half + 2.0 * half * f64::from(k) / f64::from(steps);
        depth = (depth + dice.range(-0.22, 0.25) * deep).clamp(0.3 * deep, deep);
        ring.extend([point(x(k), options.height_m - depth), point(x(k + 1), options.height_m - depth)]);
    }
    ring
}

/// How the scene at a place in the row of scenes is written: what is met in real mosaics, in turn.
fn style(index: usize) -> SceneOptions {
    let (compression, validity, overviews) = match index % 6 {
        0 => (Compression::JpegYcbcr, WrittenValidity::Undeclared, true),
        1 => (Compression::Deflate, WrittenValidity::Alpha, false),
        2 => (Compression::Deflate, WrittenValidity::Nodata(0), false),
        3 => (Compression::Deflate, WrittenValidity::Undeclared, true),
        4 => (Compression::JpegYcbcr, WrittenValidity::Mask, true),
        _ => (Compression::JpegYcbcr, WrittenValidity::Undeclared, false),
    };
    SceneOptions { compression, validity, overviews }
}

/// Photographs a window of the image grid and writes it as scene number `index`.
///
/// # Errors
/// When the file cannot be written.
pub fn shoot(
    town: &Town,
    options: &DemoOptions,
    (index, window): (usize, Window),
    path: &Path,
) -> Result<(), RasterWriteError> {
    let style = style(index);
    let camera = Camera::new(town.seed, index);
    let void = void(options);
    let pixels = window.pixels();
    let mut bands = [vec![0_u8; pixels], vec![0; pixels], vec![0; pixels]];
    let mut valid = vec![1_u8; pixels];
    for tile in tiles(&window) {
        let lattice = options.lattice(&tile);
        let colours = render(town, lattice);
        for (at, rgb) in colours.iter().enumerate() {
            let (col, row) = (at % lattice.cols, at / lattice.cols);
            let to = window.index(tile.col + col as i64, tile.row + row as i64);
            let seen = !inside(&void, lattice.position(col, row));
            valid[to] = u8::from(seen);
            for (k, band) in bands.iter_mut().enumerate() {
                band[to] = if seen { camera.expose(k, rgb[k], lattice.absolute(col, row)) } else { u8::MAX };
            }
        }
    }
    let frame = options.frame();
    let transform = frame.transform.shifted(window.col as f64, window.row as f64);
    let planes: [&[u8]; 3] = [&bands[0], &bands[1], &bands[2]];
    let samples = SceneSamples { cols: window.cols, rows: window.rows, bands: &planes, valid: Some(&valid) };
    write_scene(path, &PixelFrame { crs: frame.crs, transform }, &samples, &style)
}

fn tiles(window: &Window) -> Vec<Window> {
    let starts = |from: i64, to: i64| (from..to).step_by(TILE_PX as usize);
    let end = |from: i64, limit: i64| (from + TILE_PX).min(limit);
    starts(window.row, window.end_row())
        .flat_map(|row| starts(window.col, window.end_col()).map(move |col| (row, col)))
        .map(|(row, col)| Window::between(col, row, end(col, window.end_col()), end(row, window.end_row())))
        .collect()
}

impl Camera {
    fn new(seed: u64, index: usize) -> Self {
        let mut dice = Dice::at(seed, 91, index as i32, 0);
        let mut gain = || dice.range(0.982, 1.018) as f32;
        let gain = [gain(), gain(), gain()];
        Self { seed: dice.bits(), gain, offset: dice.range(-3.0, 3.0) as f32 }
    }

    /// The value that the sensor gives for a colour; noise is a little larger in the light.
    fn expose(&self, channel: usize, value: f32, (col, row): (i64, i64)) -> u8 {
        let draw =
            |k: u32| speckle(col as i32, row as i32, self.seed ^ (channel as u32 * 4 + k).wrapping_mul(0x9e37_79b9));
        let noise = (draw(0) + draw(1) + draw(2)) * (1.6 + value.max(0.0) * 0.008);
        (value * self.gain[channel] + self.offset + noise).round().clamp(1.0, 253.0) as u8
    }
}

impl Lattice {
    /// The column and row of a sample in the whole grid.
    fn absolute(&self, col: usize, row: usize) -> (i64, i64) {
        (self.col + col as i64, self.row + row as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenes_overlap_and_cover_the_mosaic() {
        let options = DemoOptions { scene_rows: 2, scene_cols: 3, ..DemoOptions::default() };
        let (windows, whole) = (windows(&options), options.window());
        assert_eq!(windows.len(), 6);
        assert!(windows.iter().all(|w| whole.contains(w)));
        let common = windows[0].intersection(&windows[1]).expect("neighbours overlap");
        assert!(common.cols >= 90, "{common}");
        for (col, row) in [(0, 0), (1333, 10), (2000, 1600), (3999, 3199)] {
            assert!(windows.iter().any(|w| w.contains(&Window::new(col, row, 1, 1))), "{col}, {row}");
        }
    }

    #[test]
    fn a_tile_is_the_same_whatever_is_painted_with_it() {
        let options = DemoOptions { width_m: 120.0, height_m: 100.0, ..DemoOptions::default() };
        let town = super::super::plan::plan(4, 120.0, 100.0);
        let large = render(&town, options.lattice(&Window::new(100, 60, 96, 80)));
        let small = render(&town, options.lattice(&Window::new(133, 77, 9, 7)));
        for row in 0..7 {
            let from = (row + 17) * 96 + 33;
            assert_eq!(large[from..from + 9], small[row * 9..row * 9 + 9], "row {row}");
        }
    }
}
