//! `orthotile export`.

use std::path::PathBuf;

use orthotile::encode::{Filter, export};
use orthotile::label::LabelStore;
use orthotile::pipeline::{FeatureOptions, TracedBlocks};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  orthotile export --store town -o town.geojson
  orthotile export --store town -o houses.gpkg --class building --min-confidence 0.6
  orthotile export --store town -o centre.fgb --bbox 85.51,27.62,85.53,27.64
  orthotile export --store town -o labels.tif                    the label map, a Cloud Optimized GeoTIFF

By its ending the file is GeoJSON (.geojson, .json), newline-delimited GeoJSON (.geojsonl, .ndjson), GeoJSON text
sequence (.geojsons), GeoPackage (.gpkg), FlatGeobuf (.fgb) or the label map (.tif).")]
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
    #[arg(long, value_delimiter = ',', num_args = 4, allow_hyphen_values = true)]
    bbox: Option<Vec<f64>>,
    /// Only features at least this sure, 0 to 1
    #[arg(long, default_value_t = 0.0)]
    min_confidence: f32,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let labels = LabelStore::open(&args.store)?;
    let made: Vec<_> = labels.wanted().into_iter().filter(|b| labels.has(*b)).collect();
    if made.len() < labels.wanted().len() {
        eprintln!("note: {} of {} blocks are made", made.len(), labels.wanted().len());
    }
    if args.output.extension().is_some_and(|e| e.eq_ignore_ascii_case("tif") || e.eq_ignore_ascii_case("tiff")) {
        labels.write_cog(&args.output)?;
    } else {
        let options = FeatureOptions::for_store(&labels)?;
        let features = TracedBlocks::read(&labels, &made)?.features(labels.grid(), labels.scheme(), &options)?;
        let filter = Filter::new(labels.scheme(), &args.classes, args.bbox.as_deref(), args.min_confidence)?;
        let written = export(&features, labels.scheme(), &filter, &args.output)?;
        eprintln!("{written} features");
    }
    println!("{}", args.output.display());
    Ok(())
}
