//! The label map as raster tiles: palette PNG, nearest pixel, transparent where nothing is labelled.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};

use super::answer::{Head, outside, painted, tag};
use super::errors::HttpError;
use super::painter::{Easel, PaintError, Picture};
use super::slot::{Client, Map};
use super::state::RASTER_TILE_PX;
use crate::encode::compress::Encoding;
use crate::georef::{CrsError, PixelFrame, PixelPoint, Projector, TileCoord, Turn, Window, WorldPoint};
use crate::grid::{BlockId, WorkGrid};
use crate::scheme::Scheme;

/// The mesh on which tile pixels are projected; in between, positions are interpolated. Even across a town Web Mercator
/// bends by less than a hundredth of a pixel over sixteen.
const MESH_PX: u32 = 16;

/// `GET /labels/{z}/{x}/{y}.png`.
pub async fn tile(
    req: HttpRequest,
    state: Map,
    client: Client,
    path: web::Path<(u32, u32, u32)>,
) -> Result<HttpResponse, HttpError> {
    let Some(at) = state.tile(path.into_inner(), &state.label_zooms)? else { return Ok(outside()) };
    let picture = Picture::Labels(at);
    let determined_by = format!("{}{}{picture:?}", state.epoch, state.painter.generation(picture));
    let head = Head {
        content_type: "image/png",
        cache_control: "public, max-age=10",
        tag: tag(determined_by.as_bytes(), Encoding::Identity),
        encoding: Encoding::Identity,
    };
    painted(&req, &head, &state, (picture, client)).await
}

/// The bytes of a tile; empty where no pixel is labelled.
pub fn paint(easel: &mut Easel, at: TileCoord) -> Result<Vec<u8>, PaintError> {
    let grid = easel.live.grid().clone();
    let places = places(at, &grid, easel.grid_projector()?)?;
    let mut codes = vec![0_u8; (RASTER_TILE_PX * RASTER_TILE_PX) as usize];
    // Block by block, so that a tile of the whole town does not hold the labels of the whole town.
    for (_, pixels) in by_block(&places, &grid) {
        let window = around(&pixels, &places);
        let labels = easel.live.labels(&window)?;
        for pixel in pixels {
            let (col, row) = places[pixel];
            codes[pixel] = labels[window.index(col, row)];
        }
    }
    if codes.iter().all(|code| *code == 0) {
        return Ok(Vec::new());
    }
    encode(&codes, easel.live.scheme()).map_err(|e| PaintError::Encode { tile: at, reason: e.to_string() })
}

/// The column and row of the work grid under the middle of each pixel of a tile.
fn places(at: TileCoord, grid: &WorkGrid, to_grid: &Projector) -> Result<Vec<(i64, i64)>, CrsError> {
    let (bounds, frame): (_, &PixelFrame) = (at.bounds(), &grid.frame);
    // A grid across 180° goes on in its own longitudes; tiles are brought to them.
    let middle = PixelPoint { col: f64::from(grid.cols) / 2.0, row: f64::from(grid.rows) / 2.0 };
    let turn = Turn::of(&frame.crs).map(|turn| (turn, frame.transform.to_map(middle).x));
    let side = bounds.max.x - bounds.min.x;
    let node = |i: u32, j: u32| {
        let part = |n: u32| f64::from(n * MESH_PX) / f64::from(RASTER_TILE_PX);
        let world = WorldPoint { x: bounds.min.x + side * part(i), y: bounds.min.y + side * part(j) };
        to_grid.project(world.to_web_mercator()).map(|mut p| {
            if let Some((turn, middle)) = turn {
                p.x = turn.near(p.x, middle);
            }
            frame.transform.to_raster(p)
        })
    };
    let cells = RASTER_TILE_PX / MESH_PX;
    let mesh: Vec<PixelPoint> = (0..=cells)
        .flat_map(|j| (0..=cells).map(move |i| (i, j)))
        .map(|(i, j)| node(i, j))
        .collect::<Result<_, _>>()?;
    let at_pixel = |x: u32, y: u32| {
        let corner = (y / MESH_PX * (cells + 1) + x / MESH_PX) as usize;
        let below = corner + cells as usize + 1;
        let part = |n: u32| (f64::from(n % MESH_PX) + 0.5) / f64::from(MESH_PX);
        let mix = |a: PixelPoint, b: PixelPoint, t: f64| PixelPoint {
            col: a.col + (b.col - a.col) * t,
            row: a.row + (b.row - a.row) * t,
        };
        let p = mix(mix(mesh[corner], mesh[corner + 1], part(x)), mix(mesh[below], mesh[below + 1], part(x)), part(y));
        (p.col.floor() as i64, p.row.floor() as i64)
    };
    Ok((0..RASTER_TILE_PX)
        .flat_map(|y| (0..RASTER_TILE_PX).map(move |x| (x, y)))
        .map(|(x, y)| at_pixel(x, y))
        .collect())
}

/// The pixels of a tile by the block that they fall in; those outside the grid are left out.
fn by_block(places: &[(i64, i64)], grid: &WorkGrid) -> BTreeMap<BlockId, Vec<usize>> {
    let (window, side) = (grid.window(), i64::from(grid.block_px));
    let mut blocks: BTreeMap<BlockId, Vec<usize>> = BTreeMap::new();
    for (pixel, (col, row)) in places.iter().enumerate() {
        if window.contains(&Window::new(*col, *row, 1, 1)) {
            let block = BlockId { row: (row / side) as u32, col: (col / side) as u32 };
            blocks.entry(block).or_default().push(pixel);
        }
    }
    blocks
}

/// The smallest window that holds the places of some pixels.
fn around(pixels: &[usize], places: &[(i64, i64)]) -> Window {
    let span = |part: fn(&(i64, i64)) -> i64| {
        let values = pixels.iter().map(|p| part(&places[*p]));
        values.fold((i64::MAX, i64::MIN), |(low, high), v| (low.min(v), high.max(v)))
    };
    let ((col, last_col), (row, last_row)) = (span(|p| p.0), span(|p| p.1));
    Window::between(col, row, last_col + 1, last_row + 1)
}

/// Colour type 3 (PNG, third edition, 11.2): code 0 is transparent, as is a code that the scheme does not name.
fn encode(codes: &[u8], scheme: &Scheme) -> Result<Vec<u8>, png::EncodingError> {
    let entries = usize::from(codes.iter().copied().max().unwrap_or(0)) + 1;
    let (mut palette, mut alpha) = (vec![0_u8; 3 * entries], vec![0_u8; entries]);
    for class in scheme.classes.iter().filter(|c| usize::from(c.code) < entries) {
        let at = usize::from(class.code);
        palette[3 * at..3 * at + 3].copy_from_slice(&class.colour.0);
        alpha[at] = 255;
    }
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, RASTER_TILE_PX, RASTER_TILE_PX);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette);
    encoder.set_trns(alpha);
    encoder.write_header()?.write_image_data(codes)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::georef::{Crs, GeoTransform};

    #[test]
    fn a_grid_in_degrees_across_180_is_found_from_both_sides() {
        let crs = Crs::new("EPSG:4326").expect("known");
        let transform = GeoTransform::new([179.9997, 5e-6, 0.0, -16.9, 0.0, -5e-6]).expect("regular");
        let grid = WorkGrid { frame: PixelFrame { crs, transform }, cols: 120, rows: 2000, block_px: 256 };
        let to_grid = Projector::new(&Crs::web_mercator(), &grid.frame.crs).expect("known");
        let inside = |x: u32| {
            let at = TileCoord::new(17, x, 71_780).expect("a tile");
            let places = places(at, &grid, &to_grid).expect("on the globe");
            by_block(&places, &grid).values().flatten().map(|pixel| places[*pixel].0).collect::<Vec<_>>()
        };
        let (east, west) = (inside((1 << 17) - 1), inside(0));
        assert!(!east.is_empty() && east.iter().all(|col| *col < 60), "{east:?}");
        assert!(!west.is_empty() && west.iter().all(|col| *col >= 60), "{west:?}");
        assert!(inside(5).is_empty());
    }
}
