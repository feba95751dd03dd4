//! A cached tile under load, against a constant body of the same size from the same server.
//!
//! `cargo bench --bench load`: one worker of actix-web on loopback, keep-alive connections from as many threads; the ratio
//! says what finding, checking and marking a tile costs beside what HTTP costs anyway.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::web::Bytes;
use actix_web::{App, HttpResponse, HttpServer, web};
use orthotile::demo::{DemoOptions, generate};
use orthotile::label::LabelStore;
use orthotile::model::{Device, ModelCard};
use orthotile::pipeline::FeatureOptions;
use orthotile::plugin::{Orthotile, ServeOptions};
use orthotile::raster::{self, Mosaic};
use orthotile::seed::{Live, Maker, SegmentOptions, plan};

const CONNECTIONS: usize = 4;
const ROUND: Duration = Duration::from_secs(2);
const ROUNDS: usize = 3;

fn main() {
    raster::init();
    let folder = tempfile::tempdir().expect("a folder");
    let town = Orthotile::new(live(folder.path()), ServeOptions::default()).expect("a map");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let at = listener.local_addr().expect("bound");
    let alone = serve(town.clone(), Bytes::new(), listener);
    let tile = middle_tile(at);
    let first = Connection::open(at).get(&tile, None);
    assert_eq!(first.status, 200, "{tile}");
    alone.stop();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let at = listener.local_addr().expect("bound");
    let _server = serve(town, Bytes::from(vec![b'x'; first.body_bytes]), listener);
    Connection::open(at).get(&tile, None);
    println!("{tile}: {} bytes with gzip", first.body_bytes);
    compare("200", at, (&tile, "/constant"), None);
    compare("304", at, (&tile, "/unchanged"), Some(&first.tag));
}

/// Prints the requests per second of a tile and of its peer, best of interleaved rounds.
fn compare(name: &str, at: SocketAddr, (tile, peer): (&str, &str), tag: Option<&str>) {
    let (mut best_tile, mut best_peer) = (0.0_f64, 0.0_f64);
    for _ in 0..ROUNDS {
        best_tile = best_tile.max(requests_per_s(at, tile, tag, name));
        best_peer = best_peer.max(requests_per_s(at, peer, tag, name));
    }
    let ratio = best_tile / best_peer;
    println!(
        "{name}: cached tile {best_tile:>7.0} requests/s, constant answer {best_peer:>7.0} requests/s, {ratio:.2}"
    );
}

fn requests_per_s(at: SocketAddr, path: &str, tag: Option<&str>, expected: &str) -> f64 {
    let end = Instant::now() + ROUND;
    let counts: Vec<u32> = std::thread::scope(|scope| {
        let ask = || {
            let (mut connection, mut count) = (Connection::open(at), 0);
            while Instant::now() < end {
                let answer = connection.get(path, tag);
                assert_eq!(answer.status.to_string(), expected, "{path}");
                count += 1;
            }
            count
        };
        let running: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(ask)).collect();
        running.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    f64::from(counts.iter().sum::<u32>()) / ROUND.as_secs_f64()
}

/// What of an answer is looked at.
struct Answer {
    status: u16,
    tag: String,
    body_bytes: usize,
    body: Vec<u8>,
}

/// A keep-alive connection (RFC 9112), just enough of a client to be faster than the server.
struct Connection(BufReader<TcpStream>);

impl Connection {
    fn open(at: SocketAddr) -> Self {
        let stream = TcpStream::connect(at).expect("a server");
        stream.set_nodelay(true).expect("a socket");
        Self(BufReader::new(stream))
    }

    fn get(&mut self, path: &str, tag: Option<&str>) -> Answer {
        let condition = tag.map(|tag| format!("If-None-Match: {tag}\r\n")).unwrap_or_default();
        let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: gzip\r\n{condition}\r\n");
        self.0.get_mut().write_all(request.as_bytes()).expect("sent");
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a status line");
        let status = line.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
        let mut answer = Answer { status, tag: String::new(), body_bytes: 0, body: Vec::new() };
        loop {
            line.clear();
            self.0.read_line(&mut line).expect("a header");
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => answer.body_bytes = value.parse().expect("a length"),
                "etag" => value.clone_into(&mut answer.tag),
                _ => {}
            }
        }
        if status == 200 {
            answer.body.resize(answer.body_bytes, 0);
            self.0.read_exact(&mut answer.body).expect("a body");
        }
        answer
    }
}

/// The address of the tile in the middle of the map, two zooms above the deepest.
fn middle_tile(at: SocketAddr) -> String {
    let mut connection = TcpStream::connect(at).expect("a server");
    connection.write_all(b"GET /town/tiles.json HTTP/1.0\r\nHost: bench\r\n\r\n").expect("sent");
    let mut text = String::new();
    connection.read_to_string(&mut text).expect("an answer");
    let body = text.split_once("\r\n\r\n").expect("a body").1;
    let tiles: serde_json::Value = serde_json::from_str(body).expect("JSON");
    let number = |name: &str, i: usize| tiles[name][i].as_f64().expect("a number");
    let z = tiles["maxzoom"].as_u64().expect("a zoom") - 2;
    let side = 2_f64.powi(z as i32);
    let (lon, lat) = (
        f64::midpoint(number("bounds", 0), number("bounds", 2)),
        f64::midpoint(number("bounds", 1), number("bounds", 3)),
    );
    let x = ((lon / 360.0 + 0.5) * side) as u32;
    let y = ((0.5 - lat.to_radians().tan().asinh() / std::f64::consts::TAU) * side) as u32;
    format!("/town/tiles/{z}/{x}/{y}.mvt")
}

/// A running server.
struct Server(actix_web::dev::ServerHandle);

impl Server {
    fn stop(self) {
        drop(self.0.stop(false)); // the order is given when the call is made
    }
}

/// Serves the town and constant answers with one worker, on a thread of its own.
fn serve(town: Orthotile, constant: Bytes, listener: TcpListener) -> Server {
    let (send, handle) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let app = move || {
                let body = constant.clone();
                App::new()
                    .service(town.scope("/town"))
                    .route(
                        "/constant",
                        web::get().to(move || std::future::ready(HttpResponse::Ok().body(body.clone()))),
                    )
                    .route("/unchanged", web::get().to(|| async { HttpResponse::NotModified().finish() }))
            };
            let server = HttpServer::new(app).workers(1).listen(listener).expect("listening").run();
            send.send(server.handle()).expect("somebody waits");
            server.await.expect("no failure");
        });
    });
    Server(handle.recv().expect("started"))
}

/// A small town, segmented with the model that ships.
fn live(folder: &Path) -> Arc<Live> {
    let options = DemoOptions { width_m: 400.0, height_m: 400.0, ..DemoOptions::default() };
    let town = generate(&options, &folder.join("town")).expect("a town");
    let card =
        ModelCard::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("models/city")).expect("the model that ships");
    let mosaic = Mosaic::open(&town.scenes).expect("a mosaic");
    let manifest = plan(&mosaic, &town.scenes, &card, &SegmentOptions::default()).expect("a plan");
    let at = folder.join("store");
    let store = LabelStore::create(&at, &manifest).expect("a store");
    let maker = Maker::start(store, mosaic, &card, Device::Cpu).expect("ONNX Runtime: run make setup");
    maker.make(&maker.store().wanted(), &mut |_| {}).expect("made");
    let options = FeatureOptions::for_store(&LabelStore::open(&at).expect("a store")).expect("on the ground");
    Live::open_folder("town", &at, None, options).expect("a map")
}
