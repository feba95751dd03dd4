//! Numbers on the command line, checked with their option named.

use std::ops::RangeInclusive;

/// Returns a parser of finite numbers within a range.
pub fn within(
    range: RangeInclusive<f64>,
    unit: &'static str,
) -> impl Fn(&str) -> Result<f64, String> + Clone + Send + Sync + 'static {
    move |text| {
        let (low, high) = (range.start(), range.end());
        let space = if unit.is_empty() { "" } else { " " };
        let expected = || format!("expected {low} to {high}{space}{unit}");
        text.parse().ok().filter(|value| range.contains(value)).ok_or_else(expected)
    }
}

/// Parses a dip of confidence between roofs: 0 for none, else 0.01 to 1.
pub fn roof_dip(text: &str) -> Result<f64, String> {
    let accepted = |dip: &f64| *dip == 0.0 || (0.01..=1.0).contains(dip);
    text.parse().ok().filter(accepted).ok_or_else(|| "expected 0.01 to 1, or 0 for none".to_owned())
}

/// Parses the share of the training data beyond which a place is unknown.
pub fn unknown_share(text: &str) -> Result<f32, String> {
    let accepted = |share: &f32| *share > 0.0 && *share <= 2.0;
    text.parse().ok().filter(accepted).ok_or_else(|| "expected a number above 0, up to 2".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_within_the_range_is_refused() {
        let parse = within(0.0..=60.0, "m");
        assert_eq!([parse("0"), parse("60")], [Ok(0.0), Ok(60.0)]);
        for wrong in ["inf", "-inf", "NaN", "nan", "-1", "-0.1", "60.1", "1e300", "1e400", "", "6o"] {
            assert_eq!(parse(wrong), Err("expected 0 to 60 m".to_owned()), "{wrong}");
            assert!(roof_dip(wrong).is_err() && unknown_share(wrong).is_err(), "{wrong}");
        }
        assert_eq!([roof_dip("0"), roof_dip("0.12")], [Ok(0.0), Ok(0.12)]);
        assert!(roof_dip("0.001").is_err() && unknown_share("0").is_err());
    }
}
