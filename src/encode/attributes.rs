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
    /// Present, and true, while a neighbouring block is not made yet.
    Provisional,
    /// The width of a road on the ground, in metres to one decimal.
    WidthM,
    /// The length of a centre line on the ground, in metres to one decimal.
    LengthM,
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

impl Key {
    /// How many there are.
    pub const COUNT: usize = 18;

    /// Those of centre lines, in the order in which formats tell them.
    pub const OF_CENTRELINES: [Self; 5] = [Self::Fid, Self::Class, Self::WidthM, Self::LengthM, Self::Provisional];

    /// Those of polygons, in the order in which formats tell them.
    pub const ALL: [Self; 16] = [
        Self::Fid,
        Self::Class,
        Self::Confidence,
        Self::ConfidenceMin,
        Self::Unknown,
        Self::AreaM2,
        Self::PerimeterM,
        Self::Height,
        Self::HeightSource,
        Self::RenderHeight,
        Self::RenderMinHeight,
        Self::Size,
        Self::Regularized,
        Self::Outline,
        Self::DirectionDeg,
        Self::Provisional,
    ];

    /// The name in files and tiles.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fid => "fid",
            Self::Class => "class",
            Self::Confidence => "confidence",
            Self::ConfidenceMin => "confidence_min",
            Self::Unknown => "unknown",
            Self::AreaM2 => "area_m2",
            Self::PerimeterM => "perimeter_m",
            Self::Height => "height",
            Self::HeightSource => "height_source",
            Self::RenderHeight => "render_height",
            Self::RenderMinHeight => "render_min_height",
            Self::Size => "size",
            Self::Regularized => "regularized",
            Self::Outline => "outline",
            Self::DirectionDeg => "direction_deg",
            Self::Provisional => "provisional",
            Self::WidthM => "width_m",
            Self::LengthM => "length_m",
        }
    }

    /// The type of its values.
    #[must_use]
    pub fn value_type(self) -> Type {
        match self {
            Self::Fid
            | Self::Confidence
            | Self::ConfidenceMin
            | Self::Unknown
            | Self::AreaM2
            | Self::RenderHeight
            | Self::RenderMinHeight => Type::Whole,
            Self::PerimeterM | Self::Height | Self::DirectionDeg | Self::WidthM | Self::LengthM => Type::Tenths,
            Self::Class | Self::HeightSource | Self::Size | Self::Outline => Type::Text,
            Self::Regularized | Self::Provisional => Type::Flag,
        }
    }

    /// Whether only buildings have it.
    #[must_use]
    pub fn of_buildings(self) -> bool {
        matches!(
            self,
            Self::Height
                | Self::HeightSource
                | Self::RenderHeight
                | Self::RenderMinHeight
                | Self::Size
                | Self::Regularized
                | Self::Outline
                | Self::DirectionDeg
        )
    }

    /// Whether tiles have it; files have all.
    #[must_use]
    #[inline]
    pub fn in_tiles(self) -> bool {
        !matches!(self, Self::ConfidenceMin | Self::PerimeterM | Self::DirectionDeg)
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

/// Tells the attributes of a feature, in the order of [`Key::ALL`]; what is not known is left out.
pub fn tell<'a>(feature: &Feature, classes: &Classes<'a>, mut take: impl FnMut(Key, Value<'a>)) {
    let whole = |v| Value::Number(Number::Whole(v));
    let tenths = |v| Value::Number(Number::Tenths(v));
    take(Key::Fid, whole(feature.id.get()));
    take(Key::Class, Value::Text(classes.name(feature.class)));
    if let Some(confidence) = feature.confidence {
        take(Key::Confidence, whole(percent(confidence.mean)));
        take(Key::ConfidenceMin, whole(percent(confidence.min)));
    }
    if let Some(share) = feature.unknown {
        take(Key::Unknown, whole(percent(share)));
    }
    take(Key::AreaM2, whole(nearest(feature.area_m2)));
    take(Key::PerimeterM, tenths(nearest(feature.perimeter_m * 10.0)));
    if let Some(class) = classes.building(feature.class) {
        if let Some(height) = feature.height {
            let [height_tenths, render_height] = heights(height);
            take(Key::Height, tenths(height_tenths));
            take(Key::HeightSource, Value::Text(height.source.name().into()));
            take(Key::RenderHeight, whole(render_height));
            take(Key::RenderMinHeight, whole(0));
        }
        if let Some(size) = class.size(feature.area_m2) {
            take(Key::Size, Value::Text(size.name.as_str().into()));
        }
        take(Key::Regularized, Value::Flag(matches!(feature.outline, Outline::Regularized | Outline::Round)));
        take(Key::Outline, Value::Text(feature.outline.name().into()));
        if let Some(direction_deg) = feature.direction_deg {
            take(Key::DirectionDeg, tenths(nearest(f64::from(direction_deg) * 10.0)));
        }
    }
    if feature.provisional {
        take(Key::Provisional, Value::Flag(true));
    }
}

/// The numbers among what [`tell`] says that tiles have ([`Key::in_tiles`]), in its order.
#[inline]
pub fn tile_numbers(feature: &Feature, classes: &Classes<'_>) -> impl Iterator<Item = (Key, Number)> + use<> {
    let confidence = feature.confidence.map(|c| (Key::Confidence, Number::Whole(percent(c.mean))));
    let heights = feature.height.filter(|_| classes.is_building(feature.class)).map(heights);
    let all = [
        Some((Key::Fid, Number::Whole(feature.id.get()))),
        confidence,
        feature.unknown.map(|share| (Key::Unknown, Number::Whole(percent(share)))),
        Some((Key::AreaM2, Number::Whole(nearest(feature.area_m2)))),
        heights.map(|[height_tenths, _]| (Key::Height, Number::Tenths(height_tenths))),
        heights.map(|[_, render_height]| (Key::RenderHeight, Number::Whole(render_height))),
        heights.map(|_| (Key::RenderMinHeight, Number::Whole(0))),
    ];
    all.into_iter().flatten()
}

/// A number that is the same for all features of which [`tell`] says the same texts and flags.
#[must_use]
#[inline]
pub fn wording(feature: &Feature, classes: &Classes<'_>) -> u64 {
    let class = classes.building(feature.class);
    let size = class.and_then(|class| class.size_number(feature.area_m2)).map_or(0, |number| number as u64 + 1);
    let source = feature.height.map_or(0, |height| height.source as u64 + 1);
    let outline = match feature.outline {
        Outline::Exact => 0,
        Outline::Simplified => 1,
        Outline::Regularized => 2,
        Outline::Round => 3,
        Outline::Kept(reason) => 4 + reason as u64,
    };
    let flags = u64::from(feature.provisional) | source << 1 | outline << 4 | size << 8;
    u64::from(feature.class.0) | flags << 32
}

/// Tells the attributes of a centre line, in the order of [`Key::OF_CENTRELINES`].
pub fn tell_centreline<'a>(line: &Centreline, classes: &Classes<'a>, mut take: impl FnMut(Key, Value<'a>)) {
    take(Key::Fid, Value::Number(Number::Whole(line.id.get())));
    take(Key::Class, Value::Text(classes.name(line.class)));
    take(Key::WidthM, Value::Number(Number::Tenths(nearest(line.width_m * 10.0))));
    take(Key::LengthM, Value::Number(Number::Tenths(nearest(line.length_m * 10.0))));
    if line.provisional {
        take(Key::Provisional, Value::Flag(true));
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
    use crate::encode::tests::town;

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
