//! What clusters may be, as a suggestion, and what a person says they are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{ClusterStatistics, LearnError};
use crate::model::Scorer;
use crate::scheme::Scheme;

/// The rules that ship.
const RULES: &str = include_str!("../../models/suggest.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    rules: Vec<Rule>,
}

/// A class, and bounds of statistics.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    class: String,
    #[serde(default)]
    above: BTreeMap<String, f64>,
    #[serde(default)]
    below: BTreeMap<String, f64>,
}

impl ClusterStatistics {
    /// A statistic by its name in rules.
    fn named(&self, name: &str) -> Option<f64> {
        Some(match name {
            "brightness" => self.brightness,
            "excess_green" => self.excess_green,
            "excess_blue" => self.excess_blue,
            "saturation" => self.saturation,
            "texture" => self.texture,
            "elongation" => self.elongation,
            _ => return None,
        })
    }

    /// What it looks like, in words.
    #[must_use]
    pub fn words(&self) -> String {
        let [red, _, blue] = self.colour;
        let light = ["dark", "bright"][usize::from(self.brightness > 0.45)];
        let colour = if self.excess_green > 0.05 {
            "green"
        } else if self.excess_blue > 0.06 {
            "blue"
        } else if red > blue * 1.15 {
            "brown"
        } else {
            "grey"
        };
        let surface = ["smooth", "rough"][usize::from(self.texture > 0.07)];
        let form = ["", ", long"][usize::from(self.elongation > 2.0)];
        format!("{light} {colour}, {surface}{form}")
    }
}

/// The class that the first rule which holds suggests; where the scheme has no such class, `other` or its first one.
pub(super) fn suggested(statistics: &ClusterStatistics, scheme: &Scheme) -> String {
    let rules: Rules = toml::from_str(RULES).expect("the rules that ship are tested");
    let holds = |rule: &&Rule| {
        let of = |name: &String| statistics.named(name).unwrap_or(f64::NAN);
        rule.above.iter().all(|(name, bound)| of(name) > *bound)
            && rule.below.iter().all(|(name, bound)| of(name) < *bound)
    };
    let class = rules.rules.iter().find(holds).map_or("other", |rule| rule.class.as_str());
    let known = scheme.named(class).or_else(|| scheme.named("other")).or_else(|| scheme.classes.first());
    known.map_or_else(|| class.to_owned(), |class| class.name.clone())
}

/// Which clusters are of which class: cluster numbers, from 1, to names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    classes: BTreeMap<usize, String>,
    from: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    clusters: BTreeMap<String, String>,
}

impl Assignment {
    /// Reads `3=building,5=road`, or a file: a TOML table `[clusters]` with lines such as `3 = "building"`.
    ///
    /// # Errors
    /// When it is neither.
    pub fn read(text: &str) -> Result<Self, LearnError> {
        let path = Path::new(text);
        if path.extension().is_some_and(|e| e == "toml") {
            let invalid = |reason: String| LearnError::Input { path: path.to_owned(), reason };
            let read = crate::input::read_text(path, crate::input::TEXT_BYTES).map_err(|e| invalid(e.to_string()))?;
            let table: Table = toml::from_str(&read).map_err(|e| invalid(e.to_string()))?;
            return Self::of(table.clusters.into_iter(), path);
        }
        let from = Path::new("--assign");
        let pair = |part: &str| {
            part.split_once('=').map(|(n, class)| (n.trim().to_owned(), class.trim().to_owned())).ok_or_else(|| {
                let reason = format!("{part:?}: \"3=building,5=road\" or a .toml file is accepted");
                LearnError::Input { path: from.to_owned(), reason }
            })
        };
        let pairs = text.split(',').map(pair).collect::<Result<Vec<_>, _>>()?;
        Self::of(pairs.into_iter(), from)
    }

    fn of(pairs: impl Iterator<Item = (String, String)>, from: &Path) -> Result<Self, LearnError> {
        let mut classes = BTreeMap::new();
        for (number, class) in pairs {
            let parsed: usize = number.parse().map_err(|_| LearnError::Input {
                path: from.to_owned(),
                reason: format!("{number:?} is no number of a cluster"),
            })?;
            if classes.insert(parsed, class).is_some() {
                let reason = format!("cluster {parsed} stands twice");
                return Err(LearnError::Input { path: from.to_owned(), reason });
            }
        }
        Ok(Self { classes, from: from.to_owned() })
    }
}

/// Gives clusters their classes; those that the assignment does not name keep theirs.
///
/// # Errors
/// When there is no such cluster or class.
pub fn assign(scorer: &mut Scorer, assignment: &Assignment, scheme: &Scheme) -> Result<(), LearnError> {
    let count = scorer.classes.len();
    let invalid = |reason: String| LearnError::Input { path: assignment.from.clone(), reason };
    for (number, class) in &assignment.classes {
        if scheme.named(class).is_none() {
            let known: Vec<_> = scheme.classes.iter().map(|c| c.name.as_str()).collect();
            return Err(invalid(format!(
                "cluster {number} = {class:?}: scheme {:?} has {}",
                scheme.name,
                known.join(", ")
            )));
        }
        let cluster = number.checked_sub(1).and_then(|n| scorer.classes.get_mut(n));
        let cluster = cluster.ok_or_else(|| invalid(format!("cluster {number}: there are 1 to {count}")))?;
        cluster.city_class.clone_from(class);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_that_ship_name_classes_and_statistics_that_are_there() {
        let rules: Rules = toml::from_str(RULES).expect("ships");
        let none = ClusterStatistics::default();
        for rule in &rules.rules {
            assert!(Scheme::city().named(&rule.class).is_some(), "{}", rule.class);
            assert!(rule.above.keys().chain(rule.below.keys()).all(|name| none.named(name).is_some()));
        }
        let last = rules.rules.last().expect("some");
        assert!(last.above.is_empty() && last.below.is_empty(), "one always holds");
    }

    #[test]
    fn looks_suggest_a_class() {
        let of = |brightness, exg, exb, saturation, texture, elongation| {
            let statistics = ClusterStatistics {
                brightness,
                excess_green: exg,
                excess_blue: exb,
                saturation,
                texture,
                elongation,
                ..ClusterStatistics::default()
            };
            suggested(&statistics, &Scheme::city())
        };
        assert_eq!(of(0.4, 0.2, -0.2, 0.5, 0.1, 1.0), "tree");
        assert_eq!(of(0.4, 0.2, -0.2, 0.5, 0.02, 1.0), "grass");
        assert_eq!(of(0.4, -0.1, 0.2, 0.6, 0.02, 1.0), "water");
        assert_eq!(of(0.4, 0.0, 0.0, 0.03, 0.04, 4.0), "road");
        assert_eq!(of(0.4, 0.0, -0.1, 0.3, 0.03, 1.2), "bare_land");
        assert_eq!(of(0.4, 0.0, 0.0, 0.05, 0.2, 1.2), "building");
        assert_eq!(of(0.1, 0.2, -0.1, 0.3, 0.02, 1.2), "water", "dark and smooth, though green");
        assert_eq!(of(0.8, 0.0, 0.0, 0.06, 0.04, 2.5), "bare_land", "bright and smooth, though grey and long");
    }

    #[test]
    fn an_assignment_is_read_from_text_and_file_and_what_is_wrong_is_told() {
        let text = Assignment::read("3=building, 5=road").expect("read");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("table.toml");
        std::fs::write(&path, "[clusters]\n3 = \"building\"\n5 = \"road\"\n").expect("written");
        let file = Assignment::read(path.to_str().expect("text")).expect("read");
        assert_eq!(file.classes, text.classes);
        for (text, words) in [("3", "3=building"), ("x=road", "no number"), ("3=road,3=water", "twice")] {
            let error = Assignment::read(text).expect_err(words).to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
