//! `orthotile inspect`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use orthotile::georef::{Ground, PixelPoint, Window};
use orthotile::grid::{ChipLattice, WantedResolution, WorkGrid};
use orthotile::label::LabelStore;
use orthotile::model::{Device, ModelCard, Segmenter, Semantic, library};
use orthotile::raster::{Mosaic, Validity};
use orthotile::scheme::Scheme;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  orthotile inspect scenes/                                      CRS, ground resolution, validity, scenes
  orthotile inspect scenes/ --model models/city                  and what segmenting would do, and take
  orthotile inspect models/city                                  classes, resolution, licence, where it runs
  orthotile inspect town                                         what a store holds")]
pub struct Args {
    /// A mosaic (scenes, folder, VRT), a model or a store
    #[arg(required = true)]
    what: Vec<PathBuf>,
    /// The model that would segment the mosaic
    #[arg(long)]
    model: Option<PathBuf>,
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
    let mosaic = Mosaic::open(&args.what)?;
    describe(&mosaic)?;
    if let Some(path) = &args.model {
        forecast(&mosaic, &ModelCard::open(path)?, args.device)?;
    }
    Ok(())
}

fn describe(mosaic: &Mosaic) -> anyhow::Result<()> {
    let window = mosaic.window();
    let frame = mosaic.frame();
    let ground = Ground::new(frame.transform, &frame.crs)?;
    let corner = |col: i64, row: i64| ground.lon_lat(PixelPoint { col: col as f64, row: row as f64 });
    let (nw, se) = (corner(window.col, window.row)?, corner(window.end_col(), window.end_row())?);
    println!(
        "mosaic of {} scenes, {} x {} px, {:.1} Mpx",
        mosaic.scenes().len(),
        window.cols,
        window.rows,
        window.pixels() as f64 / 1e6
    );
    println!("  CRS        {}", frame.crs.name());
    println!("  resolution {:.4} m/px on the ground", mosaic.resolution_m_per_px());
    println!("  corners    {:.6}, {:.6} to {:.6}, {:.6} (lon, lat)", nw.x, nw.y, se.x, se.y);
    for scene in mosaic.scenes() {
        println!(
            "  {}: {} x {} px, {} bands {}, {:.4} m/px, {}, {} overviews",
            scene.path.display(),
            scene.cols,
            scene.rows,
            scene.bands,
            scene.sample_type,
            scene.resolution_m_per_px,
            validity(scene.validity),
            scene.overviews
        );
    }
    Ok(())
}

fn validity(validity: Validity) -> String {
    match validity {
        Validity::Alpha { band, .. } => format!("alpha in band {band}"),
        Validity::Mask => "mask".to_owned(),
        Validity::NoData(value) => format!("nodata {value}"),
        Validity::Undeclared => "no declared voids (wide white and black areas are taken as voids)".to_owned(),
    }
}

/// What segmenting would do, and how long it would take: two chips are run for the estimate.
fn forecast(mosaic: &Mosaic, card: &ModelCard, device: Device) -> anyhow::Result<()> {
    let wanted = WantedResolution {
        best_m_per_px: card.input.resolution_m_per_px,
        range_m_per_px: card.input.resolution_range_m_per_px,
    };
    let grid = WorkGrid::choose(mosaic.frame(), &mosaic.window(), &wanted, 1024)?;
    let lattice = ChipLattice { chip_px: card.input.chip_px, stride_px: card.input.stride_px };
    let chips = lattice.touching(&grid.window()).count();
    let mut network = Semantic::open(card, &Scheme::city(), device)?;
    let chip = vec![vec![0.0; card.input.channels.len() * (card.input.chip_px as usize).pow(2)]];
    network.segment(&chip)?;
    let start = Instant::now();
    network.segment(&chip)?;
    let seconds = start.elapsed().as_secs_f64() * chips as f64;
    let scale = Ground::new(grid.frame.transform, &grid.frame.crs)?
        .scale_at(PixelPoint { col: f64::from(grid.cols) / 2.0, row: f64::from(grid.rows) / 2.0 })?;
    println!("with model {} {} on {}", card.name, card.version, network.device());
    println!("  work grid  {} x {} px at {:.3} m/px", grid.cols, grid.rows, scale.resolution_m_per_px());
    println!("  work       {} blocks, {chips} chips of {} px", grid.blocks().count(), card.input.chip_px);
    println!(
        "  time       about {} where every chip holds imagery",
        indicatif::HumanDuration(std::time::Duration::from_secs_f64(seconds))
    );
    Ok(())
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
    let network = Semantic::open(card, &Scheme::city(), device)?;
    let runtime = library().map_or_else(String::new, |path| path.display().to_string());
    println!("  runs on    {} ({}) by {runtime}", network.device(), device.provider());
    Ok(())
}

fn store(folder: &Path) -> anyhow::Result<()> {
    let labels = LabelStore::open(folder)?;
    let (grid, manifest) = (labels.grid(), labels.manifest());
    let wanted = labels.wanted();
    let made = wanted.iter().filter(|b| labels.has(**b)).count();
    let whole: Window = grid.window();
    println!("store {}", folder.display());
    println!("  blocks     {made} of {} made, {} px each", wanted.len(), grid.block_px);
    println!("  work grid  {} x {} px, {}", whole.cols, whole.rows, grid.frame.crs.name());
    println!("  model      {}", manifest.model.display());
    for source in &manifest.sources {
        println!("  mosaic     {}{}", source.display(), if source.exists() { "" } else { " (gone)" });
    }
    for other in &manifest.scoring.others {
        println!("  and model  {} with weight {}", other.model.display(), other.weight);
    }
    println!("  augment    {}", manifest.scoring.augment);
    let clean = manifest.clean;
    let (rounds, area, border) = (clean.majority_rounds, clean.min_area_m2, clean.boundary_m);
    println!("  clean-up   {rounds} majority rounds, {area} m², borders decided again within {border} m");
    println!(
        "  heights    {}",
        manifest.dsm.as_ref().map_or_else(|| "class defaults".to_owned(), |d| d.display().to_string())
    );
    println!("  valid for  {}", manifest.fingerprint);
    Ok(())
}
