//! Label blocks in, features out: everything after labels, cheap and derived.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use geo::{Coord, MapCoords, Polygon};
use thiserror::Error;

mod buildings;
mod options;
mod pieces;
mod roads;
mod vectorize;

use buildings::Plane;
pub use options::{FeatureOptions, VectorOptions};
pub use vectorize::{VectorizeOptions, scheme_of, vectorize};

use crate::feature::{Centreline, Confidence, Feature, FeatureId, FeatureIdError, Outline};
use crate::georef::{CrsError, Ground, GroundScale, MapPoint, PixelPoint};
use crate::grid::{BlockId, WorkGrid};
use crate::height::HeightError;
use crate::label::{LabelMap, LabelStore, StoreError};
use crate::polygonize::{self, BlockArcs, JoinError, LabelView};
use crate::raster::RasterError;
use crate::scheme::{ClassId, Kind, Scheme};
use crate::simplify::{self, Outlines};

/// Why labels become no features.
#[derive(Debug, Error)]
pub enum PipelineError {
    /// A label block is broken.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Blocks do not fit together.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// The work grid has no place on the ground.
    #[error(transparent)]
    Crs(#[from] CrsError),
    /// Elevation has no place or cannot be read.
    #[error(transparent)]
    Height(#[from] HeightError),
    /// A raster cannot be read.
    #[error(transparent)]
    Raster(#[from] RasterError),
    /// An option is out of range.
    #[error("{name} {value}: accepted is {accepted}")]
    Option {
        /// Which.
        name: &'static str,
        /// What was given.
        value: f64,
        /// The range.
        accepted: &'static str,
    },
    /// A region cannot be numbered.
    #[error(transparent)]
    Id(#[from] FeatureIdError),
}

/// The low bits of a label that is composed of class and instance.
const CLASS_BITS: u32 = 8;

/// What labels become.
#[derive(Debug, Clone, PartialEq)]
pub struct Derived {
    /// Polygons, in row-major order of the first pixels of their regions.
    pub features: Vec<Feature>,
    /// The centre lines of roads; none where the options ask for none.
    pub centrelines: Vec<Centreline>,
}

/// The traced blocks of a map: what features are made of, whatever the order they came in.
#[derive(Debug, Default)]
pub struct TracedBlocks(BTreeMap<BlockId, BlockArcs>);

impl TracedBlocks {
    /// Reads and traces blocks of a store, on every core.
    ///
    /// # Errors
    /// When a block is broken.
    pub fn read(labels: &LabelStore, blocks: &[BlockId]) -> Result<Self, StoreError> {
        let mut traced = Self::default();
        traced.add(labels, blocks)?;
        Ok(traced)
    }

    /// Reads and traces more blocks of a store.
    ///
    /// # Errors
    /// When a block is broken; none is added then.
    pub fn add(&mut self, labels: &LabelStore, blocks: &[BlockId]) -> Result<(), StoreError> {
        let share = blocks.len().div_ceil(threads().get()).max(1);
        let read = |part: &[BlockId]| -> Result<Vec<(BlockId, BlockArcs)>, StoreError> {
            part.iter().map(|b| Ok((*b, trace(&labels.read(*b)?)))).collect()
        };
        let parts: Vec<_> = std::thread::scope(|scope| {
            let running: Vec<_> = blocks.chunks(share).map(|part| scope.spawn(move || read(part))).collect();
            running.into_iter().map(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        });
        for part in parts {
            self.0.extend(part?);
        }
        Ok(())
    }

    /// Adds a block that was traced elsewhere.
    pub fn insert(&mut self, block: BlockId, arcs: BlockArcs) {
        self.0.insert(block, arcs);
    }

    /// Whether a block is among them.
    #[must_use]
    pub fn has(&self, block: BlockId) -> bool {
        self.0.contains_key(&block)
    }

    /// What all blocks become: joined, simplified, buildings regularized and given heights, roads as lines too.
    ///
    /// # Errors
    /// When the work grid lies nowhere on the ground, or elevation cannot be read.
    pub fn derive(&self, grid: &WorkGrid, scheme: &Scheme, options: &FeatureOptions) -> Result<Derived, PipelineError> {
        let blocks: Vec<&BlockArcs> = self.0.values().collect();
        let mut coverage = polygonize::join(&blocks, &grid.window())?;
        if options.has_instances {
            coverage.relabel(|label| label & ((1 << CLASS_BITS) - 1)); // regions stay apart
        }
        let scale = grid.middle_scale()?;
        let outlines = simplify::simplify(&coverage, &options.simplify(&scale, scheme));
        let mut features = plain_features(grid, &outlines, options)?;
        let is_building = |f: &Feature| scheme.class(f.class).is_some_and(|class| class.kind == Kind::Building);
        let buildings: Vec<usize> = (0..features.len()).filter(|i| is_building(&features[*i])).collect();
        let is_road = |f: &Feature| scheme.class(f.class).is_some_and(|class| class.kind == Kind::Network);
        let roads: Vec<usize> = (0..features.len()).filter(|i| is_road(&features[*i])).collect();
        let plane = Plane { grid, scale };
        buildings::regularize(&mut features, (&buildings, &roads), &outlines, &plane);
        buildings::raise(&mut features, &buildings, (&plane, scheme), options)?;
        if let Some(most) = options.max_vertices {
            features = pieces::cut(features, (&buildings, most), (&outlines, grid))?;
        }
        Ok(Derived { features, centrelines: roads::centrelines(&coverage, (grid, scheme), options)? })
    }

    /// The polygons of [`Self::derive`].
    ///
    /// # Errors
    /// As [`Self::derive`].
    pub fn features(
        &self,
        grid: &WorkGrid,
        scheme: &Scheme,
        options: &FeatureOptions,
    ) -> Result<Vec<Feature>, PipelineError> {
        let options = FeatureOptions { centrelines: None, ..options.clone() };
        Ok(self.derive(grid, scheme, &options)?.features)
    }
}

/// The cracks of one label block: those between objects too, where it tells them apart.
#[must_use]
pub fn trace(labels: &LabelMap) -> BlockArcs {
    let (window, confidence) = (labels.window, Some(labels.confidence.as_slice()));
    match &labels.instances {
        None => polygonize::trace(&LabelView { window, labels: &labels.classes, confidence }),
        Some(instances) => {
            let both = |(class, instance): (&u8, &u32)| u32::from(*class) | instance << CLASS_BITS;
            let labels: Vec<u32> = labels.classes.iter().zip(instances).map(both).collect();
            polygonize::trace(&LabelView { window, labels: &labels, confidence })
        }
    }
}

/// One feature per region, in map space, with what was gathered while tracing.
fn plain_features(
    grid: &WorkGrid,
    outlines: &Outlines,
    options: &FeatureOptions,
) -> Result<Vec<Feature>, PipelineError> {
    let ground = Ground::new(grid.frame.transform, &grid.frame.crs)?;
    let make = |region: &polygonize::Region| {
        let at = PixelPoint { col: region.first_col as f64, row: region.first_row as f64 };
        let scale = ground.scale_at(at)?;
        let class = ClassId(region.label - options.label_shift);
        let mut outline = outlines.polygon(region.index);
        let metres = scale.resolution_m_per_px() as f32;
        let mut importance_m = outlines.importance(region.index);
        importance_m.iter_mut().flatten().for_each(|importance| *importance *= metres);
        if grid.frame.transform.determinant() > 0.0 {
            turn_round(&mut outline, &mut importance_m);
        }
        Ok(Feature {
            id: FeatureId::new(class, region.first_row, region.first_col)?,
            class,
            perimeter_m: perimeter_m(&outline, &scale),
            importance_m,
            polygon: to_map(&outline, grid),
            confidence: region.confidence.as_ref().map(|c| Confidence {
                mean: (c.sum as f64 / region.pixels as f64 / 255.0) as f32,
                min: f32::from(c.min) / 255.0,
            }),
            area_m2: region.pixels as f64 * scale.pixel_area_m2(),
            outline: if options.tolerance_m > 0.0 { Outline::Simplified } else { Outline::Exact },
            direction_deg: None,
            height: None,
            provisional: region.provisional,
        })
    };
    outlines.coverage().regions().iter().map(make).collect()
}

/// Where rows run north, rings that have their region on the left in raster space have it on the right on the map.
fn turn_round(outline: &mut Polygon<f64>, importance_m: &mut [Vec<f32>]) {
    outline.exterior_mut(|ring| ring.0.reverse());
    outline.interiors_mut(|rings| rings.iter_mut().for_each(|ring| ring.0.reverse()));
    importance_m.iter_mut().for_each(|ring| ring.reverse());
}

/// Raster space to map space.
fn to_map(pixels: &Polygon<f64>, grid: &WorkGrid) -> Polygon<f64> {
    pixels.map_coords(|c| {
        let MapPoint { x, y } = grid.frame.transform.to_map(PixelPoint { col: c.x, row: c.y });
        Coord { x, y }
    })
}

fn perimeter_m(pixels: &Polygon<f64>, scale: &GroundScale) -> f64 {
    let rings = std::iter::once(pixels.exterior()).chain(pixels.interiors());
    let length = |(a, b): (&Coord<f64>, &Coord<f64>)| {
        let (east, north) = scale.offset_m(b.x - a.x, b.y - a.y);
        east.hypot(north)
    };
    rings.map(|ring| ring.0.iter().zip(ring.0.iter().skip(1)).map(length).sum::<f64>()).sum()
}

fn threads() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}
