//! What is left of a polygon without others, in whole numbers throughout; and the lattice of these numbers.

use geo::orient::Direction;
use geo::{Coord, LineString, Orient, Polygon};
use i_overlay::core::fill_rule::FillRule;
use i_overlay::core::overlay::{ContourDirection, IntOverlayOptions, Overlay, ShapeType};
use i_overlay::core::overlay_rule::OverlayRule;
use i_overlay::core::solver::Solver;
use i_overlay::i_float::int::point::IntPoint;

use crate::georef::Window;

/// The lattice has points up to so many binary places apart from its origin, so that sweeps do not overflow.
const BITS: u32 = 29;
/// And so many to a pixel at most: a few micrometres.
const MOST_PLACES: u32 = 16;

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
    fn a_strip_is_cut_off_with_the_corners_of_the_outline() {
        let lattice = Lattice::of(&Window::new(0, 0, 100, 100));
        let road = polygon(&[(0.0, 10.0), (0.0, 20.0), (60.0, 20.0), (60.0, 10.0)]);
        let house = polygon(&[(20.0, 18.0), (20.0, 40.0), (35.0, 40.0), (35.0, 18.0)]);
        let left = lattice.without(&[road], std::slice::from_ref(&house));
        assert_eq!(left.iter().map(Area::unsigned_area).collect::<Vec<_>>(), [600.0 - 30.0]);
        let court = polygon(&[(0.0, 0.0), (0.0, 60.0), (60.0, 60.0), (60.0, 0.0)]);
        let whole = lattice.without(&[house], &[court]);
        assert!(whole.is_empty(), "{whole:?}");
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
        }
    }
}
