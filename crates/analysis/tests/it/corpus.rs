//! Migrations of real projects, fetched by `cargo xtask fetch-corpus` and never committed.

use std::path::{Path, PathBuf};

/// Where the fetched files lie; `None`, with a word on why, where they were not fetched.
pub(crate) fn directory() -> Option<PathBuf> {
    let at = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache/corpus");
    if at.is_dir() {
        return Some(at);
    }
    eprintln!("skipped: no corpus; `cargo xtask fetch-corpus` brings it");
    None
}

/// Every SQL file of the corpus, in order, with its path within it.
pub(crate) fn sql_files(directory: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the corpus can be listed") {
            let path = entry.expect("the corpus can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().contains(".sql") {
                let name = path.strip_prefix(directory).expect("it lies within").display().to_string();
                files.push((name, std::fs::read_to_string(&path).expect("the corpus is UTF-8")));
            }
        }
    }
    files.sort();
    files
}
