//! The centre lines of a map, by id and by place.

use geo::LineString;

use super::steps::{STEPS, TURN, along};
use super::tree::Tree;
use super::{FeatureId, StoreError};
use crate::georef::{MapPoint, Projector, WorldBounds, WorldPoint};
use crate::scheme::ClassId;

/// The centre line of a road between two junctions or ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Centreline {
    /// Stable, and unique among centre lines: from the class and a pixel that lies on this line alone.
    pub id: FeatureId,
    /// The class of the road.
    pub class: ClassId,
    /// In map space of the work grid.
    pub line: LineString<f64>,
    /// The median width of the road, on the ground.
    pub width_m: f64,
    /// On the ground.
    pub length_m: f64,
    /// A neighbouring block is not made yet: the line may still grow.
    pub provisional: bool,
}

/// A centre line with its place in the world square.
#[derive(Debug, PartialEq)]
pub struct StoredCentreline {
    /// What was put in.
    pub centreline: Centreline,
    /// Its vertices in steps of 2⁻³² of the side: east of its bounds' west side, and south.
    pub vertices: Box<[[u32; 2]]>,
    bounds: WorldBounds,
}

impl StoredCentreline {
    /// The smallest upright rectangle around it.
    #[must_use]
    pub fn bounds(&self) -> WorldBounds {
        self.bounds
    }

    /// Where its vertices count from: steps east of the west side of the world square.
    #[must_use]
    pub fn west(&self) -> u32 {
        (self.bounds.min.x * STEPS) as u32
    }

    /// Where one of its vertices lies; beyond the square's east side after the way across 180°.
    #[must_use]
    pub fn place(&self, [x, y]: [u32; 2]) -> WorldPoint {
        WorldPoint { x: self.bounds.min.x + f64::from(x) / STEPS, y: f64::from(y) / STEPS }
    }

    fn project(centreline: Centreline, projector: &Projector) -> Result<Self, StoreError> {
        let to_world = |p: MapPoint| projector.project(p).map(WorldPoint::from_web_mercator);
        let steps = along(&centreline.line.0, &to_world)
            .map_err(|cause| StoreError::Position { fid: centreline.id.get(), cause })?;
        let west = steps.iter().map(|[x, _]| *x).min().unwrap_or(0);
        let vertices: Box<[[u32; 2]]> =
            steps.iter().map(|[x, y]| [(*x - west).min(TURN - 1) as u32, *y as u32]).collect();
        let point = |x: i64, y: i64| WorldPoint { x: x as f64 / STEPS, y: y as f64 / STEPS };
        let least = |axis: usize| steps.iter().map(|p| p[axis]).min().unwrap_or(0);
        let most = |axis: usize| steps.iter().map(|p| p[axis]).max().unwrap_or(0);
        let placed = west.rem_euclid(TURN) - west;
        let bounds = WorldBounds { min: point(west + placed, least(1)), max: point(most(0) + placed, most(1)) };
        Ok(Self { centreline, vertices, bounds })
    }
}

/// The centre lines of a map by rising id, found by place.
#[derive(Debug, Default)]
pub(super) struct Centrelines {
    lines: Vec<StoredCentreline>,
    tree: Tree,
}

impl Centrelines {
    pub fn new(mut lines: Vec<Centreline>, projector: &Projector) -> Result<Self, StoreError> {
        lines.sort_by_key(|line| line.id);
        if let Some(pair) = lines.windows(2).find(|pair| pair[0].id == pair[1].id) {
            return Err(StoreError::Twice(pair[0].id.get()));
        }
        let lines: Vec<_> =
            lines.into_iter().map(|line| StoredCentreline::project(line, projector)).collect::<Result<_, _>>()?;
        let tree = Tree::new(lines.iter().map(|line| line.bounds).zip(0..));
        Ok(Self { lines, tree })
    }

    pub fn iter(&self) -> impl Iterator<Item = &StoredCentreline> {
        self.lines.iter()
    }

    pub fn get(&self, id: FeatureId) -> Option<&StoredCentreline> {
        self.lines.binary_search_by_key(&id, |line| line.centreline.id).ok().map(|i| &self.lines[i])
    }

    pub fn query(&self, bounds: &WorldBounds) -> impl Iterator<Item = &StoredCentreline> + use<'_> {
        self.tree.query(bounds).map(|number| &self.lines[number as usize])
    }
}
