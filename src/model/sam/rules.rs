//! Classes of masks by declared rules of colour and shape: data, in the card or in a file beside it.

use std::path::Path;

use serde::Deserialize;

/// The rules that ship.
const CITY: &str = include_str!("../../../models/mask_rules.toml");

/// A rule: every condition that is given must hold. Colours are means over the mask, of 0 to 255.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MaskRule {
    /// The class of the scheme that it says.
    pub city_class: String,
    /// Red, green and blue differ by no more than this.
    pub grey_tolerance: Option<f32>,
    /// Least and most of the mean of red, green and blue.
    pub brightness: Option<[f32; 2]>,
    /// Least and most of what blue has over the larger of red and green.
    pub blue_excess: Option<[f32; 2]>,
    /// Least and most of what green has over the larger of red and blue.
    pub green_excess: Option<[f32; 2]>,
    /// Least and most of length by width of the smallest rectangle around the mask, however it is turned.
    pub aspect: Option<[f32; 2]>,
    /// Least and most of the share of that rectangle that the mask fills.
    pub rectangularity: Option<[f32; 2]>,
    /// Least and most on the ground.
    pub area_m2: Option<[f32; 2]>,
}

/// What rules are asked about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MaskStats {
    /// Red, green and blue, the means over the mask.
    pub rgb: [f32; 3],
    /// Length by width of the smallest rectangle around it.
    pub aspect: f32,
    /// The share of that rectangle that it fills.
    pub rectangularity: f32,
    /// On the ground.
    pub area_m2: f32,
}

impl MaskRule {
    /// Whether all conditions hold.
    #[must_use]
    pub fn fits(&self, stats: &MaskStats) -> bool {
        let [red, green, blue] = stats.rgb;
        let spread = red.max(green).max(blue) - red.min(green).min(blue);
        let within =
            |range: Option<[f32; 2]>, value: f32| range.is_none_or(|[least, most]| (least..=most).contains(&value));
        self.grey_tolerance.is_none_or(|most| spread <= most)
            && within(self.brightness, (red + green + blue) / 3.0)
            && within(self.blue_excess, blue - red.max(green))
            && within(self.green_excess, green - red.max(blue))
            && within(self.aspect, stats.aspect)
            && within(self.rectangularity, stats.rectangularity)
            && within(self.area_m2, stats.area_m2)
    }

    /// Whether it looks at colours.
    pub(in super::super) fn sees_colour(&self) -> bool {
        self.grey_tolerance.is_some()
            || self.brightness.is_some()
            || self.blue_excess.is_some()
            || self.green_excess.is_some()
    }

    /// What is wrong with it.
    pub(in super::super) fn fault(&self) -> Option<String> {
        let ranges = [
            ("brightness", self.brightness),
            ("blue_excess", self.blue_excess),
            ("green_excess", self.green_excess),
            ("aspect", self.aspect),
            ("rectangularity", self.rectangularity),
            ("area_m2", self.area_m2),
        ];
        if self.grey_tolerance.is_none() && ranges.iter().all(|(_, range)| range.is_none()) {
            return Some("a rule without a condition fits everything: give one".to_owned());
        }
        let turned = ranges
            .iter()
            .find(|(_, range)| range.is_some_and(|[least, most]| least > most || least.is_nan() || most.is_nan()));
        turned.map(|(key, _)| format!("{key}: [least, most]"))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleTable {
    rules: Vec<MaskRule>,
}

/// The rules of a name: `city`, which ship, or a file beside the card.
pub(in super::super) fn table(name: &str, folder: &Path) -> Result<Vec<MaskRule>, String> {
    let (text, from) = if name == "city" {
        (CITY.to_owned(), "city".to_owned())
    } else {
        let path = folder.join(name);
        let read = crate::input::read_text(&path, crate::input::TEXT_BYTES);
        let text = read.map_err(|e| {
            format!("masks.rules = {name:?}: {}: {e} (\"city\", or a file beside the card)", path.display())
        })?;
        (text, path.display().to_string())
    };
    let table: RuleTable = toml::from_str(&text).map_err(|e| format!("masks.rules: {from}: {e}"))?;
    Ok(table.rules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme::Scheme;

    fn says(stats: MaskStats) -> Option<String> {
        let rules = table("city", Path::new("")).expect("ships");
        rules.into_iter().find(|rule| rule.fits(&stats)).map(|rule| rule.city_class)
    }

    #[test]
    fn the_rules_that_ship_are_sound_and_say_what_they_should() {
        let scheme = Scheme::city();
        let rules = table("city", Path::new("")).expect("ships");
        assert!(rules.iter().all(|rule| rule.fault().is_none() && scheme.named(&rule.city_class).is_some()));
        let block = MaskStats { rgb: [120.0; 3], aspect: 1.3, rectangularity: 0.9, area_m2: 200.0 };
        let cases = [
            (MaskStats { aspect: 6.0, rectangularity: 0.8, ..block }, Some("road")),
            (MaskStats { rgb: [60.0, 90.0, 140.0], ..block }, Some("water")),
            (MaskStats { rgb: [90.0, 120.0, 70.0], ..block }, Some("vegetation")),
            (block, Some("building")),
            (MaskStats { rectangularity: 0.4, ..block }, None),
            (MaskStats { area_m2: 1.0, ..block }, None),
        ];
        for (stats, class) in cases {
            assert_eq!(says(stats).as_deref(), class, "{stats:?}");
        }
    }

    #[test]
    fn grey_is_a_matter_of_tolerance_and_ends_are_within() {
        let rule = MaskRule { grey_tolerance: Some(35.0), aspect: Some([2.0, 9.0]), ..MaskRule::default() };
        let stats = MaskStats { rgb: [100.0, 135.0, 110.0], aspect: 2.0, rectangularity: 1.0, area_m2: 9.0 };
        assert!(rule.fits(&stats));
        assert!(!rule.fits(&MaskStats { rgb: [100.0, 136.0, 110.0], ..stats }));
        assert!(!rule.fits(&MaskStats { aspect: 1.99, ..stats }));
        assert!(MaskRule::default().fault().is_some(), "it would fit everything");
    }
}
