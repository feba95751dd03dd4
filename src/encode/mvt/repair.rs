//! Rings that quantizing or cutting has broken, made valid polygons again.

use i_overlay::core::fill_rule::FillRule;
use i_overlay::core::overlay::{ContourDirection, IntOverlayOptions, Overlay, ShapeType};
use i_overlay::core::overlay_rule::OverlayRule;
use i_overlay::i_float::int::point::IntPoint;

use super::faces::{Directed, faces};
use super::quantize::{Point, Rings};

/// The valid polygons that cover what the rings wind around once or more; pieces that were turned over vanish.
///
/// Works in whole units throughout, so that its result needs no rounding. Points on straight edges stay:
/// neighbours may have them too, and other rings may touch there.
pub(super) fn repair(rings: &Rings) -> Vec<Rings> {
    let options = IntOverlayOptions {
        preserve_input_collinear: true,
        output_direction: ContourDirection::CounterClockwise, // y up, which is clockwise on screen
        preserve_output_collinear: true,
        min_output_area: 0,
        ogc: false, // the walk around the faces does better,
    };
    let mut overlay = Overlay::new_custom(rings.points.len(), options, i_overlay::core::solver::Solver::default());
    for ring in rings.iter() {
        let path = ring.iter().map(|p| IntPoint { x: p.x as i32, y: p.y as i32 });
        overlay.add_path_iter(path, ShapeType::Subject);
    }
    let shapes = overlay.overlay(OverlayRule::Subject, FillRule::Positive);
    faces(shapes.iter().flatten().flat_map(|contour| edges(contour)).collect())
}

fn edges(contour: &[IntPoint]) -> impl Iterator<Item = Directed> {
    let point = |p: &IntPoint| Point { x: i64::from(p.x), y: i64::from(p.y) };
    let next = contour.iter().cycle().skip(1);
    contour.iter().zip(next).map(move |(a, b)| (point(a), point(b)))
}

#[cfg(test)]
mod tests {
    use super::super::quantize::twice_area;
    use super::super::validity::{is_valid, tests::polygon};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bridge_along_the_clip_side_vanishes() {
        // A "U" cut below its arms: two pieces that the cut has joined along y = 9.
        let cut = polygon(&[&[(0, 0), (3, 0), (3, 9), (6, 9), (6, 0), (9, 0), (9, 9), (0, 9)]]);
        let pieces = repair(&cut);
        assert_eq!(pieces.len(), 2);
        assert!(pieces.iter().all(|p| twice_area(&p.points) == 2 * 27 && is_valid(p, &mut Vec::new())));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn whatever_comes_valid_polygons_leave(
            exterior in prop::collection::vec((0..24_i64, 0..24_i64), 3..24),
            holes in prop::collection::vec(prop::collection::vec((0..24_i64, 0..24_i64), 3..6), 0..4),
        ) {
            let mut rings = vec![&exterior[..]];
            rings.extend(holes.iter().map(Vec::as_slice));
            for piece in repair(&polygon(&rings)) {
                prop_assert!(is_valid(&piece, &mut Vec::new()), "{:?}", piece);
            }
        }
    }
}
