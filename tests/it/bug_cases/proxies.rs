//! What proxies say of the address that clients see.

use serde_json::Value;

use super::{case, orthotile};
use crate::common::fixture;
use crate::http_server::Served;

#[test]
fn links_are_right_behind_any_common_proxy_and_only_if_it_is_trusted() {
    let Some(case) = case("17-proxy-headers") else { return };
    let scene = case.join("a.tif");
    let folder = tempfile::tempdir().expect("a folder");
    let (scene, model) = (scene.display().to_string(), fixture("models/threshold.onnx").display().to_string());
    orthotile(folder.path(), &["segment", &scene, "--model", &model, "--store", "st", "--device", "cpu"]).succeeded();
    let ask = |is_trusted: bool, headers: &[&str]| {
        let config = format!("trust_forwarded = {is_trusted}\n[[maps]]\npath = \"/town\"\nstore = \"st\"\n");
        std::fs::write(folder.path().join("m.toml"), config).expect("written");
        let served = Served::start(folder.path(), &["--config", "m.toml"]);
        served.wait_for("/town/ready", 200);
        let tiles = |headers: &[&str]| {
            let told: Value = served.get("/town/tiles.json", headers).json();
            told["tiles"][0].as_str().expect("an address").to_owned()
        };
        (tiles(headers), tiles(&[]))
    };
    let proto = "X-Forwarded-Proto: https";
    let host = "X-Forwarded-Host: m.org";
    let cases: [(&[&str], &str); 5] = [
        (&[proto, host, "X-Forwarded-Prefix: /a"], "https://m.org/a/town/tiles/{z}/{x}/{y}.mvt"),
        (&[proto, host, "X-Forwarded-Port: 8443"], "https://m.org:8443/town/tiles/{z}/{x}/{y}.mvt"),
        (&["X-Forwarded-Proto: HTTPS", host], "https://m.org/town/tiles/{z}/{x}/{y}.mvt"),
        (&["Forwarded: for=1.2.3.4;host=m.org;proto=https"], "https://m.org/town/tiles/{z}/{x}/{y}.mvt"),
        (
            &["forwarded: For=\"[::1]:1\";Proto=HTTPS;Host=\"m.org:444\", for=b"],
            "https://m.org:444/town/tiles/{z}/{x}/{y}.mvt",
        ),
    ];
    for (headers, expected) in cases {
        let (proxied, direct) = ask(true, headers);
        assert_eq!(proxied, expected, "{headers:?}");
        assert_eq!(direct, "http://127.0.0.1/town/tiles/{z}/{x}/{y}.mvt");
    }
    let (untrusted, direct) = ask(false, cases[0].0);
    assert_eq!(untrusted, direct);
}
