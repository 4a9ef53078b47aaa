//! Migrations of real projects, fetched by `cargo xtask fetch-corpus` and never committed.

use std::path::{Path, PathBuf};

use cofferdam_analysis::sql::Dialect;

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
            } else if [".sql", ".sql.postgres", ".sql.sqlite"]
                .iter()
                .any(|e| path.to_string_lossy().ends_with(e))
            {
                let name = path.strip_prefix(directory).expect("it lies within").display().to_string();
                files.push((name, std::fs::read_to_string(&path).expect("the corpus is UTF-8")));
            }
        }
    }
    files.sort();
    files
}

/// The files that are meant for `dialect`: by their names, and atuin's client keeps SQLite.
pub(crate) fn files_of(dialect: Dialect, directory: &Path) -> Vec<(String, String)> {
    let is_meant = |name: &str| match dialect {
        Dialect::Postgres => !name.ends_with(".sqlite") && !name.starts_with("atuin-client"),
        Dialect::Sqlite => !name.ends_with(".postgres") && !name.starts_with("atuin-server"),
    };
    let mut files = sql_files(directory);
    files.retain(|(name, _)| is_meant(name));
    files
}
