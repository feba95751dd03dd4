//! Any raster traced, joined and simplified: `cargo +nightly fuzz run coverage`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/it/coverage_case.rs"]
mod coverage_case;

fuzz_target!(|bytes: &[u8]| coverage_case::check(bytes));
