//! Rectangles of whole pixels.

use std::fmt;

/// A rectangle of whole pixels of one grid; it may reach outside the grid and have negative corners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// First column.
    pub col: i64,
    /// First row.
    pub row: i64,
    /// Width in pixels.
    pub cols: u32,
    /// Height in pixels.
    pub rows: u32,
}

impl Window {
    /// The window of `cols` × `rows` pixels whose first pixel is (`col`, `row`).
    #[must_use]
    pub const fn new(col: i64, row: i64, cols: u32, rows: u32) -> Self {
        Self { col, row, cols, rows }
    }

    /// The window between two corners; empty where the second does not lie right of and below the first.
    #[must_use]
    pub fn between(col: i64, row: i64, end_col: i64, end_row: i64) -> Self {
        let side = |from: i64, to: i64| u32::try_from((to - from).max(0)).unwrap_or(u32::MAX);
        Self::new(col, row, side(col, end_col), side(row, end_row))
    }

    /// The column after the last.
    #[must_use]
    pub fn end_col(&self) -> i64 {
        self.col + i64::from(self.cols)
    }

    /// The row after the last.
    #[must_use]
    pub fn end_row(&self) -> i64 {
        self.row + i64::from(self.rows)
    }

    /// The number of pixels.
    #[must_use]
    pub fn pixels(&self) -> usize {
        self.cols as usize * self.rows as usize
    }

    /// Whether it holds no pixel.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cols == 0 || self.rows == 0
    }

    /// The same window with a margin of `px` on every side.
    #[must_use]
    pub fn expanded(&self, px: u32) -> Self {
        let margin = i64::from(px);
        Self::new(self.col - margin, self.row - margin, self.cols + 2 * px, self.rows + 2 * px)
    }

    /// The pixels common to both, if there are any.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        let common = Self::between(
            self.col.max(other.col),
            self.row.max(other.row),
            self.end_col().min(other.end_col()),
            self.end_row().min(other.end_row()),
        );
        (!common.is_empty()).then_some(common)
    }

    /// Whether every pixel of `other` is in it.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.col <= other.col
            && self.row <= other.row
            && self.end_col() >= other.end_col()
            && self.end_row() >= other.end_row()
    }

    /// Where the pixel (`col`, `row`) of the grid stands in a row-major buffer of this window.
    ///
    /// The pixel must lie in the window.
    #[must_use]
    pub fn index(&self, col: i64, row: i64) -> usize {
        debug_assert!(col >= self.col && col < self.end_col() && row >= self.row && row < self.end_row());
        (row - self.row) as usize * self.cols as usize + (col - self.col) as usize
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "columns {}..{}, rows {}..{}", self.col, self.end_col(), self.row, self.end_row())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_part_lies_in_both() {
        let a = Window::new(-5, -5, 10, 10);
        let b = Window::new(0, 2, 10, 10);
        let common = a.intersection(&b).expect("they overlap");
        assert_eq!(common, Window::new(0, 2, 5, 3));
        assert!(a.contains(&common) && b.contains(&common));
        assert_eq!(a.intersection(&Window::new(5, 0, 1, 1)), None);
    }

    #[test]
    fn a_buffer_is_row_major() {
        assert_eq!(Window::new(10, 20, 4, 3).index(12, 21), 6);
    }
}
