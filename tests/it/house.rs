//! The rules of the house that no compiler checks.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The modules in the order of `lib.rs`.
fn modules() -> Vec<String> {
    let lib = fs::read_to_string(root().join("src/lib.rs")).expect("lib.rs");
    let name = |line: &str| Some(line.strip_prefix("pub mod ")?.split(';').next()?.to_owned());
    lib.lines().filter_map(name).collect()
}

fn sources(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let is_code = |p: &PathBuf| {
        p.extension().is_some_and(|e| e == "rs") && !p.ends_with("tests.rs") && !p.ends_with("fixture.rs")
    };
    entries.flat_map(|entry| sources(&entry.path())).filter(is_code).collect()
}

/// The code of a file without its tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a source file");
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

#[test]
fn a_module_uses_only_modules_that_stand_above_it() {
    let modules = modules();
    assert!(modules.len() > 10, "{modules:?}");
    let mut upward = Vec::new();
    for (place, module) in modules.iter().enumerate() {
        let files = [root().join("src").join(module), root().join(format!("src/{module}.rs"))];
        for file in files.iter().flat_map(|f| sources(f)) {
            let code = code(&file);
            for below in &modules[place + 1..] {
                for path in [format!("crate::{below}::"), format!("crate::{below};"), format!("crate::{below} ")] {
                    if code.lines().any(|l| !l.trim_start().starts_with("//") && l.contains(&path)) {
                        upward.push(format!("{} uses {below}", file.display()));
                    }
                }
            }
        }
    }
    assert!(upward.is_empty(), "{upward:#?}");
}

#[test]
fn each_foreign_crate_has_one_room() {
    let rooms = [
        ("gdal", &["raster", "encode", "demo"][..]),
        ("proj", &["georef"]),
        ("ort", &["model"]),
        ("rstar", &["feature"]),
        ("actix_web", &["http", "plugin"]),
        ("actix_http", &["http"]),
        ("actix_server", &["http"]),
        ("rlimit", &["http"]),
    ];
    let mut strays = Vec::new();
    for module in modules() {
        let files = [root().join("src").join(&module), root().join(format!("src/{module}.rs"))];
        for file in files.iter().flat_map(|f| sources(f)) {
            let code = code(&file);
            for (name, allowed) in rooms {
                let used = code
                    .lines()
                    .any(|l| l.trim_start().starts_with(&format!("use {name}::")) || l.contains(&format!(" {name}::")));
                if used && !allowed.contains(&module.as_str()) {
                    strays.push(format!("{} uses {name}", file.display()));
                }
            }
        }
    }
    assert!(strays.is_empty(), "{strays:#?}");
}

#[test]
fn files_fit_in_a_few_screens() {
    let mut long = Vec::new();
    for file in sources(&root().join("src")) {
        let is_code = |l: &&str| !l.trim().is_empty() && !l.trim_start().starts_with("//");
        let lines = code(&file).lines().filter(is_code).count();
        if lines > 250 {
            long.push(format!("{}: {lines} lines of code", file.display()));
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn an_error_states_its_cause_once() {
    // A field named `source` is returned as the source of the error, so a message that shows it states the cause twice.
    let mut twice = Vec::new();
    for file in sources(&root().join("src")) {
        let code = code(&file);
        for message in code.split("#[error(").skip(1) {
            let message = message.split(")]").next().unwrap_or_default();
            if message.contains("{source}") {
                twice.push(format!("{}: {message}", file.display()));
            }
        }
    }
    assert!(twice.is_empty(), "{twice:#?}");
}
