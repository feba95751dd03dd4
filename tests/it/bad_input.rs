//! Class rasters that nobody hopes for: `vectorize` gives the right polygons of them, or says what is wrong.

use std::path::{Path, PathBuf};

use gdal::DriverManager;
use gdal::raster::{Buffer, GdalType};
use gdal::spatial_ref::SpatialRef;
use geo::{Area, BooleanOps, Intersects, Validation};
use orthotile::feature::Feature;
use orthotile::pipeline::{VectorOptions, VectorizeOptions, scheme_of, vectorize};
use orthotile::raster::ClassRaster;
use rstest::rstest;

const UTM: [f64; 6] = [500_000.0, 0.5, 0.0, 5_500_000.0, 0.0, -0.5];

/// A class raster as it lies in a file.
struct Raster<'a> {
    crs: u32,
    transform: [f64; 6],
    cols: usize,
    nodata: Option<f64>,
    folder: &'a Path,
}

impl<'a> Raster<'a> {
    fn new(cols: usize, folder: &'a Path) -> Self {
        Self { crs: 32632, transform: UTM, cols, nodata: Some(0.0), folder }
    }

    fn write<T: Copy + GdalType>(&self, values: Vec<T>) -> PathBuf {
        let path = self.folder.join("classes.tif");
        let driver = DriverManager::get_driver_by_name("GTiff").expect("GDAL has GeoTIFF");
        let size = (self.cols, values.len() / self.cols);
        let mut dataset = driver.create_with_band_type::<T, _>(&path, size.0, size.1, 1).expect("a writable folder");
        dataset.set_geo_transform(&self.transform).expect("georeference");
        dataset.set_spatial_ref(&SpatialRef::from_epsg(self.crs).expect("known")).expect("georeference");
        let mut band = dataset.rasterband(1).expect("a band");
        band.set_no_data_value(self.nodata).expect("accepted");
        band.write((0, 0), size, &mut Buffer::new(size, values)).expect("written");
        dataset.close().expect("closed");
        path
    }
}

fn features(path: &Path, options: &VectorizeOptions) -> Vec<Feature> {
    let raster = ClassRaster::open(path).expect("a class raster");
    vectorize(&raster, &scheme_of(&raster, &[1], &[2]), options).expect("vectorized").1.features
}

fn exact() -> VectorizeOptions {
    VectorizeOptions { tolerance_m: Some(0.0), ..VectorizeOptions::default() }
}

/// Natural classes alone: 3 and above.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state >> 16
    };
    let mut last = 3;
    (0..count)
        .map(|_| {
            if next() % 3 == 0 {
                last = 3 + (next() % 3) as u8;
            }
            last
        })
        .collect()
}

/// Each pixel of a class is in a polygon of it, in map units.
fn check(values: &[u8], features: &[Feature], pixel: f64) {
    for class in 3..=5 {
        let pixels = values.iter().filter(|v| u32::from(**v) == class).count() as f64;
        let area: f64 = features.iter().filter(|f| f.class.0 == class).map(|f| f.polygon.unsigned_area()).sum();
        assert!((area - pixels * pixel).abs() <= 1e-6 * pixels * pixel, "class {class}: {area}");
    }
    assert!(features.iter().all(|f| f.polygon.is_valid() && f.polygon.signed_area() > 0.0));
}

#[rstest]
#[case::rotated(32632, [500_000.0, 0.4, 0.3, 5_500_000.0, 0.3, -0.4])]
#[case::south_up(32632, [500_000.0, 0.5, 0.0, 5_500_000.0, 0.0, 0.5])]
#[case::oblong(32632, [500_000.0, 0.5, 0.0, 5_500_000.0, 0.0, -1.5])]
#[case::geographic(4326, [9.0, 4e-6, 0.0, 48.0, 0.0, -3e-6])]
#[case::sheared_geographic(4326, [9.0, 4e-6, 1e-6, 48.0, 0.0, -3e-6])]
#[case::mercator_far_north(3857, [1_000_000.0, 1.0, 0.0, 15_000_000.0, 0.0, -1.0])]
fn any_place_gives_its_pixels_back(#[case] crs: u32, #[case] transform: [f64; 6]) {
    let folder = tempfile::tempdir().expect("a folder");
    let values = noise(40 * 30);
    let path = Raster { crs, transform, ..Raster::new(40, folder.path()) }.write(values.clone());
    let pixel = (transform[1] * transform[5] - transform[2] * transform[4]).abs();
    check(&values, &features(&path, &exact()), pixel);
    let simplified = features(&path, &VectorizeOptions::default());
    assert!(simplified.iter().all(|f| f.polygon.is_valid() && f.polygon.signed_area() > 0.0));
    assert!(simplified.iter().all(|f| f.area_m2 > 0.0 && f.area_m2.is_finite()), "measured on the ground");
}

#[rstest]
#[case::one_colour(20, vec![3; 400])]
#[case::one_pixel(1, vec![3])]
#[case::one_row(50, noise(50))]
#[case::one_column(1, noise(50))]
#[case::checkerboard(21, (0..441_u32).map(|i| 3 + (i % 2) as u8).collect())]
#[case::checkerboard_of_nodata(21, (0..441_u32).map(|i| 3 * (i % 2) as u8).collect())]
#[case::nodata_inside(30, noise(900).iter().enumerate().map(|(i, v)| if i % 30 / 4 == 3 || i / 90 == 5 { 0 } else { *v }).collect())]
#[case::nothing_but_nodata(20, vec![0; 400])]
fn any_pattern_gives_its_pixels_back(#[case] cols: usize, #[case] values: Vec<u8>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = Raster::new(cols, folder.path()).write(values.clone());
    check(&values, &features(&path, &exact()), 0.25);
    let simplified = features(&path, &VectorizeOptions::default());
    assert!(simplified.iter().all(|f| f.polygon.is_valid()));
    assert_eq!(simplified.len(), features(&path, &exact()).len(), "no region is lost");
}

#[test]
fn all_classes_of_16_bits_are_kept_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = Raster { nodata: None, ..Raster::new(256, folder.path()) }.write((0..=u16::MAX).collect::<Vec<u16>>());
    let found = features(&path, &exact());
    assert_eq!(found.len(), 65_536);
    let mut classes: Vec<u32> = found.iter().map(|f| f.class.0).collect();
    classes.sort_unstable();
    assert!(classes.into_iter().eq(0..65_536), "0 is a class where it is not nodata");
}

#[test]
fn a_region_with_a_million_holes_becomes_one_feature() {
    let folder = tempfile::tempdir().expect("a folder");
    let side = 2001;
    let values =
        (0..side * side).map(|i| 3 * u8::from((i / side) % 2 == 0 || (i % side) % 2 == 0)).collect::<Vec<u8>>();
    let path = Raster::new(side, folder.path()).write(values);
    let found = features(&path, &exact());
    assert_eq!((found.len(), found[0].polygon.interiors().len()), (1, 1_000_000));
    let pixels = (side * side - 1_000_000) as f64;
    assert!((found[0].polygon.unsigned_area() / (0.25 * pixels) - 1.0).abs() < 1e-9);
}

#[test]
fn roofs_of_class_rasters_are_told_apart_by_shape() {
    // Two buildings that touch by a corner, in 8 and 16 bits, with 0 as a class of its own.
    let folder = tempfile::tempdir().expect("a folder");
    let within = |i: usize, from: usize, to: usize| (from..to).contains(&(i % 60)) && (from..to).contains(&(i / 60));
    let values: Vec<u8> = (0..3600).map(|i| u8::from(within(i, 5, 26) || within(i, 25, 50))).collect();
    let vectors = VectorOptions { split_roofs: Some(0.06), ..VectorOptions::default() };
    let options = VectorizeOptions { vectors, ..VectorizeOptions::default() };
    let raster = Raster { nodata: None, ..Raster::new(60, folder.path()) };
    let wide: Vec<u16> = values.iter().map(|v| u16::from(*v)).collect();
    let buildings = |path: &Path| features(path, &options).iter().filter(|f| f.class.0 == 1).count();
    assert_eq!([buildings(&raster.write(values.clone())), buildings(&raster.write(wide))], [2, 2]);
    let path = raster.write(values.iter().map(|v| u32::from(*v)).collect::<Vec<u32>>());
    let opened = ClassRaster::open(&path).expect("a class raster");
    let refused = vectorize(&opened, &scheme_of(&opened, &[1], &[]), &options).expect_err("no room for instances");
    assert!(refused.to_string().contains("8 or 16 bits"), "{refused}");
}

#[test]
fn pieces_of_large_features_are_the_whole_again() {
    let folder = tempfile::tempdir().expect("a folder");
    // Two thirds are of one class: it spans the raster and is full of holes.
    let values = noise(60 * 50).into_iter().map(|v| if v == 5 { 3 } else { v }).collect();
    let path = Raster::new(60, folder.path()).write(values);
    let close = VectorizeOptions { tolerance_m: Some(0.3), ..VectorizeOptions::default() };
    let whole = features(&path, &close);
    let vectors = VectorOptions { max_vertices: Some(16), ..VectorOptions::default() };
    let cut = features(&path, &VectorizeOptions { vectors, ..close });
    let vertices =
        |f: &Feature| f.polygon.exterior().0.len() + f.polygon.interiors().iter().map(|r| r.0.len()).sum::<usize>();
    assert!(whole.iter().map(vertices).max() > Some(200) && cut.len() > whole.len() + 20);
    let mut left: Vec<&Feature> = cut.iter().collect();
    for feature in &whole {
        let inside = |piece: &&Feature| {
            piece.class == feature.class && feature.polygon.intersects(&piece.polygon) && {
                let common = feature.polygon.intersection(&piece.polygon).unsigned_area();
                (common / piece.polygon.unsigned_area() - 1.0).abs() < 1e-6
            }
        };
        let (pieces, others): (Vec<&Feature>, Vec<&Feature>) = left.into_iter().partition(inside);
        left = others;
        assert!(pieces.iter().all(|piece| vertices(piece) <= 16 && piece.polygon.is_valid()));
        let area: f64 = pieces.iter().map(|piece| piece.polygon.unsigned_area()).sum();
        assert!((area / feature.polygon.unsigned_area() - 1.0).abs() < 1e-9, "no gap and no overlap: {area}");
        for (i, piece) in pieces.iter().enumerate() {
            let overlap = |other: &&Feature| piece.polygon.intersection(&other.polygon).unsigned_area();
            assert!(pieces[i + 1..].iter().map(overlap).sum::<f64>() < 1e-6);
        }
    }
    assert!(left.is_empty(), "every piece belongs to one feature");
}
