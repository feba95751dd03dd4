//! Numbers that look random and are the same on every machine: only integer steps and exact float operations.

/// A stream of numbers, `SplitMix64` (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators").
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The stream of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The stream of a place in the plan: independent of what was drawn elsewhere.
    #[must_use]
    pub fn at(seed: u64, salt: u32, i: i32, j: i32) -> Self {
        let place = (u64::from(i as u32) << 32) | u64::from(j as u32);
        let mut dice = Self(seed ^ u64::from(salt).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        dice.0 = dice.next() ^ place;
        dice.next();
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// In [from, to).
    pub fn range(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.unit()
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// 32 bits.
    pub fn bits(&mut self) -> u32 {
        (self.next() >> 32) as u32
    }

    /// One of `choices`, which must not be empty.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[(self.unit() * choices.len() as f64) as usize]
    }

    /// One of `choices` by weight; the weights must not all be zero.
    pub fn weighted<T: Copy>(&mut self, choices: &[(f64, T)]) -> T {
        let total: f64 = choices.iter().map(|c| c.0).sum();
        let mut left = self.unit() * total;
        for (weight, choice) in choices {
            left -= weight;
            if left < 0.0 {
                return *choice;
            }
        }
        choices[choices.len() - 1].1
    }
}

/// 32 mixed bits of a lattice point (the finalizer of `MurmurHash3` over two odd multiples).
#[inline]
#[must_use]
pub fn hash(x: i32, y: i32, seed: u32) -> u32 {
    let mut h = (x as u32).wrapping_mul(0x85eb_ca6b) ^ (y as u32).wrapping_mul(0xc2b2_ae35) ^ seed;
    h = (h ^ (h >> 16)).wrapping_mul(0x7feb_352d);
    h = (h ^ (h >> 15)).wrapping_mul(0x846c_a68b);
    h ^ (h >> 16)
}

/// White noise of a lattice point, in [-1, 1).
#[inline]
#[must_use]
pub fn speckle(x: i32, y: i32, seed: u32) -> f32 {
    (hash(x, y, seed) >> 8) as f32 * (2.0 / 16_777_216.0) - 1.0
}

/// Smooth noise in [-1, 1) that varies over one unit (value noise; Perlin 1985 describes the family).
#[inline]
#[must_use]
pub fn noise(x: f32, y: f32, seed: u32) -> f32 {
    let west = x.floor();
    let south = y.floor();
    let (col, row) = (west as i32, south as i32);
    let smooth = |t: f32| t * t * (3.0 - 2.0 * t);
    let (east, north) = (smooth(x - west), smooth(y - south));
    let mix = |from: f32, to: f32, share: f32| from + (to - from) * share;
    let low = mix(speckle(col, row, seed), speckle(col + 1, row, seed), east);
    let high = mix(speckle(col, row + 1, seed), speckle(col + 1, row + 1, seed), east);
    mix(low, high, north)
}

/// Three octaves of [`noise`], in about [-1, 1).
#[inline]
#[must_use]
pub fn fractal(x: f32, y: f32, seed: u32) -> f32 {
    // Turned between octaves, so that the lattices do not show.
    let turned = (0.8 * x - 0.6 * y, 0.6 * x + 0.8 * y);
    0.55 * noise(x, y, seed)
        + 0.3 * noise(2.1 * turned.0, 2.1 * turned.1, seed ^ 0x51)
        + 0.15 * noise(4.3 * y, -4.3 * x, seed ^ 0xa7)
}

/// The sine of `turns` full turns, to about 1e-6, without the system's mathematics library.
#[must_use]
pub fn sine(turns: f64) -> f64 {
    let mut t = turns - turns.floor();
    if t > 0.75 {
        t -= 1.0;
    } else if t > 0.25 {
        t = 0.5 - t;
    }
    let x = t * std::f64::consts::TAU;
    let x2 = x * x;
    x * (1.0 - x2 / 6.0 * (1.0 - x2 / 20.0 * (1.0 - x2 / 42.0 * (1.0 - x2 / 72.0 * (1.0 - x2 / 110.0)))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_belongs_to_its_place() {
        let mut a = Dice::at(7, 1, 3, -4);
        let mut b = Dice::at(7, 1, 3, -4);
        let mut c = Dice::at(7, 1, -4, 3);
        assert_eq!(a.bits(), b.bits());
        assert_ne!(a.bits(), c.bits());
        assert!((0..1000).all(|_| (2.0..3.0).contains(&a.range(2.0, 3.0))));
    }

    #[test]
    fn the_sine_is_the_sine() {
        for k in -40..40 {
            let turns = f64::from(k) / 17.0;
            assert!((sine(turns) - (turns * std::f64::consts::TAU).sin()).abs() < 1e-6, "{turns}");
        }
    }

    #[test]
    fn noise_keeps_to_its_range_and_has_no_jumps() {
        for k in 0..2000 {
            let x = k as f32 * 0.01 - 10.0;
            assert!(noise(x, 0.3, 5).abs() <= 1.0);
            assert!((noise(x, 0.3, 5) - noise(x + 0.001, 0.3, 5)).abs() < 0.01);
        }
    }
}
