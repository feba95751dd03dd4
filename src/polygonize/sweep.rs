//! One block swept row by row: runs become components, and their borders a crack graph.
//!
//! Between two rows only the columns matter at which a run starts above or below. At such a point up to four cracks meet:
//!
//! ```text
//!      upper run i │ upper run i+1          N  where the upper row changes
//!     ─────────────┼──────────────          W  where upper run i and lower run j differ
//!      lower run j │ lower run j+1          two cracks: straight on, or a corner; more: a node
//! ```
//!
//! A crack that goes straight down costs one copy a row. After Teng, Wang & Liu, "Two-arm chain" tracing (2008), with
//! nodes added so that each border is traced once for both of its regions.

use std::mem;

use super::{
    block::{BlockArcs, Border},
    components::{Tally, sum},
    graph::{CrackGraph, EAST, Link, NORTH, SOUTH, WEST},
    runs::{Label, run_starts},
    walk::Trace,
};
use crate::georef::Window;

/// The labels of a block, row-major, and how sure each is, where that is known.
#[derive(Debug, Clone, Copy)]
pub struct LabelView<'a, L> {
    /// Where the block lies in the work grid.
    pub window: Window,
    /// One per pixel of the window; 0 is "none".
    pub labels: &'a [L],
    /// One per pixel of the window, 0 to 255.
    pub confidence: Option<&'a [u8]>,
    /// How unlike all that was seen, one per pixel of the window, in percent.
    pub unknown: Option<&'a [u8]>,
}

/// The arcs and components of one block. It needs no neighbour, and the same block gives the same arcs on any thread.
///
/// Linear in pixels and border length.
///
/// # Panics
/// When the slices do not hold one value per pixel, or the block has 2^30 lattice points or more (32,766² pixels):
/// trace larger rasters in blocks.
#[must_use]
pub fn trace<L: Label>(view: &LabelView<'_, L>) -> BlockArcs {
    let Window { cols, rows, .. } = view.window;
    assert_eq!(view.labels.len(), view.window.pixels(), "labels of {} do not fill it", view.window);
    for band in [view.confidence, view.unknown].into_iter().flatten() {
        assert_eq!(band.len(), view.labels.len(), "confidence of {} does not fill it", view.window);
    }
    assert!((u64::from(cols) + 1) * (u64::from(rows) + 1) < 1 << 30, "{} is too large for one block", view.window);
    let mut sweep = Sweep::default();
    if !view.window.is_empty() {
        for row in 0..rows {
            sweep.row(view, row);
        }
        sweep.finish(cols, rows);
    }
    sweep.trace.into_arcs(view.window)
}

/// One row of runs: `starts` has the row's width behind the last run.
struct Line<L> {
    starts: Vec<u32>,
    labels: Vec<L>,
    components: Vec<u32>,
    /// The upper end of the crack that comes down left of each run (the first has none).
    cracks: Vec<Link>,
}

impl<L> Default for Line<L> {
    fn default() -> Self {
        Self { starts: Vec::new(), labels: Vec::new(), components: Vec::new(), cracks: Vec::new() }
    }
}

struct Sweep<L> {
    upper: Line<L>,
    lower: Line<L>,
    trace: Trace,
}

impl<L> Default for Sweep<L> {
    fn default() -> Self {
        Self { upper: Line::default(), lower: Line::default(), trace: Trace::default() }
    }
}

impl<L: Label> Sweep<L> {
    fn row(&mut self, view: &LabelView<'_, L>, row: u32) {
        let width = view.window.cols as usize;
        let pixels = row as usize * width..(row as usize + 1) * width;
        mem::swap(&mut self.upper, &mut self.lower);
        let labels = &view.labels[pixels.clone()];
        run_starts(labels, &mut self.lower.starts);
        let starts = &self.lower.starts[..self.lower.starts.len() - 1];
        self.lower.labels.clear();
        self.lower.labels.extend(starts.iter().map(|&start| labels[start as usize]));
        self.name_components(row, [view.confidence, view.unknown].map(|band| band.is_some()));
        self.count([view.confidence, view.unknown].map(|band| band.map(|all| &all[pixels.clone()])));
        self.lower.cracks.clear();
        self.lower.cracks.resize(self.lower.labels.len(), Link::NONE);
        if row == 0 {
            self.open_top();
        } else {
            self.cracks_between(row);
        }
    }

    /// Gives each lower run the component of the runs of its label above it, which become one, or a new one.
    /// `told`: whether confidence and what is unknown are.
    fn name_components(&mut self, row: u32, told: [bool; 2]) {
        let (upper, lower) = (&self.upper, &mut self.lower);
        lower.components.clear();
        let mut i = 0;
        for j in 0..lower.labels.len() {
            let (label, end) = (lower.labels[j], lower.starts[j + 1]);
            let mut component = None;
            while i < upper.labels.len() && upper.starts[i] < end {
                if upper.labels[i] == label {
                    let above = upper.components[i];
                    match component {
                        Some(known) => self.trace.sets.unite(known, above),
                        None => component = Some(above),
                    }
                }
                // A run that goes on beyond this one lies above the next one too.
                if upper.starts[i + 1] > end {
                    break;
                }
                i += 1;
            }
            lower.components.push(component.unwrap_or_else(|| {
                self.trace.tally.push(label.into(), [row, lower.starts[j]], told);
                self.trace.sets.push()
            }));
        }
    }

    fn count(&mut self, [confidence, unknown]: [Option<&[u8]>; 2]) {
        let Tally { pixels, .. } = &mut self.trace.tally;
        for (span, &component) in self.lower.starts.windows(2).zip(&self.lower.components) {
            pixels[component as usize] += u64::from(span[1] - span[0]);
        }
        let runs = || self.lower.starts.windows(2).map(|span| span[0] as usize..span[1] as usize);
        if let Some(confidence) = confidence {
            for (run, &component) in runs().zip(&self.lower.components) {
                self.trace.tally.add_confidence(component, &confidence[run]);
            }
        }
        if let Some(unknown) = unknown {
            for (run, &component) in runs().zip(&self.lower.components) {
                self.trace.tally.unknown_sum[component as usize] += sum(&unknown[run]);
            }
        }
    }

    /// The first row: every change is a port, and the borders begin.
    fn open_top(&mut self) {
        let lower = &mut self.lower;
        let first = lower.components[0];
        let last = lower.components[lower.components.len() - 1];
        for border in [Border::Left, Border::Top] {
            self.trace.start_border(border, first);
        }
        self.trace.start_border(Border::Right, last);
        for j in 1..lower.labels.len() {
            let sides = [lower.components[j], lower.components[j - 1]];
            lower.cracks[j] = self.trace.push_port(Border::Top, [lower.starts[j], 0], sides);
        }
    }

    /// The lattice row between the upper and the lower row of pixels.
    fn cracks_between(&mut self, row: u32) {
        let (upper, lower, trace) = (&self.upper, &mut self.lower, &mut self.trace);
        let (mut i, mut j) = (0, 0);
        let mut west = Link::NONE;
        if upper.labels[0] != lower.labels[0] {
            west = trace.push_port(Border::Left, [0, row], [upper.components[0], lower.components[0]]);
        }
        let width = upper.starts[upper.starts.len() - 1];
        loop {
            let (next_upper, next_lower) = (upper.starts[i + 1], lower.starts[j + 1]);
            let col = next_upper.min(next_lower);
            if col == width {
                break;
            }
            let (north, south) = (next_upper == col, next_lower == col);
            let (above, below) = (i, j);
            i += usize::from(north);
            j += usize::from(south);
            let east = upper.labels[i] != lower.labels[j];
            if north && south && !east && west == Link::NONE {
                lower.cracks[j] = upper.cracks[i];
                continue;
            }
            let quadrants =
                [upper.components[above], upper.components[i], lower.components[j], lower.components[below]];
            let from_north = if north { upper.cracks[i] } else { Link::NONE };
            let here = meet(&mut trace.graph, [col, row], Arms { north: from_north, west, south, east }, quadrants);
            west = if east { here } else { Link::NONE };
            if south {
                lower.cracks[j] = here;
            }
        }
        if west != Link::NONE {
            let port = trace.push_port(Border::Right, [width, row], [lower.components[j], upper.components[i]]);
            trace.graph.connect(west, EAST, port);
        }
    }

    /// The last row: every change is a port, and cracks that come down to it end there.
    fn finish(&mut self, cols: u32, rows: u32) {
        debug_assert_eq!(self.lower.starts.last(), Some(&cols));
        self.trace.start_border(Border::Bottom, self.lower.components[0]);
        for j in 1..self.lower.labels.len() {
            let sides = [self.lower.components[j - 1], self.lower.components[j]];
            let port = self.trace.push_port(Border::Bottom, [self.lower.starts[j], rows], sides);
            self.trace.graph.connect(self.lower.cracks[j], SOUTH, port);
        }
    }
}

/// The cracks at a lattice point: where the known ones lead, and whether the others are there.
#[derive(Clone, Copy)]
struct Arms {
    north: Link,
    west: Link,
    south: bool,
    east: bool,
}

/// Makes the corner or node at a lattice point and joins it to what lies north and west of it.
fn meet(graph: &mut CrackGraph, at: [u32; 2], arms: Arms, quadrants: [u32; 4]) -> Link {
    let known = usize::from(arms.north != Link::NONE) + usize::from(arms.west != Link::NONE);
    let here = match (known, usize::from(arms.south) + usize::from(arms.east)) {
        (0, _) => graph.push_top(at, quadrants[0], quadrants[2]),
        (1, 1) | (2, 0) => graph.push_corner(at),
        _ => graph.push_node(at, quadrants),
    };
    if arms.north != Link::NONE {
        graph.connect(here, NORTH, arms.north);
    }
    if arms.west != Link::NONE {
        graph.connect(here, WEST, arms.west);
    }
    here
}
