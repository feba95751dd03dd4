//! Scene pixels to target pixels where the grids do not coincide.

use super::canvas::Canvas;
use super::native::{OpenScene, Source};
use super::place::{ANCHOR_PX, Warp, Whole};
use super::taps::{Taps, filter};
use super::{PixelWindow, RasterError, Scene};
use crate::georef::{PixelPoint, Projector, Window};

/// Scene pixels that are read at once while averaging, along each axis.
const PIECE_PX: u32 = 2048;
/// Averaged pixels that are held at once; a window that needs more is laid in parts.
const MAX_HELD_PX: u64 = 4 << 20;

/// Averages `factor` × `factor` valid scene pixels into each target pixel.
pub(super) fn average(whole: Whole, (source, to): (&PixelWindow, &Window), canvas: &mut Canvas) {
    let (factor, size) = (whole.factor, source.valid.len());
    let share = 1.0 / (factor * factor) as f32;
    let inside = |first: i64, from: i64, to: i64| first.max(from)..(first + factor).min(to);
    for row in to.row..to.end_row() {
        let rows = inside(whole.row.first(row, factor), source.window.row, source.window.end_row());
        for col in to.col..to.end_col() {
            let at = canvas.pixels.window.index(col, row);
            let cols = inside(whole.col.first(col, factor), source.window.col, source.window.end_col());
            if canvas.is_done(at) || rows.is_empty() || cols.is_empty() {
                continue;
            }
            let (mut count, mut sums) = (0_u32, [0_u32; 4]);
            for y in rows.clone() {
                let start = source.window.index(cols.start, y);
                for from in start..start + (cols.end - cols.start) as usize {
                    let valid = u32::from(source.valid[from]);
                    count += valid;
                    for (channel, sum) in sums.iter_mut().enumerate().take(source.channels) {
                        *sum += valid * u32::from(source.samples[channel * size + from]);
                    }
                }
            }
            if count > 0 {
                canvas.add(at, (count as f32 * share, false), |channel| sums[channel] as f32 * share);
            }
        }
    }
}

/// The scene pixels that target pixels `to` are averaged of.
pub(super) fn averaged_window(whole: Whole, to: &Window) -> Window {
    let span = |axis: super::place::Axis, first: i64, end: i64| {
        let (a, b) = (axis.first(first, whole.factor), axis.first(end - 1, whole.factor));
        (a.min(b), a.max(b) + whole.factor)
    };
    let (cols, rows) = (span(whole.col, to.col, to.end_col()), span(whole.row, to.row, to.end_row()));
    Window::between(cols.0, rows.0, cols.1, rows.1)
}

/// One scene and how it is warped.
pub(super) struct Warper<'a> {
    pub(super) warp: &'a Warp,
    pub(super) scene: &'a Scene,
    pub(super) open: &'a OpenScene,
    pub(super) source: Source<'a>,
}

/// Positions of anchors in averaged scene pixels, row by row from anchor (`col`, `row`).
struct Anchors {
    col: i64,
    row: i64,
    cols: usize,
    /// Between some of them the scene's system comes round.
    torn: bool,
    places: Vec<Option<(f64, f64)>>,
}

impl Warper<'_> {
    /// Lays target pixels `to` onto the canvas: a tent filter as wide as a target pixel, bilinear where pixels grow.
    ///
    /// What is held at once is bounded, however far apart the positions of the window lie in the scene.
    pub(super) fn lay(&self, to: &Window, canvas: &mut Canvas) -> Result<(), RasterError> {
        let to_scene = self.warp.to_scene()?;
        let anchors = self.anchors(to, &to_scene);
        if anchors.torn {
            return match halves(to) {
                Some(parts) => parts.iter().try_for_each(|part| self.lay(part, canvas)),
                None => self.lay_each(to, &to_scene, canvas),
            };
        }
        let Some(needed) = self.needed(&anchors, to) else { return Ok(()) };
        if u64::from(needed.cols) * u64::from(needed.rows) > MAX_HELD_PX {
            return match halves(to) {
                Some(parts) => parts.iter().try_for_each(|part| self.lay(part, canvas)),
                None => Ok(()), // a few pixels that show a whole country: no scale of theirs is the scene's
            };
        }
        let pixels = self.averaged(&needed)?;
        self.lay_pixels((&anchors, &pixels), to, canvas);
        Ok(())
    }

    fn lay_pixels(&self, (anchors, pixels): (&Anchors, &PixelWindow), to: &Window, canvas: &mut Canvas) {
        let mut rows = Taps::default();
        let mut cols: Vec<Taps> = vec![Taps::default(); to.cols as usize];
        for row in to.row..to.end_row() {
            for (col, cols) in (to.col..).zip(&mut cols) {
                let at = canvas.pixels.window.index(col, row);
                if canvas.is_done(at) {
                    continue;
                }
                if let Some((x, y)) = anchors.place(col as f64 + 0.5, row as f64 + 0.5) {
                    cols.set(x, self.warp.reach.0);
                    rows.set(y, self.warp.reach.1);
                    filter(pixels, (cols, &rows), (at, canvas));
                }
            }
        }
    }

    /// Lays pixels one by one, where the scene's system comes round between them.
    fn lay_each(&self, to: &Window, to_scene: &Projector, canvas: &mut Canvas) -> Result<(), RasterError> {
        let (mut cols, mut rows) = (Taps::default(), Taps::default());
        for row in to.row..to.end_row() {
            for col in to.col..to.end_col() {
                let at = canvas.pixels.window.index(col, row);
                let middle = PixelPoint { col: col as f64 + 0.5, row: row as f64 + 0.5 };
                let Some((x, y)) = self.warp.position(middle, to_scene).filter(|_| !canvas.is_done(at)) else {
                    continue;
                };
                let Some(needed) = self.around((x, y), (x, y)) else { continue };
                let pixels = self.averaged(&needed)?;
                cols.set(x, self.warp.reach.0);
                rows.set(y, self.warp.reach.1);
                filter(&pixels, (&cols, &rows), (at, canvas));
            }
        }
        Ok(())
    }

    fn anchors(&self, to: &Window, to_scene: &Projector) -> Anchors {
        let (col, row) = (to.col.div_euclid(ANCHOR_PX), to.row.div_euclid(ANCHOR_PX));
        let (end_col, end_row) = (to.end_col().div_euclid(ANCHOR_PX) + 1, to.end_row().div_euclid(ANCHOR_PX) + 1);
        let places = (row..=end_row).flat_map(|r| (col..=end_col).map(move |c| (c, r)));
        let places: Vec<_> = places.map(|(c, r)| self.warp.anchor(c, r, to_scene)).collect();
        let cols = (end_col - col + 1) as usize;
        let torn =
            |a: &Option<(f64, f64)>, b: &Option<(f64, f64)>| a.zip(*b).is_some_and(|(a, b)| self.warp.is_torn(a, b));
        // Only cells that the window touches count, so that a cell is laid the same way whatever the window is.
        let wide = ((to.end_col() - 1).div_euclid(ANCHOR_PX) + 2 - col) as usize;
        let high = ((to.end_row() - 1).div_euclid(ANCHOR_PX) + 2 - row) as usize;
        let rows = || places.chunks_exact(cols).map(|row| &row[..wide]).take(high);
        let across = rows().any(|row| row.windows(2).any(|pair| torn(&pair[0], &pair[1])));
        let down = rows().zip(rows().skip(1)).any(|(above, below)| above.iter().zip(below).any(|(a, b)| torn(a, b)));
        Anchors { col, row, cols, torn: across || down, places }
    }

    /// The averaged pixels that the filter reaches: bilinear cells have their extremes at their corners.
    fn needed(&self, anchors: &Anchors, to: &Window) -> Option<Window> {
        let steps = |from: i64, to: i64| {
            let inner = (from.div_euclid(ANCHOR_PX) + 1..).map(|at| at * ANCHOR_PX).take_while(move |at| *at < to);
            // Corners are taken from both cells that share them.
            [from].into_iter().chain(inner).chain([to])
        };
        let mut bounds = (f64::MAX, f64::MAX, f64::MIN, f64::MIN);
        for row in steps(to.row, to.end_row()) {
            for col in steps(to.col, to.end_col()) {
                if let Some((x, y)) = anchors.place(col as f64, row as f64) {
                    bounds = (bounds.0.min(x), bounds.1.min(y), bounds.2.max(x), bounds.3.max(y));
                }
            }
        }
        if bounds.0 > bounds.2 {
            return None;
        }
        self.around((bounds.0, bounds.1), (bounds.2, bounds.3))
    }

    /// The averaged pixels that the filter reaches from positions between two.
    fn around(&self, min: (f64, f64), max: (f64, f64)) -> Option<Window> {
        let whole = |at: f64| at.clamp(-1e15, 1e15) as i64;
        let reach = (self.warp.reach.0 + 1.0, self.warp.reach.1 + 1.0);
        let window = Window::between(
            whole((min.0 - reach.0).floor()),
            whole((min.1 - reach.1).floor()),
            whole((max.0 + reach.0).ceil()),
            whole((max.1 + reach.1).ceil()),
        );
        window.intersection(&self.warp.extent(self.scene))
    }

    /// The pixels of the level, `reduce` × `reduce` averaged into one, read in pieces of bounded size.
    fn averaged(&self, window: &Window) -> Result<PixelWindow, RasterError> {
        let (cols, rows) = self.warp.level.size(self.scene);
        let whole = Window::new(0, 0, cols, rows);
        if self.warp.reduce == 1 {
            let Some(inside) = window.intersection(&whole) else {
                return Ok(empty(window, self.source.channels.len()));
            };
            return self.open.read(self.scene, &self.source, &inside);
        }
        let mut canvas = Canvas::new(window, self.source.channels.len());
        canvas.begin();
        let factor = i64::from(self.warp.reduce);
        let axis = super::place::Axis { mirrored: false, offset: 0 };
        let relation = Whole { factor, col: axis, row: axis };
        let side = i64::from((PIECE_PX / self.warp.reduce).max(1));
        for row in (window.row..window.end_row()).step_by(side as usize) {
            for col in (window.col..window.end_col()).step_by(side as usize) {
                let piece =
                    Window::between(col, row, (col + side).min(window.end_col()), (row + side).min(window.end_row()));
                if let Some(inside) = averaged_window(relation, &piece).intersection(&whole) {
                    let pixels = self.open.read(self.scene, &self.source, &inside)?;
                    average(relation, (&pixels, &piece), &mut canvas);
                }
            }
        }
        Ok(canvas.into_pixels())
    }
}

/// The two parts of a window along its longer side, cut between cells of anchors; `None` of one that lies in a cell.
fn halves(window: &Window) -> Option<[Window; 2]> {
    let cut = |from: i64, end: i64| {
        let cut = i64::midpoint(from, end).div_euclid(ANCHOR_PX) * ANCHOR_PX;
        [cut, cut + ANCHOR_PX].into_iter().find(|cut| *cut > from && *cut < end)
    };
    let (w, cols) = (window, cut(window.col, window.end_col()));
    let rows = cut(w.row, w.end_row());
    let by_cols = |at: i64| {
        [Window::between(w.col, w.row, at, w.end_row()), Window::between(at, w.row, w.end_col(), w.end_row())]
    };
    let by_rows = |at: i64| {
        [Window::between(w.col, w.row, w.end_col(), at), Window::between(w.col, at, w.end_col(), w.end_row())]
    };
    if w.cols >= w.rows { cols.map(by_cols).or(rows.map(by_rows)) } else { rows.map(by_rows).or(cols.map(by_cols)) }
}

fn empty(window: &Window, channels: usize) -> PixelWindow {
    Canvas::new(window, channels).into_pixels()
}

impl Anchors {
    /// Bilinear between the four anchors around target position (`col`, `row`).
    fn place(&self, col: f64, row: f64) -> Option<(f64, f64)> {
        let step = ANCHOR_PX as f64;
        let (cell_col, cell_row) = ((col / step).floor(), (row / step).floor());
        let first = (cell_row as i64 - self.row) as usize * self.cols + (cell_col as i64 - self.col) as usize;
        let corner = |at: usize| self.places.get(at).copied().flatten();
        let above = (corner(first)?, corner(first + 1)?);
        let below = (corner(first + self.cols)?, corner(first + self.cols + 1)?);
        let mix = |from: (f64, f64), to: (f64, f64), share: f64| {
            (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share)
        };
        let down = row / step - cell_row;
        Some(mix(mix(above.0, below.0, down), mix(above.1, below.1, down), col / step - cell_col))
    }
}
