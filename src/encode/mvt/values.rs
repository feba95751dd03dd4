//! The values that the features of a layer share (Mapbox Vector Tile 2.1, 4.4).

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::protobuf::{Pen, Wire, varint_len};
use crate::encode::attributes::{Number, Value};

/// The values of a layer, each once.
#[derive(Default)]
pub(super) struct Values<'a> {
    bytes: Wire,
    count: u32,
    wholes: Numbers,
    tenths: Numbers,
    texts: Vec<(Cow<'a, str>, u32)>,
    flags: [Option<u32>; 2],
}

impl<'a> Values<'a> {
    /// The index of a value, which is appended where it is new.
    pub(super) fn index(&mut self, value: &Value<'a>) -> u32 {
        match value {
            Value::Number(number) => self.number(*number),
            Value::Text(text) => self.text(text.clone()),
            Value::Flag(flag) => self.flag(*flag),
        }
    }

    /// As [`Self::index`].
    #[inline]
    pub(super) fn number(&mut self, number: Number) -> u32 {
        let known = match number {
            Number::Whole(v) => self.wholes.get(v),
            Number::Tenths(v) => self.tenths.get(v),
        };
        known.unwrap_or_else(|| {
            let index = self.push_number(number);
            match number {
                Number::Whole(v) => self.wholes.insert(v, index),
                Number::Tenths(v) => self.tenths.insert(v, index),
            }
            index
        })
    }

    /// Appends a number that is known to be new.
    pub(super) fn push_number(&mut self, number: Number) -> u32 {
        match number {
            Number::Whole(v) => self.push(1 + varint_len(v), |pen| pen.uint_field(5, v)),
            Number::Tenths(v) => self.push(9, |pen| pen.double_field(3, v as f64 / 10.0)),
        }
    }

    /// The values as fields of the layer, in the order of their indices.
    pub(super) fn into_bytes(self) -> Wire {
        self.bytes
    }

    fn flag(&mut self, flag: bool) -> u32 {
        let known = self.flags[usize::from(flag)];
        let index = known.unwrap_or_else(|| self.push(2, |pen| pen.uint_field(7, u64::from(flag))));
        self.flags[usize::from(flag)] = Some(index);
        index
    }

    /// Nearly all texts are the same pieces of the scheme.
    fn text(&mut self, text: Cow<'a, str>) -> u32 {
        let same_place = self.texts.iter().find(|(known, _)| std::ptr::eq(&raw const **known, &raw const *text));
        let known = same_place.or_else(|| self.texts.iter().find(|(known, _)| *known == text));
        if let Some((_, index)) = known {
            return *index;
        }
        let index = self.push(1 + varint_len(text.len() as u64) + text.len(), |pen| pen.bytes_head(1, text.len()));
        self.bytes.raw(text.as_bytes());
        self.texts.push((text, index));
        index
    }

    /// Appends the head of a value of so many bytes, and what a pen writes of them.
    #[inline]
    fn push(&mut self, length: usize, fill: impl FnOnce(&mut Pen<'_>)) -> u32 {
        self.bytes.write(2 * Pen::FIELD, |pen| {
            pen.bytes_head(4, length);
            fill(pen);
        });
        self.count += 1;
        self.count - 1
    }
}

/// Where numbers stand among the values: small ones, which are nearly all, in a table.
#[derive(Default)]
struct Numbers {
    /// One more than the index; 0 for none.
    small: Vec<u32>,
    large: HashMap<u64, u32, BuildHasherDefault<Mix>>,
}

impl Numbers {
    #[inline]
    fn get(&self, value: u64) -> Option<u32> {
        match self.small.get(value as usize) {
            Some(after) => after.checked_sub(1),
            None => self.large.get(&value).copied(),
        }
    }

    fn insert(&mut self, value: u64, index: u32) {
        const SMALL: usize = 1024;
        self.small.resize(SMALL, 0);
        match self.small.get_mut(value as usize) {
            Some(after) => *after = index + 1,
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
