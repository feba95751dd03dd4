//! What the tests share: small mosaics, toy models, real data where it is.

use std::path::{Path, PathBuf};

use gdal::DriverManager;
use gdal::raster::{Buffer, RasterCreationOptions};
use gdal::spatial_ref::SpatialRef;
use orthotile::georef::Window;
use orthotile::label::{CleanOptions, LabelStore};
use orthotile::model::{Device, ModelCard};
use orthotile::raster::Mosaic;
use orthotile::seed::{Maker, SegmentOptions, plan};

/// Real imagery, where the project is built beside it; says so where it is not.
pub fn data(set: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let folder = std::env::var_os("ORTHOTILE_DATA").map_or_else(beside, PathBuf::from).join(set);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no {}", folder.display());
    None
}

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// A scene in UTM 32N: its first corner in pixels of a common 0.25 m grid, its size, and its colours by common pixel.
pub struct Scene<'a> {
    pub at: (i64, i64),
    pub cols: usize,
    pub rows: usize,
    pub colour: &'a dyn Fn(i64, i64) -> [u8; 3],
}

impl Scene<'_> {
    pub fn write(&self, path: &Path) {
        self.write_in(path, 32632, (500_000.0, 5_500_000.0));
    }

    /// In another reference system; the common grid starts at a place of it.
    pub fn write_in(&self, path: &Path, epsg: u32, first: (f64, f64)) {
        let driver = DriverManager::get_driver_by_name("GTiff").expect("GDAL has GeoTIFF");
        let options = RasterCreationOptions::from_iter(["TILED=YES", "BLOCKXSIZE=256", "BLOCKYSIZE=256"]);
        let mut dataset = driver
            .create_with_band_type_with_options::<u8, _>(path, self.cols, self.rows, 3, &options)
            .expect("a writable folder");
        let (x, y) = (first.0 + 0.25 * self.at.0 as f64, first.1 - 0.25 * self.at.1 as f64);
        dataset.set_geo_transform(&[x, 0.25, 0.0, y, 0.0, -0.25]).expect("georeference");
        dataset.set_spatial_ref(&SpatialRef::from_epsg(epsg).expect("known")).expect("georeference");
        for band in 0..3 {
            let at = |i: usize| (self.at.0 + (i % self.cols) as i64, self.at.1 + (i / self.cols) as i64);
            let values = (0..self.cols * self.rows).map(|i| (self.colour)(at(i).0, at(i).1)[band]).collect();
            let mut buffer = Buffer::new((self.cols, self.rows), values);
            let mut raster = dataset.rasterband(band + 1).expect("a band");
            raster.write((0, 0), (self.cols, self.rows), &mut buffer).expect("written");
        }
    }
}

/// A town of blobs: bright roofs on dark ground, with specks.
pub fn town(col: i64, row: i64) -> [u8; 3] {
    let (block, within) = ((col.div_euclid(37), row.div_euclid(29)), (col.rem_euclid(37), row.rem_euclid(29)));
    let hash = (block.0.wrapping_mul(7919) ^ block.1.wrapping_mul(104_729)).rem_euclid(11);
    let roof = within.0 > 4 + hash && within.0 < 30 && within.1 > 5 && within.1 < 20 + hash % 5;
    let speck = (col.wrapping_mul(31) ^ row.wrapping_mul(17)).rem_euclid(97) == 0;
    let value = if roof ^ speck { 200 } else { 60 };
    [value, value - (hash as u8) * 2, value]
}

/// A mosaic of three scenes, two that overlap and one apart, in a folder.
pub fn small_mosaic(folder: &Path) -> PathBuf {
    let scenes = folder.join("scenes");
    std::fs::create_dir_all(&scenes).expect("a writable folder");
    for (name, at, cols, rows) in [("a", (0, 0), 400, 300), ("b", (350, 20), 300, 350), ("c", (40, 320), 200, 250)] {
        Scene { at, cols, rows, colour: &town }.write(&scenes.join(format!("{name}.tif")));
    }
    scenes
}

/// A maker of the blocks of a mosaic, with a toy model.
pub fn maker(scenes: &Path, store: &Path, model: &str, block_px: u32) -> Maker {
    let card = ModelCard::open(&fixture("models").join(format!("{model}.onnx"))).expect("a fixture");
    let sources = vec![scenes.to_owned()];
    let mosaic = Mosaic::open(&sources).expect("a mosaic");
    let options =
        SegmentOptions { block_px: Some(block_px), clean: CleanOptions::default(), ..SegmentOptions::default() };
    let manifest = plan(&mosaic, &sources, &card, &options).expect("a plan");
    let store = LabelStore::create(store, &manifest).expect("a store");
    Maker::start(store, mosaic, &card, Device::Cpu).expect("ONNX Runtime is in target/onnxruntime: run make setup")
}

/// The whole label map of a store: classes, then confidence.
pub fn label_map(store: &LabelStore) -> (Vec<u8>, Vec<u8>) {
    let whole: Window = store.grid().window();
    let (mut classes, mut confidence) = (vec![0; whole.pixels()], vec![0; whole.pixels()]);
    for block in store.grid().blocks() {
        let map = store.read(block).expect("made");
        for row in map.window.row..map.window.end_row() {
            let (from, to) = (map.window.index(map.window.col, row), whole.index(map.window.col, row));
            let len = map.window.cols as usize;
            classes[to..to + len].copy_from_slice(&map.classes[from..from + len]);
            confidence[to..to + len].copy_from_slice(&map.confidence[from..from + len]);
        }
    }
    (classes, confidence)
}
