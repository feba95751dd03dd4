//! A file to maps that are served.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use crate::label::{LabelStore, StoreError};
use crate::model::Device;
use crate::pipeline::{FeatureOptions, PipelineError, VectorOptions};
use crate::plugin::{Orthotile, ServeError, ServeOptions};
use crate::seed::{Live, SeedError};

/// Why a configuration serves nothing.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("configuration {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
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
    /// Whether `X-Forwarded-Proto`, `-Host` and `-Prefix` are believed; only behind a proxy that sets them.
    #[serde(default)]
    pub trust_forwarded: bool,
    /// Whether pages of other origins may read the maps.
    #[serde(default = "yes")]
    pub cors: bool,
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

fn yes() -> bool {
    true
}

fn loopback() -> String {
    "127.0.0.1:8080".to_owned()
}

impl ServeConfig {
    /// Of one map, on the loopback address.
    #[must_use]
    pub fn of_map(map: MapConfig) -> Self {
        Self { listen: loopback(), public_url: None, trust_forwarded: false, cors: true, maps: vec![map] }
    }

    /// Reads a configuration; relative stores lie beside it.
    ///
    /// # Errors
    /// When the file cannot be read, a key is unknown or missing, or two maps share a path.
    pub fn open(path: &Path) -> Result<Self, ConfigError> {
        let text = crate::input::read_text(path, crate::input::TEXT_BYTES)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let invalid = |reason: String| ConfigError::Invalid { path: path.to_owned(), reason };
        let mut config: Self = toml::from_str(&text).map_err(|e| invalid(e.to_string()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for (i, map) in config.maps.iter().enumerate() {
            let well_formed = map.path.is_empty() || (map.path.starts_with('/') && !map.path.ends_with('/'));
            if !well_formed || config.maps[..i].iter().any(|other| other.path == map.path) {
                return Err(invalid(format!("maps: path {:?}: \"\" or \"/name\", and each once", map.path)));
            }
        }
        if config.maps.is_empty() {
            return Err(invalid("maps: at least one".to_owned()));
        }
        config.maps.iter_mut().for_each(|map| map.store = folder.join(&map.store));
        Ok(config)
    }

    /// Opens every map, the longest path first.
    ///
    /// # Errors
    /// When a store, its mosaic or its model cannot be opened.
    pub fn open_maps(&self) -> Result<Vec<(String, Orthotile)>, ConfigError> {
        let mut opened = Vec::new();
        for map in &self.maps {
            let labels = LabelStore::open(&map.store)?;
            let options = FeatureOptions::for_store(&labels)?.with(&map.vectors)?;
            let name = map.store.file_name().map_or_else(|| "map".to_owned(), |n| n.to_string_lossy().into_owned());
            let live = Live::open_folder(&name, &map.store, map.segment.then_some(map.device), options)?;
            let options = ServeOptions {
                public_url: self.public_url.as_ref().map(|url| format!("{}{}", url.trim_end_matches('/'), map.path)),
                attribution: map.attribution.clone(),
                trust_forwarded: self.trust_forwarded,
                cors: self.cors,
                ..ServeOptions::default()
            };
            opened.push((map.path.clone(), Orthotile::new(live, options)?));
        }
        opened.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        Ok(opened)
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
    fn a_path_that_stands_twice_or_is_none_is_refused() {
        let map = |path: &str| format!("[[maps]]\npath = \"{path}\"\nstore = \"a\"\n");
        for text in [map("/a") + &map("/a"), map("a"), map("/a/"), "maps = []".to_owned(), "foo = 1".to_owned()] {
            assert!(parse(&text).is_err(), "{text}");
        }
    }
}
