//! Long work shows how far it is.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use orthotile::grid::{BlockId, WorkGrid};

/// A bar of blocks, Mpx/s and time left; lines now and then where there is no terminal.
pub struct BlockProgress<'a> {
    grid: &'a WorkGrid,
    bar: ProgressBar,
    started: Instant,
    /// Pixels made by this run.
    pixels: std::cell::Cell<u64>,
    last_line: std::cell::Cell<Instant>,
    device: String,
}

impl<'a> BlockProgress<'a> {
    /// For some blocks, of which some are made already.
    pub fn start(grid: &'a WorkGrid, blocks: &[BlockId], made: impl Fn(BlockId) -> bool, device: &str) -> Self {
        let already = blocks.iter().filter(|b| made(**b)).count();
        let total = blocks.len();
        if already == total {
            eprintln!("all {total} blocks are made already");
        } else if already > 0 {
            eprintln!("going on: {already} of {total} blocks are made already");
        }
        let bar = ProgressBar::new(total as u64).with_position(already as u64);
        let style = ProgressStyle::with_template("segmenting on {prefix} [{bar:32}] {pos}/{len} blocks, {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        bar.set_prefix(device.to_owned());
        bar.enable_steady_tick(Duration::from_millis(500));
        let now = Instant::now();
        Self { grid, bar, started: now, pixels: 0.into(), last_line: now.into(), device: device.to_owned() }
    }

    /// A block is made.
    pub fn made(&self, block: BlockId) {
        self.pixels.set(self.pixels.get() + self.grid.block_window(block).pixels() as u64);
        self.bar.inc(1);
        let mpx_per_s = self.mpx_per_s();
        let left_px =
            (self.bar.length().unwrap_or(0) - self.bar.position()) as f64 * f64::from(self.grid.block_px).powi(2);
        let left = HumanDuration(Duration::from_secs_f64(left_px / 1e6 / mpx_per_s.max(1e-6)));
        self.bar.set_message(format!("{mpx_per_s:.2} Mpx/s, {left} left"));
        if !std::io::stderr().is_terminal() && self.last_line.get().elapsed() > Duration::from_secs(5) {
            self.last_line.set(Instant::now());
            let (at, of) = (self.bar.position(), self.bar.length().unwrap_or(0));
            eprintln!("segmenting on {}: {at}/{of} blocks, {mpx_per_s:.2} Mpx/s, {left} left", self.device);
        }
    }

    /// A block failed; the others go on.
    pub fn failed(&self, block: BlockId, why: &str) {
        self.bar.suspend(|| eprintln!("block {block} failed: {why}"));
    }

    /// The end of the bar, with what it took.
    pub fn finish(&self, chips_run: u64, chips_needed: u64) {
        self.bar.finish_and_clear();
        if self.pixels.get() > 0 {
            let (mpx, seconds) = (self.pixels.get() as f64 / 1e6, self.started.elapsed().as_secs_f64());
            eprintln!(
                "segmented {mpx:.1} Mpx on {} in {seconds:.1} s ({:.2} Mpx/s); {chips_run} chips run, {chips_needed} on the lattice",
                self.device,
                self.mpx_per_s()
            );
        }
    }

    fn mpx_per_s(&self) -> f64 {
        self.pixels.get() as f64 / 1e6 / self.started.elapsed().as_secs_f64().max(1e-3)
    }
}
