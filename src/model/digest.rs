//! Digests: what tells one network, card or scorer from another.

use std::fmt::Write as _;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::{CardError, ModelCard};
use crate::input;

/// Bytes as text.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // a string takes everything
        text
    })
}

/// Adds the weights of every network of a card, also those that lie in files beside it.
///
/// # Errors
/// When one of them cannot be read.
pub(crate) fn digest_weights(card: &ModelCard, hash: &mut Sha256) -> Result<(), CardError> {
    for path in card.weights() {
        let copied = input::open_plain(&path).and_then(|mut file| std::io::copy(&mut file, hash));
        copied.map_err(|source| CardError::Weights { path, source })?;
    }
    Ok(())
}

/// The digest of a features network, of how chips are made for it and of how its output is read: what a scorer and a cache
/// belong to.
///
/// # Errors
/// When the network cannot be read.
pub fn network_digest(card: &ModelCard) -> Result<String, CardError> {
    let mut hash = Sha256::new();
    digest_weights(card, &mut hash)?;
    let (input, output) = (&card.input, &card.output);
    hash.update(format!("{:?}{:?}{:?}{:?}{:?}", input.channels, input.layout, input.scale, input.mean, input.std));
    hash.update(format!("{}{:?}{:?}{:?}{:?}", output.name, output.patch_px, output.dim, output.tokens, output.layout));
    Ok(hex(&hash.finalize()))
}

/// The digest of a file's bytes.
pub(super) fn digest_bytes(path: &Path) -> std::io::Result<String> {
    let mut hash = Sha256::new();
    std::io::copy(&mut input::open_plain(path)?, &mut hash)?;
    Ok(hex(&hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::card;
    use super::*;

    #[test]
    fn a_network_seen_another_way_is_another() {
        let plain = card("dinov2-plain.onnx");
        let digest = |change: &dyn Fn(&mut ModelCard)| {
            let mut changed = plain.clone();
            change(&mut changed);
            network_digest(&changed).expect("a fixture")
        };
        let as_it_is = digest(&|_| {});
        assert_eq!(as_it_is, digest(&|card| card.input.chip_px *= 2), "the same patches");
        let others = [
            digest(&|card| card.input.channels.reverse()),
            digest(&|card| card.input.scale *= 2.0),
            digest(&|card| card.input.mean[0] += 0.1),
            digest(&|card| card.input.std[2] += 0.1),
            digest(&|card| card.output.patch_px = Some(7)),
        ];
        assert!(others.iter().all(|other| *other != as_it_is));
    }

    #[test]
    fn weights_beside_the_network_count() {
        let folder = tempfile::tempdir().expect("a folder");
        // A graph (7) with one initializer (5) whose location (13: key 1, value 2) is another file.
        let message = |number: u8, body: &[u8]| [&[number << 3 | 2, body.len() as u8], body].concat();
        let location = [message(1, b"location"), message(2, b"net.data")].concat();
        let network = message(7, &message(5, &[message(8, b"w"), message(13, &location)].concat()));
        std::fs::write(folder.path().join("net.onnx"), network).expect("written");
        let mut card = card("dinov2-plain.onnx");
        (card.path, card.file) = (folder.path().join("net.toml"), "net.onnx".into());
        let digest = || network_digest(&card).map_err(|error| error.to_string());
        assert!(digest().expect_err("no such file").contains("net.data"));
        let of = |weights: &[u8]| {
            std::fs::write(folder.path().join("net.data"), weights).expect("written");
            digest().expect("read")
        };
        assert_ne!(of(b"one"), of(b"two"));
    }
}
