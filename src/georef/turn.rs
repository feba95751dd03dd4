//! Systems whose easting comes round: longitudes, and projections onto a cylinder.

use std::cell::RefCell;

use super::{Crs, MapPoint, Projector};

/// Meridians that are looked at, in degrees apart.
const STEP_DEGREES: f64 = 30.0;
/// What an easting may be off an even step: datums differ by far less, other projections by far more.
const EVEN: f64 = 0.002;

/// Once around the earth, in eastings of a system.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Turn {
    period: f64,
}

impl Turn {
    /// The turn of a system whose easting grows evenly with longitude, whatever the latitude; `None` of any other.
    #[must_use]
    pub fn of(crs: &Crs) -> Option<Self> {
        thread_local!(static KNOWN: RefCell<Vec<(Crs, Option<Turn>)>> = const { RefCell::new(Vec::new()) });
        const KEPT: usize = 16;
        KNOWN.with_borrow_mut(|known| {
            if let Some((_, turn)) = known.iter().find(|(of, _)| of == crs) {
                return *turn;
            }
            let turn = Self::measure(crs);
            if known.len() == KEPT {
                known.remove(0);
            }
            known.push((crs.clone(), turn));
            turn
        })
    }

    fn measure(crs: &Crs) -> Option<Self> {
        let to_crs = Projector::new(&Crs::lon_lat(), crs).ok()?;
        let easting = |step: i32, latitude: f64| {
            let lon = f64::from(step) * STEP_DEGREES - 165.0;
            to_crs.project(MapPoint { x: lon, y: latitude }).ok().map(|p| p.x)
        };
        let equator: Vec<f64> = (0..12).map(|step| easting(step, 0.0)).collect::<Option<_>>()?;
        let north: Vec<f64> = (0..12).map(|step| easting(step, 40.0)).collect::<Option<_>>()?;
        let mut steps: Vec<f64> = equator.windows(2).map(|pair| pair[1] - pair[0]).collect();
        steps.sort_by(f64::total_cmp);
        let step = steps[steps.len() / 2];
        let even = steps.iter().filter(|other| (*other - step).abs() <= EVEN * step).count();
        // One step may lead from the east side to the west side.
        if step <= 0.0 || even + 1 < steps.len() {
            return None;
        }
        let meets = |(a, b): (&f64, &f64)| (a - b).abs() <= EVEN * step;
        if !equator.iter().zip(&north).all(meets) {
            return None;
        }
        let period = step * 360.0 / STEP_DEGREES;
        let whole = [360.0, 400.0].into_iter().find(|whole| (period - whole).abs() < 0.5);
        Some(Self { period: whole.unwrap_or(period) })
    }

    /// Once around, in the unit of the system.
    #[must_use]
    pub fn period(&self) -> f64 {
        self.period
    }

    /// The same easting, as near to another as turns bring it; it stays where it is within half a turn.
    #[must_use]
    pub fn near(&self, easting: f64, other: f64) -> f64 {
        let turns = (easting - other) / self.period;
        if turns.abs() <= 0.5 + 1e-9 { easting } else { easting - turns.round() * self.period }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("EPSG:4326", Some(360.0))]
    #[case("OGC:CRS84", Some(360.0))]
    #[case("EPSG:4267", Some(360.0))] // NAD27: a datum shift
    #[case("EPSG:3857", Some(40_075_016.68))]
    #[case("EPSG:3832", Some(40_075_016.68))] // Mercator around 150° east
    #[case("EPSG:32632", None)]
    #[case("EPSG:28992", None)]
    #[case("EPSG:3035", None)]
    #[case("EPSG:3031", None)]
    fn longitudes_and_cylinders_come_round(#[case] code: &str, #[case] period: Option<f64>) {
        let found = Turn::of(&Crs::new(code).expect("known")).map(|turn| turn.period());
        match (found, period) {
            (Some(found), Some(period)) => assert!((found - period).abs() < 0.01, "{code}: {found}"),
            (found, period) => assert_eq!(found, period, "{code}"),
        }
    }

    #[test]
    fn an_easting_comes_near_another() {
        let turn = Turn { period: 360.0 };
        for (x, near) in [(-179.0, 181.0), (179.0, 179.0), (540.0, 180.0), (20.0, 20.0)] {
            assert!((turn.near(x, 180.0) - near).abs() < 1e-12, "{x}");
        }
        assert!((turn.near(180.0, 0.0) - 180.0).abs() < 1e-12 && (turn.near(-180.0, 0.0) + 180.0).abs() < 1e-12);
    }
}
