//! A polygon in the world square, ready to be cut into tiles.

use geo::{LineString, Polygon};

use crate::georef::{CrsError, MapPoint, WorldBounds, WorldPoint};

/// Steps along a side of the world square: one is 9.3 mm on the equator, so a vertex lies at most 4.7 mm off,
/// and a unit of a tile of extent 4096 is a whole number of steps down to zoom 20.
const STEPS: f64 = 4_294_967_296.0;

/// A vertex in the world square, in steps of 2⁻³² of its side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WorldVertex {
    /// Eastwards.
    pub x: u32,
    /// Southwards.
    pub y: u32,
    /// The simplification tolerance in ground metres up to which the vertex is needed.
    pub importance_m: f32,
}

/// A polygon in the world square; its rings do not repeat their first vertex.
#[derive(Debug, Clone, PartialEq)]
pub struct WorldShape {
    vertices: Box<[WorldVertex]>,
    ring_ends: Box<[u32]>,
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
        let mut vertices = Vec::with_capacity(polygon.exterior().0.len());
        let mut ring_ends = Vec::with_capacity(1 + polygon.interiors().len());
        for (r, ring) in rings(polygon).enumerate() {
            let importance = importance_m.get(r).map_or(&[][..], Vec::as_slice);
            for (i, c) in open(ring).iter().enumerate() {
                let p = to_world(MapPoint { x: c.x, y: c.y })?;
                let importance_m = importance.get(i).copied().unwrap_or(f32::INFINITY);
                vertices.push(WorldVertex { x: step(p.x), y: step(p.y), importance_m });
            }
            ring_ends.push(vertices.len() as u32);
        }
        let bounds = bounds(&vertices);
        let mut shape = Self { vertices: vertices.into(), ring_ends: ring_ends.into(), bounds, area: 0.0 };
        shape.area = area(&shape);
        Ok(shape)
    }

    /// The rings, exterior first.
    pub fn rings(&self) -> impl Iterator<Item = &[WorldVertex]> {
        self.ring_ends.iter().scan(0, |start, end| {
            let from = std::mem::replace(start, *end as usize);
            Some(&self.vertices[from..*end as usize])
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

/// The nearest step; what lies outside the world square stands on its border (the cast saturates).
fn step(part: f64) -> u32 {
    (part * STEPS).round() as u32
}

fn bounds(vertices: &[WorldVertex]) -> WorldBounds {
    let (mut min, mut max) = ([u32::MAX; 2], [0; 2]);
    for v in vertices {
        min = [min[0].min(v.x), min[1].min(v.y)];
        max = [max[0].max(v.x), max[1].max(v.y)];
    }
    let point = |[x, y]: [u32; 2]| WorldPoint { x: f64::from(x) / STEPS, y: f64::from(y) / STEPS };
    WorldBounds { min: point(min), max: point(max) }
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
    fn positions_beyond_the_square_stand_on_its_border() {
        assert_eq!((step(-0.1), step(1.0)), (0, u32::MAX));
    }
}
