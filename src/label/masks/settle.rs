//! The masks of a chip given their place: which it may own, what they are.

use std::collections::HashSet;

use super::{InstanceId, MaskedChip, OwnedMask, shape};
use crate::georef::Window;
use crate::model::{ChipFeatures, ChipMasks, MaskCard, MaskClasses, MaskRun, MaskScorer, chosen};
use crate::raster::{Channel, PixelWindow};
use crate::scheme::ClassId;

/// Reads the masks of chips.
#[derive(Debug, Clone)]
pub struct MaskReader {
    /// How masks are chosen and classed.
    pub card: MaskCard,
    /// The classes of its rules.
    pub classes: MaskClasses,
    /// What says what masks are in place of the rules.
    pub scorer: Option<MaskScorer>,
    /// The channels of chips.
    pub channels: Vec<Channel>,
    /// The whole work grid.
    pub mosaic: Window,
    /// Whether it is told how unlike all that the scorer has seen masks are.
    pub unknown_band: bool,
    /// The ground that a pixel covers.
    pub pixel_area_m2: f64,
}

impl MaskReader {
    /// The masks of a chip that it may own: their anchors lie in its `cell`, or so near to it that its neighbour may think
    /// the object is this chip's. Pixels without imagery are cut off.
    #[must_use]
    pub fn settle(&self, found: ChipMasks, chip: PixelWindow, cell: &Window) -> MaskedChip {
        let near = cell.expanded(self.card.edge_px);
        let mut taken = HashSet::new();
        let mut owned = Vec::new();
        for mask in chosen(found.masks, &self.card, &chip.window, &self.mosaic) {
            let runs = seen(&mask.runs, &chip);
            let Some((row, col)) = anchor(&runs) else { continue };
            let global = (chip.window.row + i64::from(row), chip.window.col + i64::from(col));
            // A part in the middle of a whole has its anchor too.
            let free = |at: &(u16, u16)| !taken.contains(at);
            let Some(own) = std::iter::once((row, col)).chain(pixels(&runs)).find(free) else { continue };
            if near.intersection(&Window::new(global.1, global.0, 1, 1)).is_none() {
                continue;
            }
            taken.insert(own);
            let (class, sure, unlike) = match &self.scorer {
                Some(scorer) => self.by_features(scorer, found.features.as_ref(), &runs),
                None => (self.by_rules(&runs, &chip), 1.0, 0),
            };
            owned.push(OwnedMask {
                class,
                confidence: mask.predicted_iou.clamp(0.0, 1.0) * sure,
                predicted_iou: mask.predicted_iou,
                unlike,
                instance: InstanceId::at(chip.window.row + i64::from(own.0), chip.window.col + i64::from(own.1)),
                runs,
            });
        }
        MaskedChip { window: chip.window, masks: owned, valid: chip.valid }
    }

    /// The class of the first rule that fits.
    fn by_rules(&self, runs: &[MaskRun], chip: &PixelWindow) -> ClassId {
        let stats = shape::stats(runs, chip, self.rgb(), self.pixel_area_m2);
        let rule = self.card.rules.iter().position(|rule| rule.fits(&stats));
        rule.map_or(self.classes.unknown, |at| self.classes.of_rules[at])
    }

    /// The class of the mean of the features under a mask, how sure that is, and how unlike all that the scorer has seen;
    /// of what is too unlike nothing more is known than that it is an object.
    fn by_features(
        &self,
        scorer: &MaskScorer,
        features: Option<&ChipFeatures>,
        runs: &[MaskRun],
    ) -> (ClassId, f32, u8) {
        let read = features.and_then(|features| features.mean(runs)).map(|mean| scorer.read(&mean));
        let (class, sure) = read.and_then(|read| read.class).unwrap_or((self.classes.unknown, 1.0));
        (class, sure, read.and_then(|read| read.unlike).unwrap_or(0))
    }

    fn rgb(&self) -> Option<[usize; 3]> {
        let at = |wanted: Channel| self.channels.iter().position(|channel| *channel == wanted);
        Some([at(Channel::Red)?, at(Channel::Green)?, at(Channel::Blue)?])
    }
}

/// The runs without the pixels that have no imagery.
fn seen(runs: &[MaskRun], chip: &PixelWindow) -> Vec<MaskRun> {
    let cols = chip.window.cols as usize;
    let mut out = Vec::with_capacity(runs.len());
    for run in runs {
        let line = &chip.valid[usize::from(run.row) * cols..][..cols];
        let mut at = run.start;
        while at < run.end {
            let valid = line[usize::from(at)] != 0;
            let same = (at..run.end).take_while(|col| (line[usize::from(*col)] != 0) == valid).count() as u16;
            if valid {
                out.push(MaskRun { row: run.row, start: at, end: at + same });
            }
            at += same;
        }
    }
    out
}

fn pixels(runs: &[MaskRun]) -> impl Iterator<Item = (u16, u16)> {
    runs.iter().flat_map(|run| (run.start..run.end).map(move |col| (run.row, col)))
}

/// The pixel of the mask nearest to the middle of its area, of equals the first, as (row, column).
///
/// In whole numbers, so that it is the same pixel of the ground in every chip that sees the same mask.
fn anchor(runs: &[MaskRun]) -> Option<(u16, u16)> {
    let area: i64 = runs.iter().map(|run| i64::from(run.len())).sum();
    // Twice the sums of the middles of the pixels' rows and columns, without the halves.
    let rows: i64 = runs.iter().map(|run| i64::from(run.row) * i64::from(run.len())).sum();
    let cols: i64 = runs.iter().map(|run| (i64::from(run.start) + i64::from(run.end) - 1) * i64::from(run.len())).sum();
    let far = |row: u16, col: u16| {
        let (down, across) = (2 * (i64::from(row) * area - rows), 2 * i64::from(col) * area - cols);
        i128::from(down).pow(2) + i128::from(across).pow(2)
    };
    let nearest = |run: &MaskRun| {
        let middle = cols / (2 * area);
        let around = [middle, middle + 1].map(|col| col.clamp(i64::from(run.start), i64::from(run.end) - 1) as u16);
        around.into_iter().map(|col| (far(run.row, col), run.row, col)).min()
    };
    runs.iter().filter_map(nearest).min().map(|(_, row, col)| (row, col))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(rows: &[(u16, u16, u16)]) -> Vec<MaskRun> {
        rows.iter().map(|&(row, start, end)| MaskRun { row, start, end }).collect()
    }

    #[test]
    fn the_anchor_lies_in_the_mask_and_moves_with_it() {
        // A horseshoe: the middle of its area is outside.
        let shoe = [(0, 0, 9), (1, 0, 2), (1, 7, 9), (2, 0, 2), (2, 7, 9), (3, 0, 2), (3, 7, 9)];
        let (row, col) = anchor(&runs(&shoe)).expect("pixels");
        assert!(shoe.iter().any(|&(r, start, end)| r == row && (start..end).contains(&col)));
        let moved = shoe.map(|(row, start, end)| (row + 37, start + 101, end + 101));
        assert_eq!(anchor(&runs(&moved)), Some((row + 37, col + 101)));
        assert_eq!(anchor(&runs(&[(4, 2, 7), (5, 2, 7), (6, 2, 7)])), Some((5, 4)));
        assert_eq!(anchor(&[]), None);
    }

    #[test]
    fn pixels_without_imagery_are_cut_off() {
        let window = Window::new(0, 0, 6, 2);
        let valid = vec![1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0];
        let chip = PixelWindow { window, channels: 0, samples: Vec::new(), valid };
        assert_eq!(seen(&runs(&[(0, 0, 6), (1, 0, 6)]), &chip), runs(&[(0, 0, 2), (0, 4, 6)]));
    }
}
