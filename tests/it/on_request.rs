//! Every way of seeing, asked of a server: what a map asks for is made as `segment` makes it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use actix_web::App;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use orthotile::config::ServeConfig;
use orthotile::georef::{MapPoint, TileCoord, WorldPoint};
use orthotile::label::LabelStore;
use serde_json::Value;

use crate::common::{Scene, fixture};
use crate::features::{done, labels};
use crate::ways::roofs;

fn model(name: &str) -> PathBuf {
    fixture("models").join(name)
}

/// A head taught on a roof and the meadow.
fn head(folder: &Path, scene: &Path) -> PathBuf {
    let (some, head) = (folder.join("some.geojson"), folder.join("head.json"));
    let roof = |x: f64, y: f64| ("building", [x - 14.0, y - 11.0, x + 14.0, y + 11.0]);
    let meadow = |x: f64, y: f64| ("grass", [x - 12.0, y - 31.0, x + 12.0, y + 31.0]);
    labels(scene, &[roof(35.0, 31.0), roof(99.0, 31.0), meadow(67.0, 31.0), meadow(131.0, 93.0)], &some);
    let paths = [("", scene), ("--model", &model("dinov2-registers.onnx")), ("--labels", &some), ("-o", &head)];
    done(&["train", "--device", "cpu"], &paths);
    head
}

/// A way of seeing: its name, arguments, and files.
type Way<'a> = (&'static str, &'static [&'static str], Vec<(&'static str, &'a Path)>);

#[actix_web::test]
async fn a_missing_tile_makes_the_blocks_that_segment_makes_whatever_the_way_of_seeing() {
    let folder = tempfile::tempdir().expect("a folder");
    let scene = folder.path().join("roofs.tif");
    Scene { at: (0, 0), cols: 200, rows: 150, colour: &roofs }.write(&scene);
    let head = head(folder.path(), &scene);
    let [dinov2, sam, split, blurred, context, threshold] =
        ["dinov2-registers.onnx", "sam.toml", "sam-split.toml", "blurred.onnx", "context.onnx", "threshold.onnx"]
            .map(model);
    let [segformer, deepness, half, mobile] =
        ["segformer.onnx", "deepness.onnx", "half.onnx", "mobile-sam.toml"].map(model);
    let ways: [Way<'_>; 8] = [
        (
            "segformer",
            &["--mask-implausible", "--boundary-m", "1", "--majority-rounds", "2"],
            vec![("--model", &segformer)],
        ),
        ("deepness", &["--min-area-m2", "2"], vec![("--model", &deepness)]),
        ("half", &[], vec![("--model", &half)]),
        ("mobile", &[], vec![("--model", &mobile)]),
        ("features", &["--unknown-band", "--guided", "3"], vec![("--model", &dinov2), ("--scorer", &head)]),
        ("objects", &["--unknown", "1.5"], vec![("--model", &sam), ("--features", &dinov2), ("--scorer", &head)]),
        ("outlines", &[], vec![("--model", &blurred), ("--masks", &split)]),
        (
            "several",
            &["--augment", "d4,scales", "--weights", "2,1"],
            vec![("--model", &context), ("--model", &threshold)],
        ),
    ];
    let mut config = Vec::new();
    for (name, args, files) in &ways {
        let segment = |store: &Path, more: &[&str]| {
            let args = [&["segment", "--device", "cpu", "--block-px", "128", "--no-summary"], *args, more].concat();
            done(&args, &[&[("", scene.as_path()), ("--store", store)], &files[..]].concat())
        };
        let (batch, asked) = (folder.path().join(format!("{name}-batch")), folder.path().join(name));
        segment(&batch, &[]);
        segment(&asked, &["--on-request"]);
        let store = LabelStore::open(&asked).expect("begun");
        assert!(!store.wanted().into_iter().any(|block| store.has(block)), "{name}: nothing is made yet");
        config.push(format!("[[maps]]\npath = \"/{name}\"\nstore = \"{name}\"\nsegment = true\ndevice = \"cpu\"\n"));
    }
    let path = folder.path().join("maps.toml");
    std::fs::write(&path, config.concat()).expect("written");
    let maps = ServeConfig::open(&path).expect("a configuration").open_maps().expect("maps");
    let app = init_service(maps.iter().fold(App::new(), |app, (path, map)| app.service(map.scope(path)))).await;
    for (name, ..) in &ways {
        let get = |path: String| call_service(&app, TestRequest::get().uri(&path).to_request());
        let told: Value =
            serde_json::from_slice(&read_body(get(format!("/{name}/tiles.json")).await).await).expect("JSON");
        let [x, y] = [0, 1].map(|axis| told["center"][axis].as_f64().expect("a place"));
        let zoom = told["maxzoom"].as_u64().expect("a zoom").min(17) as u32;
        let tile = TileCoord::at(zoom, WorldPoint::from_lon_lat(MapPoint { x, y })).expect("on the map");
        let tile = format!("/{name}/tiles/{}/{}/{}.mvt", tile.z(), tile.x(), tile.y());
        let mut waited = 0;
        loop {
            let answer = get(tile.clone()).await;
            let state = answer.headers().get("x-tile-state").map(|state| state.to_str().expect("text").to_owned());
            if state.as_deref() == Some("complete") {
                break;
            }
            waited += 1;
            assert!(waited < 1200 && answer.status().is_success(), "{name}: {} {state:?} {tile}", answer.status());
            actix_web::rt::time::sleep(Duration::from_millis(50)).await;
        }
        let open = |store: &str| LabelStore::open(&folder.path().join(store)).expect("a store");
        let (asked, batch) = (open(name), open(&format!("{name}-batch")));
        let made: Vec<_> = asked.wanted().into_iter().filter(|block| asked.has(*block)).collect();
        assert!(!made.is_empty(), "{name}");
        for block in made {
            let bytes = |store: &LabelStore| std::fs::read(store.block_path(block)).expect("made");
            assert!(bytes(&asked) == bytes(&batch), "{name}: block {block}");
        }
    }
}
