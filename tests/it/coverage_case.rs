//! One raster made of arbitrary bytes, held against everything that tracing, joining and simplifying promise.
//!
//! Used by the fuzz target `coverage` and by the tests.

use std::collections::BTreeSet;

use geo::{Area, LineString, Polygon, Validation};
use orthotile::georef::Window;
use orthotile::polygonize::{BlockArcs, Coverage, LabelView, join, trace};
use orthotile::simplify::{Outlines, SimplifyOptions, Smoothing, simplify, subdivide};

/// The first four bytes tell the width, the block size, the tolerance and the smoothing; each byte after them is a run:
/// label in the lower 3 bits, length in the upper 5.
pub fn check(bytes: &[u8]) {
    let [width, block, tolerance, rounds, runs @ ..] = bytes else { return };
    let cols = u32::from(*width % 48) + 1;
    let runs = runs.iter().take(1200);
    let mut labels: Vec<u8> = runs.flat_map(|run| std::iter::repeat_n(run & 7, usize::from(run >> 3) + 1)).collect();
    labels.truncate(labels.len() - labels.len() % cols as usize);
    let window = Window::new(-7, 5, cols, labels.len() as u32 / cols);
    let coverage = join(&[traced(&labels, &window, window)], &window).expect("one block");
    let blocks: Vec<BlockArcs> =
        blocks(&window, i64::from(*block % 17) + 1).map(|b| traced(&labels, &window, b)).collect();
    assert!(join(&blocks, &window).expect("a lattice") == coverage, "blocks and whole differ");
    let labelled = labels.iter().filter(|label| **label != 0).count() as u64;
    assert_eq!(coverage.regions().iter().map(|region| region.pixels).sum::<u64>(), labelled);
    for region in coverage.regions() {
        let polygon = coverage.exact_polygon(region.index);
        assert_sound(&polygon);
        assert!((polygon.unsigned_area() - region.pixels as f64).abs() < 1e-9);
    }
    let smoothing = (rounds % 3 > 0).then(|| Smoothing { labels: BTreeSet::from([1, 2, 3]), rounds: rounds % 3 });
    let tolerance_px = f64::from(*tolerance) / 24.0;
    check_outlines(&coverage, &SimplifyOptions { tolerance_px, smoothing, ..SimplifyOptions::default() });
}

fn traced(labels: &[u8], whole: &Window, block: Window) -> BlockArcs {
    let rows = block.row..block.end_row();
    let starts = rows.map(|row| whole.index(block.col, row));
    let labels: Vec<u8> = starts.flat_map(|at| labels[at..at + block.cols as usize].iter().copied()).collect();
    trace(&LabelView { window: block, labels: &labels, confidence: None, unknown: None })
}

fn blocks(window: &Window, side: i64) -> impl Iterator<Item = Window> {
    let cols = (window.col..window.end_col()).step_by(side as usize);
    let cells =
        (window.row..window.end_row()).step_by(side as usize).flat_map(move |row| cols.clone().map(move |c| (c, row)));
    cells.filter_map(move |(col, row)| Window::between(col, row, col + side, row + side).intersection(window))
}

fn check_outlines(coverage: &Coverage, options: &SimplifyOptions) {
    let outlines = simplify(coverage, options);
    for region in coverage.regions() {
        check_pieces(&outlines.polygon(region.index));
    }
    let mut tolerance = options.tolerance_px;
    while tolerance <= options.coarsest_px {
        let mut area = 0.0;
        for region in coverage.regions() {
            let polygon = coarser(&outlines, region.index, tolerance);
            assert_sound(&polygon);
            area += polygon.unsigned_area();
        }
        let pixels: u64 = coverage.regions().iter().map(|region| region.pixels).sum();
        let window = coverage.window().pixels();
        assert!(pixels != window as u64 || (area - window as f64).abs() < 1e-6, "{area} of {window}");
        tolerance = if tolerance > 0.0 { 2.0 * tolerance } else { f64::INFINITY };
    }
}

/// The pieces of a polygon are sound and cover it.
fn check_pieces(polygon: &Polygon<f64>) {
    let pieces = subdivide(polygon.clone(), 16);
    pieces.iter().for_each(assert_sound);
    let area: f64 = pieces.iter().map(Area::unsigned_area).sum();
    assert!((area - polygon.unsigned_area()).abs() < 1e-6, "{area}: {polygon:?}");
}

/// A region's outline without the vertices that a tolerance does not need.
fn coarser(outlines: &Outlines<'_>, region: usize, tolerance: f64) -> Polygon<f64> {
    let (polygon, importance) = (outlines.polygon(region), outlines.importance(region));
    let rings = std::iter::once(polygon.exterior()).chain(polygon.interiors()).zip(&importance);
    let mut rings = rings.map(|(ring, importance)| {
        let kept = ring.0.iter().zip(importance).filter(|(_, i)| **i >= tolerance as f32);
        let mut ring = LineString::new(kept.map(|(point, _)| *point).collect());
        ring.close();
        ring
    });
    let exterior = rings.next().expect("every polygon has an exterior");
    Polygon::new(exterior, rings.collect())
}

/// Valid and wound as promised.
fn assert_sound(polygon: &Polygon<f64>) {
    assert!(polygon.is_valid(), "{:?}: {polygon:?}", polygon.check_validation());
    let area = |ring: &LineString<f64>| Polygon::new(ring.clone(), vec![]).signed_area();
    assert!(area(polygon.exterior()) < 0.0 && polygon.interiors().iter().all(|hole| area(hole) > 0.0));
}
