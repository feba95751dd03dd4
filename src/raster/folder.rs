//! Scenes of folders that are no imagery: elevations, exported labels, masks and previews among ortho photos.

use std::path::{Path, PathBuf};

use super::layout::{Colours, Samples};
use super::sources::Sources;
use super::survey::Patches;
use super::{RasterError, Scene};

/// A raster of bytes that holds no more values than this in all patches shows classes, not light.
const MAX_CLASSES: usize = 48;

/// Files that are no scenes, and why.
pub(super) type LeftOut = Vec<(PathBuf, String)>;

/// Opens what was listed. Among files that were found in a folder, those that are no scenes are left out and named.
pub(super) fn open(
    sources: Sources,
    mut open: impl FnMut(&super::sources::Listed) -> Result<Scene, RasterError>,
) -> Result<(Vec<Scene>, LeftOut), RasterError> {
    let Sources { listed, mut left_out } = sources;
    let (mut scenes, mut first): (Vec<(Scene, bool)>, _) = (Vec::new(), None);
    for file in &listed {
        match open(file) {
            Ok(scene) => scenes.push((scene, file.found)),
            Err(error) if file.found && error.is_of_another_kind() => {
                left_out.push((file.path.clone(), reason(&file.path, &error)));
                first.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    if scenes.is_empty() {
        return Err(first.unwrap_or_else(|| RasterError::Empty {
            path: left_out.first().and_then(|(path, _)| path.parent()).unwrap_or(Path::new("")).to_owned(),
        }));
    }
    // Grey alone is imagery; grey beside colours may be something else.
    let coloured = scenes.iter().any(|(scene, _)| matches!(scene.colours, Colours::Bands(_)));
    let mut kept = Vec::new();
    for (scene, found) in scenes {
        let odd = if found && coloured { odd(&scene)? } else { None };
        match odd {
            Some(why) => left_out.push((scene.path, why)),
            None => kept.push(scene),
        }
    }
    left_out.sort();
    Ok((kept, left_out))
}

/// The text of an error without the file, which is named anyway.
fn reason(path: &Path, error: &RasterError) -> String {
    let text = error.to_string();
    text.strip_prefix(&format!("{}: ", path.display())).unwrap_or(&text).to_owned()
}

/// Why a scene of one band does not belong to scenes with colours.
fn odd(scene: &Scene) -> Result<Option<String>, RasterError> {
    let band = match scene.colours {
        Colours::Grey(band) => band,
        Colours::Palette(..) => return Ok(Some("holds classes or a palette, among scenes with colours".to_owned())),
        Colours::Bands(_) => return Ok(None),
    };
    let is_grey = scene.samples == Samples::Byte || scene.sample_type == "UInt16";
    if !is_grey {
        let what = format!("holds {} samples in one band (heights?), among scenes with colours", scene.sample_type);
        return Ok(Some(what));
    }
    let dataset = scene.dataset()?;
    let values = || -> Result<Vec<u32>, gdal::errors::GdalError> {
        let band = dataset.rasterband(band)?;
        let patches = Patches::of((scene.cols as usize, scene.rows as usize));
        let mut values = Vec::new();
        for window in patches.windows() {
            values.extend(patches.read(&band, window)?.into_iter().map(f32::to_bits));
            values.sort_unstable();
            values.dedup();
        }
        Ok(values)
    };
    let values = values().map_err(|e| RasterError::read(&scene.path, scene.window(), &e))?.len();
    let few = values <= MAX_CLASSES;
    Ok(few.then(|| format!("holds one band with {values} values (classes or a mask?), among scenes with colours")))
}
