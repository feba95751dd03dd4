//! Numbers out of range.

use super::{case, orthotile};

#[test]
fn a_tolerance_that_is_no_length_is_refused() {
    let Some(case) = case("32-tolerance-inf-never-ends") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let raster = case.join("c.tif").display().to_string();
    for value in ["inf", "nan", "1e300"] {
        orthotile(folder.path(), &["vectorize", &raster, "-o", "x.geojson", "--tolerance-m", value])
            .failed_with(&["--tolerance-m", "0 to 1000 m"]);
    }
    let said =
        orthotile(folder.path(), &["vectorize", &raster, "-o", "x.geojson", "--tolerance-m", "1000"]).succeeded();
    assert!(said.stdout.contains("x.geojson"), "{}", said.text());
}
