//! What was found, as a table.

use std::time::Duration;

use orthotile::feature::{Feature, Height, HeightSource, Outline};
use orthotile::label::LabelStore;
use orthotile::model::CacheUse;
use orthotile::pipeline::{FeatureOptions, TracedBlocks};
use orthotile::scheme::{ClassId, Kind, Scheme};

/// Vectorizes what a store holds, and prints counts and areas by class.
pub fn print(labels: &LabelStore, took: Duration) -> anyhow::Result<()> {
    let wanted = labels.wanted();
    let made = labels.made();
    let traced = TracedBlocks::read(labels, &made)?;
    let options = FeatureOptions { for_zooms: false, ..FeatureOptions::for_store(labels)? };
    let features = traced.features(labels.grid(), labels.scheme(), &options)?;
    let (store, seconds, damaged) = (labels.folder().display(), took.as_secs_f64(), damaged(labels));
    println!("{store}: {} of {} blocks{damaged}, {seconds:.1} s", made.len(), wanted.len());
    table(&features, labels.scheme());
    Ok(())
}

/// Names the blocks that were found damaged, for a sentence that says how many are made; empty where none was.
pub fn damaged(labels: &LabelStore) -> String {
    let damaged: Vec<String> = labels.damaged().iter().map(ToString::to_string).collect();
    if damaged.is_empty() {
        return String::new();
    }
    format!(", damaged are {} ({})", damaged.len(), damaged.join(", "))
}

/// What the cache of features has done.
pub fn print_cache(cache: &CacheUse) {
    println!(
        "features kept: {} of {} chips were there ({} %), {} of {} MiB in use",
        cache.hits,
        cache.hits + cache.misses,
        cache.hit_percent(),
        cache.bytes >> 20,
        cache.limit_bytes >> 20
    );
}

/// Buildings lower than this are probably none.
const LOW_M: f32 = 2.0;

/// How many heights were measured, with their median, and how many are class defaults.
fn heights(heights: impl Iterator<Item = Height>) -> String {
    let (default, measured): (Vec<Height>, Vec<Height>) =
        heights.partition(|height| height.source == HeightSource::ClassDefault);
    let mut measured: Vec<f32> = measured.into_iter().map(|height| height.height_m).collect();
    measured.sort_by(f32::total_cmp);
    let Some(median) = measured.get(measured.len() / 2) else {
        return format!("none measured, {} class defaults", default.len());
    };
    let low = measured.partition_point(|height_m| *height_m < LOW_M);
    let low = if low > 0 { format!(", {low} below {LOW_M} m") } else { String::new() };
    let measured = format!("{} measured (median {median:.1} m{low})", measured.len());
    if default.is_empty() { measured } else { format!("{measured}, {} class defaults", default.len()) }
}

/// One line a class: how many, what area, how sure; buildings with heights.
pub fn table(features: &[Feature], scheme: &Scheme) {
    let mut classes: Vec<ClassId> = features.iter().map(|f| f.class).collect();
    classes.sort_unstable();
    classes.dedup();
    println!("{:<14}{:>9}{:>14}{:>13}", "class", "features", "area m²", "confidence");
    for class in classes {
        let of_class = || features.iter().filter(move |f| f.class == class);
        let area_m2: f64 = of_class().map(|f| f.area_m2).sum();
        let sure: Option<f64> = of_class().map(|f| f.confidence.map(|c| f64::from(c.mean) * f.area_m2)).sum();
        let sure =
            sure.map_or_else(|| "-".to_owned(), |sum| format!("{:.0}%", 100.0 * sum / area_m2.max(f64::MIN_POSITIVE)));
        let name = scheme.class(class).map_or_else(|| scheme.number(class), |c| c.name.clone());
        print!("{name:<14}{:>9}{area_m2:>14.0}{sure:>13}", of_class().count());
        if scheme.class(class).is_some_and(|c| c.kind == Kind::Building) {
            let regular = of_class().filter(|f| matches!(f.outline, Outline::Regularized | Outline::Round)).count();
            print!("   {regular} regularized, heights: {}", heights(of_class().filter_map(|f| f.height)));
        }
        println!();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_defaults_are_not_called_measured() {
        let height = |height_m: f32, source: HeightSource| Height { height_m, source };
        let default = height(6.0, HeightSource::ClassDefault);
        assert_eq!(heights([default; 3].into_iter()), "none measured, 3 class defaults");
        let dsm = [0.3, 4.0, 9.0].map(|height_m| height(height_m, HeightSource::Dsm));
        assert_eq!(heights(dsm.into_iter()), "3 measured (median 4.0 m, 1 below 2 m)");
        let both = dsm.into_iter().chain([default]);
        assert_eq!(heights(both), "3 measured (median 4.0 m, 1 below 2 m), 1 class defaults");
    }
}
