//! The few wire types that vector tiles use (Protocol Buffers encoding, "Base 128 Varints" and "Message Structure").

/// Wire type "variable length whole number".
const VARINT: u64 = 0;
/// Wire type "eight bytes".
const EIGHT_BYTES: u64 = 1;
/// Wire type "length and bytes".
const BYTES: u64 = 2;

/// A message being written.
#[derive(Debug, Default)]
pub(super) struct Wire {
    /// What was written, and room behind it.
    room: Vec<u8>,
    end: usize,
}

impl Wire {
    /// With room for so many bytes.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { room: vec![0; bytes + Pen::BEYOND], end: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.end
    }

    pub(super) fn is_empty(&self) -> bool {
        self.end == 0
    }

    pub(super) fn clear(&mut self) {
        self.end = 0;
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.room[..self.end]
    }

    /// Appends what a pen writes, `most` bytes at most.
    #[inline]
    pub(super) fn write(&mut self, most: usize, fill: impl FnOnce(&mut Pen<'_>)) {
        self.make_room(most + Pen::BEYOND);
        let mut pen = Pen { room: &mut self.room[self.end..], end: 0 };
        fill(&mut pen);
        self.end += pen.end;
    }

    /// Appends bytes as they are.
    #[inline]
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.room[self.end..self.end + bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }

    /// Appends field `field` with a whole number.
    pub(super) fn uint_field(&mut self, field: u64, value: u64) {
        self.write(Pen::FIELD, |pen| pen.uint_field(field, value));
    }

    /// Appends field `field` with bytes: text, packed numbers or a message.
    pub(super) fn bytes_field(&mut self, field: u64, bytes: &[u8]) {
        self.write(Pen::FIELD, |pen| pen.bytes_head(field, bytes.len()));
        self.raw(bytes);
    }

    #[inline]
    fn make_room(&mut self, bytes: usize) {
        if self.room.len() - self.end < bytes {
            self.grow(bytes);
        }
    }

    #[cold]
    fn grow(&mut self, bytes: usize) {
        self.room.resize((2 * self.room.len()).max(self.end + bytes + 64), 0);
    }
}

/// Writes numbers into room that is there.
///
/// A number is laid out in a register and stored as eight bytes, of which as many count as it needs: no loop, and no
/// branch on its length.
#[derive(Debug)]
pub(super) struct Pen<'a> {
    room: &'a mut [u8],
    end: usize,
}

impl Pen<'_> {
    /// The most bytes of a number.
    pub(super) const NUMBER: usize = 10;
    /// The most bytes of a field with a number, or of the head of one with bytes.
    pub(super) const FIELD: usize = 2 * Self::NUMBER;
    /// What is touched behind the last number.
    const BEYOND: usize = 8;

    /// Appends the lowest `count` bytes of a number, the first one lowest; at most eight.
    #[inline]
    fn put(&mut self, Laid { low, count }: Laid) {
        self.room[self.end..self.end + 8].copy_from_slice(&low.to_le_bytes());
        self.end += count;
    }

    /// Appends a whole number.
    #[inline]
    pub(super) fn varint(&mut self, value: u64) {
        match value {
            0..0x4000 => self.put(laid_short(value)),
            0x4000..0x0100_0000_0000_0000 => self.put(laid(value)),
            _ => {
                // Of nine bytes or ten: all of the first eight go on.
                self.put(Laid { low: spread(value) | HIGH_BITS, count: 8 });
                self.put(laid_short(value >> 56));
            }
        }
    }

    /// Appends two whole numbers, in one go where both are small, as nearly all are.
    #[inline]
    pub(super) fn two_varints(&mut self, first: u64, second: u64) {
        if (first | second) < 0x4000 {
            let (a, b) = (laid_short(first), laid_short(second));
            self.put(Laid { low: a.low | b.low << (8 * a.count), count: a.count + b.count });
        } else {
            self.varint(first);
            self.varint(second);
        }
    }

    /// Appends field `field` with a whole number.
    #[inline]
    pub(super) fn uint_field(&mut self, field: u64, value: u64) {
        self.two_varints(field << 3 | VARINT, value);
    }

    /// Appends field `field` with eight bytes.
    #[inline]
    pub(super) fn double_field(&mut self, field: u64, value: f64) {
        self.varint(field << 3 | EIGHT_BYTES);
        self.put(Laid { low: value.to_bits(), count: 8 });
    }

    /// Appends the tag and length of field `field` of bytes.
    #[inline]
    pub(super) fn bytes_head(&mut self, field: u64, length: usize) {
        self.two_varints(field << 3 | BYTES, length as u64);
    }
}

/// The bit of every byte that says that the number goes on.
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// A number laid out as a varint.
#[derive(Debug, Clone, Copy)]
struct Laid {
    /// The first byte lowest; zero beyond the last.
    low: u64,
    /// How many bytes.
    count: usize,
}

/// A number below 2⁵⁶.
#[inline]
fn laid(value: u64) -> Laid {
    let spread = spread(value);
    let last = (spread | 1).ilog2() & !7;
    Laid { low: spread | HIGH_BITS & ((1 << last) - 1), count: last as usize / 8 + 1 }
}

/// A number below 2¹⁴: one byte or two, without a branch, which steps between vertices would send astray.
#[inline]
fn laid_short(value: u64) -> Laid {
    let goes_on = u64::from(value >= 0x80);
    Laid { low: value & 0x7f | goes_on << 7 | value >> 7 << 8, count: 1 + goes_on as usize }
}

/// Seven bits to a byte, for the lowest 56 bits.
#[inline]
fn spread(value: u64) -> u64 {
    let halves = value & 0x0fff_ffff | (value & 0x00ff_ffff_f000_0000) << 4;
    let quarters = halves & 0x0000_3fff_0000_3fff | (halves & 0x0fff_c000_0fff_c000) << 2;
    quarters & 0x007f_007f_007f_007f | (quarters & 0x3f80_3f80_3f80_3f80) << 1
}

/// The bytes that [`Pen::varint`] appends.
#[inline]
pub(super) fn varint_len(value: u64) -> usize {
    (70 - (value | 1).leading_zeros() as usize) / 7
}

/// A signed number such that small ones stay small.
#[inline]
pub(super) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the encoding is defined, byte by byte.
    fn plain(mut value: u64) -> Vec<u8> {
        let mut out = Vec::new();
        while value >= 0x80 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
        out
    }

    fn edges() -> impl Iterator<Item = u64> + Clone {
        (0..64).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit, (1 << bit) / 3 * 5]).chain([u64::MAX])
    }

    #[test]
    fn numbers_are_laid_out_as_defined_and_their_lengths_told_beforehand() {
        for value in edges() {
            let mut out = Wire::default();
            out.write(Pen::NUMBER, |pen| pen.varint(value));
            assert_eq!(out.bytes(), plain(value), "{value}");
            assert_eq!(varint_len(value), out.len(), "{value}");
        }
    }

    #[test]
    fn two_numbers_follow_each_other() {
        let mut out = Wire::with_capacity(0);
        let mut expected = Vec::new();
        for (a, b) in edges().flat_map(|a| edges().map(move |b| (a, b))) {
            out.write(2 * Pen::NUMBER, |pen| pen.two_varints(a, b));
            expected.extend(plain(a).into_iter().chain(plain(b)));
        }
        assert_eq!(out.bytes(), expected);
    }

    #[test]
    fn numbers_are_written_as_the_specification_shows() {
        let mut out = Wire::default();
        out.uint_field(1, 150);
        out.bytes_field(2, b"testing");
        assert_eq!(out.bytes(), *b"\x08\x96\x01\x12\x07testing");
        assert_eq!([0, -1, 1, -2, i64::MAX].map(zigzag), [0, 1, 2, 3, u64::MAX - 1]);
        let mut out = Wire::default();
        out.write(Pen::FIELD, |pen| pen.double_field(3, 2.5));
        assert_eq!(out.bytes(), *b"\x19\0\0\0\0\0\0\x04\x40");
    }
}
