//! A sieve whose decision on a pixel depends on a bounded neighbourhood only.

use super::Plane;

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

/// Gives small patches the plane that is most frequent along their border, step by step; in each step all at once, by the
/// planes before. The work is done on runs, so that it takes as long as borders are, not as areas are.
///
/// Patches that touch the border of the buffer are judged by what is seen of them: the caller keeps
/// [`SieveStep::reach_px`] between that border and the pixels that it uses.
pub(super) fn sieve<P: Plane>(planes: &mut [P], cols: usize, steps: &[SieveStep]) {
    if steps.is_empty() || planes.is_empty() {
        return;
    }
    let mut lines = Lines::of(planes, cols);
    for step in steps {
        lines = lines.sieved(*step);
    }
    for (line, row) in planes.chunks_exact_mut(cols).zip(0..) {
        lines.row(row).for_each(|run| line[run.start as usize..run.end as usize].fill(run.plane));
    }
}

/// Pixels of a row, side by side, of one plane.
#[derive(Debug, Clone, Copy)]
struct Run<P> {
    start: u32,
    end: u32,
    plane: P,
}

/// A patch's pixel count and bounding box.
#[derive(Debug, Clone, Copy)]
struct Patch<P> {
    pixels: u32,
    plane: P,
    cols: (u32, u32),
    rows: (u32, u32),
}

impl<P: Plane> Patch<P> {
    fn is_small(&self, step: SieveStep) -> bool {
        let extent = (self.cols.1 - self.cols.0).max(self.rows.1 - self.rows.0) + 1;
        self.plane != P::NONE && self.pixels < step.min_px && extent <= step.max_extent_px
    }

    fn absorb(&mut self, run: &Run<P>, row: u32) {
        self.pixels += run.end - run.start;
        self.cols = (self.cols.0.min(run.start), self.cols.1.max(run.end - 1));
        self.rows.1 = self.rows.1.max(row);
    }
}

/// The runs of a buffer, row by row.
struct Lines<P> {
    runs: Vec<Run<P>>,
    /// Where the runs of each row begin, and the end.
    starts: Vec<usize>,
}

impl<P: Plane> Lines<P> {
    fn of(planes: &[P], cols: usize) -> Self {
        let (mut runs, mut starts) = (Vec::new(), vec![0]);
        for line in planes.chunks_exact(cols) {
            let mut start = 0;
            while start < cols {
                let end = start + alike(&line[start..]);
                runs.push(Run { start: start as u32, end: end as u32, plane: line[start] });
                start = end;
            }
            starts.push(runs.len());
        }
        Self { runs, starts }
    }

    fn row(&self, row: usize) -> impl Iterator<Item = &Run<P>> {
        self.runs[self.starts[row]..self.starts[row + 1]].iter()
    }

    fn rows(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        self.starts.iter().zip(&self.starts[1..]).map(|(start, end)| *start..*end)
    }

    fn sieved(mut self, step: SieveStep) -> Self {
        let (patch_of_run, patches) = self.patches();
        let small: Vec<bool> = patches.iter().map(|p| p.is_small(step)).collect();
        if !small.contains(&true) {
            return self;
        }
        let winners = self.border_winners(&patch_of_run, &small);
        for (run, patch) in self.runs.iter_mut().zip(&patch_of_run) {
            run.plane = winners[*patch as usize].unwrap_or(run.plane);
        }
        self.joined()
    }

    /// The 4-connected patch of each run, by union-find (He, Chao and Suzuki 2008, run-based).
    fn patches(&self) -> (Vec<u32>, Vec<Patch<P>>) {
        let mut parent: Vec<u32> = (0..self.runs.len() as u32).collect();
        self.each_meeting(|above, below, _| {
            if self.runs[above].plane == self.runs[below].plane {
                let (a, b) = (find(&mut parent, above as u32), find(&mut parent, below as u32));
                // The earlier run leads, so that a root never comes after its members.
                parent[a.max(b) as usize] = a.min(b);
            }
        });
        let mut patches: Vec<Patch<P>> = Vec::new();
        for (runs, row) in self.rows().zip(0..) {
            for at in runs {
                let (run, leader) = (&self.runs[at], parent[at] as usize);
                // What stands before is numbered already, and so is its leader.
                let number = if leader == at { patches.len() as u32 } else { parent[leader] };
                if leader == at {
                    let cols = (run.start, run.end - 1);
                    patches.push(Patch { pixels: 0, plane: run.plane, cols, rows: (row, row) });
                }
                patches[number as usize].absorb(run, row);
                parent[at] = number;
            }
        }
        (parent, patches)
    }

    /// Tells of each two runs that lie above each other, and along how many pixels.
    fn each_meeting(&self, mut meet: impl FnMut(usize, usize, u32)) {
        for (above, below) in self.rows().zip(self.rows().skip(1)) {
            let (mut a, mut b) = (above.start, below.start);
            while a < above.end && b < below.end {
                let (upper, lower) = (&self.runs[a], &self.runs[b]);
                let (start, end) = (upper.start.max(lower.start), upper.end.min(lower.end));
                if start < end {
                    meet(a, b, end - start);
                }
                a += usize::from(upper.end == end);
                b += usize::from(lower.end == end);
            }
        }
    }

    /// For each small patch the most frequent plane along its border, ties to the lowest.
    ///
    /// Votes are laid down patch by patch, counted first, so that only the few of one patch are ever put in order.
    fn border_winners(&self, patch_of_run: &[u32], small: &[bool]) -> Vec<Option<P>> {
        let mut ends = vec![0_usize; small.len() + 1];
        self.each_vote(patch_of_run, small, |patch, _| ends[patch + 1] += 1);
        for patch in 1..ends.len() {
            ends[patch] += ends[patch - 1];
        }
        let mut votes = vec![(P::NONE, 0_u32); ends[small.len()]];
        // Each start moves on to its end while votes are laid down.
        self.each_vote(patch_of_run, small, |patch, vote| {
            votes[ends[patch]] = vote;
            ends[patch] += 1;
        });
        let (mut start, mut tally) = (0, Vec::new());
        let of_patch = |end: &usize| {
            let votes = &votes[start..*end];
            start = *end;
            winner(votes, &mut tally)
        };
        ends[..small.len()].iter().map(of_patch).collect()
    }

    /// Tells of each plane beside a small patch, and along how many pixels.
    fn each_vote(&self, patch_of_run: &[u32], small: &[bool], mut give: impl FnMut(usize, (P, u32))) {
        let mut vote = |run: usize, beside: usize, pixels: u32| {
            let (patch, plane) = (patch_of_run[run] as usize, self.runs[beside].plane);
            if small[patch] && plane != P::NONE && patch_of_run[run] != patch_of_run[beside] {
                give(patch, (plane, pixels));
            }
        };
        self.each_meeting(|above, below, pixels| {
            vote(above, below, pixels);
            vote(below, above, pixels);
        });
        for runs in self.rows() {
            for right in runs.skip(1) {
                vote(right - 1, right, 1);
                vote(right, right - 1, 1);
            }
        }
    }

    /// Makes one run of neighbours that have come to the same plane.
    fn joined(self) -> Self {
        let (mut runs, mut starts) = (Vec::<Run<P>>::with_capacity(self.runs.len()), vec![0]);
        for row in self.rows() {
            let first = runs.len();
            for run in &self.runs[row] {
                match runs[first..].last_mut() {
                    Some(last) if last.plane == run.plane => last.end = run.end,
                    _ => runs.push(*run),
                }
            }
            starts.push(runs.len());
        }
        Self { runs, starts }
    }
}

/// The plane of the most pixels, ties to the lowest; none of no votes. `tally` is room for the count.
fn winner<P: Plane>(votes: &[(P, u32)], tally: &mut Vec<(P, u32)>) -> Option<P> {
    tally.clear();
    for &(plane, pixels) in votes {
        match tally.binary_search_by_key(&plane, |(plane, _)| *plane) {
            Ok(at) => tally[at].1 += pixels,
            Err(at) => tally.insert(at, (plane, pixels)),
        }
    }
    // Of equals the last is taken.
    tally.iter().rev().max_by_key(|(_, pixels)| *pixels).map(|(plane, _)| *plane)
}

/// How many of the first pixels are like the first.
fn alike<P: Plane>(line: &[P]) -> usize {
    const STEP: usize = 32;
    let same = line.chunks_exact(STEP).take_while(|step| **step == [line[0]; STEP]).count() * STEP;
    same + line[same..].iter().take_while(|plane| **plane == line[0]).count()
}

fn find(parent: &mut [u32], mut run: u32) -> u32 {
    while parent[run as usize] != run {
        parent[run as usize] = parent[parent[run as usize] as usize];
        run = parent[run as usize];
    }
    run
}
