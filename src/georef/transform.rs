//! The affine map from raster space to map space.

use thiserror::Error;

use super::Window;

/// A position in raster space, in pixels; (0, 0) is the outer corner of the first pixel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PixelPoint {
    /// Rightwards.
    pub col: f64,
    /// Downwards.
    pub row: f64,
}

/// A position in map space, in the units of a coordinate reference system; x is east, y is north.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MapPoint {
    /// Easting or longitude.
    pub x: f64,
    /// Northing or latitude.
    pub y: f64,
}

/// An upright rectangle in map space.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MapBounds {
    /// The west and south side.
    pub min: MapPoint,
    /// The east and north side.
    pub max: MapPoint,
}

impl MapBounds {
    /// The smallest rectangle around `points`; `None` when there are none or one is not finite.
    pub fn around(points: impl IntoIterator<Item = MapPoint>) -> Option<Self> {
        let mut bounds: Option<Self> = None;
        for p in points {
            if !(p.x.is_finite() && p.y.is_finite()) {
                return None;
            }
            let b = bounds.get_or_insert(Self { min: p, max: p });
            b.min = MapPoint { x: b.min.x.min(p.x), y: b.min.y.min(p.y) };
            b.max = MapPoint { x: b.max.x.max(p.x), y: b.max.y.max(p.y) };
        }
        bounds
    }

    /// Whether the two share more than a border.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.min.x < other.max.x && other.min.x < self.max.x && self.min.y < other.max.y && other.min.y < self.max.y
    }

    /// The middle.
    #[must_use]
    pub fn center(&self) -> MapPoint {
        MapPoint { x: f64::midpoint(self.min.x, self.max.x), y: f64::midpoint(self.min.y, self.max.y) }
    }
}

/// Why six numbers are no geotransform.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum TransformError {
    /// A coefficient is infinite or not a number.
    #[error("geotransform {0:?} holds a number that is not finite")]
    NotFinite([f64; 6]),
    /// The pixel has no area.
    #[error("geotransform {0:?} has pixels without area")]
    Singular([f64; 6]),
}

/// GDAL's six coefficients: raster space to map space, north-up, south-up, rotated or sheared.
///
/// `x = c[0] + col·c[1] + row·c[2]`, `y = c[3] + col·c[4] + row·c[5]`
/// (GDAL raster data model, "Affine GeoTransform").
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GeoTransform([f64; 6]);

impl GeoTransform {
    /// Checks the coefficients.
    ///
    /// # Errors
    /// When a number is not finite or the pixel has no area.
    pub fn new(coefficients: [f64; 6]) -> Result<Self, TransformError> {
        let c = coefficients;
        if !c.iter().all(|v| v.is_finite()) {
            return Err(TransformError::NotFinite(c));
        }
        let determinant = c[1] * c[5] - c[2] * c[4];
        if determinant == 0.0 || !determinant.is_normal() {
            return Err(TransformError::Singular(c));
        }
        Ok(Self(c))
    }

    /// The six coefficients in GDAL's order.
    #[must_use]
    pub fn coefficients(&self) -> [f64; 6] {
        self.0
    }

    /// Raster space to map space.
    #[must_use]
    pub fn to_map(&self, p: PixelPoint) -> MapPoint {
        let c = &self.0;
        MapPoint { x: c[0] + p.col * c[1] + p.row * c[2], y: c[3] + p.col * c[4] + p.row * c[5] }
    }

    /// Map space to raster space.
    #[must_use]
    pub fn to_raster(&self, p: MapPoint) -> PixelPoint {
        let c = &self.0;
        let (dx, dy) = (p.x - c[0], p.y - c[3]);
        let determinant = self.determinant();
        PixelPoint { col: (dx * c[5] - dy * c[2]) / determinant, row: (dy * c[1] - dx * c[4]) / determinant }
    }

    /// The signed area of a pixel in square map units: negative for north-up rasters.
    #[must_use]
    pub fn determinant(&self) -> f64 {
        self.0[1] * self.0[5] - self.0[2] * self.0[4]
    }

    /// The transform of a grid with the same first corner whose pixels are `cols` × `rows` of these.
    ///
    /// Both factors must be positive and finite.
    #[must_use]
    pub fn scaled(&self, cols: f64, rows: f64) -> Self {
        let c = &self.0;
        Self([c[0], c[1] * cols, c[2] * rows, c[3], c[4] * cols, c[5] * rows])
    }

    /// The transform of a window's own raster, whose first corner is (`col`, `row`) of this one.
    #[must_use]
    pub fn shifted(&self, col: f64, row: f64) -> Self {
        let origin = self.to_map(PixelPoint { col, row });
        let c = &self.0;
        Self([origin.x, c[1], c[2], origin.y, c[4], c[5]])
    }

    /// The upright rectangle around a window.
    #[must_use]
    pub fn bounds(&self, window: &Window) -> MapBounds {
        let (c0, c1) = (window.col as f64, window.end_col() as f64);
        let (r0, r1) = (window.row as f64, window.end_row() as f64);
        let corners = [(c0, r0), (c1, r0), (c0, r1), (c1, r1)];
        MapBounds::around(corners.map(|(col, row)| self.to_map(PixelPoint { col, row })))
            .expect("a checked transform maps whole pixels to finite corners")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_north_up_corner_is_exact() {
        let t = GeoTransform::new([440_720.0, 60.0, 0.0, 3_751_320.0, 0.0, -60.0]).expect("regular");
        assert_eq!(t.to_map(PixelPoint { col: 2.0, row: 3.0 }), MapPoint { x: 440_840.0, y: 3_751_140.0 });
    }

    #[test]
    fn a_pixel_without_area_is_refused() {
        let c = [0.0, 1.0, 2.0, 0.0, 2.0, 4.0];
        assert_eq!(GeoTransform::new(c), Err(TransformError::Singular(c)));
        assert!(GeoTransform::new([f64::NAN, 1.0, 0.0, 0.0, 0.0, 1.0]).is_err());
    }

    proptest! {
        #[test]
        fn raster_to_map_and_back_returns(
            angle in 0.0..std::f64::consts::TAU, size in 0.01..100.0f64, flip in any::<bool>(),
            col in -1e5..1e5f64, row in -1e5..1e5f64,
        ) {
            let (sin, cos) = angle.sin_cos();
            let s = if flip { size } else { -size };
            let t = GeoTransform::new([5e5, size * cos, s * sin, 4e6, -size * sin, s * cos]).expect("regular");
            let back = t.to_raster(t.to_map(PixelPoint { col, row }));
            prop_assert!((back.col - col).abs() < 1e-4 && (back.row - row).abs() < 1e-4);
        }
    }
}
