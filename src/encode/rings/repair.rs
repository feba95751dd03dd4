//! Rings that quantizing or cutting has broken, made valid polygons again.

use i_overlay::core::fill_rule::FillRule;
use i_overlay::core::overlay::{Overlay, ShapeType};
use i_overlay::i_float::int::point::IntPoint;
use i_overlay::vector::edge::{SUBJ_LEFT, SUBJ_RIGHT, VectorEdge};

use super::faces::{Directed, faces};
use super::validity::{Edge, is_valid};
use super::{Point, Rings};

/// How often pieces are repaired that are not valid yet.
const ATTEMPTS: usize = 4;

/// The valid polygons that cover what the rings wind around once or more; pieces that were turned over vanish.
///
/// Works in whole units throughout, so that its result needs no rounding. The edges are split where they meet and
/// told which side is filled by a sweep of [`i_overlay`]; the polygons are then walked here.
pub(in crate::encode) fn repair(rings: &Rings, work: &mut Vec<Edge>) -> Vec<Rings> {
    let mut valid = Vec::new();
    let mut broken = vec![rings.clone()];
    for _ in 0..ATTEMPTS {
        let pieces: Vec<Rings> = broken.iter().flat_map(|rings| faces(border(rings))).collect();
        let (good, bad): (Vec<_>, Vec<_>) = pieces.into_iter().partition(|piece| is_valid(piece, work));
        valid.extend(good);
        if bad.is_empty() {
            break;
        }
        broken = bad;
    }
    valid
}

/// The edges between filled and empty, with the filled side to the left (y up).
fn border(rings: &Rings) -> Vec<Directed> {
    let mut overlay = Overlay::new(rings.points.len());
    for ring in rings.iter() {
        let path = ring.iter().map(|p| IntPoint { x: p.x as i32, y: p.y as i32 });
        overlay.add_path_iter(path, ShapeType::Subject);
    }
    let point = |p: IntPoint| Point { x: i64::from(p.x), y: i64::from(p.y) };
    let directed = |e: &VectorEdge| match e.fill & (SUBJ_LEFT | SUBJ_RIGHT) {
        SUBJ_LEFT => Some((point(e.a), point(e.b))),
        SUBJ_RIGHT => Some((point(e.b), point(e.a))),
        _ => None,
    };
    overlay.build_separate_vectors(FillRule::Positive).iter().filter_map(directed).collect()
}

#[cfg(test)]
mod tests {
    use super::super::twice_area;
    use super::super::validity::{is_valid, tests::polygon};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bridge_along_the_clip_side_vanishes() {
        // A "U" cut below its arms: two pieces that the cut has joined along y = 9.
        let cut = polygon(&[&[(0, 0), (3, 0), (3, 9), (6, 9), (6, 0), (9, 0), (9, 9), (0, 9)]]);
        let pieces = repair(&cut, &mut Vec::new());
        assert_eq!(pieces.len(), 2);
        assert!(pieces.iter().all(|p| twice_area(&p.points) == 2 * 27 && is_valid(p, &mut Vec::new())));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn whatever_comes_only_valid_polygons_leave(
            exterior in prop::collection::vec((0..24_i64, 0..24_i64), 3..24),
            holes in prop::collection::vec(prop::collection::vec((0..24_i64, 0..24_i64), 3..6), 0..4),
        ) {
            let mut rings = vec![&exterior[..]];
            rings.extend(holes.iter().map(Vec::as_slice));
            for piece in repair(&polygon(&rings), &mut Vec::new()) {
                prop_assert!(is_valid(&piece, &mut Vec::new()), "{:?}", piece);
            }
        }
    }
}
