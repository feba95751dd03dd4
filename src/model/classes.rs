//! Class tables that cards refer to by name, and the city class of a word.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::card::is_network;
use super::{ModelCard, ModelClass};
use crate::input;

/// The 150 classes of ADE20K.
const ADE20K: &str = include_str!("../../models/ade20k.toml");

/// The city class of background, and of all that has no other.
const OTHER: &str = "other";

/// Words for city classes.
const WORDS: &str = include_str!("../../models/words.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassTable {
    classes: Vec<ModelClass>,
}

/// The classes of a table: `ade20k`, or a file beside the card.
pub(super) fn table(name: &str, folder: &Path) -> Result<Vec<ModelClass>, String> {
    let (text, from) = if name == "ade20k" {
        (ADE20K.to_owned(), "ade20k".to_owned())
    } else {
        let path = folder.join(name);
        let text = input::read_text(&path, input::TEXT_BYTES).map_err(|e| {
            format!("classes = {name:?}: {}: {e} (\"ade20k\", or a file beside the card)", path.display())
        })?;
        (text, path.display().to_string())
    };
    let table: ClassTable = toml::from_str(&text).map_err(|e| format!("classes: {from}: {e}"))?;
    Ok(table.classes)
}

impl ModelCard {
    /// Whether the classes of the scheme were guessed from the names that the network's file gives its classes.
    #[must_use]
    pub fn guesses_classes(&self) -> bool {
        is_network(&self.path)
    }

    /// What is worth a second look where classes were guessed: those that share a class of the scheme, a first class that
    /// counts as background against its name, or that none was recognized.
    #[must_use]
    pub fn class_notes(&self) -> Vec<String> {
        if self.guesses_classes() { notes(&self.classes) } else { Vec::new() }
    }
}

/// Words of class names.
#[derive(Deserialize)]
struct Words {
    background: Background,
    /// By city class.
    #[serde(flatten)]
    classes: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct Background {
    /// "Not", "without": whatever follows is not there.
    negations: Vec<String>,
    /// "Background", "void".
    names: Vec<String>,
    /// What negates a word that is written in one with it: "nonroad".
    prefixes: Vec<String>,
}

/// What a model's own name of a class says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A class of the city.
    City(String),
    /// Nothing that is looked for: `background`, `not_road`.
    Background,
    /// No word is known.
    Unknown,
}

impl Meaning {
    /// The meaning of a name: background where one of its words negates, else the first word with a city class.
    pub(super) fn of(name: &str) -> Self {
        let words: Words = toml::from_str(WORDS).expect("the words that ship are tested");
        let known = |word: &str| {
            let with = |word: &str| words.classes.iter().find(|(_, list)| list.iter().any(|w| w == word));
            with(word).or_else(|| with(word.strip_suffix('s')?)).map(|(class, _)| class.clone())
        };
        let Background { negations, names, prefixes } = &words.background;
        let negates = |word: &String| {
            let rest = || prefixes.iter().find_map(|prefix| word.strip_prefix(prefix.as_str()));
            let stands = |list: &[String]| list.iter().any(|w| w == word);
            stands(negations)
                || stands(names)
                || known(word).is_none() && rest().is_some_and(|rest| known(rest).is_some())
        };
        let split = split(name);
        if split.iter().any(negates) {
            return Self::Background;
        }
        split.iter().find_map(|word| known(word)).map_or(Self::Unknown, Self::City)
    }

    /// The city class: `other` for background and what is not known.
    pub(super) fn city_class(self) -> String {
        match self {
            Self::City(class) => class,
            Self::Background | Self::Unknown => OTHER.to_owned(),
        }
    }
}

/// The words of a name in lower case: `not_road`, `not-road` and `notRoad` have two.
fn split(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut last = ' ';
    for c in name.chars() {
        if !c.is_alphanumeric() || (last.is_lowercase() && c.is_uppercase()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
        last = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// What is worth a second look in classes that were guessed from their names.
pub(super) fn notes(classes: &[ModelClass]) -> Vec<String> {
    let mut notes = Vec::new();
    let mut of_city: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for class in classes.iter().filter(|class| class.city_class != OTHER) {
        of_city.entry(&class.city_class).or_default().push(&class.name);
    }
    if of_city.is_empty() {
        notes.push("no class of the model has a name that is recognized: every pixel becomes other".to_owned());
    }
    for (city, names) in of_city.iter().filter(|(_, names)| names.len() > 1) {
        notes.push(format!("{} count as {city}: their probabilities are added", names.join(" and ")));
    }
    if let Some(first) = classes.first()
        && first.city_class == OTHER
        && matches!(Meaning::of(&first.name), Meaning::City(_))
    {
        notes.push(format!("class 0, {}, counts as background, as Deepness has it", first.name));
    }
    if !notes.is_empty() {
        notes.push(
            "classes were guessed from their names; a model.toml beside the network decides otherwise".to_owned(),
        );
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme::Scheme;

    #[test]
    fn ade20k_has_its_150_classes_in_their_order_and_each_is_of_the_city() {
        let classes = table("ade20k", Path::new("")).expect("ships");
        assert_eq!(classes.len(), 150);
        let of = |name: &str| classes.iter().position(|c| c.name == name).expect(name);
        assert_eq!((of("wall"), of("building"), of("road"), of("pier"), of("flag")), (0, 1, 6, 140, 149));
        let scheme = Scheme::city();
        assert!(classes.iter().all(|c| scheme.named(&c.city_class).is_some()));
        let city = |name: &str| classes[of(name)].city_class.as_str();
        assert_eq!(
            (city("skyscraper"), city("sidewalk"), city("river"), city("tree")),
            ("building", "road", "water", "tree")
        );
        assert_eq!(city("pool table"), "other", "that is no pool");
        assert!(classes[of("bed")].implausible && classes[of("sky")].implausible && !classes[of("car")].implausible);
    }

    #[test]
    fn words_find_their_city_class() {
        for (name, class) in [
            ("_background", "other"),
            ("Buildings", "building"),
            ("woodland", "tree"),
            ("low vegetation", "vegetation"),
            ("Water body", "water"),
            ("roads", "road"),
            ("cars", "vehicle"),
            ("solar panel", "other"),
        ] {
            assert_eq!(Meaning::of(name).city_class(), class, "{name}");
        }
        let words: Words = toml::from_str(WORDS).expect("ships");
        assert!(words.classes.keys().all(|class| Scheme::city().named(class).is_some()));
    }

    #[test]
    fn words_of_negation_mean_background() {
        for name in [
            "not_road",
            "not road",
            "notRoad",
            "Not-Road",
            "no_road",
            "non_road",
            "Non-Building",
            "nonroad",
            "notbuilding",
            "background",
            "_background",
            "Background (road)",
            "void",
            "unlabeled",
            "unlabelled",
            "ignore",
            "NoData",
            "no-data",
            "None",
            "without buildings",
            "kein_Wasser",
            "Hintergrund",
            "nicht_road",
            "sans route",
            "fond",
            "sin agua",
            "fondo",
            "unknown",
            "BG",
            "unclassified",
        ] {
            assert_eq!(Meaning::of(name), Meaning::Background, "{name}");
        }
        for (name, class) in [
            ("unpaved road", "road"),
            ("Other buildings", "building"),
            ("north road", "road"),
            ("canopy", "tree"),
            ("impervious surface", "road"),
            ("House roofs", "building"),
        ] {
            assert_eq!(Meaning::of(name), Meaning::City(class.to_owned()), "{name}");
        }
        assert_eq!(Meaning::of("notebook"), Meaning::Unknown);
        assert_eq!(Meaning::of(""), Meaning::Unknown);
    }

    #[test]
    fn what_was_guessed_is_noted_where_it_may_be_wrong() {
        let classes = |names: &[(&str, &str)]| -> Vec<ModelClass> {
            let class = |(name, city): &(&str, &str)| ModelClass {
                name: (*name).to_owned(),
                city_class: (*city).to_owned(),
                implausible: false,
            };
            names.iter().map(class).collect()
        };
        assert!(notes(&classes(&[("background", "other"), ("road", "road")])).is_empty());
        let two = notes(&classes(&[("background", "other"), ("road", "road"), ("path", "road")])).join("; ");
        assert!(two.contains("road and path count as road") && two.contains("model.toml"), "{two}");
        let none = notes(&classes(&[("channel_0", "other"), ("channel_1", "other")])).join("; ");
        assert!(none.contains("every pixel becomes other"), "{none}");
        let first = notes(&classes(&[("building", "other"), ("road", "road")])).join("; ");
        assert!(first.contains("class 0, building, counts as background"), "{first}");
    }

    #[test]
    fn a_table_that_is_missing_names_the_key() {
        let error = table("cityscapes", Path::new("nowhere")).expect_err("absent");
        assert!(error.contains("classes = \"cityscapes\"") && error.contains("ade20k"), "{error}");
    }
}
