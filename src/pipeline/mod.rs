//! Label blocks in, features out: everything after labels, cheap and derived.

use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;

mod bridges;
mod buildings;
mod edits;
mod measured;
mod options;
mod pieces;
mod plain;
mod roads;
mod roofs;
mod settled;
mod source;
mod vectorize;

use buildings::Plane;
use edits::Edits;
pub use options::{FeatureOptions, VectorOptions};
use plain::{perimeter_m, plain_features, to_map, turn_round};
use roads::Roads;
use roofs::RoofWork;
pub use roofs::Unsplit;
pub use source::{BlockLabels, LabelSource};
pub use vectorize::{VectorizeOptions, scheme_of, vectorize};

use crate::cores::{cores, each};
use crate::feature::{Centreline, Feature, FeatureIdError};
use crate::georef::{CrsError, GroundScale};
use crate::grid::{BlockId, WorkGrid};
use crate::height::HeightError;
use crate::label::{LabelMap, LabelStore, StoreError};
use crate::polygonize::{self, BlockArcs, Coverage, JoinError, LabelView, Region};
use crate::raster::RasterError;
use crate::roofs::RoofOptions;
use crate::scheme::{Class, Kind, Scheme};
use crate::simplify;

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
    /// What was asked for needs the labels of blocks again, and they are not at hand.
    #[error("the labels of block {block} are needed again, and nobody said where to read them")]
    NoLabels {
        /// The block.
        block: BlockId,
    },
    /// A region cannot be numbered.
    #[error(transparent)]
    Id(#[from] FeatureIdError),
}

/// What labels become.
#[derive(Debug, Clone, PartialEq)]
pub struct Derived {
    /// Polygons, in row-major order of the first pixels of their regions.
    pub features: Vec<Feature>,
    /// The centre lines of roads; none where the options ask for none.
    pub centrelines: Vec<Centreline>,
    /// The regions of buildings that stay whole where roofs are to be told apart.
    pub unsplit: Unsplit,
}

/// The traced blocks of a map: what features are made of, whatever the order they came in.
#[derive(Debug, Default)]
pub struct TracedBlocks {
    arcs: BTreeMap<BlockId, BlockArcs>,
    /// What roofs and bridges read again.
    source: Option<Arc<dyn LabelSource>>,
}

impl TracedBlocks {
    /// Reads and traces blocks of a store, on every core.
    ///
    /// # Errors
    /// When a block is broken.
    pub fn read(labels: &LabelStore, blocks: &[BlockId]) -> Result<Self, StoreError> {
        let mut traced = Self::from_source(Arc::new(labels.clone()));
        traced.add(labels, blocks)?;
        Ok(traced)
    }

    /// No blocks yet; the labels of those that come can be read again from `source`.
    #[must_use]
    pub fn from_source(source: Arc<dyn LabelSource>) -> Self {
        Self { arcs: BTreeMap::new(), source: Some(source) }
    }

    /// Reads and traces more blocks of a store.
    ///
    /// # Errors
    /// When a block is broken; none is added then.
    pub fn add(&mut self, labels: &LabelStore, blocks: &[BlockId]) -> Result<(), StoreError> {
        let read = |block: &BlockId| -> Result<_, StoreError> { Ok((*block, trace(&labels.read(*block)?))) };
        let read = each(blocks, cores(), read).into_iter().collect::<Result<Vec<_>, _>>()?;
        self.arcs.extend(read);
        Ok(())
    }

    /// Adds a block that was traced elsewhere.
    pub fn insert(&mut self, block: BlockId, arcs: BlockArcs) {
        self.arcs.insert(block, arcs);
    }

    /// Whether a block is among them.
    #[must_use]
    pub fn has(&self, block: BlockId) -> bool {
        self.arcs.contains_key(&block)
    }

    /// What all blocks become: joined, simplified, buildings regularized and given heights, roads as lines too.
    ///
    /// # Errors
    /// When the work grid lies nowhere on the ground, or elevation cannot be read.
    pub fn derive(&self, grid: &WorkGrid, scheme: &Scheme, options: &FeatureOptions) -> Result<Derived, PipelineError> {
        self.covered(grid, scheme, options)?.derived(grid, scheme, options)
    }

    /// As [`Self::derive`]; the traced blocks are let go before features take their room.
    ///
    /// # Errors
    /// As [`Self::derive`].
    pub fn into_derived(
        self,
        grid: &WorkGrid,
        scheme: &Scheme,
        options: &FeatureOptions,
    ) -> Result<Derived, PipelineError> {
        let covered = self.covered(grid, scheme, options)?;
        drop(self);
        covered.derived(grid, scheme, options)
    }

    fn covered(&self, grid: &WorkGrid, scheme: &Scheme, options: &FeatureOptions) -> Result<Covered, PipelineError> {
        let scale = grid.middle_scale()?;
        let coverage = self.join(&BTreeMap::new(), grid)?;
        let roads = roads::roads(&coverage, (grid, scheme), options)?;
        let plane = Plane { grid, scale };
        let (edits, unsplit) = self.edits(&coverage, &roads, (&plane, scheme, options))?;
        let mut coverage = if edits.is_empty() {
            coverage
        } else {
            self.join(&edits.traced(self.source()?, |block| self.has(*block))?, grid)?
        };
        coverage.relabel(|label| options.code.class(label)); // regions stay apart
        Ok(Covered { coverage, scale, centrelines: roads.lines, unsplit })
    }

    fn source(&self) -> Result<&dyn LabelSource, PipelineError> {
        let block = self.arcs.keys().next().copied().unwrap_or(BlockId { row: 0, col: 0 });
        self.source.as_deref().ok_or(PipelineError::NoLabels { block })
    }

    /// The coverage of all blocks, some of them replaced.
    fn join(&self, instead: &BTreeMap<BlockId, BlockArcs>, grid: &WorkGrid) -> Result<Coverage, JoinError> {
        let blocks: Vec<&BlockArcs> = self.arcs.iter().map(|(id, arcs)| instead.get(id).unwrap_or(arcs)).collect();
        polygonize::join(&blocks, &grid.window())
    }

    /// The labels that change before polygons are made, and the regions that stay whole though roofs were asked for.
    fn edits(
        &self,
        coverage: &Coverage,
        roads: &Roads,
        (plane, scheme, options): (&Plane, &Scheme, &FeatureOptions),
    ) -> Result<(Edits, Unsplit), PipelineError> {
        let (grid, scale) = (plane.grid, &plane.scale);
        let open = |class: &&Class| class.kind == Kind::Natural && !roads::blocks(class);
        let mut edits = Edits::on(scheme.classes.iter().filter(open).map(|class| options.label_of(class)).collect());
        if options.bridge_roads {
            for (label, gaps) in &roads.gaps {
                bridges::cover(gaps, *label, (grid, pixel_m(scale)), &mut edits);
            }
        }
        let Some(how) = &options.roofs else { return Ok((edits, Unsplit::default())) };
        let how = &RoofOptions { join_below_m2: options.min_area_m2, ..*how };
        let buildings = regions_of(coverage, Kind::Building, (scheme, options));
        let source = self.source()?;
        let work = RoofWork { coverage, grid, scale, options, source, traced: &|block| self.has(block) };
        let unsplit = work.separate(&buildings, how, &mut edits)?;
        Ok((edits, unsplit))
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
        let centrelines = options.centrelines.clone().filter(|_| options.bridge_roads);
        let options = FeatureOptions { centrelines, ..options.clone() };
        Ok(self.derive(grid, scheme, &options)?.features)
    }
}

/// All blocks as one coverage, after labels have changed.
struct Covered {
    coverage: Coverage,
    scale: GroundScale,
    centrelines: Vec<Centreline>,
    unsplit: Unsplit,
}

impl Covered {
    fn derived(self, grid: &WorkGrid, scheme: &Scheme, options: &FeatureOptions) -> Result<Derived, PipelineError> {
        let plane = Plane { grid, scale: self.scale };
        let mut features = features(&self.coverage, (&plane, scheme), options)?;
        let mut centrelines = self.centrelines;
        measured::measure_large((&mut features, &mut centrelines), grid, &self.scale)?;
        Ok(Derived { features, centrelines, unsplit: self.unsplit })
    }
}

/// The cracks of one label block: those between objects too, where it tells them apart.
#[must_use]
pub fn trace(labels: &LabelMap) -> BlockArcs {
    let (window, confidence) = (labels.window, Some(labels.confidence.as_slice()));
    let unknown = labels.unknown.as_deref();
    match labels.instances {
        None => polygonize::trace(&LabelView { window, labels: &labels.classes, confidence, unknown }),
        Some(_) => polygonize::trace(&LabelView { window, labels: &source::composed(labels), confidence, unknown }),
    }
}

/// The features of a coverage: simplified, buildings regularized, all one coverage again, cut into pieces, given heights.
fn features(
    coverage: &Coverage,
    (plane, scheme): (&Plane, &Scheme),
    options: &FeatureOptions,
) -> Result<Vec<Feature>, PipelineError> {
    let outlines = simplify::simplify(coverage, &options.simplify(&plane.scale, scheme));
    let mut features = plain_features(plane, &outlines, options)?;
    let of = |kind: Kind| regions_of(coverage, kind, (scheme, options));
    let (buildings, roads) = (of(Kind::Building), of(Kind::Network));
    let (mut built, settling) = buildings::regularize((&buildings, &roads), &outlines, (plane, options));
    let settled = settling.settle(&mut built)?;
    built.iter().for_each(|building| building.tell(&mut features[building.region]));
    let mut features = pieces::cut(features, &settled, (&buildings, options.max_vertices), (&outlines, plane.grid))?;
    buildings::raise(&mut features, (plane, scheme), options)?;
    Ok(features)
}

/// The regions of the classes of one kind.
fn regions_of(coverage: &Coverage, kind: Kind, (scheme, options): (&Scheme, &FeatureOptions)) -> Vec<usize> {
    let is_kind = |region: &&Region| scheme.class(options.class_of(region)).is_some_and(|class| class.kind == kind);
    coverage.regions().iter().filter(is_kind).map(|region| region.index).collect()
}

/// The width and height of a pixel on the ground.
fn pixel_m(scale: &GroundScale) -> [f64; 2] {
    [scale.per_col_m, scale.per_row_m].map(|(east, north)| east.hypot(north))
}
