//! Pieces of border between nodes, and the cycles around faces.

use super::point::{Point, by_angle};
use super::split::Segment;

/// No region: label 0, or outside.
pub(super) const NONE: u32 = u32::MAX;

/// What a line separates, seen along it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Line {
    /// The regions of the old coverage on its left and on its right, where it was a border.
    pub old: Option<[u32; 2]>,
    /// The region of the building on its left, where it is a finished outline.
    pub building: Option<u32>,
}

/// What is known of the face on one side of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Side {
    /// The old region there, if the piece was its border.
    pub old: Option<u32>,
    /// The building there, if the piece is its wall.
    pub building: Option<u32>,
}

/// A way between two nodes.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// The places of its points.
    pub points: std::ops::Range<usize>,
    /// What lies on its left and on its right.
    pub sides: [Side; 2],
}

/// Pieces and their nodes. A half is a piece with a direction: twice its number, plus 1 where it runs from its end to its
/// start; a face lies left of its halves.
#[derive(Debug)]
pub(super) struct Graph {
    points: Vec<Point>,
    pub pieces: Vec<Piece>,
    /// Per half: the half that leaves the same node and comes next clockwise.
    clockwise: Vec<u32>,
    /// Per half: the number of the node that it leaves.
    from: Vec<u32>,
    pub nodes: usize,
    /// Pieces that come from segments, before those that come from far lines.
    near: usize,
}

impl Graph {
    /// Of segments that meet in their ends only, and of far lines, which meet them in nodes only. Segments that `keep` refuses
    /// are left out.
    pub fn new(
        (segments, lines): (&[Segment], &[Line]),
        far: impl Iterator<Item = (Vec<Point>, Line)>,
        keep: impl Fn(Point, Point) -> bool,
    ) -> Self {
        let (mut points, mut pieces) = (Vec::new(), Vec::new());
        for (ends, sides) in merged(segments, lines) {
            let is_wall = sides.iter().any(|side| side.building.is_some());
            if is_wall || keep(ends.0, ends.1) {
                points.extend([ends.0, ends.1]);
                pieces.push(Piece { points: points.len() - 2..points.len(), sides });
            }
        }
        let near = pieces.len();
        for (line, what) in far {
            let old = |side: usize| Side { old: what.old.map(|old| old[side]), building: None };
            let start = points.len();
            points.extend(line);
            pieces.push(Piece { points: start..points.len(), sides: [old(0), old(1)] });
        }
        let mut graph = Self { points, pieces, clockwise: Vec::new(), from: Vec::new(), nodes: 0, near };
        graph.link();
        graph
    }

    fn link(&mut self) {
        let halves = 2 * self.pieces.len() as u32;
        let mut leaving: Vec<(Point, Point, u32)> = (0..halves)
            .map(|half| {
                let mut points = self.points(half);
                let at = points.next().unwrap_or(Point { x: 0, y: 0 });
                (at, points.next().unwrap_or(at).minus(at), half)
            })
            .collect();
        leaving.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| by_angle(a.1, b.1)).then(a.2.cmp(&b.2)));
        self.clockwise = vec![0; halves as usize];
        self.from = vec![0; halves as usize];
        for (node, around) in leaving.chunk_by(|a, b| a.0 == b.0).enumerate() {
            self.nodes = node + 1;
            let before = around.iter().cycle().skip(around.len() - 1);
            for ((_, _, half), (_, _, clockwise)) in around.iter().zip(before) {
                self.clockwise[*half as usize] = *clockwise;
                self.from[*half as usize] = node as u32;
            }
        }
    }

    /// The number of halves.
    pub fn halves(&self) -> u32 {
        self.clockwise.len() as u32
    }

    /// The points of a half, from its start to its end.
    pub fn points(&self, half: u32) -> impl DoubleEndedIterator<Item = Point> + ExactSizeIterator + '_ {
        let range = self.pieces[half as usize / 2].points.clone();
        let (start, last, back) = (range.start, range.end - 1, half % 2 == 1);
        (0..range.len()).map(move |i| self.points[if back { last - i } else { start + i }])
    }

    /// Whether a half comes from segments, not from a far line.
    pub fn is_near(&self, half: u32) -> bool {
        (half as usize / 2) < self.near
    }

    /// What lies left of a half.
    pub fn side(&self, half: u32) -> Side {
        self.pieces[half as usize / 2].sides[half as usize % 2]
    }

    /// The number of the node that a half leaves.
    pub fn node(&self, half: u32) -> usize {
        self.from[half as usize] as usize
    }

    /// The half that comes next around the face left of a half, passing those that `inner` says are inside it.
    pub fn next(&self, half: u32, inner: impl Fn(u32) -> bool) -> u32 {
        let back = half ^ 1;
        let mut next = self.clockwise[back as usize];
        while next != back && inner(next) {
            next = self.clockwise[next as usize];
        }
        next
    }

    /// The length of a piece.
    pub fn length(&self, half: u32) -> f64 {
        let points = self.points(half);
        points.in_pairs().map(|(a, b)| b.minus(a).length()).sum()
    }

    /// What a half adds to twice the area of the face on its left; a sum around a face is exact, though it may wrap between.
    pub fn twice_area(&self, half: u32) -> i64 {
        self.points(half)
            .in_pairs()
            .fold(0, |sum, (a, b)| sum.wrapping_add(a.x.wrapping_mul(b.y).wrapping_sub(a.y.wrapping_mul(b.x))))
    }
}

/// Neighbours of an iterator.
trait Pairs: Iterator<Item = Point> + Sized {
    fn in_pairs(mut self) -> impl Iterator<Item = (Point, Point)> {
        let mut last = self.next();
        self.filter_map(move |point| last.replace(point).map(|before| (before, point)))
    }
}

impl<I: Iterator<Item = Point>> Pairs for I {}

/// Every segment once, from its lesser end to its greater one, with what lies on its left and right. Where several lie on each
/// other, what one has on its left and another on its right has vanished between them; where nothing is left, they have.
fn merged(segments: &[Segment], lines: &[Line]) -> Vec<((Point, Point), [Side; 2])> {
    let mut directed: Vec<((Point, Point), bool, Line)> = segments
        .iter()
        .map(|segment| {
            let ((a, b), line) = (segment.ends, lines[segment.line as usize]);
            if a < b { ((a, b), false, line) } else { ((b, a), true, line) }
        })
        .collect();
    directed.sort_unstable_by_key(|(ends, back, line)| (*ends, *back, line.old, line.building));
    let mut out = Vec::with_capacity(directed.len());
    for same in directed.chunk_by(|a, b| a.0 == b.0) {
        let (mut old, mut walls) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
        for (_, back, line) in same {
            let left = usize::from(*back);
            if let Some(sides) = line.old {
                old[left].push(sides[0]);
                old[1 - left].push(sides[1]);
            }
            walls[left].extend(line.building);
        }
        let is_cut = same.iter().all(|(_, _, line)| line.old.is_none() && line.building.is_none());
        [&mut old, &mut walls].into_iter().for_each(cancel);
        let side = |i: usize| Side { old: old[i].first().copied(), building: walls[i].first().copied() };
        let sides = [side(0), side(1)];
        if is_cut || sides != [Side::default(); 2] {
            out.push((same[0].0, sides));
        }
    }
    out
}

/// Takes from both what is in both, one for one.
fn cancel([left, right]: &mut [Vec<u32>; 2]) {
    left.retain(|value| match right.iter().position(|other| other == value) {
        Some(at) => {
            right.remove(at);
            false
        }
        None => true,
    });
}
