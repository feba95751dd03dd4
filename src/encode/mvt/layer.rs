//! A layer of a vector tile as bytes (Mapbox Vector Tile 2.1, `vector_tile.proto`).

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::protobuf::{bytes_field, double_field, uint_field, varint, zigzag};
use super::quantize::{EXTENT, Point, Rings};
use crate::encode::attributes::{Key, Value};

/// A layer being written: features as they come, keys and values each once.
pub(super) struct Layer {
    name: &'static str,
    features: Vec<u8>,
    keys: Vec<Key>,
    key_index: [Option<u8>; Key::ALL.len()],
    values: Values,
    tags: Vec<u8>,
    geometry: Geometry,
}

impl Layer {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            features: Vec::new(),
            keys: Vec::new(),
            key_index: [None; Key::ALL.len()],
            values: Values::default(),
            tags: Vec::new(),
            geometry: Geometry::default(),
        }
    }

    /// Adds a polygon to the feature being written.
    pub(super) fn polygon(&mut self, rings: &Rings) {
        for ring in rings.iter() {
            self.geometry.ring(ring);
        }
    }

    /// Adds an attribute to the feature being written.
    pub(super) fn attribute(&mut self, key: Key, value: &Value<'_>) {
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
        let mut head = [0; 24];
        let mut body = Vec::with_capacity(head.len());
        uint_field(&mut body, 1, id);
        bytes_head(&mut body, 2, self.tags.len());
        let first = body.len();
        uint_field(&mut body, 3, POLYGON);
        bytes_head(&mut body, 4, self.geometry.bytes.len());
        let length = body.len() + self.tags.len() + self.geometry.bytes.len();
        head[..body.len()].copy_from_slice(&body);
        bytes_head(&mut self.features, 2, length);
        self.features.extend_from_slice(&head[..first]);
        self.features.append(&mut self.tags);
        self.features.extend_from_slice(&head[first..body.len()]);
        self.features.append(&mut self.geometry.bytes);
        self.geometry.cursor = Point { x: 0, y: 0 };
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

/// The geometry type of polygons.
const POLYGON: u64 = 3;

/// The tag and length of a field of bytes.
fn bytes_head(out: &mut Vec<u8>, field: u64, length: usize) {
    varint(out, field << 3 | 2);
    varint(out, length as u64);
}

/// Commands of a geometry; the cursor goes on from ring to ring (4.3.3).
#[derive(Default)]
struct Geometry {
    bytes: Vec<u8>,
    cursor: Point,
}

impl Geometry {
    fn ring(&mut self, ring: &[Point]) {
        const MOVE_TO_ONE: u64 = 1 << 3 | 1;
        const LINE_TO: u64 = 2;
        const CLOSE_PATH: u64 = 1 << 3 | 7;
        let Some((first, others)) = ring.split_first() else { return };
        varint(&mut self.bytes, MOVE_TO_ONE);
        self.step(*first);
        varint(&mut self.bytes, (others.len() as u64) << 3 | LINE_TO);
        for p in others {
            self.step(*p);
        }
        varint(&mut self.bytes, CLOSE_PATH);
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
struct Values {
    bytes: Vec<u8>,
    count: u32,
    wholes: HashMap<u64, u32, BuildHasherDefault<Mix>>,
    decimals: HashMap<u64, u32, BuildHasherDefault<Mix>>,
    texts: Vec<(String, u32)>,
    flags: [Option<u32>; 2],
}

impl Values {
    fn index(&mut self, value: &Value<'_>) -> u32 {
        let known = match value {
            Value::Whole(v) => self.wholes.get(v).copied(),
            Value::Decimal(v) => self.decimals.get(&v.to_bits()).copied(),
            Value::Text(v) => self.texts.iter().find(|(text, _)| text == v).map(|(_, index)| *index),
            Value::Flag(v) => self.flags[usize::from(*v)],
        };
        if let Some(index) = known {
            return index;
        }
        let index = self.push_unique(value);
        match value {
            Value::Whole(v) => _ = self.wholes.insert(*v, index),
            Value::Decimal(v) => _ = self.decimals.insert(v.to_bits(), index),
            Value::Text(v) => self.texts.push((v.to_string(), index)),
            Value::Flag(v) => self.flags[usize::from(*v)] = Some(index),
        }
        index
    }

    /// Appends a value that is known to be new.
    fn push_unique(&mut self, value: &Value<'_>) -> u32 {
        let mut message = Vec::with_capacity(16);
        match value {
            Value::Text(v) => bytes_field(&mut message, 1, v.as_bytes()),
            Value::Decimal(v) => double_field(&mut message, 3, *v),
            Value::Whole(v) => uint_field(&mut message, 5, *v),
            Value::Flag(v) => uint_field(&mut message, 7, u64::from(*v)),
        }
        bytes_field(&mut self.bytes, 4, &message);
        self.count += 1;
        self.count - 1
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
