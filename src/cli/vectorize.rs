//! `orthotile vectorize`.

use std::path::PathBuf;
use std::time::Instant;

use orthotile::encode::export::{Format, check_target, export};
use orthotile::encode::filter::{SelectedLayer, Selection};
use orthotile::pipeline::{VectorizeOptions, scheme_of, vectorize};
use orthotile::raster::ClassRaster;
use orthotile::scheme::Scheme;

use super::numbers::within;
use super::summary;
use super::vectors::{VectorArgs, layers, note_unsplit};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  orthotile vectorize landcover.tif -o landcover.gpkg            shared borders simplified once
  orthotile vectorize landcover.tif -o exact.fgb --tolerance-m 0 pixel edges, as they are
  orthotile vectorize buildings.tif -o houses.geojson --buildings 1,2
  orthotile vectorize classes.tif -o roads.fgb --roads 2 --layer centrelines
  orthotile vectorize stack.tif -o soil.gpkg --band 3

Values are 4-connected; nodata, and what a mask or an alpha band hides, is left out. With --city the values are those of the city scheme.")]
pub struct Args {
    /// A class raster: a GeoTIFF of whole numbers
    labels: PathBuf,
    /// Read this band, counted from 1; required if several bands hold data
    #[arg(long, value_name = "N")]
    band: Option<usize>,
    /// The file to write: .geojson, .geojsonl, .gpkg or .fgb
    #[arg(short, long)]
    output: PathBuf,
    /// Maximum distance a border may move, in ground metres, 0 to 1000; 0 keeps pixel edges [default: 1.5 pixels]
    #[arg(long, value_parser = within(0.0..=1000.0, "m"))]
    tolerance_m: Option<f64>,
    /// These values (0 to 255) are buildings: give them right angles
    #[arg(long, value_delimiter = ',', conflicts_with = "city")]
    buildings: Vec<u8>,
    /// These values (0 to 255) are roads: find their centre lines
    #[arg(long, value_delimiter = ',', conflicts_with = "city")]
    roads: Vec<u8>,
    /// The values are the codes of the city scheme (1 building, 2 road, …)
    #[arg(long)]
    city: bool,
    /// Polygons (features) or the centre lines of roads (centrelines); a GeoPackage holds both unless told
    #[arg(long = "layer")]
    layers: Vec<SelectedLayer>,
    #[command(flatten)]
    vectors: VectorArgs,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let started = Instant::now();
    Format::of(&args.output)?;
    check_target(&args.output)?;
    let raster = ClassRaster::open_band(&args.labels, args.band)?;
    if let Some(band) = raster.guessed_opacity() {
        eprintln!(
            "note: band {band} is read as opacity, as it holds nothing but 0 and full; --band 1 reads all of band 1"
        );
    }
    let scheme = if args.city {
        Scheme { signed: raster.is_signed(), ..Scheme::city() }
    } else {
        scheme_of(&raster, &args.buildings, &args.roads)
    };
    let options = VectorizeOptions { tolerance_m: args.tolerance_m, vectors: args.vectors.options() };
    let (grid, derived) = vectorize(&raster, &scheme, &options)?;
    note_unsplit(derived.unsplit);
    let layers = layers(&args.layers, &args.output, !derived.centrelines.is_empty());
    let vectors = (derived.features.as_slice(), derived.centrelines.as_slice());
    let replaced = if args.output.exists() { " (replaced)" } else { "" };
    export(&args.output, &Selection::all((&grid.frame, &scheme), vectors, &layers))?;
    summary::table(&derived.features, &scheme);
    let unwritten = if layers.contains(&SelectedLayer::Centrelines) { 0 } else { derived.centrelines.len() };
    if unwritten > 0 {
        eprintln!(
            "note: the {unwritten} centre lines are not written (add --layer centrelines, or write a .gpkg, which holds both \
             layers)"
        );
    }
    println!(
        "{}{replaced}: {} features in {:.1} s",
        args.output.display(),
        derived.features.len(),
        started.elapsed().as_secs_f64()
    );
    Ok(())
}
