//! Features to bytes. Every format tells the same attributes, listed once in [`attributes`].

pub mod attributes; // what is said of a feature, under which names
pub mod compress; // gzip, brotli and zstd bodies
mod dates; // the date that a file carries
pub mod export; // a file in the format of its name
pub mod filter; // which features are meant
mod flatgeobuf; // with an index for reading parts over a network
pub mod geojson; // RFC 7946, streamed
mod geopackage; // through GDAL
pub mod mvt; // vector tiles
mod rings; // polygons in whole units, valid or made so
pub mod style; // the map style of MapLibre and QGIS
pub mod tilejson; // what the tiles hold

pub use rings::{RepairCounts, repairs};

#[cfg(test)]
pub(crate) mod tests {
    use crate::feature::{Centreline, Confidence, Feature, FeatureId, FeatureStore, Height, HeightSource, Outline};
    use crate::georef::{Crs, GeoTransform, MapPoint, PixelFrame, Projector};
    use crate::scheme::ClassId;
    use geo::{Coord, LineString, Polygon, Rect};

    /// A place in a metre grid with a south-west corner, x east and y north.
    pub(crate) fn rect(x: f64, y: f64, width: f64, height: f64) -> LineString<f64> {
        let corner = |x: f64, y: f64| Coord { x: 700_000.0 + x, y: 3_060_000.0 + y };
        Rect::new(corner(x, y), corner(x + width, y + height)).to_polygon().exterior().clone()
    }

    pub(crate) fn frame() -> PixelFrame {
        let transform = GeoTransform::new([700_000.0, 0.13, 0.0, 3_060_000.0, 0.0, -0.13]).expect("regular");
        PixelFrame { crs: Crs::new("EPSG:32645").expect("known"), transform }
    }

    pub(crate) fn feature(class: u32, number: i64, polygon: Polygon<f64>) -> Feature {
        let area_m2 = geo::Area::unsigned_area(&polygon);
        Feature {
            id: FeatureId::new(ClassId(class), number / 1000, number % 1000).expect("in range"),
            class: ClassId(class),
            polygon,
            importance_m: Vec::new(),
            confidence: (class != 2).then_some(Confidence { mean: 0.7 + (number % 3) as f32 / 10.0, min: 0.5 }),
            unknown: None,
            area_m2,
            perimeter_m: area_m2.sqrt() * 4.0,
            outline: if number % 2 == 0 { Outline::Regularized } else { Outline::Simplified },
            direction_deg: None,
            height: (class == 1).then_some(Height { height_m: 3.04 + number as f32, source: HeightSource::Dsm }),
            provisional: number == 3,
        }
    }

    /// A centre line in a map space.
    pub(crate) fn centreline(number: i64, points: Vec<(f64, f64)>) -> Centreline {
        let line = LineString::from(points);
        Centreline {
            id: FeatureId::new(ClassId(2), number / 1000, number % 1000).expect("in range"),
            class: ClassId(2),
            width_m: 5.25,
            length_m: line.lines().map(|edge| edge.dx().hypot(edge.dy())).sum(),
            provisional: false,
            line,
        }
    }

    /// Houses of 300 m from west to east, one across 180°, two on each side; a place near them in a reference system.
    pub(crate) fn houses_across_180(crs: &str, x: f64, y: f64) -> FeatureStore {
        let frame = PixelFrame {
            crs: Crs::new(crs).expect("known"),
            transform: GeoTransform::new([x, 1.0, 0.0, y, 0.0, -1.0]).expect("regular"),
        };
        let project =
            |from: &Crs, to: &Crs, p: MapPoint| Projector::new(from, to).expect("known").project(p).expect("on earth");
        let latitude = project(&frame.crs, &Crs::lon_lat(), MapPoint { x, y }).y;
        let middle = project(&Crs::lon_lat(), &frame.crs, MapPoint { x: 180.0, y: latitude });
        let house = |i: i64| {
            let corner = |x: f64, y: f64| Coord { x: middle.x + 700.0 * (i - 2) as f64 + x, y: middle.y + y };
            feature(1, i, Rect::new(corner(-130.0, -150.0), corner(170.0, 150.0)).to_polygon())
        };
        FeatureStore::new(&frame, (0..5).map(house).collect()).expect("projects")
    }

    /// A block with a yard, three houses, a road and a meadow around them, in UTM.
    pub(crate) fn town() -> FeatureStore {
        let mut yard = rect(10.0, 10.0, 10.0, 10.0);
        yard.0.reverse();
        let mut houses = vec![feature(1, 0, Polygon::new(rect(0.0, 0.0, 30.0, 30.0), vec![yard]))];
        for i in 1..4 {
            let x = 40.0 * i as f64;
            houses.push(feature(1, i, Polygon::new(rect(x, 0.0, 12.0, 9.0), Vec::new())));
        }
        let mut clearing = rect(-10.0, -10.0, 200.0, 60.0);
        clearing.0.reverse();
        houses.push(feature(2, 10, Polygon::new(rect(-10.0, -18.0, 200.0, 8.0), Vec::new())));
        houses.push(feature(3, 11, Polygon::new(rect(-60.0, -60.0, 300.0, 150.0), vec![clearing])));
        FeatureStore::new(&frame(), houses).expect("projects")
    }
}
