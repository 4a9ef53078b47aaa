//! What differs and is nobody's doing.

use std::collections::BTreeSet;

use cofferdam_analysis::catalog::{Catalog, Grantee, Ignore, Object, ObjectId, ObjectKind, QualifiedName};

use super::Options;
use crate::foreign::Surroundings;

/// Tables that tools keep beside their ledger.
const COMPANIONS: [&str; 4] =
    ["databasechangeloglock", "knex_migrations_lock", "ar_internal_metadata", "_yoyo_log"];

/// The comment and the rights that a new database's schema public has.
const PUBLIC_COMMENT: &str = "standard public schema";

/// What is left out of the comparison.
pub(super) fn ignored(
    options: &Options,
    around: &Surroundings,
    expected: &Catalog,
    live: &Catalog,
) -> Ignore {
    let mut tables = BTreeSet::new();
    for found in &around.foreign {
        tables.insert(full_name(found.table.schema.as_deref(), &found.table.name));
    }
    if !around.foreign.is_empty() {
        tables.extend(COMPANIONS.map(str::to_owned));
    }
    for catalog in [expected, live] {
        let relations =
            catalog.objects.iter().filter(|(_, o)| matches!(o, Object::Table(_) | Object::View(_)));
        for (id, _) in relations {
            if options.ignore.iter().any(|pattern| id.name.fits(pattern, catalog.engine)) {
                add_with_partitions(&mut tables, catalog, &id.name);
            }
        }
    }
    Ignore {
        privileges: !options.privileges,
        column_order: !options.column_order,
        tables,
        ..Ignore::default()
    }
}

fn add_with_partitions(tables: &mut BTreeSet<String>, catalog: &Catalog, name: &QualifiedName) {
    if tables.insert(full_name(name.schema.as_deref(), &name.name)) {
        for child in catalog.children_of(name) {
            add_with_partitions(tables, catalog, child);
        }
    }
}

fn full_name(schema: Option<&str>, name: &str) -> String {
    schema.map_or_else(|| name.to_owned(), |schema| format!("{schema}.{name}"))
}

/// Gives the expected catalog what only the live server can know.
pub(super) fn even(expected: &mut Catalog, live: &Catalog) {
    let roles = owners_of_each(expected, live);
    for (id, object) in &mut expected.objects {
        match (object, live.objects.get(id)) {
            // The comment comes with the installed version.
            (Object::Extension(made), Some(Object::Extension(there))) => {
                made.comment.clone_from(&there.comment);
            }
            // Databases made by older servers, and services, have it otherwise. A migration that
            // says something of it leaves something else than a new database has.
            (Object::Schema(made), Some(Object::Schema(there))) if id.name.name == "public" => {
                let as_new = made.privileges.as_ref().is_none_or(|granted| {
                    granted.len() == 1
                        && granted.get(&Grantee::Public).is_some_and(|rights| rights.len() == 1)
                });
                if as_new {
                    made.privileges.clone_from(&there.privileges);
                }
                if made.comment.as_deref() == Some(PUBLIC_COMMENT) {
                    made.comment.clone_from(&there.comment);
                }
            }
            _ => {}
        }
    }
    if let Some((scratch, own)) = roles {
        rename_defaults(expected, &scratch, &own);
    }
}

/// The role that ran the files in the scratch database, and the one that owns the same here.
fn owners_of_each(expected: &Catalog, live: &Catalog) -> Option<(String, String)> {
    let owner = |catalog: &Catalog, id: &ObjectId| match catalog.objects.get(id) {
        Some(Object::Table(table)) => table.owner.clone(),
        Some(Object::Schema(schema)) if id.name.name != "public" => schema.owner.clone(),
        Some(Object::Routine(routine)) => routine.owner.clone(),
        _ => None,
    };
    expected
        .objects
        .keys()
        .find_map(|id| Some((owner(expected, id)?, owner(live, id)?)))
        .filter(|(scratch, own)| scratch != own)
}

/// `ALTER DEFAULT PRIVILEGES` without a role means the one that runs it.
fn rename_defaults(expected: &mut Catalog, scratch: &str, own: &str) {
    let ids: Vec<ObjectId> =
        expected.of_kind(ObjectKind::DefaultPrivileges).map(|(id, _)| id.clone()).collect();
    for id in ids {
        let Some((objects, rest)) = id.name.name.split_once(" of ") else { continue };
        let renamed = match rest.strip_prefix(scratch) {
            Some("") => format!("{objects} of {own}"),
            Some(schema) if schema.starts_with(" in ") => format!("{objects} of {own}{schema}"),
            Some(_) | None => continue,
        };
        let renamed = ObjectId::new(ObjectKind::DefaultPrivileges, QualifiedName::bare(renamed));
        if let Some(object) = expected.objects.remove(&id) {
            expected.objects.insert(renamed, object);
        }
    }
}
