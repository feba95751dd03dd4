//! The relief under the town: a gentle hill and a dale, in closed form.

use super::geometry::Point;
use crate::random::fractal;

/// Metres above sea level of the lowest ground, about.
const BASE_M: f32 = 430.0;

/// Metres above sea level of the terrain, without the river bed.
pub fn elevation(seed: u64, p: Point) -> f32 {
    let (x, y) = (p.x as f32, p.y as f32);
    let hill = fractal(x / 620.0, y / 620.0, seed as u32 ^ 0x7e11);
    let ripple = fractal(x / 150.0, y / 150.0, seed as u32 ^ 0x0a41);
    BASE_M + 14.0 * (hill + 1.0) + 1.2 * ripple
}

/// How bright the slope is in the sun, about 1.
pub fn sunlight(seed: u64, p: Point) -> f32 {
    // The sun stands in the south-south-east: ground that falls that way is brighter.
    const AWAY_M: f64 = 8.0;
    let up = Point { x: p.x - 0.53 * AWAY_M, y: p.y + 0.85 * AWAY_M };
    1.0 + 1.1 * (elevation(seed, up) - elevation(seed, p)) / AWAY_M as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::geometry::point;

    #[test]
    fn the_relief_is_gentle() {
        for k in 0..500 {
            let p = point(f64::from(k) * 3.0, f64::from(k % 37) * 20.0);
            let rise = (elevation(1, p) - elevation(1, p + point(1.0, 0.0))).abs();
            assert!(rise < 0.25, "{rise} m a metre at {p:?}");
        }
    }
}
