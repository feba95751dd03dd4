//! The small networks that tests of this module load.

use std::path::{Path, PathBuf};

use super::ModelCard;

pub(in crate::model) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models").join(name)
}

pub(in crate::model) fn card(name: &str) -> ModelCard {
    ModelCard::open(&fixture(name)).expect("a fixture")
}
