//! Any class raster to features, without a model.

use std::path::PathBuf;
use std::sync::Arc;

use super::{BlockLabels, Derived, FeatureOptions, LabelSource, PipelineError, TracedBlocks, VectorOptions};
use crate::cores::{cores, parts};
use crate::grid::{BlockId, WorkGrid};
use crate::polygonize::{self, BlockArcs, LabelCode, LabelView};
use crate::raster::{ClassRaster, RasterError};
use crate::scheme::{Class, Colour, Kind, Scheme};

/// How a class raster becomes features.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct VectorizeOptions {
    /// Maximum distance a border may move, in ground metres, 0 to 1,000; 0 keeps pixel edges. Default: 1.5 pixels.
    pub tolerance_m: Option<f64>,
    /// Smoothing, pieces, gaps of roads.
    pub vectors: VectorOptions,
}

impl VectorizeOptions {
    fn check(&self) -> Result<(), PipelineError> {
        match self.tolerance_m {
            Some(value) if !(0.0..=1000.0).contains(&value) => {
                Err(PipelineError::Option { name: "tolerance_m", value, accepted: "0 to 1000 m" })
            }
            _ => Ok(()),
        }
    }
}

/// The side of the squares that are traced one by one: a few fit in memory, and their seams leave no trace.
const BLOCK_PX: u32 = 2048;

/// The features of a class raster, by values of the file; pixels without data have none.
///
/// # Errors
/// When the raster cannot be read, lies nowhere on the ground, or has more than 4194303 rows or columns.
pub fn vectorize(
    raster: &ClassRaster,
    scheme: &Scheme,
    options: &VectorizeOptions,
) -> Result<(WorkGrid, Derived), PipelineError> {
    options.check()?;
    let window = raster.window();
    let grid = WorkGrid { frame: raster.frame().clone(), cols: window.cols, rows: window.rows, block_px: BLOCK_PX };
    let blocks: Vec<BlockId> = grid.blocks().collect();
    let (path, band, grid_of) = (raster.path().to_owned(), raster.asked_band(), &grid);
    let read = |part: &[BlockId]| -> Result<Vec<(BlockId, BlockArcs)>, RasterError> {
        // One dataset belongs to one thread.
        let raster = ClassRaster::open_band(&path, band)?;
        part.iter().map(|b| Ok((*b, trace(&raster, grid_of, *b)?))).collect()
    };
    let read = parts(&blocks, cores(), read).into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut traced = TracedBlocks::from_source(Arc::new(RasterLabels { path: path.clone(), band, grid: grid.clone() }));
    read.into_iter().flatten().for_each(|(block, arcs)| traced.insert(block, arcs));
    let pixel_m = grid.middle_scale()?.resolution_m_per_px();
    let usual = FeatureOptions::within(options.tolerance_m.unwrap_or(1.5 * pixel_m)).with(&options.vectors)?;
    let code = LabelCode::for_classes_up_to(raster.largest_label());
    if usual.roofs.is_some() && code.most_instances() == 0 {
        let what = "holds 32-bit classes (accepted where roofs are told apart: 8 or 16 bits)".to_owned();
        return Err(RasterError::NotLabels { path, what }.into());
    }
    let derived = traced.into_derived(
        &grid,
        scheme,
        &FeatureOptions { label_shift: raster.label_shift(), code, for_zooms: false, ..usual },
    )?;
    Ok((grid, derived))
}

/// The labels of a class raster, block by block.
#[derive(Debug)]
struct RasterLabels {
    path: PathBuf,
    band: Option<usize>,
    grid: WorkGrid,
}

impl LabelSource for RasterLabels {
    fn read(&self, block: BlockId) -> Result<BlockLabels, PipelineError> {
        let window = self.grid.block_window(block);
        // One dataset belongs to one thread.
        Ok(BlockLabels {
            window,
            labels: ClassRaster::open_band(&self.path, self.band)?.read(&window)?,
            confidence: None,
            unknown: None,
        })
    }
}

fn trace(raster: &ClassRaster, grid: &WorkGrid, block: BlockId) -> Result<BlockArcs, RasterError> {
    let window = grid.block_window(block);
    Ok(match raster.largest_label() {
        0..=0xff => polygonize::trace(&LabelView {
            window,
            labels: &raster.read::<u8>(&window)?,
            confidence: None,
            unknown: None,
        }),
        0x100..=0xffff => polygonize::trace(&LabelView {
            window,
            labels: &raster.read::<u16>(&window)?,
            confidence: None,
            unknown: None,
        }),
        _ => polygonize::trace(&LabelView {
            window,
            labels: &raster.read::<u32>(&window)?,
            confidence: None,
            unknown: None,
        }),
    })
}

/// A scheme of the values of a class raster, with the names and colours that the file gives; some values are buildings,
/// some are roads.
#[must_use]
pub fn scheme_of(raster: &ClassRaster, buildings: &[u8], roads: &[u8]) -> Scheme {
    let city = Scheme::city();
    let sizes = city.classes.iter().find(|c| c.kind == Kind::Building).map(|c| c.sizes.clone()).unwrap_or_default();
    let class = |value: u8| {
        let label = u32::from(value) + raster.label_shift();
        let name =
            raster.names().iter().find(|(l, name)| *l == label && !name.is_empty()).map(|(_, name)| name.clone());
        let colour = raster.colours().iter().find(|(l, _)| *l == label).map(|(_, rgb)| *rgb);
        let is_road = roads.contains(&value);
        let is_building = buildings.contains(&value);
        Class {
            code: value,
            title: name.clone().unwrap_or_else(|| format!("Class {value}")),
            name: name.unwrap_or_else(|| value.to_string()),
            colour: Colour(colour.unwrap_or([value, value.wrapping_mul(89), value.wrapping_mul(151)])),
            kind: match (is_building, is_road) {
                (true, _) => Kind::Building,
                (false, true) => Kind::Network,
                (false, false) => Kind::Natural,
            },
            sizes: if is_building { sizes.clone() } else { Vec::new() },
        }
    };
    let classes = (0..=255).map(class).collect();
    Scheme { name: "values of the raster".to_owned(), classes, signed: raster.is_signed() }
}
