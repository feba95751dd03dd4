//! One binary for all integration tests: GDAL and ONNX Runtime are linked once.
#![allow(missing_docs)]

mod antimeridian;
mod asked;
mod bad_input;
mod bug_cases;
mod city;
mod common;
mod demo;
mod coverage_case;
mod faults;
mod features;
mod fuzzed;
mod house;
mod http_documents;
mod http_features;
mod http_server;
mod http_tiles;
mod live;
mod maps;
mod masks;
mod mount;
mod on_request;
mod polygonize;
mod roofs;
mod segment;
mod stores;
mod tile_areas;
mod tiles;
mod town_case;
mod trust;
mod unknown;
mod vectorize;
mod ways;
