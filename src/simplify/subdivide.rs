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
    let (beyond, before): (Vec<_>, Vec<_>) =
        closed(&chains, &crossings, cut).into_iter().chain(whole).partition(|ring| cut.is_beyond(ring));
    let turns_left = is_wound_left(polygon.exterior());
    [beyond, before].iter().flat_map(|rings| polygons(rings, turns_left)).collect()
}

fn is_wound_left(ring: &LineString<f64>) -> bool {
    Polygon::new(ring.clone(), Vec::new()).signed_area() > 0.0
}

/// Polygons from all rings of one side, each with a connected interior: holes that touched may now part a piece.
/// `turns_left` is the winding of exteriors.
fn polygons(rings: &[LineString<f64>], turns_left: bool) -> Vec<Polygon<f64>> {
    let (mut polygons, mut loose) = (Vec::<Polygon<f64>>::new(), Vec::new());
    for border in Borders::new(rings, turns_left).walk() {
        let (mut exterior, holes): (Vec<_>, Vec<_>) =
            simple(border).into_iter().partition(|ring| is_wound_left(ring) == turns_left);
        match exterior.pop() {
            Some(exterior) => polygons.push(Polygon::new(exterior, holes)),
            None => loose.extend(holes),
        }
    }
    for hole in loose {
        let owner = match polygons.as_mut_slice() {
            [only] => Some(only),
            all => all.iter_mut().find(|polygon| encloses(polygon, &hole)),
        };
        if let Some(owner) = owner {
            owner.interiors_push(hole);
        }
    }
    polygons
}

/// The identity of a vertex: rings that touch do so in the same numbers.
type VertexKey = (u64, u64);

fn key(point: Coord<f64>) -> VertexKey {
    (point.x.to_bits(), point.y.to_bits())
}

/// An edge of a ring: from the vertex with this index to the next one.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Edge {
    ring: usize,
    from: usize,
}

/// Rings as edges that continue, at a vertex shared by several rings, around the face that they bound.
struct Borders<'a> {
    rings: &'a [LineString<f64>],
    /// Edges that leave each vertex.
    leaving: HashMap<VertexKey, Vec<Edge>>,
    turns_left: bool,
}

impl<'a> Borders<'a> {
    fn new(rings: &'a [LineString<f64>], turns_left: bool) -> Self {
        let mut leaving: HashMap<_, Vec<_>> = HashMap::new();
        for (ring, line) in rings.iter().enumerate() {
            for from in 0..line.0.len() - 1 {
                leaving.entry(key(line.0[from])).or_default().push(Edge { ring, from });
            }
        }
        Self { rings, leaving, turns_left }
    }

    /// Closed borders of the faces; a border may pass a vertex several times.
    fn walk(&self) -> Vec<LineString<f64>> {
        let mut walked: Vec<Vec<bool>> = self.rings.iter().map(|ring| vec![false; ring.0.len() - 1]).collect();
        let mut borders = Vec::new();
        for ring in 0..self.rings.len() {
            for from in 0..walked[ring].len() {
                let (mut edge, mut border) = (Edge { ring, from }, Vec::new());
                while !std::mem::replace(&mut walked[edge.ring][edge.from], true) {
                    border.push(self.rings[edge.ring].0[edge.from]);
                    edge = self.next(edge);
                }
                if let Some(first) = border.first().copied() {
                    border.push(first);
                    borders.push(LineString::new(border));
                }
            }
        }
        borders
    }

    /// The edge that follows around the same face: the first one on the side of the interior.
    fn next(&self, edge: Edge) -> Edge {
        let line = &self.rings[edge.ring].0;
        let (back, at) = (line[edge.from], line[edge.from + 1]);
        let direction = |to: Coord<f64>| (to.y - at.y).atan2(to.x - at.x);
        let turn = |next: &Edge| {
            let to = self.rings[next.ring].0[next.from + 1];
            let clockwise = (direction(back) - direction(to)).rem_euclid(std::f64::consts::TAU);
            if self.turns_left { clockwise } else { std::f64::consts::TAU - clockwise }
        };
        let follows = || Edge { ring: edge.ring, from: (edge.from + 1) % (line.len() - 1) };
        match self.leaving.get(&key(at)).map_or(&[][..], Vec::as_slice) {
            [] | [_] => follows(),
            several => several.iter().min_by(|a, b| turn(a).total_cmp(&turn(b))).copied().unwrap_or_else(follows),
        }
    }
}

/// A ring as rings that pass no vertex twice: a hole that touched the exterior in a point may now be part of it.
fn simple(ring: LineString<f64>) -> Vec<LineString<f64>> {
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

    /// A square whose two holes touch in a chain from border to border once a cut passes one of them.
    fn chained() -> Polygon<f64> {
        let ring = |corners: &[(f64, f64)]| LineString::new(corners.iter().map(|&(x, y)| Coord { x, y }).collect());
        // The cut at x = 20 + 19/32 passes the left hole; the right one touches it and the exterior.
        let mut exterior = vec![(0.0, 0.0), (40.0, 0.0), (40.0, 15.0), (40.0, 30.0)];
        exterior.extend((0..=20).map(|i| (f64::from(40 - 2 * i), 30.0 + f64::from(i % 2))));
        let left = [(10.0, 12.0), (10.0, 18.0), (30.0, 18.0), (30.0, 15.0), (30.0, 12.0)];
        let right = [(30.0, 15.0), (35.0, 17.0), (40.0, 15.0), (35.0, 13.0)];
        Polygon::new(ring(&exterior), vec![ring(&left), ring(&right)])
    }

    #[test]
    fn holes_that_part_a_piece_make_two_pieces_of_it() {
        let whole = chained();
        assert!(whole.is_valid(), "{whole:?}");
        for polygon in
            [whole.clone(), Polygon::new(reversed(whole.exterior()), whole.interiors().iter().map(reversed).collect())]
        {
            let pieces = subdivide(polygon.clone(), 30);
            assert!(pieces.len() > 2 && pieces.iter().all(Validation::is_valid), "{pieces:?}");
            let area: f64 = pieces.iter().map(Area::unsigned_area).sum();
            assert!((area - whole.unsigned_area()).abs() < 1e-9, "{area}");
        }
    }

    fn reversed(ring: &LineString<f64>) -> LineString<f64> {
        LineString::new(ring.0.iter().rev().copied().collect())
    }

    #[test]
    fn a_small_polygon_stays_as_it_is() {
        let small = comb(1);
        assert_eq!(subdivide(small.clone(), 100), [small]);
    }
}
