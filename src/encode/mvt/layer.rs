//! A layer of a vector tile as bytes (Mapbox Vector Tile 2.1, `vector_tile.proto`).

use super::protobuf::{Pen, Wire, varint_len, zigzag};
use super::quantize::EXTENT;
use super::values::Values;
use crate::encode::attributes::{Key, Number, Value, Wording};
use crate::encode::rings::{Point, Rings};

/// A layer being written: features as they come, keys and values each once.
pub(super) struct Layer<'a> {
    name: &'static str,
    features: Wire,
    keys: Keys,
    values: Values<'a>,
    wordings: Wordings,
    tags: Wire,
    geometry: Geometry,
    geometry_type: u64,
}

impl<'a> Layer<'a> {
    /// A layer of a tile with about so many features.
    pub(super) fn new(name: &'static str, features: usize) -> Self {
        const USUAL_BYTES: usize = 64;
        Self {
            name,
            features: Wire::with_capacity(features * USUAL_BYTES),
            keys: Keys::default(),
            values: Values::default(),
            wordings: Wordings::default(),
            tags: Wire::default(),
            geometry: Geometry::default(),
            geometry_type: POLYGON,
        }
    }

    /// A layer of lines.
    pub(super) fn of_lines(name: &'static str, features: usize) -> Self {
        Self { geometry_type: LINE_STRING, ..Self::new(name, features) }
    }

    /// Adds a line to the feature being written.
    pub(super) fn line(&mut self, points: &[Point]) {
        self.geometry.path(points);
    }

    /// Adds a polygon to the feature being written.
    pub(super) fn polygon(&mut self, rings: &Rings) {
        for ring in rings.iter() {
            self.geometry.ring(ring);
        }
    }

    /// Adds texts and flags to the feature being written as they were added to one before; false when none was marked.
    #[inline]
    pub(super) fn repeat(&mut self, wording: &Wording) -> bool {
        let mixed = wording.mixed();
        let known = self.wordings.mixed.iter().position(|known| *known == mixed);
        let known = known.map(|at| &self.wordings.known[at]).filter(|(known, _)| known == wording);
        if let Some((_, tags)) = known {
            self.tags.raw(tags);
        }
        known.is_some()
    }

    /// Marks the attributes that were added to the feature being written, to be repeated.
    pub(super) fn mark(&mut self, wording: Wording) {
        self.wordings.mixed.push(wording.mixed());
        self.wordings.known.push((wording, self.tags.bytes().into()));
    }

    /// Adds an attribute to the feature being written.
    pub(super) fn attribute(&mut self, key: Key, value: &Value<'a>) {
        let (key, value) = (self.keys.index(key), self.values.index(value));
        self.tags.write(2 * Pen::NUMBER, |pen| pen.two_varints(key, u64::from(value)));
    }

    /// Adds numbers to the feature being written.
    #[inline]
    pub(super) fn numbers(&mut self, numbers: impl Iterator<Item = (Key, Number)>) {
        let Self { tags, keys, values, .. } = self;
        tags.write(Key::COUNT * 2 * Pen::NUMBER, |pen| {
            for (key, number) in numbers {
                // No two features have the same id.
                let index = if key == Key::Fid { values.push_number(number) } else { values.number(number) };
                pen.two_varints(keys.index(key), u64::from(index));
            }
        });
    }

    /// Ends the feature being written.
    pub(super) fn end_feature(&mut self, id: u64) {
        let (out, tags, geometry) = (&mut self.features, &mut self.tags, &mut self.geometry.bytes);
        let head = |tag: usize| 1 + varint_len(tag as u64);
        let length = 1 + varint_len(id) + head(tags.len()) + tags.len() + 2 + head(geometry.len()) + geometry.len();
        out.write(3 * Pen::FIELD, |pen| {
            pen.bytes_head(2, length);
            pen.uint_field(1, id);
            pen.bytes_head(2, tags.len());
        });
        out.raw(tags.bytes());
        out.write(2 * Pen::FIELD, |pen| {
            pen.uint_field(3, self.geometry_type);
            pen.bytes_head(4, geometry.len());
        });
        out.raw(geometry.bytes());
        tags.clear();
        geometry.clear();
        self.geometry.cursor = Point::default();
    }

    /// The layer as a field of a tile, in pieces; none of one without features.
    pub(super) fn finish(self) -> Vec<Wire> {
        if self.features.is_empty() {
            return Vec::new();
        }
        let (mut field, mut head, mut tail) = (Wire::default(), Wire::default(), Wire::default());
        head.uint_field(15, 2); // version, first so that readers know early
        head.bytes_field(1, self.name.as_bytes());
        for key in &self.keys.known {
            tail.bytes_field(3, key.name().as_bytes());
        }
        let mut extent = Wire::default();
        extent.uint_field(5, EXTENT as u64);
        let parts = [head, self.features, tail, self.values.into_bytes(), extent];
        let length = parts.iter().map(Wire::len).sum();
        field.write(Pen::FIELD, |pen| pen.bytes_head(3, length));
        std::iter::once(field).chain(parts).collect()
    }
}

/// The keys of a layer, each once.
#[derive(Default)]
struct Keys {
    known: Vec<Key>,
    indices: [Option<u8>; Key::COUNT],
}

impl Keys {
    #[inline]
    fn index(&mut self, key: Key) -> u64 {
        let known = &mut self.known;
        let index = self.indices[key as usize].get_or_insert_with(|| {
            known.push(key);
            (known.len() - 1) as u8
        });
        u64::from(*index)
    }
}

/// The tags of texts and flags that features share, by their wording: a few dozen at most.
#[derive(Default)]
struct Wordings {
    /// A number for each, which is quick to look through.
    mixed: Vec<u64>,
    known: Vec<(Wording, Box<[u8]>)>,
}

/// The geometry types of lines and polygons.
const LINE_STRING: u64 = 2;
const POLYGON: u64 = 3;

/// Commands of a geometry; the cursor goes on from ring to ring (4.3.3).
#[derive(Default)]
struct Geometry {
    bytes: Wire,
    cursor: Point,
}

impl Geometry {
    fn ring(&mut self, ring: &[Point]) {
        const CLOSE_PATH: u64 = 1 << 3 | 7;
        if !ring.is_empty() {
            self.path(ring);
            self.bytes.write(Pen::NUMBER, |pen| pen.varint(CLOSE_PATH));
        }
    }

    fn path(&mut self, ring: &[Point]) {
        const MOVE_TO_ONE: u64 = 1 << 3 | 1;
        const LINE_TO: u64 = 2;
        let Some((first, others)) = ring.split_first() else { return };
        let mut cursor = self.cursor;
        self.bytes.write((2 * ring.len() + 2) * Pen::NUMBER, |pen| {
            let mut step = |pen: &mut Pen<'_>, to: &Point| {
                pen.two_varints(zigzag(to.x - cursor.x), zigzag(to.y - cursor.y));
                cursor = *to;
            };
            pen.varint(MOVE_TO_ONE);
            step(pen, first);
            pen.varint((others.len() as u64) << 3 | LINE_TO);
            others.iter().for_each(|to| step(pen, to));
        });
        self.cursor = cursor;
    }
}
