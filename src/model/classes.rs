//! Class tables that cards refer to by name, and the city class of a word.

use std::path::Path;

use serde::Deserialize;

use super::ModelClass;

/// The 150 classes of ADE20K.
const ADE20K: &str = include_str!("../../models/ade20k.toml");

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
        let text = std::fs::read_to_string(&path).map_err(|e| {
            format!("classes = {name:?}: {}: {e} (\"ade20k\", or a file beside the card)", path.display())
        })?;
        (text, path.display().to_string())
    };
    let table: ClassTable = toml::from_str(&text).map_err(|e| format!("classes: {from}: {e}"))?;
    Ok(table.classes)
}

/// The city class that a model's own word stands for: the first word with one; `other` where none has.
pub(super) fn city_class(name: &str) -> String {
    let words: toml::Table = toml::from_str(WORDS).expect("the words that ship are tested");
    let lower = name.to_lowercase();
    let known = |word: &str| {
        let meant = |list: &toml::Value| {
            list.as_array().is_some_and(|l| l.iter().filter_map(toml::Value::as_str).any(|w| w == word))
        };
        words.iter().find(|(_, list)| meant(list)).map(|(class, _)| class.clone())
    };
    let either = |word: &str| known(word).or_else(|| known(word.strip_suffix('s')?));
    lower.split(|c: char| !c.is_alphanumeric()).find_map(either).unwrap_or_else(|| "other".to_owned())
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
            assert_eq!(city_class(name), class, "{name}");
        }
        let words: toml::Table = toml::from_str(WORDS).expect("ships");
        assert!(words.keys().all(|class| Scheme::city().named(class).is_some()));
    }

    #[test]
    fn a_table_that_is_missing_names_the_key() {
        let error = table("cityscapes", Path::new("nowhere")).expect_err("absent");
        assert!(error.contains("classes = \"cityscapes\"") && error.contains("ade20k"), "{error}");
    }
}
