//! The place of a raster, from its own georeference.

use std::path::Path;

use gdal::{Dataset, Metadata};

use super::RasterError;
use crate::georef::{Crs, GeoTransform, PixelFrame, Window};

/// Where the pixels of a raster lie.
pub(super) fn frame(
    path: &Path,
    dataset: &Dataset,
    crs_of: &mut dyn FnMut(&str) -> Result<Crs, RasterError>,
) -> Result<PixelFrame, RasterError> {
    let owned = || path.to_owned();
    let coefficients = dataset.geo_transform().map_err(|_| unplaced(path, dataset))?;
    let transform = GeoTransform::new(coefficients).map_err(|cause| RasterError::Transform { path: owned(), cause })?;
    let wkt = dataset.projection();
    if wkt.is_empty() {
        return Err(RasterError::NoCrs { path: owned() });
    }
    let crs = crs_of(&wkt).map_err(|e| match e {
        RasterError::Grid(source) => RasterError::Crs { path: owned(), cause: source },
        other => other,
    })?;
    let frame = PixelFrame { crs, transform };
    let (cols, rows) = dataset.raster_size();
    let bounds = frame.bounds(&Window::new(0, 0, cols as u32, rows as u32));
    frame.crs.check_bounds(&bounds).map_err(|cause| RasterError::Crs { path: owned(), cause })?;
    Ok(frame)
}

/// Why a raster without a geotransform has no place.
fn unplaced(path: &Path, dataset: &Dataset) -> RasterError {
    let points = dataset.gcps().len();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if points > 0 {
        let by = format!("{points} ground control points");
        return RasterError::NotWarped { path: path.to_owned(), by, remedy: format!("gdalwarp {name} warped.tif") };
    }
    if dataset.metadata_domain("RPC").is_some_and(|rpc| !rpc.is_empty()) {
        let by = "a camera model (RPC)".to_owned();
        let remedy = format!("gdalwarp -rpc {name} warped.tif");
        return RasterError::NotWarped { path: path.to_owned(), by, remedy };
    }
    RasterError::NoGeoreference { path: path.to_owned() }
}
