//! The values of attributes, which follow from a feature and the classes of its scheme.

use std::borrow::Cow;

use super::{Key, Number, TILE_NUMBERS, TILE_WORDS, Value};
use crate::feature::{Centreline, Feature, Height, Outline};
use crate::scheme::{Class, ClassId, Kind, Scheme};

/// The classes of a scheme by label value.
pub struct Classes<'a>([Option<&'a Class>; 256], &'a Scheme);

impl<'a> Classes<'a> {
    /// The classes of `scheme`.
    #[must_use]
    pub fn new(scheme: &'a Scheme) -> Self {
        let mut table = [None; 256];
        for class in &scheme.classes {
            table[usize::from(class.code)] = Some(class);
        }
        Self(table, scheme)
    }

    /// The class of a label value; a foreign class raster may hold values that the scheme does not name.
    #[must_use]
    pub fn get(&self, id: ClassId) -> Option<&'a Class> {
        self.0.get(id.0 as usize).copied().flatten()
    }

    /// Whether a feature of this class is a building.
    #[must_use]
    pub fn is_building(&self, id: ClassId) -> bool {
        self.building(id).is_some()
    }

    /// The class of a feature that is a building.
    fn building(&self, id: ClassId) -> Option<&'a Class> {
        self.get(id).filter(|class| class.kind == Kind::Building)
    }

    /// The value of the attribute `class`: the name, or the number where the scheme has no name.
    #[must_use]
    pub fn name(&self, id: ClassId) -> Cow<'a, str> {
        self.get(id).map_or_else(|| self.1.number(id).into(), |class| class.name.as_str().into())
    }
}

/// A value before it is made: copied freely, so that tiles compare features without allocating.
#[derive(Clone, Copy)]
enum Fact<'a> {
    Number(Number),
    Text(&'a str),
    /// The number of a class without a name.
    Unnamed(ClassId),
    Flag(bool),
}

impl<'a> Fact<'a> {
    fn whole(value: u64) -> Self {
        Self::Number(Number::Whole(value))
    }

    fn tenths(value: u64) -> Self {
        Self::Number(Number::Tenths(value))
    }

    fn value(self, classes: &Classes<'a>) -> Value<'a> {
        match self {
            Self::Number(number) => Value::Number(number),
            Self::Text(text) => Value::Text(text.into()),
            Self::Unnamed(id) => Value::Text(classes.name(id)),
            Self::Flag(flag) => Value::Flag(flag),
        }
    }

    /// A number other than 0 that differs for each text and flag. Texts belong to the scheme or the program, where each has
    /// a place of its own.
    fn identity(self) -> u64 {
        match self {
            Self::Flag(flag) => 1 + u64::from(flag),
            Self::Number(Number::Whole(number) | Number::Tenths(number)) => 3 + number,
            Self::Text(text) => (text.as_ptr() as u64) ^ (text.len() as u64) << 48,
            Self::Unnamed(id) => u64::from(id.0) | 1 << 63,
        }
    }
}

/// What the values of a polygon follow from.
struct Facts<'f, 'a> {
    feature: &'f Feature,
    classes: &'f Classes<'a>,
    /// The class, where it is one of buildings.
    building: Option<&'a Class>,
    /// The height of a building in tenths of a metre, and the top of its extrusion in metres.
    heights: Option<[u64; 2]>,
}

impl<'f, 'a> Facts<'f, 'a> {
    #[inline]
    fn new(feature: &'f Feature, classes: &'f Classes<'a>) -> Self {
        let building = classes.building(feature.class);
        Self { feature, classes, building, heights: feature.height.filter(|_| building.is_some()).map(heights) }
    }

    /// The value of an attribute; none where it is not known, or where only others have it.
    fn value(&self, key: Key) -> Option<Value<'a>> {
        self.fact(key).map(|fact| fact.value(self.classes))
    }

    /// As [`Self::value`]. Inlined, so that a loop over keys that are known to the compiler becomes straight code.
    #[expect(clippy::inline_always, reason = "a third of the time of a tile, measured by benches/tile.rs")]
    #[inline(always)]
    fn fact(&self, key: Key) -> Option<Fact<'a>> {
        let Self { feature, classes, building, heights } = self;
        let (whole, tenths, text) = (Fact::whole, Fact::tenths, Fact::Text);
        match key {
            Key::Fid => Some(whole(feature.id.get())),
            Key::Class => {
                let class = classes.get(feature.class);
                Some(class.map_or(Fact::Unnamed(feature.class), |class| text(&class.name)))
            }
            Key::Confidence => feature.confidence.map(|confidence| whole(percent(confidence.mean))),
            Key::ConfidenceMin => feature.confidence.map(|confidence| whole(percent(confidence.min))),
            Key::Unknown => feature.unknown.map(|share| whole(percent(share))),
            Key::AreaM2 => Some(whole(nearest(feature.area_m2))),
            Key::PerimeterM => Some(tenths(nearest(feature.perimeter_m * 10.0))),
            Key::Height => heights.map(|[height_tenths, _]| tenths(height_tenths)),
            Key::HeightSource => feature.height.filter(|_| building.is_some()).map(|height| text(height.source.name())),
            Key::RenderHeight => heights.map(|[_, render_height]| whole(render_height)),
            Key::RenderMinHeight => heights.map(|_| whole(0)),
            Key::Size => {
                let size = building.and_then(|class| class.size(feature.area_m2));
                size.map(|size| text(&size.name))
            }
            Key::Regularized => {
                building.map(|_| Fact::Flag(matches!(feature.outline, Outline::Regularized | Outline::Round)))
            }
            Key::Outline => building.map(|_| text(feature.outline.name())),
            Key::DirectionDeg => {
                let direction_deg = feature.direction_deg.filter(|_| building.is_some());
                direction_deg.map(|direction_deg| tenths(nearest(f64::from(direction_deg) * 10.0)))
            }
            Key::Provisional => feature.provisional.then_some(Fact::Flag(true)),
            Key::WidthM | Key::LengthM => None,
        }
    }
}

/// Tells the attributes of a feature, in the order of [`Key::ALL`]; what is not known is left out.
pub fn tell<'a>(feature: &Feature, classes: &Classes<'a>, mut take: impl FnMut(Key, Value<'a>)) {
    let facts = Facts::new(feature, classes);
    for key in Key::ALL {
        if let Some(value) = facts.value(key) {
            take(key, value);
        }
    }
}

/// An array of `$of(key)` for every key of a constant list, written out: `array::map` and loops are not unrolled, and a
/// lookup by a key that the compiler knows costs nothing.
macro_rules! written_out {
    ($keys:ident [$($at:literal)*], $of:expr) => {{
        const { assert!($keys.len() == [$($at),*].len()) };
        [$($of(const { $keys[$at] })),*]
    }};
}

/// Numbers of one feature in a tile ([`Key::in_tiles`]), in the order of [`tell`].
#[inline]
pub fn tile_numbers(feature: &Feature, classes: &Classes<'_>) -> impl Iterator<Item = (Key, Number)> + use<> {
    let facts = Facts::new(feature, classes);
    let number = |key: Key| match facts.fact(key) {
        Some(Fact::Number(number)) => Some((key, number)),
        _ => None,
    };
    written_out!(TILE_NUMBERS [0 1 2 3 4 5 6], number).into_iter().flatten()
}

/// Tells the texts and flags among what [`tell`] says that tiles have, in its order.
pub fn tile_words<'a>(feature: &Feature, classes: &Classes<'a>, mut take: impl FnMut(Key, Value<'a>)) {
    let facts = Facts::new(feature, classes);
    for key in TILE_WORDS {
        if let Some(value) = facts.value(key) {
            take(key, value);
        }
    }
}

/// What tells the texts and flags of one feature in tiles from those of another: equal exactly where [`tile_words`] says the
/// same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wording([u64; TILE_WORDS.len()]);

impl Wording {
    /// Of a feature.
    #[must_use]
    #[inline]
    pub fn of(feature: &Feature, classes: &Classes<'_>) -> Self {
        let facts = Facts::new(feature, classes);
        let identity = |key: Key| facts.fact(key).map_or(0, Fact::identity);
        Self(written_out!(TILE_WORDS [0 1 2 3 4 5], identity))
    }

    /// A number that is nearly always another for another wording.
    #[must_use]
    #[inline]
    pub fn mixed(&self) -> u64 {
        self.0.iter().fold(0, |mixed, word| (mixed ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29))
    }
}

/// Tells the attributes of a centre line, in the order of [`Key::OF_CENTRELINES`].
pub fn tell_centreline<'a>(line: &Centreline, classes: &Classes<'a>, mut take: impl FnMut(Key, Value<'a>)) {
    for key in Key::OF_CENTRELINES {
        let value = match key {
            Key::Fid => Some(Value::Number(Number::Whole(line.id.get()))),
            Key::Class => Some(Value::Text(classes.name(line.class))),
            Key::WidthM => Some(Value::Number(Number::Tenths(nearest(line.width_m * 10.0)))),
            Key::LengthM => Some(Value::Number(Number::Tenths(nearest(line.length_m * 10.0)))),
            Key::Provisional => line.provisional.then_some(Value::Flag(true)),
            _ => None,
        };
        if let Some(value) = value {
            take(key, value);
        }
    }
}

/// A share in whole percent: of 1 at most, or of 2 for what is unknown.
fn percent(share: f32) -> u64 {
    nearest(f64::from(share) * 100.0)
}

/// Least top of an extrusion: flatter ones cannot be seen.
const LEAST_RENDER_HEIGHT_M: u64 = 2;

/// The height in tenths of a metre, and the top of the extrusion in metres.
fn heights(height: Height) -> [u64; 2] {
    let height_m = f64::from(height.height_m).max(0.0);
    let whole_m = height_m as u64;
    let render_height = whole_m + u64::from((whole_m as f64) < height_m);
    [nearest(height_m * 10.0), render_height.max(LEAST_RENDER_HEIGHT_M)]
}

/// The nearest whole number; 0 for negative ones.
fn nearest(value: f64) -> u64 {
    (value + 0.5) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::attributes::Type;
    use crate::encode::tests::town;

    #[test]
    fn values_are_of_the_type_that_the_table_gives_and_of_the_keys_in_their_order() {
        let (town, scheme) = (town(), Scheme::city());
        let classes = Classes::new(&scheme);
        for stored in town.iter() {
            let mut told = Vec::new();
            tell(&stored.feature, &classes, |key, value| {
                let fits = matches!(
                    (key.value_type(), &value),
                    (Type::Whole, Value::Number(Number::Whole(_)))
                        | (Type::Tenths, Value::Number(Number::Tenths(_)))
                        | (Type::Text, Value::Text(_))
                        | (Type::Flag, Value::Flag(_))
                );
                assert!(
                    fits && (!key.of_buildings() || classes.is_building(stored.feature.class)),
                    "{key:?} {value:?}"
                );
                told.push(Key::ALL.iter().position(|other| *other == key).expect("of polygons"));
            });
            assert!(told.is_sorted());
        }
    }

    #[test]
    fn tiles_have_the_numbers_that_are_told() {
        let (town, scheme) = (town(), Scheme::city());
        let classes = Classes::new(&scheme);
        for stored in town.iter() {
            let mut told = Vec::new();
            tell(&stored.feature, &classes, |key, value| match value {
                Value::Number(number) if key.in_tiles() => told.push((key, number)),
                _ => {}
            });
            assert_eq!(tile_numbers(&stored.feature, &classes).collect::<Vec<_>>(), told);
        }
    }

    #[test]
    fn a_low_height_is_told_as_measured_and_drawn_so_that_it_shows() {
        let of = |height_m: f32| heights(Height { height_m, source: crate::feature::HeightSource::Dsm });
        assert_eq!([of(0.0), of(0.3), of(2.0), of(2.1), of(-1.0)], [[0, 2], [3, 2], [20, 2], [21, 3], [0, 2]]);
    }

    #[test]
    fn what_is_farther_than_all_that_was_seen_is_told_beyond_100_percent() {
        let (town, scheme) = (town(), Scheme::city());
        let classes = Classes::new(&scheme);
        let stored = town.iter().next().expect("a feature");
        let feature = Feature { unknown: Some(1.5), ..stored.feature.clone() };
        assert!(tile_numbers(&feature, &classes).any(|told| told == (Key::Unknown, Number::Whole(150))));
    }
}
