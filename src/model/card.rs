//! What a model says of itself: `model.toml` beside the `.onnx` file, or the metadata inside it.

use std::path::{Path, PathBuf};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;

use super::MaskCard;
use super::onnx::with_weights;
use crate::grid::WantedResolution;
use crate::input;
use crate::preprocess::Normalization;
use crate::raster::Channel;
use crate::scheme::{ClassId, Scheme};

/// Why a card cannot be used.
#[derive(Debug, Error)]
pub enum CardError {
    /// The card cannot be read.
    #[error(
        "model card {path}: {cause} (a model is a folder with model.toml, that file, or an .onnx with a .toml beside it)"
    )]
    Read {
        /// The file looked for.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A network of the card, or a file of its weights, cannot be read.
    #[error("network {path}, named by its card: {cause}")]
    Weights {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
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
    /// The channels of the output, in order. A network with one channel has two: what is not, and what is. Features have
    /// none: the classes are those of a scorer.
    #[serde(default)]
    pub classes: Vec<ModelClass>,
    /// Whether classes that cannot be seen from above are left out before the scores are weighed.
    #[serde(default)]
    pub mask_implausible: bool,
    /// How masks are found and classed, in the family that finds some.
    pub masks: Option<MaskCard>,
    /// How its labels are cleaned unless told otherwise.
    #[serde(default)]
    pub labels: LabelDefaults,
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
    /// One vector per patch of pixels (`DINOv2` and other vision transformers, encoders): a scorer reads them.
    Features,
    /// Masks of objects (SAM, `MobileSAM`): an encoder and a decoder of prompts; rules say what they are.
    Sam,
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
    /// Batch, row, column, channel.
    #[serde(rename = "NHWC")]
    Nhwc,
}

/// What comes out: `[batch, classes, chip / stride, chip / stride]`, or in the order of its layout; of features,
/// `[batch, dim, chip / patch, chip / patch]` or `[batch, tokens, dim]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// The output of the graph.
    pub name: String,
    /// What turns it into probabilities.
    pub activation: Activation,
    /// Input pixels per output pixel; features have `patch_px` instead.
    #[serde(default)]
    pub stride: u32,
    /// The probability below which a class does not count; where none counts, it is the first class.
    pub threshold: Option<f32>,
    /// The order of its axes; that of the input unless told.
    pub layout: Option<Layout>,
    /// Features: the side of a patch in pixels.
    pub patch_px: Option<u32>,
    /// Features: numbers per patch.
    pub dim: Option<u32>,
    /// Features: the output is a sequence of tokens, `[batch, tokens, dim]`, that begins with these; a map unless told.
    pub tokens: Option<Tokens>,
}

/// The tokens of a sequence that stand before those of the patches and belong to none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    /// Class tokens: 0 or 1.
    pub cls: u32,
    /// Register tokens.
    pub registers: u32,
}

/// How labels are cleaned, and roofs told apart, unless told otherwise; see the modules `label` and `roofs`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelDefaults {
    /// Rounds of a 3 × 3 majority.
    pub majority_rounds: Option<u32>,
    /// The area below which patches go.
    pub min_area_m2: Option<f64>,
    /// The width of the band along borders that is decided again.
    pub boundary_m: Option<f64>,
    /// Roofs that touch are told apart where certainty drops by so much between them, 0 to 1: what suits the certainty of
    /// this network. Used when polygons are made, so it changes no label.
    pub split_roofs: Option<f64>,
}

impl LabelDefaults {
    /// What `split_roofs` may be: labels keep certainty in steps of 1/255.
    pub const SPLIT_ROOFS: std::ops::RangeInclusive<f64> = 0.01..=1.0;
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelClass {
    /// As the model calls it.
    pub name: String,
    /// The class of the scheme that it counts for; several may share one, their probabilities are added.
    pub city_class: String,
    /// It cannot be seen from above: an indoor thing, the sky.
    #[serde(default)]
    pub implausible: bool,
}

impl ModelCard {
    /// Reads the card of a model: a folder with `model.toml`, a card, an `.onnx` file with a card beside it, or one that
    /// carries the metadata of Deepness.
    ///
    /// # Errors
    /// When there is no card, or a key is missing, unknown or out of range.
    pub fn open(model: &Path) -> Result<Self, CardError> {
        let path = card_path(model);
        let invalid = |reason: String| CardError::Invalid { path: path.clone(), reason };
        let card = if is_network(&path) {
            super::deepness::card(&path).map_err(invalid)?
        } else {
            let read = input::read_text(&path, input::TEXT_BYTES);
            let text = read.map_err(|cause| CardError::Read { path: path.clone(), cause })?;
            Self { path: path.clone(), ..parse(&text, path.parent().unwrap_or(Path::new(""))).map_err(invalid)? }
        };
        super::rules::check(&card).map_err(invalid)?;
        card.check_networks()?;
        Ok(card)
    }

    /// Refuses pipes, sockets, devices and folders in the place of a network; one that is missing is an error when it is loaded.
    fn check_networks(&self) -> Result<(), CardError> {
        for path in self.networks().into_iter().filter(|path| path.exists()) {
            input::check_plain(&path).map_err(|cause| CardError::Weights { path, cause })?;
        }
        Ok(())
    }

    /// The resolution that it works at.
    #[must_use]
    pub fn wanted_resolution(&self) -> WantedResolution {
        WantedResolution {
            best_m_per_px: self.input.resolution_m_per_px,
            range_m_per_px: self.input.resolution_range_m_per_px,
        }
    }

    /// Whether the licence keeps some from using it: non-commercial, for research only.
    #[must_use]
    pub fn restricts_use(&self) -> bool {
        let licence = self.licence.to_lowercase();
        ["non-commercial", "noncommercial", "-nc", "research", "evaluation"].iter().any(|word| licence.contains(word))
    }

    /// The network.
    #[must_use]
    pub fn network_path(&self) -> PathBuf {
        self.beside(&self.file)
    }

    /// A file that the card names.
    pub(super) fn beside(&self, file: &Path) -> PathBuf {
        self.path.parent().map_or_else(|| file.to_owned(), |folder| folder.join(file))
    }

    /// Every network of the model.
    #[must_use]
    pub fn networks(&self) -> Vec<PathBuf> {
        let decoder = self.masks.as_ref().map(|masks| self.beside(&masks.decoder));
        std::iter::once(self.network_path()).chain(decoder).collect()
    }

    /// The files of every network: itself, which is read for it, and those beside it that hold its weights.
    #[must_use]
    pub fn weights(&self) -> Vec<PathBuf> {
        self.networks().iter().flat_map(|network| with_weights(network)).collect()
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
        self.classes.iter().map(|class| self.class(("classes: city_class", &class.city_class), scheme)).collect()
    }

    /// The class of the scheme of a name that stands under a key.
    pub(super) fn class(&self, (key, name): (&str, &str), scheme: &Scheme) -> Result<ClassId, CardError> {
        let known = || scheme.classes.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
        scheme.named(name).map(crate::scheme::Class::id).ok_or_else(|| CardError::Invalid {
            path: self.path.clone(),
            reason: format!("{key} {name:?} is not in scheme {:?} ({})", scheme.name, known()),
        })
    }
}

/// A card's text; `classes` and the rules of masks may name a table instead of listing them.
fn parse(text: &str, folder: &Path) -> Result<ModelCard, String> {
    let mut card: toml::Table = toml::from_str(text).map_err(|e| e.to_string())?;
    let classes = named(&mut card, "classes");
    let masks = card.get_mut("masks").and_then(toml::Value::as_table_mut);
    let rules = masks
        .and_then(|masks| if masks.contains_key("rules") { named(masks, "rules") } else { Some("city".to_owned()) });
    if classes.is_none() && rules.is_none() {
        return toml::from_str(text).map_err(|e| e.to_string()); // so that messages tell the line
    }
    let mut card: ModelCard = card.try_into().map_err(|e: toml::de::Error| e.to_string())?;
    if let Some(name) = classes {
        card.classes = super::classes::table(&name, folder)?;
    }
    if let (Some(name), Some(masks)) = (rules, &mut card.masks) {
        masks.rules = super::sam::rule_table(&name, folder)?;
    }
    Ok(card)
}

/// The name that stands under a key in place of a list; takes it away.
fn named(table: &mut toml::Table, key: &str) -> Option<String> {
    let name = table.get(key)?.as_str()?.to_owned();
    table.remove(key);
    Some(name)
}

/// A folder's `model.toml`, the card itself, the card beside a network, or the network where there is none.
fn card_path(model: &Path) -> PathBuf {
    if model.is_dir() {
        return model.join("model.toml");
    }
    if is_network(model) {
        let beside = [model.with_extension("toml"), model.with_file_name("model.toml")];
        // A folder's card may be that of another network.
        let of_it = |card: &PathBuf| {
            let text = input::read_text(card, input::TEXT_BYTES).ok()?;
            let table: toml::Table = toml::from_str(&text).ok()?;
            Some(table.get("file")?.as_str()?.to_owned())
        };
        let is_its = |card: &PathBuf| {
            card.exists() && of_it(card).is_none_or(|file| Path::new(&file).file_name() == model.file_name())
        };
        return beside.into_iter().find(is_its).unwrap_or_else(|| model.to_owned());
    }
    model.to_owned()
}

pub(super) fn is_network(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("onnx"))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::fixture;
    use super::*;

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
            ("stride = 1", "stride = 1\nthreshold = 1.5", "output.threshold"),
        ] {
            let path = folder.path().join("model.toml");
            assert!(text.contains(from), "{from}");
            std::fs::write(&path, text.replace(from, to)).expect("written");
            let error = ModelCard::open(folder.path()).expect_err(key).to_string();
            assert!(error.contains(key) && error.contains("model.toml"), "{error}");
        }
    }
}
