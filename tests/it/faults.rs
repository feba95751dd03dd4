//! The short form of the fault suite; `make test-faults` runs the full one.

use std::path::Path;
use std::process::Command;

#[test]
fn nothing_is_lost_and_nothing_panics_under_attack() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: no python3");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let run = Command::new("python3")
        .arg(root.join("tests/faults/run.py"))
        .args(["--short", "--orthotile", env!("CARGO_BIN_EXE_orthotile"), "--json"])
        .arg(folder.path().join("faults.json"))
        .output()
        .expect("starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(run.status.success(), "{}{}", text(&run.stdout), text(&run.stderr));
}
