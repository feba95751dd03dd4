//! Polygons of a `GeoJSON` file, in longitude and latitude whatever system the file declares.

use std::path::Path;

use geo::{Coord, LineString, MultiPolygon, Polygon, Vector2DOps};
use serde_json::{Map, Value};

use super::{Crs, MapPoint, Projector, declared};
use crate::input;

/// Largest file that is read.
const FILE_BYTES: u64 = 64 << 20;

/// Longest piece of an edge that is projected as one, in degrees (about 1 km north, where a straight line in longitude
/// and latitude and a straight line on a map part by less than 10 cm).
const PIECE_DEG: f64 = 0.01;

/// Maximum number of pieces of an edge; only edges longer than 100° have more.
const MOST_PIECES: f64 = 10_000.0;

/// Longitudes may go on beyond 180°, by a turn.
const MOST_LONGITUDE: f64 = 360.0;

/// Polygons of one feature.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PolygonFeature {
    /// Empty for a bare geometry.
    pub(crate) properties: Map<String, Value>,
    /// In longitude and latitude; none where the geometry is null or empty.
    pub(crate) polygons: MultiPolygon<f64>,
}

/// Reads a geometry, a feature, a collection, or one feature per line.
///
/// # Errors
/// The reason, with the number of the feature from 1, when the file cannot be read, is something else, or holds points or
/// lines, numbers that are no positions, or a reference system that PROJ does not know.
pub(crate) fn read_polygons(path: &Path) -> Result<Vec<PolygonFeature>, String> {
    let bytes = input::read_whole(path, FILE_BYTES).map_err(|e| e.to_string())?;
    if let Some(format) = foreign(&bytes) {
        return Err(format!("it is {format}; convert it with `ogr2ogr -t_srs EPSG:4326 areas.geojson FILE`"));
    }
    drop(bytes);
    parse(&input::read_text(path, FILE_BYTES).map_err(|e| e.to_string())?)
}

/// Formats that are often taken for `GeoJSON`, by their first bytes.
fn foreign(bytes: &[u8]) -> Option<&'static str> {
    const FORMATS: [(&[u8], &str); 8] = [
        (b"SQLite format 3\0", "a GeoPackage (SQLite)"),
        (&[0, 0, 0x27, 0x0a], "a Shapefile"),
        (b"fgb", "a FlatGeobuf"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\x1f\x8b", "compressed by gzip"),
        (b"PAR1", "a GeoParquet"),
        (b"II*\0", "a TIFF"),
        (b"MM\0*", "a TIFF"),
    ];
    if let Some((_, name)) = FORMATS.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Some(name);
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    text.starts_with(b"<").then_some("XML (KML, GML or GPX)")
}

fn parse(text: &str) -> Result<Vec<PolygonFeature>, String> {
    let mut reader = Reader::default();
    // One text as a rule; features line by line as RFC 8142 and others write them.
    let plain = text.replace('\u{1e}', " ");
    let mut texts = 0;
    for value in serde_json::Deserializer::from_str(&plain).into_iter::<Value>() {
        let value = value.map_err(|e| format!("it is not JSON: {e}"))?;
        reader.text(value)?;
        texts += 1;
    }
    if texts == 0 {
        return Err("the file is empty".to_owned());
    }
    Ok(reader.found)
}

/// What was read so far.
#[derive(Default)]
struct Reader {
    found: Vec<PolygonFeature>,
    /// Ways to longitude and latitude of systems that the file declares.
    known: Vec<(String, Projector)>,
}

impl Reader {
    fn text(&mut self, mut value: Value) -> Result<(), String> {
        let member = value.get("crs").cloned();
        let kind = value.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        match kind.as_str() {
            "FeatureCollection" => {
                let Some(Value::Array(features)) = value.get_mut("features").map(Value::take) else {
                    return Err("a FeatureCollection without a list of features".to_owned());
                };
                features.into_iter().try_for_each(|feature| self.feature(feature, member.as_ref()))
            }
            "Feature" => self.feature(value, None),
            "Topology" => Err("it is TopoJSON".to_owned()),
            "" if value.get("rings").or(value.get("geometryType")).is_some() => Err("it is Esri JSON".to_owned()),
            "" => Err("it is not GeoJSON: it has no member \"type\"".to_owned()),
            _ => {
                let polygons = self.geometry(&value, None)?;
                self.found.push(PolygonFeature { properties: Map::new(), polygons });
                Ok(())
            }
        }
    }

    fn feature(&mut self, mut feature: Value, outer: Option<&Value>) -> Result<(), String> {
        let number = self.found.len() + 1;
        if feature.get("type").and_then(Value::as_str) != Some("Feature") {
            return Err(format!("feature {number}: it has no \"type\": \"Feature\""));
        }
        let member = feature.get("crs").or(outer).cloned();
        let geometry = feature.get("geometry").unwrap_or(&Value::Null);
        let polygons = self.geometry(geometry, member.as_ref()).map_err(|e| format!("feature {number}: {e}"))?;
        let properties = match feature.get_mut("properties").map(Value::take) {
            Some(Value::Object(properties)) => properties,
            _ => Map::new(),
        };
        self.found.push(PolygonFeature { properties, polygons });
        Ok(())
    }

    fn geometry(&mut self, geometry: &Value, outer: Option<&Value>) -> Result<MultiPolygon<f64>, String> {
        let mut polygons = Vec::new();
        collect(geometry, &mut polygons)?;
        let polygons = match declared::system(geometry.get("crs").or(outer))? {
            None => polygons,
            Some(system) => self.in_lon_lat(&system, &polygons)?,
        };
        polygons.iter().try_for_each(check)?;
        Ok(MultiPolygon(polygons))
    }

    fn in_lon_lat(&mut self, system: &str, polygons: &[Polygon<f64>]) -> Result<Vec<Polygon<f64>>, String> {
        if !self.known.iter().any(|(known, _)| known == system) {
            let crs = Crs::new(system).map_err(|e| format!("\"crs\": {e}"))?;
            let projector = Projector::new(&crs, &Crs::lon_lat()).map_err(|e| format!("\"crs\": {e}"))?;
            self.known.push((system.to_owned(), projector));
        }
        let projector = self.known.iter().find(|(known, _)| known == system).map(|(_, projector)| projector);
        let projector = projector.ok_or("\"crs\": no such system")?;
        let ring = |line: &LineString<f64>| bent(line, projector).map_err(|e| format!("in {system}: {e}"));
        let polygon = |p: &Polygon<f64>| -> Result<_, String> {
            Ok(Polygon::new(ring(p.exterior())?, p.interiors().iter().map(ring).collect::<Result<_, _>>()?))
        };
        polygons.iter().map(polygon).collect()
    }
}

/// The image of a ring in longitude and latitude, with more vertices on long edges.
fn bent(ring: &LineString<f64>, projector: &Projector) -> Result<LineString<f64>, super::CrsError> {
    let project = |x: f64, y: f64| projector.project(MapPoint { x, y }).map(|p| Coord { x: p.x, y: p.y });
    let mut image = Vec::with_capacity(ring.0.len());
    for line in ring.lines() {
        let (from, to) = (project(line.start.x, line.start.y)?, project(line.end.x, line.end.y)?);
        let count = pieces(to.x - from.x, to.y - from.y);
        image.push(from);
        for i in 1..count {
            let part = f64::from(i) / f64::from(count);
            image.push(project(line.start.x + line.dx() * part, line.start.y + line.dy() * part)?);
        }
    }
    Ok(LineString(image))
}

/// Number of pieces that an edge of so many degrees is projected in.
pub(super) fn pieces(dx: f64, dy: f64) -> u32 {
    (dx.abs().max(dy.abs()) / PIECE_DEG).ceil().clamp(1.0, MOST_PIECES) as u32
}

/// Adds the polygons of a geometry.
fn collect(geometry: &Value, out: &mut Vec<Polygon<f64>>) -> Result<(), String> {
    if geometry.is_null() {
        return Ok(());
    }
    let member = |name: &str| match geometry.get(name) {
        Some(Value::Array(list)) => Ok(list.as_slice()),
        _ => Err(format!("a geometry without a list of {name}")),
    };
    match geometry.get("type").and_then(Value::as_str) {
        Some("Polygon") => out.extend(polygon(member("coordinates")?)?),
        Some("MultiPolygon") => {
            for part in member("coordinates")? {
                out.extend(polygon(list(part, "rings")?)?);
            }
        }
        Some("GeometryCollection") => member("geometries")?.iter().try_for_each(|part| collect(part, out))?,
        Some(kind @ ("Point" | "MultiPoint" | "LineString" | "MultiLineString")) => {
            return Err(format!("it is a {kind}: points or lines enclose no area"));
        }
        Some(kind) => return Err(format!("geometry type {kind:?} is unknown")),
        None => return Err("a geometry without a type".to_owned()),
    }
    Ok(())
}

fn list<'a>(value: &'a Value, what: &str) -> Result<&'a [Value], String> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| format!("{} stands where a list of {what} should", shown(value)))
}

/// `None` for a polygon without rings.
fn polygon(rings: &[Value]) -> Result<Option<Polygon<f64>>, String> {
    let mut rings = rings.iter().map(ring).collect::<Result<Vec<_>, _>>()?.into_iter();
    Ok(rings.next().filter(|outer| !outer.0.is_empty()).map(|outer| Polygon::new(outer, rings.collect())))
}

fn ring(value: &Value) -> Result<LineString<f64>, String> {
    list(value, "positions")?.iter().map(position).collect::<Result<Vec<_>, _>>().map(LineString)
}

/// Longitude and latitude, or x and y; heights are left out.
fn position(value: &Value) -> Result<Coord<f64>, String> {
    let numbers = value.as_array().and_then(|list| Some((list.first()?.as_f64()?, list.get(1)?.as_f64()?)));
    let (x, y) = numbers.ok_or_else(|| format!("{} is no position (expected: two or three numbers)", shown(value)))?;
    Ok(Coord { x, y })
}

/// A value, shortened.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > 60 { text.chars().take(60).chain(['…']).collect() } else { text }
}

/// Refuses what lies beyond the earth or encloses no area.
fn check(polygon: &Polygon<f64>) -> Result<(), String> {
    let rings = std::iter::once(polygon.exterior()).chain(polygon.interiors());
    let degrees = |c: &&Coord<f64>| c.x.abs() <= MOST_LONGITUDE && c.y.abs() <= 90.0;
    if let Some(c) = rings.flat_map(|ring| &ring.0).find(|c| !degrees(c)) {
        return Err(format!("({}, {}) is not a longitude and latitude", c.x, c.y));
    }
    let vertices = &polygon.exterior().0;
    let first = vertices[0];
    let second = vertices.iter().find(|c| **c != first).copied().unwrap_or(first);
    let aside = |c: &Coord<f64>| (second - first).wedge_product(*c - first) != 0.0;
    if vertices.iter().any(aside) { Ok(()) } else { Err("a polygon without area".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::{Area, BoundingRect};
    use rstest::rstest;

    const RING: &str = "[[8,47],[9,47],[9,48],[8,48],[8,47]]";

    fn square() -> String {
        format!(r#"{{"type":"Polygon","coordinates":[{RING}]}}"#)
    }

    fn feature(geometry: &str) -> String {
        format!(r#"{{"type":"Feature","properties":{{"class":"road"}},"geometry":{geometry}}}"#)
    }

    fn collection(features: &[String], more: &str) -> String {
        format!(r#"{{"type":"FeatureCollection"{more},"features":[{}]}}"#, features.join(","))
    }

    fn areas(text: &str) -> Vec<f64> {
        let found = parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        found.iter().map(|f| (f.polygons.unsigned_area() * 1e6).round() / 1e6).collect()
    }

    #[test]
    fn every_form_is_read() {
        let (one, two) = (feature(&square()), feature("null"));
        let empty = feature(r#"{"type":"Polygon","coordinates":[]}"#);
        let nested = format!(
            r#"{{"type":"GeometryCollection","geometries":[{0},{{"type":"GeometryCollection","geometries":[{0}]}}]}}"#,
            square()
        );
        let unclosed = r#"{"type":"Polygon","coordinates":[[[8,47],[9,47],[9,48],[8,48]]]}"#;
        let heights = r#"{"type":"Polygon","coordinates":[[[8,47,1],[9,47,2],[9,48,3],[8,48,4],[8,47,1]]]}"#;
        let multi = format!(r#"{{"type":"MultiPolygon","coordinates":[[{RING}],[[[1,1],[2,1],[2,2],[1,1]]]]}}"#);
        for (text, expected) in [
            (square(), vec![1.0]),
            (one.clone(), vec![1.0]),
            (collection(&[one.clone(), two, empty], ""), vec![1.0, 0.0, 0.0]),
            (collection(&[], ""), vec![]),
            (format!("{one}\n{one}\n"), vec![1.0, 1.0]),
            (format!("\u{1e}{one}\n\u{1e}{one}\n"), vec![1.0, 1.0]),
            (nested, vec![2.0]),
            (unclosed.to_owned(), vec![1.0]),
            (heights.to_owned(), vec![1.0]),
            (multi, vec![1.5]),
        ] {
            assert_eq!(areas(&text), expected, "{text}");
        }
        assert_eq!(parse(&one).expect("read")[0].properties["class"], "road");
    }

    #[rstest]
    #[case::a_number(r#"{"type":"Polygon","coordinates":[[[8],[9,47],[9,48],[8]]]}"#, "[8] is no position")]
    #[case::nothing(r#"{"type":"Polygon","coordinates":[[[],[9,47],[9,48],[]]]}"#, "[] is no position")]
    #[case::null(r#"{"type":"Polygon","coordinates":[[[8,null],[9,47],[9,48],[8,47]]]}"#, "[8,null] is no position")]
    #[case::text(r#"{"type":"Polygon","coordinates":[[["8","47"],[9,47],[9,48]]]}"#, "is no position")]
    #[case::flat(r#"{"type":"Polygon","coordinates":[[8,47],[9,47]]}"#, "8 is no position")]
    #[case::no_list(r#"{"type":"Polygon","coordinates":null}"#, "without a list of coordinates")]
    #[case::a_point(r#"{"type":"Point","coordinates":[8,47]}"#, "points or lines")]
    #[case::a_line_in_a_collection(
        r#"{"type":"GeometryCollection","geometries":[{"type":"LineString","coordinates":[[8,47],[9,48]]}]}"#,
        "points or lines"
    )]
    #[case::metres(r#"{"type":"Polygon","coordinates":[[[500000,1],[2,1],[2,2],[500000,1]]]}"#, "(500000, 1)")]
    #[case::no_area(r#"{"type":"Polygon","coordinates":[[[8,47],[9,48],[10,49],[8,47]]]}"#, "without area")]
    #[case::curve(r#"{"type":"CurvePolygon","coordinates":[]}"#, "\"CurvePolygon\" is unknown")]
    fn what_is_no_polygon_names_the_feature(#[case] geometry: &str, #[case] words: &str) {
        let text = collection(&[feature(&square()), feature(geometry)], "");
        let error = parse(&text).expect_err("refused");
        assert!(error.starts_with("feature 2: ") && error.contains(words), "{error}");
    }

    #[rstest]
    #[case::nothing("", "empty")]
    #[case::words("hello", "not JSON")]
    #[case::cut_off(r#"{"type":"Polygon","coordinates":[[[8,47],[9"#, "not JSON")]
    #[case::no_features(r#"{"type":"FeatureCollection"}"#, "without a list of features")]
    #[case::null_features(r#"{"type":"FeatureCollection","features":null}"#, "without a list of features")]
    #[case::a_list("[1, 2]", "no member \"type\"")]
    #[case::esri(r#"{"rings":[[[8,47],[9,47],[9,48]]],"spatialReference":{"wkid":4326}}"#, "Esri JSON")]
    #[case::topology(r#"{"type":"Topology","arcs":[]}"#, "TopoJSON")]
    #[case::huge(r#"{"type":"Polygon","coordinates":[[[1e999,47],[9,47],[9,48]]]}"#, "not JSON")]
    fn anything_else_is_refused_with_a_reason(#[case] text: &str, #[case] words: &str) {
        let error = parse(text).expect_err("refused");
        assert!(error.contains(words), "{error}");
    }

    #[test]
    fn files_of_other_formats_are_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.geojson");
        for (bytes, words) in [
            (&b"SQLite format 3\0..."[..], "GeoPackage"),
            (&[0, 0, 0x27, 0x0a, 0, 0], "Shapefile"),
            (b"<?xml version=\"1.0\"?><kml/>", "KML"),
            (b"\xef\xbb\xbf  <kml/>", "KML"),
            (b"PK\x03\x04...", "ZIP"),
        ] {
            std::fs::write(&path, bytes).expect("written");
            let error = read_polygons(&path).expect_err("refused");
            assert!(error.contains(words) && error.contains("ogr2ogr"), "{error}");
        }
        assert!(read_polygons(folder.path()).is_err_and(|e| e.contains("a folder")));
    }

    #[rstest]
    #[case::collection_in_utm(
        r#","crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::32633"}}"#,
        "[[500000,5200000],[500100,5200000],[500100,5200100],[500000,5200000]]",
        [15.0, 46.95353, 15.00131, 46.95443]
    )]
    #[case::mercator(
        r#","crs":{"type":"name","properties":{"name":"EPSG:900913"}}"#,
        "[[0,0],[111319.490793,0],[111319.490793,111325.142866],[0,0]]",
        [0.0, 0.0, 1.0, 1.0]
    )]
    fn a_declared_system_is_brought_to_longitude_and_latitude(
        #[case] member: &str,
        #[case] ring: &str,
        #[case] expected: [f64; 4],
    ) {
        let geometry = format!(r#"{{"type":"Polygon","coordinates":[{ring}]}}"#);
        let found = parse(&collection(&[feature(&geometry)], member)).expect("read");
        let rect = found[0].polygons.bounding_rect().expect("there");
        let found = [rect.min().x, rect.min().y, rect.max().x, rect.max().y];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4), "{found:?}");
    }

    #[test]
    fn a_system_that_is_unknown_is_refused_by_name() {
        let member = r#","crs":{"type":"name","properties":{"name":"EPSG:999999"}}"#;
        let error = parse(&collection(&[feature(&square())], member)).expect_err("refused");
        assert!(error.contains("EPSG:999999"), "{error}");
    }
}
