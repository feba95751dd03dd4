//! The features of a map, by id and by place.

use std::sync::Arc;

use thiserror::Error;

use super::lines::Centrelines;
use super::tree::Tree;
use super::{Centreline, Feature, FeatureId, StoredCentreline, WorldShape};
use crate::georef::{Crs, CrsError, PixelFrame, Projector, WorldBounds, WorldPoint};

/// The length of the equator in the metres of Web Mercator.
const EQUATOR_M: f64 = 40_075_016.685_578_49;

/// A feature with its polygon in the world square.
#[derive(Debug, PartialEq)]
pub struct StoredFeature {
    /// What was put in.
    pub feature: Feature,
    /// Its polygon for tiles.
    pub shape: WorldShape,
}

/// Why features cannot be kept.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum StoreError {
    /// PROJ has no way from the map space of the features to Web Mercator.
    #[error("features cannot be put on the tile pyramid: {0}")]
    Crs(CrsError),
    /// A vertex has no image in Web Mercator.
    #[error("feature {fid} cannot be put on the tile pyramid: {cause}")]
    Position {
        /// The feature.
        fid: u64,
        /// Which vertex, and what PROJ said.
        cause: CrsError,
    },
    /// An id stands twice.
    #[error("feature {0} stands twice: ids are unique")]
    Twice(u64),
}

/// The features of a map: never changed once made, ordered by id, found by place.
#[derive(Debug)]
pub struct FeatureStore {
    frame: PixelFrame,
    features: Vec<Arc<StoredFeature>>,
    tree: Tree,
    centrelines: Centrelines,
}

impl FeatureStore {
    /// Keeps `features`, whose polygons are in the map space of `frame`.
    ///
    /// # Errors
    /// When a polygon has no image in Web Mercator or an id stands twice.
    pub fn new(frame: &PixelFrame, features: Vec<Feature>) -> Result<Self, StoreError> {
        Self::build(frame, features, &[])
    }

    /// A store of other features in the same map space; those that did not change are taken over as they are,
    /// so that a map that grows block by block projects each feature once.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn renewed(&self, features: Vec<Feature>) -> Result<Self, StoreError> {
        Self::build(&self.frame, features, &self.features)
    }

    /// The store with these centre lines instead of those that it had.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_centrelines(self, lines: Vec<Centreline>) -> Result<Self, StoreError> {
        let projector = Projector::new(&self.frame.crs, &Crs::web_mercator()).map_err(StoreError::Crs)?;
        Ok(Self { centrelines: Centrelines::new(lines, &projector)?, ..self })
    }

    /// All centre lines by rising id.
    pub fn centrelines(&self) -> impl Iterator<Item = &StoredCentreline> {
        self.centrelines.iter()
    }

    /// The centre line of an id.
    #[must_use]
    pub fn centreline(&self, id: FeatureId) -> Option<&StoredCentreline> {
        self.centrelines.get(id)
    }

    /// The centre lines whose bounds touch a rectangle, by rising id.
    pub fn query_centrelines(&self, bounds: &WorldBounds) -> impl Iterator<Item = &StoredCentreline> + use<'_> {
        self.centrelines.query(bounds)
    }

    /// The grid whose map space the features are in.
    #[must_use]
    pub fn frame(&self) -> &PixelFrame {
        &self.frame
    }

    /// The number of features.
    #[must_use]
    pub fn len(&self) -> usize {
        self.features.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.features.is_empty()
    }

    /// The smallest rectangle around all features; `None` when there are none.
    #[must_use]
    pub fn bounds(&self) -> Option<WorldBounds> {
        self.tree.bounds()
    }

    /// All features by rising id.
    pub fn iter(&self) -> impl Iterator<Item = &StoredFeature> {
        self.features.iter().map(|f| &**f)
    }

    /// The feature of an id.
    #[must_use]
    pub fn get(&self, id: FeatureId) -> Option<&StoredFeature> {
        position(&self.features, id).map(|i| &*self.features[i])
    }

    /// The features whose bounds touch a rectangle, the largest area first, equal areas by id.
    pub fn query(&self, bounds: &WorldBounds) -> impl Iterator<Item = &StoredFeature> + use<'_> {
        self.tree.query(bounds).map(|number| &*self.features[number as usize])
    }

    /// Ground metres along a side of the world square at the middle latitude of the features.
    #[must_use]
    pub fn side_m(&self) -> f64 {
        let middle = self.bounds().map(|bounds| bounds.middle().to_lon_lat());
        EQUATOR_M * middle.map_or(1.0, |p| p.y.to_radians().cos())
    }

    fn build(frame: &PixelFrame, mut features: Vec<Feature>, known: &[Arc<StoredFeature>]) -> Result<Self, StoreError> {
        features.sort_by_key(|f| f.id);
        if let Some(pair) = features.windows(2).find(|pair| pair[0].id == pair[1].id) {
            return Err(StoreError::Twice(pair[0].id.get()));
        }
        let projector = Projector::new(&frame.crs, &Crs::web_mercator()).map_err(StoreError::Crs)?;
        let features: Vec<_> =
            features.into_iter().map(|f| stored(f, known, &projector)).collect::<Result<_, StoreError>>()?;
        let by_area = by_area(&features);
        let tree = Tree::new(by_area.iter().map(|number| (features[*number as usize].shape.bounds(), *number)));
        Ok(Self { frame: frame.clone(), features, tree, centrelines: Centrelines::default() })
    }
}

/// The feature as it is already known, or projected.
fn stored(
    feature: Feature,
    known: &[Arc<StoredFeature>],
    projector: &Projector,
) -> Result<Arc<StoredFeature>, StoreError> {
    if let Some(same) = position(known, feature.id).map(|i| &known[i]).filter(|k| k.feature == feature) {
        return Ok(Arc::clone(same));
    }
    let to_world = |p| projector.project(p).map(WorldPoint::from_web_mercator);
    let shape = WorldShape::project(&feature.polygon, &feature.importance_m, to_world)
        .map_err(|cause| StoreError::Position { fid: feature.id.get(), cause })?;
    Ok(Arc::new(StoredFeature { feature, shape }))
}

fn position(features: &[Arc<StoredFeature>], id: FeatureId) -> Option<usize> {
    features.binary_search_by_key(&id, |f| f.feature.id).ok()
}

/// The numbers of all features, the largest area first, equal areas by id.
fn by_area(features: &[Arc<StoredFeature>]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..features.len() as u32).collect();
    let area = |number: u32| features[number as usize].feature.area_m2;
    order.sort_by(|a, b| area(*b).total_cmp(&area(*a)).then(a.cmp(b)));
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feature::{HeightSource, Outline};
    use crate::georef::{GeoTransform, MapPoint};
    use crate::scheme::ClassId;
    use geo::{Rect, coord};
    use proptest::prelude::*;

    fn frame() -> PixelFrame {
        let transform = GeoTransform::new([500_000.0, 0.1, 0.0, 5_000_000.0, 0.0, -0.1]).expect("regular");
        PixelFrame { crs: Crs::new("EPSG:32632").expect("known"), transform }
    }

    fn square(row: i64, x: f64, y: f64, side: f64) -> Feature {
        let (x, y) = (500_000.0 + x, 5_000_000.0 + y);
        Feature {
            id: FeatureId::new(ClassId(1), row, 0).expect("in range"),
            class: ClassId(1),
            polygon: Rect::new(coord! { x: x, y: y }, coord! { x: x + side, y: y + side }).to_polygon(),
            importance_m: Vec::new(),
            confidence: None,
            unknown: None,
            area_m2: side * side,
            perimeter_m: 4.0 * side,
            outline: Outline::Exact,
            direction_deg: None,
            height: Some(crate::feature::Height { height_m: 3.0, source: HeightSource::ClassDefault }),
            provisional: false,
        }
    }

    #[test]
    fn a_vertex_is_kept_within_a_centimetre() {
        let store = FeatureStore::new(&frame(), vec![square(0, 12.34, 56.78, 9.0)]).expect("projects");
        let projector = Projector::new(&Crs::web_mercator(), &frame().crs).expect("known");
        let stored = store.iter().next().expect("one");
        for (v, c) in stored.shape.rings().flatten().zip(&stored.feature.polygon.exterior().0) {
            let back = projector.project(stored.shape.place(v).to_web_mercator()).expect("inside");
            assert!((back.x - c.x).hypot(back.y - c.y) < 0.01, "{back:?} is not {c:?}");
        }
    }

    #[test]
    fn an_id_that_stands_twice_is_refused() {
        let error = FeatureStore::new(&frame(), vec![square(1, 0.0, 0.0, 1.0), square(1, 9.0, 0.0, 1.0)]);
        assert!(error.expect_err("twice").to_string().contains("stands twice"));
    }

    #[test]
    fn an_empty_store_has_no_bounds() {
        let store = FeatureStore::new(&frame(), Vec::new()).expect("nothing to project");
        assert!(store.bounds().is_none() && store.is_empty());
    }

    #[test]
    fn renewing_keeps_what_did_not_change() {
        let store = FeatureStore::new(&frame(), vec![square(0, 0.0, 0.0, 1.0), square(1, 5.0, 0.0, 1.0)]).expect("ok");
        let grown = square(1, 5.0, 0.0, 2.0);
        let next = store.renewed(vec![grown.clone(), square(0, 0.0, 0.0, 1.0)]).expect("ok");
        assert!(Arc::ptr_eq(&store.features[0], &next.features[0]));
        assert_eq!(next.features[1].feature, grown);
    }

    proptest! {
        #[test]
        fn a_query_finds_what_touches_largest_first(
            places in prop::collection::vec((0.0..900.0f64, 0.0..900.0f64, 0.1..50.0f64), 1..60),
            (x, y, side) in (0.0..900.0f64, 0.0..900.0f64, 0.0..400.0f64),
        ) {
            let features = places.iter().enumerate().map(|(i, p)| square(i as i64, p.0, p.1, p.2)).collect();
            let store = FeatureStore::new(&frame(), features).expect("projects");
            let projector = Projector::new(&frame().crs, &Crs::web_mercator()).expect("known");
            let corner = |x: f64, y: f64| {
                let p = MapPoint { x: 500_000.0 + x, y: 5_000_000.0 + y };
                WorldPoint::from_web_mercator(projector.project(p).expect("inside"))
            };
            let (sw, ne) = (corner(x, y), corner(x + side, y + side));
            let asked = WorldBounds {
                min: WorldPoint { x: sw.x.min(ne.x), y: sw.y.min(ne.y) },
                max: WorldPoint { x: sw.x.max(ne.x), y: sw.y.max(ne.y) },
            };
            let found: Vec<_> = store.query(&asked).collect();
            let expected = store.iter().filter(|f| f.shape.bounds().touches(&asked)).count();
            prop_assert_eq!(found.len(), expected);
            prop_assert!(found.windows(2).all(|pair| pair[0].feature.area_m2 >= pair[1].feature.area_m2));
            prop_assert!(found.iter().all(|f| store.get(f.feature.id) == Some(*f)));
        }
    }
}
