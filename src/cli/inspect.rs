//! `orthotile inspect`.

use std::path::{Path, PathBuf};

use orthotile::georef::Window;
use orthotile::label::LabelStore;
use orthotile::model::{Device, ModelCard, library};

use super::forecast::{Network, forecast};
use super::mosaic::{BandArgs, describe};
use super::summary;
use super::ways::WayArgs;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  orthotile inspect scenes/                                      place, bands, range and validity of each scene
  orthotile inspect scenes/ --bands 3,2,1                        the same, where the files name their bands wrongly
  orthotile inspect scenes/ --model models/city                  and what segmenting would do, and take
  orthotile inspect scenes/ --model models/city --augment d4     the same of every way that segment knows
  orthotile inspect models/city                                  classes, resolution, licence, where it runs
  orthotile inspect town                                         what a store holds")]
pub struct Args {
    /// A mosaic (scenes, folder, VRT), a model or a store
    #[arg(required = true)]
    what: Vec<PathBuf>,
    /// The model that would segment the mosaic; several are averaged, as by `segment`
    #[arg(long)]
    model: Vec<PathBuf>,
    #[command(flatten)]
    bands: BandArgs,
    #[command(flatten)]
    ways: WayArgs,
    /// Where it would run: auto, cpu, cuda:N or tensorrt:N
    #[arg(long, default_value_t)]
    device: Device,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let first = &args.what[0];
    if first.join("store.json").exists() {
        return store(first);
    }
    let extension = first.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    if first.join("model.toml").exists() || ["onnx", "toml"].contains(&extension.as_str()) {
        return model(&ModelCard::open(first)?, args.device);
    }
    let mosaic = args.bands.open(&args.what)?;
    describe(&mosaic)?;
    if let Some(stray) = mosaic.stray() {
        let (path, km) = (stray.path.display(), stray.distance_m / 1000.0);
        println!("  note       {path} lies {km:.0} km from the other scenes: the work grid spans the ground between");
    }
    if args.model.is_empty() {
        return Ok(());
    }
    forecast((&mosaic, &args.what), (&args.model, &args.ways), args.device)
}

fn model(card: &ModelCard, device: Device) -> anyhow::Result<()> {
    println!("model {} {}, licence {}", card.name, card.version, card.licence);
    if card.restricts_use() {
        println!("  note       this licence restricts what the model and its results may be used for");
    }
    println!("  network    {}", card.network_path().display());
    let [finest, coarsest] = card.input.resolution_range_m_per_px;
    println!("  resolution {} m/px, good for {finest} to {coarsest}", card.input.resolution_m_per_px);
    println!("  chips      {} px every {} px", card.input.chip_px, card.input.stride_px);
    for class in &card.classes {
        let masked = if class.implausible && card.mask_implausible { " (left out)" } else { "" };
        println!("  class      {} -> {}{masked}", class.name, class.city_class);
    }
    for note in card.class_notes() {
        println!("  note       {note}");
    }
    if let (Some(dim), Some(patch_px)) = (card.output.dim, card.output.patch_px) {
        println!(
            "  features   {dim} numbers per patch of {patch_px} px; a scorer (orthotile train, clusters) says classes"
        );
    }
    let network = Network::open(card, device)?;
    let runtime = library().map_or_else(String::new, |path| path.display().to_string());
    println!("  runs on    {} ({}) by {runtime}", network.device(), device.provider());
    Ok(())
}

fn store(folder: &Path) -> anyhow::Result<()> {
    let labels = LabelStore::open(folder)?;
    let (grid, manifest) = (labels.grid(), labels.manifest());
    let wanted = labels.wanted();
    let (made, damaged) = (labels.made().len(), summary::damaged(&labels));
    let whole: Window = grid.window();
    println!("store {}", folder.display());
    println!("  blocks     {made} of {} made, {} px each{damaged}", wanted.len(), grid.block_px);
    println!("  work grid  {} x {} px, {}", whole.cols, whole.rows, grid.frame.crs.name());
    println!("  model      {}", manifest.model.display());
    for source in &manifest.sources {
        println!("  mosaic     {}{}", source.display(), if source.exists() { "" } else { " (gone)" });
    }
    if let Some(bands) = &manifest.bands {
        println!("  bands      {bands} are read, whatever the files say");
    }
    for other in &manifest.scoring.others {
        println!("  and model  {} with weight {}", other.model.display(), other.weight);
    }
    if let Some(features) = &manifest.scoring.features {
        println!("  features   {} say what masks are", features.display());
    }
    if let Some(masks) = &manifest.scoring.masks {
        println!("  masks      {} give outlines", masks.display());
    }
    if let Some(scorer) = &manifest.scoring.scorer {
        println!("  scorer     {}, version {}", scorer.path.display(), scorer.short());
    }
    if manifest.scoring.unknown_band {
        println!("  unknown    how far pixels lie from all that the scorer has seen is kept");
    }
    println!("  augment    {}", manifest.scoring.augment);
    let clean = manifest.clean;
    let (rounds, area, border) = (clean.majority_rounds, clean.min_area_m2, clean.boundary_m);
    println!("  clean-up   {rounds} majority rounds, {area} m², borders decided again within {border} m");
    if let Some(drop) = manifest.split_roofs {
        println!("  roofs      told apart where certainty drops by {drop}");
    }
    println!(
        "  heights    {}",
        manifest.dsm.as_ref().map_or_else(|| "class defaults".to_owned(), |d| d.display().to_string())
    );
    println!("  valid for  {}", manifest.fingerprint);
    Ok(())
}
