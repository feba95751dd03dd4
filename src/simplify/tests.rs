use geo::{Area, Polygon, Validation};
use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::{
    georef::Window,
    polygonize::{LabelView, join, trace},
};

fn coverage(cols: u32, labels: &[u8]) -> Coverage {
    let window = Window::new(2, -3, cols, labels.len() as u32 / cols);
    join(&[trace(&LabelView { window, labels, confidence: None, unknown: None })], &window).expect("one block")
}

/// A noisy town: smooth blobs of a few labels with single pixels thrown in.
fn town(side: u32, labels: u32, speckle: u32, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut random = move |below: u32| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as u32 % below
    };
    let spots: Vec<(u32, u32, u8)> =
        (0..side / 2).map(|_| (random(side), random(side), random(labels + 1) as u8)).collect();
    let nearest = |col: u32, row: u32| {
        spots.iter().min_by_key(|(c, r, _)| c.abs_diff(col).pow(2) + r.abs_diff(row).pow(2)).map_or(0, |spot| spot.2)
    };
    let mut out: Vec<u8> = (0..side * side).map(|i| nearest(i % side, i / side)).collect();
    for _ in 0..side * side * speckle / 100 {
        out[random(side * side) as usize] = random(labels + 1) as u8;
    }
    out
}

/// Valid polygons whose areas add up to those of the exact ones: nothing overlaps and nothing is missing.
fn check(coverage: &Coverage, options: &SimplifyOptions) {
    let outlines = simplify(coverage, options);
    let mut tolerance = options.tolerance_px;
    while tolerance <= options.coarsest_px {
        let mut edges = std::collections::HashMap::new();
        let (mut total, mut exact) = (0.0, 0.0);
        for region in coverage.regions() {
            let polygon = coarser(&outlines, region.index, tolerance);
            assert!(polygon.is_valid(), "{tolerance}: {:?} {polygon:?}", polygon.check_validation());
            assert!(polygon.signed_area() < 0.0, "still wound as before");
            assert!(polygon.interiors().iter().all(|hole| Polygon::new(hole.clone(), vec![]).signed_area() > 0.0));
            total += polygon.unsigned_area();
            exact += region.pixels as f64;
            for line in std::iter::once(polygon.exterior()).chain(polygon.interiors()).flat_map(geo::LineString::lines)
            {
                let key = |p: geo::Coord<f64>| (p.x.to_bits(), p.y.to_bits());
                *edges.entry((key(line.start), key(line.end))).or_insert(0) += 1;
            }
        }
        // Each edge bounds one region on its left: two would overlap there.
        assert!(edges.values().all(|count| *count == 1), "an edge bounds two regions on one side");
        let fully_labelled = exact as usize == coverage.window().pixels();
        assert!(!fully_labelled || (total - exact).abs() < 1e-6, "{tolerance}: {total} of {exact}");
        if fully_labelled {
            let free = |(a, b): &&(_, _)| !edges.contains_key(&(*b, *a));
            let frame = edges.keys().filter(free).map(|(a, b)| length(*a, *b)).sum::<f64>();
            let window = coverage.window();
            assert!((frame - 2.0 * f64::from(window.cols + window.rows)).abs() < 1e-9, "a gap inside");
        }
        tolerance = if tolerance > 0.0 { tolerance * 2.0 } else { f64::INFINITY };
    }
}

fn length(a: (u64, u64), b: (u64, u64)) -> f64 {
    let step = |a: u64, b: u64| f64::from_bits(a) - f64::from_bits(b);
    step(a.0, b.0).hypot(step(a.1, b.1))
}

/// A polygon without the vertices that a tolerance does not need.
fn coarser(outlines: &Outlines<'_>, region: usize, tolerance: f64) -> Polygon<f64> {
    let (polygon, importance) = (outlines.polygon(region), outlines.importance(region));
    let rings = std::iter::once(polygon.exterior()).chain(polygon.interiors());
    let mut rings = rings.zip(&importance).map(|(ring, importance)| {
        assert_eq!(ring.0.len(), importance.len());
        let kept = ring.0.iter().zip(importance).filter(|(_, i)| **i >= tolerance as f32);
        let mut kept: Vec<_> = kept.map(|(point, _)| *point).collect();
        if kept.first() != kept.last() {
            kept.push(kept[0]);
        }
        geo::LineString::new(kept)
    });
    let exterior = rings.next().expect("every polygon has an exterior");
    Polygon::new(exterior, rings.collect())
}

fn options(tolerance_px: f64) -> SimplifyOptions {
    SimplifyOptions { tolerance_px, ..SimplifyOptions::default() }
}

#[test]
fn steps_become_a_straight_line() {
    let labels: Vec<u8> = (0..40 * 40).map(|i| 1 + u8::from(i % 40 > i / 40)).collect();
    let coverage = coverage(40, &labels);
    let outlines = simplify(&coverage, &options(1.0));
    // Two nodes on the frame and three corners of it.
    assert_eq!(outlines.polygon(0).exterior().0.len(), 6);
    check(&coverage, &options(1.0));
}

#[test]
fn zero_tolerance_keeps_every_turn() {
    let coverage = coverage(32, &town(32, 3, 5, 9));
    let outlines = simplify(&coverage, &options(0.0));
    for region in coverage.regions() {
        let area = outlines.polygon(region.index).unsigned_area();
        assert!((area - region.pixels as f64).abs() < 1e-9);
    }
    check(&coverage, &SimplifyOptions { tolerance_px: 0.0, coarsest_px: 0.0, smoothing: None });
}

#[test]
fn an_island_in_a_notch_stays_on_its_side() {
    let mut labels = vec![1; 30 * 12];
    labels[30 * 6..].fill(2);
    for row in 6..9 {
        labels[30 * row + 12..30 * row + 17].fill(1);
    }
    labels[30 * 7 + 14] = 3;
    let coverage = coverage(30, &labels);
    let outlines = simplify(&coverage, &options(4.0));
    assert_eq!(outlines.polygon(0).interiors().len(), 1);
    check(&coverage, &options(4.0));
}

#[test]
fn a_pixel_keeps_its_corners() {
    let coverage = coverage(3, &[1, 1, 1, 1, 2, 1, 1, 1, 1]);
    let outlines = simplify(&coverage, &options(8.0));
    assert!((outlines.polygon(1).unsigned_area() - 1.0).abs() < 1e-12);
}

#[test]
fn a_tolerance_in_metres_is_divided_by_the_pixel_size() {
    let scale = GroundScale { per_col_m: (0.25, 0.0), per_row_m: (0.0, -0.25) };
    assert!((SimplifyOptions::in_metres(0.5, &scale).tolerance_px - 2.0).abs() < 1e-12);
}

#[rstest]
fn towns_stay_whole(
    #[values(0.6, 1.0, 1.5, 3.0, 7.0)] tolerance: f64,
    #[values(0, 3, 30)] speckle: u32,
    #[values(false, true)] smoothed: bool,
) {
    let coverage = coverage(96, &town(96, 4, speckle, 77));
    let labels = smoothed.then(|| Smoothing { labels: [1, 2].into(), rounds: 2 });
    check(&coverage, &SimplifyOptions { smoothing: labels, ..options(tolerance) });
}

#[test]
fn smoothing_leaves_built_borders_alone() {
    let coverage = coverage(64, &town(64, 4, 0, 5));
    let plain = simplify(&coverage, &options(1.0));
    let none = Smoothing { labels: BTreeSet::new(), rounds: 2 };
    let built = SimplifyOptions { smoothing: Some(none), ..options(1.0) };
    assert_eq!(plain, simplify(&coverage, &built));
    let natural =
        SimplifyOptions { smoothing: Some(Smoothing { labels: [1, 2, 3, 4].into(), rounds: 1 }), ..options(1.0) };
    assert!(simplify(&coverage, &natural).vertices() > plain.vertices());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn random_coverages_stay_whole(
        cols in 1..20_u32,
        pixels in prop::collection::vec((1..4_u8, 0..4_u8), 1..400),
        tolerance in 0.3..6.0_f64,
        rounds in 0..3_u8,
    ) {
        let rows = pixels.len() as u32 / cols;
        prop_assume!(rows > 0);
        let mut labels = vec![0; (cols * rows) as usize];
        for i in 0..labels.len() {
            // Mostly a copy of the pixel left or above, for larger regions.
            let (label, copy) = pixels[i];
            labels[i] = match copy {
                1 if i > 0 => labels[i - 1],
                2 | 3 if i >= cols as usize => labels[i - cols as usize],
                _ => label,
            };
        }
        let smoothing = (rounds > 0).then(|| Smoothing { labels: [1, 2].into(), rounds });
        check(&coverage(cols, &labels), &SimplifyOptions { smoothing, ..options(tolerance) });
    }
}
