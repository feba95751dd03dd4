//! Stores that several processes fill, that are damaged, edited or cut off (DESIGN §3: 7, 8).

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gdal::{DatasetOptions, GdalOpenFlags, Metadata};
use orthotile::label::{LabelStore, Manifest};
use orthotile::pipeline::FeatureOptions;
use orthotile::seed::{Live, MakeEvent};
use serde_json::{Value, json};

use crate::common::{Scene, fixture, maker, small_mosaic, town};

/// Pairs of processes on one store; each makes 24 blocks.
const PAIRS: u64 = 20;

fn scenes(folder: &Path) -> PathBuf {
    let scenes = folder.join("scenes");
    std::fs::create_dir_all(&scenes).expect("a folder");
    Scene { at: (0, 0), cols: 760, rows: 500, colour: &town }.write(&scenes.join("town.tif"));
    scenes
}

fn segment(scenes: &Path, store: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orthotile"));
    command.args(["segment", "--device", "cpu", "--no-summary", "--block-px", "128"]).arg(scenes);
    command.arg("--model").arg(fixture("models/context.onnx")).arg("--store").arg(store).args(more);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Waits for a process; panics unless it succeeds.
#[track_caller]
fn succeeds(child: Child) {
    let output = child.wait_with_output().expect("ends");
    assert!(output.status.success(), "{:?}: {}", output.status, String::from_utf8_lossy(&output.stderr));
}

/// The label blocks of a store, by name.
fn blocks(store: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(store.join("labels")).expect("a store").flatten().map(|e| e.path());
    let mut files: Vec<_> = entries
        .map(|path| (PathBuf::from(path.file_name().expect("a file")), std::fs::read(&path).expect("read")))
        .collect();
    files.sort();
    files
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    let mut names: Vec<_> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn pairs_of_processes_share_a_store_and_end_with_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenes = scenes(folder.path());
    let alone = folder.path().join("alone");
    succeeds(segment(&scenes, &alone, &[]).spawn().expect("starts"));
    let whole = blocks(&alone);
    assert_eq!(whole.len(), 24);
    for pair in 0..PAIRS {
        let store = folder.path().join(format!("pair{pair}"));
        let first = segment(&scenes, &store, &[]).spawn().expect("starts");
        // At once, or while the other is at it.
        std::thread::sleep(Duration::from_millis(pair % 4 * 60));
        let more: &[&str] = if pair % 5 == 4 { &["--on-request"] } else { &[] };
        let mut second = segment(&scenes, &store, more).spawn().expect("starts");
        if pair % 3 == 1 {
            std::thread::sleep(Duration::from_millis(pair * 17 % 200));
            let _ = second.kill(); // SIGKILL; it may have ended
            let _ = second.wait();
            succeeds(first);
        } else {
            succeeds(first);
            succeeds(second);
        }
        assert!(blocks(&store) == whole, "pair {pair}");
        // A run after a kill removes what the killed one left.
        succeeds(segment(&scenes, &store, &["--on-request"]).spawn().expect("starts"));
        let left: Vec<_> = names(&store).into_iter().filter(|name| name != "claims").collect();
        assert_eq!(left, ["labels", "store.json"], "pair {pair}");
    }
}

#[test]
fn sixty_flipped_bits_are_noticed_and_the_block_is_made_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (scenes, store) = (scenes(folder.path()), folder.path().join("store"));
    succeeds(segment(&scenes, &store, &[]).spawn().expect("starts"));
    let whole = blocks(&store);
    let block = LabelStore::open(&store).expect("a store").wanted()[7];
    let path = LabelStore::open(&store).expect("a store").block_path(block);
    let good = std::fs::read(&path).expect("made");
    for flip in 0..60 {
        let mut bytes = good.clone();
        let at = (flip * 7919 + 13) * good.len() / (60 * 7919 + 13);
        bytes[at] ^= 1 << (flip % 8);
        std::fs::write(&path, &bytes).expect("written");
        let opened = LabelStore::open(&store).expect("the others are whole");
        assert!(opened.read(block).is_err(), "bit {} of byte {at}", flip % 8);
        assert_eq!(opened.made().len(), 23);
        assert_eq!(opened.damaged(), [block]);
        assert!(!opened.has(block));
    }
    let export = |name: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orthotile"));
        command.args(["export", "--store"]).arg(&store).arg("-o").arg(folder.path().join(name));
        let output = command.output().expect("starts");
        assert!(output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    for name in ["a.fgb", "a.tif"] {
        let told = export(name);
        assert!(told.contains("23 of 24 blocks") && told.contains(&block.to_string()), "{told}");
    }
    succeeds(segment(&scenes, &store, &[]).spawn().expect("starts"));
    assert!(blocks(&store) == whole, "made again, the same bytes");
    assert!(!export("a.fgb").contains("23 of 24"));
}

#[test]
fn a_block_that_another_program_edited_is_not_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenes = small_mosaic(folder.path());
    let made = maker(&scenes, &folder.path().join("store"), "threshold", 256);
    made.make(&made.store().wanted(), &mut |event| assert!(matches!(event, MakeEvent::Made(_)))).expect("made");
    let store = made.store();
    let wanted = store.wanted();
    let edit = |at: usize, edit: &dyn Fn(&mut gdal::Dataset)| {
        let options = DatasetOptions { open_flags: GdalOpenFlags::GDAL_OF_UPDATE, ..DatasetOptions::default() };
        let mut dataset = gdal::Dataset::open_ex(store.block_path(wanted[at]), options).expect("a GeoTIFF");
        edit(&mut dataset);
        dataset.close().expect("written");
    };
    edit(0, &|block| block.set_geo_transform(&[500_010.0, 0.25, 0.0, 5_500_000.0, 0.0, -0.25]).expect("set"));
    edit(1, &|block| {
        block.set_spatial_ref(&gdal::spatial_ref::SpatialRef::from_epsg(32633).expect("known")).expect("set");
    });
    edit(2, &|block| block.set_metadata_item("ORTHOTILE_FINGERPRINT", "another", "").expect("set"));
    // A block under the name of another.
    std::fs::copy(store.block_path(wanted[5]), store.block_path(wanted[3])).expect("copied");
    assert_eq!(store.made(), [&wanted[4..]].concat());
    assert_eq!(store.damaged(), wanted[..4]);
    let error = store.read(wanted[3]).expect_err("of another place").to_string();
    assert!(error.contains("window of another block") && error.contains("segment"), "{error}");
    made.make(&wanted, &mut |event| assert!(matches!(event, MakeEvent::Made(_)))).expect("made");
    assert_eq!(store.made(), wanted);
}

#[test]
fn a_map_with_a_damaged_block_is_served_without_it_and_makes_it_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenes = small_mosaic(folder.path());
    let path = folder.path().join("store");
    let made = maker(&scenes, &path, "threshold", 256);
    made.make(&made.store().wanted(), &mut |_| {}).expect("made");
    let (wanted, damaged) = (made.store().wanted(), made.store().wanted()[1]);
    let file = made.store().block_path(damaged);
    let good = std::fs::read(&file).expect("made");
    std::fs::write(&file, &good[..good.len() / 2]).expect("written");
    drop(made);
    let open = || LabelStore::open(&path).expect("a store");
    let options = || FeatureOptions::for_store(&open()).expect("options");
    let still = Live::open("still", open(), None, options()).expect("the other blocks are whole");
    assert_eq!(still.progress().made, wanted.len() - 1);
    assert_eq!(still.missing(&still.bounds()), 1);
    let made = maker(&scenes, &path, "threshold", 256);
    let live = Live::open("live", made.store().clone(), Some(made), options()).expect("opens");
    assert_eq!(live.request(&live.bounds()).expect("room").coming, 1);
    let since = Instant::now();
    while live.missing(&live.bounds()) > 0 {
        assert!(since.elapsed() < Duration::from_secs(60), "{:?}", live.progress());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(std::fs::read(&file).expect("made again") == good);
    // Damaged while it is served: missing again, and no error.
    std::fs::write(&file, &good[..good.len() - 3]).expect("written");
    let window = live.grid().block_window(damaged);
    let codes = live.labels(&window).expect("a hole, not an error");
    assert!(codes.iter().all(|code| *code == 0) && live.missing(&live.bounds()) == 1);
}

#[test]
fn an_impossible_manifest_is_named_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenes = small_mosaic(folder.path());
    let store = folder.path().join("store");
    drop(maker(&scenes, &store, "threshold", 256));
    let good: Value = serde_json::from_slice(&std::fs::read(store.join("store.json")).expect("there")).expect("JSON");
    let repeats: Vec<Value> = (0..100_000).map(|_| json!([0, 0])).collect();
    let cases = [
        ("block_px", json!(0)),
        ("block_px", json!(1)),
        ("cols", json!(1_u32 << 31)),
        ("rows", json!(u32::MAX)),
        ("rows", json!(0)),
        ("transform", json!([-1e300, 0.25, 0.0, 0.0, 0.0, -0.25])),
        ("transform", json!([0.0, 0.0, 0.0, 0.0, 0.0, 0.0])),
        ("area_blocks", json!(repeats)),
        ("area_blocks", json!([[0, 4_000_000]])),
        ("version", json!(Manifest::VERSION + 1)),
        ("scheme", json!("no-such-scheme.toml")),
        ("fingerprint", json!("")),
    ];
    for (key, value) in cases {
        let mut changed = good.clone();
        changed[key] = value;
        std::fs::write(store.join("store.json"), changed.to_string()).expect("written");
        let since = Instant::now();
        let error = LabelStore::open(&store).expect_err(key).to_string();
        assert!(error.contains("store.json") && error.contains(key), "{key}: {error}");
        assert!(since.elapsed() < Duration::from_secs(2), "{key}");
    }
    let mut changed = good;
    changed["cols"] = json!(1 << 20);
    changed["rows"] = json!(1 << 20);
    changed["block_px"] = json!(64);
    std::fs::write(store.join("store.json"), changed.to_string()).expect("written");
    let error = LabelStore::open(&store).expect_err("too many blocks").to_string();
    assert!(error.contains("blocks (expected at most"), "{error}");
}

#[test]
fn nothing_is_written_to_a_store_that_is_finished() {
    let folder = tempfile::tempdir().expect("a folder");
    let (scenes, store) = (scenes(folder.path()), folder.path().join("store"));
    succeeds(segment(&scenes, &store, &[]).spawn().expect("starts"));
    let times = || {
        let files = [store.join("store.json"), store.join("labels")];
        files.map(|file| file.metadata().and_then(|m| m.modified()).expect("there"))
    };
    let before = times();
    std::thread::sleep(Duration::from_millis(20));
    succeeds(segment(&scenes, &store, &[]).spawn().expect("starts"));
    assert_eq!(times(), before);
}
