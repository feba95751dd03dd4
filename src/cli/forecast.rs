//! What segmenting a mosaic would do, and how long it would take.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use orthotile::grid::{ChipId, ChipLattice, WorkGrid};
use orthotile::model::{Answering, Device, Family, Features, ModelCard, ModelError, Sam, Scoring, Segmenter, Semantic};
use orthotile::raster::{Mosaic, RasterSource};
use orthotile::scheme::Scheme;
use orthotile::seed::{Reach, open_model, plan};

use super::ways::{self, WayArgs};

/// Chips that are looked at for imagery, spread over the mosaic.
const LOOKED_AT: usize = 15;

/// What segmenting would do, and how long it would take.
pub fn forecast(
    (mosaic, sources): (&Mosaic, &[PathBuf]),
    (models, ways): (&[PathBuf], &WayArgs),
    device: Device,
) -> anyhow::Result<()> {
    let card = ModelCard::open(&models[0])?;
    let options = ways.options(models, &card)?;
    let scoring = &options.scoring;
    ways::show_licences(&card, scoring)?;
    let manifest = plan(mosaic, sources, &card, &options)?;
    let grid = manifest.grid()?;
    let reach = Reach::new(&card, &manifest.clean, grid.middle_scale()?.pixel_area_m2());
    let blocks = manifest.wanted(&grid);
    let chips: Vec<ChipId> = reach.all_chips(&grid, &blocks).into_iter().collect();
    let scheme = options.scheme.as_deref().map_or_else(|| Ok(Scheme::city()), Scheme::open)?;
    let mut network = Network::of_ways(&card, scoring, (&scheme, device))?;
    println!("with model {} {} on {}", card.name, card.version, network.device());
    for (card, role) in ways::beside(scoring, &card)? {
        println!("  and model  {} {}: {role}", card.name, card.version);
    }
    tell_ways(scoring);
    println!("  work grid  {} x {} px at {:.3} m/px", grid.cols, grid.rows, grid.middle_scale()?.resolution_m_per_px());
    println!("  work       {} blocks, {} chips of {} px", blocks.len(), chips.len(), card.input.chip_px);
    let samples = samples(mosaic, &card, (&grid, &reach.lattice, &chips))?;
    if samples.is_empty() {
        println!("  time       not measured: none of the {LOOKED_AT} chips that were looked at holds imagery");
        return Ok(());
    }
    let (seconds, runs) = chip_seconds(&mut network, &samples)?;
    let whole = |chip_s: f64| indicatif::HumanDuration(Duration::from_secs_f64(chip_s * chips.len() as f64));
    println!("  time       {} to {}", whole(seconds[0]), whole(seconds[1]));
    println!(
        "             assumed: every chip holds imagery, {:.1} to {:.1} ms each as {} of them in {runs} runs just now, \
         one at a time; voids take none, other load and slow disks add",
        1e3 * seconds[0],
        1e3 * seconds[1],
        samples.len()
    );
    Ok(())
}

/// How often and with what chips are looked at.
fn tell_ways(scoring: &Scoring) {
    if let Some(scorer) = &scoring.scorer {
        println!("  scorer     {}, version {}", scorer.path.display(), scorer.short());
    }
    if !scoring.augment.is_none() {
        println!("  augment    {}: {} runs of each network of scores a chip", scoring.augment, scoring.augment.runs());
    }
    if scoring.unknown_band {
        println!("  unknown    how far pixels lie from all that the scorer has seen is kept");
    }
}

/// Normalized chips of a mosaic that hold imagery, spread over it.
fn samples(
    mosaic: &Mosaic,
    card: &ModelCard,
    (grid, lattice, ids): (&WorkGrid, &ChipLattice, &[ChipId]),
) -> anyhow::Result<Vec<Vec<f32>>> {
    const ENOUGH: usize = 3;
    let mut reader = mosaic.reader(&grid.frame, &card.input.channels)?;
    let mut samples = Vec::new();
    let steps = ids.len().min(LOOKED_AT);
    // From the middle on: edges hold voids.
    for step in 0..steps {
        let id = ids[(ids.len() / 2 + step * ids.len() / steps) % ids.len()];
        let chip = reader.read(&lattice.window(id))?;
        if chip.valid.contains(&1) {
            let mut tensor = Vec::new();
            card.normalization().append(&chip, &mut tensor);
            samples.push(tensor);
        }
        if samples.len() == ENOUGH {
            break;
        }
    }
    Ok(samples)
}

/// The fastest and the slowest run of a chip, of as many as fit two seconds but at least one of each and three, and how
/// many these were. A run before, which is not counted, lets the network make its plans and take its memory.
fn chip_seconds(network: &mut Network, chips: &[Vec<f32>]) -> anyhow::Result<([f64; 2], usize)> {
    const ENOUGH: Duration = Duration::from_secs(2);
    network.run(&chips[0])?;
    let (begin, mut runs) = (Instant::now(), Vec::new());
    for chip in chips.iter().cycle() {
        if runs.len() >= chips.len().max(3) && begin.elapsed() >= ENOUGH {
            break;
        }
        let start = Instant::now();
        network.run(chip)?;
        runs.push(start.elapsed().as_secs_f64());
    }
    let bounds = runs.iter().fold([f64::MAX, 0.0], |[least, most], s| [least.min(*s), f64::max(most, *s)]);
    Ok((bounds, runs.len()))
}

/// What is run on a chip: all that segmenting would, or the network of a card alone.
pub enum Network {
    Ways(Box<Answering>),
    Semantic(Box<Semantic>),
    Features(Box<Features>),
    Sam(Box<Sam>),
}

impl Network {
    /// All that is asked for; features that nothing reads yet, for themselves.
    fn of_ways(card: &ModelCard, scoring: &Scoring, (scheme, device): (&Scheme, Device)) -> anyhow::Result<Self> {
        if card.family == Family::Features && *scoring == Scoring::default() {
            return Ok(Self::open(card, device)?);
        }
        Ok(Self::Ways(Box::new(open_model(card, scoring, scheme, device)?)))
    }

    /// The network of a card alone.
    pub fn open(card: &ModelCard, device: Device) -> Result<Self, ModelError> {
        Ok(match card.family {
            Family::Semantic => Self::Semantic(Box::new(Semantic::open(card, &Scheme::city(), device)?)),
            Family::Features => Self::Features(Box::new(Features::open(card, device)?)),
            Family::Sam => Self::Sam(Box::new(Sam::open(card, &Scheme::city(), device)?)),
        })
    }

    fn run(&mut self, chip: &[f32]) -> Result<(), ModelError> {
        match self {
            Self::Ways(model) => model.answer(chip).map(drop),
            Self::Semantic(network) => network.segment(chip).map(drop),
            Self::Features(network) => network.run(chip).map(drop),
            Self::Sam(network) => network.find(chip).map(drop),
        }
    }

    /// Where it runs.
    pub fn device(&self) -> String {
        match self {
            Self::Ways(model) => model.device(),
            Self::Semantic(network) => network.device(),
            Self::Features(network) => network.device(),
            Self::Sam(network) => network.device(),
        }
    }
}
