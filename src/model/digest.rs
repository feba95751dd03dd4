//! Digests: what tells one network, card or scorer from another.

use std::fmt::Write as _;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::{CardError, Input, ModelCard, Output};
use crate::fingerprint::Fingerprint;
use crate::input;

/// Bytes as text.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // a string takes everything
        text
    })
}

/// The digest of a features network, of how chips are made for it and of how its output is read: what a scorer and a cache
/// belong to.
///
/// # Errors
/// When the network cannot be read.
pub fn network_digest(card: &ModelCard) -> Result<String, CardError> {
    let mut fingerprint = Fingerprint::new("features");
    for path in card.weights() {
        let unreadable = |cause| CardError::Weights { path: path.clone(), cause };
        let file = input::open_plain(&path).map_err(unreadable)?;
        fingerprint.content("weights", file).map_err(unreadable)?;
    }
    let Input {
        channels,
        layout,
        scale,
        mean,
        std,
        // The same patches, whatever the chips that they come from.
        name: _,
        resolution_m_per_px: _,
        resolution_range_m_per_px: _,
        chip_px: _,
        stride_px: _,
        multiple_px: _,
    } = &card.input;
    fingerprint.field("channels", channels).field("input layout", layout);
    fingerprint.field("scale", scale).field("mean", mean).field("std", std);
    // Features are read as they are.
    let Output { name, patch_px, dim, tokens, layout, activation: _, stride: _, threshold: _ } = &card.output;
    fingerprint.field("output", name).field("patch_px", patch_px).field("dim", dim);
    fingerprint.field("tokens", tokens).field("output layout", layout);
    Ok(fingerprint.finish())
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
            digest(&|card| card.input.layout = crate::model::Layout::Nhwc),
            digest(&|card| card.output.name.push('x')),
            digest(&|card| card.output.patch_px = Some(7)),
            digest(&|card| card.output.dim = Some(7)),
            digest(&|card| card.output.tokens = Some(crate::model::Tokens { cls: 1, registers: 9 })),
            digest(&|card| card.output.layout = Some(crate::model::Layout::Nhwc)),
        ];
        for (at, other) in others.iter().enumerate() {
            assert!(*other != as_it_is && !others[..at].contains(other), "{at}");
        }
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
