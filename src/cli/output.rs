//! Files that commands write, checked before work begins.

use std::path::Path;

use anyhow::ensure;
use orthotile::encode::export::Format;

/// Refuses a vector file that cannot be written: of an unknown format, in a folder that is missing, or in the place of a
/// folder.
pub fn check(path: &Path) -> anyhow::Result<()> {
    Format::of(path)?;
    check_place(path)
}

/// Refuses a file in a folder that is missing or cannot be written, or in the place of a folder.
pub fn check_place(path: &Path) -> anyhow::Result<()> {
    ensure!(!path.is_dir(), "{}: it is a folder (expected: the name of a file)", path.display());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    ensure!(
        folder.is_dir(),
        "{}: there is no folder {} (expected: an existing folder)",
        path.display(),
        folder.display()
    );
    let writable = rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok();
    ensure!(writable, "{}: the folder {} cannot be written", path.display(), folder.display());
    Ok(())
}
