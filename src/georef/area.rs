//! An area of interest: where a map is wanted.

use std::path::Path;

use geo::{BoundingRect, Coord, Geometry, Intersects, LineString, MultiPolygon, Polygon, Rect};
use geojson::GeoJson;
use thiserror::Error;

use super::{Crs, CrsError, MapBounds, MapPoint, Projector};

/// The longest piece of an edge that is projected as one, in degrees (about 1 km north, where a straight line
/// in longitude and latitude and a straight line on a map part by less than 10 cm).
const PIECE_DEG: f64 = 0.01;

/// The most pieces of an edge; only edges longer than 100° have more.
const MOST_PIECES: f64 = 10_000.0;

/// Where a map is wanted, as polygons in longitude and latitude.
#[derive(Debug, Clone, PartialEq)]
pub struct AreaOfInterest {
    /// Where it was read from.
    name: String,
    polygons: MultiPolygon<f64>,
}

/// Why a file is no area of interest.
#[derive(Debug, Error)]
pub enum AreaError {
    /// It cannot be read.
    #[error("area of interest {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It holds something else.
    #[error(
        "area of interest {path}: {reason} (accepted: GeoJSON with Polygon or MultiPolygon in longitude and latitude)"
    )]
    Invalid {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
}

impl AreaOfInterest {
    /// Reads the polygons of a GeoJSON file (RFC 7946): a geometry, a feature or a collection; other geometries are refused.
    ///
    /// # Errors
    /// When the file cannot be read, is not GeoJSON, holds no polygon or something else than polygons, or its numbers
    /// are no degrees.
    pub fn read(path: &Path) -> Result<Self, AreaError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| AreaError::Read { path: name.clone(), source })?;
        match Self::parse(&text) {
            Ok(area) => Ok(Self { name, ..area }),
            Err(reason) => Err(AreaError::Invalid { path: name, reason }),
        }
    }

    /// The file that it was read from.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The smallest upright rectangle around it, in degrees.
    #[must_use]
    pub fn lon_lat_bounds(&self) -> MapBounds {
        bounds(&self.polygons)
    }

    /// The polygons, in degrees.
    #[must_use]
    pub fn polygons(&self) -> &MultiPolygon<f64> {
        &self.polygons
    }

    /// The area in the map space of a reference system; long edges bend as they do on the earth.
    ///
    /// # Errors
    /// When PROJ knows no operation or a vertex has no image.
    pub fn in_crs(&self, crs: &Crs) -> Result<MapArea, CrsError> {
        let projector = Projector::new(&Crs::lon_lat(), crs)?;
        let ring = |line: &LineString<f64>| -> Result<LineString<f64>, CrsError> {
            let project = |c| projector.project(c).map(|p| Coord { x: p.x, y: p.y });
            densified(line).map(project).collect::<Result<Vec<_>, _>>().map(LineString)
        };
        let polygon = |p: &Polygon<f64>| -> Result<Polygon<f64>, CrsError> {
            let holes = p.interiors().iter().map(ring).collect::<Result<_, _>>()?;
            Ok(Polygon::new(ring(p.exterior())?, holes))
        };
        Ok(MapArea { polygons: self.polygons.iter().map(polygon).collect::<Result<_, CrsError>>()? })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let json: GeoJson = text.parse().map_err(|e: geojson::Error| e.to_string())?;
        let geometry = Geometry::<f64>::try_from(json).map_err(|e| e.to_string())?;
        let mut polygons = Vec::new();
        collect(geometry, &mut polygons)?;
        let degrees = |c: &Coord<f64>| c.x.abs() <= 180.0 && c.y.abs() <= 90.0;
        let rings = || polygons.iter().flat_map(|p| std::iter::once(p.exterior()).chain(p.interiors()));
        if let Some(c) = rings().flat_map(|ring| &ring.0).find(|c| !degrees(c)) {
            return Err(format!("({}, {}) is not a longitude and latitude", c.x, c.y));
        }
        if polygons.is_empty() || rings().any(|ring| ring.0.len() < 4) {
            return Err("there is no polygon in it, or one without area".to_owned());
        }
        Ok(Self { name: String::new(), polygons: MultiPolygon(polygons) })
    }
}

fn collect(geometry: Geometry<f64>, out: &mut Vec<Polygon<f64>>) -> Result<(), String> {
    match geometry {
        Geometry::Polygon(polygon) => out.push(polygon),
        Geometry::MultiPolygon(polygons) => out.extend(polygons),
        Geometry::GeometryCollection(parts) => parts.into_iter().try_for_each(|part| collect(part, out))?,
        _ => return Err("it holds points or lines".to_owned()),
    }
    Ok(())
}

/// The vertices of a ring, with more of them on long edges.
fn densified(ring: &LineString<f64>) -> impl Iterator<Item = MapPoint> {
    let last = ring.0.last().map(|c| MapPoint { x: c.x, y: c.y });
    let pieces = ring.lines().flat_map(|line| {
        let (dx, dy) = (line.dx(), line.dy());
        let count = (dx.abs().max(dy.abs()) / PIECE_DEG).ceil().clamp(1.0, MOST_PIECES);
        (0..count as u32).map(move |i| {
            let part = f64::from(i) / count;
            MapPoint { x: line.start.x + dx * part, y: line.start.y + dy * part }
        })
    });
    pieces.chain(last)
}

/// An area of interest in the map space of one reference system.
#[derive(Debug, Clone, PartialEq)]
pub struct MapArea {
    polygons: MultiPolygon<f64>,
}

impl MapArea {
    /// Whether a rectangle of the map shares a point with the area.
    #[must_use]
    pub fn touches(&self, bounds: &MapBounds) -> bool {
        let corner = |p: MapPoint| Coord { x: p.x, y: p.y };
        self.polygons.intersects(&Rect::new(corner(bounds.min), corner(bounds.max)))
    }

    /// The smallest upright rectangle around the area.
    #[must_use]
    pub fn bounds(&self) -> MapBounds {
        bounds(&self.polygons)
    }
}

fn bounds(polygons: &MultiPolygon<f64>) -> MapBounds {
    let rect = polygons.bounding_rect().expect("an area of interest has a polygon");
    let point = |c: Coord<f64>| MapPoint { x: c.x, y: c.y };
    MapBounds { min: point(rect.min()), max: point(rect.max()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const FIELD: &str = r#"{"type":"Polygon","coordinates":[[[8,47],[9,47],[9,48],[8,48],[8,47]]]}"#;

    fn bounds(x: f64, y: f64, side: f64) -> MapBounds {
        MapBounds { min: MapPoint { x, y }, max: MapPoint { x: x + side, y: y + side } }
    }

    #[test]
    fn every_form_of_geojson_is_read() {
        let feature = format!(r#"{{"type":"Feature","properties":null,"geometry":{FIELD}}}"#);
        let collection = format!(r#"{{"type":"FeatureCollection","features":[{feature},{feature}]}}"#);
        for (text, count) in [(FIELD, 1), (&feature, 1), (&collection, 2)] {
            assert_eq!(AreaOfInterest::parse(text).map(|a| a.polygons.0.len()), Ok(count), "{text}");
        }
    }

    #[rstest]
    #[case::not_json("hello", "expected")]
    #[case::a_point(r#"{"type":"Point","coordinates":[8,47]}"#, "points or lines")]
    #[case::metres(r#"{"type":"Polygon","coordinates":[[[500000,1],[2,1],[2,2],[500000,1]]]}"#, "(500000, 1)")]
    #[case::nothing(r#"{"type":"FeatureCollection","features":[]}"#, "no polygon")]
    fn anything_else_is_refused_with_a_reason(#[case] text: &str, #[case] reason: &str) {
        let error = AreaOfInterest::parse(text).expect_err("refused");
        assert!(error.contains(reason), "{error}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = AreaOfInterest::read(Path::new("no-such.geojson")).expect_err("missing");
        assert!(error.to_string().contains("no-such.geojson"), "{error}");
    }

    #[test]
    fn long_edges_bend_with_the_map() {
        let area = AreaOfInterest::parse(FIELD).expect("a polygon");
        let utm = area.in_crs(&Crs::new("EPSG:32632").expect("known")).expect("projects");
        // The parallel of 47° sags in UTM: the straight chord between the corners would pass 60 m further south.
        let foot = utm.bounds().min;
        assert!(!utm.touches(&bounds(foot.x - 100.0, foot.y - 5000.0, 99.0)));
        assert!(utm.touches(&bounds(foot.x + 30_000.0, foot.y + 30_000.0, 10.0)));
        let projector = Projector::new(&Crs::lon_lat(), &Crs::new("EPSG:32632").expect("known")).expect("known");
        let middle = projector.project(MapPoint { x: 8.5, y: 47.0 }).expect("inside");
        assert!(utm.touches(&bounds(middle.x - 0.5, middle.y, 1.0)));
        assert!(!utm.touches(&bounds(middle.x - 0.5, middle.y - 2.0, 1.0)));
    }
}
