//! Where the roads are.

use crate::georef::Window;
use crate::polygonize::{Coverage, Region};

/// The pixels of roads, read in windows.
pub trait RoadPixels: Sync {
    /// All pixels that can be asked for.
    fn window(&self) -> Window;
    /// The width and height of a pixel on the ground, in metres.
    fn pixel_m(&self) -> [f64; 2];
    /// Whether each pixel of a window belongs to a road, row by row.
    fn roads(&self, window: &Window) -> Vec<bool>;
    /// Whether each pixel of a window belongs to what no road crosses, such as buildings.
    fn blocked(&self, window: &Window) -> Vec<bool>;
}

/// A mask of roads in memory; nothing blocks them.
#[derive(Debug, Clone, Copy)]
pub struct RoadMask<'a> {
    /// Row-major, `cols` a row.
    pub inside: &'a [bool],
    /// Width in pixels.
    pub cols: usize,
    /// The side of a pixel on the ground.
    pub pixel_m: f64,
}

impl RoadPixels for RoadMask<'_> {
    fn window(&self) -> Window {
        Window::new(0, 0, self.cols as u32, self.inside.len().checked_div(self.cols).unwrap_or(0) as u32)
    }

    fn pixel_m(&self) -> [f64; 2] {
        [self.pixel_m; 2]
    }

    fn roads(&self, window: &Window) -> Vec<bool> {
        let row = |row: i64| &self.inside[row as usize * self.cols + window.col as usize..][..window.cols as usize];
        (window.row..window.end_row()).flat_map(row).copied().collect()
    }

    fn blocked(&self, window: &Window) -> Vec<bool> {
        vec![false; window.pixels()]
    }
}

/// The roads of a coverage: the same whatever blocks it was joined from.
pub struct CoverageRoads {
    /// The regions of roads.
    pub roads: RegionPixels,
    /// What no road crosses.
    pub blocked: RegionPixels,
    /// The width and height of a pixel on the ground, in metres.
    pub pixel_m: [f64; 2],
}

impl RoadPixels for CoverageRoads {
    fn window(&self) -> Window {
        self.roads.window
    }

    fn pixel_m(&self) -> [f64; 2] {
        self.pixel_m
    }

    fn roads(&self, window: &Window) -> Vec<bool> {
        self.roads.fill(window)
    }

    fn blocked(&self, window: &Window) -> Vec<bool> {
        self.blocked.fill(window)
    }
}

/// Rows of one band of edges.
const BAND_ROWS: u32 = 64;

/// The pixels of some regions of a coverage, as the upright edges around them.
pub struct RegionPixels {
    window: Window,
    /// Per band of rows: column, first row, end row; counted from the window's first.
    bands: Vec<Vec<[u32; 3]>>,
}

impl RegionPixels {
    /// Of the regions that are chosen.
    pub fn of(coverage: &Coverage, is_chosen: impl Fn(&Region) -> bool) -> Self {
        let window = coverage.window();
        let mut bands = vec![Vec::new(); window.rows.div_ceil(BAND_ROWS) as usize];
        let chosen = |region: Option<usize>| region.is_some_and(|region| is_chosen(&coverage.regions()[region]));
        for arc in (0..coverage.arc_count()).map(|arc| coverage.arc(arc)) {
            if chosen(arc.left) == chosen(arc.right) {
                continue;
            }
            for [a, b] in arc.points.windows(2).filter_map(|w| w.first_chunk()) {
                let (mut row, end) = (a.row.min(b.row), a.row.max(b.row));
                while row < end {
                    let band = row / BAND_ROWS;
                    let stop = end.min((band + 1) * BAND_ROWS);
                    bands[band as usize].push([a.col, row, stop]);
                    row = stop;
                }
            }
        }
        Self { window, bands }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bands.iter().all(Vec::is_empty)
    }

    /// Whether each pixel of a window is among them: inside where an odd number of edges lies to the left.
    #[must_use]
    pub fn fill(&self, window: &Window) -> Vec<bool> {
        let mut out = vec![false; window.pixels()];
        let width = window.cols as usize;
        let (left, top) = (window.col - self.window.col, window.row - self.window.row);
        let bands = (top / i64::from(BAND_ROWS)) as usize
            ..((top + i64::from(window.rows)) as usize).div_ceil(BAND_ROWS as usize);
        for &[col, first, end] in self.bands[bands].iter().flatten() {
            let col = (i64::from(col) - left).max(0) as usize;
            if col < width {
                let rows = (i64::from(first) - top).max(0)..(i64::from(end) - top).min(i64::from(window.rows));
                rows.for_each(|row| out[row as usize * width + col] ^= true);
            }
        }
        for row in out.chunks_exact_mut(width.max(1)) {
            let mut inside = false;
            for pixel in row {
                inside ^= *pixel;
                *pixel = inside;
            }
        }
        out
    }
}
