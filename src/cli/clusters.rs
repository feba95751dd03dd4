//! `orthotile clusters`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, ensure};
use orthotile::label::LabelStore;
use orthotile::learn::{Assignment, ClusterOptions, Clustering, FeatureReader, assign, cluster, report};
use orthotile::model::{CachePlace, Device, FeatureCache, FeatureSource, Guided, ModelCard, Scorer};
use orthotile::scheme::Scheme;
use orthotile::seed::relabel;
use serde_json::json;

use super::mosaic::BandArgs;
use super::segment::CacheArgs;
use super::ways::{guided, show_licence};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  orthotile clusters flight/ --model models/dinov2-small --store town      fit 12 clusters, once; look at town/clusters.html
  orthotile segment flight/ --model models/dinov2-small --store town --scorer town/clusters.json
  orthotile clusters --store town --assign \"3=building,5=road\"             say what clusters are: labels change at once,
                                                                           from kept features, without the network
  orthotile clusters --store town --assign table.toml                      [clusters] 3 = \"building\" …
  orthotile clusters --store town                                          what there is")]
pub struct Args {
    /// GeoTIFF scenes, a folder of them, or a VRT; left out to look at or to assign clusters that are fitted
    mosaic: Vec<PathBuf>,
    #[command(flatten)]
    bands: BandArgs,
    /// A model of family "features"
    #[arg(long, required_if_eq("refit", "true"))]
    model: Option<PathBuf>,
    /// The folder of the map: clusters.json and clusters.html are written there
    #[arg(long)]
    store: PathBuf,
    /// How many clusters
    #[arg(short = 'k', long, default_value_t = 12)]
    clusters: usize,
    /// How many chips are looked at, spread over the mosaic
    #[arg(long, default_value_t = 200)]
    sample_chips: usize,
    /// The same seed gives the same clusters
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Let scores follow the edges of the picture (guided filter), with this radius in pixels of the work grid
    #[arg(long, value_name = "RADIUS_PX", value_parser = guided)]
    guided: Option<Guided>,
    /// Fit again, although the store holds other clusters
    #[arg(long)]
    refit: bool,
    /// Which clusters are of which class: "3=building,5=road", or a TOML file with a table [clusters]
    #[arg(long, value_name = "TABLE")]
    assign: Option<String>,
    /// Classes other than the city's (TOML)
    #[arg(long)]
    scheme: Option<PathBuf>,
    /// auto, cpu, cuda:N or tensorrt:N
    #[arg(long, default_value_t)]
    device: Device,
    #[command(flatten)]
    cache: CacheArgs,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let path = args.store.join("clusters.json");
    if !args.mosaic.is_empty() {
        fit(args, &path)?;
    }
    let mut scorer = Scorer::open(&path)?;
    if let Some(table) = &args.assign {
        let scheme = scheme(args)?;
        assign(&mut scorer, &Assignment::read(table)?, &scheme)?;
        keep(args, &path, &scorer)?;
    }
    show(&scorer);
    Ok(())
}

/// The scheme that is named, that of the store, or the city's.
fn scheme(args: &Args) -> anyhow::Result<Scheme> {
    if let Some(path) = &args.scheme {
        return Ok(Scheme::open(path)?);
    }
    let of_store = LabelStore::open(&args.store).map(|store| store.scheme().clone());
    Ok(of_store.unwrap_or_else(|_| Scheme::city()))
}

/// Fits the clusters, unless the store has these already.
fn fit(args: &Args, path: &Path) -> anyhow::Result<()> {
    let model = args.model.as_deref().context("--model: a model of family \"features\" makes what is clustered")?;
    let card = ModelCard::open(model)?;
    let mosaic = args.bands.open(&args.mosaic)?;
    let options = ClusterOptions {
        clusters: args.clusters,
        sample_chips: args.sample_chips,
        seed: args.seed,
        guided: args.guided,
        ..ClusterOptions::default()
    };
    let of_fit = json!({
        "mosaic": mosaic.fingerprint(),
        "chips": format!("{:?}", card.input),
        "options": format!("{options:?}"),
    });
    if path.exists() && !args.refit {
        let old = Scorer::open(path)?;
        let same = old.provenance.get("fit") == Some(&of_fit)
            && old.features.network == orthotile::model::network_digest(&card)?;
        ensure!(
            same,
            "{} holds clusters of another mosaic, model or other options: --refit replaces them",
            path.display()
        );
        eprintln!("{}: fitted before, kept (--refit fits again)", path.display());
        return Ok(());
    }
    show_licence(&card);
    let CachePlace { folder, mib, precision } = args.cache.place()?;
    let folder = folder.unwrap_or_else(|| args.store.join("features"));
    std::fs::create_dir_all(&args.store).with_context(|| args.store.display().to_string())?;
    let cache = (mib > 0).then(|| FeatureCache::open(&folder, mib, precision).map(Arc::new)).transpose()?;
    let source = FeatureSource::open(&card, args.device, cache)?;
    let mut reader = FeatureReader::open(&mosaic, &card, source)?;
    let scheme = scheme(args)?;
    let mut clustering = cluster(&mut reader, &scheme, &options)?;
    if clustering.chips_left > 0 {
        let left = clustering.chips_left;
        eprintln!(
            "note: {left} chips of the sample are left out: features of those before fill the memory granted, 256 MiB"
        );
    }
    clustering.scorer.provenance.insert("fit".to_owned(), of_fit);
    clustering.scorer.write(path)?;
    write_report(args, &clustering, &mut reader, &scheme)
}

fn write_report(
    args: &Args,
    clustering: &Clustering,
    reader: &mut FeatureReader,
    scheme: &Scheme,
) -> anyhow::Result<()> {
    let names: Vec<_> = args.mosaic.iter().filter_map(|p| Some(p.file_name()?.to_string_lossy())).collect();
    let html = report(clustering, reader, scheme, &names.join(", "))?;
    let path = args.store.join("clusters.html");
    std::fs::write(&path, html).with_context(|| path.display().to_string())?;
    println!("{}: pictures and statistics of each cluster", path.display());
    Ok(())
}

/// Writes the classes of the clusters; where the store was labelled by them, labels it again.
fn keep(args: &Args, path: &Path, scorer: &Scorer) -> anyhow::Result<()> {
    let of_store = args.store.join("store.json").exists().then(|| LabelStore::open(&args.store)).transpose()?;
    let is_its = |store: &LabelStore| {
        let used = store.manifest().scoring.scorer.as_ref().and_then(|s| s.path.canonicalize().ok());
        used.is_some() && used == path.canonicalize().ok()
    };
    match of_store.filter(is_its) {
        Some(store) if store.manifest().scoring.finds_masks() => {
            scorer.write(path)?;
            println!("{}: its masks are not kept, segment into another store with these classes", args.store.display());
        }
        Some(store) => {
            let done = relabel(&store, scorer)?;
            println!("{} blocks labelled again from {} kept chips, the network was not run", done.blocks, done.chips);
        }
        None => scorer.write(path)?,
    }
    Ok(())
}

fn show(scorer: &Scorer) {
    let share = |n: usize| scorer.provenance.get("clusters")?.get(n)?.get("share")?.as_f64();
    println!("{:>8}{:>9}  {:<14}looks", "cluster", "share", "class");
    for (n, class) in scorer.classes.iter().enumerate() {
        let looks = class.name.split_once(": ").map_or(class.name.as_str(), |(_, looks)| looks);
        let share = share(n).map_or_else(String::new, |s| format!("{:.1} %", 100.0 * s));
        println!("{:>8}{share:>9}  {:<14}{looks}", n + 1, class.city_class);
    }
}
