//! Values that writers leave where there is no imagery.

/// Samples that no picture has: writers of heights and reflectances put them where they have none.
const NEVER: [f32; 4] = [-9999.0, -10_000.0, -99_999.0, -32_768.0];
/// Nothing that is measured is as large: writers fill with ±3.4e38, 1e20, 9.97e36 and the like.
const BEYOND: f32 = 1e18;
/// The largest samples of integers of 15, 16, 31 and 32 bits, and nothing: voids where they cover an area.
const OF_AREAS: [f32; 5] = [0.0, 65_535.0, 32_767.0, 2_147_483_648.0, 4_294_967_296.0];

/// The smallest void in square metres, at the edge of a scene and inside.
const MIN_AREA_M2: [f64; 2] = [400.0, 2500.0];
/// The same in cells where the value is hardly ever a picture's.
const MIN_CELLS: [f64; 2] = [32.0, 256.0];

/// A value of which wide areas hold no imagery.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fill {
    /// By colour band.
    values: Vec<f32>,
    /// How far samples of a void are off it at most: codecs change a few.
    pure: f32,
    /// How far samples at the border of a void are off it at most: the ringing of JPEG.
    rim: f32,
    /// Declared by the file, so that an area of any size is a void.
    declared: bool,
    /// Only its exact value counts, and pictures hardly have it.
    exact: bool,
}

impl Fill {
    /// White and black of 8 bits, or of fewer: `white` is the largest sample.
    pub(super) fn of_bytes(bands: usize, white: f32) -> Vec<Self> {
        let fill = |value: f32, pure: f32, rim: f32| {
            let (pure, rim) = if white >= 255.0 { (pure, rim) } else { (0.0, 0.0) };
            Self { values: vec![value; bands], pure, rim, declared: false, exact: false }
        };
        vec![fill(white, 5.0, 19.0), fill(0.0, 2.0, 12.0)]
    }

    /// What other samples are filled with; `white` is the largest sample of those that have one.
    pub(super) fn of_reals(bands: usize, white: Option<f32>) -> Vec<Self> {
        let fill = |value| Self { values: vec![value; bands], pure: 0.0, rim: 0.0, declared: false, exact: true };
        OF_AREAS.into_iter().chain(white).map(fill).collect()
    }

    /// A declared value after a codec that changes samples a little.
    pub(super) fn declared(values: Vec<f32>) -> Self {
        Self { values, pure: 2.0, rim: 12.0, declared: true, exact: false }
    }

    /// The value, of the first band.
    pub(super) fn value(&self) -> f32 {
        self.values[0]
    }

    /// Whether it is declared by the file.
    pub(super) fn is_declared(&self) -> bool {
        self.declared
    }

    /// Whether samples of all bands are as in a void.
    pub(super) fn is_pure(&self, samples: impl Iterator<Item = f32>) -> bool {
        self.is_within(samples, self.pure)
    }

    /// Whether samples of all bands have its value.
    pub(super) fn is_exact(&self, samples: impl Iterator<Item = f32>) -> bool {
        self.is_within(samples, 0.0)
    }

    /// Whether samples of all bands are as at the border of a void.
    pub(super) fn is_rim(&self, samples: impl Iterator<Item = f32>) -> bool {
        self.is_within(samples, self.rim)
    }

    fn is_within(&self, samples: impl Iterator<Item = f32>, limit: f32) -> bool {
        self.values.iter().zip(samples).all(|(value, sample)| (sample - value).abs() <= limit)
    }

    /// The smallest number of cells of `cell_m2` that are a void, at the edge of the scene or inside.
    pub(super) fn min_cells(&self, at_edge: bool, cell_m2: f64) -> f64 {
        let at = usize::from(!at_edge);
        let by_area = MIN_AREA_M2[at] / cell_m2;
        match (self.declared, self.exact) {
            (true, _) => 1.0,
            (_, true) => by_area.min(MIN_CELLS[at]),
            _ => by_area,
        }
    }
}

/// Whether a sample is none, wherever it stands.
pub(super) fn is_beyond(sample: f32) -> bool {
    sample.is_nan() || sample.abs() >= BEYOND
}

/// The value that the samples of all bands of a pixel share, if no picture has it.
pub(super) fn never(mut samples: impl Iterator<Item = f32>) -> Option<f32> {
    let first = samples.next().filter(|first| NEVER.contains(first))?;
    samples.all(|sample| sample.to_bits() == first.to_bits()).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_fills_are_no_samples() {
        for fill in [f32::NAN, f32::INFINITY, f32::MIN, f32::MAX, -3.4e38, 1e20, 9.969_21e36] {
            assert!(is_beyond(fill), "{fill}");
        }
        assert!(!is_beyond(65_535.0) && !is_beyond(-1e6));
        assert_eq!(never([-9999.0; 3].into_iter()), Some(-9999.0));
        assert_eq!(never([-9999.0, 3.0, -9999.0].into_iter()), None);
        assert_eq!(never([0.0; 3].into_iter()), None);
    }

    #[test]
    fn a_void_of_a_value_that_pictures_have_must_be_wide() {
        let [white, _] = &Fill::of_bytes(3, 255.0)[..] else { panic!("white and black") };
        assert!((white.min_cells(true, 4.0) - 100.0).abs() < 1e-9);
        assert!(white.is_pure([252.0; 3].into_iter()) && !white.is_exact([252.0; 3].into_iter()));
        let full = &Fill::of_reals(3, None)[1];
        assert!((full.min_cells(true, 0.01) - 32.0).abs() < 1e-9);
        assert!((Fill::declared(vec![0.0; 3]).min_cells(false, 0.01) - 1.0).abs() < 1e-9);
    }
}
