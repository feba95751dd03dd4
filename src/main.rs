//! orthotile
fn main() {}
