//! Which files the expected schema is made of.

use cofferdam_analysis::sql::Dialect;
use cofferdam_analysis::{Error, Result};

use crate::folder::{Folder, Format, Migration};
use crate::ledger::History;
use crate::replay::Source;

/// The applied migrations in the order in which they ran, and what to say about them.
#[derive(Debug)]
pub(super) struct Applied {
    pub(super) sources: Vec<Source>,
    pub(super) notes: Vec<String>,
}

/// Finds the file of everything that counts as applied.
///
/// # Errors
/// `Invalid` when nothing counts as applied, or a file is not there.
pub(super) fn applied(
    history: &History,
    folder: &Folder,
    target: &str,
    has_ledger: bool,
    dialect: Dialect,
) -> Result<Applied> {
    if history.applied.is_empty() {
        return Err(nothing(target, has_ledger));
    }
    let mut found = Applied { sources: Vec::new(), notes: Vec::new() };
    for row in &history.applied {
        let file = |migration: &&Migration| row.key(folder.format).as_ref() == Some(migration.version.key());
        let Some(migration) = folder.migrations().iter().find(file) else {
            return Err(Error::invalid(format!(
                "{} counts as applied, and {} has no file of it: what it made is not known",
                row.title(),
                folder.path.display()
            ))
            .hint("bring the file back, or name the right folder with --dir; cofferdam status shows all of them"));
        };
        if let Some(why) = unknown(folder, migration) {
            return Err(Error::invalid(format!(
                "{why}: what it made is not known, so nothing can be compared"
            ))
            .hint("diff needs migrations whose SQL is known; for programs ask their own tool for drift"));
        }
        if row.checksum.is_some_and(|checksum| checksum != migration.checksum) {
            let title = row.title();
            found
                .notes
                .push(format!("{title} was edited after it was applied: the file as it is now is compared"));
        }
        found.sources.push(Source::of(migration, dialect));
    }
    if let Some(run) = &history.open_run {
        found.notes.push(format!(
            "a run of `{}` is not finished: what it did so far shows as differences",
            run.command
        ));
    }
    Ok(found)
}

/// Why the text of a migration does not say what it made.
fn unknown(folder: &Folder, migration: &Migration) -> Option<String> {
    let no_sql = folder.format == Format::Command && migration.text.is_empty();
    let program = no_sql.then(|| format!("{} is a program whose SQL is not known", migration.version));
    migration.not_ours_to_run().or(program)
}

fn nothing(target: &str, has_ledger: bool) -> Error {
    let why = if has_ledger { "counts no migration as applied" } else { "has no ledger of ours" };
    Error::invalid(format!("{target} {why}: nothing says what to expect of it")).hint(
        "cofferdam adopt takes another tool's history over, cofferdam baseline a database that no \
         tool manages; cofferdam migrate applies the folder",
    )
}
