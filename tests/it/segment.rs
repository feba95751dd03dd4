//! The invariants of segmentation (DESIGN §3: 1, 6, 7, 8), with toy models.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use orthotile::grid::BlockId;

use crate::common::{Scene, fixture, label_map, maker, small_mosaic, town};

fn make_all(
    scenes: &Path,
    store: &Path,
    block_px: u32,
    order: impl Fn(&mut Vec<BlockId>),
) -> ((Vec<u8>, Vec<u8>), f64) {
    let maker = maker(scenes, store, "context", block_px);
    let mut blocks = maker.store().wanted();
    order(&mut blocks);
    let needed = maker.chips_needed(&blocks);
    maker
        .make(&blocks, &mut |event| assert!(matches!(event, orthotile::seed::MakeEvent::Made(_)), "{event:?}"))
        .expect("made");
    (label_map(maker.store()), maker.chips_run() as f64 / needed as f64)
}

#[test]
fn the_label_map_is_the_same_whatever_the_blocks_and_their_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenes = small_mosaic(folder.path());
    let (truth, ratio) = make_all(&scenes, &folder.path().join("whole"), 2048, |_| {});
    assert!(truth.0.contains(&1) && truth.0.contains(&7) && truth.0.contains(&0), "roofs, ground and void");
    assert!(ratio <= 1.0, "{ratio}");
    for (block_px, seed) in [(64, 1), (256, 2), (512, 3), (256, 4)] {
        let shuffle = |blocks: &mut Vec<BlockId>| {
            blocks.sort_by_key(|b| {
                (u64::from(b.row) * 7919 + u64::from(b.col) * 104_729 + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            });
        };
        let (labels, ratio) = make_all(&scenes, &folder.path().join(format!("{block_px}-{seed}")), block_px, shuffle);
        assert!(labels == truth, "blocks of {block_px} px in order {seed}");
        assert!(ratio <= 1.05, "chips run to chips needed: {ratio}");
    }
}

#[test]
fn a_second_run_makes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenes = small_mosaic(folder.path());
    make_all(&scenes, &folder.path().join("store"), 256, |_| {});
    let again = maker(&scenes, &folder.path().join("store"), "context", 256);
    again.make(&again.store().wanted(), &mut |event| panic!("{event:?}")).expect("nothing to do");
    assert_eq!(again.chips_run(), 0);
}

fn segment(scenes: &Path, store: &Path, model: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orthotile"));
    command.arg("segment").arg(scenes).arg("--store").arg(store).args(["--device", "cpu", "--no-summary"]);
    command.arg("--model").arg(fixture("models").join(model)).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn files(store: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let labels = std::fs::read_dir(store.join("labels")).expect("a store").flatten().map(|e| e.path());
    let mut files: Vec<_> =
        labels.map(|p| (PathBuf::from(p.file_name().expect("a file")), std::fs::read(&p).expect("read"))).collect();
    files.sort();
    files
}

#[test]
fn killed_at_any_moment_it_goes_on_to_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenes = folder.path().join("scenes");
    std::fs::create_dir_all(&scenes).expect("a folder");
    Scene { at: (0, 0), cols: 1500, rows: 1100, colour: &town }.write(&scenes.join("town.tif"));
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    assert!(segment(&scenes, &whole, "context.onnx").args(["--block-px", "256"]).status().expect("starts").success());
    let mut kills = 0;
    for attempt in 0..40_u64 {
        let mut child = segment(&scenes, &killed, "context.onnx").args(["--block-px", "256"]).spawn().expect("starts");
        std::thread::sleep(Duration::from_millis(60 + attempt * 37 % 240));
        let _ = child.kill(); // SIGKILL; it may have ended by itself
        let status = child.wait().expect("ends");
        if status.success() {
            break;
        }
        kills += 1;
    }
    assert!(segment(&scenes, &killed, "context.onnx").args(["--block-px", "256"]).status().expect("starts").success());
    assert!(kills > 0, "the run was too short to be killed");
    assert!(files(&killed) == files(&whole), "after {kills} kills");
    let left: Vec<_> = std::fs::read_dir(&killed).expect("a store").flatten().map(|e| e.file_name()).collect();
    assert_eq!(left.len(), 2, "what was put aside is gone: {left:?}");
}

#[test]
fn a_store_is_of_one_scheme_and_stays_where_a_device_is_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenes = small_mosaic(folder.path());
    let at = |name: &str| folder.path().join(name);
    let run = |store: &str, more: &[&str]| {
        let mut command = segment(&scenes, &at(store), "threshold.onnx");
        let output = command.args(more).stderr(Stdio::piped()).output().expect("starts");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (done, told) = run("none", &["--device", "cuda:99"]);
    assert!(!done && !at("none").exists(), "a store that could not be begun is not left behind: {told}");
    assert!(run("begun", &["--on-request"]).0);
    let (done, told) = run("begun", &["--on-request", "--device", "cuda:99"]);
    assert!(!done && at("begun/store.json").exists(), "one that was there stays: {told}");

    let scheme = |name: &str, from: &str, to: &str| {
        let text = std::fs::read_to_string(fixture("../styles/city.toml")).expect("ships");
        assert!(text.contains(from));
        std::fs::write(at(name), text.replace(from, to)).expect("written");
    };
    scheme("pale.toml", "#dba78f", "#eeeeee");
    scheme("moved.toml", "code = 1\n", "code = 77\n");
    let of_scheme = |name: &str| run("begun", &["--on-request", "--scheme", at(name).to_str().expect("text")]);
    let (done, told) = of_scheme("pale.toml");
    assert!(done, "colours change no label: {told}");
    let (done, told) = of_scheme("moved.toml");
    assert!(!done && told.contains("scheme"), "codes do: {told}");
}

#[test]
fn what_cannot_be_asked_is_refused_by_name_and_begins_no_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenes = small_mosaic(folder.path());
    let (store, far) = (folder.path().join("store"), folder.path().join("far.geojson"));
    let ring = "[[85.5,27.6],[85.6,27.6],[85.6,27.7],[85.5,27.6]]";
    std::fs::write(&far, format!(r#"{{"type":"Polygon","coordinates":[{ring}]}}"#)).expect("written");
    let far = far.to_str().expect("text");
    let cases: [(&[&str], &[&str]); 5] = [
        (&["--min-area-m2", "1e9"], &["--min-area-m2", "0 to 1000000 m²"]),
        (&["--min-area-m2", "5e5"], &["min_area_m2 = 500000", "is accepted with pixels of 0.25 m"]),
        (&["--majority-rounds", "4294967295"], &["majority", "64"]),
        (&["--boundary-m=-1"], &["--boundary-m", "100"]),
        (&["--aoi", far], &["far.geojson", "85.50000, 27.60000", "shares nothing with the mosaic (9."]),
    ];
    for (more, words) in cases {
        let output = segment(&scenes, &store, "threshold.onnx").args(more).stderr(Stdio::piped()).output();
        let output = output.expect("starts");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && words.iter().all(|word| told.contains(word)), "{more:?}: {told}");
        assert!(!store.exists(), "{more:?}");
    }
    let output = segment(&scenes, &store, "threshold.onnx").arg("--on-request").status().expect("starts");
    assert!(output.success());
    let orthotile = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_orthotile")).args(args).output().expect("starts");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (store, labels) = (store.to_str().expect("text"), folder.path().join("labels.tif"));
    let labels = labels.to_str().expect("text");
    for more in [&["--class", "building"][..], &["--bbox", "9,49,10,50"], &["--smooth", "1"]] {
        let (done, told) = orthotile(&[&["export", "--store", store, "-o", labels], more].concat());
        assert!(!done && told.contains("written whole"), "{more:?}: {told}");
    }
    for (more, word) in [(&["--device", "cpu"][..], "--segment"), (&["--config", "x.toml", "--segment"], "--config")] {
        let of_store = if more.contains(&"--config") { &[][..] } else { &["--store", store] };
        let (done, told) = orthotile(&[&["serve"], of_store, more].concat());
        assert!(!done && told.contains(word), "{more:?}: {told}");
    }
    for more in [&["--buildings", "300"][..], &["--city", "--roads", "1"]] {
        let (done, told) = orthotile(&[&["vectorize", labels, "-o", "x.fgb"], more].concat());
        assert!(!done && told.contains(more[0]), "{more:?}: {told}");
    }
}

/// The peak resident memory of a run, in KiB.
fn peak_kib(mut command: Command) -> u64 {
    let mut child = command.spawn().expect("starts");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().expect("waits").is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"));
        let kib = line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(child.wait().expect("ended").success());
    peak
}

#[test]
fn memory_does_not_grow_with_the_mosaic() {
    let folder = tempfile::tempdir().expect("a folder");
    // Four scenes that butt, or sixty-four: even the small run fills every buffer.
    let scenes = |side: i64| {
        let scenes = folder.path().join(format!("scenes{side}"));
        std::fs::create_dir_all(&scenes).expect("a folder");
        for (row, col) in (0..side).flat_map(|row| (0..side).map(move |col| (row, col))) {
            let at = (2048 * col, 2048 * row);
            Scene { at, cols: 2048, rows: 2048, colour: &town }.write(&scenes.join(format!("r{row}c{col}.tif")));
        }
        scenes
    };
    let run = |side: i64| {
        let scenes = scenes(side);
        let peak = |attempt: u8| {
            let store = folder.path().join(format!("store{side}-{attempt}"));
            let mut command = segment(&scenes, &store, "identity.onnx");
            // Caches that fill up must be full in both runs; threads must not each hold back what they have freed.
            command.env("GDAL_CACHEMAX", "8").env("MALLOC_ARENA_MAX", "2");
            peak_kib(command)
        };
        // What threads hold at the same moment differs from run to run.
        peak(0).min(peak(1))
    };
    let (small, large) = (run(2), run(8));
    eprintln!("peak memory: {} MiB for 17 Mpx, {} MiB for 268 Mpx", small / 1024, large / 1024);
    assert!(large as f64 <= small as f64 * 1.10, "{small} KiB for 17 Mpx, {large} KiB for 268 Mpx");
    assert!(large < 300 * 1024, "{large} KiB");
}
