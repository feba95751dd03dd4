//! `orthotile demo`.

use std::path::PathBuf;

use orthotile::demo::{DemoOptions, generate};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  orthotile demo --out demo
  orthotile demo --out big --size-m 3000 --seed 7")]
pub struct Args {
    /// The folder that the town is written to
    #[arg(long, default_value = "demo")]
    out: PathBuf,
    /// Another seed is another town
    #[arg(long, default_value_t = DemoOptions::default().seed)]
    seed: u64,
    /// Width of the town in metres
    #[arg(long, default_value_t = DemoOptions::default().size_m)]
    size_m: f64,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let options = DemoOptions { seed: args.seed, size_m: args.size_m, ..DemoOptions::default() };
    let town = generate(&options, &args.out)?;
    println!("{} scenes in {}", town.scenes.len(), args.out.display());
    println!("surface {}, terrain {}, truth {}", town.dsm.display(), town.dtm.display(), town.truth.display());
    Ok(())
}
