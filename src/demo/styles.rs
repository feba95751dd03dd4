//! Ways to build: roofs that go together, and the room that a house needs.

use super::building::{Building, Shape};
use super::geometry::{Place, Rectangle, convex_overlap, hull, inside};
use super::materials::{Material, Rgb, near};
use super::quarters::Lot;
use super::roof::{Cover, Roof};
use super::town::{Object, Town, class};
use crate::random::Dice;

const CONCRETE: [Rgb; 5] =
    [[170.0, 166.0, 158.0], [188.0, 185.0, 178.0], [148.0, 145.0, 140.0], [176.0, 168.0, 154.0], [206.0, 204.0, 199.0]];
const SHEETS: [Rgb; 7] = [
    [58.0, 116.0, 178.0],
    [148.0, 150.0, 152.0],
    [176.0, 178.0, 180.0],
    [152.0, 64.0, 56.0],
    [128.0, 116.0, 108.0],
    [92.0, 138.0, 172.0],
    [122.0, 92.0, 76.0],
];
const TILES: [Rgb; 6] = [
    [166.0, 92.0, 66.0],
    [150.0, 82.0, 62.0],
    [114.0, 106.0, 101.0],
    [178.0, 110.0, 80.0],
    [94.0, 91.0, 92.0],
    [138.0, 76.0, 62.0],
];

/// A roof with its form and its cover.
pub type Style = (Roof, Cover);

/// A flat roof that is lived on.
pub fn terrace(dice: &mut Dice) -> Style {
    let colour = near(dice.pick(&CONCRETE), 0.12, dice.bits());
    (Roof::Flat, Cover { material: Material::Concrete, colour, clutter: dice.range(0.35, 1.0) })
}

/// Corrugated sheets.
pub fn sheets(dice: &mut Dice) -> Style {
    let colour = near(dice.pick(&SHEETS), 0.12, dice.bits());
    let roof = dice.weighted(&[(0.5, Roof::Shed(0.09)), (0.5, Roof::Gable(0.2))]);
    (roof, Cover { material: Material::Sheet, colour, clutter: 0.0 })
}

/// Tiles.
pub fn tiles(dice: &mut Dice) -> Style {
    let colour = near(dice.pick(&TILES), 0.12, dice.bits());
    let roof = dice.weighted(&[(0.6, Roof::Gable(0.62)), (0.4, Roof::Hip(0.5))]);
    (roof, Cover { material: Material::Tile, colour, clutter: dice.unit() })
}

/// What is to be built.
#[derive(Debug, Clone, Copy)]
pub struct Draft {
    /// The plan.
    pub shape: Shape,
    /// The frame around its middle.
    pub place: Place,
    /// Width and depth in metres.
    pub size: (f64, f64),
    /// To the eaves, in metres.
    pub eaves_m: f64,
}

/// Builds in a block, clear of its other buildings; smaller where room is short, not at all where there is none.
pub fn raise(town: &mut Town, dice: &mut Dice, lot: &Lot<'_>, (draft, style): (Draft, Style)) {
    let border = lot.ring();
    for share in [1.0, 0.93, 0.86, 0.78, 0.7] {
        let size = (draft.size.0 * share, draft.size.1 * share);
        let around = draft.place.rectangle(Rectangle::centred(size.0, size.1));
        let taken = |o: &Object| o.class == class::BUILDING && convex_overlap(&hull(&o.rings[0]), &around);
        let free = around.iter().all(|p| inside(&border, *p)) && !town.objects.iter().rev().take(120).any(taken);
        if free {
            let building = Building::new(draft.shape, draft.place, size, draft.eaves_m);
            return building.build(town, dice, style.0, &style.1);
        }
    }
}
