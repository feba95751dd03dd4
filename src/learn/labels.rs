//! Labelled polygons, and the patches that they cover.

use std::collections::BTreeMap;
use std::path::Path;

use geo::{BoundingRect, Contains, Coord, LineString, MultiPolygon, Point, Polygon};
use sha2::{Digest, Sha256};

use super::{FeatureReader, LearnError, SeenChip};
use crate::georef::{Crs, MapPoint, PolygonFeature, Projector, Window, read_polygons};
use crate::grid::{ChipId, WorkGrid};
use crate::random::Dice;
use crate::scheme::Scheme;

/// The most patches that are taken of a polygon: more say little more.
const MOST_PATCHES: usize = 200;
/// The share of a patch that a polygon covers, so that the patch is the polygon's.
const COVERED: f64 = 0.75;
/// Of a polygon that covers no patch so far, the best patch counts from this share on.
const BARELY_COVERED: f64 = 0.2;
/// Patches that are kept of the ground around a polygon: they stand for the chips that it lies in.
const MOST_AROUND: usize = 150;
/// Points of a patch along a side, where coverage is measured.
const POINTS: u32 = 8;

/// A polygon that says what is there.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelPolygon {
    /// A class of the scheme.
    pub class: String,
    /// Of class and corners: the same polygon is known again.
    pub digest: String,
    /// In longitude and latitude.
    polygons: MultiPolygon<f64>,
}

/// The features of a polygon's patches, one after another; none where it covers no patch.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledPatches {
    /// A class of the scheme.
    pub class: String,
    /// That of the polygon.
    pub digest: String,
    /// Longitude and latitude of its middle, in 1e-7 degrees.
    pub at: [i32; 2],
    /// Vectors of features of patches inside.
    pub vectors: Vec<f32>,
    /// Patches inside, of which a part may be kept.
    pub covered: usize,
    /// Vectors of patches that the polygon covers in part.
    pub edges: Vec<f32>,
    /// The covered share of each of these, in 1/255.
    pub edge_shares: Vec<u8>,
    /// Patches covered in part, of which a part may be kept.
    pub edge: usize,
    /// Vectors of patches drawn from the ground around, whatever they are.
    pub around: Vec<f32>,
}

/// Reads polygons with a property `class` from `GeoJSON`, in longitude and latitude or in the system that the file declares.
///
/// # Errors
/// When the file holds something else, or a class that the scheme has not.
pub fn read_labels(path: &Path, scheme: &Scheme) -> Result<Vec<LabelPolygon>, LearnError> {
    let invalid = |reason: String| LearnError::Input { path: path.to_owned(), reason };
    let features = read_polygons(path).map_err(invalid)?;
    if features.is_empty() {
        return Err(invalid("there is no feature in it".to_owned()));
    }
    let labels = features
        .into_iter()
        .enumerate()
        .map(|(n, feature)| label(feature, scheme).map_err(|reason| invalid(format!("feature {}: {reason}", n + 1))));
    labels.collect()
}

fn label(feature: PolygonFeature, scheme: &Scheme) -> Result<LabelPolygon, String> {
    let known = || scheme.classes.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
    let class = feature.properties.get("class").and_then(|c| c.as_str()).map(str::to_owned);
    let class = class.ok_or_else(|| format!("it has no property \"class\" (expected: one of {})", known()))?;
    if scheme.named(&class).is_none() {
        return Err(format!("class = {class:?}: scheme {:?} has {}", scheme.name, known()));
    }
    let polygons = feature.polygons;
    if polygons.0.is_empty() {
        return Err("it has no geometry (expected: a Polygon or MultiPolygon)".to_owned());
    }
    let mut hash = Sha256::new();
    hash.update(&class);
    let rings = || polygons.iter().flat_map(|p| std::iter::once(p.exterior()).chain(p.interiors()));
    for coord in rings().flat_map(|ring| &ring.0) {
        hash.update(format!("{:.8} {:.8} ", coord.x, coord.y));
    }
    let digest = crate::model::hex(&hash.finalize()[..12]);
    Ok(LabelPolygon { class, digest, polygons })
}

impl LabelPolygon {
    /// The polygon in columns and rows of the work grid.
    fn in_grid(&self, grid: &WorkGrid, projector: &Projector) -> Result<MultiPolygon<f64>, LearnError> {
        let ring = |line: &LineString<f64>| -> Result<LineString<f64>, LearnError> {
            let corner = |c: &Coord<f64>| -> Result<Coord<f64>, LearnError> {
                let pixel = grid.frame.transform.to_raster(projector.project(MapPoint { x: c.x, y: c.y })?);
                Ok(Coord { x: pixel.col, y: pixel.row })
            };
            line.0.iter().map(corner).collect::<Result<Vec<_>, _>>().map(LineString)
        };
        let polygon = |p: &Polygon<f64>| -> Result<Polygon<f64>, LearnError> {
            Ok(Polygon::new(ring(p.exterior())?, p.interiors().iter().map(ring).collect::<Result<_, _>>()?))
        };
        Ok(MultiPolygon(self.polygons.iter().map(polygon).collect::<Result<_, _>>()?))
    }
}

/// A polygon on the work grid, and what was found of it so far.
struct Found {
    polygon: MultiPolygon<f64>,
    window: Window,
    vectors: Vec<Vec<f32>>,
    /// Of the patches that are covered, one of so many is kept.
    every: usize,
    covered: usize,
    /// The best of the others.
    barely: (f64, Vec<f32>),
    /// Of the patches that are covered in part, one of so many is kept, with its share.
    edge_every: usize,
    edge: usize,
    edges: Vec<(u8, Vec<f32>)>,
    /// Patches of its chips by a number drawn for each: the smallest are kept.
    around: Vec<(u64, Vec<f32>)>,
}

/// The features of the patches that polygons cover; each chip is read once.
///
/// # Errors
/// When the mosaic or the network fails.
pub fn labelled_patches(
    reader: &mut FeatureReader,
    labels: &[LabelPolygon],
) -> Result<Vec<LabelledPatches>, LearnError> {
    let projector = Projector::new(&Crs::lon_lat(), &reader.grid().frame.crs)?;
    let mut found = Vec::new();
    let mut of_chip: BTreeMap<ChipId, Vec<usize>> = BTreeMap::new();
    for (n, label) in labels.iter().enumerate() {
        let polygon = label.in_grid(reader.grid(), &projector)?;
        let window = pixels_around(&polygon);
        if let Some(inside) = window.intersection(&reader.grid().window()) {
            reader.chips(&inside).for_each(|id| of_chip.entry(id).or_default().push(n));
        }
        found.push(Found::new(polygon, window));
    }
    for (id, polygons) in of_chip {
        let Some(chip) = reader.read(id)? else { continue };
        for (row, col) in chip.own_patches() {
            polygons.iter().for_each(|n| found[*n].look(&chip, row, col));
        }
    }
    Ok(found.into_iter().zip(labels).map(|(found, label)| found.patches(label)).collect())
}

fn pixels_around(polygon: &MultiPolygon<f64>) -> Window {
    polygon.bounding_rect().map_or(Window::new(0, 0, 0, 0), |rect| {
        let (min, max) = (rect.min(), rect.max());
        Window::between(min.x.floor() as i64, min.y.floor() as i64, max.x.ceil() as i64, max.y.ceil() as i64)
    })
}

impl Found {
    fn new(polygon: MultiPolygon<f64>, window: Window) -> Self {
        let (vectors, edges, around) = (Vec::new(), Vec::new(), Vec::new());
        let (every, edge_every, barely) = (1, 1, (0.0, Vec::new()));
        Self { polygon, window, vectors, every, covered: 0, barely, edge_every, edge: 0, edges, around }
    }

    fn look(&mut self, chip: &SeenChip, row: usize, col: usize) {
        let window = chip.patch_window(row, col);
        self.draw(&window, || chip.features.patch(row, col).to_vec());
        if self.window.intersection(&window).is_none() {
            return;
        }
        let share = self.coverage(&window);
        let vector = || chip.features.patch(row, col).to_vec();
        if share >= COVERED {
            if self.covered.is_multiple_of(self.every) {
                self.vectors.push(vector());
            }
            self.covered += 1;
            if self.vectors.len() == 2 * MOST_PATCHES {
                halve(&mut self.vectors);
                self.every *= 2;
            }
            return;
        }
        if share > 0.0 {
            if self.edge.is_multiple_of(self.edge_every) {
                self.edges.push(((share * 255.0).round() as u8, vector()));
            }
            self.edge += 1;
            if self.edges.len() == 2 * MOST_PATCHES {
                halve(&mut self.edges);
                self.edge_every *= 2;
            }
        }
        if share > self.barely.0 {
            self.barely = (share, vector());
        }
    }

    /// Keeps a patch if the number of its place is among the smallest: a draw that is the same whatever is read first.
    fn draw(&mut self, patch: &Window, vector: impl FnOnce() -> Vec<f32>) {
        let mut dice = Dice::at(0, 0, patch.row as i32, patch.col as i32);
        let number = u64::from(dice.bits()) << 32 | u64::from(dice.bits());
        let at = self.around.partition_point(|(other, _)| *other < number);
        if at < MOST_AROUND {
            self.around.insert(at, (number, vector()));
            self.around.truncate(MOST_AROUND);
        }
    }

    /// The share of a patch inside the polygon.
    fn coverage(&self, patch: &Window) -> f64 {
        let step = f64::from(patch.cols) / f64::from(POINTS);
        let at = |from: i64, n: u32| from as f64 + (f64::from(n) + 0.5) * step;
        let points = (0..POINTS * POINTS).map(|i| Point::new(at(patch.col, i % POINTS), at(patch.row, i / POINTS)));
        points.filter(|point| self.polygon.contains(point)).count() as f64 / f64::from(POINTS * POINTS)
    }

    /// What is learnt from, and what judges it.
    fn patches(self, label: &LabelPolygon) -> LabelledPatches {
        let (edge_shares, edges): (Vec<u8>, Vec<Vec<f32>>) = self.edges.iter().cloned().unzip();
        LabelledPatches {
            class: label.class.clone(),
            digest: label.digest.clone(),
            at: label.polygons.bounding_rect().map_or([0; 2], |rect| {
                [rect.center().x, rect.center().y].map(|degrees| (degrees * 1e7).round() as i32)
            }),
            covered: self.covered,
            edges: edges.into_iter().flatten().collect(),
            edge_shares,
            edge: self.edge,
            around: self.around.iter().flat_map(|(_, vector)| vector).copied().collect(),
            vectors: self.chosen(),
        }
    }

    /// At most so many patches as count, one after another.
    fn chosen(self) -> Vec<f32> {
        if self.vectors.is_empty() && self.barely.0 >= BARELY_COVERED {
            return self.barely.1;
        }
        let step = self.vectors.len().div_ceil(MOST_PATCHES).max(1);
        self.vectors.into_iter().step_by(step).flatten().collect()
    }
}

/// Keeps every second one.
fn halve<T>(all: &mut Vec<T>) {
    let mut n = 0;
    all.retain(|_| {
        n += 1;
        n % 2 == 1
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<LabelPolygon>, LearnError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("labels.geojson");
        std::fs::write(&path, text).expect("written");
        read_labels(&path, &Scheme::city())
    }

    fn feature(class: &str, geometry: &str) -> String {
        format!(r#"{{"type":"Feature","properties":{{"class":{class}}},"geometry":{geometry}}}"#)
    }

    const SQUARE: &str = r#"{"type":"Polygon","coordinates":[[[8,47],[9,47],[9,48],[8,48],[8,47]]]}"#;

    #[test]
    fn polygons_with_classes_are_read_and_known_again() {
        let both = [feature("\"road\"", SQUARE), feature("\"water\"", SQUARE)].join(",");
        let labels = read(&format!(r#"{{"type":"FeatureCollection","features":[{both}]}}"#)).expect("read");
        assert_eq!(labels.iter().map(|l| l.class.as_str()).collect::<Vec<_>>(), ["road", "water"]);
        assert_ne!(labels[0].digest, labels[1].digest, "another class, another label");
        assert_eq!(read(&feature("\"road\"", SQUARE)).expect("read")[0].digest, labels[0].digest);
    }

    #[test]
    fn what_is_no_label_names_the_feature() {
        let line = r#"{"type":"LineString","coordinates":[[8,47],[9,47]]}"#;
        let metres = r#"{"type":"Polygon","coordinates":[[[500000,47],[9,47],[9,48],[500000,47]]]}"#;
        for (text, words) in [
            (feature("\"castle\"", SQUARE), "feature 1: class = \"castle\""),
            (feature("7", SQUARE), "no property \"class\""),
            (feature("\"road\"", line), "points or lines"),
            (feature("\"road\"", "null"), "feature 1: it has no geometry"),
            (feature("\"road\"", metres), "not a longitude"),
            (SQUARE.to_owned(), "no property \"class\""),
            ("{".to_owned(), "labels.geojson"),
        ] {
            let error = read(&text).expect_err(words).to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn coverage_is_the_share_inside() {
        let ring = [(0.0, 0.0), (8.0, 0.0), (8.0, 16.0), (0.0, 16.0), (0.0, 0.0)].map(|(x, y)| Coord { x, y });
        let polygon = MultiPolygon(vec![Polygon::new(LineString(ring.to_vec()), Vec::new())]);
        let window = pixels_around(&polygon);
        assert_eq!(window, Window::new(0, 0, 8, 16));
        let found = Found::new(polygon, window);
        assert!((found.coverage(&Window::new(0, 0, 16, 16)) - 0.5).abs() < 1e-9);
        assert!((found.coverage(&Window::new(0, 0, 8, 8)) - 1.0).abs() < 1e-9);
    }
}
