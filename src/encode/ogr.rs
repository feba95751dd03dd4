//! GeoPackage and FlatGeobuf, written by GDAL: polygons in the map space of the features, typed attributes.

use std::path::Path;

use gdal::errors::GdalError;
use gdal::spatial_ref::{AxisMappingStrategy, SpatialRef};
use gdal::vector::{Defn, FieldDefn, Geometry, Layer, LayerOptions, OGRFieldType, OGRwkbGeometryType};
use gdal::{Dataset, DriverManager};
use geo::{Coord, LineString, Polygon};
use thiserror::Error;

use super::attributes::{Classes, Key, Number, Type, Value, tell, tell_centreline};
use super::filter::{SelectedLayer, Selection};

/// The `last_change` of a GeoPackage (OGC 12-128r19, 1.1.3): the time of writing would make every file another one.
const LAST_CHANGE: &str = "1970-01-01T00:00:00.000Z";

/// A vector driver of GDAL that is used for writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Driver {
    GeoPackage,
    FlatGeobuf,
}

impl Driver {
    const ALL: [Self; 2] = [Self::GeoPackage, Self::FlatGeobuf];

    fn name(self) -> &'static str {
        match self {
            Self::GeoPackage => "GPKG",
            Self::FlatGeobuf => "FlatGeobuf",
        }
    }
}

/// Why GDAL did not write.
#[derive(Debug, Error)]
pub enum OgrError {
    /// This GDAL was built without the driver.
    #[error("this GDAL has no driver {driver} (of those used here it has: {present})")]
    Driver {
        /// The name of the driver.
        driver: &'static str,
        /// The drivers that are there, listed.
        present: String,
    },
    /// GDAL refused.
    #[error(transparent)]
    Gdal(#[from] GdalError),
}

/// Writes features in their order, in one transaction where the format has them.
///
/// The column `fid` of a GeoPackage is its primary key. Flags are 0 and 1. The same features give the same bytes.
pub(super) fn write(path: &Path, selection: &Selection<'_>, driver: Driver) -> Result<(), OgrError> {
    gdal::config::set_thread_local_config_option("OGR_CURRENT_DATE", LAST_CHANGE)?;
    let written = write_dated(path, selection, driver);
    gdal::config::clear_thread_local_config_option("OGR_CURRENT_DATE")?;
    written
}

fn write_dated(path: &Path, selection: &Selection<'_>, driver: Driver) -> Result<(), OgrError> {
    let found = DriverManager::get_driver_by_name(driver.name()).map_err(|_| missing(driver))?;
    let mut dataset = found.create_vector_only(path)?;
    for layer in &selection.layers {
        create_layer(&mut dataset, *layer, selection, driver)?;
    }
    if driver == Driver::GeoPackage {
        let transaction = dataset.start_transaction()?;
        for (i, layer) in selection.layers.iter().enumerate() {
            fill(&mut transaction.layer(i)?, *layer, selection)?;
        }
        transaction.commit()?;
    } else {
        for (i, layer) in selection.layers.iter().enumerate() {
            fill(&mut dataset.layer(i)?, *layer, selection)?;
        }
    }
    Ok(dataset.close()?)
}

fn missing(driver: Driver) -> OgrError {
    let present = Driver::ALL.map(Driver::name).into_iter().filter(|n| DriverManager::get_driver_by_name(n).is_ok());
    OgrError::Driver { driver: driver.name(), present: present.collect::<Vec<_>>().join(", ") }
}

fn create_layer(
    dataset: &mut Dataset,
    selected: SelectedLayer,
    selection: &Selection<'_>,
    driver: Driver,
) -> Result<(), GdalError> {
    let mut srs = SpatialRef::from_definition(selection.frame.crs.definition())?;
    // Coordinates are x east and y north, whatever order the authority gives.
    srs.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
    let options: &[&str] = if driver == Driver::GeoPackage { &["FID=fid", "GEOMETRY_NAME=geom"] } else { &[] };
    let layer = dataset.create_layer(LayerOptions {
        name: selected.name(),
        srs: Some(&srs),
        ty: match selected {
            SelectedLayer::Features => OGRwkbGeometryType::wkbPolygon,
            SelectedLayer::Centrelines => OGRwkbGeometryType::wkbLineString,
        },
        options: Some(options),
    })?;
    for key in keys(selected) {
        FieldDefn::new(key.name(), field_type(*key))?.add_to_layer(&layer)?;
    }
    Ok(())
}

fn keys(layer: SelectedLayer) -> &'static [Key] {
    match layer {
        SelectedLayer::Features => &Key::ALL,
        SelectedLayer::Centrelines => &Key::OF_CENTRELINES,
    }
}

fn field_type(key: Key) -> OGRFieldType::Type {
    match key.value_type() {
        Type::Whole => OGRFieldType::OFTInteger64,
        Type::Tenths => OGRFieldType::OFTReal,
        Type::Text => OGRFieldType::OFTString,
        Type::Flag => OGRFieldType::OFTInteger,
    }
}

fn fill(layer: &mut Layer<'_>, selected: SelectedLayer, selection: &Selection<'_>) -> Result<(), GdalError> {
    let classes = Classes::new(selection.scheme);
    let mut wkb = Vec::new();
    if selected == SelectedLayer::Centrelines {
        for centreline in &selection.centrelines {
            wkb.clear();
            line_to_wkb(&centreline.line, &mut wkb);
            add(layer, (&wkb, keys(selected)), |take| tell_centreline(centreline, &classes, take))?;
        }
        return Ok(());
    }
    for feature in &selection.features {
        to_wkb(&feature.polygon, &mut wkb);
        add(layer, (&wkb, keys(selected)), |take| tell(feature, &classes, take))?;
    }
    Ok(())
}

/// Adds a feature with what is told of it.
fn add<'a>(
    layer: &mut Layer<'_>,
    (wkb, keys): (&[u8], &[Key]),
    tell: impl FnOnce(&mut dyn FnMut(Key, Value<'a>)),
) -> Result<(), GdalError> {
    let defn = Defn::from_layer(layer);
    let mut feature = gdal::vector::Feature::new(&defn)?;
    feature.set_geometry(Geometry::from_wkb(wkb)?)?;
    let mut set = Ok(());
    tell(&mut |key, value| {
        let Some(field) = keys.iter().position(|k| *k == key) else { return };
        let before = std::mem::replace(&mut set, Ok(()));
        set = before.and_then(|()| match value {
            Value::Number(Number::Whole(v)) => feature.set_field_integer64(field, v as i64),
            Value::Number(Number::Tenths(v)) => feature.set_field_double(field, v as f64 / 10.0),
            Value::Text(v) => feature.set_field_string(field, &v),
            Value::Flag(v) => feature.set_field_integer(field, i32::from(v)),
        });
    });
    set?;
    feature.create(layer)
}

/// Well-known binary, little-endian (OGC 06-103r4, 8.2).
fn to_wkb(polygon: &Polygon<f64>, out: &mut Vec<u8>) {
    out.clear();
    out.push(1);
    out.extend(3_u32.to_le_bytes());
    out.extend((1 + polygon.interiors().len() as u32).to_le_bytes());
    for ring in std::iter::once(polygon.exterior()).chain(polygon.interiors()) {
        positions(&ring.0, out);
    }
}

fn line_to_wkb(line: &LineString<f64>, out: &mut Vec<u8>) {
    out.push(1);
    out.extend(2_u32.to_le_bytes());
    positions(&line.0, out);
}

fn positions(coords: &[Coord<f64>], out: &mut Vec<u8>) {
    out.extend((coords.len() as u32).to_le_bytes());
    for c in coords {
        out.extend(c.x.to_le_bytes());
        out.extend(c.y.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::filter::Filter;
    use crate::encode::tests::town;
    use crate::scheme::Scheme;
    use gdal::vector::LayerAccess;
    use rstest::rstest;

    #[rstest]
    #[case(Driver::GeoPackage, "town.gpkg")]
    #[case(Driver::FlatGeobuf, "town.fgb")]
    fn two_exports_are_the_same_bytes(#[case] driver: Driver, #[case] name: &str) {
        let (store, scheme, folder) = (town(), Scheme::city(), tempfile::tempdir().expect("a folder"));
        let path = folder.path().join(name);
        let written = || {
            write(&path, &Filter::default().select(&store, &scheme), driver).expect("written");
            let bytes = std::fs::read(&path).expect("there");
            std::fs::remove_file(&path).expect("there");
            bytes
        };
        let first = written();
        std::thread::sleep(std::time::Duration::from_millis(20)); // GDAL writes milliseconds
        assert!(first == written(), "{name} differs");
    }

    #[rstest]
    #[case(Driver::GeoPackage, "town.gpkg")]
    #[case(Driver::FlatGeobuf, "town.fgb")]
    fn a_file_holds_what_was_put_in(#[case] driver: Driver, #[case] name: &str) {
        let (store, scheme, folder) = (town(), Scheme::city(), tempfile::tempdir().expect("a folder"));
        let path = folder.path().join(name);
        write(&path, &Filter::default().select(&store, &scheme), driver).expect("written");
        let dataset = Dataset::open(&path).expect("opens");
        let mut layer = dataset.layer(0).expect("a layer");
        assert_eq!(layer.feature_count(), store.len() as u64);
        assert_eq!(layer.spatial_ref().and_then(|s| s.auth_code().ok()), Some(32645));
        for feature in layer.features() {
            let column = |name: &str| feature.field_index(name).ok();
            let fid = column("fid").and_then(|i| feature.field_as_integer64(i).ok().flatten());
            let fid = fid.or(feature.fid().map(|f| f as i64));
            let stored = store.iter().find(|s| Some(s.feature.id.get() as i64) == fid).expect("a known id");
            let geometry = feature.geometry().expect("has one");
            assert!((geometry.area() - geo::Area::unsigned_area(&stored.feature.polygon)).abs() < 1e-6);
            assert_eq!(geometry.geometry_count(), 1 + stored.feature.polygon.interiors().len());
            let (x, y, _) = geometry.get_geometry(0).get_point(0);
            let put_in = stored.feature.polygon.exterior().0.contains(&geo::Coord { x, y });
            assert!(put_in, "({x}, {y}) was not put in");
            let class = column("class").and_then(|i| feature.field_as_string(i).ok().flatten());
            assert_eq!(class, scheme.class(stored.feature.class).map(|c| c.name.clone()));
            let height = column("height").and_then(|i| feature.field_as_double(i).ok().flatten());
            // FlatGeobuf leaves out what is not known; the reader then says 0.
            assert_eq!(height.is_some_and(|h| h > 0.0), stored.feature.height.is_some());
        }
    }
}
