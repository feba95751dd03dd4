//! GeoJSON (RFC 7946), written feature by feature: longitude and latitude on WGS 84, seven decimals (1 cm).

use std::io::{self, Write};

use geo::{Coord, LineString};
use serde_json::{Map, Value as Json};
use thiserror::Error;

use super::attributes::{Classes, Key, Value, tell, tell_centreline};
use super::filter::Selection;
use crate::feature::{StoredCentreline, StoredFeature};
use crate::georef::{Crs, CrsError, MapPoint, Projector};

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
    #[error("feature {fid} has no place on earth: {source}")]
    Position {
        /// The feature.
        fid: u64,
        /// Which vertex, and what PROJ said.
        source: CrsError,
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
    for stored in &selection.features {
        if framing == Framing::Records {
            out.write_all(b"\x1e")?;
        }
        writer.feature(out, stored)?;
        out.write_all(b"\n")?;
    }
    for stored in &selection.centrelines {
        if framing == Framing::Records {
            out.write_all(b"\x1e")?;
        }
        writer.centreline(out, stored)?;
        out.write_all(b"\n")?;
    }
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
    if let Some(bounds) = selection.bounds() {
        out.write_all(b",\"bbox\":[")?;
        separated(out, bounds.lon_lat_wsen(), |out, v| degrees(out, v))?;
        out.write_all(b"]")?;
    }
    out.write_all(b",\"features\":[\n")?;
    for (i, stored) in selection.features.iter().enumerate() {
        if i > 0 {
            out.write_all(b",\n")?;
        }
        writer.feature(out, stored)?;
    }
    for (i, stored) in selection.centrelines.iter().enumerate() {
        if i + selection.features.len() > 0 {
            out.write_all(b",\n")?;
        }
        writer.centreline(out, stored)?;
    }
    out.write_all(b"\n]}\n")?;
    Ok(())
}

/// Writes single features of one map space. It holds PROJ objects: make one on each thread.
struct FeatureWriter<'a> {
    classes: Classes<'a>,
    to_lon_lat: Projector,
}

impl<'a> FeatureWriter<'a> {
    fn new(selection: &Selection<'a>) -> Result<Self, CrsError> {
        let to_lon_lat = Projector::new(&selection.store.frame().crs, &Crs::lon_lat())?;
        Ok(Self { classes: Classes::new(selection.scheme), to_lon_lat })
    }

    fn feature(&self, out: &mut impl Write, stored: &StoredFeature) -> Result<(), GeoJsonError> {
        let polygon = &stored.feature.polygon;
        let fid = stored.feature.id.get();
        write!(out, r#"{{"type":"Feature","id":{fid},"geometry":{{"type":"Polygon","coordinates":["#)?;
        for (i, line) in std::iter::once(polygon.exterior()).chain(polygon.interiors()).enumerate() {
            let ring = self.ring(line, i == 0).map_err(|source| GeoJsonError::Position { fid, source })?;
            out.write_all(if i == 0 { b"[" } else { b",[" })?;
            separated(out, ring, position)?;
            out.write_all(b"]")?;
        }
        out.write_all(b"]},\"properties\":{")?;
        properties(out, |take| tell(stored, &self.classes, take))?;
        out.write_all(b"}}")?;
        Ok(())
    }

    fn centreline(&self, out: &mut impl Write, stored: &StoredCentreline) -> Result<(), GeoJsonError> {
        let fid = stored.centreline.id.get();
        let line = self.line(&stored.centreline.line).map_err(|source| GeoJsonError::Position { fid, source })?;
        write!(out, r#"{{"type":"Feature","id":{fid},"geometry":{{"type":"LineString","coordinates":["#)?;
        separated(out, line, position)?;
        out.write_all(b"]},\"properties\":{")?;
        properties(out, |take| tell_centreline(stored, &self.classes, take))?;
        out.write_all(b"}}")?;
        Ok(())
    }

    fn line(&self, line: &LineString<f64>) -> Result<Vec<[Degrees; 2]>, CrsError> {
        let project = |c: &Coord<f64>| {
            self.to_lon_lat.project(MapPoint { x: c.x, y: c.y }).map(|p| [Degrees::nearest(p.x), Degrees::nearest(p.y)])
        };
        let mut out = line.0.iter().map(project).collect::<Result<Vec<_>, _>>()?;
        out.dedup();
        Ok(out)
    }

    /// A closed ring, the exterior counter-clockwise and holes clockwise (RFC 7946, 3.1.6).
    fn ring(&self, line: &LineString<f64>, exterior: bool) -> Result<Vec<[Degrees; 2]>, CrsError> {
        let mut ring = self.line(line)?;
        let cross = |pair: &[[Degrees; 2]]| {
            let local = |p: [Degrees; 2]| (p[0].0 - ring[0][0].0, p[1].0 - ring[0][1].0);
            let (a, b) = (local(pair[0]), local(pair[1]));
            i128::from(a.0) * i128::from(b.1) - i128::from(b.0) * i128::from(a.1)
        };
        if (ring.windows(2).map(cross).sum::<i128>() > 0) != exterior {
            ring.reverse();
        }
        Ok(ring)
    }
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
                Value::Whole(v) => write!(out, r#"{comma}"{name}":{v}"#),
                Value::Tenths(v) => write!(out, r#"{comma}"{name}":{}.{}"#, v / 10, v % 10),
                Value::Flag(v) => write!(out, r#"{comma}"{name}":{v}"#),
                Value::Text(v) => write!(out, r#"{comma}"{name}":{}"#, Json::from(v)),
            };
        }
    });
    result
}

/// Degrees in whole steps of 10⁻⁷.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Degrees(i64);

impl Degrees {
    const STEPS: f64 = 1e7;

    fn nearest(degrees: f64) -> Self {
        Self((degrees * Self::STEPS).round() as i64)
    }

    /// The shortest form.
    fn write(self, out: &mut impl Write) -> io::Result<()> {
        let steps = Self::STEPS as u64;
        let (whole, mut part) = (self.0.unsigned_abs() / steps, self.0.unsigned_abs() % steps);
        write!(out, "{}{whole}", if self.0 < 0 { "-" } else { "" })?;
        if part == 0 {
            return Ok(());
        }
        let mut digits = 7;
        while part % 10 == 0 {
            part /= 10;
            digits -= 1;
        }
        write!(out, ".{part:0digits$}")
    }
}

fn degrees(out: &mut impl Write, v: f64) -> io::Result<()> {
    Degrees::nearest(v).write(out)
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
    use crate::encode::filter::Filter;
    use crate::encode::tests::town;
    use crate::scheme::Scheme;
    use geojson::{FeatureCollection, GeoJson, feature::Id};
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
        degrees(&mut out, value).expect("memory");
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
}
