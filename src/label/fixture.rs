//! What tests of stores share.

use super::{CleanOptions, Manifest};
use crate::model::Scoring;

/// A manifest of twelve blocks, of which two are wanted.
pub fn manifest() -> Manifest {
    Manifest {
        version: Manifest::VERSION,
        crs: "EPSG:32632".to_owned(),
        transform: [500_000.0, 0.25, 0.0, 5_500_000.0, 0.0, -0.25],
        cols: 1000,
        rows: 600,
        block_px: 256,
        sources: Vec::new(),
        bands: None,
        dsm: None,
        dtm: None,
        model: "model.toml".into(),
        scoring: Scoring::default(),
        clean: CleanOptions::default(),
        scheme: None,
        area_blocks: vec![(0, 0), (2, 3)],
        split_roofs: Some(0.5),
        feature_cache: None,
        fingerprint: "0a".repeat(32),
    }
}
