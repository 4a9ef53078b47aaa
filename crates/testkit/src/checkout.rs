//! Places of the working copy that the tests were built from.

use std::path::{Path, PathBuf};

/// The root of the working copy.
pub fn root() -> PathBuf {
    // Two levels up from crates/testkit, where this crate lives.
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    crates.and_then(Path::parent).expect("the crate lies two directories below the root").to_owned()
}

/// The git-ignored directory for what tests fetch or build once.
pub fn cache() -> PathBuf {
    root().join(".cache")
}
