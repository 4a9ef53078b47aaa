//! What a run has to do, or why it must not: decided from what stands there.

use cofferdam_analysis::catalog::{Catalog, Object};
use cofferdam_analysis::{Error, Result};

use super::exclude::Excluded;
use super::{NAME, Options};
use crate::folder::{Folder, Migration};
use crate::foreign::Surroundings;
use crate::ledger::{History, Kind};

/// What to do.
#[derive(Debug)]
pub(super) enum Way<'a> {
    /// Write a file of this name and version, which begins as the format wants it.
    Write { version: String, file: String, template: &'static str },
    /// Count the folder's first file.
    Count(&'a Migration),
    /// The folder's first file counts already.
    Already(&'a Migration),
}

/// What stands in a target.
pub(super) struct Standing<'a> {
    pub(super) target: String,
    pub(super) history: &'a History,
    pub(super) around: &'a Surroundings,
    pub(super) catalog: &'a Catalog,
}

/// Decides.
///
/// # Errors
/// `Refused` and `Invalid`, with what to do instead.
pub(super) fn way<'a>(
    standing: &Standing<'_>,
    folder: &'a Folder,
    excluded: &Excluded,
    options: &Options,
) -> Result<Way<'a>> {
    if let Some(way) = counted(standing, folder)? {
        return Ok(way);
    }
    foreign(standing, excluded)?;
    if is_empty(standing.catalog) {
        return Err(Error::invalid(format!("{} is empty: there is nothing to take over", standing.target))
            .hint("cofferdam migrate applies the folder's migrations"));
    }
    match folder.migrations().first() {
        Some(first) if first.name == NAME => Ok(Way::Count(first)),
        Some(first) => Err(Error::refused(format!(
            "{} holds migrations already, and the first, {}, is no baseline",
            folder.path.display(),
            first.file_name()
        ))
        .hint(
            "if they made this database, take over what their tool recorded: cofferdam adopt; if it \
             has nothing to do with them, name another folder with --dir",
        )),
        None => {
            let version = folder.format.first_version(options.now);
            let mut files = folder.format.new_files(&version, NAME, false)?.into_iter();
            // A file that takes a baseline back would drop everything: none is written.
            let (file, template) = files.next().ok_or_else(|| Error::bug("a migration without a file"))?;
            Ok(Way::Write { version, file, template })
        }
    }
}

/// A ledger that counts something: this very baseline, or else no place for one.
fn counted<'a>(standing: &Standing<'_>, folder: &'a Folder) -> Result<Option<Way<'a>>> {
    let applied = match standing.history.applied.as_slice() {
        [] if standing.history.open_run.is_none() => return Ok(None),
        applied => applied,
    };
    if let [one] = applied
        && one.kind == Kind::Baseline
        && let Some(first) = folder.migrations().first()
        && standing.history.of(folder.format, first.version.key()).is_some()
        && one.checksum == Some(first.checksum)
    {
        return Ok(Some(Way::Already(first)));
    }
    let count = applied.len();
    Err(Error::refused(format!(
        "the ledger of {} knows {count} applied {} already: it is under management",
        standing.target,
        if count == 1 { "migration" } else { "migrations" }
    ))
    .hint("cofferdam status shows them"))
}

/// Another tool's ledger means that the database has a history.
fn foreign(standing: &Standing<'_>, excluded: &Excluded) -> Result<()> {
    let Some(found) = standing.around.foreign.iter().find(|found| !excluded.has_name(&found.table.name))
    else {
        return Ok(());
    };
    let leave = format!("if that tool is no longer used: cofferdam baseline --exclude {}", found.table);
    let hint = match found.can_be_adopted() {
        true => format!("cofferdam adopt takes its history over, in place; {leave}"),
        false => leave,
    };
    Err(Error::refused(format!(
        "{} has the ledger {} of {}: its migrations are its history",
        standing.target,
        found.table,
        found.tool.name()
    ))
    .hint(hint))
}

/// Every database has a schema `public` and procedural languages.
fn is_empty(catalog: &Catalog) -> bool {
    catalog.objects.iter().all(|(id, object)| match object {
        Object::Schema(_) => id.name.name == "public",
        Object::Extension(_) => id.name.name == "plpgsql",
        _ => false,
    })
}
