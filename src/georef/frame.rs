//! A pixel grid without end.

use super::{Crs, GeoTransform, MapBounds, Window};

/// A pixel grid without extent: where pixel (0, 0) lies on the map, and how large and how turned the pixels are.
#[derive(Debug, Clone, PartialEq)]
pub struct PixelFrame {
    /// The reference system of map space.
    pub crs: Crs,
    /// Raster space to map space.
    pub transform: GeoTransform,
}

impl PixelFrame {
    /// The upright rectangle around a window, in map space.
    #[must_use]
    pub fn bounds(&self, window: &Window) -> MapBounds {
        self.transform.bounds(window)
    }
}
