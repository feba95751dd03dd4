//! What can be wrong with a raster.

use std::path::{Path, PathBuf};

use gdal::errors::GdalError;
use thiserror::Error;

use crate::files::FileError;
use crate::georef::{CrsError, TransformError, Window};

/// Why a raster cannot be read or written; every message names the file and what would do instead.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RasterError {
    /// The file is absent or may not be read.
    #[error("{path}: cannot be read: {cause}")]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The name says `GeoTIFF`, the first bytes do not.
    #[error("{path}: is not a TIFF file (accepted: GeoTIFF, a folder of GeoTIFFs, or a VRT of GeoTIFFs beside it)")]
    NotTiff {
        /// The file.
        path: PathBuf,
    },
    /// A TIFF whose parts do not all lie in the file, or that GDAL cannot open.
    #[error("{path}: is truncated or damaged: {reason} (accepted: a complete GeoTIFF; copy or make it again)")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// Nothing says where the raster lies.
    #[error(
        "{path}: has no georeference (accepted: a geotransform and a coordinate reference system in the TIFF, or a .tfw or .aux.xml beside it)"
    )]
    NoGeoreference {
        /// The file.
        path: PathBuf,
    },
    /// Nothing but ground control points or a camera model says where the raster lies.
    #[error(
        "{path}: is placed by {by} only, not by a geotransform (accepted: a raster that is warped already; `{remedy}`)"
    )]
    NotWarped {
        /// The file.
        path: PathBuf,
        /// What places it.
        by: String,
        /// The command that warps it.
        remedy: String,
    },
    /// A geotransform, but nothing that says in which system.
    #[error(
        "{path}: has no coordinate reference system (accepted: any EPSG code or WKT; `gdal_edit -a_srs EPSG:…` adds it)"
    )]
    NoCrs {
        /// The file.
        path: PathBuf,
    },
    /// The reference system is unknown, or a position has no image.
    #[error("{path}: {cause}")]
    Crs {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: CrsError,
    },
    /// The geotransform is degenerate.
    #[error("{path}: {cause}")]
    Transform {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: TransformError,
    },
    /// Bands or sample types that are not imagery.
    #[error("{path}: {what}")]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What was found, and what would be accepted.
        what: String,
    },
    /// The header claims more than such a file can hold, or more than can be read in pieces.
    #[error("{path}: {what}")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What was found, and what would be accepted.
        what: String,
    },
    /// A folder without `GeoTIFFs`, or no path at all.
    #[error("{path}: holds no GeoTIFF (accepted: files that end in .tif or .tiff)")]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// A VRT that does more than place and scale local `GeoTIFFs`.
    #[error("{path}: {what} (accepted: a VRT of local GeoTIFF files; `gdal_translate` makes a GeoTIFF of any other)")]
    Vrt {
        /// The VRT.
        path: PathBuf,
        /// The offending part.
        what: String,
    },
    /// A scene without a place in the grid of the others.
    #[error(
        "{path}: has no place in the reference system of {first} ({crs}): it lies too far away (leave it out, or open it as a mosaic of its own)"
    )]
    Unplaced {
        /// The scene.
        path: PathBuf,
        /// The scene whose grid the mosaic takes.
        first: PathBuf,
        /// The reference system of that grid.
        crs: String,
    },
    /// A window could not be read.
    #[error("{path}: {window} cannot be read: {reason}")]
    Read {
        /// The file.
        path: PathBuf,
        /// In the file's own pixels.
        window: Window,
        /// What GDAL said.
        reason: String,
    },
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] FileError),
    /// A channel that a scene does not have.
    #[error(
        "{path}: has no {channel} channel (bands: {bands}; accepted: scenes that all have the channels that the model reads; --bands R,G,B,NIR says which are which)"
    )]
    NoChannel {
        /// The scene.
        path: PathBuf,
        /// The channel.
        channel: &'static str,
        /// The bands that there are, by their roles.
        bands: String,
    },
    /// A `GeoTIFF` that is not the label block or class raster that was expected.
    #[error("{path}: {what}")]
    NotLabels {
        /// The file.
        path: PathBuf,
        /// What was found, and what would be accepted.
        what: String,
    },
    /// The target grid of a reader has no way to or from the mosaic's.
    #[error("the grid that is asked for cannot be placed on the mosaic: {0}")]
    Grid(#[from] CrsError),
}

impl RasterError {
    /// Whether a file of a folder may just be something else than a scene, and not a scene that is broken.
    pub(super) fn is_of_another_kind(&self) -> bool {
        matches!(
            self,
            Self::NotTiff { .. } | Self::NoGeoreference { .. } | Self::NotWarped { .. } | Self::Unsupported { .. }
        )
    }

    /// Reading of `window` of `path` failed.
    pub(super) fn read(path: &Path, window: Window, error: &GdalError) -> Self {
        Self::Read { path: path.to_owned(), window, reason: reason(error) }
    }

    /// The file itself is wrong.
    pub(super) fn damaged(path: &Path, error: &GdalError) -> Self {
        Self::Damaged { path: path.to_owned(), reason: reason(error) }
    }
}

/// GDAL's own words, without the wrapping.
pub(super) fn reason(error: &GdalError) -> String {
    let text = match error {
        GdalError::CplError { msg, .. } | GdalError::NullPointer { msg, .. } => msg.trim().to_owned(),
        other => other.to_string(),
    };
    if text.is_empty() { "GDAL gives no reason".to_owned() } else { text }
}
