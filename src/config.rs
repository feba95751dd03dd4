//! A file to maps that are served.

mod opening;

pub use opening::Opening;

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use thiserror::Error;

use crate::label::{LabelStore, StoreError};
use crate::model::Device;
use crate::pipeline::{FeatureOptions, PipelineError, VectorOptions};
use crate::plugin::{Cors, Hosts, Limits, Orthotile, Resources, ServeError, ServeOptions};
use crate::seed::{Live, OpenProgress, Opener, SeedError};

/// Why a configuration serves nothing.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("configuration {path}: {cause}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// It does not say what a configuration says.
    #[error("configuration {path}: {reason}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Key and reason.
        reason: String,
    },
    /// A store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The labels of a store cannot become features.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// A map cannot be opened.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// A map cannot be served.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The limits are out of range, or the system gives no threads.
    #[error("server cannot start: {0}")]
    Resources(std::io::Error),
}

impl ConfigError {
    /// The class of the reason, for people who may not see the names of files.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Self::Read { .. } | Self::Invalid { .. } => "configuration cannot be used",
            Self::Store(_) => "store cannot be used",
            Self::Pipeline(_) => "features cannot be made",
            Self::Seed(error) => error.class(),
            Self::Serve(_) | Self::Resources(_) => "server cannot serve the map",
        }
    }
}

/// What a server serves.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServeConfig {
    /// Address and port.
    #[serde(default = "loopback")]
    pub listen: String,
    /// The address that clients see; from the request unless given.
    pub public_url: Option<String>,
    /// Hosts that are answered, such as `maps.example.org` or `*.example.org`; all unless given.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Whether `Forwarded` and `X-Forwarded-…` are believed; only behind a proxy that sets them.
    #[serde(default)]
    pub trust_forwarded: bool,
    /// Which pages of other origins may read the maps. Unless given: all, but on a loopback address only pages of this
    /// computer.
    pub cors: Option<Cors>,
    /// Which pages may show a map in a frame (`frame-ancestors` of the Content Security Policy).
    #[serde(default = "own_pages")]
    pub frame_ancestors: String,
    /// Limits of the server.
    #[serde(default)]
    pub limits: Limits,
    /// The maps, each under its own path.
    pub maps: Vec<MapConfig>,
}

/// One map.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapConfig {
    /// Where it is mounted: `/town`, or empty for the root.
    pub path: String,
    /// The folder of its store.
    pub store: PathBuf,
    /// Its name for people; that of the folder unless given.
    pub name: Option<String>,
    /// Who made the imagery; shown on the map.
    pub attribution: Option<String>,
    /// Whether missing blocks are made on request.
    #[serde(default)]
    pub segment: bool,
    /// Where the model runs.
    #[serde(default)]
    pub device: Device,
    /// Smoothing, pieces, gaps of roads.
    #[serde(default)]
    pub vectors: VectorOptions,
}

fn loopback() -> String {
    "127.0.0.1:8080".to_owned()
}

fn own_pages() -> String {
    "'self'".to_owned()
}

impl MapConfig {
    /// Of a store, at the root of the server.
    #[must_use]
    pub fn of_store(store: &Path) -> Self {
        Self {
            path: String::new(),
            store: store.to_owned(),
            name: None,
            attribution: None,
            segment: false,
            device: Device::default(),
            vectors: VectorOptions::default(),
        }
    }

    /// The name for people.
    #[must_use]
    pub fn shown_name(&self) -> String {
        let folder = || self.store.file_name().map(|name| name.to_string_lossy().into_owned());
        self.name.clone().or_else(folder).unwrap_or_else(|| "map".to_owned())
    }

    fn live(&self, (resources, progress): (&Resources, &Arc<OpenProgress>)) -> Result<Arc<Live>, ConfigError> {
        let labels = LabelStore::open(&self.store)?;
        let options = FeatureOptions::for_store(&labels)?.with(&self.vectors)?;
        let opener = Opener::new(&self.shown_name()).cache(resources.labels()).progress(progress);
        Ok(opener.open_folder(&self.store, self.segment.then_some(self.device), options)?)
    }
}

impl ServeConfig {
    /// Of one map, on the loopback address.
    #[must_use]
    pub fn of_map(map: MapConfig) -> Self {
        Self {
            listen: loopback(),
            public_url: None,
            hosts: Vec::new(),
            trust_forwarded: false,
            cors: None,
            frame_ancestors: own_pages(),
            limits: Limits::default(),
            maps: vec![map],
        }
    }

    /// Reads a configuration; relative stores lie beside it.
    ///
    /// # Errors
    /// When the file cannot be read, a key is unknown or missing, or two maps share a path.
    pub fn open(path: &Path) -> Result<Self, ConfigError> {
        let text = crate::input::read_text(path, crate::input::TEXT_BYTES)
            .map_err(|cause| ConfigError::Read { path: path.to_owned(), cause })?;
        let invalid = |reason: String| ConfigError::Invalid { path: path.to_owned(), reason };
        let mut config: Self = toml::from_str(&text).map_err(|e| invalid(e.to_string()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for (i, map) in config.maps.iter().enumerate() {
            let well_formed = map.path.is_empty() || (map.path.starts_with('/') && !map.path.ends_with('/'));
            if !well_formed || config.maps[..i].iter().any(|other| other.path == map.path) {
                return Err(invalid(format!("maps: path {:?}: \"\" or \"/name\", and each once", map.path)));
            }
        }
        config.check().map_err(invalid)?;
        if config.maps.is_empty() {
            return Err(invalid("maps: at least one".to_owned()));
        }
        config.maps.iter_mut().for_each(|map| map.store = folder.join(&map.store));
        Ok(config)
    }

    /// Checks what a file or arguments hold.
    ///
    /// # Errors
    /// The key, its value and what is expected.
    pub fn check(&self) -> Result<(), String> {
        self.limits.resolved()?;
        let is_plain = |c: char| c.is_ascii_graphic() && c != ';' && c != ',' || c == ' ';
        if self.frame_ancestors.is_empty() || !self.frame_ancestors.chars().all(is_plain) {
            let value = &self.frame_ancestors;
            return Err(format!(
                "frame_ancestors: {value:?} is no list of sources (expected 'self', 'none' or origins)"
            ));
        }
        let is_host = |host: &&String| !host.is_empty() && !host.contains(['/', ' ', ',']);
        match self.hosts.iter().find(|host| !is_host(host)) {
            None => Ok(()),
            Some(wrong) => Err(format!("hosts: {wrong:?} is no host (expected maps.example.org or *.example.org)")),
        }
    }

    /// Opens every map, the longest path first.
    ///
    /// # Errors
    /// When a store, its mosaic or its model cannot be opened.
    pub fn open_maps(&self) -> Result<Vec<(String, Orthotile)>, ConfigError> {
        let resources = self.resources()?;
        let mut opened = Vec::new();
        for map in &self.maps {
            let live = map.live((&resources, &Arc::default()))?;
            opened.push((map.path.clone(), Orthotile::sharing(live, self.options(map), &resources)?));
        }
        opened.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        Ok(opened)
    }

    /// Whether every address that is listened on is of this computer alone.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let addresses = self.listen.to_socket_addrs().map(Iterator::collect::<Vec<SocketAddr>>);
        addresses.is_ok_and(|all| !all.is_empty() && all.iter().all(|address| address.ip().is_loopback()))
    }

    /// What the operator of a server that others reach should know.
    #[must_use]
    pub fn warning(&self) -> Option<&'static str> {
        let is_open = !self.is_loopback() && self.public_url.is_none() && self.hosts.is_empty();
        is_open.then_some(
            "links are made from the Host header of each request, whatever it is: set --public-url, or hosts in the configuration",
        )
    }

    fn resources(&self) -> Result<Arc<Resources>, ConfigError> {
        Resources::start(&self.limits).map_err(ConfigError::Resources)
    }

    fn hosts(&self) -> Hosts {
        Hosts { names: self.hosts.clone(), trust_forwarded: self.trust_forwarded }
    }

    fn options(&self, map: &MapConfig) -> ServeOptions {
        let usual = if self.is_loopback() { Cors::Loopback } else { Cors::Any };
        ServeOptions {
            public_url: self.public_url.as_ref().map(|url| format!("{}{}", url.trim_end_matches('/'), map.path)),
            attribution: map.attribution.clone(),
            trust_forwarded: self.trust_forwarded,
            cors: self.cors.clone().unwrap_or(usual),
            frame_ancestors: self.frame_ancestors.clone(),
            ..ServeOptions::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ServeConfig, ConfigError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("maps.toml");
        std::fs::write(&path, text).expect("written");
        ServeConfig::open(&path)
    }

    #[test]
    fn stores_lie_beside_the_configuration() {
        let config =
            parse("[[maps]]\npath = \"/a\"\nstore = \"a\"\nsegment = true\ndevice = \"cuda:1\"\n").expect("valid");
        assert!(config.maps[0].store.is_absolute() && config.maps[0].store.ends_with("a"));
        assert_eq!((config.maps[0].device, config.listen.as_str()), (Device::Cuda(1), "127.0.0.1:8080"));
    }

    #[test]
    fn limits_hosts_and_origins_are_read_and_checked() {
        let map = "[[maps]]\npath = \"/a\"\nstore = \"a\"\nname = \"Town\"\n";
        let text =
            "listen = \"0.0.0.0:80\"\nhosts = [\"m.org\"]\ncors = [\"https://a.org\"]\n[limits]\ncache_mib = 64\n";
        let config = parse(&format!("{text}{map}")).expect("valid");
        assert_eq!((config.limits.cache_mib, config.limits.connections), (64, Limits::default().connections));
        assert_eq!(config.cors, Some(Cors::Origins(vec!["https://a.org".to_owned()])));
        assert_eq!((config.maps[0].shown_name().as_str(), config.warning()), ("Town", None));
        for (wrong, named) in [
            ("[limits]\nconnections = 1\n", "connections"),
            ("[limits]\nconection = 1\n", "conection"),
            ("cors = \"a.org\"\n", "a.org"),
            ("hosts = [\"http://m.org\"]\n", "hosts"),
            ("frame_ancestors = \"'self'; script-src *\"\n", "frame_ancestors"),
        ] {
            let error = parse(&format!("{wrong}{map}")).expect_err("refused").to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn pages_of_others_read_a_public_map_and_not_one_of_this_computer_alone() {
        let of = |listen: &str| {
            let map = MapConfig::of_store(Path::new("a"));
            let config = ServeConfig { listen: listen.to_owned(), ..ServeConfig::of_map(map) };
            (config.options(&config.maps[0]).cors, config.warning().is_some())
        };
        assert_eq!(of("127.0.0.1:8080"), (Cors::Loopback, false));
        assert_eq!(of("0.0.0.0:8080"), (Cors::Any, true));
    }

    #[test]
    fn a_path_that_stands_twice_or_is_none_is_refused() {
        let map = |path: &str| format!("[[maps]]\npath = \"{path}\"\nstore = \"a\"\n");
        for text in [map("/a") + &map("/a"), map("a"), map("/a/"), "maps = []".to_owned(), "foo = 1".to_owned()] {
            assert!(parse(&text).is_err(), "{text}");
        }
    }
}
