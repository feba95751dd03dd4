//! The mask of a map thinned to lines, window by window.

use super::bits::BitGrid;
use super::cells::{Cells, Layout};
use super::skeleton::{Skeleton, thinned};
use super::{CentrelineOptions, RoadPixels};
use crate::cores::{cores, each};

/// The side of a window: half a kilometre of half-metre cells, some 50 MB while it is thinned.
pub(super) const WINDOW_CELLS: usize = 1024;

/// What is read around a window: wider than most roads, so that both sides of a seam find the same line.
const HALO_M: f64 = 64.0;

/// The lines of a map, and what they are judged by.
pub(super) struct Thinned {
    pub skeleton: Skeleton,
    pub roads: BitGrid,
    pub blocked: BitGrid,
}

/// What one window adds.
#[derive(Default)]
struct Found {
    lines: Vec<([usize; 2], f64)>,
    roads: Vec<[usize; 2]>,
    blocked: Vec<[usize; 2]>,
}

/// Thins the roads of all windows, on every core.
pub(super) fn thin(pixels: &impl RoadPixels, layout: &Layout, options: &CentrelineOptions, side: usize) -> Thinned {
    let corners = |length: usize| (0..length).step_by(side);
    let places: Vec<[usize; 2]> =
        corners(layout.rows).flat_map(|row| corners(layout.cols).map(move |col| [row, col])).collect();
    let (mut roads, mut blocked) = (BitGrid::new(layout.cols, layout.rows), BitGrid::new(layout.cols, layout.rows));
    let mut lines = Vec::new();
    let thin_one = |place: &[usize; 2]| thin_window(pixels, layout, options, (*place, side));
    for some in places.chunks(cores().get()) {
        for found in each(some, cores(), thin_one) {
            found.roads.into_iter().for_each(|at| roads.set(at));
            found.blocked.into_iter().for_each(|at| blocked.set(at));
            lines.extend(found.lines);
        }
    }
    let near = |at: usize| at % side < 2 || at % side > side - 3;
    let skeleton = Skeleton::new(layout.cols, lines, |[row, col]| near(row) || near(col));
    Thinned { skeleton, roads, blocked }
}

fn thin_window(
    pixels: &impl RoadPixels,
    layout: &Layout,
    options: &CentrelineOptions,
    ([row, col], side): ([usize; 2], usize),
) -> Found {
    let halo = (HALO_M / layout.cell_m).ceil() as usize;
    let wide = |at: usize, length: usize| at.saturating_sub(halo)..(at + side + halo).min(length);
    let (rows, cols) = (wide(row, layout.rows), wide(col, layout.cols));
    let mut cells = Cells::of(layout, rows.clone(), cols.clone(), |window| pixels.roads(window));
    if !cells.inside.contains(&true) {
        return Found::default();
    }
    cells.fill_holes((options.min_hole_m2 / (layout.cell_m * layout.cell_m)) as usize);
    let distance = cells.distances();
    let skeleton = thinned(&cells, &distance);
    let core = |at: &[usize; 2]| (row..row + side).contains(&at[0]) && (col..col + side).contains(&at[1]);
    let chosen = |inside: &[bool]| -> Vec<(usize, [usize; 2])> {
        let all = (0..inside.len()).filter(|&cell| inside[cell]);
        all.map(|cell| (cell, cells.place(cell))).filter(|(_, at)| core(at)).collect()
    };
    // A quarter of a cell less than to the middle of the first empty cell: the truth for odd widths is half a cell
    // less, for even ones nothing.
    let lines = chosen(&skeleton).into_iter().map(|(cell, at)| (at, distance[cell] - 0.25)).collect();
    let roads = chosen(&cells.inside).into_iter().map(|(_, at)| at).collect();
    let obstacles = Cells::of(layout, rows, cols, |window| pixels.blocked(window));
    let blocked = chosen(&obstacles.inside).into_iter().map(|(_, at)| at).collect();
    Found { lines, roads, blocked }
}
