//! Every kind of raster that must be read, and every one that must be refused by name.

use std::path::{Path, PathBuf};

use gdal::Dataset;
use gdal::programs::raster::{BuildVRTOptions, build_vrt};
use gdal::raster::{ColorEntry, ColorTable, PaletteInterpretation};
use rstest::rstest;
use tempfile::TempDir;

use super::fixture::{Picture, mark_alpha, noise, shared_data};
use super::{Channel, Mosaic, PixelWindow, RasterError, RasterSource, Validity};
use crate::georef::{Crs, GeoTransform, PixelFrame, Window};

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn open(path: &Path) -> Result<Mosaic, RasterError> {
    Mosaic::open(&[path.to_owned()])
}

fn read_all(mosaic: &Mosaic) -> PixelWindow {
    mosaic.reader(mosaic.frame(), &Channel::RGB).expect("a reader").read(&mosaic.window()).expect("read")
}

/// The red, green and blue of a pixel; `None` where nothing is valid.
fn colour(pixels: &PixelWindow, col: i64, row: i64) -> Option<[u8; 3]> {
    let (at, size) = (pixels.window.index(col, row), pixels.valid.len());
    (pixels.valid[at] == 1).then(|| [0, 1, 2].map(|channel| pixels.samples[channel * size + at]))
}

/// A raster that says in one way that its left half is empty.
fn half_empty(path: &Path, way: &str) {
    let alpha = way == "alpha";
    let picture = Picture { bands: if alpha { 4 } else { 3 }, ..Picture::rgb() };
    let internal = if way == "internal mask" { "YES" } else { "NO" };
    gdal::config::set_thread_local_config_option("GDAL_TIFF_INTERNAL_MASK", internal).expect("no NUL");
    let empty = |col: usize| col < 100;
    let mut dataset = picture.write(path, |band, col, row| match band {
        3 => u8::from(!empty(col)) * 255,
        _ if way == "nodata" && empty(col) => 7,
        _ => noise(band, col, row),
    });
    match way {
        "alpha" => mark_alpha(&dataset, 4),
        "nodata" => {
            for band in 1..=3 {
                dataset.rasterband(band).expect("there").set_no_data_value(Some(7.0)).expect("accepted");
            }
        }
        _ => {
            dataset.rasterband(1).expect("there").create_mask_band(true).expect("a mask");
            let band = dataset.rasterband(1).expect("there");
            let mut mask = band.open_mask_band().expect("made");
            let samples = (0..200 * 150).map(|i| u8::from(!empty(i % 200)) * 255).collect();
            mask.write((0, 0), (200, 150), &mut gdal::raster::Buffer::new((200, 150), samples)).expect("written");
        }
    }
    dataset.flush_cache().expect("flushed");
    dataset.close().expect("closed");
}

#[rstest]
#[case("alpha", "alpha (band 4)")]
#[case("internal mask", "mask")]
#[case("external mask", "mask")]
#[case("nodata", "nodata 7")]
fn declared_validity_is_read(#[case] way: &str, #[case] described: &str) {
    let folder = folder();
    let path = folder.path().join("a.tif");
    half_empty(&path, way);
    assert_eq!(folder.path().join("a.tif.msk").exists(), way == "external mask");
    let mosaic = open(&path).expect("a mosaic");
    assert_eq!(mosaic.scenes()[0].validity.to_string(), described);
    let pixels = read_all(&mosaic);
    for (col, row) in [(0, 0), (99, 149), (100, 0), (199, 149)] {
        let expected = (col >= 100).then(|| [0, 1, 2].map(|band| noise(band, col as usize, row as usize)));
        assert_eq!(colour(&pixels, col, row), expected, "{way}, column {col}, row {row}");
    }
}

#[test]
fn an_alpha_band_that_is_infrared_is_read_as_infrared() {
    let folder = folder();
    let path = folder.path().join("a.tif");
    let dataset = Picture { bands: 4, ..Picture::rgb() }.write(&path, noise);
    mark_alpha(&dataset, 4);
    dataset.close().expect("closed");
    let mosaic = open(&path).expect("a mosaic");
    assert_eq!(mosaic.scenes()[0].validity, Validity::Undeclared);
    let channels = [Channel::NearInfrared, Channel::Red];
    let pixels =
        mosaic.reader(mosaic.frame(), &channels).expect("a reader").read(&Window::new(5, 6, 1, 1)).expect("read");
    assert_eq!(pixels.samples, [noise(3, 5, 6), noise(0, 5, 6)]);
}

#[test]
fn a_channel_that_a_scene_lacks_is_an_error_that_names_both() {
    let folder = folder();
    let path = folder.path().join("a.tif");
    Picture::rgb().write(&path, noise).close().expect("closed");
    let mosaic = open(&path).expect("a mosaic");
    let error = mosaic.reader(mosaic.frame(), &[Channel::NearInfrared]).err().expect("lacks it").to_string();
    assert!(error.contains("a.tif") && error.contains("near infrared"), "{error}");
}

#[test]
fn one_band_is_grey_and_a_palette_is_its_colours() {
    let folder = folder();
    let picture = Picture { bands: 1, ..Picture::rgb() };
    let (grey, coloured) = (folder.path().join("grey.tif"), folder.path().join("coloured.tif"));
    picture.write(&grey, noise).close().expect("closed");
    let value = noise(0, 3, 4);
    assert_eq!(colour(&read_all(&open(&grey).expect("a mosaic")), 3, 4), Some([value; 3]));
    let dataset = picture.write(&coloured, |_, col, _| (col % 3) as u8);
    let mut table = ColorTable::new(PaletteInterpretation::Rgba);
    for (at, entry) in [(1, (10, 20, 30, 255)), (2, (200, 100, 50, 255))] {
        table.set_color_entry(at, &ColorEntry::rgba(entry.0, entry.1, entry.2, entry.3));
    }
    dataset.rasterband(1).expect("there").set_color_table(&table);
    dataset.rasterband(1).expect("there").set_no_data_value(Some(0.0)).expect("accepted");
    dataset.close().expect("closed");
    let pixels = read_all(&open(&coloured).expect("a mosaic"));
    assert_eq!([0, 1, 2].map(|col| colour(&pixels, col, 0)), [None, Some([10, 20, 30]), Some([200, 100, 50])]);
}

#[test]
fn sixteen_bits_are_stretched_unless_they_hold_eight() {
    let folder = folder();
    let (wide, narrow) = (folder.path().join("wide.tif"), folder.path().join("narrow.tif"));
    Picture::rgb().write(&wide, |band, col, _| (band * 1000 + col * 50) as u16 + 1).close().expect("closed");
    Picture::rgb().write(&narrow, |band, col, row| u16::from(noise(band, col, row))).close().expect("closed");
    let wide = open(&wide).expect("a mosaic");
    assert_eq!(wide.scenes()[0].sample_type, "UInt16");
    let pixels = read_all(&wide);
    let [dark, middle, bright] = [0, 100, 199].map(|col| colour(&pixels, col, 5).expect("valid")[1]);
    assert!(dark == 0 && (120..136).contains(&middle) && bright == 255, "{dark} {middle} {bright}");
    let pixels = read_all(&open(&narrow).expect("a mosaic"));
    assert_eq!(colour(&pixels, 17, 23), Some([0, 1, 2].map(|band| noise(band, 17, 23))));
}

#[rstest]
#[case("EPSG:3857", [4_368_223.0, 0.3, 0.0, -673_868.0, 0.0, -0.3])]
#[case("EPSG:32750", [297_463.0, 0.3, 0.0, 9_050_677.0, 0.0, -0.3])]
#[case("EPSG:28992", [122_129.0, 0.2, 0.0, 491_367.0, 0.0, -0.2])]
#[case("EPSG:7415", [84_808.0, 0.5, 0.0, 447_642.0, 0.0, -0.5])]
#[case("EPSG:2953", [2_332_263.0, 0.5, 0.0, 7_599_627.0, 0.0, -0.5])]
#[case("EPSG:4326", [85.5, 2e-6, 0.0, 27.6, 0.0, -2e-6])]
#[case("EPSG:32632", [500_000.0, 0.4, 0.3, 5_500_000.0, 0.3, -0.4])]
#[case("EPSG:32632", [500_000.0, 0.5, 0.0, 5_500_000.0, 0.0, 0.5])]
fn any_system_and_turn_keeps_its_pixels(#[case] crs: &str, #[case] transform: [f64; 6]) {
    let folder = folder();
    let path = folder.path().join("a.tif");
    let picture = Picture { crs: Some(crs), transform: Some(transform), ..Picture::rgb() };
    picture.write(&path, noise).close().expect("closed");
    let mosaic = open(&path).expect("a mosaic");
    assert_eq!(mosaic.frame().transform, GeoTransform::new(transform).expect("regular"));
    assert_eq!(mosaic.window(), Window::new(0, 0, 200, 150));
    assert_eq!(colour(&read_all(&mosaic), 31, 7), Some([0, 1, 2].map(|band| noise(band, 31, 7))));
    // x is east and y is north, whatever the system says: Web Mercator tiles find it.
    let bounds = mosaic.lon_lat_bounds().expect("on the globe").expect("somewhere");
    let mercator = Crs::web_mercator();
    let place = crate::georef::Projector::new(&Crs::lon_lat(), &mercator).expect("known").project(bounds.center());
    let place = place.expect("inside");
    let frame = GeoTransform::new([place.x, 1.0, 0.0, place.y, 0.0, -1.0]).expect("regular");
    let frame = PixelFrame { crs: mercator, transform: frame };
    let pixels =
        mosaic.reader(&frame, &Channel::RGB).expect("a reader").read(&Window::new(-1, -1, 2, 2)).expect("read");
    assert_eq!(pixels.valid, [1; 4]);
}

#[test]
fn scenes_of_different_systems_sizes_and_colours_are_one_mosaic() {
    let folder = folder();
    let mut paths = Vec::new();
    for (name, crs, x) in [("a.tif", "EPSG:32632", 500_000.0), ("b.tif", "EPSG:25832", 500_100.0)] {
        let picture =
            Picture { crs: Some(crs), transform: Some([x, 0.5, 0.0, 5_500_000.0, 0.0, -0.5]), ..Picture::rgb() };
        paths.push(picture.write_landscape(&folder.path().join(name)));
    }
    let grey = Picture {
        bands: 1,
        transform: Some([500_200.0, 2.0, 0.0, 5_500_000.0, 0.0, -2.0]),
        size: (30, 30),
        ..Picture::rgb()
    };
    paths.push(grey.write_landscape(&folder.path().join("c.tif")));
    let mosaic = Mosaic::open(&paths).expect("a mosaic");
    assert_eq!(mosaic.window(), Window::new(0, 0, 520, 150));
    let pixels = read_all(&mosaic);
    assert!((0..520).all(|col| (0..120).all(|row| colour(&pixels, col, row).is_some())));
    assert_eq!(colour(&pixels, 300, 140).map(|c| c[0]), Some(super::fixture::landscape(0, (500_150.25, 5_499_929.75))));
    let [r, g, b] = colour(&pixels, 450, 60).expect("grey");
    assert!(r == g && g == b);
}

/// A picture of 0.5 m with a white rectangle, through JPEG.
fn with_rectangle(path: &Path, value: u8, (cols, rows): (std::ops::Range<usize>, std::ops::Range<usize>)) -> Mosaic {
    let options = ["COMPRESS=JPEG", "PHOTOMETRIC=YCBCR", "TILED=YES", "BLOCKXSIZE=256", "BLOCKYSIZE=256"];
    let plain = path.with_extension("plain.tif");
    let picture = Picture { size: (500, 400), ..Picture::rgb() };
    let picture = picture.write(&plain, |band, col, row| {
        if cols.contains(&col) && rows.contains(&row) {
            value
        } else {
            super::fixture::landscape(band, (col as f64, row as f64))
        }
    });
    let driver = gdal::DriverManager::get_driver_by_name("GTiff").expect("built in");
    let options = options.into_iter().collect();
    picture.create_copy(&driver, path, &options).expect("written").close().expect("closed");
    open(path).expect("a mosaic")
}

#[rstest]
#[case::white_at_the_edge(255, (0..100, 0..100), true)]
#[case::black_at_the_edge(0, (400..500, 300..400), true)]
#[case::white_inside(255, (100..250, 100..220), true)]
#[case::a_white_roof(255, (200..260, 200..250), false)]
#[case::a_white_roof_at_the_edge(255, (0..30, 200..240), false)]
fn wide_pure_areas_are_voids_and_white_roofs_are_not(
    #[case] value: u8,
    #[case] area: (std::ops::Range<usize>, std::ops::Range<usize>),
    #[case] void: bool,
) {
    let folder = folder();
    let mosaic = with_rectangle(&folder.path().join("a.tif"), value, area.clone());
    let whole = read_all(&mosaic);
    let (mut wrong, mut total) = (0, 0);
    for (at, valid) in whole.valid.iter().enumerate() {
        let inside = area.0.contains(&(at % 500)) && area.1.contains(&(at / 500));
        total += usize::from(inside && void);
        wrong += usize::from((*valid == 0) != (inside && void));
    }
    assert!(wrong * 50 <= total, "{wrong} of {total} pixels");
    // A pixel is decided the same in any window.
    let mut reader = mosaic.reader(mosaic.frame(), &Channel::RGB).expect("a reader");
    for (col, row) in [(90, 90), (0, 0), (395, 295), (244, 214), (97, 1)] {
        let part = reader.read(&Window::new(col, row, 13, 9)).expect("read");
        for c in col..col + 13 {
            for r in row..row + 9 {
                assert_eq!(colour(&part, c, r), colour(&whole, c, r), "column {c}, row {r}");
            }
        }
    }
}

/// Sand in full sun, 4500 m² of it: as bright as a void, but not of one value.
#[test]
fn overexposed_ground_is_no_void() {
    let folder = folder();
    let picture = Picture { size: (500, 400), ..Picture::rgb() };
    let path = folder.path().join("sand.tif");
    let sand = |band: usize, col: usize, row: usize| {
        let (far, near) = ((100..250).contains(&col) && (100..220).contains(&row), (col * 7919 + row * 104_729) % 6);
        if far { 250 + near as u8 } else { super::fixture::landscape(band, (col as f64, row as f64)) }
    };
    picture.write(&path, sand).close().expect("closed");
    assert!(read_all(&open(&path).expect("a mosaic")).valid.iter().all(|valid| *valid > 0));
}

#[test]
fn the_fingerprint_goes_with_the_scenes_and_not_with_their_folder() {
    let (one, two) = (folder(), folder());
    let paths = [&one, &two].map(|folder| Picture::rgb().write_landscape(&folder.path().join("a.tif")));
    let [a, b] = paths.each_ref().map(|path| open(path).expect("a mosaic"));
    assert_eq!((a.fingerprint(), a.fingerprint().len()), (b.fingerprint(), 64));
    Picture::rgb().write(&paths[1], noise).close().expect("closed");
    assert_ne!(a.fingerprint(), open(&paths[1]).expect("a mosaic").fingerprint());
}

fn refused(path: &Path, words: &[&str]) {
    let error = open(path).expect_err("refused").to_string();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    assert!(error.contains(&*name) && error.contains("accepted"), "{error}");
    assert!(words.iter().all(|word| error.contains(word)), "{error}");
}

#[test]
fn what_is_not_a_placed_picture_is_refused_by_name() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("text.tif"), "not a picture").expect("writable");
    refused(&path("text.tif"), &["not a TIFF"]);
    std::fs::write(path("vrt.tif"), "<VRTDataset></VRTDataset>").expect("writable");
    refused(&path("vrt.tif"), &["not a TIFF"]);
    Picture { transform: None, ..Picture::rgb() }.write(&path("nowhere.tif"), noise).close().expect("closed");
    refused(&path("nowhere.tif"), &["no georeference"]);
    Picture { crs: None, ..Picture::rgb() }.write(&path("no_crs.tif"), noise).close().expect("closed");
    refused(&path("no_crs.tif"), &["no coordinate reference system"]);
    Picture { bands: 2, ..Picture::rgb() }.write(&path("two.tif"), noise).close().expect("closed");
    refused(&path("two.tif"), &["2 bands"]);
    let absent = open(&path("absent.tif")).expect_err("absent").to_string();
    assert!(absent.contains("absent.tif"), "{absent}");
    refused(Path::new("/vsicurl/http://example.com/a.tif"), &["local file"]);
}

#[test]
fn a_truncated_file_is_refused_and_a_damaged_block_is_an_error_that_names_it() {
    let folder = folder();
    let path = folder.path().join("a.tif");
    let options = ["COMPRESS=DEFLATE", "TILED=YES", "BLOCKXSIZE=64", "BLOCKYSIZE=64"];
    Picture { options: &options, ..Picture::rgb() }.write(&path, noise).close().expect("closed");
    let whole = std::fs::read(&path).expect("there");
    for keep in [whole.len() - 500, whole.len() / 2, 100] {
        std::fs::write(&path, &whole[..keep]).expect("writable");
        refused(&path, &["truncated or damaged"]);
    }
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 3000].fill(0xa5);
    std::fs::write(&path, &damaged).expect("writable");
    let mosaic = open(&path).expect("its sizes are right");
    let mut reader = mosaic.reader(mosaic.frame(), &Channel::RGB).expect("a reader");
    let error = reader.read(&mosaic.window()).expect_err("damaged").to_string();
    assert!(error.contains("a.tif") && error.contains("columns 0..200, rows 0..150"), "{error}");
}

#[test]
fn a_small_file_that_claims_to_be_huge_is_refused() {
    let folder = folder();
    let path = folder.path().join("bomb.tif");
    let driver = gdal::DriverManager::get_driver_by_name("GTiff").expect("built in");
    let options =
        ["SPARSE_OK=TRUE", "TILED=YES", "COMPRESS=DEFLATE", "BIGTIFF=YES", "BLOCKXSIZE=4096", "BLOCKYSIZE=4096"];
    let options = options.into_iter().collect();
    let dataset = driver.create_with_band_type_with_options::<u8, _>(&path, 500_000, 500_000, 3, &options);
    let mut dataset = dataset.expect("sparse");
    dataset.set_geo_transform(&[500_000.0, 0.1, 0.0, 5_500_000.0, 0.0, -0.1]).expect("placed");
    dataset.close().expect("closed");
    refused(&path, &["claims 500000 × 500000 pixels, 698 GiB"]);
}

#[test]
fn a_vrt_is_the_list_of_its_scenes() {
    let folder = folder();
    Picture::rgb().write_landscape(&folder.path().join("a.tif"));
    Picture { bands: 4, ..Picture::rgb() }.write_landscape(&folder.path().join("four.tif"));
    let build = |name: &str, options: &[&str], files: &[&str]| {
        let paths: Vec<PathBuf> = files.iter().map(|file| folder.path().join(file)).collect();
        let datasets: Vec<Dataset> = paths.iter().map(|path| Dataset::open(path).expect("written")).collect();
        let options = BuildVRTOptions::new(options.to_vec()).expect("known");
        let vrt = folder.path().join(name);
        build_vrt(Some(&vrt), &datasets, Some(options)).expect("built").close().expect("written");
        open(&vrt)
    };
    let file = open(&folder.path().join("a.tif")).expect("a mosaic");
    assert_eq!(build("m.vrt", &[], &["a.tif"]).expect("a mosaic").fingerprint(), file.fingerprint());
    // Where a VRT shows a file otherwise than it is, what it shows is read: bands, nodata, a part, another place.
    let shown = |name: &str, options: &[&str], files: &[&str], bands: usize| {
        let mosaic = build(name, options, files).expect(name);
        let dataset = Dataset::open(folder.path().join(name)).expect("built");
        let (cols, rows) = dataset.raster_size();
        assert_eq!((mosaic.scenes().len(), mosaic.scenes()[0].bands), (1, bands), "{name}");
        assert_eq!(mosaic.window(), Window::new(0, 0, cols as u32, rows as u32), "{name}");
        let placed = GeoTransform::new(dataset.geo_transform().expect("placed")).expect("regular");
        assert_eq!(mosaic.frame().transform, placed, "{name}");
        let (pixels, of_gdal) = (read_all(&mosaic), |at: usize| {
            let number = mosaic.scenes()[0].roles.iter().position(|band| band.role as usize == at).expect("a colour");
            dataset.rasterband(number + 1).expect("there").read_band_as::<u8>().expect("read").data().to_vec()
        });
        for channel in 0..3 {
            let read = pixels.samples.chunks_exact(cols * rows).nth(channel).expect("three").to_vec();
            let expected = of_gdal(channel);
            let differs = |at: &usize| pixels.valid[*at] == 1 && read[*at] != expected[*at];
            assert_eq!((0..read.len()).find(differs), None, "{name}, channel {channel}");
        }
        mosaic
    };
    shown("turned.vrt", &["-b", "3", "-b", "2", "-b", "1"], &["a.tif"], 3);
    shown("three.vrt", &["-b", "1", "-b", "2", "-b", "3"], &["four.tif"], 3);
    shown("moved.vrt", &["-a_srs", "EPSG:32633"], &["a.tif"], 3);
    let coarse = ["-resolution", "user", "-tr", "1", "1"];
    shown("coarse.vrt", &coarse, &["a.tif"], 3);
    let alpha = shown("alpha.vrt", &["-addalpha"], &["a.tif"], 4);
    assert_eq!(alpha.scenes()[0].validity.to_string(), "alpha (band 4)");
    for (name, option) in [("nodata.vrt", "-srcnodata"), ("other.vrt", "-vrtnodata")] {
        assert_eq!(shown(name, &[option, "7"], &["a.tif"], 3).scenes()[0].validity.to_string(), "nodata 7");
    }
    let separate = build("separate.vrt", &["-separate"], &["a.tif", "a.tif"]).expect_err("two bands").to_string();
    assert!(separate.contains("separate.vrt") && separate.contains("2 bands"), "{separate}");
    // Scenes beside whole pixels of each other are cut by less than one, and nodata values of their own are theirs.
    let mut floats = Vec::new();
    for (name, left, nodata) in
        [("one.tif", 500_000.0, f64::NAN), ("two.tif", 500_100.2, f64::NAN), ("three.tif", 500_000.0, -1e-7)]
    {
        let transform = Some([left, 0.5, 0.0, 5_500_000.0, 0.0, -0.5]);
        let dataset = Picture { transform, ..Picture::rgb() }.write(&folder.path().join(name), |_, _, _| 1.0_f32);
        (1..=3).for_each(|band| dataset.rasterband(band).expect("there").set_no_data_value(Some(nodata)).expect("set"));
        dataset.close().expect("closed");
        floats.push(name);
    }
    assert_eq!(build("beside.vrt", &[], &floats[..2]).expect("a mosaic").scenes().len(), 2);
    assert_eq!(build("small.vrt", &[], &floats[2..]).expect("a mosaic").scenes().len(), 1);
    let (left, top) = (file.frame().transform.coefficients()[0], file.frame().transform.coefficients()[3]);
    let part = [left, top - 20.0, left + 20.0, top].map(|side| side.to_string());
    let part: Vec<&str> = ["-te"].into_iter().chain(part.iter().map(String::as_str)).collect();
    assert_eq!(shown("part.vrt", &part, &["a.tif"], 3).window(), Window::new(0, 0, 40, 40));
}

#[rstest]
#[case("201404_13SED190110_201404_0x1500m_CL_1.tif", 88_856, "undeclared (wide pure white or black areas are voids)")]
#[case("201404_13SED190110_201404_0x1500m_CL_1_alpha.tif", 78_812, "alpha (band 4)")]
#[case("201404_13SED190110_201404_0x1500m_CL_1_mask.tif", 86_117, "mask")]
#[case("201404_13SED190110_201404_0x1500m_CL_1_extmask.tif", 86_117, "mask")]
#[case("201404_13SED190110_201404_0x1500m_CL_1_nodata.tif", 86_492, "nodata 0")]
#[case("pix4d_alpha_nodata.tif", 455_325, "alpha (band 4)")]
#[case("atlanta_pan_uint16.tif", 810_000, "nodata 0")]
#[case("atlanta_rgbnir_4band.tif", 251_968, "alpha (band 4)")]
#[case("market_drone_utm32n.tif", 531_648, "undeclared (wide pure white or black areas are voids)")]
fn real_rasters_have_the_valid_pixels_that_gdal_counts(
    #[case] name: &str,
    #[case] valid: usize,
    #[case] described: &str,
) {
    let Some(data) = shared_data() else { return };
    let mosaic = open(&data.join("edge-rasters").join(name)).expect("a mosaic");
    assert_eq!(mosaic.scenes()[0].validity.to_string(), described);
    let pixels = read_all(&mosaic);
    assert_eq!(pixels.valid.iter().map(|v| usize::from(*v)).sum::<usize>(), valid);
}

#[rstest]
#[case("truth-massachusetts", 2)]
#[case("truth-new-brunswick", 2)]
#[case("ortho-amsterdam", 1)]
#[case("ortho-zanzibar/scenes", 12)]
fn real_folders_are_mosaics(#[case] name: &str, #[case] scenes: usize) {
    let Some(data) = shared_data() else { return };
    let mosaic = open(&data.join(name)).expect("a mosaic");
    assert_eq!(mosaic.scenes().len(), scenes);
    let mut reader = mosaic.reader(mosaic.frame(), &Channel::RGB).expect("a reader");
    let pixels = reader.read(&Window::new(100, 100, 100, 100)).expect("read");
    let paths: Vec<PathBuf> = mosaic.scenes().iter().map(|s| s.path.clone()).collect();
    assert!(pixels.samples.iter().any(|v| *v > 0) || pixels.valid.iter().all(|v| *v == 0), "{paths:?}");
}

#[test]
fn the_voids_of_the_real_town_are_found() {
    let Some(data) = shared_data() else { return };
    let mosaic = open(&data.join("ortho-banepa/scenes/banepa_r0c2.tif")).expect("a mosaic");
    let pixels = read_all(&mosaic);
    let size = pixels.valid.len();
    let white = (0..size).filter(|at| (0..3).all(|channel| pixels.samples[channel * size + at] == 255)).count();
    let void = size - pixels.valid.iter().map(|valid| usize::from(*valid)).sum::<usize>();
    assert!(white < size / 10_000, "{white} white pixels are left");
    assert!((size / 25..size / 20).contains(&void), "{void} of {size} are void");
}
