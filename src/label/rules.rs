//! What the values of a manifest may be.

use std::collections::BTreeSet;

use super::Manifest;
use crate::georef::{GeoTransform, PixelPoint};
use crate::model::LabelDefaults;

/// The sides of a block, in pixels.
pub const BLOCK_PX: std::ops::RangeInclusive<u32> = 64..=8192;

/// The largest side of a work grid, in pixels: ids of features hold rows and columns of 22 bits.
const MAX_SIDE_PX: u32 = (1 << 22) - 1;

/// The most blocks of a work grid.
const MAX_BLOCKS: u64 = 1 << 20;

/// The farthest that a coordinate lies from the origin of its system: in any unit of any system on earth.
const MAX_COORDINATE: f64 = 1e10;

/// The longest definition of a coordinate reference system, in bytes.
const MAX_CRS_BYTES: usize = 1 << 16;

/// Checks the values of a manifest.
pub(super) fn check(manifest: &Manifest) -> Result<(), String> {
    let known = 1..=Manifest::VERSION;
    rule(known.contains(&manifest.version), || {
        format!("version = {} (expected {} to {})", manifest.version, known.start(), known.end())
    })?;
    grid(manifest)?;
    area(manifest)?;
    let roofs = LabelDefaults::SPLIT_ROOFS;
    rule(manifest.split_roofs.is_none_or(|drop| roofs.contains(&drop)), || {
        format!("split_roofs = {:?} (expected {} to {})", manifest.split_roofs, roofs.start(), roofs.end())
    })?;
    let is_digest = manifest.fingerprint.len() == 64 && manifest.fingerprint.bytes().all(|b| b.is_ascii_hexdigit());
    rule(is_digest, || "fingerprint (expected 64 hexadecimal digits)".to_owned())
}

fn rule(holds: bool, broken: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(broken()) }
}

/// The work grid: sizes within limits, every corner at a finite place.
fn grid(manifest: &Manifest) -> Result<(), String> {
    let Manifest { cols, rows, block_px, transform, crs, .. } = manifest;
    rule(BLOCK_PX.contains(block_px), || {
        format!("block_px = {block_px} (expected {} to {})", BLOCK_PX.start(), BLOCK_PX.end())
    })?;
    for (key, side) in [("cols", cols), ("rows", rows)] {
        rule((1..=MAX_SIDE_PX).contains(side), || format!("{key} = {side} (expected 1 to {MAX_SIDE_PX})"))?;
    }
    let blocks = u64::from(cols.div_ceil(*block_px)) * u64::from(rows.div_ceil(*block_px));
    rule(blocks <= MAX_BLOCKS, || {
        format!("cols, rows and block_px give {blocks} blocks (expected at most {MAX_BLOCKS}; larger blocks are fewer)")
    })?;
    rule(!crs.is_empty() && crs.len() <= MAX_CRS_BYTES, || {
        format!("crs of {} bytes (expected 1 to {MAX_CRS_BYTES})", crs.len())
    })?;
    let affine = GeoTransform::new(*transform).map_err(|error| format!("transform: {error}"))?;
    let [right, bottom] = [cols, rows].map(|side| f64::from(*side));
    let is_near = [(0.0, 0.0), (right, 0.0), (0.0, bottom), (right, bottom)].iter().all(|&(col, row)| {
        let corner = affine.to_map(PixelPoint { col, row });
        [corner.x, corner.y].iter().all(|v| v.abs() <= MAX_COORDINATE)
    });
    rule(is_near, || {
        format!("transform = {transform:?} (expected coordinates up to {MAX_COORDINATE:e} at every corner of the grid)")
    })
}

/// The area of interest: blocks of the grid, each once.
fn area(manifest: &Manifest) -> Result<(), String> {
    let down = manifest.rows.div_ceil(manifest.block_px);
    let across = manifest.cols.div_ceil(manifest.block_px);
    let mut known = BTreeSet::new();
    for &(row, col) in &manifest.area_blocks {
        rule(row < down && col < across, || {
            format!("area_blocks: [{row}, {col}] lies outside the grid of {down} x {across} blocks")
        })?;
        rule(known.insert((row, col)), || {
            format!("area_blocks: [{row}, {col}] is repeated (expected each block once)")
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::fixture::manifest;

    type Change = fn(&mut Manifest);

    #[test]
    fn each_value_out_of_range_is_named() {
        assert_eq!(manifest().check(), Ok(()));
        let cases: [(&str, Change); 19] = [
            ("version = 0", |m| m.version = 0),
            ("version = 99", |m| m.version = 99),
            ("block_px = 0", |m| m.block_px = 0),
            ("block_px = 1", |m| m.block_px = 1),
            ("block_px = 8193", |m| m.block_px = 8193),
            ("cols = 0", |m| m.cols = 0),
            ("rows = 0", |m| m.rows = 0),
            ("cols = 2147483648", |m| m.cols = 1 << 31),
            ("rows = 4294967295", |m| m.rows = u32::MAX),
            ("blocks", |m| (m.cols, m.rows, m.block_px) = (1 << 20, 1 << 20, 64)),
            ("crs", |m| m.crs.clear()),
            ("transform", |m| m.transform[0] = -1e300),
            ("transform", |m| m.transform[1] = 1e300),
            ("transform", |m| m.transform[1] = 0.0),
            ("transform", |m| m.transform[3] = f64::NAN),
            ("repeated", |m| m.area_blocks.push((0, 0))),
            ("outside", |m| m.area_blocks.push((3, 0))),
            ("split_roofs", |m| m.split_roofs = Some(7.0)),
            ("fingerprint", |m| m.fingerprint = "xyz".to_owned()),
        ];
        for (words, change) in cases {
            let mut changed = manifest();
            change(&mut changed);
            let error = changed.check().expect_err(words);
            assert!(error.contains(words), "{words}: {error}");
        }
    }
}
