//! Voids that nothing declares: wide areas of one value that writers fill with. And declared ones after a lossy codec.
//!
//! A coarse pass over the whole scene finds connected areas of pure cells; they are voids when they are large and of one
//! value: sand and snow in full sun are pure as well, but never the same throughout. A pixel is decided by the cell that it
//! lies in and by its own value, never by the window that is read.

use std::sync::{Arc, PoisonError};

use gdal::Dataset;
use gdal::errors::GdalError;

use super::fill::Fill;
use super::layout::Samples;
use super::{RasterError, Scene, native};
use crate::cores::{cores, parts};
use crate::georef::Window;

/// The share of cells of a void that are exactly white or black; codecs change a few. In voids of real mosaics it is 0.97
/// and more, in bright sand and white roofs up to 0.16.
const MIN_EXACT_SHARE: f64 = 0.75;
/// The side of a cell in pixels, at least; JPEG's own block.
const MIN_CELL_PX: u32 = 8;
/// Cells of a scene at most: the pass keeps a byte of each.
const MAX_CELLS: u64 = 16 << 20;
/// Rows of cells that are read at once.
const STRIP_ROWS: u32 = 64;

/// The cells of a scene that are void.
#[derive(Debug)]
pub(super) struct VoidMask {
    cell_px: u32,
    cols: u32,
    rows: u32,
    fills: Vec<Fill>,
    /// What a cell is, row by row; empty when nothing is void.
    cells: Vec<Cell>,
}

/// What the coarse pass says of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    /// Imagery.
    Picture,
    /// Void of a fill, by its number: all its pixels are.
    Void(u8),
    /// Beside such a void: its pixels of about that value are void.
    Rim(u8),
}

/// The one sample of a cell, in all bands: the number of its fill, and whether it has exactly its value.
type Seen = Option<(u8, bool)>;

impl VoidMask {
    /// The voids of a scene: looked for once, then shared by all its readers.
    pub(super) fn of(scene: &Scene) -> Result<Arc<Self>, RasterError> {
        let mut known = scene.void.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mask) = known.as_ref() {
            return Ok(Arc::clone(mask));
        }
        Ok(Arc::clone(known.insert(Arc::new(Self::search(scene)?))))
    }

    fn search(scene: &Scene) -> Result<Self, RasterError> {
        let mut cell_px = MIN_CELL_PX;
        while u64::from(scene.cols / cell_px) * u64::from(scene.rows / cell_px) > MAX_CELLS {
            cell_px *= 2;
        }
        let (cols, rows) = (scene.cols / cell_px, scene.rows / cell_px);
        let mut mask = Self { cell_px, cols, rows, fills: scene.fill_candidates(), cells: Vec::new() };
        if cols > 0 && rows > 0 {
            let seen = match scene.samples {
                Samples::Byte => mask.seen(scene, f32::from as fn(u8) -> f32)?,
                Samples::SignedByte => mask.seen(scene, native::signed as fn(u8) -> f32)?,
                Samples::Real => mask.seen(scene, (|v| v) as fn(f32) -> f32)?,
            };
            let cell_m2 = (scene.resolution_m_per_px * f64::from(cell_px)).powi(2);
            mask.keep_large(&seen, cell_m2);
        }
        Ok(mask)
    }

    /// The share of the scene that is void of each fill that is not declared, by its value.
    pub(super) fn shares(&self) -> Vec<(f32, f32)> {
        let cells = self.cells.len().max(1) as f32;
        let of = |number: usize| {
            let is_void = |cell: &&Cell| matches!(cell, Cell::Void(n) | Cell::Rim(n) if usize::from(*n) == number);
            self.cells.iter().filter(is_void).count() as f32 / cells
        };
        let fills = self.fills.iter().enumerate().filter(|(_, fill)| !fill.is_declared());
        fills.map(|(number, fill)| (fill.value(), of(number))).filter(|(_, share)| *share > 0.0).collect()
    }

    /// The fill of each cell, by one sample of each, read in strips; each core has strips and a dataset.
    fn seen<T>(&self, scene: &Scene, real: fn(T) -> f32) -> Result<Vec<Seen>, RasterError>
    where
        T: Copy + gdal::raster::GdalType + Default + Send + Sync,
    {
        let strips: Vec<u32> = (0..self.rows).step_by(STRIP_ROWS as usize).collect();
        let parts = parts(&strips, cores(), |strips| {
            let dataset = scene.dataset()?;
            let mut seen = Vec::new();
            let mut strip = |first: &u32| self.strip::<T>((scene, &dataset), *first, real, &mut seen);
            let done = strips.iter().try_for_each(&mut strip);
            done.map_err(|e| RasterError::read(&scene.path, scene.window(), &e)).map(|()| seen)
        });
        Ok(parts.into_iter().collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// Appends the cells of a strip.
    fn strip<T>(
        &self,
        (scene, dataset): (&Scene, &Dataset),
        first: u32,
        real: fn(T) -> f32,
        seen: &mut Vec<Seen>,
    ) -> Result<(), GdalError>
    where
        T: Copy + gdal::raster::GdalType + Default,
    {
        let size = (self.cols as usize, STRIP_ROWS.min(self.rows - first) as usize);
        let native = (size.0 * self.cell_px as usize, size.1 * self.cell_px as usize);
        let bands = scene.colours.bands();
        let mut samples = Vec::with_capacity(bands.len());
        for band in &bands {
            let mut plane = vec![T::default(); size.0 * size.1];
            let corner = (0, (first * self.cell_px) as isize);
            dataset.rasterband(*band)?.read_into_slice(corner, native, size, &mut plane, None)?;
            samples.push(plane);
        }
        seen.extend((0..size.0 * size.1).map(|at| {
            let sample = || samples.iter().map(|plane| real(plane[at]));
            let number = self.fills.iter().position(|fill| fill.is_pure(sample()))?;
            Some((number as u8, self.fills[number].is_exact(sample())))
        }));
        Ok(())
    }

    /// Turns connected areas that are large enough and of one value into voids with a rim of one cell.
    fn keep_large(&mut self, fills: &[Seen], cell_m2: f64) {
        let (cols, rows) = (self.cols as usize, self.rows as usize);
        let mut seen = vec![false; fills.len()];
        for start in 0..fills.len() {
            let Some((number, _)) = fills[start].filter(|_| !seen[start]) else { continue };
            let (mut area, mut edge) = (vec![start], false);
            seen[start] = true;
            let mut next = 0;
            while let Some(&at) = area.get(next) {
                next += 1;
                let (col, row) = (at % cols, at / cols);
                edge |= col == 0 || row == 0 || col + 1 == cols || row + 1 == rows;
                for beside in neighbours((col, row), (cols, rows)) {
                    if !seen[beside] && fills[beside].is_some_and(|(other, _)| other == number) {
                        seen[beside] = true;
                        area.push(beside);
                    }
                }
            }
            let exact = area.iter().filter(|at| fills[**at].is_some_and(|(_, exact)| exact)).count();
            let is_one_value = exact as f64 >= MIN_EXACT_SHARE * area.len() as f64;
            if is_one_value && area.len() as f64 >= self.fills[usize::from(number)].min_cells(edge, cell_m2) {
                self.mark(&area, number);
            }
        }
    }

    fn mark(&mut self, area: &[usize], number: u8) {
        let (cols, rows) = (self.cols as usize, self.rows as usize);
        let (inner, rim) = (Cell::Void(number), Cell::Rim(number));
        self.cells.resize(cols * rows, Cell::Picture);
        for at in area {
            self.cells[*at] = inner;
        }
        for &at in area {
            let (col, row) = (at % cols, at / cols);
            for r in row.saturating_sub(2)..(row + 3).min(rows) {
                for c in col.saturating_sub(2)..(col + 3).min(cols) {
                    let cell = &mut self.cells[r * cols + c];
                    if *cell == Cell::Picture {
                        *cell = rim;
                    }
                }
            }
        }
        // A cell at the border of the void may hold picture: only its pixels of that value go.
        let border = |at: usize| {
            let (col, row) = (at % cols, at / cols);
            neighbours((col, row), (cols, rows)).any(|beside| self.cells[beside] == rim)
        };
        let borders: Vec<usize> = area.iter().copied().filter(|at| border(*at)).collect();
        for at in borders {
            self.cells[at] = rim;
        }
    }

    /// Clears `valid` where pixels of a window are void; `scale` is native pixels per pixel of the window's level.
    pub(super) fn clear<T: Copy + Into<f32>>(
        &self,
        bands: &[T],
        (window, scale): (&Window, (f64, f64)),
        valid: &mut [u8],
    ) {
        if self.cells.is_empty() {
            return;
        }
        let cell = |at: i64, scale: f64, count: u32| {
            let native = (at as f64 + 0.5) * scale;
            ((native / f64::from(self.cell_px)) as u32).min(count - 1) as usize
        };
        let size = valid.len();
        let sample = |index: usize| bands.iter().skip(index).step_by(size).map(|v| (*v).into());
        let cols: Vec<usize> = (window.col..window.end_col()).map(|col| cell(col, scale.0, self.cols)).collect();
        for (at, row) in (window.row..window.end_row()).enumerate() {
            let start = cell(row, scale.1, self.rows) * self.cols as usize;
            let cells = &self.cells[start..start + self.cols as usize];
            if cells[cols[0]..=cols[cols.len() - 1]].iter().all(|c| *c == Cell::Picture) {
                continue;
            }
            for (x, col) in cols.iter().enumerate() {
                let index = at * cols.len() + x;
                let void = match cells[*col] {
                    Cell::Picture => false,
                    Cell::Void(_) => true,
                    Cell::Rim(number) => self.fills[usize::from(number)].is_rim(sample(index)),
                };
                valid[index] &= u8::from(!void);
            }
        }
    }
}

/// The cells above, left, right and below.
fn neighbours((col, row): (usize, usize), (cols, rows): (usize, usize)) -> impl Iterator<Item = usize> {
    let up = (row > 0).then(|| (row - 1) * cols + col);
    let left = (col > 0).then(|| row * cols + col - 1);
    let right = (col + 1 < cols).then(|| row * cols + col + 1);
    let down = (row + 1 < rows).then(|| (row + 1) * cols + col);
    [up, left, right, down].into_iter().flatten()
}
