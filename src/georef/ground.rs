//! Lengths and areas on the ground, in true metres.

use std::collections::HashMap;

use super::{Crs, CrsError, GeoTransform, MapPoint, PixelPoint, Projector};

/// How far apart a [`ScaleMesh`] measures. Scales bend by (1 km / 6371 km)² / 8 between: 3e-9.
const MESH_M: f64 = 1000.0;
/// A mesh that is finer than so many pixels saves nothing.
const LEAST_MESH_PX: f64 = 8.0;

/// What one pixel is on the ground, in metres east and north on the WGS 84 ellipsoid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroundScale {
    /// Metres (east, north) of one step along a row, a column further right.
    pub per_col_m: (f64, f64),
    /// Metres (east, north) of one step down a column.
    pub per_row_m: (f64, f64),
}

impl GroundScale {
    /// The area of a pixel in square metres.
    #[must_use]
    pub fn pixel_area_m2(&self) -> f64 {
        (self.per_col_m.0 * self.per_row_m.1 - self.per_col_m.1 * self.per_row_m.0).abs()
    }

    /// The mean side of a pixel in metres: the ground resolution.
    #[must_use]
    pub fn resolution_m_per_px(&self) -> f64 {
        self.pixel_area_m2().sqrt()
    }

    /// Metres (east, north) of an offset in pixels.
    #[must_use]
    pub fn offset_m(&self, cols: f64, rows: f64) -> (f64, f64) {
        (cols * self.per_col_m.0 + rows * self.per_row_m.0, cols * self.per_col_m.1 + rows * self.per_row_m.1)
    }

    /// The offset in pixels (columns, rows) of metres east and north: the inverse of [`Self::offset_m`].
    #[must_use]
    pub fn offset_px(&self, east_m: f64, north_m: f64) -> (f64, f64) {
        let ((ce, cn), (re, rn)) = (self.per_col_m, self.per_row_m);
        let determinant = ce * rn - cn * re;
        ((east_m * rn - north_m * re) / determinant, (north_m * ce - east_m * cn) / determinant)
    }

    /// A share of the way to another scale.
    fn towards(&self, other: &Self, share: f64) -> Self {
        let mix = |a: (f64, f64), b: (f64, f64)| (a.0 + (b.0 - a.0) * share, a.1 + (b.1 - a.1) * share);
        Self { per_col_m: mix(self.per_col_m, other.per_col_m), per_row_m: mix(self.per_row_m, other.per_row_m) }
    }
}

/// Measures a grid on the ground. It holds PROJ objects: make one on each thread.
pub struct Ground {
    transform: GeoTransform,
    to_lon_lat: Projector,
}

impl Ground {
    /// For the grid of `transform` in `crs`.
    ///
    /// # Errors
    /// When PROJ has no way from `crs` to longitude and latitude.
    pub fn new(transform: GeoTransform, crs: &Crs) -> Result<Self, CrsError> {
        Ok(Self { transform, to_lon_lat: Projector::new(crs, &Crs::lon_lat())? })
    }

    /// Longitude and latitude of a position of the grid, in degrees.
    ///
    /// # Errors
    /// When the position has no image.
    pub fn lon_lat(&self, at: PixelPoint) -> Result<MapPoint, CrsError> {
        self.to_lon_lat.project(self.transform.to_map(at))
    }

    /// What one pixel is on the ground at a position of the grid.
    ///
    /// By the radii of curvature of WGS 84 over one pixel around the position: exact to about 1e-6 for pixels of metres.
    ///
    /// # Errors
    /// When the position has no image.
    pub fn scale_at(&self, at: PixelPoint) -> Result<GroundScale, CrsError> {
        let middle = self.lon_lat(at)?;
        let step = |cols: f64, rows: f64| -> Result<(f64, f64), CrsError> {
            let from = self.lon_lat(PixelPoint { col: at.col - cols / 2.0, row: at.row - rows / 2.0 })?;
            let to = self.lon_lat(PixelPoint { col: at.col + cols / 2.0, row: at.row + rows / 2.0 })?;
            let near_pole = middle.y.abs() > NEAR_POLE_DEG;
            Ok(if near_pole { metres_near_pole(from, to, middle) } else { metres_between(from, to) })
        };
        // Ten pixels wide, so that the degrees keep enough digits.
        let tenth = |(e, n): (f64, f64)| (e / 10.0, n / 10.0);
        Ok(GroundScale { per_col_m: tenth(step(10.0, 0.0)?), per_row_m: tenth(step(0.0, 10.0)?) })
    }
}

/// The scale at many positions of a grid: measured at the knots of a mesh that lies fixed on the grid, linear between them.
/// It holds PROJ objects: make one on each thread.
pub struct ScaleMesh {
    ground: Ground,
    /// How far apart the knots are; none where each position is measured by itself.
    step_px: Option<f64>,
    /// By column and row of the mesh; none where the knot has no image.
    knots: HashMap<[i64; 2], Option<GroundScale>>,
}

impl ScaleMesh {
    /// With knots as far apart as pixels of about this size allow.
    #[must_use]
    pub fn new(ground: Ground, resolution_m_per_px: f64) -> Self {
        let step_px = (MESH_M / resolution_m_per_px).floor();
        Self { ground, step_px: (step_px >= LEAST_MESH_PX).then_some(step_px), knots: HashMap::new() }
    }

    /// What one pixel is on the ground at a position of the grid; as [`Ground::scale_at`], to about 1e-8.
    ///
    /// # Errors
    /// When the position has no image.
    pub fn scale_at(&mut self, at: PixelPoint) -> Result<GroundScale, CrsError> {
        let Some(step_px) = self.step_px else { return self.ground.scale_at(at) };
        let (col, row) = (at.col / step_px, at.row / step_px);
        let [left, top] = [col.floor() as i64, row.floor() as i64];
        let corners = [[left, top], [left + 1, top], [left, top + 1], [left + 1, top + 1]];
        match corners.map(|knot| self.knot(knot, step_px)) {
            [Some(a), Some(b), Some(c), Some(d)] => {
                let (right, down) = (col - col.floor(), row - row.floor());
                Ok(a.towards(&b, right).towards(&c.towards(&d, right), down))
            }
            _ => self.ground.scale_at(at),
        }
    }

    fn knot(&mut self, [col, row]: [i64; 2], step_px: f64) -> Option<GroundScale> {
        let ground = &self.ground;
        let at = PixelPoint { col: col as f64 * step_px, row: row as f64 * step_px };
        *self.knots.entry([col, row]).or_insert_with(|| ground.scale_at(at).ok())
    }
}

/// The semi-major axis of WGS 84.
pub(super) const SEMI_MAJOR_M: f64 = 6_378_137.0;
/// The square of its eccentricity.
pub(super) const ECCENTRICITY_2: f64 = 0.006_694_379_990_141_317;

/// Metres (east, north) between two near positions in degrees, by the radii of curvature at their middle.
fn metres_between(from: MapPoint, to: MapPoint) -> (f64, f64) {
    let latitude = f64::midpoint(from.y, to.y).to_radians();
    let curvature = 1.0 - ECCENTRICITY_2 * latitude.sin().powi(2);
    let prime_vertical_m = SEMI_MAJOR_M / curvature.sqrt();
    let meridian_m = SEMI_MAJOR_M * (1.0 - ECCENTRICITY_2) / curvature.powf(1.5);
    // Across the antimeridian the shorter way is meant.
    let mut lon = to.x - from.x;
    if lon.abs() > 180.0 {
        lon -= 360.0_f64.copysign(lon);
    }
    (lon.to_radians() * prime_vertical_m * latitude.cos(), (to.y - from.y).to_radians() * meridian_m)
}

/// The latitude beyond which longitudes turn too fast to tell east from west, in degrees.
const NEAR_POLE_DEG: f64 = 89.0;

/// The same near a pole, by the straight way through space; east and north are those of a third position.
fn metres_near_pole(from: MapPoint, to: MapPoint, at: MapPoint) -> (f64, f64) {
    let [from, to] = [from, to].map(in_space);
    let step = [to[0] - from[0], to[1] - from[1], to[2] - from[2]];
    let ((lon_sin, lon_cos), (lat_sin, lat_cos)) = (at.x.to_radians().sin_cos(), at.y.to_radians().sin_cos());
    let outwards = step[0] * lon_cos + step[1] * lon_sin;
    (step[1] * lon_cos - step[0] * lon_sin, step[2] * lat_cos - outwards * lat_sin)
}

/// A position in degrees as metres from the middle of the earth.
pub(super) fn in_space(p: MapPoint) -> [f64; 3] {
    let ((lon_sin, lon_cos), (lat_sin, lat_cos)) = (p.x.to_radians().sin_cos(), p.y.to_radians().sin_cos());
    let prime_vertical_m = SEMI_MAJOR_M / (1.0 - ECCENTRICITY_2 * lat_sin * lat_sin).sqrt();
    let out = prime_vertical_m * lat_cos;
    [out * lon_cos, out * lon_sin, prime_vertical_m * (1.0 - ECCENTRICITY_2) * lat_sin]
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn metres_of_web_mercator_are_not_ground_metres() {
        // Banepa, Nepal: 0.149291 units of EPSG:3857 are 0.132 m on the ground.
        let size = 0.149_291;
        let t = GeoTransform::new([9_519_391.0, size, 0.0, 3_203_475.0, 0.0, -size]).expect("regular");
        let scale = Ground::new(t, &Crs::web_mercator()).expect("known").scale_at(PixelPoint { col: 0.0, row: 0.0 });
        let metres = scale.expect("inside").resolution_m_per_px();
        assert!((metres - 0.1322).abs() < 3e-4, "{metres}");
    }

    #[test]
    fn metres_of_utm_are_nearly_ground_metres() {
        let t = GeoTransform::new([500_000.0, 0.25, 0.0, 5_500_000.0, 0.0, -0.25]).expect("regular");
        let crs = Crs::new("EPSG:32632").expect("known");
        let scale = Ground::new(t, &crs).expect("known").scale_at(PixelPoint { col: 5.0, row: 5.0 }).expect("inside");
        assert!((scale.resolution_m_per_px() / 0.25 - 1.0 / 0.9996).abs() < 1e-6);
        assert!(scale.per_row_m.1 < 0.0 && scale.per_col_m.0 > 0.0);
    }

    #[rstest]
    #[case::the_south_pole("EPSG:3031", 0.97276)]
    #[case::the_north_pole("EPSG:3413", 0.96986)]
    fn a_pixel_at_a_pole_is_as_large_as_those_around_it(#[case] crs: &str, #[case] scale: f64) {
        let t = GeoTransform::new([-32.0, 0.5, 0.0, 32.0, 0.0, -0.5]).expect("regular");
        let ground = Ground::new(t, &Crs::new(crs).expect("known")).expect("known");
        for (col, row) in [(64.0, 64.0), (64.5, 64.5), (70.0, 50.0), (0.0, 128.0)] {
            let side_m = ground.scale_at(PixelPoint { col, row }).expect("inside").resolution_m_per_px();
            assert!((side_m / (0.5 / scale) - 1.0).abs() < 1e-4, "{side_m} at {col}, {row}");
        }
    }

    #[test]
    fn a_mesh_measures_like_the_ground() {
        let grids = [
            ("EPSG:32645", [700_000.0, 0.3, 0.1, 3_060_000.0, 0.1, -0.3]),
            ("EPSG:3857", [9_519_391.0, 0.149_291, 0.0, 3_203_475.0, 0.0, -0.149_291]),
            ("EPSG:32701", [180_000.0, 1.0, 0.0, 8_142_000.0, 0.0, 1.0]), // across the antimeridian
            ("EPSG:4326", [9.0, 1e-5, 0.0, 60.0, 0.0, -1e-5]),
            ("EPSG:4326", [-180.0, 0.1, 0.0, 90.0, 0.0, -0.1]), // too coarse for a mesh
        ];
        for (code, transform) in grids {
            let crs = Crs::new(code).expect("known");
            let ground = || Ground::new(GeoTransform::new(transform).expect("regular"), &crs).expect("known");
            let at = |i: i64| PixelPoint { col: (i * 977 % 3600) as f64, row: (i * 611 % 1700) as f64 };
            let resolution = ground().scale_at(at(20)).expect("inside").resolution_m_per_px();
            let mut mesh = ScaleMesh::new(ground(), resolution);
            for i in 1..40 {
                let (found, true_one) = (mesh.scale_at(at(i)), ground().scale_at(at(i)));
                let (found, true_one) = (found.expect("inside"), true_one.expect("inside"));
                let off = found.pixel_area_m2() / true_one.pixel_area_m2() - 1.0;
                assert!(off.abs() < 1e-8, "{code} {:?}: {off}", at(i));
            }
        }
    }
}
