//! The town as a camera sees it: light, cast shadows, and the blur of a lens.

use super::canvas::{Canvas, Lattice, NOTHING};
use super::geometry::point;
use super::light::{DROP, IN_SHADOW, TO_SUN};
use super::materials::{Rgb, blend};
use super::terrain;
use super::town::Town;
use crate::random::fractal;

/// Samples along each side of a pixel.
const SAMPLES: usize = 2;
/// The weight of samples across a pixel and one beyond it on both sides: a lens with a little blur.
const LENS: [f32; 4] = [0.125, 0.375, 0.375, 0.125];
/// The colour of the air between the ground and the camera, and how much of it is seen.
const HAZE: (Rgb, f32) = ([150.0, 156.0, 166.0], 0.06);

/// Paints a window of the image grid: red, green and blue of each pixel, 0 to 255 and beyond.
///
/// `window` has the step of a pixel; a pixel is the same in every window.
pub fn render(town: &Town, window: Lattice) -> Vec<Rgb> {
    let step_m = window.step_m / SAMPLES as f64;
    let fine = |px: i64| px * SAMPLES as i64;
    // Room for what casts its shadow from the south and the east into the window.
    let reach = (f64::from(town.highest_m) / DROP / step_m).ceil();
    let (south, east) = ((reach * -TO_SUN.y) as usize + 2, (reach * TO_SUN.x) as usize + 2);
    let lattice = Lattice {
        step_m,
        top_m: window.top_m,
        col: fine(window.col) - 1,
        row: fine(window.row) - 1,
        cols: window.cols * SAMPLES + 2 + east,
        rows: window.rows * SAMPLES + 2 + south,
    };
    let canvas = Canvas::new(town, lattice);
    let seen = (window.cols * SAMPLES + 2, window.rows * SAMPLES + 2);
    let shadow = shadows(&canvas, seen);
    let samples = shade(town, &canvas, &shadow, seen);
    focus(&samples, seen.0, (window.cols, window.rows))
}

/// Whether each of the first `cols` × `rows` samples lies in a cast shadow.
///
/// Rows are walked away from the sun; along each line of light the height of the shadow is kept and sinks.
fn shadows(canvas: &Canvas, (cols, rows): (usize, usize)) -> Vec<bool> {
    const EDGE_M: f32 = 0.12;
    let l = &canvas.lattice;
    let aside = TO_SUN.x / -TO_SUN.y;
    let sink = (l.step_m / -TO_SUN.y * DROP) as f32;
    // The line of light of column c in row r: c stepped east for each row north, by the row's own number.
    let shift = |row: usize| ((-(l.row + row as i64)) as f64 * aside).round() as i64;
    let least = shift(l.rows - 1);
    let mut lines = vec![f32::MIN; l.cols + (shift(0) - least) as usize + 1];
    let mut shadow = vec![false; cols * rows];
    for row in (0..l.rows).rev() {
        let first = (shift(row) - least) as usize;
        for col in 0..l.cols {
            let top = canvas.top[row * l.cols + col];
            let line = &mut lines[first + col];
            *line -= sink;
            if row < rows && col < cols {
                shadow[row * cols + col] = *line > top + EDGE_M;
            }
            *line = line.max(top);
        }
    }
    shadow
}

/// The colour of each of the first `cols` × `rows` samples.
fn shade(town: &Town, canvas: &Canvas, shadow: &[bool], (cols, rows): (usize, usize)) -> Vec<Rgb> {
    /// Samples between two looks at what changes slowly.
    const BROAD: i64 = 16;
    let l = &canvas.lattice;
    let mut colours = Vec::with_capacity(cols * rows);
    for row in 0..rows {
        let mut relief = 1.0;
        for col in 0..cols {
            let position = l.position(col, row);
            let (x, y) = (position.x as f32, position.y as f32);
            let beyond = (l.col + col as i64).rem_euclid(BROAD);
            if col == 0 || beyond == 0 {
                relief = broad(town, x - (beyond as f64 * l.step_m) as f32, y);
            }
            let index = canvas.patch[row * l.cols + col];
            if index == NOTHING {
                colours.push([128.0; 3]);
                continue;
            }
            let paint = &town.patches[index as usize].paint;
            let light = paint.light * relief;
            let mut rgb = paint.at(x, y);
            let dark = if shadow[row * cols + col] { IN_SHADOW } else { [1.0; 3] };
            for k in 0..3 {
                rgb[k] *= light * dark[k];
            }
            colours.push(blend(rgb, HAZE.0, HAZE.1));
        }
    }
    colours
}

/// What changes slowly: the slope of the ground and drifting haze.
fn broad(town: &Town, x: f32, y: f32) -> f32 {
    let slope = terrain::sunlight(town.seed, point(f64::from(x), f64::from(y)));
    slope * (1.0 + 0.05 * fractal(x / 170.0, y / 170.0, town.seed as u32 ^ 0x4a2e))
}

/// Samples to pixels.
fn focus(samples: &[Rgb], stride: usize, (cols, rows): (usize, usize)) -> Vec<Rgb> {
    let mut pixels = Vec::with_capacity(cols * rows);
    for row in 0..rows {
        for col in 0..cols {
            let mut sum = [0.0; 3];
            for (j, down) in LENS.iter().enumerate() {
                let line = &samples[(row * SAMPLES + j) * stride + col * SAMPLES..][..4];
                for (sample, across) in line.iter().zip(LENS) {
                    for k in 0..3 {
                        sum[k] += sample[k] * across * down;
                    }
                }
            }
            pixels.push(sum);
        }
    }
    pixels
}
