//! The mosaic as raster tiles: lossy WebP, transparent where no imagery lies.

use actix_web::{HttpRequest, HttpResponse, web};

use super::answer::{Head, outside, painted, tag};
use super::errors::HttpError;
use super::painter::{Easel, PaintError, Picture};
use super::slot::{Client, Map};
use super::state::RASTER_TILE_PX;
use crate::encode::compress::Encoding;
use crate::georef::{Crs, GeoTransform, PixelFrame, TileCoord, TileError, Window, WorldBounds, WorldPoint};
use crate::raster::{Mosaic, PixelWindow, RasterSource};
use crate::seed::Live;

/// WebP quality, 0 to 100: no visible loss on orthophotos at about 1 bit per pixel.
const QUALITY: f32 = 80.0;

/// Zooms above the deepest one that are read from the mosaic; those further out are made from their children, unless
/// overviews make it cheap to look from afar.
const READ_ZOOMS: u8 = 2;

/// `GET /imagery/{z}/{x}/{y}.webp`.
pub async fn tile(
    req: HttpRequest,
    state: Map,
    client: Client,
    path: web::Path<(u32, u32, u32)>,
) -> Result<HttpResponse, HttpError> {
    let zooms = state.imagery_zooms.as_ref();
    let zooms = zooms.ok_or_else(|| HttpError::NotFound("the imagery of this map is not here".to_owned()))?;
    let Some(at) = state.tile(path.into_inner(), zooms)? else { return Ok(outside()) };
    let picture = Picture::Imagery(at);
    let head = Head {
        content_type: "image/webp",
        cache_control: "public, max-age=3600",
        tag: tag(format!("{}{picture:?}", state.epoch).as_bytes(), Encoding::Identity),
        encoding: Encoding::Identity,
    };
    painted(&req, &head, &state, (picture, client)).await
}

/// The bytes of a tile; empty where no pixel is valid.
pub fn paint(easel: &mut Easel, at: TileCoord) -> Result<Vec<u8>, PaintError> {
    let far = at.z() + READ_ZOOMS < easel.imagery_zoom && !easel.live.mosaic().is_some_and(Mosaic::has_overviews);
    let rgba = if far { from_children(easel, at)? } else { from_mosaic(easel, at)? };
    if rgba.chunks_exact(4).all(|pixel| pixel[3] == 0) {
        return Ok(Vec::new());
    }
    let encoded = webp::Encoder::from_rgba(&rgba, RASTER_TILE_PX, RASTER_TILE_PX).encode_simple(false, QUALITY);
    encoded.map(|bytes| bytes.to_vec()).map_err(|e| PaintError::Encode { tile: at, reason: format!("{e:?}") })
}

/// Reads the pixels of the mosaic under a tile.
fn from_mosaic(easel: &mut Easel, at: TileCoord) -> Result<Vec<u8>, PaintError> {
    let open = |live: &Live| {
        let mosaic = live.mosaic().expect("imagery is only asked for where there is a mosaic");
        mosaic.reader(&frame(at.z()), &mosaic.picture_channels())
    };
    let side = i64::from(RASTER_TILE_PX);
    let window = Window::new(i64::from(at.x()) * side, i64::from(at.y()) * side, RASTER_TILE_PX, RASTER_TILE_PX);
    Ok(rgba(&easel.reader(at.z(), open)?.read(&window)?))
}

/// Averages the four tiles of the next zoom, so that looking from afar reads the mosaic once and not once per zoom.
fn from_children(easel: &mut Easel, at: TileCoord) -> Result<Vec<u8>, PaintError> {
    let (side, half) = (RASTER_TILE_PX as usize, RASTER_TILE_PX as usize / 2);
    let mut tile = vec![0_u8; 4 * side * side];
    for (child, [right, down]) in children(at, &easel.live.bounds())? {
        if easel.is_abandoned() {
            return Err(PaintError::Abandoned); // what is painted is kept, whoever asks next goes on from there
        }
        let body = easel.picture(Picture::Imagery(child), 0)?;
        let Some(image) = webp::Decoder::new(&body).decode() else { continue }; // nothing is there
        let channels = if image.is_alpha() { 4 } else { 3 };
        for row in 0..half {
            for col in 0..half {
                let to = (row + half * down as usize) * side + col + half * right as usize;
                let corner = |i: usize| &image[channels * ((2 * row + i / 2) * side + 2 * col + i % 2)..][..channels];
                tile[4 * to..4 * to + 4].copy_from_slice(&average([0, 1, 2, 3].map(corner)));
            }
        }
    }
    Ok(tile)
}

/// The tiles of the next zoom that touch the map, each with how far right and down it lies.
fn children(at: TileCoord, map: &WorldBounds) -> Result<Vec<(TileCoord, [u32; 2])>, TileError> {
    let mut touching = Vec::new();
    for [right, down] in [[0, 0], [1, 0], [0, 1], [1, 1]] {
        let child = TileCoord::new(u32::from(at.z()) + 1, 2 * at.x() + right, 2 * at.y() + down)?;
        if child.bounds().touches(map) {
            touching.push((child, [right, down]));
        }
    }
    Ok(touching)
}

/// The mean colour of those of four pixels that are there.
fn average(pixels: [&[u8]; 4]) -> [u8; 4] {
    let seen = |pixel: &&[u8]| pixel.get(3).is_none_or(|alpha| *alpha > 127);
    let there = pixels.iter().filter(|p| seen(p)).count() as u32;
    if there == 0 {
        return [0; 4];
    }
    let mean = |i: usize| {
        let sum: u32 = pixels.iter().filter(|p| seen(p)).map(|p| u32::from(p[i])).sum();
        ((sum + there / 2) / there) as u8
    };
    [mean(0), mean(1), mean(2), 255]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_leaves_out_what_is_not_there() {
        let (seen, other, none) = ([10, 20, 30, 255], [20, 40, 60, 255], [200, 200, 200, 0]);
        assert_eq!(average([&seen, &other, &none, &none]), [15, 30, 45, 255]);
        assert_eq!(average([&none, &none, &none, &none]), [0; 4]);
        assert_eq!(average([&[1, 2, 3], &[3, 2, 1], &[1, 2, 3], &[3, 2, 1]]), [2, 2, 2, 255]);
    }

    #[test]
    fn a_tile_is_a_window_of_the_grid_of_its_zoom() {
        let at = TileCoord::new(10, 700, 400).expect("a tile");
        let side = i64::from(RASTER_TILE_PX);
        let bounds = frame(10).bounds(&Window::new(700 * side, 400 * side, RASTER_TILE_PX, RASTER_TILE_PX));
        let corner = at.bounds().min.to_web_mercator();
        assert!((bounds.min.x - corner.x).abs() < 1e-6 && (bounds.max.y - corner.y).abs() < 1e-6);
    }

    #[test]
    fn a_tile_from_afar_looks_only_where_the_map_is() {
        let deep = TileCoord::new(19, 386_000, 219_000).expect("a tile");
        let map = deep.bounds();
        let mut tiles = vec![TileCoord::new(7, 386_000 >> 12, 219_000 >> 12).expect("a tile")];
        for _ in 7..19 {
            tiles = tiles.iter().flat_map(|at| children(*at, &map).expect("tiles")).map(|(child, _)| child).collect();
            assert!((1..=9).contains(&tiles.len()), "{tiles:?}"); // it touches its neighbours, too
        }
        assert!(tiles.contains(&deep));
        let all =
            children(tiles[0], &WorldBounds { min: WorldPoint { x: 0.0, y: 0.0 }, max: WorldPoint { x: 1.0, y: 1.0 } });
        assert_eq!(
            all.expect("tiles").iter().map(|(_, place)| *place).collect::<Vec<_>>(),
            [[0, 0], [1, 0], [0, 1], [1, 1]]
        );
    }
}
