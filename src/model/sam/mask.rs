//! Pixels of one object in a chip, as runs.

/// Pixels of a row, side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MaskRun {
    /// The row in the chip.
    pub row: u16,
    /// The first column.
    pub start: u16,
    /// The column after the last.
    pub end: u16,
}

impl MaskRun {
    /// Its pixels.
    #[must_use]
    pub fn len(self) -> u32 {
        u32::from(self.end - self.start)
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.end <= self.start
    }
}

/// One object that the decoder found in a chip.
#[derive(Debug, Clone, PartialEq)]
pub struct Mask {
    /// Row by row, from the left.
    pub runs: Vec<MaskRun>,
    /// How well the network thinks that it covers an object: the intersection over the union that it expects.
    pub predicted_iou: f32,
    /// How little it changes with the threshold: the pixels above a higher one by those above a lower one.
    pub stability: f32,
}

/// Columns and rows of the outermost pixels, both ends within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaskBox {
    /// The first column.
    pub left: u16,
    /// The first row.
    pub top: u16,
    /// The last column.
    pub right: u16,
    /// The last row.
    pub bottom: u16,
}

impl Mask {
    /// Its pixels.
    #[must_use]
    pub fn area_px(&self) -> u32 {
        self.runs.iter().map(|run| run.len()).sum()
    }

    /// Its bounding box; `None` where it is empty.
    #[must_use]
    pub fn bounds(&self) -> Option<MaskBox> {
        let (first, last) = (self.runs.first()?, self.runs.last()?);
        let left = self.runs.iter().map(|run| run.start).min()?;
        let right = self.runs.iter().map(|run| run.end - 1).max()?;
        Some(MaskBox { left, top: first.row, right, bottom: last.row })
    }
}

/// The runs of pixels that are inside, row by row; `cols` is the width of a row.
pub(super) fn runs_of(inside: &[bool], cols: usize) -> Vec<MaskRun> {
    let mut runs = Vec::new();
    inside.chunks_exact(cols).zip(0..).for_each(|(line, row)| append_runs(row, line, &mut runs));
    runs
}

/// Adds the runs of a row of yes and no.
pub(super) fn append_runs(row: u16, inside: &[bool], runs: &mut Vec<MaskRun>) {
    let mut start = 0;
    while let Some(from) = inside[start..].iter().position(|yes| *yes).map(|at| start + at) {
        let to = inside[from..].iter().position(|yes| !yes).map_or(inside.len(), |at| from + at);
        runs.push(MaskRun { row, start: from as u16, end: to as u16 });
        start = to;
    }
}
