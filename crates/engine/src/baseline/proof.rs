//! Whether a file makes the schema that is there.

use cofferdam_analysis::catalog::{Catalog, Difference, DifferenceKind, Ignore, Object, diff};
use cofferdam_analysis::{Error, Result};

/// Compares what the file makes with the live schema; what says nothing about it comes back as notes.
///
/// # Errors
/// `Conflict` with a line for each difference.
pub(super) fn prove(built: &Catalog, live: &Catalog, file: &str, no_privileges: bool) -> Result<Vec<String>> {
    let (mut built, mut live) = (built.clone(), live.clone());
    let mut notes = Vec::new();
    even_versions(&mut built, &live, &mut notes);
    if without_tablespaces(&mut live) {
        notes.push("tablespaces are left out: a new database uses its default one".to_owned());
    }
    without_tablespaces(&mut built);
    // Names count here: a later migration drops a constraint by its name.
    let ignore = Ignore { owners: true, populated: true, privileges: no_privileges, ..Ignore::nothing() };
    let found = diff(&built, &live, &ignore);
    if found.is_empty() {
        return Ok(notes);
    }
    let count = found.len();
    let error = Error::conflict(format!(
        "{file} does not make the schema of this database: {count} {}; nothing was recorded",
        if count == 1 { "difference" } else { "differences" }
    ))
    .hint(
        "change the database or leave tables out with --exclude; where the schema holds what a dump \
         cannot (an invalid index, say), repair that first",
    );
    Err(found.iter().map(line).chain(notes).fold(error, Error::detail))
}

/// An extension's version is the server's: what is newest there is installed.
fn even_versions(built: &mut Catalog, live: &Catalog, notes: &mut Vec<String>) {
    for (id, object) in &mut built.objects {
        if let (Object::Extension(made), Some(Object::Extension(there))) = (object, live.objects.get(id))
            && made.version != there.version
        {
            notes.push(format!(
                "{id} has version {} here, and {} where the file was tried",
                there.version, made.version
            ));
            made.version.clone_from(&there.version);
        }
    }
}

fn without_tablespaces(catalog: &mut Catalog) -> bool {
    let mut any = false;
    for object in catalog.objects.values_mut() {
        let (own, indexes) = match object {
            Object::Table(table) => (&mut table.tablespace, &mut table.indexes),
            Object::View(view) => (&mut view.tablespace, &mut view.indexes),
            _ => continue,
        };
        any |= own.take().is_some();
        for index in indexes.values_mut() {
            any |= index.tablespace.take().is_some();
        }
    }
    any
}

fn line(difference: &Difference) -> String {
    let object = &difference.object;
    let said = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    match &difference.kind {
        DifferenceKind::Missing => format!("{object}: the file makes it, the database lacks it"),
        DifferenceKind::Extra => format!("{object}: only the database has it"),
        DifferenceKind::Different { property } => format!(
            "{property} of {object}: {} by the file, {} in the database",
            said(&difference.expected),
            said(&difference.live)
        ),
    }
}
