//! The fuzz targets' functions on their corpus and on seeded random bytes: a short run without a fuzzer.

use std::path::Path;

use crate::coverage_case;

#[test]
fn the_corpus_of_coverages_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/coverage");
    let files: Vec<_> = std::fs::read_dir(folder).expect("a corpus").map(|file| file.expect("a file").path()).collect();
    assert!(files.len() >= 8);
    for file in files {
        coverage_case::check(&std::fs::read(file).expect("readable"));
    }
}

#[test]
fn random_coverages_hold() {
    let mut state = 0x1234_5678_9abc_def1_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u32
    };
    for case in 0..2000 {
        let count = 4 + random() as usize % if case % 50 == 0 { 1200 } else { 150 };
        // Few labels and longer runs in some, noise in others.
        let mask = [0b1111_1111, 0b0001_1011, 0b0000_0111, 0b0011_0010][case % 4];
        let bytes: Vec<u8> = (0..count).map(|i| random() as u8 & if i < 4 { 0xff } else { mask }).collect();
        coverage_case::check(&bytes);
    }
}
