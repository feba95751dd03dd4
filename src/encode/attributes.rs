//! What is said of a feature: the names, types and order of the attributes in every format.

mod values;

use std::borrow::Cow;

pub use values::{Classes, Wording, tell, tell_centreline, tile_numbers, tile_words};

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
    /// The top of the extrusion, in whole metres, rounded up: at least 2, so that it shows.
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

/// What is said of an attribute once, for all formats. Its value follows in the module `values`.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_keys() {
        for (at, row) in TABLE.iter().enumerate() {
            assert!(row.key as usize == at && row.key.name() == row.name, "{}", row.name);
            assert!(!TABLE[..at].iter().any(|before| before.name == row.name), "{}", row.name);
        }
    }
}
