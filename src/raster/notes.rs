//! What was decided about a scene that its file does not say.

use std::sync::PoisonError;

use super::layout::Samples;
use super::{Role, RoleOrigin, Scaling, Scene, Validity, fill};

impl Scene {
    /// What the program decided about the scene that its file does not say, or says in an unusual way; one line each.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.unusual.clone();
        let guessed = self.roles.iter().enumerate().filter(|(_, band)| band.origin == RoleOrigin::Order);
        let guessed: Vec<String> = guessed
            .filter(|(_, band)| band.role != Role::Other && (self.bands > 1 || band.role != Role::Grey))
            .map(|(at, band)| format!("band {} is {}", at + 1, band.role))
            .collect();
        if !guessed.is_empty() {
            notes.push(format!("{}: guessed by order (--bands says otherwise)", guessed.join(", ")));
        }
        notes.extend(self.void_notes());
        notes
    }

    /// How its samples become bytes, where they are not bytes already.
    #[must_use]
    pub fn scaling_note(&self) -> Option<String> {
        let scaled = self.is_surveyed() || self.scaling != Scaling::as_is();
        scaled.then(|| format!("{} samples: {}", self.sample_type, self.scaling))
    }

    fn void_notes(&self) -> Vec<String> {
        let known = self.void.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.as_ref().map(|mask| mask.shares());
        let name = |value: f32| match (self.samples, value) {
            (Samples::Byte, 0.0) => "black".to_owned(),
            (Samples::Byte, _) => "white".to_owned(),
            (_, value) if value.abs() >= 1e7 => format!("{value:e}"),
            _ => value.to_string(),
        };
        if let Some(found) = found.filter(|_| self.validity == Validity::Undeclared && self.samples == Samples::Byte) {
            let note = |(value, share)| format!("{:.1} % of it is {}, taken as void", 100.0 * share, name(value));
            return found.into_iter().map(note).collect();
        }
        let seen = self.fills_seen.iter().filter(|(_, share)| *share >= 0.001);
        let never = |value: f32| fill::never(std::iter::once(value)).is_some() || fill::is_beyond(value);
        let note = |(value, share): &(f32, f32)| {
            let what = format!("{} in {:.1} % of what was looked at: taken as void", name(*value), 100.0 * share);
            if never(*value) { what } else { format!("{what} where it covers an area") }
        };
        let declared = |value: f32| match &self.validity {
            Validity::NoData(values) => values.iter().flatten().any(|nodata| (*nodata as f32 - value).abs() <= 0.0),
            _ => false,
        };
        let undeclared = self.validity == Validity::Undeclared;
        let seen = seen.filter(|(value, _)| (undeclared || never(*value)) && !declared(*value));
        seen.map(note).collect()
    }
}
