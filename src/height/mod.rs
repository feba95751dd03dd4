//! Heights of buildings above their ground, from elevation rasters.
//!
//! The roof is a high percentile of the surface model inside the footprint, a little away from its border, where cells mix roof
//! and ground. The ground is a low percentile of the terrain model in and just around the footprint or, where there is none, of
//! the surface model in a ring around it that leaves out all footprints. (The percentiles are those of the 3DBAG: roofs at 70,
//! ground at 5; R. Peters, B. Dukai, S. Vitalis, J. van Liempt, J. Stoter 2022, DOI 10.14358/PERS.21-00032R2.)

mod cells;
mod cover;
mod percentile;

use geo::{BoundingRect, Polygon};
use thiserror::Error;

use crate::georef::{Crs, CrsError, Ground, MapPoint, PixelFrame, PixelPoint, Projector, Window};
use crate::raster::{Elevation, RasterError};
use crate::scheme::Class;

use cells::{Outline, distances_m};
pub use cover::{Cover, cover};
use percentile::percentile;

/// An elevation raster, read in windows.
pub trait Heights {
    /// Where its cells lie.
    fn frame(&self) -> &PixelFrame;

    /// Its cells.
    fn window(&self) -> Window;

    /// The heights of a window inside its own, row-major, in metres; NaN where there is none.
    ///
    /// # Errors
    /// When the cells cannot be read.
    fn read(&mut self, window: &Window) -> Result<Vec<f32>, RasterError>;
}

impl Heights for Elevation {
    fn frame(&self) -> &PixelFrame {
        Self::frame(self)
    }

    fn window(&self) -> Window {
        Self::window(self)
    }

    fn read(&mut self, window: &Window) -> Result<Vec<f32>, RasterError> {
        Self::read(self, window)
    }
}

/// How heights are measured.
#[derive(Debug, Clone, PartialEq)]
pub struct HeightOptions {
    /// Which part of the roof's cells lies below its height, in percent.
    pub roof_percent: f64,
    /// Which part of the ground's cells lies below its height, in percent.
    pub ground_percent: f64,
    /// How far from the border of the footprint roof cells stay, where enough are left.
    pub inset_m: f64,
    /// How far around the footprint the terrain model is read.
    pub terrain_margin_m: f64,
    /// From where to where around the footprint the ground is sought in a surface model.
    pub ring_m: [f64; 2],
    /// Tallest height that is believed. Above it the elevation is wrong, and nothing is measured.
    pub tallest_m: f64,
}

impl Default for HeightOptions {
    fn default() -> Self {
        Self {
            roof_percent: 70.0,
            ground_percent: 5.0,
            inset_m: 0.5,
            terrain_margin_m: 1.0,
            ring_m: [1.0, 3.0],
            tallest_m: 1000.0,
        }
    }
}

/// What a measured height rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A surface model and a terrain model.
    DsmDtm,
    /// A surface model alone: the ground is the lowest around the building.
    Dsm,
}

/// The height of a building, as measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Roof above ground, in metres.
    pub height_m: f32,
    /// What it rests on.
    pub source: Source,
}

/// Why heights cannot be measured.
#[derive(Debug, Error)]
pub enum HeightError {
    /// Footprints have no place in the elevation raster's reference system.
    #[error("elevation: {0}")]
    Place(#[from] CrsError),
    /// Cells cannot be read.
    #[error("elevation: {0}")]
    Read(#[from] RasterError),
}

/// The height of a building of this class and area where nothing measures it, in metres.
#[must_use]
pub fn class_default_m(class: &Class, area_m2: f64) -> Option<f32> {
    class.size(area_m2).map(|size| size.height_m as f32)
}

/// Measures footprints of one reference system. It holds PROJ objects: make one on each thread.
pub struct Surveyor<H> {
    surface: Layer<H>,
    terrain: Option<Layer<H>>,
    options: HeightOptions,
}

impl<H: Heights> Surveyor<H> {
    /// For footprints in `crs`, a surface model (roofs and trees) and, where there is one, a terrain model (bare ground).
    ///
    /// # Errors
    /// When PROJ has no way from `crs` to an elevation raster's system.
    pub fn new(crs: &Crs, surface: H, terrain: Option<H>, options: HeightOptions) -> Result<Self, HeightError> {
        let surface = Layer::new(crs, surface)?;
        Ok(Self { surface, terrain: terrain.map(|t| Layer::new(crs, t)).transpose()?, options })
    }

    /// The height of a footprint; `others` are the footprints near it, which are no ground. `None` where too few cells are known.
    ///
    /// # Errors
    /// When a position has no image in the elevation raster's system or cells cannot be read.
    pub fn measure(
        &mut self,
        footprint: &Polygon<f64>,
        others: &[&Polygon<f64>],
    ) -> Result<Option<Measured>, HeightError> {
        let Some(around) = self.surface.around(footprint, others, self.options.ring_m[1])? else { return Ok(None) };
        let Some(roof_m) = self.roof_m(&around) else { return Ok(None) };
        let on_terrain = match &mut self.terrain {
            Some(terrain) => terrain.around(footprint, &[], self.options.terrain_margin_m)?,
            None => None,
        };
        let terrain_m = on_terrain.and_then(|t| {
            let below = t.select(|d| d >= -self.options.terrain_margin_m);
            (below.len() >= t.least_cells()).then(|| percentile(below, self.options.ground_percent))
        });
        let ground = match terrain_m {
            Some(ground_m) => Some((ground_m, Source::DsmDtm)),
            None => self.ground_beside_m(&around).map(|ground_m| (ground_m, Source::Dsm)),
        };
        // What lies below the ground around it is as low as the ground.
        let measured = ground.map(|(ground_m, source)| Measured { height_m: (roof_m - ground_m).max(0.0), source });
        Ok(measured.filter(|measured| f64::from(measured.height_m) <= self.options.tallest_m))
    }

    fn roof_m(&self, around: &Around) -> Option<f32> {
        let mut roof = around.select(|d| d >= self.options.inset_m);
        if roof.len() < around.least_cells() {
            roof = around.select(|d| d >= 0.0);
        }
        let known = around.cells_of_footprint();
        let enough = roof.len() >= around.least_cells() && 2 * known.0 >= known.1;
        enough.then(|| percentile(roof, self.options.roof_percent))
    }

    fn ground_beside_m(&self, around: &Around) -> Option<f32> {
        let [from, to] = self.options.ring_m;
        let ring = around.select(|d| -d >= from && -d <= to);
        (ring.len() >= around.least_cells()).then(|| percentile(ring, self.options.ground_percent))
    }
}

/// An elevation raster and the way to it.
struct Layer<H> {
    heights: H,
    to_raster: Projector,
    ground: Ground,
}

impl<H: Heights> Layer<H> {
    fn new(crs: &Crs, heights: H) -> Result<Self, CrsError> {
        let frame = heights.frame();
        let to_raster = Projector::new(crs, &frame.crs)?;
        let ground = Ground::new(frame.transform, &frame.crs)?;
        Ok(Self { heights, to_raster, ground })
    }

    /// The cells in and around a footprint; `None` where the raster has none.
    fn around(
        &mut self,
        footprint: &Polygon<f64>,
        others: &[&Polygon<f64>],
        margin_m: f64,
    ) -> Result<Option<Around>, HeightError> {
        let outline = self.outline(footprint)?;
        let Some(bounds) = outline.bounding_rect() else { return Ok(None) };
        let center = PixelPoint { col: bounds.center().x, row: bounds.center().y };
        let scale = self.ground.scale_at(center)?;
        let margin = (margin_m / scale.resolution_m_per_px()).ceil() * 1.5 + 1.0;
        let wanted = Window::between(
            (bounds.min().x - margin).floor() as i64,
            (bounds.min().y - margin).floor() as i64,
            (bounds.max().x + margin).ceil() as i64,
            (bounds.max().y + margin).ceil() as i64,
        );
        let Some(window) = wanted.intersection(&self.heights.window()) else { return Ok(None) };
        let distance_m = distances_m(&Outline { polygon: &outline, scale: &scale, reach_m: margin_m }, &window);
        let mut height_m = self.heights.read(&window)?;
        for other in others {
            let inside = cells::inside(&self.outline(other)?, &window);
            let beside =
                height_m.iter_mut().zip(&distance_m).zip(inside).filter(|((_, d), inside)| **d < 0.0 && *inside);
            beside.for_each(|((h, _), _)| *h = f32::NAN);
        }
        Ok(Some(Around { height_m, distance_m, cell_m2: scale.pixel_area_m2() }))
    }

    /// In raster space: x is the column, y the row.
    fn outline(&self, footprint: &Polygon<f64>) -> Result<Polygon<f64>, CrsError> {
        let transform = &self.heights.frame().transform;
        let ring = |line: &geo::LineString<f64>| {
            let point = |p: &geo::Coord<f64>| {
                let at = transform.to_raster(self.to_raster.project(MapPoint { x: p.x, y: p.y })?);
                Ok(geo::Coord { x: at.col, y: at.row })
            };
            line.0.iter().map(point).collect::<Result<Vec<_>, CrsError>>().map(geo::LineString)
        };
        let holes = footprint.interiors().iter().map(ring).collect::<Result<Vec<_>, CrsError>>()?;
        Ok(Polygon::new(ring(footprint.exterior())?, holes))
    }
}

/// Cells near a footprint.
struct Around {
    height_m: Vec<f32>,
    /// From the border: positive inside, negative outside.
    distance_m: Vec<f64>,
    cell_m2: f64,
}

impl Around {
    /// The known heights at some distances.
    fn select(&self, at: impl Fn(f64) -> bool) -> Vec<f32> {
        let cells = self.height_m.iter().zip(&self.distance_m);
        cells.filter(|(h, d)| h.is_finite() && at(**d)).map(|(h, _)| *h).collect()
    }

    /// How many cells of the footprint are known, and how many there are.
    fn cells_of_footprint(&self) -> (usize, usize) {
        (self.select(|d| d >= 0.0).len(), self.distance_m.iter().filter(|d| **d >= 0.0).count())
    }

    /// Twenty cells, or 20 m² of larger cells, but no fewer than four.
    fn least_cells(&self) -> usize {
        (20.0 / self.cell_m2).clamp(4.0, 20.0).ceil() as usize
    }
}

#[cfg(test)]
mod tests;
