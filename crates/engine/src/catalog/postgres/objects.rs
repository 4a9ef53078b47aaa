//! What is no relation: schemas, types, routines, extensions, publications and the rest.

use std::collections::BTreeMap;

use cofferdam_analysis::catalog::{
    Defined, Domain, EventTrigger, Extension, Object, ObjectId, ObjectKind, Publication, QualifiedName,
    Routine, Schema, Server, Type, TypeShape,
};
use cofferdam_analysis::{Error, Result};
use tokio_postgres::Row;

use super::assemble::{Assembly, class, options, unknown, withheld};
use super::parts::enabled;
use super::{get, privileges};

/// Adds schemas.
pub(super) fn schemas(assembly: &mut Assembly, rows: &[Row]) -> Result<()> {
    for row in rows {
        let oid: u32 = get(row, "oid")?;
        let schema = Schema {
            owner: get(row, "owner")?,
            privileges: assembly.privileges(class::SCHEMA, oid),
            comment: assembly.comment(class::SCHEMA, oid),
        };
        let id = ObjectId::new(ObjectKind::Schema, QualifiedName::bare(get::<&str>(row, "name")?));
        assembly.add(class::SCHEMA, oid, id, Object::Schema(schema));
    }
    Ok(())
}

/// Adds enums, domains, ranges and base types.
pub(super) fn types(assembly: &mut Assembly, rows: &[Row]) -> Result<()> {
    for row in rows {
        let oid: u32 = get(row, "oid")?;
        let name = QualifiedName::new(get::<&str>(row, "schema")?, get::<&str>(row, "name")?);
        let definition = || get::<Option<String>>(row, "definition").map(Option::unwrap_or_default);
        let shape = match get(row, "kind")? {
            "e" => TypeShape::Enum { labels: get::<Option<Vec<String>>>(row, "labels")?.unwrap_or_default() },
            "r" => TypeShape::Range { definition: definition()? },
            "b" | "p" => TypeShape::Base { definition: definition()? },
            "d" => {
                let domain = domain(assembly, row, oid)?;
                add_type(assembly, row, ObjectId::new(ObjectKind::Domain, name), Object::Domain(domain))?;
                continue;
            }
            other => return Err(unknown("kind of type", other)),
        };
        let found = Type {
            shape,
            create: get(row, "create")?,
            owner: get(row, "owner")?,
            privileges: assembly.privileges(class::TYPE, oid),
            comment: assembly.comment(class::TYPE, oid),
        };
        add_type(assembly, row, ObjectId::new(ObjectKind::Type, name), Object::Type(found))?;
    }
    Ok(())
}

/// What uses an array of a type uses the type.
fn add_type(assembly: &mut Assembly, row: &Row, id: ObjectId, object: Object) -> Result<()> {
    let array: u32 = get(row, "array_type")?;
    if array != 0 {
        assembly.ids.insert((class::TYPE, array), id.clone());
    }
    assembly.add(class::TYPE, get(row, "oid")?, id, object);
    Ok(())
}

fn domain(assembly: &Assembly, row: &Row, oid: u32) -> Result<Domain> {
    Ok(Domain {
        type_: get(row, "base")?,
        not_null: get(row, "not_null")?,
        default: get(row, "expression")?,
        collation: get(row, "collation")?,
        constraints: BTreeMap::new(),
        owner: get(row, "owner")?,
        privileges: assembly.privileges(class::TYPE, oid),
        comment: assembly.comment(class::TYPE, oid),
    })
}

/// Adds functions, procedures and aggregates.
pub(super) fn routines(assembly: &mut Assembly, rows: &[Row]) -> Result<()> {
    for row in rows {
        let oid: u32 = get(row, "oid")?;
        let letter: &str = get(row, "kind")?;
        let kind = match letter {
            "f" | "w" => ObjectKind::Function,
            "p" => ObjectKind::Procedure,
            "a" => ObjectKind::Aggregate,
            other => return Err(unknown("kind of routine", other)),
        };
        let name = QualifiedName::new(get::<&str>(row, "schema")?, get::<&str>(row, "name")?);
        let routine = Routine {
            arguments: get(row, "arguments")?,
            result: get(row, "result")?,
            language: get(row, "language")?,
            body: get(row, "body")?,
            library: get(row, "library")?,
            volatility: get(row, "volatility")?,
            parallel: get(row, "parallel")?,
            strict: get(row, "strict")?,
            security_definer: get(row, "security_definer")?,
            leakproof: get(row, "leakproof")?,
            window: letter == "w",
            cost: get(row, "cost")?,
            rows: get(row, "rows")?,
            settings: options(get(row, "settings")?),
            support: get(row, "support")?,
            create: get(row, "create")?,
            owner: get(row, "owner")?,
            privileges: assembly.privileges(class::ROUTINE, oid),
            comment: assembly.comment(class::ROUTINE, oid),
        };
        let id = ObjectId::part(kind, name, get::<&str>(row, "types")?);
        assembly.add(class::ROUTINE, oid, id, Object::Routine(routine));
    }
    Ok(())
}

/// Adds extensions.
pub(super) fn extensions(assembly: &mut Assembly, rows: &[Row]) -> Result<()> {
    for row in rows {
        let oid: u32 = get(row, "oid")?;
        let extension = Extension {
            version: get(row, "version")?,
            schema: get(row, "schema")?,
            comment: assembly.comment(class::EXTENSION, oid),
        };
        let id = ObjectId::new(ObjectKind::Extension, QualifiedName::bare(get::<&str>(row, "name")?));
        assembly.add(class::EXTENSION, oid, id, Object::Extension(extension));
    }
    Ok(())
}

/// Adds event triggers.
pub(super) fn event_triggers(assembly: &mut Assembly, rows: &[Row]) -> Result<()> {
    for row in rows {
        let oid: u32 = get(row, "oid")?;
        let tags: Option<Vec<String>> = get(row, "tags")?;
        let trigger = EventTrigger {
            event: get(row, "event")?,
            tags: tags.unwrap_or_default().into_iter().collect(),
            function: get(row, "function")?,
            enabled: enabled(get(row, "enabled")?)?,
            owner: get(row, "owner")?,
            comment: assembly.comment(class::EVENT_TRIGGER, oid),
        };
        let id = ObjectId::new(ObjectKind::EventTrigger, QualifiedName::bare(get::<&str>(row, "name")?));
        assembly.add(class::EVENT_TRIGGER, oid, id, Object::EventTrigger(trigger));
    }
    Ok(())
}

/// Adds publications.
pub(super) fn publications(assembly: &mut Assembly, rows: &[Row]) -> Result<()> {
    for row in rows {
        let oid: u32 = get(row, "oid")?;
        let list = |name| get::<Option<Vec<String>>>(row, name).map(Option::unwrap_or_default);
        let mut set = BTreeMap::from([("publish".to_owned(), get::<String>(row, "publish")?)]);
        if get(row, "via_root")? {
            set.insert("publish_via_partition_root".to_owned(), "true".to_owned());
        }
        // Since Postgres 18: `n` is none, the default.
        if let Some(columns) = get::<Option<String>>(row, "generated_columns")?.filter(|c| c != "n") {
            set.insert("publish_generated_columns".to_owned(), columns);
        }
        let publication = Publication {
            all_tables: get(row, "all_tables")?,
            options: set,
            tables: list("tables")?.into_iter().zip(list("details")?).collect(),
            schemas: list("schemas")?.into_iter().collect(),
            owner: get(row, "owner")?,
            comment: assembly.comment(class::PUBLICATION, oid),
        };
        let id = ObjectId::new(ObjectKind::Publication, QualifiedName::bare(get::<&str>(row, "name")?));
        assembly.add(class::PUBLICATION, oid, id, Object::Publication(publication));
    }
    Ok(())
}

/// Adds foreign servers and foreign-data wrappers.
pub(super) fn servers(assembly: &mut Assembly, rows: &[Row]) -> Result<()> {
    /// `pg_foreign_server`'s own number.
    const SERVER: u32 = 1417;
    for row in rows {
        let (class, oid): (u32, u32) = (get(row, "class")?, get(row, "oid")?);
        let server = Server {
            definition: get(row, "definition")?,
            options: withheld(get(row, "options")?),
            create: get(row, "create")?,
            owner: get(row, "owner")?,
            privileges: assembly.privileges(class, oid),
            comment: assembly.comment(class, oid),
        };
        let kind = if class == SERVER { ObjectKind::Server } else { ObjectKind::ForeignDataWrapper };
        let id = ObjectId::new(kind, QualifiedName::bare(get::<&str>(row, "name")?));
        assembly.add(class, oid, id, Object::Server(server));
    }
    Ok(())
}

/// Adds what `ALTER DEFAULT PRIVILEGES` set.
pub(super) fn default_privileges(assembly: &mut Assembly, rows: &[Row]) -> Result<()> {
    for row in rows {
        let granted = privileges::granted(&get::<Vec<&str>>(row, "granted")?)?;
        let told: Vec<String> = granted
            .iter()
            .map(|(grantee, rights)| {
                format!("{} to {grantee}", rights.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
            })
            .collect();
        let (objects, role): (&str, &str) = (get(row, "objects")?, get(row, "role")?);
        let everywhere = format!("{objects} of {role}");
        let name = match get::<Option<&str>>(row, "schema")? {
            Some(schema) => format!("{everywhere} in {schema}"),
            None => everywhere,
        };
        let id = ObjectId::new(ObjectKind::DefaultPrivileges, QualifiedName::bare(name));
        let object = Object::Defined(Defined { definition: told.join("; "), ..Defined::default() });
        assembly.catalog.objects.insert(id, object);
    }
    Ok(())
}

/// Adds what is compared by its text alone.
pub(super) fn defined(assembly: &mut Assembly, rows: &[Row]) -> Result<()> {
    for row in rows {
        let (class, oid): (u32, u32) = (get(row, "class")?, get(row, "oid")?);
        let kind = match get(row, "kind")? {
            "collation" => ObjectKind::Collation,
            "operator" => ObjectKind::Operator,
            "operator-family" => ObjectKind::OperatorFamily,
            "operator-class" => ObjectKind::OperatorClass,
            "cast" => ObjectKind::Cast,
            "dictionary" => ObjectKind::TextSearchDictionary,
            "configuration" => ObjectKind::TextSearchConfiguration,
            "conversion" => ObjectKind::Conversion,
            "language" => ObjectKind::Language,
            "statistics" => ObjectKind::Statistics,
            other => return Err(Error::bug(format!("the catalog query tells of a `{other}`"))),
        };
        let name = QualifiedName { schema: get(row, "schema")?, name: get::<String>(row, "name")? };
        let object = Defined {
            definition: get::<Option<String>>(row, "definition")?.unwrap_or_default(),
            create: get::<Option<Vec<String>>>(row, "create")?.unwrap_or_default(),
            owner: get(row, "owner")?,
            privileges: assembly.privileges(class, oid),
            comment: assembly.comment(class, oid),
        };
        let id = ObjectId { kind, name, part: get(row, "part")? };
        assembly.add(class, oid, id, Object::Defined(object));
    }
    Ok(())
}
