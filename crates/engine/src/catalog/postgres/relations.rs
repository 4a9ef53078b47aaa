//! Tables, views, composite types and their columns; sequences.

use std::collections::BTreeMap;

use cofferdam_analysis::catalog::{
    Column, Estimates, Generated, Identity, Object, ObjectId, ObjectKind, Partitioning, QualifiedName,
    ReplicaIdentity, Sequence, SequenceRange, Table, TableKind, Type, TypeShape, View,
};
use cofferdam_analysis::{Error, Result};
use tokio_postgres::Row;

use super::assemble::{Assembly, class, options, unknown, withheld};
use super::get;

/// Adds every relation, without its columns.
pub(super) fn relations(assembly: &mut Assembly, rows: &[Row]) -> Result<()> {
    for row in rows {
        let oid: u32 = get(row, "oid")?;
        let name = QualifiedName::new(get::<&str>(row, "schema")?, get::<&str>(row, "name")?);
        let (kind, object) = match get(row, "kind")? {
            "r" => (ObjectKind::Table, table(assembly, row, oid, TableKind::Ordinary)?),
            "p" => (ObjectKind::Table, table(assembly, row, oid, TableKind::Partitioned)?),
            "f" => (ObjectKind::Table, table(assembly, row, oid, TableKind::Foreign)?),
            "v" => (ObjectKind::View, view(assembly, row, oid, false)?),
            "m" => (ObjectKind::MaterializedView, view(assembly, row, oid, true)?),
            "c" => (ObjectKind::Type, composite(assembly, row)?),
            other => return Err(unknown("relation kind", other)),
        };
        let id = ObjectId::new(kind, name);
        // What uses the row type, or an array of it, uses the relation.
        for row_type in ["row_type", "array_type"] {
            if let Some(number) = get::<Option<u32>>(row, row_type)?.filter(|number| *number != 0) {
                assembly.ids.insert((class::TYPE, number), id.clone());
            }
        }
        assembly.add(class::RELATION, oid, id, object);
    }
    Ok(())
}

fn table(assembly: &Assembly, row: &Row, oid: u32, kind: TableKind) -> Result<Object> {
    let key: Option<String> = get(row, "partition_key")?;
    Ok(Object::Table(Box::new(Table {
        kind,
        partitioning: key.map(|key| Partitioning { key }),
        partition_bound: get(row, "partition_bound")?,
        of_type: get(row, "of_type")?,
        unlogged: get(row, "unlogged")?,
        row_security: get(row, "row_security")?,
        force_row_security: get(row, "force_row_security")?,
        replica_identity: match get(row, "replica_identity")? {
            "d" => ReplicaIdentity::Default,
            "n" => ReplicaIdentity::Nothing,
            "f" => ReplicaIdentity::Full,
            // The index says itself that it is the one; until then its name is not known.
            "i" => ReplicaIdentity::Index(String::new()),
            other => return Err(unknown("replica identity", other)),
        },
        options: storage_options(row)?,
        access_method: get(row, "access_method")?,
        tablespace: get(row, "tablespace")?,
        server: get(row, "server")?,
        server_options: withheld(get(row, "server_options")?),
        owner: get(row, "owner")?,
        privileges: assembly.privileges(class::RELATION, oid),
        comment: assembly.comment(class::RELATION, oid),
        estimates: Some(estimates(row)?),
        ..Table::default()
    })))
}

fn view(assembly: &Assembly, row: &Row, oid: u32, materialized: bool) -> Result<Object> {
    Ok(Object::View(Box::new(View {
        definition: get::<Option<String>>(row, "definition")?.ok_or_else(vanished)?,
        populated: materialized.then(|| get(row, "populated")).transpose()?,
        options: storage_options(row)?,
        access_method: get(row, "access_method")?,
        tablespace: get(row, "tablespace")?,
        owner: get(row, "owner")?,
        privileges: assembly.privileges(class::RELATION, oid),
        comment: assembly.comment(class::RELATION, oid),
        estimates: if materialized { Some(estimates(row)?) } else { None },
        ..View::default()
    })))
}

fn composite(assembly: &Assembly, row: &Row) -> Result<Object> {
    let row_type: u32 = get(row, "row_type")?;
    Ok(Object::Type(Type {
        shape: TypeShape::Composite { columns: Vec::new() },
        create: None,
        owner: get(row, "owner")?,
        privileges: assembly.privileges(class::TYPE, row_type),
        comment: assembly.comment(class::TYPE, row_type),
    }))
}

/// A printing function answers NULL for an object that was dropped since our snapshot.
pub(super) fn vanished() -> Error {
    Error::conflict("an object was dropped while the catalog was read").hint("run the command again")
}

fn storage_options(row: &Row) -> Result<BTreeMap<String, String>> {
    let mut all = options(get(row, "options")?);
    let toast = options(get(row, "toast_options")?);
    all.extend(toast.into_iter().map(|(name, value)| (format!("toast.{name}"), value)));
    Ok(all)
}

/// The planner's figures; a negative row count means that nobody has counted yet.
pub(super) fn estimates(row: &Row) -> Result<Estimates> {
    let rows: f64 = get(row, "rows")?;
    Ok(Estimates { rows: (rows >= 0.0).then_some(rows), pages: Some(get(row, "pages")?) })
}

/// Gives every relation its columns. The rows come by relation and position.
pub(super) fn columns(assembly: &mut Assembly, rows: &[Row]) -> Result<()> {
    let mut rest = rows;
    while let Some(first) = rest.first() {
        let relation: u32 = get(first, "relation")?;
        let mut found = Vec::new();
        let mut names = BTreeMap::new();
        while let Some(row) = rest.first().filter(|row| get::<u32>(row, "relation").ok() == Some(relation)) {
            rest = &rest[1..];
            let number: i16 = get(row, "number")?;
            let name: String = get(row, "name")?;
            if name.starts_with("_cofferdam_") {
                continue;
            }
            names.insert(number, name.clone());
            found.push(column(assembly, row, relation, number, name)?);
        }
        match assembly.relation(relation) {
            Some((_, Object::Table(table))) => table.columns = found,
            Some((_, Object::View(view))) => view.columns = found,
            Some((_, Object::Type(composite))) => composite.shape = TypeShape::Composite { columns: found },
            Some(_) | None => continue,
        }
        assembly.columns.insert(relation, names);
    }
    Ok(())
}

fn column(assembly: &Assembly, row: &Row, relation: u32, number: i16, name: String) -> Result<Column> {
    let expression: Option<String> = get(row, "expression")?;
    let (default, generated) = match get(row, "generated")? {
        "" => (expression, None),
        "s" => (None, expression.map(|expression| Generated { stored: true, expression })),
        "v" => (None, expression.map(|expression| Generated { stored: false, expression })),
        other => return Err(unknown("kind of generated column", other)),
    };
    let identity = match get(row, "identity")? {
        "" => None,
        always_or_default => Some(Identity {
            always: always_or_default == "a",
            // The sequence tells the rest.
            sequence: QualifiedName::bare(""),
            range: SequenceRange::default(),
        }),
    };
    let mut set = options(get(row, "options")?);
    // The two options that ALTER TABLE accepts. Whatever else stands here the server wrote itself.
    set.retain(|name, _| matches!(name.as_str(), "n_distinct" | "n_distinct_inherited"));
    Ok(Column {
        name,
        type_: get(row, "type")?,
        not_null: get(row, "not_null")?,
        default,
        identity,
        generated,
        collation: get(row, "collation")?,
        storage: get::<Option<&str>>(row, "storage")?.map(storage).transpose()?,
        compression: get::<Option<&str>>(row, "compression")?.map(compression).transpose()?,
        statistics: get(row, "statistics")?,
        options: set,
        server_options: withheld(get(row, "server_options")?),
        inherited: get(row, "inherited")?,
        hidden: false,
        privileges: assembly.column_privileges(relation, number),
        comment: assembly.column_comment(relation, number),
    })
}

fn storage(letter: &str) -> Result<String> {
    let word = match letter {
        "p" => "plain",
        "e" => "external",
        "x" => "extended",
        "m" => "main",
        other => return Err(unknown("storage", other)),
    };
    Ok(word.to_owned())
}

fn compression(letter: &str) -> Result<String> {
    let word = match letter {
        "p" => "pglz",
        "l" => "lz4",
        other => return Err(unknown("compression", other)),
    };
    Ok(word.to_owned())
}

/// Links children to their parents, once all relations have names.
pub(super) fn parents(assembly: &mut Assembly, rows: &[Row]) -> Result<()> {
    for row in rows {
        let Some(parents) = get::<Option<Vec<u32>>>(row, "parents")? else { continue };
        let parents = parents
            .into_iter()
            .filter_map(|oid| Some(assembly.ids.get(&(class::RELATION, oid))?.name.clone()))
            .collect();
        if let Some((_, Object::Table(table))) = assembly.relation(get(row, "oid")?) {
            table.parents = parents;
        }
    }
    Ok(())
}

/// Adds sequences; an identity column's goes to its column.
pub(super) fn sequences(assembly: &mut Assembly, rows: &[Row]) -> Result<()> {
    for row in rows {
        let oid: u32 = get(row, "oid")?;
        let name = QualifiedName::new(get::<&str>(row, "schema")?, get::<&str>(row, "name")?);
        let range = SequenceRange {
            type_: get(row, "type")?,
            start: get(row, "start")?,
            min: get(row, "min")?,
            max: get(row, "max")?,
            increment: get(row, "increment")?,
            cache: get(row, "cache")?,
            cycle: get(row, "cycle")?,
        };
        let owner = owning_column(assembly, row)?;
        if get(row, "identity")? {
            // A column that was left out takes its sequence along.
            let Some((relation, number, id)) = owner else { continue };
            assembly.ids.insert((class::RELATION, oid), id);
            if let Some(identity) = assembly.column_of(relation, number).and_then(|c| c.identity.as_mut()) {
                identity.sequence = name;
                identity.range = range;
            }
            continue;
        }
        let sequence = Sequence {
            range,
            owned_by: owner.map(|(_, _, id)| id),
            unlogged: get(row, "unlogged")?,
            owner: get(row, "owner")?,
            privileges: assembly.privileges(class::RELATION, oid),
            comment: assembly.comment(class::RELATION, oid),
        };
        let id = ObjectId::new(ObjectKind::Sequence, name);
        assembly.add(class::RELATION, oid, id, Object::Sequence(sequence));
    }
    Ok(())
}

fn owning_column(assembly: &Assembly, row: &Row) -> Result<Option<(u32, i16, ObjectId)>> {
    let (relation, number): (Option<u32>, Option<i32>) = (get(row, "relation")?, get(row, "number")?);
    let (Some(relation), Some(number)) = (relation, number.and_then(|n| i16::try_from(n).ok())) else {
        return Ok(None);
    };
    let table = assembly.ids.get(&(class::RELATION, relation));
    let column = assembly.names(relation, &[number]).pop();
    Ok(table
        .zip(column)
        .map(|(table, column)| (relation, number, ObjectId::column(table.name.clone(), column))))
}
