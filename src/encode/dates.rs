//! The date that a file carries.

use std::time::{SystemTime, UNIX_EPOCH};

/// Environment variable that replaces the time of writing, in seconds since 1970 (reproducible-builds.org).
const VARIABLE: &str = "SOURCE_DATE_EPOCH";

const DAY_S: u64 = 86_400;

/// Latest time with a four-digit year, 9999-12-31T23:59:59Z.
const LATEST_S: u64 = 253_402_300_799;

/// Returns the date of `SOURCE_DATE_EPOCH` where that is set, else now, as RFC 3339 in UTC with milliseconds.
///
/// # Errors
/// When the variable holds no number of seconds.
pub(super) fn today() -> Result<String, String> {
    date(std::env::var(VARIABLE).ok().as_deref(), SystemTime::now())
}

fn date(variable: Option<&str>, now: SystemTime) -> Result<String, String> {
    let Some(text) = variable else {
        return Ok(rfc_3339(now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())));
    };
    let seconds = text.trim().parse().ok().filter(|seconds| *seconds <= LATEST_S);
    seconds.map(rfc_3339).ok_or_else(|| format!("{VARIABLE}={text:?}: expected seconds since 1970"))
}

/// Days to a date of the Gregorian calendar, by eras of 400 years (H. Hinnant, "chrono-compatible low-level date algorithms").
fn rfc_3339(seconds: u64) -> String {
    let (days, second) = (seconds / DAY_S + 719_468, seconds % DAY_S);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.000Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_dates() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199, "2024-02-29T23:59:59.000Z"),
            (1_735_689_600, "2025-01-01T00:00:00.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
            (LATEST_S, "9999-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(rfc_3339(seconds), expected);
        }
    }

    #[test]
    fn the_variable_goes_before_the_clock_and_is_checked() {
        let now = UNIX_EPOCH + std::time::Duration::from_secs(951_782_400);
        assert_eq!(date(None, now).as_deref(), Ok("2000-02-29T00:00:00.000Z"));
        assert_eq!(date(Some("0"), now).as_deref(), Ok("1970-01-01T00:00:00.000Z"));
        for wrong in ["", "-1", "today", "1e9", "99999999999999"] {
            assert!(date(Some(wrong), now).expect_err(wrong).contains("SOURCE_DATE_EPOCH"));
        }
    }
}
