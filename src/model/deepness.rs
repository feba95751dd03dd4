//! The card of a network that carries the metadata of Deepness, the QGIS plugin, inside its file.
//!
//! Deepness takes the network's values as probabilities, drops those below `seg_thresh`, and takes the largest; class 0 is
//! the background, and a network of one channel gives the probability of class 1.

use std::path::Path;

use serde_json::Value;

use super::classes::Meaning;
use super::onnx::{OnnxFile, Port};
use super::{Activation, Family, Input, LabelDefaults, Layout, ModelCard, ModelClass, Output};
use crate::raster::Channel;

/// The plugin's own overlap where the file names none, in percent.
const OVERLAP_PERCENT: f64 = 15.0;

/// The card that a file's metadata makes.
pub(super) fn card(path: &Path) -> Result<ModelCard, String> {
    let file = OnnxFile::read(path)?;
    let text = |keys: &[&str]| keys.iter().find_map(|k| file.metadata.get(*k).cloned());
    let kind = text(&["model_type"]).ok_or(
        "no model.toml beside it, and none of Deepness' metadata inside (model_type, class_names, resolution, …)",
    )?;
    if !kind.trim_matches(['"', '\'']).eq_ignore_ascii_case("segmentor") {
        return Err(format!("metadata model_type: {kind}, accepted is Segmentor"));
    }
    let [input, output] = [&file.inputs, &file.outputs].map(|ports| &ports[0]);
    let resolution_m_per_px = number(&file, &["resolution"])?
        .filter(|r| *r > 0.0)
        .ok_or("metadata resolution: centimetres per pixel, a number above 0")?
        / 100.0;
    let input = input_of(&file, input, resolution_m_per_px)?;
    let (classes, channels) = classes(&file, output, input.layout)?;
    let small = number(&file, &["seg_small_segment"])?;
    Ok(ModelCard {
        name: path.file_stem().map_or_else(String::new, |n| n.to_string_lossy().into_owned()),
        version: text(&["version"]).unwrap_or_else(|| "1".to_owned()),
        family: Family::Semantic,
        file: path.file_name().map(Into::into).unwrap_or_default(),
        licence: text(&["licence", "license"]).unwrap_or_else(|| "unknown: ask where the model comes from".to_owned()),
        output: Output {
            name: output.name.clone(),
            activation: activation(&file, output, channels),
            stride: stride(&input, output),
            threshold: number(&file, &["seg_thresh"])?.map(|t| t as f32),
            layout: None,
            patch_px: None,
            dim: None,
            tokens: None,
        },
        input,
        classes,
        mask_implausible: false,
        masks: None,
        labels: LabelDefaults {
            // Deepness takes away what is narrower than so many pixels.
            min_area_m2: small.map(|px| (px * resolution_m_per_px).powi(2)),
            ..LabelDefaults::default()
        },
        provenance: toml::Table::new(),
        metrics: toml::Table::new(),
        path: path.to_owned(),
    })
}

fn input_of(file: &OnnxFile, port: &Port, resolution_m_per_px: f64) -> Result<Input, String> {
    let axis = |n: usize| port.axes.get(n).copied().flatten();
    let nhwc = axis(3).is_some_and(|c| c <= 4) && axis(1).is_none_or(|c| c > 4);
    let (layout, count, fixed) = if nhwc { (Layout::Nhwc, axis(3), axis(1)) } else { (Layout::Nchw, axis(1), axis(2)) };
    let all = [Channel::Red, Channel::Green, Channel::Blue, Channel::NearInfrared];
    let count = count.unwrap_or(3) as usize;
    let channels = all.get(..count).filter(|c| !c.is_empty()).ok_or_else(|| {
        format!(
            "the network takes {count} channels, accepted are 1 to 4: red, green, blue, nir (or write a model.toml)"
        )
    })?;
    let told = number(file, &["tile_size", "tiles_size"])?.map(|n| n as u32);
    let chip_px = fixed.or(told).ok_or("metadata tiles_size: the side of a chip in pixels")?;
    let overlap = number(file, &["tiles_overlap"])?.unwrap_or(OVERLAP_PERCENT).clamp(0.0, 50.0);
    Ok(Input {
        name: port.name.clone(),
        layout,
        channels: channels.to_vec(),
        scale: 1.0 / 255.0,
        mean: list(file, "mean", count)?.unwrap_or_else(|| vec![0.0; count]),
        std: list(file, "std", count)?.unwrap_or_else(|| vec![1.0; count]),
        resolution_m_per_px,
        resolution_range_m_per_px: [resolution_m_per_px / 2.0, resolution_m_per_px * 2.0],
        chip_px,
        stride_px: (f64::from(chip_px) * (1.0 - overlap / 100.0)).ceil() as u32,
        multiple_px: 1,
    })
}

/// The classes by the file's names, and the channels of the output where it says.
fn classes(file: &OnnxFile, output: &Port, layout: Layout) -> Result<(Vec<ModelClass>, Option<u32>), String> {
    let channels = match (layout, output.axes.len()) {
        (_, 3) => Some(1),
        (Layout::Nchw, _) => output.axes.get(1).copied().flatten(),
        (Layout::Nhwc, _) => output.axes.get(3).copied().flatten(),
    };
    let mut names = names(file)?.unwrap_or_default();
    for n in names.len()..channels.unwrap_or(0) as usize {
        names.push(format!("channel_{n}"));
    }
    if channels == Some(1) && names.len() == 1 {
        names.insert(0, "_background".to_owned());
    }
    let class = |name: String| ModelClass { city_class: Meaning::of(&name).city_class(), name, implausible: false };
    let mut classes: Vec<ModelClass> = names.into_iter().map(class).collect();
    // Class 0 is the background, whatever its name, unless another one says that it is.
    let elsewhere = classes.iter().skip(1).any(|class| Meaning::of(&class.name) == Meaning::Background);
    if let Some(first) = classes.first_mut().filter(|_| !elsewhere) {
        first.city_class = Meaning::Background.city_class();
    }
    Ok((classes, channels))
}

/// `class_names`, or `names` as the first versions wrote it; the keys count from 0.
fn names(file: &OnnxFile) -> Result<Option<Vec<String>>, String> {
    let Some((key, text)) = ["class_names", "names"].iter().find_map(|k| Some((k, file.metadata.get(*k)?))) else {
        return Ok(None);
    };
    let wrong = || format!("metadata {key}: {text:?}, accepted is {{\"0\": \"background\", \"1\": …}}, counted from 0");
    let value = loose(text).ok_or_else(wrong)?;
    let text_of = |v: &Value| v.as_str().map(str::to_owned);
    let found: Option<Vec<String>> = match &value {
        Value::Array(list) => list.iter().map(text_of).collect(),
        Value::Object(map) => (0..map.len()).map(|n| map.get(&n.to_string()).and_then(text_of)).collect(),
        _ => None,
    };
    found.map(Some).ok_or_else(wrong)
}

fn number(file: &OnnxFile, keys: &[&str]) -> Result<Option<f64>, String> {
    let Some((key, text)) = keys.iter().find_map(|k| Some((k, file.metadata.get(*k)?))) else { return Ok(None) };
    let found: Option<f64> = text.trim().trim_matches(['"', '\'']).parse().ok().filter(|n: &f64| n.is_finite());
    found.map(Some).ok_or_else(|| format!("metadata {key}: {text:?}, accepted is a number"))
}

/// `standardization_mean` and its like; the plugin writes `standarization_mean`.
fn list(file: &OnnxFile, what: &str, count: usize) -> Result<Option<Vec<f32>>, String> {
    let keys = [format!("standardization_{what}"), format!("standarization_{what}")];
    let Some((key, text)) = keys.iter().find_map(|k| Some((k, file.metadata.get(k)?))) else { return Ok(None) };
    let numbers: Option<Vec<f32>> = match loose(text) {
        Some(Value::Array(list)) => list.iter().map(|v| v.as_f64().map(|n| n as f32)).collect(),
        Some(Value::Number(n)) => n.as_f64().map(|n| vec![n as f32; count]),
        _ => None,
    };
    let fits = numbers.filter(|n| n.len() == count);
    fits.map(Some).ok_or_else(|| format!("metadata {key}: {text:?}, accepted are {count} numbers, one per channel"))
}

/// JSON, or the way that Python prints it: single quotes, bare whole numbers as keys, round brackets.
fn loose(text: &str) -> Option<Value> {
    if let Ok(value) = serde_json::from_str(text) {
        return Some(value);
    }
    let (mut json, mut quote, mut rest) = (String::new(), None, text);
    while let Some(c) = rest.chars().next() {
        let digits = rest.len() - rest.trim_start_matches(|d: char| d.is_ascii_digit()).len();
        let is_key = quote.is_none() && digits > 0 && rest[digits..].trim_start().starts_with(':');
        let len = if is_key { digits } else { c.len_utf8() };
        match (quote, c) {
            _ if is_key => json.extend(["\"", &rest[..digits], "\""]),
            (None, '\'' | '"') => {
                quote = Some(c);
                json.push('"');
            }
            (Some(q), c) if q == c => {
                quote = None;
                json.push('"');
            }
            (Some(_), '"') => json += "\\\"",
            (None, '(') => json.push('['),
            (None, ')') => json.push(']'),
            _ => json.push(c),
        }
        rest = &rest[len..];
    }
    serde_json::from_str(&json).ok()
}

/// Probabilities where the graph ends in softmax or sigmoid; else what makes them of its logits.
fn activation(file: &OnnxFile, output: &Port, channels: Option<u32>) -> Activation {
    match file.head(&output.name) {
        Some("Softmax" | "Sigmoid" | "HardSigmoid" | "Clip" | "ArgMax") => Activation::None,
        _ if channels == Some(1) => Activation::Sigmoid,
        _ => Activation::Softmax,
    }
}

/// From the declared sides; 1 where they are not fixed.
fn stride(input: &Input, output: &Port) -> u32 {
    let rows = if input.layout == Layout::Nchw { 2 } else { 1 };
    let side = output.axes.get(rows).copied().flatten();
    side.filter(|s| *s > 0 && *s <= input.chip_px).map_or(1, |s| input.chip_px / s)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::fixture;
    use super::*;

    #[test]
    fn metadata_make_a_card() {
        let card = ModelCard::open(&fixture("deepness.onnx")).expect("a fixture");
        assert_eq!((card.input.chip_px, card.input.stride_px), (64, 52), "20 % of overlap, of 64 pixels");
        assert!((card.input.resolution_m_per_px - 0.25).abs() < 1e-9);
        assert_eq!(card.input.mean, [0.5, 0.4, 0.3]);
        assert_eq!((card.output.activation, card.output.threshold), (Activation::None, Some(0.6)));
        let classes: Vec<_> = card.classes.iter().map(|c| (c.name.as_str(), c.city_class.as_str())).collect();
        assert_eq!(classes, [("_background", "other"), ("building", "building"), ("woodland", "tree")]);
        assert!((card.labels.min_area_m2.expect("told") - 3.0625).abs() < 1e-9, "7 px of 0.25 m, squared");
    }

    #[test]
    fn the_older_spelling_is_read_too() {
        let card = ModelCard::open(&fixture("deepness-binary.onnx")).expect("a fixture");
        let names: Vec<_> = card.classes.iter().map(|c| c.name.as_str()).collect();
        assert_eq!((card.input.chip_px, names), (32, vec!["background", "Buildings"]));
        assert_eq!((card.output.activation, card.input.std.clone()), (Activation::Sigmoid, vec![0.25; 3]));
        assert_eq!(card.input.stride_px, 28, "15 % unless told");
    }

    /// The fixture with three classes, whose first has another name of 11 letters.
    fn with_first_class(name: &str) -> ModelCard {
        let bytes = std::fs::read(fixture("deepness.onnx")).expect("a fixture");
        let at = bytes.windows(11).position(|w| w == b"_background").expect("its name");
        let mut changed = bytes.clone();
        changed[at..at + 11].copy_from_slice(name.as_bytes());
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m.onnx");
        std::fs::write(&path, changed).expect("written");
        ModelCard::open(&path).expect("a card")
    }

    #[test]
    fn class_0_and_names_with_a_negation_are_background() {
        for (name, noted) in [("notwoodland", false), ("non_buildin", false), ("roof and so", true)] {
            let card = with_first_class(name);
            let classes: Vec<_> = card.classes.iter().map(|class| class.city_class.as_str()).collect();
            assert_eq!(classes, ["other", "building", "tree"], "{name}");
            assert_eq!(card.class_notes().iter().any(|note| note.contains(name)), noted, "{:?}", card.class_notes());
        }
    }

    #[test]
    fn what_python_prints_is_read() {
        let value = loose("{0: 'it\"s', 1: \"b 2: c\", 10: 'd'}").expect("readable");
        assert_eq!(value, serde_json::json!({ "0": "it\"s", "1": "b 2: c", "10": "d" }));
        assert_eq!(loose("(0.5, 1)").expect("readable"), serde_json::json!([0.5, 1]));
        assert!(loose("{0: 'a'").is_none());
    }

    #[test]
    fn a_file_that_says_nothing_or_something_else_names_the_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let bytes = std::fs::read(fixture("deepness.onnx")).expect("a fixture");
        let swap = |from: &str, to: &str| {
            assert_eq!(from.len(), to.len());
            let at = bytes.windows(from.len()).position(|w| w == from.as_bytes()).expect(from);
            let mut changed = bytes.clone();
            changed[at..at + to.len()].copy_from_slice(to.as_bytes());
            changed
        };
        for (content, key) in [
            (swap("\"Segmentor\"", "\"Regressor\""), "model_type"),
            (swap("resolution", "resolutixn"), "resolution"),
            (swap("0.4", "zwo"), "standardization_mean"),
            (swap("\"1\": \"building", "\"3\": \"building"), "class_names"),
            (swap("model_type", "model_typo"), "model.toml"),
            (bytes[..bytes.len() / 3].to_vec(), "no ONNX file"),
        ] {
            let path = folder.path().join("m.onnx");
            std::fs::write(&path, content).expect("written");
            let error = ModelCard::open(&path).expect_err(key).to_string();
            assert!(error.contains(key) && error.contains("m.onnx"), "{error}");
        }
    }
}
