//! The scenes that a VRT lists. GDAL never sees the VRT: it could make it open anything.

use std::path::{Component, Path, PathBuf};

use super::RasterError;

/// A VRT larger than this is not read.
const MAX_BYTES: u64 = 64 << 20;

/// The `GeoTIFFs` that a VRT lists, each once, in its order; placement and validity come from the files themselves.
///
/// # Errors
/// When it holds anything but plain sources, or one that is not a local file in its folder or below.
pub(super) fn sources(path: &Path) -> Result<Vec<PathBuf>, RasterError> {
    let unreadable = |source| RasterError::Unreadable { path: path.to_owned(), source };
    let refuse = |what: String| RasterError::Vrt { path: path.to_owned(), what };
    if path.metadata().map_err(unreadable)?.len() > MAX_BYTES {
        return Err(refuse(format!("is larger than {} MiB", MAX_BYTES >> 20)));
    }
    let text = std::fs::read(path).map_err(unreadable)?;
    let text = String::from_utf8(text).map_err(|_| refuse("is not text".to_owned()))?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut files = Vec::new();
    for name in listed(&text).map_err(&refuse)? {
        let file = inside(folder, &name).map_err(&refuse)?;
        if !files.contains(&file) {
            files.push(file);
        }
    }
    if files.is_empty() { Err(refuse("lists no source".to_owned())) } else { Ok(files) }
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

/// The texts of all `SourceFilename` elements.
fn listed(text: &str) -> Result<Vec<String>, String> {
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
    let mut names = Vec::new();
    for (tag, content) in tags {
        match name_of(tag) {
            "SourceFilename" => names.push(unescape(content.trim())),
            "VRTRasterBand" if tag.contains("subClass") => return Err("has derived, raw or warped bands".to_owned()),
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
            _ => {}
        }
    }
    Ok(names)
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
