//! Coordinate reference systems and the transformations between them. All PROJ is here.

use proj::Proj;
use thiserror::Error;

use super::{GeoTransform, MapBounds, MapPoint, WorldPoint};

/// A coordinate reference system, horizontal, in any text form that PROJ reads (WKT 1 or 2, `EPSG:…`, PROJJSON).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crs {
    definition: String,
}

/// Why a reference system or a transformation cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CrsError {
    /// PROJ does not know the definition, or has no operation to longitude and latitude.
    #[error(
        "coordinate reference system {definition:?} is not usable: {reason} (accepted: EPSG:code, WKT or PROJJSON with a way to WGS 84)"
    )]
    Unknown {
        /// The definition, shortened.
        definition: String,
        /// What PROJ said.
        reason: String,
    },
    /// A grid in degrees lies where there are no degrees.
    #[error(
        "coordinate reference system {name:?} is in degrees, but the raster spans {x} from west to east and {y} from south to north (expected longitudes within ±540 and latitudes within ±90; if these are metres, declare their system: gdal_edit.py -a_srs EPSG:…)"
    )]
    NotDegrees {
        /// The name of the system.
        name: String,
        /// First and last x.
        x: String,
        /// First and last y.
        y: String,
    },
    /// A position has no image in the other system.
    #[error("position ({x}, {y}) has no image: {reason}")]
    Outside {
        /// Easting or longitude of the position.
        x: String,
        /// Northing or latitude of the position.
        y: String,
        /// What PROJ said.
        reason: String,
    },
}

impl Crs {
    /// Longitude and latitude on WGS 84 in degrees (CRS84 axis order).
    #[must_use]
    pub fn lon_lat() -> Self {
        Self { definition: "OGC:CRS84".to_owned() }
    }

    /// Web Mercator, EPSG:3857, in its own metres (not ground metres).
    #[must_use]
    pub fn web_mercator() -> Self {
        Self { definition: "EPSG:3857".to_owned() }
    }

    /// Takes a definition; the vertical part of a compound system is left away.
    ///
    /// # Errors
    /// When PROJ has no way from it to longitude and latitude.
    pub fn new(definition: &str) -> Result<Self, CrsError> {
        let crs = Self { definition: horizontal_part(definition).to_owned() };
        Projector::new(&crs, &Self::lon_lat())?;
        Ok(crs)
    }

    /// The text form, horizontal part only.
    #[must_use]
    pub fn definition(&self) -> &str {
        &self.definition
    }

    /// Whether its units are degrees of longitude and latitude.
    #[must_use]
    pub fn is_in_degrees(&self) -> bool {
        if self.definition.starts_with("PROJC") {
            return false; // projected, by either version of WKT: nothing to ask PROJ for
        }
        let Ok(projector) = Projector::new(self, &Self::lon_lat()) else { return false };
        let at = |x: f64, y: f64| projector.project(MapPoint { x, y }).ok();
        let Some((here, there)) = at(1.0, 1.0).zip(at(2.0, 3.0)) else { return false };
        (there.x - here.x - 1.0).abs() < 0.01 && (there.y - here.y - 2.0).abs() < 0.01
    }

    /// Refuses a place where a system in degrees has none; up to a degree beyond a pole is left to those who write it.
    ///
    /// # Errors
    /// When the system is in degrees and the bounds are not.
    pub fn check_bounds(&self, bounds: &MapBounds) -> Result<(), CrsError> {
        let MapBounds { min, max } = bounds;
        let is_near = min.x >= -540.0 && max.x <= 540.0 && min.y >= -91.0 && max.y <= 91.0;
        if is_near || !self.is_in_degrees() {
            return Ok(());
        }
        let range = |low: f64, high: f64| format!("{low} to {high}");
        let (name, x, y) = (self.name().to_owned(), range(min.x, max.x), range(min.y, max.y));
        Err(CrsError::NotDegrees { name, x, y })
    }

    /// The name that the definition carries, or the definition where it carries none.
    #[must_use]
    pub fn name(&self) -> &str {
        self.definition.split('"').nth(1).unwrap_or(&self.definition)
    }
}

/// A transformation between two reference systems. PROJ objects belong to one thread: make one on each.
pub struct Projector(Option<Proj>);

impl Projector {
    /// The transformation `from` → `to`, x east and y north on both sides; equal systems cost nothing.
    ///
    /// # Errors
    /// When PROJ knows no operation between the two.
    pub fn new(from: &Crs, to: &Crs) -> Result<Self, CrsError> {
        if from == to {
            return Ok(Self(None)); // both were checked when they were made
        }
        Proj::new_known_crs(&from.definition, &to.definition, None).map(|proj| Self(Some(proj))).map_err(|e| {
            CrsError::Unknown { definition: from.name().chars().take(200).collect(), reason: e.to_string() }
        })
    }

    /// The image of a position.
    ///
    /// # Errors
    /// When the position lies outside the domain of the operation.
    pub fn project(&self, p: MapPoint) -> Result<MapPoint, CrsError> {
        let Some(proj) = &self.0 else { return Ok(p) };
        let outside = |reason: String| CrsError::Outside { x: p.x.to_string(), y: p.y.to_string(), reason };
        let (x, y) = proj.convert((p.x, p.y)).map_err(|e| outside(e.to_string()))?;
        if x.is_finite() && y.is_finite() { Ok(MapPoint { x, y }) } else { Err(outside("not finite".to_owned())) }
    }

    /// The map from the pixel corners of a grid to the world square, for tiles.
    ///
    /// # Errors
    /// When the position has no image in Web Mercator. Only for a projector to [`Crs::web_mercator`].
    pub fn to_world(&self, transform: &GeoTransform, p: super::PixelPoint) -> Result<WorldPoint, CrsError> {
        self.project(transform.to_map(p)).map(WorldPoint::from_web_mercator)
    }
}

/// The first member of a compound WKT, else the whole text.
fn horizontal_part(definition: &str) -> &str {
    let text = definition.trim();
    let compound = ["COMPD_CS[", "COMPOUNDCRS["]
        .iter()
        .any(|k| text.len() > k.len() && text.is_char_boundary(k.len()) && text[..k.len()].eq_ignore_ascii_case(k));
    if !compound {
        return text;
    }
    // COMPD_CS["name", PROJCS[ ... ], VERT_CS[ ... ]]: the member between the first comma outside quotes and its bracket.
    let (mut depth, mut quoted, mut start) = (0_i32, false, None);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'[' if !quoted => depth += 1,
            b']' if !quoted => {
                depth -= 1;
                if let (Some(from), 1) = (start, depth) {
                    return text[from..=at].trim();
                }
            }
            b',' if !quoted && depth == 1 && start.is_none() => start = Some(at + 1),
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: MapPoint, x: f64, y: f64, tolerance: f64) {
        assert!((a.x - x).abs() < tolerance && (a.y - y).abs() < tolerance, "{a:?} is not ({x}, {y})");
    }

    #[test]
    fn a_datum_shift_uses_the_database() {
        // RD New to WGS 84: the tower of Amersfoort, origin of the Dutch grid (published: 52°09'22.178" N, 5°23'15.500" E on Bessel).
        let rd = Crs::new("EPSG:28992").expect("in the database");
        let p = Projector::new(&rd, &Crs::lon_lat()).expect("known").project(MapPoint { x: 155_000.0, y: 463_000.0 });
        close(p.expect("inside"), 5.387_206, 52.155_174, 2e-5);
    }

    #[test]
    fn x_is_east_whatever_the_authority_says() {
        // EPSG:2953 lists northing first.
        let nb = Crs::new("EPSG:2953").expect("in the database");
        let p =
            Projector::new(&nb, &Crs::lon_lat()).expect("known").project(MapPoint { x: 2_500_000.0, y: 7_500_000.0 });
        close(p.expect("inside"), -66.5, 46.5, 1e-4);
    }

    #[test]
    fn a_compound_system_is_read_by_its_horizontal_part() {
        let wkt = r#"COMPD_CS["a, [b]",PROJCS["RD, New",GEOGCS["x"]],VERT_CS["NAP"]]"#;
        assert_eq!(horizontal_part(wkt), r#"PROJCS["RD, New",GEOGCS["x"]]"#);
        assert_eq!(horizontal_part("EPSG:7415"), "EPSG:7415");
    }

    #[test]
    fn metres_are_no_degrees() {
        let bounds = |x: f64, y: f64| MapBounds { min: MapPoint { x, y }, max: MapPoint { x: x + 60.0, y: y + 0.4 } };
        let crs = |code: &str| Crs::new(code).expect("known");
        for (code, is) in [("EPSG:4326", true), ("EPSG:4258", true), ("OGC:CRS84", true), ("EPSG:32632", false)] {
            assert_eq!(crs(code).is_in_degrees(), is, "{code}");
            assert_eq!(crs(code).check_bounds(&bounds(500_000.0, 5_200_000.0)).is_err(), is, "{code}");
            assert_eq!(crs(code).check_bounds(&bounds(0.0, 5_200_000.0)).is_err(), is, "{code}");
            assert_eq!(crs(code).check_bounds(&bounds(480.0, 89.7)), Ok(()), "{code}");
        }
        let error = crs("EPSG:4326").check_bounds(&bounds(500_000.0, 5_200_000.0)).expect_err("refused").to_string();
        assert!(error.contains("500000 to 500060") && error.contains("a_srs"), "{error}");
    }

    #[test]
    fn an_unknown_system_is_an_error_that_names_it() {
        let error = Crs::new("EPSG:999999").expect_err("unknown");
        assert!(error.to_string().contains("EPSG:999999"), "{error}");
    }
}
