//! GeoPackage, written by GDAL: polygons in the map space of the features, typed attributes.

use gdal::errors::GdalError;
use gdal::spatial_ref::{AxisMappingStrategy, SpatialRef};
use gdal::vector::{Defn, FieldDefn, Geometry, Layer, LayerOptions, OGRFieldType, OGRwkbGeometryType};
use gdal::{Dataset, DriverManager};
use geo::{Coord, LineString, Polygon};
use thiserror::Error;

use super::attributes::{Classes, Key, Number, Type, Value, tell, tell_centreline};
use super::dates::today;
use super::filter::{SelectedLayer, Selection};
use crate::files::{Draft, FileError};

/// GDAL's name of the format.
const DRIVER: &str = "GPKG";

/// Why a GeoPackage is not written.
#[derive(Debug, Error)]
pub enum GeoPackageError {
    /// This GDAL was built without the driver.
    #[error("this GDAL has no driver {DRIVER} (.fgb and .geojson are written without one)")]
    Driver,
    /// The environment sets a date that is none.
    #[error("{0}")]
    Date(String),
    /// GDAL cannot be told the date.
    #[error(transparent)]
    Gdal(#[from] GdalError),
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Writes features in their order, in one transaction.
///
/// The column `fid` is the primary key. Flags are 0 and 1. The `last_change` of a layer (OGC 12-128r19, 1.1.3) is the time of
/// writing, or that of `SOURCE_DATE_EPOCH`: with it, the same features give the same bytes.
pub(super) fn write(draft: &Draft, selection: &Selection<'_>) -> Result<(), GeoPackageError> {
    write_dated(draft, selection, &today().map_err(GeoPackageError::Date)?)
}

/// Writes features with a date of last change.
pub(super) fn write_dated(draft: &Draft, selection: &Selection<'_>, date: &str) -> Result<(), GeoPackageError> {
    gdal::config::set_thread_local_config_option("OGR_CURRENT_DATE", date)?;
    let written = write_layers(draft, selection);
    gdal::config::clear_thread_local_config_option("OGR_CURRENT_DATE")?;
    written
}

fn write_layers(draft: &Draft, selection: &Selection<'_>) -> Result<(), GeoPackageError> {
    let found = DriverManager::get_driver_by_name(DRIVER).map_err(|_| GeoPackageError::Driver)?;
    // Asked while the dataset is open: closing it gives back the space whose lack it hides.
    let failed = |error: GdalError| draft.failed(error);
    let mut dataset = found.create_vector_only(draft.temporary()).map_err(failed)?;
    for layer in &selection.layers {
        create_layer(&mut dataset, *layer, selection).map_err(failed)?;
    }
    let transaction = dataset.start_transaction().map_err(failed)?;
    for (i, layer) in selection.layers.iter().enumerate() {
        transaction.layer(i).and_then(|mut to| fill(&mut to, *layer, selection)).map_err(failed)?;
    }
    transaction.commit().map_err(failed)?;
    Ok(dataset.close().map_err(failed)?)
}

fn create_layer(dataset: &mut Dataset, selected: SelectedLayer, selection: &Selection<'_>) -> Result<(), GdalError> {
    let mut srs = SpatialRef::from_definition(selection.frame.crs.definition())?;
    // Coordinates are x east and y north, whatever order the authority gives.
    srs.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
    let identifier = format!("IDENTIFIER={}", selected.name());
    let description = format!("DESCRIPTION={}", description(selected, selection));
    let layer = dataset.create_layer(LayerOptions {
        name: selected.name(),
        srs: Some(&srs),
        ty: match selected {
            SelectedLayer::Features => OGRwkbGeometryType::wkbPolygon,
            SelectedLayer::Centrelines => OGRwkbGeometryType::wkbLineString,
        },
        options: Some(&["FID=fid", "GEOMETRY_NAME=geom", &identifier, &description]),
    })?;
    for key in selected.keys() {
        FieldDefn::new(key.name(), field_type(*key))?.add_to_layer(&layer)?;
    }
    Ok(())
}

/// What a layer holds and what made it, for `gpkg_contents`.
fn description(selected: SelectedLayer, selection: &Selection<'_>) -> String {
    let program = concat!("orthotile ", env!("CARGO_PKG_VERSION"));
    let holds = match selected {
        SelectedLayer::Features => "polygons with class, confidence and height",
        SelectedLayer::Centrelines => "centre lines of roads with widths",
    };
    let classes: Vec<&str> = selection.scheme.classes.iter().map(|class| class.name.as_str()).collect();
    format!("{holds}; classes of the scheme {:?}: {}; written by {program}", selection.scheme.name, classes.join(", "))
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
            add(layer, (&wkb, selected.keys()), |take| tell_centreline(centreline, &classes, take))?;
        }
        return Ok(());
    }
    for feature in &selection.features {
        to_wkb(&feature.polygon, &mut wkb);
        add(layer, (&wkb, selected.keys()), |take| tell(feature, &classes, take))?;
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
