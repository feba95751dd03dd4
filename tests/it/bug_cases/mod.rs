//! Inputs from public bug reports of other tools, each with the result that GDAL, QGIS or a standard expects.
//!
//! The inputs lie beside the checkout, in `bug-cases/` of the data; a case whose folder is missing says so and passes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::data;

mod extremes;
mod inputs;
mod proxies;
mod ranges;
mod rasters;
mod stores;

#[test]
fn every_case_has_a_test() {
    let Some(folder) = data("bug-cases") else { return };
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/bug_cases");
    let read = |entry: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(entry.expect("an entry").path());
    let text: String = std::fs::read_dir(tests).expect("a folder").map(|entry| read(entry).expect("a test")).collect();
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_case = entry.path().is_dir() && name.starts_with(|c: char| c.is_ascii_digit());
        assert!(!is_case || text.contains(&name), "no test runs bug case {name}");
    }
}

/// Longest time that a command on one small input may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Exit code and output of a finished command.
#[derive(Debug)]
pub struct Finished {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    /// Both streams, for a message that may stand in either.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Panics unless the command succeeded.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.text());
        self
    }

    /// Panics unless the command failed with an error (not a panic) that contains all of `words`.
    #[track_caller]
    pub fn failed_with(self, words: &[&str]) -> Self {
        let text = self.text();
        assert!(self.code > 0 && self.code != 101, "exit code {}: {text}", self.code);
        assert!(!text.contains("panicked"), "{text}");
        for word in words {
            assert!(text.contains(word), "no {word:?} in: {text}");
        }
        self
    }
}

/// The folder of a case, where the data lies beside the checkout.
pub fn case(name: &str) -> Option<PathBuf> {
    data("bug-cases").map(|folder| folder.join(name))
}

/// Runs the program with `arguments` in `folder`; panics if it takes longer than a minute.
#[track_caller]
pub fn orthotile(folder: &Path, arguments: &[&str]) -> Finished {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orthotile"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    let output = |name: &str| std::fs::File::create(folder.join(name)).expect("a writable folder");
    let mut child = command.stdout(output(".stdout")).stderr(output(".stderr")).spawn().expect("the program starts");
    let since = Instant::now();
    let status = loop {
        match child.try_wait().expect("a child") {
            Some(status) => break status,
            None if since.elapsed() > LIMIT => {
                let _ = child.kill();
                panic!("orthotile {arguments:?} did not end within {LIMIT:?}");
            }
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    let text = |name: &str| String::from_utf8_lossy(&std::fs::read(folder.join(name)).expect("written")).into_owned();
    Finished { code: status.code().unwrap_or(-1), stdout: text(".stdout"), stderr: text(".stderr") }
}
