//! The whole server over sockets: maps that open, maps that fail, hosts, clients that misbehave.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use orthotile::label::{LabelMap, LabelStore};
use orthotile::model::ModelCard;
use orthotile::raster::Mosaic;
use orthotile::seed::{SegmentOptions, plan};
use serde_json::Value;

use crate::common::{fixture, small_mosaic};

/// A server process that ends with the test.
pub struct Served {
    child: Child,
    pub at: SocketAddr,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What came back.
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }
}

impl Served {
    /// Starts a server with arguments, and waits for its address.
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        let log = folder.join("serve.log");
        let file = std::fs::File::create(&log).expect("a writable folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_orthotile"));
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments).current_dir(folder).stdin(Stdio::null());
        let mut child = command.stdout(file).stderr(Stdio::null()).spawn().expect("the program starts");
        let begun = Instant::now();
        loop {
            let text = std::fs::read_to_string(&log).expect("it was made above");
            let address = text.split("http://").nth(1).and_then(|rest| rest.split('/').next()?.parse().ok());
            if let Some(at) = address {
                return Self { child, at };
            }
            assert!(
                child.try_wait().expect("a child").is_none() && begun.elapsed() < Duration::from_secs(60),
                "{text}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.at).expect("a server");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
        stream
    }

    /// Sends bytes and reads to the end.
    pub fn send(&self, bytes: &[u8]) -> Reply {
        let mut stream = self.connect();
        stream.write_all(bytes).expect("sent");
        let mut text = Vec::new();
        stream.read_to_end(&mut text).expect("an answer");
        let text = String::from_utf8_lossy(&text);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
        Reply { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    pub fn get(&self, path: &str, headers: &[&str]) -> Reply {
        let mut lines = headers.to_vec();
        if !headers.iter().any(|h| h.starts_with("Host:")) {
            lines.push("Host: 127.0.0.1");
        }
        self.send(format!("GET {path} HTTP/1.1\r\n{}\r\nConnection: close\r\n\r\n", lines.join("\r\n")).as_bytes())
    }

    /// Asks until a map is served.
    pub fn wait_for(&self, path: &str, status: u16) -> Reply {
        let begun = Instant::now();
        loop {
            let reply = self.get(path, &[]);
            if reply.status == status {
                return reply;
            }
            assert!(begun.elapsed() < Duration::from_secs(120), "{path}: {} {}", reply.status, reply.body);
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A store in a folder, all of it made: houses everywhere.
pub fn store(folder: &Path, name: &str) -> LabelStore {
    let sources = vec![small_mosaic(folder)];
    let card = ModelCard::open(&fixture("models/threshold.onnx")).expect("a fixture");
    let options = SegmentOptions { block_px: Some(256), ..SegmentOptions::default() };
    let manifest = plan(&Mosaic::open(&sources).expect("a mosaic"), &sources, &card, &options).expect("a plan");
    let store = LabelStore::create(&folder.join(name), &manifest).expect("a store");
    for block in store.wanted() {
        let window = store.grid().block_window(block);
        let house = |i: usize| u8::from((i / window.cols as usize) % 50 > 20 && i % 50 > 20);
        let classes: Vec<u8> = (0..window.pixels()).map(house).collect();
        let confidence = vec![200; classes.len()];
        store.write(block, &LabelMap { window, classes, confidence, instances: None, unknown: None }).expect("written");
    }
    store
}

#[test]
fn maps_open_beside_each_other_and_one_that_cannot_stops_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    store(folder.path(), "good");
    let map = |name: &str| format!("[[maps]]\npath = \"/{name}\"\nstore = \"{name}\"\n");
    std::fs::write(folder.path().join("maps.toml"), map("good") + &map("missing")).expect("written");
    let served = Served::start(folder.path(), &["--config", "maps.toml"]);
    assert_eq!(served.get("/health", &[]).status, 200, "the port answers at once");
    served.wait_for("/good/ready", 200);
    assert_eq!(served.get("/good/tiles.json", &[]).status, 200);
    let missing = served.get("/missing/tiles.json", &[]);
    assert_eq!((missing.status, missing.json()["reason"].as_str()), (503, Some("store cannot be used")));
    assert!(missing.head.contains("retry-after: ") && missing.head.contains("application/problem+json"));
    let ready = served.get("/ready", &[]);
    assert_eq!((ready.status, ready.json()["ready"].as_bool()), (503, Some(false)));
    let maps = ready.json()["maps"].as_array().expect("maps").clone();
    assert_eq!(maps.iter().map(|m| m["ready"].as_bool()).collect::<Vec<_>>(), [Some(true), Some(false)]);
    let listed = served.get("/", &[]).json();
    assert_eq!(listed["maps"][0]["tiles"], "good/tiles.json");
    assert_eq!(
        (listed["maps"][1]["name"].as_str(), listed["maps"][1]["state"].as_str()),
        (Some("missing"), Some("failed"))
    );
    let page = served.get("/", &["Accept: text/html,*/*"]);
    assert!(page.body.contains("<a href=\"good/\">") && page.head.contains("text/html"), "{}", page.body);
    let place = folder.path().display().to_string();
    for path in ["/", "/ready", "/missing/ready", "/missing/", "/missing/events", "/maps.json", "/none"] {
        let reply = served.get(path, &[]);
        assert!(!reply.body.contains(&place), "{path}: {}", reply.body);
    }
}

#[test]
fn a_server_tells_when_its_store_or_its_imagery_is_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    store(folder.path(), "town");
    let served = Served::start(folder.path(), &["--store", "town"]);
    served.wait_for("/ready", 200);
    let state = |status| served.wait_for("/ready", status).json()["state"].as_str().map(str::to_owned);
    let away = folder.path().join("away");
    std::fs::rename(folder.path().join("scenes"), &away).expect("moved");
    assert_eq!(state(503).as_deref(), Some("imagery-gone"));
    std::fs::rename(&away, folder.path().join("scenes")).expect("moved back");
    assert_eq!(state(200).as_deref(), Some("ready"));
    for block in std::fs::read_dir(folder.path().join("town/labels")).expect("a folder") {
        std::fs::write(block.expect("a block").path(), "no block").expect("damaged");
    }
    assert_eq!(state(503).as_deref(), Some("blocks-damaged"));
    std::fs::remove_dir_all(folder.path().join("town")).expect("removed");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(state(503).as_deref(), Some("store-gone"));
    assert_eq!(served.get("/health", &[]).status, 200);
}

#[test]
fn only_configured_hosts_are_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    store(folder.path(), "town");
    let served =
        Served::start(folder.path(), &["--store", "town", "--host", "maps.example.org", "--host", "*.tiles.org"]);
    served.wait_for("/ready", 200);
    for (host, status) in
        [("maps.example.org", 200), ("a.tiles.org:81", 200), ("evil.example", 421), ("127.0.0.1", 421)]
    {
        assert_eq!(served.get("/tiles.json", &[&format!("Host: {host}")]).status, status, "{host}");
    }
}

#[test]
fn clients_that_misbehave_are_cut_off_and_told_why() {
    let folder = tempfile::tempdir().expect("a folder");
    store(folder.path(), "town");
    let config = "[limits]\nheader_timeout_s = 1\nheader_bytes = 4096\nkeep_alive_s = 1\n[[maps]]\npath = \"\"\nstore = \"town\"\n";
    std::fs::write(folder.path().join("maps.toml"), config).expect("written");
    let served = Served::start(folder.path(), &["--config", "maps.toml"]);
    served.wait_for("/ready", 200);
    let begun = Instant::now();
    assert_eq!(served.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-").status, 408, "a head that does not end");
    assert_eq!(served.send(format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(9000)).as_bytes()).status, 431);
    let body = served.send(b"GET /health HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!(body.status, 413, "a body that never comes");
    let known = served.send(b"GET /health HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(known.status, 413);
    let mut second = served.connect();
    second.write_all(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    std::thread::sleep(Duration::from_millis(300));
    second.write_all(b"GET /heal").expect("sent");
    let mut text = String::new();
    second.read_to_string(&mut text).expect("it ends");
    assert!(text.starts_with("HTTP/1.1 200") && text.contains("408 Request Timeout"), "{text}");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    let mut pipelined = served.connect();
    let request = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n".repeat(300)
        + "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    pipelined.write_all(request.as_bytes()).expect("sent");
    let mut text = String::new();
    pipelined.read_to_string(&mut text).expect("it ends");
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 301, "requests in a row are no large head");
}

#[cfg(unix)]
#[test]
fn both_signals_let_a_request_in_flight_finish() {
    for signal in ["-INT", "-TERM"] {
        let folder = tempfile::tempdir().expect("a folder");
        store(folder.path(), "town");
        let mut served = Served::start(folder.path(), &["--store", "town"]);
        served.wait_for("/ready", 200);
        let mut listening = served.connect();
        listening.write_all(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
        let mut first = [0; 64];
        listening.read_exact(&mut first).expect("it begins");
        let killed = Command::new("kill").args([signal, &served.child.id().to_string()]).status().expect("kill");
        assert!(killed.success());
        let mut rest = String::new();
        listening.read_to_string(&mut rest).expect("the stream ends and is not cut");
        assert!(rest.ends_with("0\r\n\r\n"), "{rest}");
        let begun = Instant::now();
        let code = loop {
            match served.child.try_wait().expect("a child") {
                Some(status) => break status.code(),
                None => assert!(begun.elapsed() < Duration::from_secs(20), "{signal}: it does not end"),
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        assert_eq!(code, Some(0), "{signal}");
    }
}
