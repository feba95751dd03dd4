//! Crossings and collapsed faces, found and repaired.
//!
//! A chord stands for the piece of border between two vertices that are kept. The borders keep their topology if no
//! vertex that is kept elsewhere lies between a piece and its chord, or on the chord, and no two arcs between the same
//! nodes become the same segment:
//!
//! ```text
//!        ┌──┐            v is kept by another border and lies between the piece a…b and its chord:
//!     ───a  │ v          the chord would leave v on the wrong side. The vertex of the piece farthest
//!         ╲ └─┐          from the chord is kept, and both halves are looked at again.
//!          ╲  b──
//! ```
//!
//! (Were two chords to cross, then an end of one would lie between the other and its piece: the two pieces do not cross,
//! so the closed line of one piece and its chord is passed an odd number of times on the way along the other chord.)
//! All offenders of a round are found on the same state and repaired together: the order does not matter.

use geo::Coord;

use super::{
    importance::farthest_of,
    index::{PointIndex, cell_row_borders},
    lines::Lines,
};

/// Two kept points of a line with none kept between them, by index.
type Chord = (usize, usize);

/// Raises the importance of vertices to `tolerance` until the points that are needed at `tolerance` bound valid regions.
///
/// Only vertices that are needed at `finer` are raised. Where the points needed there bound valid regions, they go on doing so:
/// a piece that is left out there offends nobody here either, so one of them can always be found.
pub(super) fn repair(lines: &mut Lines, tolerance: f64, finer: f64) {
    let (least, finer) = (tolerance as f32, finer as f32);
    let mut chords = chords(lines, least);
    let kept = lines.points.iter().zip(&lines.importance).filter(|(_, importance)| **importance >= least);
    // What was kept at first, and what each round added.
    let mut indices = vec![PointIndex::new(kept.map(|(point, _)| *point))];
    let mut offenders = offending(&lines.points, &chords, &indices);
    offenders.extend(doubled(lines, least));
    while !offenders.is_empty() {
        offenders.sort_unstable();
        offenders.dedup();
        let (mut halves, mut fresh) = (Vec::new(), Vec::new());
        for &(from, to) in &offenders {
            let needed = |at: usize| lines.importance[at] >= finer;
            let Some((split, _)) = farthest_of(&lines.points, (from, to), needed) else { continue };
            lines.importance[split] = lines.importance[split].max(least);
            fresh.push(lines.points[split]);
            halves.extend([(from, split), (split, to)].into_iter().filter(|(from, to)| to - from > 1));
        }
        chords.retain(|chord| offenders.binary_search(chord).is_err());
        indices.push(PointIndex::new(fresh.iter().copied()));
        // The old chords need only be held against the fresh points, the halves against all.
        offenders = offending(&lines.points, &chords, &indices[indices.len() - 1..]);
        offenders.extend(offending(&lines.points, &halves, &indices));
        chords.extend(halves);
    }
}

/// The chords beside which a point of one of the indices lies wrong.
fn offending(points: &[Coord<f64>], chords: &[Chord], indices: &[PointIndex]) -> Vec<Chord> {
    let offends = |chord: &&Chord| indices.iter().any(|index| offends(points, **chord, index));
    chords.iter().filter(offends).copied().collect()
}

/// The chords that leave out at least one vertex.
fn chords(lines: &Lines, least: f32) -> Vec<Chord> {
    let mut chords = Vec::new();
    for line in 0..lines.len() {
        let range = lines.range(line);
        let mut from = range.start;
        for to in range.skip(1) {
            if lines.importance[to] >= least {
                if to - from > 1 {
                    chords.push((from, to));
                }
                from = to;
            }
        }
    }
    chords
}

/// The lines that became the same segment as another and can be bent again.
fn doubled(lines: &Lines, least: f32) -> Vec<Chord> {
    let straight = |line: usize| lines.importance[lines.range(line)].iter().skip(1).rev().skip(1).all(|i| *i < least);
    let end = |line: usize| lines.points[lines.offsets[line + 1] - 1];
    let start = |line: usize| lines.points[lines.offsets[line]];
    let mut doubled = Vec::new();
    for line in 0..lines.len() {
        // Arcs stand in the order of their starts, and start at the lesser end: those of the same ends are neighbours.
        let others = (line + 1..lines.len()).take_while(|&other| start(other) == start(line));
        for other in others.filter(|&other| end(other) == end(line) && straight(other) && straight(line)) {
            doubled.extend([line, other].map(|line| (lines.offsets[line], lines.offsets[line + 1] - 1)));
        }
    }
    doubled.retain(|(from, to)| to - from > 1);
    doubled
}

/// Whether a point of the index lies between a chord and the piece of border that it stands for, or on the chord.
fn offends(points: &[Coord<f64>], (from, to): Chord, index: &PointIndex) -> bool {
    let piece = &points[from..=to];
    let (mut low, mut high) = (points[from], points[from]);
    for point in piece {
        low = Coord { x: low.x.min(point.x), y: low.y.min(point.y) };
        high = Coord { x: high.x.max(point.x), y: high.y.max(point.y) };
    }
    let rows = index.cell_rows(low.y, high.y);
    if rows.is_empty() {
        return false;
    }
    let (a, b) = (points[from], points[to]);
    let widest = piece.iter().map(|&p| cross(a, b, p).abs()).fold(0.0, f64::max);
    let between = |p: Coord<f64>| low.x <= p.x && p.x <= high.x && low.y <= p.y && p.y <= high.y;
    rows.into_iter().any(|row| {
        let (left, right) = span(a, b, cell_row_borders(row), widest);
        let near = index.in_cells(row, left.max(low.x), right.min(high.x));
        near.iter().any(|&point| {
            between(point) && point != a && point != b && cross(a, b, point).abs() <= widest && encloses(piece, point)
        })
    })
}

/// The columns between two rows that lie near a chord: not farther than what has the cross product `widest` with it.
fn span(a: Coord<f64>, b: Coord<f64>, rows: [f64; 2], widest: f64) -> (f64, f64) {
    let dy = b.y - a.y;
    if dy.abs() < 1.0 {
        return (f64::NEG_INFINITY, f64::INFINITY);
    }
    let [above, below] = rows.map(|y| a.x + (y - a.y) * (b.x - a.x) / dy);
    let margin = widest / dy.abs() + 1.0;
    (above.min(below) - margin, above.max(below) + margin)
}

/// Whether a point lies in the area between a piece of border and its chord, or on the chord. It is not on the piece.
fn encloses(piece: &[Coord<f64>], point: Coord<f64>) -> bool {
    let (first, last) = (piece[0], piece[piece.len() - 1]);
    let beside = cross(first, last, point);
    let within = |a: f64, b: f64, v: f64| a.min(b) <= v && v <= a.max(b);
    if beside == 0.0 && within(first.x, last.x, point.x) && within(first.y, last.y, point.y) {
        return true;
    }
    let passes = |a: Coord<f64>, b: Coord<f64>| {
        (a.y <= point.y) != (b.y <= point.y) && (cross(a, b, point) > 0.0) == (b.y > a.y)
    };
    let crossings = piece.windows(2).filter(|pair| passes(pair[0], pair[1])).count();
    (crossings + usize::from(passes(last, first))) % 2 == 1
}

/// Positive where `p` lies right of the line from `a` to `b`, as seen on the screen with rows downwards.
pub(super) fn cross(a: Coord<f64>, b: Coord<f64>, p: Coord<f64>) -> f64 {
    (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x)
}
