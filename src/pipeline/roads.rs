//! The centre lines of the roads of a coverage.

use std::collections::HashSet;

use geo::{Coord, LineString};

use super::{FeatureOptions, PipelineError, pixel_m};
use crate::centreline::{self, CentrelineOptions, CoverageRoads, Gap, RegionPixels};
use crate::feature::{Centreline, FeatureId, FeatureIdError};
use crate::georef::{Ground, GroundScale, MapPoint, PixelPoint, Window};
use crate::grid::WorkGrid;
use crate::polygonize::{Coverage, Region};
use crate::scheme::{Class, ClassId, Kind, Scheme};

/// The natural class that roads do not cross without a bridge that would be seen.
const WATER: &str = "water";

/// The lines of the roads, and the labels of the roads whose lines were joined, with the gaps between them.
#[derive(Default)]
pub(super) struct Roads {
    pub(super) lines: Vec<Centreline>,
    pub(super) gaps: Vec<(u32, Vec<Gap>)>,
}

/// Whether a bridge of road over a class would be seen.
pub(super) fn blocks(class: &Class) -> bool {
    class.kind == Kind::Building || class.name == WATER
}

/// The lines of every class of the kind "network", class by class; none where the options ask for none.
pub(super) fn roads(
    coverage: &Coverage,
    (grid, scheme): (&WorkGrid, &Scheme),
    options: &FeatureOptions,
) -> Result<Roads, PipelineError> {
    let Some(how) = &options.centrelines else { return Ok(Roads::default()) };
    let label_of = |class: &Class| options.label_of(class);
    let label = |region: &Region| options.code.class(region.label);
    let blocking: HashSet<u32> = scheme.classes.iter().filter(|class| blocks(class)).map(label_of).collect();
    let mut roads = Roads::default();
    for class in scheme.classes.iter().filter(|class| class.kind == Kind::Network) {
        let is_road = |region: &Region| label(region) == label_of(class);
        if coverage.regions().iter().any(is_road) {
            let work = RoadWork {
                class: class.id(),
                roads: CoverageRoads {
                    roads: RegionPixels::of(coverage, is_road),
                    blocked: RegionPixels::of(coverage, |region| blocking.contains(&label(region))),
                    pixel_m: pixel_m(&grid.middle_scale()?),
                },
                growing: RegionPixels::of(coverage, |region| is_road(region) && region.provisional),
                grid,
            };
            let gaps = work.trace(how, &mut roads.lines)?;
            roads.gaps.push((label_of(class), gaps));
        }
    }
    Ok(roads)
}

/// The roads of one class.
struct RoadWork<'a> {
    class: ClassId,
    roads: CoverageRoads,
    /// Those that touch a block that is not made.
    growing: RegionPixels,
    grid: &'a WorkGrid,
}

impl RoadWork<'_> {
    fn trace(&self, how: &CentrelineOptions, lines: &mut Vec<Centreline>) -> Result<Vec<Gap>, PipelineError> {
        let ground = Ground::new(self.grid.frame.transform, &self.grid.frame.crs)?;
        let mut taken = HashSet::new();
        let roads = centreline::road_lines(&self.roads, how);
        for found in roads.lines {
            let (row, col) = self.inside(found.first_pixel);
            let scale = ground.scale_at(PixelPoint { col: col as f64, row: row as f64 })?;
            let [here, middle] = [pixel_m(&scale), self.roads.pixel_m].map(|[width, height]| width * height);
            lines.push(Centreline {
                id: self.free_id((row, col), &mut taken)?,
                class: self.class,
                width_m: found.width_m * (here / middle).sqrt(),
                length_m: length_m(&found.points, &scale),
                provisional: !self.growing.is_empty() && self.growing.fill(&Window::new(col, row, 1, 1)) == [true],
                line: LineString(found.points.iter().map(|p| self.to_map(*p)).collect()),
            });
        }
        Ok(roads.gaps)
    }

    /// The last row and column of cells may reach beyond the grid.
    fn inside(&self, (row, col): (i64, i64)) -> (i64, i64) {
        (row.min(i64::from(self.grid.rows) - 1), col.min(i64::from(self.grid.cols) - 1))
    }

    /// The next pixel of the row where a line already has this one.
    fn free_id(&self, (row, mut col): (i64, i64), taken: &mut HashSet<FeatureId>) -> Result<FeatureId, FeatureIdError> {
        loop {
            let id = FeatureId::new(self.class, row, col)?;
            if taken.insert(id) {
                return Ok(id);
            }
            col += 1;
        }
    }

    fn to_map(&self, p: Coord<f64>) -> Coord<f64> {
        let (col, row) = (p.x.min(f64::from(self.grid.cols)), p.y.min(f64::from(self.grid.rows)));
        let MapPoint { x, y } = self.grid.frame.transform.to_map(PixelPoint { col, row });
        Coord { x, y }
    }
}

fn length_m(points: &[Coord<f64>], scale: &GroundScale) -> f64 {
    let length = |w: &[Coord<f64>]| {
        let (east, north) = scale.offset_m(w[1].x - w[0].x, w[1].y - w[0].y);
        east.hypot(north)
    };
    points.windows(2).map(length).sum()
}
