//! What lies in a migrations folder, and its files' texts.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use cofferdam_analysis::{Error, Result};

/// The files of a folder, and those of its folders, sorted by name.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) root: PathBuf,
    /// Files of the folder itself, by name.
    pub(super) files: Vec<String>,
    /// Its folders with the files in each. Folders in those are not looked at.
    pub(super) folders: Vec<(String, Vec<String>)>,
}

/// A file's text.
pub(super) struct Text {
    /// Without byte order mark.
    pub(super) text: String,
    /// As it stands.
    pub(super) bytes: Vec<u8>,
}

impl Listing {
    pub(super) fn of(root: &Path) -> Result<Listing> {
        let mut listing = Listing { root: root.to_owned(), files: Vec::new(), folders: Vec::new() };
        for (name, is_folder) in entries(root)? {
            match is_folder {
                false => listing.files.push(name),
                true => {
                    let inner = entries(&root.join(&name))?;
                    let files = inner.into_iter().filter(|(_, folder)| !folder).map(|(name, _)| name);
                    listing.folders.push((name, files.collect()));
                }
            }
        }
        Ok(listing)
    }

    /// The `.sql` files of the folder itself.
    pub(super) fn sql(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str).filter(|name| is_sql(name))
    }

    /// The files of the folder and of all folders below it, as paths with `/`, sorted.
    pub(super) fn below(&self) -> Result<Vec<String>> {
        let mut found = self.files.clone();
        let mut open: Vec<String> = self.folders.iter().map(|(name, _)| name.clone()).collect();
        let mut seen = std::collections::HashSet::new();
        while let Some(folder) = open.pop() {
            let path = self.root.join(&folder);
            // A link may lead back to where it stands.
            if !seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone())) {
                continue;
            }
            for (name, is_folder) in entries(&path)? {
                let list = if is_folder { &mut open } else { &mut found };
                list.push(format!("{folder}/{name}"));
            }
        }
        found.sort();
        Ok(found)
    }

    /// Whether one of the folders holds a file of this name.
    pub(super) fn has_in_folders(&self, file: &str) -> bool {
        self.folders.iter().any(|(_, files)| files.iter().any(|f| f == file))
    }

    /// The first `limit` bytes of a file; empty when it cannot be read.
    pub(super) fn head(&self, file: &str, limit: u64) -> String {
        let mut bytes = Vec::new();
        if let Ok(open) = fs::File::open(self.root.join(file)) {
            // What cannot be read now is named when the file is read as a migration.
            let _ = open.take(limit).read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The path of one of its files.
    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }
}

pub(super) fn is_sql(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|e| e.eq_ignore_ascii_case("sql"))
}

fn entries(path: &Path) -> Result<Vec<(String, bool)>> {
    let cannot = |e: std::io::Error| {
        let hint = match e.kind() {
            std::io::ErrorKind::NotFound => "name the folder with --dir, or make one: cofferdam new NAME",
            _ => "the user who runs this must be able to read the folder and its files",
        };
        Error::invalid(format!("cannot read the migrations folder {}: {}", path.display(), plain(&e)))
            .hint(hint)
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Hidden ones are nobody's migrations (.git, .keep, an editor's locks).
        if !name.starts_with('.') {
            found.push((name, entry.path().is_dir()));
        }
    }
    found.sort();
    Ok(found)
}

/// The text of a migration file.
///
/// # Errors
/// `Invalid` for what cannot be read or is not UTF-8, with the byte and the line.
pub(super) fn read_text(path: &Path) -> Result<Text> {
    let bytes = fs::read(path).map_err(|e| {
        Error::invalid(format!("cannot read {}: {}", path.display(), plain(&e)))
            .hint("the user who runs this must be able to read the folder and its files")
    })?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => {
            let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
            Ok(Text { text, bytes })
        }
        Err(e) => {
            let upto = e.valid_up_to();
            let line = bytes[..upto].iter().filter(|b| **b == b'\n').count() + 1;
            Err(Error::invalid(format!("{} is not UTF-8: byte {upto}, in line {line}", path.display()))
                .hint("save the file as UTF-8 (an editor may have saved Latin-1 or UTF-16)"))
        }
    }
}

/// An operating system's error without its number.
fn plain(e: &std::io::Error) -> String {
    match e.kind() {
        std::io::ErrorKind::NotFound => "it does not exist".to_owned(),
        std::io::ErrorKind::PermissionDenied => "no permission".to_owned(),
        _ => e.to_string(),
    }
}
