//! What each band of a scene is, and what says so.

use std::fmt;
use std::path::Path;

use gdal::errors::GdalError;
use gdal::raster::{ColorInterpretation, RasterBand};
use gdal::{Dataset, Metadata};

use super::{Bands, RasterError, names};

/// What a band of a scene is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Red light.
    Red,
    /// Green light.
    Green,
    /// Blue light.
    Blue,
    /// Near infrared.
    NearInfrared,
    /// The edge between red and near infrared.
    RedEdge,
    /// The only band of a picture without colours.
    Grey,
    /// Numbers of colours in a table.
    Palette,
    /// Opacity.
    Alpha,
    /// Anything else: not read.
    Other,
}

/// What says the role of a band.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleOrigin {
    /// The user, by `--bands`.
    Option,
    /// The colour interpretation of the file.
    Interpretation,
    /// The description of the band.
    Description,
    /// The central wavelength in the metadata of the band.
    Wavelength,
    /// Nothing but its place among the bands: a guess.
    Order,
}

/// The role of one band.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BandRole {
    /// What it is.
    pub role: Role,
    /// What says so.
    pub origin: RoleOrigin,
    /// Its description; empty where it has none.
    pub description: String,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Red => "red",
            Self::Green => "green",
            Self::Blue => "blue",
            Self::NearInfrared => "near infrared",
            Self::RedEdge => "red edge",
            Self::Grey => "grey",
            Self::Palette => "palette",
            Self::Alpha => "alpha",
            Self::Other => "not read",
        })
    }
}

impl fmt::Display for BandRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (role, description) = (self.role, &self.description);
        match self.origin {
            RoleOrigin::Option => write!(f, "{role} (--bands)"),
            RoleOrigin::Interpretation => write!(f, "{role} (colour interpretation)"),
            RoleOrigin::Description => write!(f, "{role} (description {description:?})"),
            RoleOrigin::Wavelength => write!(f, "{role} (wavelength)"),
            RoleOrigin::Order if self.role == Role::Other => write!(f, "{role}"),
            RoleOrigin::Order => write!(f, "{role} (by order)"),
        }
    }
}

/// What a file says of its bands.
pub(super) struct Facts {
    pub(super) kinds: Vec<ColorInterpretation>,
    descriptions: Vec<String>,
    described: Vec<Option<Role>>,
    measured: Vec<Option<Role>>,
}

const RGB: [Role; 3] = [Role::Red, Role::Green, Role::Blue];

impl Facts {
    pub(super) fn of(dataset: &Dataset) -> Result<Self, GdalError> {
        let bands = dataset.rasterbands().collect::<Result<Vec<_>, _>>()?;
        let descriptions: Vec<String> = bands.iter().map(|band| band.description().unwrap_or_default()).collect();
        let wavelengths: Vec<Option<f64>> = bands.iter().map(wavelength_nm).collect();
        Ok(Self {
            kinds: bands.iter().map(RasterBand::color_interpretation).collect(),
            described: names::of_descriptions(&descriptions),
            measured: names::of_wavelengths(&wavelengths),
            descriptions,
        })
    }

    /// Whether a band, counted from 0, says that it is alpha.
    pub(super) fn may_be_alpha(&self, at: usize) -> bool {
        self.kinds[at] == ColorInterpretation::AlphaBand || self.described[at] == Some(Role::Alpha)
    }

    /// The roles, where `is_alpha` answers whether a band that says it is alpha holds opacities.
    pub(super) fn roles(
        &self,
        path: &Path,
        asked: Option<&Bands>,
        is_alpha: &dyn Fn(usize) -> bool,
    ) -> Result<Vec<BandRole>, RasterError> {
        let mut roles = self.by_file();
        if let Some(asked) = asked {
            if let Some(beyond) = asked.numbers().iter().find(|number| **number > self.kinds.len()) {
                let what = format!("has {} bands, not band {beyond} of --bands {asked}", self.kinds.len());
                return Err(RasterError::Unsupported { path: path.to_owned(), what });
            }
            take(asked, &mut roles);
        }
        for (at, role) in roles.iter_mut().enumerate() {
            if role.0 == Role::Alpha && !is_alpha(at) {
                *role = (Role::Other, RoleOrigin::Order);
            }
        }
        if asked.is_none() {
            self.by_order(&mut roles);
        }
        let band = |((role, origin), description): ((Role, RoleOrigin), &String)| BandRole {
            role,
            origin,
            description: description.clone(),
        };
        Ok(roles.into_iter().zip(&self.descriptions).map(band).collect())
    }

    /// By interpretation, where it is more than what writers put for want of knowledge; then by description and wavelength.
    fn by_file(&self) -> Vec<(Role, RoleOrigin)> {
        let has = |roles: &[Option<Role>], role: Role| roles.contains(&Some(role));
        let interpreted: Vec<Option<Role>> = self.kinds.iter().map(interpreted).collect();
        let plain = interpreted.iter().take(3).eq(RGB.map(Some).iter()); // what GDAL writes unasked
        let set = RGB.iter().all(|role| has(&interpreted, *role)) && !plain;
        let words: [(&[Option<Role>], RoleOrigin); 2] =
            [(&self.described, RoleOrigin::Description), (&self.measured, RoleOrigin::Wavelength)];
        let says_colour = |roles: &[Option<Role>]| RGB.iter().any(|role| has(roles, *role));
        let spoken = words.into_iter().find(|(roles, _)| says_colour(roles) && self.kinds.len() > 1);
        let role = |at: usize| {
            let said = interpreted[at].map(|role| (role, RoleOrigin::Interpretation));
            let named = words.iter().find_map(|(roles, origin)| roles[at].map(|role| (role, *origin)));
            let colour = |(role, _): &(Role, RoleOrigin)| RGB.contains(role);
            match (said, spoken) {
                (Some(_), _) if set => said,
                // Descriptions name colours: they alone say which.
                (_, Some((roles, origin))) => {
                    let agrees = roles[at].is_some() && roles[at] == interpreted[at];
                    let other = said.filter(|s| !colour(s) && roles[at].is_none());
                    if agrees { said } else { roles[at].map(|role| (role, origin)).or(other) }
                }
                (Some((Role::Alpha, _)), None) => named.or(said),
                (Some(_), None) => said,
                (None, None) => named,
            }
        };
        (0..self.kinds.len()).map(|at| role(at).unwrap_or((Role::Other, RoleOrigin::Order))).collect()
    }

    /// What nothing is said of: red, green, blue and near infrared in this order; or grey.
    fn by_order(&self, roles: &mut [(Role, RoleOrigin)]) {
        let unknown = |roles: &[(Role, RoleOrigin)]| -> Vec<usize> {
            let is_unknown = |at: &usize| roles[*at] == (Role::Other, RoleOrigin::Order);
            (0..roles.len()).filter(is_unknown).collect()
        };
        let colours = [Role::Red, Role::Green, Role::Blue, Role::Grey];
        let free = unknown(roles);
        if !roles.iter().any(|(role, _)| colours.contains(role)) {
            match free.len() {
                0 | 2 => {}
                1 if self.kinds[free[0]] == ColorInterpretation::GrayIndex => {
                    roles[free[0]] = (Role::Grey, RoleOrigin::Interpretation);
                }
                1 => roles[free[0]].0 = Role::Grey,
                _ => free.iter().zip(RGB).for_each(|(at, role)| roles[*at].0 = role),
            }
        }
        let has = |role: Role| roles.iter().any(|(r, _)| *r == role);
        if RGB.into_iter().all(has)
            && !has(Role::NearInfrared)
            && !has(Role::RedEdge)
            && let Some(at) = unknown(roles).first()
        {
            roles[*at].0 = Role::NearInfrared;
        }
    }
}

/// The bands that the user names; what else is a colour is not read.
fn take(asked: &Bands, roles: &mut [(Role, RoleOrigin)]) {
    for role in roles.iter_mut().filter(|role| role.0 != Role::Alpha) {
        *role = (Role::Other, RoleOrigin::Order);
    }
    let names: &[Role] = match asked.numbers() {
        [_] => &[Role::Grey],
        _ => &[Role::Red, Role::Green, Role::Blue, Role::NearInfrared],
    };
    for (number, role) in asked.numbers().iter().zip(names) {
        roles[number - 1] = (*role, RoleOrigin::Option);
    }
}

fn interpreted(kind: &ColorInterpretation) -> Option<Role> {
    Some(match kind {
        ColorInterpretation::RedBand => Role::Red,
        ColorInterpretation::GreenBand => Role::Green,
        ColorInterpretation::BlueBand => Role::Blue,
        ColorInterpretation::AlphaBand => Role::Alpha,
        _ => return None,
    })
}

/// The central wavelength that the metadata of a band names: of GDAL's own domain, or as ENVI writes it.
fn wavelength_nm(band: &RasterBand) -> Option<f64> {
    let number = |key: &str, domain: &str| band.metadata_item(key, domain)?.trim().parse::<f64>().ok();
    let um = number("CENTRAL_WAVELENGTH_UM", "IMAGERY").or_else(|| number("CENTRAL_WAVELENGTH_UM", ""));
    let nm = um.map(|um| um * 1000.0).or_else(|| {
        let value = ["wavelength", "WAVELENGTH", "central_wavelength", "CentralWavelength"];
        value.iter().find_map(|key| number(key, ""))
    })?;
    // Without a unit: no light has a wavelength below 100 nm, none that a camera sees is above 100 µm.
    Some(if nm < 100.0 { nm * 1000.0 } else { nm })
}
