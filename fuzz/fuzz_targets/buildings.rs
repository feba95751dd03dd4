//! Any town regularized: `cargo +nightly fuzz run buildings`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/it/town_case.rs"]
mod town_case;

fuzz_target!(|bytes: &[u8]| town_case::check(bytes));
