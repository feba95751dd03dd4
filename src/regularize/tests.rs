//! Small named cases, turned ones and random ones.

use geo::{Area, BooleanOps, BoundingRect, Coord, LineString, Polygon, Rotate, Translate, Validation};
use proptest::prelude::*;
use rstest::rstest;

use super::ring::open_rings;
use super::*;

const PIXEL_M: f64 = 0.3;

/// The pixels whose middle lies in `truth`, as their outer edges and those of their holes, 4-connected.
fn pixels(truth: &Polygon<f64>) -> Polygon<f64> {
    let bounds = truth.bounding_rect().expect("not empty");
    let (c0, r0) = ((bounds.min().x / PIXEL_M) as i64 - 2, (bounds.min().y / PIXEL_M) as i64 - 2);
    let (c1, r1) = ((bounds.max().x / PIXEL_M) as i64 + 2, (bounds.max().y / PIXEL_M) as i64 + 2);
    let is_inside = |c: i64, r: i64| {
        let p = geo::Point::new((c as f64 + 0.5) * PIXEL_M, (r as f64 + 0.5) * PIXEL_M);
        geo::Contains::contains(truth, &p)
    };
    // Every crack with the inside on its left, by its start.
    let mut cracks = std::collections::BTreeMap::<(i64, i64), Vec<(i64, i64)>>::new();
    for (c, r) in (r0..r1).flat_map(|r| (c0..c1).map(move |c| (c, r))).filter(|&(c, r)| is_inside(c, r)) {
        let sides = [
            ((c, r - 1), (c, r), (c + 1, r)),
            ((c + 1, r), (c + 1, r), (c + 1, r + 1)),
            ((c, r + 1), (c + 1, r + 1), (c, r + 1)),
            ((c - 1, r), (c, r + 1), (c, r)),
        ];
        for (beyond, from, to) in sides {
            if !is_inside(beyond.0, beyond.1) {
                cracks.entry(from).or_default().push(to);
            }
        }
    }
    let mut rings: Vec<Vec<Coord<f64>>> = Vec::new();
    while let Some((&start, _)) = cracks.iter().find(|(_, ends)| !ends.is_empty()) {
        let (mut at, mut ring) = (start, Vec::new());
        while let Some(next) = cracks.get_mut(&at).and_then(Vec::pop) {
            ring.push(Coord { x: at.0 as f64 * PIXEL_M, y: at.1 as f64 * PIXEL_M });
            at = next;
        }
        rings.push(ring);
    }
    rings.sort_by(|a, b| ring::signed_area(b).total_cmp(&ring::signed_area(a)));
    let mut lines = rings.into_iter().map(LineString);
    Polygon::new(lines.next().expect("has pixels"), lines.collect())
}

fn polygon(corners: &[(f64, f64)]) -> Polygon<f64> {
    Polygon::new(corners.iter().copied().collect(), Vec::new())
}

fn rectangle(w: f64, h: f64) -> Polygon<f64> {
    polygon(&[(0.0, 0.0), (w, 0.0), (w, h), (0.0, h)])
}

fn ell() -> Polygon<f64> {
    polygon(&[(0.0, 0.0), (20.0, 0.0), (20.0, 7.0), (9.0, 7.0), (9.0, 15.0), (0.0, 15.0)])
}

fn u_shape() -> Polygon<f64> {
    polygon(&[(0.0, 0.0), (24.0, 0.0), (24.0, 15.0), (16.0, 15.0), (16.0, 6.0), (8.0, 6.0), (8.0, 15.0), (0.0, 15.0)])
}

fn courtyard() -> Polygon<f64> {
    let hole = vec![(8.0, 7.0), (8.0, 15.0), (18.0, 15.0), (18.0, 7.0)];
    Polygon::new(rectangle(28.0, 22.0).exterior().clone(), vec![hole.into_iter().collect()])
}

/// A corner cut off at 45°.
fn chamfered() -> Polygon<f64> {
    polygon(&[(0.0, 0.0), (20.0, 0.0), (20.0, 8.0), (13.0, 15.0), (0.0, 15.0)])
}

fn circle(radius: f64) -> Polygon<f64> {
    let corner = |i: i32| (radius * (f64::from(i) * 0.1).cos(), radius * (f64::from(i) * 0.1).sin());
    polygon(&(0..63).map(corner).collect::<Vec<_>>())
}

fn one(outline: Polygon<f64>) -> Regularized {
    let footprint = Footprint { outline, simplified: None };
    regularize(&[footprint], &RegularizeOptions::for_pixel(PIXEL_M)).remove(0)
}

fn iou(a: &Polygon<f64>, b: &Polygon<f64>) -> f64 {
    let common = a.intersection(b).unsigned_area();
    common / (a.unsigned_area() + b.unsigned_area() - common)
}

fn corners(polygon: &Polygon<f64>) -> usize {
    std::iter::once(polygon.exterior()).chain(polygon.interiors()).map(|r| r.0.len() - 1).sum()
}

#[rstest]
#[case::rectangle(rectangle(14.0, 9.0), 4)]
#[case::ell(ell(), 6)]
#[case::u_shape(u_shape(), 8)]
#[case::courtyard(courtyard(), 8)]
#[case::chamfered(chamfered(), 5)]
fn the_corners_of_a_plan_return_at_any_angle(#[case] plan: Polygon<f64>, #[case] expected: usize) {
    for degrees in [0.0, 7.0, 21.0, 30.0, 45.0, 63.0, 88.0, 117.0, 300.0] {
        let truth = plan.rotate_around_point(degrees, geo::Point::new(0.0, 0.0));
        let found = one(pixels(&truth));
        assert_eq!(found.outcome, Outcome::Regularized, "{degrees}°");
        assert_eq!(corners(&found.polygon), expected, "{degrees}°: {:?}", found.polygon);
        assert!(
            iou(&found.polygon, &truth) > 0.97,
            "{degrees}°: IoU {} {:?}",
            iou(&found.polygon, &truth),
            found.polygon
        );
        assert!((found.polygon.unsigned_area() / truth.unsigned_area() - 1.0).abs() < 0.02, "{degrees}°");
        assert!(found.polygon.is_valid());
        let direction = found.direction_deg.expect("it has walls");
        let off = (direction - degrees).rem_euclid(90.0);
        assert!(off.min(90.0 - off) < 1.0, "{degrees}°: direction {direction}");
    }
}

#[test]
fn a_round_tank_becomes_a_circle() {
    for radius in [4.0, 7.5, 20.0] {
        let found = one(pixels(&circle(radius)));
        assert_eq!(found.outcome, Outcome::Round, "{radius} m");
        assert!(iou(&found.polygon, &circle(radius)) > 0.95, "{radius} m");
    }
    assert_eq!(one(pixels(&rectangle(9.0, 9.0))).outcome, Outcome::Regularized, "a square is not round");
}

#[test]
fn a_shed_is_too_small_for_a_direction() {
    let found = one(pixels(&rectangle(1.8, 1.5)));
    assert_eq!(found.outcome, Outcome::Kept(Reason::TooSmall));
    assert!(found.polygon.is_valid());
}

#[test]
fn a_shape_without_right_angles_is_kept() {
    let comet = polygon(&[(0.0, 0.0), (40.0, 3.0), (41.0, 25.0), (39.0, 5.0), (20.0, 4.0), (1.0, 20.0)]);
    let found = one(pixels(&comet));
    assert!(found.polygon.is_valid());
    assert!(iou(&found.polygon, &comet) > 0.75, "{:?}", found.outcome);
}

#[test]
fn specks_inside_a_roof_are_filled() {
    let speck = vec![(5.1, 5.1), (5.1, 5.7), (5.7, 5.7), (5.7, 5.1)];
    let found = one(Polygon::new(rectangle(15.0, 12.0).exterior().clone(), vec![speck.into_iter().collect()]));
    assert!(found.polygon.interiors().is_empty());
}

#[test]
fn neighbours_do_not_overlap() {
    let row = (0..8).map(|i| rectangle(6.0, 11.0).translate(f64::from(i) * 6.0, f64::from(i % 3)));
    for degrees in [0.0, 13.0, 40.0] {
        let turned = row.clone().map(|p| p.rotate_around_point(degrees, geo::Point::new(0.0, 0.0)));
        let footprints: Vec<Footprint> = turned.map(|p| Footprint { outline: pixels(&p), simplified: None }).collect();
        let found = regularize(&footprints, &RegularizeOptions::for_pixel(PIXEL_M));
        for (a, b) in found.iter().zip(&found[1..]) {
            assert!(a.polygon.intersection(&b.polygon).unsigned_area() < 1e-3, "{degrees}°");
        }
    }
}

/// A house 14 m wide over a road, with a border between them of steps so deep, 1.2 m wide; and the road.
fn beside_a_road(steps_m: f64) -> (Footprint, Polygon<f64>) {
    let mut border: Vec<(f64, f64)> = Vec::new();
    for i in 0..12 {
        let (x, y) = (f64::from(i) * 1.2, if i % 2 == 0 { 0.0 } else { steps_m });
        border.extend([(x, y), (x + 1.2, y)]);
    }
    let house: Vec<(f64, f64)> = border.iter().copied().chain([(14.4, 10.2), (0.0, 10.2)]).collect();
    let road: Vec<(f64, f64)> = border.into_iter().rev().chain([(0.0, -6.0), (14.4, -6.0)]).collect();
    (Footprint { outline: polygon(&house), simplified: Some(polygon(&house)) }, polygon(&road))
}

#[test]
fn a_strip_of_road_may_be_covered() {
    let options = RegularizeOptions::for_pixel(PIXEL_M);
    let (house, road) = beside_a_road(0.6);
    let found =
        regularize_beside(&[house], &[rectangle(2.0, 2.0).translate(90.0, 0.0), road.clone()], &options).remove(0);
    assert_eq!((found.outcome, corners(&found.polygon)), (Outcome::Regularized, 4), "{:?}", found.polygon);
    assert!(found.polygon.intersection(&road).unsigned_area() > 1.0);
}

#[test]
fn no_more_than_a_strip_of_road_is_covered() {
    let options = RegularizeOptions::for_pixel(PIXEL_M);
    for steps_m in [1.2, 1.8, 2.4] {
        let (house, road) = beside_a_road(steps_m);
        let (border_m, old) = (options.road_depth_m + 1e-6, house.outline.clone());
        let found = regularize_beside(&[house], std::slice::from_ref(&road), &options).remove(0);
        for corner in found.polygon.intersection(&road).0.iter().flat_map(|part| part.exterior().points()) {
            let off_m = geo::Distance::distance(&geo::Euclidean, &corner, &old);
            assert!(off_m < border_m, "{steps_m}: {off_m} m, {:?}", found.outcome);
        }
    }
}

#[test]
fn a_corner_on_a_wall_is_a_vertex_of_it() {
    let plans = [rectangle(12.0, 9.0), rectangle(6.0, 9.0).translate(3.0, 9.0)];
    for degrees in [0.0, 17.0, 40.0] {
        let turned = plans.clone().map(|plan| plan.rotate_around_point(degrees, geo::Point::new(0.0, 0.0)));
        let row = turned.map(|plan| Footprint { outline: pixels(&plan), simplified: None });
        let found = regularize(&row, &RegularizeOptions::for_pixel(PIXEL_M));
        let shared = found[1].polygon.exterior().0[1..].iter().filter(|c| found[0].polygon.exterior().0.contains(c));
        assert_eq!(shared.count(), 2, "{degrees}°: {found:?}");
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let footprints: Vec<Footprint> = (0..40)
        .map(|i| {
            let turned = ell().rotate_around_point(f64::from(i) * 5.0, geo::Point::new(0.0, 0.0));
            Footprint {
                outline: pixels(&turned).translate(f64::from(i % 7) * 21.0, f64::from(i / 7) * 19.0),
                simplified: None,
            }
        })
        .collect();
    let with = |threads: usize| {
        let threads = NonZeroUsize::new(threads).expect("not 0");
        regularize(&footprints, &RegularizeOptions { threads, ..RegularizeOptions::for_pixel(PIXEL_M) })
    };
    assert_eq!(with(1), with(5));
}

#[test]
fn the_importance_ends_with_a_quadrangle() {
    let found = one(pixels(&ell()));
    let ring = &found.importance_m[0];
    assert_eq!(ring.len(), found.polygon.exterior().0.len());
    assert_eq!(ring.first(), ring.last());
    assert_eq!(ring[1..].iter().filter(|m| m.is_infinite()).count(), 4);
    assert_eq!(one(pixels(&rectangle(9.0, 5.0))).importance_m, vec![vec![f32::INFINITY; 5]]);
}

#[test]
fn what_is_no_polygon_comes_back_as_it_was() {
    let flat = polygon(&[(0.0, 0.0), (5.0, 0.0), (10.0, 0.0)]);
    assert_eq!(one(flat.clone()).polygon, flat);
    let none = Polygon::new(LineString(Vec::new()), Vec::new());
    assert_eq!(one(none.clone()).outcome, Outcome::Kept(Reason::TooSmall));
    assert!(regularize(&[], &RegularizeOptions::for_pixel(PIXEL_M)).is_empty());
}

#[test]
fn the_shared_area_is_exact() {
    let (a, b) = (u_shape(), ell().rotate_around_point(33.0, geo::Point::new(4.0, 2.0)));
    let [ea, eb] = [&a, &b].map(|p| overlap::Edges::of(&open_rings(p, Coord::zero())));
    assert!((ea.common_area(&eb) - a.intersection(&b).unsigned_area()).abs() < 1e-5);
    // Many edges: by slabs.
    let (big, other) = (pixels(&circle(90.0)), pixels(&circle(70.0)).translate(31.0, 8.0));
    let [eb, eo] = [&big, &other].map(|p| overlap::Edges::of(&open_rings(p, Coord::zero())));
    assert!((eb.common_area(&eo) - big.intersection(&other).unsigned_area()).abs() < 1e-3);
    let court = courtyard();
    let whole = overlap::Edges::of(&open_rings(&court, Coord::zero()));
    assert!((whole.common_area(&whole) - court.unsigned_area()).abs() < 1e-9);
}

#[test]
fn a_comb_of_many_teeth_takes_no_time() {
    let teeth = 20_000;
    let tooth = |i: i32| {
        let x = f64::from(i) * 1.2;
        [(x, 0.0), (x + 0.6, 0.0), (x + 0.6, 30.0), (x + 1.2, 30.0)]
    };
    let mut comb: Vec<(f64, f64)> = (0..teeth).flat_map(tooth).collect();
    comb.extend([(f64::from(teeth) * 1.2, 60.0), (0.0, 60.0)]);
    let start = std::time::Instant::now();
    let found = one(polygon(&comb));
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    assert_eq!(found.polygon.exterior().0.first(), found.polygon.exterior().0.last());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Random blocks of pixels, joined where they touch: whatever comes out is valid and near what went in.
    #[test]
    fn any_pixels_give_a_valid_polygon(blocks in prop::collection::vec((0..30_i64, 0..30_i64, 1..14_i64, 1..14_i64), 1..9)) {
        let mut joined = geo::MultiPolygon::new(Vec::new());
        for (c, r, w, h) in blocks {
            let corner = |x: i64, y: i64| (x as f64 * 0.3, y as f64 * 0.3);
            let block = polygon(&[corner(c, r), corner(c + w, r), corner(c + w, r + h), corner(c, r + h)]);
            joined = joined.union(&block);
        }
        let footprints: Vec<Footprint> = joined.0.into_iter().map(|outline| Footprint { outline, simplified: None }).collect();
        let found = regularize(&footprints, &RegularizeOptions::for_pixel(PIXEL_M));
        for (new, old) in found.iter().zip(&footprints) {
            prop_assert!(new.polygon.is_valid(), "{:?} from {:?}", new.polygon, old.outline);
            prop_assert!(iou(&new.polygon, &old.outline) > 0.5 || new.outcome == Outcome::Kept(Reason::TooSmall));
        }
    }
}
