//! Which features are meant: by class, place and confidence, for every export and endpoint alike.

mod page;

pub use page::{Page, PageRequest};

use std::str::FromStr;

use geo::{Coord, Intersects, LineString, Polygon, Rect};
use thiserror::Error;

use super::attributes::Key;
use crate::feature::{Centreline, Feature, FeatureStore, StoredCentreline, StoredFeature, WorldVertex};
use crate::georef::{MapPoint, PixelFrame, WorldBounds, WorldPoint};
use crate::scheme::{Class, ClassId, Scheme};

/// A rectangle in longitude and latitude, in degrees; west may lie east of east, across the antimeridian.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LonLatBox {
    /// West, south, east, north.
    pub wsen: [f64; 4],
}

/// Which features are meant; the default means all.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filter {
    classes: Option<Vec<ClassId>>,
    bbox: Option<LonLatBox>,
    min_confidence: Option<MinConfidence>,
}

/// Why a filter is none.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum FilterError {
    /// The scheme has no such class.
    #[error("no class {name:?}: there are {known}")]
    Class {
        /// What was asked for.
        name: String,
        /// The names, listed.
        known: String,
    },
    /// Not a rectangle.
    #[error("bbox {0:?} is not west,south,east,north in degrees (longitudes -180 to 180, latitudes -90 to 90)")]
    Bbox(String),
    /// Not a layer.
    #[error("no layer {0:?}: there are features and centrelines")]
    Layer(String),
    /// Not a percentage.
    #[error("minimum confidence {0:?} is no percentage (expected 0 to 100, or a fraction up to 1)")]
    Confidence(String),
}

impl FromStr for LonLatBox {
    type Err = FilterError;

    /// Four numbers, or six with heights that are ignored (OGC 17-069r4, 7.15.3).
    fn from_str(text: &str) -> Result<Self, FilterError> {
        let numbers: Result<Vec<f64>, _> = text.split(',').map(|part| part.trim().parse()).collect();
        let wsen = match numbers.as_deref() {
            Ok([w, s, e, n] | [w, s, _, e, n, _]) => [*w, *s, *e, *n],
            _ => return Err(FilterError::Bbox(text.to_owned())),
        };
        let [w, s, e, n] = wsen;
        let earthly = [w, e].iter().all(|v| v.abs() <= 180.0) && [s, n].iter().all(|v| v.abs() <= 90.0);
        if earthly && s <= n { Ok(Self { wsen }) } else { Err(FilterError::Bbox(text.to_owned())) }
    }
}

/// A least confidence.
///
/// Text is percent, like the attribute `confidence`: `60`, `60%`. Numbers up to 1 are fractions: `0.6` is 60 %, `1` is 100 %;
/// with a percent sign they are percent: `1%`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MinConfidence(f32);

impl MinConfidence {
    /// The confidence as a share, 0 to 1.
    #[must_use]
    pub fn share(self) -> f32 {
        self.0
    }
}

impl FromStr for MinConfidence {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        let trimmed = text.trim();
        let (number, is_percent) =
            trimmed.strip_suffix('%').map_or((trimmed, false), |number| (number.trim_end(), true));
        let value = number.parse().ok().filter(|value: &f32| (0.0..=100.0).contains(value));
        let value = value.ok_or_else(|| FilterError::Confidence(text.to_owned()))?;
        Ok(Self(if value > 1.0 || is_percent { value / 100.0 } else { value }))
    }
}

impl LonLatBox {
    /// Whether it shares a point with other bounds.
    #[must_use]
    pub fn touches(&self, bounds: &WorldBounds) -> bool {
        let asked = self.world();
        bounds.turns_to(&asked).any(|turns| bounds.turned(turns).touches(&asked))
    }

    /// Its place in the world.
    fn world(&self) -> WorldBounds {
        let [w, s, e, n] = self.wsen;
        // Web Mercator ends at 85.05°; the poles would be infinite.
        let corner = |x: f64, y: f64| WorldPoint::from_lon_lat(MapPoint { x, y: y.clamp(-89.0, 89.0) });
        WorldBounds { min: corner(w, n), max: corner(if w <= e { e } else { e + 360.0 }, s) }
    }
}

impl Filter {
    /// Only these classes, by name, or by number where a class raster holds values that the scheme does not name.
    ///
    /// # Errors
    /// When a name is not in the scheme.
    pub fn classes<'n>(
        mut self,
        scheme: &Scheme,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<Self, FilterError> {
        let id = |name: &str| {
            let known = scheme.named(name).map(Class::id);
            known.or_else(|| name.parse().ok().map(ClassId)).ok_or_else(|| FilterError::Class {
                name: name.to_owned(),
                known: scheme.classes.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", "),
            })
        };
        self.classes = Some(names.into_iter().map(id).collect::<Result<_, _>>()?);
        Ok(self)
    }

    /// Only features that share a point with a rectangle.
    #[must_use]
    pub fn within(mut self, bbox: LonLatBox) -> Self {
        self.bbox = Some(bbox);
        self
    }

    /// Only features whose mean confidence is known and at least this.
    #[must_use]
    pub fn min_confidence(mut self, least: MinConfidence) -> Self {
        self.min_confidence = Some(least);
        self
    }

    /// The features meant, by rising id.
    #[must_use]
    pub fn select<'a>(&self, store: &'a FeatureStore, scheme: &'a Scheme) -> Selection<'a> {
        self.select_layers((store, scheme), &[SelectedLayer::Features])
    }

    /// What is meant of some layers, by rising id. Centre lines have no confidence, so none is asked of them.
    #[must_use]
    pub fn select_layers<'a>(
        &self,
        (store, scheme): (&'a FeatureStore, &'a Scheme),
        layers: &[SelectedLayer],
    ) -> Selection<'a> {
        let (mut features, mut centrelines): (Vec<&Feature>, Vec<&Centreline>) = (Vec::new(), Vec::new());
        if layers.contains(&SelectedLayer::Features) {
            let stored: Vec<&StoredFeature> = match &self.bbox {
                None => store.iter().collect(),
                Some(bbox) => touching(store, bbox.world()).collect(),
            };
            features.extend(stored.into_iter().map(|stored| &stored.feature).filter(|feature| self.passes(feature)));
        }
        if layers.contains(&SelectedLayer::Centrelines) {
            let stored: Vec<&StoredCentreline> = match &self.bbox {
                None => store.centrelines().collect(),
                Some(bbox) => crossing(store, bbox.world()).collect(),
            };
            let is_meant = |class: ClassId| self.classes.as_ref().is_none_or(|classes| classes.contains(&class));
            centrelines.extend(stored.into_iter().map(|stored| &stored.centreline).filter(|line| is_meant(line.class)));
        }
        let mut selection = Selection { frame: store.frame(), scheme, features, layers: layers.to_vec(), centrelines };
        selection.sort();
        selection
    }

    fn passes(&self, feature: &Feature) -> bool {
        let class = self.classes.as_ref().is_none_or(|classes| classes.contains(&feature.class));
        let sure = |least: MinConfidence| feature.confidence.is_some_and(|c| c.mean >= least.share());
        class && self.min_confidence.is_none_or(sure)
    }
}

/// A layer of what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelectedLayer {
    /// Polygons.
    Features,
    /// The centre lines of roads.
    Centrelines,
}

impl SelectedLayer {
    /// The name in files and addresses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Features => "features",
            Self::Centrelines => "centrelines",
        }
    }

    /// What is told of its features, in order.
    #[must_use]
    pub fn keys(self) -> &'static [Key] {
        match self {
            Self::Features => &Key::ALL,
            Self::Centrelines => &Key::OF_CENTRELINES,
        }
    }
}

impl FromStr for SelectedLayer {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        let known = [Self::Features, Self::Centrelines].into_iter().find(|layer| layer.name() == text);
        known.ok_or_else(|| FilterError::Layer(text.to_owned()))
    }
}

/// Features to write, with what is needed to write them.
#[derive(Debug)]
pub struct Selection<'a> {
    /// The grid whose map space they are in.
    pub frame: &'a PixelFrame,
    /// What their classes mean.
    pub scheme: &'a Scheme,
    /// In the order in which they are written.
    pub features: Vec<&'a Feature>,
    /// Which layers are written, even where they are empty.
    pub layers: Vec<SelectedLayer>,
    /// In the order in which they are written, after the features.
    pub centrelines: Vec<&'a Centreline>,
}

impl<'a> Selection<'a> {
    /// Everything of some layers, by rising id, without a store: files need no place on the tile pyramid.
    #[must_use]
    pub fn all(
        (frame, scheme): (&'a PixelFrame, &'a Scheme),
        (features, centrelines): (&'a [Feature], &'a [Centreline]),
        layers: &[SelectedLayer],
    ) -> Self {
        let has = |layer| layers.contains(&layer);
        let features = if has(SelectedLayer::Features) { features.iter().collect() } else { Vec::new() };
        let centrelines = if has(SelectedLayer::Centrelines) { centrelines.iter().collect() } else { Vec::new() };
        let mut selection = Self { frame, scheme, features, layers: layers.to_vec(), centrelines };
        selection.sort();
        selection
    }

    /// By rising id.
    fn sort(&mut self) {
        self.features.sort_unstable_by_key(|feature| feature.id);
        self.centrelines.sort_unstable_by_key(|line| line.id);
    }
}

fn touching(store: &FeatureStore, asked: WorldBounds) -> impl Iterator<Item = &StoredFeature> {
    store.query(&asked).filter(move |stored| {
        let bounds = stored.shape.bounds();
        bounds.turns_to(&asked).any(|turns| {
            let b = bounds.turned(turns);
            let is_inside =
                asked.min.x <= b.min.x && asked.min.y <= b.min.y && asked.max.x >= b.max.x && asked.max.y >= b.max.y;
            is_inside || polygon(stored).intersects(&rect(&asked.turned(-turns)))
        })
    })
}

fn crossing(store: &FeatureStore, asked: WorldBounds) -> impl Iterator<Item = &StoredCentreline> {
    store.query_centrelines(&asked).filter(move |stored| {
        stored.bounds().turns_to(&asked).any(|turns| line(stored).intersects(&rect(&asked.turned(-turns))))
    })
}

fn rect(bounds: &WorldBounds) -> Rect<f64> {
    Rect::new(coord(bounds.min), coord(bounds.max))
}

fn coord(p: WorldPoint) -> Coord<f64> {
    Coord { x: p.x, y: p.y }
}

fn line(stored: &StoredCentreline) -> LineString<f64> {
    LineString(stored.vertices.iter().map(|v| coord(stored.place(*v))).collect())
}

fn polygon(stored: &StoredFeature) -> Polygon<f64> {
    let line = |ring: &[WorldVertex]| LineString(ring.iter().map(|v| coord(stored.shape.place(v))).collect());
    let mut rings = stored.shape.rings().map(line);
    let exterior = rings.next().unwrap_or_else(|| LineString(Vec::new()));
    Polygon::new(exterior, rings.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::tests::town;

    #[test]
    fn a_bbox_is_checked() {
        for wrong in ["", "1,2,3", "1,2,3,x", "1,50,2,40", "-181,0,0,1", "0,0,1,91", "NaN,0,1,1"] {
            assert!(wrong.parse::<LonLatBox>().is_err(), "{wrong}");
        }
        assert_eq!("1,2,0,3,4,9".parse::<LonLatBox>().map(|b| b.wsen), Ok([1.0, 2.0, 3.0, 4.0]));
    }

    #[test]
    fn confidence_is_percent_or_a_fraction_up_to_1() {
        let share = |text: &str| text.parse().map(MinConfidence::share);
        for (text, expected) in [
            ("0", 0.0),
            ("0.6", 0.6),
            ("1", 1.0),
            ("1%", 0.01),
            ("1.5", 0.015),
            ("60", 0.6),
            ("60%", 0.6),
            ("100", 1.0),
        ] {
            assert!((share(text).expect("a confidence") - expected).abs() < 1e-6, "{text}");
        }
        for wrong in ["", "-1", "-0.1", "100.1", "101%", "NaN", "inf", "x", "%", "0x1", "60 %%"] {
            assert!(share(wrong).expect_err(wrong).to_string().contains("0 to 100"), "{wrong}");
        }
    }

    #[test]
    fn an_unknown_class_is_refused_with_the_known_ones() {
        let error = Filter::default().classes(&Scheme::city(), ["castle"]).expect_err("not in the scheme");
        assert!(error.to_string().contains("building"), "{error}");
    }

    #[test]
    fn filters_narrow_and_keep_the_order() {
        let (store, scheme) = (town(), Scheme::city());
        let all = Filter::default().select(&store, &scheme);
        assert_eq!(all.features.len(), store.len());
        let roads = Filter::default().classes(&scheme, ["road"]).expect("known").select(&store, &scheme);
        assert!(!roads.features.is_empty() && roads.features.len() < store.len());
        for least in ["0.75", "75", " 75 % "] {
            let least = least.parse().expect("a confidence");
            let sure = Filter::default().min_confidence(least).select(&store, &scheme);
            assert!(!sure.features.is_empty() && sure.features.len() < store.len());
            assert!(sure.features.iter().all(|f| f.confidence.is_some_and(|c| c.mean >= 0.75)));
        }
        assert!(all.features.is_sorted_by_key(|f| f.id));
    }

    #[test]
    fn a_rectangle_inside_a_hole_touches_nothing() {
        let (store, scheme) = (town(), Scheme::city());
        // The yard of the first building: inside its bounds, outside its area.
        let block = &store.iter().next().expect("a building").shape;
        let yard: Vec<WorldPoint> = block.rings().nth(1).expect("a yard").iter().map(|v| block.place(v)).collect();
        let middle = |axis: fn(&WorldPoint) -> f64| yard.iter().map(axis).sum::<f64>() / yard.len() as f64;
        let at = WorldPoint { x: middle(|p| p.x), y: middle(|p| p.y) }.to_lon_lat();
        let tiny = LonLatBox { wsen: [at.x, at.y, at.x + 1e-7, at.y + 1e-7] };
        let found = Filter::default().within(tiny).select(&store, &scheme);
        assert!(found.features.iter().all(|f| f.class != ClassId(1)), "{found:?}");
    }
}
