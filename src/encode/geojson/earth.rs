//! Lines of a map as longitudes and latitudes: without the jump at 180°, bent where straight lines of the map are, and led
//! around the poles.

use std::cell::Cell;

use geo::{Area, Coord, LineString, Polygon};

use crate::georef::{Crs, CrsError, MapPoint, Projector, leads_across};

/// The way around the earth, in degrees.
pub(super) const TURN: f64 = 360.0;
/// An edge that turns by more than this is looked at in its middle, in degrees.
const WIDE: f64 = 90.0;
/// The most halvings of an edge: of one of 100 km, pieces of a ten thousandth of a millimetre are left.
const HALVINGS: u32 = 40;
/// The most halvings of an edge for its bend alone.
const BENDS: u32 = 12;

/// A line in degrees; its longitudes go on beyond ±180 where it leads across, from its first vertex on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Path {
    pub(super) coords: Vec<Coord<f64>>,
    /// How often it leads around the earth, eastwards, before it comes back to its start; 0 but for rings around a pole.
    pub(super) turns: i32,
}

impl Path {
    /// The smallest and the largest longitude.
    pub(super) fn range(&self) -> [f64; 2] {
        self.coords.iter().fold([f64::MAX, f64::MIN], |[low, high], c| [low.min(c.x), high.max(c.x)])
    }

    /// West and east, with west within ±180, and south and north; `None` for a path without vertices.
    pub(super) fn extent(&self) -> Option<([f64; 2], [f64; 2])> {
        if self.coords.is_empty() {
            return None;
        }
        let turns = ((self.range()[0] + 180.0) / TURN).floor() * TURN;
        let range = if self.turns == 0 { self.range().map(|x| x - turns) } else { [-180.0, 180.0] };
        let pole = (self.turns != 0).then(|| 90.0 * f64::from(self.turns.signum()));
        let latitudes = self.coords.iter().map(|c| c.y).chain(pole);
        Some((range, latitudes.fold([f64::MAX, f64::MIN], |[low, high], y| [low.min(y), high.max(y)])))
    }
}

/// The rings of a polygon with its area to their left: the exterior counter-clockwise, holes clockwise.
pub(super) fn wound(polygon: &Polygon<f64>) -> (LineString<f64>, Vec<LineString<f64>>) {
    let turned = |ring: &LineString<f64>, left: bool| {
        let mut ring = ring.clone();
        if (Polygon::new(ring.clone(), Vec::new()).signed_area() > 0.0) != left {
            ring.0.reverse();
        }
        ring
    };
    (turned(polygon.exterior(), true), polygon.interiors().iter().map(|ring| turned(ring, false)).collect())
}

/// Places lines of one map on the earth. It holds PROJ objects: make one on each thread.
pub(super) struct Earth {
    to_lon_lat: Projector,
    /// Whether longitudes are those of the map; they mean something at the poles then.
    in_degrees: bool,
    /// How far an edge may lie beside the true place of a straight line of the map, in degrees.
    tolerance: f64,
    /// From which latitude on a vertex lies at the pole.
    pole: f64,
    /// Lines that were cut at a pole: grids of degrees may reach beyond it.
    cut: Cell<usize>,
}

/// A vertex on the map and on the earth.
#[derive(Debug, Clone, Copy)]
struct Place {
    map: Coord<f64>,
    at: Coord<f64>,
}

impl Earth {
    pub(super) fn new(crs: &Crs, tolerance: f64) -> Result<Self, CrsError> {
        let to_lon_lat = Projector::new(crs, &Crs::lon_lat())?;
        Ok(Self { to_lon_lat, in_degrees: crs.is_in_degrees(), tolerance, pole: 90.0 - 1e-9, cut: Cell::new(0) })
    }

    /// A ring or a line; a ring has its area to its left on the map.
    pub(super) fn path(&self, line: &LineString<f64>) -> Result<Path, CrsError> {
        let mut places: Vec<Place> = Vec::with_capacity(line.0.len());
        for (i, c) in line.0.iter().enumerate() {
            let to = match places.first() {
                Some(first) if i + 1 == line.0.len() && first.map == *c => *first,
                _ => self.place(*c)?,
            };
            match places.last().copied() {
                Some(from) => self.lead(from, to, 0, &mut places)?,
                None => places.push(to),
            }
        }
        if places.iter().any(|p| p.at.y.abs() > 90.0 + 1e-9) {
            self.cut.set(self.cut.get() + 1);
        }
        Ok(self.unrolled(&places))
    }

    /// Lines that reached beyond a pole, where nothing is, and end at it.
    pub(super) fn cut_at_poles(&self) -> usize {
        self.cut.get()
    }

    fn place(&self, map: Coord<f64>) -> Result<Place, CrsError> {
        let p = self.to_lon_lat.project(MapPoint { x: map.x, y: map.y })?;
        Ok(Place { map, at: Coord { x: p.x, y: p.y } })
    }

    /// Goes on from one vertex to the next, by places between where the way is not straight.
    fn lead(&self, from: Place, to: Place, depth: u32, out: &mut Vec<Place>) -> Result<(), CrsError> {
        if depth < HALVINGS && self.is_doubtful(from.at, to.at, depth) {
            let middle = self.place((from.map + to.map) / 2.0)?;
            if self.is_bent(from.at, middle.at, to.at) {
                self.lead(from, middle, depth + 1, out)?;
                return self.lead(middle, to, depth + 1, out);
            }
        }
        out.push(to);
        Ok(())
    }

    /// Whether an edge turns far, or is so long that it may bend.
    fn is_doubtful(&self, from: Coord<f64>, to: Coord<f64>, depth: u32) -> bool {
        if self.is_pole(from) || self.is_pole(to) {
            return false;
        }
        let (wide, high) = ((to.x - from.x).abs(), to.y - from.y);
        if wide > WIDE {
            return true;
        }
        let (sin, cos) = f64::midpoint(from.y, to.y).to_radians().sin_cos();
        // A straight line of most maps bends by its length² · tan(latitude) / 8 on the sphere; half of it is doubted.
        let length2 = (wide * cos).powi(2) + high * high;
        let bend = length2.to_radians() * (sin / cos.max(1e-12)).abs().max(0.05) / 4.0;
        !self.in_degrees && depth < BENDS && bend > self.tolerance
    }

    /// Whether the middle of an edge lies beside it. Where the ends are more than half the earth apart, the edge may lead
    /// across 180° and be short.
    fn is_bent(&self, from: Coord<f64>, middle: Coord<f64>, to: Coord<f64>) -> bool {
        if self.is_pole(middle) {
            return true;
        }
        let turn = if (to.x - from.x).abs() > TURN / 2.0 && leads_across([from.x, to.x], middle.x, TURN) {
            TURN.copysign(from.x - to.x)
        } else {
            0.0
        };
        let wide = to.x + turn - from.x;
        let aside = nearest(middle.x, f64::midpoint(from.x, to.x + turn)) - f64::midpoint(from.x, to.x + turn);
        let up = middle.y - f64::midpoint(from.y, to.y);
        wide.abs() > WIDE || (aside * middle.y.to_radians().cos()).hypot(up) > self.tolerance
    }

    /// Whether longitudes mean nothing there.
    fn is_pole(&self, at: Coord<f64>) -> bool {
        !self.in_degrees && at.y.abs() >= self.pole
    }

    fn unrolled(&self, places: &[Place]) -> Path {
        let mut coords: Vec<Coord<f64>> = Vec::with_capacity(places.len());
        let start = places.iter().position(|p| !self.is_pole(p.at)).unwrap_or(0);
        let closed = places.len() > 1 && places[0].map == places[places.len() - 1].map;
        let (before, after) = places.split_at(start);
        // A ring that begins at a pole begins with its next vertex instead.
        let before = if closed { before.get(1..).unwrap_or_default() } else { &[] };
        let mut over: Option<f64> = None;
        for Place { at, .. } in after.iter().chain(before).chain(closed.then(|| &places[start])) {
            let last = coords.last().copied();
            if self.is_pole(*at) {
                over = Some(at.y);
                coords.extend(last.map(|last| Coord { x: last.x, y: 90.0_f64.copysign(at.y) }));
                continue;
            }
            let mut x = last.map_or(at.x, |last| nearest(at.x, last.x));
            if let (Some(pole), Some(last)) = (over.take(), last) {
                // The area lies between the meridians on the left of the way: west at the north pole, east at the south.
                let east = (at.x - last.x).rem_euclid(TURN);
                x = last.x + if pole > 0.0 && east > 0.0 { east - TURN } else { east };
                coords.push(Coord { x, y: 90.0_f64.copysign(pole) });
            }
            coords.push(Coord { x, y: at.y.clamp(-90.0, 90.0) });
        }
        let turned = coords.first().zip(coords.last()).filter(|_| closed).map_or(0.0, |(a, b)| b.x - a.x);
        Path { coords, turns: (turned / TURN).round() as i32 }
    }
}

/// The same longitude, at most half a turn from another.
fn nearest(x: f64, to: f64) -> f64 {
    // What is near is left as it is, exactly.
    let turns = ((to - x) / TURN).round();
    if turns == 0.0 { x } else { x + turns * TURN }
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::Rect;
    use rstest::rstest;

    fn path(crs: &str, line: &LineString<f64>) -> Path {
        Earth::new(&Crs::new(crs).expect("known"), 1e-7).expect("known").path(line).expect("on earth")
    }

    fn rect(x: f64, y: f64, width: f64, height: f64) -> LineString<f64> {
        Rect::new(Coord { x, y }, Coord { x: x + width, y: y + height }).to_polygon().exterior().clone()
    }

    #[rstest]
    #[case::around_the_south_pole("EPSG:3031", -30_000.0, -20_000.0, -1)]
    #[case::around_the_north_pole("EPSG:3413", -30_000.0, -20_000.0, 1)]
    #[case::beside_a_pole("EPSG:3031", 10.0, 10.0, 0)]
    #[case::a_corner_at_a_pole("EPSG:3031", 0.0, 0.0, 0)]
    #[case::a_side_over_a_pole("EPSG:3413", -30_000.0, 0.0, 0)]
    fn rings_turn_around_poles_that_they_hold(#[case] crs: &str, #[case] x: f64, #[case] y: f64, #[case] turns: i32) {
        let found = path(crs, &rect(x, y, 60_000.0, 40_000.0));
        assert_eq!(found.turns, turns);
        let widest = found.coords.windows(2).filter(|e| e[0].y.abs() < 90.0 || e[1].y.abs() < 90.0);
        assert!(widest.map(|e| (e[1].x - e[0].x).abs()).fold(0.0, f64::max) <= WIDE, "{found:?}");
    }

    #[test]
    fn degrees_go_on_beyond_180_and_are_left_as_they_are() {
        let found = path("EPSG:4326", &rect(179.0, -17.0, 2.0, 1.0));
        assert_eq!(format!("{:?}", found.range()), "[179.0, 181.0]");
        let world = path("EPSG:4326", &rect(-180.0, -90.0, 360.0, 180.0));
        assert_eq!(format!("{:?} {}", world.range(), world.turns), "[-180.0, 180.0] 0");
    }

    #[test]
    fn a_line_across_180_is_as_short_as_it_is() {
        let (x, y) = (819_000.0, 8_142_000.0);
        let found = path("EPSG:32760", &LineString::from(vec![(x - 4000.0, y), (x + 4000.0, y)]));
        let [low, high] = found.range();
        assert!(high - low < 0.1 && low < 180.0 && high > 180.0, "{found:?}");
    }

    #[test]
    fn a_long_edge_bends_as_it_does_on_the_earth() {
        let found = path("EPSG:32632", &LineString::from(vec![(300_000.0, 5_500_000.0), (700_000.0, 5_500_000.0)]));
        // Straight in longitude and latitude the line would pass 1.5 km beside its middle.
        assert!(found.coords.len() > 50 && found.coords.len() < 9000, "{}", found.coords.len());
        let middle = found.coords.iter().map(|c| (c.x - 9.0).abs()).fold(f64::MAX, f64::min);
        assert!(middle < 1e-9, "{middle}");
    }
}
