//! Indexes: built concurrently, swapped only when the new one is valid.

use super::super::Step;
use super::super::text::{ident, insert_before, qualified, suffixed};
use super::{Scene, Written, constraint, each, reference};
use crate::catalog::id::{ObjectId, QualifiedName};
use crate::catalog::object::Object;
use crate::catalog::table::{Index, TableKind};

/// `create unique index concurrently "x" on "public"."notes" USING btree (a)`.
pub(super) fn create(on: &QualifiedName, kind: TableKind, name: &str, index: &Index, apart: bool) -> String {
    let unique = if index.unique { "unique " } else { "" };
    // Postgres builds no index of a partitioned table concurrently.
    let how = if apart && kind != TableKind::Partitioned { "concurrently " } else { "" };
    let only = if kind == TableKind::Partitioned { "only " } else { "" };
    let mut definition = index.definition.clone();
    if let Some(tablespace) = &index.tablespace {
        definition = insert_before(&definition, &[" WHERE ("], &format!(" tablespace {}", ident(tablespace)));
    }
    format!("create {unique}index {how}{} on {only}{} {definition}", ident(name), qualified(on))
}

fn kind_of(object: Option<&Object>) -> TableKind {
    match object {
        Some(Object::Table(table)) => table.kind,
        _ => TableKind::Ordinary,
    }
}

/// Adds a missing index to a relation that is there, or is being made (`apart` is false then).
pub(super) fn add(scene: &Scene<'_>, id: &ObjectId, apart: bool) -> Written {
    let (owner, index) = scene.index(id)?;
    let kind = kind_of(scene.expected.objects.get(owner));
    let mut steps = each([create(&owner.name, kind, &id.name.name, index, apart)]);
    if kind == TableKind::Partitioned {
        steps.extend(children(scene, id, owner)?);
    }
    steps.extend(each(finish(scene, id, index)));
    if let Some(parent) = &index.parent {
        let live = scene.live.index(parent.schema.as_deref(), &parent.name);
        if live.is_some() && scene.live_table(&owner.name).is_some() {
            steps.extend(each([attach(parent, &id.name)]));
        }
    }
    Ok(steps)
}

/// Builds the parts of a partitioned table's index one by one and puts them under it.
fn children(scene: &Scene<'_>, id: &ObjectId, owner: &ObjectId) -> Written {
    let mut steps = Vec::new();
    for child in scene.expected.children_of(&owner.name) {
        let Some(live) = scene.live_table(child) else { continue };
        let Some(table) = super::table_in(scene.expected, child) else { continue };
        let part = table.indexes.iter().find(|(_, index)| index.parent.as_ref() == Some(&id.name));
        let Some((name, index)) = part else { continue };
        let own = QualifiedName { schema: child.schema.clone(), name: name.clone() };
        let own_id = ObjectId::new(id.kind, own.clone());
        if !live.indexes.contains_key(name) && !scene.renamed.contains_key(&own_id) {
            steps.push(Step::Alone(create(child, table.kind, name, index, true)));
            if table.kind == TableKind::Partitioned {
                steps.extend(children(scene, &own_id, &ObjectId::table(child.clone()))?);
            }
            steps.extend(each(finish(scene, &own_id, index)));
        }
        steps.push(Step::Alone(attach(&id.name, &own)));
    }
    Ok(steps)
}

/// Puts an index under that of the parent table.
pub(super) fn attach(parent: &QualifiedName, child: &QualifiedName) -> String {
    format!("alter index {} attach partition {}", qualified(parent), qualified(child))
}

/// What is set on an index apart from its definition.
pub(super) fn finish(scene: &Scene<'_>, id: &ObjectId, index: &Index) -> Vec<String> {
    let name = qualified(&id.name);
    let mut all: Vec<String> = index
        .statistics
        .iter()
        .map(|(position, target)| {
            format!("alter index {name} alter column {position} set statistics {target}")
        })
        .collect();
    if let Some(text) = &index.comment {
        all.push(reference::comment(scene, id, Some(text)));
    }
    if index.clustered {
        let owner = scene.owner(id);
        let kind =
            if owner.kind == crate::catalog::ObjectKind::Table { "table" } else { "materialized view" };
        all.push(format!("alter {kind} {} cluster on {}", qualified(&owner.name), ident(&id.name.name)));
    }
    all
}

/// Builds the index under an interim name, then swaps; the old one serves until then.
pub(super) fn redefine(scene: &Scene<'_>, id: &ObjectId) -> Written {
    let (owner, index) = scene.index(id)?;
    let kind = kind_of(scene.expected.objects.get(owner));
    let name = qualified(&id.name);
    if kind == TableKind::Partitioned || index.parent.is_some() {
        let mut steps = each([format!("drop index {name}")]);
        steps.extend(add(scene, id, true)?);
        return Ok(steps);
    }
    let interim = suffixed(&id.name.name, "_mend");
    let interim_name = qualified(&QualifiedName { name: interim.clone(), ..id.name.clone() });
    let mut steps = each([
        create(&owner.name, kind, &interim, index, true),
        constraint::when_valid(
            &interim_name,
            &[
                format!("drop index {name}"),
                format!("alter index {interim_name} rename to {}", ident(&id.name.name)),
            ],
        ),
    ]);
    steps.extend(each(finish(scene, id, index)));
    Ok(steps)
}

/// Makes an index whole again.
pub(super) fn validity(scene: &Scene<'_>, id: &ObjectId) -> Written {
    let (owner, index) = scene.index(id)?;
    if !index.valid {
        return Err(
            "it is expected to lack the parts of some partitions: nothing takes a part away".to_owned()
        );
    }
    if kind_of(scene.expected.objects.get(owner)) == TableKind::Partitioned {
        return children(scene, id, owner);
    }
    Ok(each([format!("reindex index concurrently {}", qualified(&id.name))]))
}

/// Drops an extra index.
pub(super) fn drop(scene: &Scene<'_>, id: &ObjectId) -> String {
    let owner = scene.live_owner.get(id);
    let partitioned =
        kind_of(owner.and_then(|owner| scene.live.objects.get(owner))) == TableKind::Partitioned;
    let how = if partitioned { "" } else { "concurrently " };
    format!("drop index {how}{}", qualified(&id.name))
}
