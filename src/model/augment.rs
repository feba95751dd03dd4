//! A chip seen turned and mirrored, and the mean of what is seen.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::scales::{RUNS, Scaled};
use super::{ChipScores, ChipSpec, ModelError, Segmenter};

/// Which ways a chip is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Augment {
    /// Turned and mirrored.
    pub turns: Turns,
    /// Each time at several scales too: see [`super::Scaled`].
    pub scales: bool,
}

/// How a chip is turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Turns {
    /// As it lies.
    #[default]
    None,
    /// As it lies, mirrored left to right, top to bottom, and both: four runs a chip.
    Flips,
    /// All eight symmetries of the square: eight runs a chip.
    D4,
}

impl FromStr for Augment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut augment = Self::default();
        for part in text.split(',') {
            match part.trim() {
                "none" => {}
                "flips" => augment.turns = Turns::Flips,
                "d4" => augment.turns = Turns::D4,
                "scales" => augment.scales = true,
                other => {
                    return Err(format!("{other:?} is no augmentation: none, flips or d4, and scales (flips,scales)"));
                }
            }
        }
        Ok(augment)
    }
}

impl fmt::Display for Augment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.turns, self.scales) {
            (Turns::None, false) => "none",
            (Turns::Flips, false) => "flips",
            (Turns::D4, false) => "d4",
            (Turns::None, true) => "scales",
            (Turns::Flips, true) => "flips,scales",
            (Turns::D4, true) => "d4,scales",
        })
    }
}

impl TryFrom<String> for Augment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Augment> for String {
    fn from(augment: Augment) -> Self {
        augment.to_string()
    }
}

impl Augment {
    /// Whether a chip is looked at once, as it lies.
    #[must_use]
    pub fn is_none(self) -> bool {
        self == Self::default()
    }

    /// How often the network runs for a chip.
    #[must_use]
    pub fn runs(self) -> u32 {
        self.turns.all().len() as u32 * if self.scales { RUNS } else { 1 }
    }
}

impl Turns {
    fn all(self) -> Vec<Turn> {
        let count = match self {
            Self::None => 1,
            Self::Flips => 4,
            Self::D4 => 8,
        };
        (0..count).map(Turn).collect()
    }
}

/// A symmetry of the square: bit 0 mirrors the columns, bit 1 the rows, and bit 2 swaps them first.
#[derive(Debug, Clone, Copy)]
struct Turn(u8);

impl Turn {
    /// Where each pixel of the turned square comes from.
    fn sources(self, side: usize) -> impl Iterator<Item = usize> {
        let mirror = move |at: usize, bit: u8| if self.0 & bit == 0 { at } else { side - 1 - at };
        (0..side * side).map(move |i| {
            let (row, col) = if self.0 & 4 == 0 { (i / side, i % side) } else { (i % side, i / side) };
            mirror(row, 2) * side + mirror(col, 1)
        })
    }
}

/// A segmenter that looks at each chip several ways. Scores are added in whole numbers, so that no order shows; where the
/// ways disagree, the mean of the winner is lower, and so is the confidence.
pub struct Augmented {
    inner: Box<dyn Segmenter>,
    turns: Vec<Turn>,
}

impl Augmented {
    /// Looks through a segmenter in some ways.
    #[must_use]
    pub fn new(inner: Box<dyn Segmenter>, augment: Augment) -> Self {
        let inner = if augment.scales { Box::new(Scaled::new(inner)) } else { inner };
        Self { inner, turns: augment.turns.all() }
    }
}

impl Segmenter for Augmented {
    fn spec(&self) -> &ChipSpec {
        self.inner.spec()
    }

    fn segment(&mut self, chips: &[f32]) -> Result<Vec<ChipScores>, ModelError> {
        let (side, count) = (self.spec().chip_px as usize, chips.len() / self.spec().tensor_len());
        let mut sums = vec![vec![0_u16; self.spec().planes() * side * side]; count];
        let mut turned = Vec::with_capacity(chips.len());
        for turn in &self.turns {
            let sources: Vec<usize> = turn.sources(side).collect();
            turned.clear();
            for plane in chips.chunks_exact(side * side) {
                turned.extend(sources.iter().map(|source| plane[*source]));
            }
            for (sums, scores) in sums.iter_mut().zip(self.inner.segment(&turned)?) {
                for (sums, plane) in sums.chunks_exact_mut(side * side).zip(scores.scores.chunks_exact(side * side)) {
                    sources.iter().zip(plane).for_each(|(source, score)| sums[*source] += u16::from(*score));
                }
            }
        }
        let n = self.turns.len() as u16;
        let mean = |sums: Vec<u16>| sums.into_iter().map(|sum| ((sum + n / 2) / n) as u8).collect();
        Ok(sums.into_iter().map(|sums| ChipScores { side_px: side as u32, scores: mean(sums) }).collect())
    }

    fn device(&self) -> String {
        self.inner.device()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme::ClassId;

    /// Building where the chip is brighter than its left neighbour: knows left from right, and up from down.
    struct Leaning(ChipSpec);

    impl Segmenter for Leaning {
        fn spec(&self) -> &ChipSpec {
            &self.0
        }

        fn segment(&mut self, chips: &[f32]) -> Result<Vec<ChipScores>, ModelError> {
            let side = self.0.chip_px as usize;
            let score = |chip: &[f32], i: usize| {
                let (row, col) = (i / side, i % side);
                let left = if col == 0 { 0.0 } else { chip[i - 1] };
                ((chip[i] - left).max(0.0) * 90.0 + row as f32 * 7.0) as u8
            };
            let scores = |chip: &[f32]| (0..side * side).map(|i| score(chip, i)).collect();
            let chips = chips.chunks_exact(self.0.tensor_len());
            Ok(chips.map(|c| ChipScores { side_px: side as u32, scores: scores(c) }).collect())
        }

        fn device(&self) -> String {
            "cpu".to_owned()
        }
    }

    const SIDE: usize = 5;

    fn augmented(turns: Turns) -> Augmented {
        let spec = ChipSpec { channels: 1, chip_px: SIDE as u32, classes: vec![ClassId(1)], unknown: false };
        Augmented::new(Box::new(Leaning(spec)), Augment { turns, scales: false })
    }

    fn turned<T: Copy>(plane: &[T], turn: Turn) -> Vec<T> {
        turn.sources(SIDE).map(|s| plane[s]).collect()
    }

    #[test]
    fn the_eight_turns_are_eight() {
        let plane: Vec<usize> = (0..SIDE * SIDE).collect();
        let mut all: Vec<_> = Turns::D4.all().into_iter().map(|t| turned(&plane, t)).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 8);
        assert!(
            all.iter().all(|t| {
                let mut t = t.clone();
                t.sort_unstable();
                t == plane
            }),
            "no pixel is lost"
        );
    }

    #[test]
    fn a_turned_chip_gives_the_turned_scores_to_the_bit() {
        let chip: Vec<f32> = (0..SIDE * SIDE).map(|i| ((i * 7919) % 13) as f32 / 13.0).collect();
        for (ways, turns) in [(Turns::Flips, 4), (Turns::D4, 8)] {
            let mut model = augmented(ways);
            let truth = model.segment(&chip).expect("runs").remove(0).scores;
            for turn in (0..turns).map(Turn) {
                let scores = model.segment(&turned(&chip, turn)).expect("runs").remove(0).scores;
                assert_eq!(scores, turned(&truth, turn), "{ways:?} {turn:?}");
            }
            let plain = augmented(Turns::None).segment(&chip).expect("runs").remove(0).scores;
            assert_ne!(truth, plain, "the ways of looking disagree, and it shows");
        }
    }

    #[test]
    fn an_augmentation_is_read_as_it_is_written() {
        for (turns, runs) in [(Turns::None, 1), (Turns::Flips, 4), (Turns::D4, 8)] {
            for scales in [false, true] {
                let augment = Augment { turns, scales };
                assert_eq!(augment.to_string().parse(), Ok(augment));
                assert_eq!(augment.runs(), if scales { 6 * runs } else { runs });
                let text = serde_json::to_string(&augment).expect("text");
                assert_eq!(text, format!("\"{augment}\""));
                assert_eq!(serde_json::from_str::<Augment>(&text).expect("read"), augment);
            }
        }
        assert!("spin".parse::<Augment>().expect_err("unknown").contains("flips"));
    }
}
