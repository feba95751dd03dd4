//! Files that are in the way, written twice at once, or do not fit on the disk.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gdal::vector::LayerAccess;

use super::{Finished, case, orthotile};
use crate::common::fixture;

fn vectorize(folder: &Path, raster: &Path, output: &str) -> Finished {
    orthotile(folder, &["vectorize", raster.to_str().expect("text"), "-o", output, "--tolerance-m", "0"])
}

/// The number of features of a GeoPackage, after its integrity was checked.
fn features(path: &Path) -> u64 {
    gdal::Dataset::open(path).expect("a GeoPackage").layer(0).expect("a layer").feature_count()
}

#[test]
fn a_geopackage_with_a_live_journal_is_not_replaced() {
    let Some(case) = case("03-gpkg-stale-wal-corrupt") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("w.gpkg");
    vectorize(folder.path(), &case.join("small.tif"), "w.gpkg").succeeded();
    let before = std::fs::read(&path).expect("written");
    for (suffix, content) in
        [("-wal", &b""[..]), ("-wal", b"frames"), ("-shm", b"index"), ("-journal", b"\xd9\xd5\x05")]
    {
        let beside = folder.path().join(format!("w.gpkg{suffix}"));
        std::fs::write(&beside, content).expect("written");
        vectorize(folder.path(), &case.join("holes.tif"), "w.gpkg")
            .failed_with(&[&format!("w.gpkg{suffix} holds changes"), "close the program"]);
        assert!(std::fs::read(&path).expect("there") == before, "{suffix}");
        std::fs::remove_file(beside).expect("there");
    }
    vectorize(folder.path(), &case.join("holes.tif"), "w.gpkg").succeeded();
    assert_eq!(features(&path), 2501);
}

#[test]
fn two_exports_to_one_file_leave_one_of_them_whole() {
    let Some(case) = case("33-two-exports-to-one-file") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let alone = |raster: &str| {
        let done = vectorize(folder.path(), &case.join(raster), "alone.gpkg").succeeded();
        drop(done);
        features(&folder.path().join("alone.gpkg"))
    };
    let counts = [alone("holes.tif"), alone("checker.tif")];
    std::fs::remove_file(folder.path().join("alone.gpkg")).expect("there");
    let start = |raster: &str, output: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orthotile"));
        command.arg("vectorize").arg(case.join(raster)).args(["-o", output, "--tolerance-m", "0"]);
        command.current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts")
    };
    for output in ["t.geojson", "t.gpkg"] {
        for delay_ms in [0, 40, 150, 400] {
            let mut first = start("holes.tif", output);
            std::thread::sleep(std::time::Duration::from_millis(delay_ms));
            let mut second = start("checker.tif", output);
            assert!(first.wait().expect("ends").success() && second.wait().expect("ends").success());
            let path = folder.path().join(output);
            let count = if output == "t.gpkg" {
                features(&path)
            } else {
                let text = std::fs::read(&path).expect("written");
                let json: serde_json::Value = serde_json::from_slice(&text).expect("whole");
                json["features"].as_array().expect("a collection").len() as u64
            };
            assert!(counts.contains(&count), "{output} after {delay_ms} ms: {count} of {counts:?}");
        }
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("listed").flatten().map(|e| e.file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains(".part-")), "{left:?}");
}

/// A file system in memory, of a size; unmounted when dropped.
struct Disk(PathBuf);

impl Disk {
    /// None, with a message, where it cannot be mounted: that takes root.
    fn mounted(path: &Path, options: &str) -> Option<Self> {
        std::fs::create_dir_all(path).expect("a folder");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(path).stderr(Stdio::null());
        if mount.status().is_ok_and(|status| status.success()) {
            return Some(Self(path.to_owned()));
        }
        eprintln!("skipped: mounting a small file system takes root");
        None
    }

    fn remount(&self, options: &str) {
        let status = Command::new("mount").args(["-o", options]).arg(&self.0).status();
        assert!(status.is_ok_and(|status| status.success()), "{options}");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_called_that_once_with_the_file_and_the_remedy() {
    let Some(case) = case("15-disk-full-messages") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let Some(_disk) = Disk::mounted(&folder.path().join("full"), "size=200k") else { return };
    let model = fixture("models/identity.onnx");
    let (model, scene) = (model.to_str().expect("text"), case.join("t.tif"));
    let segment = |store: &str| {
        let args = ["segment", scene.to_str().expect("text"), "--model", model, "--device", "cpu", "--store", store];
        orthotile(folder.path(), &[&args[..], &["--block-px", "64", "--no-summary"]].concat())
    };
    let full = segment("full/s").failed_with(&["disk full (free at least", "resumes"]);
    assert!(!full.text().contains("damaged") && full.text().matches("disk full").count() == 1, "{}", full.text());
    // What has a name is whole.
    let store = orthotile::label::LabelStore::open(&folder.path().join("full/s")).expect("a store");
    assert!(store.damaged().is_empty() && !store.made().is_empty() && store.damaged().is_empty());
    drop(store);
    std::fs::remove_dir_all(folder.path().join("full/s")).expect("removed");
    for ending in ["geojson", "geojsonl", "fgb", "gpkg"] {
        let name = format!("full/h.{ending}");
        let done =
            orthotile(folder.path(), &["vectorize", case.join("holes.tif").to_str().expect("text"), "-o", &name])
                .failed_with(&[&name, "disk full (free at least"]);
        assert!(done.text().matches("disk full").count() == 1 && done.code == 1, "{}", done.text());
        assert_eq!(std::fs::read_dir(folder.path().join("full")).expect("listed").count(), 0, "{name}");
    }
    segment("whole").succeeded();
    let blocks = orthotile(folder.path(), &["export", "--store", "whole", "-o", "labels.tif"]).succeeded();
    drop(blocks);
    let _small = Disk::mounted(&folder.path().join("small"), "size=4k").expect("mounted");
    orthotile(folder.path(), &["export", "--store", "whole", "-o", "small/labels.tif"])
        .failed_with(&["small/labels.tif", "disk full"]);
}

#[test]
fn a_read_only_store_serves_segment_and_export_and_refuses_files_by_name() {
    let Some(case) = case("15-disk-full-messages") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let Some(disk) = Disk::mounted(&folder.path().join("disk"), "size=20m") else { return };
    let model = fixture("models/identity.onnx");
    let scene = case.join("t.tif");
    let args = ["segment", scene.to_str().expect("text"), "--model", model.to_str().expect("text"), "--device", "cpu"];
    let segment = || orthotile(folder.path(), &[&args[..], &["--store", "disk/s"]].concat());
    segment().succeeded();
    disk.remount("remount,ro");
    segment().succeeded();
    orthotile(folder.path(), &["export", "--store", "disk/s", "-o", "a.fgb"]).succeeded();
    orthotile(folder.path(), &["export", "--store", "disk/s", "-o", "disk/a.fgb"]).failed_with(&[
        "disk/a.fgb",
        "read-only",
        "choose a folder",
    ]);
}
