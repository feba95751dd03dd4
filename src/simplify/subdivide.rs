//! Very large polygons in pieces, for clients that choke on them.

use std::collections::HashMap;

use geo::{Area, BoundingRect, Contains, Coord, LineString, Polygon};

/// Cuts a polygon along rows and columns until no piece has more than `most` vertices.
///
/// The cuts lie where no border turns. Together the pieces cover the polygon and do not overlap. A polygon is returned as it is where it is small enough, or
/// narrower than two pixels; `most` below 16 counts as 16. For valid polygons in raster space.
#[must_use]
pub fn subdivide(polygon: Polygon<f64>, most: usize) -> Vec<Polygon<f64>> {
    let mut pieces = Vec::new();
    let mut left = vec![polygon];
    while let Some(polygon) = left.pop() {
        match middle(&polygon).filter(|_| vertices(&polygon) > most.max(16)) {
            Some(cut) => left.extend(split(&polygon, cut)),
            None => pieces.push(polygon),
        }
    }
    pieces
}

fn vertices(polygon: &Polygon<f64>) -> usize {
    polygon.exterior().0.len() + polygon.interiors().iter().map(|hole| hole.0.len()).sum::<usize>()
}

/// A line on which one coordinate is constant.
#[derive(Debug, Clone, Copy)]
struct Cut {
    /// Whether it is `y` that is constant.
    level: bool,
    at: f64,
}

impl Cut {
    /// How far a point lies beyond the line.
    fn beyond(self, point: Coord<f64>) -> f64 {
        if self.level { point.y - self.at } else { point.x - self.at }
    }

    /// Whether a ring that does not cross the line, but may run along it, lies beyond.
    fn is_beyond(self, ring: &LineString<f64>) -> bool {
        let far = ring.0.iter().map(|point| self.beyond(*point)).max_by(|a, b| a.abs().total_cmp(&b.abs()));
        far.is_some_and(|far| far > 0.0)
    }

    /// A point's place along the line.
    fn along(self, point: Coord<f64>) -> f64 {
        if self.level { point.x } else { point.y }
    }

    /// Where a segment crosses the line; the same for both of its directions.
    fn crossing(self, a: Coord<f64>, b: Coord<f64>) -> Coord<f64> {
        let (a, b) = if (a.x, a.y) < (b.x, b.y) { (a, b) } else { (b, a) };
        let share = self.beyond(a) / (self.beyond(a) - self.beyond(b));
        let along = self.along(a) + share * (self.along(b) - self.along(a));
        if self.level { Coord { x: along, y: self.at } } else { Coord { x: self.at, y: along } }
    }
}

/// The line through the middle of the longer side; none for slivers.
fn middle(polygon: &Polygon<f64>) -> Option<Cut> {
    let bounds = polygon.bounding_rect()?;
    let level = bounds.height() > bounds.width();
    let (low, high) = if level { (bounds.min().y, bounds.max().y) } else { (bounds.min().x, bounds.max().x) };
    // Turns lie at multiples of a sixteenth of a pixel. Another fraction for each direction: a diagonal that one cut
    // crosses has its new vertex off the other.
    let at = f64::midpoint(low, high).floor() + if level { 17.0 / 32.0 } else { 19.0 / 32.0 };
    (high - low >= 2.0).then_some(Cut { level, at })
}

/// A piece of a ring on one side of the line, from one crossing to the next.
struct Chain {
    points: Vec<Coord<f64>>,
    /// The crossings at which it starts and ends.
    ends: [usize; 2],
}

/// The pieces of a polygon on both sides of a line.
fn split(polygon: &Polygon<f64>, cut: Cut) -> Vec<Polygon<f64>> {
    let (mut chains, mut crossings, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    for ring in std::iter::once(polygon.exterior()).chain(polygon.interiors()) {
        if !cut_ring(ring, cut, &mut chains, &mut crossings) {
            whole.push(ring.clone());
        }
    }
    if chains.is_empty() {
        return vec![polygon.clone()];
    }
    let mut pieces: Vec<Polygon<f64>> = Vec::new();
    let wound = |ring: &LineString<f64>| Polygon::new(ring.clone(), Vec::new()).signed_area() > 0.0;
    for ring in closed(&chains, &crossings, cut).into_iter().flat_map(simple) {
        if wound(&ring) == wound(polygon.exterior()) {
            pieces.push(Polygon::new(ring, Vec::new()));
        } else {
            whole.push(ring);
        }
    }
    for hole in whole {
        let beyond = cut.is_beyond(&hole);
        let mut on_side = pieces.iter_mut().filter(|piece| cut.is_beyond(piece.exterior()) == beyond).peekable();
        let first = on_side.next();
        let owner = if on_side.peek().is_none() {
            first
        } else {
            first.into_iter().chain(on_side).find(|piece| encloses(piece, &hole))
        };
        if let Some(owner) = owner {
            owner.interiors_push(hole);
        }
    }
    pieces
}

/// A ring as rings that pass no vertex twice: a hole that touched the exterior in a point may now be part of it.
fn simple(ring: LineString<f64>) -> Vec<LineString<f64>> {
    let key = |point: Coord<f64>| (point.x.to_bits(), point.y.to_bits());
    let (mut rings, mut open, mut place) = (Vec::new(), Vec::<Coord<f64>>::new(), HashMap::new());
    for point in ring.0 {
        if let Some(&start) = place.get(&key(point)) {
            let mut loop_points = open.split_off(start);
            for &passed in &loop_points {
                place.remove(&key(passed));
            }
            loop_points.push(point);
            if loop_points.len() > 3 {
                rings.push(LineString::new(loop_points));
            }
        }
        place.insert(key(point), open.len());
        open.push(point);
    }
    rings
}

/// Whether a hole lies in a piece. It may touch the exterior, so one vertex inside is enough.
fn encloses(piece: &Polygon<f64>, hole: &LineString<f64>) -> bool {
    let exterior = Polygon::new(piece.exterior().clone(), Vec::new());
    hole.points().any(|point| exterior.contains(&point))
}

/// Adds the chains of a ring; `false` if the line does not cross it.
fn cut_ring(ring: &LineString<f64>, cut: Cut, chains: &mut Vec<Chain>, crossings: &mut Vec<Coord<f64>>) -> bool {
    let points = &ring.0[..ring.0.len() - 1];
    let crosses = |i: usize| (cut.beyond(points[i]) > 0.0) != (cut.beyond(points[(i + 1) % points.len()]) > 0.0);
    let Some(start) = (0..points.len()).find(|&i| crosses(i)) else { return false };
    let first = crossings.len();
    let mut chain = Chain { points: Vec::new(), ends: [first, first] };
    for step in 0..=points.len() {
        let i = (start + step) % points.len();
        if step > 0 {
            chain.points.push(points[i]);
        }
        if !crosses(i) {
            continue;
        }
        if step == points.len() {
            chain.ends[1] = first;
            chains.push(chain);
            break;
        }
        let here = crossings.len();
        crossings.push(cut.crossing(points[i], points[(i + 1) % points.len()]));
        if step > 0 {
            chain.ends[1] = here;
            chains.push(std::mem::replace(&mut chain, Chain { points: Vec::new(), ends: [here, here] }));
        }
    }
    true
}

/// Joins the chains of each side along the line: between its crossings the line is by turns inside and outside.
fn closed(chains: &[Chain], crossings: &[Coord<f64>], cut: Cut) -> Vec<LineString<f64>> {
    let mut order: Vec<usize> = (0..crossings.len()).collect();
    order.sort_by(|&a, &b| cut.along(crossings[a]).total_cmp(&cut.along(crossings[b])));
    let mut mate = vec![0; crossings.len()];
    for pair in order.chunks_exact(2) {
        (mate[pair[0]], mate[pair[1]]) = (pair[1], pair[0]);
    }
    let mut starting = vec![0; crossings.len()];
    for (index, chain) in chains.iter().enumerate() {
        starting[chain.ends[0]] = index;
    }
    let mut done = vec![false; chains.len()];
    let mut rings = Vec::new();
    for first in 0..chains.len() {
        let (mut index, mut ring) = (first, Vec::new());
        while !std::mem::replace(&mut done[index], true) {
            let chain = &chains[index];
            ring.push(crossings[chain.ends[0]]);
            ring.extend_from_slice(&chain.points);
            ring.push(crossings[chain.ends[1]]);
            index = starting[mate[chain.ends[1]]];
        }
        if !ring.is_empty() {
            ring.push(ring[0]);
            rings.push(LineString::new(ring));
        }
    }
    rings
}

#[cfg(test)]
mod tests {
    use geo::Validation;

    use super::*;

    fn comb(teeth: u32) -> Polygon<f64> {
        let at = |x: u32, y: f64| Coord { x: f64::from(x), y };
        let tooth = |i: u32| [at(4 * i, 1.0), at(4 * i, 40.0), at(4 * i + 2, 40.0), at(4 * i + 2, 1.0)];
        let mut ring: Vec<_> = (0..teeth).flat_map(tooth).collect();
        ring.extend([at(4 * teeth, 0.0), at(0, 0.0)]);
        let hole = |i: u32| {
            let corners = [(0.5, 30.0), (1.5, 30.0), (1.5, 33.0), (0.5, 33.0)];
            LineString::new(corners.iter().map(|(x, y)| Coord { x: f64::from(4 * i) + x, y: *y }).collect())
        };
        Polygon::new(LineString::new(ring), (0..teeth).map(hole).collect())
    }

    #[test]
    fn pieces_are_small_valid_and_cover_the_polygon() {
        for teeth in [3, 40, 300] {
            let whole = comb(teeth);
            assert!(whole.is_valid());
            let pieces = subdivide(whole.clone(), 64);
            assert!(pieces.iter().all(|piece| piece.is_valid() && vertices(piece) <= 64));
            let area: f64 = pieces.iter().map(Area::unsigned_area).sum();
            assert!((area - whole.unsigned_area()).abs() < 1e-6, "{area}");
            let holes = |polygon: &Polygon<f64>| polygon.interiors().len();
            assert!(pieces.iter().map(holes).sum::<usize>() <= holes(&whole));
        }
    }

    #[test]
    fn a_small_polygon_stays_as_it_is() {
        let small = comb(1);
        assert_eq!(subdivide(small.clone(), 100), [small]);
    }
}
