//! An area of interest: where a map is wanted.

use std::path::Path;

use geo::{BoundingRect, Coord, Intersects, LineString, MultiPolygon, Polygon, Rect, Translate};
use thiserror::Error;

use super::polygon_file::{pieces, read_polygons};
use super::{Crs, CrsError, LonLatRange, MapBounds, MapPoint, PixelFrame, Projector, Window};

/// Where a map is wanted, as polygons in longitude and latitude.
#[derive(Debug, Clone, PartialEq)]
pub struct AreaOfInterest {
    /// Where it was read from.
    name: String,
    polygons: MultiPolygon<f64>,
}

/// A file that is no area of interest.
#[derive(Debug, Error)]
#[error(
    "area of interest {path}: {reason} (accepted: GeoJSON with Polygon or MultiPolygon, in longitude and latitude or with a crs member)"
)]
pub struct AreaError {
    /// The file.
    pub path: String,
    /// What is wrong.
    pub reason: String,
}

impl AreaOfInterest {
    /// Reads the polygons of a `GeoJSON` file (RFC 7946, and the member `crs` of 2008): a geometry, a feature, a collection, or
    /// a feature per line. Features without a geometry are left out.
    ///
    /// # Errors
    /// When the file cannot be read, is not `GeoJSON`, holds no polygon or something else than polygons, or its numbers
    /// are no positions on the earth.
    pub fn read(path: &Path) -> Result<Self, AreaError> {
        let name = path.display().to_string();
        let invalid = |reason: String| AreaError { path: name.clone(), reason };
        let features = read_polygons(path).map_err(invalid)?;
        let polygons: Vec<_> = features.into_iter().flat_map(|feature| feature.polygons).collect();
        if polygons.is_empty() {
            return Err(invalid("it holds no polygon".to_owned()));
        }
        Ok(Self { name, polygons: MultiPolygon(polygons) })
    }

    /// The file that it was read from.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The smallest upright rectangle around it, in degrees.
    #[must_use]
    pub fn lon_lat_bounds(&self) -> MapBounds {
        bounds(&self.polygons).expect("an area of interest has a polygon")
    }

    /// The polygons, in degrees.
    #[must_use]
    pub fn polygons(&self) -> &MultiPolygon<f64> {
        &self.polygons
    }

    /// The same area with edges of more than half a turn led across 180°, the short way; `None` where there are none.
    ///
    /// RFC 7946 asks writers to cut such polygons, and reads their edges the long way.
    #[must_use]
    pub fn across_180(&self) -> Option<Self> {
        let ring = |line: &LineString<f64>| {
            let mut turn = 0.0;
            let mut last = line.0.first().map_or(0.0, |c| c.x);
            let mut follow = |c: &Coord<f64>| {
                let step = c.x - last;
                last = c.x;
                if step.abs() > 180.0 {
                    turn -= 360.0_f64.copysign(step);
                }
                Coord { x: c.x + turn, y: c.y }
            };
            LineString(line.0.iter().map(&mut follow).collect())
        };
        let polygons: MultiPolygon<f64> = self.polygons.iter().map(|polygon| rings(polygon, &ring)).collect();
        (polygons != self.polygons).then(|| Self { name: self.name.clone(), polygons })
    }

    /// The area near a window of a grid, in the map space of the grid; long edges bend as they do on the earth.
    ///
    /// Areas far away, where the grid's reference system may have no image, are cut off.
    ///
    /// # Errors
    /// When PROJ knows no operation or a vertex has no image.
    pub fn near(&self, frame: &PixelFrame, window: &Window) -> Result<MapArea, CrsError> {
        let range = LonLatRange::around(frame, window)?.unwrap_or(LonLatRange::WORLD);
        let projector = Projector::new(&Crs::lon_lat(), &frame.crs)?;
        let (turn_x, wanted) = (turn_of(&projector), map_rect(&frame.bounds(window)));
        let mut near = Vec::new();
        for (part, home) in range.parts() {
            for turn in (-2..=2).map(|turn| 360.0 * f64::from(turn)) {
                for polygon in self.polygons.iter().filter_map(|polygon| clipped(polygon, turn, &part)) {
                    let image = projected(&polygon, home, &projector)?;
                    near.extend(turn_x.iter().flat_map(|x| [image.translate(-x, 0.0), image.translate(*x, 0.0)]));
                    near.push(image);
                }
            }
        }
        // A clipped edge may touch the grid's bounds from outside; a polygon that does not reach them is none of its own.
        near.retain(|polygon| polygon.bounding_rect().is_some_and(|rect| rect.intersects(&wanted)));
        Ok(MapArea { polygons: MultiPolygon(near) })
    }
}

/// Width of a turn around the earth in map units, where going around repeats the map: degrees, Mercator and their like.
fn turn_of(projector: &Projector) -> Option<f64> {
    let at = |x: f64| projector.project(MapPoint { x, y: 0.0 }).ok();
    let (west, middle, east) = (at(-90.0)?, at(0.0)?, at(90.0)?);
    let quarter = east.x - middle.x;
    let even = (middle.x - west.x - quarter).abs() <= quarter.abs() * 1e-6;
    let level = (east.y - west.y).abs().max((middle.y - west.y).abs()) <= quarter.abs() * 1e-6;
    (even && level && quarter != 0.0).then_some(4.0 * quarter)
}

/// A polygon whose rings are all changed.
fn rings(polygon: &Polygon<f64>, change: &impl Fn(&LineString<f64>) -> LineString<f64>) -> Polygon<f64> {
    Polygon::new(change(polygon.exterior()), polygon.interiors().iter().map(change).collect())
}

/// The part of a polygon, some degrees further east, inside a range; `None` where there is none.
fn clipped(polygon: &Polygon<f64>, turn: f64, range: &LonLatRange) -> Option<Polygon<f64>> {
    let moved = |line: &LineString<f64>| LineString(line.0.iter().map(|c| Coord { x: c.x + turn, y: c.y }).collect());
    let polygon = rings(polygon, &moved);
    let around = polygon.bounding_rect()?;
    let (min, max) = (around.min(), around.max());
    if min.x > range.east || max.x < range.west || min.y > range.north || max.y < range.south {
        return None;
    }
    if min.x >= range.west && max.x <= range.east && min.y >= range.south && max.y <= range.north {
        return Some(polygon);
    }
    let polygon = rings(&polygon, &|line| clip(line, range));
    (polygon.exterior().0.len() >= 4).then_some(polygon)
}

/// The part of a ring inside a range (I. E. Sutherland, G. W. Hodgman 1974): cut parts are joined along the border.
fn clip(ring: &LineString<f64>, range: &LonLatRange) -> LineString<f64> {
    let mut points = ring.0.clone();
    let sides: [(f64, f64, f64); 4] =
        [(1.0, 0.0, range.west), (-1.0, 0.0, -range.east), (0.0, 1.0, range.south), (0.0, -1.0, -range.north)];
    for (x, y, least) in sides {
        let depth = |c: &Coord<f64>| c.x * x + c.y * y - least;
        let mut kept = Vec::with_capacity(points.len() + 4);
        for pair in points.windows(2) {
            let (from, to) = (depth(&pair[0]), depth(&pair[1]));
            if from >= 0.0 {
                kept.push(pair[0]);
            }
            if (from >= 0.0) != (to >= 0.0) {
                kept.push(pair[0] + (pair[1] - pair[0]) * (from / (from - to)));
            }
        }
        kept.extend(kept.first().copied());
        points = kept;
    }
    LineString(points)
}

/// The image of a polygon, its longitudes written a turn further on or back.
fn projected(polygon: &Polygon<f64>, turn: f64, projector: &Projector) -> Result<Polygon<f64>, CrsError> {
    let ring = |line: &LineString<f64>| -> Result<LineString<f64>, CrsError> {
        let project =
            |c: MapPoint| projector.project(MapPoint { x: c.x + turn, y: c.y }).map(|p| Coord { x: p.x, y: p.y });
        densified(line).map(project).collect::<Result<Vec<_>, _>>().map(LineString)
    };
    Ok(Polygon::new(ring(polygon.exterior())?, polygon.interiors().iter().map(ring).collect::<Result<_, _>>()?))
}

/// The vertices of a ring, with more of them on long edges.
fn densified(ring: &LineString<f64>) -> impl Iterator<Item = MapPoint> {
    let last = ring.0.last().map(|c| MapPoint { x: c.x, y: c.y });
    let parts = ring.lines().flat_map(|line| {
        let (dx, dy) = (line.dx(), line.dy());
        let count = pieces(dx, dy);
        (0..count).map(move |i| {
            let part = f64::from(i) / f64::from(count);
            MapPoint { x: line.start.x + dx * part, y: line.start.y + dy * part }
        })
    });
    parts.chain(last)
}

/// An area of interest in the map space of one grid; empty where none lies near it.
#[derive(Debug, Clone, PartialEq)]
pub struct MapArea {
    polygons: MultiPolygon<f64>,
}

impl MapArea {
    /// Whether a rectangle of the map shares a point with the area.
    #[must_use]
    pub fn touches(&self, bounds: &MapBounds) -> bool {
        self.polygons.intersects(&map_rect(bounds))
    }

    /// The smallest upright rectangle around the area; `None` around nothing.
    #[must_use]
    pub fn bounds(&self) -> Option<MapBounds> {
        bounds(&self.polygons)
    }
}

fn map_rect(bounds: &MapBounds) -> Rect<f64> {
    let corner = |p: MapPoint| Coord { x: p.x, y: p.y };
    Rect::new(corner(bounds.min), corner(bounds.max))
}

fn bounds(polygons: &MultiPolygon<f64>) -> Option<MapBounds> {
    let rect = polygons.bounding_rect()?;
    let point = |c: Coord<f64>| MapPoint { x: c.x, y: c.y };
    Some(MapBounds { min: point(rect.min()), max: point(rect.max()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::georef::GeoTransform;
    use rstest::rstest;

    fn bounds(x: f64, y: f64, side: f64) -> MapBounds {
        MapBounds { min: MapPoint { x, y }, max: MapPoint { x: x + side, y: y + side } }
    }

    fn area(rings: &[&[[f64; 2]]]) -> AreaOfInterest {
        let ring = |ring: &[[f64; 2]]| LineString(ring.iter().map(|[x, y]| Coord { x: *x, y: *y }).collect());
        let polygons = rings.iter().map(|r| Polygon::new(ring(r), Vec::new())).collect();
        AreaOfInterest { name: "test".to_owned(), polygons: MultiPolygon(polygons) }
    }

    fn rectangle(west: f64, south: f64, east: f64, north: f64) -> AreaOfInterest {
        area(&[&[[west, south], [east, south], [east, north], [west, north], [west, south]]])
    }

    fn grid(crs: &str, transform: [f64; 6]) -> PixelFrame {
        let transform = GeoTransform::new(transform).expect("regular");
        PixelFrame { crs: Crs::new(crs).expect("known"), transform }
    }

    const WINDOW: Window = Window::new(0, 0, 200, 200);

    /// Whether the middle of the window of a grid is in the area.
    fn touches(area: &AreaOfInterest, frame: &PixelFrame) -> bool {
        let middle = frame.bounds(&Window::new(100, 100, 1, 1));
        area.near(frame, &WINDOW).expect("projects").touches(&middle)
    }

    #[test]
    fn a_missing_file_and_one_without_polygons_are_named() {
        let error = AreaOfInterest::read(Path::new("no-such.geojson")).expect_err("missing").to_string();
        assert!(error.contains("no-such.geojson") && error.matches("No such file").count() == 1, "{error}");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.geojson");
        std::fs::write(&path, r#"{"type":"FeatureCollection","features":[]}"#).expect("written");
        let error = AreaOfInterest::read(&path).expect_err("empty").to_string();
        assert!(error.contains("a.geojson") && error.contains("no polygon"), "{error}");
    }

    #[test]
    fn long_edges_bend_with_the_map() {
        let frame = grid("EPSG:32632", [420_000.0, 1000.0, 0.0, 5_320_000.0, 0.0, -1000.0]);
        let utm = rectangle(8.0, 47.0, 9.0, 48.0).near(&frame, &WINDOW).expect("projects");
        // The parallel of 47° sags in UTM: the straight chord between the corners would pass 60 m further south.
        let foot = utm.bounds().expect("near").min;
        assert!(!utm.touches(&bounds(foot.x - 100.0, foot.y - 5000.0, 99.0)));
        assert!(utm.touches(&bounds(foot.x + 30_000.0, foot.y + 30_000.0, 10.0)));
        let projector = Projector::new(&Crs::lon_lat(), &Crs::new("EPSG:32632").expect("known")).expect("known");
        let middle = projector.project(MapPoint { x: 8.5, y: 47.0 }).expect("inside");
        assert!(utm.touches(&bounds(middle.x - 0.5, middle.y, 1.0)));
        assert!(!utm.touches(&bounds(middle.x - 0.5, middle.y - 2.0, 1.0)));
    }

    #[rstest]
    #[case::utm("EPSG:32633", [500_000.0, 0.5, 0.0, 5_200_000.0, 0.0, -0.5])]
    #[case::utm_at_180("EPSG:32660", [830_000.0, 0.5, 0.0, 5_500_000.0, 0.0, -0.5])]
    #[case::mercator("EPSG:3857", [9_519_391.0, 0.15, 0.0, 3_203_475.0, 0.0, -0.15])]
    #[case::degrees("EPSG:4326", [15.0, 5e-6, 0.0, 47.0, 0.0, -5e-6])]
    #[case::degrees_beyond_180("EPSG:4326", [180.5, 5e-6, 0.0, 47.0, 0.0, -5e-6])]
    #[case::north_pole("EPSG:3413", [-50.0, 0.5, 0.0, 50.0, 0.0, -0.5])]
    #[case::near_the_south_pole("EPSG:3031", [1000.0, 0.5, 0.0, 5000.0, 0.0, -0.5])]
    #[case::lambert("EPSG:2154", [650_000.0, 0.5, 0.0, 6_860_000.0, 0.0, -0.5])]
    #[case::swiss("EPSG:2056", [2_600_000.0, 0.5, 0.0, 1_200_000.0, 0.0, -0.5])]
    fn the_world_holds_every_grid(#[case] crs: &str, #[case] transform: [f64; 6]) {
        let frame = grid(crs, transform);
        assert!(touches(&rectangle(-180.0, -90.0, 180.0, 90.0), &frame), "the world");
        assert!(touches(&rectangle(0.0, -90.0, 360.0, 90.0), &frame), "the world from 0 to 360");
        let halves = area(&[
            &[[-180.0, -90.0], [0.0, -90.0], [0.0, 90.0], [-180.0, 90.0], [-180.0, -90.0]],
            &[[0.0, -90.0], [180.0, -90.0], [180.0, 90.0], [0.0, 90.0], [0.0, -90.0]],
        ]);
        assert!(touches(&halves, &frame), "two hemispheres");
    }

    #[test]
    fn a_hemisphere_holds_its_half_and_no_more() {
        let frame = grid("EPSG:32633", [500_000.0, 0.5, 0.0, 5_200_000.0, 0.0, -0.5]); // 15° E, 47° N
        assert!(touches(&rectangle(-80.0, -60.0, 110.0, 80.0), &frame));
        assert!(touches(&rectangle(-25.0, 35.0, 45.0, 72.0), &frame));
        assert!(!touches(&rectangle(-180.0, -90.0, 14.9, 90.0), &frame));
        assert!(!touches(&rectangle(-180.0, -90.0, 180.0, 46.9), &frame));
        let hole = LineString(
            vec![[10.0, 40.0], [20.0, 40.0], [20.0, 50.0], [10.0, 50.0], [10.0, 40.0]]
                .into_iter()
                .map(|[x, y]| Coord { x, y })
                .collect(),
        );
        let mut world = rectangle(-180.0, -90.0, 180.0, 90.0);
        world.polygons.0[0].interiors_push(hole);
        assert!(!touches(&world, &frame), "a hole around the grid");
    }

    #[test]
    fn an_area_across_180_is_read_in_each_way_that_it_is_written() {
        // 179.97° E to 180.0°: UTM zone 60; zone 1 lies on the other side.
        let east = grid("EPSG:32660", [713_000.0, 10.0, 0.0, 5_500_000.0, 0.0, -10.0]);
        let west = grid("EPSG:32601", [287_000.0, 10.0, 0.0, 5_500_000.0, 0.0, -10.0]);
        let beyond = rectangle(179.0, 49.0, 181.0, 50.0);
        let cut = area(&[
            &[[179.0, 49.0], [180.0, 49.0], [180.0, 50.0], [179.0, 50.0], [179.0, 49.0]],
            &[[-180.0, 49.0], [-179.0, 49.0], [-179.0, 50.0], [-180.0, 50.0], [-180.0, 49.0]],
        ]);
        let uncut = rectangle(179.0, 49.0, -179.0, 50.0);
        for frame in [&east, &west] {
            assert!(touches(&beyond, frame) && touches(&cut, frame));
            assert!(!touches(&uncut, frame), "RFC 7946 reads it the long way");
            assert!(touches(&uncut.across_180().expect("an edge of more than half a turn"), frame));
        }
        assert!(beyond.across_180().is_none());
    }

    #[test]
    fn a_ring_that_crosses_itself_holds_both_its_halves() {
        let bow = area(&[&[[8.0, 47.0], [9.0, 48.0], [9.0, 47.0], [8.0, 48.0], [8.0, 47.0]]]);
        let frame = |lon: f64, lat: f64| grid("EPSG:4326", [lon, 1e-5, 0.0, lat, 0.0, -1e-5]);
        assert!(touches(&bow, &frame(8.1, 47.5)) && touches(&bow, &frame(8.9, 47.5)));
        assert!(!touches(&bow, &frame(8.5, 47.1)) && !touches(&bow, &frame(8.5, 47.9)));
    }
}
