//! Vector tiles (Mapbox Vector Tile 2.1): features cut, simplified and rounded to one tile.
//!
//! Layers: `buildings`, `landcover` for every other polygon, and from zoom 12 on `centrelines` of roads. Within a layer the largest feature comes first.
//! Every polygon is made valid and wound after rounding to whole units (extent 4096).
//!
//! Buildings that overhang a tile by less than half its side stay whole. A renderer then draws them in both tiles,
//! vertex for vertex the same: in MapLibre the walls and roofs coincide in place and colour, translucent ones are
//! drawn once per pixel through its stencil, and a building keeps one centroid, by which it is set on terrain.
//! Everything larger is cut at the buffer; MapLibre draws no wall on an edge that runs along a side outside the tile.

mod clip;
mod layer;
mod line;
mod protobuf;
mod quantize;
mod shaper;
mod values;

use crate::encode::attributes::{Classes, Wording, tell_centreline, tile_numbers, tile_words};
use crate::feature::{Feature, FeatureStore};
use crate::georef::{TileCoord, WorldBounds};
use crate::scheme::Scheme;

use layer::Layer;
use protobuf::Wire;
use quantize::{EXTENT, TileGrid};
use shaper::Shaper;

/// The media type of a tile.
pub const MEDIA_TYPE: &str = "application/vnd.mapbox-vector-tile";

/// The layer of buildings.
pub const BUILDINGS: &str = "buildings";

/// The layer of everything else.
pub const LANDCOVER: &str = "landcover";

/// The layer of the centre lines of roads.
pub const CENTRELINES: &str = "centrelines";

/// The first zoom with centre lines, where a street is wider than a pixel or two.
pub const CENTRELINES_FROM: u8 = 12;

/// How tiles are made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TileOptions {
    /// What is kept around a tile, in units of 1/4096 of its side; enough for the widest outline that is drawn.
    pub buffer_units: u32,
    /// The deepest zoom that clients ask for: it is simplified to half a unit, others to one.
    pub max_zoom: u8,
    /// The most features of a tile; the smallest are left out.
    pub max_features: usize,
}

impl TileOptions {
    /// The usual buffer and limit for a map whose deepest zoom is `max_zoom`.
    #[must_use]
    pub fn new(max_zoom: u8) -> Self {
        Self { buffer_units: 64, max_zoom, max_features: 200_000 }
    }
}

/// The features of a tile as bytes; `None` when there are none (the answer is then 204).
#[must_use]
pub fn tile(store: &FeatureStore, scheme: &Scheme, at: TileCoord, options: &TileOptions) -> Option<Vec<u8>> {
    let classes = Classes::new(scheme);
    let grid = TileGrid::new(at);
    let mut shaper = Shaper::new(grid, store.side_m(), options);
    let reach = grid.reach(options.buffer_units);
    let found = store.query(&reach).take(options.max_features);
    let count = found.size_hint().0;
    let (mut buildings, mut landcover) = (Layer::new(BUILDINGS, count), Layer::new(LANDCOVER, count / 4));
    for stored in found {
        let building = classes.is_building(stored.feature.class);
        let layer = if building { &mut buildings } else { &mut landcover };
        let mut is_drawn = false;
        for turns in stored.shape.bounds().turns_to(&reach) {
            is_drawn |= shaper.shape((stored, turns), building, |rings| layer.polygon(rings));
        }
        if is_drawn {
            attributes(layer, &stored.feature, &classes);
            layer.end_feature(stored.feature.id.get());
        }
    }
    shaper.troubles().log(&format_args!("tile {at}"));
    let layers = [landcover, buildings, centrelines(store, &classes, (&grid, options))];
    let parts = layers.map(Layer::finish).into_iter().flatten().collect::<Vec<_>>();
    let tile = parts.iter().map(Wire::bytes).collect::<Vec<_>>().concat();
    (!tile.is_empty()).then_some(tile)
}

/// Texts and flags first: most features share them with others, and they are copied.
fn attributes<'a>(layer: &mut Layer<'a>, feature: &Feature, classes: &Classes<'a>) {
    let wording = Wording::of(feature, classes);
    if !layer.repeat(&wording) {
        tile_words(feature, classes, |key, value| layer.attribute(key, &value));
        layer.mark(wording);
    }
    layer.numbers(tile_numbers(feature, classes));
}

fn centrelines<'a>(
    store: &FeatureStore,
    classes: &Classes<'a>,
    (grid, options): (&TileGrid, &TileOptions),
) -> Layer<'a> {
    let mut layer = Layer::of_lines(CENTRELINES, 0);
    if grid.zoom() < CENTRELINES_FROM {
        return layer;
    }
    let reach = grid.reach(options.buffer_units);
    for stored in store.query_centrelines(&reach) {
        let mut is_drawn = false;
        for turns in stored.bounds().turns_to(&reach) {
            let parts = line::parts(stored, &grid.counting_from(stored.west(), turns), options);
            parts.iter().for_each(|part| layer.line(part));
            is_drawn |= !parts.is_empty();
        }
        if is_drawn {
            tell_centreline(&stored.centreline, classes, |key, value| layer.attribute(key, &value));
            layer.end_feature(stored.centreline.id.get());
        }
    }
    layer
}

/// The first zoom whose units are no larger than a pixel; clients enlarge its tiles for deeper zooms.
#[must_use]
pub fn max_zoom(resolution_m_per_px: f64, latitude_deg: f64) -> u8 {
    const EQUATOR_M: f64 = 40_075_016.7;
    let parallel_m = EQUATOR_M * latitude_deg.to_radians().cos();
    let zoom = (parallel_m / (EXTENT as f64 * resolution_m_per_px)).log2().ceil();
    zoom.clamp(0.0, f64::from(TileCoord::MAX_ZOOM)) as u8
}

/// The deepest zoom at which everything fits in the area of one tile; for a small map it may be deeper than [`max_zoom`].
#[must_use]
pub fn min_zoom(bounds: &WorldBounds) -> u8 {
    let side = (bounds.max.x - bounds.min.x).max(bounds.max.y - bounds.min.y);
    (1.0 / side).log2().floor().clamp(0.0, f64::from(TileCoord::MAX_ZOOM)) as u8
}

#[cfg(test)]
mod decoded;

#[cfg(test)]
mod tests {
    use super::decoded::{Attribute, Decoded, decode};
    use super::*;
    use crate::encode::attributes::{Key, Number, Value, tell};
    use crate::encode::tests::{centreline, feature, frame, houses_across_180, rect, town};
    use crate::feature::{Confidence, Feature, Height, HeightSource, KeptReason, Outline};
    use crate::georef::WorldPoint;
    use crate::scheme::ClassId;
    use geo::{Area, BooleanOps, Coord, LineString, MultiPolygon, Polygon, Rect, Validation};
    use proptest::prelude::*;
    use rstest::rstest;

    /// The tile at the middle of a store, `dx` and `dy` tiles away.
    fn tile_of(store: &FeatureStore, z: u32, dx: i32, dy: i32) -> TileCoord {
        let at = TileCoord::at(z, store.bounds().expect("has features").middle()).expect("inside");
        TileCoord::new(z, at.x().strict_add_signed(dx), at.y().strict_add_signed(dy)).expect("exists")
    }

    fn made(store: &FeatureStore, at: TileCoord, max_zoom: u8) -> Vec<Decoded> {
        let tile = tile(store, &Scheme::city(), at, &TileOptions::new(max_zoom));
        tile.map_or_else(Vec::new, |bytes| decode(&bytes))
    }

    fn store(features: Vec<Feature>) -> FeatureStore {
        FeatureStore::new(&frame(), features).expect("projects")
    }

    #[test]
    fn a_tile_without_features_is_none() {
        let town = town();
        assert_eq!(tile(&town, &Scheme::city(), tile_of(&town, 17, 50, 0), &TileOptions::new(17)), None);
    }

    #[test]
    fn features_say_what_they_are() {
        let (town, mut all) = (town(), Vec::new());
        for (dx, dy) in [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 0), (0, 1), (1, -1), (1, 0), (1, 1)] {
            all.extend(made(&town, tile_of(&town, 17, dx, dy), 17));
        }
        let ids: std::collections::BTreeSet<u64> = all.iter().map(|f| f.id).collect();
        assert_eq!(ids.len(), town.len());
        let house =
            all.iter().find(|f| f.layer == BUILDINGS && f.get("provisional").is_some()).expect("the third house");
        assert_eq!(house.get("fid"), Some(&Attribute::Whole(house.id)));
        assert_eq!(house.get("class"), Some(&Attribute::Text("building".to_owned())));
        assert_eq!(house.get("height"), Some(&Attribute::Decimal(6.0)));
        assert_eq!(house.get("render_height"), Some(&Attribute::Whole(7)));
        assert_eq!(house.get("height_source"), Some(&Attribute::Text("dsm".to_owned())));
        assert_eq!(house.get("size"), Some(&Attribute::Text("b".to_owned())));
        assert_eq!(house.get("area_m2"), Some(&Attribute::Whole(108)));
        assert_eq!(house.get("confidence"), Some(&Attribute::Whole(70)));
        assert_eq!(house.get("regularized"), Some(&Attribute::Flag(false)));
        let road = all.iter().find(|f| f.get("class") == Some(&Attribute::Text("road".to_owned()))).expect("the road");
        assert_eq!((road.layer.as_str(), road.get("confidence"), road.get("height")), (LANDCOVER, None, None));
    }

    type Change = fn(&mut Feature);

    /// What is said of a feature, as a tile holds it.
    fn told(feature: &Feature, scheme: &Scheme) -> Vec<(Key, Attribute)> {
        let mut told = Vec::new();
        tell(feature, &Classes::new(scheme), |key, value| {
            let value = match value {
                Value::Number(Number::Whole(v)) => Attribute::Whole(v),
                Value::Number(Number::Tenths(v)) => Attribute::Decimal(v as f64 / 10.0),
                Value::Text(text) => Attribute::Text(text.into_owned()),
                Value::Flag(flag) => Attribute::Flag(flag),
            };
            told.extend(key.in_tiles().then_some((key, value)));
        });
        told
    }

    #[test]
    fn each_attribute_alone_changes_the_tags_of_a_feature_that_repeats_others() {
        let mut scheme = Scheme::city();
        let second = scheme.classes.iter_mut().find(|class| class.code == 9).expect("a class more");
        second.kind = crate::scheme::Kind::Building;
        let house = |number: i64| {
            let place = rect(15.0 * number as f64, 0.0, 12.0, 9.0);
            Feature {
                unknown: Some(0.5),
                provisional: false,
                ..feature(1, 2 * number, Polygon::new(place, Vec::new()))
            }
        };
        let alone = |number: i64| Feature { height: house(0).height, confidence: house(0).confidence, ..house(number) };
        let changes: [(&[Key], Change); 14] = [
            (&[Key::Class], |f| f.class = ClassId(9)),
            (&[Key::Class], |f| f.class = ClassId(77)), // which the scheme does not name
            (&[Key::Class], |f| f.class = ClassId(78)),
            (&[Key::Confidence], |f| f.confidence = Some(Confidence { mean: 0.31, min: 0.1 })),
            (&[Key::Confidence], |f| f.confidence = None),
            (&[Key::Unknown], |f| f.unknown = Some(1.5)),
            (&[Key::AreaM2, Key::Size], |f| f.area_m2 = 1e5),
            (&[Key::Height, Key::RenderHeight], |f| f.height = f.height.map(|h| Height { height_m: 77.7, ..h })),
            (&[Key::HeightSource], |f| f.height = f.height.map(|h| Height { source: HeightSource::DsmDtm, ..h })),
            (&[Key::RenderMinHeight], |f| f.height = None),
            (&[Key::Outline], |f| f.outline = Outline::Round),
            (&[Key::Regularized, Key::Outline], |f| f.outline = Outline::Exact),
            (&[Key::Outline], |f| f.outline = Outline::Kept(KeptReason::Road)),
            (&[Key::Provisional], |f| f.provisional = true),
        ];
        let mut tried = vec![Key::Fid];
        // As they are, altered, and as they are again.
        let (mut features, mut number) = (Vec::new(), 0);
        for (keys, change) in changes {
            let (before, mut altered, after) = (alone(number), alone(number + 1), alone(number + 2));
            change(&mut altered);
            let differs = |key: &Key| {
                let value = |feature: &Feature| told(feature, &scheme).into_iter().find(|(other, _)| other == key);
                value(&before) != value(&altered)
            };
            assert!(keys.iter().all(differs), "{keys:?}");
            tried.extend(keys);
            features.extend([before, altered, after]);
            number += 3;
        }
        assert!(Key::ALL.iter().filter(|key| key.in_tiles()).all(|key| tried.contains(key)), "a key is not tried");
        let expected: Vec<_> = features.iter().map(|feature| (feature.id.get(), told(feature, &scheme))).collect();
        let store = store(features);
        let options = TileOptions::new(17);
        let tiles: Vec<Decoded> = [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)]
            .into_iter()
            .filter_map(|(dx, dy)| tile(&store, &scheme, tile_of(&store, 13, dx, dy), &options))
            .flat_map(|bytes| decode(&bytes))
            .collect();
        for (id, told) in expected {
            let decoded = tiles.iter().find(|decoded| decoded.id == id).expect("in a tile");
            for (key, value) in &told {
                assert_eq!(decoded.get(key.name()), Some(value), "{key:?} of {id}");
            }
            let missing = Key::ALL.iter().filter(|key| !told.iter().any(|(other, _)| other == *key));
            missing.for_each(|key| assert_eq!(decoded.get(key.name()), None, "{key:?} of {id}"));
        }
    }

    #[test]
    fn a_centre_line_goes_on_in_the_next_tile() {
        let (x, y) = (700_000.0, 3_060_000.0);
        let road = centreline(5, vec![(x - 900.0, y), (x, y + 300.0), (x + 900.0, y)]);
        let store = town().with_centrelines(vec![road.clone()]).expect("projects");
        let (mut metres, mut tiles) = (0.0, 0);
        for (dx, dy) in (-4..5).flat_map(|dx| (-3..4).map(move |dy| (dx, dy))) {
            let at = tile_of(&store, 17, dx, dy);
            let options = TileOptions { buffer_units: 0, ..TileOptions::new(17) };
            let found = tile(&store, &Scheme::city(), at, &options).map_or_else(Vec::new, |bytes| decode(&bytes));
            for f in found.iter().filter(|f| f.layer == CENTRELINES) {
                assert_eq!(f.get("fid"), Some(&Attribute::Whole(road.id.get())));
                assert_eq!(f.get("class"), Some(&Attribute::Text("road".to_owned())));
                assert_eq!(f.get("width_m"), Some(&Attribute::Decimal(5.3)));
                assert_eq!(f.get("length_m"), Some(&Attribute::Decimal(1897.4)));
                assert!(f.polygons.is_empty() && f.get("height").is_none());
                let units = |line: &LineString<f64>| line.lines().map(|e| e.dx().hypot(e.dy())).sum::<f64>();
                metres += f.lines.iter().map(units).sum::<f64>() * store.side_m() * TileGrid::new(at).unit();
                tiles += 1;
            }
        }
        assert!(tiles > 4, "{tiles}");
        assert!((metres / road.length_m - 1.0).abs() < 0.002, "{metres} is not {}", road.length_m);
        let above = made(&store, tile_of(&store, u32::from(CENTRELINES_FROM) - 1, 0, 0), 17);
        assert!(above.iter().all(|f| f.layer != CENTRELINES), "too far out for lines");
    }

    #[test]
    fn a_building_across_a_border_is_whole_in_both_tiles() {
        let row = (0..12).map(|i| feature(1, i, Polygon::new(rect(15.0 * i as f64, 0.0, 12.0, 9.0), Vec::new())));
        let store = store(row.collect());
        let mut areas = std::collections::BTreeMap::<u64, Vec<i64>>::new();
        for (dx, dy) in (-4..5).flat_map(|dx| (-1..2).map(move |dy| (dx, dy))) {
            for f in made(&store, tile_of(&store, 20, dx, dy), 18) {
                areas.entry(f.id).or_default().push((2.0 * f.polygons[0].unsigned_area()) as i64);
            }
        }
        assert_eq!(areas.len(), 12);
        assert!(areas.values().any(|of_house| of_house.len() > 1), "no house lies across a border; move one");
        assert!(areas.values().all(|of_house| of_house.iter().all(|area| *area == of_house[0])));
    }

    #[rstest]
    #[case::from_the_west("EPSG:32760", 819_000.0, 8_142_000.0)]
    #[case::from_the_east("EPSG:32701", 180_000.0, 8_142_000.0)]
    #[case::fiji("EPSG:3460", 2_134_000.0, 4_080_000.0)]
    fn a_map_across_180_has_tiles_on_both_sides(#[case] crs: &str, #[case] x: f64, #[case] y: f64) {
        let store = houses_across_180(crs, x, y);
        let bounds = store.bounds().expect("has features");
        assert!(bounds.crosses() && bounds.max.x - bounds.min.x < 1e-3, "{bounds:?}");
        assert_eq!(
            min_zoom(&bounds),
            (40_075_016.7 * (bounds.middle().to_lon_lat().y.to_radians()).cos() / 3100.0).log2() as u8
        );
        for z in [13, 17] {
            let (rows, last) = (TileCoord::at(z, bounds.min).expect("inside").y(), (1 << z) - 1);
            let made = |x: u32| -> Vec<Decoded> {
                (rows - 1..=rows + 20)
                    .flat_map(|y| made(&store, TileCoord::new(z, x, y).expect("exists"), 17))
                    .collect()
            };
            let (west, east) = (made(last), made(0));
            let areas = |found: &[Decoded], id: u64| -> f64 {
                found.iter().filter(|f| f.id == id).flat_map(|f| &f.polygons).map(Polygon::unsigned_area).sum()
            };
            let ids: std::collections::BTreeSet<u64> = west.iter().chain(&east).map(|f| f.id).collect();
            let middle = store.iter().nth(2).expect("five").feature.id.get();
            assert!(areas(&west, middle) > 0.0 && areas(&east, middle) > 0.0, "zoom {z}");
            assert!(ids.len() >= if z == 13 { 5 } else { 1 }, "zoom {z}: {ids:?}");
        }
        let whole = made(&store, TileCoord::new(0, 0, 0).expect("exists"), 1);
        assert!(whole.iter().all(|f| f.polygons.iter().all(Validation::is_valid)));
    }

    #[test]
    fn what_is_cut_at_180_adds_up() {
        let store = houses_across_180("EPSG:32760", 819_000.0, 8_142_000.0);
        let z = 15;
        let top = TileCoord::at(z, store.bounds().expect("has features").min).expect("inside").y();
        let options = TileOptions { buffer_units: 0, ..TileOptions::new(17) };
        let mut area = 0.0;
        for (x, y) in (0..2).chain((1 << z) - 2..1 << z).flat_map(|x| (top..top + 2).map(move |y| (x, y))) {
            let at = TileCoord::new(z, x, y).expect("exists");
            let found = tile(&store, &Scheme::city(), at, &options).map_or_else(Vec::new, |bytes| decode(&bytes));
            let square = Rect::new(Coord { x: 0.0, y: 0.0 }, Coord { x: 4096.0, y: 4096.0 }).to_polygon();
            // Houses that overhang a tile stay whole: what lies inside is counted.
            let inside = |p: &Polygon<f64>| p.intersection(&square).unsigned_area();
            area += found.iter().flat_map(|f| &f.polygons).map(inside).sum::<f64>();
        }
        let unit = TileGrid::new(TileCoord::new(z, 0, 0).expect("exists")).unit();
        let expected: f64 = store.iter().map(|f| f.shape.area()).sum::<f64>() / (unit * unit);
        assert!((area / expected - 1.0).abs() < 0.002, "{area} is not {expected}");
    }

    #[test]
    fn tiny_polygons_leave_squares_of_their_area() {
        let houses = (0..900).map(|i| {
            let (x, y) = (f64::from(i % 30) * 12.0, f64::from(i / 30) * 12.0);
            feature(1, i64::from(i), Polygon::new(rect(x, y, 8.0, 8.0), Vec::new()))
        });
        let store = store(houses.collect());
        let z = 11; // a unit is 4.2 m, a house 3.6 square units
        let tiles = [(-1, -1), (-1, 0), (0, -1), (0, 0), (1, 0), (0, 1), (1, 1), (1, -1), (-1, 1)];
        let squares: Vec<Decoded> =
            tiles.iter().flat_map(|(dx, dy)| made(&store, tile_of(&store, z, *dx, *dy), 17)).collect();
        let area: f64 = squares.iter().flat_map(|f| &f.polygons).map(Polygon::unsigned_area).sum();
        let unit_m = store.side_m() * TileGrid::new(tile_of(&store, z, 0, 0)).unit();
        let expected = 900.0 * 64.0 / (unit_m * unit_m);
        assert!((area / expected - 1.0).abs() < 0.02, "{area} is not {expected}");
        assert!(made(&store, tile_of(&store, 15, 0, 0), 17).iter().all(|f| f.polygons[0].unsigned_area() > 4.0));
    }

    #[test]
    fn zooms_follow_the_size_of_pixels_and_map() {
        assert_eq!(max_zoom(0.3, 0.0), 15);
        assert_eq!(max_zoom(0.13, 27.63), 17);
        assert_eq!(max_zoom(1e9, 0.0), 0);
        let world = |x, y| WorldPoint { x, y };
        let strip = WorldBounds { min: world(0.5, 0.5), max: world(0.5 + 0.9 / 1024.0, 0.5) };
        assert_eq!(min_zoom(&strip), 10);
        assert_eq!(min_zoom(&WorldBounds { min: world(0.0, 0.0), max: world(1.0, 0.3) }), 0);
    }

    /// A ring around a middle, its radii as given, in metres.
    fn star(x: f64, y: f64, radii: &[f64]) -> LineString<f64> {
        let at = |(i, r): (usize, &f64)| {
            let (sin, cos) = (std::f64::consts::TAU * i as f64 / radii.len() as f64).sin_cos();
            Coord { x: 700_000.0 + x + r * cos, y: 3_060_000.0 + y + r * sin }
        };
        let mut ring: Vec<_> = radii.iter().enumerate().map(at).collect();
        ring.push(ring[0]);
        LineString(ring)
    }

    fn all_valid(features: &[Decoded]) -> Result<(), TestCaseError> {
        for f in features {
            for p in &f.polygons {
                prop_assert!(p.is_valid(), "{}: {:?} {:?}", f.id, p, p.validation_errors());
                prop_assert!(p.unsigned_area() > 0.0);
            }
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn polygons_stay_valid_whatever_the_zoom(
            radii in prop::collection::vec(0.2..400.0f64, 3..60),
            hole in prop::collection::vec(0.05..0.19f64, 3..9),
            importance in prop::collection::vec(0.0..30.0f32, 60),
            (x, y) in (-400.0..400.0f64, -400.0..400.0f64),
            class in 1..4_u32,
        ) {
            let mut hole = star(x, y, &hole);
            hole.0.reverse();
            let mut f = feature(class, 7, Polygon::new(star(x, y, &radii), vec![hole]));
            f.importance_m = vec![importance[..radii.len()].to_vec(), Vec::new()];
            let store = store(vec![f]);
            for z in 10..21 {
                for (dx, dy) in [(0, 0), (0, 1), (1, 0), (-1, 0)] {
                    all_valid(&made(&store, tile_of(&store, z, dx, dy), 18))?;
                }
            }
        }

        #[test]
        fn what_is_decoded_lies_within_a_unit(radii in prop::collection::vec(20.0..90.0f64, 3..40)) {
            let store = store(vec![feature(3, 7, Polygon::new(star(0.0, 0.0, &radii), Vec::new()))]);
            let at = tile_of(&store, 16, 0, 0);
            let grid = TileGrid::new(at);
            let mut seen = 0;
            for f in made(&store, at, 16) {
                for c in f.polygons.iter().flat_map(|p| &p.exterior().0) {
                    if !(0.0..4096.0).contains(&c.x) || !(0.0..4096.0).contains(&c.y) {
                        continue;
                    }
                    let (px, py) = (at.bounds().min.x + c.x * grid.unit(), at.bounds().min.y + c.y * grid.unit());
                    let mut places = store.iter().flat_map(|f| f.shape.rings().flatten().map(|v| f.shape.place(v)));
                    let near = places.any(|p| {
                        (p.x - px).abs() <= grid.unit() && (p.y - py).abs() <= grid.unit()
                    });
                    prop_assert!(near, "{c:?}");
                    seen += 1;
                }
            }
            prop_assert!(seen > 0 || radii.len() < 6);
        }

        #[test]
        fn neighbours_share_their_border_and_fill_the_tile(
            border in prop::collection::vec(-60.0..60.0f64, 2..30),
            importance in prop::collection::vec(0.0..6.0f32, 30),
        ) {
            // Two fields, left and right of one winding border.
            let at = |i: usize, x: f64| Coord { x: 700_000.0 + x, y: 3_060_000.0 + i as f64 * 30.0 };
            let line: Vec<_> = border.iter().enumerate().map(|(i, x)| at(i, *x)).collect();
            let last = line.len() - 1;
            let keep = [f32::INFINITY; 2];
            let weights: Vec<f32> = (0..=last).map(|i| if i == 0 || i == last { f32::INFINITY } else { importance[i] }).collect();
            let mut left: Vec<_> = line.clone();
            left.extend([at(last, -900.0), at(0, -900.0)]);
            let mut right: Vec<_> = line.iter().rev().copied().collect();
            right.extend([at(0, 900.0), at(last, 900.0)]);
            let mut west = feature(3, 1, Polygon::new(LineString(left), Vec::new()));
            west.importance_m = vec![[&weights[..], &keep].concat()];
            let mut east = feature(5, 2, Polygon::new(LineString(right), Vec::new()));
            east.importance_m = vec![[&weights.iter().rev().copied().collect::<Vec<_>>()[..], &keep].concat()];
            let ids = [west.id.get(), east.id.get()];
            let store = store(vec![west, east]);
            for z in 13..18 {
                let found = made(&store, tile_of(&store, z, 0, 0), 17);
                all_valid(&found)?;
                let of = |id: u64| {
                    let mine = found.iter().filter(|f| f.id == id);
                    MultiPolygon(mine.flat_map(|f| f.polygons.clone()).collect())
                };
                let (west, east) = (of(ids[0]), of(ids[1]));
                let together = west.union(&east).unsigned_area();
                prop_assert!((together - west.unsigned_area() - east.unsigned_area()).abs() < 1e-6 * together, "overlap at {z}");
                let gaps = west.union(&east);
                prop_assert!(gaps.0.iter().all(|p| p.interiors().is_empty()), "gap at {z}");
            }
        }
    }
}
