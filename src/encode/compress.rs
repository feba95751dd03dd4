//! Bodies in the encoding that a client asks for.

use libdeflater::{CompressionLvl, Compressor};

/// Levels for bodies made on demand. Gzip 1 of libdeflate takes as long as level 1 of zlib-rs for a fifth fewer bytes,
/// and two fifths of its level 4 for at most 3 % more (tiles of the demo town, 133 to 330 kB; `cargo bench --bench tile`).
const GZIP_LEVEL: i32 = 1;
const BROTLI_LEVEL: i32 = 4;
const ZSTD_LEVEL: i32 = 3;

/// A content encoding (RFC 9110, 8.4.1; RFC 7932; RFC 8878).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// Every client reads it; the only one that QGIS asks for.
    Gzip,
    /// Smaller than gzip for text, slower to make.
    Brotli,
    /// As small as gzip in a third of the time.
    Zstd,
}

impl Encoding {
    /// In order of preference: time to make for about the same size.
    const PREFERRED: [Self; 3] = [Self::Zstd, Self::Gzip, Self::Brotli];

    /// The token of `Content-Encoding`; identity has none.
    #[must_use]
    pub fn token(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Brotli => Some("br"),
            Self::Zstd => Some("zstd"),
        }
    }

    /// The body in this encoding.
    #[must_use]
    pub fn compress(self, body: &[u8]) -> Vec<u8> {
        let written = match self {
            Self::Identity => Ok(body.to_vec()),
            Self::Gzip => gzip(body),
            Self::Brotli => brotli(body),
            Self::Zstd => zstd::bulk::compress(body, ZSTD_LEVEL),
        };
        written.expect("memory takes every byte")
    }
}

/// The encoding for an `Accept-Encoding` header (RFC 9110, 12.5.3): the highest weight, then the quickest to make.
///
/// No header, or one that refuses everything, means identity.
#[must_use]
pub fn negotiate(accept_encoding: Option<&str>) -> Encoding {
    negotiate_among(accept_encoding, &Encoding::PREFERRED)
}

/// As [`negotiate`], among the encodings that are offered, the preferred ones first.
#[must_use]
pub fn negotiate_among(accept_encoding: Option<&str>, offered: &[Encoding]) -> Encoding {
    let Some(header) = accept_encoding else { return Encoding::Identity };
    let mut best = (weight(header, "identity").unwrap_or(0), Encoding::Identity);
    for &encoding in offered {
        let token = encoding.token().unwrap_or_default();
        let asked = weight(header, token).or_else(|| weight(header, "*")).unwrap_or(0);
        // A client that names identity and an encoding alike is better served with the encoding.
        if asked > best.0 || asked == best.0 && asked > 0 && best.1 == Encoding::Identity {
            best = (asked, encoding);
        }
    }
    best.1
}

/// The weight of a token in thousandths; `None` when it is not named.
fn weight(header: &str, token: &str) -> Option<u32> {
    header.split(',').find_map(|item| {
        let mut parts = item.split(';').map(str::trim);
        let name = parts.next()?;
        let same = name.eq_ignore_ascii_case(token) || token == "gzip" && name.eq_ignore_ascii_case("x-gzip");
        let weight = parts.find_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q=")));
        same.then(|| weight.map_or(1000, |w| (w.parse::<f32>().unwrap_or(0.0).clamp(0.0, 1.0) * 1000.0) as u32))
    })
}

fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let level = CompressionLvl::new(GZIP_LEVEL).map_err(|why| std::io::Error::other(format!("{why:?}")))?;
    let mut compressor = Compressor::new(level);
    let mut out = vec![0; compressor.gzip_compress_bound(body.len())];
    let length = compressor.gzip_compress(body, &mut out).map_err(std::io::Error::other)?;
    out.truncate(length);
    Ok(out)
}

fn brotli(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let params = brotli::enc::BrotliEncoderParams { quality: BROTLI_LEVEL, ..Default::default() };
    let mut out = Vec::with_capacity(body.len() / 2 + 64);
    brotli::BrotliCompress(&mut &body[..], &mut out, &params)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use std::io::Read;

    #[rstest]
    #[case::qgis(Some("gzip, deflate"), Encoding::Gzip)]
    #[case::browser(Some("gzip, deflate, br, zstd"), Encoding::Zstd)]
    #[case::weights_rule(Some("gzip;q=0.5, br;q=0.9, zstd;q=0.1"), Encoding::Brotli)]
    #[case::refused(Some("gzip;q=0"), Encoding::Identity)]
    #[case::any(Some("*"), Encoding::Zstd)]
    #[case::any_but_zstd(Some("*;q=0.5, zstd;q=0"), Encoding::Gzip)]
    #[case::identity_alike(Some("identity, gzip"), Encoding::Gzip)]
    #[case::identity_first(Some("identity, gzip;q=0.5"), Encoding::Identity)]
    #[case::old_name(Some("x-gzip"), Encoding::Gzip)]
    #[case::unknown(Some("lzma"), Encoding::Identity)]
    #[case::nothing(None, Encoding::Identity)]
    fn the_client_decides(#[case] header: Option<&str>, #[case] expected: Encoding) {
        assert_eq!(negotiate(header), expected);
    }

    #[test]
    fn bodies_return() {
        let body = "the same again, ".repeat(500).into_bytes();
        let mut back = Vec::new();
        let gz = Encoding::Gzip.compress(&body);
        flate2::read::GzDecoder::new(&gz[..]).read_to_end(&mut back).expect("gzip");
        assert_eq!(back, body);
        let zst = Encoding::Zstd.compress(&body);
        assert_eq!(zstd::bulk::decompress(&zst, body.len()).expect("zstd"), body);
        back.clear();
        let br = Encoding::Brotli.compress(&body);
        brotli::Decompressor::new(&br[..], 4096).read_to_end(&mut back).expect("brotli");
        assert_eq!(back, body);
        assert!(gz.len() < body.len() / 5 && zst.len() < body.len() / 5 && br.len() < body.len() / 5);
    }
}
