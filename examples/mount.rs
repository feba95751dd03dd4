//! Two maps in somebody else's actix-web server: `cargo run --example mount -- EAST_STORE WEST_STORE`.
//!
//! Stores are made by `orthotile segment`; the pages are at `/east/` and `/maps/west/`.

use std::path::Path;

use actix_web::{App, HttpServer, web};
use orthotile::label::LabelStore;
use orthotile::pipeline::FeatureOptions;
use orthotile::plugin::{Orthotile, ServeOptions};
use orthotile::seed::Live;

fn map(name: &str, store: &str) -> anyhow::Result<Orthotile> {
    let options = FeatureOptions::for_store(&LabelStore::open(Path::new(store))?)?;
    Ok(Orthotile::new(Live::open_folder(name, Path::new(store), None, options)?, ServeOptions::default())?)
}

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let stores: Vec<String> = std::env::args().skip(1).collect();
    let [east, west] = stores.as_slice() else { anyhow::bail!("two stores are asked for: EAST_STORE WEST_STORE") };
    let (east, west) = (map("east", east)?, map("west", west)?);
    let app = move || {
        App::new()
            .service(east.scope("/east"))
            .service(west.scope("/maps/west"))
            .route("/health", web::get().to(|| async { "the host's own" }))
    };
    Ok(HttpServer::new(app).bind("127.0.0.1:8080")?.run().await?)
}
