//! Bodies that take no memory of their own while they are sent.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;

/// Largest slice that is handed to a connection at once, in bytes.
const SLICE_BYTES: usize = 16 << 10;

/// A body that is shared with the cache and given to a connection slice by slice, as the client takes it.
///
/// A connection copies what it is given into its own buffer. Given a whole tile, each of 2,000 slow clients would hold a copy
/// of it; given slices, it holds about 48 KiB.
#[derive(Debug)]
pub struct Slices(Bytes);

impl Slices {
    /// A body of these bytes.
    #[must_use]
    pub fn of(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl MessageBody for Slices {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        if self.0.is_empty() {
            return Poll::Ready(None);
        }
        let bytes = self.0.len().min(SLICE_BYTES);
        Poll::Ready(Some(Ok(self.0.split_to(bytes))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn slices_are_small_and_make_the_whole_body() {
        let whole: Vec<u8> = (0..100_000_u32).map(|i| i as u8).collect();
        let mut body = Slices::of(Bytes::from(whole.clone()));
        assert_eq!(body.size(), BodySize::Sized(100_000));
        let mut sent = Vec::new();
        while let Some(Ok(slice)) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_next(cx)).await {
            assert!(slice.len() <= SLICE_BYTES);
            sent.extend_from_slice(&slice);
        }
        assert_eq!(sent, whole);
    }
}
