//! Vision transformers and encoders: one vector per patch of pixels.

use super::session::{Planes, Session, check_finite};
use super::{Family, Lane, ModelCard, ModelError};

/// The features of a chip.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchFeatures {
    /// Patches along a side of the chip.
    pub side: usize,
    /// Numbers per patch.
    pub dim: usize,
    /// `[side, side, dim]`, row-major.
    pub values: Vec<f32>,
}

impl PatchFeatures {
    /// The vector of a patch.
    #[must_use]
    pub fn patch(&self, row: usize, col: usize) -> &[f32] {
        &self.values[(row * self.side + col) * self.dim..][..self.dim]
    }
}

/// A network whose output is features.
pub struct Features {
    session: Session,
    card: ModelCard,
    side: usize,
    dim: usize,
}

impl Features {
    /// Loads the network of a card, and runs one blank chip to see what comes out.
    ///
    /// # Errors
    /// When ONNX Runtime, the device or the network is missing, or the network does not fit its card.
    pub fn open(card: &ModelCard, lane: impl Into<Lane>) -> Result<Self, ModelError> {
        let path = card.network_path();
        let (Family::Features, Some(patch_px), Some(dim)) = (card.family, card.output.patch_px, card.output.dim) else {
            let reason = "family, output.patch_px, output.dim: these are no features".to_owned();
            return Err(ModelError::Mismatch { path, reason });
        };
        let session = Session::open(card, lane.into())?;
        let side = (card.input.chip_px / patch_px) as usize;
        let mut features = Self { session, card: card.clone(), side, dim: dim as usize };
        features.run(&vec![0.0; card.input.channels.len() * (card.input.chip_px as usize).pow(2)])?;
        Ok(features)
    }

    /// The features of some chips: normalized `[channels, side, side]` tensors in one piece, one after another.
    ///
    /// # Errors
    /// When the network fails, or gives numbers that are not finite.
    pub fn run(&mut self, chips: &[f32]) -> Result<Vec<PatchFeatures>, ModelError> {
        let side_px = self.card.input.chip_px as usize;
        let count = chips.len() / (self.card.input.channels.len() * side_px * side_px);
        let Self { session, card, side, dim } = self;
        let mut of_chips = Vec::with_capacity(count);
        session.run(chips, count, side_px, &mut |planes| {
            of_chips.push(patches(planes, card, *side, *dim)?);
            Ok(())
        })?;
        Ok(of_chips)
    }

    /// Where it runs.
    #[must_use]
    pub fn device(&self) -> String {
        self.session.device.to_string()
    }
}

/// The vectors of the patches, after the output was held against the card.
fn patches(output: &Planes<'_>, card: &ModelCard, side: usize, dim: usize) -> Result<PatchFeatures, ModelError> {
    let path = card.network_path();
    let shape = [output.channels, output.rows, output.cols];
    let (first, expected, keys) = match card.output.tokens {
        Some(tokens) => {
            let first = (tokens.cls + tokens.registers) as usize;
            (first, [1, first + side * side, dim], "output.tokens, output.patch_px, output.dim")
        }
        None => (0, [dim, side, side], "output.dim, output.patch_px"),
    };
    if shape != expected {
        let reason = format!("{keys}: the card makes {expected:?} of a chip, the network gave {shape:?}");
        return Err(ModelError::Mismatch { path, reason });
    }
    check_finite("features", &output.values, &path)?;
    let values = if card.output.tokens.is_some() {
        output.values[first * dim..].to_vec()
    } else {
        let patches = side * side;
        (0..patches * dim).map(|i| output.values[i % dim * patches + i / dim]).collect()
    };
    Ok(PatchFeatures { side, dim, values })
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{OnImagery, card, fixture};
    use super::*;
    use crate::model::Device;

    /// The picture of `models/export/parity.py`, normalized.
    fn synthetic(card: &ModelCard) -> Vec<f32> {
        let side = card.input.chip_px as usize;
        let sample = |i: usize| {
            let (c, row, col) = (i / (side * side), i / side % side, i % side);
            (((col * 7 + row * 13 + c * 50 + (row * col) / 5) % 256) as f32 / 255.0 - card.input.mean[c])
                / card.input.std[c]
        };
        (0..3 * side * side).map(sample).collect()
    }

    fn hold(found: &PatchFeatures, truth: &[Vec<f32>], name: &str) {
        assert_eq!((found.side, found.dim, truth.len()), (4, 24, 16));
        for (patch, truth) in truth.iter().enumerate() {
            let of_patch = found.patch(patch / 4, patch % 4);
            let furthest = of_patch.iter().zip(truth).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
            assert!(furthest < 1e-3, "{name}, patch {patch}: {furthest}");
        }
    }

    #[test]
    fn the_features_of_real_imagery_are_those_of_the_reference() {
        let reference = OnImagery::read();
        for (name, truth) in &reference.features {
            let card = card(&format!("{name}.onnx"));
            let Some(chip) = reference.chip(&card) else { return };
            let mut model = Features::open(&card, Device::Cpu).expect("make setup has been run");
            hold(&model.run(&chip).expect("runs")[0], truth, name);
        }
    }

    #[test]
    fn the_features_are_those_of_the_reference_whatever_tokens_stand_before() {
        for name in ["dinov2-plain", "dinov2-registers"] {
            let card = card(&format!("{name}.onnx"));
            let mut model = Features::open(&card, Device::Cpu).expect("make setup has been run");
            let chip = synthetic(&card);
            let found = model.run(&[chip.clone(), vec![0.0; chip.len()]].concat()).expect("runs");
            let text = std::fs::read_to_string(fixture(&format!("{name}.features.json"))).expect("a fixture");
            let truth: Vec<Vec<f32>> = serde_json::from_str(&text).expect("numbers");
            assert_eq!(found.len(), 2);
            hold(&found[0], &truth, name);
            assert_ne!(found[0], found[1]);
        }
    }

    /// A network whose output is a map: its channels are the numbers of a patch.
    fn map_card() -> ModelCard {
        map_card_of("threshold.onnx")
    }

    fn map_card_of(name: &str) -> ModelCard {
        let mut card = card(name);
        (card.family, card.output.stride, card.output.activation) =
            (Family::Features, 0, crate::model::Activation::None);
        (card.output.patch_px, card.output.dim) = (Some(1), Some(card.classes.len() as u32));
        card.classes.clear();
        card
    }

    #[test]
    fn a_map_gives_its_channels_by_patch() {
        let card = map_card();
        let mut model = Features::open(&card, Device::Cpu).expect("opens");
        let side = card.input.chip_px as usize;
        let chip: Vec<f32> = (0..3 * side * side).map(|i| ((i * 31) % 255) as f32 / 255.0).collect();
        let mut truth = Vec::new();
        model
            .session
            .run(&chip, 1, side, &mut |planes| {
                truth = planes.values.to_vec();
                Ok(())
            })
            .expect("runs");
        let found = model.run(&chip).expect("runs").remove(0);
        assert_eq!(found.patch(3, 5), [truth[3 * side + 5], truth[side * side + 3 * side + 5]]);
    }

    #[test]
    fn what_does_not_fit_names_the_key() {
        let change = |change: &dyn Fn(&mut ModelCard)| {
            let mut card = card("dinov2-registers.onnx");
            change(&mut card);
            Features::open(&card, Device::Cpu).err().expect("no fit").to_string()
        };
        let tokens = |cls, registers| Some(super::super::Tokens { cls, registers });
        for (error, key) in [
            (change(&|c| c.output.dim = Some(25)), "output.dim"),
            (change(&|c| c.output.tokens = tokens(1, 0)), "output.tokens"),
            (change(&|c| c.output.tokens = None), "output.tokens"),
            (change(&|c| c.output.patch_px = Some(28)), "output.patch_px"),
            (change(&|c| c.output.name = "pooled".to_owned()), "output.name"),
            (change(&|c| c.family = Family::Semantic), "family"),
        ] {
            assert!(error.contains(key) && error.contains("dinov2-registers.onnx"), "{key}: {error}");
        }
        let mut map = map_card();
        map.output.tokens = tokens(1, 0);
        assert!(Features::open(&map, Device::Cpu).err().expect("a map").to_string().contains("output.tokens"));
        map = map_card();
        map.output.dim = Some(7);
        assert!(Features::open(&map, Device::Cpu).err().expect("two").to_string().contains("output.dim"));
    }

    #[test]
    fn files_that_cannot_be_are_told_when_they_are_loaded() {
        let error = |card: &ModelCard| Features::open(card, Device::Cpu).err().expect("it cannot be").to_string();
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("dinov2-plain.onnx");
        let bytes = std::fs::read(fixture("dinov2-plain.onnx")).expect("a fixture");
        std::fs::write(&path, &bytes[..bytes.len() / 2]).expect("written");
        let cut = ModelCard { file: path, ..card("dinov2-plain.onnx") };
        let mut grey = card("dinov2-plain.onnx");
        grey.input.channels.truncate(1);
        for (card, words) in [
            (cut, ["dinov2-plain.onnx (file", "does not load"]),
            (grey, ["dinov2-plain.onnx", "input.channels"]),
            (map_card_of("unknown-operator.onnx"), ["(file", "Undreamt"]),
            (map_card_of("nan.onnx"), ["features that are not finite", "input.scale"]),
        ] {
            let error = error(&card);
            assert!(words.iter().all(|words| error.contains(words)), "{words:?}: {error}");
        }
        let chips: Vec<f32> = (0..2 * 3 * 64 * 64).map(|i| ((i * 31) % 255) as f32 / 255.0).collect();
        let of =
            |name: &str| Features::open(&map_card_of(name), Device::Cpu).expect("opens").run(&chips).expect("runs");
        assert_eq!(of("clash.onnx"), of("threshold.onnx"), "one name for axes that differ is taken as it is meant");
    }

    #[test]
    fn a_card_that_cannot_be_says_what_would_be_accepted() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = std::fs::read_to_string(fixture("dinov2-plain.toml")).expect("a fixture");
        for (from, to, words) in [
            ("chip_px = 56", "chip_px = 60", "output.patch_px = 14, such as 56 or 70"),
            ("dim = 24", "", "output.dim"),
            ("patch_px = 14", "", "output.patch_px"),
            ("activation = \"none\"", "activation = \"softmax\"", "output.activation"),
            ("cls = 1", "cls = 2", "output.tokens"),
            ("cls = 1,", "", "cls"),
            ("patch_px = 14", "patch_px = 14\nstride = 4", "output.stride"),
        ] {
            let path = folder.path().join("model.toml");
            assert!(text.contains(from), "{from}");
            let text = text.replace(from, to).replace("multiple_px = 14", "multiple_px = 1");
            std::fs::write(&path, text).expect("written");
            let error = ModelCard::open(folder.path()).expect_err(words).to_string();
            assert!(error.contains(words) && error.contains("model.toml"), "{error}");
        }
    }
}
