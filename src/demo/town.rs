//! What the town is made of: patches to be painted from the ground up, and the objects that the truth names.

use super::geometry::{Point, Rectangle, Ring, bounds};
use super::materials::Paint;

/// Label values of `styles/city.toml`.
pub mod class {
    /// Building.
    pub const BUILDING: u8 = 1;
    /// Road, with pavements and parking.
    pub const ROAD: u8 = 2;
    /// Vegetation.
    pub const VEGETATION: u8 = 3;
    /// Water.
    pub const WATER: u8 = 4;
    /// Bare land, with paved yards.
    pub const BARE_LAND: u8 = 5;
    /// Vehicle.
    pub const VEHICLE: u8 = 6;

    /// The name of a label value.
    pub fn name(code: u8) -> &'static str {
        match code {
            BUILDING => "building",
            ROAD => "road",
            VEGETATION => "vegetation",
            WATER => "water",
            BARE_LAND => "bare_land",
            VEHICLE => "vehicle",
            _ => "other",
        }
    }
}

/// The height of a patch, in metres above the terrain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Top {
    /// Ground, also of the terrain model; it covers what was painted before.
    Ground(f32),
    /// Level; seen where nothing stands higher.
    Flat(f32),
    /// Sloping: the height at a position, and the rise per metre east and north.
    Plane {
        /// Where the height is known.
        at: Point,
        /// The height there.
        height: f64,
        /// Rise per metre.
        slope: Point,
    },
    /// A half ellipsoid.
    Dome {
        /// Its middle.
        centre: Point,
        /// On the ground.
        radius: f64,
        /// Of the rim.
        base: f64,
        /// From rim to top.
        rise: f64,
    },
}

impl Top {
    /// Metres above the terrain at a position.
    pub fn height(&self, p: Point) -> f32 {
        match *self {
            Self::Ground(h) | Self::Flat(h) => h,
            Self::Plane { at, height, slope } => (height + (p - at).dot(slope)) as f32,
            Self::Dome { centre, radius, base, rise } => {
                let d = (p - centre) * (1.0 / radius);
                (base + rise * (1.0 - d.dot(d)).max(0.0).sqrt()) as f32
            }
        }
    }

    /// No less than the height anywhere; `rings` bound the patch.
    fn highest(&self, rings: &[Ring]) -> f32 {
        match *self {
            Self::Ground(h) | Self::Flat(h) => h,
            Self::Dome { base, rise, .. } => (base + rise) as f32,
            Self::Plane { .. } => rings.iter().flatten().map(|p| self.height(*p)).fold(0.0, f32::max),
        }
    }
}

/// A piece of surface.
#[derive(Debug, Clone)]
pub struct Patch {
    /// Outlines, filled by the even-odd rule.
    pub rings: Vec<Ring>,
    /// Its height.
    pub top: Top,
    /// Its look.
    pub paint: Paint,
    /// Its label value.
    pub class: u8,
    /// Around the outlines.
    pub bounds: Rectangle,
}

/// An object that the truth names.
#[derive(Debug, Clone)]
pub struct Object {
    /// Outer ring first, then holes.
    pub rings: Vec<Ring>,
    /// Its label value.
    pub class: u8,
    /// Metres above the terrain, of what stands.
    pub height_m: Option<f64>,
}

/// Things that far outside may still cast their shadow into the town.
const SHADOW_M: f64 = 60.0;

/// A town, planned and not yet painted.
#[derive(Debug, Clone)]
pub struct Town {
    /// Of everything that is drawn from chance.
    pub seed: u64,
    /// Metres east.
    pub width_m: f64,
    /// Metres north.
    pub height_m: f64,
    /// In the order of painting.
    pub patches: Vec<Patch>,
    /// What the truth names.
    pub objects: Vec<Object>,
    /// The greatest height of a patch.
    pub highest_m: f32,
}

impl Town {
    /// Bare ground of a size, in metres.
    pub fn new(seed: u64, width_m: f64, height_m: f64) -> Self {
        Self { seed, width_m, height_m, patches: Vec::new(), objects: Vec::new(), highest_m: 0.0 }
    }

    /// Adds a patch, unless it lies outside.
    pub fn paint(&mut self, rings: Vec<Ring>, top: Top, paint: Paint, class: u8) {
        let bounds = bounds(&rings);
        let outside = bounds.max.x < -SHADOW_M
            || bounds.max.y < -SHADOW_M
            || bounds.min.x > self.width_m + SHADOW_M
            || bounds.min.y > self.height_m + SHADOW_M;
        if !outside {
            self.highest_m = self.highest_m.max(top.highest(&rings));
            self.patches.push(Patch { rings, top, paint, class, bounds });
        }
    }

    /// Adds an object to the truth, unless it lies outside.
    pub fn name(&mut self, rings: Vec<Ring>, class: u8, height_m: Option<f64>) {
        let b = bounds(&rings);
        if b.max.x > 0.0 && b.max.y > 0.0 && b.min.x < self.width_m && b.min.y < self.height_m {
            self.objects.push(Object { rings, class, height_m });
        }
    }
}
