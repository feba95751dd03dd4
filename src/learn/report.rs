//! Clusters to look at: one file of HTML with pictures inside.

use std::fmt::Write as _;

use super::{ClusterStatistics, Clustering, FeatureReader, LearnError};
use crate::georef::Window;
use crate::raster::{Channel, PixelWindow};
use crate::scheme::Scheme;

/// The side of a picture in patches: the patch and what is around it.
const PATCHES: u32 = 5;

const HEAD: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Clusters</title><style>\
body{font:15px/1.4 system-ui,sans-serif;margin:2em;max-width:75em;color:#222}\
table{border-collapse:collapse;width:100%}td,th{padding:.5em;border-bottom:1px solid #ddd;text-align:left;\
vertical-align:top}th{font-weight:600}img{width:96px;height:96px;margin:0 4px 4px 0;image-rendering:pixelated}\
.n{font-size:1.6em;font-weight:600}.chip{display:inline-block;width:1em;height:1em;margin-right:.4em;\
vertical-align:-2px;border:1px solid #0003}small{color:#666}code{background:#f2f2f2;padding:.1em .3em}</style>";

/// The report of a clustering: pictures, statistics and shares of the area.
///
/// # Errors
/// When a scene cannot be read.
pub fn report(
    clustering: &Clustering,
    reader: &mut FeatureReader,
    scheme: &Scheme,
    title: &str,
) -> Result<String, LearnError> {
    let mut html = String::from(HEAD);
    let count = clustering.statistics.len();
    let _ = write!(
        html,
        "<h1>{count} clusters</h1><p>{}. The class is a suggestion by colour, texture and shape; say what each cluster is \
         with <code>orthotile clusters --store … --assign \"1=road,2=building\"</code>. The frame marks the patch, the \
         picture shows what is around it.</p><table><tr><th>cluster<th>class<th>share<th>looks<th>examples</tr>",
        escaped(title)
    );
    for (n, statistics) in clustering.statistics.iter().enumerate() {
        let class = &clustering.scorer.classes[n];
        let colour = scheme.named(&class.city_class).map_or_else(|| "#888888".to_owned(), |c| c.colour.hex());
        let _ = write!(
            html,
            "<tr><td class=\"n\">{}<td><span class=\"chip\" style=\"background:{colour}\"></span>{}<td>{:.1} %<td>{}<td>",
            n + 1,
            escaped(&class.city_class),
            100.0 * statistics.share,
            looks(statistics)
        );
        for (chip, patch) in &clustering.examples[n] {
            let pixels = reader.pixels(*chip)?;
            let picture = around(&pixels, reader.channels(), patch);
            let _ = write!(html, "<img alt=\"cluster {}\" src=\"data:image/png;base64,{}\">", n + 1, picture?);
        }
        html.push_str("</tr>");
    }
    html.push_str("</table></html>\n");
    Ok(html)
}

fn looks(s: &ClusterStatistics) -> String {
    let [r, g, b] = s.colour.map(f64::round);
    format!(
        "<span class=\"chip\" style=\"background:rgb({r},{g},{b})\"></span>{}<br><small>brightness {:.2}, excess green \
         {:+.2}, excess blue {:+.2}, saturation {:.2}, texture {:.3}, elongation {:.1}, {} patches</small>",
        s.words(),
        s.brightness,
        s.excess_green,
        s.excess_blue,
        s.saturation,
        s.texture,
        s.elongation,
        s.patches
    )
}

/// A patch and what is around it, as PNG in base 64; it is moved where it would leave the chip.
fn around(pixels: &PixelWindow, channels: &[Channel], patch: &Window) -> Result<String, LearnError> {
    let whole = &pixels.window;
    let side = (patch.cols * PATCHES).min(whole.cols);
    let moved = |from: i64, first: i64, end: i64| {
        (from - i64::from((side - patch.cols) / 2)).clamp(first, end - i64::from(side))
    };
    let view = Window::new(
        moved(patch.col, whole.col, whole.end_col()),
        moved(patch.row, whole.row, whole.end_row()),
        side,
        side,
    );
    let plane = |wanted: Channel, instead: usize| {
        channels.iter().position(|c| *c == wanted).unwrap_or(instead.min(channels.len() - 1)) * whole.pixels()
    };
    let planes = [plane(Channel::Red, 0), plane(Channel::Green, 1), plane(Channel::Blue, 2)];
    let mut rgb = Vec::with_capacity(3 * view.pixels());
    for row in view.row..view.end_row() {
        for col in view.col..view.end_col() {
            let inside = (patch.col..patch.end_col()).contains(&col) && (patch.row..patch.end_row()).contains(&row);
            let edge =
                [patch.col, patch.end_col() - 1].contains(&col) || [patch.row, patch.end_row() - 1].contains(&row);
            let at = whole.index(col, row);
            rgb.extend(planes.map(|p| if inside && edge { 255 } else { pixels.samples[p + at] }));
        }
    }
    let png = encoded(&rgb, side).map_err(|e| LearnError::TooLittle(format!("a picture of the report: {e}")))?;
    Ok(base64(&png))
}

fn encoded(rgb: &[u8], side: u32) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header()?.write_image_data(rgb)?;
    Ok(bytes)
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let all = (0..3).fold(0_u32, |all, i| all << 8 | u32::from(three.get(i).copied().unwrap_or(0)));
        for i in 0..4 {
            let digit = DIGITS[(all >> (18 - 6 * i) & 63) as usize] as char;
            text.push(if i <= three.len() { digit } else { '=' });
        }
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_64_is_that_of_the_standard() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn a_picture_at_the_border_of_a_chip_stays_inside() {
        let window = Window::new(-10, -10, 40, 40);
        let pixels = PixelWindow {
            window,
            channels: 1,
            samples: (0..1600).map(|i| (i % 251) as u8).collect(),
            valid: vec![1; 1600],
        };
        let picture = around(&pixels, &[Channel::Red], &Window::new(-10, 22, 8, 8)).expect("drawn");
        assert!(picture.starts_with("iVBORw0KGgo"), "a PNG");
    }
}
