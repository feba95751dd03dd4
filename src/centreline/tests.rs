//! Roads drawn as strips around lines.

use super::*;
use rstest::rstest;

const PIXEL_M: f64 = 0.5;
const SIDE: usize = 400;

/// A strip of a width around a line, in metres.
struct Road([f64; 4], f64);

fn mask(roads: &[Road], turned_degrees: f64) -> Vec<bool> {
    let (sin, cos) = turned_degrees.to_radians().sin_cos();
    let middle = SIDE as f64 * PIXEL_M / 2.0;
    let is_road = |i: usize| {
        let (x, y) = (((i % SIDE) as f64 + 0.5) * PIXEL_M - middle, ((i / SIDE) as f64 + 0.5) * PIXEL_M - middle);
        let (x, y) = (x * cos + y * sin, y * cos - x * sin);
        roads.iter().any(|Road([x0, y0, x1, y1], width)| {
            let (dx, dy) = (x1 - x0, y1 - y0);
            let length = dx.hypot(dy);
            let along = ((x - x0) * dx + (y - y0) * dy) / length;
            let beside = ((y - y0) * dx - (x - x0) * dy) / length;
            along >= 0.0 && along <= length && beside.abs() <= width / 2.0
        })
    };
    (0..SIDE * SIDE).map(is_road).collect()
}

fn lines(inside: &[bool]) -> Vec<Centreline> {
    centrelines(&RoadMask { inside, cols: SIDE, pixel_m: PIXEL_M }, &CentrelineOptions::default())
}

fn length_m(line: &Centreline) -> f64 {
    line.points.windows(2).map(|w| graph::distance(w[0], w[1])).sum::<f64>() * PIXEL_M
}

#[rstest]
fn a_straight_road_has_one_line(#[values(0.0, 17.0, 45.0, 71.0, 90.0, 133.0)] degrees: f64) {
    let found = lines(&mask(&[Road([-60.0, 3.0, 60.0, 3.0], 7.0)], degrees));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!((length_m(&found[0]) - 120.0).abs() < 3.0, "{degrees}°: {} m", length_m(&found[0]));
    assert!((found[0].width_m - 7.0).abs() < 0.6, "{degrees}°: {} m wide", found[0].width_m);
    assert!(found[0].points.len() <= 4, "{degrees}°: {:?}", found[0].points);
    // Everywhere on the middle of the road.
    let (sin, cos) = degrees.to_radians().sin_cos();
    for p in &found[0].points {
        let (x, y) = ((p.x - 200.0) * PIXEL_M, (p.y - 200.0) * PIXEL_M);
        assert!((y * cos - x * sin - 3.0).abs() < 0.8, "{degrees}°: {p:?}");
    }
}

#[rstest]
fn a_junction_of_three_roads_has_three_lines(#[values(0.0, 30.0, 45.0, 100.0)] degrees: f64) {
    let found = lines(&mask(&[Road([-60.0, 0.0, 60.0, 0.0], 8.0), Road([0.0, 0.0, 0.0, 50.0], 6.0)], degrees));
    assert_eq!(found.len(), 3, "{degrees}°: {found:?}");
    let mut lengths: Vec<f64> = found.iter().map(length_m).collect();
    lengths.sort_by(f64::total_cmp);
    assert!((lengths[0] - 50.0).abs() < 4.0 && (lengths[2] - 60.0).abs() < 4.0, "{degrees}°: {lengths:?}");
    let ends: Vec<Coord<f64>> = found.iter().flat_map(|l| [l.points[0], l.points[l.points.len() - 1]]).collect();
    let shared = ends.iter().filter(|p| ends.iter().filter(|q| q == p).count() == 3).count();
    assert_eq!(shared, 3, "all three meet in one point: {ends:?}");
}

#[rstest]
fn a_gap_is_bridged(#[values(0.0, 25.0, 60.0)] degrees: f64) {
    let road = [Road([-60.0, 0.0, -4.0, 0.0], 6.0), Road([4.0, 1.0, 60.0, 1.0], 6.0)];
    let found = lines(&mask(&road, degrees));
    assert_eq!(found.len(), 1, "{degrees}°: {found:?}");
    assert!((length_m(&found[0]) - 120.0).abs() < 3.0, "{degrees}°");
    // But not to a parallel road, and not across a field.
    let beside = [Road([-60.0, 0.0, 0.0, 0.0], 5.0), Road([-10.0, 10.0, 60.0, 10.0], 5.0)];
    assert_eq!(lines(&mask(&beside, degrees)).len(), 2, "{degrees}°");
    let far = [Road([-60.0, 0.0, -8.0, 0.0], 6.0), Road([8.0, 0.0, 60.0, 0.0], 6.0)];
    assert_eq!(lines(&mask(&far, degrees)).len(), 2, "{degrees}°");
}

#[test]
fn rough_borders_and_specks_leave_no_spurs() {
    let mut inside = mask(&[Road([-80.0, -20.0, 80.0, 35.0], 8.0)], 0.0);
    let mut state = 7_u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 24)
    };
    // Specks on and off the road.
    for _ in 0..4000 {
        let cell = (random() * (SIDE * SIDE) as f64) as usize;
        inside[cell] = !inside[cell];
    }
    let found = lines(&inside);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!((length_m(&found[0]) - 160.0_f64.hypot(55.0)).abs() < 5.0, "{}", length_m(&found[0]));
}

#[test]
fn a_driveway_is_no_road_but_a_side_street_is() {
    let with = |length: f64| {
        lines(&mask(&[Road([-60.0, 0.0, 60.0, 0.0], 8.0), Road([0.0, 0.0, 0.0, 4.0 + length], 4.0)], 10.0)).len()
    };
    assert_eq!(with(6.0), 1);
    assert_eq!(with(30.0), 3);
}

#[test]
fn a_roundabout_stays_a_ring() {
    let ring = |i: usize| {
        let (x, y) = (((i % SIDE) as f64 - 200.0) * PIXEL_M, ((i / SIDE) as f64 - 200.0) * PIXEL_M);
        (16.0..24.0).contains(&x.hypot(y))
    };
    let found = lines(&(0..SIDE * SIDE).map(ring).collect::<Vec<_>>());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].points.first(), found[0].points.last());
    assert!((length_m(&found[0]) - 2.0 * std::f64::consts::PI * 20.0).abs() < 6.0, "{}", length_m(&found[0]));
}

#[test]
fn nothing_has_no_lines() {
    assert!(lines(&vec![false; SIDE * SIDE]).is_empty());
    assert!(centrelines(&RoadMask { inside: &[], cols: 0, pixel_m: 0.3 }, &CentrelineOptions::default()).is_empty());
    let all = vec![true; 50 * 50];
    let found = centrelines(&RoadMask { inside: &all, cols: 50, pixel_m: 0.5 }, &CentrelineOptions::default());
    assert!(found.len() <= 1, "{found:?}");
}

fn streets() -> Vec<bool> {
    mask(
        &[
            Road([-95.0, -20.0, 95.0, 35.0], 8.0),
            Road([-30.0, -90.0, -10.0, 90.0], 6.0),
            Road([50.0, -90.0, 45.0, -4.0], 5.0),
            Road([45.0, 4.0, 20.0, 95.0], 5.0),
        ],
        20.0,
    )
}

#[test]
fn seams_of_windows_leave_no_trace() {
    let inside = streets();
    let pixels = RoadMask { inside: &inside, cols: SIDE, pixel_m: PIXEL_M };
    let total = |side: usize| {
        let lines = found(&pixels, &CentrelineOptions::default(), side).lines;
        (lines.len(), lines.iter().map(length_m).sum::<f64>())
    };
    let (count, length) = total(4096);
    for side in [100, 128, 333] {
        let (parts, sum) = total(side);
        assert_eq!(parts, count, "windows of {side}");
        assert!((sum - length).abs() < 0.01 * length, "windows of {side}: {sum} is not {length}");
    }
}

#[rstest]
fn lines_know_no_blocks(#[values(64, 97, 150)] block: i64) {
    use crate::georef::Window;
    use crate::polygonize::{BlockArcs, LabelView, join, trace};
    let labels: Vec<u8> = streets().into_iter().map(|road| if road { 2 } else { 3 }).collect();
    let grid = Window::new(0, 0, SIDE as u32, SIDE as u32);
    let lines = |side: i64, backwards: bool| {
        let starts: Vec<i64> = (0..SIDE as i64).step_by(side as usize).collect();
        let mut blocks: Vec<BlockArcs> = Vec::new();
        for (row, col) in starts.iter().flat_map(|row| starts.iter().map(move |col| (*row, *col))) {
            let end = |at: i64| (at + side).min(SIDE as i64);
            let window = Window::between(col, row, end(col), end(row));
            let line = |r: i64| &labels[r as usize * SIDE + col as usize..r as usize * SIDE + end(col) as usize];
            let part: Vec<u8> = (row..end(row)).flat_map(line).copied().collect();
            blocks.push(trace(&LabelView { window, labels: &part, confidence: None, unknown: None }));
        }
        let mut order: Vec<&BlockArcs> = blocks.iter().collect();
        if backwards {
            order.reverse();
        }
        let coverage = join(&order, &grid).expect("blocks of one grid");
        let of = |label: u32| RegionPixels::of(&coverage, |region| region.label == label);
        let roads = CoverageRoads { roads: of(2), blocked: of(1), pixel_m: [PIXEL_M; 2] };
        centrelines(&roads, &CentrelineOptions::default())
    };
    let whole = lines(SIDE as i64, false);
    assert!(whole.len() >= 6, "{whole:?}");
    assert_eq!(lines(block, block == 97), whole);
}
