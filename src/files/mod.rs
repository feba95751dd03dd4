//! Files that are written whole or not at all, also when several processes write the same one.
//!
//! A [`Draft`] is written under a temporary name, synced to the disk and renamed. Temporary files lie in a [`WorkFolder`],
//! which one process owns while it lives: the name is drawn at random, a lock shows that the owner is alive, and only
//! folders without an owner are removed.

mod draft;
mod error;
mod work;

pub use draft::{Draft, write_whole};
pub use error::FileError;
pub use work::WorkFolder;
