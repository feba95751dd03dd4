//! The whole server: maps under their paths, and what is answered about all of them.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::{StatusCode, header};
use actix_web::middleware::from_fn;
use actix_web::{App, HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::Site;
use crate::http::answer::document;
use crate::http::errors::HttpError;
use crate::http::{errors, get, guard, routes};

/// The maps of a server.
struct Maps(Vec<(String, web::Data<crate::http::slot::Slot>)>);

/// Everything that a server answers.
pub fn app(
    site: &Site,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody + use<>>,
        Error = actix_web::Error,
        InitError = (),
    > + use<>,
> {
    let mut maps = site.maps.clone();
    // The longest path first: a scope swallows what lies below it.
    maps.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
    let is_alone = maps.len() == 1 && maps[0].0.is_empty();
    let has_root = maps.iter().any(|(path, _)| path.is_empty());
    let mut app = App::new()
        .app_data(web::Data::new(site.hosts.clone()))
        .app_data(web::Data::new(Maps(site.maps.clone())))
        .wrap(from_fn(guard::refuse_hosts))
        .wrap(from_fn(guard::refuse_bodies))
        .wrap(from_fn(guard::watch))
        .default_service(web::to(errors::not_found));
    if !is_alone {
        app = app.service(get("/health", health)).service(get("/ready", ready)).service(get("/maps.json", list));
    }
    if !has_root {
        app = app.service(get("/", page));
    }
    maps.into_iter().fold(app, |app, (path, slot)| app.service(routes(&path, slot)))
}

/// `GET /health`: 200 as long as the process answers.
async fn health() -> HttpResponse {
    let body = json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") });
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body)
}

/// `GET /ready`: 200 when every map can be served, else 503; says which cannot.
async fn ready(req: HttpRequest, maps: web::Data<Maps>) -> Result<HttpResponse, HttpError> {
    let Some((_, first)) = maps.0.first() else { return errors::not_found(req).await };
    let (resources, maps) = (first.resources.clone(), maps.0.clone());
    let address = guard::peer(&req);
    let check = move || maps.iter().map(|(path, slot)| (path.clone(), slot.readiness())).collect::<Vec<_>>();
    let checked = resources.probes.run(address, check).await?;
    let is_ready = checked.iter().all(|(_, (ready, _))| *ready);
    let with_path = |(path, (_, mut state)): (String, (bool, Value))| {
        state["path"] = path.into();
        state
    };
    let maps: Vec<Value> = checked.into_iter().map(with_path).collect();
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(HttpResponse::build(status)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(json!({ "ready": is_ready, "maps": maps })))
}

/// `GET /maps.json`: the maps of this server.
async fn list(req: HttpRequest, maps: web::Data<Maps>) -> HttpResponse {
    document(&req, "application/json", listed(&maps).to_string().as_bytes())
}

/// `GET /`: the maps of this server, as a page for browsers and as JSON for everybody else.
async fn page(req: HttpRequest, maps: web::Data<Maps>) -> HttpResponse {
    let accepts = req.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut response = if accepts.contains("text/html") {
        document(&req, "text/html; charset=utf-8", html(&maps).as_bytes())
    } else {
        document(&req, "application/json", listed(&maps).to_string().as_bytes())
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, header::HeaderValue::from_static("Accept"));
    let policy = "default-src 'none'; style-src 'self'; frame-ancestors 'self'";
    headers.insert(header::CONTENT_SECURITY_POLICY, header::HeaderValue::from_static(policy));
    headers.insert(header::REFERRER_POLICY, header::HeaderValue::from_static("same-origin"));
    response
}

/// Addresses are relative, so that no proxy has to be known.
fn listed(maps: &Maps) -> Value {
    let map = |(path, slot): &(String, web::Data<crate::http::slot::Slot>)| {
        let path = path.trim_start_matches('/');
        let slash = if path.is_empty() { "" } else { "/" };
        let state = match (slot.is_opening(), slot.is_failed()) {
            (true, _) => "opening",
            (_, true) => "failed",
            _ => "served",
        };
        json!({
            "name": slot.name(), "state": state, "page": format!("{path}{slash}"),
            "tiles": format!("{path}{slash}tiles.json"), "style": format!("{path}{slash}style.json"),
        })
    };
    json!({ "maps": maps.0.iter().map(map).collect::<Vec<_>>() })
}

fn html(maps: &Maps) -> String {
    let item = |(path, slot): &(String, web::Data<crate::http::slot::Slot>)| {
        let note = match (slot.is_opening(), slot.is_failed()) {
            (true, _) => " (opening)",
            (_, true) => " (cannot be served)",
            _ => "",
        };
        format!("<li><a href=\"{}/\">{}</a>{note}</li>", escaped(path.trim_start_matches('/')), escaped(slot.name()))
    };
    let items: String = maps.0.iter().map(item).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Maps</title></head>\
         <body><h1>Maps</h1><ul>{items}</ul></body></html>\n"
    )
}

/// Text for HTML, in elements and in attributes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_text() {
        assert_eq!(escaped("<script>\"&'"), "&lt;script&gt;&quot;&amp;'");
    }
}
