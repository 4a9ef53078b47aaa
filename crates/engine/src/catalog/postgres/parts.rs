//! What belongs to a table: constraints, indexes, triggers, rules, policies.

use std::collections::BTreeMap;

use cofferdam_analysis::Result;
use cofferdam_analysis::catalog::{
    Action, Constraint, ConstraintKind, Enabled, Index, IndexKey, Object, ObjectId, ObjectKind, Policy,
    QualifiedName, Reference, ReplicaIdentity, Rule, Trigger,
};
use tokio_postgres::Row;

use super::assemble::{Assembly, class, unknown};
use super::get;
use super::relations::{estimates, vanished};

/// Adds constraints of tables and domains.
pub(super) fn constraints(assembly: &mut Assembly, rows: &[Row]) -> Result<()> {
    for row in rows {
        let (relation, domain): (u32, u32) = (get(row, "relation")?, get(row, "domain")?);
        let at = if domain == 0 { (class::RELATION, relation) } else { (class::TYPE, domain) };
        let Some(owner) = assembly.ids.get(&at).cloned() else { continue };
        let name: String = get(row, "name")?;
        let constraint = constraint(assembly, row, relation)?;
        let id = ObjectId::part(ObjectKind::Constraint, owner.name.clone(), &name);
        assembly.ids.insert((class::CONSTRAINT, get(row, "oid")?), id);
        match assembly.catalog.objects.get_mut(&owner) {
            Some(Object::Table(table)) => table.constraints.insert(name, constraint),
            Some(Object::Domain(domain)) => domain.constraints.insert(name, constraint),
            Some(_) | None => None,
        };
    }
    Ok(())
}

fn constraint(assembly: &Assembly, row: &Row, relation: u32) -> Result<Constraint> {
    let kind = match get(row, "kind")? {
        "p" => ConstraintKind::PrimaryKey,
        "u" => ConstraintKind::Unique,
        "c" => ConstraintKind::Check,
        "f" => ConstraintKind::ForeignKey,
        "x" => ConstraintKind::Exclusion,
        "n" => ConstraintKind::NotNull,
        other => return Err(unknown("kind of constraint", other)),
    };
    let definition: String = get::<Option<String>>(row, "definition")?.ok_or_else(vanished)?;
    let key = get::<Option<Vec<i16>>>(row, "key")?.unwrap_or_default();
    Ok(Constraint {
        kind,
        definition: definition.strip_suffix(" NOT VALID").map_or(definition.clone(), str::to_owned),
        columns: assembly.names(relation, &key),
        references: reference(assembly, row)?,
        deferrable: get(row, "deferrable")?,
        initially_deferred: get(row, "initially_deferred")?,
        validated: get(row, "validated")?,
        switched_off: get(row, "switched_off")?,
        inherited: get(row, "inherited")?,
        comment: assembly.comment(class::CONSTRAINT, get(row, "oid")?),
    })
}

fn reference(assembly: &Assembly, row: &Row) -> Result<Option<Reference>> {
    let target: u32 = get(row, "target")?;
    let Some(table) = assembly.ids.get(&(class::RELATION, target)) else { return Ok(None) };
    let key = get::<Option<Vec<i16>>>(row, "target_key")?.unwrap_or_default();
    Ok(Some(Reference {
        table: table.name.clone(),
        columns: assembly.names(target, &key),
        on_update: action(get(row, "on_update")?)?,
        on_delete: action(get(row, "on_delete")?)?,
    }))
}

fn action(letter: &str) -> Result<Action> {
    match letter {
        "a" => Ok(Action::NoAction),
        "r" => Ok(Action::Restrict),
        "c" => Ok(Action::Cascade),
        "n" => Ok(Action::SetNull),
        "d" => Ok(Action::SetDefault),
        other => Err(unknown("foreign-key action", other)),
    }
}

/// Adds indexes of tables and materialized views.
pub(super) fn indexes(assembly: &mut Assembly, rows: &[Row]) -> Result<()> {
    for row in rows {
        let (oid, relation): (u32, u32) = (get(row, "oid")?, get(row, "relation")?);
        let Some(owner) = assembly.ids.get(&(class::RELATION, relation)) else { continue };
        let name: String = get(row, "name")?;
        let own = QualifiedName { schema: owner.name.schema.clone(), name: name.clone() };
        let index = index(assembly, row, oid, relation)?;
        assembly.ids.insert((class::RELATION, oid), ObjectId::new(ObjectKind::Index, own));
        let identity: bool = get(row, "replica_identity")?;
        match assembly.relation(relation) {
            Some((_, Object::Table(table))) => {
                if identity && matches!(table.replica_identity, ReplicaIdentity::Index(_)) {
                    table.replica_identity = ReplicaIdentity::Index(name.clone());
                }
                table.indexes.insert(name, index);
            }
            Some((_, Object::View(view))) => {
                view.indexes.insert(name, index);
            }
            Some(_) | None => {}
        }
    }
    Ok(())
}

fn index(assembly: &Assembly, row: &Row, oid: u32, relation: u32) -> Result<Index> {
    let definition: String = get::<Option<String>>(row, "definition")?.ok_or_else(vanished)?;
    let prefix: String = get(row, "prefix")?;
    let (mut keys, mut include) = (Vec::new(), Vec::new());
    let expressions = get::<Option<Vec<String>>>(row, "expressions")?.unwrap_or_default();
    let directions: Vec<i16> = get(row, "directions")?;
    let key_count = usize::try_from(get::<i32>(row, "keys")?).unwrap_or(0);
    for (at, number) in get::<Vec<i16>>(row, "columns")?.into_iter().enumerate() {
        let column = assembly.names(relation, &[number]).pop();
        if at >= key_count {
            include.extend(column);
            continue;
        }
        let expression = if column.is_none() { expressions.get(at).cloned() } else { None };
        // Bit 0 of indoption is INDOPTION_DESC.
        let descending = directions.get(at).is_some_and(|bits| bits & 1 == 1);
        keys.push(IndexKey { column, expression, descending });
    }
    let positions = get::<Option<Vec<i32>>>(row, "statistics_on")?.unwrap_or_default();
    let targets = get::<Option<Vec<i32>>>(row, "statistics")?.unwrap_or_default();
    let parent: Option<String> = get(row, "parent_name")?;
    Ok(Index {
        method: get(row, "method")?,
        unique: get(row, "unique")?,
        keys,
        include,
        predicate: get(row, "predicate")?,
        definition: definition.strip_prefix(&prefix).map_or(definition.clone(), str::to_owned),
        valid: get(row, "valid")?,
        constraint: get(row, "constraint_name")?,
        parent: parent
            .map(|name| {
                Ok::<_, cofferdam_analysis::Error>(QualifiedName::new(
                    get::<String>(row, "parent_schema")?,
                    name,
                ))
            })
            .transpose()?,
        clustered: get(row, "clustered")?,
        tablespace: get(row, "tablespace")?,
        statistics: positions.into_iter().zip(targets).collect::<BTreeMap<_, _>>(),
        create: None,
        comment: assembly.comment(class::RELATION, oid),
        estimates: Some(estimates(row)?),
    })
}

/// Adds triggers of tables and views.
pub(super) fn triggers(assembly: &mut Assembly, rows: &[Row]) -> Result<()> {
    for row in rows {
        let (oid, name): (u32, String) = (get(row, "oid")?, get(row, "name")?);
        let trigger = Trigger {
            definition: get::<Option<String>>(row, "definition")?.ok_or_else(vanished)?,
            enabled: enabled(get(row, "enabled")?)?,
            inherited: get(row, "inherited")?,
            create: None,
            comment: assembly.comment(class::TRIGGER, oid),
        };
        let Some((owner, object)) = assembly.relation(get(row, "relation")?) else { continue };
        let id = ObjectId::part(ObjectKind::Trigger, owner.clone(), &name);
        match object {
            Object::Table(table) => table.triggers.insert(name, trigger),
            Object::View(view) => view.triggers.insert(name, trigger),
            _ => None,
        };
        assembly.ids.insert((class::TRIGGER, oid), id);
    }
    Ok(())
}

/// Adds rewrite rules.
pub(super) fn rules(assembly: &mut Assembly, rows: &[Row]) -> Result<()> {
    for row in rows {
        let (oid, name): (u32, String) = (get(row, "oid")?, get(row, "name")?);
        let rule = Rule {
            definition: get::<Option<String>>(row, "definition")?.ok_or_else(vanished)?,
            enabled: enabled(get(row, "enabled")?)?,
            comment: assembly.comment(class::RULE, oid),
        };
        let Some((owner, object)) = assembly.relation(get(row, "relation")?) else { continue };
        let id = ObjectId::part(ObjectKind::Rule, owner.clone(), &name);
        match object {
            Object::Table(table) => table.rules.insert(name, rule),
            Object::View(view) => view.rules.insert(name, rule),
            _ => None,
        };
        assembly.ids.insert((class::RULE, oid), id);
    }
    Ok(())
}

/// When a trigger, rule or event trigger fires.
pub(super) fn enabled(letter: &str) -> Result<Enabled> {
    match letter {
        "O" => Ok(Enabled::Origin),
        "D" => Ok(Enabled::Disabled),
        "R" => Ok(Enabled::Replica),
        "A" => Ok(Enabled::Always),
        other => Err(unknown("trigger state", other)),
    }
}

/// Adds row-level security policies.
pub(super) fn policies(assembly: &mut Assembly, rows: &[Row]) -> Result<()> {
    for row in rows {
        let (oid, name): (u32, String) = (get(row, "oid")?, get(row, "name")?);
        let mut roles: Vec<String> = get(row, "roles")?;
        roles.sort();
        let policy = Policy {
            command: get(row, "command")?,
            permissive: get(row, "permissive")?,
            roles,
            using: get(row, "using")?,
            check: get(row, "check")?,
            comment: assembly.comment(class::POLICY, oid),
        };
        let Some((owner, object)) = assembly.relation(get(row, "relation")?) else { continue };
        let id = ObjectId::part(ObjectKind::Policy, owner.clone(), &name);
        if let Object::Table(table) = object {
            table.policies.insert(name, policy);
        }
        assembly.ids.insert((class::POLICY, oid), id);
    }
    Ok(())
}
