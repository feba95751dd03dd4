//! One coverage again, once buildings have straight walls.
//!
//! Finished outlines run through the borders that were simplified: here a building takes a strip of its neighbour, there it
//! gives one up. All borders and walls are cut where they meet, on a lattice, and the faces between them change hands:
//!
//! ```text
//!   road  │ grass             inside an outline     the building's
//!  ──╲  ╭─┴╮   ╱─ old border  elsewhere             the region's that lay there
//!  ═══x═│══│══x══ new wall    what a building gave  its neighbour's with the longest border: a region that is no
//!     ╲─╯  ╰─╱                up                    building, where one touches
//! ```
//!
//! Where a border between two neighbours of a building ended on its old border, it goes on straight to the new wall, so that
//! each of the two gets what lies before it. What is too small by itself is given to a neighbour too. Borders that have the
//! same owner on both sides vanish. The rest is a coverage again: every border is there once, for both of its sides, vertex
//! by vertex.

mod absorb;
mod faces;
mod graph;
mod parts;
mod point;
mod rows;
mod split;
mod walls;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use geo::{Area, Coord, LineString, Polygon};

use crate::simplify::{Lattice, Outlines};
pub use absorb::PartSize;
use faces::{Faces, Old};
use graph::{Graph, Line, NONE};
use parts::{Junctions, Part};
use point::Point;
use rows::Rows;
use split::Segment;
use walls::{Outline, Walls};

/// The side of a square in which segments are compared, and outlines looked for, in pixels.
const CELL_PX: f64 = 8.0;
/// A border that ended on a building goes on to its wall at most so far, in pixels.
const REACH_PX: f64 = 12.0;

/// A simplified coverage, and outlines that take the place of some of its regions.
pub struct Arrangement<'a> {
    /// The coverage.
    pub outlines: &'a Outlines<'a>,
    /// The regions that are buildings, each with its finished polygons in raster space, on the lattice.
    pub buildings: &'a [(usize, Vec<&'a Polygon<f64>>)],
    /// The lattice on which borders are cut.
    pub lattice: Lattice,
}

/// What became of the regions of a coverage.
#[derive(Debug, Default)]
pub struct Arranged {
    /// By region: the parts that are left, which may be none; wound as [`crate::polygonize`] says. Regions that are not
    /// listed keep their outlines.
    pub parts: BTreeMap<usize, Vec<Polygon<f64>>>,
    /// Ends of borders near buildings, in steps of the lattice, and whether three or more borders meet there.
    pub nodes: HashMap<[i64; 2], bool>,
}

impl Arrangement<'_> {
    /// Cuts all borders and walls where they meet and tells what each region has then. Parts for which `is_enough` says no go
    /// to a neighbour.
    #[must_use]
    pub fn settle(&self, is_enough: &dyn Fn(PartSize) -> bool) -> Arranged {
        let walls = self.walls();
        let mut scene = self.scene(&walls);
        let segments = split::split(std::mem::take(&mut scene.segments), self.cell());
        let far = scene.far.iter().map(|(arc, line)| (self.line(*arc), *line));
        let graph = Graph::new((&segments, &scene.lines), far, |a, b| !walls.hold(a, b));
        let buildings: HashSet<u32> = self.buildings.iter().map(|(region, _)| *region as u32).collect();
        let is_building = |region: u32| buildings.contains(&region);
        let (rows, row) = (OnceCell::new(), 2 * self.cell());
        let at = |point: Point| self.region_at(point, rows.get_or_init(|| self.rows(row)));
        let mut faces = Faces::new(&graph, &Old { is_building: &is_building, at: &at, row });
        let absorbed = absorb::absorb(&graph, &mut faces, (&is_building, is_enough, &self.lattice));
        let mut touched = scene.beside();
        let near = (0..graph.halves()).filter(|half| graph.is_near(*half)).map(|half| faces.of(half));
        touched.extend(near.chain(absorbed).chain(buildings.iter().copied()).filter(|region| *region != NONE));
        let junctions = Junctions::new(&graph, &faces);
        let needed = |point: Point| scene.corners.binary_search(&point).is_ok();
        let mut parts: BTreeMap<usize, Vec<Polygon<f64>>> =
            touched.iter().map(|region| (*region as usize, Vec::new())).collect();
        for (region, part) in parts::parts(&graph, &faces, |region| touched.contains(&region)) {
            let polygon = self.polygon(&graph, (&part, &junctions), &needed);
            parts.entry(region as usize).or_default().extend(polygon);
        }
        Arranged { parts, nodes: nodes(&graph, &junctions) }
    }

    fn cell(&self) -> i64 {
        (CELL_PX * self.lattice.steps_per_px()) as i64
    }

    fn point(&self, c: Coord<f64>) -> Point {
        let [x, y] = self.lattice.steps(c);
        Point { x, y: -y }
    }

    /// The points of an arc.
    fn line(&self, arc: usize) -> Vec<Point> {
        self.outlines.line(arc).map(|(c, _)| self.point(c)).collect()
    }

    fn walls(&self) -> Walls {
        let ring = |ring: &LineString<f64>, is_hole: bool| -> Vec<Point> {
            let mut points: Vec<Point> = ring.0.iter().map(|c| self.point(*c)).collect();
            points.dedup();
            // Up is up here, and down in raster space.
            let is_left = Polygon::new(ring.clone(), Vec::new()).signed_area() < 0.0;
            if is_left == is_hole {
                points.reverse();
            }
            points
        };
        let outline = |region: usize, polygon: &Polygon<f64>| {
            let holes = polygon.interiors().iter().map(|hole| ring(hole, true));
            let rings = std::iter::once(ring(polygon.exterior(), false)).chain(holes).collect();
            Outline { region: region as u32, rings }
        };
        let all = self.buildings.iter().flat_map(|(region, polygons)| polygons.iter().map(|p| outline(*region, p)));
        Walls::new(all.collect(), 2 * self.cell())
    }

    /// All borders and walls: those near outlines in segments, those far from all as they are.
    fn scene(&self, walls: &Walls) -> Scene {
        let coverage = self.outlines.coverage();
        let mut scene = Scene::default();
        for number in 0..coverage.arc_count() {
            let (arc, points) = (coverage.arc(number), self.line(number));
            let side = |region: Option<usize>| region.map_or(NONE, |region| region as u32);
            let line = Line { old: Some([side(arc.left), side(arc.right)]), building: None };
            if walls.is_near(&points) {
                scene.add(&points, line);
            } else {
                // Neighbours that do not change have the ends of this border.
                scene.corners.extend([points.first(), points.last()].into_iter().flatten());
                scene.far.push((number, line));
            }
        }
        for outline in &walls.outlines {
            let line = Line { old: None, building: Some(outline.region) };
            outline.rings.iter().for_each(|ring| scene.add(ring, line));
        }
        scene.corners.sort_unstable();
        scene.corners.dedup();
        for (from, to) in self.leads(walls) {
            let line = scene.lines.len() as u32;
            scene.lines.push(Line::default());
            scene.segments.push(Segment { ends: (from, to), line });
        }
        scene
    }

    /// From every end of a border between two neighbours of a building to the nearest point of the building's wall.
    fn leads(&self, walls: &Walls) -> Vec<(Point, Point)> {
        let coverage = self.outlines.coverage();
        let buildings: HashSet<usize> = self.buildings.iter().map(|(region, _)| *region).collect();
        let is_free = |side: Option<usize>| side.is_none_or(|region| !buildings.contains(&region));
        let mut ends: HashSet<Point> = HashSet::new();
        for number in 0..coverage.arc_count() {
            let (arc, mut line) = (coverage.arc(number), self.outlines.line(number));
            if is_free(arc.left) && is_free(arc.right) {
                let both = [line.next(), line.last()];
                ends.extend(both.into_iter().flatten().map(|(c, _)| self.point(c)));
            }
        }
        let mut leads = Vec::new();
        for outline in &walls.outlines {
            let sides = coverage.rings(outline.region as usize).flatten();
            let nodes = sides.filter_map(|side| {
                let mut line = self.outlines.line(side.arc());
                let start = if side.reversed() { line.last() } else { line.next() };
                start.map(|(c, _)| self.point(c)).filter(|point| ends.contains(point))
            });
            for node in nodes.filter(|p| !outline.holds(Point { x: 2 * p.x, y: 2 * p.y })) {
                let reach = REACH_PX * self.lattice.steps_per_px();
                let foot = outline.nearest(node).filter(|(foot, far)| *foot != node && *far <= reach);
                leads.extend(foot.map(|(foot, _)| (node, foot)));
            }
        }
        leads
    }

    fn rows(&self, row: i64) -> Rows {
        let arcs = 0..self.outlines.coverage().arc_count();
        let segments = arcs.flat_map(|arc| {
            let points = self.line(arc);
            points.windows(2).map(|pair| (pair[0], pair[1], arc as u32)).collect::<Vec<_>>()
        });
        Rows::new(segments, row)
    }

    /// The region of the old coverage at a point.
    fn region_at(&self, point: Point, rows: &Rows) -> u32 {
        let Some((arc, south)) = rows.west_of(point) else { return NONE };
        let arc = self.outlines.coverage().arc(arc as usize);
        let side = if south { arc.left } else { arc.right };
        side.map_or(NONE, |region| region as u32)
    }

    fn polygon(
        &self,
        graph: &Graph,
        (part, junctions): (&Part, &Junctions),
        needed: &impl Fn(Point) -> bool,
    ) -> Option<Polygon<f64>> {
        let ring = |halves: &Vec<u32>| -> LineString<f64> {
            let points = parts::points(graph, (halves, junctions), |point| !needed(point));
            let mut ring: Vec<Coord<f64>> = points.iter().map(|p| self.lattice.place([p.x, -p.y])).collect();
            ring.extend(ring.first().copied());
            LineString::new(ring)
        };
        let exterior = Some(ring(&part.exterior)).filter(|ring| ring.0.len() > 3)?;
        Some(Polygon::new(exterior, part.holes.iter().map(ring).filter(|ring| ring.0.len() > 3).collect()))
    }
}

/// Ends of near pieces, and whether three or more borders meet there.
fn nodes(graph: &Graph, junctions: &Junctions) -> HashMap<[i64; 2], bool> {
    let near = (0..graph.halves()).filter(|half| graph.is_near(*half));
    let node = |half: u32| graph.points(half).next().map(|p| ([p.x, -p.y], junctions.has(graph.node(half))));
    near.filter_map(node).collect()
}

/// What is arranged.
#[derive(Default)]
struct Scene {
    segments: Vec<Segment>,
    lines: Vec<Line>,
    /// The numbers of arcs far from all outlines.
    far: Vec<(usize, Line)>,
    /// The vertices of what is near and the ends of what is far, sorted.
    corners: Vec<Point>,
}

impl Scene {
    /// The regions whose borders are near outlines.
    fn beside(&self) -> BTreeSet<u32> {
        let near = self.lines.iter().filter_map(|line| line.old).flatten();
        near.filter(|region| *region != NONE).collect()
    }

    fn add(&mut self, points: &[Point], line: Line) {
        let number = self.lines.len() as u32;
        self.lines.push(line);
        self.corners.extend_from_slice(points);
        let pairs = points.windows(2).filter(|pair| pair[0] != pair[1]);
        self.segments.extend(pairs.map(|pair| Segment { ends: (pair[0], pair[1]), line: number }));
    }
}
