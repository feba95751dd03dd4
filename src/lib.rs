//! Georeferenced aerial mosaics in, live vector maps out.
//!
//! The modules stand in the order that the data takes; each uses only modules above it.

pub mod georef; // raster space, map space, tile space and the maps between them
pub mod scheme; // what a pixel can be: classes, colours, default heights
pub mod grid; // the work grid: blocks, halos, the chip lattice
pub mod polygonize; // label blocks to arcs, arcs to exact regions across blocks
pub mod feature; // what is served: geometry, class, confidence, height, stable id; and the store with its R-tree
