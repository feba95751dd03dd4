use geo::{Area, Coord, LineString, Polygon, Validation};
use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::georef::Window;

/// A small raster with its place.
#[derive(Debug, Clone)]
struct Raster {
    window: Window,
    labels: Vec<u8>,
    confidence: Vec<u8>,
    unknown: Vec<u8>,
}

impl Raster {
    fn new(cols: usize, labels: &[u8]) -> Self {
        let window = Window::new(0, 0, cols as u32, (labels.len() / cols) as u32);
        Self {
            window,
            labels: labels.to_vec(),
            confidence: labels.iter().map(|l| 200 - l).collect(),
            unknown: vec![7; labels.len()],
        }
    }

    fn label(&self, col: i64, row: i64) -> u8 {
        self.labels[self.window.index(col, row)]
    }

    fn block(&self, window: Window) -> BlockArcs {
        let pick = |from: &[u8]| -> Vec<u8> {
            let rows = window.row..window.end_row();
            rows.flat_map(|r| (window.col..window.end_col()).map(move |c| (c, r)))
                .map(|(c, r)| from[self.window.index(c, r)])
                .collect()
        };
        let [labels, confidence, unknown] = [&self.labels, &self.confidence, &self.unknown].map(|band| pick(band));
        trace(&LabelView { window, labels: &labels, confidence: Some(&confidence), unknown: Some(&unknown) })
    }

    fn whole(&self) -> Coverage {
        join(&[self.block(self.window)], &self.window).expect("one block")
    }

    /// Cut at the given columns and rows.
    fn blocks(&self, cols: &[u32], rows: &[u32]) -> Vec<BlockArcs> {
        let cuts = |inner: &[u32], size: u32, start: i64| -> Vec<i64> {
            let mut cuts: Vec<u32> = inner.iter().map(|c| c % size).chain([0, size]).collect();
            cuts.sort_unstable();
            cuts.dedup();
            cuts.into_iter().map(|c| start + i64::from(c)).collect()
        };
        let (cols, rows) =
            (cuts(cols, self.window.cols, self.window.col), cuts(rows, self.window.rows, self.window.row));
        rows.windows(2)
            .flat_map(|r| cols.windows(2).map(move |c| Window::between(c[0], r[0], c[1], r[1])))
            .map(|window| self.block(window))
            .collect()
    }
}

/// A label, the first pixel, and all pixels.
type Flooded = (u8, (i64, i64), Vec<(i64, i64)>);

/// The regions by flood fill, in row-major order of first pixels.
fn flood(raster: &Raster) -> Vec<Flooded> {
    let window = raster.window;
    let mut seen = vec![false; window.pixels()];
    let mut regions = Vec::new();
    for start in (window.row..window.end_row()).flat_map(|r| (window.col..window.end_col()).map(move |c| (c, r))) {
        let label = raster.label(start.0, start.1);
        if label == 0 || std::mem::replace(&mut seen[window.index(start.0, start.1)], true) {
            continue;
        }
        let mut pixels = vec![start];
        let mut next = 0;
        while let Some(&(c, r)) = pixels.get(next) {
            next += 1;
            for (c, r) in [(c - 1, r), (c + 1, r), (c, r - 1), (c, r + 1)] {
                let inside = window.contains(&Window::new(c, r, 1, 1));
                if inside && raster.label(c, r) == label && !std::mem::replace(&mut seen[window.index(c, r)], true) {
                    pixels.push((c, r));
                }
            }
        }
        pixels.sort_unstable_by_key(|&(c, r)| (r, c));
        regions.push((label, start, pixels));
    }
    regions
}

/// The pixels whose centre lies in a polygon, by crossings to the left of it.
fn filled(polygon: &Polygon<f64>, window: Window) -> Vec<(i64, i64)> {
    let rings: Vec<&LineString<f64>> = std::iter::once(polygon.exterior()).chain(polygon.interiors()).collect();
    let mut pixels = Vec::new();
    for (c, r) in (window.row..window.end_row()).flat_map(|r| (window.col..window.end_col()).map(move |c| (c, r))) {
        let (x, y) = (c as f64 + 0.5, r as f64 + 0.5);
        let crossings = rings
            .iter()
            .flat_map(|ring| ring.lines())
            .filter(|line| line.start.x < x && line.start.y.min(line.end.y) < y && line.start.y.max(line.end.y) > y);
        if crossings.count() % 2 == 1 {
            pixels.push((c, r));
        }
    }
    pixels
}

/// Everything that a coverage of a whole raster promises.
fn check(raster: &Raster) {
    let coverage = raster.whole();
    let expected = flood(raster);
    assert_eq!(coverage.regions().len(), expected.len());
    for (region, (label, first, pixels)) in coverage.regions().iter().zip(&expected) {
        assert_eq!((region.label, region.first_col, region.first_row), (u32::from(*label), first.0, first.1));
        assert_eq!(region.pixels, pixels.len() as u64);
        let confidence = pixels.iter().map(|&(c, r)| raster.confidence[raster.window.index(c, r)]);
        let (sum, min) = (confidence.clone().map(u64::from).sum(), confidence.min().expect("a region has a pixel"));
        assert_eq!(region.confidence, Some(RegionConfidence { sum, min }));
        let unknown = pixels.iter().map(|&(c, r)| u64::from(raster.unknown[raster.window.index(c, r)])).sum();
        assert_eq!(region.unknown_sum, Some(unknown));
        assert!(!region.provisional);
        let polygon = coverage.exact_polygon(region.index);
        assert!(polygon.is_valid(), "{polygon:?}");
        assert_eq!(&filled(&polygon, raster.window), pixels);
        assert!((polygon.signed_area() + pixels.len() as f64).abs() < 1e-9, "the exterior is wound clockwise");
        assert_wound(&polygon);
    }
    check_arcs(&coverage);
}

/// Exteriors have negative, holes positive shoelace area; no vertex is straight.
fn assert_wound(polygon: &Polygon<f64>) {
    let area = |ring: &LineString<f64>| Polygon::new(ring.clone(), vec![]).signed_area();
    assert!(area(polygon.exterior()) < 0.0);
    assert!(polygon.interiors().iter().all(|hole| area(hole) > 0.0));
    for ring in std::iter::once(polygon.exterior()).chain(polygon.interiors()) {
        let points = &ring.0[..ring.0.len() - 1];
        for i in 0..points.len() {
            let (a, b, c) = (points[i], points[(i + 1) % points.len()], points[(i + 2) % points.len()]);
            let cross = (b.x - a.x) * (c.y - b.y) - (b.y - a.y) * (c.x - b.x);
            assert!(cross.abs() > 0.5, "straight at {b:?}");
        }
    }
}

/// Each side of each arc that has a region is in exactly one of its rings, and rings are chains of sides.
fn check_arcs(coverage: &Coverage) {
    let mut seen = vec![[false; 2]; coverage.arc_count()];
    for region in coverage.regions() {
        for ring in coverage.rings(region.index) {
            let end = |side: &Side, at_start: bool| {
                let points = coverage.arc(side.arc()).points;
                if at_start == side.reversed() { points[points.len() - 1] } else { points[0] }
            };
            for (i, side) in ring.iter().enumerate() {
                let arc = coverage.arc(side.arc());
                assert_eq!(if side.reversed() { arc.right } else { arc.left }, Some(region.index));
                assert!(!std::mem::replace(&mut seen[side.arc()][usize::from(side.reversed())], true));
                assert_eq!(end(side, false), end(&ring[(i + 1) % ring.len()], true));
            }
        }
    }
    for (index, seen) in seen.iter().enumerate() {
        let arc = coverage.arc(index);
        assert_eq!(*seen, [arc.left.is_some(), arc.right.is_some()]);
        assert!(arc.left != arc.right, "an arc lies between two regions");
        for three in arc.points.windows(3) {
            assert!((three[0].row == three[1].row) != (three[1].row == three[2].row), "an arc turns at every vertex");
        }
    }
}

#[rstest]
#[case::one_pixel(1, &[7])]
#[case::nothing(2, &[0, 0, 0, 0])]
#[case::one_colour(3, &[5; 9])]
#[case::checkerboard(4, &[1, 2, 1, 2, 2, 1, 2, 1, 1, 2, 1, 2])]
#[case::diagonal_touch_inside(4, &[1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1])]
#[case::a_ring_that_would_touch_itself(3, &[1, 1, 1, 1, 2, 1, 2, 1, 1])]
#[case::hole_in_hole(5, &[1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 2, 1, 2, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1])]
#[case::one_row(6, &[1, 1, 0, 2, 2, 1])]
#[case::one_column(1, &[1, 1, 0, 2, 2, 1])]
#[case::a_node_on_the_frame(3, &[1, 0, 2, 1, 0, 2])]
fn small_rasters_give_their_pixels_back(#[case] cols: usize, #[case] labels: &[u8]) {
    check(&Raster::new(cols, labels));
}

#[test]
fn a_frame_with_two_holes_that_touch_has_both() {
    let coverage = Raster::new(4, &[1, 1, 1, 1, 1, 9, 1, 1, 1, 1, 9, 1, 1, 1, 1, 1]).whole();
    assert_eq!(coverage.regions().len(), 3);
    let frame = coverage.exact_polygon(0);
    let ring = |points: &[(f64, f64)]| -> LineString<f64> { points.iter().map(|&(x, y)| Coord { x, y }).collect() };
    let exterior = ring(&[(0.0, 4.0), (4.0, 4.0), (4.0, 0.0), (0.0, 0.0), (0.0, 4.0)]);
    assert_eq!(frame.exterior(), &exterior);
    assert_eq!(frame.interiors().len(), 2);
}

#[test]
fn an_empty_window_has_no_regions() {
    let window = Window::new(3, 4, 0, 5);
    let arcs = trace(&LabelView::<u16> { window, labels: &[], confidence: None, unknown: None });
    assert!(join(&[arcs], &window).expect("inside").regions().is_empty());
    assert!(join::<BlockArcs>(&[], &window).expect("nothing").regions().is_empty());
}

#[test]
fn every_label_of_16_bits_is_its_own_region() {
    let labels: Vec<u16> = (0..=u16::MAX).collect();
    let window = Window::new(0, 0, 256, 256);
    let coverage = join(&[trace(&LabelView { window, labels: &labels, confidence: None, unknown: None })], &window)
        .expect("whole");
    assert_eq!(coverage.regions().len(), 65_535);
    assert!(coverage.regions().iter().all(|region| region.pixels == 1 && region.confidence.is_none()));
}

#[test]
fn a_region_with_a_million_holes_keeps_them() {
    let side = 2001;
    let labels: Vec<u8> = (0..side * side).map(|i| 1 + u8::from((i / side) % 2 == 1 && (i % side) % 2 == 1)).collect();
    let window = Window::new(0, 0, side as u32, side as u32);
    let coverage = join(&[trace(&LabelView { window, labels: &labels, confidence: None, unknown: None })], &window)
        .expect("whole");
    assert_eq!(coverage.regions().len(), 1_000_001);
    assert_eq!(coverage.exact_polygon(0).interiors().len(), 1_000_000);
}

#[test]
fn a_region_beside_a_missing_block_is_provisional_until_it_comes() {
    let raster = Raster::new(4, &[1, 1, 1, 2, 3, 3, 2, 2]);
    let blocks = raster.blocks(&[2], &[]);
    let left = join(&blocks[..1], &raster.window).expect("inside");
    let flags: Vec<_> = left.regions().iter().map(|r| (r.label, r.pixels, r.provisional)).collect();
    assert_eq!(flags, [(1, 2, true), (3, 2, true)]);
    let both = join(&blocks, &raster.window).expect("inside");
    assert_eq!(both, raster.whole());
    assert!(both.regions().iter().all(|r| !r.provisional));
}

#[test]
fn blocks_that_are_no_lattice_are_refused() {
    let raster = Raster::new(4, &[1; 16]);
    let block = |window| raster.block(window);
    let overlap = [block(Window::new(0, 0, 2, 4)), block(Window::new(1, 0, 3, 4))];
    assert!(matches!(join(&overlap, &raster.window), Err(JoinError::Lattice { .. })));
    let twice = [block(Window::new(0, 0, 2, 4)), block(Window::new(0, 0, 2, 4))];
    assert!(matches!(join(&twice, &raster.window), Err(JoinError::Lattice { .. })));
    let beyond = join(&[block(raster.window)], &Window::new(0, 0, 3, 4)).expect_err("too small a grid");
    assert!(beyond.to_string().contains("columns 0..3"), "{beyond}");
}

fn rasters() -> impl Strategy<Value = Raster> {
    (1..14_usize, 1..14_usize, 1..5_u8, -5..5_i64).prop_flat_map(|(cols, rows, labels, corner)| {
        // Half of the pixels copy the one before, for longer runs.
        let pixel = (0..=labels, prop::bool::ANY, any::<u8>());
        prop::collection::vec(pixel, cols * rows).prop_map(move |pixels| {
            let mut raster = Raster::new(cols, &vec![0; cols * rows]);
            raster.window = Window::new(corner, 2 * corner, cols as u32, rows as u32);
            for (i, (label, copy, confidence)) in pixels.into_iter().enumerate() {
                raster.labels[i] = if copy && i > 0 { raster.labels[i - 1] } else { label };
                raster.confidence[i] = confidence;
                raster.unknown[i] = confidence.rotate_left(3);
            }
            raster
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn polygons_hold_exactly_the_pixels_of_their_region(raster in rasters()) {
        check(&raster);
    }

    #[test]
    fn blocks_in_any_order_give_what_the_whole_gives(
        raster in rasters(),
        cols in prop::collection::vec(0..14_u32, 0..4),
        rows in prop::collection::vec(0..14_u32, 0..4),
        turn in any::<usize>(),
    ) {
        let mut blocks = raster.blocks(&cols, &rows);
        let turn = turn % blocks.len();
        blocks.rotate_left(turn);
        if turn % 2 == 1 {
            blocks.reverse();
        }
        let joined = join(&blocks, &raster.window).expect("a lattice");
        prop_assert_eq!(joined, raster.whole());
    }

    #[test]
    fn regions_that_are_not_provisional_are_final(
        raster in rasters(),
        cuts in prop::collection::vec(0..14_u32, 0..4),
        missing in any::<u64>(),
    ) {
        let mut blocks = raster.blocks(&cuts, &cuts);
        let mut bits = missing;
        blocks.retain(|_| { bits = bits.rotate_right(1); bits & 1 == 0 });
        let part = join(&blocks, &raster.window).expect("a lattice");
        let whole = raster.whole();
        for region in part.regions().iter().filter(|region| !region.provisional) {
            let same = whole.regions().iter().find(|w| (w.first_row, w.first_col) == (region.first_row, region.first_col));
            let same = same.expect("a final region is a region of the whole");
            prop_assert_eq!((same.pixels, same.label, same.confidence, same.unknown_sum), (region.pixels, region.label, region.confidence, region.unknown_sum));
            let areas = [part.exact_polygon(region.index), whole.exact_polygon(same.index)].map(|p| p.signed_area());
            prop_assert!((areas[0] - areas[1]).abs() < 1e-9);
        }
        for region in part.regions() {
            prop_assert!(part.exact_polygon(region.index).is_valid());
        }
    }
}
