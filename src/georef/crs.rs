//! Coordinate reference systems and the transformations between them.

use thiserror::Error;

use super::operation::{Described, Kind, Operation, describe};
use super::{GeoTransform, MapBounds, MapPoint, VerticalUnit, WorldPoint};

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
    /// A system that says nothing about the place on the earth.
    #[error("coordinate reference system {name:?} is {kind} (expected: a geographic or projected system; {hint})")]
    Nowhere {
        /// Its name.
        name: String,
        /// What it describes instead.
        kind: &'static str,
        /// How to assign another one.
        hint: String,
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
    /// When it is local, vertical or geocentric, or PROJ has no way from it to longitude and latitude.
    pub fn new(definition: &str) -> Result<Self, CrsError> {
        let horizontal = horizontal_part(definition);
        let described = describe(horizontal).map_err(|reason| unknown(horizontal, reason))?;
        check_kind(&described)?;
        let crs = Self { definition: described.horizontal.unwrap_or_else(|| horizontal.to_owned()) };
        Projector::new(&crs, &Self::lon_lat())?;
        Ok(crs)
    }

    /// The unit of the heights that a definition describes: of its vertical part or third axis; `None` where it has none.
    #[must_use]
    pub fn vertical_unit(definition: &str) -> Option<VerticalUnit> {
        describe(definition).ok()?.vertical
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
pub struct Projector(Option<Operation>);

impl Projector {
    /// The transformation `from` → `to`, x east and y north on both sides; equal systems cost nothing.
    ///
    /// # Errors
    /// When PROJ knows no operation between the two.
    pub fn new(from: &Crs, to: &Crs) -> Result<Self, CrsError> {
        if from == to {
            return Ok(Self(None)); // both were checked when they were made
        }
        let found = Operation::between(&from.definition, &to.definition);
        found.map(|operation| Self(Some(operation))).map_err(|reason| unknown(from.name(), reason))
    }

    /// The image of a position.
    ///
    /// # Errors
    /// When the position lies outside the domain of the operation.
    pub fn project(&self, p: MapPoint) -> Result<MapPoint, CrsError> {
        let Some(operation) = &self.0 else { return Ok(p) };
        let outside = |reason: String| CrsError::Outside { x: p.x.to_string(), y: p.y.to_string(), reason };
        let (x, y) = operation.apply(p.x, p.y).map_err(outside)?;
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

fn unknown(definition: &str, reason: String) -> CrsError {
    CrsError::Unknown { definition: definition.chars().take(200).collect(), reason }
}

/// Refuses systems that relate to no place on the earth.
fn check_kind(described: &Described) -> Result<(), CrsError> {
    let kind = match described.kind {
        Kind::Horizontal => return Ok(()),
        Kind::Engineering => "a local (engineering) system without a place on the earth",
        Kind::Vertical => "a vertical system: heights without a place on the earth",
        Kind::Geocentric => "a geocentric system: X, Y and Z from the centre of the earth",
        Kind::Temporal => "a temporal system",
    };
    let code = described.namesake.as_deref().unwrap_or("EPSG:CODE");
    let hint = match described.kind {
        Kind::Geocentric => "reproject the file with `gdalwarp -t_srs EPSG:CODE`".to_owned(),
        _ => format!("assign the right one with `gdal_edit.py -a_srs {code} FILE`"),
    };
    Err(CrsError::Nowhere { name: described.name.chars().take(200).collect(), kind, hint })
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
    use rstest::rstest;

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
    fn a_compound_system_by_code_is_read_by_its_horizontal_part() {
        let amersfoort = Crs::new("EPSG:7415").expect("in the database");
        assert!(amersfoort.name().contains("RD New") && !amersfoort.definition().contains("NAP"), "{amersfoort:?}");
        let rd = Crs::new("EPSG:28992").expect("in the database");
        let p = MapPoint { x: 155_000.0, y: 463_000.0 };
        let image = |crs: &Crs| Projector::new(crs, &Crs::lon_lat()).expect("known").project(p).expect("inside");
        close(image(&amersfoort), image(&rd).x, image(&rd).y, 1e-9);
    }

    #[rstest]
    #[case::local(r#"LOCAL_CS["RGF93 / Lambert-93",UNIT["metre",1]]"#, "RGF93 / Lambert-93", "-a_srs EPSG:2154")]
    #[case::unnamed(r#"LOCAL_CS["unnamed",UNIT["metre",1]]"#, "unnamed", "local (engineering)")]
    #[case::engineering(
        r#"ENGCRS["site",EDATUM["corner of the yard"],CS[Cartesian,2],AXIS["x",east],AXIS["y",north],LENGTHUNIT["metre",1]]"#,
        "site",
        "local (engineering)"
    )]
    #[case::vertical("EPSG:5773", "EGM96", "vertical system")]
    #[case::geocentric("EPSG:4978", "WGS 84", "geocentric")]
    #[case::compound_of_local(
        r#"COMPD_CS["c",LOCAL_CS["here",UNIT["metre",1]],VERT_CS["EGM96 height",VERT_DATUM["EGM96 geoid",2005],UNIT["metre",1]]]"#,
        "here",
        "local (engineering)"
    )]
    fn a_system_without_a_place_is_an_error_that_names_it(
        #[case] definition: &str,
        #[case] name: &str,
        #[case] words: &str,
    ) {
        let error = Crs::new(definition).expect_err("no place on the earth").to_string();
        assert!(error.contains(name) && error.contains(words), "{error}");
    }

    #[rstest]
    #[case::empty("")]
    #[case::words("somewhere over the rainbow")]
    #[case::cut_off(r#"PROJCS["cut"#)]
    #[case::nul("EPSG:4326\0")]
    #[case::ellipsoid("EPSG:7030")]
    #[case::mars(r#"GEOGCS["Mars",DATUM["Mars",SPHEROID["Mars",3396190,169.894447223612]],PRIMEM["Airy",0],UNIT["degree",0.0174532925199433]]"#)]
    fn what_describes_no_place_is_an_error_and_no_panic(#[case] definition: &str) {
        let error = Crs::new(definition).expect_err("no place on the earth").to_string();
        assert!(!error.contains('\0') && error.contains("expected") || error.contains("accepted"), "{error}");
    }

    #[rstest]
    #[case::deprecated("EPSG:2400")]
    #[case::three_dimensional("EPSG:4979")]
    #[case::ensemble("EPSG:4258")]
    #[case::bound_by_shift(
        "+proj=tmerc +lat_0=0 +lon_0=9 +k=1 +x_0=3500000 +ellps=bessel +towgs84=598,74,418,0.2,0,-2.5,6.7 +units=m"
    )]
    #[case::datum_less(
        r#"PROJCS["x",GEOGCS["x",DATUM["unknown",SPHEROID["GRS 1980",6378137,298.257222101]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",0],PARAMETER["central_meridian",9],PARAMETER["scale_factor",0.9996],PARAMETER["false_easting",500000],PARAMETER["false_northing",0],UNIT["metre",1]]"#
    )]
    #[case::rotated_pole(
        "+proj=ob_tran +o_proj=longlat +o_lon_p=-162 +o_lat_p=39.25 +lon_0=180 +R=6371229 +to_meter=0.0174532925199433"
    )]
    #[case::three_dimensional_projected(
        r#"PROJCRS["utm 3D",BASEGEOGCRS["WGS 84",DATUM["World Geodetic System 1984",ELLIPSOID["WGS 84",6378137,298.257223563]]],CONVERSION["UTM zone 32N",METHOD["Transverse Mercator",ID["EPSG",9807]],PARAMETER["Latitude of natural origin",0],PARAMETER["Longitude of natural origin",9],PARAMETER["Scale factor at natural origin",0.9996],PARAMETER["False easting",500000],PARAMETER["False northing",0]],CS[Cartesian,3],AXIS["E",east],AXIS["N",north],AXIS["h",up],LENGTHUNIT["metre",1]]"#
    )]
    fn unusual_systems_with_a_place_are_read(#[case] definition: &str) {
        let crs = Crs::new(definition).expect("usable");
        Projector::new(&Crs::lon_lat(), &crs).expect("known").project(MapPoint { x: 9.5, y: 48.0 }).expect("inside");
    }

    #[test]
    fn heights_have_the_unit_of_the_vertical_part() {
        let feet = Crs::vertical_unit("EPSG:2263+6360").expect("a vertical part");
        assert!((feet.metres - 1200.0 / 3937.0).abs() < 1e-9 && feet.name.contains("foot"), "{feet:?}");
        assert_eq!(Crs::vertical_unit("EPSG:7415").map(|unit| unit.metres), Some(1.0));
        assert_eq!(Crs::vertical_unit("EPSG:5715").map(|unit| unit.metres), Some(-1.0), "depths point down");
        assert_eq!(Crs::vertical_unit("EPSG:4979").map(|unit| unit.metres), Some(1.0));
        assert_eq!(Crs::vertical_unit("EPSG:32632"), None);
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
