//! What lies in a migrations folder, and its files' texts.
//!
//! The folder is on disk, or it was made part of the program when that was built. Every
//! format reads through a [`Listing`], so that both are read by the same rules.

use std::collections::HashMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cofferdam_analysis::{Error, Result};
use include_dir::{Dir, DirEntry};

use super::migration::Down;

/// The files of a folder, and those of its folders, sorted by name.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) root: PathBuf,
    /// Files of the folder itself, by name.
    pub(super) files: Vec<String>,
    /// Its folders with the files in each. Folders in those are not looked at.
    pub(super) folders: Vec<(String, Vec<String>)>,
    held: Held,
}

/// Where a folder's files are.
#[derive(Clone, Copy, Default)]
pub(super) enum Source {
    /// Where its path says.
    #[default]
    Disk,
    /// In the program; its path is only what people call it.
    Program(&'static Dir<'static>),
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Source::Disk => "Disk",
            // The files themselves would fill pages.
            Source::Program(_) => "Program",
        })
    }
}

/// The files' bytes, as far as they are at hand.
#[derive(Debug)]
enum Held {
    OnDisk,
    /// By path below the folder, with `/`.
    Here(HashMap<String, &'static [u8]>),
}

/// A file's text.
#[derive(Default)]
pub(super) struct Text {
    /// Without byte order mark.
    pub(super) text: Arc<str>,
    /// As it stands.
    pub(super) bytes: Vec<u8>,
}

impl Listing {
    pub(super) fn of(root: &Path, source: Source) -> Result<Listing> {
        match source {
            Source::Disk => Listing::of_disk(root),
            Source::Program(folder) => Ok(Listing::of_program(root, folder)),
        }
    }

    fn of_disk(root: &Path) -> Result<Listing> {
        let (files, folders) = (Vec::new(), Vec::new());
        let mut listing = Listing { root: root.to_owned(), files, folders, held: Held::OnDisk };
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

    fn of_program(root: &Path, folder: &'static Dir<'static>) -> Listing {
        let mut held = HashMap::new();
        hold(folder, &mut held);
        let names = |folder: &'static Dir<'static>, folders: bool| {
            let wanted = folder.entries().iter().filter(move |entry| entry.as_dir().is_some() == folders);
            let mut names: Vec<(String, &DirEntry<'static>)> =
                wanted.filter_map(|entry| Some((shown(entry)?, entry))).collect();
            names.sort_by(|(a, _), (b, _)| a.cmp(b));
            names
        };
        let files = |folder| names(folder, false).into_iter().map(|(name, _)| name).collect();
        let folders = names(folder, true).into_iter().filter_map(|(name, entry)| {
            let inner = entry.as_dir()?;
            Some((name, files(inner)))
        });
        Listing {
            root: root.to_owned(),
            files: files(folder),
            folders: folders.collect(),
            held: Held::Here(held),
        }
    }

    /// Whether the folder is a place that other files may stand around.
    pub(super) fn is_on_disk(&self) -> bool {
        matches!(self.held, Held::OnDisk)
    }

    /// The `.sql` files of the folder itself.
    pub(super) fn sql(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str).filter(|name| is_sql(name))
    }

    /// The files of the folder and of all folders below it, as paths with `/`, sorted.
    pub(super) fn below(&self) -> Result<Vec<String>> {
        let mut found = match &self.held {
            Held::OnDisk => self.files.clone(),
            Held::Here(held) => {
                let mut all: Vec<String> = held.keys().cloned().collect();
                all.sort();
                return Ok(all);
            }
        };
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
        if let Held::Here(held) = &self.held {
            let whole = held.get(file).copied().unwrap_or_default();
            let end = usize::try_from(limit).unwrap_or(usize::MAX).min(whole.len());
            return String::from_utf8_lossy(&whole[..end]).into_owned();
        }
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

    /// Whether there is such a file.
    pub(super) fn has(&self, file: &str) -> bool {
        match &self.held {
            Held::OnDisk => self.path(file).exists(),
            Held::Here(held) => held.contains_key(file),
        }
    }

    /// The text of one of its files.
    ///
    /// # Errors
    /// Those of [`read_text`].
    pub(super) fn text(&self, file: &str) -> Result<Text> {
        match &self.held {
            Held::OnDisk => read_text(&self.path(file)),
            Held::Here(held) => match held.get(file) {
                Some(bytes) => text_of(&self.path(file), bytes.to_vec()),
                None => Err(Error::bug(format!("{file} is listed and is not in the program"))),
            },
        }
    }

    /// One of its files as a way back. On disk it is read when it is needed.
    ///
    /// # Errors
    /// Those of [`Listing::text`].
    pub(super) fn down(&self, file: &str) -> Result<Down> {
        let path = self.path(file);
        Ok(match &self.held {
            Held::OnDisk => Down::File(path),
            Held::Here(_) => Down::Known { path, text: self.text(file)?.text },
        })
    }
}

/// Puts the files of a folder and of those below it together. Hidden ones are nobody's
/// migrations, as on disk.
fn hold(folder: &'static Dir<'static>, held: &mut HashMap<String, &'static [u8]>) {
    for entry in folder.entries().iter().filter(|entry| shown(entry).is_some()) {
        match entry {
            DirEntry::Dir(inner) => hold(inner, held),
            DirEntry::File(file) => {
                held.insert(file.path().to_string_lossy().into_owned(), file.contents());
            }
        }
    }
}

/// The name of a file or folder that is not hidden.
fn shown(entry: &DirEntry<'static>) -> Option<String> {
    let name = entry.path().file_name()?.to_string_lossy().into_owned();
    (!name.starts_with('.')).then_some(name)
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
    text_of(path, bytes)
}

fn text_of(path: &Path, bytes: Vec<u8>) -> Result<Text> {
    match std::str::from_utf8(&bytes) {
        Ok(text) => {
            let text = text.strip_prefix('\u{feff}').unwrap_or(text).into();
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
