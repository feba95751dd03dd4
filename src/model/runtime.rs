//! ONNX Runtime, loaded from a shared library at run time and found without an environment variable.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ort::environment::Environment;

use super::ModelError;

/// The environment that all sessions share: ONNX Runtime allows one per process.
static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

/// Loads ONNX Runtime once per process.
pub(super) fn environment() -> Result<Environment, ModelError> {
    let mut shared = ENVIRONMENT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(environment) = shared.as_ref() {
        return Ok(environment.clone());
    }
    let path = library().ok_or_else(|| ModelError::RuntimeMissing { looked: candidates().into_iter().collect() })?;
    let failed = |reason: String| ModelError::Runtime { path: path.clone(), reason };
    let builder = ort::init_from(&path).map_err(|e| failed(e.to_string()))?;
    let environment = builder.with_name("orthotile").build().map_err(|e| failed(e.to_string()))?;
    *shared = Some(environment.clone());
    Ok(environment)
}

/// The shared library that would be loaded: `ORT_DYLIB_PATH`, else `onnxruntime/` or `lib/` beside the program or in a
/// folder above it (`target/onnxruntime` of a checkout), else the system's.
#[must_use]
pub fn library() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("ORT_DYLIB_PATH") {
        return Some(PathBuf::from(path));
    }
    candidates().iter().find_map(|folder| newest_in(folder))
}

fn candidates() -> Vec<PathBuf> {
    let program = std::env::current_exe().unwrap_or_default();
    let above = program.ancestors().skip(1).take(4);
    let near = above.flat_map(|folder| [folder.join("onnxruntime"), folder.join("lib"), folder.to_owned()]);
    let system = [
        "/usr/local/lib",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib",
        "/opt/onnxruntime/lib",
    ];
    near.chain(system.map(PathBuf::from)).collect()
}

fn newest_in(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    entries.filter(|path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("libonnxruntime.so"))).max()
}
