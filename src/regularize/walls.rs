//! A ring as walls: straight runs along few directions, whose lines meet in the corners.

use geo::Coord;

use super::direction::{Turn, sine};
use super::ring::{Ring, cross, dot, edges, left, length};
use super::trace::Trace;

/// Two walls that meet at less than this sine (15°) have no sure corner.
const LEAST_SINE: f64 = 0.26;

/// Along which directions walls may run: unit vectors, the first two at right angles.
pub(super) type Axes = Vec<Coord<f64>>;

/// A straight run of border, counter-clockwise around the building.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wall {
    /// The vertex of the trace where it starts.
    from: usize,
    /// The vertex of the trace where it ends.
    to: usize,
    /// Its direction, as an index of the axes.
    axis: usize,
    /// How far left of the origin its line passes, in metres.
    offset_m: f64,
}

/// How walls are found.
#[derive(Debug, Clone, Copy)]
pub(super) struct WallOptions {
    /// The number of the tolerance.
    pub level: usize,
    /// Border within this distance of a straight line is one wall, and shorter walls go into their neighbours.
    pub tolerance_m: f64,
    /// How much of a wall's ends may be left out of its fit.
    pub trim_m: f64,
    /// Edges from this length on may run along another direction than the first two; infinite for none.
    pub diagonal_m: f64,
}

/// The walls of one ring and the axes they run along.
pub(super) struct Walls<'a> {
    trace: &'a Trace,
    axes: Axes,
    options: WallOptions,
    list: Vec<Wall>,
}

impl<'a> Walls<'a> {
    /// The walls of a ring whose main direction is `along`; `None` where fewer than three are left.
    pub fn find(trace: &'a Trace, along: Coord<f64>, options: WallOptions) -> Option<Self> {
        let mut found = Self { trace, axes: main_axes(along), options, list: Vec::new() };
        found.list = found.runs();
        found.close_ring();
        for step in [0.5, 1.0] {
            found.merge_shorter_than(step * options.tolerance_m)?;
        }
        (found.list.len() >= 3).then_some(found)
    }

    /// The corners, in order; `None` where two consecutive walls are nearly parallel or make a spike.
    pub fn corners(&self) -> Option<Ring> {
        let mut corners = Ring::with_capacity(self.list.len());
        let mut before = self.list.last()?;
        for wall in &self.list {
            corners.push(self.corner(before, wall)?);
            before = wall;
        }
        (self.diagonals() == 0 || !has_spike(&corners)).then_some(corners)
    }

    /// The walls that run along neither of the two main directions.
    pub fn diagonals(&self) -> usize {
        self.list.iter().filter(|wall| wall.axis > 1).count()
    }

    /// Adds the walls of the main directions to a least-squares turn of these.
    pub fn gather(&self, turn: &mut Turn) {
        for wall in self.list.iter().filter(|wall| wall.axis < 2) {
            let (from, to) = self.trace.trimmed(wall.from, wall.to, self.options.trim_m);
            turn.add(self.trace.between(from, to), self.axes[wall.axis], 0.4 * self.options.tolerance_m);
        }
    }

    /// The vertices kept by the tolerance, joined to runs of one direction.
    fn runs(&mut self) -> Vec<Wall> {
        let trace = self.trace;
        let mut runs: Vec<Wall> = Vec::with_capacity(trace.level(self.options.level).len() + 1);
        for (from, to) in trace.edges_at(self.options.level) {
            let axis = self.axis(trace.chord((from, to)));
            match runs.last_mut() {
                Some(last) if last.axis == axis => last.to = to,
                _ => runs.push(Wall { from, to, axis, offset_m: 0.0 }),
            }
        }
        for run in &mut runs {
            *run = self.fitted(*run);
        }
        runs
    }

    /// The direction of an edge; a long one that fits none founds its own.
    fn axis(&mut self, edge: Coord<f64>) -> usize {
        let across = |axis: &Coord<f64>| cross(edge, *axis).abs();
        let main = usize::from(across(&self.axes[1]) < across(&self.axes[0]));
        if self.options.diagonal_m.is_infinite() {
            return main;
        }
        let length = length(edge);
        if length < self.options.diagonal_m || across(&self.axes[main]) < LEAST_SINE * length {
            return main;
        }
        let near = |&i: &usize| across(&self.axes[i]) < 0.18 * length; // 10°
        (2..self.axes.len()).rev().find(near).unwrap_or_else(|| {
            self.axes.push(edge / length);
            self.axes.len() - 1
        })
    }

    fn fitted(&self, wall: Wall) -> Wall {
        let (from, to) = self.trace.trimmed(wall.from, wall.to, self.options.trim_m);
        Wall { offset_m: self.trace.offset_m(from, to, self.axes[wall.axis]), ..wall }
    }

    fn corner(&self, a: &Wall, b: &Wall) -> Option<Coord<f64>> {
        let (u, v) = (self.axes[a.axis], self.axes[b.axis]);
        let turn = cross(u, v);
        // Both lines: left(u)·p = offset. Cramer's rule.
        (turn.abs() > LEAST_SINE).then(|| (v * a.offset_m - u * b.offset_m) / turn)
    }

    /// Joins the last run to the first where both run the same way, and lets the longest be the first.
    fn close_ring(&mut self) {
        if let [first, .., last] = self.list[..]
            && first.axis == last.axis
        {
            self.list[0] = self.fitted(Wall { from: last.from, ..first });
            self.list.pop();
        }
        let run_m = |w: &Wall| length(self.trace.chord((w.from, w.to)));
        let longest = (0..self.list.len()).max_by(|&a, &b| run_m(&self.list[a]).total_cmp(&run_m(&self.list[b])));
        self.list.rotate_left(longest.unwrap_or(0));
    }

    /// Walls between their two corners that are too short go: parallel neighbours become one wall, others meet directly.
    /// `None` where nothing is left.
    fn merge_shorter_than(&mut self, least_m: f64) -> Option<()> {
        let walls = std::mem::take(&mut self.list);
        let first = *walls.first()?;
        let mut kept: Vec<Wall> = Vec::with_capacity(walls.len() + 1);
        for wall in walls.into_iter().chain([first]) {
            kept.push(wall);
            while let [.., a, short, b] = kept[..]
                && self.is_shorter([a, short, b], least_m)
            {
                kept.truncate(kept.len() - 2);
                if a.axis == b.axis {
                    kept.pop();
                    kept.push(self.fitted(Wall { from: a.from, ..b }));
                } else {
                    kept.pop();
                    kept.extend([a, b]);
                }
            }
        }
        // The first wall stands at both ends: what was joined to either is one wall.
        let end = kept.pop()?;
        let start = kept.first_mut()?;
        *start = self.fitted(Wall { to: start.to, ..end });
        self.list = kept;
        Some(())
    }

    fn is_shorter(&self, [a, wall, b]: [Wall; 3], least_m: f64) -> bool {
        if a.axis == b.axis && a.axis + wall.axis == 1 {
            return (a.offset_m - b.offset_m).abs() < least_m; // at right angles between parallels
        }
        let ends = (self.corner(&a, &wall), self.corner(&wall, &b));
        match ends {
            (Some(p), Some(q)) => {
                let meet = a.axis == b.axis || sine(self.axes[a.axis], self.axes[b.axis]) > LEAST_SINE;
                meet && length(q - p) < least_m
            }
            _ => a.axis != b.axis && wall.axis > 1, // a diagonal that nearly continues its neighbour
        }
    }
}

/// Whether the border turns by more than 130° in a corner.
fn has_spike(ring: &[Coord<f64>]) -> bool {
    let walls: Vec<Coord<f64>> = edges(ring).map(|(a, b)| b - a).collect();
    let spike = |(d, e): (Coord<f64>, Coord<f64>)| dot(d, e) < -0.64 * length(d) * length(e);
    edges(&walls).any(spike)
}

/// The main direction and its normal, then the diagonals between them.
fn main_axes(along: Coord<f64>) -> Axes {
    let across = left(along);
    let half = std::f64::consts::FRAC_1_SQRT_2;
    vec![along, across, (along + across) * half, (across - along) * half]
}

/// Whether a ring at this tolerance has long edges along neither main direction.
pub(super) fn has_diagonals(trace: &Trace, along: Coord<f64>, options: WallOptions) -> bool {
    let oblique = |edge: (usize, usize)| {
        let (edge, length) = (trace.chord(edge), length(trace.chord(edge)));
        length >= options.diagonal_m && dot(edge, along).abs().min(cross(edge, along).abs()) > LEAST_SINE * length
    };
    trace.edges_at(options.level).any(oblique)
}
