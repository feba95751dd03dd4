//! What the tiles of a map hold and where they are (TileJSON 3.0.0).

use serde_json::{Map, Value as Json, json};

use super::attributes::{Key, Type};
use super::mvt::{BUILDINGS, CENTRELINES, CENTRELINES_FROM, LANDCOVER};
use crate::georef::WorldBounds;

/// A map as clients are told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct TileSet {
    /// For people.
    pub name: String,
    /// Who made the imagery; shown on the map. May hold HTML.
    pub attribution: Option<String>,
    /// The absolute address of the vector tiles, with `{z}`, `{x}` and `{y}`.
    pub tiles_url: String,
    /// The absolute address of the imagery as raster tiles, with `{z}`, `{x}` and `{y}`.
    pub imagery_url: Option<String>,
    /// Where there is something.
    pub bounds: WorldBounds,
    /// The least deep zoom.
    pub min_zoom: u8,
    /// The deepest zoom; clients enlarge its tiles.
    pub max_zoom: u8,
}

impl TileSet {
    /// The middle, and a zoom at which most of the map is seen: longitude, latitude, zoom.
    #[must_use]
    pub fn center(&self) -> (f64, f64, u8) {
        let middle = self.bounds.middle().to_lon_lat();
        (rounded(middle.x), rounded(middle.y), (self.min_zoom + 1).min(self.max_zoom))
    }

    /// West, south, east, north in degrees, for clients that know no way across 180°.
    ///
    /// Bounds of TileJSON must not wrap (3.0.0, 3.5), and MapLibre asks for no tile where they do: a map that leads
    /// across 180° has the whole band of its latitudes. [`Self::center`] lies on the map all the same.
    #[must_use]
    pub fn wsen(&self) -> [f64; 4] {
        let [w, s, e, n] = self.bounds.lon_lat_wsen().map(rounded);
        if self.bounds.crosses() { [-180.0, s, 180.0, n] } else { [w, s, e, n] }
    }
}

/// The TileJSON of a map.
#[must_use]
pub fn tilejson(set: &TileSet) -> Json {
    let (lon, lat, zoom) = set.center();
    let land: Vec<Key> = Key::ALL.into_iter().filter(|key| !key.of_buildings()).collect();
    let mut json = json!({
        "tilejson": "3.0.0",
        "name": set.name,
        "tiles": [set.tiles_url],
        "scheme": "xyz",
        "vector_layers": [
            vector_layer(set, BUILDINGS, "Footprints with heights", &Key::ALL),
            vector_layer(set, LANDCOVER, "Roads, vegetation, water, land and objects", &land),
            centrelines(set),
        ],
        "bounds": set.wsen(),
        "center": [lon, lat, zoom],
        "minzoom": set.min_zoom,
        "maxzoom": set.max_zoom,
    });
    if let Some(attribution) = &set.attribution {
        json["attribution"] = attribution.as_str().into();
    }
    json
}

fn centrelines(set: &TileSet) -> Json {
    let mut layer = vector_layer(set, CENTRELINES, "Centre lines of roads with widths", &Key::OF_CENTRELINES);
    layer["minzoom"] = set.min_zoom.max(CENTRELINES_FROM).min(set.max_zoom).into();
    layer
}

fn vector_layer(set: &TileSet, id: &str, description: &str, keys: &[Key]) -> Json {
    let fields: Map<String, Json> = keys.iter().copied().filter(|key| key.in_tiles()).map(field).collect();
    json!({
        "id": id,
        "description": description,
        "minzoom": set.min_zoom,
        "maxzoom": set.max_zoom,
        "fields": fields,
    })
}

/// The words for types that GDAL understands.
fn field(key: Key) -> (String, Json) {
    let kind = match key.value_type() {
        Type::Whole | Type::Tenths => "Number",
        Type::Text => "String",
        Type::Flag => "Boolean",
    };
    (key.name().to_owned(), kind.into())
}

/// Degrees to seven decimals.
fn rounded(degrees: f64) -> f64 {
    (degrees * 1e7).round() / 1e7
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::georef::{MapPoint, WorldPoint};

    pub(crate) fn banepa() -> TileSet {
        let world = |x, y| WorldPoint::from_lon_lat(MapPoint { x, y });
        TileSet {
            name: "Banepa".to_owned(),
            attribution: Some("© the flyers".to_owned()),
            tiles_url: "http://127.0.0.1:8080/tiles/{z}/{x}/{y}.mvt".to_owned(),
            imagery_url: Some("http://127.0.0.1:8080/imagery/{z}/{x}/{y}.webp".to_owned()),
            bounds: WorldBounds { min: world(85.51, 27.64), max: world(85.53, 27.62) },
            min_zoom: 14,
            max_zoom: 17,
        }
    }

    #[test]
    fn a_map_across_the_antimeridian_has_the_band_of_its_latitudes() {
        let world = |x, y| WorldPoint::from_lon_lat(MapPoint { x, y });
        let bounds = WorldBounds { min: world(179.9, -16.0), max: world(180.3, -16.5) };
        let json = tilejson(&TileSet { bounds, ..banepa() });
        assert_eq!(json["bounds"], json!([-180.0, -16.5, 180.0, -16.0]));
        assert_eq!(json["center"][0], -179.9);
    }

    #[test]
    fn it_says_what_the_specification_wants() {
        let json = tilejson(&banepa());
        assert_eq!(json["tilejson"], "3.0.0");
        assert_eq!(json["bounds"], json!([85.51, 27.62, 85.53, 27.64]));
        assert_eq!(json["center"][2], 15);
        assert_eq!(json["vector_layers"][0]["fields"]["height"], "Number");
        assert_eq!(json["vector_layers"][1]["fields"]["height"], Json::Null);
        assert_eq!(json["attribution"], "© the flyers");
    }
}
