//! Areas and lengths of shapes on the ground, however large they are.

use geo::{LineString, Polygon};

use super::ground::{ECCENTRICITY_2, SEMI_MAJOR_M, in_space};
use super::{Crs, CrsError, MapPoint, Projector};

/// The longest piece of an edge that is taken for straight, in metres: a straight line of the map and one on the ground part
/// by some centimetres over it.
const PIECE_M: f64 = 1000.0;

/// The most pieces of an edge.
const MOST_PIECES: f64 = 20_000.0;

/// Measures shapes of a map on the WGS 84 ellipsoid: regions of a metre and of a continent alike, over a pole or across
/// 180° too. It holds PROJ objects: make one on each thread.
pub struct Measure {
    to_lon_lat: Projector,
}

/// A vertex on its way along a ring: on the map, and in metres from the middle of the earth.
#[derive(Clone, Copy)]
struct Station {
    map: MapPoint,
    lon_lat: MapPoint,
    space: [f64; 3],
}

impl Measure {
    /// For shapes in the map space of a reference system.
    ///
    /// # Errors
    /// When PROJ has no way from `crs` to longitude and latitude.
    pub fn new(crs: &Crs) -> Result<Self, CrsError> {
        Ok(Self { to_lon_lat: Projector::new(crs, &Crs::lon_lat())? })
    }

    /// The area of a polygon, without its holes, in square metres.
    ///
    /// # Errors
    /// When a vertex has no image.
    pub fn area_m2(&self, polygon: &Polygon<f64>) -> Result<f64, CrsError> {
        let exterior = self.ring_area_m2(polygon.exterior())?;
        polygon.interiors().iter().try_fold(exterior, |left, hole| Ok(left - self.ring_area_m2(hole)?))
    }

    /// The length of all rings of a polygon in metres.
    ///
    /// # Errors
    /// When a vertex has no image.
    pub fn perimeter_m(&self, polygon: &Polygon<f64>) -> Result<f64, CrsError> {
        let holes = polygon.interiors().iter();
        holes.chain([polygon.exterior()]).try_fold(0.0, |sum, ring| Ok(sum + self.length_m(ring)?))
    }

    /// The length of a line in metres.
    ///
    /// # Errors
    /// When a vertex has no image.
    pub fn length_m(&self, line: &LineString<f64>) -> Result<f64, CrsError> {
        let (mut length, mut last) = (0.0, None);
        self.walk(line, |at| {
            length += last.map_or(0.0, |from| distance(from, at.space));
            last = Some(at.space);
        })?;
        Ok(length)
    }

    /// By the surveyor's formula in an equal-area map around the pole that is nearer, where no meridian is a border.
    fn ring_area_m2(&self, ring: &LineString<f64>) -> Result<f64, CrsError> {
        let (mut first, mut last, mut twice) = (None, [0.0; 2], 0.0);
        self.walk(ring, |at| {
            let (north, origin) = *first.get_or_insert_with(|| {
                let north = at.lon_lat.y >= 0.0;
                (north, equal_area(at.lon_lat, north))
            });
            let [x, y] = equal_area(at.lon_lat, north);
            let [x, y] = [x - origin[0], y - origin[1]];
            twice += last[0] * y - last[1] * x;
            last = [x, y];
        })?;
        Ok((twice / 2.0).abs())
    }

    /// Visits the vertices of a line, and places between those that lie far apart.
    fn walk(&self, line: &LineString<f64>, mut visit: impl FnMut(&Station)) -> Result<(), CrsError> {
        let mut last: Option<Station> = None;
        for c in &line.0 {
            let to = self.station(MapPoint { x: c.x, y: c.y })?;
            if let Some(from) = last {
                let pieces = (distance(from.space, to.space) / PIECE_M).ceil().clamp(1.0, MOST_PIECES);
                for i in 1..pieces as u32 {
                    let part = f64::from(i) / pieces;
                    let between = |a: f64, b: f64| a + (b - a) * part;
                    let map = MapPoint { x: between(from.map.x, to.map.x), y: between(from.map.y, to.map.y) };
                    visit(&self.station(map)?);
                }
            }
            visit(&to);
            last = Some(to);
        }
        Ok(())
    }

    fn station(&self, map: MapPoint) -> Result<Station, CrsError> {
        let lon_lat = self.to_lon_lat.project(map)?;
        Ok(Station { map, lon_lat, space: in_space(lon_lat) })
    }
}

fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    ((a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2) + (a[2] - b[2]).powi(2)).sqrt()
}

/// A position in degrees on Lambert's azimuthal equal-area map around a pole, in metres (J. P. Snyder, Map projections, a
/// working manual, 1987, 24-23 to 24-25).
fn equal_area(p: MapPoint, north: bool) -> [f64; 2] {
    let sin = p.y.to_radians().sin();
    let sin = if north { sin } else { -sin };
    let from_pole = (authalic(1.0) - authalic(sin)).max(0.0).sqrt() * SEMI_MAJOR_M;
    let (lon_sin, lon_cos) = p.x.to_radians().sin_cos();
    [from_pole * lon_cos, from_pole * lon_sin]
}

/// The q of a latitude by its sine (Snyder, 3-12).
fn authalic(sin: f64) -> f64 {
    let e = ECCENTRICITY_2.sqrt();
    let es = e * sin;
    (1.0 - ECCENTRICITY_2) * (sin / (1.0 - es * es) + es.atanh() / e)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::georef::{GeoTransform, Ground, PixelPoint};
    use geo::{Coord, GeodesicArea, MapCoords, Rect};
    use proptest::prelude::*;
    use rstest::rstest;

    fn rect(x: f64, y: f64, width: f64, height: f64) -> Polygon<f64> {
        Rect::new(Coord { x, y }, Coord { x: x + width, y: y + height }).to_polygon()
    }

    /// As Karney's geodesic area tells of many short edges.
    fn geodesic(crs: &Crs, polygon: &Polygon<f64>) -> (f64, f64) {
        let to_lon_lat = Projector::new(crs, &Crs::lon_lat()).expect("known");
        let dense = |ring: &LineString<f64>| -> LineString<f64> {
            let pieces = |l: geo::Line<f64>| (0..2000).map(move |i| l.start + l.delta() * (f64::from(i) / 2000.0));
            ring.lines().flat_map(pieces).chain(ring.0.last().copied()).collect()
        };
        let place = |c: Coord<f64>| {
            let p = to_lon_lat.project(MapPoint { x: c.x, y: c.y }).expect("on earth");
            Coord { x: p.x, y: p.y }
        };
        let dense = Polygon::new(dense(polygon.exterior()), polygon.interiors().iter().map(dense).collect());
        let placed = dense.map_coords(place);
        let ring_area = |ring: &LineString<f64>| Polygon::new(ring.clone(), Vec::new()).geodesic_area_signed().abs();
        let holes: f64 = placed.interiors().iter().map(ring_area).sum();
        (ring_area(placed.exterior()) - holes, placed.geodesic_perimeter())
    }

    #[rstest]
    #[case::a_house_in_utm("EPSG:32632", rect(500_000.0, 5_200_000.0, 12.0, 9.0))]
    #[case::a_zone_of_utm("EPSG:32632", rect(300_000.0, 5_200_000.0, 400_000.0, 100_000.0))]
    #[case::web_mercator("EPSG:3857", rect(900_000.0, 6_000_000.0, 330_000.0, 400_000.0))]
    #[case::three_degrees("EPSG:4326", rect(8.0, 46.0, 3.0, 3.0))]
    #[case::across_180("EPSG:32660", rect(700_000.0, 7_000_000.0, 300_000.0, 200_000.0))]
    #[case::over_the_equator("EPSG:4326", rect(10.0, -20.0, 3.0, 30.0))]
    #[case::beside_the_south_pole("EPSG:3031", rect(20_000.0, -30_000.0, 100_000.0, 70_000.0))]
    #[case::with_a_hole("EPSG:32632", Polygon::new(
        rect(400_000.0, 5_200_000.0, 100_000.0, 100_000.0).exterior().clone(),
        vec![rect(430_000.0, 5_220_000.0, 30_000.0, 30_000.0).exterior().0.iter().rev().copied().collect()],
    ))]
    fn areas_and_lengths_are_those_of_geodesics(#[case] crs: &str, #[case] polygon: Polygon<f64>) {
        let crs = Crs::new(crs).expect("known");
        let measure = Measure::new(&crs).expect("known");
        let (area, perimeter) = geodesic(&crs, &polygon);
        let found = measure.area_m2(&polygon).expect("on earth");
        assert!((found / area - 1.0).abs() < 1e-5, "{found} m², not {area}");
        let found = measure.perimeter_m(&polygon).expect("on earth");
        assert!((found / perimeter - 1.0).abs() < 1e-5, "{found} m, not {perimeter}");
    }

    #[test]
    fn the_ground_over_a_pole_counts() {
        let crs = Crs::new("EPSG:3031").expect("known");
        let found = Measure::new(&crs).expect("known").area_m2(&rect(-30_000.0, -20_000.0, 60_000.0, 40_000.0));
        let expected = 60_000.0 * 40_000.0 / 0.97276_f64.powi(2);
        assert!((found.expect("on earth") / expected - 1.0).abs() < 1e-3);
    }

    proptest! {
        #[test]
        fn small_areas_are_those_of_pixels(x in -900.0..900.0f64, y in -9000.0..9000.0f64, side in 1.0..90.0f64) {
            let crs = Crs::new("EPSG:32632").expect("known");
            let transform = GeoTransform::new([500_000.0, 0.25, 0.0, 5_200_000.0, 0.0, -0.25]).expect("regular");
            let ground = Ground::new(transform, &crs).expect("known");
            let polygon = rect(500_000.0 + x, 5_200_000.0 + y, side, side);
            let at = transform.to_raster(MapPoint { x: 500_000.0 + x, y: 5_200_000.0 + y });
            let scale = ground.scale_at(PixelPoint { col: at.col, row: at.row }).expect("inside");
            let expected = side * side * 16.0 * scale.pixel_area_m2();
            let found = Measure::new(&crs).expect("known").area_m2(&polygon).expect("on earth");
            prop_assert!((found / expected - 1.0).abs() < 1e-5, "{found} m², not {expected}");
        }
    }
}
