//! Whole tables, and what ties a table to a parent.

use super::super::Step;
use super::super::order::{Action, Stage};
use super::super::text::{ident, qualified, settings};
use super::{
    Scene, Written, column, constraint, create, each, index, own_name, privileges, reference, several,
    table_in,
};
use crate::catalog::id::{ObjectId, ObjectKind, QualifiedName};
use crate::catalog::table::{Column, ConstraintKind, Enabled, ReplicaIdentity, Table, TableKind};
use crate::catalog::{Difference, DifferenceKind, Object};

/// The actions for a missing table: itself, then its indexes, keys, triggers, rules and policies.
pub(super) fn make(scene: &Scene<'_>, id: &ObjectId) -> Written<Vec<Action>> {
    let table = scene.table(&id.name)?;
    let inline = |name: &str| inline(scene, table, name);
    let mut made = vec![id.clone()];
    made.extend(table.columns.iter().map(|c| ObjectId::column(id.name.clone(), &c.name)));
    let part = |kind, name: &String| ObjectId::part(kind, id.name.clone(), name);
    for name in table.constraints.keys().filter(|name| inline(name)) {
        made.push(part(ObjectKind::Constraint, name));
        let indexes = table.indexes.iter().filter(|(_, i)| i.constraint.as_ref() == Some(name));
        made.extend(indexes.map(|(index, _)| at(id, index)));
    }
    let mut actions = vec![Action::new(Stage::Make, id.clone(), statements(scene, id, table)?).makes(made)];
    for (name, found) in table.constraints.iter().filter(|(name, _)| !inline(name)) {
        if found.inherited || (found.kind == ConstraintKind::NotNull && found.validated) {
            continue;
        }
        let own = part(ObjectKind::Constraint, name);
        let late =
            if found.validated || found.definition.ends_with(" NOT ENFORCED") { "" } else { " not valid" };
        let alter = column::alter(scene, &id.name);
        let mut all = vec![format!("{alter} add {}{late}", constraint::line(Some(table), name, found))];
        all.extend(constraint::finish(scene, &own, found));
        let stage = if found.kind == ConstraintKind::ForeignKey { Stage::ForeignKey } else { Stage::Make };
        actions.push(Action::new(stage, own.clone(), each(all)).makes([own]));
    }
    let mut indexes = vec![id.clone()];
    for (name, found) in table.indexes.iter().filter(|(_, i)| i.constraint.is_none()) {
        let own = at(id, name);
        let mut all = vec![index::create(&id.name, table.kind, name, found, false)];
        all.extend(index::finish(scene, &own, found));
        indexes.push(own.clone());
        // Attaching would build the parts that it is expected to lack.
        let stage = if found.valid { Stage::Make } else { Stage::Link };
        actions.push(Action::new(stage, own.clone(), each(all)).makes([own]));
    }
    for (name, _) in table.triggers.iter().filter(|(_, trigger)| !trigger.inherited) {
        let own = part(ObjectKind::Trigger, name);
        actions.push(Action::new(Stage::Make, own.clone(), each(create::trigger(scene, &own)?)).makes([own]));
    }
    for name in table.rules.keys() {
        let own = part(ObjectKind::Rule, name);
        actions.push(Action::new(Stage::Make, own.clone(), each(create::rule(scene, &own)?)).makes([own]));
    }
    for name in table.policies.keys() {
        let own = part(ObjectKind::Policy, name);
        actions.push(Action::new(Stage::Make, own.clone(), each(create::policy(scene, &own)?)).makes([own]));
    }
    if let (Some(bound), Some(parent)) = (&table.partition_bound, table.parents.first()) {
        let mut statements = vec![attach(parent, &id.name, bound)];
        statements.extend(cloned_triggers(id, table));
        let attach = Action::new(Stage::Attach, id.clone(), each(statements));
        let mut needs = indexes.clone();
        needs.push(ObjectId::table(parent.clone()));
        needs.extend(table_in(scene.expected, parent).into_iter().flat_map(|p| {
            p.indexes
                .iter()
                .filter(|(_, index)| index.valid)
                .map(|(name, _)| at(&ObjectId::table(parent.clone()), name))
        }));
        actions.push(attach.needs(needs).makes([id.clone()]));
    }
    if let Some(identity) = replica_identity(&id.name, &table.replica_identity) {
        actions
            .push(Action::new(Stage::Link, id.clone(), each([identity])).makes([id.clone()]).needs(indexes));
    }
    Ok(actions)
}

fn at(table: &ObjectId, index: &str) -> ObjectId {
    let name = QualifiedName { schema: table.name.schema.clone(), name: index.to_owned() };
    ObjectId::new(ObjectKind::Index, name)
}

/// Whether a constraint stands in `CREATE TABLE`.
fn inline(scene: &Scene<'_>, table: &Table, name: &str) -> bool {
    let Some(found) = table.constraints.get(name) else { return false };
    let named_not_null = scene.live.server_version >= 180_000;
    match found.kind {
        ConstraintKind::ForeignKey => false,
        ConstraintKind::NotNull => named_not_null && found.validated && !inherited(table, found.inherited),
        ConstraintKind::Check => found.validated && !inherited(table, found.inherited),
        ConstraintKind::PrimaryKey | ConstraintKind::Unique | ConstraintKind::Exclusion => true,
    }
}

/// A partition is made as a table of its own and attached, so it declares everything.
fn inherited(table: &Table, flag: bool) -> bool {
    flag && table.partition_bound.is_none()
}

fn statements(scene: &Scene<'_>, id: &ObjectId, table: &Table) -> Written {
    let name = &id.name;
    let mut lines = Vec::new();
    for found in table.columns.iter().filter(|c| !inherited(table, c.inherited)) {
        match (&table.of_type, column_options(found)) {
            (Some(_), Some(options)) => lines.push(format!("{} with options{options}", ident(&found.name))),
            (Some(_), None) => {}
            (None, _) => lines.push(column::line(scene, Some((name, table)), found)?),
        }
    }
    for (own, found) in table.constraints.iter().filter(|(own, _)| inline(scene, table, own)) {
        lines.push(constraint::line(Some(table), own, found));
    }
    let mut all = vec![head(scene, name, table, &lines)?];
    for found in &table.columns {
        let own = ObjectId::column(name.clone(), &found.name);
        all.extend(column::finish(scene, &own, found));
        if inherited(table, found.inherited) {
            all.extend(own_default(scene, &own, table, found));
        }
    }
    for (own, found) in table.constraints.iter().filter(|(own, _)| inline(scene, table, own)) {
        all.extend(constraint::finish(
            scene,
            &ObjectId::part(ObjectKind::Constraint, name.clone(), own),
            found,
        ));
    }
    for (on, what) in [(table.row_security, "enable"), (table.force_row_security, "force")] {
        if on {
            all.push(format!("alter table {} {what} row level security", qualified(name)));
        }
    }
    if let Some(text) = &table.comment {
        all.push(reference::comment(scene, id, Some(text)));
    }
    all.extend(privileges::fresh(scene, id, table.privileges.as_ref()));
    Ok(each(all))
}

fn head(scene: &Scene<'_>, name: &QualifiedName, table: &Table, lines: &[String]) -> Written<String> {
    let kind = match (table.kind, table.unlogged) {
        (TableKind::Foreign, _) => "foreign table",
        (_, true) => "unlogged table",
        (_, false) => "table",
    };
    let mut text = format!("create {kind} {}", qualified(name));
    match &table.of_type {
        Some(type_) => {
            text += &format!(" of {type_}");
            if !lines.is_empty() {
                text += &format!(" (\n  {}\n)", lines.join(",\n  "));
            }
        }
        None if lines.is_empty() => text += " ()",
        None => text += &format!(" (\n  {}\n)", lines.join(",\n  ")),
    }
    if table.partition_bound.is_none() && !table.parents.is_empty() {
        let parents: Vec<String> = table.parents.iter().map(qualified).collect();
        text += &format!(" inherits ({})", parents.join(", "));
    }
    if let Some(partitioning) = &table.partitioning {
        text += &format!(" partition by {}", partitioning.key);
    }
    if let Some(method) = &table.access_method {
        text += &format!(" using {}", ident(method));
    }
    if let Some(server) = &table.server {
        let there = ObjectId::new(ObjectKind::Server, QualifiedName::bare(server));
        if let (None, Some(Object::Server(found))) =
            (scene.live.objects.get(&there), scene.expected.objects.get(&there))
        {
            several::create_server(found)
                .map_err(|_| format!("its server {server} has to be there first"))?;
        }
        text += &format!(" server {}", ident(server));
        if !table.server_options.is_empty() {
            text += &format!(" options ({})", column::server_options(&table.server_options)?);
        }
    }
    if !table.options.is_empty() {
        text += &format!(" with ({})", settings(&table.options));
    }
    if let Some(tablespace) = &table.tablespace {
        text += &format!(" tablespace {}", ident(tablespace));
    }
    Ok(text)
}

/// What a typed table says of a column.
fn column_options(column: &Column) -> Option<String> {
    let mut text = String::new();
    if let Some(default) = &column.default {
        text += &format!(" default {default}");
    }
    if column.not_null {
        text += " not null";
    }
    (!text.is_empty()).then_some(text)
}

/// An inherited column may have another default than its parent's.
fn own_default(scene: &Scene<'_>, id: &ObjectId, table: &Table, found: &Column) -> Option<String> {
    let parent = table.parents.iter().find_map(|p| table_in(scene.expected, p)?.column(&found.name));
    if parent.is_some_and(|p| p.default == found.default) {
        return None;
    }
    let alter = format!("{} alter column {}", column::alter(scene, &id.name), ident(&found.name));
    Some(match &found.default {
        Some(default) => format!("{alter} set default {default}"),
        None => format!("{alter} drop default"),
    })
}

fn attach(parent: &QualifiedName, child: &QualifiedName, bound: &str) -> String {
    format!("alter table {} attach partition {} {bound}", qualified(parent), qualified(child))
}

/// Triggers that come with the parent fire as they do on their table.
fn cloned_triggers(id: &ObjectId, table: &Table) -> Vec<String> {
    let own = table.triggers.iter().filter(|(_, t)| t.inherited && t.enabled != Enabled::Origin);
    own.map(|(name, trigger)| {
        let own = ObjectId::part(ObjectKind::Trigger, id.name.clone(), name);
        create::fires(&own, "trigger", trigger.enabled)
    })
    .collect()
}

/// `alter table .. replica identity ..`; nothing for the default.
fn replica_identity(name: &QualifiedName, identity: &ReplicaIdentity) -> Option<String> {
    (*identity != ReplicaIdentity::Default).then(|| set_replica_identity(name, identity))
}

/// `alter table .. replica identity ..`.
pub(super) fn set_replica_identity(name: &QualifiedName, identity: &ReplicaIdentity) -> String {
    let what = match identity {
        ReplicaIdentity::Default => "default".to_owned(),
        ReplicaIdentity::Nothing => "nothing".to_owned(),
        ReplicaIdentity::Full => "full".to_owned(),
        ReplicaIdentity::Index(index) => format!("using index {}", ident(index)),
    };
    format!("alter table {} replica identity {what}", qualified(name))
}

/// Ties a table to its expected parents.
pub(super) fn parents(scene: &Scene<'_>, id: &ObjectId) -> Written<Action> {
    let (should, is) =
        (scene.table(&id.name)?, scene.live_table(&id.name).ok_or_else(|| super::gone(&id.name))?);
    let alter = column::alter(scene, &id.name);
    let mut steps = Vec::new();
    let moved = should.parents != is.parents || should.partition_bound != is.partition_bound;
    if is.partition_bound.is_some() && moved {
        let from = is.parents.iter().map(qualified);
        steps.extend(from.map(|p| format!("alter table {p} detach partition {}", qualified(&id.name))));
    }
    if let (Some(bound), Some(parent), true) = (&should.partition_bound, should.parents.first(), moved) {
        steps.push(attach(parent, &id.name, bound));
        steps.extend(cloned_triggers(id, should));
    }
    if should.partition_bound.is_none() && is.partition_bound.is_none() {
        let gone = is.parents.iter().filter(|p| !should.parents.contains(p));
        steps.extend(gone.map(|p| format!("{alter} no inherit {}", qualified(p))));
        let new = should.parents.iter().filter(|p| !is.parents.contains(p));
        steps.extend(new.map(|p| format!("{alter} inherit {}", qualified(p))));
        if steps.is_empty() {
            return Err("the order of its parents is decided when it is made: make it again".to_owned());
        }
    }
    let steps = if steps.len() > 1 { vec![Step::Together(steps)] } else { each(steps) };
    let needs = should.parents.iter().cloned().map(ObjectId::table);
    Ok(Action::new(Stage::Attach, id.clone(), steps).makes([id.clone()]).needs(needs).frees([id.clone()]))
}

/// Whether a difference of this part goes when its table is attached to its parent.
pub(super) fn comes_with_attach(
    scene: &Scene<'_>,
    differences: &[Difference],
    id: &ObjectId,
) -> Option<String> {
    let owner = scene.owner(id);
    let moves = differences.iter().any(|d| {
        d.object == *owner
            && matches!(&d.kind, DifferenceKind::Different { property } if property == "partition_bound")
    });
    let table = table_in(scene.expected, &owner.name).filter(|_| moves)?;
    let inherited = match id.kind {
        ObjectKind::Trigger => table.triggers.get(own_name(id)).is_some_and(|t| t.inherited),
        ObjectKind::Constraint => table.constraints.get(own_name(id)).is_some_and(|c| c.inherited),
        ObjectKind::Index => table.indexes.get(&id.name.name).is_some_and(|i| i.parent.is_some()),
        _ => false,
    };
    inherited.then(|| format!("mended together with {owner}"))
}

/// Whether an extra foreign key is its parent's, once the table is attached: then it is not its own any more.
pub(super) fn goes_with_attach(
    scene: &Scene<'_>,
    differences: &[Difference],
    id: &ObjectId,
) -> Option<String> {
    let owner = scene.live_owner.get(id).filter(|_| id.kind == ObjectKind::Constraint)?;
    let moves = differences.iter().any(|d| {
        d.object == *owner
            && matches!(&d.kind, DifferenceKind::Different { property } if property == "partition_bound")
    });
    let found = scene.live_table(&owner.name).filter(|_| moves)?.constraints.get(own_name(id))?;
    let parent = table_in(scene.expected, scene.table(&owner.name).ok()?.parents.first()?)?;
    let same = |other: &crate::catalog::Constraint| {
        found.kind == ConstraintKind::ForeignKey && other.definition == found.definition
    };
    parent.constraints.values().any(same).then(|| format!("mended together with {owner}"))
}

/// Whether a typed table's column differs only because its type's attribute does.
pub(super) fn comes_with_type(
    scene: &Scene<'_>,
    differences: &[Difference],
    difference: &Difference,
) -> Option<String> {
    let id = &difference.object;
    let table = scene.live_table(&id.name).filter(|_| id.kind == ObjectKind::Column)?;
    let type_ = table.of_type.as_deref()?;
    differences
        .iter()
        .find(|d| {
            let attribute = d.object.kind == ObjectKind::Column && d.object.part == id.part;
            attribute && d.kind == difference.kind && d.object.name.to_string() == type_
        })
        .map(|d| format!("mended together with {}", d.object))
}
