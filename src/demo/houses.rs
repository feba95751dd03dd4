//! Blocks with buildings.

use super::building::{Building, Shape};
use super::geometry::{Place, Rectangle, convex_overlap, hull, inside, point};
use super::materials::{Material, Paint, Rgb, near};
use super::nature;
use super::quarters::Lot;
use super::random::Rng;
use super::roof::{Cover, Roof};
use super::town::{Top, Town, class};

const CONCRETE: [Rgb; 4] = [[168.0, 164.0, 156.0], [184.0, 180.0, 172.0], [150.0, 147.0, 142.0], [176.0, 166.0, 150.0]];
const SHEETS: [Rgb; 6] = [
    [62.0, 118.0, 176.0],
    [148.0, 150.0, 152.0],
    [172.0, 174.0, 176.0],
    [150.0, 66.0, 58.0],
    [122.0, 112.0, 106.0],
    [98.0, 138.0, 166.0],
];
const TILES: [Rgb; 5] =
    [[164.0, 92.0, 68.0], [148.0, 82.0, 64.0], [112.0, 104.0, 100.0], [176.0, 110.0, 82.0], [92.0, 90.0, 92.0]];

/// A flat roof that is lived on.
fn terrace_roof(rng: &mut Rng) -> (Roof, Cover) {
    let colour = near(rng.pick(&CONCRETE), 0.14, rng.bits());
    (Roof::Flat, Cover { material: Material::Concrete, colour, clutter: rng.range(0.35, 1.0) })
}

fn sheet_roof(rng: &mut Rng) -> (Roof, Cover) {
    let colour = near(rng.pick(&SHEETS), 0.1, rng.bits());
    let roof = rng.weighted(&[(0.5, Roof::Shed(0.09)), (0.5, Roof::Gable(0.2))]);
    (roof, Cover { material: Material::Sheet, colour, clutter: 0.0 })
}

fn tiled_roof(rng: &mut Rng) -> (Roof, Cover) {
    let colour = near(rng.pick(&TILES), 0.12, rng.bits());
    let roof = rng.weighted(&[(0.6, Roof::Gable(0.62)), (0.4, Roof::Hip(0.5))]);
    (roof, Cover { material: Material::Tile, colour, clutter: rng.unit() })
}

/// Narrow houses wall to wall along two streets, sheds and yards between.
pub fn dense(town: &mut Town, rng: &mut Rng, lot: &Lot<'_>) {
    let (width, depth) = lot.size();
    for (side, sign) in [(0.0, 1.0), (1.0, -1.0)] {
        let mut u = 1.0;
        while u < width - 9.0 {
            let front = rng.range(7.5, 13.5).min(width - u - 0.6);
            let deep = rng.range(9.0, (depth * 0.46).max(10.0));
            let place =
                lot.plan.place(lot.min.0 + u + front / 2.0, lot.min.1 + side * depth + sign * (deep / 2.0 + 0.5));
            let gap = if rng.chance(0.25) { rng.range(1.0, 3.0) } else { 0.15 };
            u += front + gap;
            if rng.chance(0.08) {
                continue; // a gap between houses
            }
            let (roof, cover) = if rng.chance(0.76) { terrace_roof(rng) } else { sheet_roof(rng) };
            let shape = rng.weighted(&[(0.7, Shape::Block), (0.2, Shape::Ell), (0.1, Shape::Horseshoe)]);
            let storeys = (rng.range(1.6, 5.2)).floor();
            raise(town, rng, lot, (shape, place, (front * 0.955, deep), storeys * 3.0 + 0.4), (roof, cover));
        }
    }
    for _ in 0..6 {
        let spot = lot.part((0.08, 0.4), (0.92, 0.6)).at(rng.unit(), rng.unit());
        if rng.chance(0.5) {
            let radius = rng.range(1.2, 3.0);
            nature::tree(town, rng, spot, radius);
        }
    }
}

/// Detached houses in gardens, in two rows.
pub fn villas(town: &mut Town, rng: &mut Rng, lot: &Lot<'_>) {
    let count = (lot.size().0 / rng.range(16.0, 23.0)).floor().max(1.0);
    for row in 0..2 {
        for k in 0..count as u32 {
            let (a, b) = (f64::from(k) / count, f64::from(k + 1) / count);
            let (c, d) = (f64::from(row) * 0.5, f64::from(row + 1) * 0.5);
            garden(town, rng, &lot.part((a, c), (b, d)), row == 0);
        }
    }
}

/// A house, its drive, a shed, trees and a hedge.
fn garden(town: &mut Town, rng: &mut Rng, lot: &Lot<'_>, street_south: bool) {
    if rng.chance(0.35) {
        let (material, colour, class) = rng.pick(&[
            (Material::Soil, [168.0, 146.0, 120.0], class::BARE_LAND),
            (Material::Grass, [96.0, 112.0, 62.0], class::VEGETATION),
            (Material::Crop, [90.0, 108.0, 58.0], class::VEGETATION),
        ]);
        lot.cover(town, Paint::new(material, near(colour, 0.12, rng.bits()), rng.bits()), class);
    }
    let (width, depth) = lot.size();
    let near_street: f64 = if street_south { 0.42 } else { 0.58 };
    let street: f64 = if street_south { 0.0 } else { 1.0 };
    let drive = lot.part((0.04, street.min(near_street)), (0.04 + 2.8 / width, street.max(near_street)));
    drive.cover(
        town,
        Paint::new(Material::Concrete, near([170.0, 164.0, 154.0], 0.12, rng.bits()), rng.bits()),
        class::BARE_LAND,
    );
    let size = (rng.range(8.0, 13.5).min(width * 0.68), rng.range(7.5, 12.0).min(depth * 0.5));
    let middle = lot.part((0.55, near_street), (0.55, near_street));
    let place = lot.plan.place(middle.min.0, middle.min.1);
    let shape = rng.weighted(&[(0.6, Shape::Block), (0.27, Shape::Ell), (0.13, Shape::Tee)]);
    let (roof, cover) = match (rng.unit() * 10.0) as u32 {
        0..=4 => tiled_roof(rng),
        5..=7 => terrace_roof(rng),
        _ => sheet_roof(rng),
    };
    let eaves = rng.pick(&[3.2, 5.6, 6.2, 8.8]);
    raise(town, rng, lot, (shape, place, size, eaves), (roof, cover));
    if rng.chance(0.45) {
        let at = drive.at(0.5, 0.5);
        nature::car(town, rng, at, place.axis.left());
    }
    if rng.chance(0.35) {
        let back = lot.part((0.2, 1.0 - street), (0.2, 1.0 - street));
        let inward = if street_south { -3.0 } else { 3.0 };
        let place = lot.plan.place(back.min.0, back.min.1 + inward);
        let style = sheet_roof(rng);
        raise(town, rng, lot, (Shape::Block, place, (4.5, 3.6), 2.5), style);
    }
    let trees = (rng.range(0.0, 4.5)) as usize;
    nature::grove(town, rng, trees, |a, b| {
        lot.at(0.04 + 0.92 * a, if street_south { 1.0 - 0.34 * b } else { 0.34 * b })
    });
    if rng.chance(0.7) {
        let side = lot.part((0.0, 0.0), (0.5 / width, 1.0)).ring();
        nature::hedge(town, rng, side);
    }
}

/// Two rows of houses under long roofs, gardens behind.
pub fn terraces(town: &mut Town, rng: &mut Rng, lot: &Lot<'_>) {
    let (width, depth) = lot.size();
    let style = if rng.chance(0.75) { tiled_roof(rng) } else { terrace_roof(rng) };
    let deep = rng.range(8.5, 10.5);
    for (row, share) in [(0, 0.0), (1, 1.0)] {
        let v = lot.min.1 + share * depth + if row == 0 { 3.5 + deep / 2.0 } else { -3.5 - deep / 2.0 };
        let mut u = 2.0;
        while u < width - 20.0 {
            let houses = (rng.range(3.0, 6.0)).floor();
            let length = (houses * 6.4).min(width - u - 2.0);
            let place = lot.plan.place(lot.min.0 + u + length / 2.0, v);
            raise(town, rng, lot, (Shape::Block, place, (length, deep), 5.8), (Roof::Gable(0.6), style.1));
            u += length + rng.range(4.0, 8.0);
        }
    }
    let strips = (width / 6.4) as u32;
    for k in 0..strips {
        let a = f64::from(k) / f64::from(strips);
        for (from, to) in [(0.3, 0.48), (0.52, 0.7)] {
            let strip = lot.part((a, from), (a + 0.4 / width, to)).ring();
            if rng.chance(0.6) {
                nature::hedge(town, rng, strip);
            }
            if rng.chance(0.5) {
                let (at, radius) = (lot.at(a + 0.5 / f64::from(strips), rng.range(from, to)), rng.range(0.9, 2.4));
                nature::tree(town, rng, at, radius);
            }
        }
    }
}

/// A closed block around a yard.
pub fn court(town: &mut Town, rng: &mut Rng, lot: &Lot<'_>) {
    let (width, depth) = lot.size();
    let place = lot.plan.place(lot.min.0 + width / 2.0, lot.min.1 + depth / 2.0);
    let green = lot.part((0.3, 0.3), (0.7, 0.7));
    green.cover(town, Paint::new(Material::Grass, [90.0, 106.0, 60.0], rng.bits()), class::VEGETATION);
    nature::grove(town, rng, 5, |a, b| lot.at(0.38 + 0.24 * a, 0.38 + 0.24 * b));
    let style = if rng.chance(0.5) { tiled_roof(rng) } else { terrace_roof(rng) };
    let roof = if matches!(style.0, Roof::Flat) { Roof::Flat } else { Roof::Hip(0.55) };
    raise(town, rng, lot, (Shape::Courtyard, place, (width * 0.82, depth * 0.82), 13.2), (roof, style.1));
}

/// The church on its square.
pub fn church(town: &mut Town, rng: &mut Rng, lot: &Lot<'_>) {
    let (width, depth) = lot.size();
    let place = lot.plan.place(lot.min.0 + width * 0.5, lot.min.1 + depth * 0.5);
    let cover = Cover { material: Material::Tile, colour: [104.0, 98.0, 96.0], clutter: 0.0 };
    let (long, wide) = ((width * 0.5).min(38.0), (depth * 0.42).min(22.0));
    // Nave and transept; the tower stands on the west end.
    let (l, w) = (long / 2.0, wide / 2.0);
    let (n, t) = (w * 0.55, long * 0.12);
    let outline = [
        (-l, -n),
        (t, -n),
        (t, -w),
        (3.0 * t, -w),
        (3.0 * t, -n),
        (l, -n),
        (l, n),
        (3.0 * t, n),
        (3.0 * t, w),
        (t, w),
        (t, n),
        (-l, n),
    ];
    let wings = vec![Rectangle::new(-l, -n, l, n), Rectangle::new(t, -w, 3.0 * t, w)];
    let outline = vec![outline.iter().map(|(x, y)| point(*x, *y)).collect()];
    Building { place, outline, wings, eaves_m: 9.0 }.build(town, rng, Roof::Gable(0.9), &cover);
    let tower = place.shifted(-l + n, 0.0);
    let slate = Paint::new(Material::Tile, [84.0, 86.0, 92.0], 71);
    for (half, height) in [(3.2, 22.0), (2.2, 26.0), (1.2, 30.0)] {
        let ring = tower.rectangle(Rectangle::centred(2.0 * half, 2.0 * half));
        town.paint(vec![ring], Top::Flat(height), slate, class::BUILDING);
    }
    for k in 0..14 {
        let a = 0.06 + 0.88 * f64::from(k / 2) / 6.0;
        let (at, radius) = (lot.at(a, if k % 2 == 0 { 0.06 } else { 0.94 }), rng.range(1.8, 3.4));
        nature::tree(town, rng, at, radius);
    }
}

/// Slabs of flats on a lawn, with parked cars.
pub fn slabs(town: &mut Town, rng: &mut Rng, lot: &Lot<'_>) {
    let (width, depth) = lot.size();
    let count = (width / 30.0).floor().max(1.0);
    for k in 0..count as u32 {
        let u = lot.min.0 + width * (f64::from(k) + 0.5) / count;
        let place = lot.plan.place(u, lot.min.1 + depth * 0.56).turned();
        let size = ((depth * rng.range(0.55, 0.72)).min(48.0), rng.range(11.0, 14.0));
        let colour =
            near(rng.pick(&[[188.0, 184.0, 178.0], [150.0, 146.0, 140.0], [202.0, 200.0, 196.0]]), 0.08, rng.bits());
        let cover = Cover { material: Material::Concrete, colour, clutter: 0.5 };
        let storeys = rng.pick(&[4.0, 5.0, 6.0]);
        raise(town, rng, lot, (Shape::Block, place, size, storeys * 2.9 + 1.0), (Roof::Flat, cover));
    }
    let strip = lot.part((0.05, 0.02), (0.95, 0.13));
    strip.cover(town, Paint::new(Material::Asphalt, [124.0, 122.0, 119.0], rng.bits()), class::ROAD);
    town.name(vec![strip.ring()], class::ROAD, None);
    for k in 0..(width * 0.85 / 2.7) as u32 {
        if rng.chance(0.5) {
            let a = (f64::from(k) + 0.5) * 2.7 / (width * 0.9);
            nature::car(town, rng, strip.at(a, 0.55), lot.plan.place(lot.min.0, lot.min.1).axis.left());
        }
    }
    nature::grove(town, rng, 9, |a, b| lot.at(a, 0.9 + 0.1 * b));
    nature::grove(town, rng, 4, |a, b| lot.at(rng_edge(a), 0.2 + 0.7 * b));
}

fn rng_edge(a: f64) -> f64 {
    if a < 0.5 { 0.04 * a } else { 1.0 - 0.04 * (1.0 - a) }
}

/// Halls, a yard with tanks and lorries.
pub fn works(town: &mut Town, rng: &mut Rng, lot: &Lot<'_>) {
    let (width, depth) = lot.size();
    let yard = lot.part((0.02, 0.03), (0.98, rng.range(0.35, 0.97)));
    yard.cover(
        town,
        Paint::new(Material::Concrete, near([162.0, 158.0, 150.0], 0.1, rng.bits()), rng.bits()),
        class::BARE_LAND,
    );
    let halls = if width > 62.0 && rng.chance(0.7) { 2 } else { 1 };
    for k in 0..halls {
        let share = 1.0 / f64::from(halls);
        let part = lot.part((share * f64::from(k), 0.26), (share * f64::from(k + 1), 1.0));
        let place = part.plan.place(f64::midpoint(part.min.0, part.max.0), f64::midpoint(part.min.1, part.max.1));
        let size = (part.size().0 * rng.range(0.66, 0.86), part.size().1 * rng.range(0.66, 0.86));
        let colour = near(
            rng.pick(&[
                [186.0, 188.0, 190.0],
                [204.0, 204.0, 202.0],
                [66.0, 118.0, 172.0],
                [150.0, 150.0, 150.0],
                [152.0, 74.0, 62.0],
            ]),
            0.07,
            rng.bits(),
        );
        let roof = rng.weighted(&[(0.7, Roof::Gable(0.14)), (0.3, Roof::Flat)]);
        let cover = Cover { material: Material::Sheet, colour, clutter: 0.15 };
        let shape = rng.weighted(&[(0.8, Shape::Block), (0.2, Shape::Ell)]);
        let eaves = rng.range(6.0, 10.0);
        raise(town, rng, lot, (shape, place, size, eaves), (roof, cover));
    }
    for k in 0..(rng.unit() * 4.0) as u32 {
        let place = lot.plan.place(lot.min.0 + 9.0 + f64::from(k) * 11.0, lot.min.1 + depth * 0.13);
        let cover =
            Cover { material: Material::Plain, colour: near([196.0, 196.0, 192.0], 0.08, rng.bits()), clutter: 0.0 };
        raise(town, rng, lot, (Shape::Round, place, (8.4, 8.4), 8.0), (Roof::Flat, cover));
    }
    for _ in 0..4 {
        let (a, b) = (rng.range(0.55, 0.95), rng.range(0.08, 0.2));
        let axis = lot.plan.place(lot.min.0, lot.min.1).axis;
        nature::car(town, rng, lot.at(a, b), axis);
    }
}

/// One house in a wide plot.
pub fn single(town: &mut Town, rng: &mut Rng, lot: &Lot<'_>) {
    let place = lot.plan.place(f64::midpoint(lot.min.0, lot.max.0), f64::midpoint(lot.min.1, lot.max.1));
    let style = terrace_roof(rng);
    raise(town, rng, lot, (Shape::Ell, place, (13.0, 10.0), 6.4), style);
}

/// Builds, if there is room: within the block and clear of its other buildings.
fn raise(
    town: &mut Town,
    rng: &mut Rng,
    lot: &Lot<'_>,
    (shape, place, size, eaves_m): (Shape, Place, (f64, f64), f64),
    (roof, cover): (Roof, Cover),
) {
    let around = place.rectangle(Rectangle::centred(size.0, size.1));
    let border = lot.ring();
    let taken = |o: &super::town::Object| o.class == class::BUILDING && convex_overlap(&hull(&o.rings[0]), &around);
    if around.iter().all(|p| inside(&border, *p)) && !town.objects.iter().rev().take(80).any(taken) {
        Building::new(shape, place, size, eaves_m).build(town, rng, roof, &cover);
    }
}
