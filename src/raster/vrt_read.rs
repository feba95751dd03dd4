//! What a VRT document says: bands, and which part of which file each shows where.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Elements within elements, at most.
const MAX_DEPTH: usize = 12;

/// A VRT.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Document {
    pub(super) cols: u32,
    pub(super) rows: u32,
    /// The reference system, and how its axes are mapped.
    pub(super) srs: Option<(String, String)>,
    pub(super) transform: Option<[f64; 6]>,
    /// Ground control points.
    pub(super) points: usize,
    pub(super) bands: Vec<Band>,
    pub(super) mask: Option<Band>,
}

/// A band of a VRT.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Band {
    pub(super) data_type: String,
    /// Elements that are kept as they are: name and text.
    pub(super) texts: Vec<(String, String)>,
    /// Entries of a colour table: red, green, blue, opacity.
    pub(super) colours: Vec<[i16; 4]>,
    pub(super) sources: Vec<Source>,
}

/// A source of a band.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Source {
    /// The element: `SimpleSource`, `ComplexSource` or `AveragedSource`.
    pub(super) kind: String,
    pub(super) resampling: Option<String>,
    pub(super) name: String,
    pub(super) relative: bool,
    /// A number, or `mask,` and a number.
    pub(super) band: String,
    /// What it says of the size of the file.
    pub(super) size: Option<[f64; 2]>,
    /// Left, top, width and height in the file.
    pub(super) shown: Option<[f64; 4]>,
    /// The same in the VRT.
    pub(super) to: Option<[f64; 4]>,
    /// Elements of a `ComplexSource` that change samples or leave some out.
    pub(super) texts: Vec<(String, String)>,
}

/// Elements of a band that say something of it and open nothing.
const BAND_TEXTS: [&str; 7] =
    ["Description", "UnitType", "Offset", "Scale", "ColorInterp", "NoDataValue", "HideNoDataValue"];
/// Elements of a `ComplexSource`.
const SOURCE_TEXTS: [&str; 12] = [
    "ScaleOffset",
    "ScaleRatio",
    "SrcMin",
    "SrcMax",
    "DstMin",
    "DstMax",
    "Exponent",
    "Clamp",
    "NODATA",
    "LUT",
    "ColorTableComponent",
    "UseMaskBand",
];

impl Band {
    /// The text of an element.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.texts.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }
}

/// An element with all that is in it.
#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<Element>,
}

impl Element {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.attribute(name)?.trim().parse().ok().filter(|number: &f64| number.is_finite())
    }

    fn rectangle(&self) -> Option<[f64; 4]> {
        let [left, top, cols, rows] = ["xOff", "yOff", "xSize", "ySize"].map(|side| self.number(side));
        Some([left?, top?, cols?, rows?])
    }
}

/// Reads a document.
pub(super) fn document(text: &str) -> Result<Document, String> {
    let root = tree(text)?;
    if root.name != "VRTDataset" {
        return Err("is not a VRT document".to_owned());
    }
    if let Some(kind) = root.attribute("subClass") {
        return Err(format!("computes its pixels ({kind})"));
    }
    let side = |name: &str| root.number(name).filter(|side| (1.0..=f64::from(i32::MAX)).contains(side));
    let (Some(cols), Some(rows)) = (side("rasterXSize"), side("rasterYSize")) else {
        return Err("does not say its size (rasterXSize, rasterYSize)".to_owned());
    };
    let mut document = Document { cols: cols as u32, rows: rows as u32, ..Document::default() };
    for child in &root.children {
        match child.name.as_str() {
            "SRS" => {
                let axes = child.attribute("dataAxisToSRSAxisMapping").unwrap_or_default().to_owned();
                document.srs = Some((child.text.trim().to_owned(), axes));
            }
            "GeoTransform" => document.transform = Some(transform(&child.text)?),
            "GCPList" => document.points = child.children.len(),
            "VRTRasterBand" => document.bands.push(band(child)?),
            "MaskBand" => {
                let inner = child.children.iter().find(|inner| inner.name == "VRTRasterBand");
                document.mask = inner.map(band).transpose()?;
            }
            name if name.starts_with("GDALWarp") || name == "PansharpeningOptions" || name == "Group" => {
                return Err(format!("computes its pixels ({name})"));
            }
            _ => {}
        }
    }
    Ok(document)
}

fn transform(text: &str) -> Result<[f64; 6], String> {
    let numbers: Result<Vec<f64>, _> = text.split(',').map(|number| number.trim().parse::<f64>()).collect();
    let numbers = numbers.ok().and_then(|numbers| <[f64; 6]>::try_from(numbers).ok());
    numbers.ok_or_else(|| format!("has no geotransform of six numbers ({:?})", text.trim()))
}

fn band(element: &Element) -> Result<Band, String> {
    if let Some(kind) = element.attribute("subClass") {
        return Err(format!("has a derived, raw or warped band ({kind})"));
    }
    let mut band = Band { data_type: element.attribute("dataType").unwrap_or("Byte").to_owned(), ..Band::default() };
    for child in &element.children {
        match child.name.as_str() {
            "SimpleSource" | "ComplexSource" | "AveragedSource" => band.sources.push(source(child)?),
            name if name.ends_with("Source") || name.starts_with("PixelFunction") => {
                return Err(format!("computes its pixels ({name})"));
            }
            name if BAND_TEXTS.contains(&name) => {
                band.texts.push((name.to_owned(), child.text.trim().to_owned()));
            }
            "ColorTable" => band.colours = child.children.iter().map(colour).collect::<Result<_, _>>()?,
            _ => {}
        }
    }
    if let Some(nodata) = band.text("NoDataValue") {
        nodata.parse::<f64>().map_err(|_| format!("says nodata {nodata:?}"))?;
    }
    Ok(band)
}

fn colour(entry: &Element) -> Result<[i16; 4], String> {
    let part = |name: &str, usual: i16| match entry.attribute(name) {
        Some(text) => text.trim().parse::<i16>().map_err(|_| format!("has a colour table with {name} {text:?}")),
        None => Ok(usual),
    };
    Ok([part("c1", 0)?, part("c2", 0)?, part("c3", 0)?, part("c4", 255)?])
}

fn source(element: &Element) -> Result<Source, String> {
    let resampling = element.attribute("resampling").map(str::to_owned);
    let mut source = Source { kind: element.name.clone(), resampling, band: "1".to_owned(), ..Source::default() };
    for child in &element.children {
        let text = child.text.trim();
        match child.name.as_str() {
            "SourceFilename" => {
                text.clone_into(&mut source.name);
                source.relative = child.attribute("relativeToVRT").is_some_and(|flag| flag.trim() == "1");
            }
            "SourceBand" => {
                let number = text.strip_prefix("mask,").unwrap_or(text);
                if number.parse::<u16>().is_err() {
                    return Err(format!("shows band {text:?} of source {:?}", source.name));
                }
                text.clone_into(&mut source.band);
            }
            "SourceProperties" => {
                source.size = child.number("RasterXSize").zip(child.number("RasterYSize")).map(|(x, y)| [x, y]);
            }
            "SrcRect" => source.shown = child.rectangle(),
            "DstRect" => source.to = child.rectangle(),
            name if SOURCE_TEXTS.contains(&name) && element.name == "ComplexSource" => {
                source.texts.push((name.to_owned(), text.to_owned()));
            }
            "NODATA" => source.texts.push(("NODATA".to_owned(), text.to_owned())),
            name => return Err(format!("has a source with {name}, which is not read")),
        }
    }
    if let Some((_, nodata)) = source.texts.iter().find(|(name, _)| name == "NODATA") {
        nodata.parse::<f64>().map_err(|_| format!("says nodata {nodata:?}"))?;
    }
    Ok(source)
}

/// The elements of a document, without comments.
fn tree(text: &str) -> Result<Element, String> {
    let wrong = |e: quick_xml::Error| format!("is not XML that can be read ({e})");
    let mut reader = Reader::from_str(text);
    let mut open = vec![Element::default()];
    loop {
        let event = reader.read_event().map_err(wrong)?;
        let last = open.len() - 1;
        match event {
            Event::Start(start) => {
                if open.len() > MAX_DEPTH {
                    return Err("nests its elements too deeply".to_owned());
                }
                open.push(element(&start)?);
            }
            Event::Empty(start) => open[last].children.push(element(&start)?),
            Event::End(_) => {
                let done = open.pop().unwrap_or_default(); // the reader refuses ends without a start
                open.last_mut().ok_or("ends before it begins")?.children.push(done);
            }
            Event::Text(text) => {
                let text = text.unescape().map_err(wrong)?;
                open[last].text.push_str(&text);
            }
            Event::CData(data) => open[last].text.push_str(&String::from_utf8_lossy(&data)),
            Event::DocType(_) => return Err("holds a document type".to_owned()),
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
    let mut root = open.pop().filter(|_| open.is_empty()).ok_or("ends too early")?;
    if root.children.len() == 1 { Ok(root.children.remove(0)) } else { Err("is not a VRT document".to_owned()) }
}

fn element(start: &BytesStart) -> Result<Element, String> {
    let name = String::from_utf8_lossy(start.name().as_ref()).into_owned();
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|e| format!("is not XML that can be read ({e})"))?;
        let value = attribute.unescape_value().map_err(|e| format!("is not XML that can be read ({e})"))?;
        attributes.push((String::from_utf8_lossy(attribute.key.as_ref()).into_owned(), value.into_owned()));
    }
    Ok(Element { name, attributes, ..Element::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("<VRTDataset subClass=\"VRTWarpedDataset\"></VRTDataset>", "VRTWarpedDataset")]
    #[case("hello", "not a VRT")]
    #[case("<VRTDataset></VRTDataset>", "size")]
    #[case("<!DOCTYPE x><VRTDataset/>", "document type")]
    #[case("<VRTDataset rasterXSize=\"2\" rasterYSize=\"2\">&secret;</VRTDataset>", "XML")]
    #[case("<VRTDataset rasterXSize=\"2\"", "XML")]
    #[case(
        "<VRTDataset rasterXSize=\"2\" rasterYSize=\"2\"><GeoTransform>1,2</GeoTransform></VRTDataset>",
        "six numbers"
    )]
    #[case(
        "<a><a><a><a><a><a><a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></a></a></a></a></a></a></a>",
        "deeply"
    )]
    fn what_is_no_plain_vrt_is_refused(#[case] text: &str, #[case] reason: &str) {
        let error = document(text).expect_err("refused");
        assert!(error.contains(reason), "{error}");
    }

    #[test]
    fn comments_character_data_and_signs_in_attributes_are_read() {
        let text = "<!-- made by hand --><VRTDataset rasterXSize=\"4\" rasterYSize=\"3\"><VRTRasterBand band=\"1\" note=\"a > b\">\
                    <SimpleSource><SourceFilename relativeToVRT=\"1\"><![CDATA[a & b.tif]]></SourceFilename></SimpleSource>\
                    <SimpleSource><SourceFilename>c &amp; d.tif</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>";
        let document = document(text).expect("a VRT");
        let names: Vec<_> = document.bands[0].sources.iter().map(|s| (s.name.as_str(), s.relative)).collect();
        assert_eq!(names, [("a & b.tif", true), ("c & d.tif", false)]);
    }
}
