//! What tells one set of inputs from another: a digest of named values.
//!
//! A type that belongs to a fingerprint adds its fields one by one after destructuring itself, so that a new field does not
//! compile until someone decides whether it belongs there:
//!
//! ```
//! use orthotile::fingerprint::{Fingerprint, Fingerprinted};
//!
//! struct Blur { radius_px: u32, title: String }
//!
//! impl Fingerprinted for Blur {
//!     fn add_to(&self, fingerprint: &mut Fingerprint) {
//!         let Self { radius_px, title: _ } = self; // the title changes no pixel
//!         fingerprint.field("radius_px", radius_px);
//!     }
//! }
//!
//! let of = |radius_px| Fingerprint::of("blur", &Blur { radius_px, title: String::new() });
//! assert_ne!(of(1), of(2));
//! ```

use std::io::Read;

use sha2::{Digest, Sha256};

/// A digest of named values, in their order.
///
/// Every name and value is written with its kind and length, so that two lists of values never give the same bytes.
pub struct Fingerprint(Sha256);

/// A value that a fingerprint can take in.
pub trait Fingerprinted {
    /// Adds the value.
    fn add_to(&self, fingerprint: &mut Fingerprint);
}

impl Fingerprint {
    /// An empty fingerprint of a kind of thing; the kind tells it from those of other things.
    #[must_use]
    pub fn new(kind: &str) -> Self {
        let mut fingerprint = Self(Sha256::new());
        fingerprint.bytes(b'k', kind.as_bytes());
        fingerprint
    }

    /// The fingerprint of one value.
    #[must_use]
    pub fn of(kind: &str, value: &(impl Fingerprinted + ?Sized)) -> String {
        let mut fingerprint = Self::new(kind);
        value.add_to(&mut fingerprint);
        fingerprint.finish()
    }

    /// Adds a value under a name.
    pub fn field(&mut self, name: &str, value: &(impl Fingerprinted + ?Sized)) -> &mut Self {
        self.bytes(b'f', name.as_bytes());
        value.add_to(self);
        self
    }

    /// Adds all that can be read from a file under a name.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn content(&mut self, name: &str, mut from: impl Read) -> std::io::Result<&mut Self> {
        let mut hash = Sha256::new();
        std::io::copy(&mut from, &mut hash)?;
        self.bytes(b'f', name.as_bytes());
        self.bytes(b'c', &hash.finalize());
        Ok(self)
    }

    /// The digest, as 64 hexadecimal digits.
    #[must_use]
    pub fn finish(self) -> String {
        format!("{:x}", self.0.finalize())
    }

    fn bytes(&mut self, kind: u8, bytes: &[u8]) {
        self.0.update([kind]);
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }
}

impl Fingerprinted for str {
    fn add_to(&self, fingerprint: &mut Fingerprint) {
        fingerprint.bytes(b's', self.as_bytes());
    }
}

impl Fingerprinted for String {
    fn add_to(&self, fingerprint: &mut Fingerprint) {
        self.as_str().add_to(fingerprint);
    }
}

impl<T: Fingerprinted + ?Sized> Fingerprinted for &T {
    fn add_to(&self, fingerprint: &mut Fingerprint) {
        (**self).add_to(fingerprint);
    }
}

impl<T: Fingerprinted> Fingerprinted for Option<T> {
    fn add_to(&self, fingerprint: &mut Fingerprint) {
        fingerprint.bytes(b'o', &[u8::from(self.is_some())]);
        self.iter().for_each(|value| value.add_to(fingerprint));
    }
}

impl<T: Fingerprinted> Fingerprinted for [T] {
    fn add_to(&self, fingerprint: &mut Fingerprint) {
        fingerprint.bytes(b'l', &(self.len() as u64).to_le_bytes());
        self.iter().for_each(|value| value.add_to(fingerprint));
    }
}

impl<T: Fingerprinted> Fingerprinted for Vec<T> {
    fn add_to(&self, fingerprint: &mut Fingerprint) {
        self.as_slice().add_to(fingerprint);
    }
}

impl<T: Fingerprinted, const N: usize> Fingerprinted for [T; N] {
    fn add_to(&self, fingerprint: &mut Fingerprint) {
        self.as_slice().add_to(fingerprint);
    }
}

impl Fingerprinted for bool {
    fn add_to(&self, fingerprint: &mut Fingerprint) {
        fingerprint.bytes(b'b', &[u8::from(*self)]);
    }
}

/// Numbers by their bits, so that no rounding hides a difference.
macro_rules! numbers {
    ($($kind:literal $number:ty),*) => {$(
        impl Fingerprinted for $number {
            fn add_to(&self, fingerprint: &mut Fingerprint) {
                fingerprint.bytes($kind, &self.to_le_bytes());
            }
        }
    )*};
}

numbers!(b'1' u8, b'4' u32, b'8' u64, b'e' f32, b'd' f64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_values_names_and_orders_give_other_fingerprints() {
        let of = |fields: &[(&str, &str)]| {
            let mut fingerprint = Fingerprint::new("test");
            for (name, value) in fields {
                fingerprint.field(name, value);
            }
            fingerprint.finish()
        };
        let all = [
            of(&[]),
            of(&[("a", "")]),
            of(&[("", "a")]),
            of(&[("a", "bc")]),
            of(&[("ab", "c")]),
            of(&[("a", "b"), ("c", "")]),
            of(&[("a", "b"), ("c", "d")]),
            of(&[("c", "d"), ("a", "b")]),
            Fingerprint::new("another").finish(),
            Fingerprint::of("test", &Some(1_u32)),
            Fingerprint::of("test", &1_u32),
            Fingerprint::of("test", &1_u64),
            Fingerprint::of("test", &None::<u32>),
            Fingerprint::of("test", &[None, Some(1_u32)]),
            Fingerprint::of("test", &[Some(1_u32), None]),
            Fingerprint::of("test", &vec![vec![1_u8], vec![2, 3]]),
            Fingerprint::of("test", &vec![vec![1_u8, 2], vec![3]]),
            Fingerprint::of("test", &0.1_f32),
            Fingerprint::of("test", &f64::from(0.1_f32)),
            Fingerprint::of("test", &true),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(one.len() == 64 && !all[..at].contains(one), "{at}");
        }
    }

    #[test]
    fn a_fingerprint_is_the_same_in_every_version() {
        let mut fingerprint = Fingerprint::new("test");
        fingerprint.field("a", &1_u32).field("b", "text").content("c", &b"bytes"[..]).expect("memory");
        assert_eq!(fingerprint.finish(), "17600149f8906dff1a126a061aa6c3bc79d4dd926453b590fe944eb4c3ba8718");
    }
}
