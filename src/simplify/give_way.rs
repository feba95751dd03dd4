//! What is left of a polygon without others, in whole numbers throughout.
//!
//! ```text
//!   ───road──┐  ┌──────   The outline lies over a strip of the road. What is left of the road runs along the outline's
//!        ┌───x──x───┐     walls, and has its corners; x, where the old border meets a wall, becomes a vertex of the
//!        │ outline  │     wall too. Both sides then have the same vertices: nothing is covered twice, however they
//!        └──────────┘     are rounded.
//! ```

use geo::orient::Direction;
use geo::{Coord, Line, LineString, Orient, Polygon};
use i_overlay::core::fill_rule::FillRule;
use i_overlay::core::overlay::{ContourDirection, IntOverlayOptions, Overlay, ShapeType};
use i_overlay::core::overlay_rule::OverlayRule;
use i_overlay::core::solver::Solver;
use i_overlay::i_float::int::point::IntPoint;

use super::index::PointIndex;
use crate::georef::Window;

/// The lattice has points up to so many binary places apart from its origin, so that sweeps do not overflow.
const BITS: u32 = 29;
/// And so many to a pixel at most: a few micrometres.
const MOST_PLACES: u32 = 16;

/// Rounding moves borders by so many steps of the lattice at most.
const HAIR: f64 = 4.0;
/// Smaller rings are rounding, in pixels.
const LEAST_PX2: f64 = 1e-3;

/// Points on which polygons of a grid can be cut in whole numbers: 2^-16 of a pixel apart where the grid has up to 8192 rows
/// and columns, coarser in larger ones (2^-7 in the largest). Turns of borders lie on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lattice {
    per_px: f64,
}

impl Lattice {
    /// Of the coverage of a window.
    #[must_use]
    pub fn of(window: &Window) -> Self {
        let reach = [window.col, window.row, window.end_col(), window.end_row()].map(i64::unsigned_abs);
        let side = reach.into_iter().max().unwrap_or(1).max(1);
        let places = BITS.saturating_sub(u64::BITS - side.leading_zeros()).min(MOST_PLACES);
        Self { per_px: f64::from(1_u32 << places) }
    }

    /// The nearest point.
    #[must_use]
    pub fn snap(&self, point: Coord<f64>) -> Coord<f64> {
        self.coord(self.point(point))
    }

    /// The nearest point, in steps from the origin.
    #[must_use]
    pub fn steps(&self, c: Coord<f64>) -> [i64; 2] {
        let p = self.point(c);
        [i64::from(p.x), i64::from(p.y)]
    }

    /// The place of a point in steps from the origin.
    #[must_use]
    pub fn place(&self, [x, y]: [i64; 2]) -> Coord<f64> {
        Coord { x: x as f64 / self.per_px, y: y as f64 / self.per_px }
    }

    /// Steps to a pixel.
    #[must_use]
    pub fn steps_per_px(&self) -> f64 {
        self.per_px
    }

    fn point(&self, c: Coord<f64>) -> IntPoint {
        IntPoint { x: (c.x * self.per_px).round() as i32, y: (c.y * self.per_px).round() as i32 }
    }

    fn coord(&self, p: IntPoint) -> Coord<f64> {
        Coord { x: f64::from(p.x) / self.per_px, y: f64::from(p.y) / self.per_px }
    }

    /// What is left of polygons, as one, outside others: valid parts, wound as [`crate::polygonize`] says. For polygons of a
    /// coverage, and others with vertices on the lattice, which may overlap each other by a hair.
    #[must_use]
    pub fn without(&self, polygons: &[Polygon<f64>], others: &[Polygon<f64>]) -> Vec<Polygon<f64>> {
        let options = IntOverlayOptions {
            preserve_input_collinear: true,
            output_direction: ContourDirection::Clockwise,
            preserve_output_collinear: true,
            min_output_area: (self.per_px * self.per_px * LEAST_PX2) as u64,
            ogc: true,
        };
        let mut overlay = Overlay::new_custom(0, options, Solver::AUTO);
        for (polygons, role) in [(polygons, ShapeType::Subject), (others, ShapeType::Clip)] {
            for ring in polygons.iter().flat_map(|p| std::iter::once(p.exterior()).chain(p.interiors())) {
                overlay.add_path_iter(ring.0.iter().skip(1).map(|c| self.point(*c)), role);
            }
        }
        let parts = overlay.overlay(OverlayRule::Difference, FillRule::NonZero);
        parts.iter().filter_map(|rings| self.polygon(rings)).collect()
    }

    /// A ring without the vertices that may go and lie on the straight line between their neighbours.
    #[must_use]
    pub fn straightened(&self, ring: &LineString<f64>, may_go: impl Fn(Coord<f64>) -> bool) -> LineString<f64> {
        let open = &ring.0[..ring.0.len().saturating_sub(1)];
        let mut kept: Vec<Coord<f64>> = Vec::with_capacity(ring.0.len());
        for (i, &p) in open.iter().enumerate() {
            let before = kept.last().copied().unwrap_or(open[open.len() - 1]);
            let (d, e) = (p - before, open[(i + 1) % open.len()] - p);
            let straight = (d.x * e.y - d.y * e.x).abs() * self.per_px < HAIR * (d.x + e.x).hypot(d.y + e.y);
            if !(straight && d.x * e.x + d.y * e.y > 0.0 && may_go(p)) {
                kept.push(p);
            }
        }
        kept.extend(kept.first().copied());
        LineString(kept)
    }

    fn polygon(&self, rings: &[Vec<IntPoint>]) -> Option<Polygon<f64>> {
        let closed = |ring: &Vec<IntPoint>| -> LineString<f64> {
            ring.iter().chain(ring.first()).map(|p| self.coord(*p)).collect()
        };
        let mut rings = rings.iter().map(closed);
        let exterior = rings.next()?;
        // The sweep does not wind every hole the other way.
        Some(Polygon::new(exterior, rings.collect()).orient(Direction::Reversed))
    }
}

/// The vertices of what is left, found by place.
#[derive(Debug)]
pub struct Borders {
    vertices: PointIndex,
    near_px: f64,
}

impl Borders {
    /// Of polygons that [`Lattice::without`] has made.
    #[must_use]
    pub fn of<'a>(parts: impl Iterator<Item = &'a Polygon<f64>> + Clone, lattice: &Lattice) -> Self {
        let rings = parts.flat_map(|part| std::iter::once(part.exterior()).chain(part.interiors()));
        let vertices = rings.flat_map(|ring| ring.0.iter().skip(1).copied());
        Self { vertices: PointIndex::new(vertices), near_px: HAIR / lattice.per_px }
    }

    /// A ring with the vertices that lie on its edges.
    #[must_use]
    pub fn meet(&self, ring: &LineString<f64>) -> LineString<f64> {
        let mut met: Vec<Coord<f64>> = ring.lines().flat_map(|edge| self.split(edge)).collect();
        met.extend(met.first().copied());
        met.dedup();
        LineString(met)
    }

    /// The start of an edge and the vertices that lie on it, in order; not its end.
    pub fn split(&self, edge: Line<f64>) -> impl Iterator<Item = Coord<f64>> {
        std::iter::once(edge.start).chain(self.on(edge).into_iter().map(|(_, vertex)| vertex))
    }

    /// The vertices between the ends of an edge, in order. Those beside a corner, which both of its edges would take, are the
    /// corner but for rounding: a ring would go there and back.
    fn on(&self, edge: Line<f64>) -> Vec<(f64, Coord<f64>)> {
        let d = edge.delta();
        let length2 = d.x * d.x + d.y * d.y;
        let (low, high) = (f64::min, f64::max);
        let within = |of: fn(f64, f64) -> f64, by: f64| {
            let corner = Coord { x: of(edge.start.x, edge.end.x) + by, y: of(edge.start.y, edge.end.y) + by };
            Coord { x: corner.x.max(0.0), y: corner.y.max(0.0) }
        };
        let (from, to) = (within(low, -self.near_px), within(high, self.near_px));
        let rows = self.vertices.cell_rows(from.y, to.y);
        let near = rows.flat_map(|row| self.vertices.in_cells(row, from.x, to.x));
        let on_edge = |p: &Coord<f64>| {
            let to_p = *p - edge.start;
            let (along, off) = (to_p.x * d.x + to_p.y * d.y, to_p.x * d.y - to_p.y * d.x);
            let near2 = self.near_px * self.near_px;
            let beside = off * off < near2 * length2 && along > 0.0 && along < length2;
            let is_end = |end: Coord<f64>| (p.x - end.x).powi(2) + (p.y - end.y).powi(2) < near2;
            (beside && !is_end(edge.start) && !is_end(edge.end)).then_some((along, *p))
        };
        let mut found: Vec<_> = near.filter_map(on_edge).collect();
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        found
    }
}

#[cfg(test)]
mod tests {
    use geo::{Area, Validation};
    use proptest::prelude::*;

    use super::*;

    fn polygon(corners: &[(f64, f64)]) -> Polygon<f64> {
        Polygon::new(corners.iter().copied().collect(), Vec::new())
    }

    fn turned(at: (f64, f64), (wide, deep): (f64, f64), degrees: f64, lattice: &Lattice) -> Polygon<f64> {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let corner = |(u, v): (f64, f64)| Coord { x: at.0 + u * cos - v * sin, y: at.1 + u * sin + v * cos };
        let corners = [(0.0, 0.0), (0.0, deep), (wide, deep), (wide, 0.0)];
        Polygon::new(corners.iter().map(|c| lattice.snap(corner(*c))).collect(), Vec::new())
    }

    #[test]
    fn a_vertex_a_step_beside_a_corner_is_the_corner() {
        let lattice = Lattice::of(&Window::new(0, 0, 100, 100));
        let step = 1.0 / lattice.per_px;
        let house = polygon(&[(20.0, 18.0), (26.0, 40.0), (35.0, 40.0), (35.0, 18.0)]);
        let beside = polygon(&[(20.0 + step, 18.0 + step), (27.0, 18.0), (27.0, 10.0), (20.0, 10.0)]);
        let met = Borders::of([&beside].into_iter(), &lattice).meet(house.exterior());
        assert_eq!(met.0.len(), house.exterior().0.len() + 1, "{met:?}");
        assert!(met.0.contains(&(27.0, 18.0).into()));
    }

    #[test]
    fn a_strip_is_cut_off_with_the_corners_of_the_outline() {
        let lattice = Lattice::of(&Window::new(0, 0, 100, 100));
        let road = polygon(&[(0.0, 10.0), (0.0, 20.0), (60.0, 20.0), (60.0, 10.0)]);
        let house = polygon(&[(20.0, 18.0), (20.0, 40.0), (35.0, 40.0), (35.0, 18.0)]);
        let left = lattice.without(&[road], std::slice::from_ref(&house));
        assert_eq!(left.iter().map(Area::unsigned_area).collect::<Vec<_>>(), [600.0 - 30.0]);
        let met = Borders::of(left.iter(), &lattice).meet(house.exterior());
        for place in [(20.0, 20.0), (35.0, 20.0)] {
            assert!(met.0.contains(&place.into()), "{met:?}");
        }
        assert_eq!(met.0.len(), house.exterior().0.len() + 2);
        let court = polygon(&[(0.0, 0.0), (0.0, 60.0), (60.0, 60.0), (60.0, 0.0)]);
        let whole = lattice.without(&[house], &[court]);
        assert!(whole.is_empty(), "{whole:?}");
    }

    #[test]
    fn vertices_that_may_go_do_so_only_where_the_border_runs_straight() {
        let lattice = Lattice::of(&Window::new(0, 0, 100, 100));
        let ring: LineString<f64> =
            [(0.0, 0.0), (2.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0), (0.0, 0.0)].into_iter().collect();
        let end = Coord { x: 4.0, y: 0.0 };
        assert_eq!(lattice.straightened(&ring, |at| at.y == 0.0).0.len(), 5, "its corners stay");
        assert!(lattice.straightened(&ring, |at| at == end).0.contains(&end));
        assert_eq!(lattice.straightened(&ring, |_| false), ring);
    }

    #[test]
    fn turns_of_borders_lie_on_the_lattice_of_any_window() {
        for side in [1, 100, 8192, 100_000, 4_194_303] {
            let lattice = Lattice::of(&Window::new(0, 0, side, side));
            let turn = Coord { x: f64::from(side) - 1.0 / 16.0, y: f64::from(side) / 2.0 };
            assert_eq!(lattice.snap(turn), turn, "{side}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        /// Turned houses on a wavy road: what is left is valid, and nothing is covered twice or lost.
        #[test]
        fn areas_add_up(
            waves in prop::collection::vec(0..12_i32, 12..40),
            houses in prop::collection::vec((0..300_i32, 0..60_i32, 2..30_i32, 2..30_i32, 0..90_i32), 1..12),
        ) {
            let lattice = Lattice::of(&Window::new(0, 0, 400, 120));
            let waves: Vec<f64> = waves.into_iter().map(f64::from).collect();
            let upper = waves.iter().enumerate().map(|(i, wave)| (10.0 * i as f64, 30.0 + wave));
            let lower = waves.iter().enumerate().rev().map(|(i, wave)| (10.0 * i as f64, 48.0 + wave / 2.0));
            let road = polygon(&lower.chain(upper).collect::<Vec<_>>());
            let house = |(x, y, wide, deep, turn): (i32, i32, i32, i32, i32)| {
                let [x, y, wide, deep, turn] = [x, y, wide, deep, turn].map(f64::from);
                turned((x + 40.0, y), (wide, deep), turn, &lattice)
            };
            let houses: Vec<Polygon<f64>> = houses.into_iter().map(house).collect();
            let left = lattice.without(std::slice::from_ref(&road), &houses);
            prop_assert!(left.iter().all(Validation::is_valid), "{left:?}");
            let covered = lattice.without(std::slice::from_ref(&road), &left);
            let area = |parts: &[Polygon<f64>]| parts.iter().map(Area::unsigned_area).sum::<f64>();
            prop_assert!((area(&left) + area(&covered) - road.unsigned_area()).abs() < 0.01);
            let borders = Borders::of(left.iter(), &lattice);
            for house in &houses {
                let met = Polygon::new(borders.meet(house.exterior()), Vec::new());
                prop_assert!(met.is_valid());
                let common = met.unsigned_area() - area(&lattice.without(&[met], &left));
                prop_assert!(common.abs() < 0.01, "{common}");
            }
        }
    }
}
