//! Which bands of a scene are read for colours, and what tells whether a pixel holds imagery.

use std::path::Path;
use std::sync::Arc;

use gdal::errors::GdalError;
use gdal::raster::{ColorInterpretation, RasterBand};
use gdal::{Dataset, Metadata};

use super::alpha::{Opacity, opacity};
use super::roles::{BandRole, Facts, Role, RoleOrigin};
use super::{Bands, RasterError, Validity, category};

/// Where the colours of a scene come from.
#[derive(Debug, Clone)]
pub(super) enum Colours {
    /// Bands by number, as far as there are some.
    Bands([Option<usize>; 3]),
    /// One band for red, green and blue.
    Grey(usize),
    /// Red, green, blue and opacity of each value of a band.
    Palette(usize, Arc<Vec<[u8; 4]>>),
}

impl Colours {
    /// The numbers of the bands that colours are read from.
    pub(super) fn bands(&self) -> Vec<usize> {
        match self {
            Self::Bands(bands) => bands.iter().flatten().copied().collect(),
            Self::Grey(band) | Self::Palette(band, _) => vec![*band],
        }
    }
}

/// How samples are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Samples {
    /// 8 bits.
    Byte,
    /// 8 bits with a sign, which GDAL 3.6 gives as bytes.
    SignedByte,
    /// Any other real number.
    Real,
}

/// What the bands of a scene are.
pub(super) struct Layout {
    pub(super) roles: Vec<BandRole>,
    pub(super) colours: Colours,
    /// The number of the near infrared band.
    pub(super) near_infrared: Option<usize>,
    pub(super) validity: Validity,
    pub(super) samples: Samples,
    pub(super) sample_type: String,
    /// The bits of a byte that are used.
    pub(super) bits: u32,
    /// Whether the codec changes samples a little.
    pub(super) lossy: bool,
    /// What is unusual.
    pub(super) notes: Vec<String>,
}

impl Layout {
    /// GDAL's failures outside, what is not imagery inside.
    pub(super) fn of(
        path: &Path,
        dataset: &Dataset,
        asked: Option<&Bands>,
    ) -> Result<Result<Self, RasterError>, GdalError> {
        let unsupported = |what: String| Ok(Err(RasterError::Unsupported { path: path.to_owned(), what }));
        let bands = dataset.rasterbands().collect::<Result<Vec<_>, _>>()?;
        let facts = Facts::of(dataset)?;
        if let Some(what) = unread(&bands, &facts) {
            return unsupported(what);
        }
        let mut opacities = vec![None; bands.len()];
        for (at, band) in bands.iter().enumerate().filter(|(at, _)| facts.may_be_alpha(*at)) {
            opacities[at] = opacity(band)?;
        }
        let mut roles = match facts.roles(path, asked, &|at| opacities[at].is_some()) {
            Ok(roles) => roles,
            Err(error) => return Ok(Err(error)),
        };
        let colours = match colours(&mut roles, &bands) {
            Ok(colours) => colours,
            Err(what) => return unsupported(what),
        };
        let first = &bands[colours.bands()[0] - 1];
        let sample_type = sample_type(first);
        let samples = match sample_type.as_str() {
            "Byte" => Samples::Byte,
            "Int8" => Samples::SignedByte,
            _ => Samples::Real,
        };
        let bits = first.metadata_item("NBITS", "IMAGE_STRUCTURE").and_then(|bits| bits.parse().ok());
        let bits = bits.filter(|_| samples == Samples::Byte).unwrap_or(8);
        let alpha = number_of(&roles, Role::Alpha).and_then(|number| Some((number, opacities[number - 1]?)));
        let mut notes = Vec::new();
        let validity = validity((&bands, &colours), alpha, &sample_type, &mut notes)?;
        let compression = dataset.metadata_item("COMPRESSION", "IMAGE_STRUCTURE").unwrap_or_default();
        let lossy = ["JPEG", "WEBP", "LERC", "JXL"].iter().any(|codec| compression.contains(codec));
        let near_infrared = number_of(&roles, Role::NearInfrared);
        Ok(Ok(Self { roles, colours, near_infrared, validity, samples, sample_type, bits, lossy, notes }))
    }
}

/// Why bands are not read as imagery, whatever their roles are.
fn unread(bands: &[RasterBand], facts: &Facts) -> Option<String> {
    if let Some(name) = bands.iter().map(sample_type).find(|name| is_complex(name)) {
        return Some(complex(&name));
    }
    let space = |kind: &ColorInterpretation| match kind {
        ColorInterpretation::YCbCrSpaceYBand => Some("YCbCr"),
        // GDAL itself turns CMYK of 8 bits into RGB.
        ColorInterpretation::CyanBand | ColorInterpretation::BlackBand => Some("CMYK of other than 8 bits"),
        ColorInterpretation::HueBand | ColorInterpretation::LightnessBand => Some("hue and lightness"),
        _ => None,
    };
    let name = facts.kinds.iter().find_map(space)?;
    Some(format!("holds colours as {name} (accepted: RGB, grey, a palette, CMYK of 8 bits)"))
}

/// The type of the samples of a band; signed bytes are `Int8`, whatever the version of GDAL.
pub(super) fn sample_type(band: &RasterBand) -> String {
    let name = category::type_name(band);
    let signed = name == "Byte" && band.metadata_item("PIXELTYPE", "IMAGE_STRUCTURE").as_deref() == Some("SIGNEDBYTE");
    if signed { "Int8".to_owned() } else { name }
}

/// Whether GDAL's name of a type is that of complex numbers.
pub(super) fn is_complex(sample_type: &str) -> bool {
    sample_type.starts_with('C')
}

/// Why complex samples are refused.
pub(super) fn complex(sample_type: &str) -> String {
    format!("holds complex samples ({sample_type}; accepted: real numbers, such as the amplitude or intensity)")
}

/// The number of the band of a role.
fn number_of(roles: &[BandRole], role: Role) -> Option<usize> {
    roles.iter().position(|band| band.role == role).map(|at| at + 1)
}

fn colours(roles: &mut [BandRole], bands: &[RasterBand]) -> Result<Colours, String> {
    let number = |role| number_of(roles, role);
    if let Some(grey) = number(Role::Grey) {
        if let Some(table) = palette(&bands[grey - 1]) {
            roles[grey - 1].role = Role::Palette;
            if roles[grey - 1].origin == RoleOrigin::Order {
                roles[grey - 1].origin = RoleOrigin::Interpretation;
            }
            return Ok(Colours::Palette(grey, Arc::new(table)));
        }
        return Ok(Colours::Grey(grey));
    }
    let named = [Role::Red, Role::Green, Role::Blue].map(number);
    if named.iter().any(Option::is_some) {
        return Ok(Colours::Bands(named));
    }
    let colour = roles.iter().filter(|band| band.role != Role::Alpha).count();
    Err(format!(
        "has {} bands, of which {colour} may hold colour, and nothing says which \
         (accepted: 1, 3 or more, with or without alpha; --bands R,G,B names them)",
        bands.len()
    ))
}

/// The strongest of what the file declares: alpha, mask, nodata.
fn validity(
    (bands, colours): (&[RasterBand], &Colours),
    alpha: Option<(usize, Opacity)>,
    sample_type: &str,
    notes: &mut Vec<String>,
) -> Result<Validity, GdalError> {
    if let Some((band, Opacity { threshold, top })) = alpha {
        if (top - 255.0).abs() > 0.0 {
            notes.push(format!("alpha (band {band}) ends at {top}: pixels from {threshold} on are imagery"));
        }
        return Ok(Validity::Alpha { band, threshold });
    }
    let numbers = colours.bands();
    let flags = bands[numbers[0] - 1].mask_flags()?;
    if flags.is_per_dataset() && !flags.is_alpha() {
        return Ok(Validity::Mask);
    }
    let fits = |value: f64| match sample_type {
        "Byte" => (0.0..=255.0).contains(&value),
        "Int8" => (-128.0..=127.0).contains(&value),
        "UInt16" => (0.0..=65_535.0).contains(&value),
        "Int16" => (-32_768.0..=32_767.0).contains(&value),
        _ => true,
    };
    let values: Vec<Option<f64>> = numbers.iter().map(|number| nodata(&bands[number - 1])).collect();
    if let Some(value) = values.iter().flatten().find(|value| !fits(**value)) {
        notes.push(format!("nodata {value} cannot be a sample of type {sample_type}: it is ignored"));
    }
    let values: Vec<Option<f64>> = values.into_iter().map(|value| value.filter(|v| fits(*v))).collect();
    Ok(if values.iter().any(Option::is_some) { Validity::NoData(values) } else { Validity::Undeclared })
}

/// The declared nodata value, of 64 bits, too.
fn nodata(band: &RasterBand) -> Option<f64> {
    match sample_type(band).as_str() {
        "Int64" => band.no_data_value_i64().map(|value| value as f64),
        "UInt64" => band.no_data_value_u64().map(|value| value as f64),
        _ => band.no_data_value(),
    }
}

/// Red, green, blue and opacity of the values of a palette band.
fn palette(band: &RasterBand) -> Option<Vec<[u8; 4]>> {
    let table = band.color_table()?;
    let count = match category::type_name(band).as_str() {
        "Byte" => 256,
        "UInt16" => 65_536,
        _ => return None,
    };
    let byte = |v: i16| v.clamp(0, 255) as u8;
    let entry =
        |at: usize| table.entry_as_rgb(at).map_or([0, 0, 0, 0], |e| [byte(e.r), byte(e.g), byte(e.b), byte(e.a)]);
    Some((0..count).map(entry).collect())
}
