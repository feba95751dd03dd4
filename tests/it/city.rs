//! The model that ships, on the demo town and on a real place that it never saw: floors under its accuracy, so that a
//! broken preprocessing cannot pass silently.

use std::path::{Path, PathBuf};

use orthotile::demo::{DemoOptions, generate};
use orthotile::georef::{PixelPoint, Window};
use orthotile::label::{CleanOptions, LabelStore};
use orthotile::model::{Device, ModelCard};
use orthotile::raster::{ClassRaster, Mosaic};
use orthotile::seed::{Maker, SegmentOptions, plan};

use crate::common::data;

const BUILDING: u8 = 1;

fn segment(sources: &[PathBuf], store: &Path, window: Option<Window>) -> (LabelStore, Vec<u8>, Window) {
    let card =
        ModelCard::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("models/city")).expect("the model that ships");
    let mosaic = Mosaic::open(sources).expect("a mosaic");
    let options = SegmentOptions { block_px: Some(512), clean: CleanOptions::default(), ..SegmentOptions::default() };
    let manifest = plan(&mosaic, sources, &card, &options).expect("a plan");
    let store = LabelStore::create(store, &manifest).expect("a store");
    let maker =
        Maker::start(store, mosaic, &card, Device::Cpu).expect("ONNX Runtime is in target/onnxruntime: run make setup");
    let window = window.unwrap_or(maker.store().grid().window());
    let blocks: Vec<_> = maker.store().grid().blocks_touching(&window).collect();
    maker
        .make(&blocks, &mut |event| assert!(matches!(event, orthotile::seed::MakeEvent::Made(_)), "{event:?}"))
        .expect("made");
    let classes = maker.store().classes(&window).expect("made");
    (maker.store().clone(), classes, window)
}

/// Intersection over union of a class, where there is truth and a label.
fn iou(labels: &[u8], truth: &[u8], class: u8) -> f64 {
    let known = || labels.iter().zip(truth).filter(|(l, t)| **l != 0 && **t != 0);
    let both = known().filter(|(l, t)| **l == class && **t == class).count();
    let either = known().filter(|(l, t)| **l == class || **t == class).count();
    both as f64 / either.max(1) as f64
}

#[test]
fn the_city_model_finds_the_demo_town() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = DemoOptions { width_m: 360.0, height_m: 300.0, ..DemoOptions::default() };
    let town = generate(&options, folder.path()).expect("a town");
    let (store, labels, window) = segment(&town.scenes, &folder.path().join("store"), None);
    let raster = ClassRaster::open(&town.truth_classes).expect("the truth");
    // Both grids are of the mosaic's pixels; the truth may start elsewhere.
    let corner = store.grid().frame.transform.to_map(PixelPoint { col: 0.5, row: 0.5 });
    let first = raster.frame().transform.to_raster(corner);
    let place = Window::new(first.col.floor() as i64, first.row.floor() as i64, window.cols, window.rows);
    let truth: Vec<u8> = raster
        .read::<u16>(&place)
        .expect("the truth")
        .into_iter()
        .map(|v| raster.value_of(u32::from(v)) as u8)
        .collect();
    let scores: Vec<(u8, f64)> =
        [BUILDING, 2, 3].into_iter().map(|class| (class, iou(&labels, &truth, class))).collect();
    eprintln!("IoU on the demo town by class: {scores:.3?}");
    for ((class, score), floor) in scores.into_iter().zip(DEMO_FLOORS) {
        assert!(score >= floor, "class {class}: IoU {score:.3} is below {floor}");
    }
}

/// Building, road, vegetation: some way under what the model reaches, far above what broken preprocessing would.
const DEMO_FLOORS: [f64; 3] = [0.25, 0.25, 0.40];

/// The held-out part of Banepa (`models/train/splits.toml`, `test_px`), in pixels of the mosaic and of the work grid.
const BANEPA_TEST_PX: Window = Window::new(6144, 3584, 512, 4096);

#[test]
fn the_city_model_finds_the_buildings_of_a_town_part_it_never_saw() {
    let Some(folder) = data("ortho-banepa") else { return };
    let out = tempfile::tempdir().expect("a folder");
    let half =
        Window::new(BANEPA_TEST_PX.col / 2, BANEPA_TEST_PX.row / 2, BANEPA_TEST_PX.cols / 2, BANEPA_TEST_PX.rows / 2);
    let (_, labels, _) = segment(&[folder.join("scenes")], &out.path().join("store"), Some(half));
    let truth = chips(&folder.join("chips/masks"), &half);
    let labels: Vec<u8> = labels.into_iter().map(|l| if l == BUILDING { 1 } else { 2 }).collect();
    let score = iou(&labels, &truth, 1);
    eprintln!("building IoU on the held-out part of Banepa: {score:.3}");
    assert!(score >= 0.60, "{score:.3}");
}

/// The masks of the held-out chips at half size: 1 building, 2 not.
fn chips(masks: &Path, half: &Window) -> Vec<u8> {
    let mut truth = vec![0_u8; half.pixels()];
    // Slippy tiles of zoom 19, 512 px each; the mosaic starts at column 386683, row 220234.
    for y in 220_241..220_249_i64 {
        let entries = std::fs::read_dir(masks).expect("masks").flatten().map(|e| e.path());
        let name = |p: &PathBuf| p.to_string_lossy().contains("386695") && p.to_string_lossy().contains(&y.to_string());
        let path = entries.into_iter().find(name).expect("a mask of each held-out chip");
        let mask = image::open(&path).expect("a picture").into_luma8();
        let first_row = (y - 220_234) * 256 - half.row;
        for (row, col) in (0..256_u32).flat_map(|row| (0..256_u32).map(move |col| (row, col))) {
            let at = (first_row + i64::from(row)) as usize * half.cols as usize + col as usize;
            truth[at] = if mask.get_pixel(2 * col, 2 * row)[0] > 127 { 1 } else { 2 };
        }
    }
    truth
}
