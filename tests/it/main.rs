//! One binary for all integration tests: GDAL and ONNX Runtime are linked once.
#![allow(missing_docs)]

mod common;
mod house;
mod segment;
