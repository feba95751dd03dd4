//! The small networks that tests of this module load.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::ModelCard;
use crate::georef::Window;
use crate::raster::fixture::shared_data;
use crate::raster::{Channel, Mosaic, PixelWindow, RasterSource};

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
    let window = Window::new(0, 0, side, side);
    tensor(card, &PixelWindow { window, channels: 3, samples, valid: vec![1; pixels] })
}

/// A chip as the network of a card takes it.
pub(super) fn tensor(card: &ModelCard, chip: &PixelWindow) -> Vec<f32> {
    let mut tensor = Vec::new();
    card.normalization().append(chip, &mut tensor);
    tensor
}

/// What the references say of real imagery: `models/export/on_imagery.py`.
#[derive(serde::Deserialize)]
pub(super) struct OnImagery {
    scene: PathBuf,
    corner: (i64, i64),
    /// City scores at every fourth pixel, class by class.
    pub(super) scores: Vec<f32>,
    /// The numbers of each patch, by model.
    pub(super) features: HashMap<String, Vec<Vec<f32>>>,
    pub(super) masks: Vec<FoundMask>,
    pub(super) pred_iou_thresh: f32,
    pub(super) stability_score_thresh: f32,
}

impl OnImagery {
    pub(super) fn read() -> Self {
        let text = std::fs::read_to_string(fixture("on-imagery.json")).expect("a fixture");
        serde_json::from_str(&text).expect("JSON")
    }

    /// The imagery itself, as a chip of a card; none where the data folder is not there.
    pub(super) fn chip(&self, card: &ModelCard) -> Option<Vec<f32>> {
        let mosaic = Mosaic::open(&[shared_data()?.join(&self.scene)]).expect("a mosaic");
        let mut reader = mosaic.reader(mosaic.frame(), &Channel::RGB).expect("a reader");
        let window = Window::new(self.corner.0, self.corner.1, card.input.chip_px, card.input.chip_px);
        Some(tensor(card, &reader.read(&window).expect("read")))
    }
}

/// A mask that segment-anything's generator finds in a picture.
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
