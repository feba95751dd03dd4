//! How near two outlines are.

use geo::{Coord, Polygon};

/// Metres from a point to an edge.
pub fn distance_to_edge(p: Coord<f64>, a: Coord<f64>, b: Coord<f64>) -> f64 {
    let (d, q) = (b - a, p - a);
    let t = ((q.x * d.x + q.y * d.y) / (d.x * d.x + d.y * d.y)).clamp(0.0, 1.0);
    (q.x - t * d.x).hypot(q.y - t * d.y)
}

fn corners(polygon: &Polygon<f64>) -> &[Coord<f64>] {
    &polygon.exterior().0[..polygon.exterior().0.len() - 1]
}

fn distance_to_outline(p: Coord<f64>, polygon: &Polygon<f64>) -> f64 {
    polygon.exterior().lines().map(|l| distance_to_edge(p, l.start, l.end)).fold(f64::INFINITY, f64::min)
}

/// The number of corners.
pub fn vertices(polygon: &Polygon<f64>) -> usize {
    corners(polygon).len()
}

/// The mean distance from corners to the other outline, both ways (Avbelj, Müller, Bamler 2015, DOI 10.1109/LGRS.2014.2330695).
pub fn polis_m(a: &Polygon<f64>, b: &Polygon<f64>) -> f64 {
    let one_way = |from: &Polygon<f64>, to: &Polygon<f64>| {
        let sum: f64 = corners(from).iter().map(|&p| distance_to_outline(p, to)).sum();
        sum / (2 * corners(from).len()) as f64
    };
    one_way(a, b) + one_way(b, a)
}

/// The largest distance from one outline to the other, both ways, sampled every 0.1 m.
pub fn hausdorff_m(a: &Polygon<f64>, b: &Polygon<f64>) -> f64 {
    let one_way = |from: &Polygon<f64>, to: &Polygon<f64>| {
        let along = |l: geo::Line<f64>| {
            let steps = ((l.end - l.start).x.hypot((l.end - l.start).y) / 0.1).ceil().max(1.0) as u32;
            (0..steps).map(move |i| l.start + (l.end - l.start) * (f64::from(i) / f64::from(steps)))
        };
        from.exterior().lines().flat_map(along).map(|p| distance_to_outline(p, to)).fold(0.0, f64::max)
    };
    one_way(a, b).max(one_way(b, a))
}
