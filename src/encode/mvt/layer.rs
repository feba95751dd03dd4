//! A layer of a vector tile as bytes (Mapbox Vector Tile 2.1, `vector_tile.proto`).

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::protobuf::{bytes_field, bytes_head, double_field, uint_field, varint, varint_len, zigzag};
use super::quantize::{EXTENT, Point, Rings};
use crate::encode::attributes::{Key, Value};

/// A layer being written: features as they come, keys and values each once.
pub(super) struct Layer<'a> {
    name: &'static str,
    features: Vec<u8>,
    keys: Vec<Key>,
    key_index: [Option<u8>; Key::COUNT],
    values: Values<'a>,
    wordings: Wordings,
    tags: Vec<u8>,
    geometry: Geometry,
    geometry_type: u64,
}

impl<'a> Layer<'a> {
    /// A layer of a tile with about so many features.
    pub(super) fn new(name: &'static str, features: usize) -> Self {
        const USUAL_BYTES: usize = 64;
        Self {
            name,
            features: Vec::with_capacity(features * USUAL_BYTES),
            keys: Vec::new(),
            key_index: [None; Key::COUNT],
            values: Values::default(),
            wordings: Wordings::default(),
            tags: Vec::new(),
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
    pub(super) fn repeat(&mut self, wording: u64) -> bool {
        let known = self.wordings.numbers.iter().position(|known| *known == wording);
        if let Some(at) = known {
            self.tags.extend_from_slice(&self.wordings.tags[at]);
        }
        known.is_some()
    }

    /// Marks the attributes that were added to the feature being written, to be repeated.
    pub(super) fn mark(&mut self, wording: u64) {
        self.wordings.numbers.push(wording);
        self.wordings.tags.push(self.tags.clone().into());
    }

    /// Adds an attribute to the feature being written.
    #[inline]
    pub(super) fn attribute(&mut self, key: Key, value: &Value<'a>) {
        let keys = &mut self.keys;
        let index = *self.key_index[key as usize].get_or_insert_with(|| {
            keys.push(key);
            (keys.len() - 1) as u8
        });
        varint(&mut self.tags, u64::from(index));
        let value = if key == Key::Fid { self.values.push_unique(value) } else { self.values.index(value) };
        varint(&mut self.tags, u64::from(value));
    }

    /// Ends the feature being written.
    pub(super) fn end_feature(&mut self, id: u64) {
        let (tags, geometry) = (&mut self.tags, &mut self.geometry.bytes);
        let head = |tag: usize| 1 + varint_len(tag as u64);
        let length = 1 + varint_len(id) + head(tags.len()) + tags.len() + 2 + head(geometry.len()) + geometry.len();
        bytes_head(&mut self.features, 2, length);
        uint_field(&mut self.features, 1, id);
        bytes_head(&mut self.features, 2, tags.len());
        self.features.append(tags);
        uint_field(&mut self.features, 3, self.geometry_type);
        bytes_head(&mut self.features, 4, geometry.len());
        self.features.append(geometry);
        self.geometry.cursor = Point::default();
    }

    /// Appends the layer to a tile; one without features leaves no trace.
    pub(super) fn finish(self, tile: &mut Vec<u8>) {
        if self.features.is_empty() {
            return;
        }
        let mut head = Vec::with_capacity(32);
        uint_field(&mut head, 15, 2); // version, first so that readers know early
        bytes_field(&mut head, 1, self.name.as_bytes());
        let mut tail = Vec::with_capacity(256);
        for key in &self.keys {
            bytes_field(&mut tail, 3, key.name().as_bytes());
        }
        let mut extent = Vec::with_capacity(8);
        uint_field(&mut extent, 5, EXTENT as u64);
        let parts = [&head, &self.features, &tail, &self.values.bytes, &extent];
        let length: usize = parts.iter().map(|part| part.len()).sum();
        tile.reserve(length + 8);
        bytes_head(tile, 3, length);
        for part in parts {
            tile.extend_from_slice(part);
        }
    }
}

/// The tags of texts and flags that features share, by the number of their wording: a few dozen at most.
#[derive(Default)]
struct Wordings {
    numbers: Vec<u64>,
    tags: Vec<Box<[u8]>>,
}

/// The geometry types of lines and polygons.
const LINE_STRING: u64 = 2;
const POLYGON: u64 = 3;

/// Commands of a geometry; the cursor goes on from ring to ring (4.3.3).
#[derive(Default)]
struct Geometry {
    bytes: Vec<u8>,
    cursor: Point,
}

impl Geometry {
    fn ring(&mut self, ring: &[Point]) {
        const CLOSE_PATH: u64 = 1 << 3 | 7;
        if !ring.is_empty() {
            self.path(ring);
            varint(&mut self.bytes, CLOSE_PATH);
        }
    }

    fn path(&mut self, ring: &[Point]) {
        const MOVE_TO_ONE: u64 = 1 << 3 | 1;
        const LINE_TO: u64 = 2;
        let Some((first, others)) = ring.split_first() else { return };
        varint(&mut self.bytes, MOVE_TO_ONE);
        self.step(*first);
        varint(&mut self.bytes, (others.len() as u64) << 3 | LINE_TO);
        for p in others {
            self.step(*p);
        }
    }

    #[inline]
    fn step(&mut self, to: Point) {
        varint(&mut self.bytes, zigzag(to.x - self.cursor.x));
        varint(&mut self.bytes, zigzag(to.y - self.cursor.y));
        self.cursor = to;
    }
}

/// The values of a layer, each once.
#[derive(Default)]
struct Values<'a> {
    bytes: Vec<u8>,
    count: u32,
    wholes: Numbers,
    tenths: Numbers,
    texts: Vec<(Cow<'a, str>, u32)>,
    flags: [Option<u32>; 2],
}

impl<'a> Values<'a> {
    #[inline]
    fn index(&mut self, value: &Value<'a>) -> u32 {
        let known = match value {
            Value::Whole(v) => self.wholes.get(*v),
            Value::Tenths(v) => self.tenths.get(*v),
            Value::Text(v) => self.text(v),
            Value::Flag(v) => self.flags[usize::from(*v)],
        };
        known.unwrap_or_else(|| self.add(value))
    }

    /// Nearly all texts are the same pieces of the scheme.
    #[inline]
    fn text(&self, text: &str) -> Option<u32> {
        let same_place = self.texts.iter().find(|(known, _)| std::ptr::eq(&raw const **known, text));
        same_place.or_else(|| self.texts.iter().find(|(known, _)| known == text)).map(|(_, index)| *index)
    }

    fn add(&mut self, value: &Value<'a>) -> u32 {
        let index = self.push_unique(value);
        match value {
            Value::Whole(v) => self.wholes.insert(*v, index),
            Value::Tenths(v) => self.tenths.insert(*v, index),
            Value::Text(v) => self.texts.push((v.clone(), index)),
            Value::Flag(v) => self.flags[usize::from(*v)] = Some(index),
        }
        index
    }

    /// Appends a value that is known to be new.
    fn push_unique(&mut self, value: &Value<'_>) -> u32 {
        let length = match value {
            Value::Text(v) => 1 + varint_len(v.len() as u64) + v.len(),
            Value::Tenths(_) => 9,
            Value::Whole(v) => 1 + varint_len(*v),
            Value::Flag(_) => 2,
        };
        bytes_head(&mut self.bytes, 4, length);
        match value {
            Value::Text(v) => bytes_field(&mut self.bytes, 1, v.as_bytes()),
            Value::Tenths(v) => double_field(&mut self.bytes, 3, *v as f64 / 10.0),
            Value::Whole(v) => uint_field(&mut self.bytes, 5, *v),
            Value::Flag(v) => uint_field(&mut self.bytes, 7, u64::from(*v)),
        }
        self.count += 1;
        self.count - 1
    }
}

/// Where numbers stand among the values: small ones, which are nearly all, in a table.
#[derive(Default)]
struct Numbers {
    small: Vec<Option<u32>>,
    large: HashMap<u64, u32, BuildHasherDefault<Mix>>,
}

impl Numbers {
    #[inline]
    fn get(&self, value: u64) -> Option<u32> {
        match self.small.get(value as usize) {
            Some(index) => *index,
            None => self.large.get(&value).copied(),
        }
    }

    fn insert(&mut self, value: u64, index: u32) {
        const SMALL: usize = 1024;
        self.small.resize(SMALL, None);
        match self.small.get_mut(value as usize) {
            Some(place) => *place = Some(index),
            None => _ = self.large.insert(value, index),
        }
    }
}

/// Multiplicative hashing (Knuth, The Art of Computer Programming 3, 6.4) of one number; keys come from ourselves.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.write_u64(self.0 ^ u64::from(*b));
        }
    }

    fn write_u64(&mut self, value: u64) {
        let product = u128::from(value) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}
