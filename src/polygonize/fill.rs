//! The pixels of one region again, from its borders.

use super::coverage::{Coverage, LatticePoint};
use crate::georef::Window;

impl Coverage {
    /// The least window that holds a region.
    #[must_use]
    pub fn bounds(&self, region: usize) -> Window {
        let window = self.window();
        let exterior = self.rings(region).next().unwrap_or_default();
        let points = exterior.iter().flat_map(|side| self.arc(side.arc()).points);
        let grow = |[left, top, right, bottom]: [u32; 4], p: &LatticePoint| {
            [left.min(p.col), top.min(p.row), right.max(p.col), bottom.max(p.row)]
        };
        let [left, top, right, bottom] = points.fold([u32::MAX, u32::MAX, 0, 0], grow).map(i64::from);
        Window::between(window.col + left, window.row + top, window.col + right, window.row + bottom)
    }

    /// Whether each pixel of a window belongs to a region, row by row: inside where an odd number of its upright edges
    /// lies to the left. The window holds the region.
    #[must_use]
    pub fn fill(&self, region: usize, window: &Window) -> Vec<bool> {
        let mut inside = vec![false; window.pixels()];
        let width = window.cols as usize;
        let (left, top) = (window.col - self.window().col, window.row - self.window().row);
        for arc in self.rings(region).flatten().map(|side| self.arc(side.arc())) {
            for [a, b] in arc.points.windows(2).filter_map(|w| w.first_chunk()) {
                let col = (i64::from(a.col) - left) as usize;
                let rows = (i64::from(a.row.min(b.row)) - top) as usize..(i64::from(a.row.max(b.row)) - top) as usize;
                // The right border of the window needs no toggle: nothing lies beyond.
                rows.filter(|_| col < width).for_each(|row| inside[row * width + col] ^= true);
            }
        }
        for row in inside.chunks_exact_mut(width.max(1)) {
            let mut odd = false;
            for pixel in row {
                odd ^= *pixel;
                *pixel = odd;
            }
        }
        inside
    }
}
