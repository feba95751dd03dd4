//! A VRT that GDAL may open: what was understood of another, with checked files under absolute names, and nothing else.

use std::fmt::Write;
use std::path::PathBuf;

use super::vrt_read::{Band, Document, Source};

/// The text; `file` is the checked file of a source.
pub(super) fn xml(document: &Document, file: &dyn Fn(&Source) -> PathBuf) -> String {
    let mut out = format!("<VRTDataset rasterXSize=\"{}\" rasterYSize=\"{}\">", document.cols, document.rows);
    if let Some((srs, axes)) = &document.srs {
        let axes =
            if axes.is_empty() { String::new() } else { format!(" dataAxisToSRSAxisMapping=\"{}\"", escape(axes)) };
        element(&mut out, &format!("SRS{axes}"), &escape(srs));
    }
    if let Some(transform) = document.transform {
        let numbers: Vec<String> = transform.iter().map(|number| format!("{number:.17e}")).collect();
        element(&mut out, "GeoTransform", &numbers.join(", "));
    }
    for (at, band) in document.bands.iter().enumerate() {
        write_band(&mut out, band, &format!(" band=\"{}\"", at + 1), file);
    }
    if let Some(mask) = &document.mask {
        out.push_str("<MaskBand>");
        write_band(&mut out, mask, "", file);
        out.push_str("</MaskBand>");
    }
    out.push_str("</VRTDataset>");
    out
}

fn write_band(out: &mut String, band: &Band, number: &str, file: &dyn Fn(&Source) -> PathBuf) {
    let _ = write!(out, "<VRTRasterBand dataType=\"{}\"{number}>", escape(&band.data_type)); // writing to text never fails
    for (name, text) in &band.texts {
        element(out, name, &escape(text));
    }
    if !band.colours.is_empty() {
        out.push_str("<ColorTable>");
        for [red, green, blue, opacity] in &band.colours {
            let _ = write!(out, "<Entry c1=\"{red}\" c2=\"{green}\" c3=\"{blue}\" c4=\"{opacity}\"/>");
        }
        out.push_str("</ColorTable>");
    }
    for source in &band.sources {
        write_source(out, source, &file(source));
    }
    out.push_str("</VRTRasterBand>");
}

fn write_source(out: &mut String, source: &Source, file: &std::path::Path) {
    let resampling = source.resampling.as_ref().map(|r| format!(" resampling=\"{}\"", escape(r))).unwrap_or_default();
    let _ = write!(out, "<{}{resampling}>", source.kind);
    let name = escape(&file.to_string_lossy());
    let _ = write!(out, "<SourceFilename relativeToVRT=\"0\" shared=\"0\">{name}</SourceFilename>");
    element(out, "SourceBand", &escape(&source.band));
    for (name, rectangle) in [("SrcRect", source.shown), ("DstRect", source.to)] {
        if let Some([left, top, cols, rows]) = rectangle {
            let _ = write!(out, "<{name} xOff=\"{left}\" yOff=\"{top}\" xSize=\"{cols}\" ySize=\"{rows}\"/>");
        }
    }
    for (name, text) in &source.texts {
        element(out, name, &escape(text));
    }
    let _ = write!(out, "</{}>", source.kind);
}

fn element(out: &mut String, name: &str, text: &str) {
    let end = name.split(' ').next().unwrap_or(name);
    let _ = write!(out, "<{name}>{text}</{end}>");
}

/// Text as it stands in XML.
pub(super) fn escape(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}
