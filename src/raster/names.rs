//! What descriptions and wavelengths say of bands.

use super::Role;

/// Centres of the colours of common cameras, in nanometres, with the range that still counts.
const CENTRES: [(Role, f64, [f64; 2]); 5] = [
    (Role::Blue, 475.0, [430.0, 520.0]),
    (Role::Green, 555.0, [520.0, 600.0]),
    (Role::Red, 660.0, [620.0, 695.0]),
    (Role::RedEdge, 717.0, [695.0, 755.0]),
    (Role::NearInfrared, 842.0, [755.0, 1000.0]),
];

const RED: [&str; 7] = ["red", "rot", "rouge", "rojo", "rosso", "赤", "红"];
const GREEN: [&str; 8] = ["green", "grün", "gruen", "grun", "vert", "verde", "緑", "绿"];
const BLUE: [&str; 7] = ["blue", "blau", "bleu", "azul", "blu", "青", "蓝"];
const NEAR_INFRARED: [&str; 10] = [
    "nir",
    "nearinfrared",
    "infrared",
    "infrarot",
    "nahinfrarot",
    "infrarouge",
    "pir",
    "infrarrojo",
    "近赤外",
    "近红外",
];
const RED_EDGE: [&str; 4] = ["rededge", "redge", "rotkante", "re"];
const ALPHA: [&str; 4] = ["alpha", "transparency", "opacity", "deckkraft"];
/// Words of bands that are none of these, whatever else stands with them.
const OTHERS: [&str; 10] =
    ["coastal", "aerosol", "yellow", "pan", "panchromatic", "swir", "short", "thermal", "lwir", "cirrus"];

/// What a band says of itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Named {
    pub(super) role: Role,
    /// The lower, the better among bands of one role.
    pub(super) rank: f64,
}

/// The roles that descriptions name, band by band; of several bands of one role the best has it, the others are `Other`.
pub(super) fn of_descriptions(descriptions: &[String]) -> Vec<Option<Role>> {
    let words: Vec<Vec<String>> = descriptions.iter().map(|text| words(text)).collect();
    let sentinel = words.iter().flatten().any(|word| is_sentinel(word));
    let named: Vec<_> = descriptions.iter().zip(&words).map(|(text, words)| named(text, words, sentinel)).collect();
    best(&named)
}

/// The roles that central wavelengths in nanometres say.
pub(super) fn of_wavelengths(wavelengths_nm: &[Option<f64>]) -> Vec<Option<Role>> {
    best(&wavelengths_nm.iter().map(|nm| of_wavelength((*nm)?)).collect::<Vec<_>>())
}

/// One band for each role.
fn best(named: &[Option<Named>]) -> Vec<Option<Role>> {
    let is_best = |at: usize, this: Named| {
        let others = named.iter().enumerate().filter_map(|(other, n)| n.map(|n| (other, n)));
        others.filter(|(_, n)| n.role == this.role).all(|(other, n)| (this.rank, at) <= (n.rank, other))
    };
    let role = |(at, named): (usize, &Option<Named>)| {
        named.map(|named| if is_best(at, named) { named.role } else { Role::Other })
    };
    named.iter().enumerate().map(role).collect()
}

fn named(text: &str, words: &[String], sentinel: bool) -> Option<Named> {
    let is = |role, rank| Some(Named { role, rank });
    match text.trim().to_lowercase().as_str() {
        "r" => return is(Role::Red, 0.0),
        "g" => return is(Role::Green, 0.0),
        "b" => return is(Role::Blue, 0.0),
        "n" => return is(Role::NearInfrared, 0.0),
        "a" => return is(Role::Alpha, 0.0),
        _ => {}
    }
    let has = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str()));
    if has(&OTHERS) {
        return is(Role::Other, 0.0);
    }
    let number = words.iter().filter_map(|word| word.parse().ok()).find(|nm| (380.0..1100.0).contains(nm));
    // Among several of one colour the plain name is best, then the one nearest to the usual wavelength.
    let plain = words.iter().filter(|word| word.parse::<f64>().is_err() && *word != "band" && *word != "nm").count();
    let rank = |role: Role| {
        let centre = CENTRES.iter().find(|(of, ..)| *of == role).map_or(0.0, |(_, centre, _)| *centre);
        (plain.max(1) - 1) as f64 * 1000.0 + number.map_or(0.0, |nm: f64| (nm - centre).abs())
    };
    if has(&NEAR_INFRARED) {
        return is(Role::NearInfrared, rank(Role::NearInfrared));
    }
    if has(&RED_EDGE) || (has(&RED) && has(&["edge"])) {
        return is(Role::RedEdge, rank(Role::RedEdge));
    }
    let colours = [(Role::Red, has(&RED)), (Role::Green, has(&GREEN)), (Role::Blue, has(&BLUE))];
    match colours.into_iter().filter(|(_, named)| *named).collect::<Vec<_>>()[..] {
        [(role, _)] => return is(role, rank(role)),
        [] => {}
        _ => return None, // "red, green, blue" says nothing of one band
    }
    if has(&ALPHA) {
        return is(Role::Alpha, 0.0);
    }
    of_satellite(words, sentinel).or_else(|| of_wavelength(in_text(text)?))
}

/// The band names of Sentinel-2 (`B02`) and Landsat 8 and 9 (`SR_B2`).
fn of_satellite(words: &[String], sentinel: bool) -> Option<Named> {
    let landsat = words.iter().any(|word| word == "sr");
    let role = words.iter().find_map(|word| match word.strip_prefix('b')? {
        "02" | "2" if sentinel || landsat => Some(Role::Blue),
        "03" | "3" if sentinel || landsat => Some(Role::Green),
        "04" | "4" if sentinel || landsat => Some(Role::Red),
        "5" if landsat => Some(Role::NearInfrared),
        "05" | "06" | "07" | "5" | "6" | "7" if sentinel => Some(Role::RedEdge),
        "08" | "8" | "8a" if sentinel => Some(Role::NearInfrared),
        _ => None,
    })?;
    let later = words.iter().any(|word| ["b06", "b07", "b6", "b7", "b8a"].contains(&word.as_str()));
    Some(Named { role, rank: f64::from(u8::from(later)) })
}

fn is_sentinel(word: &str) -> bool {
    word == "b8a" || word.strip_prefix("b0").is_some_and(|rest| rest.len() == 1 && rest.parse::<u8>().is_ok())
}

fn of_wavelength(nm: f64) -> Option<Named> {
    let (role, centre, _) = CENTRES.iter().find(|(_, _, [from, to])| (*from..*to).contains(&nm))?;
    Some(Named { role: *role, rank: (nm - centre).abs() })
}

/// A wavelength that a text names with its unit, in nanometres.
fn in_text(text: &str) -> Option<f64> {
    let text = text.to_lowercase();
    let number = |part: &str| -> Option<f64> {
        let digits = part.trim_end();
        let from = digits.rfind(|c: char| !c.is_ascii_digit() && c != '.').map_or(0, |at| at + 1);
        digits.get(from..)?.parse().ok()
    };
    for (unit, factor) in [("nanomet", 1.0), ("nm", 1.0), ("micromet", 1000.0), ("µm", 1000.0), ("um", 1000.0)] {
        if let Some(value) = text.split(unit).next().filter(|part| part.len() < text.len()).and_then(number) {
            return Some(value * factor);
        }
    }
    None
}

/// The words of a text, in lower case.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const R: Option<Role> = Some(Role::Red);
    const G: Option<Role> = Some(Role::Green);
    const B: Option<Role> = Some(Role::Blue);
    const E: Option<Role> = Some(Role::RedEdge);
    const N: Option<Role> = Some(Role::NearInfrared);
    const O: Option<Role> = Some(Role::Other);

    #[rstest]
    #[case(&["Blue", "Green", "Red", "RedEdge", "NIR"], &[B, G, R, E, N])]
    #[case(&["B02", "B03", "B04", "B08"], &[B, G, R, N])]
    #[case(&["B04", "B8A", "B05", "B06"], &[R, N, E, O])]
    #[case(&["SR_B2", "SR_B3", "SR_B4", "SR_B5"], &[B, G, R, N])]
    #[case(&["B1", "B2", "B3", "B4"], &[None, None, None, None])]
    #[case(&["Band 1", "Band 2", "Band 3"], &[None, None, None])]
    #[case(&["r", "G", " b ", "N"], &[R, G, B, N])]
    #[case(&["Nahes Infrarot", "Rot", "Grün", "Blau"], &[N, R, G, B])]
    #[case(&["Proche infrarouge", "Rouge", "Vert", "Bleu"], &[N, R, G, B])]
    #[case(&["近赤外", "赤", "緑", "青"], &[N, R, G, B])]
    #[case(&["coastal_blue", "blue", "green_i", "green", "yellow", "red", "rededge", "nir"], &[O, B, O, G, O, R, E, N])]
    #[case(&["Blue-444", "Blue-475", "Red-668", "Red-650", "Red edge-705", "RedEdge-717", "NIR-842"], &[O, B, R, O, O, E, N])]
    #[case(&["665 nm", "0.56 um", "Central wavelength 0.49 micrometers", "833nm"], &[R, G, B, N])]
    #[case(&["Red, green, blue", "credit", "", "infrared"], &[None, None, None, N])]
    #[case(&["red", "green", "blue", "alpha"], &[R, G, B, Some(Role::Alpha)])]
    fn descriptions_name_roles(#[case] texts: &[&str], #[case] roles: &[Option<Role>]) {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        assert_eq!(of_descriptions(&texts), roles, "{texts:?}");
    }

    #[test]
    fn wavelengths_name_roles() {
        assert_eq!(of_wavelengths(&[Some(475.0), Some(560.0), Some(668.0), Some(717.0), None]), [B, G, R, E, None]);
        assert_eq!(of_wavelengths(&[Some(1610.0), Some(700.0)]), [None, E]);
    }
}
