//! `orthotile inspect`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use orthotile::georef::{Ground, PixelPoint, Window};
use orthotile::grid::{ChipLattice, WorkGrid};
use orthotile::label::LabelStore;
use orthotile::model::{Device, Family, Features, ModelCard, ModelError, Sam, Segmenter, Semantic, library};
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

/// What segmenting would do, and how long it would take.
fn forecast(mosaic: &Mosaic, card: &ModelCard, device: Device) -> anyhow::Result<()> {
    let grid = WorkGrid::choose(mosaic.frame(), &mosaic.window(), &card.wanted_resolution(), 1024)?;
    let lattice = ChipLattice { chip_px: card.input.chip_px, stride_px: card.input.stride_px };
    let chips = lattice.touching(&grid.window()).count();
    let mut network = Network::open(card, device)?;
    println!("with model {} {} on {}", card.name, card.version, network.device());
    println!("  work grid  {} x {} px at {:.3} m/px", grid.cols, grid.rows, grid.middle_scale()?.resolution_m_per_px());
    println!("  work       {} blocks, {chips} chips of {} px", grid.blocks().count(), card.input.chip_px);
    let (seconds, runs) = chip_seconds(&mut network, card)?;
    let whole = |chip_s: f64| indicatif::HumanDuration(Duration::from_secs_f64(chip_s * chips as f64));
    println!("  time       {} to {}", whole(seconds[0]), whole(seconds[1]));
    println!(
        "             assumed: every chip holds imagery, {:.3} to {:.3} s each as in {runs} runs of the network just \
         now, one chip at a time; voids take none, other load and slow disks add",
        seconds[0], seconds[1]
    );
    Ok(())
}

/// A network of any family, to be run on a chip.
enum Network {
    Semantic(Box<Semantic>),
    Features(Box<Features>),
    Sam(Box<Sam>),
}

impl Network {
    fn open(card: &ModelCard, device: Device) -> Result<Self, ModelError> {
        Ok(match card.family {
            Family::Semantic => Self::Semantic(Box::new(Semantic::open(card, &Scheme::city(), device)?)),
            Family::Features => Self::Features(Box::new(Features::open(card, device)?)),
            Family::Sam => Self::Sam(Box::new(Sam::open(card, &Scheme::city(), device)?)),
        })
    }

    fn run(&mut self, chip: &[f32]) -> Result<(), ModelError> {
        match self {
            Self::Semantic(network) => network.segment(chip).map(drop),
            Self::Features(network) => network.run(chip).map(drop),
            Self::Sam(network) => network.find(chip).map(drop),
        }
    }

    fn device(&self) -> String {
        match self {
            Self::Semantic(network) => network.device(),
            Self::Features(network) => network.device(),
            Self::Sam(network) => network.device(),
        }
    }
}

/// The fastest and the slowest run of a chip, of as many as fit two seconds but at least three, and how many these were.
/// A run before, which is not counted, lets the network make its plans and take its memory.
fn chip_seconds(network: &mut Network, card: &ModelCard) -> anyhow::Result<([f64; 2], usize)> {
    const ENOUGH: Duration = Duration::from_secs(2);
    // Not all alike: on equal pixels caches and number formats can be quicker than on a picture.
    let len = card.input.channels.len() * (card.input.chip_px as usize).pow(2);
    let chip: Vec<f32> = (0..len).map(|i| (i % 97) as f32 / 40.0 - 1.0).collect();
    network.run(&chip)?;
    let (begin, mut runs) = (Instant::now(), Vec::new());
    while runs.len() < 3 || begin.elapsed() < ENOUGH {
        let start = Instant::now();
        network.run(&chip)?;
        runs.push(start.elapsed().as_secs_f64());
    }
    let bounds = runs.iter().fold([f64::MAX, 0.0], |[least, most], s| [least.min(*s), f64::max(most, *s)]);
    Ok((bounds, runs.len()))
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
    if let Some(features) = &manifest.scoring.features {
        println!("  features   {} say what masks are", features.display());
    }
    if let Some(masks) = &manifest.scoring.masks {
        println!("  masks      {} give outlines", masks.display());
    }
    if let Some(scorer) = &manifest.scoring.scorer {
        println!("  scorer     {}", scorer.path.display());
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
