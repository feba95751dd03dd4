//! A sieve whose decision on a pixel depends on a bounded neighbourhood only.

use super::NO_PLANE;

/// One threshold of the sieve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SieveStep {
    /// Patches with fewer pixels go, …
    pub(super) min_px: u32,
    /// … unless their bounding box is longer than this: what is long is a path, not a speck.
    max_extent_px: u32,
}

impl SieveStep {
    pub(super) fn new(min_px: u32) -> Self {
        Self { min_px, max_extent_px: 4 * f64::from(min_px).sqrt().ceil() as u32 }
    }

    /// How far from a pixel the decision looks: over a patch and its border.
    pub(super) fn reach_px(self) -> u32 {
        self.max_extent_px.min(self.min_px) + 1
    }
}

/// Gives small patches the plane that is most frequent along their border; all at once, by the planes before.
///
/// Patches that touch the border of the buffer are judged by what is seen of them: the caller keeps
/// [`SieveStep::reach_px`] between that border and the pixels that it uses.
pub(super) fn sieve(planes: &mut [u8], cols: usize, step: SieveStep) {
    let patches = Patches::label(planes, cols);
    let small: Vec<bool> = patches.sizes.iter().map(|p| p.is_small(step)).collect();
    if !small.contains(&true) {
        return;
    }
    let winners = border_winners(planes, cols, &patches, &small);
    for (plane, patch) in planes.iter_mut().zip(&patches.of_pixel) {
        *plane = winners[*patch as usize].unwrap_or(*plane);
    }
}

/// A patch's pixel count and bounding box.
#[derive(Debug, Clone, Copy)]
struct Patch {
    pixels: u32,
    plane: u8,
    cols: (u32, u32),
    rows: (u32, u32),
}

impl Patch {
    fn is_small(&self, step: SieveStep) -> bool {
        let extent = (self.cols.1 - self.cols.0).max(self.rows.1 - self.rows.0) + 1;
        self.plane != NO_PLANE && self.pixels < step.min_px && extent <= step.max_extent_px
    }

    fn absorb(&mut self, other: &Self) {
        self.pixels += other.pixels;
        self.cols = (self.cols.0.min(other.cols.0), self.cols.1.max(other.cols.1));
        self.rows = (self.rows.0.min(other.rows.0), self.rows.1.max(other.rows.1));
    }
}

/// The 4-connected patches of a buffer.
struct Patches {
    of_pixel: Vec<u32>,
    sizes: Vec<Patch>,
}

impl Patches {
    /// Runs of a row joined with those above by union-find (He, Chao and Suzuki 2008, run-based).
    fn label(planes: &[u8], cols: usize) -> Self {
        let mut of_pixel = vec![0_u32; planes.len()];
        let (mut parent, mut runs): (Vec<u32>, Vec<Patch>) = (Vec::new(), Vec::new());
        for (row, line) in planes.chunks_exact(cols).enumerate() {
            let mut start = 0;
            while start < cols {
                let plane = line[start];
                let end = start + line[start..].iter().take_while(|p| **p == plane).count();
                let run = parent.len() as u32;
                parent.push(run);
                runs.push(Patch {
                    pixels: (end - start) as u32,
                    plane,
                    cols: (start as u32, end as u32 - 1),
                    rows: (row as u32, row as u32),
                });
                if row > 0 {
                    join_above(
                        planes,
                        &of_pixel,
                        &mut parent,
                        (row - 1) * cols + start..(row - 1) * cols + end,
                        run,
                        plane,
                    );
                }
                of_pixel[row * cols + start..row * cols + end].fill(run);
                start = end;
            }
        }
        Self::compact(of_pixel, parent, &runs)
    }

    /// Numbers the patches from 0 and adds up their runs.
    fn compact(mut of_pixel: Vec<u32>, mut parent: Vec<u32>, runs: &[Patch]) -> Self {
        let mut number = vec![u32::MAX; parent.len()];
        let mut sizes: Vec<Patch> = Vec::new();
        for run in 0..parent.len() as u32 {
            let root = find(&mut parent, run) as usize;
            if number[root] == u32::MAX {
                number[root] = sizes.len() as u32;
                sizes.push(runs[run as usize]);
            } else {
                sizes[number[root] as usize].absorb(&runs[run as usize]);
            }
            number[run as usize] = number[root];
        }
        of_pixel.iter_mut().for_each(|run| *run = number[*run as usize]);
        Self { of_pixel, sizes }
    }
}

fn join_above(planes: &[u8], of_pixel: &[u32], parent: &mut [u32], above: std::ops::Range<usize>, run: u32, plane: u8) {
    let mut last = u32::MAX;
    for at in above {
        if planes[at] == plane && of_pixel[at] != last {
            last = of_pixel[at];
            let (a, b) = (find(parent, last), find(parent, run));
            // The earlier run leads, so that a root never comes after its members.
            parent[a.max(b) as usize] = a.min(b);
        }
    }
}

fn find(parent: &mut [u32], mut run: u32) -> u32 {
    while parent[run as usize] != run {
        parent[run as usize] = parent[parent[run as usize] as usize];
        run = parent[run as usize];
    }
    run
}

/// For each small patch the most frequent plane along its border, ties to the lowest.
fn border_winners(planes: &[u8], cols: usize, patches: &Patches, small: &[bool]) -> Vec<Option<u8>> {
    let mut votes: Vec<(u32, u8)> = Vec::new();
    let mut meet = |a: usize, b: usize| {
        let (patch_a, patch_b) = (patches.of_pixel[a], patches.of_pixel[b]);
        if patch_a != patch_b {
            if small[patch_a as usize] && planes[b] != NO_PLANE {
                votes.push((patch_a, planes[b]));
            }
            if small[patch_b as usize] && planes[a] != NO_PLANE {
                votes.push((patch_b, planes[a]));
            }
        }
    };
    for at in 0..planes.len() {
        if (at + 1) % cols != 0 {
            meet(at, at + 1);
        }
        if at + cols < planes.len() {
            meet(at, at + cols);
        }
    }
    votes.sort_unstable();
    let mut winners: Vec<Option<u8>> = vec![None; small.len()];
    let mut most = vec![0_usize; small.len()];
    for same in votes.chunk_by(|a, b| a == b) {
        let (patch, plane) = (same[0].0 as usize, same[0].1);
        if same.len() > most[patch] {
            (most[patch], winners[patch]) = (same.len(), Some(plane));
        }
    }
    winners
}
