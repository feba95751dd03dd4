//! Positions in the whole steps that are written, and polygons that stay valid in them.

use std::io::{self, Write};

use geo::{LineString, Polygon};

use crate::encode::rings::{FARTHEST, Point, Rings, is_valid, repair};

/// Degrees in whole steps of 10⁻⁷.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Degrees(i64);

impl Degrees {
    const STEPS: f64 = 1e7;

    pub(super) fn nearest(degrees: f64) -> Self {
        Self((degrees * Self::STEPS).round() as i64)
    }

    /// The shortest form.
    pub(super) fn write(self, out: &mut impl Write) -> io::Result<()> {
        let steps = Self::STEPS as u64;
        let (whole, mut part) = (self.0.unsigned_abs() / steps, self.0.unsigned_abs() % steps);
        write!(out, "{}{whole}", if self.0 < 0 { "-" } else { "" })?;
        if part == 0 {
            return Ok(());
        }
        let mut digits = 7;
        while part % 10 == 0 {
            part /= 10;
            digits -= 1;
        }
        write!(out, ".{part:0digits$}")
    }
}

/// A closed ring.
pub(super) type Ring = Vec<[Degrees; 2]>;

/// A polygon in whole steps, exterior first; the valid parts that cover the same where these steps break it.
pub(super) fn rounded(polygon: &Polygon<f64>) -> Vec<Vec<Ring>> {
    let lines = std::iter::once(polygon.exterior()).chain(polygon.interiors());
    let part: Vec<Ring> = lines.enumerate().map(|(i, line)| ring(line, i == 0)).collect();
    repaired(&part).unwrap_or_else(|| vec![part])
}

/// `None` where rings are valid, or too small or too large (50 degrees) to be mended.
fn repaired(part: &[Ring]) -> Option<Vec<Vec<Ring>>> {
    let origin = *part.first()?.first()?;
    let local = |p: &[Degrees; 2]| Point { x: p[0].0 - origin[0].0, y: p[1].0 - origin[1].0 };
    if part.iter().flatten().map(local).any(|p| p.x.abs().max(p.y.abs()) > FARTHEST) {
        return None;
    }
    let (mut whole, mut vertices) = (Rings::default(), 0);
    for (i, ring) in part.iter().enumerate() {
        let open = &ring[..ring.len() - 1];
        whole.points.extend(open.iter().map(local));
        vertices += open.len();
        if !whole.close(i == 0) && i == 0 {
            return None;
        }
    }
    let mut work = Vec::new();
    if whole.points.len() == vertices && is_valid(&whole, &mut work) {
        return None;
    }
    let placed = |p: &Point| [Degrees(p.x + origin[0].0), Degrees(p.y + origin[1].0)];
    let closed = |ring: &[Point]| ring.iter().chain(ring.first()).map(placed).collect();
    let parts: Vec<Vec<Ring>> =
        repair(&whole, &mut work).pieces.iter().map(|part| part.iter().map(closed).collect()).collect();
    (!parts.is_empty()).then_some(parts)
}

/// A closed ring, the exterior counter-clockwise and holes clockwise (RFC 7946, 3.1.6).
fn ring(line: &LineString<f64>, exterior: bool) -> Ring {
    let mut ring = positions(line);
    let cross = |pair: &[[Degrees; 2]]| {
        let local = |p: [Degrees; 2]| (p[0].0 - ring[0][0].0, p[1].0 - ring[0][1].0);
        let (a, b) = (local(pair[0]), local(pair[1]));
        i128::from(a.0) * i128::from(b.1) - i128::from(b.0) * i128::from(a.1)
    };
    if (ring.windows(2).map(cross).sum::<i128>() > 0) != exterior {
        ring.reverse();
    }
    ring
}

/// Rounded, without repetitions.
pub(super) fn positions(line: &LineString<f64>) -> Vec<[Degrees; 2]> {
    let mut positions: Vec<_> = line.coords().map(|c| [Degrees::nearest(c.x), Degrees::nearest(c.y)]).collect();
    positions.dedup();
    positions
}
