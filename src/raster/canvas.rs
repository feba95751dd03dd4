//! The window that scenes are laid onto, each where the earlier ones left something open.

use super::PixelWindow;
use crate::georef::Window;

/// A pixel counts as imagery when scenes cover its middle, or at least half of it.
const MIN_WEIGHT: f32 = 0.499;
/// A pixel is done when scenes cover all of it.
const FULL_WEIGHT: f32 = 0.999;

/// A window being filled.
pub(super) struct Canvas {
    pub(super) pixels: PixelWindow,
    /// Pixels that are not done.
    open: usize,
    /// Where scenes covered pixels only in part: weights, whether the middle is covered, weighted samples; planar.
    partial: Vec<f32>,
}

impl Canvas {
    pub(super) fn new(window: &Window, channels: usize) -> Self {
        let pixels = PixelWindow { window: *window, channels, samples: Vec::new(), valid: Vec::new() };
        Self { pixels, open: window.pixels(), partial: Vec::new() }
    }

    /// Takes the first pixels of the whole window without copying, or makes an empty window.
    fn prepare(&mut self, first: Option<PixelWindow>) {
        let Some(first) = first else {
            let pixels = self.pixels.window.pixels();
            self.pixels.samples = vec![0; pixels * self.pixels.channels];
            self.pixels.valid = vec![0; pixels];
            return;
        };
        self.pixels = first;
        let done: usize = self.pixels.valid.iter().map(|valid| usize::from(*valid)).sum();
        self.open = self.pixels.valid.len() - done;
        if self.open > 0 {
            for plane in self.pixels.samples.chunks_exact_mut(self.pixels.valid.len()) {
                plane.iter_mut().zip(&self.pixels.valid).for_each(|(sample, valid)| *sample *= valid);
            }
        }
    }

    /// Makes room for pixels, where nothing was laid yet.
    pub(super) fn begin(&mut self) {
        if self.pixels.valid.is_empty() {
            self.prepare(None);
        }
    }

    /// Whether later scenes can add nothing.
    pub(super) fn is_full(&self) -> bool {
        self.open == 0
    }

    /// Whether the pixel has its value.
    pub(super) fn is_done(&self, at: usize) -> bool {
        self.pixels.valid[at] != 0
    }

    /// Lays pixels of the same grid, as they are.
    pub(super) fn copy(&mut self, source: PixelWindow) {
        if self.pixels.valid.is_empty() && source.window == self.pixels.window {
            return self.prepare(Some(source));
        }
        self.begin();
        let Some(common) = self.pixels.window.intersection(&source.window) else { return };
        for row in common.row..common.end_row() {
            let to = self.pixels.window.index(common.col, row);
            let from = source.window.index(common.col, row);
            let cols = common.cols as usize;
            let untouched = self.partial.is_empty() && self.pixels.valid[to..to + cols].iter().all(|v| *v == 0);
            if untouched && source.valid[from..from + cols].iter().all(|v| *v == 1) {
                self.copy_row(&source, (from, to), cols);
            } else {
                self.copy_pixels(&source, (from, to), cols);
            }
        }
    }

    fn copy_row(&mut self, source: &PixelWindow, (from, to): (usize, usize), cols: usize) {
        let (planes, size) = (source.samples.chunks_exact(source.valid.len()), self.pixels.valid.len());
        for (plane, samples) in planes.zip(self.pixels.samples.chunks_exact_mut(size)) {
            samples[to..to + cols].copy_from_slice(&plane[from..from + cols]);
        }
        self.pixels.valid[to..to + cols].fill(1);
        self.open -= cols;
    }

    fn copy_pixels(&mut self, source: &PixelWindow, (from, to): (usize, usize), cols: usize) {
        let (size, plane) = (self.pixels.valid.len(), source.valid.len());
        for x in 0..cols {
            if source.valid[from + x] == 0 || self.is_done(to + x) {
                continue;
            }
            if self.partial.is_empty() || self.partial[to + x] == 0.0 {
                for channel in 0..self.pixels.channels {
                    self.pixels.samples[channel * size + to + x] = source.samples[channel * plane + from + x];
                }
                self.pixels.valid[to + x] = 1;
                self.open -= 1;
            } else {
                let sample = |channel: usize| f32::from(source.samples[channel * plane + from + x]);
                self.add(to + x, (1.0, true), sample);
            }
        }
    }

    /// Adds a share `weight` of pixel `at`, perhaps its middle; `sum` is the weighted sample of a channel.
    pub(super) fn add(&mut self, at: usize, (weight, middle): (f32, bool), sum: impl Fn(usize) -> f32) {
        let size = self.pixels.valid.len();
        let known = if self.partial.is_empty() { 0.0 } else { self.partial[at] };
        if known == 0.0 && weight >= FULL_WEIGHT {
            self.finish(at, |channel| sum(channel) / weight);
            return;
        }
        if self.partial.is_empty() {
            self.partial = vec![0.0; size * (self.pixels.channels + 2)];
        }
        self.partial[at] += weight;
        if middle {
            self.partial[size + at] = 1.0;
        }
        for channel in 0..self.pixels.channels {
            self.partial[(channel + 2) * size + at] += sum(channel);
        }
        if self.partial[at] >= FULL_WEIGHT {
            self.finish_partial(at);
        }
    }

    /// The pixels: what is covered in the middle or by half is imagery.
    pub(super) fn into_pixels(mut self) -> PixelWindow {
        self.begin();
        if !self.partial.is_empty() {
            let size = self.pixels.valid.len();
            for at in 0..size {
                let enough = self.partial[at] >= MIN_WEIGHT || self.partial[size + at] > 0.0;
                if !self.is_done(at) && enough {
                    self.finish_partial(at);
                }
            }
        }
        self.pixels
    }

    fn finish_partial(&mut self, at: usize) {
        let size = self.pixels.valid.len();
        let weight = self.partial[at];
        let partial = std::mem::take(&mut self.partial);
        self.finish(at, |channel| partial[(channel + 2) * size + at] / weight);
        self.partial = partial;
    }

    fn finish(&mut self, at: usize, sample: impl Fn(usize) -> f32) {
        let size = self.pixels.valid.len();
        for channel in 0..self.pixels.channels {
            // A thousandth more than a half: halves of whole averages round up whatever the weights did to them.
            self.pixels.samples[channel * size + at] = (sample(channel) + 0.501) as u8;
        }
        self.pixels.valid[at] = 1;
        self.open -= 1;
    }
}
