//! Percentiles.

/// The value below which `percent` of the values lie, between the two nearest; NaN of nothing.
pub(super) fn percentile(mut values: Vec<f32>, percent: f64) -> f32 {
    values.sort_unstable_by(f32::total_cmp);
    let Some(last) = values.len().checked_sub(1) else { return f32::NAN };
    let at = percent / 100.0 * last as f64;
    let (low, high) = (values[at.floor() as usize], values[at.ceil() as usize]);
    low + (high - low) * at.fract() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_lies_between_the_nearest_values() {
        let at = |values: &[f32], percent: f64| percentile(values.to_vec(), percent).to_string();
        assert_eq!(at(&[3.0, 1.0, 2.0], 50.0), "2");
        assert_eq!(at(&[0.0, 10.0], 70.0), "7");
        assert_eq!(at(&[4.0], 5.0), "4");
        assert!(percentile(Vec::new(), 5.0).is_nan());
    }
}
