//! `orthotile train`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, anyhow, ensure};
use clap::ValueEnum;
use orthotile::encode::export::check_target;
use orthotile::learn::{
    FeatureReader, Head, HeadOptions, Refinement, Samples, Validation, head, labelled_patches, read_labels,
};
use orthotile::model::{Device, FeatureCache, FeatureSource, Guided, ModelCard, Precision, Scorer, ScorerFile};
use orthotile::scheme::Scheme;

use super::mosaic::BandArgs;
use super::segment::MOST_MIB;
use super::summary;
use super::ways::show_licence;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  orthotile train flight/ --model models/dinov2-small --labels some.geojson -o head.json
  orthotile segment flight/ --model models/dinov2-small --scorer head.json --store town
  orthotile train flight/ --model models/dinov2-small --add more.geojson -o head.json     to what it has learnt
  orthotile train --remove wrong.geojson -o head.json                                     out again, exactly
  orthotile train flight/ --model models/dinov2-small --labels some.geojson --refine logistic -o head.json

Labels are polygons in longitude and latitude with a property \"class\", a class of the scheme. Beside head.json stands
head.samples, the features that it was made from: --add and --remove need it, segment and serve do not.
Polygons are left out in turn, place by place, to judge the head with their surroundings: 10 or more of each class, spread
over the mosaic and drawn to their edges, judge it within about 10 points of IoU.")]
pub struct Args {
    /// GeoTIFF scenes, a folder of them, or a VRT, where the labels lie
    mosaic: Vec<PathBuf>,
    #[command(flatten)]
    bands: BandArgs,
    /// A model of family "features"
    #[arg(long)]
    model: Option<PathBuf>,
    /// Labelled polygons to begin with (GeoJSON)
    #[arg(long, conflicts_with = "add")]
    labels: Option<PathBuf>,
    /// More labelled polygons for a head that is there
    #[arg(long)]
    add: Option<PathBuf>,
    /// Labelled polygons to take out of a head again
    #[arg(long, conflicts_with = "labels")]
    remove: Option<PathBuf>,
    /// The head, a file for segment --scorer
    #[arg(short, long)]
    output: PathBuf,
    /// What follows the ridge regression, or takes its place; unless told, what made the head before
    #[arg(long)]
    refine: Option<Refine>,
    /// Let scores follow the edges of the picture (guided filter), with this radius in pixels of the work grid (0: not)
    #[arg(long, value_name = "RADIUS_PX")]
    guided: Option<u32>,
    /// Keep features in this folder, and take those that are there (as segment --feature-cache does)
    #[arg(long, value_name = "FOLDER")]
    feature_cache: Option<PathBuf>,
    /// The most that it may hold, in MiB
    #[arg(long, default_value_t = 1024, requires = "feature_cache", value_parser = clap::value_parser!(u64).range(0..=MOST_MIB))]
    feature_cache_mib: u64,
    /// How precisely they are kept, and read: f16, or int8 in half the room
    #[arg(long, default_value_t, requires = "feature_cache")]
    feature_precision: Precision,
    /// Classes other than the city's (TOML)
    #[arg(long)]
    scheme: Option<PathBuf>,
    /// auto, cpu, cuda:N or tensorrt:N
    #[arg(long, default_value_t)]
    device: Device,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Refine {
    /// Ridge regression alone: in closed form, from sums
    None,
    /// Logistic regression on the samples
    Logistic,
    /// A hidden layer in place of the ridge, taught until polygons that are left out get worse
    Mlp,
}

impl Refine {
    fn refinement(self) -> Refinement {
        match self {
            Self::None => Refinement::None,
            Self::Logistic => Refinement::Logistic,
            Self::Mlp => Refinement::Mlp,
        }
    }
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let started = Instant::now();
    ensure!(args.labels.is_some() || args.add.is_some() || args.remove.is_some(), "give --labels, --add or --remove");
    check_target(&args.output)?;
    let options = options(args)?;
    let scheme = args.scheme.as_deref().map_or_else(|| Ok(Scheme::city()), Scheme::open)?;
    let beside = args.output.with_extension("samples");
    let mut samples = if args.labels.is_none() { Some(Samples::open(&beside)?) } else { None };
    if let (Some(path), Some(samples)) = (&args.remove, &mut samples) {
        let digests: BTreeSet<String> = read_labels(path, &scheme)?.into_iter().map(|label| label.digest).collect();
        let removed = samples.remove(&digests);
        ensure!(removed > 0, "{}: none of its polygons is in {}", path.display(), beside.display());
        println!("{removed} polygons taken out");
    }
    if let Some(path) = args.labels.as_ref().or(args.add.as_ref()) {
        samples = Some(learnt(args, path, samples, &scheme)?);
    }
    let samples = samples.context("no samples")?;
    let made = head(&samples, options)?;
    made.scorer.write(&args.output)?;
    samples.write(&beside)?;
    show(&made, args, started)
}

/// The samples with those of a file of labels.
fn learnt(args: &Args, path: &Path, samples: Option<Samples>, scheme: &Scheme) -> anyhow::Result<Samples> {
    let labels = read_labels(path, scheme)?;
    let model = args.model.as_deref().context("--model: the model of family \"features\" that sees the labels")?;
    ensure!(!args.mosaic.is_empty(), "give the mosaic that the labels lie in");
    let card = ModelCard::open(model)?;
    show_licence(&card);
    let mosaic = args.bands.open(&args.mosaic)?;
    let open =
        |folder: &PathBuf| FeatureCache::open(folder, args.feature_cache_mib, args.feature_precision).map(Arc::new);
    let cache = args.feature_cache.as_ref().map(open).transpose()?;
    let source = FeatureSource::open(&card, args.device, cache.clone())?;
    let mut reader = FeatureReader::open(&mosaic, &card, source)?;
    if let Some(samples) = &samples {
        let made_for = "the head was made for other weights, or for chips made another way: begin again with --labels";
        ensure!(samples.network == reader.network(), "{}: {made_for}", card.path.display());
    }
    let patches = labelled_patches(&mut reader, &labels)?;
    let empty = patches.iter().filter(|p| p.vectors.is_empty()).count();
    ensure!(empty < patches.len(), "{}: none of its polygons covers a patch of the mosaic", path.display());
    if empty > 0 {
        eprintln!("note: {empty} of {} polygons cover no patch of the mosaic, they say nothing", patches.len());
    }
    if let Some(cache) = cache {
        summary::print_cache(&cache.usage());
    }
    let dim = card.output.dim.unwrap_or(0) as usize;
    Ok(match samples {
        None => Samples::new(reader.network(), dim, patches),
        Some(mut samples) => {
            let cut = samples.cut_share(&patches);
            if cut > 0.0 {
                let percent = 100.0 * cut;
                eprintln!(
                    "note: {percent:.2} % of the numbers lie far outside those of the first labels and are cut: begin again with --labels"
                );
            }
            println!("{} polygons added", samples.add(patches));
            samples
        }
    })
}

/// What is asked, else what made the head before.
fn options(args: &Args) -> anyhow::Result<HeadOptions> {
    let before = if args.labels.is_none() && args.output.exists() { Some(Scorer::open(&args.output)?) } else { None };
    let guided = match args.guided {
        None => before.as_ref().and_then(|scorer| scorer.guided),
        Some(0) => None,
        Some(radius_px) => Some(Guided::within(radius_px).map_err(|accepted| anyhow!("--guided {accepted}"))?),
    };
    Ok(HeadOptions {
        refinement: args.refine.map_or_else(
            || before.as_ref().map(|scorer| Refinement::of_kind(&scorer.kind)).unwrap_or_default(),
            Refine::refinement,
        ),
        guided,
    })
}

/// What the numbers say, and what they do not.
fn measured(validation: &Validation) -> String {
    let note = "\
inside: patches well inside polygons that were left out, mapped as their class; the easy part.
recall, precision, F1, IoU: estimates for the ground around the labels, edges included, by heads that had not seen the polygons
judged nor their neighbours (± one standard error). They hold for places of this mosaic like those labelled, not for another town.";
    if validation.classes.iter().any(|class| class.iou.is_none()) {
        format!(
            "{note}\n-: too few polygons, or too unlike each other, to estimate it (3 are needed, 10 are better); samples of earlier versions have\nno surroundings (begin again with --labels)."
        )
    } else {
        note.to_owned()
    }
}

fn show(made: &Head, args: &Args, started: Instant) -> anyhow::Result<()> {
    let percent = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |s| format!("{:.0} %", 100.0 * s));
    if let Some(validation) = &made.validation {
        let titles = ["polygons", "inside", "recall", "precision", "F1", "IoU"].map(|title| format!("{title:>10}"));
        println!("{:<14}{}", "class", titles.concat());
        for class in &validation.classes {
            let shares = [class.accuracy, class.recall, class.precision, class.f1, class.iou].map(percent);
            let error = class.iou_error.map_or_else(String::new, |error| format!(" ± {:.0}", 100.0 * error));
            let shares = shares.map(|share| format!("{share:>10}")).concat();
            println!("{:<14}{:>10}{shares}{error}", class.class, class.polygons);
        }
        println!("{}", measured(validation));
    } else {
        println!("not validated: no class has two polygons, of which one could be left out");
    }
    let version = ScorerFile::read(&args.output)?;
    let (path, kind) = (args.output.display(), &made.scorer.kind);
    println!("{path} ({kind}), version {}, made in {:.1} s", version.short(), started.elapsed().as_secs_f64());
    Ok(())
}
