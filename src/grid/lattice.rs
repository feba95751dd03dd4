//! The fixed places of the chips.

use crate::georef::Window;

/// A chip by its place on the lattice; chips left of and above the grid have negative places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChipId {
    /// From the top.
    pub row: i64,
    /// From the left.
    pub col: i64,
}

/// Where chips lie: anchored to the work grid, the same for every block, order and worker.
///
/// Chip (i, j) covers columns `j·stride − margin ..` of `chip` pixels, with `margin = (chip − stride) / 2`, so that the
/// middle of a chip, `stride` wide, belongs to it alone and the first chip has its margin outside the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChipLattice {
    /// The side of a chip in pixels.
    pub chip_px: u32,
    /// From chip to chip in pixels; at most `chip_px`.
    pub stride_px: u32,
}

impl ChipLattice {
    /// The pixels of a chip.
    #[must_use]
    pub fn window(&self, id: ChipId) -> Window {
        let stride = i64::from(self.stride_px);
        let margin = self.margin();
        Window::new(id.col * stride - margin, id.row * stride - margin, self.chip_px, self.chip_px)
    }

    /// The middle of a chip, `stride` wide: the middles of all chips are the plane, each pixel once.
    #[must_use]
    pub fn middle(&self, id: ChipId) -> Window {
        let stride = i64::from(self.stride_px);
        Window::new(id.col * stride, id.row * stride, self.stride_px, self.stride_px)
    }

    /// The chips that share pixels with a window, row by row.
    pub fn touching(&self, window: &Window) -> impl Iterator<Item = ChipId> + use<> {
        let cols = self.span(window.col, window.end_col());
        self.span(window.row, window.end_row()).flat_map(move |row| cols.clone().map(move |col| ChipId { row, col }))
    }

    /// The rows of a window from the first of one row of chips to the first of the next. The strips of the rows of
    /// chips that touch the window are the window, each pixel once; `None` where nothing is left for a row.
    #[must_use]
    pub fn strip(&self, row: i64, window: &Window) -> Option<Window> {
        let first = self.window(ChipId { row, col: 0 }).row;
        Window::new(window.col, first, window.cols, self.stride_px).intersection(window)
    }

    fn margin(&self) -> i64 {
        i64::from((self.chip_px - self.stride_px) / 2)
    }

    /// The lattice places whose chips share pixels with `from..to`.
    fn span(&self, from: i64, to: i64) -> std::ops::Range<i64> {
        let (stride, chip) = (i64::from(self.stride_px), i64::from(self.chip_px));
        let first = (from + self.margin() - chip).div_euclid(stride) + 1;
        let last = (to - 1 + self.margin()).div_euclid(stride);
        first..last + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_chips_of_a_window_are_those_that_share_pixels(
            chip_px in 2u32..64, overlap in 0u32..63, col in -100i64..100, cols in 1u32..90,
        ) {
            let stride_px = chip_px - overlap.min(chip_px - 1);
            let lattice = ChipLattice { chip_px, stride_px };
            let window = Window::new(col, 0, cols, 1);
            let found: Vec<_> = lattice.touching(&window).collect();
            for c in -120..120 {
                for r in -70..=70 {
                    let id = ChipId { row: r, col: c };
                    let shares = lattice.window(id).intersection(&window).is_some();
                    prop_assert_eq!(shares, found.contains(&id), "{:?}", id);
                }
            }
        }
    }
}
