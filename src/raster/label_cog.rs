//! A whole label map as one Cloud Optimized `GeoTIFF`.

use std::path::Path;

use gdal::errors::GdalError;
use gdal::raster::{ColorInterpretation, RasterCreationOptions};
use gdal::{Dataset, DriverManager, Metadata};

use super::create;
use super::error::reason;
use super::label_block::UNKNOWN;
use super::{RasterError, category};
use crate::files::Draft;
use crate::georef::{PixelFrame, Window};
use crate::scheme::Scheme;

/// Rows that are asked for at once; a multiple of the tiles.
const STRIP_ROWS: u32 = 512;

/// What a label map is, beside its pixels.
#[derive(Debug, Clone, Copy)]
pub struct LabelMap<'a> {
    /// The grid.
    pub frame: &'a PixelFrame,
    /// The pixels that the file gets.
    pub window: Window,
    /// Gives colours and names.
    pub scheme: &'a Scheme,
    /// Whether a second band tells how unknown pixels are, as label blocks do.
    pub unknown: bool,
}

/// Rows of a label map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelRows {
    /// The class of each pixel.
    pub classes: Vec<u8>,
    /// How unknown each pixel is, where the map tells that.
    pub unknown: Option<Vec<u8>>,
}

/// Writes a label map as a Cloud Optimized `GeoTIFF`: DEFLATE, tiles of 512 pixels, colour table, overviews by the most
/// frequent class, class names in `.aux.xml` beside it. Never holds more than a strip of 512 rows.
///
/// `rows` gives windows as wide as the map, from the top to the bottom, row by row.
///
/// # Errors
/// When `rows` fails, or the file cannot be written; then there is no file.
///
/// # Panics
/// When `rows` does not give one value per pixel and band.
pub fn write_label_cog<E: From<RasterError>>(
    path: &Path,
    map: &LabelMap,
    mut rows: impl FnMut(&Window) -> Result<LabelRows, E>,
) -> Result<(), E> {
    let cog = Draft::new(path).map_err(RasterError::from)?;
    let failed = |e: GdalError| E::from(RasterError::from(cog.failed(reason(&e))));
    let dataset = begin(&cog.temporary().with_extension("plain.tif"), map).map_err(failed)?;
    let end = map.window.end_row();
    for first in (map.window.row..end).step_by(STRIP_ROWS as usize) {
        let last = (first + i64::from(STRIP_ROWS)).min(end);
        let strip = Window::between(map.window.col, first, map.window.end_col(), last);
        let LabelRows { classes, unknown } = rows(&strip)?;
        assert!(unknown.is_some() == map.unknown, "as many bands as the map has");
        for (band, values) in (1..).zip([Some(classes), unknown].into_iter().flatten()) {
            assert!(values.len() == strip.pixels(), "one value per pixel of {strip}");
            create::write_rows(&dataset, (band, (first - map.window.row) as u32), values).map_err(failed)?;
        }
    }
    copy(dataset, cog.temporary()).map_err(failed)?;
    Ok(create::publish(cog, Draft::publish)?)
}

fn begin(path: &Path, map: &LabelMap) -> Result<Dataset, GdalError> {
    let options = ["TILED=YES", "BLOCKXSIZE=512", "BLOCKYSIZE=512", "COMPRESS=DEFLATE", "ZLEVEL=1", "BIGTIFF=IF_SAFER"];
    let dataset = create::create::<u8>(path, (map.frame, &map.window), if map.unknown { 2 } else { 1 }, &options)?;
    if map.unknown {
        dataset.rasterband(1)?.set_description("class")?;
        let mut unknown = dataset.rasterband(2)?;
        unknown.set_description(UNKNOWN)?;
        // Else the COG driver takes it for opacity.
        unknown.set_color_interpretation(ColorInterpretation::GrayIndex)?;
    }
    let mut band = dataset.rasterband(1)?;
    band.set_color_table(&create::colour_table(map.scheme));
    band.set_no_data_value(Some(0.0))?;
    let last = map.scheme.classes.iter().map(|class| class.code).max().unwrap_or(0);
    let name = |code: u8| map.scheme.classes.iter().find(|c| c.code == code).map_or(String::new(), |c| c.name.clone());
    category::set_names(&mut band, &(0..=last).map(name).collect::<Vec<_>>());
    Ok(dataset)
}

fn copy(mut dataset: Dataset, path: &Path) -> Result<(), GdalError> {
    dataset.flush_cache()?;
    let options = ["COMPRESS=DEFLATE", "LEVEL=1", "BLOCKSIZE=512", "OVERVIEW_RESAMPLING=MODE", "BIGTIFF=IF_SAFER"];
    let options = options.into_iter().collect::<RasterCreationOptions>();
    dataset.create_copy(&DriverManager::get_driver_by_name("COG")?, path, &options)?.close()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::georef::{Crs, GeoTransform};
    use crate::raster::ClassRaster;
    use crate::raster::open;

    #[test]
    fn a_label_map_is_a_cog_with_colours_names_and_overviews() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("labels.tif");
        let transform = GeoTransform::new([500_000.0, 0.25, 0.0, 5_500_000.0, 0.0, -0.25]).expect("regular");
        let frame = PixelFrame { crs: Crs::new("EPSG:32632").expect("known"), transform };
        let window = Window::new(-100, 50, 1300, 1100);
        let class = |col: i64, row: i64| if col < 0 { 0 } else { 1 + ((col / 64 + row / 64) % 5) as u8 };
        let scheme = Scheme::city();
        let map = LabelMap { frame: &frame, window, scheme: &scheme, unknown: false };
        write_label_cog(&path, &map, |w| -> Result<_, RasterError> {
            let classes = (w.row..w.end_row()).flat_map(|r| (w.col..w.end_col()).map(move |c| class(c, r))).collect();
            Ok(LabelRows { classes, unknown: None })
        })
        .expect("written");
        let raster = ClassRaster::open(&path).expect("classes");
        let labels: Vec<u8> = raster.read(&raster.window()).expect("read");
        assert_eq!((labels[0], labels[100], labels[1300 * 1099 + 700]), (0, class(0, 50), class(600, 1149)));
        assert_eq!(raster.frame().transform, transform.shifted(-100.0, 50.0));
        let building = scheme.named("building").expect("a city has them");
        assert!(raster.names().contains(&(building.id().0, "building".to_owned())), "{:?}", raster.names());
        assert!(raster.colours().contains(&(building.id().0, building.colour.0)));
        let dataset = open::open(&path).expect("a GeoTIFF");
        assert_eq!(dataset.metadata_item("LAYOUT", "IMAGE_STRUCTURE").as_deref(), Some("COG"));
        assert!(dataset.rasterband(1).expect("there").overview_count().expect("counted") >= 2);
        assert_eq!(folder.path().read_dir().expect("there").count(), 2, "the map and its .aux.xml");
    }
}
