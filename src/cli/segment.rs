//! `orthotile segment`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use orthotile::georef::AreaOfInterest;
use orthotile::label::{CleanOptions, LabelStore};
use orthotile::model::{Augment, CachePlace, Device, Family, Guided, Member, ModelCard, ScorerFile, Scoring};
use orthotile::raster::Mosaic;
use orthotile::seed::{MakeEvent, Maker, SeedError, SegmentOptions, plan};

use super::progress::BlockProgress;
use super::summary;

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

The store can be exported and served while and after it is made. Ctrl-C at any time; the same command goes on.
Exit status: 0 all made, 1 nothing could be done, 3 some blocks failed (they are named; run again to retry).")]
pub struct Args {
    /// GeoTIFF scenes, a folder of them, or a VRT: together one mosaic
    #[arg(required = true)]
    mosaic: Vec<PathBuf>,
    /// A model: a folder with model.toml, the card, or an .onnx with a card beside it or Deepness' metadata inside;
    /// several (--model A --model B) see the same chips, and their scores are averaged
    #[arg(long, required = true)]
    model: Vec<PathBuf>,
    /// Whole weights of several models, in their order: 2,1
    #[arg(long, value_delimiter = ',')]
    weights: Vec<u32>,
    /// Look at each chip several ways: none, flips (4 runs a chip) or d4 (8 runs, all flips and rotations); scales, alone or
    /// with one of these (flips,scales), looks each time at three scales (6 runs for one). Where the ways disagree, the
    /// confidence is lower
    #[arg(long, default_value_t)]
    augment: Augment,
    /// Leave out classes that cannot be seen from above, before scores are weighed (classes marked implausible)
    #[arg(long)]
    mask_implausible: bool,
    /// A model of family "features": what its features under a mask say the mask is (beside a --model of family "sam",
    /// with a --scorer, in place of the card's rules)
    #[arg(long, requires = "scorer")]
    features: Option<PathBuf>,
    /// A model of family "sam": where scores are unsure of the outline of an object, that of its mask is taken
    #[arg(long)]
    masks: Option<PathBuf>,
    /// What reads the features of a model of family "features": made by `orthotile train` or `orthotile clusters`
    #[arg(long)]
    scorer: Option<PathBuf>,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    cache: CacheArgs,
    /// The folder that label blocks are kept in; made if absent
    #[arg(long)]
    store: PathBuf,
    /// Digital surface model (GeoTIFF, metres), for building heights
    #[arg(long)]
    dsm: Option<PathBuf>,
    /// Digital terrain model (GeoTIFF, metres), for building heights
    #[arg(long)]
    dtm: Option<PathBuf>,
    /// Only what touches these polygons (GeoJSON, lon/lat)
    #[arg(long)]
    aoi: Option<PathBuf>,
    /// auto, cpu, cuda:N or tensorrt:N; a device that is asked for and missing is an error
    #[arg(long, default_value_t)]
    device: Device,
    /// Patches below this area on the ground take the class around them, in m²; the model card's, else 10
    #[arg(long)]
    min_area_m2: Option<f64>,
    /// Rounds of a 3 x 3 majority over the labels; the model card's, else 1
    #[arg(long)]
    majority_rounds: Option<u32>,
    /// Decide again within this width along borders, in metres, by the scores of all around; the model card's, else 0
    #[arg(long)]
    boundary_m: Option<f64>,
    /// The side of a label block in pixels
    #[arg(long, default_value_t = 1024)]
    block_px: u32,
    /// Classes, colours and default heights other than the city's (TOML)
    #[arg(long)]
    scheme: Option<PathBuf>,
    /// Leave out the summary, which reads every label block again
    #[arg(long)]
    no_summary: bool,
}

/// How a scorer is read.
#[derive(Debug, clap::Args)]
pub struct ReadingArgs {
    /// What lies further from all that the scorer has seen than this share of it (0.99: 99 of 100 lay nearer; above 1:
    /// beyond all of it, 1.5 by half as far again) becomes "other"
    #[arg(long, requires = "scorer")]
    unknown: Option<f32>,
    /// Keep how far each pixel lies from all that the scorer has seen, as a band "unknown" of label blocks and of the
    /// exported label map, and its mean as an attribute of features: 1 to 200 percent (99: 99 of 100 lay nearer; above 100:
    /// beyond all of it)
    #[arg(long, requires = "scorer")]
    unknown_band: bool,
    /// Let the scorer's scores follow the edges of the picture (guided filter), with this radius in pixels of the work grid
    #[arg(long, requires = "scorer", value_name = "RADIUS_PX")]
    guided: Option<u32>,
}

/// Where features are kept.
#[derive(Debug, clap::Args)]
pub struct CacheArgs {
    /// Keep the features of chips in this folder, so that another scorer or store need not run the network again;
    /// "features" in the store unless told
    #[arg(long, value_name = "FOLDER")]
    feature_cache: Option<PathBuf>,
    /// The most that it may hold, in MiB (0: keep none); a chip of a small transformer takes about 1 MiB
    #[arg(long, default_value_t = 1024)]
    feature_cache_mib: u64,
}

impl CacheArgs {
    /// The place, for models that give features.
    pub fn place(&self) -> CachePlace {
        CachePlace { folder: self.feature_cache.clone(), mib: self.feature_cache_mib }
    }
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let card = ModelCard::open(&args.model[0])?;
    let scoring = scoring(args)?;
    show_licence(&card);
    let (of_masks, outlines) = (scoring.features_card(&card)?, scoring.masks_card(&card)?);
    scoring.other_cards()?.iter().map(|(card, _)| card).chain(&of_masks).chain(&outlines).for_each(show_licence);
    let mosaic = Mosaic::open(&args.mosaic)?;
    let gives_features = card.family == Family::Features || of_masks.is_some();
    let area = args.aoi.as_deref().map(AreaOfInterest::read).transpose()?;
    let options = SegmentOptions {
        clean: clean_options(args, &card),
        scoring,
        block_px: Some(args.block_px),
        scheme: args.scheme.clone(),
        dsm: args.dsm.clone(),
        dtm: args.dtm.clone(),
        feature_cache: gives_features.then(|| args.cache.place()),
        area,
    };
    let manifest = plan(&mosaic, &args.mosaic, &card, &options)?;
    let store = LabelStore::create(&args.store, &manifest)?;
    // A model that does not load leaves no store behind, which would bar the way for another.
    let withdrawn = |_: &SeedError| drop(store.withdraw());
    let maker = Maker::start(store.clone(), mosaic, &card, args.device).inspect_err(withdrawn)?;
    let failed = make(&maker)?;
    if !args.no_summary {
        summary::print(maker.store(), started.elapsed())?;
        println!("model {} {} on {} ({})", card.name, card.version, maker.session().device(), args.device.provider());
        if let Some(cache) = maker.cache_use() {
            summary::print_cache(&cache);
        }
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(SOME_FAILED) })
}

/// Said before the weights are used, not after.
pub fn show_licence(card: &ModelCard) {
    eprintln!("model {} {}, licence: {}", card.name, card.version, card.licence);
    if card.restricts_use() {
        eprintln!("note: this licence restricts what the model and its results may be used for");
    }
}

fn clean_options(args: &Args, card: &ModelCard) -> CleanOptions {
    let usual = CleanOptions::default();
    CleanOptions {
        majority_rounds: args.majority_rounds.or(card.labels.majority_rounds).unwrap_or(usual.majority_rounds),
        min_area_m2: args.min_area_m2.or(card.labels.min_area_m2).unwrap_or(usual.min_area_m2),
        boundary_m: args.boundary_m.or(card.labels.boundary_m).unwrap_or(usual.boundary_m),
    }
}

fn scoring(args: &Args) -> anyhow::Result<Scoring> {
    let (models, weights) = (args.model.len(), args.weights.len());
    anyhow::ensure!(weights == 0 || weights == models, "--weights: {weights} given for {models} models");
    let weight = |at: usize| args.weights.get(at).copied().unwrap_or(1);
    let member = |(at, model): (usize, &PathBuf)| Member { model: model.clone(), weight: weight(at) };
    Ok(Scoring {
        mask_implausible: args.mask_implausible,
        augment: args.augment,
        weight: weight(0),
        others: args.model.iter().enumerate().skip(1).map(member).collect(),
        features: args.features.clone(),
        masks: args.masks.clone(),
        scorer: args.scorer.as_deref().map(ScorerFile::read).transpose()?,
        unknown: args.reading.unknown,
        unknown_band: args.reading.unknown_band,
        guided: args.reading.guided.map(|radius_px| Guided { radius_px, ..Guided::default() }),
    })
}

/// Makes what is missing, with a progress bar. Returns how many blocks failed.
fn make(maker: &Maker) -> anyhow::Result<usize> {
    let store = maker.store();
    let wanted = store.wanted();
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
    made.context("segmentation stopped; what is made is kept, and the same command goes on")?;
    Ok(failed)
}
