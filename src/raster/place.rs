//! How the pixels of a scene lie in a target grid.

use std::cell::RefCell;
use std::rc::Rc;

use super::Scene;
use super::native::Level;
use crate::georef::{Crs, CrsError, MapPoint, PixelFrame, PixelPoint, Projector, Turn, Window};

/// What a scene may be off the target grid, in its own pixels, and still count as aligned.
const ALIGNED_PX: f64 = 0.02;
/// The largest whole factor that is averaged from full resolution; beyond it overviews are cheaper.
const MAX_BOX: f64 = 4.0;
/// Target pixels between two anchors of a [`Warp`].
pub(super) const ANCHOR_PX: i64 = 32;
/// The largest whole factor that a [`Warp`] averages before it interpolates.
const MAX_REDUCE: f64 = 4096.0;
/// The widest reach of the filter in averaged pixels: pixels that are much longer than wide are not averaged all along.
const MAX_REACH: f64 = 64.0;

/// Where a scene lies in a target grid.
#[derive(Debug, Clone)]
pub(super) struct Placement {
    /// The target pixels that it covers, all or in part.
    pub(super) extent: Window,
    /// The target pixels that it may give something to.
    pub(super) window: Window,
    pub(super) how: How,
}

/// How target pixels come from scene pixels.
#[derive(Debug, Clone)]
pub(super) enum How {
    /// The grids coincide.
    Copy(Whole),
    /// Whole scene pixels make a target pixel, perhaps mirrored.
    Average(Whole),
    /// Anything else.
    Warp(Box<Warp>),
}

/// `factor` × `factor` scene pixels for a target pixel: along each axis scene = ±factor · target + offset, in corners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Whole {
    pub(super) factor: i64,
    pub(super) col: Axis,
    pub(super) row: Axis,
}

/// One axis of [`Whole`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Axis {
    pub(super) mirrored: bool,
    pub(super) offset: i64,
}

impl Axis {
    /// The scene pixels from `first` on, `factor` of them, for target pixel `at`.
    pub(super) fn first(self, at: i64, factor: i64) -> i64 {
        if self.mirrored { self.offset - (at + 1) * factor } else { at * factor + self.offset }
    }

    /// The target pixels that scene pixels `0..size` touch.
    fn targets(self, size: u32, factor: i64) -> (i64, i64) {
        let size = i64::from(size);
        let ceil = |v: i64| -(-v).div_euclid(factor);
        if self.mirrored {
            ((self.offset - size).div_euclid(factor), ceil(self.offset))
        } else {
            ((-self.offset).div_euclid(factor), ceil(size - self.offset))
        }
    }
}

/// A scene of another system, turn or pixel size.
///
/// The position in the scene is exact (PROJ) at anchors on fixed target pixels and bilinear between them, so that it
/// does not depend on the window that is read.
#[derive(Debug, Clone)]
pub(super) struct Warp {
    target: PixelFrame,
    scene: PixelFrame,
    /// What is added to eastings of the target to come to those where the scene lies by itself.
    turned: f64,
    /// Once around in the system of the scene, and the easting of its middle.
    turn: Option<(Turn, f64)>,
    /// What is read.
    pub(super) level: Level,
    /// Pixels of the level that are averaged into one before interpolation, along each axis.
    pub(super) reduce: u32,
    /// Scene pixels per averaged pixel, along columns and rows.
    scale: (f64, f64),
    /// The reach of the tent filter in averaged pixels: one target pixel, at least one averaged pixel.
    pub(super) reach: (f64, f64),
}

impl Warp {
    /// Where target corner (`ANCHOR_PX · col`, `ANCHOR_PX · row`) lies, in averaged pixels; `None` outside the domain.
    pub(super) fn anchor(&self, col: i64, row: i64, to_scene: &Projector) -> Option<(f64, f64)> {
        let corner = PixelPoint { col: (col * ANCHOR_PX) as f64, row: (row * ANCHOR_PX) as f64 };
        self.position(corner, to_scene)
    }

    /// Where a position of the target lies, in averaged pixels, as near to the scene as turns bring it.
    pub(super) fn position(&self, at: PixelPoint, to_scene: &Projector) -> Option<(f64, f64)> {
        let mut map = self.target.transform.to_map(at);
        map.x += self.turned;
        let mut map = to_scene.project(map).ok()?;
        if let Some((turn, middle)) = self.turn {
            map.x = turn.near(map.x, middle);
        }
        let at = self.scene.transform.to_raster(map);
        Some((at.col / self.scale.0, at.row / self.scale.1))
    }

    /// Whether positions on two sides of a cell lie half a turn apart: what is between them does not lie between them.
    pub(super) fn is_torn(&self, a: (f64, f64), b: (f64, f64)) -> bool {
        self.turn.is_some_and(|(turn, _)| {
            let c = self.scene.transform.coefficients();
            let (cols, rows) = ((a.0 - b.0) * self.scale.0, (a.1 - b.1) * self.scale.1);
            (cols * c[1] + rows * c[2]).abs() > turn.period() / 2.0
        })
    }

    /// The transformation that [`Warp::anchor`] takes.
    pub(super) fn to_scene(&self) -> Result<Rc<Projector>, CrsError> {
        projector(&self.target.crs, &self.scene.crs)
    }

    /// The averaged pixels of the scene, all.
    pub(super) fn extent(&self, scene: &Scene) -> Window {
        let side = |size: u32, scale: f64| (f64::from(size) / scale - 1e-6).ceil().max(1.0) as u32;
        Window::new(0, 0, side(scene.cols, self.scale.0), side(scene.rows, self.scale.1))
    }
}

impl Placement {
    /// Places a scene in a grid where it lies by itself; `None` where it has no place there.
    pub(super) fn of(scene: &Scene, target: &PixelFrame) -> Result<Option<Self>, CrsError> {
        Ok(Self::all(scene, target)?.into_iter().next())
    }

    /// Places a scene in a grid, first where it lies by itself; in one that goes around the earth, a turn to the west and to
    /// the east of it, too.
    pub(super) fn all(scene: &Scene, target: &PixelFrame) -> Result<Vec<Self>, CrsError> {
        let Some(placing) = Placing::new(scene, target)? else { return Ok(Vec::new()) };
        let turns: &[i8] = if placing.turn.is_some() { &[0, -1, 1] } else { &[0] };
        turns.iter().filter_map(|turns| placing.place(f64::from(*turns)).transpose()).collect()
    }
}

/// A scene and a grid, and how the one comes to the other.
struct Placing<'a> {
    scene: &'a Scene,
    target: &'a PixelFrame,
    to_target: Rc<Projector>,
    /// Once around in the grid's system.
    turn: Option<Turn>,
    /// The middle of the scene in the grid's system.
    middle: MapPoint,
}

impl<'a> Placing<'a> {
    fn new(scene: &'a Scene, target: &'a PixelFrame) -> Result<Option<Self>, CrsError> {
        let to_target = projector(&scene.frame.crs, &target.crs)?;
        let Ok(middle) = to_target.project(scene.frame.transform.to_map(middle(scene))) else { return Ok(None) };
        Ok(Some(Self { scene, target, to_target, turn: Turn::of(&target.crs), middle }))
    }

    /// A pixel of the scene in the grid, some turns to the east.
    fn image(&self, at: PixelPoint, turns: f64) -> Option<PixelPoint> {
        let mut map = self.to_target.project(self.scene.frame.transform.to_map(at)).ok()?;
        if let Some(turn) = self.turn {
            map.x = turn.near(map.x, self.middle.x) + turns * turn.period();
        }
        Some(self.target.transform.to_raster(map))
    }

    fn place(&self, turns: f64) -> Result<Option<Placement>, CrsError> {
        let (scene, target) = (self.scene, self.target);
        let Some(outline) = outline(scene).map(|at| self.image(at, turns)).collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        if let Some(whole) = whole(scene, &outline) {
            let cols = whole.col.targets(scene.cols, whole.factor);
            let rows = whole.row.targets(scene.rows, whole.factor);
            let window = Window::between(cols.0, rows.0, cols.1, rows.1);
            let straight = whole.factor == 1 && !whole.col.mirrored && !whole.row.mirrored;
            let how = if straight { How::Copy(whole) } else { How::Average(whole) };
            return Ok(Some(Placement { extent: window, window, how }));
        }
        let turned = self.turn.map_or(0.0, |turn| -turns * turn.period());
        let turn = Turn::of(&scene.frame.crs).map(|turn| (turn, scene.frame.transform.to_map(middle(scene)).x));
        let warp = Warp {
            target: target.clone(),
            scene: scene.frame.clone(),
            turned,
            turn,
            level: Level::Native,
            reduce: 1,
            scale: (1.0, 1.0),
            reach: (1.0, 1.0),
        };
        let to_scene = warp.to_scene()?;
        let Some(scale) = self.image(middle(scene), turns).and_then(|at| scale_at(&warp, at, &to_scene)) else {
            return Ok(None);
        };
        let extent = extent(&outline);
        // Two more pixels: one for the reach of the filter, one for what the outline bends between its points.
        let window = Window::between(extent.col - 2, extent.row - 2, extent.end_col() + 2, extent.end_row() + 2);
        Ok(Some(Placement { extent, window, how: How::Warp(Box::new(warp.read(scene, scale))) }))
    }
}

/// The pixels of the grid around an outline.
fn extent(outline: &[PixelPoint]) -> Window {
    let (min, max) = outline.iter().fold(((f64::MAX, f64::MAX), (f64::MIN, f64::MIN)), |(min, max), p| {
        ((min.0.min(p.col), min.1.min(p.row)), (max.0.max(p.col), max.1.max(p.row)))
    });
    let whole = |at: f64| at.clamp(-1e15, 1e15) as i64;
    Window::between(
        whole((min.0 + ALIGNED_PX).floor()),
        whole((min.1 + ALIGNED_PX).floor()),
        whole((max.0 - ALIGNED_PX).ceil()),
        whole((max.1 - ALIGNED_PX).ceil()),
    )
}

fn middle(scene: &Scene) -> PixelPoint {
    PixelPoint { col: f64::from(scene.cols) / 2.0, row: f64::from(scene.rows) / 2.0 }
}

/// Points on the border of a scene, 16 to a side, and its middle last.
fn outline(scene: &Scene) -> impl Iterator<Item = PixelPoint> {
    let (cols, rows) = (f64::from(scene.cols), f64::from(scene.rows));
    let border = (0..16).flat_map(move |step| {
        let t = f64::from(step) / 16.0;
        [(t, 0.0), (1.0, t), (1.0 - t, 1.0), (0.0, 1.0 - t)]
    });
    border.chain([(0.5, 0.5)]).map(move |(x, y)| PixelPoint { col: x * cols, row: y * rows })
}

/// The whole-pixel relation of the grids, where there is one to within [`ALIGNED_PX`] on the whole scene.
fn whole(scene: &Scene, places: &[PixelPoint]) -> Option<Whole> {
    let points: Vec<_> = outline(scene).collect();
    let (first, across, down) = (places[0], places[1], places[3]); // corners (0,0), (1,0) and (0,1)
    let per_col = f64::from(scene.cols) / (across.col - first.col);
    let per_row = f64::from(scene.rows) / (down.row - first.row);
    let factor = per_col.abs().round();
    if !(1.0..=MAX_BOX).contains(&factor) {
        return None;
    }
    let axis = |per_px: f64, scene: f64, target: f64| {
        let mirrored = per_px < 0.0;
        let offset = scene - if mirrored { -factor * target } else { factor * target };
        Axis { mirrored, offset: offset.round() as i64 }
    };
    let (from, to) = (points[points.len() - 1], places[places.len() - 1]);
    let (col, row) = (axis(per_col, from.col, to.col), axis(per_row, from.row, to.row));
    let along = |axis: Axis, at: f64| (if axis.mirrored { -at } else { at }) * factor + axis.offset as f64;
    let aligned = points.iter().zip(places).all(|(from, to)| {
        (along(col, to.col) - from.col).abs() < ALIGNED_PX && (along(row, to.row) - from.row).abs() < ALIGNED_PX
    });
    aligned.then_some(Whole { factor: factor as i64, col, row })
}

/// Scene columns and rows per target pixel at a position of the target.
fn scale_at(warp: &Warp, at: PixelPoint, to_scene: &Projector) -> Option<(f64, f64)> {
    let place = |cols: f64, rows: f64| warp.position(PixelPoint { col: at.col + cols, row: at.row + rows }, to_scene);
    let (left, right) = (place(-0.5, 0.0)?, place(0.5, 0.0)?);
    let (above, below) = (place(0.0, -0.5)?, place(0.0, 0.5)?);
    Some(((right.0 - left.0).hypot(below.0 - above.0), (right.1 - left.1).hypot(below.1 - above.1)))
}

impl Warp {
    /// Chooses what is read, by the ratio of the pixel sizes alone.
    fn read(self, scene: &Scene, per_target: (f64, f64)) -> Self {
        let ratio = per_target.0.min(per_target.1);
        let factor =
            |size: &(u32, u32)| (f64::from(scene.cols) / f64::from(size.0), f64::from(scene.rows) / f64::from(size.1));
        let levels = scene.levels.iter().map(factor).enumerate().filter(|(_, f)| f.0.max(f.1) <= ratio * 1.01);
        let level = levels.max_by(|a, b| a.1.0.total_cmp(&b.1.0));
        let (level, (level_cols, level_rows)) =
            level.map_or((Level::Native, (1.0, 1.0)), |(at, f)| (Level::Overview(at), f));
        // The filter stays at least twice as wide as what is averaged before it, so that the averages do not blur.
        let reduce = (ratio / level_cols.max(level_rows) / 2.0).floor().clamp(1.0, MAX_REDUCE);
        let scale = (level_cols * reduce, level_rows * reduce);
        let reach = |per_target: f64, scale: f64| (per_target / scale).clamp(1.0, MAX_REACH);
        let reach = (reach(per_target.0, scale.0), reach(per_target.1, scale.1));
        Self { level, reduce: reduce as u32, scale, reach, ..self }
    }
}

/// The transformation between two systems; PROJ takes milliseconds to find one, so each thread keeps those that it made.
pub(super) fn projector(from: &Crs, to: &Crs) -> Result<Rc<Projector>, CrsError> {
    const KEPT: usize = 16;
    type Known = Vec<(Crs, Crs, Rc<Projector>)>;
    thread_local!(static KNOWN: RefCell<Known> = const { RefCell::new(Vec::new()) });
    KNOWN.with_borrow_mut(|known| {
        if let Some((_, _, projector)) = known.iter().find(|(f, t, _)| f == from && t == to) {
            return Ok(Rc::clone(projector));
        }
        let made = Rc::new(Projector::new(from, to)?);
        if known.len() == KEPT {
            known.remove(0);
        }
        known.push((from.clone(), to.clone(), Rc::clone(&made)));
        Ok(made)
    })
}
