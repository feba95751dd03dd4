//! One sun for the whole town.

use super::geometry::{Point, point};

/// East and north of the horizontal direction to the sun (unit vector): south-south-east.
pub const TO_SUN: Point = point(0.53, -0.848);
/// Sine of the sun's height above the horizon, about 57°.
const SINE: f64 = 0.839;
/// Cosine of the same.
const COSINE: f64 = 0.544;
/// Metres that the shadow of an edge sinks for each metre away from it.
pub const DROP: f64 = SINE / COSINE;
/// The share of light that comes from the sky.
const SKY: f64 = 0.34;

/// The sunlight on a plane that rises by `slope` metres per metre east and north: 1 when level.
pub fn on_slope(slope: Point) -> f32 {
    let normal_up = 1.0 / (1.0 + slope.dot(slope)).sqrt();
    let facing = (SINE - COSINE * slope.dot(TO_SUN)) * normal_up;
    (SKY + (1.0 - SKY) * (facing / SINE).max(0.0)) as f32
}

/// What is left of red, green and blue in a cast shadow.
pub const IN_SHADOW: [f32; 3] = [0.54, 0.58, 0.64];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roof_is_bright_on_the_side_of_the_sun() {
        let level = on_slope(point(0.0, 0.0));
        assert!((level - 1.0).abs() < 1e-3);
        // Rising to the north: it faces south.
        assert!(on_slope(point(0.0, 0.6)) > 1.05 && on_slope(point(0.0, -0.6)) < 0.85);
    }
}
