//! `orthotile segment`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, ensure};
use orthotile::label::LabelStore;
use orthotile::model::{CachePlace, Device, Family, ModelCard, Precision};
use orthotile::seed::{MakeEvent, Maker, SeedError, SegmentOptions, check, plan};

use super::mosaic::{self, BandArgs};
use super::progress::BlockProgress;
use super::summary;
use super::ways::{self, WayArgs};

/// Blocks failed: the store is good for what is made, and another run tries the rest.
const SOME_FAILED: u8 = 3;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  orthotile segment scene1.tif scene2.tif --model models/city --store town
  orthotile segment flight/ --model models/city --store town --dsm dsm.tif --dtm dtm.tif
  orthotile segment city.vrt --model segformer.onnx --store town --aoi centre.geojson --device cuda:0
  orthotile segment flight/ --model models/dinov2-small --scorer head.json --store town --unknown 0.99
  orthotile segment flight/ --model models/mobile-sam --features models/dinov2-small --scorer head.json --store town
  orthotile segment flight/ --model models/dinov2-small --scorer head.json --masks models/mobile-sam --store town
  orthotile segment flight/ --model models/city --store town --on-request      blocks are made by serve --segment

The store can be exported and served while and after it is made. Interrupt it at any time: the same command resumes. Several
processes may fill one store. Damaged blocks of the store are made again.
Exit status: 0 all blocks are made, 1 the run failed or stopped (finished blocks are kept, the same command resumes),
2 wrong arguments, 3 some blocks failed (they are named; run again to retry).")]
pub struct Args {
    /// GeoTIFF scenes, a folder of them, or a VRT: together one mosaic
    #[arg(required = true)]
    mosaic: Vec<PathBuf>,
    /// A model: a folder with model.toml, the card, or an .onnx with a card beside it or Deepness' metadata inside;
    /// several (--model A --model B) see the same chips, and their scores are averaged
    #[arg(long, required = true)]
    model: Vec<PathBuf>,
    #[command(flatten)]
    bands: BandArgs,
    #[command(flatten)]
    ways: WayArgs,
    #[command(flatten)]
    cache: CacheArgs,
    /// The folder that label blocks are kept in; made if absent
    #[arg(long)]
    store: PathBuf,
    /// Digital surface model (GeoTIFF), for building heights; metres unless the file declares another unit
    #[arg(long)]
    dsm: Option<PathBuf>,
    /// Digital terrain model (GeoTIFF), for building heights; metres unless the file declares another unit
    #[arg(long, requires = "dsm")]
    dtm: Option<PathBuf>,
    /// auto, cpu, cuda:N or tensorrt:N; a device that is asked for and missing is an error
    #[arg(long, default_value_t)]
    device: Device,
    /// Make no block now: `serve --segment`, or a server with this store, makes those that a map asks for
    #[arg(long)]
    on_request: bool,
    /// Leave out the summary, which reads every label block again
    #[arg(long)]
    no_summary: bool,
}

/// Largest feature cache: 1 TiB.
pub const MOST_MIB: u64 = 1 << 20;

/// Where features are kept.
#[derive(Debug, clap::Args)]
pub struct CacheArgs {
    /// Keep the features of chips in this folder, so that another scorer or store need not run the network again;
    /// "features" in the store unless told
    #[arg(long = "feature-cache", value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// The most that it may hold, in MiB (0: keep none); a chip of a small transformer takes about 1 MiB
    #[arg(long = "feature-cache-mib", value_name = "MIB", default_value_t = 1024,
        value_parser = clap::value_parser!(u64).range(0..=MOST_MIB))]
    mib: u64,
    /// How precisely they are kept, and read: f16, or int8 in half the room
    #[arg(long = "feature-precision", default_value_t)]
    precision: Precision,
}

impl CacheArgs {
    /// The place, for models that give features.
    pub fn place(&self) -> anyhow::Result<CachePlace> {
        let keeps = self.mib > 0 || self.precision.is_usual();
        ensure!(
            keeps,
            "--feature-precision {}: how features are kept, and --feature-cache-mib 0 keeps none",
            self.precision
        );
        Ok(CachePlace { folder: self.folder.clone(), mib: self.mib, precision: self.precision })
    }
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let card = ModelCard::open(&args.model[0])?;
    let options = args.ways.options(&args.model, &card)?;
    ways::show_licences(&card, &options.scoring)?;
    let mosaic = args.bands.open(&args.mosaic)?;
    mosaic::warn(&mosaic);
    let beside = ways::beside(&options.scoring, &card)?;
    let gives_features = beside.iter().map(|(card, _)| card).chain([&card]).any(|c| c.family == Family::Features);
    let options = SegmentOptions {
        dsm: args.dsm.clone(),
        dtm: args.dtm.clone(),
        feature_cache: gives_features.then(|| args.cache.place()).transpose()?,
        ..options
    };
    let manifest = plan(&mosaic, &args.mosaic, &card, &options)?;
    check(&mosaic, &manifest, &args.store)?.iter().for_each(|note| eprintln!("note: {note}"));
    let store = LabelStore::create(&args.store, &manifest)?;
    // A model that does not load leaves no store behind, which would bar the way for another.
    let withdrawn = |_: &SeedError| drop(store.withdraw());
    let maker = Maker::start(store.clone(), mosaic, &card, args.device).inspect_err(withdrawn)?;
    if args.on_request {
        println!("{}: blocks are made when a map asks for them (orthotile serve --segment)", args.store.display());
        return Ok(ExitCode::SUCCESS);
    }
    let failed = make(&maker)?;
    if !args.no_summary {
        for note in maker.mosaic().notes() {
            println!("note: {note}");
        }
        summary::print(maker.store(), started.elapsed())?;
        println!("model {} {} on {} ({})", card.name, card.version, maker.session().device(), args.device.provider());
        if let Some(cache) = maker.cache_use() {
            summary::print_cache(&cache);
        }
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(SOME_FAILED) })
}

/// Makes what is missing, with a progress bar. Returns how many blocks failed.
fn make(maker: &Maker) -> anyhow::Result<usize> {
    let store = maker.store();
    let wanted = store.wanted();
    // Damaged blocks count as missing from here on.
    let _ = store.made();
    let progress = BlockProgress::start(store.grid(), &wanted, |b| store.has(b), maker.session().device());
    let mut failed = 0;
    let made = maker.make(&wanted, &mut |event| match event {
        MakeEvent::Made(block) => progress.made(block),
        MakeEvent::Failed(block, error) => {
            failed += 1;
            progress.failed(block, &error.to_string());
        }
    });
    progress.finish(maker.chips_run(), maker.chips_needed(&wanted));
    made.context("segmentation stopped; finished blocks are kept, and the same command resumes")?;
    Ok(failed)
}
