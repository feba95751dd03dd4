//! `orthotile export`.

use std::path::PathBuf;

use anyhow::ensure;
use orthotile::encode::export::{Format, check_target, export};
use orthotile::encode::filter::{Filter, LonLatBox, SelectedLayer};
use orthotile::feature::FeatureStore;
use orthotile::label::LabelStore;
use orthotile::pipeline::{FeatureOptions, TracedBlocks, VectorOptions};
use orthotile::scheme::Scheme;

use super::summary::damaged;
use super::vectors::{VectorArgs, layers, note_unsplit};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  orthotile export --store town -o town.geojson
  orthotile export --store town -o houses.gpkg --class building --min-confidence 0.6
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
    /// Only what touches west,south,east,north in degrees
    #[arg(long, allow_hyphen_values = true)]
    bbox: Option<LonLatBox>,
    /// Only features at least this sure, 0 to 1
    #[arg(long, default_value_t = 0.0)]
    min_confidence: f32,
    /// Polygons (features) or the centre lines of roads (centrelines); a GeoPackage holds both unless told
    #[arg(long = "layer")]
    layers: Vec<SelectedLayer>,
    #[command(flatten)]
    vectors: VectorArgs,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let labels = LabelStore::open(&args.store)?;
    let is_raster =
        args.output.extension().is_some_and(|e| e.eq_ignore_ascii_case("tif") || e.eq_ignore_ascii_case("tiff"));
    if !is_raster {
        Format::of(&args.output)?;
    }
    check_target(&args.output)?;
    let made = labels.made();
    if made.len() < labels.wanted().len() {
        eprintln!("note: {} of {} blocks are made{}", made.len(), labels.wanted().len(), damaged(&labels));
    }
    if is_raster {
        let asked =
            !args.classes.is_empty() || args.bbox.is_some() || args.min_confidence > 0.0 || !args.layers.is_empty();
        ensure!(
            !asked && args.vectors.options() == VectorOptions::default(),
            "{}: the label map is written whole, as it is; --class, --bbox, --min-confidence, --layer and how vectors are \
             made are for the other formats",
            args.output.display()
        );
        labels.write_cog(&args.output)?;
    } else {
        let usual = FeatureOptions { for_zooms: false, ..FeatureOptions::for_store(&labels)? };
        let options = usual.with(&args.vectors.options())?;
        let derived = TracedBlocks::read(&labels, &made)?.into_derived(labels.grid(), labels.scheme(), &options)?;
        note_unsplit(derived.unsplit);
        let layers = layers(&args.layers, &args.output, !derived.centrelines.is_empty());
        let features =
            FeatureStore::new(&labels.grid().frame, derived.features)?.with_centrelines(derived.centrelines)?;
        let filter = filter(args, labels.scheme())?;
        let selection = filter.select_layers((&features, labels.scheme()), &layers);
        export(&args.output, &selection)?;
        eprintln!("{} features, {} centre lines", selection.features.len(), selection.centrelines.len());
    }
    println!("{}", args.output.display());
    Ok(())
}

fn filter(args: &Args, scheme: &Scheme) -> anyhow::Result<Filter> {
    let mut filter = Filter::default();
    if !args.classes.is_empty() {
        filter = filter.classes(scheme, args.classes.iter().map(String::as_str))?;
    }
    if let Some(bbox) = args.bbox {
        filter = filter.within(bbox);
    }
    if args.min_confidence > 0.0 {
        filter = filter.min_confidence(args.min_confidence)?;
    }
    Ok(filter)
}
