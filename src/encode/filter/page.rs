//! Pages of what a filter means, by rising id: each feature once, whatever changes between two pages.

use super::{Filter, SelectedLayer, crossing, touching};
use crate::feature::{FeatureId, FeatureStore};

/// One page to select.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// The layer.
    pub layer: SelectedLayer,
    /// Last id of the page before, if there is one.
    pub after: Option<u64>,
    /// Maximum number of features.
    pub limit: usize,
}

/// The ids of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// By rising id.
    pub ids: Vec<FeatureId>,
    /// All features that the filter means, on every page.
    pub matched: usize,
    /// Where the next page starts (`after`); `None` on the last page.
    pub next: Option<u64>,
}

impl Filter {
    /// Selects one page. Takes time proportional to what is meant, and memory proportional to what touches the rectangle.
    #[must_use]
    pub fn page(&self, store: &FeatureStore, request: &PageRequest) -> Page {
        let mut first = First { after: request.after, ids: Vec::new(), matched: 0 };
        let meant = |class| self.classes.as_ref().is_none_or(|classes| classes.contains(&class));
        match (request.layer, &self.bbox) {
            (SelectedLayer::Features, None) => {
                let stored = store.iter().filter(|stored| self.passes(&stored.feature));
                first.take_sorted(stored.map(|stored| stored.feature.id), request.limit);
            }
            (SelectedLayer::Features, Some(bbox)) => {
                let stored = touching(store, bbox.world()).filter(|stored| self.passes(&stored.feature));
                first.take(stored.map(|stored| stored.feature.id), request.limit);
            }
            (SelectedLayer::Centrelines, None) => {
                let lines = store.centrelines().map(|stored| &stored.centreline);
                first.take_sorted(lines.filter(|line| meant(line.class)).map(|line| line.id), request.limit);
            }
            (SelectedLayer::Centrelines, Some(bbox)) => {
                let lines = crossing(store, bbox.world()).map(|stored| &stored.centreline);
                first.take(lines.filter(|line| meant(line.class)).map(|line| line.id), request.limit);
            }
        }
        first.page(request.limit)
    }
}

/// The first ids after another, with one more than the limit where there are more.
struct First {
    after: Option<u64>,
    ids: Vec<FeatureId>,
    matched: usize,
}

impl First {
    fn is_after(&self, id: FeatureId) -> bool {
        self.after.is_none_or(|after| id.get() > after)
    }

    /// From rising ids.
    fn take_sorted(&mut self, ids: impl Iterator<Item = FeatureId>, limit: usize) {
        for id in ids {
            self.matched += 1;
            if self.ids.len() <= limit && self.is_after(id) {
                self.ids.push(id);
            }
        }
    }

    /// From ids in any order, without sorting more than a page.
    fn take(&mut self, ids: impl Iterator<Item = FeatureId>, limit: usize) {
        for id in ids {
            self.matched += 1;
            if self.is_after(id) {
                self.ids.push(id);
            }
        }
        if self.ids.len() > limit + 1 {
            self.ids.select_nth_unstable(limit);
            self.ids.truncate(limit + 1);
        }
        self.ids.sort_unstable();
    }

    fn page(mut self, limit: usize) -> Page {
        let has_more = self.ids.len() > limit;
        self.ids.truncate(limit);
        let next = self.ids.last().filter(|_| has_more).map(|id| id.get());
        Page { ids: self.ids, matched: self.matched, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::tests::{centreline, houses_across_180, town};
    use crate::scheme::Scheme;

    fn walk(filter: &Filter, store: &FeatureStore, (layer, limit): (SelectedLayer, usize)) -> Vec<FeatureId> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = filter.page(store, &PageRequest { layer, after, limit });
            assert!(page.ids.len() <= limit);
            all.extend(page.ids);
            after = page.next;
            if after.is_none() {
                assert_eq!(page.matched, all.len());
                return all;
            }
        }
    }

    #[test]
    fn pages_of_any_size_hold_each_feature_once_in_order() {
        let scheme = Scheme::city();
        let lines = (0..7).map(|i| centreline(i, vec![(700_000.0, 3_060_000.0), (700_010.0, 3_060_000.0 + i as f64)]));
        let town = town().with_centrelines(lines.collect()).expect("projects");
        let around = || "85,27,90,29".parse().expect("a box");
        let filters = [
            Filter::default(),
            Filter::default().within(around()),
            Filter::default().classes(&scheme, ["building"]).expect("known"),
            Filter::default().within(around()).min_confidence("0.75".parse().expect("a part")),
        ];
        for filter in &filters {
            for layer in [SelectedLayer::Features, SelectedLayer::Centrelines] {
                let all = filter.select_layers((&town, &scheme), &[layer]);
                let expected: Vec<FeatureId> =
                    all.features.iter().map(|f| f.id).chain(all.centrelines.iter().map(|l| l.id)).collect();
                for limit in [1, 2, 3, 100] {
                    assert_eq!(walk(filter, &town, (layer, limit)), expected, "{filter:?}");
                }
            }
        }
    }

    #[test]
    fn pages_lead_across_180() {
        let store = houses_across_180("EPSG:32760", 819_000.0, 8_142_000.0);
        let filter = Filter::default().within("179,-80,-179,80".parse().expect("a box"));
        assert_eq!(walk(&filter, &store, (SelectedLayer::Features, 2)).len(), store.len());
    }
}
