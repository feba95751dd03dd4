//! `orthotile serve`.

use std::path::PathBuf;
use std::time::Duration;

use actix_web::{App, HttpServer};
use anyhow::{Context, bail, ensure};
use orthotile::config::{MapConfig, ServeConfig};
use orthotile::label::LabelStore;
use orthotile::model::{Device, ModelCard};
use orthotile::pipeline::VectorOptions;

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
    for map in config.maps.iter().filter(|map| map.segment) {
        let store = LabelStore::open(&map.store)?;
        let manifest = store.manifest();
        ways::show_licences(&ModelCard::open(&manifest.model)?, &manifest.scoring)?;
    }
    let maps = config.open_maps()?;
    let listen = config.listen.clone();
    let server = HttpServer::new(move || {
        // The longest path first: a scope swallows what lies below it.
        maps.iter().fold(App::new(), |app, (path, map)| app.service(map.scope(path)))
    });
    // Browsers open connections ahead of need; open event streams must not hold up the end.
    let server = server.client_request_timeout(Duration::from_secs(60)).shutdown_timeout(2);
    let server = server.bind(&listen).with_context(|| format!("cannot listen on {listen}"))?;
    let addresses = server.addrs();
    for map in &config.maps {
        for address in &addresses {
            println!("http://{address}{}/  map viewer of {}", map.path, map.store.display());
            println!("http://{address}{}/tiles.json  for MapLibre; style.json beside it, also for QGIS", map.path);
        }
    }
    actix_web::rt::System::new().block_on(server.run()).context("the server stopped")
}

fn config(args: &Args) -> anyhow::Result<ServeConfig> {
    let mut config = match (&args.config, &args.store) {
        (Some(file), _) => {
            let asked = args.vectors.options() != VectorOptions::default();
            ensure!(!asked, "--config: how vectors are made stands there, as `vectors = {{ smooth = 1 }}` of each map");
            ServeConfig::open(file)?
        }
        (None, Some(store)) => {
            let device = args.segment.then_some(args.device);
            ServeConfig::of_map(MapConfig {
                path: String::new(),
                store: store.clone(),
                attribution: None,
                segment: args.segment,
                device: device.unwrap_or_default(),
                vectors: args.vectors.options(),
            })
        }
        (None, None) => bail!("give --store or --config"),
    };
    if let Some(listen) = &args.listen {
        config.listen.clone_from(listen);
    }
    if args.public_url.is_some() {
        config.public_url.clone_from(&args.public_url);
    }
    Ok(config)
}
