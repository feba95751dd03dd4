//! Georeferenced aerial mosaics in, live vector maps out.
//!
//! The modules stand in the order that the data takes; each uses only modules above it.

pub mod cores; // a list worked on by every core
pub mod files; // a file written whole or not at all
pub mod input; // files that a user names, read whole up to a limit
pub mod random; // numbers that look random and are the same on every machine
pub mod fingerprint; // what tells one set of inputs from another, field by field
pub mod distance; // how far every cell is from the nearest empty one
pub mod georef; // raster space, map space, tile space and the maps between them
pub mod scheme; // what a pixel can be: classes, colours, default heights
pub mod raster; // samples that know where they lie: mosaics read in windows, rasters written
pub mod demo; // a made town: mosaic, elevation and truth from a seed
pub mod grid; // the work grid: blocks, halos, the chip lattice
pub mod preprocess; // a chip as a normalized tensor
pub mod model; // tensors to scores: card, session, one file per family
pub mod learn; // scorers fitted: clusters of a mosaic, heads from a handful of labels
pub mod label; // scores blended into a label map, cleaned, kept as label blocks
pub mod polygonize; // label blocks to arcs, arcs to exact regions across blocks
pub mod roofs; // roofs that touch, told apart
pub mod simplify; // every shared border, once
pub mod regularize; // building outlines
pub mod arrange; // what outlines take and give up changes hands: one coverage again
pub mod centreline; // roads as lines with widths
pub mod height; // heights above ground
pub mod feature; // what is served: geometry, class, confidence, height, stable id; and the store with its R-tree
pub mod pipeline; // block in, features out: all of the above in one short file
pub mod seed; // which blocks are made, each once: on demand or all
pub mod encode; // features to bytes: vector tiles, TileJSON, map style, GeoJSON, GeoPackage, FlatGeobuf
pub mod http; // handlers, one file per protocol; errors become statuses here and nowhere else
pub mod plugin; // the one value that a host mounts
pub mod config; // a file to maps that are served
