//! Raster space, map space and tile space, and the maps between them.
//!
//! | space | type | axes | unit |
//! |---|---|---|---|
//! | raster | [`PixelPoint`], [`Window`] | `col` right, `row` down | pixels of a named grid; (0, 0) is the outer corner of the first pixel |
//! | map | [`MapPoint`] | `x` east, `y` north (whatever order the authority gives) | units of a [`Crs`] |
//! | world | [`WorldPoint`] | `x` east, `y` **south** | the square of Web Mercator is \[0, 1\]² |
//! | tile | [`TileCoord`] | `z/x/y`, XYZ scheme | – |

mod area;
mod crs;
mod declared;
mod frame;
mod ground;
mod measure;
mod operation;
mod polygon_file;
mod range;
mod tile;
mod transform;
mod turn;
mod window;
mod world;

pub use area::{AreaError, AreaOfInterest, MapArea};
pub use crs::{Crs, CrsError, Projector};
pub use frame::PixelFrame;
pub use ground::{Ground, GroundScale, ScaleMesh};
pub use measure::Measure;
pub use operation::VerticalUnit;
pub(crate) use polygon_file::{PolygonFeature, read_polygons};
pub use range::LonLatRange;
pub use tile::{TileCoord, TileError};
pub use transform::{GeoTransform, MapBounds, MapPoint, PixelPoint, TransformError};
pub use turn::Turn;
pub use window::Window;
pub use world::{WorldBounds, WorldPoint, hull, leads_across};
