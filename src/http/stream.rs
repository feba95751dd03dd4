//! GeoJSON in pieces: each is made when the client has taken the one before, so that an answer takes little memory
//! however long it is and however slowly it is read.

use std::cell::RefCell;
use std::io::Write;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream::{Stream, unfold};
use serde_json::Map;

use super::errors::HttpError;
use super::seats::Seat;
use super::state::State;
use crate::encode::compress::Encoding;
use crate::encode::filter::{Page, SelectedLayer};
use crate::encode::geojson::{GeoJsonError, Pieces, Place};
use crate::georef::PixelFrame;
use crate::seed::Snapshot;

/// Bytes of a piece, or a little more.
const PIECE: usize = 64 << 10;

/// Time after which a thread is asked for again where all are busy.
const AGAIN: Duration = Duration::from_millis(50);

/// A collection under way.
pub struct Collection {
    state: Arc<State>,
    snapshot: Arc<Snapshot>,
    layer: SelectedLayer,
    page: Page,
    written: usize,
    pieces: Option<Pieces>,
    out: Packer,
}

impl Collection {
    /// A page of a snapshot, with the members of the collection.
    ///
    /// # Errors
    /// When its beginning cannot be written.
    pub fn begin(
        (state, snapshot): (Arc<State>, Arc<Snapshot>),
        (layer, page): (SelectedLayer, Page),
        members: &Map<String, serde_json::Value>,
        encoding: Encoding,
    ) -> Result<Self, HttpError> {
        let mut out = Packer::new(encoding);
        let pieces = Some(Pieces::begin(&mut out, members)?);
        Ok(Self { state, snapshot, layer, page, written: 0, pieces, out })
    }

    /// The next piece; empty at the end.
    fn piece(&mut self) -> Result<Bytes, HttpError> {
        while self.out.len() < PIECE {
            let Some(pieces) = &mut self.pieces else { return Ok(self.out.take()) };
            let Some(id) = self.page.ids.get(self.written) else {
                if let Some(pieces) = self.pieces.take() {
                    pieces.end(&mut self.out)?;
                }
                self.out.finish().map_err(GeoJsonError::Write)?;
                continue;
            };
            let (store, scheme, out) = (&self.snapshot.store, self.state.live.scheme(), &mut self.out);
            with_place(store.frame(), |place| match self.layer {
                SelectedLayer::Features => {
                    let stored = store.get(*id);
                    stored.map_or(Ok(()), |stored| pieces.feature(out, &stored.feature, (place, scheme)))
                }
                SelectedLayer::Centrelines => {
                    let stored = store.centreline(*id);
                    stored.map_or(Ok(()), |stored| pieces.centreline(out, &stored.centreline, (place, scheme)))
                }
            })?;
            self.written += 1;
        }
        Ok(self.out.take())
    }

    /// The pieces, for a client that has a seat.
    pub fn stream(self, address: IpAddr, seat: Seat) -> impl Stream<Item = Result<Bytes, HttpError>> {
        unfold(Some((self, seat)), move |under_way| async move {
            let (collection, seat) = under_way?;
            match next(collection, address).await {
                Ok((_, piece)) if piece.is_empty() => None,
                Ok((collection, piece)) => Some((Ok(piece), Some((collection, seat)))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }
}

/// The next piece, made by a thread for GeoJSON.
async fn next(collection: Collection, address: IpAddr) -> Result<(Collection, Bytes), HttpError> {
    let resources = Arc::clone(&collection.state.resources);
    let shared = Arc::new(std::sync::Mutex::new(Some(collection)));
    loop {
        let taken = Arc::clone(&shared);
        let make = move || {
            let mut collection = taken.lock().ok().and_then(|mut kept| kept.take())?;
            let piece = collection.piece();
            Some(piece.map(|piece| (collection, piece)))
        };
        match resources.features.run(address, make).await {
            Ok(Some(next)) => return next,
            // The queue has no room for this piece yet; its seat stays.
            Err(HttpError::Busy) if shared.lock().is_ok_and(|kept| kept.is_some()) => tokio::time::sleep(AGAIN).await,
            Ok(None) | Err(_) => return Err(HttpError::Busy),
        }
    }
}

/// The way to longitude and latitude, made once on each thread for each map space in a row.
fn with_place<T>(frame: &PixelFrame, act: impl FnOnce(&Place) -> Result<T, GeoJsonError>) -> Result<T, GeoJsonError> {
    thread_local! {
        static KEPT: RefCell<Option<Place>> = const { RefCell::new(None) };
    }
    KEPT.with_borrow_mut(|kept| {
        let place = match kept.take().filter(|place| place.is_of(frame)) {
            Some(place) => place,
            None => Place::of(frame)?,
        };
        let result = act(&place);
        *kept = Some(place);
        result
    })
}

/// Bytes in an encoding, taken away as they come.
enum Packer {
    Plain(Vec<u8>),
    Gzip(Box<GzEncoder<Vec<u8>>>),
    Packed(Vec<u8>),
}

impl Packer {
    fn new(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Gzip => Self::Gzip(Box::new(GzEncoder::new(Vec::new(), Compression::fast()))),
            _ => Self::Plain(Vec::new()),
        }
    }

    fn bytes(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Plain(bytes) | Self::Packed(bytes) => bytes,
            Self::Gzip(encoder) => encoder.get_mut(),
        }
    }

    fn len(&mut self) -> usize {
        self.bytes().len()
    }

    fn take(&mut self) -> Bytes {
        std::mem::take(self.bytes()).into()
    }

    fn finish(&mut self) -> std::io::Result<()> {
        if let Self::Gzip(_) = self {
            let Self::Gzip(encoder) = std::mem::replace(self, Self::Plain(Vec::new())) else { return Ok(()) };
            *self = Self::Packed(encoder.finish()?);
        }
        Ok(())
    }
}

impl Write for Packer {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(bytes) | Self::Packed(bytes) => bytes.write(buf),
            Self::Gzip(encoder) => encoder.write(buf),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
