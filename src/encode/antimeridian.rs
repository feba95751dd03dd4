//! Where longitudes jump from 180 to -180: polygons and lines are cut there (RFC 7946, 3.1.9).
//!
//! A ring around a pole has no side to cut from and stays as it is.

use geo::{BooleanOps, BoundingRect, Coord, LineString, MapCoords, Polygon, Rect, Translate};

use crate::georef::leads_across;

/// The way around the earth, in degrees.
const TURN: f64 = 360.0;
/// The longitude of the cut, in degrees.
const CUT: f64 = 180.0;

/// A line of a map as longitudes and latitudes, and whether it leads across the antimeridian.
///
/// An edge more than half the earth wide leads across, or is as long as it looks: then its middle lies between its ends.
///
/// # Errors
/// When a position has no place in longitude and latitude.
pub fn placed<E>(
    line: &LineString<f64>,
    place: impl Fn(Coord<f64>) -> Result<Coord<f64>, E>,
) -> Result<(LineString<f64>, bool), E> {
    let projected = line.try_map_coords(&place)?;
    let mut is_across = false;
    for (edge, of) in projected.lines().zip(line.lines()).filter(|(edge, _)| edge.dx().abs() > CUT) {
        let middle = place((of.start + of.end) / 2.0)?;
        is_across |= leads_across([edge.start.x, edge.end.x], middle.x, TURN);
    }
    Ok((projected, is_across))
}

/// The parts of a polygon in longitude and latitude that lie west and east of the antimeridian, west first.
///
/// An edge spans less than half the earth. One part comes back where the polygon only touches the antimeridian.
#[must_use]
pub fn cut(polygon: &Polygon<f64>) -> Vec<Polygon<f64>> {
    let Some(joined) = joined(polygon) else { return vec![polygon.clone()] };
    let Some(bounds) = joined.bounding_rect() else { return Vec::new() };
    let side = |from: f64, to: f64| {
        (from < to).then(|| {
            let (min, max) = (bounds.min(), bounds.max());
            joined.intersection(&Rect::new(Coord { x: from, y: min.y }, Coord { x: to, y: max.y }).to_polygon()).0
        })
    };
    let west = side(bounds.min().x, bounds.max().x.min(CUT)).unwrap_or_default();
    let east = side(bounds.min().x.max(CUT), bounds.max().x).unwrap_or_default();
    west.into_iter().chain(east.into_iter().map(|part| part.translate(-TURN, 0.0))).collect()
}

/// The parts of a line in longitude and latitude between its ways across the antimeridian, in its order.
///
/// A part may be a point where the line only touches the antimeridian.
#[must_use]
pub fn cut_line(line: &LineString<f64>) -> Vec<LineString<f64>> {
    let mut parts = vec![line.0.iter().take(1).copied().collect::<Vec<_>>()];
    for edge in line.lines() {
        if edge.dx().abs() > CUT {
            let side = CUT.copysign(edge.start.x);
            let (left, all) = (side - edge.start.x, edge.dx() + TURN.copysign(edge.start.x));
            let y = edge.start.y + if all == 0.0 { 0.0 } else { edge.dy() * left / all };
            parts.iter_mut().last().into_iter().for_each(|part| part.push(Coord { x: side, y }));
            parts.push(vec![Coord { x: -side, y }]);
        }
        parts.iter_mut().last().into_iter().for_each(|part| part.push(edge.end));
    }
    parts.into_iter().map(LineString).collect()
}

/// The polygon in one piece, its longitudes going on beyond 180; `None` around a pole.
fn joined(polygon: &Polygon<f64>) -> Option<Polygon<f64>> {
    let exterior = unrolled_ring(polygon.exterior())?;
    let (low, high) = exterior.coords().fold((f64::MAX, f64::MIN), |(low, high), c| (low.min(c.x), high.max(c.x)));
    let shift = if low < -CUT { TURN } else { 0.0 };
    let middle = f64::midpoint(low, high) + shift;
    let hole = |ring: &LineString<f64>| {
        let ring = unrolled_ring(ring)?;
        let turns = ((middle - ring.0.first()?.x) / TURN).round();
        Some(ring.translate(turns * TURN, 0.0))
    };
    let holes = polygon.interiors().iter().map(hole).collect::<Option<_>>()?;
    Some(Polygon::new(exterior.translate(shift, 0.0), holes))
}

/// A line without the jumps.
fn unrolled(line: &LineString<f64>) -> LineString<f64> {
    let mut previous = line.0.first().map_or(0.0, |first| first.x);
    let along = line.coords().map(|c| {
        previous = c.x + ((previous - c.x) / TURN).round() * TURN;
        Coord { x: previous, y: c.y }
    });
    along.collect()
}

/// A ring without the jumps; `None` when it ends a turn away from its start.
fn unrolled_ring(ring: &LineString<f64>) -> Option<LineString<f64>> {
    Some(unrolled(ring)).filter(LineString::is_closed)
}

/// West and east of a line of longitudes and latitudes that leads across the antimeridian: east goes on beyond 180. All
/// around where it is a ring around a pole.
#[must_use]
pub fn range(line: &LineString<f64>) -> [f64; 2] {
    let unrolled = unrolled(line);
    let (low, high) = unrolled.coords().fold((f64::MAX, f64::MIN), |(low, high), c| (low.min(c.x), high.max(c.x)));
    if high - low >= TURN {
        return [-CUT, CUT];
    }
    let turns = ((low + CUT) / TURN).floor() * TURN;
    [low - turns, high - turns]
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::{Area, Validation, polygon};
    use proptest::prelude::*;
    use rstest::rstest;

    #[test]
    fn a_polygon_is_cut_with_its_hole() {
        let across = polygon![
            exterior: [(x: 179.0, y: -17.0), (x: -179.0, y: -17.0), (x: -179.0, y: -16.0), (x: 179.0, y: -16.0)],
            interiors: [[(x: -179.5, y: -16.8), (x: 179.5, y: -16.8), (x: 179.5, y: -16.2), (x: -179.5, y: -16.2)]],
        ];
        let parts = cut(&across);
        assert_eq!(parts.len(), 2);
        for (part, (low, high)) in parts.iter().zip([(179.0, 180.0), (-180.0, -179.0)]) {
            let bounds = part.bounding_rect().expect("has points");
            assert!((bounds.min().x - low).abs() < 1e-9 && (bounds.max().x - high).abs() < 1e-9, "{bounds:?}");
            assert!((part.unsigned_area() - 0.7).abs() < 1e-6 && part.is_valid());
        }
    }

    #[test]
    fn a_line_is_cut_where_it_crosses() {
        let there_and_back = LineString::from(vec![(179.0, 1.0), (-179.0, 2.0), (-178.0, 2.0), (177.0, 7.0)]);
        let parts = cut_line(&there_and_back);
        let expected: [&[(f64, f64)]; 3] = [
            &[(179.0, 1.0), (180.0, 1.5)],
            &[(-180.0, 1.5), (-179.0, 2.0), (-178.0, 2.0), (-180.0, 4.0)],
            &[(180.0, 4.0), (177.0, 7.0)],
        ];
        assert_eq!(parts, expected.map(|part| LineString::from(part.to_vec())));
        let along = LineString::from(vec![(180.0, 1.0), (-180.0, 2.0), (-179.0, 3.0)]);
        assert!(cut_line(&along).iter().flatten().all(|c| c.y.is_finite()));
    }

    #[test]
    fn what_only_touches_stays_in_one_part() {
        let touching = polygon![(x: 179.0, y: 0.0), (x: -180.0, y: 0.0), (x: -180.0, y: 1.0), (x: 179.0, y: 1.0)];
        let parts = cut(&touching);
        assert_eq!(parts.len(), 1);
        assert_eq!(parts[0].bounding_rect().map(|b| (b.min().x, b.max().x)), Some((179.0, 180.0)));
    }

    #[test]
    fn a_ring_around_a_pole_is_left() {
        let polar = polygon![(x: 0.0, y: -80.0), (x: 120.0, y: -80.0), (x: -120.0, y: -80.0)];
        assert_eq!(cut(&polar), [polar]);
    }

    #[rstest]
    #[case::plain(&[(8.0, 1.0), (9.0, 2.0)], [8.0, 9.0])]
    #[case::across(&[(179.0, 1.0), (-179.0, 2.0), (178.0, 2.0)], [178.0, 181.0])]
    #[case::around_a_pole(&[(0.0, -80.0), (120.0, -80.0), (-120.0, -80.0), (0.0, -80.0)], [-180.0, 180.0])]
    fn west_and_east_of_a_line_are_told(#[case] points: &[(f64, f64)], #[case] expected: [f64; 2]) {
        let found = range(&LineString::from(points.to_vec()));
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?}");
    }

    proptest! {
        #[test]
        fn cutting_keeps_the_area(
            radii in prop::collection::vec(0.2..1.0f64, 3..20), x in 179.3..180.7f64, y in -60.0..60.0f64,
        ) {
            let ring = |by: f64| -> LineString<f64> {
                let corner = |(i, r): (usize, &f64)| {
                    let (sin, cos) = (std::f64::consts::TAU * i as f64 / radii.len() as f64).sin_cos();
                    let lon = x + r * by * cos;
                    Coord { x: if lon > CUT { lon - TURN } else { lon }, y: y + r * by * sin }
                };
                radii.iter().enumerate().map(corner).collect()
            };
            let across = Polygon::new(ring(1.0), vec![ring(0.1)]);
            let whole = joined(&across).expect("no pole").unsigned_area();
            let parts = cut(&across);
            prop_assert!((parts.iter().map(Area::unsigned_area).sum::<f64>() - whole).abs() < 1e-6 * whole);
            for part in &parts {
                prop_assert!(part.is_valid());
                prop_assert!(part.exterior().coords().all(|c| c.x.abs() <= CUT + 1e-9));
                prop_assert!(part.exterior().lines().all(|edge| edge.dx().abs() <= CUT));
            }
        }
    }
}
