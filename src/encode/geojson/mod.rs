//! GeoJSON (RFC 7946), written feature by feature: longitude and latitude on WGS 84.
//!
//! Numbers have seven decimals (1 cm), more where a quarter of a pixel needs them. A polygon whose borders come together in
//! these steps is written in the valid parts that are left of it. What leads across 180° is cut there, what holds a pole is
//! closed over it, and long edges get vertices where straight lines of the map bend on the earth.

mod earth;
mod pieces;
mod steps;

pub use pieces::{Pieces, Place};

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use geo::LineString;
use serde_json::{Map, Value as Json};
use thiserror::Error;

use super::attributes::{Classes, Key, Number, Value, tell, tell_centreline};
use super::filter::Selection;
use crate::feature::{Centreline, Feature, FeatureId};
use crate::georef::{CrsError, Ground, PixelFrame, PixelPoint, hull};

use earth::{Earth, Path, wound};
use steps::{Decimals, Degrees, Ring, Rounder, line_parts};

/// The media type of a collection.
pub const MEDIA_TYPE: &str = "application/geo+json";

/// How features follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// One `FeatureCollection`.
    Collection,
    /// A feature a line.
    Lines,
    /// A record separator before each feature (RFC 8142, `application/geo+json-seq`).
    Records,
}

/// Why features cannot be written.
#[derive(Debug, Error)]
pub enum GeoJsonError {
    /// A vertex has no longitude and latitude.
    #[error("feature {fid} has no place on earth: {cause}")]
    Position {
        /// The feature.
        fid: u64,
        /// Which vertex, and what PROJ said.
        cause: CrsError,
    },
    /// PROJ has no way to longitude and latitude.
    #[error(transparent)]
    Crs(#[from] CrsError),
    /// The bytes go nowhere.
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// Writes features, one after the other.
///
/// # Errors
/// When a vertex has no image or `out` takes no more.
pub fn write(out: &mut impl Write, selection: &Selection<'_>, framing: Framing) -> Result<(), GeoJsonError> {
    if framing == Framing::Collection {
        return write_collection(out, selection, &Map::new());
    }
    let writer = FeatureWriter::new(selection)?;
    for feature in &selection.features {
        if framing == Framing::Records {
            out.write_all(b"\x1e")?;
        }
        writer.feature(out, feature)?;
        out.write_all(b"\n")?;
    }
    for line in &selection.centrelines {
        if framing == Framing::Records {
            out.write_all(b"\x1e")?;
        }
        writer.centreline(out, line)?;
        out.write_all(b"\n")?;
    }
    writer.log();
    Ok(())
}

/// Writes one `FeatureCollection` with further members (RFC 7946, 6.1), such as `numberMatched`.
///
/// # Errors
/// As [`write()`].
pub fn write_collection(
    out: &mut impl Write,
    selection: &Selection<'_>,
    members: &Map<String, Json>,
) -> Result<(), GeoJsonError> {
    let writer = FeatureWriter::new(selection)?;
    out.write_all(b"{\"type\":\"FeatureCollection\"")?;
    for (name, value) in members {
        write!(out, ",{}:{value}", Json::from(name.as_str()))?;
    }
    if let Some(wsen) = writer.wsen(selection)? {
        out.write_all(b",\"bbox\":[")?;
        separated(out, wsen, |out, v| Degrees::nearest(v, writer.place.decimals).write(out))?;
        out.write_all(b"]")?;
    }
    out.write_all(b",\"features\":[\n")?;
    for (i, feature) in selection.features.iter().enumerate() {
        if i > 0 {
            out.write_all(b",\n")?;
        }
        writer.feature(out, feature)?;
    }
    for (i, line) in selection.centrelines.iter().enumerate() {
        if i + selection.features.len() > 0 {
            out.write_all(b",\n")?;
        }
        writer.centreline(out, line)?;
    }
    out.write_all(b"\n]}\n")?;
    writer.log();
    Ok(())
}

/// Writes single features of one map space. It holds PROJ objects: make one on each thread.
struct FeatureWriter<'a> {
    classes: Classes<'a>,
    place: Rc<Surface>,
    rounder: RefCell<Rounder>,
}

/// How long a degree of latitude is, in metres.
const DEGREE_M: f64 = 111_320.0;

/// The way from one map space to longitude and latitude, and how precisely positions are written.
struct Surface {
    earth: Earth,
    decimals: Decimals,
}

impl<'a> FeatureWriter<'a> {
    fn new(selection: &Selection<'a>) -> Result<Self, CrsError> {
        Ok(Place::of(selection.frame)?.writer(selection.scheme))
    }

    /// The smallest rectangle around all: west, south, east, north in degrees; `None` when there are none.
    ///
    /// West lies east of east across the antimeridian (RFC 7946, 5.2).
    fn wsen(&self, selection: &Selection<'_>) -> Result<Option<[f64; 4]>, GeoJsonError> {
        let (mut ranges, mut south, mut north) = (Vec::new(), f64::MAX, f64::MIN);
        let outlines = selection.features.iter().map(|f| (f.id, wound(&f.polygon).0.clone()));
        for (id, line) in outlines.chain(selection.centrelines.iter().map(|l| (l.id, l.line.clone()))) {
            let Some((range, [low, high])) = self.path(id, &line)?.extent() else { continue };
            ranges.push(range);
            (south, north) = (south.min(low), north.max(high));
        }
        let found = hull(ranges, [-180.0, 180.0]);
        Ok(found.map(|[west, east]| [west, south, if east > 180.0 { east - 360.0 } else { east }, north]))
    }

    /// The longitudes and latitudes of a line.
    fn path(&self, id: FeatureId, line: &LineString<f64>) -> Result<Path, GeoJsonError> {
        self.place.earth.path(line).map_err(|cause| GeoJsonError::Position { fid: id.get(), cause })
    }

    fn feature(&self, out: &mut impl Write, feature: &Feature) -> Result<(), GeoJsonError> {
        let fid = feature.id.get();
        let (exterior, holes) = wound(&feature.polygon);
        let paths = std::iter::once(&exterior).chain(&holes).map(|ring| self.path(feature.id, ring));
        let parts = self.rounder.borrow_mut().rounded(&paths.collect::<Result<Vec<_>, _>>()?);
        write!(out, r#"{{"type":"Feature","id":{fid},"geometry":"#)?;
        geometry(out, &parts)?;
        out.write_all(b",\"properties\":{")?;
        properties(out, |take| tell(feature, &self.classes, take))?;
        out.write_all(b"}}")?;
        Ok(())
    }

    fn centreline(&self, out: &mut impl Write, centreline: &Centreline) -> Result<(), GeoJsonError> {
        let fid = centreline.id.get();
        let path = self.path(centreline.id, &centreline.line)?;
        write!(out, r#"{{"type":"Feature","id":{fid},"geometry":{{"type":"#)?;
        line_geometry(out, line_parts(&path, self.place.decimals))?;
        out.write_all(b"},\"properties\":{")?;
        properties(out, |take| tell_centreline(centreline, &self.classes, take))?;
        out.write_all(b"}}")?;
        Ok(())
    }

    /// Logs what could not be written as it is, once for all features.
    fn log(&self) {
        let (rounder, lines) = (self.rounder.borrow(), self.place.earth.cut_at_poles());
        if lines > 0 {
            tracing::warn!(lines, "GeoJSON: what lies beyond latitude 90 was cut off");
        }
        rounder.troubles.log(&"GeoJSON");
        if rounder.vanished > 0 {
            tracing::warn!(features = rounder.vanished, "GeoJSON: features without any area have no geometry");
        }
    }
}

/// The side of a pixel in degrees of latitude, where the grid begins; a degree where its corner lies off the earth.
fn pixel_degrees(frame: &PixelFrame) -> f64 {
    let corner = PixelPoint { col: 0.0, row: 0.0 };
    let scale = Ground::new(frame.transform, &frame.crs).and_then(|ground| ground.scale_at(corner));
    scale.map_or(1.0, |scale| scale.resolution_m_per_px() / DEGREE_M)
}

/// The members of `properties`, as they are told.
fn properties<'a>(out: &mut impl Write, tell: impl FnOnce(&mut dyn FnMut(Key, Value<'a>))) -> io::Result<()> {
    let mut result = Ok(());
    let mut first = true;
    tell(&mut |key, value| {
        let comma = if std::mem::take(&mut first) { "" } else { "," };
        let name = key.name();
        if result.is_ok() {
            result = match value {
                Value::Number(Number::Whole(v)) => write!(out, r#"{comma}"{name}":{v}"#),
                Value::Number(Number::Tenths(v)) => write!(out, r#"{comma}"{name}":{}.{}"#, v / 10, v % 10),
                Value::Flag(v) => write!(out, r#"{comma}"{name}":{v}"#),
                Value::Text(v) => write!(out, r#"{comma}"{name}":{}"#, Json::from(v)),
            };
        }
    });
    result
}

/// A polygon in parts where it was cut at 180° (RFC 7946, 3.1.9) or where rounding brings its borders together; `null` of one
/// without any area (3.2).
fn geometry(out: &mut impl Write, parts: &[Vec<Ring>]) -> io::Result<()> {
    match parts {
        [] => return out.write_all(b"null"),
        [part] => {
            out.write_all(br#"{"type":"Polygon","coordinates":"#)?;
            rings(out, part)?;
        }
        _ => {
            out.write_all(br#"{"type":"MultiPolygon","coordinates":["#)?;
            separated(out, parts, |out, part| rings(out, part))?;
            out.write_all(b"]")?;
        }
    }
    out.write_all(b"}")
}

/// The type and coordinates of a line, in parts where it was cut at the antimeridian.
fn line_geometry(out: &mut impl Write, mut parts: Vec<Vec<[Degrees; 2]>>) -> io::Result<()> {
    let first = parts.first().and_then(|part| part.first().copied());
    parts.retain(|part| part.len() > 1);
    if parts.is_empty() {
        // All in one step of rounding: a line still has two positions (RFC 7946, 3.1.4).
        parts.extend(first.map(|at| vec![at; 2]));
    }
    if parts.len() > 1 {
        out.write_all(br#""MultiLineString","coordinates":["#)?;
        separated(out, parts, |out, part| {
            out.write_all(b"[")?;
            separated(out, part, position)?;
            out.write_all(b"]")
        })?;
    } else {
        out.write_all(br#""LineString","coordinates":["#)?;
        separated(out, parts.into_iter().flatten(), position)?;
    }
    out.write_all(b"]")
}

fn rings<W: Write>(out: &mut W, part: &[Ring]) -> io::Result<()> {
    out.write_all(b"[")?;
    separated(out, part, |out, ring| {
        out.write_all(b"[")?;
        separated(out, ring.iter().copied(), position)?;
        out.write_all(b"]")
    })?;
    out.write_all(b"]")
}

fn position<W: Write>(out: &mut W, [lon, lat]: [Degrees; 2]) -> io::Result<()> {
    out.write_all(b"[")?;
    lon.write(out)?;
    out.write_all(b",")?;
    lat.write(out)?;
    out.write_all(b"]")
}

fn separated<W: Write, T>(
    out: &mut W,
    items: impl IntoIterator<Item = T>,
    each: impl Fn(&mut W, T) -> io::Result<()>,
) -> io::Result<()> {
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.write_all(b",")?;
        }
        each(out, item)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::filter::{Filter, SelectedLayer};
    use crate::encode::tests::{centreline, feature, houses_across_180, town};
    use crate::feature::FeatureStore;
    use crate::georef::{Crs, GeoTransform, PixelFrame};
    use crate::scheme::Scheme;
    use geo::{Area, Coord, MapCoords, MultiPolygon, Polygon, Validation};
    use geojson::{FeatureCollection, GeoJson, feature::Id};
    use proptest::prelude::*;
    use rstest::rstest;

    fn written(framing: Framing) -> String {
        let (store, scheme) = (town(), Scheme::city());
        let mut out = Vec::new();
        write(&mut out, &Filter::default().select(&store, &scheme), framing).expect("memory");
        String::from_utf8(out).expect("text")
    }

    #[rstest]
    #[case(8.5, "8.5")]
    #[case(-0.000_000_1, "-0.0000001")]
    #[case(-0.000_000_04, "0")]
    #[case(180.0, "180")]
    #[case(47.123_456_789, "47.1234568")]
    fn degrees_are_short(#[case] value: f64, #[case] expected: &str) {
        let mut out = Vec::new();
        Degrees::nearest(value, Decimals::for_pixels_of(1.0)).write(&mut out).expect("memory");
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }

    #[test]
    fn a_stranger_reads_the_collection() {
        let text = written(Framing::Collection);
        let collection = FeatureCollection::try_from(text.parse::<GeoJson>().expect("GeoJSON")).expect("a collection");
        let store = town();
        assert_eq!(collection.features.len(), store.len());
        assert_eq!(collection.bbox.as_ref().map(Vec::len), Some(4));
        for (feature, stored) in collection.features.iter().zip(store.iter()) {
            let fid = stored.feature.id.get();
            assert_eq!(feature.id, Some(Id::Number(fid.into())));
            assert_eq!(feature.property("fid").and_then(Json::as_u64), Some(fid));
            let polygon: geo::Polygon = feature.geometry.clone().expect("has one").try_into().expect("a polygon");
            assert!(geo::algorithm::Validation::is_valid(&polygon));
            assert!(geo::algorithm::Winding::is_ccw(polygon.exterior()));
            assert!(polygon.interiors().iter().all(geo::algorithm::Winding::is_cw));
        }
    }

    #[test]
    fn sequences_hold_a_feature_a_line() {
        let (lines, records) = (written(Framing::Lines), written(Framing::Records));
        assert_eq!(lines.lines().count(), town().len());
        assert!(lines.lines().all(|l| matches!(l.parse(), Ok(GeoJson::Feature(_)))));
        assert_eq!(records.replace('\u{1e}', ""), lines);
        assert_eq!(records.matches('\u{1e}').count(), town().len());
    }

    #[rstest]
    #[case::the_last_zone_of_fiji("EPSG:32760", 819_000.0, 8_142_000.0)]
    #[case::the_first_zone_of_fiji("EPSG:32701", 180_000.0, 8_142_000.0)]
    #[case::the_aleutians_from_the_east("EPSG:32601", 286_900.0, 5_700_000.0)]
    fn a_map_across_the_antimeridian_is_cut(#[case] crs: &str, #[case] x: f64, #[case] y: f64) {
        let store = houses_across_180(crs, x, y);
        let collection = collection(&store, &Filter::default());
        let [w, s, e, n] = collection.bbox.as_deref().expect("bounds") else { panic!("four numbers") };
        assert!(*w > 179.9 && *e < -179.9 && s < n, "{:?}", collection.bbox);
        let mut kinds = [0; 3];
        for (feature, stored) in collection.features.iter().zip(store.iter()) {
            let geometry: geo::Geometry = feature.geometry.clone().expect("has one").try_into().expect("polygons");
            let parts = match geometry {
                geo::Geometry::Polygon(p) => vec![p],
                geo::Geometry::MultiPolygon(parts) => parts.0,
                other => panic!("{other:?}"),
            };
            let metres = |p: &geo::Polygon| geo::Area::unsigned_area(p) * (y_degree(p) * 111_000.0 * 111_000.0);
            let (area, expected) = (parts.iter().map(metres).sum::<f64>(), stored.feature.area_m2);
            assert!((area / expected - 1.0).abs() < 0.02, "{area} is not {expected}");
            assert!(parts.iter().all(|p| geo::Validation::is_valid(p) && geo::Winding::is_ccw(p.exterior())));
            let east = parts[0].exterior().0[0].x < 0.0;
            kinds[if parts.len() == 2 { 1 } else { 2 * usize::from(east) }] += 1;
        }
        assert!(kinds.iter().all(|n| *n > 0), "west, cut, east: {kinds:?}");
        let everywhere = Filter::default().within("179.9,-80,-179.9,80".parse().expect("a box"));
        assert_eq!(everywhere.select(&store, &Scheme::city()).features.len(), store.len());
        let elsewhere = Filter::default().within("-100,-80,100,80".parse().expect("a box"));
        assert_eq!(elsewhere.select(&store, &Scheme::city()).features.len(), 0);
        for (half, others) in [("179,-80,180,80", 2), ("-180,-80,-179,80", 0)] {
            let filter = Filter::default().within(half.parse().expect("a box"));
            let found = filter.select(&store, &Scheme::city()).features.len();
            assert_eq!(found, store.len() - kinds[others], "{half}");
        }
    }

    #[test]
    fn a_map_of_the_world_is_not_cut() {
        let transform = GeoTransform::new([-180.0, 1.0, 0.0, 80.0, 0.0, -1.0]).expect("regular");
        let frame = PixelFrame { crs: Crs::lon_lat(), transform };
        let sea = geo::Rect::new(geo::coord! { x: -180.0, y: -80.0 }, geo::coord! { x: 180.0, y: 80.0 }).to_polygon();
        let store = FeatureStore::new(&frame, vec![feature(4, 0, sea)]).expect("projects");
        let collection = collection(&store, &Filter::default());
        let geometry: geo::Geometry =
            collection.features[0].geometry.clone().expect("has one").try_into().expect("one");
        let geo::Geometry::Polygon(polygon) = geometry else { panic!("{geometry:?}") };
        assert!((geo::Area::unsigned_area(&polygon) - 360.0 * 160.0).abs() < 1e-6, "{polygon:?}");
    }

    #[test]
    fn a_centre_line_shorter_than_a_step_keeps_two_positions() {
        let coords = vec![Coord { x: 8.0, y: 47.0 }, Coord { x: 8.000_000_01, y: 47.0 }];
        let parts = line_parts(&Path { coords, turns: 0 }, Decimals::for_pixels_of(1.0));
        let mut out = Vec::new();
        line_geometry(&mut out, parts).expect("memory takes every byte");
        assert_eq!(out, br#""LineString","coordinates":[[8,47],[8,47]]"#);
    }

    #[test]
    fn a_centre_line_across_the_antimeridian_is_cut() {
        let (x, y) = (819_000.0, 8_142_000.0);
        let frame = PixelFrame {
            crs: Crs::new("EPSG:32760").expect("known"),
            transform: GeoTransform::new([x, 1.0, 0.0, y, 0.0, -1.0]).expect("regular"),
        };
        let lines = vec![
            centreline(1, vec![(x - 4000.0, y), (x + 1000.0, y), (x + 4000.0, y + 500.0)]),
            centreline(2, vec![(x - 4000.0, y), (x - 3000.0, y)]),
        ];
        let store = FeatureStore::new(&frame, Vec::new()).and_then(|s| s.with_centrelines(lines)).expect("projects");
        let (scheme, mut out) = (Scheme::city(), Vec::new());
        let layers = [SelectedLayer::Centrelines];
        write(&mut out, &Filter::default().select_layers((&store, &scheme), &layers), Framing::Collection)
            .expect("memory");
        let json: Json = serde_json::from_slice(&out).expect("JSON");
        assert!(json["bbox"][0].as_f64() > Some(179.9) && json["bbox"][2].as_f64() < Some(-179.9), "{}", json["bbox"]);
        let (cut, whole) = (&json["features"][0]["geometry"], &json["features"][1]["geometry"]);
        assert_eq!((cut["type"].as_str(), whole["type"].as_str()), (Some("MultiLineString"), Some("LineString")));
        let parts = cut["coordinates"].as_array().expect("parts");
        assert_eq!(parts.len(), 2);
        let last = parts[0].as_array().and_then(|part| part.last()).expect("a position");
        assert_eq!((last[0].as_f64(), parts[1][0][0].as_f64()), (Some(180.0), Some(-180.0)));
        assert_eq!(last[1], parts[1][0][1]);
        let found = |bbox: &str| {
            let filter = Filter::default().within(bbox.parse().expect("a box"));
            filter.select_layers((&store, &scheme), &layers).centrelines.len()
        };
        assert_eq!(["179,-80,180,80", "-180,-80,-179,80", "-100,-80,100,80"].map(found), [2, 1, 0]);
    }

    fn collection(store: &FeatureStore, filter: &Filter) -> FeatureCollection {
        let (mut out, scheme) = (Vec::new(), Scheme::city());
        write(&mut out, &filter.select(store, &scheme), Framing::Collection).expect("memory");
        let text = String::from_utf8(out).expect("text");
        FeatureCollection::try_from(text.parse::<GeoJson>().expect("GeoJSON")).expect("a collection")
    }

    /// How long a degree of longitude is there, as a part of one on the equator.
    fn y_degree(polygon: &geo::Polygon) -> f64 {
        polygon.exterior().0[0].y.to_radians().cos()
    }

    #[test]
    fn further_members_stand_in_the_collection() {
        let (store, scheme) = (town(), Scheme::city());
        let mut members = Map::new();
        members.insert("numberMatched".to_owned(), 7.into());
        let mut out = Vec::new();
        write_collection(&mut out, &Filter::default().select(&store, &scheme), &members).expect("memory");
        let json: Json = serde_json::from_slice(&out).expect("JSON");
        assert_eq!(json["numberMatched"], 7);
    }

    fn read_back(polygon: &Polygon<f64>) -> MultiPolygon<f64> {
        let earth = Earth::new(&Crs::lon_lat(), 1e-7).expect("known");
        let (exterior, holes) = wound(polygon);
        let path = |ring: &LineString<f64>| earth.path(ring).expect("degrees");
        let paths: Vec<Path> = std::iter::once(&exterior).chain(&holes).map(path).collect();
        let mut out = Vec::new();
        geometry(&mut out, &Rounder::new(Decimals::for_pixels_of(1.0)).rounded(&paths)).expect("memory");
        let read: geojson::Geometry = serde_json::from_slice(&out).expect("GeoJSON");
        match geo::Geometry::try_from(read).expect("a geometry") {
            geo::Geometry::Polygon(polygon) => polygon.into(),
            geo::Geometry::MultiPolygon(polygons) => polygons,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_neck_narrower_than_a_step_makes_two_parts() {
        let steps = [(0.0, 0.0), (60.0, 0.0), (60.0, 20.0), (30.0, 0.3), (0.0, 20.0)];
        let neck = Polygon::new(steps.iter().map(|(x, y)| (85.5 + x * 1e-7, 27.6 + y * 1e-7)).collect(), Vec::new());
        let read = read_back(&neck);
        assert!(neck.is_valid() && read.is_valid(), "{read:?}");
        assert_eq!(read.0.len(), 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn what_is_valid_stays_valid_in_whole_steps(
            radii in prop::collection::vec(0.3..12.0_f64, 5..40),
            hole in prop::collection::vec(0.1..0.9_f64, 40),
        ) {
            let at = |i: usize, r: f64| {
                let (sin, cos) = (i as f64 / radii.len() as f64 * std::f64::consts::TAU).sin_cos();
                Coord { x: 85.5 + r * cos * 1e-7, y: 27.6 + r * sin * 1e-7 }
            };
            let outer = radii.iter().enumerate().map(|(i, r)| at(i, *r)).collect();
            let inner = radii.iter().zip(&hole).enumerate().map(|(i, (r, share))| at(i, r * share)).collect();
            let polygon = Polygon::new(outer, vec![inner]);
            prop_assume!(polygon.is_valid());
            let read = read_back(&polygon);
            // In steps, as written: to a reader of binary numbers a vertex on an edge may lie beside it.
            let read = read.map_coords(|c| Coord { x: (c.x * 1e7).round(), y: (c.y * 1e7).round() });
            // All in one step: nothing is left that could be valid.
            if read.unsigned_area() > 0.0 {
                prop_assert!(read.0.iter().all(Validation::is_valid), "{read:?}");
            }
        }
    }
}
