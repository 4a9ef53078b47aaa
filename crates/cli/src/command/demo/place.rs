//! A folder that goes with the demo.

use std::fs;
use std::path::{Path, PathBuf};

use cofferdam_analysis::{Error, Result};
use tempfile::TempDir;

/// A new folder, removed on drop.
#[derive(Debug)]
pub(super) struct Place(TempDir);

impl Place {
    /// Makes it below `within`, for the eyes of its owner only.
    ///
    /// # Errors
    /// `Invalid` when nothing can be made there.
    pub(super) fn make(within: &Path) -> Result<Self> {
        let made = within
            .canonicalize()
            .and_then(|within| tempfile::Builder::new().prefix("cofferdam-demo-").tempdir_in(within));
        made.map(Self).map_err(|error| {
            Error::invalid(format!("cannot make a folder in {}: {error}", within.display()))
                .hint("name another place: cofferdam demo --in DIR")
                .source(error)
        })
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Lets it stay.
    pub(super) fn keep(self) {
        let _ = self.0.keep();
    }

    /// A folder in it, with an empty folder for migrations and the configuration that
    /// lets every command work there: with `--keep` people go on by hand.
    pub(super) fn project(&self, name: &str, database_url: &str) -> Result<PathBuf> {
        let path = self.path().join(name);
        let migrations = path.join("migrations");
        fs::create_dir_all(&migrations).map_err(|error| cannot_write(&migrations, &error))?;
        write(&path.join("cofferdam.toml"), &format!("database_url = \"{database_url}\"\n"))?;
        Ok(path)
    }
}

/// Writes a file.
pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|error| cannot_write(path, &error))
}

/// Removes a file.
pub(super) fn remove(path: &Path) -> Result<()> {
    fs::remove_file(path)
        .map_err(|error| Error::invalid(format!("cannot remove {}: {error}", path.display())))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Error {
    Error::invalid(format!("cannot write {}: {error}", path.display()))
}
