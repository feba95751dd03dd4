//! The scenes that a VRT lists. GDAL never sees the VRT: it could make it open anything.

use std::path::{Component, Path, PathBuf};

use super::{RasterError, open};

/// A VRT larger than this is not read.
const MAX_BYTES: u64 = 64 << 20;

/// The `GeoTIFFs` that a VRT lists, each once, in its order; placement and validity come from the files themselves.
///
/// # Errors
/// When it holds anything but plain sources, shows them otherwise than they are (other bands, a part, another nodata value),
/// or lists one that is not a local file in its folder or below.
pub(super) fn sources(path: &Path) -> Result<Vec<PathBuf>, RasterError> {
    let unreadable = |source| RasterError::Unreadable { path: path.to_owned(), source };
    let refuse = |what: String| RasterError::Vrt { path: path.to_owned(), what };
    if path.metadata().map_err(unreadable)?.len() > MAX_BYTES {
        return Err(refuse(format!("is larger than {} MiB", MAX_BYTES >> 20)));
    }
    let text = std::fs::read(path).map_err(unreadable)?;
    let text = String::from_utf8(text).map_err(|_| refuse("is not text".to_owned()))?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let listed = listed(&text).map_err(&refuse)?;
    let mut files = Vec::new();
    for name in &listed.names {
        let file = inside(folder, name).map_err(&refuse)?;
        if !files.contains(&file) {
            as_they_are(&file, name, &listed).map_err(&refuse)?;
            files.push(file);
        }
    }
    if files.is_empty() { Err(refuse("lists no source".to_owned())) } else { Ok(files) }
}

/// Holds what a VRT says of a file against the file. One that cannot be opened is told of when it is opened as a scene.
fn as_they_are(file: &Path, name: &str, listed: &Listed) -> Result<(), String> {
    let Ok(dataset) = open::open(file) else { return Ok(()) };
    if dataset.raster_count() != listed.bands {
        let (of_vrt, of_file) = (listed.bands, dataset.raster_count());
        return Err(format!("has {of_vrt} bands, and source {name:?} has {of_file}"));
    }
    let own = dataset.rasterband(1).ok().and_then(|band| band.no_data_value());
    // A VRT rounds as floats do.
    let same = |a: f64, b: f64| (a.is_nan() && b.is_nan()) || (a as f32 + 0.0).total_cmp(&(b as f32 + 0.0)).is_eq();
    let is_own = |said: f64| own.is_some_and(|own| same(said, own));
    let mut said = listed.nodata.iter().filter(|(of, _)| of == name).map(|(_, value)| *value).chain(listed.of_all);
    said.find(|value| !is_own(*value)).map_or(Ok(()), |value| {
        Err(format!(
            "says nodata {value} of source {name:?}, which does not say so itself (gdal_edit.py -a_nodata does)"
        ))
    })
}

/// The file of a name, where it lies in the folder or below.
fn inside(folder: &Path, name: &str) -> Result<PathBuf, String> {
    if name.starts_with("/vsi") || name.contains("://") || name.contains('<') || has_prefix(name) {
        return Err(format!("source {name:?} is not a local file"));
    }
    if Path::new(name).extension().is_some_and(|e| e.eq_ignore_ascii_case("vrt")) {
        return Err(format!("source {name:?} is a VRT itself"));
    }
    let path = Path::new(name);
    if path.components().any(|c| c == Component::ParentDir) {
        return Err(format!("source {name:?} leaves the folder"));
    }
    // Links and absolute names count by where they end.
    let real = |p: &Path| p.canonicalize().map_err(|e| format!("source {name:?} cannot be read: {e}"));
    let file = folder.join(path);
    if real(&file)?.starts_with(real(folder)?) { Ok(file) } else { Err(format!("source {name:?} leaves the folder")) }
}

/// A driver or protocol prefix such as `GTIFF_DIR:1:` or `NETCDF:`; one letter is a Windows drive.
fn has_prefix(name: &str) -> bool {
    let word = name.split(':').next().unwrap_or_default();
    word.len() > 1 && word.len() < name.len() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '+')
}

/// What a VRT lists.
#[derive(Debug, Default)]
struct Listed {
    /// The texts of `SourceFilename`, of every band the same.
    names: Vec<String>,
    /// Bands beside a mask.
    bands: usize,
    /// Nodata values that it says of sources.
    nodata: Vec<(String, f64)>,
    /// The nodata value that it says of all.
    of_all: Option<f64>,
}

/// Reads the sources of a VRT.
fn listed(text: &str) -> Result<Listed, String> {
    if text.contains("<!") {
        return Err("holds a document type, a comment or character data sections".to_owned());
    }
    let mut tags = text.split('<').skip(1).map(|part| part.split_once('>').unwrap_or((part, "")));
    let root = tags.by_ref().map(|(tag, _)| tag).find(|tag| !tag.starts_with('?')).unwrap_or_default();
    if name_of(root) != "VRTDataset" {
        return Err("is not a VRT document".to_owned());
    }
    if root.contains("subClass") {
        return Err("is a warped, pansharpened or processed VRT".to_owned());
    }
    let mut listed = Listed::default();
    let (mut of_band, mut in_mask, mut whole, mut shown) = (Vec::new(), false, None, None);
    for (tag, content) in tags {
        match name_of(tag) {
            "MaskBand" => in_mask = true,
            "VRTRasterBand" if tag.contains("subClass") => return Err("has derived, raw or warped bands".to_owned()),
            "VRTRasterBand" if !in_mask => listed.bands += 1,
            "SourceFilename" => of_band.push(unescape(content.trim())),
            "SourceBand" if !in_mask && content.trim() != listed.bands.to_string() => {
                let name = of_band.last().map_or("", String::as_str);
                let (band, shown) = (listed.bands, content.trim());
                return Err(format!("shows band {shown} of source {name:?} as band {band}"));
            }
            "SourceProperties" => {
                whole = Some(["RasterXSize", "RasterYSize"].map(|side| number(tag, side).unwrap_or(0.0)));
            }
            "SrcRect" => shown = Some(["xOff", "yOff", "xSize", "ySize"].map(|side| number(tag, side).unwrap_or(0.0))),
            "DstRect" => {
                let to = ["xSize", "ySize"].map(|side| number(tag, side).unwrap_or(1.0));
                let size = whole.take();
                if let Some(shown) = shown.take()
                    && is_part(shown, size.unwrap_or([shown[0] + shown[2], shown[1] + shown[3]]), to)
                {
                    let name = of_band.last().map_or("", String::as_str);
                    return Err(format!(
                        "shows a part of source {name:?} (give the file itself, and --aoi for a part)"
                    ));
                }
            }
            "NoDataValue" if !in_mask => listed.of_all = Some(nodata(content)?),
            "NODATA" => {
                let value = nodata(content)?;
                listed.nodata.extend(of_band.last().map(|name| (name.clone(), value)));
            }
            name @ ("KernelFilteredSource"
            | "AveragedSource"
            | "ArraySource"
            | "PixelFunctionType"
            | "GDALWarpOptions") => {
                return Err(format!("computes pixels ({name})"));
            }
            name @ ("LUT" | "ScaleRatio" | "ScaleOffset" | "Exponent") => {
                return Err(format!("changes samples ({name})"));
            }
            _ if tag == "/VRTRasterBand" => {
                let names = std::mem::take(&mut of_band);
                if !in_mask && listed.bands > 1 && names != listed.names {
                    return Err(format!("band {} is of other files than band 1", listed.bands));
                }
                if listed.bands == 1 && !in_mask {
                    listed.names = names;
                }
            }
            _ if tag == "/MaskBand" => in_mask = false,
            _ => {}
        }
    }
    Ok(listed)
}

/// Whether a source of a size is shown without some of its pixels: one or more, of its own or of the VRT's, where these are
/// larger; by less, sources that do not lie on whole pixels are cut.
fn is_part([left, top, cols, rows]: [f64; 4], whole: [f64; 2], to: [f64; 2]) -> bool {
    let axes = [(left, cols, whole[0], to[0]), (top, rows, whole[1], to[1])];
    axes.iter().any(|(first, shown, whole, to)| first.max(0.0).max(whole - shown - first) >= (shown / to).max(1.0))
}

/// A nodata value as it is written.
fn nodata(text: &str) -> Result<f64, String> {
    text.trim().parse().map_err(|_| format!("says nodata {:?}", text.trim()))
}

/// The number of an attribute.
fn number(tag: &str, attribute: &str) -> Option<f64> {
    let rest = tag.split_once(&format!(" {attribute}="))?.1;
    rest.trim_start_matches(['"', '\'']).split(['"', '\'']).next()?.trim().parse().ok()
}

/// The name of an element from the inside of its tag.
fn name_of(tag: &str) -> &str {
    tag.split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or_default()
}

/// The five entities of XML.
fn unescape(text: &str) -> String {
    let pairs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    pairs.iter().fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn vrt(source: &str) -> String {
        format!(
            "<VRTDataset rasterXSize=\"2\" rasterYSize=\"2\"><VRTRasterBand dataType=\"Byte\" band=\"1\"><SimpleSource>\
             <SourceFilename relativeToVRT=\"1\">{source}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
        )
    }

    fn read(text: &str) -> Result<Vec<PathBuf>, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("sub")).expect("writable");
        for name in ["a.tif", "sub/b & c.tif"] {
            std::fs::write(folder.path().join(name), b"x").expect("writable");
        }
        std::fs::write(folder.path().join("m.vrt"), text).expect("writable");
        let found = sources(&folder.path().join("m.vrt")).map_err(|e| e.to_string())?;
        Ok(found.iter().map(|f| f.strip_prefix(folder.path()).expect("inside").to_owned()).collect())
    }

    #[rstest]
    #[case("a.tif")]
    #[case("sub/b &amp; c.tif")]
    fn sources_in_the_folder_are_listed(#[case] name: &str) {
        assert_eq!(read(&vrt(name)).expect("inside"), [PathBuf::from(name.replace("&amp;", "&"))]);
    }

    #[rstest]
    #[case("../a.tif", "leaves the folder")]
    #[case("/etc/passwd", "leaves the folder")]
    #[case("sub/../../a.tif", "leaves the folder")]
    #[case("/vsicurl/http://example.com/a.tif", "not a local file")]
    #[case("https://example.com/a.tif", "not a local file")]
    #[case("GTIFF_DIR:1:a.tif", "not a local file")]
    #[case("&lt;GDAL_WMS&gt;", "not a local file")]
    #[case("m.vrt", "a VRT itself")]
    #[case("absent.tif", "cannot be read")]
    fn other_sources_are_refused_by_name(#[case] name: &str, #[case] reason: &str) {
        let error = read(&vrt(name)).expect_err("outside");
        assert!(error.contains(reason) && error.contains("m.vrt"), "{error}");
    }

    #[rstest]
    #[case("<SourceBand>1</SourceBand>", "")]
    #[case("<SourceBand>4</SourceBand>", "shows band 4")]
    #[case("<NODATA>none</NODATA>", "nodata \"none\"")]
    fn sources_are_shown_as_they_are(#[case] more: &str, #[case] reason: &str) {
        let read = read(&vrt("a.tif").replace("</SimpleSource>", &format!("{more}</SimpleSource>")));
        match read {
            Ok(_) => assert_eq!(reason, ""),
            Err(error) => assert!(!reason.is_empty() && error.contains(reason), "{error}"),
        }
    }

    #[rstest]
    #[case([0.0, 0.0, 9.0, 7.0], [9.0, 7.0], false)]
    #[case([0.0, 0.0, 8.7, 7.0], [9.0, 7.0], false)] // beside whole pixels of the VRT
    #[case([0.3, 0.0, 8.7, 7.0], [9.0, 7.0], false)]
    #[case([0.0, 0.0, 8.0, 7.0], [8.0, 7.0], true)]
    #[case([0.0, 1.0, 9.0, 6.0], [9.0, 6.0], true)]
    #[case([0.0, 0.0, 7.5, 7.0], [3.75, 3.5], false)] // three quarters of a pixel of the VRT
    #[case([0.0, 0.0, 7.0, 7.0], [3.5, 3.5], true)]
    fn a_part_is_a_pixel_less(#[case] shown: [f64; 4], #[case] to: [f64; 2], #[case] part: bool) {
        assert_eq!(is_part(shown, [9.0, 7.0], to), part);
    }

    #[test]
    fn bands_of_several_files_are_refused() {
        let band = |band: u8, name: &str| {
            format!(
                "<VRTRasterBand band=\"{band}\"><SimpleSource><SourceFilename>{name}</SourceFilename><SourceBand>{band}</SourceBand></SimpleSource></VRTRasterBand>"
            )
        };
        let of = |second: &str| read(&format!("<VRTDataset>{}{}</VRTDataset>", band(1, "a.tif"), band(2, second)));
        assert!(of("a.tif").is_ok());
        assert!(of("sub/b &amp; c.tif").expect_err("two files").contains("band 2 is of other files"));
    }

    #[test]
    fn a_vrt_that_computes_is_refused() {
        for text in ["<VRTDataset subClass=\"VRTWarpedDataset\"></VRTDataset>", "hello", "<VRTDataset></VRTDataset>"] {
            assert!(read(text).is_err(), "{text}");
        }
        let derived = vrt("a.tif").replace("band=\"1\"", "band=\"1\" subClass=\"VRTDerivedRasterBand\"");
        assert!(read(&derived).expect_err("derived").contains("derived"));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_folder_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("a.tif")).expect("writable");
        std::fs::write(folder.path().join("m.vrt"), vrt("a.tif")).expect("writable");
        assert!(sources(&folder.path().join("m.vrt")).expect_err("a link").to_string().contains("leaves"));
    }
}
