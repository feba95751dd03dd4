//! What the handlers of one map share.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use thiserror::Error;

use super::desk::{Key, What};
use super::errors::HttpError;
use super::options::ServeOptions;
use super::painter::Painter;
use super::resources::Resources;
use crate::encode::mvt;
use crate::georef::{CrsError, Ground, TileCoord};
use crate::seed::Live;

/// The side of imagery and label tiles in pixels: what clients take for granted.
pub const RASTER_TILE_PX: u32 = 256;

/// Vector units along a tile over pixels along a raster tile: 2^4.
const RASTER_ZOOMS_DEEPER: u8 = 4;

/// Zooms above the one where the whole map fills a tile: seen from there it is a speck, and still to be found.
const ZOOMS_OUT: u8 = 4;

/// Why a map cannot be served.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The work grid has no place on the ground.
    #[error("map {name:?} cannot be served: {cause}")]
    Crs {
        /// The map.
        name: String,
        /// What PROJ said.
        cause: CrsError,
    },
    /// The system gives no thread.
    #[error("map {name:?} cannot be served, no thread for raster tiles: {cause}")]
    Thread {
        /// The map.
        name: String,
        /// What the system said.
        cause: std::io::Error,
    },
}

/// What the handlers of one map share.
pub struct State {
    /// The map.
    pub live: Arc<Live>,
    /// How it is served.
    pub options: ServeOptions,
    /// Zooms of the vector tiles.
    pub zooms: RangeInclusive<u8>,
    /// Zooms of the label tiles.
    pub label_zooms: RangeInclusive<u8>,
    /// Zooms of the imagery tiles; none where the imagery is not there.
    pub imagery_zooms: Option<RangeInclusive<u8>>,
    /// The ground resolution of the work grid.
    pub resolution_m_per_px: f64,
    /// What all maps of the server share.
    pub resources: Arc<Resources>,
    /// Of this map among them.
    map: u32,
    /// Draws imagery and label tiles.
    pub painter: Painter,
    /// Of this run: generations count from zero in each.
    pub epoch: String,
}

/// Where the square of Web Mercator ends, in degrees north and south.
const WEB_MERCATOR_END_DEG: f64 = 85.05;

impl State {
    /// For a map.
    ///
    /// # Errors
    /// When the work grid cannot be measured on the ground or a thread cannot be started.
    pub fn new(live: Arc<Live>, options: ServeOptions, resources: &Arc<Resources>) -> Result<Self, ServeError> {
        let name = || live.name().to_owned();
        let (resolution_m_per_px, latitude_deg) =
            measure(&live).map_err(|cause| ServeError::Crs { name: name(), cause })?;
        if latitude_deg.abs() > WEB_MERCATOR_END_DEG {
            tracing::warn!(
                "map {}: lies at latitude {latitude_deg:.2}; tiles end at {WEB_MERCATOR_END_DEG} and show nothing of it, files hold it",
                name()
            );
        }
        let first = mvt::min_zoom(&live.bounds()).saturating_sub(ZOOMS_OUT);
        let zooms = |resolution: f64, deeper: u8| {
            let last = (mvt::max_zoom(resolution, latitude_deg) + deeper).min(TileCoord::MAX_ZOOM);
            first.min(last)..=last
        };
        let imagery = live.mosaic().map(|m| zooms(m.resolution_m_per_px(), RASTER_ZOOMS_DEEPER));
        let deepest = imagery.as_ref().map_or(0, |zooms| *zooms.end());
        let map = resources.next_map();
        let painter = Painter::new(&live, deepest, (resources, map))
            .map_err(|cause| ServeError::Thread { name: name(), cause })?;
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self {
            zooms: zooms(resolution_m_per_px, 0),
            label_zooms: zooms(resolution_m_per_px, RASTER_ZOOMS_DEEPER),
            imagery_zooms: imagery,
            resolution_m_per_px,
            resources: Arc::clone(resources),
            map,
            painter,
            epoch: format!("{:x}", since_1970.as_millis()),
            live,
            options,
        })
    }

    /// A body of this map among those of all maps.
    #[must_use]
    pub fn key(&self, what: What) -> Key {
        Key { map: self.map, what }
    }

    /// The tile of a path; `None` where it lies outside the map.
    ///
    /// # Errors
    /// 404 when it is no tile or its zoom is not served.
    pub fn tile(&self, (z, x, y): (u32, u32, u32), zooms: &RangeInclusive<u8>) -> Result<Option<TileCoord>, HttpError> {
        let tile = TileCoord::new(z, x, y)?;
        if !zooms.contains(&tile.z()) {
            let (first, last) = (zooms.start(), zooms.end());
            return Err(HttpError::NotFound(format!("no tile {tile}: zooms {first} to {last} are served")));
        }
        Ok(tile.bounds().touches(&self.live.bounds()).then_some(tile))
    }
}

/// Ground resolution and latitude at the middle of the work grid.
fn measure(live: &Live) -> Result<(f64, f64), CrsError> {
    let grid = live.grid();
    let ground = Ground::new(grid.frame.transform, &grid.frame.crs)?;
    Ok((grid.middle_scale()?.resolution_m_per_px(), ground.lon_lat(grid.middle())?.y))
}
