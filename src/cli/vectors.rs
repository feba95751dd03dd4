//! What may be asked of vectors, and of the layers of a file.

use std::path::Path;

use orthotile::encode::export::Format;
use orthotile::encode::filter::SelectedLayer;
use orthotile::pipeline::{Unsplit, VectorOptions};

use super::numbers::{roof_dip, within};

/// How borders and roads become vectors.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct VectorArgs {
    /// Turn borders between natural classes into curves: 1 to 3 cuts of every corner, 0 for none
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=3))]
    smooth: Option<u8>,
    /// Cut features with more vertices into pieces (buildings aside), for clients that choke on them
    #[arg(long)]
    max_vertices: Option<usize>,
    /// Join centre lines of roads across gaps of up to so many metres (12 unless told), never over buildings or water
    #[arg(long, value_parser = within(0.0..=60.0, "m"))]
    road_gap_m: Option<f64>,
    /// Join them up to this angle between their headings (30 unless told)
    #[arg(long, value_parser = within(0.0..=90.0, "degrees"))]
    road_angle_deg: Option<f64>,
    /// Make roads one polygon where their centre lines are joined: a strip of their width over land, never over buildings
    /// or water
    #[arg(long)]
    bridge_roads: bool,
    /// Tell roofs that touch apart where the model's certainty drops by so much between them, 0.01 to 1; 0 leaves them one
    /// polygon (unless told: what the model's card says)
    #[arg(long, value_parser = roof_dip)]
    split_roofs: Option<f64>,
}

impl VectorArgs {
    pub fn options(self) -> VectorOptions {
        VectorOptions {
            smooth: self.smooth,
            max_vertices: self.max_vertices,
            road_gap_m: self.road_gap_m,
            road_angle_deg: self.road_angle_deg,
            bridge_roads: self.bridge_roads.then_some(true),
            split_roofs: self.split_roofs,
        }
    }
}

/// Whether a file name ends in one of some extensions.
pub fn has_ending(path: &Path, extensions: &[&str]) -> bool {
    path.extension().is_some_and(|found| extensions.iter().any(|extension| found.eq_ignore_ascii_case(extension)))
}

/// Prints the name of a file that was written, and whether it replaced another.
pub fn written(path: &Path, replaced: bool) {
    println!("{}{}", path.display(), if replaced { " (replaced)" } else { "" });
}

/// The layers that were asked for; else both for a `GeoPackage` where there are centre lines, features for others.
pub fn layers(asked: &[SelectedLayer], output: &Path, has_lines: bool) -> Vec<SelectedLayer> {
    let both = has_lines && Format::of(output).is_ok_and(|format| format == Format::GeoPackage);
    let mut layers: Vec<SelectedLayer> = match asked {
        [] if both => vec![SelectedLayer::Features, SelectedLayer::Centrelines],
        [] => vec![SelectedLayer::Features],
        asked => asked.to_vec(),
    };
    layers.dedup();
    layers
}

/// Says which regions of buildings stay whole though their roofs were to be told apart.
pub fn note_unsplit(unsplit: Unsplit) {
    let reasons = [
        (unsplit.too_large, "are too large to tell their roofs apart"),
        (unsplit.too_many_roofs, "have more roofs than their labels have numbers for"),
    ];
    for (regions, reason) in reasons.into_iter().filter(|(regions, _)| *regions > 0) {
        eprintln!("note: {regions} regions of buildings {reason}, and stay whole");
    }
}
