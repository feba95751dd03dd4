//! The tile pyramid of Web Mercator (OGC Two Dimensional Tile Matrix Set, `WebMercatorQuad`).

use thiserror::Error;

use super::{WorldBounds, WorldPoint};

/// Why three numbers name no tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no tile {z}/{x}/{y}: z is 0 to {max}, x and y are below 2^z", max = TileCoord::MAX_ZOOM)]
pub struct TileError {
    /// The zoom asked for.
    pub z: u32,
    /// The column asked for.
    pub x: u32,
    /// The row asked for.
    pub y: u32,
}

/// A tile of the XYZ scheme; it always exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TileCoord {
    z: u8,
    x: u32,
    y: u32,
}

impl TileCoord {
    /// The deepest zoom that is addressed.
    pub const MAX_ZOOM: u8 = 24;

    /// Checks the numbers.
    ///
    /// # Errors
    /// When z is above [`Self::MAX_ZOOM`], or x or y is not below 2^z.
    pub fn new(z: u32, x: u32, y: u32) -> Result<Self, TileError> {
        let error = TileError { z, x, y };
        let zoom = u8::try_from(z).ok().filter(|z| *z <= Self::MAX_ZOOM).ok_or(error)?;
        if x >> zoom != 0 || y >> zoom != 0 { Err(error) } else { Ok(Self { z: zoom, x, y }) }
    }

    /// The tile of zoom `z` that holds a position.
    ///
    /// # Errors
    /// When the zoom is too deep or the position lies outside the world square.
    pub fn at(z: u32, p: WorldPoint) -> Result<Self, TileError> {
        let side = 2_f64.powi(z.min(64) as i32);
        Self::new(z, (p.x * side).floor() as u32, (p.y * side).floor() as u32)
    }

    /// The zoom.
    #[must_use]
    pub fn z(&self) -> u8 {
        self.z
    }

    /// The column, from the west.
    #[must_use]
    pub fn x(&self) -> u32 {
        self.x
    }

    /// The row, from the north.
    #[must_use]
    pub fn y(&self) -> u32 {
        self.y
    }

    /// Its part of the world square.
    #[must_use]
    pub fn bounds(&self) -> WorldBounds {
        let side = 2_f64.powi(-i32::from(self.z));
        WorldBounds {
            min: WorldPoint { x: f64::from(self.x) * side, y: f64::from(self.y) * side },
            max: WorldPoint { x: f64::from(self.x + 1) * side, y: f64::from(self.y + 1) * side },
        }
    }
}

impl std::fmt::Display for TileCoord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.z, self.x, self.y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::georef::MapPoint;

    #[test]
    fn numbers_beyond_the_pyramid_are_refused() {
        assert!(TileCoord::new(2, 4, 0).is_err());
        assert!(TileCoord::new(999, 0, 0).is_err());
        assert_eq!(TileCoord::new(2, 3, 1).map(|t| t.to_string()), Ok("2/3/1".to_owned()));
    }

    #[test]
    fn a_tile_holds_the_positions_that_name_it() {
        let zurich = WorldPoint::from_lon_lat(MapPoint { x: 8.54, y: 47.37 });
        let tile = TileCoord::at(14, zurich).expect("inside");
        assert_eq!((tile.x(), tile.y()), (8580, 5737));
        let b = tile.bounds();
        assert!(b.min.x <= zurich.x && zurich.x < b.max.x && b.min.y <= zurich.y && zurich.y < b.max.y);
        let back = zurich.to_lon_lat();
        assert!((back.x - 8.54).abs() < 1e-12 && (back.y - 47.37).abs() < 1e-12);
    }
}
