//! What a pixel can be: the classes of a map, their colours and default heights, from one file.

use std::path::Path;

use serde::Deserialize;
use thiserror::Error;

/// The scheme that ships, `styles/city.toml`.
const CITY: &str = include_str!("../styles/city.toml");

/// The value of a label pixel: 0 is "no label"; a scheme names 1 to 255, a foreign class raster may hold more, and negative
/// values as their complement of 32 bits ([`Scheme::number`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(pub u32);

impl ClassId {
    /// "No label": outside the imagery, or not segmented yet.
    pub const NONE: Self = Self(0);
}

/// How the outlines of a class are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Right angles, heights, extrusion.
    Building,
    /// Roads: connected, with centre lines.
    Network,
    /// Vegetation, water, land: outlines may be smoothed.
    Natural,
    /// Small things, left as they are.
    Object,
}

/// Red, green, blue, written `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Colour(pub [u8; 3]);

impl Colour {
    /// `#rrggbb`.
    #[must_use]
    pub fn hex(&self) -> String {
        let [r, g, b] = self.0;
        format!("#{r:02x}{g:02x}{b:02x}")
    }
}

impl TryFrom<String> for Colour {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let digits = text.strip_prefix('#').filter(|d| d.len() == 6);
        let value = digits.and_then(|d| u32::from_str_radix(d, 16).ok());
        let value = value.ok_or_else(|| format!("colour {text:?} is not #rrggbb"))?;
        Ok(Self([(value >> 16) as u8, (value >> 8) as u8, value as u8]))
    }
}

/// A size class of buildings.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// The value of the attribute `size`.
    pub name: String,
    /// The footprint area that it stays below, in m²; the last has none.
    pub below_m2: Option<f64>,
    /// The height above ground when nothing measures it.
    pub height_m: f64,
}

/// A class of the scheme.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// The label value, 1 to 255.
    pub code: u8,
    /// The value of the attribute `class`.
    pub name: String,
    /// For people.
    pub title: String,
    /// On the flat map.
    pub colour: Colour,
    /// How outlines are treated.
    pub kind: Kind,
    /// Size classes in rising order of area; buildings only.
    #[serde(default)]
    pub sizes: Vec<Size>,
}

impl Class {
    /// The label value.
    #[must_use]
    pub fn id(&self) -> ClassId {
        ClassId(u32::from(self.code))
    }

    /// The size class of a footprint, if the class has any.
    #[must_use]
    pub fn size(&self, area_m2: f64) -> Option<&Size> {
        self.sizes.get(self.size_number(area_m2)?)
    }

    /// The place of the size class of a footprint among the size classes, if the class has any.
    #[must_use]
    pub fn size_number(&self, area_m2: f64) -> Option<usize> {
        self.sizes.iter().position(|s| s.below_m2.is_none_or(|limit| area_m2 < limit))
    }
}

/// The classes of a map.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheme {
    /// The name of the scheme.
    pub name: String,
    /// In drawing order of the legend.
    pub classes: Vec<Class>,
    /// Whether values without a class may be negative: of a foreign class raster.
    #[serde(skip)]
    pub signed: bool,
}

/// Why a scheme file is not one.
#[derive(Debug, Error)]
pub enum SchemeError {
    /// It cannot be read.
    #[error("scheme {path}: {cause}")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// It does not say what a scheme says.
    #[error("scheme {path}: {reason} (see styles/city.toml for the keys)")]
    Invalid {
        /// The file.
        path: String,
        /// Key and reason.
        reason: String,
    },
}

impl Scheme {
    /// The city scheme that ships.
    #[must_use]
    pub fn city() -> Self {
        Self::parse(CITY, "styles/city.toml").expect("the scheme that ships is tested")
    }

    /// Reads a scheme file.
    ///
    /// # Errors
    /// When the file cannot be read, a key is unknown or missing, or a code or name stands twice or is 0.
    pub fn open(path: &Path) -> Result<Self, SchemeError> {
        let name = path.display().to_string();
        let text = crate::input::read_text(path, crate::input::TEXT_BYTES)
            .map_err(|cause| SchemeError::Read { path: name.clone(), cause })?;
        Self::parse(&text, &name)
    }

    /// The class of a label value.
    #[must_use]
    pub fn class(&self, id: ClassId) -> Option<&Class> {
        self.classes.iter().find(|c| c.id() == id)
    }

    /// A value without a class, for people.
    #[must_use]
    pub fn number(&self, id: ClassId) -> String {
        if self.signed { id.0.cast_signed().to_string() } else { id.0.to_string() }
    }

    /// The class of a name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Class> {
        self.classes.iter().find(|c| c.name == name)
    }

    fn parse(text: &str, path: &str) -> Result<Self, SchemeError> {
        let invalid = |reason: String| SchemeError::Invalid { path: path.to_owned(), reason };
        let scheme: Self = toml::from_str(text).map_err(|e| invalid(e.to_string()))?;
        for (i, class) in scheme.classes.iter().enumerate() {
            let earlier = &scheme.classes[..i];
            if class.code == 0 || earlier.iter().any(|c| c.code == class.code || c.name == class.name) {
                return Err(invalid(format!(
                    "class {:?}, code {}: codes are 1 to 255, names and codes stand once",
                    class.name, class.code
                )));
            }
        }
        Ok(scheme)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_city_scheme_has_the_classes_of_the_design() {
        let city = Scheme::city();
        for name in ["building", "road", "vegetation", "water", "bare_land", "vehicle", "other"] {
            assert!(city.named(name).is_some(), "{name}");
        }
        let building = city.named("building").expect("named above");
        let size = |area_m2| building.size(area_m2).map(|s| s.name.as_str());
        assert_eq!((size(10.0), size(1e6)), (Some("a"), Some("e")));
    }

    #[test]
    fn a_code_that_stands_twice_is_refused() {
        let class = "[[classes]]\ncode = 1\nname = \"x\"\ntitle = \"X\"\ncolour = \"#000000\"\nkind = \"object\"\n";
        let error = Scheme::parse(&format!("name = \"s\"\n{class}{class}"), "s.toml").expect_err("twice");
        assert!(error.to_string().contains("stand once"), "{error}");
    }
}
