//! GeoJSON over HTTP.

use actix_web::http::StatusCode;
use orthotile::plugin::ServeOptions;
use serde_json::Value;

use crate::asked::get;
use crate::maps::{self, Map};

fn few() -> Map {
    maps::made("town", ServeOptions { max_features: 12, ..ServeOptions::default() })
}

async fn ask(map: &Map, query: &str) -> (StatusCode, Value) {
    let answer = get(map, &format!("/features.geojson{query}"), &[]).await;
    (answer.status, answer.json())
}

#[actix_web::test]
async fn an_answer_says_how_many_there_are() {
    let map = few();
    let (status, all) = ask(&map, "").await;
    assert_eq!(status, StatusCode::OK);
    assert!(all["numberMatched"].as_u64() > Some(50), "{}", all["numberMatched"]);
    assert_eq!(all["numberReturned"], 12);
    let (_, two) = ask(&map, "?limit=2").await;
    assert_eq!(two["features"].as_array().map(Vec::len), Some(2));
}

#[actix_web::test]
async fn filters_narrow_by_class_confidence_and_place() {
    let map = few();
    let (_, lawns) = ask(&map, "?class=grass").await;
    let features = lawns["features"].as_array().expect("a list");
    assert!(!features.is_empty() && features.iter().all(|f| f["properties"]["class"] == "grass"));
    let (_, sure) = ask(&map, "?min_confidence=0.8").await;
    let count = |json: &Value| json["numberMatched"].as_u64().expect("a number");
    assert!(count(&sure) > 0 && count(&sure) < count(&ask(&map, "").await.1));
    let (_, none) = ask(&map, "?bbox=0,0,1,1").await;
    assert_eq!(none["numberMatched"], 0);
}

#[actix_web::test]
async fn a_wrong_parameter_is_named_with_what_is_accepted() {
    let map = few();
    for (query, parameter, accepted) in [
        ("?bbox=1,2", "bbox", "west,south,east,north"),
        ("?bbox=1,2,3,NaN", "bbox", "degrees"),
        ("?limit=0", "limit", "from 1 to 12"),
        ("?limit=13", "limit", "from 1 to 12"),
        ("?class=castle", "class", "building"),
        ("?min_confidence=101", "min_confidence", "0 to 100"),
        ("?min_confidence=x", "min_confidence", "0 to 100"),
        ("?colour=red", "colour", "bbox, limit, class"),
    ] {
        let (status, problem) = ask(&map, query).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
        let detail = problem["detail"].as_str().expect("a problem has a detail");
        assert!(detail.contains(&format!("{parameter:?}")) && detail.contains(accepted), "{query}: {detail}");
    }
}
