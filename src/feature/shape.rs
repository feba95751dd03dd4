//! A polygon in the world square, ready to be cut into tiles.

use geo::{LineString, Polygon};

use super::steps::{STEPS, TURN, along, turns_from};
use crate::georef::{CrsError, MapPoint, WorldBounds, WorldPoint};

/// A vertex of a shape, in steps of 2⁻³² of the side of the world square.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WorldVertex {
    /// Eastwards from the west side of its shape's bounds.
    pub x: u32,
    /// Southwards from the north side of the world square.
    pub y: u32,
    /// The simplification tolerance in ground metres up to which the vertex is needed.
    pub importance_m: f32,
}

/// A polygon in the world square; its rings do not repeat their first vertex.
#[derive(Debug, Clone, PartialEq)]
pub struct WorldShape {
    vertices: Box<[WorldVertex]>,
    /// Where holes begin; most shapes have none, and nothing more to fetch.
    hole_starts: Box<[u32]>,
    bounds: WorldBounds,
    area: f64,
}

impl WorldShape {
    /// Projects a polygon; edges stay straight between their vertices.
    ///
    /// `importance_m` goes with the rings, exterior first; a missing number means "always needed".
    ///
    /// # Errors
    /// Those of `to_world`.
    pub fn project(
        polygon: &Polygon<f64>,
        importance_m: &[Vec<f32>],
        to_world: impl Fn(MapPoint) -> Result<WorldPoint, CrsError>,
    ) -> Result<Self, CrsError> {
        let lines = unrolled(polygon, &to_world)?;
        let west = lines.first().and_then(|exterior| exterior.iter().map(|[x, _]| *x).min()).unwrap_or(0);
        let mut vertices = Vec::with_capacity(lines.iter().map(Vec::len).sum());
        let mut hole_starts = Vec::with_capacity(lines.len().saturating_sub(1));
        for (r, line) in lines.iter().enumerate() {
            if r > 0 {
                hole_starts.push(vertices.len() as u32);
            }
            let importance = importance_m.get(r).map_or(&[][..], Vec::as_slice);
            for (i, [x, y]) in line.iter().enumerate() {
                let importance_m = importance.get(i).copied().unwrap_or(f32::INFINITY);
                // What is as wide as the world ends a step before it.
                let x = (*x - west).clamp(0, TURN - 1) as u32;
                vertices.push(WorldVertex { x, y: *y as u32, importance_m });
            }
        }
        let bounds = bounds(&vertices, west.rem_euclid(TURN));
        let mut shape = Self { vertices: vertices.into(), hole_starts: hole_starts.into(), bounds, area: 0.0 };
        shape.area = area(&shape);
        Ok(shape)
    }

    /// Where its vertices count from: steps east of the west side of the world square.
    #[must_use]
    pub fn west(&self) -> u32 {
        (self.bounds.min.x * STEPS) as u32
    }

    /// Where one of its vertices lies; beyond the square's east side after the way across 180°.
    #[must_use]
    pub fn place(&self, vertex: &WorldVertex) -> WorldPoint {
        WorldPoint { x: self.bounds.min.x + f64::from(vertex.x) / STEPS, y: f64::from(vertex.y) / STEPS }
    }

    /// The rings, exterior first.
    pub fn rings(&self) -> impl Iterator<Item = &[WorldVertex]> {
        let ends = self.hole_starts.iter().map(|start| *start as usize).chain([self.vertices.len()]);
        ends.scan(0, |start, end| {
            let from = std::mem::replace(start, end);
            Some(&self.vertices[from..end])
        })
    }

    /// The smallest upright rectangle around it, on the same steps.
    #[must_use]
    pub fn bounds(&self) -> WorldBounds {
        self.bounds
    }

    /// The area without the holes, as a part of the world square.
    #[must_use]
    pub fn area(&self) -> f64 {
        self.area
    }
}

fn rings(polygon: &Polygon<f64>) -> impl Iterator<Item = &LineString<f64>> {
    std::iter::once(polygon.exterior()).chain(polygon.interiors())
}

/// A ring without its closing vertex.
fn open(ring: &LineString<f64>) -> &[geo::Coord<f64>] {
    match ring.0.as_slice() {
        [first, middle @ .., last] if first == last => &ring.0[..=middle.len()],
        all => all,
    }
}

/// The rings as steps, open, each without a jump; around a pole, with the jump.
fn unrolled(
    polygon: &Polygon<f64>,
    to_world: &impl Fn(MapPoint) -> Result<WorldPoint, CrsError>,
) -> Result<Vec<Vec<[i64; 2]>>, CrsError> {
    let mut lines: Vec<Vec<[i64; 2]>> = Vec::with_capacity(1 + polygon.interiors().len());
    let mut west = None;
    for ring in rings(polygon) {
        let mut line = along(&ring.0, to_world)?;
        let closes = line.first().zip(line.last()).is_none_or(|(first, last)| first == last);
        line.truncate(open(ring).len());
        if !closes {
            line.iter_mut().for_each(|[x, _]| *x = x.rem_euclid(TURN));
        }
        // A hole stands where its exterior does.
        let turns = west.zip(line.first()).map_or(0, |(west, first)| turns_from(first[0], west));
        line.iter_mut().for_each(|[x, _]| *x += turns * TURN);
        west = west.or_else(|| line.iter().map(|[x, _]| *x).min());
        lines.push(line);
    }
    Ok(lines)
}

fn bounds(vertices: &[WorldVertex], west: i64) -> WorldBounds {
    let (mut min, mut max) = ([u32::MAX; 2], [0; 2]);
    for v in vertices {
        min = [min[0].min(v.x), min[1].min(v.y)];
        max = [max[0].max(v.x), max[1].max(v.y)];
    }
    let part = |steps: u32| f64::from(steps) / STEPS;
    let west = west as f64 / STEPS;
    WorldBounds {
        min: WorldPoint { x: west, y: part(min[1]) },
        max: WorldPoint { x: west + part(max[0]), y: part(max[1]) },
    }
}

fn area(shape: &WorldShape) -> f64 {
    let ring_area = |ring: &[WorldVertex]| -> f64 {
        let Some(origin) = ring.first() else { return 0.0 };
        let local = |v: &WorldVertex| (f64::from(v.x) - f64::from(origin.x), f64::from(v.y) - f64::from(origin.y));
        let next = ring.iter().cycle().skip(1);
        let twice: f64 =
            ring.iter().zip(next).map(|(a, b)| (local(a), local(b))).map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum();
        (twice / 2.0).abs()
    };
    let mut areas = shape.rings().map(ring_area);
    let exterior = areas.next().unwrap_or(0.0);
    (exterior - areas.sum::<f64>()).max(0.0) / (STEPS * STEPS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::polygon;

    #[test]
    fn rings_are_open_and_areas_leave_the_holes_out() {
        let square = polygon![
            exterior: [(x: 0.5, y: 0.5), (x: 0.75, y: 0.5), (x: 0.75, y: 0.75), (x: 0.5, y: 0.75)],
            interiors: [[(x: 0.5, y: 0.5), (x: 0.5, y: 0.625), (x: 0.625, y: 0.625), (x: 0.625, y: 0.5)]],
        ];
        let shape =
            WorldShape::project(&square, &[vec![1.0, 2.0]], |p| Ok(WorldPoint { x: p.x, y: p.y })).expect("total");
        let lengths: Vec<_> = shape.rings().map(<[_]>::len).collect();
        assert_eq!(lengths, [4, 4]);
        assert!((shape.area() - (0.0625 - 0.015_625)).abs() < 1e-15);
        let importance: Vec<_> = shape.rings().flatten().map(|v| v.importance_m).collect();
        assert_eq!(importance[..3], [1.0, 2.0, f32::INFINITY]);
        assert_eq!(shape.bounds().max, WorldPoint { x: 0.75, y: 0.75 });
    }

    #[test]
    fn a_shape_across_180_is_as_narrow_as_it_is() {
        let ring = |west: f64, east: f64, south: f64, north: f64| -> LineString<f64> {
            vec![(west, south), (east, south), (east, north), (west, north), (west, south)].into()
        };
        // As PROJ gives longitudes: those beyond 180° come back negative.
        let to_world = |p: MapPoint| {
            Ok(WorldPoint::from_lon_lat(MapPoint { x: if p.x > 180.0 { p.x - 360.0 } else { p.x }, y: p.y }))
        };
        let across = Polygon::new(ring(179.0, 182.0, -17.0, -16.0), vec![ring(180.5, 181.0, -16.8, -16.2)]);
        let straight = Polygon::new(ring(9.0, 12.0, -17.0, -16.0), vec![ring(10.5, 11.0, -16.8, -16.2)]);
        let [across, straight] = [across, straight].map(|p| WorldShape::project(&p, &[], to_world).expect("total"));
        assert!((across.area() / straight.area() - 1.0).abs() < 1e-6);
        let [w, _, e, _] = across.bounds().lon_lat_wsen();
        assert!((w - 179.0).abs() < 1e-6 && (e + 178.0).abs() < 1e-6, "{w} {e}");
        let half = |v: &WorldVertex| (across.place(v).to_lon_lat().x * 2.0).round() / 2.0;
        let places: Vec<f64> = across.rings().flatten().map(half).collect();
        assert_eq!(places, [179.0, 182.0, 182.0, 179.0, 180.5, 181.0, 181.0, 180.5]);
        let around = Polygon::new(ring(-180.0, 180.0, -80.0, 80.0), vec![ring(-100.0, 100.0, 0.0, 1.0)]);
        let around = WorldShape::project(&around, &[], to_world).expect("total");
        assert!(around.bounds().min.x == 0.0 && around.bounds().max.x > 0.999_999 && !around.bounds().crosses());
    }
}
