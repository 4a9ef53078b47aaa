//! The migration file on disk: there as a whole, or not at all.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use cofferdam_analysis::{Error, Result};

use crate::crash::{self, CrashPoint};

/// A file that is written and has no name yet. Goes with the value unless it is named.
#[derive(Debug)]
pub(super) struct Unnamed {
    temporary: PathBuf,
    path: PathBuf,
}

/// Writes `text` beside `path`, to the disk.
///
/// # Errors
/// `Refused` when `path` is there, `Invalid` when the folder cannot be written to.
pub(super) fn write(path: &Path, text: &str) -> Result<Unnamed> {
    if path.exists() {
        return Err(exists(path));
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|error| cannot(folder, &error))?;
    let temporary = temporary(path);
    let unnamed = Unnamed { temporary, path: path.to_owned() };
    let write = || {
        let mut file = File::create(&unnamed.temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|error| cannot(path, &error))?;
    crash::hit(CrashPoint::BaselineWritten);
    Ok(unnamed)
}

/// Removes what a killed run left of a file that stands by now.
pub(super) fn clear(path: &Path) {
    // Most often there is nothing.
    let _ = fs::remove_file(temporary(path));
}

/// No `.sql` at its end: nobody takes it for a migration. A killed run's is replaced.
fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.unfinished"))
}

impl Unnamed {
    /// Gives it its name, unless another file has it by now.
    pub(super) fn name(&self) -> Result<()> {
        // Unlike a rename a link never replaces what is there.
        match fs::hard_link(&self.temporary, &self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(exists(&self.path));
            }
            Ok(()) => clear(&self.path),
            // Not every file system has links.
            Err(_) if self.path.exists() => return Err(exists(&self.path)),
            Err(_) => fs::rename(&self.temporary, &self.path).map_err(|error| cannot(&self.path, &error))?,
        }
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let synced = File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all());
        synced.map_err(|error| cannot(&self.path, &error))?;
        crash::hit(CrashPoint::BaselineNamed);
        Ok(())
    }
}

impl Drop for Unnamed {
    fn drop(&mut self) {
        // After the name was given by a rename it is not there any more.
        let _ = fs::remove_file(&self.temporary);
    }
}

fn exists(path: &Path) -> Error {
    Error::refused(format!("{} exists already", path.display()))
        .hint("move it away, or name another folder with --dir")
}

fn cannot(path: &Path, error: &std::io::Error) -> Error {
    Error::invalid(format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("readable").flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_file_is_there_by_its_name_or_not_at_all_and_replaces_nothing() {
        let root = tempfile::tempdir().expect("a directory");
        let path = root.path().join("migrations/0001_baseline.sql");
        let folder = root.path().join("migrations");
        drop(write(&path, "select 1;").expect("a new file"));
        assert_eq!(names(&folder), Vec::<String>::new());
        let unnamed = write(&path, "select 1;").expect("a new file");
        fs::write(&path, "mine").expect("somebody else's");
        assert_eq!(unnamed.name().expect_err("it is there").kind(), crate::ErrorKind::Refused);
        drop(unnamed);
        assert_eq!((fs::read_to_string(&path).expect("kept").as_str(), names(&folder).len()), ("mine", 1));
        fs::remove_file(&path).expect("ours");
        write(&path, "select 1;").and_then(|unnamed| unnamed.name()).expect("named");
        assert_eq!(names(&folder), ["0001_baseline.sql"]);
    }
}
