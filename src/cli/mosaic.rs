//! A mosaic of the command line: opened, described, and what was guessed about it.

use std::path::PathBuf;

use orthotile::georef::{Crs, Ground, PixelPoint, Projector};
use orthotile::raster::{Bands, Mosaic, Rule, Scene, Validity};

/// Pixels without overviews that are searched for voids to describe them.
const MAX_SEARCHED_PX: u64 = 256 << 20;

/// How the scenes of a mosaic are read.
#[derive(Debug, clap::Args)]
pub struct BandArgs {
    /// Read these bands, numbered from 1, as red, green, blue and near infrared, whatever the files say about them; a
    /// single number is grey
    #[arg(long, value_name = "R,G,B[,NIR]")]
    bands: Option<Bands>,
}

impl BandArgs {
    /// Opens the scenes.
    pub fn open(&self, paths: &[PathBuf]) -> anyhow::Result<Mosaic> {
        Ok(Mosaic::open_bands(paths, self.bands.as_ref())?)
    }
}

/// Prints what was guessed about a mosaic, or is unusual, before work begins.
pub fn warn(mosaic: &Mosaic) {
    for note in mosaic.notes() {
        eprintln!("note: {note}");
    }
}

/// Prints where a mosaic lies, and how each of its scenes is read.
pub fn describe(mosaic: &Mosaic) -> anyhow::Result<()> {
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
    for (path, why) in mosaic.left_out() {
        println!("  left out   {}: {why}", path.display());
    }
    for scene in mosaic.scenes() {
        describe_scene(scene)?;
    }
    Ok(())
}

fn describe_scene(scene: &Scene) -> anyhow::Result<()> {
    let to_lon_lat = Projector::new(&scene.frame.crs, &Crs::lon_lat())?;
    let corner = |col: u32, row: u32| {
        to_lon_lat.project(scene.frame.transform.to_map(PixelPoint { col: f64::from(col), row: f64::from(row) }))
    };
    let place = match (corner(0, 0), corner(scene.cols, scene.rows)) {
        (Ok(nw), Ok(se)) => format!("{:.6}, {:.6} to {:.6}, {:.6} (lon, lat)", nw.x, nw.y, se.x, se.y),
        _ => "a corner has no longitude and latitude".to_owned(),
    };
    println!(
        "  {}: {} x {} px, {} bands {}, {:.4} m/px, {}, {} overviews",
        scene.path.display(),
        scene.cols,
        scene.rows,
        scene.bands,
        scene.sample_type,
        scene.resolution_m_per_px,
        validity(scene),
        scene.overviews
    );
    println!("    CRS      {}", scene.frame.crs.name());
    println!("    place    {place}");
    let bands: Vec<String> = scene.roles.iter().enumerate().map(|(at, band)| format!("{} {band}", at + 1)).collect();
    println!("    bands    {}", bands.join(", "));
    println!("    samples  {}", samples(scene));
    if scene.overviews > 0 || u64::from(scene.cols) * u64::from(scene.rows) <= MAX_SEARCHED_PX {
        scene.find_voids()?;
    }
    for note in scene.notes() {
        println!("    note     {note}");
    }
    Ok(())
}

fn samples(scene: &Scene) -> String {
    let seen = match scene.scaling.seen {
        Some((low, high)) => format!("{low} to {high} in valid samples; "),
        None => String::new(),
    };
    let percent = if scene.scaling.rule == Rule::Stretch { ", of all scenes of this type" } else { "" };
    format!("{seen}{}{percent}", scene.scaling)
}

fn validity(scene: &Scene) -> String {
    match &scene.validity {
        Validity::Alpha { band, threshold } => format!("alpha in band {band} from {threshold} on"),
        Validity::Undeclared if scene.sample_type == "Byte" => {
            "no declared voids (wide white and black areas are taken as voids)".to_owned()
        }
        Validity::Undeclared => {
            "no declared voids (wide areas of 0 or the largest integer are taken as voids)".to_owned()
        }
        other => other.to_string(),
    }
}
