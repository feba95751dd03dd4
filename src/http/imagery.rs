//! The mosaic as raster tiles: lossy WebP, transparent where no imagery lies.

use actix_web::{HttpRequest, HttpResponse, web};

use super::answer::{Head, tag};
use super::errors::HttpError;
use super::painter::{Easel, PaintError, Picture};
use super::state::{RASTER_TILE_PX, State};
use crate::encode::compress::Encoding;
use crate::georef::{Crs, GeoTransform, PixelFrame, TileCoord, Window, WorldPoint};
use crate::raster::{Channel, PixelWindow, RasterSource};

/// WebP quality, 0 to 100: no visible loss on orthophotos at about 1 bit per pixel.
const QUALITY: f32 = 80.0;

/// `GET /imagery/{z}/{x}/{y}.webp`.
pub async fn tile(
    req: HttpRequest,
    state: web::Data<State>,
    path: web::Path<(u32, u32, u32)>,
) -> Result<HttpResponse, HttpError> {
    let zooms = state.imagery_zooms.as_ref();
    let zooms = zooms.ok_or_else(|| HttpError::NotFound("the imagery of this map is not here".to_owned()))?;
    let at = state.tile(path.into_inner(), zooms)?;
    let picture = Picture::Imagery(at);
    let head = Head {
        content_type: "image/webp",
        cache_control: "public, max-age=3600",
        tag: tag(format!("{}{picture:?}", state.epoch).as_bytes(), Encoding::Identity),
        encoding: Encoding::Identity,
    };
    if let Some(response) = head.not_modified(&req) {
        return Ok(response);
    }
    let body = state.painter.paint(picture).await?;
    Ok(if body.is_empty() { head.empty() } else { head.ok(body) })
}

/// The bytes of a tile; empty where no pixel is valid.
pub fn paint(easel: &mut Easel, at: TileCoord) -> Result<Vec<u8>, PaintError> {
    let open = |live: &crate::seed::Live| {
        let mosaic = live.mosaic().expect("imagery is only asked for where there is a mosaic");
        mosaic.reader(&frame(at.z()), &[Channel::Red, Channel::Green, Channel::Blue])
    };
    let side = i64::from(RASTER_TILE_PX);
    let window = Window::new(i64::from(at.x()) * side, i64::from(at.y()) * side, RASTER_TILE_PX, RASTER_TILE_PX);
    let pixels = easel.reader(at.z(), open)?.read(&window)?;
    if pixels.valid.iter().all(|v| *v == 0) {
        return Ok(Vec::new());
    }
    let encoder =
        webp::Encoder::from_rgba(&rgba(&pixels), RASTER_TILE_PX, RASTER_TILE_PX).encode_simple(false, QUALITY);
    encoder.map(|bytes| bytes.to_vec()).map_err(|e| PaintError::Encode { tile: at, reason: format!("{e:?}") })
}

/// The pixel grid of all tiles of a zoom.
fn frame(zoom: u8) -> PixelFrame {
    let corner = WorldPoint { x: 0.0, y: 0.0 }.to_web_mercator();
    let size = 2.0 * corner.y / (f64::from(RASTER_TILE_PX) * 2_f64.powi(i32::from(zoom)));
    let transform = GeoTransform::new([corner.x, size, 0.0, corner.y, 0.0, -size]);
    PixelFrame { crs: Crs::web_mercator(), transform: transform.expect("a zoom up to 24 has pixels of positive size") }
}

/// Planes to pixels.
fn rgba(pixels: &PixelWindow) -> Vec<u8> {
    let count = pixels.valid.len();
    let plane = |i: usize| &pixels.samples[i * count..(i + 1) * count];
    let (red, green, blue) = (plane(0), plane(1), plane(2));
    (0..count).flat_map(|i| if pixels.valid[i] == 0 { [0; 4] } else { [red[i], green[i], blue[i], 255] }).collect()
}
