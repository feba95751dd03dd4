//! Scenes far away from all others.

use std::path::{Path, PathBuf};

use super::{Mosaic, Scene};
use crate::georef::{Crs, MapPoint, PixelPoint, Projector};

/// Mean radius of the earth in metres.
const EARTH_M: f64 = 6_371_009.0;

/// A gap of so many times the extent of the other scenes makes a stray scene.
const FAR: f64 = 10.0;

/// Shorter gaps make none.
const LEAST_GAP_M: f64 = 20_000.0;

/// A scene far away from the others of its mosaic.
#[derive(Debug, Clone, PartialEq)]
pub struct Stray {
    /// The scene.
    pub path: PathBuf,
    /// From its middle to the middle of the others, in metres.
    pub distance_m: f64,
    /// Number of scenes that lie as far away, itself included.
    pub count: usize,
}

/// Where a scene lies on the globe.
struct Place<'a> {
    path: &'a Path,
    at: [f64; 3],
    radius_m: f64,
}

impl Mosaic {
    /// The nearest of the scenes that lie far away from most of the mosaic, if there are any.
    #[must_use]
    pub fn stray(&self) -> Option<Stray> {
        let places: Vec<Place> = self.scenes().iter().filter_map(place).collect();
        let centre = centre(&places)?;
        let mut by_distance: Vec<(f64, &Place)> =
            places.iter().map(|place| (angle(centre, place.at) * EARTH_M, place)).collect();
        by_distance.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut extent_m = 0.0_f64;
        for (n, (distance_m, place)) in by_distance.iter().enumerate() {
            let gap_m = distance_m - place.radius_m - extent_m;
            if n > 0 && 2 * n >= by_distance.len() && gap_m > LEAST_GAP_M && gap_m > FAR * extent_m {
                return Some(Stray {
                    path: place.path.to_owned(),
                    distance_m: *distance_m,
                    count: by_distance.len() - n,
                });
            }
            extent_m = extent_m.max(distance_m + place.radius_m);
        }
        None
    }
}

fn place(scene: &Scene) -> Option<Place<'_>> {
    let to_lon_lat = Projector::new(&scene.frame.crs, &Crs::lon_lat()).ok()?;
    let middle = PixelPoint { col: f64::from(scene.cols) / 2.0, row: f64::from(scene.rows) / 2.0 };
    let at = to_lon_lat.project(scene.frame.transform.to_map(middle)).ok()?;
    let radius_m = f64::from(scene.cols).hypot(f64::from(scene.rows)) / 2.0 * scene.resolution_m_per_px;
    Some(Place { path: &scene.path, at: on_sphere(at), radius_m })
}

fn on_sphere(at: MapPoint) -> [f64; 3] {
    let (lon, lat) = (at.x.to_radians(), at.y.to_radians());
    [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
}

fn angle(a: [f64; 3], b: [f64; 3]) -> f64 {
    let chord: f64 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
    2.0 * (chord.sqrt() / 2.0).min(1.0).asin()
}

/// A scene in the middle of most: that nearest to the median; of two, the one laid first.
fn centre(places: &[Place]) -> Option<[f64; 3]> {
    let median = |axis: usize| {
        let mut values: Vec<f64> = places.iter().map(|place| place.at[axis]).collect();
        values.sort_by(f64::total_cmp);
        values.get((values.len().saturating_sub(1)) / 2).copied().unwrap_or_default()
    };
    let median = [0, 1, 2].map(median);
    if places.len() == 2 {
        return Some(places[0].at);
    }
    places.iter().map(|place| place.at).min_by(|a, b| angle(*a, median).total_cmp(&angle(*b, median)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::fixture::Picture;

    /// A mosaic of scenes at some eastings of UTM zone 32, in kilometres.
    fn mosaic(eastings_km: &[f64]) -> (tempfile::TempDir, Mosaic) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (n, km) in eastings_km.iter().enumerate() {
            let transform = Some([km * 1000.0, 0.5, 0.0, 5_500_000.0, 0.0, -0.5]);
            let picture = Picture { transform, ..Picture::rgb() };
            picture.write(&folder.path().join(format!("{n}.tif")), |_, _, _| 100_u8).close().expect("closed");
        }
        let mosaic = Mosaic::open(&[folder.path().to_owned()]).expect("a mosaic");
        (folder, mosaic)
    }

    #[test]
    fn a_scene_far_from_the_others_is_named_with_its_distance() {
        for (eastings, stray) in [
            (&[500.0, 500.1, 500.2, 600.0][..], Some(("3.tif", 99.9))),
            (&[600.0, 500.0, 500.1, 500.2], Some(("0.tif", 99.9))),
            (&[500.0, 600.0], Some(("1.tif", 100.0))),
            (&[500.0, 500.1, 500.2, 505.0], None),
            (&[500.0, 510.0, 520.0, 530.0, 540.0], None),
            (&[500.0], None),
        ] {
            let (_folder, mosaic) = mosaic(eastings);
            let found = mosaic.stray();
            match (stray, found) {
                (None, None) => {}
                (Some((name, km)), Some(found)) => {
                    assert!(found.path.ends_with(name) && (found.distance_m / 1000.0 - km).abs() < 1.0, "{found:?}");
                }
                (stray, found) => panic!("{eastings:?}: {stray:?} is not {found:?}"),
            }
        }
    }
}
