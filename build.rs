//! Brings the map library of the viewer by npm, as its lock file says, into the build folder; `http/viewer` embeds it.

use std::path::{Path, PathBuf};
use std::process::{Command, exit};
use std::{env, fs};

const SOURCE: &str = "src/viewer";
const FILES: [&str; 3] = ["package.json", "package-lock.json", ".npmrc"];

fn main() {
    for file in FILES {
        println!("cargo::rerun-if-changed={SOURCE}/{file}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    let place = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it for build scripts")).join("viewer");
    if installed(&place) {
        return;
    }
    if let Err(reason) = install(&place) {
        println!("cargo::error=the map viewer cannot be built: {reason}");
        exit(1);
    }
}

/// Whether the files of the lock file are there already, so that building again needs no network.
fn installed(place: &Path) -> bool {
    let same = |file: &str| matches!((fs::read(place.join(file)), fs::read(Path::new(SOURCE).join(file))), (Ok(a), Ok(b)) if a == b);
    FILES.iter().all(|file| same(file)) && place.join("installed").exists()
}

fn install(place: &Path) -> Result<(), String> {
    fs::create_dir_all(place).map_err(|e| format!("{}: {e}", place.display()))?;
    let _ = fs::remove_file(place.join("installed"));
    for file in FILES {
        let from = Path::new(SOURCE).join(file);
        fs::copy(&from, place.join(file)).map_err(|e| format!("{}: {e}", from.display()))?;
    }
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let output = Command::new(npm).args(["ci", "--omit=dev", "--loglevel=error"]).current_dir(place).output();
    let output = output.map_err(|e| {
        format!(
            "`npm` does not start ({e}); it comes with Node.js 20 or newer (Debian, Ubuntu: apt install nodejs npm)"
        )
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().take(6).collect::<Vec<_>>().join(" | ");
        return Err(format!("`npm ci` failed; it needs a package registry the first time: {said}"));
    }
    fs::write(place.join("installed"), "").map_err(|e| format!("{}: {e}", place.display()))
}
