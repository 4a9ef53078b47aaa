//! What every chore that fills a directory does with files.

use std::fs;
use std::path::Path;

use crate::Failure;

/// Removes a directory, if it is there.
pub(crate) fn clear(directory: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(directory) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(cannot("remove", directory)(e)),
        _ => Ok(()),
    }
}

/// What a failed call on a path is told as.
pub(crate) fn cannot(what: &str, path: &Path) -> impl FnOnce(std::io::Error) -> Failure {
    let message = format!("cannot {what} {}", path.display());
    move |e| Failure::here(format!("{message}: {e}"))
}
