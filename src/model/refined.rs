//! The hybrid: scores of a head or a dense model, whose borders are those of masks where the scores are unsure of them.
//!
//! It looks at one chip alone and changes its scores before they are blended, so that blending stays as exact as it is.

use super::ensemble::{Seen, seen_by};
use super::head::Enlarge;
use super::{ChipScores, ChipSpec, Mask, ModelCard, ModelError, Sam, Segmenter};
use crate::distance::distances;

/// A pixel whose two largest scores differ by less, of 255, is unsure: less than three to one where there are two.
const UNSURE: u8 = 128;
/// A mask is that of an object if they share more than this part of both together: at more than one half no two objects
/// have the same one, and it is the usual measure of finding an object (Everingham and others 2010, section 4.4).
const SAME: f64 = 0.5;
/// Objects of fewer pixels are left as they are: a mask is drawn at a quarter of the side of what SAM sees.
const LEAST_PX: usize = 64;

/// A segmenter whose objects get the outlines of masks.
pub struct Refined {
    inner: Box<dyn Segmenter>,
    sam: Sam,
    seen: Seen,
}

/// A region of one class that no side of the chip cuts, and of whose border the scores are unsure.
struct Object {
    plane: usize,
    pixels: Vec<usize>,
    /// The first and the last column and row, (x, y).
    around: [[u32; 2]; 2],
    /// The pixel furthest from the border, (x, y).
    inner: [u32; 2],
}

impl Refined {
    /// Chips as the segmenter of a card takes them; they are enlarged to the side that SAM's encoder takes.
    ///
    /// # Errors
    /// When SAM wants a channel that chips have not, is no good for the resolution at which it would see them, or cannot be
    /// asked about boxes.
    pub fn new(
        inner: Box<dyn Segmenter>,
        card: &ModelCard,
        sam: Sam,
        sam_card: &ModelCard,
    ) -> Result<Self, ModelError> {
        let larger = f64::from(sam_card.input.chip_px) / f64::from(card.input.chip_px);
        let seen = seen_by((card, card.input.resolution_m_per_px / larger), sam_card)?;
        sam.takes_boxes()?;
        Ok(Self { inner, sam, seen })
    }

    fn refine(&mut self, scores: &mut ChipScores, chip: &[f32]) -> Result<(), ModelError> {
        let side = scores.side_px as usize;
        let ranked = Ranked::new(scores, self.inner.spec().classes.len());
        let objects = objects(&ranked, side);
        if objects.is_empty() {
            return Ok(());
        }
        let seen = self.seen.of(chip, side * side);
        let enlarge = Enlarge::to(side, self.sam.spec().chip_px as usize);
        let enlarged: Vec<f32> = seen.chunks_exact(side * side).flat_map(|plane| enlarge.plane(plane)).collect();
        let asked: Vec<_> = objects.iter().map(|object| (object.inner, object.around)).collect();
        let masks = self.sam.ask(&enlarged, &asked, side)?;
        let mut outlined: Vec<(f64, &Object, Vec<bool>)> = Vec::new();
        for (object, masks) in objects.iter().zip(masks) {
            let of = masks.iter().map(|mask| object.compared(mask, side));
            // Of equals the first.
            let best = of.reduce(|best, one| if one.0 > best.0 { one } else { best });
            outlined.extend(best.filter(|(iou, _)| *iou > SAME).map(|(iou, inside)| (iou, object, inside)));
        }
        // Where two want the same pixel, the better fit has it.
        outlined.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.pixels[0].cmp(&b.1.pixels[0])));
        let mut changed = vec![false; side * side];
        for (_, object, inside) in outlined {
            object.take_outline(&inside, &ranked, (scores, &mut changed));
        }
        Ok(())
    }
}

impl Segmenter for Refined {
    fn spec(&self) -> &ChipSpec {
        self.inner.spec()
    }

    fn segment(&mut self, chips: &[f32]) -> Result<Vec<ChipScores>, ModelError> {
        let mut of_chips = self.inner.segment(chips)?;
        let len = self.spec().tensor_len();
        for (scores, chip) in of_chips.iter_mut().zip(chips.chunks_exact(len)) {
            self.refine(scores, chip)?;
        }
        Ok(of_chips)
    }

    fn device(&self) -> String {
        self.inner.device()
    }
}

/// The classes of each pixel by their scores.
struct Ranked {
    /// The plane of the largest score, the first of equals, and of the next.
    first: Vec<u8>,
    second: Vec<u8>,
    unsure: Vec<bool>,
}

impl Ranked {
    /// Of the planes of classes.
    fn new(scores: &ChipScores, classes: usize) -> Self {
        let pixels = (scores.side_px as usize).pow(2);
        let (mut first, mut second) = (vec![0_u8; pixels], vec![0_u8; pixels]);
        let (mut top, mut next) = (vec![-1_i16; pixels], vec![-1_i16; pixels]);
        for (of_plane, plane) in scores.scores.chunks_exact(pixels).take(classes).zip(0_u8..) {
            for (i, score) in of_plane.iter().map(|score| i16::from(*score)).enumerate() {
                if score > top[i] {
                    (next[i], second[i]) = (top[i], first[i]);
                    (top[i], first[i]) = (score, plane);
                } else if score > next[i] {
                    (next[i], second[i]) = (score, plane);
                }
            }
        }
        let unsure = top.iter().zip(&next).map(|(top, next)| *next >= 0 && top - next < i16::from(UNSURE)).collect();
        Self { first, second, unsure }
    }
}

/// The objects of a chip whose borders are asked about, in the order of their first pixels.
fn objects(ranked: &Ranked, side: usize) -> Vec<Object> {
    let mut seen = vec![false; side * side];
    let mut objects = Vec::new();
    for first in 0..side * side {
        if !seen[first] {
            let pixels = region(first, &ranked.first, side, &mut seen);
            objects.extend(object(pixels, ranked, side));
        }
    }
    objects
}

/// The pixels of the same plane that hang together by their sides with one of them.
fn region(first: usize, planes: &[u8], side: usize, seen: &mut [bool]) -> Vec<usize> {
    seen[first] = true;
    let mut pixels = vec![first];
    let mut next = 0;
    while next < pixels.len() {
        for beside in beside(pixels[next], side) {
            if planes[beside] == planes[first] && !seen[beside] {
                seen[beside] = true;
                pixels.push(beside);
            }
        }
        next += 1;
    }
    pixels
}

fn beside(at: usize, side: usize) -> impl Iterator<Item = usize> {
    let (row, col) = (at / side, at % side);
    let around = [(row > 0, -1, 0), (row + 1 < side, 1, 0), (col > 0, 0, -1), (col + 1 < side, 0, 1)];
    around
        .into_iter()
        .filter(|(inside, ..)| *inside)
        .map(move |(_, down, across)| ((row as isize + down) * side as isize + col as isize + across) as usize)
}

/// A region as an object, if it is large enough, no side of the chip cuts it, and its border is unsure: it has more unsure
/// pixels than pixels along its border, so that the scores take more than a pixel to turn.
fn object(pixels: Vec<usize>, ranked: &Ranked, side: usize) -> Option<Object> {
    let plane = ranked.first[pixels[0]];
    let last = side - 1;
    let is_cut = |at: &usize| [at / side, at % side].into_iter().any(|place| place == 0 || place == last);
    if pixels.len() < LEAST_PX || pixels.iter().any(is_cut) {
        return None;
    }
    let is_border = |at: &&usize| beside(**at, side).any(|other| ranked.first[other] != plane);
    let unsure = pixels.iter().filter(|at| ranked.unsure[**at]).count();
    if unsure <= pixels.iter().filter(is_border).count() {
        return None;
    }
    let of_axis = |axis: &dyn Fn(usize) -> usize| {
        pixels.iter().map(|at| axis(*at)).fold([last, 0], |[from, to], place| [from.min(place), to.max(place)])
    };
    let (cols, rows) = (of_axis(&|at| at % side), of_axis(&|at| at / side));
    let around = [[cols[0], rows[0]], [cols[1], rows[1]]].map(|corner| corner.map(|at| at as u32));
    Some(Object { plane: usize::from(plane), inner: innermost(&pixels, (cols, rows), side), around, pixels })
}

/// The pixel of a region that is furthest from what is outside, of equals the first, (x, y).
fn innermost(pixels: &[usize], (cols, rows): ([usize; 2], [usize; 2]), side: usize) -> [u32; 2] {
    // A pixel around the box is outside.
    let (left, top, width) = (cols[0] - 1, rows[0] - 1, cols[1] - cols[0] + 3);
    let mut inside = vec![false; width * (rows[1] - rows[0] + 3)];
    pixels.iter().for_each(|at| inside[(at / side - top) * width + at % side - left] = true);
    let far = distances(&inside, width, [1.0, 1.0]);
    let best = (0..far.len()).fold(0, |best, at| if far[at] > far[best] { at } else { best });
    [(best % width + left) as u32, (best / width + top) as u32]
}

impl Object {
    /// How well a mask covers it, intersection over union, and which pixels the mask holds.
    fn compared(&self, mask: &Mask, side: usize) -> (f64, Vec<bool>) {
        let mut inside = vec![false; side * side];
        for run in &mask.runs {
            let row = usize::from(run.row) * side;
            inside[row + usize::from(run.start)..row + usize::from(run.end)].fill(true);
        }
        let common = self.pixels.iter().filter(|at| inside[**at]).count() as f64;
        let all = f64::from(mask.area_px()) + self.pixels.len() as f64 - common;
        (common / all, inside)
    }

    /// Exchanges the scores of unsure pixels: those that the mask adds get the object's class, those that it leaves out
    /// the next class. Sums stay, and so does how sure a pixel is.
    fn take_outline(&self, inside: &[bool], ranked: &Ranked, (scores, changed): (&mut ChipScores, &mut [bool])) {
        let pixels = inside.len();
        let mut own = vec![false; pixels];
        self.pixels.iter().for_each(|at| own[*at] = true);
        for at in (0..pixels).filter(|at| own[*at] != inside[*at] && ranked.unsure[*at]) {
            let other = if own[at] { ranked.second[at] } else { ranked.first[at] };
            if !changed[at] {
                scores.scores.swap(self.plane * pixels + at, usize::from(other) * pixels + at);
                changed[at] = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{FoundMask, card, picture};
    use super::*;
    use crate::model::Device;
    use crate::scheme::{ClassId, Scheme};

    const SIDE: usize = 128;

    /// Says the same of every chip.
    struct Fixed(ChipSpec, ChipScores);

    impl Segmenter for Fixed {
        fn spec(&self) -> &ChipSpec {
            &self.0
        }

        fn segment(&mut self, chips: &[f32]) -> Result<Vec<ChipScores>, ModelError> {
            Ok(vec![self.1.clone(); chips.len() / self.0.tensor_len()])
        }

        fn device(&self) -> String {
            "cpu".to_owned()
        }
    }

    /// The probability of a mask as patches of some pixels see it, enlarged.
    fn seen_by_patches(truth: &[bool], patch: usize) -> Vec<f32> {
        let across = SIDE / patch;
        let share = |n: usize| {
            let (top, left) = (n / across * patch, n % across * patch);
            let pixels = (0..patch * patch).map(|i| (top + i / patch) * SIDE + left + i % patch);
            pixels.filter(|at| truth[*at]).count() as f32 / (patch * patch) as f32
        };
        let shares: Vec<f32> = (0..across * across).map(share).collect();
        Enlarge::to(across, SIDE).plane(&shares)
    }

    fn scores(probability: &[f32]) -> ChipScores {
        let is: Vec<u8> = probability.iter().map(|p| (p * 255.0).round() as u8).collect();
        let scores = is.iter().map(|p| 255 - p).chain(is.iter().copied()).collect();
        ChipScores { side_px: SIDE as u32, scores }
    }

    fn refined(scores: &ChipScores, model: &str) -> Vec<ChipScores> {
        let card = card(model);
        let sam = Sam::open(&card, &Scheme::city(), Device::Cpu).expect("make setup has been run");
        let spec =
            ChipSpec { channels: 3, chip_px: SIDE as u32, classes: vec![ClassId(1), ClassId(7)], unknown: false };
        let mut refined = Refined::new(Box::new(Fixed(spec, scores.clone())), &card, sam, &card).expect("they fit");
        let chip = picture(&card);
        refined.segment(&[chip.clone(), vec![0.0; chip.len()], chip].concat()).expect("runs")
    }

    fn is_object(scores: &ChipScores) -> Vec<bool> {
        (0..SIDE * SIDE).map(|i| scores.scores[SIDE * SIDE + i] > scores.scores[i]).collect()
    }

    fn iou(a: &[bool], b: &[bool]) -> f64 {
        let count = |of: &dyn Fn(bool, bool) -> bool| a.iter().zip(b).filter(|(a, b)| of(**a, **b)).count() as f64;
        count(&|a, b| a && b) / count(&|a, b| a || b)
    }

    /// Masks of the picture that no side cuts.
    fn whole() -> Vec<Vec<bool>> {
        let masks = FoundMask::read("sam.masks.json").into_iter();
        let inside = |pixels: &Vec<bool>| {
            let near = |i: usize| [i / SIDE, i % SIDE].iter().any(|at| !(3..SIDE - 3).contains(at));
            (0..pixels.len()).all(|i| !pixels[i] || !near(i))
        };
        masks.map(|mask| mask.pixels()).filter(inside).collect()
    }

    #[test]
    fn a_blurred_object_takes_the_outline_of_its_mask() {
        // The small SAM was taught by points alone, as the split layout asks.
        let (mut before, mut after) = (0.0, 0.0);
        let whole = whole();
        assert!(whole.len() >= 4, "{} objects", whole.len());
        for truth in &whole {
            let blurred = scores(&seen_by_patches(truth, 16));
            let found = refined(&blurred, "sam-split.toml");
            assert_eq!(found[0], found[2], "the same chip, the same scores, whatever lies between");
            let (was, is) = (iou(&is_object(&blurred), truth), iou(&is_object(&found[0]), truth));
            println!("{was:.3} to {is:.3}");
            (before, after) = (before + was, after + is);
            for at in 0..SIDE * SIDE {
                let of = |scores: &ChipScores| [scores.scores[at], scores.scores[SIDE * SIDE + at]];
                let (was, is) = (of(&blurred), of(&found[0]));
                let sure = was[0].abs_diff(was[1]) >= UNSURE;
                assert!(is == was || (!sure && is == [was[1], was[0]]), "scores are exchanged where they are unsure");
            }
        }
        let n = whole.len() as f64;
        println!(
            "IoU of {n} objects with their masks: {:.3} by patches of 16 px, {:.3} refined",
            before / n,
            after / n
        );
        assert!(after / n > before / n + 0.01, "{} to {}", before / n, after / n);
    }

    #[test]
    fn a_box_is_asked_about_too() {
        let before = scores(&seen_by_patches(&whole().remove(0), 16));
        let found = refined(&before, "sam.toml");
        assert_eq!(found[0], found[2]);
        let sums = |scores: &ChipScores| {
            (0..SIDE * SIDE).map(|i| u16::from(scores.scores[i]) + u16::from(scores.scores[SIDE * SIDE + i])).max()
        };
        assert_eq!(sums(&found[0]), Some(255), "whatever is found, scores are exchanged, not made");
    }

    #[test]
    fn a_decoder_that_takes_no_boxes_is_refused_when_it_is_loaded() {
        let mut card = card("sam.toml");
        card.masks.as_mut().expect("of the family").decoder = "two-points.onnx".into();
        let sam = Sam::open(&card, &Scheme::city(), Device::Cpu).expect("points are taken");
        let spec = sam.spec().clone();
        let fixed = Fixed(spec, ChipScores { side_px: SIDE as u32, scores: Vec::new() });
        let error = Refined::new(Box::new(fixed), &card, sam, &card).err().expect("no boxes").to_string();
        assert!(error.contains("masks.decoder") && error.contains("two-points.onnx"), "{error}");
    }

    #[test]
    fn what_is_sure_small_or_cut_stays() {
        let truth = whole().remove(0);
        let sharp: Vec<f32> = truth.iter().map(|inside| f32::from(u8::from(*inside))).collect();
        let at = |inside: &dyn Fn(usize, usize) -> bool| -> Vec<f32> {
            let all: Vec<bool> = (0..SIDE * SIDE).map(|i| inside(i / SIDE, i % SIDE)).collect();
            seen_by_patches(&all, 16)
        };
        let cut = at(&|row, col| (32..64).contains(&row) && col < 40);
        let blank = vec![0.2_f32; SIDE * SIDE];
        for probability in [sharp, cut, blank] {
            let before = scores(&probability);
            assert_eq!(refined(&before, "sam.toml")[0], before);
        }
    }

    #[test]
    fn the_inner_pixel_lies_inside_and_far_from_the_border() {
        let side = 40;
        // A horseshoe, thicker on its right.
        let inside = |i: usize| {
            let (row, col) = (i / side, i % side);
            (5..35).contains(&row)
                && ((5..9).contains(&col) || (22..34).contains(&col) || (row > 29 && (5..34).contains(&col)))
        };
        let pixels: Vec<usize> = (0..side * side).filter(|i| inside(*i)).collect();
        let [x, y] = innermost(&pixels, ([5, 33], [5, 34]), side);
        assert!((26..30).contains(&x) && (9..33).contains(&y), "{x} {y}");
    }
}
