//! How precisely features are kept, and read.

use std::fmt;
use std::str::FromStr;

use half::f16;
use serde::{Deserialize, Serialize};

use super::PatchFeatures;

/// How precisely features are kept. They are read as precisely, kept or not, so that a cache changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Half precision: two bytes a number.
    #[default]
    F16,
    /// A byte a number: 127 steps either way, up to the largest number of its patch.
    Int8,
}

/// The largest step either way.
const STEPS: f32 = 127.0;

impl FromStr for Precision {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "f16" => Ok(Self::F16),
            "int8" => Ok(Self::Int8),
            other => Err(format!("{other:?} is no precision of features: f16 or int8")),
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}

impl Precision {
    /// Whether it is the one that is taken unless told.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// How files of it end.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::F16 => "f16",
            Self::Int8 => "int8",
        }
    }

    /// Features as they come back from a cache.
    pub(super) fn rounded(self, features: &PatchFeatures) -> PatchFeatures {
        self.unpack(&self.pack(features)).expect("what was packed is unpacked")
    }

    /// Side and numbers per patch as 4 bytes each, then the numbers; of bytes, for each patch the size of a step first.
    pub(super) fn pack(self, features: &PatchFeatures) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 + 2 * features.values.len());
        bytes.extend((features.side as u32).to_le_bytes());
        bytes.extend((features.dim as u32).to_le_bytes());
        match self {
            Self::F16 => {
                let limit = f16::MAX.to_f32(); // what does not fit is cut
                let halves = features.values.iter().map(|v| f16::from_f32(v.clamp(-limit, limit)));
                bytes.extend(halves.flat_map(f16::to_le_bytes));
            }
            Self::Int8 => features.values.chunks_exact(features.dim).for_each(|patch| {
                let step = patch.iter().fold(0.0_f32, |most, v| most.max(v.abs())) / STEPS;
                let by = if step > 0.0 { step } else { 1.0 };
                bytes.extend(step.to_le_bytes());
                bytes.extend(patch.iter().map(|v| ((v / by).round() as i8).to_le_bytes()[0]));
            }),
        }
        bytes
    }

    /// What was packed; none where the bytes are not whole.
    pub(super) fn unpack(self, bytes: &[u8]) -> Option<PatchFeatures> {
        let (side, rest) = bytes.split_first_chunk::<4>()?;
        let (dim, rest) = rest.split_first_chunk::<4>()?;
        let (side, dim) = (u32::from_le_bytes(*side) as usize, u32::from_le_bytes(*dim) as usize);
        let values: Vec<f32> = match self {
            Self::F16 => rest.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect(),
            Self::Int8 => rest.chunks_exact(4 + dim).flat_map(steps).collect(),
        };
        (values.len() == side * side * dim).then_some(PatchFeatures { side, dim, values })
    }
}

/// The numbers of a patch.
fn steps(patch: &[u8]) -> impl Iterator<Item = f32> {
    let (step, values) = patch.split_at(4);
    let step = f32::from_le_bytes([step[0], step[1], step[2], step[3]]);
    values.iter().map(move |v| f32::from(i8::from_le_bytes([*v])) * step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features() -> PatchFeatures {
        let value = |i: usize| ((i * 7919) % 2003) as f32 / 100.0 - 10.0 + (i / 24) as f32;
        let mut values: Vec<f32> = (0..16 * 24).map(value).collect();
        values[48..72].fill(0.0); // a patch of nothing
        PatchFeatures { side: 4, dim: 24, values }
    }

    #[test]
    fn what_is_packed_comes_back_within_half_a_step() {
        let truth = features();
        for (precision, bytes) in [(Precision::F16, 8 + 16 * 24 * 2), (Precision::Int8, 8 + 16 * (24 + 4))] {
            let packed = precision.pack(&truth);
            assert_eq!(packed.len(), bytes, "{precision}");
            let back = precision.unpack(&packed).expect("whole");
            assert_eq!(back, precision.rounded(&truth), "kept or not");
            for (a, b) in truth.values.chunks_exact(24).zip(back.values.chunks_exact(24)) {
                let most = a.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
                let far = a.iter().zip(b).fold(0.0_f32, |far, (a, b)| far.max((a - b).abs()));
                assert!(far <= most / 253.0, "{precision}: {far} of {most}");
            }
            assert_eq!(precision.unpack(&packed[..packed.len() - 3]), None, "cut short");
            assert_eq!(precision.unpack(&[1, 2]), None);
            assert_eq!(precision.to_string().parse(), Ok(precision));
        }
        assert!("f32".parse::<Precision>().expect_err("unknown").contains("int8"));
    }
}
