//! The map style.

use actix_web::{HttpRequest, HttpResponse, web};

use super::answer::linked;
use super::errors::HttpError;
use super::links::base_url;
use super::slot::Map;
use super::tilejson::tile_set;
use crate::encode::style::style as write;
use crate::encode::tilejson::TileSet;

/// `GET /style.json?extrude=true&imagery=false`: without `extrude` flat buildings only, for clients that cannot extrude;
/// with `imagery` also what lies below the map.
pub async fn style(
    req: HttpRequest,
    state: Map,
    query: web::Query<Vec<(String, String)>>,
) -> Result<HttpResponse, HttpError> {
    let (mut extrude, mut imagery) = (true, false);
    for (name, value) in query.iter() {
        let wrong = |reason: &str| HttpError::Parameter { parameter: name.clone(), reason: reason.to_owned() };
        let switch = match name.as_str() {
            "extrude" => &mut extrude,
            "imagery" => &mut imagery,
            _ => return Err(wrong("unknown; extrude and imagery are accepted")),
        };
        *switch = value.parse().map_err(|_| wrong("true or false is accepted"))?;
    }
    let set = tile_set(&state, &base_url(&req, "/style.json", &state.options));
    let imagery_url = set.imagery_url.clone().filter(|_| imagery);
    let style = write(state.live.scheme(), &TileSet { imagery_url, ..set }, extrude);
    Ok(linked(&req, &state.options, &style))
}
