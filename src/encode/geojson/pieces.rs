//! A collection written in pieces, so that no more than a piece of it is in memory.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;

use geo::LineString;
use serde_json::{Map, Value as Json};

use super::earth::{Earth, wound};
use super::steps::{Decimals, Degrees, Rounder};
use super::{FeatureWriter, GeoJsonError, Surface, pixel_degrees, separated};
use crate::encode::attributes::Classes;
use crate::feature::{Centreline, Feature, FeatureId};
use crate::georef::{CrsError, PixelFrame, hull};
use crate::scheme::Scheme;

/// Ranges of longitude kept before they are merged.
const RANGES: usize = 1024;

/// The way from one map space to longitude and latitude. It holds PROJ objects, is costly to make, and stays on its thread.
#[derive(Clone)]
pub struct Place {
    frame: PixelFrame,
    surface: Rc<Surface>,
}

impl Place {
    /// From the map space of a grid.
    ///
    /// # Errors
    /// When PROJ has no way to longitude and latitude.
    pub fn of(frame: &PixelFrame) -> Result<Self, CrsError> {
        let pixel = pixel_degrees(frame);
        let decimals = Decimals::for_pixels_of(pixel);
        let earth = Earth::new(&frame.crs, (pixel / 64.0).max(decimals.step_degrees() / 2.0))?;
        Ok(Self { frame: frame.clone(), surface: Rc::new(Surface { earth, decimals }) })
    }

    /// Whether it leads from the map space of a grid.
    #[must_use]
    pub fn is_of(&self, frame: &PixelFrame) -> bool {
        self.frame == *frame
    }

    pub(super) fn writer<'a>(&self, scheme: &'a Scheme) -> FeatureWriter<'a> {
        let rounder = RefCell::new(Rounder::new(self.surface.decimals));
        FeatureWriter { classes: Classes::new(scheme), place: Rc::clone(&self.surface), rounder }
    }
}

/// A `FeatureCollection` under way: what the end of it says of all features. Its `bbox` stands behind the features.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pieces {
    features: usize,
    longitudes: Vec<[f64; 2]>,
    latitudes: Option<[f64; 2]>,
    decimals: Option<Decimals>,
}

impl Pieces {
    /// Writes the beginning, with further members (RFC 7946, 6.1).
    ///
    /// # Errors
    /// When `out` takes no more.
    pub fn begin(out: &mut impl Write, members: &Map<String, Json>) -> Result<Self, GeoJsonError> {
        out.write_all(b"{\"type\":\"FeatureCollection\"")?;
        for (name, value) in members {
            write!(out, ",{}:{value}", Json::from(name.as_str()))?;
        }
        out.write_all(b",\"features\":[\n")?;
        Ok(Self::default())
    }

    /// Writes a feature.
    ///
    /// # Errors
    /// When a vertex has no image or `out` takes no more.
    pub fn feature(
        &mut self,
        out: &mut impl Write,
        feature: &Feature,
        (place, scheme): (&Place, &Scheme),
    ) -> Result<(), GeoJsonError> {
        let writer = place.writer(scheme);
        self.next(out)?;
        self.cover(&writer, feature.id, &wound(&feature.polygon).0)?;
        writer.feature(out, feature)
    }

    /// Writes a centre line.
    ///
    /// # Errors
    /// As [`Self::feature`].
    pub fn centreline(
        &mut self,
        out: &mut impl Write,
        centreline: &Centreline,
        (place, scheme): (&Place, &Scheme),
    ) -> Result<(), GeoJsonError> {
        let writer = place.writer(scheme);
        self.next(out)?;
        self.cover(&writer, centreline.id, &centreline.line)?;
        writer.centreline(out, centreline)
    }

    /// Writes the end.
    ///
    /// # Errors
    /// When `out` takes no more.
    pub fn end(self, out: &mut impl Write) -> Result<(), GeoJsonError> {
        out.write_all(b"\n]")?;
        let range = hull(self.longitudes, [-180.0, 180.0]);
        if let (Some([west, east]), Some([south, north]), Some(decimals)) = (range, self.latitudes, self.decimals) {
            out.write_all(b",\"bbox\":[")?;
            let wsen = [west, south, if east > 180.0 { east - 360.0 } else { east }, north];
            separated(out, wsen, |out, v| Degrees::nearest(v, decimals).write(out))?;
            out.write_all(b"]")?;
        }
        out.write_all(b"}\n")?;
        Ok(())
    }

    fn next(&mut self, out: &mut impl Write) -> std::io::Result<()> {
        self.features += 1;
        if self.features > 1 { out.write_all(b",\n") } else { Ok(()) }
    }

    fn cover(&mut self, writer: &FeatureWriter<'_>, id: FeatureId, line: &LineString<f64>) -> Result<(), GeoJsonError> {
        self.decimals = Some(writer.place.decimals);
        let Some((range, [low, high])) = writer.path(id, line)?.extent() else { return Ok(()) };
        self.longitudes.push(range);
        if self.longitudes.len() > RANGES {
            merge(&mut self.longitudes);
        }
        let [south, north] = self.latitudes.unwrap_or([f64::MAX, f64::MIN]);
        self.latitudes = Some([south.min(low), north.max(high)]);
        Ok(())
    }
}

/// Makes one range of ranges that overlap; where they do not, of those with the narrowest gaps.
fn merge(ranges: &mut Vec<[f64; 2]>) {
    ranges.sort_unstable_by(|a, b| a[0].total_cmp(&b[0]));
    let mut gap = 0.0;
    while ranges.len() > RANGES / 2 {
        let mut merged: Vec<[f64; 2]> = Vec::new();
        for [west, east] in ranges.drain(..) {
            match merged.last_mut() {
                Some(last) if west - last[1] <= gap => last[1] = last[1].max(east),
                _ => merged.push([west, east]),
            }
        }
        *ranges = merged;
        gap = (2.0 * gap).max(1e-6);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::filter::Filter;
    use crate::encode::geojson::write_collection;
    use crate::encode::tests::{houses_across_180, town};
    use crate::feature::FeatureStore;

    fn in_pieces(store: &FeatureStore, scheme: &Scheme, members: &Map<String, Json>) -> Json {
        let (mut out, place) = (Vec::new(), Place::of(store.frame()).expect("known"));
        let mut pieces = Pieces::begin(&mut out, members).expect("memory");
        for stored in store.iter() {
            pieces.feature(&mut out, &stored.feature, (&place, scheme)).expect("memory");
        }
        pieces.end(&mut out).expect("memory");
        serde_json::from_slice(&out).expect("JSON")
    }

    #[test]
    fn pieces_make_the_collection_that_is_written_at_once() {
        let scheme = Scheme::city();
        let members = Map::from_iter([("numberMatched".to_owned(), Json::from(6))]);
        for store in [town(), houses_across_180("EPSG:32760", 819_000.0, 8_142_000.0)] {
            let mut out = Vec::new();
            write_collection(&mut out, &Filter::default().select(&store, &scheme), &members).expect("memory");
            let whole: Json = serde_json::from_slice(&out).expect("JSON");
            assert_eq!(in_pieces(&store, &scheme, &members), whole);
        }
    }

    #[test]
    fn many_ranges_become_few_that_cover_the_same() {
        let mut ranges: Vec<[f64; 2]> = (0..3000).map(|i| [f64::from(i) * 0.01, f64::from(i) * 0.01 + 0.005]).collect();
        merge(&mut ranges);
        assert!(ranges.len() <= RANGES / 2);
        assert_eq!(hull(ranges, [-180.0, 180.0]), Some([0.0, 29.995]));
    }
}
