//! The member `crs` of `GeoJSON` files as they were written before RFC 7946.

use serde_json::Value;

/// The system that a member declares, for PROJ; `None` for longitude and latitude on WGS 84.
///
/// # Errors
/// The reason, with the name, when the member names no system in a form that is known.
pub(super) fn system(member: Option<&Value>) -> Result<Option<String>, String> {
    let Some(member) = member.filter(|member| !member.is_null()) else { return Ok(None) };
    let refused = || format!("\"crs\": {member} is not understood (expected: a name such as EPSG:25832 or CRS84)");
    let properties = member.get("properties");
    let property = |key: &str| properties.and_then(|p| p.get(key));
    let kind = member.get("type").and_then(Value::as_str).unwrap_or_default();
    let name = match kind.to_ascii_lowercase().as_str() {
        "epsg" => property("code").map(|code| format!("EPSG:{}", bare(code))),
        "ogc" => property("urn").map(bare),
        "name" => property("name").map(bare),
        "" => member.as_str().map(str::to_owned),
        _ => None,
    };
    match definition(name.ok_or_else(refused)?.trim()) {
        Some(System::LonLat) => Ok(None),
        Some(System::Other(definition)) => Ok(Some(definition)),
        None => Err(refused()),
    }
}

/// A text or number without quotes.
fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What a name says.
enum System {
    LonLat,
    /// `AUTHORITY:code` or WKT.
    Other(String),
}

/// The system of a name; `None` for one that is not understood.
fn definition(name: &str) -> Option<System> {
    if name.contains('[') {
        return Some(System::Other(name.to_owned())); // WKT
    }
    let upper = name.to_ascii_uppercase();
    let after =
        |marks: [&str; 2]| marks.iter().find_map(|mark| upper.split_once(mark)).map(|(_, rest)| rest.to_owned());
    let (authority, code) = if let Some(rest) = after(["DEF:CRS:", "DEF/CRS/"]) {
        let mut parts = rest.split([':', '/']).filter(|part| !part.is_empty());
        (parts.next()?.to_owned(), parts.next_back()?.to_owned())
    } else if let Some(code) = after(["EPSG.XML#", "SRS/EPSG/"]) {
        ("EPSG".to_owned(), code)
    } else if let Some((authority, code)) = upper.split_once(':') {
        (authority.to_owned(), code.trim_start_matches(':').to_owned())
    } else {
        let plain: String = upper.chars().filter(char::is_ascii_alphanumeric).collect();
        let lon_lat = ["CRS84", "WGS84", "4326", "WGS1984", "GCSWGS1984"].contains(&plain.as_str());
        return lon_lat.then_some(System::LonLat);
    };
    let whole =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
    if !whole(&authority) || !whole(&code) {
        return None;
    }
    match (authority.as_str(), code.as_str()) {
        ("EPSG", "4326") | ("OGC" | "CRS", "CRS84" | "84") => Some(System::LonLat),
        ("EPSG", "900913") => Some(System::Other("EPSG:3857".to_owned())), // Google's number before EPSG gave one
        _ => Some(System::Other(format!("{authority}:{code}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn named(name: &str) -> Result<Option<String>, String> {
        system(Some(&serde_json::json!({ "type": "name", "properties": { "name": name } })))
    }

    #[rstest]
    #[case("urn:ogc:def:crs:OGC:1.3:CRS84")]
    #[case("urn:ogc:def:crs:OGC::CRS84")]
    #[case("http://www.opengis.net/def/crs/OGC/1.3/CRS84")]
    #[case("OGC:CRS84")]
    #[case("CRS:84")]
    #[case("CRS84")]
    #[case("EPSG:4326")]
    #[case("epsg::4326")]
    #[case("urn:ogc:def:crs:EPSG::4326")]
    #[case("urn:ogc:def:crs:EPSG:9.8:4326")]
    #[case("urn:x-ogc:def:crs:EPSG:4326")]
    #[case("https://www.opengis.net/def/crs/EPSG/0/4326")]
    #[case("http://www.opengis.net/gml/srs/epsg.xml#4326")]
    #[case("WGS 84")]
    #[case("4326")]
    fn longitude_and_latitude_are_known_by_every_name(#[case] name: &str) {
        assert_eq!(named(name), Ok(None), "{name}");
    }

    #[rstest]
    #[case("urn:ogc:def:crs:EPSG::4312", "EPSG:4312")]
    #[case("EPSG:25832", "EPSG:25832")]
    #[case("http://www.opengis.net/def/crs/EPSG/0/3857", "EPSG:3857")]
    #[case("EPSG:900913", "EPSG:3857")]
    #[case("ESRI:102100", "ESRI:102100")]
    #[case("http://spatialreference.org/ref/epsg.xml#2056", "EPSG:2056")]
    fn others_are_given_to_proj_by_code(#[case] name: &str, #[case] expected: &str) {
        assert_eq!(named(name), Ok(Some(expected.to_owned())), "{name}");
    }

    #[test]
    fn older_forms_are_read_and_others_refused_by_name() {
        let of = |json: serde_json::Value| system(Some(&json));
        assert_eq!(of(serde_json::json!({ "type": "EPSG", "properties": { "code": 4326 } })), Ok(None));
        assert_eq!(
            of(serde_json::json!({ "type": "EPSG", "properties": { "code": "2056" } })),
            Ok(Some("EPSG:2056".into()))
        );
        assert_eq!(of(serde_json::json!("EPSG:2056")), Ok(Some("EPSG:2056".into())));
        assert_eq!(of(serde_json::Value::Null), Ok(None), "RFC 7946 says longitude and latitude");
        let link = serde_json::json!({ "type": "link", "properties": { "href": "http://example.com/x.wkt" } });
        assert!(of(link).is_err_and(|e| e.contains("example.com")));
        for name in ["somewhere", "+init=/etc/passwd:x", "urn:ogc:def:crs,crs:EPSG::2393,crs:EPSG::5717", "EPSG:"] {
            assert!(named(name).is_err_and(|e| e.contains(name)), "{name}");
        }
        assert!(of(serde_json::json!(7)).is_err());
    }
}
