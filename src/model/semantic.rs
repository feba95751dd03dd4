//! Dense models: one score per class and pixel.

use super::head::Head;
use super::session::{Planes, Session, check_finite};
use super::{Activation, ChipScores, ChipSpec, Lane, ModelCard, ModelError, Segmenter};
use crate::scheme::{ClassId, Scheme};

/// A dense model: logits or probabilities at 1/stride of the chip's pixels.
pub struct Semantic {
    session: Session,
    card: ModelCard,
    spec: ChipSpec,
    head: Head,
}

impl Semantic {
    /// Loads the model of a card for the classes of a scheme, and runs one blank chip to see what comes out.
    ///
    /// # Errors
    /// When ONNX Runtime, the device or the network is missing, or the network does not fit its card.
    pub fn open(card: &ModelCard, scheme: &Scheme, lane: impl Into<Lane>) -> Result<Self, ModelError> {
        let targets = card.targets(scheme)?;
        let kept = |i: usize| !(card.mask_implausible && card.classes[i].implausible);
        let mut classes: Vec<ClassId> = (0..targets.len()).filter(|i| kept(*i)).map(|i| targets[i]).collect();
        classes.sort_unstable();
        classes.dedup();
        let place = |i: usize| classes.binary_search(&targets[i]).expect("every kept target is among the classes");
        let head = Head {
            side_px: card.input.chip_px as usize,
            stride: card.output.stride as usize,
            activation: card.output.activation,
            threshold: card.output.threshold,
            score_of: (0..targets.len()).map(|i| kept(i).then(|| place(i))).collect(),
            scores: classes.len(),
        };
        let session = Session::open(card, lane.into())?;
        let spec =
            ChipSpec { channels: card.input.channels.len(), chip_px: card.input.chip_px, classes, unknown: false };
        let mut model = Self { session, card: card.clone(), spec, head };
        model.run(&vec![0.0; model.spec.tensor_len()], |_, _| ())?;
        Ok(model)
    }

    /// What is made of the network's output for each of some chips, after it was held against the card.
    fn run<T>(&mut self, chips: &[f32], make: impl Fn(&Head, &Planes<'_>) -> T) -> Result<Vec<T>, ModelError> {
        let count = chips.len() / self.spec.tensor_len();
        let Self { session, card, head, .. } = self;
        let mut of_chips = Vec::with_capacity(count);
        session.run(chips, count, head.side_px, &mut |planes| {
            check(planes, card, head)?;
            of_chips.push(make(head, planes));
            Ok(())
        })?;
        Ok(of_chips)
    }
}

impl Segmenter for Semantic {
    fn spec(&self) -> &ChipSpec {
        &self.spec
    }

    fn segment(&mut self, chips: &[f32]) -> Result<Vec<ChipScores>, ModelError> {
        self.run(chips, Head::scores)
    }

    fn device(&self) -> String {
        self.session.device.to_string()
    }
}

/// Holds the output for a chip against the card.
fn check(output: &Planes<'_>, card: &ModelCard, head: &Head) -> Result<(), ModelError> {
    let (path, classes) = (card.network_path(), card.classes.len());
    let shape = [output.channels, output.rows, output.cols];
    let is_binary = output.channels == 1 && classes == 2;
    let (expected, stride) = (head.side_px / head.stride, head.stride);
    if !(output.channels == classes || is_binary) || output.rows != expected || output.cols != expected {
        let reason = format!(
            "output.stride, classes: {classes} classes at stride {stride} make {:?}, the network gave {shape:?}",
            [classes, expected, expected]
        );
        return Err(ModelError::Mismatch { path, reason });
    }
    if is_binary && card.output.activation == Activation::Softmax {
        let reason = "output.activation: softmax of one channel says nothing, accepted are sigmoid and none".to_owned();
        return Err(ModelError::Mismatch { path, reason });
    }
    if card.output.activation != Activation::None {
        return check_finite("scores", &output.values, &path);
    }
    // What lies between 0 and 1 is finite.
    if output.values.iter().fold(false, |bad, v| bad | !(-0.01..=1.01).contains(v)) {
        check_finite("scores", &output.values, &path)?;
        let reason = "output.activation: none says probabilities of 0 to 1, the network gives others: \
                      softmax or sigmoid?"
            .to_owned();
        return Err(ModelError::Mismatch { path, reason });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{OnImagery, card, fixture, tensor};
    use super::*;
    use crate::model::Device;
    use crate::model::device::has_nvidia_device;

    fn open(card: &ModelCard) -> Result<Semantic, ModelError> {
        Semantic::open(card, &Scheme::city(), Device::Cpu)
    }

    fn opened(name: &str) -> Semantic {
        open(&card(name)).expect("make setup puts ONNX Runtime into target/onnxruntime")
    }

    fn error(card: &ModelCard) -> String {
        open(card).err().expect("it does not fit").to_string()
    }

    fn speckled(n: usize) -> Vec<f32> {
        (0..3 * 64 * 64).map(|i| ((i * 7919 + n * 31) % 255) as f32 / 255.0).collect()
    }

    #[test]
    fn a_network_segments_and_batches_change_nothing() {
        let mut model = opened("threshold.onnx");
        assert_eq!(model.spec().classes, [ClassId(1), ClassId(7)]);
        let chip = |v: f32| vec![v; 3 * 64 * 64];
        let both = model.segment(&[chip(0.9), chip(0.1)].concat()).expect("runs");
        assert!(both[0].scores[0] > 200 && both[0].scores[64 * 64] < 55, "bright is building");
        assert!(both[1].scores[0] < 55, "dark is not");
        assert_eq!(model.segment(&chip(0.9)).expect("runs")[0], both[0]);
    }

    #[test]
    fn fixed_shapes_other_layouts_half_precision_and_clashing_names_give_the_same_scores() {
        let chips = [speckled(1), speckled(2), speckled(3)].concat();
        let truth = opened("threshold.onnx").segment(&chips).expect("runs");
        for name in ["fixed.onnx", "nhwc.onnx", "half.onnx", "clash.onnx"] {
            let scores = opened(name).segment(&chips).expect("runs");
            assert_eq!(scores.len(), 3, "{name}");
            let furthest = scores.iter().zip(&truth).flat_map(|(a, b)| a.scores.iter().zip(&b.scores));
            let furthest = furthest.map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(255);
            assert!(furthest <= if name == "half.onnx" { 6 } else { 0 }, "{name}: {furthest}");
        }
    }

    #[test]
    fn networks_of_deepness_run_unchanged() {
        let mut softmax = opened("deepness.onnx");
        assert_eq!(softmax.spec().classes, [ClassId(1), ClassId(7), ClassId(8)], "building, other, tree");
        let chip = |red: f32, green: f32| [vec![red; 64 * 64], vec![green; 64 * 64], vec![0.0; 64 * 64]].concat();
        let scores = softmax.segment(&[chip(2.0, 0.0), chip(0.0, 2.0), chip(0.2, 0.0)].concat()).expect("runs");
        let at = |n: usize| [0, 1, 2].map(|class| scores[n].scores[class * 64 * 64]);
        assert!(at(0)[0] > 150 && at(0)[2] == 0, "red is building: {:?}", at(0));
        assert!(at(1)[2] > 150 && at(1)[0] == 0, "green is wood: {:?}", at(1));
        assert!(at(2)[0] == 0 && at(2)[1] > 60, "what is unsure is background: {:?}", at(2));
        let mut binary = opened("deepness-binary.onnx");
        let scores = binary.segment(&[vec![2.0; 3 * 32 * 32], vec![-2.0; 3 * 32 * 32]].concat()).expect("runs");
        assert!(scores[0].scores[0] > 128 && scores[1].scores[0] < 128);
    }

    #[test]
    fn what_does_not_fit_names_the_key() {
        let change = |name: &str, change: &dyn Fn(&mut ModelCard)| {
            let mut card = card(name);
            change(&mut card);
            error(&card)
        };
        let cases: [(String, &str); 9] = [
            (change("threshold.onnx", &|c| c.input.name = "picture".into()), "input.name"),
            (change("threshold.onnx", &|c| c.output.name = "logits".into()), "output.name"),
            (change("threshold.onnx", &|c| c.input.channels.truncate(2)), "input.channels"),
            (change("threshold.onnx", &|c| c.classes.push(c.classes[0].clone())), "classes"),
            (change("threshold.onnx", &|c| c.output.stride = 2), "output.stride"),
            (change("threshold.onnx", &|c| c.output.activation = Activation::None), "output.activation"),
            (change("threshold.onnx", &|c| c.input.layout = super::super::Layout::Nhwc), "input.layout"),
            (change("fixed.onnx", &|c| c.input.chip_px = 128), "input.chip_px"),
            (error(&card("nan.onnx")), "input.scale"),
        ];
        for (error, key) in cases {
            assert!(error.contains(key) && error.contains(".onnx"), "{key}: {error}");
        }
    }

    #[test]
    fn a_corrupt_file_and_an_unknown_operator_are_told() {
        let error = error(&card("unknown-operator.onnx"));
        assert!(error.contains("file") && error.contains("Undreamt"), "{error}");
        let folder = tempfile::tempdir().expect("a folder");
        let bytes = std::fs::read(fixture("threshold.onnx")).expect("a fixture");
        std::fs::write(folder.path().join("threshold.onnx"), &bytes[..bytes.len() / 2]).expect("written");
        std::fs::copy(fixture("threshold.toml"), folder.path().join("threshold.toml")).expect("copied");
        let card = ModelCard::open(folder.path().join("threshold.toml").as_path()).expect("the card is whole");
        let error = super::tests::error(&card);
        assert!(error.contains("threshold.onnx") && error.contains("does not load"), "{error}");
    }

    #[test]
    fn a_segformer_gives_the_scores_of_its_reference() {
        // fixtures/models/segformer.onnx and its .bin are written by models/export/segformer.py --random-small.
        let mut model = opened("segformer.onnx");
        let side = model.head.side_px;
        let numbers = std::fs::read(fixture("segformer.bin")).expect("a fixture");
        let (chip, expected) = numbers.split_at(3 * side * side);
        let chip = crate::raster::PixelWindow {
            window: crate::georef::Window::new(0, 0, side as u32, side as u32),
            channels: 3,
            samples: chip.to_vec(),
            valid: vec![1; side * side],
        };
        let expected: Vec<f32> =
            expected.chunks_exact(2).map(|b| f32::from(u16::from_le_bytes([b[0], b[1]])) / 65535.0).collect();
        let chip = tensor(&model.card, &chip);
        hold(&probabilities(&mut model, &chip, 1), &expected);
        let spread = expected.iter().fold((1.0_f32, 0.0_f32), |(lo, hi), v| (lo.min(*v), hi.max(*v)));
        assert!(spread.1 - spread.0 > 0.2, "the reference says something: {spread:?}");
    }

    #[test]
    fn a_segformer_gives_the_scores_of_its_reference_on_real_imagery() {
        let (mut model, reference) = (opened("segformer.onnx"), OnImagery::read());
        let Some(chip) = reference.chip(&model.card) else { return };
        hold(&probabilities(&mut model, &chip, 4), &reference.scores);
    }

    /// Probabilities before they are rounded, class by class, of every `step`th pixel along rows and columns.
    fn probabilities(model: &mut Semantic, chip: &[f32], step: usize) -> Vec<f32> {
        let side = model.head.side_px;
        let of_chip = model.run(chip, |head, planes| {
            let mut of_classes = vec![Vec::new(); head.scores];
            head.each_row(planes, |row, probabilities| {
                for (of_class, line) in of_classes.iter_mut().zip(probabilities.chunks_exact(side)) {
                    of_class.extend(line.iter().step_by(step).filter(|_| row.is_multiple_of(step)).copied());
                }
            });
            of_classes.concat()
        });
        of_chip.expect("runs").remove(0)
    }

    fn hold(found: &[f32], expected: &[f32]) {
        assert_eq!(found.len(), expected.len());
        let furthest = found.iter().zip(expected).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
        assert!(furthest < 1e-3, "{furthest}");
    }

    #[test]
    fn a_device_that_is_missing_is_an_error() {
        if has_nvidia_device() {
            return; // here the device is there
        }
        let error = Semantic::open(&card("threshold.onnx"), &Scheme::city(), Device::Cuda(0));
        let error = error.err().expect("no such device").to_string();
        assert!(error.contains("cuda:0"), "{error}");
    }
}
