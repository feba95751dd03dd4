//! `orthotile export`.

use std::path::PathBuf;

use anyhow::{bail, ensure};
use orthotile::encode::export::{Format, check_target, export};
use orthotile::encode::filter::{Filter, LonLatBox, MinConfidence, SelectedLayer, Selection};
use orthotile::feature::FeatureStore;
use orthotile::georef::{Ground, MapPoint, PixelPoint, WorldBounds, WorldPoint};
use orthotile::grid::BlockId;
use orthotile::label::LabelStore;
use orthotile::pipeline::{FeatureOptions, TracedBlocks, VectorOptions};
use orthotile::scheme::Scheme;

use super::summary::damaged;
use super::vectors::{VectorArgs, has_ending, layers, note_unsplit, written};

/// Points along each side of the work grid at which its place on the globe is looked up.
const BORDER_STEPS: u32 = 16;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  orthotile export --store town -o town.geojson
  orthotile export --store town -o houses.gpkg --class building --min-confidence 60
  orthotile export --store town -o centre.fgb --bbox 85.51,27.62,85.53,27.64
  orthotile export --store town -o roads.geojson --layer centrelines   roads as lines with widths
  orthotile export --store town -o labels.tif                    the label map, a Cloud Optimized GeoTIFF

By its ending the file is GeoJSON (.geojson, .json), newline-delimited GeoJSON (.geojsonl, .ndjson), GeoJSON text
sequence (.geojsons), GeoPackage (.gpkg, with the layers features and centrelines), FlatGeobuf (.fgb) or the label map
(.tif).")]
pub struct Args {
    /// The store to read
    #[arg(long)]
    store: PathBuf,
    /// The file to write
    #[arg(short, long)]
    output: PathBuf,
    /// Only these classes; may stand several times
    #[arg(long = "class")]
    classes: Vec<String>,
    /// Only what touches west,south,east,north, in degrees
    #[arg(long, allow_hyphen_values = true)]
    bbox: Option<LonLatBox>,
    /// Only features with at least this confidence, in percent, as the attribute `confidence` (0.6 is read as 60)
    #[arg(long, value_name = "PERCENT", allow_hyphen_values = true)]
    min_confidence: Option<MinConfidence>,
    /// Polygons (features) or the centre lines of roads (centrelines); a GeoPackage holds both unless told
    #[arg(long = "layer")]
    layers: Vec<SelectedLayer>,
    #[command(flatten)]
    vectors: VectorArgs,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let is_label_map = has_ending(&args.output, &["tif", "tiff"]);
    if !is_label_map && Format::of(&args.output).is_err() {
        bail!(
            "{}: the name does not end in a format (expected {}, or .tif, .tiff for the label map)",
            args.output.display(),
            Format::ENDINGS
        );
    }
    let labels = LabelStore::open(&args.store)?;
    if let Some(bbox) = &args.bbox {
        check_place(bbox, &labels)?;
    }
    check_target(&args.output)?;
    let made = labels.made();
    if made.len() < labels.wanted().len() {
        eprintln!("note: {} of {} blocks are made{}", made.len(), labels.wanted().len(), damaged(&labels));
    }
    let replaces = args.output.exists();
    if is_label_map {
        ensure!(
            !args.narrows() && args.vectors.options() == VectorOptions::default(),
            "{}: the label map is written whole, as it is; --class, --bbox, --min-confidence, --layer and how vectors are \
             made are for the other formats",
            args.output.display()
        );
        labels.write_cog(&args.output)?;
    } else {
        write_vectors(args, &labels, &made)?;
    }
    written(&args.output, replaces);
    Ok(())
}

impl Args {
    /// Whether less than the whole map is asked for.
    fn narrows(&self) -> bool {
        let filtered = !self.classes.is_empty() || self.bbox.is_some() || self.min_confidence.is_some();
        filtered || !self.layers.is_empty()
    }
}

/// Derives features, writes those that are asked for, and reports what was written and what was not.
fn write_vectors(args: &Args, labels: &LabelStore, made: &[BlockId]) -> anyhow::Result<()> {
    let usual = FeatureOptions { for_zooms: false, ..FeatureOptions::for_store(labels)? };
    let options = usual.with(&args.vectors.options())?;
    let derived = TracedBlocks::read(labels, made)?.into_derived(labels.grid(), labels.scheme(), &options)?;
    note_unsplit(derived.unsplit);
    let layers = layers(&args.layers, &args.output, !derived.centrelines.is_empty());
    let features = FeatureStore::new(&labels.grid().frame, derived.features)?.with_centrelines(derived.centrelines)?;
    let filter = filter(args, labels.scheme())?;
    let selection = filter.select_layers((&features, labels.scheme()), &layers);
    export(&args.output, &selection)?;
    report(args, &selection, &features);
    Ok(())
}

/// Reports the number of features and centre lines written, and those left out.
fn report(args: &Args, selection: &Selection<'_>, all: &FeatureStore) {
    let (features, lines) = (selection.features.len(), selection.centrelines.len());
    let all_lines = all.centrelines().count();
    match (selection.layers.as_slice(), all_lines) {
        ([SelectedLayer::Features], 0) => eprintln!("{features} features"),
        ([SelectedLayer::Features], _) => eprintln!(
            "{features} features; the {all_lines} centre lines of the map are not written (add --layer centrelines, or write \
             a .gpkg, which holds both layers)"
        ),
        ([SelectedLayer::Centrelines], _) => eprintln!("{lines} centre lines"),
        _ => eprintln!("{features} features, {lines} centre lines"),
    }
    if features + lines == 0 {
        let filters = if args.narrows() { "no feature passes the filters" } else { "the map has no features" };
        eprintln!("note: {}: {filters}; the file is empty", args.output.display());
    }
}

/// Refuses a box that lies off the map.
fn check_place(bbox: &LonLatBox, labels: &LabelStore) -> anyhow::Result<()> {
    let map = bounds(labels)?;
    let degrees = |wsen: [f64; 4]| wsen.map(|degrees| format!("{degrees:.5}")).join(",");
    ensure!(
        map.is_none_or(|map| bbox.touches(&map)),
        "--bbox {}: it does not touch the map (the map spans {})",
        degrees(bbox.wsen),
        map.map_or_else(|| "nothing".to_owned(), |map| degrees(map.lon_lat_wsen()))
    );
    Ok(())
}

/// Returns the rectangle around the work grid; none where no point of its border has a place on the globe.
fn bounds(labels: &LabelStore) -> anyhow::Result<Option<WorldBounds>> {
    let grid = labels.grid();
    let (ground, [cols, rows]) =
        (Ground::new(grid.frame.transform, &grid.frame.crs)?, [grid.cols, grid.rows].map(f64::from));
    let border = (0..=BORDER_STEPS)
        .map(|step| f64::from(step) / f64::from(BORDER_STEPS))
        .flat_map(|part| [(part * cols, 0.0), (part * cols, rows), (0.0, part * rows), (cols, part * rows)]);
    let places = border.filter_map(|(col, row)| ground.lon_lat(PixelPoint { col, row }).ok()).map(|place| {
        let at = WorldPoint::from_lon_lat(MapPoint { x: place.x, y: place.y.clamp(-85.05, 85.05) });
        let at = WorldPoint { x: at.x.rem_euclid(1.0), y: at.y };
        WorldBounds { min: at, max: at }
    });
    Ok(WorldBounds::around(places))
}

fn filter(args: &Args, scheme: &Scheme) -> anyhow::Result<Filter> {
    let mut filter = Filter::default();
    if !args.classes.is_empty() {
        filter = filter.classes(scheme, args.classes.iter().map(String::as_str))?;
    }
    if let Some(bbox) = args.bbox {
        filter = filter.within(bbox);
    }
    if let Some(least) = args.min_confidence {
        filter = filter.min_confidence(least);
    }
    Ok(filter)
}
