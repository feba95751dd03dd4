//! Small maps to serve.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use orthotile::label::{LabelMap, LabelStore};
use orthotile::model::ModelCard;
use orthotile::pipeline::FeatureOptions;
use orthotile::plugin::{Limits, Orthotile, Resources, ServeOptions};
use orthotile::raster::Mosaic;
use orthotile::seed::{Live, SegmentOptions, plan};
use tempfile::TempDir;

use crate::common::{fixture, maker, small_mosaic};

/// A map, ready to be mounted, and the folder that it lives in.
pub struct Map {
    pub live: Arc<Live>,
    pub plugin: Orthotile,
    _folder: TempDir,
}

impl Map {
    fn of(live: Arc<Live>, options: ServeOptions, folder: TempDir) -> Self {
        Self::within(live, options, (&Limits::default(), folder))
    }

    fn within(live: Arc<Live>, options: ServeOptions, (limits, folder): (&Limits, TempDir)) -> Self {
        let resources = Resources::start(limits).expect("threads");
        let plugin = Orthotile::sharing(Arc::clone(&live), options, &resources).expect("it has a place on the ground");
        Self { live, plugin, _folder: folder }
    }
}

/// A map that is all made, of some hundred houses with a lawn here and there; its imagery is not there any more.
pub fn made(name: &str, serve: ServeOptions) -> Map {
    made_within(name, serve, &Limits::default())
}

/// As [`made`], within limits.
pub fn made_within(name: &str, serve: ServeOptions, limits: &Limits) -> Map {
    let folder = tempfile::tempdir().expect("a folder");
    let sources = vec![small_mosaic(folder.path())];
    let card = ModelCard::open(&fixture("models/threshold.onnx")).expect("a fixture");
    let options = SegmentOptions { block_px: Some(256), ..SegmentOptions::default() };
    let manifest = plan(&Mosaic::open(&sources).expect("a mosaic"), &sources, &card, &options).expect("a plan");
    let store = LabelStore::create(&folder.path().join("store"), &manifest).expect("a store");
    for block in store.wanted() {
        let window = store.grid().block_window(block);
        let places =
            (window.row..window.end_row()).flat_map(|row| (window.col..window.end_col()).map(move |col| (col, row)));
        let (classes, confidence) = places.map(|(col, row)| label(col, row)).unzip();
        store.write(block, &LabelMap { window, classes, confidence, instances: None, unknown: None }).expect("written");
    }
    std::fs::remove_dir_all(&sources[0]).expect("it was written above");
    let options = FeatureOptions::for_store(&store).expect("it lies on the ground");
    Map::within(Live::open(name, store, None, options).expect("labels become features"), serve, (limits, folder))
}

/// Houses of 30 × 20 pixels, every seventh place a lawn, the surer the further east.
fn label(col: i64, row: i64) -> (u8, u8) {
    let inside = (10..40).contains(&(col % 50)) && (10..30).contains(&(row % 50));
    let class = if (col / 50 + row / 50) % 7 == 6 { 9 } else { 1 };
    if inside { (class, 120 + (col / 5).min(130) as u8) } else { (0, 0) }
}

/// A map of which nothing is made yet, with its imagery and a model that makes it on request.
pub fn growing(serve: ServeOptions) -> Map {
    growing_from(small_mosaic, serve)
}

/// As [`growing`], of a mosaic that is written into a folder.
pub fn growing_from(mosaic: impl Fn(&Path) -> PathBuf, serve: ServeOptions) -> Map {
    let folder = tempfile::tempdir().expect("a folder");
    let scenes = mosaic(folder.path());
    let maker = maker(&scenes, &folder.path().join("store"), "threshold", 256);
    let store = maker.store().clone();
    let options = FeatureOptions::for_store(&store).expect("it lies on the ground");
    Map::of(Live::open("growing", store, Some(maker), options).expect("nothing is made"), serve, folder)
}
