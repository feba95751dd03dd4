//! The square of Web Mercator, whose east side meets its west side at 180°.

use std::f64::consts::PI;

use super::MapPoint;

/// Half the side of the Web Mercator square in its own metres.
const HALF_SIDE: f64 = PI * 6_378_137.0;

/// A position in the world square: x east, y **south**, both in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WorldPoint {
    /// 0 at 180° west, 1 at 180° east.
    pub x: f64,
    /// 0 at 85.05° north, 1 at 85.05° south.
    pub y: f64,
}

impl WorldPoint {
    /// From EPSG:3857.
    #[must_use]
    pub fn from_web_mercator(p: MapPoint) -> Self {
        Self { x: 0.5 + p.x / (2.0 * HALF_SIDE), y: 0.5 - p.y / (2.0 * HALF_SIDE) }
    }

    /// To EPSG:3857.
    #[must_use]
    pub fn to_web_mercator(self) -> MapPoint {
        MapPoint { x: (self.x - 0.5) * 2.0 * HALF_SIDE, y: (0.5 - self.y) * 2.0 * HALF_SIDE }
    }

    /// From longitude and latitude in degrees.
    #[must_use]
    pub fn from_lon_lat(p: MapPoint) -> Self {
        let y = p.y.to_radians().tan().asinh() / (2.0 * PI);
        Self { x: 0.5 + p.x / 360.0, y: 0.5 - y }
    }

    /// To longitude and latitude in degrees.
    #[must_use]
    pub fn to_lon_lat(self) -> MapPoint {
        MapPoint { x: (self.x - 0.5) * 360.0, y: ((0.5 - self.y) * 2.0 * PI).sinh().atan().to_degrees() }
    }
}

/// An upright rectangle of the world square.
///
/// Its west side lies in [0, 1). Across 180° it goes on: its east side then lies beyond 1, at most a turn from its west.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WorldBounds {
    /// The north-west corner.
    pub min: WorldPoint,
    /// The south-east corner.
    pub max: WorldPoint,
}

impl WorldBounds {
    /// The smallest rectangle around some, across 180° where it is narrower so; `None` around nothing.
    #[must_use]
    pub fn around(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        let (mut north, mut south) = (f64::MAX, f64::MIN);
        let note = |b: Self| {
            (north, south) = (north.min(b.min.y), south.max(b.max.y));
            [b.min.x, b.max.x]
        };
        let [west, east] = hull(all.into_iter().map(note).collect(), [0.0, 1.0])?;
        Some(Self { min: WorldPoint { x: west, y: north }, max: WorldPoint { x: east, y: south } })
    }

    /// Whether the two touch or overlap, on whichever side of 180° they are named.
    #[must_use]
    pub fn touches(&self, other: &Self) -> bool {
        self.turns_to(other).next().is_some()
    }

    /// The turns around the earth, eastwards, after which this rectangle touches the other: none, one or more.
    pub fn turns_to(&self, other: &Self) -> impl Iterator<Item = i8> + use<> {
        let (this, other) = (*self, *other);
        let beside = this.min.y > other.max.y || other.min.y > this.max.y;
        let meets = move |turn: f64| this.min.x + turn <= other.max.x && other.min.x <= this.max.x + turn;
        [0_i8, -1, 1].into_iter().filter(move |turn| !beside && meets(f64::from(*turn)))
    }

    /// The rectangle some turns further east.
    #[must_use]
    pub fn turned(&self, turns: i8) -> Self {
        let turned = |p: WorldPoint| WorldPoint { x: p.x + f64::from(turns), y: p.y };
        Self { min: turned(self.min), max: turned(self.max) }
    }

    /// Whether it leads across 180°.
    #[must_use]
    pub fn crosses(&self) -> bool {
        self.max.x > 1.0
    }

    /// Its middle, in the world square.
    #[must_use]
    pub fn middle(&self) -> WorldPoint {
        let x = f64::midpoint(self.min.x, self.max.x);
        WorldPoint { x: if x > 1.0 { x - 1.0 } else { x }, y: f64::midpoint(self.min.y, self.max.y) }
    }

    /// West, south, east, north in degrees; west lies east of east across 180° (RFC 7946, 5.2).
    #[must_use]
    pub fn lon_lat_wsen(&self) -> [f64; 4] {
        let (nw, se) = (self.min.to_lon_lat(), self.max.to_lon_lat());
        [nw.x, se.y, if self.crosses() { se.x - 360.0 } else { se.x }, nw.y]
    }
}

/// Whether an edge between two positions along the way around the earth, whose ends lie more than half a turn apart, goes
/// the short way, across 180°: then what lies in its middle does not lie between the ends.
#[must_use]
pub fn leads_across(ends: [f64; 2], middle: f64, turn: f64) -> bool {
    (middle - f64::midpoint(ends[0], ends[1])).abs() > turn / 4.0
}

/// The smallest range around the earth that holds ranges of west and east, in any unit: `around` are the two ends of a turn.
/// West lies within it, east may go on beyond, in what is given and what is found.
pub fn hull(mut ranges: Vec<[f64; 2]>, around: [f64; 2]) -> Option<[f64; 2]> {
    let turn = around[1] - around[0];
    ranges.sort_unstable_by(|a, b| a[0].total_cmp(&b[0]));
    let first = ranges.first()?;
    // The widest gap between what has been passed and what comes next, starting with the one over 180°.
    let farthest = ranges.iter().map(|r| r[1]).fold(f64::MIN, f64::max);
    let (mut gap, mut found) = (first[0] + turn - farthest, [first[0], farthest]);
    let mut passed = farthest - turn;
    for [west, east] in ranges {
        if west - passed > gap {
            gap = west - passed;
            found = [west, passed + turn];
        }
        passed = passed.max(east);
    }
    Some(if gap > 0.0 { found } else { around })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn range([west, east]: [f64; 2]) -> WorldBounds {
        WorldBounds { min: WorldPoint { x: west, y: 0.2 }, max: WorldPoint { x: east, y: 0.3 } }
    }

    #[rstest]
    #[case::one(&[[0.51, 0.52]], [0.51, 0.52])]
    #[case::one_across(&[[0.99, 1.01]], [0.99, 1.01])]
    #[case::islands_on_both_sides(&[[0.97, 0.99], [0.0, 0.01]], [0.97, 1.01])]
    #[case::one_across_and_more(&[[0.01, 0.02], [0.99, 1.01], [0.97, 0.98]], [0.97, 1.02])]
    #[case::europe(&[[0.47, 0.51], [0.5, 0.58]], [0.47, 0.58])]
    #[case::halves(&[[0.0, 0.5], [0.5, 1.0]], [0.0, 1.0])]
    #[case::inside_one_across(&[[0.95, 1.05], [0.02, 0.03]], [0.95, 1.05])]
    #[case::all_around(&[[0.0, 0.4], [0.3, 0.7], [0.6, 1.1]], [0.0, 1.0])]
    fn the_smallest_range_is_found(#[case] ranges: &[[f64; 2]], #[case] expected: [f64; 2]) {
        let found = WorldBounds::around(ranges.iter().map(|r| range(*r))).expect("there are some");
        assert!((found.min.x - expected[0]).abs() < 1e-12 && (found.max.x - expected[1]).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn nothing_has_no_bounds() {
        assert_eq!(WorldBounds::around([]), None);
    }

    #[test]
    fn degrees_across_the_antimeridian_have_west_east_of_east() {
        let [w, _, e, _] = range([0.99, 1.01]).lon_lat_wsen();
        assert!((w - 176.4).abs() < 1e-9 && (e + 176.4).abs() < 1e-9, "{w} {e}");
        assert!((range([0.99, 1.03]).middle().x - 0.01).abs() < 1e-12);
        assert_eq!(range([0.0, 1.0]).lon_lat_wsen()[..3], [-180.0, range([0.0, 1.0]).lon_lat_wsen()[1], 180.0]);
    }

    #[test]
    fn what_meets_at_180_touches() {
        assert!(range([0.99, 1.01]).touches(&range([0.0, 0.1])) && range([0.0, 0.1]).touches(&range([0.99, 1.01])));
        assert!(range([0.9, 1.0]).touches(&range([0.0, 0.1])));
        assert!(!range([0.99, 1.01]).touches(&range([0.02, 0.98])));
        assert_eq!(range([0.99, 1.01]).turns_to(&range([0.0, 1.0])).collect::<Vec<_>>(), [0, -1]);
    }

    proptest! {
        #[test]
        fn the_range_around_all_holds_each(
            places in prop::collection::vec((0.0..1.0f64, 0.0..0.6f64), 1..9),
        ) {
            let all: Vec<WorldBounds> = places.iter().map(|(west, width)| range([*west, west + width])).collect();
            let found = WorldBounds::around(all.iter().copied()).expect("there are some");
            prop_assert!((0.0..1.0).contains(&found.min.x) && found.max.x <= found.min.x + 1.0);
            for b in &all {
                let held = |turn: i8| {
                    let b = b.turned(turn);
                    found.min.x <= b.min.x + 1e-12 && b.max.x <= found.max.x + 1e-12
                };
                prop_assert!(found.max.x - found.min.x >= 1.0 || [-1, 0, 1].into_iter().any(held), "{b:?} {found:?}");
            }
        }
    }
}
