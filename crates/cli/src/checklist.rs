//! The operator's list on the disk: finding, writing and ticking it.
//!
//! Promise: a file is replaced as a whole (written beside, brought to the disk, renamed), so
//! it is never half; a file that is no list of this database is never written to. A list is
//! of use to people only, so no command fails for it: what goes wrong is a note.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use cofferdam::status::StatusReport;
use cofferdam::{Project, audit, preflight, status};
use cofferdam_analysis::checklist::{self as list, Checklist, Done, Known};
use cofferdam_analysis::{Error, ErrorKind, Severity};
use serde::Serialize;

use crate::clock;
use crate::context::Context;
use crate::failure::Result;

/// Only so much of a file is read to see whether it is a list.
const HEAD: u64 = 8 * 1024;
/// No list is longer.
const LONGEST: u64 = 4 * 1024 * 1024;
/// Somebody may be writing to the file at the same moment.
const ATTEMPTS: u32 = 5;

/// What is said of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Report {
    /// Where it lies.
    pub(crate) file: String,
    /// Items that are ticked.
    pub(crate) done: usize,
    /// Items that are not.
    pub(crate) open: usize,
    /// The first that is not.
    pub(crate) next: Option<String>,
}

/// A command's answer, and the list that belongs to it.
#[derive(Debug, Serialize)]
pub(crate) struct With<'a, T> {
    #[serde(flatten)]
    pub(crate) report: &'a T,
    pub(crate) checklist: Option<Report>,
}

impl Report {
    fn of(path: &Path, text: &str) -> Self {
        let list::Summary { done, open, next } = list::summary(text);
        Self { file: path.display().to_string(), done, open, next }
    }

    /// `checklist deploy.md: 7 of 12 done, next: ...`
    pub(crate) fn line(&self) -> String {
        let Self { file, done, open, next } = self;
        let next = next.as_ref().map_or_else(String::new, |next| format!(", next: {next}"));
        format!("checklist {file}: {done} of {} done{next}", done + open)
    }
}

/// Files that are a list of somebody's: the named one, or those in the folders where one
/// is looked for.
///
/// # Errors
/// `Invalid` or `Refused` when the named file is none.
fn candidates(context: &Context, project: &Project, named: Option<&Path>) -> Result<Vec<PathBuf>, Error> {
    if let Some(path) = named {
        let text = read(path)?;
        list::header(&text).map_err(|error| error.while_(path.display().to_string()))?;
        return Ok(vec![path.to_owned()]);
    }
    let mut folders = vec![PathBuf::from(".")];
    folders.extend(context.config.folder().map(Path::to_owned));
    folders.push(project.folder.path.clone());
    let mut seen = Vec::new();
    let mut found = Vec::new();
    for folder in folders {
        let real = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        if seen.contains(&real) {
            continue;
        }
        seen.push(real);
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = if folder == Path::new(".") { PathBuf::from(entry.file_name()) } else { entry.path() };
            if path.extension().is_some_and(|extension| extension == "md") && looks_like_one(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Whether a file begins as a list does. Only ordinary files are opened: a pipe would keep us.
fn looks_like_one(path: &Path) -> bool {
    if !fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return false;
    }
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    read.is_ok() && list::header(&String::from_utf8_lossy(&head)).is_ok()
}

fn read(path: &Path) -> Result<String, Error> {
    let cannot = |why: String| Error::invalid(format!("cannot read the checklist {}: {why}", path.display()));
    let metadata = fs::metadata(path).map_err(|error| cannot(error.to_string()))?;
    if !metadata.is_file() || metadata.len() > LONGEST {
        return Err(cannot("it is no ordinary file, or too long for one".to_owned()));
    }
    fs::read_to_string(path).map_err(|error| cannot(error.to_string()))
}

/// The list of this database: of several the one that was changed last.
fn choose(candidates: Vec<PathBuf>, project: &Project, known: &Known) -> Option<PathBuf> {
    let identity = project.target.identity();
    let is_of = |path: &PathBuf| {
        let header = read(path).ok().and_then(|text| list::header(&text).ok());
        header.is_some_and(|header| header.is_of(&identity, known.database.as_deref()))
    };
    let changed =
        |path: &PathBuf| fs::metadata(path).and_then(|m| m.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    candidates.into_iter().filter(is_of).max_by_key(changed)
}

/// Ticks what the ledger says is done, in the list of this project's database, if there is
/// one. What went wrong is noted.
pub(crate) async fn tick(context: &Context, project: &Project, named: Option<&Path>) -> Option<Report> {
    let report = async {
        let found = candidates(context, project, named)?;
        if found.is_empty() {
            return Ok(None);
        }
        let mut known = preflight::progress(project).await?;
        // What is looked at afterwards holds only when there is nothing left to do.
        let settled = settled(&status::read(project).await?);
        let whole = settled && audit::read(project).await?.verified;
        known.checks =
            BTreeMap::from([("status".to_owned(), held(settled)), ("audit".to_owned(), held(whole))]);
        update(found, project, named, &known)
    };
    report.await.unwrap_or_else(|error: Error| {
        context.output.note(&format!("the checklist was not ticked: {}", error.message()));
        None
    })
}

/// The same for `status`, which has been asked about everything but the audit.
///
/// # Errors
/// When the named file is no list of this database.
pub(crate) async fn shown(
    context: &Context,
    project: &Project,
    named: Option<&Path>,
    report: &StatusReport,
) -> Result<Option<Report>> {
    let found = candidates(context, project, named)?;
    if found.is_empty() {
        return Ok(None);
    }
    let mut known = preflight::progress(project).await?;
    let settled = settled(report);
    known.checks = BTreeMap::from([("status".to_owned(), held(settled))]);
    if !settled {
        known.checks.insert("audit".to_owned(), None);
    }
    match update(found.clone(), project, named, &known) {
        Ok(report) => Ok(report),
        Err(error) if error.kind() == ErrorKind::Refused => Err(error.into()),
        // What stands in it is shown all the same.
        Err(error) => {
            context.output.note(&format!("the checklist was not ticked: {}", error.message()));
            let path = choose(found, project, &known);
            Ok(path.and_then(|path| read(&path).ok().map(|text| Report::of(&path, &text))))
        }
    }
}

fn held(holds: bool) -> Option<Done> {
    holds.then(|| Done { at: clock::now().text(), took: None })
}

fn settled(report: &StatusReport) -> bool {
    report.pending.is_empty()
        && report.run.is_none()
        && report.problems.iter().all(|problem| problem.severity == Severity::Note)
}

fn update(
    found: Vec<PathBuf>,
    project: &Project,
    named: Option<&Path>,
    known: &Known,
) -> Result<Option<Report>, Error> {
    let Some(path) = choose(found, project, known) else {
        return match named {
            Some(path) => Err(of_another(path, project)),
            None => Ok(None),
        };
    };
    for _ in 0..ATTEMPTS {
        let text = read(&path)?;
        let ticked = list::sync(&text, known)?;
        // Somebody may have saved the file in between: then theirs is read again.
        if ticked == text || replace(&path, Some(&text), &ticked)? {
            return Ok(Some(Report::of(&path, &ticked)));
        }
    }
    Err(Error::invalid(format!("{} was being changed all the time", path.display())))
}

fn of_another(path: &Path, project: &Project) -> Error {
    Error::refused(format!("{} is the checklist of another database than {}", path.display(), project.target))
        .hint("name the list of this database, or the database of this list")
}

/// Writes a new list to `path`. Of an older one of the same database the notes and the ticks
/// that still hold are kept.
///
/// # Errors
/// `Refused` when another file is there.
pub(crate) fn write(path: &Path, mut made: Checklist, project: &Project) -> Result<Report, Error> {
    for _ in 0..ATTEMPTS {
        let before = match path.symlink_metadata() {
            Ok(_) => Some(read(path)?),
            Err(_) => None,
        };
        if let Some(before) = &before {
            let header = list::header(before).map_err(|error| {
                error
                    .while_(format!("cannot write the checklist to {}", path.display()))
                    .hint("name another file")
            })?;
            if !header.is_of(&project.target.identity(), made.header.database.as_deref()) {
                return Err(of_another(path, project));
            }
            made.carry(&list::parse(before)?);
        }
        let text = made.render();
        if replace(path, before.as_deref(), &text)? {
            return Ok(Report::of(path, &text));
        }
    }
    Err(Error::invalid(format!("{} was being changed all the time", path.display())))
}

/// Puts `text` in the place of `before`; `false` when something else is there by now.
fn replace(path: &Path, before: Option<&str>, text: &str) -> Result<bool, Error> {
    // Through a link to the file itself.
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let cannot = |error: std::io::Error| {
        Error::invalid(format!("cannot write the checklist to {}: {error}", path.display()))
    };
    let name = path.file_name().ok_or_else(|| Error::invalid("a checklist needs the name of a file"))?;
    let part = format!(".{}.{}.cofferdam-part", name.to_string_lossy(), std::process::id());
    let part = path.with_file_name(part);
    let written = (|| {
        let mut file = File::create(&part)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        if let Ok(metadata) = fs::metadata(path) {
            file.set_permissions(metadata.permissions())?;
        }
        let same = match before {
            Some(before) => fs::read(path).is_ok_and(|now| now == before.as_bytes()),
            None => path.symlink_metadata().is_err(),
        };
        if same {
            fs::rename(&part, path)?;
        }
        Ok(same)
    })();
    if !matches!(written, Ok(true)) {
        // The reason of the failure matters more; the name says what it is.
        let _ = fs::remove_file(&part);
    }
    written.map_err(cannot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changed_in_between_is_not_replaced() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("deploy.md");
        assert!(replace(&path, None, "one").expect("written"));
        assert!(!replace(&path, None, "two").expect("no fault"));
        assert!(!replace(&path, Some("another"), "two").expect("no fault"));
        assert_eq!(fs::read_to_string(&path).expect("a file"), "one");
        assert!(replace(&path, Some("one"), "two").expect("written"));
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing lies beside it");
    }

    #[test]
    fn the_line_says_how_far_it_is_and_what_is_next() {
        let report = |next: Option<&str>| Report {
            file: "deploy.md".to_owned(),
            done: 7,
            open: usize::from(next.is_some()),
            next: next.map(str::to_owned),
        };
        assert_eq!(report(Some("a")).line(), "checklist deploy.md: 7 of 8 done, next: a");
        assert_eq!(report(None).line(), "checklist deploy.md: 7 of 7 done");
    }
}
