//! `orthotile serve`.

use std::path::PathBuf;

use anyhow::{Context, anyhow, bail, ensure};
use orthotile::config::{ConfigError, MapConfig, ServeConfig};
use orthotile::label::LabelStore;
use orthotile::model::{Device, ModelCard};
use orthotile::pipeline::VectorOptions;
use orthotile::plugin::{BoundServer, Cors};

use super::vectors::VectorArgs;
use super::ways;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  orthotile serve --store town
  orthotile serve --store town --segment                         make missing blocks on request, as the store was begun:
                                                                 orthotile segment … --store town --on-request
  orthotile serve --config maps.toml --listen 0.0.0.0:8080

A configuration serves several maps side by side:
  public_url = \"https://maps.example.org\"
  [limits]                          # connections, queues, time-outs, memory: docs/server.md
  cache_mib = 1024
  [[maps]]
  path = \"/town\"
  store = \"town\"
  segment = true
  device = \"auto\"
  vectors = { smooth = 1, road_gap_m = 20 }")]
pub struct Args {
    /// The store to serve
    #[arg(long, required_unless_present = "config", conflicts_with = "config")]
    store: Option<PathBuf>,
    /// Several maps, from a file (TOML)
    #[arg(long)]
    config: Option<PathBuf>,
    /// Address and port
    #[arg(long)]
    listen: Option<String>,
    /// The address that clients see, for absolute links behind a proxy
    #[arg(long)]
    public_url: Option<String>,
    /// Answer only requests for this host, such as maps.example.org or *.example.org; may be repeated
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<String>,
    /// Let pages of these origins read the maps: *, loopback, none, or origins separated by commas. Only listed origins
    /// (not *) may start segmentation. Default: loopback if the listen address is one, otherwise *
    #[arg(long, value_name = "ORIGINS")]
    cors: Option<Cors>,
    /// Keep at most this many connections open
    #[arg(long, value_name = "N")]
    max_connections: Option<usize>,
    /// Use at most this much memory for tiles and labels of all maps, in MiB
    #[arg(long, value_name = "MIB")]
    cache_mib: Option<u64>,
    /// Make missing blocks on request, with the model of the store
    #[arg(long, conflicts_with = "config")]
    segment: bool,
    /// Where the model runs: auto, cpu, cuda:N or tensorrt:N
    #[arg(long, default_value_t, requires = "segment")]
    device: Device,
    #[command(flatten)]
    vectors: VectorArgs,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let config = config(args)?;
    config.maps.iter().filter(|map| map.segment).for_each(show_licences);
    if let Some(warning) = config.warning() {
        eprintln!("warning: {warning}");
    }
    let (listen, maps) = (config.listen.clone(), config.maps.clone());
    let opening = config.opening()?;
    let server =
        BoundServer::bind(opening.site.clone(), &listen).with_context(|| format!("cannot listen on {listen}"))?;
    for map in &maps {
        for address in server.addresses() {
            println!("http://{address}{}/  map viewer of {}", map.path, map.store.display());
            println!("http://{address}{}/tiles.json  for MapLibre; style.json beside it, also for QGIS", map.path);
        }
    }
    let opened = opening.start(tell).context("no thread to open maps")?;
    std::thread::spawn(move || {
        if opened.join().unwrap_or(0) == 0 {
            eprintln!("error: no map can be served");
            std::process::exit(1);
        }
    });
    server.run().context("the server stopped")
}

/// Shows the licences of the models of a map; a map whose model cannot be read is reported when it is opened.
fn show_licences(map: &MapConfig) {
    let shown = LabelStore::open(&map.store).map_err(anyhow::Error::from).and_then(|store| {
        let manifest = store.manifest();
        ways::show_licences(&ModelCard::open(&manifest.model)?, &manifest.scoring)
    });
    if let Err(error) = shown {
        tracing::debug!(%error, "no licences of map {}", map.shown_name());
    }
}

/// Says that a map is there, or why not.
fn tell(map: &MapConfig, opened: Result<(), &ConfigError>) {
    let name = map.shown_name();
    match opened {
        Ok(()) => eprintln!("map {name} is served"),
        Err(error) => eprintln!("error: map {name} cannot be served: {error}"),
    }
}

fn config(args: &Args) -> anyhow::Result<ServeConfig> {
    let mut config = match (&args.config, &args.store) {
        (Some(file), _) => {
            let asked = args.vectors.options() != VectorOptions::default();
            ensure!(!asked, "--config: how vectors are made stands there, as `vectors = {{ smooth = 1 }}` of each map");
            ServeConfig::open(file)?
        }
        (None, Some(store)) => {
            let (segment, vectors) = (args.segment, args.vectors.options());
            let device = if segment { args.device } else { Device::default() };
            ServeConfig::of_map(MapConfig { segment, device, vectors, ..MapConfig::of_store(store) })
        }
        (None, None) => bail!("give --store or --config"),
    };
    if let Some(listen) = &args.listen {
        config.listen.clone_from(listen);
    }
    if args.public_url.is_some() {
        config.public_url.clone_from(&args.public_url);
    }
    if !args.hosts.is_empty() {
        config.hosts.clone_from(&args.hosts);
    }
    if args.cors.is_some() {
        config.cors.clone_from(&args.cors);
    }
    config.limits.connections = args.max_connections.unwrap_or(config.limits.connections);
    config.limits.cache_mib = args.cache_mib.unwrap_or(config.limits.cache_mib);
    config.check().map_err(|reason| anyhow!(reason))?;
    Ok(config)
}
