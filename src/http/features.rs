//! The features of an area as GeoJSON.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value};

use super::answer::made;
use super::errors::HttpError;
use super::state::State;
use crate::encode::filter::{Filter, FilterError, LonLatBox, SelectedLayer, Selection};
use crate::encode::geojson::{MEDIA_TYPE, write_collection};

/// `GET /features.geojson?bbox=west,south,east,north&limit=…&class=a,b&min_confidence=50&layer=centrelines`: polygons, or
/// with `layer` the centre lines of roads, by rising id, at most the
/// limit; `numberMatched` and `numberReturned` say whether there are more.
pub async fn features(
    req: HttpRequest,
    state: web::Data<State>,
    query: web::Query<Vec<(String, String)>>,
) -> Result<HttpResponse, HttpError> {
    let asked = parse(&query, &state)?;
    made(&req, MEDIA_TYPE, move || collect(&state, &asked)).await
}

/// What a query means.
struct Asked {
    filter: Filter,
    limit: usize,
    layer: SelectedLayer,
}

fn parse(query: &[(String, String)], state: &State) -> Result<Asked, HttpError> {
    let (mut filter, mut limit) = (Filter::default(), state.options.max_features);
    let mut layer = SelectedLayer::Features;
    for (name, value) in query {
        let wrong = |reason: String| HttpError::Parameter { parameter: name.clone(), reason };
        match name.as_str() {
            "bbox" => filter = filter.within(value.parse::<LonLatBox>().map_err(|e| wrong(e.to_string()))?),
            "class" => {
                let classes = filter.classes(state.live.scheme(), value.split(','));
                filter = classes.map_err(|e| wrong(e.to_string()))?;
            }
            "min_confidence" => {
                filter = filter.min_confidence(value.parse().map_err(|e: FilterError| wrong(e.to_string()))?);
            }
            "limit" => {
                let most = state.options.max_features;
                let asked = value.parse().ok().filter(|n| (1..=most).contains(n));
                limit = asked.ok_or_else(|| wrong(format!("{value:?} is not a whole number from 1 to {most}")))?;
            }
            "layer" => layer = value.parse().map_err(|e: FilterError| wrong(e.to_string()))?,
            _ => return Err(wrong("unknown; bbox, limit, class, min_confidence and layer are accepted".to_owned())),
        }
    }
    Ok(Asked { filter, limit, layer })
}

/// The body: some megabytes at most, by the limit.
fn collect(state: &State, asked: &Asked) -> Result<Vec<u8>, HttpError> {
    let snapshot = state.live.snapshot();
    let mut selection: Selection = asked.filter.select_layers((&snapshot.store, state.live.scheme()), &[asked.layer]);
    let matched = selection.features.len() + selection.centrelines.len();
    selection.features.truncate(asked.limit);
    selection.centrelines.truncate(asked.limit);
    let members = Map::from_iter([
        ("numberMatched".to_owned(), Value::from(matched)),
        ("numberReturned".to_owned(), Value::from(selection.features.len() + selection.centrelines.len())),
    ]);
    let mut body = Vec::new();
    write_collection(&mut body, &selection, &members).map_err(|error| {
        tracing::error!(%error, "features cannot be written");
        HttpError::Internal
    })?;
    Ok(body)
}
