//! FlatGeobuf, version 3 (<https://flatgeobuf.org>): features along a Hilbert curve, and before them an R-tree of their boxes.
//!
//! The length of the tree follows from the number of features alone. So each feature is encoded once, straight to its place
//! behind the tree's, and the tree is written when all places are known: no second file, nothing copied.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use ::flatgeobuf::packed_r_tree::{NodeItem, PackedRTree, calc_extent};
use ::flatgeobuf::{
    Column, ColumnArgs, ColumnType, Crs, CrsArgs, Feature as Record, FeatureArgs, Geometry, GeometryArgs, GeometryType,
    Header, HeaderArgs,
};
use flatbuffers::FlatBufferBuilder;
use gdal::errors::GdalError;
use gdal::spatial_ref::SpatialRef;
use geo::LineString;
use thiserror::Error;

use super::attributes::{Classes, Key, Number, Type, Value, tell, tell_centreline};
use super::filter::{SelectedLayer, Selection};
use crate::feature::{Centreline, Feature};
use crate::georef;

/// What every file begins with: the name of the format and its version, twice.
const MAGIC: [u8; 8] = *b"fgb\x03fgb\x00";

/// Children of a node of the tree, as other writers have it.
const NODE_SIZE: u16 = PackedRTree::DEFAULT_NODE_SIZE;

/// Why a FlatGeobuf is not written.
#[derive(Debug, Error)]
pub enum FlatGeobufError {
    /// GDAL does not know the reference system.
    #[error(transparent)]
    Gdal(#[from] GdalError),
    /// The tree cannot be built.
    #[error("the index cannot be built: {0}")]
    Index(#[from] ::flatgeobuf::Error),
    /// The file system refuses.
    #[error(transparent)]
    File(#[from] io::Error),
}

/// What is written.
#[derive(Clone, Copy)]
enum Shape<'a> {
    Polygon(&'a Feature),
    Line(&'a Centreline),
}

/// Writes the one layer of a selection, in the map space of its features. What is not known of a feature is left out. The
/// same features give the same bytes.
pub(super) fn write(path: &Path, selection: &Selection<'_>, layer: SelectedLayer) -> Result<(), FlatGeobufError> {
    let shapes: Vec<Shape<'_>> = match layer {
        SelectedLayer::Features => selection.features.iter().map(|feature| Shape::Polygon(feature)).collect(),
        SelectedLayer::Centrelines => selection.centrelines.iter().map(|line| Shape::Line(line)).collect(),
    };
    let mut nodes: Vec<NodeItem> = shapes.iter().zip(0..).map(|(shape, at)| shape.node(at)).collect();
    let extent = calc_extent(&nodes);
    nodes.sort_by_cached_key(|node| along_hilbert(node, &extent));

    let mut out = BufWriter::with_capacity(1 << 18, File::create(path)?);
    out.write_all(&MAGIC)?;
    out.write_all(&header(selection, layer, &extent, nodes.len())?)?;
    if nodes.is_empty() {
        return Ok(out.flush()?);
    }
    let index = out.stream_position()?;
    out.seek(SeekFrom::Start(index + PackedRTree::index_size(nodes.len(), NODE_SIZE) as u64))?;
    let mut encoder = Encoder::new(layer, selection);
    let mut place = 0;
    for node in &mut nodes {
        let record = encoder.record(shapes[node.offset as usize]);
        out.write_all(record)?;
        node.offset = place;
        place += record.len() as u64;
    }
    out.seek(SeekFrom::Start(index))?;
    PackedRTree::build(&nodes, &extent, NODE_SIZE)?.stream_write(&mut out)?;
    Ok(out.flush()?)
}

/// Where the middle of a box lies on the Hilbert curve of order 16 over an extent.
fn along_hilbert(node: &NodeItem, extent: &NodeItem) -> u32 {
    let cell = |low: f64, high: f64, from: f64, to: f64| {
        (f64::from(u16::MAX) * (f64::midpoint(low, high) - from) / (to - from)) as u32
    };
    let mut x = cell(node.min_x, node.max_x, extent.min_x, extent.max_x);
    let mut y = cell(node.min_y, node.max_y, extent.min_y, extent.max_y);
    let mut along = 0;
    for side in (0..16).rev().map(|bit| 1 << bit) {
        let (right, upper) = (u32::from(x & side != 0), u32::from(y & side != 0));
        along += side * side * ((3 * right) ^ upper);
        // The curve in a quarter is the whole curve, turned at the two ends.
        (x, y) = (x & (side - 1), y & (side - 1));
        if upper == 0 {
            let mirrored = |v: u32| if right == 1 { side - 1 - v } else { v };
            (x, y) = (mirrored(y), mirrored(x));
        }
    }
    along
}

/// The header with its length before it.
fn header(
    selection: &Selection<'_>,
    layer: SelectedLayer,
    extent: &NodeItem,
    count: usize,
) -> Result<Vec<u8>, FlatGeobufError> {
    let mut builder = FlatBufferBuilder::new();
    let column = |key: &Key| {
        let name = Some(builder.create_string(key.name()));
        Column::create(&mut builder, &ColumnArgs { name, type_: column_type(*key), ..ColumnArgs::default() })
    };
    let columns: Vec<_> = layer.keys().iter().map(column).collect();
    let columns = Some(builder.create_vector(&columns));
    let name = Some(builder.create_string(layer.name()));
    let bounds = [extent.min_x, extent.min_y, extent.max_x, extent.max_y];
    let envelope = (count > 0).then(|| builder.create_vector(&bounds));
    let crs = Some(crs(&selection.frame.crs, &mut builder)?);
    let arguments = HeaderArgs {
        name,
        envelope,
        columns,
        crs,
        geometry_type: match layer {
            SelectedLayer::Features => GeometryType::Polygon,
            SelectedLayer::Centrelines => GeometryType::LineString,
        },
        features_count: count as u64,
        index_node_size: if count == 0 { 0 } else { NODE_SIZE },
        ..HeaderArgs::default()
    };
    let header = Header::create(&mut builder, &arguments);
    builder.finish_size_prefixed(header, None);
    Ok(builder.finished_data().to_vec())
}

/// The reference system by its code, where an authority gives one, and as text.
fn crs<'a>(
    crs: &georef::Crs,
    builder: &mut FlatBufferBuilder<'a>,
) -> Result<flatbuffers::WIPOffset<Crs<'a>>, GdalError> {
    let known = SpatialRef::from_definition(crs.definition())?;
    let authority = known.auth_name().zip(known.auth_code().ok());
    let arguments = CrsArgs {
        org: authority.as_ref().map(|(name, _)| builder.create_string(name)),
        code: authority.as_ref().map_or(0, |(_, code)| *code),
        name: known.name().map(|name| builder.create_string(&name)),
        wkt: Some(builder.create_string(&known.to_wkt()?)),
        ..CrsArgs::default()
    };
    Ok(Crs::create(builder, &arguments))
}

fn column_type(key: Key) -> ColumnType {
    match key.value_type() {
        Type::Whole => ColumnType::Long,
        Type::Tenths => ColumnType::Double,
        Type::Text => ColumnType::String,
        Type::Flag => ColumnType::Bool,
    }
}

impl Shape<'_> {
    /// Its box, at a place of the list.
    fn node(&self, at: u64) -> NodeItem {
        let outline = match self {
            Self::Polygon(feature) => feature.polygon.exterior(),
            Self::Line(centreline) => &centreline.line,
        };
        let mut node = NodeItem::create(at);
        outline.0.iter().for_each(|c| node.expand_xy(c.x, c.y));
        node
    }
}

/// Room for a record, used again for each.
struct Encoder<'a> {
    builder: FlatBufferBuilder<'a>,
    classes: Classes<'a>,
    keys: &'static [Key],
    xy: Vec<f64>,
    /// Where the vertices of each ring end.
    ends: Vec<u32>,
    properties: Vec<u8>,
}

impl<'a> Encoder<'a> {
    fn new(layer: SelectedLayer, selection: &Selection<'a>) -> Self {
        Self {
            builder: FlatBufferBuilder::new(),
            classes: Classes::new(selection.scheme),
            keys: layer.keys(),
            xy: Vec::new(),
            ends: Vec::new(),
            properties: Vec::new(),
        }
    }

    /// A feature with its length before it.
    fn record(&mut self, shape: Shape<'_>) -> &[u8] {
        let Self { builder, classes, keys, xy, ends, properties } = self;
        xy.clear();
        ends.clear();
        properties.clear();
        let mut vertices = |line: &LineString<f64>| {
            xy.extend(line.0.iter().flat_map(|c| [c.x, c.y]));
            ends.push((xy.len() / 2) as u32);
        };
        let mut property = |key: Key, value: Value<'_>| {
            if let Some(column) = keys.iter().position(|k| *k == key) {
                properties.extend((column as u16).to_le_bytes());
                append(&value, properties);
            }
        };
        match shape {
            Shape::Polygon(feature) => {
                vertices(feature.polygon.exterior());
                feature.polygon.interiors().iter().for_each(vertices);
                tell(feature, classes, &mut property);
            }
            Shape::Line(centreline) => {
                vertices(&centreline.line);
                tell_centreline(centreline, classes, &mut property);
            }
        }
        builder.reset();
        let ends = (ends.len() > 1).then(|| builder.create_vector(ends)); // one ring ends where the vertices do
        let xy = Some(builder.create_vector(xy));
        let geometry = Some(Geometry::create(builder, &GeometryArgs { xy, ends, ..GeometryArgs::default() }));
        let properties = Some(builder.create_vector(properties));
        let record = Record::create(builder, &FeatureArgs { geometry, properties, columns: None });
        builder.finish_size_prefixed(record, None);
        builder.finished_data()
    }
}

/// A value as its column has it: little-endian numbers, text with its length before it.
fn append(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Number(Number::Whole(v)) => out.extend((*v as i64).to_le_bytes()),
        Value::Number(Number::Tenths(v)) => out.extend((*v as f64 / 10.0).to_le_bytes()),
        Value::Text(text) => {
            out.extend((text.len() as u32).to_le_bytes());
            out.extend(text.as_bytes());
        }
        Value::Flag(v) => out.push(u8::from(*v)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::filter::Filter;
    use crate::encode::tests::town;
    use crate::scheme::Scheme;
    use gdal::Dataset;
    use gdal::vector::LayerAccess;

    #[test]
    fn the_index_finds_what_a_window_touches() {
        let (store, scheme, folder) = (town(), Scheme::city(), tempfile::tempdir().expect("a folder"));
        let path = folder.path().join("town.fgb");
        write(&path, &Filter::default().select(&store, &scheme), SelectedLayer::Features).expect("written");
        let dataset = Dataset::open(&path).expect("opens");
        let mut layer = dataset.layer(0).expect("a layer");
        let extent = layer.get_extent().expect("in the header");
        let middle = |a: f64, b: f64| f64::midpoint(a, b);
        let (x, y) = (middle(extent.MinX, extent.MaxX), middle(extent.MinY, extent.MaxY));
        layer.set_spatial_filter_rect(extent.MinX, extent.MinY, x, y);
        let mut found: Vec<i64> = layer.features().filter_map(|f| f.field_as_integer64(0).ok().flatten()).collect();
        let touches = |feature: &Feature| {
            let window = geo::Rect::new((extent.MinX, extent.MinY), (x, y));
            geo::Intersects::intersects(&feature.polygon, &window)
        };
        let touching = store.iter().filter(|stored| touches(&stored.feature));
        let mut expected: Vec<i64> = touching.map(|stored| stored.feature.id.get() as i64).collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert!(!expected.is_empty() && expected.len() < store.len(), "a part is asked for");
        assert_eq!(found, expected);
    }

    #[test]
    fn the_curve_goes_from_a_cell_to_one_beside_it() {
        let extent = NodeItem::bounds(0.0, 0.0, 65_535.0, 65_535.0);
        let cell = |x: u32, y: u32| NodeItem::bounds(x.into(), y.into(), x.into(), y.into());
        let mut cells: Vec<(u32, u32)> = (0..64).flat_map(|x| (0..64).map(move |y| (x, y))).collect();
        cells.sort_by_key(|(x, y)| along_hilbert(&cell(*x, *y), &extent));
        let mut steps = cells.windows(2).map(|pair| pair[0].0.abs_diff(pair[1].0) + pair[0].1.abs_diff(pair[1].1));
        assert!(steps.all(|step| step == 1));
        assert_eq!(along_hilbert(&NodeItem::bounds(3.0, 4.0, 3.0, 4.0), &NodeItem::bounds(3.0, 4.0, 3.0, 4.0)), 0);
    }

    #[test]
    fn nothing_selected_is_an_empty_layer() {
        let (store, scheme, folder) = (town(), Scheme::city(), tempfile::tempdir().expect("a folder"));
        let path = folder.path().join("none.fgb");
        let mut selection = Filter::default().select(&store, &scheme);
        selection.features.clear();
        write(&path, &selection, SelectedLayer::Features).expect("written");
        let dataset = Dataset::open(&path).expect("opens");
        let mut layer = dataset.layer(0).expect("a layer");
        assert_eq!(layer.features().count(), 0);
        assert_eq!(layer.defn().fields().count(), Key::ALL.len());
    }
}
