//! Pages of other origins may read the map (Fetch Standard, "CORS protocol"), where the options say so.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{HttpResponse, web};

use super::state::State;

/// What scripts of other origins may read of an answer.
const EXPOSED: &str = "ETag, X-Tile-State, X-Queue";

/// Answers `OPTIONS` and marks every answer as readable from anywhere.
pub async fn cross_origin(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let open = req.app_data::<web::Data<State>>().is_some_and(|state| state.options.cors);
    let mut response = if req.method() == Method::OPTIONS {
        let allowed = HttpResponse::NoContent().insert_header((header::ALLOW, "GET, HEAD, OPTIONS")).finish();
        req.into_response(allowed)
    } else {
        next.call(req).await?.map_into_boxed_body()
    };
    if open {
        let preflight = response.request().method() == Method::OPTIONS;
        let headers = response.headers_mut();
        let mut say = |name: HeaderName, value: &'static str| {
            headers.insert(name, HeaderValue::from_static(value));
        };
        say(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
        say(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        if preflight {
            say(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, OPTIONS");
            say(header::ACCESS_CONTROL_ALLOW_HEADERS, "*");
            say(header::ACCESS_CONTROL_MAX_AGE, "86400");
        }
    }
    Ok(response)
}
