//! One file per command.

mod clusters;
mod demo;
mod export;
mod forecast;
mod inspect;
mod mosaic;
mod numbers;
mod progress;
mod segment;
mod serve;
mod summary;
mod train;
mod vectorize;
mod vectors;
mod ways;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Georeferenced aerial mosaics in, live vector maps out.
#[derive(Debug, Parser)]
#[command(name = "orthotile", version, about, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  orthotile demo --out demo                                      a small town to try everything on
  orthotile segment demo/scenes --model models/city --store demo/store --dsm demo/dsm.tif --dtm demo/dtm.tif
  orthotile export --store demo/store -o town.gpkg               GeoPackage; also .geojson .geojsonl .fgb .tif
  orthotile serve --store demo/store                             map viewer, vector tiles, TileJSON, GeoJSON
  orthotile inspect demo/scenes                                  what it is, and what would be done with it
  orthotile clusters demo/scenes --model DINOV2 --store c        what looks alike, without labels; then segment --scorer
  orthotile train demo/scenes --model DINOV2 --labels some.geojson -o head.json   then segment --scorer head.json
  orthotile vectorize labels.tif -o regions.fgb                  any class raster to polygons, no model

Exit status: 0 success, 1 the command failed (the last line on stderr names the input and the cause), 2 wrong arguments,
3 segment finished, but some blocks failed (run it again to retry those). See docs/stores.md.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Segments a mosaic into a store of label blocks; stopped at any moment, it goes on where it was
    Segment(segment::Args),
    /// Writes the features of a store, or its label map, to a file
    Export(export::Args),
    /// Serves maps: viewer, vector tiles, raster tiles, GeoJSON
    Serve(serve::Args),
    /// Tells what a mosaic, a model or a store is, and what would be done with it
    Inspect(inspect::Args),
    /// Makes a small town with known truth: scenes, elevation, polygons
    Demo(demo::Args),
    /// Clusters what the features of a mosaic look like, and takes the classes that a person gives the clusters
    Clusters(clusters::Args),
    /// Trains a head on features from a handful of labelled polygons, in seconds
    Train(train::Args),
    /// Turns any class raster into polygons, without a model
    Vectorize(vectorize::Args),
}

/// Runs a command.
pub fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    orthotile::raster::init();
    match cli.command {
        Command::Segment(args) => segment::run(&args),
        Command::Export(args) => export::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Serve(args) => serve::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Inspect(args) => inspect::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Demo(args) => demo::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Clusters(args) => clusters::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Train(args) => train::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Vectorize(args) => vectorize::run(&args).map(|()| ExitCode::SUCCESS),
    }
}

/// The message of an error: each cause once, from the outermost to the first that says nothing new.
pub fn message(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |message, cause| match message.as_str() {
        "" => cause,
        known if known.contains(&cause) => message,
        known => format!("{known}: {cause}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_each_cause_once() {
        let disk = || std::io::Error::other("no space left");
        let told = anyhow::Error::new(disk()).context("a.gpkg: no space left").context("export stopped");
        assert_eq!(message(&told), "export stopped: a.gpkg: no space left");
        let untold = anyhow::Error::new(disk()).context("a.gpkg");
        assert_eq!(message(&untold), "a.gpkg: no space left");
    }
}
