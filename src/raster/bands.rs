//! The bands that the user names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Band numbers, from 1, of red, green and blue and perhaps near infrared; or of grey alone.
///
/// They win over everything that a file says about its bands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<usize>", into = "Vec<usize>")]
pub struct Bands(Vec<usize>);

/// A list of bands that is not one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("bands {0:?}: not a list of different band numbers (expected R,G,B or R,G,B,NIR or GREY, from 1: 3,2,1)")]
pub struct BandsError(String);

impl Bands {
    /// Checks the numbers.
    ///
    /// # Errors
    /// When there are not one, three or four different numbers from 1.
    pub fn new(numbers: Vec<usize>) -> Result<Self, BandsError> {
        let differ = (1..numbers.len()).all(|at| !numbers[..at].contains(&numbers[at]));
        let known = numbers.iter().all(|number| (1..=65_535).contains(number));
        if differ && known && [1, 3, 4].contains(&numbers.len()) {
            return Ok(Self(numbers));
        }
        let text: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        Err(BandsError(text.join(",")))
    }

    /// The numbers in the order red, green, blue, near infrared.
    #[must_use]
    pub fn numbers(&self) -> &[usize] {
        &self.0
    }
}

impl FromStr for Bands {
    type Err = BandsError;

    fn from_str(text: &str) -> Result<Self, BandsError> {
        let numbers: Result<Vec<usize>, _> = text.split(',').map(|number| number.trim().parse()).collect();
        Self::new(numbers.map_err(|_| BandsError(text.to_owned()))?).map_err(|_| BandsError(text.to_owned()))
    }
}

impl TryFrom<Vec<usize>> for Bands {
    type Error = BandsError;

    fn try_from(numbers: Vec<usize>) -> Result<Self, BandsError> {
        Self::new(numbers)
    }
}

impl From<Bands> for Vec<usize> {
    fn from(bands: Bands) -> Self {
        bands.0
    }
}

impl fmt::Display for Bands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&text.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("3,2,1", true)]
    #[case("4, 3, 2, 5", true)]
    #[case("1", true)]
    #[case("1,2", false)]
    #[case("1,1,2", false)]
    #[case("0,1,2", false)]
    #[case("red,green,blue", false)]
    #[case("", false)]
    fn one_three_or_four_different_numbers_are_bands(#[case] text: &str, #[case] accepted: bool) {
        match Bands::from_str(text) {
            Ok(bands) => assert!(accepted && bands.to_string() == text.replace(' ', "")),
            Err(error) => assert!(!accepted && error.to_string().contains(&format!("{text:?}")), "{error}"),
        }
    }
}
