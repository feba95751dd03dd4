//! How labels become features.

use std::path::PathBuf;

use serde::Deserialize;

use super::PipelineError;
use crate::centreline::CentrelineOptions;
use crate::georef::GroundScale;
use crate::label::LabelStore;
use crate::model::LabelDefaults;
use crate::polygonize::{LabelCode, Region};
use crate::roofs::RoofOptions;
use crate::scheme::{Class, ClassId, Kind, Scheme};
use crate::simplify::{SimplifyOptions, Smoothing};

/// How regions become features.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureOptions {
    /// How far a border may move when it is simplified, in ground metres; 0 keeps pixel edges.
    pub tolerance_m: f64,
    /// Polygons that end up smaller go to a neighbour, in ground square metres; 0 keeps whatever the labels have.
    pub min_area_m2: f64,
    /// Whether borders are ranked and checked for coarser tolerances too: tiles of several zooms need it, a file does not.
    pub for_zooms: bool,
    /// How often the corners of borders between natural classes are cut; 0 leaves them straight.
    pub smooth_rounds: u8,
    /// Features with more vertices are cut into pieces, buildings aside; none where absent.
    pub max_vertices: Option<usize>,
    /// How the centre lines of roads are found; there are none where absent.
    pub centrelines: Option<CentrelineOptions>,
    /// Whether roads are one polygon where their centre lines were joined.
    pub bridge_roads: bool,
    /// How roofs that touch are told apart; they are one polygon where absent.
    pub roofs: Option<RoofOptions>,
    /// How labels are composed.
    pub code: LabelCode,
    /// What was added to the values of a class raster, so that 0 is "no label"; taken away from classes again, by wrapping.
    pub label_shift: u32,
    /// Surface and terrain model for heights.
    pub dsm: Option<PathBuf>,
    /// The terrain under the surface model.
    pub dtm: Option<PathBuf>,
}

impl FeatureOptions {
    /// What suits the labels of a store: borders within a pixel and a half, heights from its elevation rasters, roofs told
    /// apart as its model's card says.
    ///
    /// # Errors
    /// When the work grid has no place on the ground.
    pub fn for_store(store: &LabelStore) -> Result<Self, PipelineError> {
        let scale = store.grid().middle_scale()?;
        let manifest = store.manifest();
        Ok(Self {
            min_area_m2: manifest.clean.min_area_m2,
            dsm: manifest.dsm.clone(),
            dtm: manifest.dtm.clone(),
            roofs: manifest.split_roofs.and_then(roofs),
            ..Self::within(1.5 * scale.resolution_m_per_px())
        })
    }

    /// Borders within a tolerance, straight and whole; centre lines; no elevation.
    #[must_use]
    pub fn within(tolerance_m: f64) -> Self {
        Self {
            tolerance_m,
            min_area_m2: 0.0,
            for_zooms: true,
            smooth_rounds: 0,
            max_vertices: None,
            centrelines: Some(CentrelineOptions::default()),
            bridge_roads: false,
            roofs: None,
            code: LabelCode::BYTES,
            label_shift: 0,
            dsm: None,
            dtm: None,
        }
    }

    /// With what a user asked for.
    ///
    /// # Errors
    /// When a number is out of range.
    pub fn with(mut self, asked: &VectorOptions) -> Result<Self, PipelineError> {
        asked.check()?;
        self.smooth_rounds = asked.smooth.unwrap_or(self.smooth_rounds);
        self.max_vertices = asked.max_vertices.or(self.max_vertices);
        self.bridge_roads = asked.bridge_roads.unwrap_or(self.bridge_roads);
        self.roofs = asked.split_roofs.map_or(self.roofs, roofs);
        if let Some(lines) = &mut self.centrelines {
            lines.max_gap_m = asked.road_gap_m.unwrap_or(lines.max_gap_m);
            lines.max_turn_degrees = asked.road_angle_deg.unwrap_or(lines.max_turn_degrees);
        }
        Ok(self)
    }

    /// The label of a class.
    pub(super) fn label_of(&self, class: &Class) -> u32 {
        u32::from(class.code).wrapping_add(self.label_shift)
    }

    /// The class of a region.
    pub(super) fn class_of(&self, region: &Region) -> ClassId {
        ClassId(self.code.class(region.label).wrapping_sub(self.label_shift))
    }

    /// How borders are simplified.
    pub(super) fn simplify(&self, scale: &GroundScale, scheme: &Scheme) -> SimplifyOptions {
        let natural = scheme.classes.iter().filter(|class| class.kind == Kind::Natural);
        let labels = natural.map(|class| self.label_of(class)).collect();
        let smoothing = (self.smooth_rounds > 0).then_some(Smoothing { labels, rounds: self.smooth_rounds });
        let usual = SimplifyOptions::in_metres(self.tolerance_m, scale);
        let coarsest_px = if self.for_zooms { usual.coarsest_px } else { usual.tolerance_px };
        SimplifyOptions { coarsest_px, smoothing, ..usual }
    }
}

/// None for 0.
fn roofs(drop: f64) -> Option<RoofOptions> {
    (drop > 0.0).then(|| RoofOptions::apart_by(drop))
}

/// What a user may ask of vectors; absent is the usual.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VectorOptions {
    /// How often corners between natural classes are cut, 0 to 3.
    pub smooth: Option<u8>,
    /// The most vertices of a feature, 16 at least.
    pub max_vertices: Option<usize>,
    /// How far apart ends of roads may be that are joined, in ground metres, 0 to 60; 0 joins none.
    pub road_gap_m: Option<f64>,
    /// How much their headings may differ, in degrees, 0 to 90.
    pub road_angle_deg: Option<f64>,
    /// Whether roads are one polygon where their centre lines were joined.
    pub bridge_roads: Option<bool>,
    /// Roofs that touch are told apart where the model's certainty drops by so much between them, 0.01 to 1; 0 leaves them
    /// one polygon.
    pub split_roofs: Option<f64>,
}

impl VectorOptions {
    fn check(&self) -> Result<(), PipelineError> {
        let numbers = [
            ("smooth", self.smooth.map(f64::from), 0.0..=3.0, "0 to 3"),
            ("max_vertices", self.max_vertices.map(|n| n as f64), 16.0..=f64::INFINITY, "16 or more"),
            ("road_gap_m", self.road_gap_m, 0.0..=60.0, "0 to 60 m"),
            ("road_angle_deg", self.road_angle_deg, 0.0..=90.0, "0 to 90 degrees"),
            (
                "split_roofs",
                self.split_roofs.filter(|drop| *drop != 0.0),
                LabelDefaults::SPLIT_ROOFS,
                "0.01 to 1, or 0 for none",
            ),
        ];
        for (name, value, range, accepted) in numbers {
            if let Some(value) = value.filter(|value| !range.contains(value)) {
                return Err(PipelineError::Option { name, value, accepted });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roofs_are_told_apart_as_asked_else_as_the_store_says() {
        let of_store = FeatureOptions { roofs: roofs(0.12), ..FeatureOptions::within(1.0) };
        let with = |split_roofs| of_store.clone().with(&VectorOptions { split_roofs, ..VectorOptions::default() });
        let drop = |split_roofs| with(split_roofs).expect("in range").roofs.map(|r| r.least_drop);
        assert_eq!([drop(None), drop(Some(0.3)), drop(Some(0.0))], [Some(0.12), Some(0.3), None]);
        assert!(with(Some(0.001)).expect_err("refused").to_string().contains("split_roofs"));
    }

    #[test]
    fn numbers_out_of_range_are_refused_by_name() {
        let asked = |road_gap_m: f64| VectorOptions { road_gap_m: Some(road_gap_m), ..VectorOptions::default() };
        let with = |road_gap_m: f64| FeatureOptions::within(1.0).with(&asked(road_gap_m));
        assert_eq!(with(20.0).ok().and_then(|o| o.centrelines).map(|c| c.max_gap_m), Some(20.0));
        for wrong in [-1.0, 61.0, f64::NAN] {
            assert!(with(wrong).expect_err("refused").to_string().contains("road_gap_m"));
        }
    }
}
