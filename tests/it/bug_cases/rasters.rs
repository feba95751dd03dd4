//! Rasters read as what they are.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Finished, case, orthotile};
use crate::common::fixture;

/// Segments scenes with the toy model whose classes are the strongest colours; the summary says what was found.
#[track_caller]
fn segment(scenes: &[&Path], more: &[&str]) -> Finished {
    let folder = tempfile::tempdir().expect("a folder");
    let model = fixture("models/identity.onnx").display().to_string();
    let scenes: Vec<String> = scenes.iter().map(|scene| scene.display().to_string()).collect();
    let mut arguments = vec!["segment"];
    arguments.extend(scenes.iter().map(String::as_str));
    arguments.extend([
        "--model",
        &model,
        "--store",
        "st",
        "--device",
        "cpu",
        "--min-area-m2",
        "0",
        "--majority-rounds",
        "0",
    ]);
    arguments.extend(more);
    orthotile(folder.path(), &arguments)
}

/// The lines of a summary that tell classes.
fn table(finished: &Finished) -> Vec<String> {
    let classes = ["building", "vegetation", "water", "road", "bare"];
    let is_class = |line: &&str| classes.iter().any(|class| line.starts_with(class));
    finished.stdout.lines().filter(is_class).map(str::to_owned).collect()
}

#[track_caller]
fn inspect(folder: &Path, what: &str) -> Finished {
    orthotile(folder, &["inspect", what])
}

/// A folder of a case that may be written to.
fn copied(name: &str) -> Option<tempfile::TempDir> {
    let case = case(name)?;
    let folder = tempfile::tempdir().expect("a folder");
    copy(&case, folder.path());
    Some(folder)
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            std::fs::create_dir(&to).expect("writable");
            copy(&path, &to);
        } else {
            // Bytes alone: the folder of the data is read-only, its copy is not.
            std::fs::write(&to, std::fs::read(&path).expect("readable")).expect("writable");
        }
    }
}

#[test]
fn imagery_in_degrees_across_180_is_one_map_with_a_scene_in_utm() {
    let Some(case) = case("02-degrees-over-180-kills-server") else { return };
    let both = [case.join("utm.tif"), case.join("over180.tif")];
    for scenes in [[both[0].as_path(), &both[1]], [both[1].as_path(), &both[0]]] {
        let finished = segment(&scenes, &[]).succeeded();
        assert!(finished.stdout.contains("1 of 1 blocks"), "{}", finished.text());
    }
}

#[test]
fn float_samples_are_the_picture_of_bytes() {
    let Some(case) = case("04-float-0-to-1-is-black") else { return };
    let expected = table(&segment(&[&case.join("u8.tif")], &[]).succeeded());
    assert_eq!(expected.len(), 2, "{expected:?}");
    for (name, rule) in [("float01.tif", "0 to 1 become 0 to 255"), ("float0100.tif", "0 to 100 become 0 to 255")] {
        let finished = segment(&[&case.join(name)], &[]).succeeded();
        assert_eq!(table(&finished), expected, "{name}");
        assert!(finished.stdout.contains(rule), "{}", finished.text());
        let folder = tempfile::tempdir().expect("a folder");
        let described = inspect(folder.path(), &case.join(name).display().to_string()).succeeded().stdout;
        assert!(described.contains(rule) && described.contains("in valid samples"), "{described}");
    }
    let voids = table(&segment(&[&case.join("float01_nan.tif")], &[]).succeeded());
    assert!(voids[0].contains("82%") && voids[1].contains("63%") && voids[1].contains("2713"), "{voids:?}");
}

#[test]
fn fills_under_alpha_masks_and_nothing_are_no_samples() {
    let Some(case) = case("05-16bit-colour-under-alpha") else { return };
    let expected = table(&segment(&[&case.join("alpha_over_0.tif")], &[]).succeeded());
    assert_eq!(expected.len(), 3, "{expected:?}");
    for name in ["alpha_over_65535.tif", "mask_over_65535.tif", "undeclared_65535.tif", "undeclared_f32max.tif"] {
        let finished = segment(&[&case.join(name)], &[]).succeeded();
        assert_eq!(table(&finished), expected, "{name}");
        let says = finished.stdout.contains("taken as void");
        assert_eq!(says, name.starts_with("undeclared"), "{}", finished.text());
    }
}

#[test]
fn bands_are_what_interpretation_and_names_say_and_bands_wins() {
    let Some(case) = case("06-band-names-ignored") else { return };
    let path = |name: &str| case.join(name);
    let expected = table(&segment(&[&path("rgb.tif")], &[]).succeeded());
    for (name, more) in [
        ("interp_bgr.tif", &[][..]),
        ("names_bgr_re_nir.tif", &[]),
        ("names_bgr_re_nir.tif", &["--bands", "3,2,1"]),
        ("rgb.tif", &["--bands", "1,2,3"]),
    ] {
        assert_eq!(table(&segment(&[&path(name)], more).succeeded()), expected, "{name} {more:?}");
    }
    let turned = table(&segment(&[&path("rgb.tif")], &["--bands", "3,2,1"]).succeeded());
    assert_ne!(turned, expected);
    segment(&[&path("names_g_r_re_nir.tif")], &[]).failed_with(&[
        "names_g_r_re_nir.tif",
        "no blue channel",
        "green, red, red edge, near infrared",
        "--bands",
    ]);
    segment(&[&path("rgb.tif")], &["--bands", "4,3,2"]).failed_with(&["rgb.tif", "3 bands, not band 4"]);
    segment(&[&path("rgb.tif")], &["--bands", "1,1,2"]).failed_with(&["--bands", "expected R,G,B"]);
    let folder = tempfile::tempdir().expect("a folder");
    let described = inspect(folder.path(), &path("names_bgr_re_nir.tif").display().to_string()).succeeded().stdout;
    for words in ["1 blue (description \"Blue\")", "4 red edge", "5 near infrared (description \"NIR\")"] {
        assert!(described.contains(words), "{described}");
    }
}

#[test]
fn a_vrt_shows_what_gdal_shows() {
    let Some(folder) = copied("14-vrt-of-gdalbuildvrt") else { return };
    let corners = |name: &str| {
        let described = inspect(folder.path(), name).succeeded().stdout;
        described.lines().find(|line| line.contains("corners")).expect("they are told").trim().to_owned()
    };
    let own = corners("in/a.tif");
    for name in ["addalpha.vrt", "srcnodata.vrt", "out/cwd.vrt"] {
        assert_eq!(corners(name), own, "{name}");
    }
    assert!(corners("a_srs.vrt").contains("21.000000, 46.953529"), "{}", corners("a_srs.vrt"));
    assert!(corners("a_ullr.vrt").contains("16.336591, 47.845561"), "{}", corners("a_ullr.vrt"));
    let described = inspect(folder.path(), "addalpha.vrt").succeeded().stdout;
    assert!(described.contains("alpha in band 4") && described.contains("as GDAL shows it"), "{described}");
    let path = |name: &str| folder.path().join(name);
    let expected = table(&segment(&[&path("in/a.tif")], &[]).succeeded());
    for name in ["addalpha.vrt", "srcnodata.vrt", "a_srs.vrt", "a_ullr.vrt"] {
        assert_eq!(table(&segment(&[&path(name)], &[]).succeeded()).len(), expected.len(), "{name}");
    }
    // An absolute name is a local file like any other.
    let text = std::fs::read_to_string(path("addalpha.vrt")).expect("text");
    let absolute = format!("relativeToVRT=\"0\">{}", path("in/a.tif").display());
    std::fs::write(path("out/absolute.vrt"), text.replace("relativeToVRT=\"1\">in/a.tif", &absolute))
        .expect("writable");
    assert_eq!(corners("out/absolute.vrt"), own);
    std::fs::remove_file(path("in/a.tif")).expect("there");
    inspect(folder.path(), "addalpha.vrt").failed_with(&["addalpha.vrt", "in/a.tif", "cannot be read"]);
}

#[cfg(unix)]
#[test]
fn names_that_are_not_utf8_and_files_without_end_are_refused_by_name() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let Some(folder) = copied("16-file-name-not-utf8") else { return };
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("d")).expect("writable");
    std::fs::copy(path("a.tif"), path("d").join(OsStr::from_bytes(b"Stra\xdfe.tif"))).expect("writable");
    inspect(folder.path(), "d").failed_with(&["Stra", "e.tif", "not UTF-8"]);
    let fifo = |name: &str| assert!(Command::new("mkfifo").arg(path(name)).status().expect("runs").success());
    fifo("fifo.tif");
    for command in [&["inspect", "fifo.tif"][..], &["vectorize", "fifo.tif", "-o", "x.geojson"]] {
        orthotile(folder.path(), command).failed_with(&["fifo.tif", "plain file"]);
    }
    fifo("a.tif.aux.xml");
    inspect(folder.path(), "a.tif").failed_with(&["a.tif.aux.xml", "plain file"]);
    inspect(folder.path(), "/dev/zero").failed_with(&["/dev/zero", "plain file"]);
}

#[test]
fn ground_control_points_alone_are_named_with_a_remedy() {
    let Some(case) = case("18-gcp-only") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let path = case.join("gcp4.tif").display().to_string();
    for command in [&["inspect", &path][..], &["vectorize", &path, "-o", "x.geojson"]] {
        orthotile(folder.path(), command).failed_with(&["gcp4.tif", "4 ground control points", "gdalwarp"]);
    }
}

#[test]
fn elevations_among_ortho_photos_are_left_out_and_named() {
    let Some(case) = case("22-folder-with-dsm") else { return };
    let flight: PathBuf = case.join("flight");
    let expected = table(&segment(&[&flight.join("ortho.tif")], &[]).succeeded());
    let finished = segment(&[&flight], &[]).succeeded();
    assert_eq!(table(&finished), expected);
    let folder = tempfile::tempdir().expect("a folder");
    let described = inspect(folder.path(), &flight.display().to_string()).succeeded();
    for text in [finished.stdout, described.stdout] {
        let names = |name: &str| text.lines().any(|line| line.contains(name) && line.contains("left out"));
        assert!(names("dsm.tif") && names("dtm.tif") && !names("ortho.tif"), "{text}");
    }
}

#[test]
fn opacity_counts_by_the_range_that_occurs() {
    let Some(case) = case("25-alpha-of-0-and-1") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    for (name, from) in [("opaque_1", "0.5"), ("opaque_100", "50"), ("opaque_255", "127.5"), ("feathered", "87")] {
        let path = case.join(format!("{name}.tif"));
        let described = inspect(folder.path(), &path.display().to_string()).succeeded().stdout;
        assert!(described.contains(&format!("alpha in band 4 from {from} on")), "{described}");
        let found: f64 = table(&segment(&[&path], &[]).succeeded()).iter().map(|line| area_m2(line)).sum();
        // 88 of 128 columns are opaque at all; of the ramp, half is left.
        assert!(if name == "feathered" { found < 2200.0 } else { (found - 2818.0).abs() < 30.0 }, "{name}: {found}");
    }
}

fn area_m2(line: &str) -> f64 {
    line.split_whitespace().nth(2).and_then(|word| word.parse().ok()).expect("an area")
}

#[test]
fn complex_samples_are_refused() {
    let Some(case) = case("28-complex-samples") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let path = case.join("complex.tif").display().to_string();
    for command in [&["inspect", &path][..], &["vectorize", &path, "-o", "x.geojson"]] {
        orthotile(folder.path(), command).failed_with(&["complex.tif", "complex samples (CFloat32"]);
    }
}

/// As `29-sparse-and-zstd-refused`, whose inputs are made by a script: one block of 512 × 512 pixels holds a square.
#[test]
fn sparse_giants_are_read_and_their_one_region_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let driver = gdal::DriverManager::get_driver_by_name("GTiff").expect("GDAL has GeoTIFF");
    let options = ["TILED=YES", "BLOCKXSIZE=512", "BLOCKYSIZE=512", "COMPRESS=DEFLATE", "SPARSE_OK=TRUE"];
    let options = gdal::raster::RasterCreationOptions::from_iter(options);
    let path = folder.path().join("sparse_40k.tif");
    let mut dataset =
        driver.create_with_band_type_with_options::<u8, _>(&path, 40_960, 40_960, 1, &options).expect("writable");
    dataset.set_geo_transform(&[500_000.0, 0.5, 0.0, 5_200_000.0, 0.0, -0.5]).expect("georeference");
    dataset.set_spatial_ref(&gdal::spatial_ref::SpatialRef::from_epsg(32633).expect("known")).expect("georeference");
    let mut band = dataset.rasterband(1).expect("a band");
    band.set_no_data_value(Some(0.0)).expect("accepted");
    let mut square = gdal::raster::Buffer::new((40, 40), vec![1_u8; 1600]);
    band.write((5220, 5220), (40, 40), &mut square).expect("written");
    dataset.close().expect("closed");
    assert!(std::fs::metadata(&path).expect("written").len() < 200_000, "sparse");
    let finished = orthotile(folder.path(), &["vectorize", "sparse_40k.tif", "-o", "x.geojson"]).succeeded();
    let row = finished.text().lines().find(|line| line.starts_with('1')).map(str::to_owned);
    assert_eq!(row.as_deref().map(|r| r.split_whitespace().collect::<Vec<_>>()), Some(vec!["1", "1", "400", "-"]));
}
