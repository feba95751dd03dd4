//! What is said of a feature: the names, types and order of the attributes in every format.

use std::borrow::Cow;

use crate::feature::{Centreline, Feature, Height, Outline};
use crate::scheme::{Class, ClassId, Kind, Scheme};

/// An attribute; each has one type in all features and formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Key {
    /// The stable id.
    Fid,
    /// The name of the class.
    Class,
    /// How sure the model was: the mean over the pixels, in percent.
    Confidence,
    /// How sure the model was of its least sure pixel, in percent.
    ConfidenceMin,
    /// How unlike all that the scorer has seen: the mean over the pixels, in percent, 100 to 200 beyond all of it.
    Unknown,
    /// On the ground, in whole square metres.
    AreaM2,
    /// The length of the outline on the ground, in metres to one decimal.
    PerimeterM,
    /// Roof above ground, in metres to one decimal.
    Height,
    /// What the height rests on.
    HeightSource,
    /// The top of the extrusion, in whole metres, rounded up.
    RenderHeight,
    /// The foot of the extrusion, in whole metres.
    RenderMinHeight,
    /// The size class.
    Size,
    /// Whether the outline was given regular angles.
    Regularized,
    /// How the outline came to be, and why it was kept where it was.
    Outline,
    /// The direction of the longer walls, in degrees clockwise from true north, 0 to 180, to one decimal.
    DirectionDeg,
    /// The width of a road on the ground, in metres to one decimal.
    WidthM,
    /// The length of a centre line on the ground, in metres to one decimal.
    LengthM,
    /// Present, and true, while a neighbouring block is not made yet.
    Provisional,
}

/// The type of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A whole number from 0.
    Whole,
    /// A number to one decimal.
    Tenths,
    /// Text.
    Text,
    /// Yes or no.
    Flag,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// Of [`Type::Whole`] or [`Type::Tenths`].
    Number(Number),
    /// Of [`Type::Text`].
    Text(Cow<'a, str>),
    /// Of [`Type::Flag`].
    Flag(bool),
}

/// The value of an attribute that is a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// Of [`Type::Whole`]; below 2^53.
    Whole(u64),
    /// Of [`Type::Tenths`], in tenths; below 2^53.
    Tenths(u64),
}

/// What is said of an attribute once, for all formats. Its value follows in [`Facts::value`].
struct Attribute {
    key: Key,
    name: &'static str,
    value_type: Type,
    of: Of,
    in_tiles: bool,
}

/// What has an attribute.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Everything,
    Polygons,
    Buildings,
    Lines,
}

/// Every attribute, in the order of [`Key`] and of the columns of files.
const TABLE: [Attribute; Key::COUNT] = {
    use Of::{Buildings, Everything, Lines, Polygons};
    use Type::{Flag, Tenths, Text, Whole};
    [
        row(Key::Fid, "fid", Whole, Everything),
        row(Key::Class, "class", Text, Everything),
        row(Key::Confidence, "confidence", Whole, Polygons),
        row(Key::ConfidenceMin, "confidence_min", Whole, Polygons).in_files(),
        row(Key::Unknown, "unknown", Whole, Polygons),
        row(Key::AreaM2, "area_m2", Whole, Polygons),
        row(Key::PerimeterM, "perimeter_m", Tenths, Polygons).in_files(),
        row(Key::Height, "height", Tenths, Buildings),
        row(Key::HeightSource, "height_source", Text, Buildings),
        row(Key::RenderHeight, "render_height", Whole, Buildings),
        row(Key::RenderMinHeight, "render_min_height", Whole, Buildings),
        row(Key::Size, "size", Text, Buildings),
        row(Key::Regularized, "regularized", Flag, Buildings),
        row(Key::Outline, "outline", Text, Buildings),
        row(Key::DirectionDeg, "direction_deg", Tenths, Buildings).in_files(),
        row(Key::WidthM, "width_m", Tenths, Lines),
        row(Key::LengthM, "length_m", Tenths, Lines),
        row(Key::Provisional, "provisional", Flag, Everything),
    ]
};

const fn row(key: Key, name: &'static str, value_type: Type, of: Of) -> Attribute {
    Attribute { key, name, value_type, of, in_tiles: true }
}

impl Attribute {
    /// Left out of tiles.
    const fn in_files(self) -> Self {
        Self { in_tiles: false, ..self }
    }

    const fn is_of_polygons(&self) -> bool {
        !matches!(self.of, Of::Lines)
    }

    const fn is_of_lines(&self) -> bool {
        matches!(self.of, Of::Everything | Of::Lines)
    }

    const fn is_tile_number(&self) -> bool {
        self.is_of_polygons() && self.in_tiles && matches!(self.value_type, Type::Whole | Type::Tenths)
    }

    const fn is_tile_word(&self) -> bool {
        self.is_of_polygons() && self.in_tiles && matches!(self.value_type, Type::Text | Type::Flag)
    }
}

/// The keys of the rows of the table that `$is` picks, as an array.
macro_rules! keys {
    ($is:ident) => {{
        const COUNT: usize = {
            let (mut at, mut count) = (0, 0);
            while at < TABLE.len() {
                count += TABLE[at].$is() as usize;
                at += 1;
            }
            count
        };
        let (mut keys, mut at, mut count) = ([Key::Fid; COUNT], 0, 0);
        while at < TABLE.len() {
            if TABLE[at].$is() {
                keys[count] = TABLE[at].key;
                count += 1;
            }
            at += 1;
        }
        keys
    }};
}

/// The numbers of polygons in tiles.
const TILE_NUMBERS: [Key; 7] = keys!(is_tile_number);

/// The texts and flags of polygons in tiles.
const TILE_WORDS: [Key; 6] = keys!(is_tile_word);

impl Key {
    /// How many there are.
    pub const COUNT: usize = 18;

    /// Those of centre lines, in the order in which formats tell them.
    pub const OF_CENTRELINES: [Self; 5] = keys!(is_of_lines);

    /// Those of polygons, in the order in which formats tell them.
    pub const ALL: [Self; 16] = keys!(is_of_polygons);

    fn row(self) -> &'static Attribute {
        &TABLE[self as usize]
    }

    /// The name in files and tiles.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The type of its values.
    #[must_use]
    pub fn value_type(self) -> Type {
        self.row().value_type
    }

    /// Whether only buildings have it.
    #[must_use]
    pub fn of_buildings(self) -> bool {
        self.row().of == Of::Buildings
    }

    /// Whether tiles have it; files have all.
    #[must_use]
    #[inline]
    pub fn in_tiles(self) -> bool {
        self.row().in_tiles
    }
}

/// The classes of a scheme by label value.
pub struct Classes<'a>([Option<&'a Class>; 256]);

impl<'a> Classes<'a> {
    /// The classes of `scheme`.
    #[must_use]
    pub fn new(scheme: &'a Scheme) -> Self {
        let mut table = [None; 256];
        for class in &scheme.classes {
            table[usize::from(class.code)] = Some(class);
        }
        Self(table)
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
        self.get(id).map_or_else(|| id.0.to_string().into(), |class| class.name.as_str().into())
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
    #[inline]
    fn value(&self, key: Key) -> Option<Value<'a>> {
        let Self { feature, building, heights, .. } = self;
        let whole = |v| Value::Number(Number::Whole(v));
        let tenths = |v| Value::Number(Number::Tenths(v));
        match key {
            Key::Fid => Some(whole(feature.id.get())),
            Key::Class => Some(Value::Text(self.classes.name(feature.class))),
            Key::Confidence => feature.confidence.map(|confidence| whole(percent(confidence.mean))),
            Key::ConfidenceMin => feature.confidence.map(|confidence| whole(percent(confidence.min))),
            Key::Unknown => feature.unknown.map(|share| whole(percent(share))),
            Key::AreaM2 => Some(whole(nearest(feature.area_m2))),
            Key::PerimeterM => Some(tenths(nearest(feature.perimeter_m * 10.0))),
            Key::Height => heights.map(|[height_tenths, _]| tenths(height_tenths)),
            Key::HeightSource => {
                feature.height.filter(|_| building.is_some()).map(|height| Value::Text(height.source.name().into()))
            }
            Key::RenderHeight => heights.map(|[_, render_height]| whole(render_height)),
            Key::RenderMinHeight => heights.map(|_| whole(0)),
            Key::Size => {
                let size = building.and_then(|class| class.size(feature.area_m2));
                size.map(|size| Value::Text(size.name.as_str().into()))
            }
            Key::Regularized => {
                building.map(|_| Value::Flag(matches!(feature.outline, Outline::Regularized | Outline::Round)))
            }
            Key::Outline => building.map(|_| Value::Text(feature.outline.name().into())),
            Key::DirectionDeg => {
                let direction_deg = feature.direction_deg.filter(|_| building.is_some());
                direction_deg.map(|direction_deg| tenths(nearest(f64::from(direction_deg) * 10.0)))
            }
            Key::Provisional => feature.provisional.then_some(Value::Flag(true)),
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

/// The numbers among what [`tell`] says that tiles have ([`Key::in_tiles`]), in its order.
#[inline]
pub fn tile_numbers(feature: &Feature, classes: &Classes<'_>) -> impl Iterator<Item = (Key, Number)> + use<> {
    let facts = Facts::new(feature, classes);
    let number = |key: Key| match facts.value(key)? {
        Value::Number(number) => Some((key, number)),
        Value::Text(_) | Value::Flag(_) => None,
    };
    TILE_NUMBERS.map(number).into_iter().flatten()
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
        Self(TILE_WORDS.map(|key| facts.value(key).map_or(0, |value| identity(&value))))
    }

    /// A number that is nearly always another for another wording.
    #[must_use]
    #[inline]
    pub fn mixed(&self) -> u64 {
        self.0.iter().fold(0, |mixed, word| (mixed ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29))
    }
}

/// A number other than 0 that is another for another text or flag. Texts are borrowed from the scheme or the program, where
/// each has a place of its own; a text that was made for a class without a name is a short number.
#[inline]
fn identity(value: &Value<'_>) -> u64 {
    match value {
        Value::Flag(flag) => 1 + u64::from(*flag),
        Value::Number(Number::Whole(number) | Number::Tenths(number)) => 3 + number,
        Value::Text(Cow::Borrowed(text)) => (text.as_ptr() as u64) ^ (text.len() as u64) << 48,
        Value::Text(Cow::Owned(text)) => {
            let bytes = || text.bytes().fold(0_u64, |number, byte| number << 8 ^ u64::from(byte));
            text.parse::<u64>().unwrap_or_else(|_| bytes()) | 1 << 63
        }
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

/// The height in tenths of a metre, and the top of the extrusion in metres.
fn heights(height: Height) -> [u64; 2] {
    let height_m = f64::from(height.height_m).max(0.0);
    let whole_m = height_m as u64;
    [nearest(height_m * 10.0), whole_m + u64::from((whole_m as f64) < height_m)]
}

/// The nearest whole number; 0 for negative ones.
fn nearest(value: f64) -> u64 {
    (value + 0.5) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::tests::town;

    #[test]
    fn the_table_is_in_the_order_of_the_keys() {
        for (at, row) in TABLE.iter().enumerate() {
            assert!(row.key as usize == at && row.key.name() == row.name, "{}", row.name);
            assert!(!TABLE[..at].iter().any(|before| before.name == row.name), "{}", row.name);
        }
    }

    #[test]
    fn values_are_of_the_type_that_the_table_gives_and_of_the_keys_in_their_order() {
        let (town, scheme) = (town(), Scheme::city());
        let classes = Classes::new(&scheme);
        for stored in town.iter() {
            let mut told = Vec::new();
            tell(&stored.feature, &classes, |key, value| {
                let fits = match (key.value_type(), &value) {
                    (Type::Whole, Value::Number(Number::Whole(_)))
                    | (Type::Tenths, Value::Number(Number::Tenths(_)))
                    | (Type::Text, Value::Text(_))
                    | (Type::Flag, Value::Flag(_)) => true,
                    _ => false,
                };
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
    fn what_is_farther_than_all_that_was_seen_is_told_beyond_100_percent() {
        let (town, scheme) = (town(), Scheme::city());
        let classes = Classes::new(&scheme);
        let stored = town.iter().next().expect("a feature");
        let feature = Feature { unknown: Some(1.5), ..stored.feature.clone() };
        assert!(tile_numbers(&feature, &classes).any(|told| told == (Key::Unknown, Number::Whole(150))));
    }
}
