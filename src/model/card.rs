//! What a model says of itself: `model.toml` beside the `.onnx` file.

use std::path::{Path, PathBuf};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use thiserror::Error;

use crate::grid::WantedResolution;
use crate::preprocess::Normalization;
use crate::raster::Channel;
use crate::scheme::{ClassId, Scheme};

/// Why a card cannot be used.
#[derive(Debug, Error)]
pub enum CardError {
    /// The card cannot be read.
    #[error(
        "model card {path}: {source} (a model is a folder with model.toml, that file, or an .onnx with a .toml beside it)"
    )]
    Read {
        /// The file looked for.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The card does not say what a card says, or something that cannot be.
    #[error("model card {path}: {reason}")]
    Invalid {
        /// The card.
        path: PathBuf,
        /// The key and what is accepted.
        reason: String,
    },
}

/// A model card; see `models/README.md` for the keys.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelCard {
    /// The name of the model.
    pub name: String,
    /// Its version.
    pub version: String,
    /// How its output is read.
    pub family: Family,
    /// The network, relative to the card.
    pub file: PathBuf,
    /// Under which the weights may be used.
    pub licence: String,
    /// What goes in.
    pub input: Input,
    /// What comes out.
    pub output: Output,
    /// The channels of the output, in order.
    pub classes: Vec<ModelClass>,
    /// Where the weights come from; free keys, for people.
    #[serde(default)]
    pub provenance: toml::Table,
    /// What was measured; free keys, for people.
    #[serde(default)]
    pub metrics: toml::Table,
    /// Where the card lies.
    #[serde(skip)]
    pub path: PathBuf,
}

/// How a model's output is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// One score per class and pixel (U-Net, `SegFormer`, `DeepLab`, …).
    Semantic,
}

/// What goes in.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The input of the graph.
    pub name: String,
    /// The order of its axes.
    pub layout: Layout,
    /// Which channels of the imagery, in order: `red`, `green`, `blue`, `nir`.
    #[serde(deserialize_with = "channels")]
    pub channels: Vec<Channel>,
    /// Multiplies 8-bit samples.
    pub scale: f32,
    /// Then subtracted, per channel.
    pub mean: Vec<f32>,
    /// Then divides, per channel.
    pub std: Vec<f32>,
    /// The ground resolution that it was trained for.
    pub resolution_m_per_px: f64,
    /// The finest and the coarsest ground resolution that it is good for.
    pub resolution_range_m_per_px: [f64; 2],
    /// The side of a chip.
    pub chip_px: u32,
    /// From chip to chip.
    pub stride_px: u32,
    /// The side of a chip is a multiple of this.
    pub multiple_px: u32,
}

fn channels<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Channel>, D::Error> {
    let names: Vec<String> = Vec::deserialize(deserializer)?;
    let channel = |name: &String| match name.as_str() {
        "red" => Ok(Channel::Red),
        "green" => Ok(Channel::Green),
        "blue" => Ok(Channel::Blue),
        "nir" => Ok(Channel::NearInfrared),
        other => Err(D::Error::unknown_variant(other, &["red", "green", "blue", "nir"])),
    };
    names.iter().map(channel).collect()
}

/// The order of the axes of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Layout {
    /// Batch, channel, row, column.
    #[serde(rename = "NCHW")]
    Nchw,
}

/// What comes out: `[batch, classes, chip / stride, chip / stride]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// The output of the graph.
    pub name: String,
    /// What turns it into probabilities.
    pub activation: Activation,
    /// Input pixels per output pixel.
    pub stride: u32,
}

/// What turns an output into probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// Over the classes.
    Softmax,
    /// Each class by itself.
    Sigmoid,
    /// They are probabilities already.
    None,
}

/// A channel of the output.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelClass {
    /// As the model calls it.
    pub name: String,
    /// The class of the scheme that it counts for; several may share one, their probabilities are added.
    pub city_class: String,
}

impl ModelCard {
    /// Reads the card of a model: a folder with `model.toml`, a card, or an `.onnx` file with a card beside it.
    ///
    /// # Errors
    /// When there is no card, or a key is missing, unknown or out of range.
    pub fn open(model: &Path) -> Result<Self, CardError> {
        let path = card_path(model);
        let text = std::fs::read_to_string(&path).map_err(|source| CardError::Read { path: path.clone(), source })?;
        let parsed: Result<Self, _> = toml::from_str(&text);
        let mut card = parsed.map_err(|e| CardError::Invalid { path: path.clone(), reason: e.to_string() })?;
        card.check().map_err(|reason| CardError::Invalid { path: path.clone(), reason })?;
        card.path = path;
        Ok(card)
    }

    /// The resolution that it works at.
    #[must_use]
    pub fn wanted_resolution(&self) -> WantedResolution {
        WantedResolution {
            best_m_per_px: self.input.resolution_m_per_px,
            range_m_per_px: self.input.resolution_range_m_per_px,
        }
    }

    /// The network.
    #[must_use]
    pub fn network_path(&self) -> PathBuf {
        self.path.parent().map_or_else(|| self.file.clone(), |folder| folder.join(&self.file))
    }

    /// How chips become tensors.
    #[must_use]
    pub fn normalization(&self) -> Normalization {
        Normalization { scale: self.input.scale, mean: self.input.mean.clone(), std: self.input.std.clone() }
    }

    /// The class of the scheme that each output channel counts for.
    ///
    /// # Errors
    /// When the scheme has no class of that name.
    pub fn targets(&self, scheme: &Scheme) -> Result<Vec<ClassId>, CardError> {
        let known = || scheme.classes.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
        let target = |class: &ModelClass| {
            scheme.named(&class.city_class).map(crate::scheme::Class::id).ok_or_else(|| CardError::Invalid {
                path: self.path.clone(),
                reason: format!(
                    "classes: city_class {:?} is not in scheme {:?} ({})",
                    class.city_class,
                    scheme.name,
                    known()
                ),
            })
        };
        self.classes.iter().map(target).collect()
    }

    fn check(&self) -> Result<(), String> {
        let input = &self.input;
        let channels = input.channels.len();
        let [finest, coarsest] = input.resolution_range_m_per_px;
        let rules = [
            (channels > 0, "input.channels: at least one of red, green, blue, nir".to_owned()),
            (
                input.mean.len() == channels && input.std.len() == channels,
                format!("input.mean, input.std: {channels} numbers, one per channel"),
            ),
            (input.std.iter().all(|s| *s > 0.0), "input.std: numbers above 0".to_owned()),
            (input.chip_px >= 8 && input.chip_px <= 4096, "input.chip_px: 8 to 4096".to_owned()),
            (
                input.multiple_px > 0 && input.chip_px.is_multiple_of(input.multiple_px.max(1)),
                format!("input.chip_px: a multiple of input.multiple_px = {}", input.multiple_px),
            ),
            (
                input.stride_px * 2 >= input.chip_px && input.stride_px <= input.chip_px,
                "input.stride_px: chip_px / 2 to chip_px".to_owned(),
            ),
            (
                0.0 < finest && finest <= input.resolution_m_per_px && input.resolution_m_per_px <= coarsest,
                "input.resolution_range_m_per_px: [finest, coarsest] around resolution_m_per_px".to_owned(),
            ),
            (
                self.output.stride >= 1 && input.chip_px.is_multiple_of(self.output.stride.max(1)),
                "output.stride: a divisor of input.chip_px".to_owned(),
            ),
            (!self.classes.is_empty() && self.classes.len() <= 255, "classes: 1 to 255".to_owned()),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, rule)| Err(rule))
    }
}

/// A folder's `model.toml`, the card itself, or the card beside a network.
fn card_path(model: &Path) -> PathBuf {
    if model.is_dir() {
        return model.join("model.toml");
    }
    if model.extension().is_some_and(|e| e.eq_ignore_ascii_case("onnx")) {
        let beside = model.with_extension("toml");
        return if beside.exists() { beside } else { model.with_file_name("model.toml") };
    }
    model.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models").join(name)
    }

    #[test]
    fn a_card_beside_its_network_is_found() {
        let card = ModelCard::open(&fixture("threshold.onnx")).expect("a fixture");
        assert_eq!((card.name.as_str(), card.classes.len()), ("threshold", 2));
        assert!(card.network_path().exists());
        let targets = card.targets(&Scheme::city()).expect("city classes");
        assert_eq!(targets, [ClassId(7), ClassId(1)]);
    }

    #[test]
    fn a_card_that_cannot_be_names_the_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = std::fs::read_to_string(fixture("threshold.toml")).expect("a fixture");
        for (from, to, key) in [
            ("stride_px = 48", "stride_px = 65", "input.stride_px"),
            ("mean = [0.0, 0.0, 0.0]", "mean = [0.0]", "input.mean"),
            ("multiple_px = 1", "multiple_px = 7", "input.multiple_px"),
            ("family = \"semantic\"", "family = \"psychic\"", "psychic"),
            ("version = \"1\"", "", "version"),
            ("layout = \"NCHW\"", "layout = \"NCHW\"\nfoo = 1", "foo"),
        ] {
            let path = folder.path().join("model.toml");
            assert!(text.contains(from), "{from}");
            std::fs::write(&path, text.replace(from, to)).expect("written");
            let error = ModelCard::open(folder.path()).expect_err(key).to_string();
            assert!(error.contains(key) && error.contains("model.toml"), "{error}");
        }
    }
}
