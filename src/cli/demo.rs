//! `orthotile demo`.

use std::path::PathBuf;

use orthotile::demo::{DemoOptions, generate};

use super::numbers::within;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  orthotile demo --out demo
  orthotile demo --out big --width-m 3000 --height-m 2000 --seed 7")]
pub struct Args {
    /// The folder that the town is written to
    #[arg(long, default_value = "demo")]
    out: PathBuf,
    /// Another seed is another town
    #[arg(long, default_value_t = DemoOptions::default().seed)]
    seed: u64,
    /// From west to east, in metres
    #[arg(long, default_value_t = DemoOptions::default().width_m, value_parser = within(60.0..=20_000.0, "m"))]
    width_m: f64,
    /// From south to north, in metres
    #[arg(long, default_value_t = DemoOptions::default().height_m, value_parser = within(60.0..=20_000.0, "m"))]
    height_m: f64,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let options =
        DemoOptions { seed: args.seed, width_m: args.width_m, height_m: args.height_m, ..DemoOptions::default() };
    let town = generate(&options, &args.out)?;
    let (mpx, folder) = (town.pixels as f64 / 1e6, args.out.join("scenes"));
    println!("{} scenes in {}, {mpx:.1} Mpx, {} buildings", town.scenes.len(), folder.display(), town.buildings);
    println!("surface {}, terrain {}, truth {}", town.dsm.display(), town.dtm.display(), town.truth.display());
    Ok(())
}
