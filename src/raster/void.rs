//! Voids that nothing declares: wide areas of pure white or black.
//!
//! A coarse pass over the whole scene finds connected areas of pure cells; they are voids when they are large and of one
//! value: sand and snow in full sun are pure as well, but never the same throughout. A pixel is decided by the cell that it
//! lies in and by its own value, never by the window that is read.

use std::sync::{Arc, PoisonError};

use gdal::Dataset;
use gdal::errors::GdalError;

use super::{RasterError, Scene, open};
use crate::cores::{cores, parts};
use crate::georef::Window;

/// The area of a void that reaches the edge of the scene.
const MIN_EDGE_AREA_M2: f64 = 400.0;
/// The area of a void inside the scene.
const MIN_INNER_AREA_M2: f64 = 2500.0;
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
    /// What a cell is, row by row; empty when nothing is void.
    cells: Vec<Cell>,
}

/// What the coarse pass says of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    /// Imagery.
    Picture,
    /// Void: all its pixels are.
    White,
    /// Void: all its pixels are.
    Black,
    /// Beside a white void: its white pixels are void.
    WhiteRim,
    /// Beside a black void: its black pixels are void.
    BlackRim,
}

/// Samples in which pure white and black are told: bytes have both, other samples only an exact 0.
pub(super) trait Sample: Copy {
    /// No detail at all.
    fn pure(self) -> Option<Shade>;
    /// As white or black as can be.
    fn exact(self) -> bool;
    /// White but for the ringing of JPEG.
    fn whitish(self) -> bool;
    /// Black but for the ringing of JPEG.
    fn blackish(self) -> bool;
}

/// White or black.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shade {
    White,
    Black,
}

/// The one sample of a cell, in all bands: its shade, and whether it is exactly that.
type Seen = Option<(Shade, bool)>;

impl Sample for u8 {
    fn pure(self) -> Option<Shade> {
        match self {
            250.. => Some(Shade::White),
            ..=2 => Some(Shade::Black),
            _ => None,
        }
    }

    fn exact(self) -> bool {
        matches!(self, u8::MIN | u8::MAX)
    }

    fn whitish(self) -> bool {
        self >= 236
    }

    fn blackish(self) -> bool {
        self <= 12
    }
}

impl Sample for f32 {
    fn pure(self) -> Option<Shade> {
        (self == 0.0).then_some(Shade::Black)
    }

    fn exact(self) -> bool {
        self == 0.0
    }

    fn whitish(self) -> bool {
        false
    }

    fn blackish(self) -> bool {
        self == 0.0
    }
}

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
        let mut mask = Self { cell_px, cols, rows, cells: Vec::new() };
        if cols > 0 && rows > 0 {
            let shades = if scene.byte { mask.shades::<u8>(scene)? } else { mask.shades::<f32>(scene)? };
            let cell_m2 = (scene.resolution_m_per_px * f64::from(cell_px)).powi(2);
            mask.keep_large(&shades, cell_m2);
        }
        Ok(mask)
    }

    /// White, black or neither of each cell, by one sample of each, read in strips; each core has strips and a dataset.
    fn shades<T>(&self, scene: &Scene) -> Result<Vec<Seen>, RasterError>
    where
        T: Sample + gdal::raster::GdalType + Default,
    {
        let strips: Vec<u32> = (0..self.rows).step_by(STRIP_ROWS as usize).collect();
        let parts = parts(&strips, cores(), |strips| {
            let dataset = open::open(&scene.path)?;
            let mut shades = Vec::new();
            let mut strip = |first: &u32| self.strip::<T>(scene, &dataset, *first, &mut shades);
            let read = strips.iter().try_for_each(&mut strip);
            read.map_err(|e| RasterError::read(&scene.path, scene.window(), &e)).map(|()| shades)
        });
        Ok(parts.into_iter().collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// Appends the cells of a strip.
    fn strip<T>(&self, scene: &Scene, dataset: &Dataset, first: u32, shades: &mut Vec<Seen>) -> Result<(), GdalError>
    where
        T: Sample + gdal::raster::GdalType + Default,
    {
        let size = (self.cols as usize, STRIP_ROWS.min(self.rows - first) as usize);
        let native = (size.0 * self.cell_px as usize, size.1 * self.cell_px as usize);
        let bands = scene.colours.bands();
        let mut samples = Vec::with_capacity(bands.len());
        for band in bands {
            let mut plane = vec![T::default(); size.0 * size.1];
            let corner = (0, (first * self.cell_px) as isize);
            dataset.rasterband(*band)?.read_into_slice(corner, native, size, &mut plane, None)?;
            samples.push(plane);
        }
        let shade = |at: usize| {
            let shade = samples[0][at].pure();
            let shade = shade.filter(|_| samples[1..].iter().all(|plane| plane[at].pure() == shade));
            shade.map(|shade| (shade, samples.iter().all(|plane| plane[at].exact())))
        };
        shades.extend((0..size.0 * size.1).map(shade));
        Ok(())
    }

    /// Turns connected areas that are large enough and of one value into voids with a rim of one cell.
    fn keep_large(&mut self, shades: &[Seen], cell_m2: f64) {
        let (cols, rows) = (self.cols as usize, self.rows as usize);
        let mut seen = vec![false; shades.len()];
        for start in 0..shades.len() {
            let Some((shade, _)) = shades[start].filter(|_| !seen[start]) else { continue };
            let (mut area, mut edge) = (vec![start], false);
            seen[start] = true;
            let mut next = 0;
            while let Some(&at) = area.get(next) {
                next += 1;
                let (col, row) = (at % cols, at / cols);
                edge |= col == 0 || row == 0 || col + 1 == cols || row + 1 == rows;
                for beside in neighbours((col, row), (cols, rows)) {
                    if !seen[beside] && shades[beside].is_some_and(|(other, _)| other == shade) {
                        seen[beside] = true;
                        area.push(beside);
                    }
                }
            }
            let limit_m2 = if edge { MIN_EDGE_AREA_M2 } else { MIN_INNER_AREA_M2 };
            let exact = area.iter().filter(|at| shades[**at].is_some_and(|(_, exact)| exact)).count();
            let is_one_value = exact as f64 >= MIN_EXACT_SHARE * area.len() as f64;
            if is_one_value && area.len() as f64 * cell_m2 >= limit_m2 {
                self.mark(&area, shade);
            }
        }
    }

    fn mark(&mut self, area: &[usize], shade: Shade) {
        let (cols, rows) = (self.cols as usize, self.rows as usize);
        let (inner, rim) = match shade {
            Shade::White => (Cell::White, Cell::WhiteRim),
            Shade::Black => (Cell::Black, Cell::BlackRim),
        };
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
        // A cell at the border of the void may hold picture: only its white or black pixels go.
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
    pub(super) fn clear<T: Sample>(&self, bands: &[T], (window, scale): (&Window, (f64, f64)), valid: &mut [u8]) {
        if self.cells.is_empty() {
            return;
        }
        let cell = |at: i64, scale: f64, count: u32| {
            let native = (at as f64 + 0.5) * scale;
            ((native / f64::from(self.cell_px)) as u32).min(count - 1) as usize
        };
        let size = valid.len();
        let all = |index: usize, test: fn(T) -> bool| bands.iter().skip(index).step_by(size).all(|v| test(*v));
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
                    Cell::White | Cell::Black => true,
                    Cell::WhiteRim => all(index, T::whitish),
                    Cell::BlackRim => all(index, T::blackish),
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
