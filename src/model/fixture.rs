//! The small networks that tests of this module load.

use std::path::{Path, PathBuf};

use super::ModelCard;

pub(in crate::model) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models").join(name)
}

pub(in crate::model) fn card(name: &str) -> ModelCard {
    ModelCard::open(&fixture(name)).expect("a fixture")
}

/// The picture of the SAM fixtures as a chip of a card of its size.
pub(super) fn picture(card: &ModelCard) -> Vec<f32> {
    let interleaved = std::fs::read(fixture("sam.bin")).expect("a fixture");
    let pixels = interleaved.len() / 3;
    let side = card.input.chip_px;
    let samples = (0..3).flat_map(|c| (0..pixels).map(move |i| (c, i))).map(|(c, i)| interleaved[i * 3 + c]).collect();
    let window = crate::georef::Window::new(0, 0, side, side);
    let chip = crate::raster::PixelWindow { window, channels: 3, samples, valid: vec![1; pixels] };
    let mut tensor = Vec::new();
    card.normalization().append(&chip, &mut tensor);
    tensor
}

/// A mask that segment-anything's generator finds in that picture.
#[derive(serde::Deserialize)]
pub(super) struct FoundMask {
    counts: Vec<usize>,
    pub(super) area: u32,
    pub(super) predicted_iou: f32,
    pub(super) stability_score: f32,
}

impl FoundMask {
    /// Those of a file.
    pub(super) fn read(name: &str) -> Vec<Self> {
        let text = std::fs::read_to_string(fixture(name)).expect("a fixture");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Whether each pixel is in it.
    pub(super) fn pixels(&self) -> Vec<bool> {
        let flips = self.counts.iter().enumerate();
        flips.flat_map(|(i, n)| std::iter::repeat_n(i % 2 == 1, *n)).collect()
    }
}
