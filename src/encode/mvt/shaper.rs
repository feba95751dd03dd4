//! A feature as the polygons of a tile: simplified for its zoom, cut, valid.

use super::TileOptions;
use super::clip::ClipSquare;
use super::quantize::{EXTENT, TileGrid};
use crate::encode::rings::{Edge, Point, Rings, Troubles, corners, is_valid, repair};
use crate::feature::StoredFeature;

/// A polygon of at most this many square units is gathered with others of its class until they fill a square
/// (the rule of tippecanoe, there `--tiny-polygon-size` 2).
const TINY_SQUARE_UNITS: i64 = 2;

/// Zooms, counted from the deepest, at which tiny polygons are still drawn one by one.
const WHOLE_ZOOMS: u8 = 2;

/// Makes the polygons of one tile; keeps its memory from feature to feature.
pub(super) struct Shaper {
    grid: TileGrid,
    tolerance_m: f32,
    tile: ClipSquare,
    overhang: ClipSquare,
    /// Whether polygons are gathered for being tiny; those that rounding leaves without area are gathered at every zoom.
    gathers_tiny: bool,
    /// The gathered area per class (its low 8 bits), in square units.
    gathered: Box<[f64; 256]>,
    /// Repaired polygons that had to be cut in halves, and those that lost ground.
    troubles: Troubles,
    rings: Rings,
    cut: Rings,
    points: Vec<Point>,
    edges: Vec<Edge>,
}

impl Shaper {
    /// `side_m` is the side of the world square in ground metres.
    pub(super) fn new(grid: TileGrid, side_m: f64, options: &TileOptions) -> Self {
        // Thinning an outline takes from its area, most from that of small features: at the zooms of streets so little that
        // every class keeps its ground.
        let tolerance_units = match grid.zoom() {
            13 => 0.3,
            14.. => 0.5,
            zoom if zoom >= options.max_zoom => 0.5,
            _ => 1.0,
        };
        let buffer = i64::from(options.buffer_units);
        Self {
            grid,
            tolerance_m: (tolerance_units * grid.unit() * side_m) as f32,
            tile: ClipSquare::new(buffer),
            overhang: ClipSquare::new(buffer.max(EXTENT / 2)),
            gathers_tiny: grid.zoom() + WHOLE_ZOOMS < options.max_zoom,
            gathered: Box::new([0.0; 256]),
            troubles: Troubles::default(),
            rings: Rings::default(),
            cut: Rings::default(),
            points: Vec::new(),
            edges: Vec::new(),
        }
    }

    /// Gives the polygons of a feature, some turns around the earth further east, in this tile to `take`; false when
    /// there is none.
    pub(super) fn shape(
        &mut self,
        (stored, turns): (&StoredFeature, i8),
        building: bool,
        mut take: impl FnMut(&Rings),
    ) -> bool {
        let grid = self.grid.counting_from(stored.shape.west(), turns);
        let area = stored.shape.area() / (self.grid.unit() * self.grid.unit());
        let tiny = self.gathers_tiny && area <= (TINY_SQUARE_UNITS * TINY_SQUARE_UNITS) as f64;
        if !tiny {
            grid.quantize(&stored.shape, self.tolerance_m, &mut self.rings);
            if !self.rings.is_empty() {
                return self.place(building, take);
            }
        }
        let gathers = self.gather(stored, &grid, area);
        if gathers {
            take(&self.rings);
        }
        gathers
    }

    /// What repairing had trouble with so far.
    pub(super) fn troubles(&self) -> Troubles {
        self.troubles
    }

    /// Cuts and repairs where needed.
    fn place(&mut self, building: bool, mut take: impl FnMut(&Rings)) -> bool {
        let (min, max) = corners(&self.rings.points[..self.rings.ends[0]]);
        let whole = self.tile.holds(min, max) || building && self.overhang.holds(min, max);
        let rings = if whole {
            &self.rings
        } else {
            self.tile.cut(&self.rings, &mut self.points, &mut self.cut);
            &self.cut
        };
        if rings.is_empty() {
            return false;
        }
        if is_valid(rings, &mut self.edges) {
            take(rings);
            return true;
        }
        let repaired = repair(rings, &mut self.edges);
        self.troubles.note(&repaired);
        repaired.pieces.iter().for_each(&mut take);
        !repaired.pieces.is_empty()
    }

    /// Adds the area of what is too small to draw; when there is enough, leaves a square at this place in `rings`.
    fn gather(&mut self, stored: &StoredFeature, grid: &TileGrid, area: f64) -> bool {
        let sum = &mut self.gathered[(stored.feature.class.0 & 0xff) as usize];
        *sum += area;
        let square = (TINY_SQUARE_UNITS * TINY_SQUARE_UNITS) as f64;
        if *sum < square {
            return false;
        }
        *sum -= square;
        let Some(at) = stored.shape.rings().flatten().next() else { return false };
        let Point { x, y } = grid.point(at.x, at.y);
        let side = TINY_SQUARE_UNITS;
        self.rings.clear();
        self.rings
            .points
            .extend([(x, y), (x + side, y), (x + side, y + side), (x, y + side)].map(|(x, y)| Point { x, y }));
        self.rings.close(true)
    }
}
