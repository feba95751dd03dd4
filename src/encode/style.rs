//! The map style (MapLibre style specification 8), made from the scheme: MapLibre draws it, and QGIS.
//!
//! Addresses are absolute (QGIS drops the port of others), and nothing else is fetched: no fonts, no sprites.
//! Every class is a layer of its name, so that a legend can switch it. QGIS passes over extrusions;
//! it draws the flat buildings that stand below them.

use serde_json::{Value as Json, json};

use super::mvt::{BUILDINGS, CENTRELINES, LANDCOVER};
use super::tilejson::TileSet;
use crate::scheme::{Class, Colour, Kind, Scheme};

/// The source of the vector tiles, and of the imagery.
const VECTOR: &str = "orthotile";
const IMAGERY: &str = "imagery";

/// The ground where nothing is drawn.
const PAPER: Colour = Colour([0xf4, 0xf2, 0xed]);

/// The style of a map; with `extrude`, buildings also stand up.
#[must_use]
pub fn style(scheme: &Scheme, set: &TileSet, extrude: bool) -> Json {
    let (lon, lat, zoom) = set.center();
    json!({
        "version": 8,
        "name": set.name,
        "metadata": { "orthotile:legend": legend(scheme) },
        "center": [lon, lat],
        "zoom": zoom,
        "light": { "anchor": "viewport", "color": "#ffffff", "intensity": 0.3, "position": [1.2, 210, 40] },
        "sources": sources(set),
        "layers": layers(scheme, set, extrude),
    })
}

fn legend(scheme: &Scheme) -> Vec<Json> {
    let entry = |c: &Class| json!({ "class": c.name, "title": c.title, "colour": c.colour.hex() });
    scheme.classes.iter().map(entry).collect()
}

fn sources(set: &TileSet) -> Json {
    let mut vector = json!({
        "type": "vector",
        "tiles": [set.tiles_url],
        "minzoom": set.min_zoom,
        "maxzoom": set.max_zoom,
        "bounds": set.wsen(),
    });
    if let Some(attribution) = &set.attribution {
        vector["attribution"] = attribution.as_str().into();
    }
    let mut sources = json!({ VECTOR: vector });
    if let Some(url) = &set.imagery_url {
        sources[IMAGERY] = json!({
            "type": "raster",
            "tiles": [url],
            "tileSize": 256,
            "maxzoom": set.max_zoom + 2, // a pixel of the imagery is 1/4 to 1/16 of a vector unit's tile
            "bounds": set.wsen(),
        });
    }
    sources
}

/// From the ground up: the last class of the scheme is drawn first, buildings last.
fn layers(scheme: &Scheme, set: &TileSet, extrude: bool) -> Vec<Json> {
    let mut layers = vec![json!({
        "id": "background", "type": "background", "paint": { "background-color": PAPER.hex() },
    })];
    if set.imagery_url.is_some() {
        layers.push(json!({ "id": IMAGERY, "type": "raster", "source": IMAGERY }));
    }
    let (buildings, land): (Vec<&Class>, Vec<&Class>) =
        scheme.classes.iter().rev().partition(|c| c.kind == Kind::Building);
    layers.extend(land.iter().map(|class| fill(class, LANDCOVER)));
    layers.extend(land.iter().map(|class| outline(class, LANDCOVER)));
    layers.extend(land.iter().filter(|class| class.kind == Kind::Network).map(|class| centreline(class)));
    layers.extend(buildings.iter().map(|class| fill(class, BUILDINGS)));
    layers.extend(buildings.iter().map(|class| outline(class, BUILDINGS)));
    if extrude {
        layers.extend(buildings.iter().map(|class| extrusion(class, set)));
    }
    layers
}

fn fill(class: &Class, source_layer: &str) -> Json {
    json!({
        "id": class.name,
        "type": "fill",
        "source": VECTOR,
        "source-layer": source_layer,
        "filter": is(class),
        "paint": { "fill-color": class.colour.hex() },
    })
}

fn outline(class: &Class, source_layer: &str) -> Json {
    let (widest, part) = if class.kind == Kind::Building { (1.4, 0.4) } else { (0.8, 0.25) };
    json!({
        "id": format!("{}-outline", class.name),
        "type": "line",
        "source": VECTOR,
        "source-layer": source_layer,
        "minzoom": 14,
        "filter": is(class),
        "layout": { "line-join": "round" },
        "paint": {
            "line-color": mixed(class.colour, Colour([0x40, 0x38, 0x30]), part).hex(),
            "line-width": ["interpolate", ["linear"], ["zoom"], 14, 0.2, 17, 0.6, 20, widest],
        },
    })
}

/// A thin dashed line where roads are wide enough to hold one.
fn centreline(class: &Class) -> Json {
    json!({
        "id": format!("{}-centreline", class.name),
        "type": "line",
        "source": VECTOR,
        "source-layer": CENTRELINES,
        "minzoom": 16,
        "filter": is(class),
        "layout": { "line-join": "round" },
        "paint": {
            "line-color": mixed(class.colour, Colour([0x40, 0x38, 0x30]), 0.3).hex(),
            "line-width": ["interpolate", ["linear"], ["zoom"], 16, 0.5, 20, 1.5],
            "line-dasharray": [6, 5],
        },
    })
}

/// Buildings rise over one zoom level, where they are large enough to tell their sides apart.
fn extrusion(class: &Class, set: &TileSet) -> Json {
    let flat = set.max_zoom.saturating_sub(3).max(13);
    let tall = mixed(class.colour, Colour([0x8a, 0x4b, 0x3c]), 0.35);
    json!({
        "id": format!("{}-3d", class.name),
        "type": "fill-extrusion",
        "source": VECTOR,
        "source-layer": BUILDINGS,
        "minzoom": flat,
        "filter": is(class),
        "paint": {
            "fill-extrusion-color": [
                "interpolate", ["linear"], ["coalesce", ["get", "height"], 3],
                3, mixed(class.colour, Colour([0xff; 3]), 0.25).hex(), 12, class.colour.hex(), 40, tall.hex(),
            ],
            "fill-extrusion-height": [
                "interpolate", ["linear"], ["zoom"], flat, 0, flat + 1, ["coalesce", ["get", "height"], 3],
            ],
            "fill-extrusion-base": ["coalesce", ["get", "render_min_height"], 0],
            "fill-extrusion-opacity": 0.95,
        },
    })
}

fn is(class: &Class) -> Json {
    json!(["==", ["get", "class"], class.name])
}

/// `part` of the way from one colour to another.
fn mixed(from: Colour, to: Colour, part: f64) -> Colour {
    let channel = |i: usize| {
        let (a, b) = (f64::from(from.0[i]), f64::from(to.0[i]));
        (a + (b - a) * part).round() as u8
    };
    Colour([channel(0), channel(1), channel(2)])
}

#[cfg(test)]
mod tests {
    use super::super::tilejson::tests::banepa;
    use super::*;

    fn layer_types(style: &Json) -> Vec<&str> {
        style["layers"].as_array().expect("layers").iter().filter_map(|l| l["type"].as_str()).collect()
    }

    #[test]
    fn flat_buildings_stay_below_extruded_ones() {
        let (flat, tall) = (style(&Scheme::city(), &banepa(), false), style(&Scheme::city(), &banepa(), true));
        assert!(!layer_types(&flat).contains(&"fill-extrusion"));
        assert_eq!(layer_types(&tall).last(), Some(&"fill-extrusion"));
        assert_eq!(layer_types(&tall)[..layer_types(&flat).len()], layer_types(&flat));
    }

    #[test]
    fn every_address_is_absolute_and_every_class_is_drawn() {
        let style = style(&Scheme::city(), &banepa(), true);
        for source in [&style["sources"]["orthotile"], &style["sources"]["imagery"]] {
            assert!(source["tiles"][0].as_str().is_some_and(|url| url.starts_with("http://127.0.0.1:8080/")));
        }
        for class in Scheme::city().classes {
            let layers = style["layers"].as_array().expect("layers");
            assert!(layers.iter().any(|l| l["id"] == class.name.as_str() && l["type"] == "fill"), "{}", class.name);
        }
        assert!(style.get("glyphs").is_none() && style.get("sprite").is_none());
    }
}
