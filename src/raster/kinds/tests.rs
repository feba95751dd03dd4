//! Kinds of samples, bands and voids: each read as the value that GDAL shows, by the rule that is stated.

use std::path::{Path, PathBuf};

use gdal::raster::{
    Buffer, ColorEntry, ColorInterpretation, ColorTable, GdalType, PaletteInterpretation, RasterCreationOptions,
};
use gdal::{Dataset, DriverManager, Metadata};
use rstest::rstest;
use tempfile::TempDir;

use super::fixture::{Picture, landscape, mark_alpha, noise};
use super::{Bands, Channel, Mosaic, PixelWindow, RasterError, RasterSource, Role, RoleOrigin, Rule};
use crate::georef::Window;

const SIZE: (usize, usize) = (200, 150);
/// Columns below this are void in the tests of voids.
const VOID: usize = 60;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn open(path: &Path) -> Result<Mosaic, RasterError> {
    Mosaic::open(&[path.to_owned()])
}

fn read(mosaic: &Mosaic) -> PixelWindow {
    mosaic.reader(mosaic.frame(), &Channel::RGB).expect("a reader").read(&mosaic.window()).expect("read")
}

/// What a plain picture of bytes would be.
fn plain(band: usize, col: usize, row: usize) -> u8 {
    noise(band, col, row)
}

/// The largest difference of valid pixels from the plain picture, and how many pixels are valid.
fn against_plain(pixels: &PixelWindow) -> (u8, usize) {
    let size = pixels.valid.len();
    let mut worst = 0;
    for at in (0..size).filter(|at| pixels.valid[*at] == 1) {
        for band in 0..3 {
            let expected = plain(band, at % SIZE.0, at / SIZE.0);
            worst = worst.max(pixels.samples[band * size + at].abs_diff(expected));
        }
    }
    (worst, pixels.valid.iter().map(|v| usize::from(*v)).sum())
}

/// A picture whose left side is void, as a writer that says nothing fills it.
fn filled<T: GdalType + Copy>(path: &Path, fill: T, sample: impl Fn(u8) -> T) -> Mosaic {
    let write = |band, col, row| if col < VOID { fill } else { sample(plain(band, col, row)) };
    Picture::rgb().write(path, write).close().expect("closed");
    open(path).expect("a mosaic")
}

fn assert_left_is_void(pixels: &PixelWindow) {
    for (at, valid) in pixels.valid.iter().enumerate() {
        assert_eq!(*valid == 1, at % SIZE.0 >= VOID, "column {}, row {}", at % SIZE.0, at / SIZE.0);
    }
}

#[rstest]
#[case(1.0 / 255.0, Rule::FullScale(1.0))]
#[case(100.0 / 255.0, Rule::FullScale(100.0))]
#[case(1.0, Rule::AsIs)]
fn real_numbers_of_a_full_scale_are_the_bytes(#[case] factor: f32, #[case] rule: Rule) {
    let folder = folder();
    for (name, fill) in [("nan.tif", f32::NAN), ("max.tif", 3.4e38), ("minus.tif", -9999.0)] {
        let mosaic = filled(&folder.path().join(name), fill, |v| f32::from(v) * factor);
        assert_eq!(mosaic.scenes()[0].scaling.rule, rule, "{name}");
        let pixels = read(&mosaic);
        assert_left_is_void(&pixels);
        assert_eq!(against_plain(&pixels), (0, (SIZE.0 - VOID) * SIZE.1), "{name}");
    }
}

#[rstest]
#[case::minus_9999(-9999.0)]
#[case::minus_10000(-10_000.0)]
#[case::minus_32768(-32_768.0)]
#[case::the_smallest(f32::MIN)]
#[case::esri(-3.402_823e38)]
#[case::netcdf(9.969_21e36)]
#[case::a_round_one(1e20)]
#[case::nothing(0.0)]
#[case::sixteen_bits(65_535.0)]
fn fills_are_neither_imagery_nor_part_of_the_stretch(#[case] fill: f32) {
    let folder = folder();
    let mosaic = filled(&folder.path().join("a.tif"), fill, |v| f32::from(v) * 37.0 + 11.0);
    let scene = &mosaic.scenes()[0];
    assert_eq!(scene.scaling.rule, Rule::Stretch);
    let (low, high) = scene.scaling.range(Channel::Red);
    assert!((20.0 * 37.0..30.0 * 37.0).contains(&low) && (210.0 * 37.0..221.0 * 37.0).contains(&high), "{low} {high}");
    assert_left_is_void(&read(&mosaic));
    let notes = scene.notes().join("\n");
    let said = if fill.abs() < 1e7 { fill.to_string() } else { format!("{fill:e}") };
    assert!(notes.contains(&format!("{said} in 25.8 % of what was looked at: taken as void")), "{notes}");
}

#[test]
fn integers_of_any_width_are_stretched_and_their_fills_are_voids() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let mosaics = [
        filled(&path("u16.tif"), u16::MAX, |v| u16::from(v) * 40),
        filled(&path("i16.tif"), i16::MIN, |v| i16::from(v) * 40 - 3000),
        filled(&path("i16max.tif"), i16::MAX, |v| i16::from(v) * 40 - 3000),
        filled(&path("u32.tif"), u32::MAX, |v| u32::from(v) * 40_000),
        filled(&path("i32.tif"), i32::MAX, |v| i32::from(v) * 40_000),
        filled(&path("f64.tif"), f64::MAX, |v| f64::from(v) * 40.0),
    ];
    let first = read(&mosaics[0]);
    for mosaic in &mosaics {
        assert_eq!(mosaic.scenes()[0].scaling.rule, Rule::Stretch);
        let pixels = read(mosaic);
        assert_left_is_void(&pixels);
        let differs = pixels.samples.iter().zip(&first.samples).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(differs <= Some(1), "{:?}: {differs:?}", mosaic.scenes()[0].sample_type);
    }
}

#[rstest]
#[case::one(1, false)]
#[case::hundred(100, false)]
#[case::full(255, false)]
#[case::feathered(255, true)]
fn alpha_is_opaque_from_half_of_what_occurs(#[case] top: u8, #[case] soft: bool) {
    let folder = folder();
    let path = folder.path().join("a.tif");
    let opacity = |col: usize| match col {
        col if col < VOID => 0,
        col if soft => ((col - VOID) * 3).min(usize::from(top)) as u8,
        _ => top,
    };
    let picture = Picture { bands: 4, ..Picture::rgb() };
    let dataset = picture.write(&path, |band, col, row| if band == 3 { opacity(col) } else { noise(band, col, row) });
    mark_alpha(&dataset, 4);
    dataset.close().expect("closed");
    let mosaic = open(&path).expect("a mosaic");
    let pixels = read(&mosaic);
    for (at, valid) in pixels.valid.iter().enumerate() {
        let expected = f32::from(opacity(at % SIZE.0)) >= f32::from(top) / 2.0;
        assert_eq!(*valid == 1, expected, "column {}", at % SIZE.0);
    }
    assert_eq!(mosaic.scenes()[0].notes().join("").contains("from 0.5 on"), top == 1);
}

#[test]
fn sixteen_bits_under_alpha_do_not_count() {
    let folder = folder();
    let mut stretches = Vec::new();
    for under in [0, 65_535, 7] {
        let path = folder.path().join("a.tif");
        let picture = Picture { bands: 4, ..Picture::rgb() };
        let dataset = picture.write(&path, |band, col, row| match (band, col < VOID) {
            (3, void) => u16::from(!void) * 65_535,
            (_, true) => under,
            _ => u16::from(noise(band, col, row)) * 40,
        });
        mark_alpha(&dataset, 4);
        dataset.close().expect("closed");
        let mosaic = open(&path).expect("a mosaic");
        assert_left_is_void(&read(&mosaic));
        stretches.push(mosaic.scenes()[0].scaling.range(Channel::Green));
    }
    assert!(stretches.iter().all(|range| *range == stretches[0]), "{stretches:?}");
}

fn describe(dataset: &Dataset, texts: &[&str]) {
    for (at, text) in texts.iter().enumerate() {
        dataset.rasterband(at + 1).expect("there").set_description(text).expect("set");
    }
}

#[test]
fn descriptions_win_over_what_writers_put_unasked_and_bands_over_all() {
    let folder = folder();
    let path = folder.path().join("a.tif");
    let dataset = Picture { bands: 5, ..Picture::rgb() }.write(&path, noise);
    describe(&dataset, &["Blue", "Green", "Red", "RedEdge", "NIR"]);
    dataset.close().expect("closed");
    let mosaic = open(&path).expect("a mosaic");
    let roles: Vec<Role> = mosaic.scenes()[0].roles.iter().map(|band| band.role).collect();
    assert_eq!(roles, [Role::Blue, Role::Green, Role::Red, Role::RedEdge, Role::NearInfrared]);
    let at = |mosaic: &Mosaic, channel| {
        let mut reader = mosaic.reader(mosaic.frame(), &[channel]).expect("a reader");
        reader.read(&Window::new(3, 4, 1, 1)).expect("read").samples[0]
    };
    assert_eq!(at(&mosaic, Channel::Red), noise(2, 3, 4));
    assert_eq!(at(&mosaic, Channel::NearInfrared), noise(4, 3, 4));
    let asked: Bands = "5,2,1,4".parse().expect("four bands");
    let asked = Mosaic::open_bands(std::slice::from_ref(&path), Some(&asked)).expect("a mosaic");
    assert_eq!(at(&asked, Channel::Red), noise(4, 3, 4));
    assert_eq!(at(&asked, Channel::NearInfrared), noise(3, 3, 4));
    assert_eq!(asked.scenes()[0].roles[4].origin, RoleOrigin::Option);
    assert_ne!(asked.fingerprint(), mosaic.fingerprint());
    let beyond: Bands = "6,2,1".parse().expect("three bands");
    let error = Mosaic::open_bands(&[path], Some(&beyond)).expect_err("five bands").to_string();
    assert!(error.contains("a.tif") && error.contains("5 bands, not band 6"), "{error}");
}

#[test]
fn four_bands_that_gdal_calls_rgba_are_what_their_names_say() {
    let folder = folder();
    let path = folder.path().join("a.tif");
    let dataset = Picture { bands: 4, ..Picture::rgb() }.write(&path, noise);
    describe(&dataset, &["Green", "Red", "RedEdge", "NIR"]);
    dataset.close().expect("closed");
    let mosaic = open(&path).expect("a mosaic");
    let roles: Vec<Role> = mosaic.scenes()[0].roles.iter().map(|band| band.role).collect();
    assert_eq!(roles, [Role::Green, Role::Red, Role::RedEdge, Role::NearInfrared]);
    let error = mosaic.check_channels(&Channel::RGB).expect_err("no blue").to_string();
    assert!(error.contains("no blue channel") && error.contains("--bands"), "{error}");
    assert_eq!(mosaic.picture_channels(), [Channel::NearInfrared, Channel::Red, Channel::Green]);
    assert!(read_channels(&mosaic, &mosaic.picture_channels()).valid.iter().all(|valid| *valid == 1));
}

fn read_channels(mosaic: &Mosaic, channels: &[Channel]) -> PixelWindow {
    mosaic.reader(mosaic.frame(), channels).expect("a reader").read(&mosaic.window()).expect("read")
}

#[test]
fn a_set_colour_interpretation_wins_over_descriptions() {
    let folder = folder();
    let path = folder.path().join("a.tif");
    let dataset = Picture::rgb().write(&path, noise);
    let kinds = [ColorInterpretation::BlueBand, ColorInterpretation::GreenBand, ColorInterpretation::RedBand];
    for (at, kind) in kinds.into_iter().enumerate() {
        dataset.rasterband(at + 1).expect("there").set_color_interpretation(kind).expect("accepted");
    }
    describe(&dataset, &["Red", "Green", "Blue"]);
    dataset.close().expect("closed");
    let roles = open(&path).expect("a mosaic").scenes()[0].roles.clone();
    assert_eq!(roles.iter().map(|band| band.role).collect::<Vec<_>>(), [Role::Blue, Role::Green, Role::Red]);
}

#[test]
fn wavelengths_name_bands_without_a_description() {
    let folder = folder();
    let path = folder.path().join("a.tif");
    let dataset = Picture { bands: 5, ..Picture::rgb() }.write(&path, noise);
    for (at, nm) in ["842", "668", "560", "475", "717"].into_iter().enumerate() {
        dataset.rasterband(at + 1).expect("there").set_metadata_item("wavelength", nm, "").expect("set");
    }
    dataset.close().expect("closed");
    let roles = open(&path).expect("a mosaic").scenes()[0].roles.clone();
    let expected = [Role::NearInfrared, Role::Red, Role::Green, Role::Blue, Role::RedEdge];
    assert_eq!(roles.iter().map(|band| band.role).collect::<Vec<_>>(), expected);
    assert!(roles.iter().all(|band| band.origin == RoleOrigin::Wavelength));
}

/// A copy of a raster with other options.
fn copied(from: &Dataset, path: &Path, options: &[&str]) {
    let driver = DriverManager::get_driver_by_name("GTiff").expect("built in");
    let options = options.iter().copied().collect::<RasterCreationOptions>();
    from.create_copy(&driver, path, &options).expect("written").close().expect("closed");
}

#[test]
fn a_declared_value_survives_jpeg() {
    let folder = folder();
    let picture = Picture { size: (512, 384), ..Picture::rgb() };
    for nodata in [0_u8, 255] {
        let (path, plain) = (folder.path().join("a.tif"), folder.path().join("plain.tif"));
        let void = |col: usize, row: usize| col + row / 3 < 130;
        let dataset =
            picture.write(
                &plain,
                |band, col, row| {
                    if void(col, row) { nodata } else { landscape(band, (col as f64, row as f64)) }
                },
            );
        for band in 1..=3 {
            dataset.rasterband(band).expect("there").set_no_data_value(Some(f64::from(nodata))).expect("set");
        }
        copied(&dataset, &path, &["COMPRESS=JPEG", "PHOTOMETRIC=YCBCR", "JPEG_QUALITY=75"]);
        let mosaic = open(&path).expect("a mosaic");
        let pixels = read(&mosaic);
        let wrong = (0..pixels.valid.len()).filter(|at| (pixels.valid[*at] == 0) != void(at % 512, at / 512)).count();
        // The ringing of JPEG leaves several times as many where the value is compared exactly.
        let of_gdal = Dataset::open(&path).expect("a raster");
        let band = |band| of_gdal.rasterband(band).expect("there").read_band_as::<u8>().expect("read").data().to_vec();
        let bands = [1, 2, 3].map(band);
        let exact = |at: usize| bands.iter().all(|band| band[at] == nodata);
        let left = (0..512 * 384).filter(|at| exact(*at) != void(at % 512, at / 512)).count();
        assert!(wrong < 700 && 4 * wrong < left, "{wrong} of {left} pixels with nodata {nodata}");
    }
}

#[test]
fn nodata_may_differ_from_band_to_band() {
    let folder = folder();
    let path = folder.path().join("a.tif");
    let values = [7_u8, 0, 255];
    let write = |band: usize, col, row| if col < VOID { values[band] } else { noise(band, col, row) };
    Picture::rgb().write(&path, write).close().expect("closed");
    let band = |at: usize| {
        format!(
            "<VRTRasterBand dataType=\"Byte\" band=\"{n}\"><NoDataValue>{}</NoDataValue><ComplexSource>\
             <SourceFilename relativeToVRT=\"1\">a.tif</SourceFilename><SourceBand>{n}</SourceBand>\
             <SrcRect xOff=\"0\" yOff=\"0\" xSize=\"200\" ySize=\"150\"/><DstRect xOff=\"0\" yOff=\"0\" xSize=\"200\" \
             ySize=\"150\"/><NODATA>{}</NODATA></ComplexSource></VRTRasterBand>",
            values[at],
            values[at],
            n = at + 1
        )
    };
    let bands: String = (0..3).map(band).collect();
    let vrt = folder.path().join("a.vrt");
    let text = format!(
        "<VRTDataset rasterXSize=\"200\" rasterYSize=\"150\"><SRS>EPSG:32632</SRS><GeoTransform>500000, 0.5, 0, 5500000, 0, \
         -0.5</GeoTransform>{bands}</VRTDataset>"
    );
    std::fs::write(&vrt, text).expect("writable");
    let mosaic = open(&vrt).expect("a mosaic");
    assert_eq!(mosaic.scenes()[0].validity.to_string(), "nodata 7, 0, 255");
    let pixels = read(&mosaic);
    assert_left_is_void(&pixels);
    assert_eq!(against_plain(&pixels).0, 0);
}

#[test]
fn fewer_bits_become_the_whole_range() {
    let folder = folder();
    let path = folder.path().join("a.tif");
    let picture = Picture { bands: 1, options: &["NBITS=1"], ..Picture::rgb() };
    picture.write(&path, |_, col, row| u8::from((col / 3 + row / 3) % 2 == 0)).close().expect("closed");
    let mosaic = open(&path).expect("a mosaic");
    let pixels = read(&mosaic);
    assert_eq!((pixels.samples[0], pixels.samples[3]), (255, 0));
    assert!(pixels.valid.iter().all(|valid| *valid == 1));
    let path = folder.path().join("b.tif");
    let picture = Picture { options: &["NBITS=12"], ..Picture::rgb() };
    picture.write(&path, |band, col, row| u16::from(noise(band, col, row)) * 16).close().expect("closed");
    assert_eq!(open(&path).expect("a mosaic").scenes()[0].scaling.rule, Rule::Stretch);
}

#[test]
fn signed_bytes_have_a_sign() {
    let folder = folder();
    let path = folder.path().join("a.tif");
    let picture = Picture { bands: 1, options: &["PIXELTYPE=SIGNEDBYTE"], ..Picture::rgb() };
    let value = |col: usize| (col as i32 - 100) as i8;
    picture.write(&path, |_, col, _| value(col).cast_unsigned()).close().expect("closed");
    let mosaic = open(&path).expect("a mosaic");
    assert_eq!(mosaic.scenes()[0].sample_type, "Int8");
    let pixels = read(&mosaic);
    let line: Vec<u8> = pixels.samples[..200].to_vec();
    assert!(line.is_sorted() && line[0] == 0 && line[199] == 255 && (120..136).contains(&line[100]), "{line:?}");
}

#[test]
fn palettes_of_sixteen_bits_grey_with_alpha_and_cmyk_are_colours() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let dataset = Picture { bands: 1, ..Picture::rgb() }.write(&path("p.tif"), |_, col, _| (col % 3) as u16 * 100);
    let mut table = ColorTable::new(PaletteInterpretation::Rgba);
    for at in 0..=200_u16 {
        table.set_color_entry(at, &ColorEntry::rgba(at as i16, 20, 30, 255));
    }
    dataset.rasterband(1).expect("there").set_color_table(&table);
    dataset.close().expect("closed");
    let pixels = read(&open(&path("p.tif")).expect("a mosaic"));
    assert_eq!(pixels.samples[..3], [0, 100, 200]);
    let dataset = Picture { bands: 2, ..Picture::rgb() }.write(&path("ga.tif"), |band, col, row| match band {
        0 => noise(0, col, row),
        _ => u8::from(col >= VOID) * 255,
    });
    mark_alpha(&dataset, 2);
    dataset.close().expect("closed");
    assert_left_is_void(&read(&open(&path("ga.tif")).expect("a mosaic")));
    let picture = Picture { bands: 4, options: &["PHOTOMETRIC=CMYK"], ..Picture::rgb() };
    let inks = [0_u8, 128, 255, 51];
    picture.write(&path("cmyk.tif"), |band, _, _| inks[band]).close().expect("closed");
    let pixels = read(&open(&path("cmyk.tif")).expect("a mosaic"));
    let size = pixels.valid.len();
    assert_eq!([0, 1, 2].map(|band| pixels.samples[band * size]), [204, 101, 0]);
}

#[test]
fn ycbcr_is_read_as_gdal_shows_it() {
    let folder = folder();
    let (path, plain) = (folder.path().join("a.tif"), folder.path().join("plain.tif"));
    let dataset = Picture::rgb().write(&plain, |band, col, row| landscape(band, (col as f64, row as f64)));
    copied(&dataset, &path, &["COMPRESS=JPEG", "PHOTOMETRIC=YCBCR"]);
    let of_gdal = Dataset::open(&path).expect("a raster");
    let pixels = read(&open(&path).expect("a mosaic"));
    for band in 0..3 {
        let expected = of_gdal.rasterband(band + 1).expect("there").read_band_as::<u8>().expect("read");
        assert_eq!(pixels.samples[band * 30_000..(band + 1) * 30_000], *expected.data());
    }
}

#[test]
fn ground_control_points_alone_are_an_error_with_a_remedy() {
    let folder = folder();
    let path = folder.path().join("gcp.tif");
    let driver = DriverManager::get_driver_by_name("GTiff").expect("built in");
    let dataset = driver.create_with_band_type::<u8, _>(&path, 60, 40, 3).expect("writable");
    let point = |(col, row): (f64, f64)| gdal::Gcp {
        id: String::new(),
        info: String::new(),
        pixel: col,
        line: row,
        x: 500_000.0 + col,
        y: 5_200_000.0 - row,
        z: 0.0,
    };
    let points = [(0.0, 0.0), (60.0, 0.0), (0.0, 40.0), (60.0, 40.0)].map(point);
    let crs = gdal::spatial_ref::SpatialRef::from_epsg(32_633).expect("known");
    dataset.set_gcps(points.into(), &crs).expect("set");
    dataset.close().expect("closed");
    for error in [
        open(&path).expect_err("unplaced"),
        super::ClassRaster::open(&path).err().expect("unplaced"),
        super::Elevation::open(&path).err().expect("unplaced"),
    ] {
        let error = error.to_string();
        assert!(error.contains("4 ground control points") && error.contains("gdalwarp gcp.tif"), "{error}");
    }
}

/// An ortho photo, with all that lies beside one.
fn mixed(folder: &Path) -> PathBuf {
    let path = |name: &str| folder.join(name);
    Picture::rgb().write(&path("ortho.tif"), noise).close().expect("closed");
    let one = Picture { bands: 1, ..Picture::rgb() };
    one.write(&path("dsm.tif"), |_, col, _| 300.0 + col as f32).close().expect("closed");
    one.write(&path("labels.tif"), |_, col, row| ((col / 20 + row / 20) % 6) as u8).close().expect("closed");
    one.write(&path("mask.tif"), |_, col, _| u8::from(col > 9) * 255).close().expect("closed");
    one.write(&path("ids.tif"), |_, col, row| (col * row) as i32).close().expect("closed");
    Picture { bands: 2, ..Picture::rgb() }.write(&path("confidence.tif"), noise).close().expect("closed");
    Picture { transform: None, crs: None, ..Picture::rgb() }
        .write(&path("preview.tif"), noise)
        .close()
        .expect("closed");
    std::fs::write(path("._ortho.tif"), b"\0\x05\x16\x07").expect("writable");
    std::fs::write(path("notes.tif"), b"not a picture").expect("writable");
    path("ortho.tif")
}

#[test]
fn a_folder_leaves_out_and_names_what_is_no_scene() {
    let folder = folder();
    let ortho = mixed(folder.path());
    let mosaic = Mosaic::open(&[folder.path().to_owned()]).expect("a mosaic");
    assert_eq!(mosaic.scenes().iter().map(|scene| &scene.path).collect::<Vec<_>>(), [&ortho]);
    assert_eq!(mosaic.fingerprint(), open(&ortho).expect("a mosaic").fingerprint());
    let notes = mosaic.notes().join("\n");
    for (name, why) in [
        ("dsm.tif", "Float32"),
        ("labels.tif", "6 values"),
        ("mask.tif", "2 values"),
        ("ids.tif", "Int32"),
        ("confidence.tif", "2 bands"),
        ("preview.tif", "no georeference"),
        ("._ortho.tif", "hidden"),
        ("notes.tif", "not a TIFF"),
    ] {
        let said = notes.lines().any(|line| line.contains(name) && line.contains("left out") && line.contains(why));
        assert!(said, "{name}: {notes}");
    }
    // What the user names is taken, or is an error.
    let named = Mosaic::open(&[ortho, folder.path().join("dsm.tif")]).expect("asked for");
    assert_eq!(named.scenes().len(), 2);
    let error = Mosaic::open(&[folder.path().join("confidence.tif")]).expect_err("asked for").to_string();
    assert!(error.contains("confidence.tif") && error.contains("2 bands"), "{error}");
}

#[test]
fn a_broken_scene_of_a_folder_is_an_error_and_grey_alone_is_imagery() {
    let folder = folder();
    let one = Picture { bands: 1, ..Picture::rgb() };
    for name in ["a.tif", "b.tif"] {
        one.write(&folder.path().join(name), |_, col, _| col as f32).close().expect("closed");
    }
    let paths = [folder.path().to_owned()];
    assert_eq!(Mosaic::open(&paths).expect("grey").scenes().len(), 2);
    let path = folder.path().join("b.tif");
    let whole = std::fs::read(&path).expect("there");
    std::fs::write(&path, &whole[..whole.len() / 2]).expect("writable");
    let error = Mosaic::open(&paths).expect_err("truncated").to_string();
    assert!(error.contains("b.tif") && error.contains("truncated"), "{error}");
}

#[cfg(unix)]
#[test]
fn what_is_no_plain_file_is_refused_at_once() {
    let folder = folder();
    let path = folder.path().join("a.tif");
    std::os::unix::net::UnixListener::bind(&path).expect("a socket");
    let link = folder.path().join("b.tif");
    std::os::unix::fs::symlink("/dev/zero", &link).expect("a link");
    for path in [path, link] {
        let error = open(&path).expect_err("endless").to_string();
        assert!(error.contains("plain file"), "{error}");
    }
}

#[test]
fn complex_samples_are_refused_by_name() {
    let folder = folder();
    let path = folder.path().join("a.vrt");
    let source = folder.path().join("a.tif");
    Picture { bands: 1, ..Picture::rgb() }.write(&source, noise).close().expect("closed");
    let text = "<VRTDataset rasterXSize=\"200\" rasterYSize=\"150\"><SRS>EPSG:32632</SRS><GeoTransform>500000, 0.5, 0, 5500000, \
                0, -0.5</GeoTransform><VRTRasterBand dataType=\"CInt16\" band=\"1\"><SimpleSource><SourceFilename \
                relativeToVRT=\"1\">a.tif</SourceFilename><SrcRect xOff=\"0\" yOff=\"0\" xSize=\"100\" ySize=\"150\"/>\
                <DstRect xOff=\"0\" yOff=\"0\" xSize=\"200\" ySize=\"150\"/></SimpleSource></VRTRasterBand></VRTDataset>";
    std::fs::write(&path, text).expect("writable");
    let error = open(&path).expect_err("complex").to_string();
    assert!(error.contains("complex samples (CInt16"), "{error}");
    let dataset = Dataset::open(&path).expect("GDAL reads it");
    let complex = folder.path().join("complex.tif");
    copied(&dataset, &complex, &[]);
    for error in [
        open(&complex).expect_err("complex"),
        super::ClassRaster::open(&complex).err().expect("complex"),
        super::Elevation::open(&complex).err().expect("complex"),
    ] {
        assert!(error.to_string().contains("CInt16"), "{error}");
    }
}

#[test]
fn a_sparse_or_strongly_compressed_giant_is_read() {
    let folder = folder();
    let path = folder.path().join("a.tif");
    let options = ["SPARSE_OK=TRUE", "TILED=YES", "COMPRESS=DEFLATE", "BLOCKXSIZE=512", "BLOCKYSIZE=512"];
    let driver = DriverManager::get_driver_by_name("GTiff").expect("built in");
    let options = options.into_iter().collect();
    let mut dataset =
        driver.create_with_band_type_with_options::<u8, _>(&path, 40_960, 40_960, 3, &options).expect("sparse");
    dataset.set_geo_transform(&[500_000.0, 0.5, 0.0, 5_500_000.0, 0.0, -0.5]).expect("placed");
    let crs = gdal::spatial_ref::SpatialRef::from_epsg(32_632).expect("known");
    dataset.set_spatial_ref(&crs).expect("placed");
    for band in 1..=3 {
        let mut band = dataset.rasterband(band).expect("there");
        band.set_no_data_value(Some(0.0)).expect("set");
        band.write((5120, 5120), (40, 40), &mut Buffer::new((40, 40), vec![200_u8; 1600])).expect("written");
    }
    dataset.close().expect("closed");
    let mosaic = open(&path).expect("a mosaic");
    let mut reader = mosaic.reader(mosaic.frame(), &Channel::RGB).expect("a reader");
    let pixels = reader.read(&Window::new(5100, 5100, 80, 80)).expect("read");
    assert_eq!(pixels.valid.iter().map(|valid| usize::from(*valid)).sum::<usize>(), 1600);
}
