//! The few wire types that vector tiles use (Protocol Buffers encoding, "Base 128 Varints" and "Message Structure").

/// Wire type "variable length whole number".
const VARINT: u64 = 0;
/// Wire type "eight bytes".
const EIGHT_BYTES: u64 = 1;
/// Wire type "length and bytes".
const BYTES: u64 = 2;

/// Appends a whole number.
#[inline]
pub(super) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The bytes that [`varint`] appends.
#[inline]
pub(super) fn varint_len(value: u64) -> usize {
    (70 - (value | 1).leading_zeros() as usize) / 7
}

/// A signed number such that small ones stay small.
#[inline]
pub(super) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Appends field `field` with a whole number.
pub(super) fn uint_field(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3 | VARINT);
    varint(out, value);
}

/// Appends field `field` with eight bytes.
pub(super) fn double_field(out: &mut Vec<u8>, field: u64, value: f64) {
    varint(out, field << 3 | EIGHT_BYTES);
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends field `field` with bytes: text, packed numbers or a message.
pub(super) fn bytes_field(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    bytes_head(out, field, bytes.len());
    out.extend_from_slice(bytes);
}

/// Appends the tag and length of field `field` of bytes.
pub(super) fn bytes_head(out: &mut Vec<u8>, field: u64, length: usize) {
    varint(out, field << 3 | BYTES);
    varint(out, length as u64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_told_beforehand() {
        for value in (0..64).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit]).chain([u64::MAX]) {
            let mut out = Vec::new();
            varint(&mut out, value);
            assert_eq!(varint_len(value), out.len(), "{value}");
        }
    }

    #[test]
    fn numbers_are_written_as_the_specification_shows() {
        let mut out = Vec::new();
        uint_field(&mut out, 1, 150);
        bytes_field(&mut out, 2, b"testing");
        assert_eq!(out, *b"\x08\x96\x01\x12\x07testing");
        assert_eq!([0, -1, 1, -2, i64::MAX].map(zigzag), [0, 1, 2, 3, u64::MAX - 1]);
    }
}
