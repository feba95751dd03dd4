//! The features of an area as GeoJSON.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value};

use super::answer::document;
use super::errors::HttpError;
use super::state::State;
use crate::encode::filter::{Filter, LonLatBox, Selection};
use crate::encode::geojson::{MEDIA_TYPE, write_collection};

/// `GET /features.geojson?bbox=west,south,east,north&limit=…&class=a,b&min_confidence=0.5`: by rising id, at most the
/// limit; `numberMatched` and `numberReturned` say whether there are more.
pub async fn features(
    req: HttpRequest,
    state: web::Data<State>,
    query: web::Query<Vec<(String, String)>>,
) -> Result<HttpResponse, HttpError> {
    let (filter, limit) = parse(&query, &state)?;
    let body = web::block(move || collect(&state, &filter, limit)).await??;
    Ok(document(&req, MEDIA_TYPE, &body))
}

/// The filter and the limit that a query means.
fn parse(query: &[(String, String)], state: &State) -> Result<(Filter, usize), HttpError> {
    let (mut filter, mut limit) = (Filter::default(), state.options.max_features);
    for (name, value) in query {
        let wrong = |reason: String| HttpError::Parameter { parameter: name.clone(), reason };
        match name.as_str() {
            "bbox" => filter = filter.within(value.parse::<LonLatBox>().map_err(|e| wrong(e.to_string()))?),
            "class" => {
                let classes = filter.classes(state.live.scheme(), value.split(','));
                filter = classes.map_err(|e| wrong(e.to_string()))?;
            }
            "min_confidence" => {
                let least = value.parse().map_err(|_| wrong(format!("{value:?} is not a number between 0 and 1")))?;
                filter = filter.min_confidence(least).map_err(|e| wrong(e.to_string()))?;
            }
            "limit" => {
                let most = state.options.max_features;
                let asked = value.parse().ok().filter(|n| (1..=most).contains(n));
                limit = asked.ok_or_else(|| wrong(format!("{value:?} is not a whole number from 1 to {most}")))?;
            }
            _ => return Err(wrong("unknown; bbox, limit, class and min_confidence are accepted".to_owned())),
        }
    }
    Ok((filter, limit))
}

/// The body: some megabytes at most, by the limit.
fn collect(state: &State, filter: &Filter, limit: usize) -> Result<Vec<u8>, HttpError> {
    let snapshot = state.live.snapshot();
    let mut selection: Selection = filter.select(&snapshot.store, state.live.scheme());
    let matched = selection.features.len();
    selection.features.truncate(limit);
    let members = Map::from_iter([
        ("numberMatched".to_owned(), Value::from(matched)),
        ("numberReturned".to_owned(), Value::from(selection.features.len())),
    ]);
    let mut body = Vec::new();
    write_collection(&mut body, &selection, &members).map_err(|error| {
        tracing::error!(%error, "features cannot be written");
        HttpError::Internal
    })?;
    Ok(body)
}
