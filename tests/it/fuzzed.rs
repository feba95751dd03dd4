//! The fuzz targets' functions on their corpus and on seeded random bytes: a short run without a fuzzer.
//!
//! `FUZZ_SEED=7 cargo test fuzzed` takes other bytes.

use std::path::Path;

use orthotile::feature::Outline;

use crate::{coverage_case, town_case};

#[test]
fn the_corpus_of_coverages_holds() {
    corpus("coverage").iter().for_each(|bytes| coverage_case::check(bytes));
}

#[test]
fn the_corpus_of_towns_holds() {
    corpus("buildings").iter().for_each(|bytes| town_case::check(bytes));
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files: Vec<_> = std::fs::read_dir(folder).expect("a corpus").map(|file| file.expect("a file").path()).collect();
    assert!(files.len() >= 8);
    files.iter().map(|file| std::fs::read(file).expect("readable")).collect()
}

#[test]
fn random_towns_are_coverages_in_which_no_building_covers_another() {
    let mut random = random(0x0dd0_5eed_1234_9876);
    let mut regular = 0;
    for case in 0..150_usize {
        let shapes = 4 + random() as usize % 50;
        let bytes: Vec<u8> = (0..=6 * shapes).map(|i| if i == 0 { case as u8 } else { random() as u8 }).collect();
        town_case::check(&bytes);
        let made = town_case::features(&bytes);
        regular += made.iter().filter(|f| f.outline == Outline::Regularized).count();
    }
    assert!(regular > 300, "only {regular} outlines are regular: too few to show anything");
}

/// Xorshift.
fn random(seed: u64) -> impl FnMut() -> u32 {
    let other: u64 = std::env::var("FUZZ_SEED").map_or(0, |seed| seed.parse().expect("a number"));
    let mut state = seed ^ other.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u32
    }
}

#[test]
fn random_coverages_hold() {
    let mut random = random(0x1234_5678_9abc_def1);
    for case in 0..2000 {
        let count = 4 + random() as usize % if case % 50 == 0 { 1200 } else { 150 };
        // Few labels and longer runs in some, noise in others.
        let mask = [0b1111_1111, 0b0001_1011, 0b0000_0111, 0b0011_0010][case % 4];
        let bytes: Vec<u8> = (0..count).map(|i| random() as u8 & if i < 4 { 0xff } else { mask }).collect();
        coverage_case::check(&bytes);
    }
}
