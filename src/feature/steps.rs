//! Lines of map points as steps of the world square, without the jump at 180°.

use geo::Coord;

use crate::georef::{CrsError, MapPoint, WorldPoint, leads_across};

/// Steps along a side of the world square: one is 9.3 mm on the equator, so a vertex lies at most 4.7 mm off,
/// and a unit of a tile of extent 4096 is a whole number of steps down to zoom 20.
pub(super) const STEPS: f64 = 4_294_967_296.0;

/// A turn around the earth in steps.
pub(super) const TURN: i64 = 1 << 32;

/// The steps of a line's vertices, east and south of the corner of the world square.
///
/// Eastwards they go on beyond the square where the line leads across 180°. That it does so, and is not as long as the
/// world is wide, the middle of an edge tells whose ends lie more than half the world apart.
pub(super) fn along(
    line: &[Coord<f64>],
    to_world: &impl Fn(MapPoint) -> Result<WorldPoint, CrsError>,
) -> Result<Vec<[i64; 2]>, CrsError> {
    let steps = |c: Coord<f64>| {
        let p = to_world(MapPoint { x: c.x, y: c.y })?;
        Ok([step(p.x), step(p.y).clamp(0, TURN - 1)])
    };
    let (mut turns, mut last, mut first) = (0, None, None);
    let mut all = Vec::with_capacity(line.len());
    for (i, c) in line.iter().enumerate() {
        let [x, y] = match first {
            Some(first) if *c == line[0] => first,
            _ => steps(*c)?,
        };
        first = first.or(Some([x, y]));
        if let Some(from) = last.filter(|from| x.abs_diff(*from) > TURN.unsigned_abs() / 2) {
            let [middle, _] = steps((line[i - 1] + *c) / 2.0)?;
            if leads_across([from as f64, x as f64], middle as f64, STEPS) {
                turns += if x < from { 1 } else { -1 };
            }
        }
        last = Some(x);
        all.push([x + turns * TURN, y]);
    }
    Ok(all)
}

/// By how many turns a position has to go on to lie at most a turn east of another.
pub(super) fn turns_from(x: i64, west: i64) -> i64 {
    -(x - west).div_euclid(TURN)
}

/// The nearest step.
fn step(part: f64) -> i64 {
    (part * STEPS).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// Longitudes, which jump at 180°, over the equator.
    fn columns(longitudes: &[f64]) -> Vec<f64> {
        let line: Vec<Coord<f64>> = longitudes.iter().map(|x| Coord { x: *x, y: 0.0 }).collect();
        let jumping = |p: MapPoint| {
            let x = if p.x > 180.0 { p.x - 360.0 } else { p.x };
            Ok(WorldPoint::from_lon_lat(MapPoint { x, y: p.y }))
        };
        let found = along(&line, &jumping).expect("total");
        found.iter().map(|[x, _]| (*x as f64 / STEPS * 360.0 - 180.0).round()).collect()
    }

    #[rstest]
    #[case::nowhere_near(&[8.0, 9.0])]
    #[case::eastwards(&[179.0, 181.0, 183.0, 178.0])]
    #[case::westwards(&[181.0, 179.0])]
    #[case::a_side_of_the_world(&[-180.0, 180.0, -180.0])]
    #[case::most_of_the_world(&[-170.0, 120.0])]
    fn a_line_goes_on(#[case] longitudes: &[f64]) {
        let found = columns(longitudes);
        let shift = found[0] - longitudes[0];
        assert!(shift.rem_euclid(360.0) == 0.0, "{found:?}");
        assert_eq!(found.iter().map(|x| x - shift).collect::<Vec<_>>(), longitudes);
    }

    #[test]
    fn positions_beyond_the_square_stand_on_its_northern_and_southern_border() {
        let line = [Coord { x: 0.5, y: -0.1 }, Coord { x: 0.5, y: 1.0 }];
        let found = along(&line, &|p| Ok(WorldPoint { x: p.x, y: p.y })).expect("total");
        assert_eq!(found.iter().map(|[_, y]| *y).collect::<Vec<_>>(), [0, TURN - 1]);
    }
}
