//! Small rasters for the tests of this room.

use std::path::{Path, PathBuf};

use gdal::raster::{Buffer, ColorInterpretation, GdalType, RasterCreationOptions};
use gdal::spatial_ref::SpatialRef;
use gdal::{Dataset, DriverManager};

/// A raster to be written.
pub struct Picture<'a> {
    pub crs: Option<&'a str>,
    pub transform: Option<[f64; 6]>,
    pub size: (usize, usize),
    pub bands: usize,
    pub options: &'a [&'a str],
}

impl Picture<'_> {
    /// Three bands of half-metre pixels in UTM zone 32 north.
    pub fn rgb() -> Self {
        let transform = Some([500_000.0, 0.5, 0.0, 5_500_000.0, 0.0, -0.5]);
        Self {
            crs: Some("EPSG:32632"),
            transform,
            size: (200, 150),
            bands: 3,
            options: &["TILED=YES", "BLOCKXSIZE=64", "BLOCKYSIZE=64"],
        }
    }

    /// Writes it; `sample` gives band (from 0), column and row their value.
    pub fn write<T: GdalType + Copy>(&self, path: &Path, sample: impl Fn(usize, usize, usize) -> T) -> Dataset {
        let driver = DriverManager::get_driver_by_name("GTiff").expect("built in");
        let options = self.options.iter().copied().collect::<RasterCreationOptions>();
        let (cols, rows) = self.size;
        let mut dataset = driver
            .create_with_band_type_with_options::<T, _>(path, cols, rows, self.bands, &options)
            .expect("writable");
        if let Some(transform) = &self.transform {
            dataset.set_geo_transform(transform).expect("a geotransform");
        }
        if let Some(crs) = self.crs {
            dataset.set_spatial_ref(&SpatialRef::from_definition(crs).expect("known")).expect("a system");
        }
        for band in 0..self.bands {
            let samples = (0..cols * rows).map(|i| sample(band, i % cols, i / cols)).collect();
            let mut buffer = Buffer::new(self.size, samples);
            dataset.rasterband(band + 1).expect("there").write((0, 0), self.size, &mut buffer).expect("written");
        }
        dataset
    }

    /// Writes a smooth picture whose value depends on the place on the map alone, and closes it.
    pub fn write_landscape(&self, path: &Path) -> PathBuf {
        let t = self.transform.expect("placed");
        let map = |col: usize, row: usize| {
            let (c, r) = (col as f64 + 0.5, row as f64 + 0.5);
            (t[0] + c * t[1] + r * t[2], t[3] + c * t[4] + r * t[5])
        };
        self.write(path, |band, col, row| landscape(band, map(col, row))).close().expect("closed");
        path.to_owned()
    }
}

/// A smooth pattern of the map, never pure white or black.
pub fn landscape(band: usize, (x, y): (f64, f64)) -> u8 {
    let phase = band as f64;
    (128.0 + 50.0 * (x / 7.0 + phase).sin() + 50.0 * (y / 9.0 - phase).cos()).round() as u8
}

/// A pattern without any smoothness, never pure white or black.
pub fn noise(band: usize, col: usize, row: usize) -> u8 {
    let mut v = (band * 7919 + col * 104_729 + row * 1_299_709) as u32;
    v ^= v >> 15;
    v = v.wrapping_mul(0x2c1b_3c6d);
    v ^= v >> 12;
    (v % 200) as u8 + 20
}

/// Says that a band is alpha.
pub fn mark_alpha(dataset: &Dataset, band: usize) {
    let mut band = dataset.rasterband(band).expect("there");
    band.set_color_interpretation(ColorInterpretation::AlphaBand).expect("accepted");
}

/// Where the real data lies, if it is there.
pub fn shared_data() -> Option<PathBuf> {
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let folder = std::env::var_os("ORTHOTILE_DATA").map_or_else(default, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no ../shared/data");
    None
}
