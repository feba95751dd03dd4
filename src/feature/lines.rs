//! The centre lines of a map, by id and by place.

use geo::LineString;
use rstar::{AABB, RTree, RTreeObject};

use super::{FeatureId, StoreError};
use crate::georef::{MapPoint, Projector, WorldBounds, WorldPoint};
use crate::scheme::ClassId;

/// Steps along a side of the world square, as those of polygons.
const STEPS: f64 = 4_294_967_296.0;

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
    /// Its vertices, east and south, in steps of 2⁻³² of the side.
    pub vertices: Box<[[u32; 2]]>,
    bounds: WorldBounds,
}

impl StoredCentreline {
    /// The smallest upright rectangle around it.
    #[must_use]
    pub fn bounds(&self) -> WorldBounds {
        self.bounds
    }

    fn project(centreline: Centreline, projector: &Projector) -> Result<Self, StoreError> {
        let world =
            |c: &geo::Coord<f64>| projector.project(MapPoint { x: c.x, y: c.y }).map(WorldPoint::from_web_mercator);
        let points: Vec<WorldPoint> = centreline
            .line
            .0
            .iter()
            .map(world)
            .collect::<Result<_, _>>()
            .map_err(|source| StoreError::Position { fid: centreline.id.get(), source })?;
        let nothing = WorldBounds { min: WorldPoint { x: 0.0, y: 0.0 }, max: WorldPoint { x: 0.0, y: 0.0 } };
        let bounds = points.iter().map(|&p| WorldBounds { min: p, max: p }).reduce(|a, b| a.union(&b));
        let step = |part: f64| (part * STEPS).round() as u32;
        let vertices = points.iter().map(|p| [step(p.x), step(p.y)]).collect();
        Ok(Self { centreline, vertices, bounds: bounds.unwrap_or(nothing) })
    }
}

/// The centre lines of a map by rising id, found by place.
#[derive(Debug, Default)]
pub(super) struct Centrelines {
    lines: Vec<StoredCentreline>,
    tree: RTree<Leaf>,
}

impl Centrelines {
    pub fn new(mut lines: Vec<Centreline>, projector: &Projector) -> Result<Self, StoreError> {
        lines.sort_by_key(|line| line.id);
        if let Some(pair) = lines.windows(2).find(|pair| pair[0].id == pair[1].id) {
            return Err(StoreError::Twice(pair[0].id.get()));
        }
        let lines: Vec<_> =
            lines.into_iter().map(|line| StoredCentreline::project(line, projector)).collect::<Result<_, _>>()?;
        let leaf = |(index, line): (usize, &StoredCentreline)| Leaf { envelope: envelope(&line.bounds), index };
        let tree = RTree::bulk_load(lines.iter().enumerate().map(leaf).collect());
        Ok(Self { lines, tree })
    }

    pub fn iter(&self) -> impl Iterator<Item = &StoredCentreline> {
        self.lines.iter()
    }

    pub fn query(&self, bounds: &WorldBounds) -> impl Iterator<Item = &StoredCentreline> + use<'_> {
        let found = self.tree.locate_in_envelope_intersecting(&envelope(bounds));
        let mut order: Vec<usize> = found.map(|leaf| leaf.index).collect();
        order.sort_unstable();
        order.into_iter().map(|index| &self.lines[index])
    }
}

/// The bounds of a line in the tree.
#[derive(Debug)]
struct Leaf {
    envelope: AABB<[f64; 2]>,
    index: usize,
}

impl RTreeObject for Leaf {
    type Envelope = AABB<[f64; 2]>;

    fn envelope(&self) -> Self::Envelope {
        self.envelope
    }
}

fn envelope(b: &WorldBounds) -> AABB<[f64; 2]> {
    AABB::from_corners([b.min.x, b.min.y], [b.max.x, b.max.y])
}
