//! Roofs that touch told apart, and roads in one piece across gaps: labels that change before polygons are made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use geo::{Area, BooleanOps, Coord, Validation};
use orthotile::feature::{Feature, Outline};
use orthotile::georef::{Crs, GeoTransform, PixelFrame, Window};
use orthotile::grid::{BlockId, WorkGrid};
use orthotile::label::{LabelMap, LabelStore};
use orthotile::model::ModelCard;
use orthotile::pipeline::{
    BlockLabels, Derived, FeatureOptions, LabelSource, PipelineError, TracedBlocks, VectorOptions, trace,
};
use orthotile::polygonize::LabelCode;
use orthotile::raster::Mosaic;
use orthotile::scheme::Scheme;
use orthotile::seed::{SegmentOptions, plan};

use crate::common::{fixture, small_mosaic};

const SIDE: u32 = 100;
const LAND: u8 = 5;

fn grid(block_px: u32) -> WorkGrid {
    let transform = GeoTransform::new([700_000.0, 0.5, 0.0, 3_060_000.0, 0.0, -0.5]).expect("regular");
    let frame = PixelFrame { crs: Crs::new("EPSG:32645").expect("known"), transform };
    WorkGrid { frame, cols: SIDE, rows: SIDE, block_px }
}

/// Rectangles (left, top, right, bottom) of classes on land, later ones on top; `sure` by column and row.
fn drawn(rectangles: &[(u8, [u32; 4])], sure: impl Fn(u32, u32) -> u8) -> LabelMap {
    let mut map = LabelMap {
        window: Window::new(0, 0, SIDE, SIDE),
        classes: Vec::new(),
        confidence: Vec::new(),
        instances: None,
        unknown: None,
    };
    for (row, col) in (0..SIDE).flat_map(|row| (0..SIDE).map(move |col| (row, col))) {
        let within = |[l, t, r, b]: [u32; 4]| (l..r).contains(&col) && (t..b).contains(&row);
        let class = rectangles.iter().rev().find(|(_, rectangle)| within(*rectangle)).map_or(LAND, |(class, _)| *class);
        map.classes.push(class);
        map.confidence.push(sure(col, row));
    }
    map
}

fn options(asked: VectorOptions) -> FeatureOptions {
    FeatureOptions::within(0.0).with(&asked).expect("in range")
}

fn derive(map: &LabelMap, options: &FeatureOptions) -> Derived {
    derive_in_blocks(map, SIDE, options)
}

fn derive_in_blocks(map: &LabelMap, block_px: u32, options: &FeatureOptions) -> Derived {
    let grid = grid(block_px);
    let cut = |block: BlockId| {
        let window = grid.block_window(block);
        let rows = (window.row..window.end_row()).map(|row| map.window.index(window.col, row));
        let pixels: Vec<usize> = rows.flat_map(|at| at..at + window.cols as usize).collect();
        let [classes, confidence] = [&map.classes, &map.confidence].map(|v| pixels.iter().map(|i| v[*i]).collect());
        LabelMap { window, classes, confidence, instances: None, unknown: None }
    };
    let maps: BTreeMap<BlockId, LabelMap> = grid.blocks().map(|block| (block, cut(block))).collect();
    let mut traced = TracedBlocks::from_source(Arc::new(maps.clone()));
    maps.iter().rev().for_each(|(block, map)| traced.insert(*block, trace(map)));
    traced.derive(&grid, &Scheme::city(), options).expect("derived")
}

fn of_class(derived: &Derived, class: u32) -> Vec<&Feature> {
    derived.features.iter().filter(|feature| feature.class.0 == class).collect()
}

#[test]
fn a_row_of_houses_becomes_houses_that_share_their_walls() {
    let walls = |col: u32, _: u32| if [29, 30, 54, 55].contains(&col) { 110 } else { 230 };
    let map = drawn(&[(1, [10, 20, 80, 45])], walls);
    let whole = derive(&map, &options(VectorOptions::default()));
    let parts = derive(&map, &options(VectorOptions { split_roofs: Some(0.06), ..VectorOptions::default() }));
    let (whole, houses) = (of_class(&whole, 1), of_class(&parts, 1));
    assert_eq!((whole.len(), houses.len()), (1, 3));
    assert_eq!(whole[0].id, houses[0].id, "the first keeps the id of the row");
    let area_m2: f64 = houses.iter().map(|house| house.area_m2).sum();
    assert!((area_m2 / whole[0].area_m2 - 1.0).abs() < 1e-5, "{area_m2}");
    for (i, house) in houses.iter().enumerate() {
        assert!(house.polygon.is_valid());
        for other in &houses[i + 1..] {
            assert!(house.polygon.intersection(&other.polygon).unsigned_area() < 1e-6);
        }
    }
    let sure = |f: &&Feature| f.area_m2 * f.confidence.map_or(0.0, |c| f64::from(c.mean));
    let (together, before) = (houses.iter().map(sure).sum::<f64>(), sure(&whole[0]));
    assert!((together / before - 1.0).abs() < 1e-5, "each is as sure as its own pixels: {together}, {before}");
    let outlines: f64 = houses.iter().map(|house| house.polygon.unsigned_area()).sum();
    assert!((outlines / whole[0].polygon.unsigned_area() - 1.0).abs() < 0.01, "no crack between them");
}

#[test]
fn a_store_tells_roofs_apart_as_the_card_of_its_model_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenes = small_mosaic(folder.path());
    let network = std::fs::canonicalize(fixture("models/threshold.onnx")).expect("ships");
    let text = std::fs::read_to_string(fixture("models/threshold.toml")).expect("ships");
    let text = text.replace("threshold.onnx", network.to_str().expect("text"));
    let drop_of = |labels: &str| {
        let card = folder.path().join("card.toml");
        std::fs::write(&card, format!("{text}\n{labels}")).expect("written");
        let card = ModelCard::open(&card).map_err(|error| error.to_string())?;
        let mosaic = Mosaic::open(std::slice::from_ref(&scenes)).expect("opens");
        let manifest =
            plan(&mosaic, std::slice::from_ref(&scenes), &card, &SegmentOptions::default()).expect("possible");
        let store = LabelStore::create(&folder.path().join("store"), &manifest).expect("made");
        Ok::<_, String>(FeatureOptions::for_store(&store).expect("on the ground").roofs.map(|roofs| roofs.least_drop))
    };
    assert_eq!(drop_of(""), Ok(None));
    assert_eq!(drop_of("[labels]\nsplit_roofs = 0.2\n"), Ok(Some(0.2)), "no label changes: the same store");
    assert!(drop_of("[labels]\nsplit_roofs = 2.0\n").expect_err("refused").contains("labels.split_roofs"));
}

/// One block.
#[derive(Debug)]
struct Fixed(BlockLabels);
impl LabelSource for Fixed {
    fn read(&self, _: BlockId) -> Result<BlockLabels, PipelineError> {
        Ok(self.0.clone())
    }
}

#[test]
fn parts_take_no_number_of_an_instance_that_they_touch() {
    let walls = |col: u32, _: u32| if [29, 30, 54, 55].contains(&col) { 110 } else { 230 };
    let mut labels = BlockLabels::from(drawn(&[(1, [10, 20, 80, 45])], walls));
    // A house below the row is known to be one: instance 1, as the second of the row would be.
    for (row, col) in (45..60).flat_map(|row| (25..70).map(move |col| (row, col))) {
        labels.labels[row * SIDE as usize + col] = LabelCode::BYTES.compose(1, 1);
    }
    let mut traced = TracedBlocks::from_source(Arc::new(Fixed(labels.clone())));
    traced.insert(BlockId { row: 0, col: 0 }, labels.trace());
    let options = options(VectorOptions { split_roofs: Some(0.06), ..VectorOptions::default() });
    let derived = traced.derive(&grid(SIDE), &Scheme::city(), &options).expect("derived");
    assert_eq!(of_class(&derived, 1).len(), 4);
}

#[test]
fn a_road_is_one_across_a_gap_and_takes_only_land() {
    // Trees hide 8 m of a road; a house and a pond reach into the strip from its sides.
    let scene = [
        (2, [0, 40, 40, 54]),
        (2, [56, 40, 100, 54]),
        (3, [40, 30, 56, 64]),
        (1, [44, 20, 50, 43]),
        (4, [46, 51, 52, 70]),
    ];
    let map = drawn(&scene, |_, _| 200);
    let apart = derive(&map, &options(VectorOptions::default()));
    let one = derive(&map, &options(VectorOptions { bridge_roads: Some(true), ..VectorOptions::default() }));
    assert_eq!((of_class(&apart, 2).len(), of_class(&one, 2).len()), (2, 1));
    assert_eq!(apart.centrelines, one.centrelines, "lines are joined either way");
    let area_m2 = |derived: &Derived, class: u32| of_class(derived, class).iter().map(|f| f.area_m2).sum::<f64>();
    for class in [1, 4] {
        assert!((area_m2(&apart, class) - area_m2(&one, class)).abs() < 1e-9, "class {class} keeps its pixels");
    }
    let taken_m2 = area_m2(&one, 2) - area_m2(&apart, 2);
    let open_m2 = f64::from(16 * 14 - 6 * 3 - 6 * 3) * 0.25;
    assert!((taken_m2 / open_m2 - 1.0).abs() < 0.15, "{taken_m2} of {open_m2} m²");
    let [all, before] = [&one, &apart].map(|derived| derived.features.iter().map(|f| f.area_m2).sum::<f64>());
    assert!((all / before - 1.0).abs() < 1e-5, "no gap and no overlap");
    assert_eq!(of_class(&one, 2)[0].confidence.map(|c| c.min), Some(0.0), "nobody saw the road there");
}

#[test]
fn a_road_gives_way_to_the_walls_along_it() {
    let step = |i: u32| (2, [10 + 8 * i, 50, 14 + 8 * i, 52]);
    let scene: Vec<(u8, [u32; 4])> =
        [(1, [10, 20, 90, 52]), (2, [0, 52, 100, 64])].into_iter().chain((0..10).map(step)).collect();
    let map = drawn(&scene, |_, _| 200);
    let derived = derive(&map, &FeatureOptions::within(0.75));
    let (house, road) = (of_class(&derived, 1)[0], of_class(&derived, 2)[0]);
    assert_eq!(house.outline, Outline::Regularized);
    assert_eq!(of_class(&derived, 2).len(), 1);
    let common_m2 = house.polygon.intersection(&road.polygon).unsigned_area();
    assert!(common_m2 < 1e-6, "{common_m2} m²");
    assert!(road.polygon.is_valid());
    // The wall runs half a step into the road, and the road along it: it loses as much as it gains.
    let pixels_m2 = f64::from(100 * 12 + 10 * 4 * 2) * 0.25;
    assert!((road.area_m2 / pixels_m2 - 1.0).abs() < 0.02, "{} of {pixels_m2} m²", road.area_m2);
    assert!((road.area_m2 / road.polygon.unsigned_area() - 1.0).abs() < 1e-3, "the area is that of what is left");
    // Of ten steps with forty corners none is left between the ends of the wall; what is beside them are the road's own corners.
    let between = |c: &&Coord<f64>| (700_005.5..700_044.5).contains(&c.x) && (c.y - 3_059_974.5).abs() < 0.6;
    let along: Vec<_> = road.polygon.exterior().0.iter().filter(between).collect();
    assert!(along.is_empty(), "the road has steps beside the wall: {along:?}");
    assert_eq!(derived.centrelines, derive(&map, &FeatureOptions::within(0.0)).centrelines);
}

#[test]
fn without_labels_the_options_say_so() {
    let map = drawn(&[(1, [10, 20, 80, 45])], |_, _| 200);
    let mut traced = TracedBlocks::default();
    traced.insert(BlockId { row: 0, col: 0 }, trace(&map));
    let asked = options(VectorOptions { split_roofs: Some(0.06), ..VectorOptions::default() });
    let refused = traced.derive(&grid(SIDE), &Scheme::city(), &asked);
    assert!(matches!(refused, Err(PipelineError::NoLabels { .. })), "{refused:?}");
    let asked = VectorOptions { split_roofs: Some(0.005), ..VectorOptions::default() };
    assert!(FeatureOptions::within(0.0).with(&asked).is_err_and(|e| e.to_string().contains("split_roofs")));
}

/// Streets with trees over them, rows of houses along them with walls where the model is less sure.
fn streets(random: &mut impl FnMut(u32) -> u32) -> LabelMap {
    let mut rectangles = Vec::new();
    for _ in 0..2 + random(3) {
        let (at, wide) = (random(85), 7 + random(8));
        let (gap, long) = (20 + random(50), 4 + random(12));
        let strip =
            |from: u32, to: u32| if at % 2 == 0 { [from, at, to, at + wide] } else { [at, from, at + wide, to] };
        rectangles.push((2, strip(0, SIDE)));
        rectangles.push(([3, 5][at as usize % 2], strip(gap, gap + long)));
    }
    for _ in 0..3 + random(5) {
        let (left, top) = (random(60), random(80));
        rectangles
            .push((if random(5) == 0 { 4 } else { 1 }, [left, top, left + 10 + random(60), top + 6 + random(25)]));
    }
    let (across, down) = (13 + random(20), 11 + random(20));
    drawn(
        &rectangles,
        |col, row| if (col + row / 9) % across < 2 || row % down < 2 { 90 } else { 230 - (col * row % 5) as u8 },
    )
}

#[test]
fn streets_are_told_apart_alike_whatever_the_blocks() {
    let mut state = 0x9e37_79b9_u32;
    let mut random = |below: u32| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) % below
    };
    let asked = VectorOptions { split_roofs: Some(0.06), bridge_roads: Some(true), ..VectorOptions::default() };
    let (mut split, mut bridged) = (0, 0);
    for case in 0..40 {
        let map = streets(&mut random);
        let options = FeatureOptions::within(0.75).with(&asked).expect("in range");
        let whole = derive(&map, &options);
        assert!(whole == derive_in_blocks(&map, 5 + random(60), &options), "case {case}");
        let ids: BTreeSet<u64> = whole.features.iter().map(|f| f.id.get()).collect();
        assert_eq!(ids.len(), whole.features.len(), "every feature has its own id");
        let plain = derive(&map, &FeatureOptions::within(0.75));
        assert_eq!(plain.centrelines, whole.centrelines);
        split += of_class(&whole, 1).len().saturating_sub(of_class(&plain, 1).len());
        bridged += of_class(&plain, 2).len().saturating_sub(of_class(&whole, 2).len());
    }
    assert!(split > 40 && bridged > 2, "{split} more roofs, {bridged} fewer roads: too few to show anything");
}
