//! The look of surfaces: a colour and its texture, as a camera a kilometre up sees it.

use super::geometry::{Point, point};
use crate::random::{fractal, hash, noise, speckle};

/// Red, green and blue of a sunlit level surface, 0 to 255.
pub type Rgb = [f32; 3];

/// What a surface is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Material {
    /// Paint, plastic, glass: almost no texture.
    Plain,
    /// Roads: fine grain, repairs.
    Asphalt,
    /// Flat roofs and paving: stains and joints.
    Concrete,
    /// Trodden earth, with dry tufts.
    Soil,
    /// Corrugated sheets: ribs along the axis, rust.
    Sheet,
    /// Roof tiles: courses across the axis.
    Tile,
    /// Lawn and meadow.
    Grass,
    /// Rows of plants along the axis, on soil.
    Crop,
    /// Leaves of trees and hedges.
    Leaves,
    /// Still water.
    Water,
    /// Solar cells: a dark grid.
    Panel,
}

/// How a patch is painted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paint {
    /// The texture.
    pub material: Material,
    /// Its mean colour.
    pub colour: Rgb,
    /// The direction of ribs, courses and rows (a unit vector).
    pub axis: Point,
    /// Tells equal surfaces apart.
    pub seed: u32,
    /// The sunlight that it takes: 1 when level, less when turned away.
    pub light: f32,
}

impl Paint {
    /// A level surface with its axis to the east.
    pub fn new(material: Material, colour: Rgb, seed: u32) -> Self {
        Self { material, colour, axis: point(1.0, 0.0), seed, light: 1.0 }
    }

    /// The same with another axis.
    pub fn along(self, axis: Point) -> Self {
        Self { axis, ..self }
    }

    /// The same in other sunlight.
    pub fn lit(self, light: f32) -> Self {
        Self { light, ..self }
    }

    /// The colour in sunlight at a position in metres.
    #[inline]
    pub fn at(&self, x: f32, y: f32) -> Rgb {
        let seed = self.seed;
        // Local coordinates: u along the axis, v across.
        let (ax, ay) = (self.axis.x as f32, self.axis.y as f32);
        let (u, v) = (x * ax + y * ay, y * ax - x * ay);
        let grain = speckle((x * 4.0).floor() as i32, (y * 4.0).floor() as i32, seed);
        match self.material {
            Material::Plain => brighter(self.colour, 1.0 + 0.02 * grain),
            Material::Asphalt => {
                let repairs = fractal(x * 0.11, y * 0.11, seed);
                let wear = noise(x * 0.9, y * 0.9, seed ^ 1);
                brighter(self.colour, 1.0 + 0.07 * repairs + 0.04 * wear + 0.035 * grain)
            }
            Material::Concrete => self.concrete([u, v], [x, y], grain),
            Material::Soil => self.soil(x, y, grain),
            Material::Sheet => self.sheet(u, v, grain),
            Material::Tile => self.tile(u, v, grain),
            Material::Grass => self.grass(x, y, grain),
            Material::Crop => self.crop(v, [x, y], grain),
            Material::Leaves => self.leaves(x, y, grain),
            Material::Water => {
                let depth = fractal(x * 0.006, y * 0.006, seed);
                let ripple = noise(x * 0.8 + 0.5 * y, y * 1.1, seed ^ 5);
                brighter(self.colour, 1.0 + 0.12 * depth + 0.03 * ripple + 0.015 * grain)
            }
            Material::Panel => {
                let line = |t: f32| (t - t.floor()) < 0.12;
                let frame = line(u) || line(v * 0.6);
                brighter(self.colour, if frame { 1.7 } else { 1.0 + 0.05 * grain })
            }
        }
    }

    #[inline]
    fn concrete(&self, along: [f32; 2], [x, y]: [f32; 2], grain: f32) -> Rgb {
        let seed = self.seed;
        let stains = fractal(x * 0.28, y * 0.28, seed);
        let puddle = (noise(x * 0.17, y * 0.17, seed ^ 3) - 0.25).max(0.0);
        let dirt = noise(x * 1.3, y * 1.3, seed ^ 2);
        let joint = along.iter().any(|t| (t * 0.25 - (t * 0.25).floor()) < 0.05);
        let joint = if joint { 0.05 } else { 0.0 };
        let tone = 1.0 + 0.1 * stains - 0.3 * puddle + 0.06 * dirt + 0.035 * grain - joint;
        let mut rgb = brighter(self.colour, tone);
        rgb[2] -= 6.0 * stains.max(0.0);
        rgb
    }

    #[inline]
    fn soil(&self, x: f32, y: f32, grain: f32) -> Rgb {
        let seed = self.seed;
        let large = fractal(x * 0.05, y * 0.05, seed);
        let small = fractal(x * 0.45, y * 0.45, seed ^ 1);
        let bump = noise(x * 1.6 + 0.35, y * 1.6 - 0.5, seed ^ 2) - noise(x * 1.6, y * 1.6, seed ^ 2);
        let earth = brighter(self.colour, 1.0 + 0.09 * large + 0.06 * small + 0.05 * bump + 0.03 * grain);
        // Tufts of dry grass where the ground is left alone.
        let tuft = ((0.6 * fractal(x * 0.045, y * 0.045, seed ^ 9) + 0.5 * fractal(x * 0.3, y * 0.3, seed ^ 0x33)
            - 0.2)
            * 2.4)
            .clamp(0.0, 0.7);
        blend(earth, [104.0 + 12.0 * grain, 106.0 + 12.0 * grain, 66.0 + 8.0 * grain], tuft)
    }

    #[inline]
    fn sheet(&self, u: f32, v: f32, grain: f32) -> Rgb {
        let seed = self.seed;
        let column = (v * 1.1).floor() as i32;
        let row = ((u + 3.0 * speckle(column, 7, seed)) * 0.16).floor() as i32;
        let panel = speckle(column, row, seed);
        let rib = (v * 1.1 - (v * 1.1).floor() - 0.5).abs();
        let streak = noise(u * 0.12, v * 1.7, seed ^ 4);
        let tone = 1.0 + 0.05 * panel + 0.12 * (rib - 0.25) + 0.06 * streak + 0.02 * grain;
        let rust = ((fractal(u * 0.11, v * 0.3, seed ^ 8) - 0.22) * 2.0).clamp(0.0, 0.4);
        blend(brighter(self.colour, tone), brighter([128.0, 92.0, 70.0], tone), rust)
    }

    #[inline]
    fn tile(&self, u: f32, v: f32, grain: f32) -> Rgb {
        let seed = self.seed;
        let course = (v * 2.8).floor();
        let step = v * 2.8 - course;
        let each = speckle((u * 3.2 + 0.5 * course).floor() as i32, course as i32, seed);
        let age = fractal(u * 0.25, v * 0.25, seed ^ 4);
        let moss = ((noise(u * 0.4, v * 0.4, seed ^ 6) - 0.35) * 0.9).max(0.0);
        let tile = brighter(self.colour, 1.0 + 0.06 * each + 0.09 * age + 0.07 * (step - 0.5) + 0.03 * grain);
        blend(tile, [96.0, 92.0, 74.0], moss)
    }

    #[inline]
    fn grass(&self, x: f32, y: f32, grain: f32) -> Rgb {
        let seed = self.seed;
        let dry = fractal(x * 0.06, y * 0.06, seed) + 0.35 * noise(x * 0.4, y * 0.4, seed ^ 1);
        let bump = noise(x * 1.4 + 0.4, y * 1.4 - 0.6, seed ^ 2) - noise(x * 1.4, y * 1.4, seed ^ 2);
        let tone = 1.0 + 0.14 * bump + 0.08 * fractal(x * 0.5, y * 0.5, seed ^ 3) + 0.09 * grain;
        let straw = [self.colour[0] * 1.45 + 12.0, self.colour[1] * 1.22 + 6.0, self.colour[2] * 1.3 + 8.0];
        brighter(blend(self.colour, straw, (0.3 + 0.9 * dry).clamp(0.0, 1.0)), tone)
    }

    #[inline]
    fn crop(&self, v: f32, [x, y]: [f32; 2], grain: f32) -> Rgb {
        let seed = self.seed;
        let spacing = 0.55 + 0.25 * ((seed & 3) as f32) / 3.0;
        let t = (v + 0.25 * noise(x * 0.3, y * 0.3, seed)) * spacing;
        let row = 1.0 - 2.0 * (t - t.floor() - 0.5).abs();
        let vigour = 0.62 + 0.5 * fractal(x * 0.04, y * 0.04, seed ^ 1) + 0.3 * noise(x * 0.7, y * 0.7, seed ^ 2);
        let cover = (row * 1.6 - 0.35 + 0.9 * (vigour - 0.5)).clamp(0.0, 1.0);
        let soil = brighter([158.0, 138.0, 112.0], 1.0 + 0.06 * grain + 0.08 * noise(x * 0.2, y * 0.2, seed ^ 3));
        blend(soil, brighter(self.colour, 1.0 + 0.1 * grain), cover)
    }

    #[inline]
    fn leaves(&self, x: f32, y: f32, grain: f32) -> Rgb {
        let seed = self.seed;
        let clump = |dx: f32, dy: f32| {
            noise((x + dx) * 0.85, (y + dy) * 0.85, seed) + 0.5 * noise((x + dx) * 2.1, (y + dy) * 2.1, seed ^ 1)
        };
        // Light on clumps: the slope towards the sun.
        let slope = clump(0.25, -0.4) - clump(0.0, 0.0);
        let hollow = (-clump(0.0, 0.0) - 0.35).max(0.0);
        brighter(self.colour, (1.0 - 0.42 * slope - 0.45 * hollow + 0.1 * grain).max(0.3))
    }
}

/// A colour times a factor.
#[inline]
pub fn brighter([r, g, b]: Rgb, factor: f32) -> Rgb {
    [r * factor, g * factor, b * factor]
}

/// From `a` (0) to `b` (1).
#[inline]
pub fn blend(a: Rgb, b: Rgb, share: f32) -> Rgb {
    [0, 1, 2].map(|k| a[k] + (b[k] - a[k]) * share)
}

/// A colour near `base`: `spread` is the share by which brightness varies, an eighth of it by which hue does.
pub fn near(base: Rgb, spread: f32, seed: u32) -> Rgb {
    let draw = |k: i32| (hash(k, 77, seed) >> 8) as f32 * (2.0 / 16_777_216.0) - 1.0;
    let tone = 1.0 + spread * draw(0);
    [0, 1, 2].map(|k| base[k] * (tone + 0.13 * spread * draw(k as i32 + 1)))
}
