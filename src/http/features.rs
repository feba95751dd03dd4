//! The features of an area as GeoJSON, page by page.

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map as Members, Value, json};

use super::answer::{Head, accepted_of, tag};
use super::errors::HttpError;
use super::links::{base_url, vary};
use super::slot::{Client, Map};
use super::state::State;
use super::stream::Collection;
use crate::encode::compress::Encoding;
use crate::encode::filter::SelectedLayer;
use crate::encode::filter::{Filter, FilterError, LonLatBox, Page, PageRequest};
use crate::encode::geojson::MEDIA_TYPE;
use crate::seed::Snapshot;

type Query = Vec<(String, String)>;

/// `GET /features.geojson?bbox=west,south,east,north&limit=…&after=…&class=a,b&min_confidence=50&layer=centrelines`:
/// polygons, or with `layer` the centre lines of roads, by rising id, at most the limit. `numberMatched` and
/// `numberReturned` say whether there are more, and the link `next` leads to them.
pub async fn features(
    req: HttpRequest,
    state: Map,
    Client(address): Client,
    query: web::Query<Query>,
) -> Result<HttpResponse, HttpError> {
    let asked = parse(&query, &state)?;
    let snapshot = state.live.snapshot();
    let base = base_url(&req, "/features.geojson", &state.options);
    let encoding = accepted_of(&req, &[Encoding::Gzip]);
    let determined_by = format!("{} {} {base} {query:?}", state.epoch, snapshot.generation);
    let tag = tag(determined_by.as_bytes(), encoding);
    let head = Head { content_type: MEDIA_TYPE, cache_control: "no-cache", tag, encoding };
    if let Some(response) = head.not_modified(&req) {
        return Ok(response);
    }
    let seat = state.resources.streams.take(address).ok_or(HttpError::Busy)?;
    let page = select(&state, &snapshot, (&asked, address)).await?;
    let links = Links { base, query: &query, next: page.next };
    let mut response = head.start(HttpResponse::Ok());
    response.content_type(MEDIA_TYPE).insert_header((header::VARY, vary(&state.options)));
    if let Some(next) = links.next() {
        response.insert_header((header::LINK, format!("<{next}>; rel=\"next\"; type=\"{MEDIA_TYPE}\"")));
    }
    if let Some(token) = encoding.token() {
        response.insert_header((header::CONTENT_ENCODING, token));
    }
    if req.method() == Method::HEAD {
        return Ok(response.finish());
    }
    let members = Members::from_iter([
        ("numberMatched".to_owned(), Value::from(page.matched)),
        ("numberReturned".to_owned(), Value::from(page.ids.len())),
        ("links".to_owned(), links.json()),
    ]);
    let collection = Collection::begin((Arc::clone(&state), snapshot), (asked.page.layer, page), &members, encoding)?;
    Ok(response.streaming(collection.stream(address, seat)))
}

/// Meaning of a query.
#[derive(Clone)]
struct Asked {
    filter: Filter,
    page: PageRequest,
}

fn parse(query: &[(String, String)], state: &State) -> Result<Asked, HttpError> {
    let limits = &state.resources.limits;
    let mut filter = Filter::default();
    let mut page = PageRequest { layer: SelectedLayer::Features, after: None, limit: limits.features };
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
                let most = limits.max_features;
                let asked = value.parse().ok().filter(|n| (1..=most).contains(n));
                page.limit = asked.ok_or_else(|| wrong(format!("{value:?} is not a whole number from 1 to {most}")))?;
            }
            "after" => {
                let id = value.parse().map_err(|_| wrong(format!("{value:?} is not the id of a feature")))?;
                page.after = Some(id);
            }
            "layer" => page.layer = value.parse().map_err(|e: FilterError| wrong(e.to_string()))?,
            _ => {
                let accepted = "bbox, limit, after, class, min_confidence or layer";
                return Err(wrong(format!("unknown parameter (expected {accepted})")));
            }
        }
    }
    Ok(Asked { filter, page })
}

/// The ids of the page, found by a thread for GeoJSON.
async fn select(
    state: &State,
    snapshot: &Arc<Snapshot>,
    (asked, address): (&Asked, IpAddr),
) -> Result<Page, HttpError> {
    let (snapshot, asked) = (Arc::clone(snapshot), asked.clone());
    state.resources.features.run(address, move || asked.filter.page(&snapshot.store, &asked.page)).await
}

/// Where the collection and its next page are.
struct Links<'a> {
    base: String,
    query: &'a [(String, String)],
    next: Option<u64>,
}

impl Links<'_> {
    fn next(&self) -> Option<String> {
        let next = self.next?;
        let kept = self.query.iter().filter(|(name, _)| name != "after");
        let pairs = kept.map(|(name, value)| format!("{}={}&", encoded(name), encoded(value)));
        Some(format!("{}/features.geojson?{}after={next}", self.base, pairs.collect::<String>()))
    }

    /// RFC 8288 relations, as in OGC 17-069r4.
    fn json(&self) -> Value {
        let link = |relation: &str, href: String| json!({ "rel": relation, "type": MEDIA_TYPE, "href": href });
        let pairs: Vec<String> =
            self.query.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        let question = if pairs.is_empty() { "" } else { "?" };
        let own = format!("{}/features.geojson{question}{}", self.base, pairs.join("&"));
        let next = self.next().map(|href| link("next", href));
        Value::Array(std::iter::once(link("self", own)).chain(next).collect())
    }
}

/// A part of a query (RFC 3986, 2.1), with commas as they are.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~,".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for half in [byte >> 4, byte & 15] {
                out.push(char::from_digit(u32::from(half), 16).unwrap_or('0').to_ascii_uppercase());
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_hold_the_query_and_nothing_that_breaks_out_of_it() {
        let query = [("class".to_owned(), "a b\">&=,é".to_owned()), ("after".to_owned(), "1".to_owned())];
        let links = Links { base: "http://h/m".to_owned(), query: &query, next: Some(7) };
        let expected = "http://h/m/features.geojson?class=a%20b%22%3E%26%3D,%C3%A9&after=7";
        assert_eq!(links.next().as_deref(), Some(expected));
        assert_eq!(links.json()[1]["href"], expected);
        assert_eq!(Links { next: None, ..links }.json().as_array().map(Vec::len), Some(1));
    }
}
