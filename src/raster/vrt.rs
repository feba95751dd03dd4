//! What a VRT shows. GDAL never sees the VRT itself: it could make it open anything.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use gdal::raster::ColorInterpretation;
use gdal::spatial_ref::SpatialRef;
use gdal::{Dataset, Metadata};

use super::origin::View;
use super::vrt_read::{Document, Source, document};
use super::{RasterError, open, vrt_write};
use crate::georef::Window;

/// A VRT larger than this is not read.
const MAX_BYTES: u64 = 64 << 20;
/// What a source may lie beside its own place, in pixels of the VRT: writers round to whole pixels.
const SAME_PLACE_PX: f64 = 1.0;
/// What the scale of a source may be off its own pixels.
const SAME_SCALE: f64 = 0.05;

/// The scenes behind a VRT.
#[derive(Debug)]
pub(super) enum Shown {
    /// Files as they are, each once; where they overlap, GDAL shows the last of the VRT, which is the first here.
    Files(Vec<PathBuf>),
    /// Files otherwise than they are: moved, cut, of chosen bands, with other validity.
    View(View),
}

/// What a VRT shows.
///
/// # Errors
/// When it computes pixels in a way that is not read, or has a source that is not a local `GeoTIFF`.
pub(super) fn shown(path: &Path) -> Result<Shown, RasterError> {
    let refuse = |what: String| RasterError::Vrt { path: path.to_owned(), what };
    let document = document(&text(path)?).map_err(&refuse)?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut files: Vec<(&str, PathBuf)> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    for source in document.bands.iter().chain(&document.mask).flat_map(|band| &band.sources) {
        if !known.contains_key(source.name.as_str()) {
            known.insert(&source.name, files.len());
            files.push((&source.name, local(folder, source).map_err(&refuse)?));
        }
    }
    if files.is_empty() {
        return Err(refuse("lists no source".to_owned()));
    }
    if document.points > 0 && document.transform.is_none() {
        let by = format!("{} ground control points", document.points);
        let remedy = format!("gdalwarp {} warped.tif", path.file_name().unwrap_or_default().to_string_lossy());
        return Err(RasterError::NotWarped { path: path.to_owned(), by, remedy });
    }
    if lists_files(&document) && are_as_they_are(&document, &files) {
        return Ok(Shown::Files(files.into_iter().rev().map(|(_, file)| file).collect()));
    }
    for (_, file) in &files {
        open::check_extent(file, &open::open(file)?)?;
    }
    // Every source is in the list.
    let absolute = |source: &Source| std::path::absolute(&files[known[source.name.as_str()]].1).unwrap_or_default();
    let view = View {
        xml: vrt_write::xml(&document, &absolute),
        files: files.iter().map(|(_, file)| file.clone()).collect(),
        covered: covered(&document),
    };
    Ok(Shown::View(view))
}

/// The text of a VRT.
fn text(path: &Path) -> Result<String, RasterError> {
    let refuse = |what: String| RasterError::Vrt { path: path.to_owned(), what };
    open::check_plain(path)?;
    let unreadable = |cause| RasterError::Unreadable { path: path.to_owned(), cause };
    if path.metadata().map_err(unreadable)?.len() > MAX_BYTES {
        return Err(refuse(format!("is larger than {} MiB", MAX_BYTES >> 20)));
    }
    let text = String::from_utf8(std::fs::read(path).map_err(unreadable)?);
    let text = text.map_err(|_| refuse("is not UTF-8 text".to_owned()))?;
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

/// The pixels that sources of colour bands cover; all where one says nothing.
fn covered(document: &Document) -> Vec<Window> {
    let all = Window::new(0, 0, document.cols, document.rows);
    let window = |source: &Source| {
        source.to.map_or(all, |[left, top, cols, rows]| {
            let (right, bottom) = ((left + cols).round() as i64, (top + rows).round() as i64);
            Window::between(left.round() as i64, top.round() as i64, right, bottom)
        })
    };
    let mut seen = HashSet::new();
    let windows = document.bands.iter().flat_map(|band| &band.sources).map(window);
    windows.filter(|window| seen.insert(*window)).collect()
}

/// Whether all bands show the same files, each its own band of them and nothing changed; at least one with its own pixels,
/// else the VRT is asked for another resolution.
fn lists_files(document: &Document) -> bool {
    let at_scale = |source: &Source| match (source.shown, source.to) {
        (Some([_, _, cols, rows]), Some([_, _, to_cols, to_rows])) => {
            [cols / to_cols, rows / to_rows].iter().all(|scale| (scale - 1.0).abs() < SAME_SCALE)
        }
        _ => true,
    };
    if !document.bands.iter().flat_map(|band| &band.sources).any(at_scale) {
        return false;
    }
    let plain =
        |source: &Source| source.kind != "AveragedSource" && source.texts.iter().all(|(name, _)| name == "NODATA");
    let places = |at: usize| document.bands[at].sources.iter().map(|source| (&source.name, source.shown, source.to));
    let bands = 0..document.bands.len();
    document.mask.is_none()
        && bands.clone().all(|at| places(at).eq(places(0)))
        && document.bands.iter().zip(bands).all(|(band, at)| {
            let own = (at + 1).to_string();
            band.colours.is_empty() && band.sources.iter().all(|source| plain(source) && source.band == own)
        })
}

/// Whether each file is as the VRT shows it.
fn are_as_they_are(document: &Document, files: &[(&str, PathBuf)]) -> bool {
    let mut of_names: HashMap<&str, Vec<Vec<&Source>>> = HashMap::new();
    for (at, band) in document.bands.iter().enumerate() {
        for source in &band.sources {
            let of_bands = of_names.entry(&source.name).or_insert_with(|| vec![Vec::new(); document.bands.len()]);
            of_bands[at].push(source);
        }
    }
    files.iter().all(|(name, file)| of_names.get(name).is_some_and(|of_bands| is_as_it_is(document, of_bands, file)))
}

/// Whether a file is shown whole, at its own place, with its own validity and roles. One that cannot be opened is reported
/// when it is opened as a scene.
fn is_as_it_is(document: &Document, of_bands: &[Vec<&Source>], file: &Path) -> bool {
    let Ok(dataset) = open::open(file) else { return true };
    let sources = || of_bands[0].iter();
    dataset.raster_count() == document.bands.len()
        && sources().all(|source| is_whole(source, &dataset) && is_at_its_place(document, source, &dataset))
        && document.bands.iter().zip(of_bands).zip(dataset.rasterbands().flatten()).all(|((band, sources), own)| {
            let nodata = sources.iter().flat_map(|source| &source.texts);
            let said = nodata.map(|(_, text)| text.as_str()).chain(band.text("NoDataValue"));
            let own_nodata = own.no_data_value();
            // A VRT rounds as floats do.
            let same =
                |a: f64, b: f64| (a.is_nan() && b.is_nan()) || (a as f32 + 0.0).total_cmp(&(b as f32 + 0.0)).is_eq();
            let is_own = |text: &str| text.parse().is_ok_and(|said| own_nodata.is_some_and(|own| same(said, own)));
            let role = band.text("ColorInterp").and_then(|name| ColorInterpretation::from_name(name).ok());
            let described = band.text("Description").is_none_or(|text| own.description().is_ok_and(|own| own == text));
            said.into_iter().all(is_own) && role.is_none_or(|role| role == own.color_interpretation()) && described
        })
}

/// Whether a source is shown with all its pixels; by less than one, sources that do not lie on whole pixels are cut.
fn is_whole(source: &Source, dataset: &Dataset) -> bool {
    let (cols, rows) = dataset.raster_size();
    let whole = [cols as f64, rows as f64];
    let [left, top, cols, rows] = source.shown.unwrap_or([0.0, 0.0, whole[0], whole[1]]);
    let to = source.to.map_or([cols, rows], |to| [to[2], to[3]]);
    let as_said = source.size.is_none_or(|size| size.map(f64::to_bits) == whole.map(f64::to_bits));
    let axes = [(left, cols, whole[0], to[0]), (top, rows, whole[1], to[1])];
    as_said
        && axes
            .iter()
            .all(|(first, shown, whole, to)| first.max(0.0).max(whole - shown - first) < (shown / to).max(1.0))
}

/// Whether the VRT shows a source where it lies by itself.
fn is_at_its_place(document: &Document, source: &Source, dataset: &Dataset) -> bool {
    let (Some(vrt), Ok(own)) = (document.transform, dataset.geo_transform()) else { return false };
    let size = dataset.raster_size();
    let shown = source.shown.unwrap_or([0.0, 0.0, size.0 as f64, size.1 as f64]);
    let to = source.to.unwrap_or([0.0, 0.0, f64::from(document.cols), f64::from(document.rows)]);
    let map = |t: [f64; 6], x: f64, y: f64| (t[0] + x * t[1] + y * t[2], t[3] + x * t[4] + y * t[5]);
    let pixel = (vrt[1].hypot(vrt[4]), vrt[2].hypot(vrt[5]));
    let near = |(col, row): (f64, f64)| {
        let a = map(own, shown[0] + col * shown[2], shown[1] + row * shown[3]);
        let b = map(vrt, to[0] + col * to[2], to[1] + row * to[3]);
        (a.0 - b.0).hypot(a.1 - b.1) <= SAME_PLACE_PX * pixel.0.min(pixel.1)
    };
    let srs = document.srs.as_ref().map_or("", |(srs, _)| srs);
    let same_srs = || match (SpatialRef::from_definition(srs), dataset.spatial_ref()) {
        (Ok(said), Ok(own)) => said == own,
        (Err(_), Err(_)) => true,
        _ => false,
    };
    (srs == dataset.projection() || same_srs())
        && [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)].into_iter().all(near)
}

/// The local file of a source: by its name, from the folder of the VRT or, as GDAL has it, from the working folder.
fn local(folder: &Path, source: &Source) -> Result<PathBuf, String> {
    let name = source.name.as_str();
    if name.starts_with("/vsi") || name.contains("://") || name.contains('<') || name.is_empty() || has_prefix(name) {
        return Err(format!("source {name:?} is not a local file"));
    }
    if Path::new(name).extension().is_some_and(|e| e.eq_ignore_ascii_case("vrt")) {
        return Err(format!("source {name:?} is a VRT itself"));
    }
    let beside = folder.join(name); // an absolute name stays as it is
    let file = if !source.relative && Path::new(name).exists() { PathBuf::from(name) } else { beside };
    // Whether it is readable is said by its own name when it is opened.
    match open::is_tiff(&file) {
        Ok(true) => Ok(file),
        Ok(false) => Err(format!("source {name:?} is not a TIFF file")),
        Err(RasterError::Unreadable { cause: why, .. }) if source.relative => {
            Err(format!("source {name:?} cannot be read: {why}"))
        }
        Err(RasterError::Unreadable { cause: why, .. }) => Err(format!(
            "source {name:?} cannot be read, neither from the working folder nor from that of the VRT: {why}"
        )),
        Err(other) => Err(format!("source {name:?}: {other}")),
    }
}

/// A driver or protocol prefix such as `GTIFF_DIR:1:` or `NETCDF:`; one letter is a Windows drive.
fn has_prefix(name: &str) -> bool {
    let word = name.split(':').next().unwrap_or_default();
    word.len() > 1 && word.len() < name.len() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '+')
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

    /// Files that are no more than the first bytes of a TIFF: they are reported when they are opened as scenes.
    fn read(text: &str) -> Result<Vec<PathBuf>, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("sub")).expect("writable");
        for name in ["a.tif", "sub/b & c.tif"] {
            std::fs::write(folder.path().join(name), b"II*\0").expect("writable");
        }
        std::fs::write(folder.path().join("text.tif"), b"text").expect("writable");
        std::fs::write(folder.path().join("m.vrt"), text).expect("writable");
        match shown(&folder.path().join("m.vrt")).map_err(|e| e.to_string())? {
            Shown::Files(files) => {
                Ok(files.iter().map(|f| f.strip_prefix(folder.path()).expect("inside").to_owned()).collect())
            }
            Shown::View(view) => Err(view.xml),
        }
    }

    #[rstest]
    #[case("a.tif")]
    #[case("sub/b &amp; c.tif")]
    fn sources_in_the_folder_are_listed(#[case] name: &str) {
        assert_eq!(read(&vrt(name)).expect("inside"), [PathBuf::from(name.replace("&amp;", "&"))]);
    }

    #[rstest]
    #[case("/etc/passwd", "not a TIFF")]
    #[case("text.tif", "not a TIFF")]
    #[case("/dev/zero", "plain file")]
    #[case("sub", "plain file")]
    #[case("/vsicurl/http://example.com/a.tif", "not a local file")]
    #[case("https://example.com/a.tif", "not a local file")]
    #[case("GTIFF_DIR:1:a.tif", "not a local file")]
    #[case("&lt;GDAL_WMS&gt;", "not a local file")]
    #[case("m.vrt", "a VRT itself")]
    #[case("absent.tif", "cannot be read")]
    #[case("", "not a local file")]
    fn other_sources_are_refused_by_name(#[case] name: &str, #[case] reason: &str) {
        let error = read(&vrt(name)).expect_err("refused");
        assert!(error.contains(reason) && error.contains("m.vrt"), "{error}");
    }

    #[rstest]
    #[case("<SourceBand>1</SourceBand>", "")]
    #[case("<NODATA>none</NODATA>", "nodata \"none\"")]
    #[case("<OpenOptions><OOI key=\"A\">b</OOI></OpenOptions>", "OpenOptions")]
    fn unknown_words_of_sources_are_refused(#[case] more: &str, #[case] reason: &str) {
        match read(&vrt("a.tif").replace("</SimpleSource>", &format!("{more}</SimpleSource>"))) {
            Ok(_) => assert_eq!(reason, ""),
            Err(error) => assert!(!reason.is_empty() && error.contains(reason), "{error}"),
        }
    }

    #[test]
    fn a_vrt_that_computes_is_refused() {
        let derived = vrt("a.tif").replace("band=\"1\"", "band=\"1\" subClass=\"VRTDerivedRasterBand\"");
        assert!(read(&derived).expect_err("derived").contains("derived"));
        let kernel = vrt("a.tif").replace("SimpleSource", "KernelFilteredSource");
        assert!(read(&kernel).expect_err("computed").contains("KernelFilteredSource"));
    }
}
